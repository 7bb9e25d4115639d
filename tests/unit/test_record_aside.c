/* SPDX-License-Identifier: Apache-2.0 */
/* USES: record keys base */
/* LIBS: PkgConfig::sqlite3 PkgConfig::openssl */
/* Two units with one id or one key: neither becomes PASS, whatever the order in which they end. Stops of the
 * line. */
#include "record_fixture.h"

static void begin_twin(struct bench *bench, const char *batch, char attempt[UUID_TEXT])
{
	unsigned passage;
	begin_attempt(bench, batch, NULL, attempt);
	BAD(bench, REASON_DUPLICATE_ID,
		record_attempt_set_device(
			bench->record, attempt, UNIT_A, "scan", &passage, &bench->err));
}

static void the_first_of_two_units_with_one_id_cannot_pass(void **state)
{
	static const enum outcome not_any_more[] = { OUTCOME_PASS, OUTCOME_SKIPPED,
		OUTCOME_ABORTED };
	static const enum reason reasons[] = { REASON_NONE, REASON_ALREADY_MADE, REASON_STOPPED };
	struct bench *bench = *state;
	char batch[UUID_TEXT], first[UUID_TEXT], second[UUID_TEXT];
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	begin_attempt(bench, batch, UNIT_A, first);
	do_step(bench, first, "write-images", 1, OUTCOME_PASS, REASON_NONE);
	begin_twin(bench, batch, second);
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		BAD(bench, REASON_DUPLICATE_ID, finish(bench, first, not_any_more[i], reasons[i]));
	GOOD(bench, finish(bench, first, OUTCOME_REFUSED, REASON_DUPLICATE_ID));
	GOOD(bench, finish(bench, second, OUTCOME_REFUSED, REASON_DUPLICATE_ID));
	SQL_IS(bench, "1|quarantine|1|Jörg",
		"SELECT count(*), mark, note LIKE 'duplicate-id: %slot A1%', operator FROM "
		"unit_mark");
}

static void a_held_unit_with_a_twin_is_refused_too(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], first[UUID_TEXT], second[UUID_TEXT];
	struct public_key key;
	begin_batch(bench, PLAN_1, "main", NULL, batch);
	begin_attempt(bench, batch, UNIT_A, first);
	do_step(bench, first, "write-images", 1, OUTCOME_PASS, REASON_NONE);
	answer(bench, put_key(bench, first, "main", &key), false);
	begin_twin(bench, batch, second);
	BAD(bench, REASON_DUPLICATE_ID,
		finish(bench, first, OUTCOME_HELD, REASON_CLOUD_UNREACHABLE));
	GOOD(bench, finish(bench, first, OUTCOME_REFUSED, REASON_DUPLICATE_ID));
	SQL_IS(bench, "closed", "SELECT state FROM outbox");
}

static void what_failed_by_itself_stays_failed(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], first[UUID_TEXT], second[UUID_TEXT];
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	begin_attempt(bench, batch, UNIT_A, first);
	do_step(bench, first, "write-images", 1, OUTCOME_FAIL, REASON_FLASH_BAD);
	begin_twin(bench, batch, second);
	GOOD(bench, finish(bench, first, OUTCOME_FAIL, REASON_FLASH_BAD));
}

static void a_released_unit_can_be_made_again(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], first[UUID_TEXT], second[UUID_TEXT];
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	begin_attempt(bench, batch, UNIT_A, first);
	begin_twin(bench, batch, second);
	GOOD(bench, finish(bench, first, OUTCOME_REFUSED, REASON_DUPLICATE_ID));
	GOOD(bench, record_unit_mark(
			    bench->record, UNIT_A, "released", "A1 was it", "Jörg", &bench->err));
	make_plain(bench, batch, UNIT_A, OUTCOME_PASS, REASON_NONE);
	/* A mark from before an attempt is for those who decide whether it is touched. */
	GOOD(bench,
		record_unit_mark(bench->record, UNIT_A, "quarantine", "seen", "Jörg", &bench->err));
	make_plain(bench, batch, UNIT_A, OUTCOME_PASS, REASON_NONE);
}

/* What a person has decided, and what is stricter, stays the newest. */
static void a_stricter_mark_stays(void **state)
{
	static const char *const marks[] = { "needs-repair", "quarantine", "needs-repair",
		"quarantine", "scrap", "quarantine", "released", "quarantine" };
	struct bench *bench = *state;
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		bool person = i == 4 || i == 6;
		GOOD(bench, person ? record_unit_mark(bench->record, UNIT_A, marks[i], "x", "Eva",
					     &bench->err)
				   : record_unit_set_aside(bench->record, UNIT_A, marks[i], "x",
					     NULL, &bench->err));
	}
	SQL_IS(bench, "needs-repair\nquarantine\nscrap\nreleased\nquarantine",
		"SELECT mark FROM unit_mark ORDER BY id");
}

static void a_key_that_is_found_on_another_unit_sets_both_aside(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], first[UUID_TEXT], second[UUID_TEXT];
	struct public_key key;
	bool known;
	begin_batch(bench, PLAN_1, "main", NULL, batch);
	begin_attempt(bench, batch, UNIT_A, first);
	do_step(bench, first, "write-images", 1, OUTCOME_PASS, REASON_NONE);
	answer(bench, put_key(bench, first, "main", &key), true);
	begin_attempt(bench, batch, UNIT_B, second);
	GOOD(bench, record_key_found(bench->record, second, PLAN_2, &known, &bench->err));
	assert_false(known);
	GOOD(bench, record_key_found(bench->record, first, key.fingerprint, &known, &bench->err));
	assert_true(known);
	BAD(bench, REASON_DUPLICATE_KEY,
		record_key_found(bench->record, second, key.fingerprint, &known, &bench->err));
	assert_non_null(strstr(bench->err.text, UNIT_A));
	BAD(bench, REASON_DUPLICATE_KEY, finish(bench, first, OUTCOME_PASS, REASON_NONE));
	GOOD(bench, finish(bench, first, OUTCOME_REFUSED, REASON_DUPLICATE_KEY));
	BAD(bench, REASON_DUPLICATE_KEY, finish(bench, second, OUTCOME_ABORTED, REASON_STOPPED));
	GOOD(bench, finish(bench, second, OUTCOME_REFUSED, REASON_DUPLICATE_KEY));
	SQL_IS(bench, UNIT_B "|quarantine\n" UNIT_A "|quarantine",
		"SELECT device_id, mark FROM unit_mark ORDER BY id");
}

static void a_key_of_an_unknown_unit_may_be_this_ones(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], first[UUID_TEXT], second[UUID_TEXT];
	struct public_key key;
	bool known = true;
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	begin_attempt(bench, batch, NULL, first);
	put_key(bench, first, NULL, &key);
	begin_attempt(bench, batch, UNIT_B, second);
	GOOD(bench, record_key_found(bench->record, second, key.fingerprint, &known, &bench->err));
	assert_false(known);
	SQL_IS(bench, "0", "SELECT count(*) FROM unit_mark");
}

static void a_stop_of_the_line_is_a_row(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT];
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	GOOD(bench, record_line_stop(bench->record, batch, 1000, 2000, "3 units in a row failed",
			    &bench->err));
	SQL_IS(bench, "1000|2000|3 units in a row failed",
		"SELECT from_at, to_at, why FROM line_stop");
	assert_false(record_line_stop(bench->record, UNIT_A, 1, 2, "x", &bench->err));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		CASE(the_first_of_two_units_with_one_id_cannot_pass),
		CASE(a_held_unit_with_a_twin_is_refused_too),
		CASE(what_failed_by_itself_stays_failed),
		CASE(a_released_unit_can_be_made_again),
		CASE(a_stricter_mark_stays),
		CASE(a_key_that_is_found_on_another_unit_sets_both_aside),
		CASE(a_key_of_an_unknown_unit_may_be_this_ones),
		CASE(a_stop_of_the_line_is_a_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
