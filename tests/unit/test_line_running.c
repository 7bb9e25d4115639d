/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line_fixture */
/* Units that arrive running, with a bootloader that shows no id: who they are their firmware tells,
 * and what else is known must agree with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "line_fixture.h"

/* Both copies of the DCT hold the application's part at 7548, and the unit's id at 3618 in that. */
enum { COPY_1 = 0x4000 + 7548 + 3618, COPY_2 = 0x8000 + 7548 + 3618 };

static void open_with(struct line_bench *bench, enum vunit_bootloader bootloader)
{
	bench_open(bench, "photon", 1);
	bench_take_job(bench, &(struct bench_job){ 0 });
	bench_unit_new(bench, 1, bootloader, false);
}

static void assert_source(const struct line_bench *bench, const char *kind, const char *value)
{
	char found[256];
	bench_sql(bench, found, sizeof found,
		"SELECT value FROM attempt_identity WHERE kind = '%s' ORDER BY value DESC", kind);
	assert_string_equal(found, value);
}

static void what_its_firmware_says_is_a_source(void **state)
{
	struct line_bench bench;
	char id[LINE_DEVICE_ID];
	(void)state;
	bench_unit_id(1, id);
	open_with(&bench, VUNIT_PHOTON_0_5_3);
	bench_plug(&bench, 0, 1, false); /* fresh: it listens */
	assert_true(bench_run(&bench, &(struct bench_run){ .no_scan = true }));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	assert_source(&bench, "listening", id);
	assert_source(&bench, "dct", id);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

static void a_serial_that_is_an_id_needs_no_question(void **state)
{
	struct line_bench bench;
	char id[LINE_DEVICE_ID];
	(void)state;
	bench_unit_id(1, id);
	open_with(&bench, VUNIT_PHOTON_1_4_4);
	bench_plug(&bench, 0, 1, false);
	assert_true(bench_run(&bench, &(struct bench_run){ .no_scan = true }));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	assert_source(&bench, "listening", "");
	assert_source(&bench, "usb-serial", id);
	bench_close(&bench);
}

/* Its memory holds another unit's id: nobody knows which of the two it is. */
static void sources_that_disagree_stop_the_attempt(void **state)
{
	struct line_bench bench;
	char id[LINE_DEVICE_ID];
	(void)state;
	bench_unit_id(1, id);
	open_with(&bench, VUNIT_PHOTON_0_5_3);
	bench_poke(&bench, 1, 0, COPY_1, 0x99);
	bench_poke(&bench, 1, 0, COPY_2, 0x99);
	bench_plug(&bench, 0, 1, false);
	assert_true(bench_run(&bench, &(struct bench_run){ .no_scan = true }));
	bench_expect(&bench, 0, OUTCOME_FAIL, REASON_ID_DISAGREES);
	assert_source(&bench, "listening", id);
	assert_int_equal(bench_sql_int(&bench, "SELECT count(*) FROM device_key"), 0);
	assert_int_equal(
		bench_sql_int(&bench, "SELECT count(*) FROM attempt WHERE device_id IS NULL"), 1);
	bench_close(&bench);
}

/* The label of another unit is not believed either. */
static void a_wrong_label_is_found_by_what_the_unit_says(void **state)
{
	struct line_bench bench;
	char id[LINE_DEVICE_ID], text[ERR_TEXT_MAX];
	(void)state;
	bench_unit_id(2, id);
	open_with(&bench, VUNIT_PHOTON_0_5_3);
	bench_plug(&bench, 0, 1, false);
	bench.plugged[0] = 2; /* whose label is scanned */
	assert_true(bench_run(&bench, &(struct bench_run){ 0 }));
	bench.plugged[0] = 1;
	bench_expect(&bench, 0, OUTCOME_FAIL, REASON_ID_DISAGREES);
	bench_sql(&bench, text, sizeof text, "SELECT detail FROM attempt");
	assert_non_null(strstr(text, id));
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_its_firmware_says_is_a_source),
		cmocka_unit_test(a_serial_that_is_an_id_needs_no_question),
		cmocka_unit_test(sources_that_disagree_stop_the_attempt),
		cmocka_unit_test(a_wrong_label_is_found_by_what_the_unit_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
