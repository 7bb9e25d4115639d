/* SPDX-License-Identifier: Apache-2.0 */
/* The record fails: each commit of a batch in turn cannot be written, that one alone or all from there on.
 * The line has to end with "store", nothing may be PASS that is not durable, and the next start makes the unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_disk.h"
#include "sweep.h"

static const struct {
	const char *name;
	bool forever;
	enum disk_failure failure;
} kinds[] = { { "the disk is full from here on", true, DISK_FULL },
	{ "it is not written", false, DISK_FULL }, { "it is not synced", false, DISK_SYNC_FAILS } };

/* Without the line, whose record has failed: nothing durable may claim PASS unless the unit was made. */
static void judge_durable(struct sweep *sweep, const struct sweep_try *try)
{
	char id[LINE_DEVICE_ID], why[BENCH_TEXT_MAX];
	bench_unit_id(try->unit, id);
	if (bench_sql_int(&sweep->bench,
		    "SELECT count(*) FROM attempt WHERE device_id = '%s' AND outcome = 'PASS'",
		    id) &&
		!bench_judge_made(&sweep->bench, try->unit, why))
		sweep_found(sweep, try->where, "PASS in the record, but %s", why);
}

/* What the callers were told has to be what is durable. */
static void judge_told(struct sweep *sweep, const struct sweep_try *try)
{
	const struct line_event *outcome = &try->outcome;
	const struct line_summary *summary = &sweep->bench.summary;
	char id[LINE_DEVICE_ID];
	bench_unit_id(try->unit, id);
	if (outcome->kind == LINE_OUTCOME && outcome->outcome == OUTCOME_PASS &&
		!bench_sql_int(&sweep->bench,
			"SELECT count(*) FROM attempt WHERE device_id = '%s' AND outcome = 'PASS'",
			id))
		sweep_found(sweep, try->where, "PASS is told, but not durable");
	if (sweep->bench.good && strcmp(summary->ended_by, "store") != 0)
		sweep_found(sweep, try->where, "the line ended with %s", summary->ended_by);
	if (sweep->bench.good && !summary->stopped)
		sweep_found(sweep, try->where, "the line did not stop");
}

/* False when the run needed fewer commits than that. */
static bool try_commit(struct sweep *sweep, unsigned at, size_t kind)
{
	struct line_bench *bench = &sweep->bench;
	struct sweep_try *try =
		sweep_add(sweep, "%s, commit %u: %s", bench->family, at, kinds[kind].name);
	failing_disk_arm(at, kinds[kind].forever, kinds[kind].failure, NULL);
	bool good = bench_run(bench, &(struct bench_run){ 0 });
	failing_disk_disarm();
	try->outcome = bench_outcome(bench, 0);
	sweep->runs++;
	sweep->reasons[try->outcome.reason]++;
	if (sweep_setting("SWEEP_TALK", 0))
		printf("%s: %s %s: %s\n", try->where, outcome_name(try->outcome.outcome),
			reason_info(try->outcome.reason)->code, try->outcome.text);
	if (!good && bench->err.reason != REASON_STORE)
		sweep_found(sweep, try->where, "%s", bench->err.text);
	bench_unplug(bench, 0);
	if (failing_disk_failed()) {
		judge_durable(sweep, try);
		judge_told(sweep, try);
	}
	bench_record_reopen(bench);
	judge_durable(sweep, try);
	bool failed = failing_disk_failed();
	sweep_converge(sweep);
	return failed;
}

static void sweep_family(const char *family)
{
	struct sweep sweep;
	sweep_open(&sweep, family, 1);
	for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
		unsigned at = 0;
		while (sweep_goes_on(&sweep) && try_commit(&sweep, at, kind))
			at++;
		printf("%s: %u commits\n", kinds[kind].name, at);
		assert_true(at > 20);
	}
	sweep_close(&sweep);
}

static void a_core_is_not_pass_if_its_record_fails(void **state)
{
	(void)state;
	sweep_family("core");
}

static void a_photon_is_not_pass_if_its_record_fails(void **state)
{
	(void)state;
	sweep_family("photon");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_core_is_not_pass_if_its_record_fails),
		cmocka_unit_test(a_photon_is_not_pass_if_its_record_fails),
	};
	failing_disk_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
