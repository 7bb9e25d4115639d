/* SPDX-License-Identifier: Apache-2.0 */
/* Durations: quantiles, buckets, and what is kept of them. */
/* USES: record */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tally.h"
#include "times.h"

static void small_samples_have_exact_quantiles(void **state)
{
	(void)state;
	struct times times = { 0 };
	assert_int_equal(times_quantile(&times, 0.5), -1);
	for (int64_t ms = 100; ms >= 1; ms--)
		times_add(&times, ms * 1009);
	assert_int_equal(times_quantile(&times, 0.5), 50 * 1009);
	assert_int_equal(times_quantile(&times, 0.9), 90 * 1009);
	assert_int_equal(times_quantile(&times, 0.99), 99 * 1009);
	assert_int_equal(times_quantile(&times, 1), 100 * 1009);
	times_add(&times, 1);
	assert_int_equal(times_quantile(&times, 0.001), 1);
	assert_int_equal(times_between(&times, 1009, 3 * 1009), 2);
	times_done(&times);
}

static void large_samples_stay_within_a_bucket(void **state)
{
	(void)state;
	struct times times = { 0 };
	for (int64_t i = 1; i <= 3 * (int64_t)TIMES_EXACT; i++)
		times_add(&times, i);
	assert_true(times.coarse);
	for (int q = 1; q < 100; q++) {
		int64_t exact = (int64_t)q * 3 * TIMES_EXACT / 100;
		int64_t off = llabs(times_quantile(&times, q / 100.0) - exact);
		assert_true(off * 1000 <= exact * 8);
	}
	assert_int_equal(times.max_ms, 3 * TIMES_EXACT);
	times_done(&times);
}

static void the_extremes_have_a_place(void **state)
{
	(void)state;
	struct times times = { 0 };
	times_add(&times, -5);
	times_add(&times, INT64_MAX);
	assert_int_equal(times_quantile(&times, 0.5), 0);
	assert_int_equal(times_quantile(&times, 1), UINT32_MAX);
	times_done(&times);
}

static void what_is_kept_comes_back(void **state)
{
	(void)state;
	uint8_t bytes[TIMES_ENCODED_MAX];
	size_t len;
	struct times times = { 0 }, back = { 0 };
	for (int64_t i = 0; i < 5000; i++)
		times_add(&times, i * i);
	times_encode(&times, bytes, &len);
	assert_true(times_add_encoded(&back, bytes, len));
	assert_true(times_add_encoded(&back, bytes, 0));
	assert_int_equal(back.count, 5000);
	assert_memory_equal(back.buckets, times.buckets, TIMES_BUCKETS * sizeof *back.buckets);
	/* Cut, out of order, of no bucket, empty. */
	assert_false(times_add_encoded(&back, bytes, len - 1));
	assert_false(times_add_encoded(
		&back, (const uint8_t[]){ 0, 2, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1 }, 12));
	assert_false(times_add_encoded(&back, (const uint8_t[]){ 0xff, 0xff, 0, 0, 0, 1 }, 6));
	assert_false(times_add_encoded(&back, (const uint8_t[]){ 0, 1, 0, 0, 0, 0 }, 6));
	assert_int_equal(back.count, 5000);
	times_done(&times);
	times_done(&back);
}

static void give(struct tally *tally, const char *name, int64_t seq, int64_t try_number,
	enum outcome outcome, enum cause cause)
{
	const struct tally_try row = { name, seq, try_number, 1000, 1010, outcome, cause };
	tally_try(tally, &row);
}

static const struct tally_step *find(struct tally *tally, const char *name)
{
	return tally_step(tally, name, 99);
}

/* Or the sum of the attempts' sums would differ from the sum of the attempts. */
static void a_try_that_does_not_count_has_no_place(void **state)
{
	(void)state;
	static struct tally tally;
	give(&tally, "readback", 8, 1, OUTCOME_FAIL, CAUSE_HANDLING);
	tally_attempt_end(&tally);
	give(&tally, "readback", 11, 1, OUTCOME_PASS, CAUSE_NONE);
	tally_attempt_end(&tally);
	give(&tally, "readback", 10, 1, OUTCOME_FAIL, CAUSE_UNIT);
	give(&tally, "readback", 12, 2, OUTCOME_PASS, CAUSE_NONE);
	tally_attempt_end(&tally);
	assert_int_equal(find(&tally, "readback")->place, 10);
	tally_done(&tally);
}

static void a_step_counts_by_its_last_try(void **state)
{
	(void)state;
	static struct tally tally;
	give(&tally, "check", 1, 1, OUTCOME_PASS, CAUSE_NONE);
	give(&tally, "write", 2, 1, OUTCOME_FAIL, CAUSE_UNIT);
	give(&tally, "write", 3, 2, OUTCOME_PASS, CAUSE_NONE);
	tally_attempt_end(&tally);
	give(&tally, "check", 1, 1, OUTCOME_PASS, CAUSE_NONE);
	give(&tally, "write", 2, 1, OUTCOME_FAIL, CAUSE_UNIT);
	tally_attempt_end(&tally);
	/* Not the unit's doing. */
	give(&tally, "check", 1, 1, OUTCOME_FAIL, CAUSE_SERVICE);
	tally_attempt_end(&tally);
	give(&tally, "check", 1, 1, OUTCOME_ABORTED, CAUSE_HANDLING);
	tally_attempt_end(&tally);
	const struct tally_step *check = find(&tally, "check"), *write = find(&tally, "write");
	assert_int_equal(check->passed_first, 2);
	assert_int_equal(check->failed + check->passed_later, 0);
	assert_int_equal(check->tries, 2);
	assert_int_equal(write->passed_first, 0);
	assert_int_equal(write->passed_later, 1);
	assert_int_equal(write->failed, 1);
	assert_int_equal(write->tries, 3);
	assert_int_equal(write->times.count, 1);
	assert_int_equal(write->times.max_ms, 20);
	tally_sort(&tally);
	assert_string_equal(tally.steps[0].name, "check");
	tally_done(&tally);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_samples_have_exact_quantiles),
		cmocka_unit_test(large_samples_stay_within_a_bucket),
		cmocka_unit_test(the_extremes_have_a_place),
		cmocka_unit_test(what_is_kept_comes_back),
		cmocka_unit_test(a_try_that_does_not_count_has_no_place),
		cmocka_unit_test(a_step_counts_by_its_last_try),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
