/* SPDX-License-Identifier: Apache-2.0 */
/* USES: record keys base */
/* The life of attempts in the record, as its callers see it and as the sqlite3 command line sees it. */
#include "record_fixture.h"

static void a_whole_attempt_is_in_the_tables(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], attempt[UUID_TEXT];
	struct public_key key;
	unsigned seq;
	begin_batch(bench, PLAN_1, "main", "W7", batch);
	begin_attempt(bench, batch, UNIT_A, attempt);
	GOOD(bench, record_attempt_identity(
			    bench->record, attempt, "usb-serial", "8D7028785754", &bench->err));
	GOOD(bench, record_attempt_identity(
			    bench->record, attempt, "usb-serial", "8D7028785754", &bench->err));
	GOOD(bench, record_attempt_bootloader(bench->record, attempt, "1002", &bench->err));
	GOOD(bench,
		record_observe(bench->record, attempt, "option-bytes", "ff0055aa", &bench->err));
	GOOD(bench,
		record_step_begin(bench->record, attempt, "write-images", 1, &seq, &bench->err));
	SQL_IS(bench, "1|write-images|1||", "SELECT seq, name, try, outcome, ended_at FROM step");
	GOOD(bench, record_step_end(bench->record, attempt, seq, OUTCOME_FAIL, REASON_USB_STALL,
			    "block 7", &bench->err));
	do_step(bench, attempt, "write-images", 2, OUTCOME_PASS, REASON_NONE);
	answer(bench, put_key(bench, attempt, "main", &key), true);
	GOOD(bench, finish(bench, attempt, OUTCOME_PASS, REASON_NONE));
	GOOD(bench, record_batch_end(bench->record, batch, "done", &bench->err));

	SQL_IS(bench, "PASS||||1|1002|1",
		"SELECT outcome, reason, cause, detail, passage, bootloader_version, final_at = "
		"ended_at FROM attempt");
	SQL_IS(bench, "1|write-images|1|FAIL|usb-stall|block 7\n2|write-images|2|PASS||",
		"SELECT seq, name, try, outcome, reason, detail FROM step ORDER BY seq");
	SQL_IS(bench, "enrolled|acknowledged|p-256",
		"SELECT state, enrol_proof, algorithm FROM device_key");
	SQL_IS(bench, "acknowledged|1|201", "SELECT state, tries, http_status FROM outbox");
	SQL_IS(bench, "usb-serial|8D7028785754", "SELECT kind, value FROM attempt_identity");
	SQL_IS(bench, "W7|bench-1|0.0-test|3|done",
		"SELECT work_order, station_id, software_version, quantity,"
		" ended_by FROM batch");
	SQL_IS(bench, "1|server_key|||294\n1|user|3|0|71852",
		"SELECT stage, region, version, platform_id, size FROM batch_image ORDER BY "
		"region");
	SQL_IS(bench, "0|5|bench-1",
		"SELECT (SELECT value FROM meta WHERE key = 'virtual'), (SELECT value FROM meta"
		" WHERE key = 'schema_version'), (SELECT value FROM meta WHERE key = "
		"'station_id')");
	SQL_IS(bench, "ok", "PRAGMA integrity_check");
	SQL_IS(bench, "", "PRAGMA foreign_key_check");
	SQL_IS(bench, "wal", "PRAGMA journal_mode");
	SQL_IS(bench, "0",
		"SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
		"AND"
		" NOT strict AND name NOT LIKE 'sqlite%'");
}

static void pass_needs_what_it_says(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], attempt[UUID_TEXT], nameless[UUID_TEXT];
	struct public_key key;
	unsigned seq;
	begin_batch(bench, PLAN_1, "main", NULL, batch);
	begin_attempt(bench, batch, UNIT_A, attempt);
	BAD(bench, REASON_BUG,
		finish(bench, attempt, OUTCOME_PASS, REASON_NONE)); /* nothing at all */
	do_step(bench, attempt, "write-images", 1, OUTCOME_PASS, REASON_NONE);
	BAD(bench, REASON_BUG,
		finish(bench, attempt, OUTCOME_PASS, REASON_NONE)); /* the batch enrols */
	BAD(bench, REASON_BUG, finish(bench, attempt, OUTCOME_HELD, REASON_CLOUD_UNREACHABLE));
	int64_t outbox = put_key(bench, attempt, "main", &key);
	BAD(bench, REASON_BUG, finish(bench, attempt, OUTCOME_PASS, REASON_NONE)); /* due */
	GOOD(bench, record_send_begin(bench->record, outbox, &bench->err));
	BAD(bench, REASON_BUG, finish(bench, attempt, OUTCOME_PASS, REASON_NONE)); /* in flight */
	BAD(bench, REASON_BUG, finish(bench, attempt, OUTCOME_FAIL, REASON_USB_STALL));
	const struct record_send_result yes = {
		.acknowledged = true, .proof = PROOF_READ_BACK, .http_status = 200
	};
	GOOD(bench, record_send_end(bench->record, outbox, &yes, &bench->err));
	GOOD(bench, record_step_begin(bench->record, attempt, "readback", 1, &seq, &bench->err));
	BAD(bench, REASON_BUG,
		finish(bench, attempt, OUTCOME_PASS, REASON_NONE)); /* an open step */
	GOOD(bench, record_step_end(bench->record, attempt, seq, OUTCOME_FAIL, REASON_FLASH_BAD,
			    NULL, &bench->err));
	BAD(bench, REASON_BUG,
		finish(bench, attempt, OUTCOME_PASS, REASON_NONE)); /* a failed one */
	do_step(bench, attempt, "readback", 2, OUTCOME_PASS, REASON_NONE);
	BAD(bench, REASON_BUG, finish(bench, attempt, OUTCOME_PASS, REASON_USB_STALL));
	BAD(bench, REASON_BUG, finish(bench, attempt, OUTCOME_FAIL, REASON_NONE));
	BAD(bench, REASON_BUG, finish(bench, attempt, OUTCOME_INTERRUPTED, REASON_STATION_DIED));
	SQL_IS(bench, "0", "SELECT count(*) FROM attempt WHERE ended_at IS NOT NULL");
	GOOD(bench, finish(bench, attempt, OUTCOME_PASS, REASON_NONE));
	BAD(bench, REASON_BUG, finish(bench, attempt, OUTCOME_PASS, REASON_NONE)); /* once */

	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	begin_attempt(bench, batch, NULL, nameless);
	const struct record_result by_slot = { .outcome = OUTCOME_PASS, .id_optional = true };
	BAD(bench, REASON_BUG,
		record_attempt_finish(
			bench->record, nameless, &by_slot, &bench->err)); /* no step */
	do_step(bench, nameless, "write-images", 1, OUTCOME_PASS, REASON_NONE);
	BAD(bench, REASON_BUG, finish(bench, nameless, OUTCOME_PASS, REASON_NONE));
	GOOD(bench, record_attempt_finish(bench->record, nameless, &by_slot, &bench->err));
}

static void a_key_that_was_never_read_back_is_no_pass(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], attempt[UUID_TEXT];
	SCOPED_KEYPAIR struct keypair *keypair = NULL;
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	begin_attempt(bench, batch, UNIT_A, attempt);
	do_step(bench, attempt, "write-images", 1, OUTCOME_PASS, REASON_NONE);
	GOOD(bench, keypair_new(KEY_P256, &keypair, &bench->err));
	GOOD(bench,
		record_key_intended(bench->record, attempt, keypair_public(keypair), &bench->err));
	BAD(bench, REASON_BUG, finish(bench, attempt, OUTCOME_PASS, REASON_NONE));
	GOOD(bench, finish(bench, attempt, OUTCOME_FAIL, REASON_KEY_MISMATCH));
	SQL_IS(bench, "abandoned|1", "SELECT state, retired_at IS NOT NULL FROM device_key");
	SQL_IS(bench, "FAIL|key-mismatch|unit", "SELECT outcome, reason, cause FROM attempt");
}

static void what_was_acknowledged_is_the_key_on_the_unit(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], attempt[UUID_TEXT];
	struct public_key first, second;
	begin_batch(bench, PLAN_1, "main", NULL, batch);
	begin_attempt(bench, batch, UNIT_A, attempt);
	do_step(bench, attempt, "write-images", 1, OUTCOME_PASS, REASON_NONE);
	answer(bench, put_key(bench, attempt, "main", &first), true);
	put_key(bench, attempt, NULL, &second); /* and nobody sends it */
	BAD(bench, REASON_BUG, finish(bench, attempt, OUTCOME_PASS, REASON_NONE));
	answer(bench, put_key(bench, attempt, "main", &second), true);
	GOOD(bench, finish(bench, attempt, OUTCOME_PASS, REASON_NONE));
}

static void held_becomes_pass_when_its_key_is_acknowledged(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], attempt[UUID_TEXT];
	struct public_key key;
	struct record_held held;
	struct record_head head;
	bool found;
	begin_batch(bench, PLAN_1, "main", NULL, batch);
	int64_t outbox = make_held(bench, batch, UNIT_A, attempt, &key);
	SQL_IS(bench, "HELD|cloud-unreachable|service|1|",
		"SELECT outcome, reason, cause, ended_at IS NOT NULL, final_at FROM attempt");
	GOOD(bench, record_head(bench->record, &head, &bench->err));
	assert_int_equal(head.seq, 0);
	assert_string_equal(head.hash, "");

	GOOD(bench, record_held(bench->record, UNIT_A, &held, &found, &bench->err));
	assert_true(found);
	assert_int_equal(held.outbox_id, outbox);
	assert_string_equal(held.attempt_id, attempt);
	assert_string_equal(held.cloud, "main");
	assert_string_equal(held.plan_sha256, PLAN_1);
	assert_memory_equal(held.key.spki, key.spki, key.spki_len);
	BAD(bench, REASON_BUG,
		record_held_settle(bench->record, attempt, REASON_NONE, NULL, &bench->err));
	answer(bench, outbox, true);
	GOOD(bench, record_held_settle(bench->record, attempt, REASON_NONE, NULL, &bench->err));
	SQL_IS(bench, "PASS|||1",
		"SELECT outcome, reason, cause, final_at >= ended_at FROM attempt");
	SQL_IS(bench, "1", "SELECT count(*) FROM seal");
	BAD(bench, REASON_BUG,
		record_held_settle(bench->record, attempt, REASON_NONE, NULL, &bench->err));
	GOOD(bench, record_held(bench->record, UNIT_A, &held, &found, &bench->err));
	assert_false(found);
}

static void a_refused_held_attempt_fails(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], attempt[UUID_TEXT];
	struct public_key key;
	begin_batch(bench, PLAN_1, "main", NULL, batch);
	int64_t outbox = make_held(bench, batch, UNIT_A, attempt, &key);
	const struct record_send_result no = {
		.refused = true, .http_status = 403, .error = "forbidden"
	};
	GOOD(bench, record_send_begin(bench->record, outbox, &bench->err));
	BAD(bench, REASON_BUG,
		record_held_settle(bench->record, attempt, REASON_CLOUD_REFUSED, NULL,
			&bench->err)); /* in flight */
	GOOD(bench, record_send_end(bench->record, outbox, &no, &bench->err));
	GOOD(bench, record_held_settle(bench->record, attempt, REASON_CLOUD_REFUSED, "forbidden",
			    &bench->err));
	SQL_IS(bench, "FAIL|cloud-refused|service|forbidden",
		"SELECT outcome, reason, cause, detail FROM attempt");
	SQL_IS(bench, "refused|403|forbidden|2",
		"SELECT state, http_status, last_error, tries FROM outbox");
	SQL_IS(bench, "on-device", "SELECT state FROM device_key");
}

static void a_newer_key_supersedes_the_older_one(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], first[UUID_TEXT], second[UUID_TEXT];
	struct public_key old, new;
	bool known;
	begin_batch(bench, PLAN_1, "main", NULL, batch);
	int64_t old_row = make_held(bench, batch, UNIT_A, first, &old);
	GOOD(bench, record_send_begin(bench->record, old_row, &bench->err));
	begin_attempt(bench, batch, UNIT_A, second);
	do_step(bench, second, "write-images", 1, OUTCOME_PASS, REASON_NONE);
	int64_t new_row = put_key(bench, second, "main", &new);
	assert_int_not_equal(old_row, new_row);
	SQL_IS(bench, "FAIL|superseded|\n||",
		"SELECT outcome, reason, cause FROM attempt ORDER BY passage");
	SQL_IS(bench, "closed\ndue", "SELECT state FROM outbox ORDER BY id");
	SQL_IS(bench, "superseded\non-device",
		"SELECT state FROM device_key ORDER BY on_device_at, intended_at");
	SQL_IS(bench, "1", "SELECT count(*) FROM seal");

	/* The late answer to the old request changes nothing; the new row goes its way. */
	const struct record_send_result yes = {
		.acknowledged = true, .proof = PROOF_ACKNOWLEDGED, .http_status = 200
	};
	GOOD(bench, record_send_end(bench->record, old_row, &yes, &bench->err));
	SQL_IS(bench, "superseded",
		"SELECT k.state FROM device_key k JOIN outbox o USING (fingerprint)"
		" ORDER BY o.id LIMIT 1");
	BAD(bench, REASON_SUPERSEDED, record_send_begin(bench->record, old_row, &bench->err));
	answer(bench, new_row, true);
	GOOD(bench, finish(bench, second, OUTCOME_PASS, REASON_NONE));
	GOOD(bench, record_key_known(bench->record, UNIT_A, old.fingerprint, &known, &bench->err));
	assert_true(known);
	GOOD(bench, record_key_known(bench->record, UNIT_B, old.fingerprint, &known, &bench->err));
	assert_false(known);
}

static void a_known_key_is_resumed_and_a_foreign_one_refused(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], first[UUID_TEXT], second[UUID_TEXT], other[UUID_TEXT];
	struct public_key key;
	int64_t row, again;
	begin_batch(bench, PLAN_1, "main", NULL, batch);
	make_held(bench, batch, UNIT_A, first, &key);
	begin_attempt(bench, batch, UNIT_B, other);
	BAD(bench, REASON_DUPLICATE_KEY,
		record_key_intended(bench->record, other, &key, &bench->err));
	begin_attempt(bench, batch, UNIT_A, second);
	GOOD(bench, record_key_intended(bench->record, second, &key, &bench->err));
	SQL_IS(bench, "HELD",
		"SELECT outcome FROM attempt WHERE passage = 1 AND ended_at IS NOT NULL");
	GOOD(bench, record_key_on_device(bench->record, second, "main", &row, &bench->err));
	GOOD(bench, record_key_on_device(bench->record, second, "main", &again, &bench->err));
	assert_int_equal(row, again);
	SQL_IS(bench, "closed\ndue", "SELECT state FROM outbox ORDER BY id");
	SQL_IS(bench, "1",
		"SELECT count(*) FROM device_key WHERE attempt_id <> (SELECT attempt_id FROM outbox"
		" ORDER BY id DESC LIMIT 1)");
	do_step(bench, second, "prove-key", 1, OUTCOME_PASS, REASON_NONE);
	answer(bench, row, true);
	GOOD(bench, finish(bench, second, OUTCOME_PASS, REASON_NONE));
}

static void passages_count_per_unit_and_are_linked(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], attempt[UUID_TEXT], second[UUID_TEXT];
	unsigned passage;
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	make_plain(bench, batch, UNIT_A, OUTCOME_FAIL, REASON_USB_STALL);
	make_plain(bench, batch, UNIT_B, OUTCOME_PASS, REASON_NONE);
	begin_attempt(bench, batch, NULL, attempt);
	GOOD(bench, record_attempt_set_device(
			    bench->record, attempt, UNIT_A, "dct", &passage, &bench->err));
	assert_int_equal(passage, 2);
	GOOD(bench, record_attempt_set_device(
			    bench->record, attempt, UNIT_A, "dct", &passage, &bench->err));
	assert_int_equal(passage, 2);
	BAD(bench, REASON_BUG,
		record_attempt_set_device(
			bench->record, attempt, UNIT_B, "dct", &passage, &bench->err));
	BAD(bench, REASON_BUG,
		record_attempt_set_device(
			bench->record, attempt, "8D70", "dct", &passage, &bench->err));
	SQL_IS(bench, "1",
		"SELECT count(*) FROM attempt a JOIN attempt b ON a.previous_attempt_id = b.id AND"
		" a.device_id = b.device_id AND a.passage = b.passage + 1");

	begin_attempt(bench, batch, NULL, second);
	BAD(bench, REASON_DUPLICATE_ID,
		record_attempt_set_device(
			bench->record, second, UNIT_A, "scan", &passage, &bench->err));
	assert_non_null(strstr(bench->err.text, "A1"));
	GOOD(bench, finish(bench, second, OUTCOME_REFUSED, REASON_DUPLICATE_ID));
}

static void the_quantity_counts_distinct_units_of_the_work_order(void **state)
{
	struct bench *bench = *state;
	char first[UUID_TEXT], second[UUID_TEXT], other[UUID_TEXT], alone[UUID_TEXT],
		attempt[UUID_TEXT];
	struct public_key key;
	uint32_t made;
	begin_batch(bench, PLAN_1, NULL, "W1", first);
	make_plain(bench, first, UNIT_A, OUTCOME_PASS, REASON_NONE);
	begin_batch(bench, PLAN_1, "main", "W1", second);
	make_plain(bench, second, UNIT_B, OUTCOME_FAIL, REASON_USB_STALL);
	make_held(bench, second, UNIT_B, attempt, &key);
	make_plain(bench, first, UNIT_A, OUTCOME_PASS, REASON_NONE);
	begin_batch(bench, PLAN_2, NULL, "W1", other);
	begin_batch(bench, PLAN_1, NULL, NULL, alone);
	GOOD(bench, record_batch_made(bench->record, second, &made, &bench->err));
	assert_int_equal(made, 2);
	GOOD(bench, record_batch_made(bench->record, other, &made, &bench->err));
	assert_int_equal(made, 0);
	GOOD(bench, record_batch_made(bench->record, alone, &made, &bench->err));
	assert_int_equal(made, 0);
}

static void marks_and_failures_of_a_unit(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT];
	struct record_unit unit;
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	GOOD(bench, record_unit(bench->record, UNIT_A, &unit, &bench->err));
	assert_int_equal(unit.attempts, 0);
	assert_string_equal(unit.mark, "");
	make_plain(bench, batch, UNIT_A, OUTCOME_FAIL, REASON_USB_STALL);
	make_plain(
		bench, batch, UNIT_A, OUTCOME_FAIL, REASON_USB_GONE); /* handling: does not count */
	make_plain(bench, batch, UNIT_A, OUTCOME_FAIL, REASON_FLASH_BAD);
	GOOD(bench, record_unit_mark(
			    bench->record, UNIT_A, "needs-repair", "two fails", NULL, &bench->err));
	GOOD(bench, record_unit(bench->record, UNIT_A, &unit, &bench->err));
	assert_int_equal(unit.attempts, 3);
	assert_int_equal(unit.unit_fails, 2);
	assert_int_equal(unit.last_made, OUTCOME_NONE);
	assert_string_equal(unit.mark, "needs-repair");
	GOOD(bench, record_unit_mark(bench->record, UNIT_A, "released", NULL, "Eva", &bench->err));
	make_plain(bench, batch, UNIT_A, OUTCOME_FAIL, REASON_USB_STALL);
	GOOD(bench, record_unit(bench->record, UNIT_A, &unit, &bench->err));
	assert_int_equal(unit.unit_fails, 1);
	assert_string_equal(unit.mark, "released");
	make_plain(bench, batch, UNIT_A, OUTCOME_PASS, REASON_NONE);
	GOOD(bench, record_unit(bench->record, UNIT_A, &unit, &bench->err));
	assert_int_equal(unit.unit_fails, 0);
	assert_int_equal(unit.last_made, OUTCOME_PASS);
	assert_string_equal(unit.made_plan_sha256, PLAN_1);
	assert_false(unit.worked_on_since);
	BAD(bench, REASON_BUG,
		record_unit_mark(bench->record, UNIT_A, "lost", NULL, NULL, &bench->err));
}

static void work_that_broke_off_after_a_pass_is_told(void **state)
{
	struct bench *bench = *state;
	static const enum outcome ends[] = { OUTCOME_ABORTED, OUTCOME_FAIL, OUTCOME_INTERRUPTED };
	char batch[UUID_TEXT], attempt[UUID_TEXT];
	struct record_unit unit;
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		make_plain(bench, batch, UNIT_A, OUTCOME_PASS, REASON_NONE);
		make_plain(bench, batch, UNIT_A, OUTCOME_REFUSED, REASON_MADE_OTHERWISE);
		GOOD(bench, record_unit(bench->record, UNIT_A, &unit, &bench->err));
		assert_false(unit.worked_on_since);
		if (ends[i] == OUTCOME_INTERRUPTED) {
			begin_attempt(bench, batch, UNIT_A, attempt);
			bench_close(bench);
			bench_open(bench);
		} else {
			make_plain(bench, batch, UNIT_A, ends[i], REASON_STOPPED);
		}
		GOOD(bench, record_unit(bench->record, UNIT_A, &unit, &bench->err));
		assert_true(unit.worked_on_since);
		assert_int_equal(unit.last_made, OUTCOME_PASS);
		assert_int_equal(unit.last_outcome, ends[i]);
	}
}

static void ending_early_closes_steps_and_enrolment(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], attempt[UUID_TEXT];
	struct public_key key;
	unsigned seq;
	begin_batch(bench, PLAN_1, "main", NULL, batch);
	begin_attempt(bench, batch, UNIT_A, attempt);
	put_key(bench, attempt, "main", &key);
	GOOD(bench, record_step_begin(bench->record, attempt, "readback", 1, &seq, &bench->err));
	GOOD(bench, finish(bench, attempt, OUTCOME_ABORTED, REASON_STOPPED));
	SQL_IS(bench, "ABORTED|stopped", "SELECT outcome, reason FROM step");
	SQL_IS(bench, "closed", "SELECT state FROM outbox");
	SQL_IS(bench, "on-device", "SELECT state FROM device_key");
	BAD(bench, REASON_BUG,
		record_step_begin(bench->record, attempt, "more", 1, &seq, &bench->err));
	BAD(bench, REASON_BUG,
		record_observe(bench->record, attempt, "name", "value", &bench->err));
}

static bool goes_well(void *context, struct err *err)
{
	(void)context;
	(void)err;
	return true;
}

static bool ends_with(void *context, struct err *err)
{
	return err_set(err, *(enum reason *)context, "so it ended");
}

static void a_step_tells_what_came_of_its_work(void **state)
{
	struct bench *bench = *state;
	static enum reason reasons[] = { REASON_FLASH_BAD, REASON_STOPPED };
	char id[UUID_TEXT];
	const struct record_arrival arrival = {
		.kind = "diagnose", .arrived_at = 1, .slot = "R1", .usb_path = "1-1"
	};
	GOOD(bench, record_attempt_begin(bench->record, &arrival, id, &bench->err));
	GOOD(bench, record_step(bench->record, id, "good", goes_well, NULL, &bench->err));
	for (size_t i = 0; i < 2; i++) {
		assert_false(
			record_step(bench->record, id, "bad", ends_with, &reasons[i], &bench->err));
		assert_int_equal(bench->err.reason, reasons[i]);
		assert_string_equal(bench->err.text, "so it ended");
	}
	SQL_IS(bench, "good PASS  |bad FAIL flash-bad so it ended|bad ABORTED stopped so it ended",
		"SELECT group_concat(name || ' ' || outcome || ' ' || coalesce(reason, '') || ' ' ||"
		" coalesce(detail, ''), '|') FROM step");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_step_tells_what_came_of_its_work),
		TEST(a_whole_attempt_is_in_the_tables),
		TEST(pass_needs_what_it_says),
		TEST(a_key_that_was_never_read_back_is_no_pass),
		TEST(what_was_acknowledged_is_the_key_on_the_unit),
		TEST(held_becomes_pass_when_its_key_is_acknowledged),
		TEST(a_refused_held_attempt_fails),
		TEST(a_newer_key_supersedes_the_older_one),
		TEST(a_known_key_is_resumed_and_a_foreign_one_refused),
		TEST(passages_count_per_unit_and_are_linked),
		TEST(the_quantity_counts_distinct_units_of_the_work_order),
		TEST(marks_and_failures_of_a_unit),
		TEST(work_that_broke_off_after_a_pass_is_told),
		TEST(ending_early_closes_steps_and_enrolment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
