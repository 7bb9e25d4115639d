/* SPDX-License-Identifier: Apache-2.0 */
/* USES: virtual config base */
/* Patch programs: what a unit does with one, and that nothing but its whole run installs a radio's firmware. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "vfault.h"
#include "vunit_bench.h"

enum { CORE_USER = 0x08005000, WORK_MS = 4000, SHOWS = 1, RETURNS = 1, BLOCK = 1024 };

/* A Core in DFU with the program written, and faults. */
static struct bench core_with(uint8_t shows, uint8_t returns, const struct vfault *fault)
{
	struct bench bench = bench_new(VUNIT_CORE_FACTORY);
	uint8_t image[BLOCK];
	struct err err;
	memset(image, 0xff, sizeof image);
	bytes_put_le32(image, 0x20005000);
	memset(image + 0x200, 0, 32);
	memcpy(image + 0x200, "VIRTUAL PROGRAM", 16);
	bytes_put_le32(image + 0x210, WORK_MS);
	image[0x214] = shows;
	image[0x215] = returns;
	memcpy(image + 0x216, "1.14", 4);
	if (fault && !vunit_set_faults(bench.unit, fault, 1, &err))
		fail_msg("%s", err.text);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	assert_int_equal(bench_erase(&bench, CORE_USER), VUNIT_ACK);
	assert_int_equal(bench_write(&bench, CORE_USER, image, sizeof image), VUNIT_ACK);
	bench_out(&bench, ABORT, 0, NULL, 0);
	assert_int_equal(bench_out(&bench, DNLOAD, 2, NULL, 0), VUNIT_ACK);
	bench_status(&bench);
	return bench;
}

static void expect_radio(const struct bench *bench, const char *version)
{
	char path[128], found[16] = "";
	snprintf(path, sizeof path, "%s/radio", bench->folder);
	FILE *file = fopen(path, "rb");
	if (file) {
		assert_non_null(fgets(found, sizeof found, file));
		fclose(file);
	}
	assert_string_equal(found, version);
}

static void one_that_returns_is_away_for_its_work_and_comes_back_in_dfu(void **state)
{
	(void)state;
	struct bench bench = core_with(0, RETURNS, NULL);
	uint32_t before = vunit_enumeration(bench.unit);
	bench_pass(&bench, WORK_MS * 1000);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF);
	expect_radio(&bench, "");
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	assert_int_equal(vunit_enumeration(bench.unit), before + 1);
	expect_radio(&bench, "1.14\n");
	/* It is still what stands there: without the button it runs again. */
	vunit_power(bench.unit, false, bench.now_us);
	bench_pass(&bench, 2000000);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF);
	bench_done(&bench);
}

static void one_that_shows_itself_can_be_sent_into_dfu_too_early(void **state)
{
	(void)state;
	for (int early = 0; early < 2; early++) {
		struct bench bench = core_with(SHOWS, 0, NULL);
		uint8_t coding[7] = { 0x40, 0x38 }; /* 14400 */
		if (early)
			bench_pass(&bench, 3000000);
		else
			bench_settle(&bench);
		assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
		assert_int_equal(bench_out(&bench, 0x20, 0, coding, 7), VUNIT_ACK);
		bench_settle(&bench);
		assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
		expect_radio(&bench, early ? "" : "1.14\n");
		bench_done(&bench);
	}
}

static void one_that_stays_needs_the_button(void **state)
{
	(void)state;
	struct bench bench = core_with(0, 0, NULL);
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF);
	expect_radio(&bench, "1.14\n");
	bench_pass(&bench, 60000000);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF);
	vunit_button(bench.unit, bench.now_us);
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	bench_done(&bench);
}

static void faults_keep_it_from_getting_done(void **state)
{
	(void)state;
	struct vfault hangs = { .kind = VFAULT_PROGRAM_HANGS, .at = 1, .times = 1 };
	struct bench bench = core_with(0, RETURNS, &hangs);
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF);
	expect_radio(&bench, "");
	/* Once only: the next run gets done. */
	bench_power(&bench, false);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	expect_radio(&bench, "1.14\n");
	bench_done(&bench);

	struct vfault cut = { .kind = VFAULT_PROGRAM_CUT,
		.at = 1,
		.times = 1,
		.comes_back = true,
		.back_after_ms = 100,
		.button = true };
	bench = core_with(0, RETURNS, &cut);
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	expect_radio(&bench, "");
	bench_done(&bench);

	struct vfault nobody = { .kind = VFAULT_NO_OPERATOR };
	bench = core_with(0, 0, &nobody);
	bench_settle(&bench);
	vunit_button(bench.unit, bench.now_us);
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF);
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_returns_is_away_for_its_work_and_comes_back_in_dfu),
		cmocka_unit_test(one_that_shows_itself_can_be_sent_into_dfu_too_early),
		cmocka_unit_test(one_that_stays_needs_the_button),
		cmocka_unit_test(faults_keep_it_from_getting_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
