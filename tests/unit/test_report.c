/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of a report, on records whose numbers can be counted by hand. */
/* USES: report record */
#include "record_fixture.h"

#include "render.h"
#include "stats.h"

#define UNIT_C "1b0031000547343337373738"

static struct report *make(struct bench *bench, const struct figures_scope *scope)
{
	struct report *report = NULL;
	GOOD(bench, report_make(bench->record, scope, &report, &bench->err));
	return report;
}

#define SHARE(share, part_, whole_) \
	do { \
		assert_int_equal((share).part, part_); \
		assert_int_equal((share).whole, whole_); \
	} while (0)

/* A at the second passage, B after a retry, C not at all; one without an id, and one that was put
 * away. */
static void fill(struct bench *bench, char batch[UUID_TEXT])
{
	char attempt[UUID_TEXT];
	begin_batch(bench, PLAN_1, NULL, "W1", batch);
	make_plain(bench, batch, UNIT_A, OUTCOME_FAIL, REASON_FLASH_BAD);
	make_plain(bench, batch, UNIT_A, OUTCOME_PASS, REASON_NONE);
	begin_attempt(bench, batch, UNIT_B, attempt);
	do_step(bench, attempt, "write-images", 1, OUTCOME_FAIL, REASON_USB_STALL);
	do_step(bench, attempt, "write-images", 2, OUTCOME_PASS, REASON_NONE);
	do_step(bench, attempt, "readback", 1, OUTCOME_PASS, REASON_NONE);
	GOOD(bench, finish(bench, attempt, OUTCOME_PASS, REASON_NONE));
	make_plain(bench, batch, UNIT_C, OUTCOME_FAIL, REASON_FLASH_BAD);
	make_plain(bench, batch, NULL, OUTCOME_FAIL, REASON_NO_DEVICE_ID);
	make_plain(bench, batch, "000031000547343337373738", OUTCOME_ABORTED, REASON_STOPPED);
}

static void yields_are_those_of_the_design(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT];
	fill(bench, batch);
	const struct figures_scope scope = { .work_order = "W1" };
	struct report *report = make(bench, &scope);
	assert_int_equal(report->attempts, 6);
	assert_int_equal(report->units_started, 5);
	assert_int_equal(report->units_good, 2);
	assert_int_equal(report->outcomes.count[OUTCOME_PASS], 2);
	assert_int_equal(report->outcomes.count[OUTCOME_FAIL], 3);
	assert_int_equal(report->outcomes.count[OUTCOME_ABORTED], 1);
	/* Only A, B and C were judged. */
	SHARE(report->first_pass, 1, 3);
	SHARE(report->first_pass_strict, 0, 3);
	assert_true(report->running);
	assert_false(report->final_defined);
	assert_int_equal(report->retries, 1);
	assert_int_equal(report->saved_by_retry, 1);
	assert_string_equal(report->failures[0].code, "flash-bad");
	assert_int_equal(report->failures[0].attempts, 2);
	assert_int_equal(report->failures[0].units, 2);
	assert_string_equal(report->failed_steps[0].name, "write-images");
	assert_int_equal(report->failure_count, 1);
	assert_int_equal(report->loss_count, 2);
	assert_string_equal(report->losses[0].code, "no-device-id");
	assert_string_equal(report->losses[1].code, "stopped");
	assert_int_equal(report->slot_count, 1);
	SHARE(report->slots[0].yield, 2, 4);
	report_free(report);
	GOOD(bench, record_batch_end(bench->record, batch, "done", &bench->err));
	/* The other slots went on. */
	GOOD(bench, record_line_stop(bench->record, batch, 1, clock_utc_ms(),
			    "hub-gone: port 1-1, slots A1", &bench->err));
	report = make(bench, &scope);
	assert_int_equal(report->stop_count, 1);
	assert_int_equal(report->stopped_ms, 0);
	assert_true(report->final_defined);
	SHARE(report->final_yield, 2, 5);
	report_free(report);
}

/* Units that the cloud lets in although they are not PASS: as they stand by now. */
static void enrolled_units_without_pass_are_counted(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], attempt[UUID_TEXT];
	struct public_key key;
	const struct figures_scope scope = { .work_order = "W1" };
	begin_batch(bench, PLAN_1, "main", "W1", batch);
	/* A fails with a key that is enrolled, B with one that is not, C before it had any. */
	begin_attempt(bench, batch, UNIT_A, attempt);
	answer(bench, put_key(bench, attempt, "main", &key), true);
	GOOD(bench, finish(bench, attempt, OUTCOME_FAIL, REASON_FLASH_BAD));
	begin_attempt(bench, batch, UNIT_B, attempt);
	answer(bench, put_key(bench, attempt, "main", &key), false);
	GOOD(bench, finish(bench, attempt, OUTCOME_FAIL, REASON_FLASH_BAD));
	make_plain(bench, batch, UNIT_C, OUTCOME_FAIL, REASON_FLASH_BAD);
	SQL_IS(bench, UNIT_A,
		"SELECT group_concat(device_id) FROM attempt WHERE left_enrolled = 1");
	struct report *report = make(bench, &scope);
	assert_int_equal(report->keys.by_now.enrolled_not_pass, 1);
	report_free(report);
	/* Once more, before its key is looked at; one unit all the same. */
	make_plain(bench, batch, UNIT_A, OUTCOME_ABORTED, REASON_STOPPED);
	report = make(bench, &scope);
	assert_int_equal(report->keys.by_now.enrolled_not_pass, 1);
	report_free(report);
	/* What changes nothing on it does not count; PASS does. */
	make_plain(bench, batch, UNIT_A, OUTCOME_REFUSED, REASON_NEEDS_REPAIR);
	report = make(bench, &scope);
	assert_int_equal(report->keys.by_now.enrolled_not_pass, 1);
	report_free(report);
	begin_attempt(bench, batch, UNIT_A, attempt);
	do_step(bench, attempt, "readback", 1, OUTCOME_PASS, REASON_NONE);
	answer(bench, put_key(bench, attempt, "main", &key), true);
	GOOD(bench, finish(bench, attempt, OUTCOME_PASS, REASON_NONE));
	report = make(bench, &scope);
	assert_int_equal(report->keys.by_now.enrolled_not_pass, 0);
	assert_int_equal(report->keys.by_now.superseded, 1);
	report_free(report);
}

static void steps_multiply_to_the_rolled_yield(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT];
	fill(bench, batch);
	const struct figures_scope scope = { .last_batch = true };
	struct report *report = make(bench, &scope);
	assert_int_equal(report->step_count, 2);
	assert_string_equal(report->steps[0].name, "write-images");
	assert_int_equal(report->steps[0].passed_first, 1);
	assert_int_equal(report->steps[0].passed_later, 1);
	assert_true(report->steps[0].failed >= 2);
	assert_int_equal(report->steps[1].entered, 1);
	double first = 1.0 / (double)report->steps[0].entered;
	assert_true(report->rolled > first - 1e-9 && report->rolled < first + 1e-9);
	report_free(report);
}

static void nothing_is_neither_all_nor_none(void **state)
{
	struct bench *bench = *state;
	const struct figures_scope everything = { 0 }, last = { .last_batch = true },
				   absent = { .batch_id = "0193b5a0-0000-7000-8000-000000000000" };
	struct report *report = make(bench, &everything);
	assert_int_equal(report->attempts, 0);
	assert_true(report_ratio(report->first_pass) < 0);
	assert_true(report->rolled < 0 && report->uph_gross < 0 && report->uph_net < 0);
	assert_int_equal(report->output_interval_ms, -1);
	assert_int_equal(report->process.count, 0);
	report_free(report);
	BAD(bench, REASON_INPUT, report_make(bench->record, &last, &report, &bench->err));
	BAD(bench, REASON_INPUT, report_make(bench->record, &absent, &report, &bench->err));
}

static void one_bad_slot_among_many_is_flagged(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], attempt[UUID_TEXT], id[RECORD_DEVICE_ID];
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	for (unsigned i = 0; i < 4 * 25; i++) {
		char slot[8];
		snprintf(slot, sizeof slot, "A%u", i % 4 + 9);
		snprintf(id, sizeof id, "%024x", i + 1);
		const struct record_arrival arrival = { .batch_id = batch,
			.kind = "provision",
			.arrived_at = clock_utc_ms(),
			.slot = slot };
		unsigned passage;
		GOOD(bench, record_attempt_begin(bench->record, &arrival, attempt, &bench->err));
		GOOD(bench, record_attempt_set_device(
				    bench->record, attempt, id, "scan", &passage, &bench->err));
		bool bad = i % 4 == 1 && i % 3 == 0;
		do_step(bench, attempt, "write-images", 1, bad ? OUTCOME_FAIL : OUTCOME_PASS,
			bad ? REASON_FLASH_BAD : REASON_NONE);
		GOOD(bench, finish(bench, attempt, bad ? OUTCOME_FAIL : OUTCOME_PASS,
				    bad ? REASON_FLASH_BAD : REASON_NONE));
	}
	const struct figures_scope scope = { .batch_id = batch };
	struct report *report = make(bench, &scope);
	assert_int_equal(report->slot_count, 4);
	assert_string_equal(report->slots[0].name, "A9");
	assert_string_equal(report->slots[1].name, "A10");
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(report->slots[i].flagged, i == 1);
	assert_int_equal(report->slots[2].turnaround.count, 24);
	report_free(report);
}

static void only_all_of_it_is_all(void **state)
{
	(void)state;
	char text[64];
	render_share((struct report_share){ 9999, 10000 }, text);
	assert_string_equal(text, "99.9 % (9999 of 10000)");
	render_share((struct report_share){ 10000, 10000 }, text);
	assert_string_equal(text, "100.0 % (10000 of 10000)");
	render_share((struct report_share){ 1, 100000 }, text);
	assert_string_equal(text, "0.1 % (1 of 100000)");
	render_share((struct report_share){ 0, 10 }, text);
	assert_string_equal(text, "0.0 % (0 of 10)");
	render_share((struct report_share){ 0, 0 }, text);
	assert_string_equal(text, "- (nothing judged)");
}

static void wilson_is_wilsons(void **state)
{
	(void)state;
	double low, high, z = stats_normal_z(0.025);
	assert_true(z > 1.95996 && z < 1.95997);
	/* 8 of 10, by hand from the formula. */
	stats_wilson(8, 10, z, &low, &high);
	assert_true(low > 0.4901 && low < 0.4902);
	assert_true(high > 0.9433 && high < 0.9434);
	stats_wilson(0, 5, z, &low, &high);
	assert_true(low == 0 && high > 0.43 && high < 0.44);
	assert_int_equal(stats_round_width(0, 10), 1);
	assert_int_equal(stats_round_width(999, 10), 100);
	assert_int_equal(stats_round_width(1000, 10), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			enrolled_units_without_pass_are_counted, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			yields_are_those_of_the_design, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			steps_multiply_to_the_rolled_yield, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			nothing_is_neither_all_nor_none, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			one_bad_slot_among_many_is_flagged, bench_setup, bench_teardown),
		cmocka_unit_test(only_all_of_it_is_all),
		cmocka_unit_test(wilson_is_wilsons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
