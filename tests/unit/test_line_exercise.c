/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line_fixture exercise */
/* A unit that an exercise was cut off from comes to the line: who writes puts it back first, who only
 * reads refuses it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exercise_journal.h"
#include "exercise_pattern.h"
#include "line_fixture.h"
#include "vfault.h"

enum { LEN_MAX = 128 * 1024, SEED = 77 };

/* A sector that no job of the fixture writes. */
struct place {
	const char *family;
	enum vunit_bootloader bootloader;
	uint8_t alt;
	uint32_t start, at, len; /* of its memory, of the sector */
};
static const struct place core = { "core", VUNIT_CORE_1_4_4, 1, 0, 0x101000, 4096 };
/* Nothing but its label says which unit it is. */
static const struct place labelled = { "stm32-custom", VUNIT_ROM_F4, 0, 0x08000000, 0x080e0000,
	LEN_MAX };

static struct line_bench bench;
static const struct place *place;
static uint8_t before[LEN_MAX];

/* A unit that is PASS, whose sector holds half of a pattern. */
static int cut_off_at(const struct place *at)
{
	static uint8_t pattern[LEN_MAX];
	struct err err;
	place = at;
	struct exercise_entry entry = { .attempt_id = "01930000-0000-7000-8000-000000000000",
		.alt = at->alt,
		.addr = at->at,
		.size = at->len,
		.seed = SEED,
		.bytes = before };
	snprintf(entry.family, sizeof entry.family, "%s", at->family);
	bench_open(&bench, at->family, 1);
	bench_take_job(&bench, &(struct bench_job){ 0 });
	bench_unit_new(&bench, 1, at->bootloader, false);
	bench_plug(&bench, 0, 1, true);
	if (!bench_run(&bench, &(struct bench_run){ 0 }))
		return -1;
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	bench_unplug(&bench, 0);
	bench_unit_id(1, entry.device_id);
	for (size_t i = 0; i < at->len; i++)
		before[i] = (uint8_t)(i * 7);
	exercise_fill(PATTERN_COMPLEMENT, SEED, at->at, pattern, at->len);
	for (size_t i = 0; i < at->len; i++)
		bench_poke(&bench, 1, at->alt, at->at - at->start + i,
			i < at->len / 2 ? pattern[i] : 0xff);
	return !exercise_journal_open(bench.folder, entry.device_id, &err) ||
	       !exercise_journal_write(bench.folder, &entry, &err);
}

static int cut_off(void **state)
{
	(void)state;
	return cut_off_at(&core);
}

static int cut_off_labelled(void **state)
{
	(void)state;
	return cut_off_at(&labelled);
}

static int done(void **state)
{
	(void)state;
	bench_close(&bench);
	return 0;
}

static bool is_put_back(void)
{
	size_t len, at = place->at - place->start;
	uint8_t *memory = bench_memory(&bench, 1, place->alt, &len);
	bool same = len >= at + place->len && memcmp(memory + at, before, place->len) == 0;
	free(memory);
	return same;
}

static void run_unit(unsigned unit, enum line_kind kind, enum outcome outcome, enum reason reason)
{
	bench_plug(&bench, 0, unit, true);
	assert_true(bench_run(&bench, &(struct bench_run){ .kind = kind }));
	bench_expect(&bench, 0, outcome, reason);
	bench_unplug(&bench, 0);
}

static void run(enum line_kind kind, enum outcome outcome, enum reason reason)
{
	run_unit(1, kind, outcome, reason);
}

static void who_makes_units_puts_it_back_first(void **state)
{
	(void)state;
	char found[256];
	run(LINE_PROVISION, OUTCOME_SKIPPED, REASON_ALREADY_MADE);
	assert_true(is_put_back());
	bench_sql(&bench, found, sizeof found,
		"SELECT reason || '|' || detail FROM finding ORDER BY attempt_id DESC LIMIT 1");
	assert_string_equal(found,
		"exercise-restored|an exercise was cut off (attempt 01930000-0000-7000-8000-000000000000); "
		"1 sector is put back, first alt 1: 0x00101000");
	run(LINE_PROVISION, OUTCOME_SKIPPED, REASON_ALREADY_MADE);
	assert_int_equal(
		bench_sql_int(&bench, "SELECT count(*) FROM step WHERE name = 'restore-exercise'"),
		1);
}

static void who_only_reads_refuses_it(void **state)
{
	(void)state;
	run(LINE_VERIFY, OUTCOME_REFUSED, REASON_EXERCISE_PENDING);
	assert_false(is_put_back());
	run(LINE_PROVISION, OUTCOME_SKIPPED, REASON_ALREADY_MADE);
	assert_true(is_put_back());
	run(LINE_VERIFY, OUTCOME_PASS, REASON_NONE);
}

/* Its power goes while it is put back: it comes back in the same attempt, and the rest is done. */
static void it_may_vanish_meanwhile(void **state)
{
	(void)state;
	struct err err;
	struct vfault fault = { .kind = VFAULT_BROWN_OUT,
		.at = 3,
		.times = 1,
		.comes_back = true,
		.button = true,
		.back_after_ms = 10 };
	bench.config.gone_wait_ms = 20000;
	bench_plug(&bench, 0, 1, true);
	assert_true(vunit_set_faults(bench.units[0], &fault, 1, &err));
	assert_true(bench_run(&bench, &(struct bench_run){ 0 }));
	bench_expect(&bench, 0, OUTCOME_SKIPPED, REASON_ALREADY_MADE);
	bench_unplug(&bench, 0);
	assert_true(is_put_back());
	assert_int_equal(
		bench_sql_int(&bench, "SELECT max(try) FROM step WHERE name = 'restore-exercise'"),
		2);
}

/* Another unit with its label: what is kept is neither written to that one nor lost, and that one is not made under a
 * wrong name. */
static void a_wrong_label_takes_no_journal(void **state)
{
	(void)state;
	size_t len, again;
	bench_unit_new(&bench, BENCH_TWIN + 1, place->bootloader, false);
	uint8_t *fresh = bench_memory(&bench, BENCH_TWIN + 1, place->alt, &len);
	run_unit(BENCH_TWIN + 1, LINE_PROVISION, OUTCOME_REFUSED, REASON_EXERCISE_PENDING);
	run_unit(BENCH_TWIN + 1, LINE_REPROVISION, OUTCOME_REFUSED, REASON_EXERCISE_PENDING);
	uint8_t *now = bench_memory(&bench, BENCH_TWIN + 1, place->alt, &again);
	assert_int_equal(len, again);
	assert_memory_equal(fresh, now, len);
	free(fresh);
	free(now);
	assert_false(is_put_back());
	run(LINE_PROVISION, OUTCOME_SKIPPED, REASON_ALREADY_MADE);
	assert_true(is_put_back());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_makes_units_puts_it_back_first, cut_off, done),
		cmocka_unit_test_setup_teardown(who_only_reads_refuses_it, cut_off, done),
		cmocka_unit_test_setup_teardown(it_may_vanish_meanwhile, cut_off, done),
		cmocka_unit_test_setup_teardown(
			a_wrong_label_takes_no_journal, cut_off_labelled, done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
