/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line_fixture */
/* Units that come back: what goes wrong between the old key and the new one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "line_fixture.h"
#include "line_private.h"
#include "scope.h"

static const struct bench_job usual_job = { 0 };
static const struct bench_run provision = { 0 };
static const struct bench_run returned = { .kind = LINE_REPROVISION };

enum { FINGERPRINT = 65, ASKED_MS = 20000 };

/* What happens when a step begins, once. */
enum { PLOTS = 2 };
static struct plot {
	const char *step; /* NULL: over */
	void (*act)(struct line_bench *bench);
} plots[PLOTS];

static void follow_plots(struct line_bench *bench, const struct line_event *event)
{
	for (unsigned i = 0; i < PLOTS; i++) {
		struct plot *plot = &plots[i];
		if (event->kind != LINE_STEP || !plot->step || strcmp(event->step, plot->step) != 0)
			continue;
		plot->step = NULL;
		plot->act(bench);
	}
}

static void at_step(struct line_bench *bench, const char *step, void (*act)(struct line_bench *))
{
	unsigned i = 0;
	while (plots[i].step)
		assert_int_not_equal(++i, PLOTS);
	plots[i] = (struct plot){ step, act };
	bench->watch = follow_plots;
}

static void cloud_goes_down(struct line_bench *bench)
{
	vcloud_behave(bench->vcloud, VCLOUD_DOWN, 0);
}

static void cloud_refuses(struct line_bench *bench)
{
	vcloud_behave(bench->vcloud, VCLOUD_REFUSE, 0);
}

static void cloud_swaps(struct line_bench *bench)
{
	vcloud_behave(bench->vcloud, VCLOUD_SWAP, 0);
}

/* The line's other thread hears it. */
static void stop_the_line(struct line_bench *bench)
{
	struct deadline deadline = deadline_in_ms(ASKED_MS);
	line_abort(bench->line);
	while (!cancel_is_set(&bench->line->slots[0].cancel) && !deadline_passed(deadline))
		clock_pause_until(clock_mono_us() + 10000, NULL);
}

static void unplug(struct line_bench *bench)
{
	bench_unplug(bench, 0);
}

static uint32_t key_at(const struct line_bench *bench)
{
	return bench->plan->device_key.slot->addr;
}

static void damage_key(struct line_bench *bench)
{
	bench_damage(bench, 1, bench->plan->device_key.slot->alt, key_at(bench) + 200);
}

static void damage_user(struct line_bench *bench)
{
	bench_damage(bench, 1, 0, 0x5000 + 100);
}

/* A unit that was made here and comes back. */
static void open_made(struct line_bench *bench, const char *family, const struct bench_job *job)
{
	bool core = strcmp(family, "core") == 0;
	bench_open(bench, family, 1);
	bench_take_job(bench, job);
	bench_unit_new(bench, 1, core ? VUNIT_CORE_1_4_4 : VUNIT_PHOTON_1_4_4, false);
	bench_plug(bench, 0, 1, true);
	assert_true(bench_run(bench, &provision));
	bench_expect(bench, 0, OUTCOME_PASS, REASON_NONE);
	bench_unplug(bench, 0);
	bench_plug(bench, 0, 1, true);
}

static uint8_t *slot_bytes(const struct line_bench *bench)
{
	const struct family_key_slot *slot = bench->plan->device_key.slot;
	size_t len = 0;
	SCOPED_FREE uint8_t *memory = bench_memory(bench, 1, slot->alt, &len);
	uint8_t *bytes = malloc(slot->format.size);
	assert_non_null(bytes);
	memcpy(bytes, memory + slot->addr, slot->format.size);
	return bytes;
}

static void run_to(struct line_bench *bench, const struct bench_run *run, enum outcome outcome,
	enum reason reason)
{
	assert_true(bench_run(bench, run));
	bench_expect(bench, 0, outcome, reason);
}

static void assert_says(struct line_bench *bench, const char *text)
{
	struct line_event outcome = bench_outcome(bench, 0);
	if (!strstr(outcome.text, text))
		fail_msg("it says: %s", outcome.text);
}

/* Whatever happened, the next time it is made good again. */
static void expect_mended(struct line_bench *bench)
{
	char why[BENCH_TEXT_MAX], maker[32];
	for (unsigned i = 0; i < PLOTS; i++)
		assert_null(plots[i].step);
	bench->watch = NULL;
	vcloud_behave(bench->vcloud, VCLOUD_GOOD, 0);
	if (bench->plugged[0])
		bench_unplug(bench, 0);
	bench_plug(bench, 0, 1, true);
	run_to(bench, &returned, OUTCOME_PASS, REASON_NONE);
	bench_unplug(bench, 0);
	if (!bench_judge_made(bench, 1, why) || !bench_judge_record(bench, why))
		fail_msg("%s", why);
	bench_sql(bench, maker, sizeof maker,
		"SELECT m.kind FROM attempt a JOIN device_key k ON k.fingerprint = "
		"a.key_fingerprint JOIN attempt m ON m.id = k.attempt_id ORDER BY a.passage DESC "
		"LIMIT 1");
	assert_string_equal(maker, "reprovision");
	bench_close(bench);
}

static void expect_state(struct line_bench *bench, const char *old, const char *new)
{
	char state[32];
	bench_sql(bench, state, sizeof state,
		"SELECT k.state FROM device_key k JOIN attempt a ON a.id = k.attempt_id WHERE "
		"a.passage = 1");
	assert_string_equal(state, old);
	bench_sql(bench, state, sizeof state,
		"SELECT k.state FROM device_key k JOIN attempt a ON a.id = k.attempt_id WHERE "
		"a.passage = 2");
	assert_string_equal(state, new);
}

/* --- the cloud --- */

static void cloud_away(const char *family)
{
	struct line_bench bench;
	open_made(&bench, family, &usual_job);
	SCOPED_FREE uint8_t *before = slot_bytes(&bench);
	at_step(&bench, "decide", cloud_goes_down);
	run_to(&bench, &returned, OUTCOME_ABORTED, REASON_CLOUD_AWAY);
	SCOPED_FREE uint8_t *after = slot_bytes(&bench);
	assert_memory_equal(before, after, bench.plan->device_key.slot->format.size);
	assert_int_equal(bench_sql_int(&bench, "SELECT count(*) FROM device_key"), 1);
	expect_mended(&bench);
}

static void without_a_cloud_no_rotation_begins(void **state)
{
	(void)state;
	cloud_away("core");
	cloud_away("photon");
}

static void a_cloud_that_goes_away_in_the_middle_leaves_it_held(void **state)
{
	(void)state;
	struct line_bench bench;
	open_made(&bench, "core", &usual_job);
	at_step(&bench, "enrol", cloud_goes_down);
	run_to(&bench, &returned, OUTCOME_HELD, REASON_CLOUD_UNREACHABLE);
	expect_state(&bench, "superseded", "on-device");
	expect_mended(&bench);
}

static void refused(const char *family)
{
	struct line_bench bench;
	open_made(&bench, family, &usual_job);
	SCOPED_FREE uint8_t *before = slot_bytes(&bench);
	at_step(&bench, "enrol", cloud_refuses);
	run_to(&bench, &returned, OUTCOME_FAIL, REASON_CLOUD_REFUSED);
	SCOPED_FREE uint8_t *after = slot_bytes(&bench);
	assert_memory_equal(before, after, bench.plan->device_key.slot->format.size);
	assert_says(&bench, "its old key was put back");
	expect_state(&bench, "enrolled", "abandoned");
	expect_mended(&bench);
}

static void a_refused_key_makes_room_for_the_old_one(void **state)
{
	(void)state;
	refused("core");
	refused("photon");
}

/* It took the new one and shows a third: what it will accept, nobody knows, and the old one is as good. */
static void a_cloud_that_stores_another_key_gets_the_old_unit_back(void **state)
{
	(void)state;
	struct line_bench bench;
	open_made(&bench, "core", &usual_job);
	SCOPED_FREE uint8_t *before = slot_bytes(&bench);
	at_step(&bench, "enrol", cloud_swaps);
	run_to(&bench, &returned, OUTCOME_FAIL, REASON_CLOUD_DIFFERS);
	SCOPED_FREE uint8_t *after = slot_bytes(&bench);
	assert_memory_equal(before, after, bench.plan->device_key.slot->format.size);
	/* And from then on somebody has to look into it. */
	bench.watch = NULL;
	vcloud_behave(bench.vcloud, VCLOUD_GOOD, 0);
	bench_unplug(&bench, 0);
	bench_plug(&bench, 0, 1, true);
	run_to(&bench, &returned, OUTCOME_FAIL, REASON_CLOUD_CONFLICT);
	bench_close(&bench);
}

/* --- the unit --- */

static void a_unit_that_is_gone_is_told_with_its_new_key(void **state)
{
	(void)state;
	struct line_bench bench;
	char found[BENCH_TEXT_MAX];
	open_made(&bench, "core", &usual_job);
	at_step(&bench, "enrol", cloud_refuses);
	at_step(&bench, "put-back", unplug);
	run_to(&bench, &returned, OUTCOME_FAIL, REASON_CLOUD_REFUSED);
	assert_says(&bench, "could not be put back");
	bench_sql(&bench, found, sizeof found,
		"SELECT value FROM observation WHERE name = 'key-left'");
	assert_non_null(strstr(found, "is not known"));
	expect_mended(&bench);
}

static void a_new_key_that_does_not_hold_makes_room_for_the_old_one(void **state)
{
	(void)state;
	static const struct bench_job once = { .no_retries = true };
	struct line_bench bench;
	open_made(&bench, "core", &once);
	SCOPED_FREE uint8_t *before = slot_bytes(&bench);
	at_step(&bench, "prove-key", damage_key);
	run_to(&bench, &returned, OUTCOME_FAIL, REASON_KEY_MISMATCH);
	SCOPED_FREE uint8_t *after = slot_bytes(&bench);
	assert_memory_equal(before, after, bench.plan->device_key.slot->format.size);
	expect_state(&bench, "enrolled", "abandoned");
	expect_mended(&bench);
}

/* The cloud has it by then, so it is the one that works. */
static void an_acknowledged_key_stays_when_the_images_fail(void **state)
{
	(void)state;
	static const struct bench_job once = { .no_retries = true };
	struct line_bench bench;
	open_made(&bench, "core", &once);
	SCOPED_FREE uint8_t *before = slot_bytes(&bench);
	at_step(&bench, "readback", damage_user);
	run_to(&bench, &returned, OUTCOME_FAIL, REASON_FLASH_BAD);
	SCOPED_FREE uint8_t *after = slot_bytes(&bench);
	assert_memory_not_equal(before, after, bench.plan->device_key.slot->format.size);
	assert_says(&bench, "the new one; the cloud holds the new key");
	expect_state(&bench, "superseded", "enrolled");
	expect_mended(&bench);
}

static void stopping_the_line_leaves_a_key_that_works(void **state)
{
	(void)state;
	struct line_bench bench;
	open_made(&bench, "core", &usual_job);
	SCOPED_FREE uint8_t *before = slot_bytes(&bench);
	at_step(&bench, "prove-key", stop_the_line);
	assert_true(bench_run(&bench, &returned));
	bench_expect(&bench, 0, OUTCOME_ABORTED, REASON_STOPPED);
	assert_says(&bench, "its old key was put back");
	SCOPED_FREE uint8_t *after = slot_bytes(&bench);
	assert_memory_equal(before, after, bench.plan->device_key.slot->format.size);
	expect_mended(&bench);
}

/* --- asking --- */

/* The question comes a little after the event. */
static void confirm(struct line_bench *bench)
{
	struct deadline deadline = deadline_in_ms(ASKED_MS);
	struct err err;
	while (!line_confirm(bench->line, "A1", &err) && !deadline_passed(deadline))
		clock_pause_until(clock_mono_us() + 10000, NULL);
	assert_false(deadline_passed(deadline));
}

static void nobody_confirms_in_time(void **state)
{
	(void)state;
	static const struct bench_run asks = { .kind = LINE_REPROVISION, .asks = true };
	struct line_bench bench;
	struct err err;
	open_made(&bench, "core", &usual_job);
	SCOPED_FREE uint8_t *before = slot_bytes(&bench);
	run_to(&bench, &asks, OUTCOME_ABORTED, REASON_NOT_CONFIRMED);
	assert_says(&bench, "nobody typed A1 within");
	SCOPED_FREE uint8_t *after = slot_bytes(&bench);
	assert_memory_equal(before, after, bench.plan->device_key.slot->format.size);
	assert_false(line_confirm(bench.line, "A1", &err));
	assert_int_equal(err.reason, REASON_INPUT);
	assert_false(line_confirm(bench.line, "B1", &err));
	expect_mended(&bench);
}

static void what_is_confirmed_is_done(void **state)
{
	(void)state;
	static const struct bench_run asks = {
		.kind = LINE_REPROVISION, .asks = true, .until_stopped = true, .waits_long = true
	};
	struct line_bench bench;
	open_made(&bench, "photon", &usual_job);
	bench_start(&bench, &asks);
	confirm(&bench);
	assert_true(bench_await(&bench, LINE_OUTCOME, 1, ASKED_MS));
	line_drain(bench.line);
	assert_true(bench_join(&bench));
	bench_expect(&bench, 0, OUTCOME_PASS, REASON_NONE);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

/* The one that was confirmed is not the one that stands there. */
static void another_unit_is_not_what_was_confirmed(void **state)
{
	(void)state;
	static const struct bench_run asks = {
		.kind = LINE_REPROVISION, .asks = true, .until_stopped = true, .waits_long = true
	};
	struct line_bench bench;
	open_made(&bench, "photon", &usual_job);
	bench.config.gone_wait_ms = 1500;
	bench_unit_new(&bench, 2, VUNIT_PHOTON_1_4_4, false);
	bench_start(&bench, &asks);
	assert_true(bench_await(&bench, LINE_FOUND, 1, ASKED_MS));
	bench_unplug(&bench, 0);
	bench_plug(&bench, 0, 2, true);
	confirm(&bench);
	assert_true(bench_await(&bench, LINE_OUTCOME, 1, ASKED_MS));
	line_abort(bench.line);
	assert_true(bench_join(&bench));
	char outcome[64];
	bench_sql(&bench, outcome, sizeof outcome,
		"SELECT outcome || ' ' || reason FROM attempt WHERE kind = 'reprovision' ORDER BY "
		"started_at LIMIT 1");
	assert_string_equal(outcome, "FAIL unit-swapped");
	assert_int_equal(bench_sql_int(&bench, "SELECT count(*) FROM device_key"), 1);
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_cloud_no_rotation_begins),
		cmocka_unit_test(a_cloud_that_goes_away_in_the_middle_leaves_it_held),
		cmocka_unit_test(a_refused_key_makes_room_for_the_old_one),
		cmocka_unit_test(a_cloud_that_stores_another_key_gets_the_old_unit_back),
		cmocka_unit_test(a_unit_that_is_gone_is_told_with_its_new_key),
		cmocka_unit_test(a_new_key_that_does_not_hold_makes_room_for_the_old_one),
		cmocka_unit_test(an_acknowledged_key_stays_when_the_images_fail),
		cmocka_unit_test(stopping_the_line_leaves_a_key_that_works),
		cmocka_unit_test(nobody_confirms_in_time),
		cmocka_unit_test(what_is_confirmed_is_done),
		cmocka_unit_test(another_unit_is_not_what_was_confirmed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
