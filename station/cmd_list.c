/* SPDX-License-Identifier: Apache-2.0 */
/* station list: what is attached, and for what a batch would not take, why and what to do. */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "outbox.h"
#include "scope.h"
#include "survey.h"

#define RULE "60-station.rules"

enum { WIDTH = 100, INDENT = 7, HELD_ROWS = 64, TIME_TEXT = 24, DEVICE_ID_WIDTH = 24 };

static const char help[] =
	"usage: station list [options]\n"
	"\n"
	"Prints what is attached: slot, port, family, mode, device id, and whether a batch would take it;\n"
	"if not, why, and what to do. A slot of the config with nothing on it is listed as empty. It reads\n"
	"what the kernel already knows and opens no unit, so it may be used while the line runs.\n"
	"\n"
	"  --held          instead: the units that are HELD in the record, until their cloud answers\n"
	"  --state DIR     the state folder for --held (the config's state_dir)\n"
	"  --config FILE   the station's config: its slots, and families/ beside it\n"
	"  --json          one JSON object per line\n"
	"\n"
	"To open units without being root, once, as root, from where this program is installed or built:\n"
	"  cp " STATION_SHARE_DIR "/" RULE " /etc/udev/rules.d/\n"
	"  udevadm control --reload && udevadm trigger --subsystem-match=usb\n"
	"It lets those who sit at the bench, and the group plugdev. A family with USB ids of its own needs\n"
	"a line of its own there.\n"
	"\n"
	"Exit status: 0 listed, 2 refused (no such config or record), 3 this machine has no USB.\n";

struct options {
	const char *state, *config;
	bool held, json;
};

static json_t *text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

static void print_json(json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
	if (text)
		puts(text);
	free(text);
	json_decref(object);
}

/* --- HELD --- */

static void time_text(int64_t utc_ms, char to[TIME_TEXT])
{
	time_t seconds = (time_t)(utc_ms / 1000);
	struct tm tm;
	if (!localtime_r(&seconds, &tm) || !strftime(to, TIME_TEXT, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(to, TIME_TEXT, "?");
}

static void print_held(const struct record_held_unit *unit, bool json)
{
	char since[TIME_TEXT];
	if (json) {
		print_json(json_pack("{s:s, s:s, s:s, s:o, s:I, s:s, s:s, s:i, s:o, s:o, s:o}",
			"event", "held", "device_id", unit->device_id, "attempt", unit->attempt_id,
			"slot", text_or_null(unit->slot), "since", (json_int_t)unit->since, "cloud",
			unit->cloud, "state", unit->state, "tries", (int)unit->tries, "http_status",
			unit->http_status ? json_integer(unit->http_status) : json_null(),
			"next_at", unit->next_at < 0 ? json_null() : json_integer(unit->next_at),
			"last_error", text_or_null(unit->last_error)));
		return;
	}
	time_text(unit->since, since);
	printf("%-24s  %-19s  %-16.16s  %5u  %.*s\n", unit->device_id, since, unit->cloud,
		unit->tries, WIDTH - 73, unit->last_error[0] ? unit->last_error : unit->state);
}

static bool list_held(struct record *record, bool json, size_t *ret_total, struct err *err)
{
	SCOPED_FREE struct record_held_unit *units = calloc(HELD_ROWS, sizeof *units);
	size_t count = HELD_ROWS;
	if (!units)
		return err_set(err, REASON_STATION, "no memory for the list");
	for (int64_t after = 0; count == HELD_ROWS; after = units[HELD_ROWS - 1].outbox_id) {
		if (!record_held_units(record, after, units, HELD_ROWS, &count, err))
			return false;
		if (count && !*ret_total && !json)
			printf("%-24s  %-19s  %-16s  %5s  %s\n", "device id", "held since", "cloud",
				"tries", "last answer");
		for (size_t i = 0; i < count; i++)
			print_held(&units[i], json);
		*ret_total += count;
	}
	return true;
}

static int held(const struct options *options, const struct config *config)
{
	struct record_options open = {
		.state_dir = options->state ? options->state : config->state_dir, .read_only = true
	};
	struct record *record;
	struct err err;
	size_t total = 0;
	if (!record_open(&open, &record, NULL, &err))
		return cmd_fail("list", &err);
	bool good = list_held(record, options->json, &total, &err);
	record_close(record);
	if (!good)
		return cmd_fail("list", &err);
	if (!total && !options->json)
		puts("no unit is HELD");
	return EXIT_DONE;
}

/* --- what is attached --- */

static json_t *families_json(const char *families)
{
	json_t *array = json_array();
	for (const char *at = families; *at; at += *at == ',') {
		size_t len = strcspn(at, ",");
		json_array_append_new(array, json_stringn(at, len));
		at += len;
	}
	return array;
}

static void entry_json(const struct survey_entry *entry)
{
	const struct usb_look *look = entry->look;
	char usb_id[16] = "";
	if (look)
		snprintf(usb_id, sizeof usb_id, "%04x:%04x", look->vendor_id, look->product_id);
	print_json(json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:s, s:o, s:o}",
		"event", "port", "slot", text_or_null(entry->slot), "port", entry->port,
		"controller", text_or_null(look ? look->controller : ""), "usb_id",
		text_or_null(usb_id), "families", families_json(entry->families), "mode",
		survey_mode_name(entry->mode), "device_id", text_or_null(entry->device_id),
		"serial", text_or_null(look ? look->serial : ""), "product",
		text_or_null(look ? look->product : ""), "state", survey_state_name(entry->state),
		"why", text_or_null(entry->why[0] ? entry->why : entry->id_why), "next",
		text_or_null(entry->next)));
}

/* Breaks at blanks; a word that is longer than a line is cut. */
static void print_wrapped(const char *text)
{
	enum { ROOM = WIDTH - INDENT };
	while (*text) {
		size_t len = strlen(text);
		if (len > ROOM) {
			for (len = ROOM; len && text[len] != ' '; len--)
				;
			len = len ? len : ROOM;
		}
		printf("%*s%.*s\n", INDENT, "", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

static void print_notes(const struct survey_entry *entry)
{
	char text[3 * SURVEY_TEXT_MAX + 32];
	size_t len = 0;
	const char *const notes[] = { entry->why, entry->id_why };
	for (size_t i = 0; i < 2; i++)
		if (notes[i][0])
			len += (size_t)snprintf(
				text + len, sizeof text - len, "%s%s", len ? "; " : "", notes[i]);
	if (!len)
		return;
	print_wrapped(text);
	if (!entry->next[0])
		return;
	snprintf(text, sizeof text, "Next: %s.", entry->next);
	print_wrapped(text);
}

/* Of the columns slot, port and family, whose contents are longest here. */
struct widths {
	int slot, port, family;
};

static int wider(int width, const char *text, int max)
{
	int len = (int)strlen(text);
	return len <= width ? width : len < max ? len : max;
}

static struct widths measure(const struct survey_entry *entries, size_t count)
{
	struct widths widths = { 4, 4, 6 };
	for (size_t i = 0; i < count; i++) {
		widths.slot = wider(widths.slot, entries[i].slot, 12);
		widths.port = wider(widths.port, entries[i].port, 14);
		widths.family = wider(widths.family, entries[i].families, 20);
	}
	return widths;
}

static const char *or_dash(const char *text)
{
	return text[0] ? text : "-";
}

static void print_row(const struct widths *widths, const char *const columns[6])
{
	printf("%-*.*s  %-*.*s  %-*.*s  %-7s  %-*s  %s\n", widths->slot, widths->slot, columns[0],
		widths->port, widths->port, columns[1], widths->family, widths->family, columns[2],
		columns[3], DEVICE_ID_WIDTH, columns[4], columns[5]);
}

static void print_text(const struct survey_entry *entries, size_t count)
{
	static const char *const head[6] = { "slot", "port", "family", "mode", "device id",
		"state" };
	const struct widths widths = measure(entries, count);
	unsigned states[SURVEY_NO_SLOT + 1] = { 0 };
	print_row(&widths, head);
	for (size_t i = 0; i < count; i++) {
		const struct survey_entry *entry = &entries[i];
		const char *const row[6] = { or_dash(entry->slot), entry->port,
			or_dash(entry->families), survey_mode_name(entry->mode),
			or_dash(entry->device_id), survey_state_name(entry->state) };
		print_row(&widths, row);
		print_notes(entry);
		states[entry->state]++;
	}
	printf("\n%zu ports:", count);
	for (int i = 0; i <= SURVEY_NO_SLOT; i++)
		if (states[i])
			printf(" %u %s", states[i], survey_state_name((enum survey_state)i));
	putchar('\n');
}

static void print_broken(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "station list: %s\n", text);
}

static bool list_attached(const struct options *options, const struct config *config,
	const struct family *families, size_t family_count, struct err *err)
{
	const struct survey_rules rules = { .config = config,
		.families = families,
		.family_count = family_count,
		.rule_installed = fs_exists("/etc/udev/rules.d/" RULE) ||
				  fs_exists("/lib/udev/rules.d/" RULE) };
	size_t count = 0;
	SCOPED_FREE struct usb_look *looks = calloc(USB_UNITS_MAX, sizeof *looks);
	SCOPED_FREE struct survey_entry *entries =
		calloc(USB_UNITS_MAX + CONFIG_SLOTS_MAX, sizeof *entries);
	if (!looks || !entries)
		return err_set(err, REASON_STATION, "no memory for the list");
	if (!usb_look(looks, USB_UNITS_MAX, &count, err))
		return false;
	count = survey(&rules, looks, count, entries);
	for (size_t i = 0; i < count && options->json; i++)
		entry_json(&entries[i]);
	if (!options->json)
		print_text(entries, count);
	return true;
}

static int attached(const struct options *options, const struct config *config)
{
	char folder[FS_PATH_MAX] = "";
	SCOPED_FREE struct family *families = NULL;
	size_t family_count = 0;
	struct err err;
	if (config->path[0])
		fs_folder_of(folder, config->path);
	if (!family_list(folder, print_broken, NULL, &families, &family_count, &err) ||
		!list_attached(options, config, families, family_count, &err))
		return cmd_fail("list", &err);
	return EXIT_DONE;
}

static int run(const struct options *options)
{
	struct err err;
	SCOPED_FREE struct config *config = calloc(1, sizeof *config);
	if (!config)
		err_set(&err, REASON_STATION, "no memory for the config");
	if (!config || !cmd_config(options->config, config, &err))
		return cmd_fail("list", &err);
	return options->held ? held(options, config) : attached(options, config);
}

static bool parse(int argc, char **argv, struct options *ret, int *ret_status)
{
	const struct cmd_option own[] = { { "state", &ret->state, NULL },
		{ "config", &ret->config, NULL }, { "held", NULL, &ret->held },
		{ "json", NULL, &ret->json } };
	char **arguments;
	int count;
	if (!cmd_parse(argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count,
		    ret_status))
		return false;
	if (!count)
		return true;
	*ret_status = cmd_usage("list", "it takes no argument");
	return false;
}

int cmd_list(int argc, char **argv)
{
	struct options options = { 0 };
	int status;
	if (!parse(argc, argv, &options, &status))
		return status;
	return run(&options);
}
