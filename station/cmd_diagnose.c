/* SPDX-License-Identifier: Apache-2.0 */
/* station diagnose: what is wrong with units that came back. Read only, but for --exercise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cmd_diagnose_exercise.h"
#include "cmd_found.h"
#include "cmd_json.h"
#include "diagnose.h"
#include "interrupt.h"
#include "scope.h"
#include "text.h"
#include "visit_attempt.h"

static const char help[] =
	"usage: station diagnose [options]\n"
	"\n"
	"Reads a unit that came back, or all that stand in DFU on the bench, and tells what is wrong: its\n"
	"memory against what it left with and against the job, its keys against our record and the cloud,\n"
	"its settings and what an owner left on it. Writes nothing to it, and leaves it in DFU: take it out\n"
	"afterwards (on leaving DFU it would write its flags). What is found goes into the record. Not while\n"
	"the line runs.\n"
	"\n"
	"With --exercise it is written to: sectors that are not in use, or that a finding calls in question,\n"
	"take patterns, and get their contents back. Keys and what DFU must not write are never touched. What\n"
	"is tested is shown first. A unit whose power goes meanwhile is put back at its next visit.\n"
	"\n"
	"  --slot S         this slot or port only; otherwise every unit of a known family\n"
	"  --job JOB        also compares with this job, which shows the first wrong address of an image\n"
	"  --device-id ID   its id, where it cannot tell by itself; wants --slot\n"
	"  --exercise[=RANGE]  also the write test; RANGE, as in 0x60000+0x20000: of exactly these sectors\n"
	"  --regions R,...  of these regions only\n"
	"  --yes            it is agreed to; otherwise the name of the slot has to be typed\n"
	"  --put-back       what an exercise left is put back also where something else stands since, and on a\n"
	"                   unit that only its label names\n"
	"  --operator NAME  into the record\n"
	"  --state DIR      the state folder (the config's); that of a rehearsal has its virtual units\n"
	"  --config FILE    the station's config\n"
	"  --json           one JSON object for each unit\n"
	"\n"
	"Exit status: 0 every unit is healthy and nothing is to be done, 1 something was found, 2 refused,\n"
	"3 it could not be recorded, 130 interrupted.\n";

struct options {
	struct visit_options visit;
	struct cmd_exercise exercise;
	bool json;
};

struct run {
	const struct options *options;
	struct visit *visit;
};

/* One unit's result. */
struct result {
	const struct visit_unit *unit;
	const struct visit_attempt *attempt;
	struct returned returned;
	struct findings findings;
	enum verdict verdict;
	unsigned repairs;
	char job[64 + 64]; /* that repairs it */
};

static const struct {
	unsigned bit;
	const char *name, *words;
} repairs[] = {
	{ REPAIR_IMAGES, "images", "its images" },
	{ REPAIR_DEVICE_KEY, "device-key", "a new device key" },
	{ REPAIR_SERVER_KEY, "server-key", "the server key" },
	{ REPAIR_WIPE, "wipe", "wiping what its owner left" },
};
enum { REPAIRS = sizeof repairs / sizeof *repairs };

/* --- as text --- */

static void print_advice(const struct findings *findings)
{
	bool told[FINDING_CODES] = { false };
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];
		const struct finding_info *info = finding_info(finding->code);
		const char *seen = finding->state == FINDING_FAULT ? info->seen : "";
		if (told[finding->code] || (!seen[0] && !info->remedy[0]))
			continue;
		told[finding->code] = true;
		printf("  %s:%s%s%s%s%s\n", info->code, seen[0] ? " its owner saw " : "", seen,
			seen[0] && info->remedy[0] ? ";" : "", info->remedy[0] ? " remedy: " : "",
			info->remedy);
	}
}

static void print_verdict(const struct result *result)
{
	const char *comma = "";
	printf("verdict: %s: %s", verdict_name(result->verdict), verdict_words(result->verdict));
	if (result->repairs) {
		printf("; to do, by %s: ", result->job);
		for (size_t i = 0; i < REPAIRS; i++)
			if (result->repairs & repairs[i].bit) {
				printf("%s%s", comma, repairs[i].words);
				comma = ", ";
			}
	}
	printf("\n");
}

static void print_text(const struct result *result)
{
	const struct findings *findings = &result->findings;
	printf("%s  %s  %s, port %s\n", result->unit->slot,
		result->attempt->device_id[0] ? result->attempt->device_id : "-",
		result->unit->family->title, result->unit->ident.port);
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];
		printf("  %-8s %-16s %-22s %s\n", finding_state_name(finding->state),
			finding->subject, finding_info(finding->code)->code, finding->evidence);
	}
	print_advice(findings);
	print_verdict(result);
}

/* --- as JSON --- */

static bool print_json(const struct result *result, struct err *err)
{
	json_t *todo = json_array();
	for (size_t i = 0; i < REPAIRS; i++)
		if (result->repairs & repairs[i].bit)
			json_array_append_new(todo, json_string(repairs[i].name));
	json_t *object = json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:o, s:o, s:o}", "event",
		"diagnosis", "slot", result->unit->slot, "port", result->unit->ident.port,
		"device_id", cmd_json_text(result->attempt->device_id), "family",
		result->unit->family->name, "attempt_id", result->attempt->id, "verdict",
		verdict_name(result->verdict), "repairs", todo, "job",
		cmd_json_text(result->repairs ? result->job : ""), "findings",
		found_findings_json(&result->findings));
	return cmd_json_line(stdout, object) ||
	       err_set(err, REASON_STATION, "cannot write the diagnosis as JSON");
}

/* --- one unit --- */

/* "repairable: image-damaged, device-key-missing" */
static void detail_of(const struct result *result, char *to, size_t cap)
{
	size_t used = (size_t)snprintf(to, cap, "%s", verdict_name(result->verdict));
	const char *before = ": ";
	for (size_t i = 0; i < result->findings.count && used < cap; i++) {
		const struct finding *finding = &result->findings.list[i];
		if (finding->state != FINDING_FAULT)
			continue;
		used += (size_t)snprintf(to + used, cap - used, "%s%s %s", before, finding->subject,
			finding_info(finding->code)->code);
		before = ", ";
	}
}

/* A unit that nobody can name is never PASS. */
static bool finish(struct visit *visit, struct visit_attempt *attempt, const struct result *result,
	const struct err *why, struct err *err)
{
	char detail[ERR_TEXT_MAX];
	enum reason reason = why                                  ? why->reason
			     : result->verdict != VERDICT_HEALTHY ? REASON_FAULTS_FOUND
			     : !attempt->device_id[0]             ? REASON_NO_DEVICE_ID
								  : REASON_NONE;
	detail_of(result, detail, sizeof detail);
	return record_observe(visit_record(visit), attempt->id, "verdict",
		       verdict_name(result->verdict), err) &&
	       visit_end(visit, attempt, reason, why ? why->text : detail, err);
}

/* What the write test found, reading would not find again: no job may take the unit before a person has
 * decided. */
static bool set_aside(struct visit *visit, const struct result *result,
	const struct options *options, struct err *err)
{
	const struct findings *findings = &result->findings;
	const char *mark = result->returned.unit.mark, *id = result->attempt->device_id;
	bool aside = strcmp(mark, "scrap") == 0 || strcmp(mark, "quarantine") == 0;
	for (size_t i = 0; options->exercise.wanted && !aside && id[0] && i < findings->count;
		i++) {
		const struct finding *finding = &findings->list[i];
		char note[ERR_TEXT_MAX];
		if (finding->code != FINDING_CODE_FLASH_BAD &&
			finding->code != FINDING_CODE_FLASH_SIZE)
			continue;
		snprintf(note, sizeof note, "%s: %.*s: %.*s", finding_info(finding->code)->code,
			FINDING_SUBJECT_MAX, finding->subject, ERR_TEXT_MAX / 2, finding->evidence);
		return record_unit_set_aside(visit_record(visit), id, "quarantine", note,
			options->visit.operator_name, err);
	}
	return true;
}

/* A unit that vanished, or that could not be read further: what is known of it is told all the same. */
static void judge(struct result *result, const struct err *why)
{
	if (why)
		finding_add(&result->findings, FINDING_CODE_UNREADABLE, "unit", "%s", why->text);
	result->verdict = verdict_of(&result->findings);
	result->repairs = repairs_of(&result->findings);
	diagnose_repair_job(&result->returned, result->job, sizeof result->job);
}

/* The cloud that the job names, or that the unit was enrolled with. */
static bool choose_cloud(struct visit *visit, struct returned *returned, struct err *err)
{
	struct record_left left = { 0 };
	if (returned->device_id[0] &&
		!record_left_with(returned->record, returned->device_id, &left, err))
		return false;
	returned->cloud = visit_cloud(visit, left.cloud);
	return true;
}

/* To people or to a program. */
static bool tell(const struct result *result, const struct options *options, struct err *err)
{
	if (options->json)
		return print_json(result, err);
	print_text(result);
	return true;
}

static bool look_at(struct visit *visit, struct visit_attempt *attempt, struct result *result,
	const struct options *options, struct err *err)
{
	struct err why, *trouble = NULL;
	struct returned *returned = &result->returned;
	*returned = (struct returned){ .dfu = &attempt->dfu,
		.family = result->unit->family,
		.plan = visit_plan(visit),
		.record = visit_record(visit),
		.attempt_id = attempt->id,
		.device_id = attempt->device_id,
		.cancel = interrupt_once() };
	if (!choose_cloud(visit, returned, err))
		return false;
	result->findings = attempt->findings;
	if (!diagnose(returned, &result->findings, &why) ||
		!cmd_exercise(&options->exercise, result->unit, returned, &result->findings, &why))
		trouble = &why;
	judge(result, trouble);
	if (!finish(visit, attempt, result, trouble, err) ||
		!set_aside(visit, result, options, err))
		return false;
	if (!tell(result, options, err))
		return false;
	if (trouble && visit_must_stop(trouble))
		*err = *trouble;
	return !trouble || !visit_must_stop(trouble);
}

/* What was asked for was done, and what it left before was put back. */
static bool all_exercised(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		enum finding_code code = findings->list[i].code;
		if (code == FINDING_CODE_NOT_EXERCISED || code == FINDING_CODE_SIZE_UNPROVEN ||
			code == FINDING_CODE_RESTORE_ASIDE || code == FINDING_CODE_RESTORE_UNPROVEN)
			return false;
	}
	return true;
}

static bool is_done(const struct result *result)
{
	return result->verdict == VERDICT_HEALTHY && !result->repairs &&
	       result->attempt->device_id[0] && all_exercised(&result->findings);
}

static int diagnose_unit(void *context, struct visit_unit unit)
{
	const struct run *run = context;
	struct visit_attempt attempt;
	struct err err, untold;
	int status = EXIT_DONE;
	SCOPED_FREE struct result *result = calloc(1, sizeof *result);
	if (!result)
		return EXIT_STOPPED;
	if (!visit_to_dfu(run->visit, &unit, &status))
		return status;
	result->unit = &unit;
	result->returned.family = unit.family;
	result->attempt = &attempt;
	if (visit_begin(run->visit, &unit, "diagnose", &attempt, &err) &&
		look_at(run->visit, &attempt, result, run->options, &err))
		return is_done(result) ? EXIT_DONE : EXIT_NOT_ALL;
	/* One that does not even say who it is has its place in what is told all the same. */
	if (attempt.unreadable) {
		judge(result, &err);
		if (!tell(result, run->options, &untold))
			return cmd_fail("diagnose", &untold);
	}
	return visit_fail(run->visit, &err);
}

static int diagnose_all(const struct options *options)
{
	struct run run = { .options = options };
	int status;
	if (!visit_open(&options->visit, &run.visit, &status))
		return status;
	status = visit_each(run.visit, diagnose_unit, &run);
	visit_close(run.visit);
	return status;
}

int cmd_diagnose(int argc, char **argv)
{
	struct options options = { .visit.command = "diagnose" };
	struct visit_options *visit = &options.visit;
	struct cmd_exercise *exercise = &options.exercise;
	const struct cmd_option own[] = { { "slot", &visit->slot, NULL },
		{ "job", &visit->job, NULL }, { "device-id", &visit->device_id, NULL },
		{ "operator", &visit->operator_name, NULL }, { "state", &visit->state, NULL },
		{ "config", &visit->config, NULL }, { "json", NULL, &options.json },
		{ "exercise", &exercise->range, &exercise->wanted },
		{ "regions", &exercise->regions, NULL }, { "yes", NULL, &exercise->yes },
		{ "put-back", NULL, &visit->put_back } };
	char **arguments;
	int count, status;
	if (!cmd_parse(
		    argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count, &status))
		return status;
	if (count)
		return cmd_usage(
			"diagnose", "it takes no argument but options: --slot %s?", arguments[0]);
	exercise->json = options.json;
	return cmd_exercise_check(exercise, &status) ? diagnose_all(&options) : status;
}
