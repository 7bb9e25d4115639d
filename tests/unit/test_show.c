/* SPDX-License-Identifier: Apache-2.0 */
/* USES: record keys base */
/* The life of one unit, as show reads it. */
#include "record_fixture.h"
#include "show.h"

struct seen {
	char text[4096];
	unsigned attempts, stop_after;
};

static PRINTF_LIKE(2, 3) void note(struct seen *seen, const char *format, ...)
{
	size_t len = strlen(seen->text);
	va_list args;
	va_start(args, format);
	vsnprintf(seen->text + len, sizeof seen->text - len, format, args);
	va_end(args);
}

static bool on_attempt(void *context, const struct show_attempt *attempt)
{
	struct seen *seen = context;
	note(seen, "#%d %s %s %s seal %d\n", (int)attempt->passage,
		attempt->outcome ? attempt->outcome : "open",
		attempt->reason ? attempt->reason : "-",
		attempt->job_name ? attempt->job_name : "-", (int)attempt->seal_seq);
	assert_true((attempt->ended_at == -1) == (attempt->outcome == NULL));
	assert_true((attempt->seal_hash == NULL) == (attempt->seal_seq == -1));
	return ++seen->attempts != seen->stop_after;
}

static bool on_step(void *context, const struct show_step *step)
{
	note(context, "  %d %s try %d %s\n", (int)step->seq, step->name, (int)step->try_number,
		step->outcome ? step->outcome : "open");
	return true;
}

static bool on_key(void *context, const struct show_key *key)
{
	note(context, "key %s %s\n", key->algorithm, key->state);
	return true;
}

static bool on_observation(void *context, const struct show_observation *observation)
{
	note(context, "  saw %s %s\n", observation->name, observation->value);
	return true;
}

static bool on_batch(void *context, const struct show_batch *batch)
{
	note(context, "batch %s of %s by %s%s\n", batch->kind, batch->station_id, batch->operator_name,
		batch->ended_at < 0 ? ", runs" : "");
	return true;
}

static bool on_image(void *context, const struct show_image *image)
{
	note(context, "  %s %s version %d\n", image->region, image->file_name, (int)image->version);
	return true;
}

static bool on_mark(void *context, const struct show_mark *mark)
{
	note(context, "mark %s\n", mark->mark);
	return true;
}

static bool show(struct bench *bench, const char *unit, struct seen *seen)
{
	const struct show_reader reader = { .attempt = on_attempt,
		.step = on_step,
		.observation = on_observation,
		.key = on_key,
		.batch = on_batch,
		.image = on_image,
		.mark = on_mark,
		.context = seen };
	bool found;
	GOOD(bench, show_unit(bench->record, unit, &reader, &found, &bench->err));
	return found;
}

static void make_life(struct bench *bench, char last[UUID_TEXT])
{
	char batch[UUID_TEXT];
	struct public_key key;
	unsigned seq;
	begin_batch(bench, PLAN_1, "main", NULL, batch);
	make_plain(bench, batch, UNIT_B, OUTCOME_FAIL, REASON_USB_STALL);
	make_plain(bench, batch, UNIT_A, OUTCOME_FAIL, REASON_USB_STALL);
	begin_attempt(bench, NULL, UNIT_A, last);
	do_step(bench, last, "write-images", 1, OUTCOME_FAIL, REASON_FLASH_BAD);
	do_step(bench, last, "write-images", 2, OUTCOME_PASS, REASON_NONE);
	put_key(bench, last, "main", &key);
	GOOD(bench, record_step_begin(bench->record, last, "readback", 1, &seq, &bench->err));
	GOOD(bench, record_observe(bench->record, last, "vanished", "readback", &bench->err));
	GOOD(bench, record_unit_mark(bench->record, UNIT_A, "quarantine", NULL, NULL, &bench->err));
}

static void attempts_come_in_order_with_their_steps_then_keys(void **state)
{
	struct bench *bench = *state;
	char last[UUID_TEXT];
	struct seen seen = { .stop_after = 0 };
	make_life(bench, last);
	assert_true(show(bench, "3F0028000347343337373738", &seen)); /* either case */
	assert_string_equal(seen.text, "#1 FAIL usb-stall core-tinker seal 2\n"
				       "  1 write-images try 1 FAIL\n"
				       "#2 open - - seal -1\n"
				       "  1 write-images try 1 FAIL\n"
				       "  2 write-images try 2 PASS\n"
				       "  3 readback try 1 open\n"
				       "  saw vanished readback\n"
				       "key p-256 on-device\n"
				       "batch provision of bench-1 by Jörg, runs\n"
				       "  server_key cloud-rsa.pub.der version -1\n"
				       "  user core-tinker.bin version 3\n"
				       "mark quarantine\n");
}

static void an_attempt_can_be_shown_alone(void **state)
{
	struct bench *bench = *state;
	char last[UUID_TEXT];
	struct seen seen = { .stop_after = 0 };
	make_life(bench, last);
	assert_true(show(bench, last, &seen));
	assert_int_equal(seen.attempts, 1);
	assert_non_null(strstr(seen.text, "key p-256"));
}

static void what_is_not_known_is_not_found(void **state)
{
	static const char *const names[] = { "", "00000000000000000000000c", "3f00", "' OR 1=1 --",
		"a name that is longer than any id that we know of" };
	struct bench *bench = *state;
	char last[UUID_TEXT];
	struct seen seen = { .stop_after = 0 };
	make_life(bench, last);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_false(show(bench, names[i], &seen));
	assert_string_equal(seen.text, "");
}

static void a_reader_can_stop(void **state)
{
	struct bench *bench = *state;
	char last[UUID_TEXT];
	struct seen seen = { .stop_after = 1 };
	make_life(bench, last);
	assert_true(show(bench, UNIT_A, &seen));
	assert_string_equal(seen.text, "#1 FAIL usb-stall core-tinker seal 2\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		TEST(attempts_come_in_order_with_their_steps_then_keys),
		TEST(an_attempt_can_be_shown_alone),
		TEST(what_is_not_known_is_not_found),
		TEST(a_reader_can_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
