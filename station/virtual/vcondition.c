/* SPDX-License-Identifier: Apache-2.0 */
/* The conditions as a table, and lists of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "vcondition_private.h"

enum {
	CORE = 1 << VUNIT_CORE,
	ROM = 1 << VUNIT_ROM,
	MODULES = 1 << VUNIT_PHOTON | 1 << VUNIT_P1 | 1 << VUNIT_ELECTRON,
	PARTICLE = CORE | MODULES,
	ANY = PARTICLE | ROM
};

struct vcondition_row {
	const char *name;
	const char *argument; /* "ADDRESS"; NULL: none */
	unsigned families;
	const char *why_not; /* the others cannot be in it; NULL: there are no others */
	vcondition_act *act; /* NULL: every unit of the family is in it anyway */
};

static const char no_keys[] = "where its product keeps keys is not known to its ROM",
		  no_modules[] = "its program has no header that says how long it is";

static const struct vcondition_row rows[] = {
	{ "F01", NULL, CORE, "only a Core starts in dfuERROR", NULL },
	{ "F02", NULL, PARTICLE, no_keys, vcondition_other_key },
	{ "F03", NULL, PARTICLE, "it has no region for updates", vcondition_dead_update },
	{ "F03", "ADDRESS", ANY, NULL, vcondition_damaged },
	{ "F03:dead", "ADDRESS", ANY, NULL, vcondition_dead_cells },
	{ "F04", NULL, CORE, "only a Core has an external flash that could be smaller",
		vcondition_small_flash },
	{ "F04", "SIZE", CORE, "only a Core has an external flash that could be smaller",
		vcondition_small_flash },
	{ "F05", NULL, CORE, "only a Core keeps keys in an external flash",
		vcondition_spi_replaced },
	{ "F06", NULL, PARTICLE, "it has no factory image", vcondition_factory },
	{ "F07", NULL, ANY, NULL, vcondition_blocks_lost },
	{ "F08", NULL, PARTICLE, no_modules, vcondition_cut_short },
	{ "F09", NULL, PARTICLE, no_keys, vcondition_no_server },
	{ "F09:wrong", NULL, PARTICLE, no_keys, vcondition_wrong_server },
	{ "F16", NULL, ANY, NULL, vcondition_abrupt_leave },
	{ "F17", NULL, PARTICLE, no_modules, vcondition_other_family },
	{ "F18", NULL, MODULES, "its bootloader has no sums to tell by", vcondition_bootloader },
	{ "F18:silent", NULL, ANY, NULL, vcondition_silent },
	{ "F19", NULL, PARTICLE, "it comes blank, and its ROM is all that it needs",
		vcondition_blank },
	{ "F20", NULL, ROM, "its option bytes cannot be read over DFU", vcondition_options },
	{ "F21", NULL, ANY, NULL, vcondition_cloud_other },
	{ "F21:none", NULL, ANY, NULL, vcondition_cloud_none },
	{ "parts", NULL, MODULES, "it has no system parts", vcondition_part },
	{ "runs", NULL, ANY, NULL, vcondition_runs },
	{ "claimed", NULL, PARTICLE, "what its owners leave where is not known to its ROM",
		vcondition_claimed },
};
enum { ROWS = sizeof rows / sizeof *rows };

/* --- the list --- */

static bool is_number(const char *text, uint32_t *ret)
{
	char *end = NULL;
	errno = 0;
	unsigned long value = strtoul(text, &end, 0);
	*ret = (uint32_t)value;
	return !errno && end != text && !*end && text[0] >= '0' && text[0] <= '9' &&
	       value <= UINT32_MAX;
}

static bool is(const struct vcondition_row *row, const char *word, uint32_t *ret_argument)
{
	size_t len = strlen(row->name);
	*ret_argument = 0;
	if (!row->argument)
		return strcmp(word, row->name) == 0;
	return strncmp(word, row->name, len) == 0 && word[len] == ':' &&
	       is_number(word + len + 1, ret_argument);
}

/* "F01, F02, F03, F03:ADDRESS..." */
static void list_names(char *to, size_t cap)
{
	size_t used = 0;
	to[0] = 0;
	for (int i = 0; i < ROWS; i++) {
		const struct vcondition_row *row = &rows[i];
		if (!text_format(to + used, cap - used, "%s%s%s%s", used ? ", " : "", row->name,
			    row->argument ? ":" : "", row->argument ? row->argument : ""))
			return;
		used = strlen(to);
	}
}

static bool parse_one(const char *text, size_t len, struct vcondition *ret, struct err *err)
{
	char word[32], all[256];
	if (!text_format(word, sizeof word, "%.*s", (int)len, text))
		return err_set(err, REASON_INPUT, "'%.*s' is no condition", (int)len, text);
	for (int i = 0; i < ROWS; i++)
		if (is(&rows[i], word, &ret->argument)) {
			ret->row = &rows[i];
			return true;
		}
	list_names(all, sizeof all);
	return err_set(err, REASON_INPUT, "'%s' is no condition: %s, or - for none", word, all);
}

static bool parse_unit(const char *text, size_t len, struct vconditions *ret, struct err *err)
{
	if (ret->count == VCONDITION_UNITS_MAX)
		return err_set(
			err, REASON_INPUT, "there are more than %d units", VCONDITION_UNITS_MAX);
	size_t unit = ret->count++, *each = &ret->each[unit];
	if (len == 1 && text[0] == '-')
		return true;
	for (size_t at = 0; at <= len;) {
		const char *plus = memchr(text + at, '+', len - at);
		size_t word = plus ? (size_t)(plus - text) - at : len - at;
		if (*each == VCONDITION_EACH_MAX)
			return err_set(err, REASON_INPUT, "a unit is in %d conditions at most",
				VCONDITION_EACH_MAX);
		if (!parse_one(text + at, word, &ret->units[unit][(*each)++], err))
			return false;
		at += word + 1;
	}
	return true;
}

bool vcondition_parse(const char *text, struct vconditions *ret, struct err *err)
{
	*ret = (struct vconditions){ 0 };
	for (;;) {
		size_t len = strcspn(text, ",");
		if (!parse_unit(text, len, ret, err))
			return false;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

static bool fits(const struct vcondition *condition, enum vunit_family family, struct err *err)
{
	const struct vcondition_row *row = condition->row;
	return row->families & 1U << family ||
	       err_set(err, REASON_INPUT, "a virtual %s cannot be in condition %s: %s",
		       vunit_family_name(family), row->name, row->why_not);
}

bool vcondition_fit(const struct vconditions *list, enum vunit_family family, struct err *err)
{
	for (size_t i = 0; i < list->count; i++)
		for (size_t k = 0; k < list->each[i]; k++)
			if (!fits(&list->units[i][k], family, err))
				return false;
	return true;
}

bool vcondition_apply(
	const char *folder, const char *cloud, const struct vcondition *condition, struct err *err)
{
	const struct vcondition_row *row = condition->row;
	struct vreturn it = { .folder = folder, .cloud = cloud, .argument = condition->argument };
	if (!vunit_open(folder, &it.unit, err))
		return false;
	bool good = fits(condition, it.unit->spec.family, err) && (!row->act || row->act(&it, err));
	vunit_close(it.unit);
	return good || err_at(err, "%s: condition %s", folder, row->name);
}
