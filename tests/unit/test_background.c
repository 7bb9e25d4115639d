/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line_fixture */
/* LIBS: PkgConfig::sqlite3 */
/* Units that are HELD while a line runs: released in the background, never while they are in
 * work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "clock.h"
#include "line_fixture.h"

enum { LONG_MS = 20000 };

static const struct bench_job usual_job = { 0 };
static const struct bench_run usual_run = { 0 }, endless_run = { .until_stopped = true };

/* As if the time had passed after which it is sent again. */
static void make_due(const struct line_bench *bench)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(record_path(bench->record), &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_exec(db, "UPDATE outbox SET next_at = 0 WHERE state = 'due'", NULL,
				 NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
}

/* Units in all slots, HELD because the cloud is down, and taken out. */
static void open_held(struct line_bench *bench, unsigned slots)
{
	bench_open(bench, "core", slots);
	bench_take_job(bench, &usual_job);
	vcloud_behave(bench->vcloud, VCLOUD_DOWN, 0);
	for (unsigned i = 0; i < slots; i++) {
		bench_unit_new(bench, i + 1, VUNIT_CORE_FACTORY, false);
		bench_plug(bench, i, i + 1, true);
	}
	assert_true(bench_run(bench, &usual_run));
	for (unsigned i = 0; i < slots; i++) {
		bench_expect(bench, i, OUTCOME_HELD, REASON_CLOUD_UNREACHABLE);
		bench_unplug(bench, i);
	}
	make_due(bench);
}

static void await_request(struct line_bench *bench, uint32_t before)
{
	for (unsigned ms = 0; vcloud_requests(bench->vcloud) == before; ms += 5) {
		assert_true(ms < LONG_MS);
		clock_pause_until(clock_mono_us() + 5000, NULL);
	}
}

static void drain_and_join(struct line_bench *bench)
{
	line_drain(bench->line);
	assert_true(bench_join(bench));
}

static void expect_outcomes(const struct line_bench *bench, const char *expected)
{
	char found[256];
	bench_sql(bench, found, sizeof found,
		"SELECT group_concat(outcome || ' ' || coalesce(reason, '-'), ', ')"
		" FROM (SELECT * FROM attempt ORDER BY started_at, id)");
	assert_string_equal(found, expected);
}

static void expect_sound(const struct line_bench *bench)
{
	char why[BENCH_TEXT_MAX];
	if (!bench_judge_record(bench, why))
		fail_msg("%s", why);
}

static void units_of_an_earlier_batch_are_released(void **state)
{
	(void)state;
	struct line_bench bench;
	open_held(&bench, 3);
	vcloud_behave(bench.vcloud, VCLOUD_GOOD, 0);
	bench_start(&bench, &endless_run);
	assert_true(bench_await(&bench, LINE_SETTLED, 3, LONG_MS));
	drain_and_join(&bench);
	expect_outcomes(&bench, "PASS -, PASS -, PASS -");
	for (size_t i = 0; i < bench.event_count; i++) {
		assert_int_equal(bench.events[i].kind, LINE_SETTLED);
		assert_int_equal(bench.events[i].outcome, OUTCOME_PASS);
		assert_false(bench.events[i].of_batch);
		assert_string_equal(bench.events[i].slot, "");
	}
	for (int i = 0; i < OUTCOME_COUNT; i++)
		assert_int_equal(bench.summary.outcomes[i], 0);
	expect_sound(&bench);
	bench_close(&bench);
}

static void the_figures_of_this_batch_follow(void **state)
{
	(void)state;
	struct line_bench bench;
	bench_open(&bench, "core", 2);
	bench_take_job(&bench, &usual_job);
	vcloud_behave(bench.vcloud, VCLOUD_DOWN, 0);
	for (unsigned i = 0; i < 2; i++) {
		bench_unit_new(&bench, i + 1, VUNIT_CORE_FACTORY, false);
		bench_plug(&bench, i, i + 1, true);
	}
	bench_start(&bench, &endless_run);
	assert_true(bench_await(&bench, LINE_OUTCOME, 2, LONG_MS));
	bench_expect(&bench, 0, OUTCOME_HELD, REASON_CLOUD_UNREACHABLE);
	vcloud_behave(bench.vcloud, VCLOUD_GOOD, 0);
	make_due(&bench);
	assert_true(bench_await(&bench, LINE_SETTLED, 2, LONG_MS));
	drain_and_join(&bench);
	assert_int_equal(bench.summary.outcomes[OUTCOME_PASS], 2);
	assert_int_equal(bench.summary.outcomes[OUTCOME_HELD], 0);
	bench_expect_made(&bench, 0);
	bench_expect_made(&bench, 1);
	bench_close(&bench);
}

static void a_refusal_in_the_background_is_a_fail(void **state)
{
	(void)state;
	struct line_bench bench;
	open_held(&bench, 1);
	vcloud_behave(bench.vcloud, VCLOUD_ERROR_IN_200, 0);
	bench_start(&bench, &endless_run);
	assert_true(bench_await(&bench, LINE_SETTLED, 1, LONG_MS));
	drain_and_join(&bench);
	expect_outcomes(&bench, "FAIL cloud-refused");
	assert_int_equal(bench.events[0].outcome, OUTCOME_FAIL);
	assert_int_equal(bench.events[0].reason, REASON_CLOUD_REFUSED);
	expect_sound(&bench);
	bench_close(&bench);
}

/* The old key is under way when its unit comes back to become something else. */
static void a_unit_in_work_is_left_to_its_worker(void **state)
{
	static const struct bench_job newer_job = { .edition = 2 };
	(void)state;
	struct line_bench bench;
	char id[LINE_DEVICE_ID];
	open_held(&bench, 1);
	bench_take_job(&bench, &newer_job);
	vcloud_behave(bench.vcloud, VCLOUD_SLOW, 1000);
	uint32_t before = vcloud_requests(bench.vcloud);
	bench_start(&bench, &endless_run);
	await_request(&bench, before);
	vcloud_behave(bench.vcloud, VCLOUD_GOOD, 0);
	make_due(&bench);
	bench_unit_id(1, id);
	assert_true(line_scan(bench.line, "A1", id, &bench.err));
	bench_plug(&bench, 0, 1, true);
	assert_true(bench_await(&bench, LINE_OUTCOME, 1, LONG_MS));
	/* The late request of the old key arrives now at the latest. */
	clock_pause_until(clock_mono_us() + 1200000, NULL);
	drain_and_join(&bench);
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	assert_int_equal(bench_count(&bench, LINE_SETTLED), 0);
	expect_outcomes(&bench, "FAIL superseded, PASS -");
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

/* Holds the unit up at its first step, before it has a new key, for longer than the background
 * takes between two looks. */
static void linger(struct line_bench *bench, const struct line_event *event)
{
	if (event->kind != LINE_STEP || strcmp(event->step, "check") != 0)
		return;
	vcloud_behave(bench->vcloud, VCLOUD_GOOD, 0);
	make_due(bench);
	clock_pause_until(clock_mono_us() + 1500000, NULL);
}

static void nothing_is_sent_for_a_unit_in_work(void **state)
{
	static const struct bench_job newer_job = { .edition = 2 };
	(void)state;
	struct line_bench bench;
	char id[LINE_DEVICE_ID];
	open_held(&bench, 1);
	bench_take_job(&bench, &newer_job);
	bench.watch = linger;
	uint32_t before = vcloud_requests(bench.vcloud);
	bench_start(&bench, &endless_run);
	await_request(&bench, before);
	bench_unit_id(1, id);
	assert_true(line_scan(bench.line, "A1", id, &bench.err));
	bench_plug(&bench, 0, 1, true);
	assert_true(bench_await(&bench, LINE_OUTCOME, 1, LONG_MS));
	drain_and_join(&bench);
	assert_int_equal(bench_count(&bench, LINE_SETTLED), 0);
	expect_outcomes(&bench, "FAIL superseded, PASS -");
	assert_int_equal(
		bench_sql_int(&bench, "SELECT count(*) FROM outbox WHERE state = 'closed'"), 1);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

static void the_end_of_the_line_does_not_wait_for_the_cloud(void **state)
{
	(void)state;
	for (int abort = 0; abort < 2; abort++) {
		struct line_bench bench;
		open_held(&bench, 1);
		vcloud_behave(bench.vcloud, VCLOUD_SLOW, 60000);
		uint32_t before = vcloud_requests(bench.vcloud);
		bench_start(&bench, &endless_run);
		await_request(&bench, before);
		uint64_t at_us = clock_mono_us();
		if (abort)
			line_abort(bench.line);
		else
			line_drain(bench.line);
		assert_true(bench_join(&bench));
		assert_true(clock_mono_us() - at_us < (abort ? 2000000 : 5000000));
		expect_outcomes(&bench, "HELD cloud-unreachable");
		assert_int_equal(
			bench_sql_int(&bench, "SELECT count(*) FROM outbox WHERE state = 'due'"),
			1);
		expect_sound(&bench);
		bench_close(&bench);
	}
}

static void a_cloud_that_is_down_is_not_pressed(void **state)
{
	(void)state;
	struct line_bench bench;
	open_held(&bench, 4);
	uint32_t before = vcloud_requests(bench.vcloud);
	bench_start(&bench, &endless_run);
	await_request(&bench, before);
	clock_pause_until(clock_mono_us() + 3000000, NULL);
	drain_and_join(&bench);
	/* At most one enrolment of three sends at the start, after one second and after two
	 * more. */
	assert_in_range(vcloud_requests(bench.vcloud) - before, 1, 9);
	assert_int_equal(bench_count(&bench, LINE_SETTLED), 0);
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_of_an_earlier_batch_are_released),
		cmocka_unit_test(the_figures_of_this_batch_follow),
		cmocka_unit_test(a_refusal_in_the_background_is_a_fail),
		cmocka_unit_test(a_unit_in_work_is_left_to_its_worker),
		cmocka_unit_test(nothing_is_sent_for_a_unit_in_work),
		cmocka_unit_test(the_end_of_the_line_does_not_wait_for_the_cloud),
		cmocka_unit_test(a_cloud_that_is_down_is_not_pressed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
