/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line_fixture */
/* The rules of a batch: how many, how many at once, when it ends, and what becomes of the units in work then. */
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

static void open_with(struct line_bench *bench, unsigned slots, const struct bench_job *job)
{
	bench_open(bench, "core", slots);
	bench_take_job(bench, job);
	for (unsigned i = 0; i < slots; i++) {
		bench_unit_new(bench, i + 1, VUNIT_CORE_FACTORY, false);
		bench_plug(bench, i, i + 1, true);
	}
}

static void plug_all_again(struct line_bench *bench)
{
	for (unsigned i = 0; i < bench->slots; i++) {
		bench_unplug(bench, i);
		bench_plug(bench, i, i + 1, true);
	}
}

/* Every transfer of the unit fails from the at-th on. */
static void break_unit(struct line_bench *bench, unsigned slot, uint64_t at)
{
	struct usb_fault_rule rule = { .kind = USB_FAULT_FAIL,
		.request = USB_FAULT_ANY_REQUEST,
		.at = at,
		.count = 1000000,
		.reason = REASON_USB_STALL };
	struct err err;
	snprintf(rule.port, sizeof rule.port, "%s", bench_port(bench, slot));
	assert_true(usb_fault_add(bench->fault, &rule, &err));
}

static void expect_end(const struct line_bench *bench, const char *ended_by, bool stopped)
{
	char found[64];
	bench_sql(bench, found, sizeof found, "SELECT ended_by FROM batch WHERE id = '%s'",
		bench->summary.batch_id);
	assert_string_equal(found, ended_by);
	assert_string_equal(bench->summary.ended_by, ended_by);
	assert_int_equal(bench->summary.stopped, stopped);
}

/* --- how many --- */

static void units_in_work_are_reserved_for_the_quantity(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, 4, &usual_job);
	assert_true(bench_run(&bench, &(struct bench_run){ .quantity = 2, .until_stopped = true }));
	expect_end(&bench, "quantity", false);
	assert_int_equal(bench_count(&bench, LINE_ARRIVED), 2);
	assert_int_equal(bench.summary.outcomes[OUTCOME_PASS], 2);
	bench_close(&bench);
}

static void a_failed_unit_makes_room_for_another(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, 4, &usual_job);
	break_unit(&bench, 0, 60);
	break_unit(&bench, 1, 60);
	assert_true(bench_run(&bench, &(struct bench_run){ .quantity = 2, .until_stopped = true }));
	expect_end(&bench, "quantity", false);
	assert_int_equal(bench.summary.outcomes[OUTCOME_PASS], 2);
	assert_int_equal(bench_sql_int(&bench, "SELECT count(*) FROM attempt"),
		bench.summary.outcomes[OUTCOME_FAIL] + 2u);
	bench_close(&bench);
}

/* HELD counts, the same unit again does not. */
static void the_quantity_counts_distinct_units_over_batches(void **state)
{
	(void)state;
	struct line_bench bench;
	struct bench_run run = { .quantity = 3, .work_order = "W1" };
	open_with(&bench, 2, &usual_job);
	vcloud_behave(bench.vcloud, VCLOUD_DOWN, 0);
	assert_true(bench_run(&bench, &run));
	expect_end(&bench, "done", false);
	assert_int_equal(bench.summary.outcomes[OUTCOME_HELD], 2);
	vcloud_behave(bench.vcloud, VCLOUD_GOOD, 0);
	plug_all_again(&bench);
	assert_true(bench_run(&bench, &run));
	expect_end(&bench, "done", false);
	assert_int_equal(bench.summary.outcomes[OUTCOME_SKIPPED], 2);
	for (unsigned i = 0; i < 2; i++) {
		bench_unplug(&bench, i);
		bench_unit_new(&bench, i + 11, VUNIT_CORE_FACTORY, false);
		bench_plug(&bench, i, i + 11, true);
	}
	assert_true(bench_run(&bench, &run));
	expect_end(&bench, "quantity", false);
	assert_int_equal(bench.summary.outcomes[OUTCOME_PASS], 1);
	assert_int_equal(bench_count(&bench, LINE_ARRIVED), 1);
	bench_close(&bench);
}

/* --- how many at once --- */

struct crowd {
	unsigned now, most;
};

static void count_crowd(struct line_bench *bench, const struct line_event *event)
{
	struct crowd *crowd = bench->context;
	if (event->kind == LINE_ARRIVED && ++crowd->now > crowd->most)
		crowd->most = crowd->now;
	if (event->kind == LINE_OUTCOME)
		crowd->now--;
}

static void no_more_units_than_allowed_are_in_work(void **state)
{
	(void)state;
	for (unsigned parallel = 1; parallel < 4; parallel++) {
		struct line_bench bench;
		struct crowd crowd = { 0 };
		open_with(&bench, 6, &usual_job);
		bench.config.parallel = parallel;
		bench.watch = count_crowd;
		bench.context = &crowd;
		assert_true(bench_run(&bench, &usual_run));
		assert_int_equal(bench.summary.outcomes[OUTCOME_PASS], 6);
		assert_int_equal(crowd.most, parallel);
		bench_close(&bench);
	}
}

static void units_start_one_after_the_other(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, 3, &usual_job);
	bench.config.stagger_ms = 300;
	assert_true(bench_run(&bench, &usual_run));
	assert_int_equal(bench.summary.outcomes[OUTCOME_PASS], 3);
	assert_true(bench_sql_int(&bench,
			    "SELECT max(started_at) - min(started_at) FROM attempt") >= 550);
	bench_close(&bench);
}

/* --- the end --- */

struct request {
	const char *step;
	void (*make)(struct line *line);
};

static void make_request(struct line_bench *bench, const struct line_event *event)
{
	const struct request *request = bench->context;
	if (event->kind == LINE_STEP && strcmp(event->step, request->step) == 0)
		request->make(bench->line);
}

static void a_drained_line_finishes_what_it_has_in_work(void **state)
{
	(void)state;
	struct line_bench bench;
	struct request request = { "write-images", line_drain };
	open_with(&bench, 3, &usual_job);
	bench.config.parallel = 1;
	bench.watch = make_request;
	bench.context = &request;
	assert_true(bench_run(&bench, &usual_run));
	expect_end(&bench, "operator", false);
	assert_in_range(bench_count(&bench, LINE_ARRIVED), 1, 2);
	assert_int_equal(bench.summary.outcomes[OUTCOME_PASS], bench_count(&bench, LINE_ARRIVED));
	bench_close(&bench);
}

static void an_aborted_line_puts_its_units_away(void **state)
{
	(void)state;
	static const char *const at[] = { "identify", "check", "device-key", "enrol",
		"write-images", "enrolled" };
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct line_bench bench;
		struct request request = { at[i], line_abort };
		char why[BENCH_TEXT_MAX];
		open_with(&bench, 2, &usual_job);
		vcloud_behave(bench.vcloud, VCLOUD_SLOW, 1000);
		bench.watch = make_request;
		bench.context = &request;
		assert_true(bench_run(&bench, &usual_run));
		expect_end(&bench, "operator", false);
		/* At speed 0 a unit may have gone too far to be stopped. */
		if (bench.summary.outcomes[OUTCOME_ABORTED] +
				bench.summary.outcomes[OUTCOME_PASS] !=
			bench_count(&bench, LINE_ARRIVED))
			fail_msg("at %s: %s", at[i], bench_outcome(&bench, 0).text);
		if (strcmp(at[i], "enrolled") == 0)
			assert_true(bench.summary.outcomes[OUTCOME_ABORTED] > 0);
		assert_int_equal(
			bench_sql_int(&bench, "SELECT count(*) FROM attempt WHERE outcome = "
					      "'ABORTED' AND reason <> 'stopped'"),
			0);
		assert_int_equal(bench_sql_int(&bench, "SELECT count(*) FROM outbox WHERE state IN "
						       "('due', 'in-flight')"),
			0);
		if (!bench_judge_record(&bench, why))
			fail_msg("at %s: %s", at[i], why);
		vcloud_behave(bench.vcloud, VCLOUD_GOOD, 0);
		bench.watch = NULL;
		plug_all_again(&bench);
		assert_true(bench_run(&bench, &usual_run));
		assert_int_equal(bench.summary.outcomes[OUTCOME_PASS] +
					 bench.summary.outcomes[OUTCOME_SKIPPED],
			2);
		bench_expect_made(&bench, 0);
		bench_expect_made(&bench, 1);
		bench_close(&bench);
	}
}

/* --- rules --- */

static void failures_in_a_row_stop_the_line(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, 4, &(struct bench_job){ .limits.stop_after_failures = 2 });
	bench.config.parallel = 1;
	for (unsigned i = 0; i < 4; i++)
		break_unit(&bench, i, 40);
	assert_true(bench_run(&bench, &usual_run));
	expect_end(&bench, "rule", true);
	assert_int_equal(bench.summary.outcomes[OUTCOME_FAIL], 2);
	assert_int_equal(bench_count(&bench, LINE_ARRIVED), 2);
	bench_close(&bench);
}

static void failures_in_a_row_stop_a_slot(void **state)
{
	(void)state;
	struct line_bench bench;
	bench_open(&bench, "core", 1);
	bench_take_job(&bench, &(struct bench_job){ .limits.slot_stop_after = 2 });
	break_unit(&bench, 0, 40);
	for (unsigned i = 1; i <= 3; i++)
		bench_unit_new(&bench, i, VUNIT_CORE_1_4_4, false);
	bench_start(&bench, &(struct bench_run){ .until_stopped = true, .no_scan = true });
	bench_plug(&bench, 0, 1, true);
	assert_true(bench_await(&bench, LINE_OUTCOME, 1, LONG_MS));
	bench_unplug(&bench, 0);
	bench_plug(&bench, 0, 2, true);
	assert_true(bench_await(&bench, LINE_OUTCOME, 2, LONG_MS));
	bench_unplug(&bench, 0);
	bench_plug(&bench, 0, 3, true);
	assert_false(bench_await(&bench, LINE_ARRIVED, 3, 700));
	line_drain(bench.line);
	assert_true(bench_join(&bench));
	expect_end(&bench, "operator", false);
	bench_close(&bench);
}

static void a_poor_yield_stops_the_line(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, 5,
		&(struct bench_job){ .limits = { .min_yield = 0.6, .min_yield_units = 3 } });
	bench.config.parallel = 1;
	for (unsigned i = 0; i < 5; i++)
		break_unit(&bench, i, 40);
	assert_true(bench_run(&bench, &usual_run));
	expect_end(&bench, "rule", true);
	assert_int_equal(bench.summary.outcomes[OUTCOME_FAIL], 3);
	bench_close(&bench);
}

static void a_yield_of_just_what_is_wanted_is_good_enough(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, 2,
		&(struct bench_job){ .limits = { .min_yield = 0.5, .min_yield_units = 2 } });
	break_unit(&bench, 1, 40);
	assert_true(bench_run(&bench, &usual_run));
	expect_end(&bench, "done", false);
	assert_int_equal(bench.summary.outcomes[OUTCOME_PASS], 1);
	assert_int_equal(bench.summary.outcomes[OUTCOME_FAIL], 1);
	bench_close(&bench);
}

static void a_refusing_cloud_is_no_poor_yield(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, 5,
		&(struct bench_job){ .limits = { .min_yield = 0.6, .min_yield_units = 3 } });
	bench.config.parallel = 1;
	vcloud_behave(bench.vcloud, VCLOUD_REFUSE, 0);
	assert_true(bench_run(&bench, &usual_run));
	expect_end(&bench, "done", false);
	assert_int_equal(bench.summary.outcomes[OUTCOME_FAIL], 5);
	bench_close(&bench);
}

static void a_stall_while_a_unit_is_identified_is_tried_again(void **state)
{
	(void)state;
	struct line_bench bench;
	struct err err;
	open_with(&bench, 1, &(struct bench_job){ .limits.retries = 1 });
	struct usb_fault_rule rule = { .kind = USB_FAULT_FAIL,
		.request = USB_FAULT_ANY_REQUEST,
		.at = 0,
		.count = 1,
		.reason = REASON_USB_STALL };
	snprintf(rule.port, sizeof rule.port, "%s", bench_port(&bench, 0));
	assert_true(usb_fault_add(bench.fault, &rule, &err));
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	assert_int_equal(
		bench_sql_int(&bench, "SELECT count(*) FROM step WHERE name = 'identify'"), 2);
	assert_int_equal(bench_sql_int(&bench, "SELECT count(*) FROM step WHERE name = 'identify' "
					       "AND try = 1 AND outcome = 'FAIL'"),
		1);
	bench_close(&bench);
}

static void a_unit_that_fails_too_often_needs_repair(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, 1, &(struct bench_job){ .limits.attempts_per_unit = 2 });
	break_unit(&bench, 0, 40);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(bench_run(&bench, &usual_run));
		bench_expect(&bench, 0, OUTCOME_FAIL, REASON_USB_STALL);
		plug_all_again(&bench);
		usb_fault_clear(bench.fault);
		break_unit(&bench, 0, 40);
	}
	usb_fault_clear(bench.fault);
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_REFUSED, REASON_NEEDS_REPAIR);
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_in_work_are_reserved_for_the_quantity),
		cmocka_unit_test(a_failed_unit_makes_room_for_another),
		cmocka_unit_test(the_quantity_counts_distinct_units_over_batches),
		cmocka_unit_test(no_more_units_than_allowed_are_in_work),
		cmocka_unit_test(units_start_one_after_the_other),
		cmocka_unit_test(a_drained_line_finishes_what_it_has_in_work),
		cmocka_unit_test(an_aborted_line_puts_its_units_away),
		cmocka_unit_test(failures_in_a_row_stop_the_line),
		cmocka_unit_test(failures_in_a_row_stop_a_slot),
		cmocka_unit_test(a_poor_yield_stops_the_line),
		cmocka_unit_test(a_yield_of_just_what_is_wanted_is_good_enough),
		cmocka_unit_test(a_refusing_cloud_is_no_poor_yield),
		cmocka_unit_test(a_stall_while_a_unit_is_identified_is_tried_again),
		cmocka_unit_test(a_unit_that_fails_too_often_needs_repair),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
