/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line_fixture */
/* Two units that cannot be told apart, by their id or by their key; what is written down when the line
 * stops or a batch ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "line_fixture.h"

enum { LONG_MS = 20000 };

static const struct bench_job usual_job = { 0 };
static const struct bench_run usual_run = { 0 };
static const struct bench_run until_stopped = { .until_stopped = true };

static void open_twins(struct line_bench *bench)
{
	bench_open(bench, "core", 2);
	bench_take_job(bench, &usual_job);
	bench_unit_new(bench, 1, VUNIT_CORE_1_4_4, false);
	bench_unit_new(bench, BENCH_TWIN + 1, VUNIT_CORE_1_4_4, false);
}

static void expect_mark(struct line_bench *bench, unsigned unit, const char *note)
{
	char id[LINE_DEVICE_ID];
	bench_unit_id(unit, id);
	assert_int_equal(bench_sql_int(bench,
				 "SELECT count(*) FROM unit_mark WHERE device_id = '%s' AND mark = "
				 "'quarantine' AND note LIKE '%s%%'",
				 id, note),
		1);
}

static void stop(struct line_bench *bench)
{
	line_drain(bench->line);
	assert_true(bench_join(bench));
}

static void of_two_units_at_work_none_is_made_and_both_slots_go_on(void **state)
{
	(void)state;
	struct line_bench bench;
	open_twins(&bench);
	bench_unit_new(&bench, 2, VUNIT_CORE_1_4_4, false);
	vcloud_behave(bench.vcloud, VCLOUD_SLOW, 3000);
	bench_plug(&bench, 0, 1, true);
	bench_start(&bench, &until_stopped);
	assert_true(bench_await(&bench, LINE_ARRIVED, 1, LONG_MS));
	usleep(200000);
	bench_plug(&bench, 1, BENCH_TWIN + 1, true);
	assert_true(bench_await(&bench, LINE_OUTCOME, 2, LONG_MS));
	bench_expect(&bench, 0, OUTCOME_REFUSED, REASON_DUPLICATE_ID);
	bench_expect(&bench, 1, OUTCOME_REFUSED, REASON_DUPLICATE_ID);
	/* It was put away, and did not wait for the cloud first. */
	assert_true(bench_outcome(&bench, 0).elapsed_ms < 2500);
	expect_mark(&bench, 1, "duplicate-id: ");
	vcloud_behave(bench.vcloud, VCLOUD_GOOD, 0);
	bench_unplug(&bench, 0);
	bench_plug(&bench, 0, 2, true);
	assert_true(bench_await(&bench, LINE_OUTCOME, 3, LONG_MS));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	stop(&bench);
	bench_close(&bench);
}

static void a_twin_of_a_unit_that_stands_there_made_is_not_skipped(void **state)
{
	(void)state;
	struct line_bench bench;
	open_twins(&bench);
	bench_plug(&bench, 0, 1, true);
	bench_start(&bench, &until_stopped);
	assert_true(bench_await(&bench, LINE_OUTCOME, 1, LONG_MS));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	bench_plug(&bench, 1, BENCH_TWIN + 1, true);
	assert_true(bench_await(&bench, LINE_OUTCOME, 2, LONG_MS));
	bench_expect(&bench, 1, OUTCOME_REFUSED, REASON_DUPLICATE_ID);
	expect_mark(&bench, 1, "duplicate-id: ");
	stop(&bench);
	bench_close(&bench);
}

/* One at a time: the second has no attempt when the first could be made. */
static void a_twin_that_waits_for_its_turn_is_seen_before_any_is_made(void **state)
{
	(void)state;
	struct line_bench bench;
	open_twins(&bench);
	bench.config.parallel = 1;
	bench_plug(&bench, 0, 1, true);
	bench_plug(&bench, 1, BENCH_TWIN + 1, true);
	bench_start(&bench, &until_stopped);
	assert_true(bench_await(&bench, LINE_OUTCOME, 2, LONG_MS));
	bench_expect(&bench, 0, OUTCOME_REFUSED, REASON_DUPLICATE_ID);
	bench_expect(&bench, 1, OUTCOME_REFUSED, REASON_DUPLICATE_ID);
	assert_int_equal(bench_sql_int(&bench, "SELECT count(*) FROM device_key"), 0);
	stop(&bench);
	bench_close(&bench);
}

static void a_unit_that_moves_to_another_slot_is_no_twin(void **state)
{
	(void)state;
	struct line_bench bench;
	open_twins(&bench);
	bench_plug(&bench, 0, 1, true);
	bench_start(&bench, &until_stopped);
	assert_true(bench_await(&bench, LINE_OUTCOME, 1, LONG_MS));
	bench_unplug(&bench, 0);
	bench_plug(&bench, 1, 1, true);
	assert_true(bench_await(&bench, LINE_OUTCOME, 2, LONG_MS));
	bench_expect(&bench, 1, OUTCOME_SKIPPED, REASON_ALREADY_MADE);
	stop(&bench);
	bench_close(&bench);
}

/* While it is out of DFU between its two sessions, somebody puts the unit into the other slot. */
static void move_unit(struct line_bench *bench, const struct line_event *event)
{
	bool *done = bench->context;
	if (event->kind != LINE_STEP || strcmp(event->step, "reenter") != 0 || *done)
		return;
	*done = true;
	bench_unplug(bench, 0);
	bench_plug(bench, 1, 1, true);
}

static void a_unit_that_comes_back_elsewhere_is_made_there(void **state)
{
	(void)state;
	struct line_bench bench;
	bool moved = false;
	bench_open(&bench, "photon", 2);
	bench_take_job(&bench, &usual_job);
	bench_unit_new(&bench, 1, VUNIT_PHOTON_1_4_4, false);
	bench_plug(&bench, 0, 1, true);
	bench.watch = move_unit;
	bench.context = &moved;
	bench_start(&bench, &until_stopped);
	assert_true(bench_await(&bench, LINE_OUTCOME, 2, LONG_MS));
	stop(&bench);
	bench_expect(&bench, 0, OUTCOME_FAIL, REASON_UNIT_MOVED);
	bench_expect(&bench, 1, OUTCOME_PASS, REASON_NONE);
	assert_int_equal(bench_sql_int(&bench, "SELECT count(*) FROM unit_mark"), 0);
	bench_close(&bench);
}

/* As somebody does who copies the memory of a good unit onto another one. */
static void copy_memory(struct line_bench *bench, unsigned from, unsigned to, unsigned alt)
{
	char command[1024];
	snprintf(command, sizeof command, "cp '%s/units/%u/alt%u.bin' '%s/units/%u/alt%u.bin'",
		bench->folder, from, alt, bench->folder, to, alt);
	assert_int_equal(system(command), 0);
}

static void a_key_of_another_unit_sets_both_aside(void **state)
{
	(void)state;
	struct line_bench bench;
	bench_open(&bench, "core", 2);
	bench_take_job(&bench, &usual_job);
	bench_unit_new(&bench, 1, VUNIT_CORE_1_4_4, false);
	bench_unit_new(&bench, 2, VUNIT_CORE_1_4_4, false);
	bench_plug(&bench, 0, 1, true);
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	bench_unplug(&bench, 0);
	copy_memory(&bench, 1, 2, 1);
	bench_plug(&bench, 0, 2, true);
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_REFUSED, REASON_DUPLICATE_KEY);
	expect_mark(&bench, 1, "duplicate-key: ");
	expect_mark(&bench, 2, "duplicate-key: ");
	bench_unplug(&bench, 0);
	bench_plug(&bench, 0, 1, true);
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_REFUSED, REASON_QUARANTINED);
	bench_close(&bench);
}

static void a_rule_that_stops_the_line_leaves_a_row(void **state)
{
	(void)state;
	static const struct bench_job strict = { .no_retries = true,
		.limits = { .stop_after_failures = 1,
			.attempts_per_unit = 1000,
			.attempt_timeout_ms = 600000 } };
	struct usb_fault_rule rule = {
		.port = "1-1", .kind = USB_FAULT_UNPLUG, .request = USB_FAULT_ANY_REQUEST, .at = 100
	};
	struct line_bench bench;
	bench_open(&bench, "core", 1);
	bench_take_job(&bench, &strict);
	bench_unit_new(&bench, 1, VUNIT_CORE_1_4_4, false);
	bench_plug(&bench, 0, 1, true);
	assert_true(usb_fault_add(bench.fault, &rule, &bench.err));
	assert_true(bench_run(&bench, &until_stopped));
	assert_true(bench.summary.stopped);
	assert_int_equal(
		bench_sql_int(&bench,
			"SELECT count(*) FROM line_stop s JOIN batch b ON b.id = s.batch_id WHERE"
			" b.ended_by = 'rule' AND s.why LIKE '1 units%%' AND s.from_at <= s.to_at"
			" AND s.from_at >= b.started_at"),
		1);
	bench_close(&bench);
}

/* --- copies --- */

static void after_a_batch_there_is_a_good_copy(void **state)
{
	(void)state;
	struct line_bench bench;
	char command[1024], folder[200];
	bench_open(&bench, "core", 1);
	snprintf(folder, sizeof folder, "%s/copies/of", bench.folder);
	snprintf(bench.config.record_copy_dir, sizeof bench.config.record_copy_dir, "%s", folder);
	bench_take_job(&bench, &usual_job);
	bench_unit_new(&bench, 1, VUNIT_CORE_1_4_4, false);
	bench_plug(&bench, 0, 1, true);
	assert_true(bench_run(&bench, &usual_run));
	assert_false(bench.summary.stopped);
	snprintf(command, sizeof command,
		"cd '%s' && test $(ls -A | wc -l) -eq 1 && "
		"ls | grep -qE '_[0-9]{8}-[0-9]{6}\\.db$' && "
		"test \"$(sqlite3 -readonly *.db \"SELECT count(*) FROM seal;"
		" SELECT ended_by FROM batch;"
		" PRAGMA integrity_check; PRAGMA journal_mode\" | xargs)\" = '1 done ok delete'",
		folder);
	assert_int_equal(system(command), 0);
	/* Nobody is to find out later that there is none. */
	snprintf(bench.config.record_copy_dir, sizeof bench.config.record_copy_dir, "/dev/null/x");
	bench_take_job(&bench, &usual_job);
	assert_true(bench_run(&bench, &usual_run));
	assert_true(bench.summary.stopped);
	assert_non_null(strstr(bench.summary.why, "copy"));
	assert_int_equal(
		bench_sql_int(&bench, "SELECT count(*) FROM batch WHERE ended_by = 'done'"), 2);
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_two_units_at_work_none_is_made_and_both_slots_go_on),
		cmocka_unit_test(a_twin_of_a_unit_that_stands_there_made_is_not_skipped),
		cmocka_unit_test(a_twin_that_waits_for_its_turn_is_seen_before_any_is_made),
		cmocka_unit_test(a_unit_that_moves_to_another_slot_is_no_twin),
		cmocka_unit_test(a_unit_that_comes_back_elsewhere_is_made_there),
		cmocka_unit_test(a_key_of_another_unit_sets_both_aside),
		cmocka_unit_test(a_rule_that_stops_the_line_leaves_a_row),
		cmocka_unit_test(after_a_batch_there_is_a_good_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
