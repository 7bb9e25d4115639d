/* SPDX-License-Identifier: Apache-2.0 */
/* USES: record keys base */
/* LIBS: PkgConfig::sqlite3 PkgConfig::openssl */
/* What a diagnosis keeps, and what it can ask: how a unit left us, and which images we know. */
#include "record_fixture.h"

#include "returned_units.h"

static void begin_diagnosis(struct bench *bench, const char *device_id, char id[UUID_TEXT])
{
	const struct record_arrival arrival = {
		.kind = "diagnose", .arrived_at = clock_utc_ms(), .slot = "R1", .usb_path = "1-1"
	};
	unsigned passage;
	GOOD(bench, record_attempt_begin(bench->record, &arrival, id, &bench->err));
	GOOD(bench, record_attempt_set_device(
			    bench->record, id, device_id, "usb-serial", &passage, &bench->err));
}

static void findings_stand_in_order_while_the_attempt_is_open(void **state)
{
	struct bench *bench = *state;
	char id[UUID_TEXT];
	begin_diagnosis(bench, UNIT_A, id);
	GOOD(bench, record_finding(bench->record, id, "user", "good", "image-same", "as made",
			    &bench->err));
	GOOD(bench, record_finding(bench->record, id, "device-rsa", "fault", "device-key-missing",
			    NULL, &bench->err));
	SQL_IS(bench, "1|user|good|image-same|as made\n2|device-rsa|fault|device-key-missing|",
		"SELECT seq, subject, state, reason, detail FROM finding ORDER BY seq");
	assert_false(record_finding(
		bench->record, id, "user", "splendid", "image-same", NULL, &bench->err));
	GOOD(bench, finish(bench, id, OUTCOME_FAIL, REASON_KEY_MISMATCH));
	assert_false(
		record_finding(bench->record, id, "user", "good", "image-same", NULL, &bench->err));
	SQL_IS(bench, "2", "SELECT count(*) FROM finding");
}

/* A batch whose user image has this hash, with a unit made in it. */
static void make_with(struct bench *bench, const char *sha256, const char *kind,
	const char *device_id, enum outcome outcome)
{
	const struct record_batch batch = {
		.kind = kind, .job_name = "tinker", .plan_sha256 = sha256, .family = "core"
	};
	const struct record_image image = { "user", 0x08005000, "tinker.bin", true, 7, 0, 71852,
		sha256, 0 };
	char id[UUID_TEXT];
	GOOD(bench, record_batch_begin(bench->record, &batch, &image, 1, id, &bench->err));
	make_plain(bench, id, device_id, outcome,
		outcome == OUTCOME_PASS ? REASON_NONE : REASON_FLASH_BAD);
}

static void images_are_known_and_what_the_unit_left_with_is_first(void **state)
{
	struct bench *bench = *state;
	struct record_known_image known[RECORD_KNOWN_IMAGES_MAX];
	size_t count = 99;
	static const char plan_3[] =
		"3333333333333333333333333333333333333333333333333333333333333333";
	make_with(bench, PLAN_1, "provision", UNIT_A, OUTCOME_PASS);
	make_with(bench, PLAN_2, "provision", UNIT_B, OUTCOME_PASS);
	make_with(bench, PLAN_2, "provision", UNIT_A, OUTCOME_FAIL);
	make_with(bench, plan_3, "verify", UNIT_B, OUTCOME_FAIL);
	GOOD(bench, record_known_images(bench->record, "core", "user", UNIT_A, known,
			    RECORD_KNOWN_IMAGES_MAX, &count, &bench->err));
	assert_int_equal(count, 2);
	assert_true(known[0].left_with);
	assert_string_equal(known[0].sha256, PLAN_1);
	assert_int_equal(known[0].addr, 0x08005000);
	assert_int_equal(known[0].size, 71852);
	assert_int_equal(known[0].version, 7);
	assert_string_equal(known[0].file_name, "tinker.bin");
	assert_string_equal(known[0].job_name, "tinker");
	assert_false(known[1].left_with);
	assert_string_equal(known[1].sha256, PLAN_2);
	GOOD(bench, record_known_images(
			    bench->record, "core", "user", "", known, 1, &count, &bench->err));
	assert_int_equal(count, 1);
	assert_false(known[0].left_with);
	GOOD(bench, record_known_images(
			    bench->record, "photon", "user", "", known, 1, &count, &bench->err));
	assert_int_equal(count, 0);
}

static void how_a_unit_left_is_its_newest_good_passage(void **state)
{
	struct bench *bench = *state;
	struct record_left left;
	struct public_key key;
	char batch[UUID_TEXT], attempt[UUID_TEXT], looked[UUID_TEXT];
	GOOD(bench, record_left_with(bench->record, UNIT_A, &left, &bench->err));
	assert_string_equal(left.attempt_id, "");
	assert_string_equal(left.enrolled, "");
	begin_batch(bench, PLAN_1, "main", NULL, batch);
	begin_attempt(bench, batch, UNIT_A, attempt);
	do_step(bench, attempt, "write-images", 1, OUTCOME_PASS, REASON_NONE);
	answer(bench, put_key(bench, attempt, "main", &key), true);
	GOOD(bench, finish(bench, attempt, OUTCOME_PASS, REASON_NONE));
	begin_diagnosis(bench, UNIT_A, looked);
	GOOD(bench, finish(bench, looked, OUTCOME_FAIL, REASON_FLASH_BAD));
	GOOD(bench, record_left_with(bench->record, UNIT_A, &left, &bench->err));
	assert_string_equal(left.attempt_id, attempt);
	assert_string_equal(left.outcome, "PASS");
	assert_string_equal(left.job_name, "core-tinker");
	assert_string_equal(left.cloud, "main");
	assert_string_equal(left.family, "core");
	assert_true(left.made_at > 0);
	assert_string_equal(left.enrolled, key.fingerprint);
}

/* --- a key that a station which died has begun with --- */

static bool is_begun(struct bench *bench, const struct public_key *key)
{
	bool begun = false;
	GOOD(bench, record_key_begun(bench->record, UNIT_A, key->fingerprint, &begun, &bench->err));
	return begun;
}

static void only_a_key_that_was_cut_off_is_taken_up(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], first[UUID_TEXT], second[UUID_TEXT], third[UUID_TEXT];
	struct public_key cut, failed;
	int64_t outbox;
	begin_batch(bench, PLAN_1, "main", NULL, batch);
	begin_attempt(bench, batch, UNIT_A, first);
	put_key(bench, first, "main", &cut);
	assert_false(is_begun(bench, &cut)); /* its attempt goes on */
	bench_close(bench);
	bench_open(bench);
	assert_true(is_begun(bench, &cut));

	begin_attempt(bench, batch, UNIT_A, second);
	do_step(bench, second, "readback", 1, OUTCOME_PASS, REASON_NONE);
	GOOD(bench, record_key_intended(bench->record, second, &cut, &bench->err));
	GOOD(bench, record_key_on_device(bench->record, second, "main", &outbox, &bench->err));
	answer(bench, outbox, true);
	assert_true(is_begun(bench, &cut));
	GOOD(bench, finish(bench, second, OUTCOME_PASS, REASON_NONE));
	assert_false(is_begun(bench, &cut)); /* it left with it */

	begin_attempt(bench, batch, UNIT_A, third);
	put_key(bench, third, "main", &failed);
	GOOD(bench, finish(bench, third, OUTCOME_FAIL, REASON_FLASH_BAD));
	assert_false(is_begun(bench, &failed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			only_a_key_that_was_cut_off_is_taken_up, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(findings_stand_in_order_while_the_attempt_is_open,
			bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			images_are_known_and_what_the_unit_left_with_is_first, bench_setup,
			bench_teardown),
		cmocka_unit_test_setup_teardown(
			how_a_unit_left_is_its_newest_good_passage, bench_setup, bench_teardown),
	};
	struct err err;
	if (!keys_init(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
