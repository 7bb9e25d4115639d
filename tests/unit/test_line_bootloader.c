/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line_fixture */
/* The P1, bootloaders by staging, and what a unit lacks for a job: found before it is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "line_fixture.h"
#include "vfault.h"

enum { OTA = 0xc0000, FLAG = 1753, ID_COPY = 3618 };

static const struct bench_run usual_run = { 0 };

static void open_with(struct line_bench *bench, const char *family,
	enum vunit_bootloader bootloader, const struct bench_job *job)
{
	bench_open(bench, family, 1);
	bench_take_job(bench, job);
	bench_unit_new(bench, 1, bootloader, false);
	bench_plug(bench, 0, 1, true);
}

static int64_t tries_of(const struct line_bench *bench, const char *step)
{
	return bench_sql_int(bench,
		"SELECT count(*) FROM step WHERE name = '%s' AND attempt_id = (SELECT id FROM attempt "
		"ORDER BY started_at DESC, id DESC LIMIT 1)",
		step);
}

static uint8_t byte_of(const struct line_bench *bench, uint8_t alt, size_t offset)
{
	size_t len = 0;
	uint8_t *bytes = bench_memory(bench, 1, alt, &len);
	assert_true(offset < len);
	uint8_t byte = bytes[offset];
	free(bytes);
	return byte;
}

static void replug(struct line_bench *bench)
{
	bench_unplug(bench, 0);
	bench_plug(bench, 0, 1, true);
}

/* --- P1 --- */

static void p1_of_every_kind_pass(void **state)
{
	(void)state;
	static const enum vunit_bootloader kinds[] = { VUNIT_P1_0_6_0, VUNIT_P1_1_4_4 };
	for (size_t i = 0; i < 2; i++) {
		struct line_bench bench;
		open_with(&bench, "p1", kinds[i], &(struct bench_job){ 0 });
		assert_true(bench_run(&bench, &usual_run));
		bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
		bench_expect_made(&bench, 0);
		bench_close(&bench);
	}
}

static void serial_flash_is_written_where_the_unit_shows_it(void **state)
{
	(void)state;
	struct line_bench bench;
	const struct bench_job job = { .serial_flash = true };
	open_with(&bench, "p1", VUNIT_P1_1_4_4, &job);
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	assert_int_not_equal(byte_of(&bench, 2, 6000), 0xff);
	bench_expect_made(&bench, 0);
	bench_close(&bench);

	open_with(&bench, "p1", VUNIT_P1_0_6_0, &job);
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_FAIL, REASON_LAYOUT);
	bench_unplug(&bench, 0);
	bench_expect_untouched(&bench, 1);
	bench_close(&bench);
}

/* All that tells it from a P1 before it is opened are its USB ids. */
static void a_photon_in_a_batch_of_p1_is_not_touched(void **state)
{
	(void)state;
	struct line_bench bench;
	bench_open(&bench, "photon", 2);
	bench_unit_new(&bench, 2, VUNIT_PHOTON_1_4_4, false);
	bench.family = "p1";
	bench_take_job(&bench, &(struct bench_job){ 0 });
	bench_unit_new(&bench, 1, VUNIT_P1_1_4_4, false);
	bench_plug(&bench, 0, 1, true);
	bench_plug(&bench, 1, 2, true);
	assert_true(bench_run(&bench, &(struct bench_run){ .end_after = 1 }));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	bench_expect_made(&bench, 0);
	bench_unplug(&bench, 1);
	assert_int_equal(bench_sql_int(&bench, "SELECT count(*) FROM attempt"), 1);
	bench.family = "photon";
	bench_expect_untouched(&bench, 2);
	bench_close(&bench);
}

/* --- bootloader --- */

static void a_staged_bootloader_is_taken_and_read_back(void **state)
{
	(void)state;
	static const struct {
		const char *family;
		enum vunit_bootloader bootloader;
	} kinds[] = { { "photon", VUNIT_PHOTON_0_5_3 }, { "photon", VUNIT_PHOTON_1_0_0 },
		{ "photon", VUNIT_PHOTON_1_4_4 }, { "p1", VUNIT_P1_0_6_0 },
		{ "p1", VUNIT_P1_1_4_4 }, { "photon", VUNIT_PHOTON_0_6_1 },
		{ "p1", VUNIT_P1_0_6_1 }, { "electron", VUNIT_ELECTRON_0_5_3 },
		{ "electron", VUNIT_ELECTRON_0_6_0 }, { "electron", VUNIT_ELECTRON_0_6_1 },
		{ "electron", VUNIT_ELECTRON_1_4_4 } };
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct line_bench bench;
		open_with(&bench, kinds[i].family, kinds[i].bootloader,
			&(struct bench_job){ .bootloader = true, .needs_bootloader = 1003 });
		assert_true(bench_run(&bench, &usual_run));
		bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
		assert_int_equal(tries_of(&bench, "stage-bootloader"), 1);
		assert_int_equal(tries_of(&bench, "bootloader"), 1);
		assert_int_equal(byte_of(&bench, 1, FLAG), 0xff);
		bench_expect_made(&bench, 0);
		bench_close(&bench);
	}
}

/* Without parts in the job, those on the unit have to be new enough. */
static void who_puts_it_in_its_place_is_asked_first(void **state)
{
	(void)state;
	struct line_bench bench;
	const struct bench_job job = { .bootloader = true, .no_parts = true };
	open_with(&bench, "photon", VUNIT_PHOTON_1_4_4, &job);
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	bench_expect_made(&bench, 0);
	bench_close(&bench);

	open_with(&bench, "photon", VUNIT_PHOTON_1_0_0, &job);
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_FAIL, REASON_DEPENDENCY);
	assert_non_null(strstr(bench_outcome(&bench, 0).text, "system-part2 of version 1213"));
	assert_non_null(strstr(bench_outcome(&bench, 0).text, "SWD"));
	bench_unplug(&bench, 0);
	bench_expect_untouched(&bench, 1);
	bench_close(&bench);
}

static void a_blank_unit_is_made_with_parts_and_refused_without(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct line_bench bench;
		bench_open(&bench, "photon", 1);
		bench_take_job(&bench,
			&(struct bench_job){
				.bootloader = true, .no_parts = i == 1, .independent = true });
		bench_unit_new(&bench, 1, VUNIT_PHOTON_1_4_4, true);
		bench_plug(&bench, 0, 1, true);
		assert_true(bench_run(&bench, &usual_run));
		if (i == 0) {
			bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
			bench_expect_made(&bench, 0);
		} else {
			bench_expect(&bench, 0, OUTCOME_FAIL, REASON_DEPENDENCY);
			bench_unplug(&bench, 0);
			bench_expect_untouched(&bench, 1);
		}
		bench_close(&bench);
	}
}

static void a_bootloader_that_stands_is_left_alone_if_the_job_says_so(void **state)
{
	(void)state;
	struct line_bench bench;
	struct bench_job job = { .bootloader = true, .changed = true };
	open_with(&bench, "photon", VUNIT_PHOTON_1_4_4, &job);
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	assert_int_equal(tries_of(&bench, "leave-staged"), 1);
	bench_unplug(&bench, 0);
	bench_poke(&bench, 1, 0, OTA + 20, 0x77); /* seen if it is written again */
	bench_plug(&bench, 0, 1, true);
	job.host = "other.example.com";
	bench_take_job(&bench, &job);
	assert_true(bench_run(&bench, &(struct bench_run){ .rework = true }));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	assert_int_equal(tries_of(&bench, "stage-bootloader"), 1);
	assert_int_equal(tries_of(&bench, "leave-staged"), 0);
	assert_int_equal(tries_of(&bench, "bootloader"), 1);
	assert_int_equal(byte_of(&bench, 0, OTA + 20), 0x77);
	bench_expect_made(&bench, 0);

	/* A flag that somebody left set is no reason to leave it alone. */
	for (uint32_t copy = 0x4000; copy <= 0x8000; copy += 0x4000)
		bench_poke(&bench, 1, 0, copy + 7548 + FLAG, 0xa5);
	bench_poke(&bench, 1, 0, OTA, 0x12); /* and nothing sound is there to be taken */
	bench_plug(&bench, 0, 1, true);
	job.host = "third.example.com";
	bench_take_job(&bench, &job);
	assert_true(bench_run(&bench, &(struct bench_run){ .rework = true }));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	assert_int_equal(tries_of(&bench, "leave-staged"), 1);
	assert_int_equal(byte_of(&bench, 1, FLAG), 0xff);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

/* Sector 0 does not take the image: the unit cannot be PASS, whatever its firmware says. */
static void a_bootloader_that_reads_back_wrong_is_a_failure(void **state)
{
	(void)state;
	struct line_bench bench;
	struct vfault dead = { .kind = VFAULT_DEAD_CELL, .address = 0x08001000, .bits = 0xff };
	open_with(&bench, "photon", VUNIT_PHOTON_1_4_4, &(struct bench_job){ .bootloader = true });
	assert_true(vunit_set_faults(bench.units[0], &dead, 1, &bench.err));
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_FAIL, REASON_FLASH_BAD);
	assert_int_equal(tries_of(&bench, "bootloader"), 3);
	assert_int_equal(tries_of(&bench, "stage-bootloader"), 3);
	assert_int_equal(tries_of(&bench, "server-key"), 0);
	bench_close(&bench);
}

static void spoil_sector_0(struct line_bench *bench, const struct line_event *event)
{
	if (event->kind == LINE_STEP && strcmp(event->step, "write-images") == 0)
		bench_damage(bench, 1, 0, 0x1234);
}

static void sector_0_is_part_of_the_deciding_readback(void **state)
{
	(void)state;
	struct line_bench bench;
	open_with(&bench, "photon", VUNIT_PHOTON_1_4_4,
		&(struct bench_job){ .bootloader = true, .no_retries = true });
	bench.watch = spoil_sector_0;
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_FAIL, REASON_FLASH_BAD);
	assert_int_equal(tries_of(&bench, "bootloader"), 1);
	bench_close(&bench);
}

/* --- dependencies --- */

static void an_old_bootloader_is_found_before_anything_is_written(void **state)
{
	(void)state;
	static const struct {
		const char *family;
		enum vunit_bootloader bootloader;
		uint16_t needs;
		bool good;
	} cases[] = { { "photon", VUNIT_PHOTON_1_4_4, 501, true },
		{ "photon", VUNIT_PHOTON_1_4_4, 502, false },
		{ "photon", VUNIT_PHOTON_1_0_0, 501, false }, { "p1", VUNIT_P1_0_6_0, 9, false },
		{ "p1", VUNIT_P1_1_4_4, 9, true } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct line_bench bench;
		open_with(&bench, cases[i].family, cases[i].bootloader,
			&(struct bench_job){ .needs_bootloader = cases[i].needs });
		assert_true(bench_run(&bench, &usual_run));
		if (cases[i].good) {
			bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
			bench_expect_made(&bench, 0);
		} else {
			bench_expect(&bench, 0, OUTCOME_FAIL, REASON_DEPENDENCY);
			assert_non_null(
				strstr(bench_outcome(&bench, 0).text, "user needs bootloader"));
			bench_unplug(&bench, 0);
			bench_expect_untouched(&bench, 1);
		}
		bench_close(&bench);
	}
}

/* --- the id of a unit whose serial says nothing --- */

static void boot_once(struct line_bench *bench)
{
	struct vunit *unit = bench->units[0];
	vunit_power(unit, false, 0);
	vunit_advance(unit, 60000000);
	assert_int_equal(vunit_mode(unit), VUNIT_CDC);
	replug(bench);
}

static void the_copy_of_the_id_is_enough(void **state)
{
	(void)state;
	struct line_bench bench;
	char source[32];
	open_with(&bench, "photon", VUNIT_PHOTON_0_5_3, &(struct bench_job){ 0 });
	boot_once(&bench);
	assert_int_equal(byte_of(&bench, 1, ID_COPY), 0x40);
	assert_true(bench_run(&bench, &(struct bench_run){ .no_scan = true }));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	bench_sql(&bench, source, sizeof source, "SELECT device_id_source FROM attempt");
	assert_string_equal(source, "dct");
	bench_close(&bench);
}

static void without_a_copy_the_id_must_come_from_outside(void **state)
{
	(void)state;
	struct line_bench bench;
	char source[32];
	open_with(&bench, "photon", VUNIT_PHOTON_0_5_3, &(struct bench_job){ 0 });
	assert_true(bench_run(&bench, &(struct bench_run){ .no_scan = true }));
	bench_expect(&bench, 0, OUTCOME_FAIL, REASON_NO_DEVICE_ID);
	replug(&bench);
	bench_expect_untouched(&bench, 1);
	assert_true(bench_run(&bench, &usual_run));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	bench_sql(&bench, source, sizeof source,
		"SELECT device_id_source FROM attempt WHERE outcome = 'PASS'");
	assert_string_equal(source, "scan");
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

/* Nothing on a unit that never ran contradicts a wrong label; once it ran, its copy does, before its keys are made. */
static void a_wrong_label_is_found_when_the_unit_has_run(void **state)
{
	(void)state;
	for (unsigned booted = 0; booted < 2; booted++) {
		struct line_bench bench;
		open_with(&bench, "photon", VUNIT_PHOTON_0_5_3, &(struct bench_job){ 0 });
		if (booted)
			boot_once(&bench);
		bench.plugged[0] = 77; /* its label is scanned instead */
		assert_true(bench_run(&bench, &usual_run));
		bench_expect(&bench, 0, OUTCOME_FAIL, REASON_ID_DISAGREES);
		assert_int_equal(tries_of(&bench, "device-key"), 0);
		assert_int_equal(tries_of(&bench, "check"), booted ? 0 : 1);
		bench_close(&bench);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_of_every_kind_pass),
		cmocka_unit_test(serial_flash_is_written_where_the_unit_shows_it),
		cmocka_unit_test(a_photon_in_a_batch_of_p1_is_not_touched),
		cmocka_unit_test(a_staged_bootloader_is_taken_and_read_back),
		cmocka_unit_test(who_puts_it_in_its_place_is_asked_first),
		cmocka_unit_test(a_blank_unit_is_made_with_parts_and_refused_without),
		cmocka_unit_test(a_bootloader_that_stands_is_left_alone_if_the_job_says_so),
		cmocka_unit_test(a_bootloader_that_reads_back_wrong_is_a_failure),
		cmocka_unit_test(sector_0_is_part_of_the_deciding_readback),
		cmocka_unit_test(an_old_bootloader_is_found_before_anything_is_written),
		cmocka_unit_test(the_copy_of_the_id_is_enough),
		cmocka_unit_test(without_a_copy_the_id_must_come_from_outside),
		cmocka_unit_test(a_wrong_label_is_found_when_the_unit_has_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
