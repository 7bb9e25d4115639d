/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line_fixture */
/* Units that vanish in the middle of their work: taken up again, or named truly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "line_fixture.h"

enum { WAIT_MS = 1500, IN_ITS_IMAGES = 300, IN_A_SMALL_IMAGE = 60 };

/* What is plugged in where a unit was cut off. */
struct replug {
	struct line_bench bench;
	unsigned unit; /* 0: nothing */
	bool button;
};

static void cut(void *context, const char *port)
{
	struct replug *replug = context;
	unsigned slot = (unsigned)strtoul(port + 2, NULL, 10) - 1;
	bench_unplug(&replug->bench, slot);
	if (replug->unit)
		bench_plug(&replug->bench, slot, replug->unit, replug->button);
}

static void open_cut(struct replug *replug, const char *family, enum vunit_bootloader bootloader,
	const struct bench_job *job)
{
	struct line_bench *bench = &replug->bench;
	bench_open(bench, family, 2);
	bench_take_job(bench, job);
	bench->config.gone_wait_ms = WAIT_MS;
	bench_unit_new(bench, 1, bootloader, false);
	bench_plug(bench, 0, 1, true);
	usb_fault_on_unplug(bench->fault, cut, replug);
}

static void cut_at(struct replug *replug, const char *port, uint64_t at)
{
	struct usb_fault_rule rule = {
		.kind = USB_FAULT_UNPLUG, .request = USB_FAULT_ANY_REQUEST, .at = at
	};
	snprintf(rule.port, sizeof rule.port, "%s", port);
	assert_true(usb_fault_add(replug->bench.fault, &rule, &replug->bench.err));
}

static void run(struct replug *replug, enum outcome outcome, enum reason reason)
{
	assert_true(bench_run(&replug->bench, &(struct bench_run){ 0 }));
	bench_expect(&replug->bench, 0, outcome, reason);
}

static int64_t observed(const struct line_bench *bench, const char *name)
{
	return bench_sql_int(bench, "SELECT count(*) FROM observation WHERE name = '%s'", name);
}

/* One attempt, one key, PASS; and the loss is not hidden. */
static void a_unit_that_comes_back_is_made_in_the_same_attempt(void **state)
{
	(void)state;
	static const struct {
		const char *family;
		enum vunit_bootloader bootloader;
	} kinds[] = { { "core", VUNIT_CORE_FACTORY }, { "photon", VUNIT_PHOTON_1_4_4 } };
	for (unsigned i = 0; i < 4; i++) {
		struct replug replug = { .unit = 1, .button = i % 2 == 0 };
		struct line_bench *bench = &replug.bench;
		/* Without parts a Photon that runs can be asked for DFU at any moment. */
		struct bench_job job = { .no_parts = true };
		open_cut(&replug, kinds[i / 2].family, kinds[i / 2].bootloader, &job);
		cut_at(&replug, "1-1", i < 2 ? 60 : 100);
		run(&replug, OUTCOME_PASS, REASON_NONE);
		assert_int_equal(bench_sql_int(bench, "SELECT count(*) FROM attempt"), 1);
		assert_int_equal(bench_sql_int(bench, "SELECT count(*) FROM device_key"), 1);
		assert_int_equal(bench_sql_int(bench, "SELECT count(*) FROM outbox"), 1);
		assert_int_equal(observed(bench, "vanished"), 1);
		assert_int_equal(observed(bench, "check-power"), 0);
		assert_int_equal(bench_count(bench, LINE_RETRY), 1);
		bench_expect_made(bench, 0);
		bench_close(bench);
	}
}

/* The key was enrolled already: it is written and proven again, and not sent again. */
static void a_key_that_was_sent_stays(void **state)
{
	(void)state;
	struct replug replug = { .unit = 1, .button = true };
	struct line_bench *bench = &replug.bench;
	open_cut(&replug, "core", VUNIT_CORE_1_4_4, &(struct bench_job){ 0 });
	cut_at(&replug, "1-1", 170); /* in the images */
	run(&replug, OUTCOME_PASS, REASON_NONE);
	assert_int_equal(bench_sql_int(bench, "SELECT count(*) FROM step WHERE name = 'device-key' "
					      "AND outcome = 'PASS'"),
		2);
	assert_int_equal(bench_sql_int(bench, "SELECT count(*) FROM step WHERE name = 'prove-key' "
					      "AND outcome = 'PASS'"),
		2);
	assert_int_equal(bench_sql_int(bench, "SELECT count(*) FROM step WHERE name = 'enrol'"), 1);
	assert_int_equal(bench_sql_int(bench, "SELECT tries FROM outbox"), 1);
	bench_expect_made(bench, 0);
	bench_close(bench);
}

static void one_that_vanishes_again_and_again_has_bad_power(void **state)
{
	(void)state;
	struct replug replug = { .unit = 1, .button = true };
	struct line_bench *bench = &replug.bench;
	open_cut(&replug, "core", VUNIT_CORE_1_4_4, &(struct bench_job){ 0 });
	for (unsigned i = 1; i <= 3; i++)
		cut_at(&replug, "1-1", 100 * i);
	run(&replug, OUTCOME_FAIL, REASON_USB_GONE);
	struct line_event outcome = bench_outcome(bench, 0);
	assert_non_null(strstr(outcome.text, "it vanished 3 times: check power"));
	assert_null(strstr(outcome.text, "check slot"));
	assert_int_equal(observed(bench, "vanished"), 3);
	assert_int_equal(observed(bench, "check-power"), 2);
	/* Handling: it is not worn out by that. */
	assert_int_equal(bench_sql_int(bench, "SELECT count(*) FROM attempt WHERE cause = "
					      "'handling'"),
		1);
	usb_fault_clear(bench->fault);
	bench_unplug(bench, 0);
	bench_plug(bench, 0, 1, true);
	run(&replug, OUTCOME_PASS, REASON_NONE);
	bench_expect_made(bench, 0);
	bench_close(bench);
}

static void several_at_one_slot_point_to_the_slot(void **state)
{
	(void)state;
	struct replug replug = { 0 };
	struct line_bench *bench = &replug.bench;
	open_cut(&replug, "core", VUNIT_CORE_1_4_4, &(struct bench_job){ .no_retries = true });
	bench_unit_new(bench, 2, VUNIT_CORE_1_4_4, false);
	cut_at(&replug, "1-1", 100);
	cut_at(&replug, "1-1", 200);
	bench_start(bench, &(struct bench_run){ .until_stopped = true });
	assert_true(bench_await(bench, LINE_OUTCOME, 1, 20000));
	assert_null(strstr(bench_outcome(bench, 0).text, "check"));
	char id[LINE_DEVICE_ID];
	bench_unit_id(2, id);
	assert_true(line_scan(bench->line, "A1", id, &bench->err));
	bench_plug(bench, 0, 2, true);
	assert_true(bench_await(bench, LINE_OUTCOME, 2, 20000));
	line_drain(bench->line);
	assert_true(bench_join(bench));
	bench_expect(bench, 0, OUTCOME_FAIL, REASON_USB_GONE);
	assert_non_null(
		strstr(bench_outcome(bench, 0).text, "2 units vanished at slot A1: check slot"));
	assert_null(strstr(bench_outcome(bench, 0).text, "check power"));
	assert_int_equal(observed(bench, "check-slot"), 1);
	bench_close(bench);
}

static void one_that_stays_away_is_waited_for_in_vain(void **state)
{
	(void)state;
	struct replug replug = { 0 };
	open_cut(&replug, "photon", VUNIT_PHOTON_1_4_4, &(struct bench_job){ 0 });
	cut_at(&replug, "1-1", IN_ITS_IMAGES);
	run(&replug, OUTCOME_FAIL, REASON_USB_GONE);
	struct line_event outcome = bench_outcome(&replug.bench, 0);
	assert_non_null(strstr(outcome.text, "was not back at port 1-1 within 1500 ms"));
	assert_true(outcome.elapsed_ms >= WAIT_MS);
	bench_close(&replug.bench);
}

static void another_one_in_its_place_is_not_it(void **state)
{
	(void)state;
	struct replug replug = { .unit = 2, .button = true };
	struct line_bench *bench = &replug.bench;
	char why[BENCH_TEXT_MAX];
	open_cut(&replug, "photon", VUNIT_PHOTON_1_4_4, &(struct bench_job){ 0 });
	bench_unit_new(bench, 2, VUNIT_PHOTON_1_4_4, false);
	cut_at(&replug, "1-1", IN_ITS_IMAGES);
	run(&replug, OUTCOME_FAIL, REASON_UNIT_SWAPPED);
	bench_unplug(bench, 0);
	/* Nothing was done to it. */
	assert_true(bench_judge_beside(bench, 2, why));
	assert_false(bench_judge_made(bench, 2, why));
	bench_close(bench);
}

/* Its chip tells no id: nobody could say whether the one that comes next is the one that went. */
static void one_that_only_its_label_names_is_not_taken_up_again(void **state)
{
	(void)state;
	for (unsigned next = 1; next <= 2; next++) {
		struct replug replug = { .unit = next, .button = true };
		struct line_bench *bench = &replug.bench;
		char why[BENCH_TEXT_MAX];
		open_cut(&replug, "stm32-custom", VUNIT_ROM_F4, &(struct bench_job){ 0 });
		bench_unit_new(bench, 2, VUNIT_ROM_F4, false);
		cut_at(&replug, "1-1", IN_A_SMALL_IMAGE);
		run(&replug, OUTCOME_FAIL, REASON_USB_GONE);
		bench_unplug(bench, 0);
		assert_true(bench_judge_beside(bench, 2, why));
		assert_false(bench_judge_made(bench, 2, why));
		assert_int_equal(observed(bench, "vanished"), 1);
		bench_close(bench);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_that_comes_back_is_made_in_the_same_attempt),
		cmocka_unit_test(a_key_that_was_sent_stays),
		cmocka_unit_test(one_that_vanishes_again_and_again_has_bad_power),
		cmocka_unit_test(several_at_one_slot_point_to_the_slot),
		cmocka_unit_test(one_that_stays_away_is_waited_for_in_vain),
		cmocka_unit_test(another_one_in_its_place_is_not_it),
		cmocka_unit_test(one_that_only_its_label_names_is_not_taken_up_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
