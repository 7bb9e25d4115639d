/* SPDX-License-Identifier: Apache-2.0 */
/* station list: what is attached, and for what a batch would not take, why and what to do. */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "cmd_json.h"
#include "cmd_list_show.h"
#include "config.h"
#include "fs.h"
#include "list_ask.h"
#include "outbox.h"
#include "scope.h"

enum { WIDTH = 100, HELD_ROWS = 64, TIME_TEXT = 24 };

static const char help[] =
	"usage: station list [options]\n"
	"\n"
	"Prints what is attached: slot, port, family, mode, device id, and whether a batch would take it;\n"
	"if not, why, and what to do. A slot of the config with nothing on it is listed as empty.\n"
	"\n"
	"A unit whose program runs is asked by a USB request whether it is in listening mode, and who it\n"
	"is, which disturbs nothing. While a station works on this bench no unit is opened at all, so the\n"
	"list may be called at any time.\n"
	"\n"
	"  --ask           where a request is not answered (older firmware, the Core): send an i over the\n"
	"                  serial line; an application that has taken the line gets that i instead\n"
	"  --no-open       open no unit in any case: only what the kernel knows already\n"
	"  --held          instead: the units that are HELD in the record, until their cloud answers\n"
	"  --state DIR     the state folder (the config's state_dir)\n"
	"  --config FILE   the station's config: its slots, and families/ beside it\n"
	"  --json          one JSON object per line\n"
	"\n"
	"States: ready; empty (a slot with nothing on it); in-work (a station has it); held (another\n"
	"program has it); no-access (this user may not open it); unreadable (its descriptors or serial);\n"
	"other-layout (its memory is not its family's); foreign (of no family); runs (and its family\n"
	"cannot be sent into DFU); twin (another port shows its id); id-disagrees (it shows two ids);\n"
	"no-slot (its port is no slot of the config). Modes: DFU, running, listening, other.\n"
	"\n"
	"An object of --json has event (\"port\"), slot, port, controller, usb_id, families, mode, led (what\n"
	"the operator sees), device_id, device_id_source (usb-serial, request, listening), serial, product,\n"
	"system_version, state, why, next, and commands (for root, where the state is no-access).\n"
	"\n"
	"Exit status: 0 listed, 2 refused (no such config or record), 3 this machine has no USB.\n";

struct options {
	const char *state, *config;
	bool held, json, ask, no_open;
};

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
		cmd_json_line(stdout,
			json_pack("{s:s, s:s, s:s, s:o, s:I, s:s, s:s, s:i, s:o, s:o, s:o}",
				"event", "held", "device_id", unit->device_id, "attempt",
				unit->attempt_id, "slot", cmd_json_text(unit->slot), "since",
				(json_int_t)unit->since, "cloud", unit->cloud, "state", unit->state,
				"tries", (int)unit->tries, "http_status",
				unit->http_status ? json_integer(unit->http_status) : json_null(),
				"next_at",
				unit->next_at < 0 ? json_null() : json_integer(unit->next_at),
				"last_error", cmd_json_text(unit->last_error)));
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

static const char *state_dir(const struct options *options, const struct config *config)
{
	return options->state ? options->state : config->state_dir;
}

static int held(const struct options *options, const struct config *config)
{
	struct record_options open = { .state_dir = state_dir(options, config), .read_only = true };
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

static void print_broken(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "station list: %s\n", text);
}

static bool any_in_work(const struct survey_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (entries[i].state == SURVEY_IN_WORK)
			return true;
	return false;
}

static bool look_and_ask(const struct options *options, const struct survey_rules *rules,
	const char *lock_file, struct usb_look *looks, struct survey_entry *entries,
	size_t *ret_count, struct err *err)
{
	const struct list_asking asking = { .lock_file = lock_file, .line = options->ask };
	size_t count = 0;
	if (!usb_look(looks, USB_UNITS_MAX, &count, err))
		return false;
	*ret_count = survey(rules, looks, count, entries);
	if (options->no_open)
		return true;
	if (rules->station_works || any_in_work(entries, *ret_count)) {
		fprintf(stderr, "station list: a station works on this bench: no unit is opened\n");
		return true;
	}
	return list_ask(&asking, entries, *ret_count, err);
}

static bool list_attached(const struct options *options, const struct config *config,
	struct survey_rules *rules, const struct list_rule *rule, struct err *err)
{
	char lock_file[FS_PATH_MAX];
	size_t count = 0;
	SCOPED_FREE struct usb_look *looks = calloc(USB_UNITS_MAX, sizeof *looks);
	SCOPED_FREE struct survey_entry *entries =
		calloc(USB_UNITS_MAX + CONFIG_SLOTS_MAX, sizeof *entries);
	if (!looks || !entries)
		return err_set(err, REASON_STATION, "no memory for the list");
	if (!fs_join(lock_file, state_dir(options, config), "station.lock", err))
		return false;
	rules->station_works = fs_is_locked(lock_file);
	if (!look_and_ask(options, rules, lock_file, looks, entries, &count, err))
		return false;
	for (size_t i = 0; i < count && options->json; i++)
		list_show_json(&entries[i], rule);
	if (!options->json)
		list_show_text(entries, count, rule);
	return true;
}

static int attached(const struct options *options, const struct config *config)
{
	char folder[FS_PATH_MAX] = "";
	SCOPED_FREE struct family *families = NULL;
	struct survey_rules rules = { .config = config };
	struct list_rule rule = { .text = NULL };
	struct err err;
	if (config->path[0])
		fs_folder_of(folder, config->path);
	bool good = list_rule_find(&rule, &err) &&
		    family_list(folder, print_broken, NULL, &families, &rules.family_count, &err);
	rules.families = families;
	rules.rule_text = rule.text;
	rules.rule = rule.installed;
	good = good && list_attached(options, config, &rules, &rule, &err);
	list_rule_done(&rule);
	return good ? EXIT_DONE : cmd_fail("list", &err);
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
		{ "json", NULL, &ret->json }, { "ask", NULL, &ret->ask },
		{ "no-open", NULL, &ret->no_open } };
	char **arguments;
	int count;
	if (!cmd_parse(argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count,
		    ret_status))
		return false;
	if (!count && !(ret->ask && ret->no_open))
		return true;
	*ret_status = count ? cmd_usage("list", "it takes no argument")
			    : cmd_usage("list", "--ask opens units, and --no-open does not");
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
