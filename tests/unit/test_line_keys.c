/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line_fixture */
/* Units that come a second time, their keys, and the cloud. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "line_fixture.h"
#include "scope.h"

static const struct bench_job usual_job = { 0 };
static const struct bench_run usual_run = { 0 };
static const struct bench_run rework = { .rework = true };

enum { CORE_DEVICE_KEY = 0x2000, FINGERPRINT = 65 };

static void open_one(struct line_bench *bench, const char *family, enum vunit_bootloader bootloader)
{
	bench_open(bench, family, 1);
	bench_take_job(bench, &usual_job);
	bench_unit_new(bench, 1, bootloader, false);
	bench_plug(bench, 0, 1, true);
}

static void again(struct line_bench *bench)
{
	bench_unplug(bench, 0);
	bench_plug(bench, 0, 1, true);
}

static void run_to(struct line_bench *bench, const struct bench_run *run, enum outcome outcome,
	enum reason reason)
{
	assert_true(bench_run(bench, run));
	bench_expect(bench, 0, outcome, reason);
}

static void newest_key(const struct line_bench *bench, char ret[FINGERPRINT])
{
	bench_sql(bench, ret, FINGERPRINT,
		"SELECT key_fingerprint FROM attempt WHERE key_fingerprint IS NOT NULL ORDER BY "
		"passage DESC LIMIT 1");
}

/* --- what a unit holds already --- */

static void with_write_changed_equal_sectors_are_left_alone(void **state)
{
	(void)state;
	static const struct bench_job changed = { .changed = true, .keep_valid = true };
	struct bench_job other_host = changed;
	struct line_bench bench;
	open_one(&bench, "core", VUNIT_CORE_1_4_4);
	bench_take_job(&bench, &changed);
	run_to(&bench, &usual_run, OUTCOME_PASS, REASON_NONE);
	again(&bench);
	other_host.host = "other.example.com";
	bench_take_job(&bench, &other_host);
	run_to(&bench, &rework, OUTCOME_PASS, REASON_NONE);
	/* The sector of the server key, and the page of the system flags at the leave. */
	struct vunit_work work = vunit_work(bench.units[0]);
	assert_int_equal(work.erases, 2);
	assert_in_range(work.blocks, 4, 5);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

static void with_write_changed_a_differing_byte_is_found_and_mended(void **state)
{
	(void)state;
	struct bench_job changed = { .changed = true };
	struct line_bench bench;
	open_one(&bench, "core", VUNIT_CORE_1_4_4);
	bench_take_job(&bench, &changed);
	run_to(&bench, &usual_run, OUTCOME_PASS, REASON_NONE);
	bench_unplug(&bench, 0);
	bench_damage(&bench, 1, 0, 0x5000 + 2999);
	bench_damage(&bench, 1, 0, 0x5000 + 3071); /* in the last sector, behind the image */
	bench_plug(&bench, 0, 1, true);
	changed.host = "other.example.com";
	bench_take_job(&bench, &changed);
	run_to(&bench, &rework, OUTCOME_PASS, REASON_NONE);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

static void a_photon_of_another_edition_is_made_over(void **state)
{
	(void)state;
	struct bench_job second = { .edition = 2, .changed = true };
	struct line_bench bench;
	open_one(&bench, "photon", VUNIT_PHOTON_1_4_4);
	run_to(&bench, &usual_run, OUTCOME_PASS, REASON_NONE);
	again(&bench);
	bench_take_job(&bench, &second);
	run_to(&bench, &usual_run, OUTCOME_REFUSED, REASON_MADE_OTHERWISE);
	again(&bench);
	run_to(&bench, &rework, OUTCOME_PASS, REASON_NONE);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

/* What was made is no longer on a unit that a later attempt has worked on. */
static void a_unit_after_a_failed_rework_is_not_skipped(void **state)
{
	(void)state;
	struct bench_job second = { .edition = 2 };
	struct usb_fault_rule pull = {
		.port = "1-1", .kind = USB_FAULT_UNPLUG, .request = USB_FAULT_ANY_REQUEST, .at = 200
	};
	struct line_bench bench;
	open_one(&bench, "core", VUNIT_CORE_1_4_4);
	run_to(&bench, &usual_run, OUTCOME_PASS, REASON_NONE);
	again(&bench);
	bench_take_job(&bench, &second);
	usb_fault_clear(bench.fault);
	assert_true(usb_fault_add(bench.fault, &pull, &bench.err));
	run_to(&bench, &rework, OUTCOME_FAIL, REASON_USB_GONE);
	usb_fault_clear(bench.fault);
	again(&bench);
	bench_take_job(&bench, &usual_job);
	run_to(&bench, &usual_run, OUTCOME_PASS, REASON_NONE);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

/* --- keys --- */

static void a_key_is_kept_if_the_job_keeps_valid_ones(void **state)
{
	(void)state;
	static const struct {
		const char *family;
		enum vunit_bootloader bootloader;
	} kinds[] = { { "core", VUNIT_CORE_1_4_4 }, { "photon", VUNIT_PHOTON_1_4_4 } };
	for (size_t i = 0; i < 2; i++) {
		struct bench_job keep = { .keep_valid = true };
		char first[FINGERPRINT], second[FINGERPRINT];
		struct line_bench bench;
		open_one(&bench, kinds[i].family, kinds[i].bootloader);
		run_to(&bench, &usual_run, OUTCOME_PASS, REASON_NONE);
		newest_key(&bench, first);
		again(&bench);
		bench_take_job(&bench, &keep);
		run_to(&bench, &rework, OUTCOME_PASS, REASON_NONE);
		newest_key(&bench, second);
		assert_string_equal(first, second);
		assert_int_equal(bench_sql_int(&bench,
					 "SELECT count(*) FROM outbox WHERE state = "
					 "'acknowledged' AND fingerprint = '%s'",
					 first),
			2);
		again(&bench);
		keep.edition = 2;
		keep.keep_valid = false;
		bench_take_job(&bench, &keep);
		run_to(&bench, &rework, OUTCOME_PASS, REASON_NONE);
		newest_key(&bench, second);
		assert_string_not_equal(first, second);
		bench_expect_made(&bench, 0);
		bench_close(&bench);
	}
}

static void a_key_that_nobody_knows_is_not_kept(void **state)
{
	(void)state;
	struct bench_job keep = { .keep_valid = true };
	struct line_bench bench, other;
	char foreign[FINGERPRINT], own[FINGERPRINT];
	size_t len = 0;
	open_one(&other, "core", VUNIT_CORE_1_4_4);
	run_to(&other, &usual_run, OUTCOME_PASS, REASON_NONE);
	newest_key(&other, foreign);
	bench_unplug(&other, 0);
	uint8_t *flash = bench_memory(&other, 1, 1, &len);
	bench_close(&other);

	open_one(&bench, "core", VUNIT_CORE_1_4_4);
	bench_unplug(&bench, 0);
	for (size_t i = 0; i < 1024; i++)
		bench_poke(&bench, 1, 1, CORE_DEVICE_KEY + i, flash[CORE_DEVICE_KEY + i]);
	free(flash);
	bench_plug(&bench, 0, 1, true);
	bench_take_job(&bench, &keep);
	run_to(&bench, &usual_run, OUTCOME_PASS, REASON_NONE);
	newest_key(&bench, own);
	assert_string_not_equal(own, foreign);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

/* Bytes that change on the unit behind the station's back, at the beginning of a step's try. */
struct damage {
	const char *step;
	unsigned tries; /* so many tries of it */
	size_t offset;
	bool seen;
	uint8_t byte; /* another one than the key has there */
};

static void damage_key(struct line_bench *bench, const struct line_event *event)
{
	struct damage *damage = bench->context;
	size_t at = CORE_DEVICE_KEY + damage->offset, len = 0;
	if (event->kind != LINE_STEP || strcmp(event->step, damage->step) != 0 ||
		event->try_number > damage->tries)
		return;
	SCOPED_FREE uint8_t *flash = bench_memory(bench, 1, 1, &len);
	if (!damage->seen)
		damage->byte = flash[at] ^ 0x55;
	damage->seen = true;
	bench_poke(bench, 1, 1, at, damage->byte);
}

static void a_key_that_changes_on_the_unit_is_no_pass(void **state)
{
	(void)state;
	struct damage damages[] = { { "readback", 3, 100, false, 0 },
		{ "readback", 3, 700, false, 0 }, { "prove-key", 3, 100, false, 0 } };
	for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
		struct line_bench bench;
		char why[BENCH_TEXT_MAX];
		open_one(&bench, "core", VUNIT_CORE_1_4_4);
		bench.watch = damage_key;
		bench.context = &damages[i];
		run_to(&bench, &usual_run, OUTCOME_FAIL, REASON_KEY_MISMATCH);
		if (!bench_judge_record(&bench, why))
			fail_msg("%s", why);
		bench.watch = NULL;
		again(&bench);
		run_to(&bench, &usual_run, OUTCOME_PASS, REASON_NONE);
		bench_expect_made(&bench, 0);
		bench_close(&bench);
	}
}

static void a_key_that_does_not_prove_is_written_again(void **state)
{
	(void)state;
	struct damage damage = { "prove-key", 1, 100, false, 0 };
	struct line_bench bench;
	open_one(&bench, "core", VUNIT_CORE_1_4_4);
	bench.watch = damage_key;
	bench.context = &damage;
	run_to(&bench, &usual_run, OUTCOME_PASS, REASON_NONE);
	assert_int_equal(bench_count(&bench, LINE_RETRY), 1);
	assert_int_equal(bench_sql_int(&bench, "SELECT count(*) FROM device_key"), 1);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

/* In its memory, both copies of the Photon's DCT, when the step begins. */
static void change_id(struct line_bench *bench, const struct line_event *event)
{
	enum { DCT = 7548, ID = 3618 };
	static const size_t copies[] = { 0x4000, 0x8000 };
	if (event->kind != LINE_STEP || strcmp(event->step, "write-parts") != 0)
		return;
	for (size_t i = 0; i < 2; i++)
		bench_poke(bench, 1, 0, copies[i] + DCT + ID, 0x01);
}

static void a_unit_whose_memory_says_another_id_is_another_one(void **state)
{
	(void)state;
	struct line_bench bench;
	open_one(&bench, "photon", VUNIT_PHOTON_1_4_4);
	run_to(&bench, &usual_run, OUTCOME_PASS, REASON_NONE);
	again(&bench);
	bench_take_job(&bench, &(struct bench_job){ .edition = 2 });
	bench.watch = change_id;
	run_to(&bench, &rework, OUTCOME_FAIL, REASON_UNIT_SWAPPED);
	bench_close(&bench);
}

/* --- the cloud --- */

static void a_held_unit_is_settled_at_its_next_visit(void **state)
{
	(void)state;
	struct line_bench bench;
	open_one(&bench, "core", VUNIT_CORE_1_4_4);
	vcloud_behave(bench.vcloud, VCLOUD_DOWN, 0);
	run_to(&bench, &usual_run, OUTCOME_HELD, REASON_CLOUD_UNREACHABLE);
	again(&bench);
	run_to(&bench, &usual_run, OUTCOME_REFUSED, REASON_STILL_HELD);
	vcloud_behave(bench.vcloud, VCLOUD_GOOD, 0);
	again(&bench);
	run_to(&bench, &usual_run, OUTCOME_SKIPPED, REASON_ALREADY_MADE);
	assert_int_equal(
		bench_sql_int(&bench, "SELECT count(*) FROM attempt WHERE outcome = 'PASS'"), 1);
	assert_int_equal(
		bench_sql_int(&bench, "SELECT passage FROM attempt WHERE outcome = 'PASS'"), 1);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

static void a_held_unit_that_the_cloud_refuses_is_made_anew(void **state)
{
	(void)state;
	struct line_bench bench;
	open_one(&bench, "core", VUNIT_CORE_1_4_4);
	vcloud_behave(bench.vcloud, VCLOUD_DOWN, 0);
	run_to(&bench, &usual_run, OUTCOME_HELD, REASON_CLOUD_UNREACHABLE);
	vcloud_behave(bench.vcloud, VCLOUD_REFUSE, 0);
	again(&bench);
	run_to(&bench, &usual_run, OUTCOME_FAIL, REASON_CLOUD_REFUSED);
	assert_int_equal(
		bench_sql_int(&bench, "SELECT count(*) FROM attempt WHERE outcome = 'FAIL' "
				      "AND reason = 'cloud-refused'"),
		2);
	vcloud_behave(bench.vcloud, VCLOUD_GOOD, 0);
	again(&bench);
	run_to(&bench, &usual_run, OUTCOME_PASS, REASON_NONE);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

/* The key of the HELD attempt is still there, but what stands around it is not what was proven. */
static void a_held_unit_that_was_worked_on_since_is_made_anew(void **state)
{
	(void)state;
	struct bench_job second = { .edition = 2, .keep_valid = true };
	struct line_bench bench;
	struct usb_fault_rule pull = {
		.port = "1-1", .kind = USB_FAULT_UNPLUG, .request = USB_FAULT_ANY_REQUEST, .at = 170
	}; /* in the images */
	open_one(&bench, "core", VUNIT_CORE_1_4_4);
	vcloud_behave(bench.vcloud, VCLOUD_DOWN, 0);
	run_to(&bench, &usual_run, OUTCOME_HELD, REASON_CLOUD_UNREACHABLE);
	again(&bench);
	bench_take_job(&bench, &second);
	usb_fault_clear(bench.fault);
	assert_true(usb_fault_add(bench.fault, &pull, &bench.err));
	run_to(&bench, &rework, OUTCOME_FAIL, REASON_USB_GONE);
	usb_fault_clear(bench.fault);
	vcloud_behave(bench.vcloud, VCLOUD_GOOD, 0);
	again(&bench);
	bench_take_job(&bench, &usual_job);
	run_to(&bench, &usual_run, OUTCOME_PASS, REASON_NONE);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

static void what_the_cloud_did_not_store_is_no_pass(void **state)
{
	(void)state;
	static const enum vcloud_behaviour clouds[] = { VCLOUD_BUSY, VCLOUD_REFUSE, VCLOUD_RUBBISH,
		VCLOUD_LOSE, VCLOUD_SWAP };
	for (size_t i = 0; i < sizeof clouds / sizeof *clouds; i++) {
		struct line_bench bench;
		char why[BENCH_TEXT_MAX];
		open_one(&bench, "core", VUNIT_CORE_1_4_4);
		vcloud_behave(bench.vcloud, clouds[i], 0);
		assert_true(bench_run(&bench, &usual_run));
		struct line_event outcome = bench_outcome(&bench, 0);
		if (outcome.outcome != OUTCOME_HELD && outcome.outcome != OUTCOME_FAIL)
			fail_msg("cloud %d: %s", (int)clouds[i], outcome_name(outcome.outcome));
		if (!bench_judge_record(&bench, why))
			fail_msg("cloud %d: %s", (int)clouds[i], why);
		bench_close(&bench);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_write_changed_equal_sectors_are_left_alone),
		cmocka_unit_test(with_write_changed_a_differing_byte_is_found_and_mended),
		cmocka_unit_test(a_photon_of_another_edition_is_made_over),
		cmocka_unit_test(a_unit_after_a_failed_rework_is_not_skipped),
		cmocka_unit_test(a_key_is_kept_if_the_job_keeps_valid_ones),
		cmocka_unit_test(a_key_that_nobody_knows_is_not_kept),
		cmocka_unit_test(a_key_that_changes_on_the_unit_is_no_pass),
		cmocka_unit_test(a_key_that_does_not_prove_is_written_again),
		cmocka_unit_test(a_unit_whose_memory_says_another_id_is_another_one),
		cmocka_unit_test(a_held_unit_is_settled_at_its_next_visit),
		cmocka_unit_test(a_held_unit_that_the_cloud_refuses_is_made_anew),
		cmocka_unit_test(a_held_unit_that_was_worked_on_since_is_made_anew),
		cmocka_unit_test(what_the_cloud_did_not_store_is_no_pass),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
