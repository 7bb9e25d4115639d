/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line_fixture */
/* The line as a whole: units that come and go at slots, who they are, and what is said of them. */
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

enum { LONG_MS = 20000, SETTLED_MS = 700 };

static const struct bench_job usual_job = { 0 };
static const struct bench_run usual_run = { 0 };

static void open_with(struct line_bench *bench, const char *family, unsigned slots,
	enum vunit_bootloader bootloader)
{
	bench_open(bench, family, slots);
	bench_take_job(bench, &usual_job);
	for (unsigned i = 0; i < slots; i++) {
		bench_unit_new(bench, i + 1, bootloader, false);
		bench_plug(bench, i, i + 1, true);
	}
}

static void units_of_every_kind_pass(void **state)
{
	(void)state;
	static const enum vunit_bootloader kinds[] = { VUNIT_CORE_FACTORY, VUNIT_CORE_1_4_4,
		VUNIT_PHOTON_0_5_3, VUNIT_PHOTON_0_6_0, VUNIT_PHOTON_1_0_0, VUNIT_PHOTON_1_4_4 };
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct line_bench bench;
		open_with(&bench, i < 2 ? "core" : "photon", 2, kinds[i]);
		assert_true(bench_run(&bench, &usual_run));
		assert_false(bench.summary.stopped);
		assert_int_equal(bench.summary.outcomes[OUTCOME_PASS], 2);
		bench_expect_made(&bench, 0);
		bench_expect_made(&bench, 1);
		bench_close(&bench);
	}
}

/* --- what is told --- */

static void look_for_row(struct line_bench *bench, const struct line_event *event)
{
	char found[256], wanted[256];
	unsigned *told = bench->context;
	if (event->kind != LINE_OUTCOME)
		return;
	bench_sql(bench, found, sizeof found,
		"SELECT outcome || ' ' || coalesce(reason, '') FROM attempt WHERE slot = '%s' "
		"ORDER BY started_at DESC, id DESC LIMIT 1",
		event->slot);
	snprintf(wanted, sizeof wanted, "%s %s", outcome_name(event->outcome),
		reason_info(event->reason)->code);
	*told += strcmp(found, wanted) == 0;
}

static void an_outcome_is_told_after_its_row_is_there(void **state)
{
	(void)state;
	struct line_bench bench;
	unsigned told = 0;
	struct usb_fault_rule rule = {
		.port = "1-2", .kind = USB_FAULT_UNPLUG, .request = USB_FAULT_ANY_REQUEST, .at = 100
	};
	open_with(&bench, "core", 2, VUNIT_CORE_FACTORY);
	assert_true(usb_fault_add(bench.fault, &rule, &bench.err));
	bench.watch = look_for_row;
	bench.context = &told;
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	bench_expect(&bench, 1, OUTCOME_FAIL, REASON_USB_GONE);
	bench_unplug(&bench, 0);
	bench_plug(&bench, 0, 1, true);
	assert_true(bench_run(&bench, &(struct bench_run){ .end_after = 1 }));
	bench_expect(&bench, 0, OUTCOME_SKIPPED, REASON_ALREADY_MADE);
	assert_int_equal(told, 3);
	bench_close(&bench);
}

/* --- slots --- */

static void stop(struct line_bench *bench)
{
	line_drain(bench->line);
	assert_true(bench_join(bench));
}

static void scan(struct line_bench *bench, unsigned slot, unsigned unit)
{
	char id[LINE_DEVICE_ID];
	struct err err;
	bench_unit_id(unit, id);
	assert_true(line_scan(bench->line, bench->config.slots[slot].name, id, &err));
}

/* The unit leaves DFU and comes back as what its program makes of it, with another serial perhaps: it is the same. */
static void an_outcome_stands_while_the_same_unit_comes_back(void **state)
{
	(void)state;
	static const enum vunit_bootloader kinds[] = { VUNIT_CORE_FACTORY, VUNIT_CORE_1_4_4,
		VUNIT_PHOTON_0_5_3, VUNIT_PHOTON_0_6_0, VUNIT_PHOTON_1_4_4 };
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct line_bench bench;
		open_with(&bench, i < 2 ? "core" : "photon", 1, kinds[i]);
		bench_start(&bench, &(struct bench_run){ .until_stopped = true });
		assert_true(bench_await(&bench, LINE_OUTCOME, 1, LONG_MS));
		usleep(SETTLED_MS * 1000);
		stop(&bench);
		if (bench_count(&bench, LINE_ARRIVED) != 1)
			fail_msg("bootloader %d: taken up %u times", (int)kinds[i],
				bench_count(&bench, LINE_ARRIVED));
		bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
		assert_int_equal(vunit_mode(bench.units[0]), VUNIT_CDC);
		bench_close(&bench);
	}
}

static void another_unit_at_the_slot_is_taken_up_at_once(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, "core", 1, VUNIT_CORE_1_4_4);
	bench_unit_new(&bench, 2, VUNIT_CORE_1_4_4, false);
	bench_start(&bench, &(struct bench_run){ .until_stopped = true });
	assert_true(bench_await(&bench, LINE_OUTCOME, 1, LONG_MS));
	bench_unplug(&bench, 0);
	bench_plug(&bench, 0, 2, true);
	assert_true(bench_await(&bench, LINE_OUTCOME, 2, LONG_MS));
	stop(&bench);
	assert_int_equal(bench.summary.outcomes[OUTCOME_PASS], 2);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

/* Photons of old all have the same serial in DFU: only the empty slot tells that another one came. */
static void a_unit_after_an_empty_slot_is_taken_up(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, "photon", 1, VUNIT_PHOTON_0_5_3);
	bench_unit_new(&bench, 2, VUNIT_PHOTON_0_5_3, false);
	bench_start(&bench, &(struct bench_run){ .until_stopped = true });
	assert_true(bench_await(&bench, LINE_OUTCOME, 1, LONG_MS));
	bench_unplug(&bench, 0);
	usleep(3600 * 1000);
	scan(&bench, 0, 2);
	bench_plug(&bench, 0, 2, true);
	assert_true(bench_await(&bench, LINE_OUTCOME, 2, LONG_MS));
	stop(&bench);
	assert_int_equal(bench.summary.outcomes[OUTCOME_PASS], 2);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

/* --- identity --- */

static void a_unit_whose_id_nobody_knows_is_not_touched(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, "core", 1, VUNIT_CORE_FACTORY);
	assert_true(bench_run(&bench, &(struct bench_run){ .no_scan = true }));
	bench_expect(&bench, 0, OUTCOME_FAIL, REASON_NO_DEVICE_ID);
	bench_unplug(&bench, 0);
	bench_expect_untouched(&bench, 1);
	bench_close(&bench);
}

static void the_label_of_another_unit_is_found_out(void **state)
{
	(void)state;
	static const enum vunit_bootloader kinds[] = { VUNIT_CORE_FACTORY, VUNIT_CORE_1_4_4 };
	for (size_t i = 0; i < 2; i++) {
		struct line_bench bench;
		open_with(&bench, "core", 1, kinds[i]);
		bench.plugged[0] = 77; /* its label is scanned instead */
		assert_true(bench_run(&bench, &usual_run));
		bench_expect(&bench, 0, OUTCOME_FAIL, REASON_ID_DISAGREES);
		bench_unplug(&bench, 0);
		bench_expect_untouched(&bench, 1);
		bench_close(&bench);
	}
}

struct swap {
	const char *step;
	bool button, done;
};

static void swap_units(struct line_bench *bench, const struct line_event *event)
{
	struct swap *swap = bench->context;
	if (event->kind != LINE_STEP || strcmp(event->step, swap->step) != 0 || swap->done)
		return;
	swap->done = true;
	bench_unplug(bench, 0);
	bench_plug(bench, 0, 2, swap->button);
}

static void another_unit_that_comes_back_is_found_out(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct line_bench bench;
		struct swap swap = { .step = "reenter", .button = i == 1 };
		open_with(&bench, "photon", 1, VUNIT_PHOTON_1_4_4);
		bench_unit_new(&bench, 2, VUNIT_PHOTON_1_4_4, false);
		bench.watch = swap_units;
		bench.context = &swap;
		assert_true(bench_run(&bench, &usual_run));
		bench_expect(&bench, 0, OUTCOME_FAIL, REASON_UNIT_SWAPPED);
		bench_unplug(&bench, 0);
		if (swap.button)
			bench_expect_untouched(&bench, 2);
		bench_close(&bench);
	}
}

static void stall_once(struct line_bench *bench, const struct line_event *event)
{
	struct usb_fault_rule rule = { .port = "1-1",
		.kind = USB_FAULT_FAIL,
		.request = USB_FAULT_ANY_REQUEST,
		.at = 2,
		.reason = REASON_USB_STALL };
	struct err err;
	if (event->kind == LINE_STEP && strcmp(event->step, "reenter") == 0 &&
		event->try_number == 1 && usb_fault_add(bench->fault, &rule, &err))
		bench->watch = NULL;
}

/* It is back in DFU when its descriptors cannot be read, and stays there: nothing more arrives. */
static void a_unit_that_cannot_be_opened_after_its_return_is_opened_again(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, "photon", 1, VUNIT_PHOTON_1_4_4);
	bench.watch = stall_once;
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	assert_int_equal(bench_count(&bench, LINE_RETRY), 1);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

/* Nobody knows which of the two is the one of the record. */
static void of_two_units_with_one_id_none_is_made(void **state)
{
	(void)state;
	struct line_bench bench;
	char id[LINE_DEVICE_ID], mark[32];
	bench_open(&bench, "core", 2);
	bench_take_job(&bench, &usual_job);
	bench_unit_new(&bench, 1, VUNIT_CORE_1_4_4, false);
	bench_unit_new(&bench, BENCH_TWIN + 1, VUNIT_CORE_1_4_4, false);
	bench_plug(&bench, 0, 1, true);
	bench_plug(&bench, 1, BENCH_TWIN + 1, true);
	vcloud_behave(bench.vcloud, VCLOUD_SLOW, 500); /* both are there at the same time */
	assert_true(bench_run(&bench, &usual_run));
	assert_int_equal(bench.summary.outcomes[OUTCOME_REFUSED], 2);
	bench_unit_id(1, id);
	bench_sql(&bench, mark, sizeof mark,
		"SELECT mark FROM unit_mark WHERE device_id = '%s' ORDER BY id DESC LIMIT 1", id);
	assert_string_equal(mark, "quarantine");
	bench_close(&bench);
}

/* --- the end of an attempt --- */

static void with_after_runs_the_program_has_to_show_up(void **state)
{
	(void)state;
	static const struct bench_job runs = { .runs = true };
	static const enum vunit_bootloader kinds[] = { VUNIT_CORE_FACTORY, VUNIT_PHOTON_1_4_4 };
	for (unsigned i = 0; i < 2; i++) {
		struct line_bench bench;
		open_with(&bench, i == 0 ? "core" : "photon", 1, kinds[i]);
		bench_take_job(&bench, &runs);
		assert_true(bench_run(&bench, &usual_run));
		bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
		assert_int_equal(vunit_mode(bench.units[0]), VUNIT_CDC);
		bench_expect_made(&bench, 0);
		bench_close(&bench);
	}
}

static void pull_out(struct line_bench *bench, const struct line_event *event)
{
	if (event->kind == LINE_STEP && strcmp(event->step, bench->context) == 0)
		bench_unplug(bench, 0);
}

static void a_program_that_does_not_show_up_is_no_pass(void **state)
{
	(void)state;
	static const struct bench_job runs = { .runs = true };
	struct line_bench bench;
	char step[] = "runs";
	open_with(&bench, "core", 1, VUNIT_CORE_FACTORY);
	bench_take_job(&bench, &runs);
	bench.watch = pull_out;
	bench.context = step;
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_FAIL, REASON_NO_SIGN_OF_LIFE);
	bench_close(&bench);
}

static void dawdle(struct line_bench *bench, const struct line_event *event)
{
	(void)bench;
	if (event->kind == LINE_STEP)
		usleep(30000);
}

static void an_attempt_that_takes_too_long_fails(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, "core", 1, VUNIT_CORE_FACTORY);
	bench.plan->job.limits.attempt_timeout_ms = 100;
	bench.watch = dawdle;
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_FAIL, REASON_ATTEMPT_TIMEOUT);
	bench_close(&bench);
}

static void a_photon_without_its_system_is_told_apart(void **state)
{
	(void)state;
	struct line_bench bench;
	bench_open(&bench, "photon", 1);
	bench_unit_new(&bench, 1, VUNIT_PHOTON_1_4_4, true);
	bench_take_job(&bench, &(struct bench_job){ .no_parts = true });
	bench_plug(&bench, 0, 1, true);
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_FAIL, REASON_DEPENDENCY);
	bench_unplug(&bench, 0);
	bench_expect_untouched(&bench, 1);

	bench_take_job(&bench, &(struct bench_job){ .no_parts = true, .independent = true });
	bench_plug(&bench, 0, 1, true);
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_FAIL, REASON_PARTS_INVALID);
	bench_unplug(&bench, 0);

	bench_take_job(&bench, &usual_job);
	bench_plug(&bench, 0, 1, true);
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_of_every_kind_pass),
		cmocka_unit_test(an_outcome_is_told_after_its_row_is_there),
		cmocka_unit_test(an_outcome_stands_while_the_same_unit_comes_back),
		cmocka_unit_test(another_unit_at_the_slot_is_taken_up_at_once),
		cmocka_unit_test(a_unit_after_an_empty_slot_is_taken_up),
		cmocka_unit_test(a_unit_whose_id_nobody_knows_is_not_touched),
		cmocka_unit_test(the_label_of_another_unit_is_found_out),
		cmocka_unit_test(another_unit_that_comes_back_is_found_out),
		cmocka_unit_test(a_unit_that_cannot_be_opened_after_its_return_is_opened_again),
		cmocka_unit_test(of_two_units_with_one_id_none_is_made),
		cmocka_unit_test(with_after_runs_the_program_has_to_show_up),
		cmocka_unit_test(a_program_that_does_not_show_up_is_no_pass),
		cmocka_unit_test(an_attempt_that_takes_too_long_fails),
		cmocka_unit_test(a_photon_without_its_system_is_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
