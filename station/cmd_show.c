/* SPDX-License-Identifier: Apache-2.0 */
/* station show: the life of one unit, from the record. All is read first, then written, so that a
 * pager at the other end does not hold the database. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "show.h"
#include "text.h"

enum { WIDTH = 100, INDENT = 21 };

static const char help[] =
	"usage: station show UNIT [options]\n"
	"\n"
	"Prints the life of one unit from the record: its attempts, the newest last, each with its "
	"steps and\n"
	"their durations; and its keys. UNIT is a device id of 24 hex digits, or the id of one "
	"attempt.\n"
	"Changes nothing, and works while the line runs. Times are local; --json gives UTC "
	"milliseconds.\n"
	"\n"
	"  --state DIR     the state folder, which holds station.db (the config's state_dir); a "
	"rehearsal\n"
	"                  keeps its own in ./rehearsal\n"
	"  --config FILE   the station's config\n"
	"  --json          one JSON object\n"
	"\n"
	"Exit status: 0 shown, 1 the record does not know the unit, 2 the record cannot be read.\n";

struct options {
	const char *unit, *state, *config;
	bool json;
};

/* --- the record as JSON, which is also what the text is printed from --- */

struct collected {
	json_t *attempts, *keys;
	json_t *steps; /* of the last attempt; borrowed */
	bool failed;
};

/* Unknown is null. What a device sent may be no UTF-8: then it is shown with question marks. */
static json_t *text_or_null(const char *text)
{
	char printable[ERR_TEXT_MAX];
	if (!text)
		return json_null();
	json_t *value = json_string(text);
	if (value)
		return value;
	snprintf(printable, sizeof printable, "%s", text);
	text_make_printable(printable);
	return json_string(printable);
}

static json_t *number_or_null(int64_t number)
{
	return number < 0 ? json_null() : json_integer(number);
}

static bool keep(struct collected *to, json_t *array, json_t *object)
{
	if (json_array_append_new(array, object) != 0)
		to->failed = true;
	return !to->failed;
}

/* One text for each line. */
static json_t *list_of_lines(const char *lines)
{
	json_t *list = json_array();
	while (lines && *lines) {
		size_t len = strcspn(lines, "\n");
		json_array_append_new(list, json_stringn(lines, len));
		lines += len + (lines[len] != 0);
	}
	return list;
}

static bool add_attempt(void *context, const struct show_attempt *attempt)
{
	struct collected *to = context;
	to->steps = json_array();
	json_t *object = json_object();
	const struct {
		const char *name, *text;
	} texts[] = {
		{ "id", attempt->id },
		{ "kind", attempt->kind },
		{ "outcome", attempt->outcome },
		{ "reason", attempt->reason },
		{ "cause", attempt->cause },
		{ "detail", attempt->detail },
		{ "slot", attempt->slot },
		{ "usb_path", attempt->usb_path },
		{ "usb_serial", attempt->usb_serial },
		{ "device_id", attempt->device_id },
		{ "device_id_source", attempt->device_id_source },
		{ "bootloader_version", attempt->bootloader_version },
		{ "key_fingerprint", attempt->key_fingerprint },
		{ "operator", attempt->operator_name },
		{ "batch_id", attempt->batch_id },
		{ "job_name", attempt->job_name },
		{ "family", attempt->family },
		{ "plan_sha256", attempt->plan_sha256 },
		{ "work_order", attempt->work_order },
		{ "seal_hash", attempt->seal_hash },
	};
	const struct {
		const char *name;
		int64_t number;
	} numbers[] = {
		{ "passage", attempt->passage },
		{ "arrived_at", attempt->arrived_at },
		{ "started_at", attempt->started_at },
		{ "ended_at", attempt->ended_at },
		{ "final_at", attempt->final_at },
		{ "seal_seq", attempt->seal_seq },
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		to->failed |= json_object_set_new(
				      object, texts[i].name, text_or_null(texts[i].text)) != 0;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		to->failed |= json_object_set_new(object, numbers[i].name,
				      number_or_null(numbers[i].number)) != 0;
	to->failed |=
		json_object_set_new(object, "unproven", list_of_lines(attempt->unproven)) != 0;
	to->failed |= json_object_set_new(object, "steps", to->steps) != 0;
	return keep(to, to->attempts, object);
}

static bool add_step(void *context, const struct show_step *step)
{
	struct collected *to = context;
	return keep(to, to->steps,
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "seq",
			number_or_null(step->seq), "name", text_or_null(step->name), "try",
			number_or_null(step->try_number), "started_at",
			number_or_null(step->started_at), "ended_at",
			number_or_null(step->ended_at), "outcome", text_or_null(step->outcome),
			"reason", text_or_null(step->reason), "detail",
			text_or_null(step->detail)));
}

static bool add_key(void *context, const struct show_key *key)
{
	struct collected *to = context;
	return keep(to, to->keys,
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "fingerprint",
			text_or_null(key->fingerprint), "algorithm", text_or_null(key->algorithm),
			"state", text_or_null(key->state), "attempt_id",
			text_or_null(key->attempt_id), "enrol_proof",
			text_or_null(key->enrol_proof), "intended_at",
			number_or_null(key->intended_at), "on_device_at",
			number_or_null(key->on_device_at), "enrolled_at",
			number_or_null(key->enrolled_at), "retired_at",
			number_or_null(key->retired_at)));
}

/* --- text --- */

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static int64_t number_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	return json_is_integer(value) ? json_integer_value(value) : -1;
}

static void format_local(int64_t utc_ms, char to[40])
{
	time_t seconds = (time_t)(utc_ms / 1000);
	struct tm tm;
	if (utc_ms < 0 || !localtime_r(&seconds, &tm) ||
		!strftime(to, 40, "%Y-%m-%d %H:%M:%S %z", &tm))
		snprintf(to, 40, "-");
}

static void format_duration(int64_t from, int64_t to, char text[32])
{
	if (from < 0 || to < 0)
		snprintf(text, 32, "open");
	else
		snprintf(text, 32, "%.3f s", (double)(to - from) / 1000.0);
}

/* "    name         text", continued on further lines, at most WIDTH columns, without control characters. Columns are
 * counted in characters: the bytes that continue one in UTF-8 take none. */
static void print_field(const char *name, const char *text)
{
	if (!text)
		return;
	printf("    %-*s", INDENT - 4, name);
	int column = INDENT;
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		bool starts = (*at & 0xc0) != 0x80;
		if (starts && column == WIDTH) {
			printf("\n%*s", INDENT, "");
			column = INDENT;
		}
		putchar(*at < ' ' || *at == 0x7f ? '?' : *at);
		column += starts;
	}
	putchar('\n');
}

static void print_pair(const char *name, const char *first, const char *between, const char *second)
{
	char text[ERR_TEXT_MAX + 128];
	if (!first && !second)
		return;
	snprintf(text, sizeof text, "%s%s%s", first ? first : "", first && second ? between : "",
		second ? second : "");
	print_field(name, text);
}

static void print_steps(const json_t *steps)
{
	size_t i;
	const json_t *step;
	if (json_array_size(steps))
		printf("    %-12s %-24s %4s  %-11s %12s  %s\n", "step", "", "try", "outcome",
			"duration", "reason");
	json_array_foreach(steps, i, step)
	{
		char duration[32];
		const char *outcome = text_of(step, "outcome"), *reason = text_of(step, "reason");
		format_duration(
			number_of(step, "started_at"), number_of(step, "ended_at"), duration);
		printf("    %4" PRId64 "  %-31.31s %4" PRId64 "  %-11s %12s%s%.20s\n",
			number_of(step, "seq"), text_of(step, "name"), number_of(step, "try"),
			outcome ? outcome : "open", duration, reason ? "  " : "",
			reason ? reason : "");
		print_field("", text_of(step, "detail"));
	}
}

static void print_seal(const json_t *attempt)
{
	char text[128];
	if (number_of(attempt, "seal_seq") < 0)
		return;
	snprintf(text, sizeof text, "%" PRId64 "  %s", number_of(attempt, "seal_seq"),
		text_of(attempt, "seal_hash"));
	print_field("seal", text);
}

/* Beside an outcome, so that a PASS is not read for more than it is. */
static void print_unproven(const json_t *texts)
{
	size_t i;
	const json_t *text;
	json_array_foreach(texts, i, text) print_field(RECORD_UNPROVEN, json_string_value(text));
}

static void print_attempt(const json_t *attempt)
{
	char started[40], duration[32], passage[24];
	const char *outcome = text_of(attempt, "outcome"), *reason = text_of(attempt, "reason");
	format_local(number_of(attempt, "started_at"), started);
	format_duration(number_of(attempt, "started_at"), number_of(attempt, "ended_at"), duration);
	snprintf(passage, sizeof passage, "%" PRId64, number_of(attempt, "passage"));
	printf("\n#%-3s %s  %s  %s  %s\n", number_of(attempt, "passage") < 0 ? "?" : passage,
		outcome ? outcome : "in work", text_of(attempt, "kind"), started, duration);
	print_pair("reason", reason, ": ",
		reason ? reason_info(reason_from_code(reason))->sentence : NULL);
	print_unproven(json_object_get(attempt, "unproven"));
	print_field("cause", text_of(attempt, "cause"));
	print_field("detail", text_of(attempt, "detail"));
	print_pair("job", text_of(attempt, "job_name"), ", family ", text_of(attempt, "family"));
	print_field("plan", text_of(attempt, "plan_sha256"));
	print_field("work order", text_of(attempt, "work_order"));
	print_pair("slot", text_of(attempt, "slot"), ", USB path ", text_of(attempt, "usb_path"));
	print_field("USB serial", text_of(attempt, "usb_serial"));
	print_pair("device id", text_of(attempt, "device_id"), ", from ",
		text_of(attempt, "device_id_source"));
	print_field("bootloader", text_of(attempt, "bootloader_version"));
	print_field("key", text_of(attempt, "key_fingerprint"));
	print_field("operator", text_of(attempt, "operator"));
	print_field("attempt", text_of(attempt, "id"));
	print_field("batch", text_of(attempt, "batch_id"));
	print_seal(attempt);
	print_steps(json_object_get(attempt, "steps"));
}

static void print_moment(const json_t *key, const char *name, const char *column)
{
	char at[40];
	if (number_of(key, column) < 0)
		return;
	format_local(number_of(key, column), at);
	print_field(name, at);
}

static void print_key(const json_t *key)
{
	printf("\nkey %s\n", text_of(key, "fingerprint"));
	print_pair("state", text_of(key, "state"), ", proof ", text_of(key, "enrol_proof"));
	print_field("algorithm", text_of(key, "algorithm"));
	print_field("made by", text_of(key, "attempt_id"));
	print_moment(key, "intended", "intended_at");
	print_moment(key, "on device", "on_device_at");
	print_moment(key, "enrolled", "enrolled_at");
	print_moment(key, "retired", "retired_at");
}

static void print_text(const char *unit, bool is_virtual, const struct collected *collected)
{
	size_t i, attempts = json_array_size(collected->attempts),
		  keys = json_array_size(collected->keys);
	const json_t *object;
	printf("%s: %zu attempt%s, %zu key%s%s\n", unit, attempts, attempts == 1 ? "" : "s", keys,
		keys == 1 ? "" : "s", is_virtual ? ", of a rehearsal" : "");
	json_array_foreach(collected->attempts, i, object) print_attempt(object);
	json_array_foreach(collected->keys, i, object) print_key(object);
}

/* --- the command --- */

static int print(const struct options *options, bool is_virtual, struct collected *collected)
{
	if (!options->json) {
		print_text(options->unit, is_virtual, collected);
		return EXIT_DONE;
	}
	json_t *root = json_pack("{s:s, s:b, s:O, s:O}", "unit", options->unit, "virtual",
		is_virtual, "attempts", collected->attempts, "keys", collected->keys);
	if (!root || json_dumpf(root, stdout, JSON_COMPACT) != 0) {
		json_decref(root);
		fprintf(stderr, "station show: cannot write the JSON\n");
		return EXIT_REFUSED;
	}
	putchar('\n');
	json_decref(root);
	return EXIT_DONE;
}

/* A rehearsal's record is never taken for the line's by guessing. */
static void hint_rehearsal(const struct options *options)
{
	if (!options->state && fs_exists("rehearsal/station.db"))
		fprintf(stderr, "station show: the record of a rehearsal is in ./rehearsal: "
				"--state rehearsal\n");
}

static int fail(const struct options *options, const struct err *err)
{
	cmd_fail("show", err);
	hint_rehearsal(options);
	return EXIT_REFUSED;
}

static int show_from(
	const struct options *options, struct record *record, struct collected *collected)
{
	struct err err;
	bool found;
	const struct show_reader reader = { add_attempt, add_step, add_key, collected };
	if (!show_unit(record, options->unit, &reader, &found, &err))
		return fail(options, &err);
	if (collected->failed) {
		err_set(&err, REASON_STATION, "no memory for what the record holds");
		return fail(options, &err);
	}
	if (found)
		return print(options, record_is_virtual(record), collected);
	fprintf(stderr,
		"station show: %s does not know the unit %s: give its device id (24 hex digits)\n",
		record_path(record), options->unit);
	hint_rehearsal(options);
	return EXIT_NOT_ALL;
}

static int show(const struct options *options)
{
	struct err err;
	struct config config;
	struct record *record;
	struct record_options open = { .state_dir = options->state, .read_only = true };
	if (!options->state) {
		if (!cmd_config(options->config, &config, &err))
			return fail(options, &err);
		open.state_dir = config.state_dir;
	}
	if (!record_open(&open, &record, NULL, &err))
		return fail(options, &err);
	struct collected collected = { .attempts = json_array(), .keys = json_array() };
	int status = show_from(options, record, &collected);
	json_decref(collected.attempts);
	json_decref(collected.keys);
	record_close(record);
	return status;
}

static bool parse(int argc, char **argv, struct options *ret, int *ret_status)
{
	const struct cmd_option own[] = { { "state", &ret->state, NULL },
		{ "config", &ret->config, NULL }, { "json", NULL, &ret->json } };
	char **arguments;
	int count;
	if (!cmd_parse(argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count,
		    ret_status))
		return false;
	if (count == 1 && *arguments[0]) {
		ret->unit = arguments[0];
		return true;
	}
	*ret_status = cmd_usage("show", count ? "one unit at a time" : "name the unit");
	return false;
}

int cmd_show(int argc, char **argv)
{
	struct options options = { 0 };
	int status;
	if (!parse(argc, argv, &options, &status))
		return status;
	return show(&options);
}
