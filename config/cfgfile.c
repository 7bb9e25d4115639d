/* SPDX-License-Identifier: Apache-2.0 */
/* Files, their errors and the keys that nobody asked for. The typed reads stand in cfgread.c. */
#include "cfgfile_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cfgscan.h"
#include "fs.h"
#include "scope.h"
#include "text.h"

enum { PATH_TEXT_MAX = 256 };

/* The keys that were asked for in one group; hangs on libconfig's hook of the group. */
struct asked_key {
	struct asked_key *next;
	char key[];
};

struct asked {
	struct asked_key *first, **last;
};

static void asked_free(void *hook)
{
	struct asked *asked = hook;
	for (struct asked_key *key = asked->first, *next; key; key = next) {
		next = key->next;
		free(key);
	}
	free(asked);
}

static void cfgfile_fail_plainly(struct cfgfile *file, enum reason reason, const char *text)
{
	if (file->failed)
		return;
	file->failed = true;
	err_set(&file->first, reason, "%s", text);
}

/* "job.images[1].file" */
static void path_add(struct text_buf *buf, const config_setting_t *setting)
{
	if (config_setting_is_root(setting))
		return;
	const config_setting_t *parent = config_setting_parent(setting);
	path_add(buf, parent);
	if (setting->name)
		text_buf_addf(
			buf, "%s%s", config_setting_is_root(parent) ? "" : ".", setting->name);
	else
		text_buf_addf(buf, "[%d]", config_setting_index(setting));
}

/* setting is what is wrong, or the group that lacks key; either may be NULL. */
PRINTF_LIKE(4, 0)
static void fail_v(struct cfgfile *file, const config_setting_t *setting, const char *key,
	const char *format, va_list args)
{
	if (file->failed)
		return;
	char message[CFG_MESSAGE_MAX], text[ERR_TEXT_MAX];
	vsnprintf(message, sizeof message, format, args);
	struct text_buf path;
	text_buf_init(&path, PATH_TEXT_MAX);
	if (setting)
		path_add(&path, setting);
	if (key)
		text_buf_addf(&path, "%s%s", path.len ? "." : "", key);
	snprintf(text, sizeof text, "%s:%u: %s: %s", file->path, setting ? setting->line : 1,
		path.text ? path.text : "", message);
	text_buf_done(&path);
	cfgfile_fail_plainly(file, REASON_INPUT, text);
}

void cfgfile_fail(struct cfgfile *file, const config_setting_t *setting, const char *key,
	const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fail_v(file, setting, key, format, args);
	va_end(args);
}

static struct asked *asked_of(struct cfgfile *file, config_setting_t *group)
{
	if (!group->hook) {
		struct asked *asked = calloc(1, sizeof *asked);
		if (!asked) {
			cfgfile_fail_plainly(
				file, REASON_STATION, "no memory to read the configuration");
			return NULL;
		}
		asked->last = &asked->first;
		config_setting_set_hook(group, asked);
	}
	return group->hook;
}

static bool asked_has(const struct asked *asked, const char *key)
{
	for (const struct asked_key *known = asked->first; known; known = known->next)
		if (strcmp(known->key, key) == 0)
			return true;
	return false;
}

void cfgfile_ask(struct cfgfile *file, config_setting_t *group, const char *key)
{
	struct asked *asked = asked_of(file, group);
	if (!key || !asked || asked_has(asked, key))
		return;
	size_t len = strlen(key);
	struct asked_key *known = malloc(sizeof *known + len + 1);
	if (!known) {
		cfgfile_fail_plainly(file, REASON_STATION, "no memory to read the configuration");
		return;
	}
	known->next = NULL;
	memcpy(known->key, key, len + 1);
	*asked->last = known;
	asked->last = &known->next;
}

static void close_file(struct cfgfile **file)
{
	cfgfile_close(*file);
}

/* libconfig 1.5 takes no comment on a last line without a line end. */
static bool parse_text(struct cfgfile *file, const char *text, size_t len, struct err *err)
{
	SCOPED_FREE char *lines = malloc(len + 2);
	if (!lines)
		return err_set(err, REASON_STATION, "no memory for %s", file->path);
	memcpy(lines, text, len);
	memcpy(lines + len, "\n", 2);
	if (config_read_string(&file->config, lines))
		return true;
	return err_set(err, REASON_INPUT, "%s:%d: %s", file->path, config_error_line(&file->config),
		config_error_text(&file->config));
}

/* The whole file is one group with the name top. */
static bool check_top(struct cfgfile *file, const char *top, struct err *err)
{
	config_setting_t *root = config_root_setting(&file->config);
	if (!config_setting_length(root))
		return err_set(err, REASON_INPUT,
			"%s:1: %s: missing; the file must hold %s : { ... };", file->path, top,
			top);
	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *entry = config_setting_get_elem(root, (unsigned)i);
		if (strcmp(entry->name, top) != 0)
			return err_set(err, REASON_INPUT,
				"%s:%u: %s: unknown key; allowed here: %s", file->path, entry->line,
				entry->name, top);
		if (!config_setting_is_group(entry))
			return err_set(err, REASON_INPUT, "%s:%u: %s: must be a group { }",
				file->path, entry->line, top);
	}
	return true;
}

bool cfgfile_parse(const char *path, const char *text, size_t len, const char *top,
	struct cfgfile **ret, struct cfg *ret_root, struct err *err)
{
	if (len > CFG_FILE_MAX)
		return err_set(err, REASON_INPUT, "%s is larger than %d bytes", path, CFG_FILE_MAX);
	SCOPE_CLEANUP(close_file) struct cfgfile *file = calloc(1, sizeof *file);
	if (!file)
		return err_set(err, REASON_STATION, "no memory for %s", path);
	config_init(&file->config);
	config_set_destructor(&file->config, asked_free);
	file->path = strdup(path);
	file->text = malloc(len + 1);
	if (!file->path || !file->text)
		return err_set(err, REASON_STATION, "no memory for %s", path);
	memcpy(file->text, text, len);
	file->text[len] = 0;
	if (!cfgscan_check(path, file->text, len, err) || !parse_text(file, text, len, err) ||
		!check_top(file, top, err))
		return false;
	*ret_root = (struct cfg){ file,
		config_setting_get_member(config_root_setting(&file->config), top) };
	asked_of(file, ret_root->setting);
	*ret = file;
	file = NULL;
	return true;
}

bool cfgfile_open(const char *path, const char *top, struct cfgfile **ret, struct cfg *ret_root,
	struct err *err)
{
	SCOPED_FREE uint8_t *text = NULL;
	size_t len = 0;
	if (!fs_read(path, CFG_FILE_MAX, REASON_INPUT, &text, &len, err))
		return false;
	return cfgfile_parse(path, (const char *)text, len, top, ret, ret_root, err);
}

void cfgfile_close(struct cfgfile *file)
{
	if (!file)
		return;
	config_destroy(&file->config);
	free(file->path);
	free(file->text);
	free(file);
}

const char *cfgfile_text(const struct cfgfile *file)
{
	return file->text;
}

const char *cfgfile_path(const struct cfgfile *file)
{
	return file->path;
}

static void report_unknown(
	struct cfgfile *file, const config_setting_t *member, const struct asked *asked)
{
	struct text_buf keys;
	text_buf_init(&keys, CFG_MESSAGE_MAX - 64);
	for (const struct asked_key *known = asked->first; known; known = known->next)
		text_buf_addf(&keys, "%s%s", known == asked->first ? "" : ", ", known->key);
	cfgfile_fail(file, member, NULL, "unknown key; allowed here: %s%s",
		keys.text ? keys.text : "nothing", keys.failed ? "..." : "");
	text_buf_done(&keys);
}

/* Groups that nobody read carry no asked keys; their own key was judged where it stands. */
static void check_unknown(struct cfgfile *file, const config_setting_t *setting)
{
	if (!config_setting_is_group(setting) && !config_setting_is_list(setting))
		return;
	for (int i = 0; i < config_setting_length(setting) && !file->failed; i++) {
		const config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);
		if (setting->hook && !asked_has(setting->hook, member->name))
			report_unknown(file, member, setting->hook);
		check_unknown(file, member);
	}
}

bool cfgfile_end(struct cfgfile *file, struct err *err)
{
	check_unknown(file, config_setting_get_elem(config_root_setting(&file->config), 0));
	if (file->failed)
		*err = file->first;
	return !file->failed;
}

bool cfg_failed(const struct cfg *cfg)
{
	return cfg->file->failed;
}

static const config_setting_t *peek(const struct cfg *cfg, const char *key)
{
	if (!cfg->setting || !key || !config_setting_is_group(cfg->setting))
		return NULL;
	return config_setting_get_member(cfg->setting, key);
}

void cfg_error(const struct cfg *cfg, const char *key, const char *format, ...)
{
	const config_setting_t *member = peek(cfg, key);
	va_list args;
	va_start(args, format);
	fail_v(cfg->file, member ? member : cfg->setting, member ? NULL : key, format, args);
	va_end(args);
}

unsigned cfg_line(const struct cfg *cfg, const char *key)
{
	const config_setting_t *setting = key ? peek(cfg, key) : cfg->setting;
	return setting ? setting->line : 0;
}
