/* SPDX-License-Identifier: Apache-2.0 */
/* Other slots in the text of a config. */
#include "config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cfgfile.h"
#include "cfgtext.h"
#include "scope.h"
#include "text.h"

enum { INDENT_MAX = 16 };

/* Where the list stands or has to be inserted. */
struct place {
	size_t at, end;        /* the old value with its brackets, or twice the same place */
	size_t terminate_at;   /* a ';' is missing there; 0: none */
	bool insert, own_line; /* own_line: at is the start of the line of the closing bracket */
	char indent[INDENT_MAX + 1]; /* of the setting */
};

static void take_indent(const char *text, size_t at, struct place *place)
{
	size_t line_at = 0;
	if (!cfgtext_stands_first(text, at, &line_at) || at - line_at > INDENT_MAX)
		return;
	memcpy(place->indent, text + line_at, at - line_at);
	place->indent[at - line_at] = 0;
}

/* The name of the setting whose value begins at. */
static size_t name_before(const char *text, size_t at)
{
	while (at > 0 && strchr(" \t\r\n=:", text[at - 1]))
		at--;
	while (at > 0 && (isalnum((unsigned char)text[at - 1]) || text[at - 1] == '_'))
		at--;
	return at;
}

static bool find_list(const char *text, size_t len, struct place *ret)
{
	struct cfgtext scanner = { .text = text, .len = len };
	if (!cfgtext_enter(&scanner, "station", "{") || !cfgtext_enter(&scanner, "slots", "("))
		return false;
	ret->at = scanner.at - 1;
	cfgtext_skip_bracket(&scanner);
	ret->end = scanner.at;
	take_indent(text, name_before(text, ret->at), ret);
	return true;
}

/* Before the bracket that ends the station's group. */
static bool find_end(const char *text, size_t len, struct place *ret)
{
	struct cfgtext scanner = { .text = text, .len = len };
	if (!cfgtext_enter(&scanner, "station", "{"))
		return false;
	struct cfgtext_token token = { CFGTEXT_SIGN, scanner.at - 1, scanner.at }, last = token;
	for (unsigned depth = 1; depth;) {
		last = token;
		token = cfgtext_next(&scanner);
		if (token.kind == CFGTEXT_END)
			return false;
		depth += cfgtext_is_one_of(&scanner, token, "{[(");
		depth -= cfgtext_is_one_of(&scanner, token, "}])");
	}
	ret->insert = true;
	if (!cfgtext_is_one_of(&scanner, last, "{;,"))
		ret->terminate_at = last.end;
	ret->own_line = cfgtext_stands_first(text, token.at, &ret->at);
	if (!ret->own_line)
		ret->at = token.at;
	ret->end = ret->at;
	memcpy(ret->indent, "\t", 2);
	return true;
}

/* The comments between two tokens, each on a line of its own. */
static void add_comments(
	struct text_buf *buf, const char *text, size_t at, size_t end, const char *indent)
{
	while (at < end) {
		if (isspace((unsigned char)text[at])) {
			at++;
			continue;
		}
		bool block = text[at] == '/' && text[at + 1] == '*';
		const char *close = block ? strstr(text + at + 2, "*/") : strchr(text + at, '\n');
		size_t stop = !close ? end : (size_t)(close - text) + (block ? 2 : 0);
		size_t len = stop - at;
		while (len && text[at + len - 1] == '\r')
			len--;
		text_buf_addf(buf, "%s\t", indent);
		text_buf_add(buf, text + at, len);
		text_buf_add(buf, "\n", 1);
		at = stop;
	}
}

static void add_old_comments(
	struct text_buf *buf, const char *text, const struct place *place, const char *indent)
{
	struct cfgtext scanner = { .text = text, .len = place->end, .at = place->at };
	for (size_t before = place->at;;) {
		struct cfgtext_token token = cfgtext_next(&scanner);
		add_comments(buf, text, before, token.at, indent);
		if (token.kind == CFGTEXT_END)
			return;
		before = token.end;
	}
}

/* What the config says of its power stays with a slot that keeps its place. */
static bool cycles_power(const struct config *old, const struct config_slot *slot)
{
	for (size_t i = 0; i < old->slot_count; i++)
		if (strcmp(old->slots[i].port, slot->port) == 0 &&
			strcmp(old->slots[i].controller, slot->controller) == 0)
			return old->slots[i].power_cycle;
	return old->power_cycle;
}

static void add_slots(struct text_buf *buf, const char *text, const struct place *place,
	const struct config *old, const struct config_slot *slots, size_t count)
{
	text_buf_addf(buf, "(\n");
	for (size_t i = 0; i < count; i++) {
		text_buf_addf(buf, "%s\t{ name = \"%s\"; port = \"%s\";", place->indent,
			slots[i].name, slots[i].port);
		if (slots[i].controller[0])
			text_buf_addf(buf, " controller = \"%s\";", slots[i].controller);
		if (cycles_power(old, &slots[i]) != old->power_cycle)
			text_buf_addf(
				buf, " power_cycle = %s;", old->power_cycle ? "false" : "true");
		text_buf_addf(buf, " }%s\n", i + 1 < count ? "," : "");
	}
	add_old_comments(buf, text, place, place->indent);
	text_buf_addf(buf, "%s)", place->indent);
}

static void edit(struct text_buf *buf, const char *text, size_t len, const struct place *place,
	const struct config *old, const struct config_slot *slots, size_t count)
{
	size_t from = 0;
	if (place->terminate_at) {
		text_buf_add(buf, text, place->terminate_at);
		text_buf_add(buf, ";", 1);
		from = place->terminate_at;
	}
	text_buf_add(buf, text + from, place->at - from);
	if (place->insert)
		text_buf_addf(buf, "%s%sslots = ", place->own_line ? "" : "\n", place->indent);
	add_slots(buf, text, place, old, slots, count);
	if (place->insert)
		text_buf_add(buf, ";\n", 2);
	text_buf_add(buf, text + place->end, len - place->end);
}

static bool same_slots(const struct config *old, const struct config *now,
	const struct config_slot *slots, size_t count)
{
	bool same = now->slot_count == count;
	for (size_t i = 0; same && i < count; i++)
		same = strcmp(now->slots[i].name, slots[i].name) == 0 &&
		       strcmp(now->slots[i].port, slots[i].port) == 0 &&
		       strcmp(now->slots[i].controller, slots[i].controller) == 0 &&
		       now->slots[i].power_cycle == cycles_power(old, &slots[i]);
	return same;
}

/* The proof that the edit did what it should. now is for the result. */
static bool check(const char *path, const struct config *old, struct config *now,
	const struct text_buf *after, const struct config_slot *slots, size_t count,
	struct err *err)
{
	if (!config_parse(path, after->text, after->len, now, err))
		return err_at(err, "with its new slots");
	bool good = same_slots(old, now, slots, count);
	memcpy(now->slots, old->slots, sizeof now->slots);
	now->slot_count = old->slot_count;
	memcpy(now->sha256, old->sha256, sizeof now->sha256);
	return (good && memcmp(old, now, sizeof *old) == 0) ||
	       err_set(err, REASON_INPUT,
		       "%s: the slots do not fit into its text; write them by hand", path);
}

bool config_with_slots(const char *path, const char *text, size_t len,
	const struct config_slot *slots, size_t count, char **ret, size_t *ret_len, struct err *err)
{
	struct place place = { 0 };
	struct text_buf buf;
	SCOPED_FREE struct config *configs = calloc(2, sizeof *configs);
	if (!configs)
		return err_set(err, REASON_STATION, "no memory for the config");
	struct config *old = &configs[0];
	if (!find_list(text, len, &place) && !find_end(text, len, &place))
		return err_set(err, REASON_INPUT, "%s: there is no group \"station\"", path);
	if (!config_parse(path, text, len, old, err))
		return false;
	text_buf_init(&buf, CFG_FILE_MAX);
	edit(&buf, text, len, &place, old, slots, count);
	bool good = !buf.failed || err_set(err, REASON_INPUT, "%s: would become too long", path);
	if (!good || !check(path, old, &configs[1], &buf, slots, count, err)) {
		text_buf_done(&buf);
		return false;
	}
	*ret = buf.text;
	*ret_len = buf.len;
	return true;
}
