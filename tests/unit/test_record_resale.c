/* SPDX-License-Identifier: Apache-2.0 */
/* USES: record keys base */
/* LIBS: PkgConfig::sqlite3 PkgConfig::openssl */
/* What the record says of a unit's resale, and who cleared it by hand. */
#include "record_fixture.h"

#include "audit.h"
#include "resale.h"

#define BY_HAND RECORD_RESALE_BY_HAND ": clear it"

static void attempt(struct bench *bench, const char *kind, enum outcome outcome, const char *resale)
{
	const struct record_arrival arrival = {
		.kind = kind, .arrived_at = clock_utc_ms(), .slot = "R1", .usb_path = "1-1"
	};
	char id[UUID_TEXT];
	unsigned passage;
	GOOD(bench, record_attempt_begin(bench->record, &arrival, id, &bench->err));
	GOOD(bench, record_attempt_set_device(
			    bench->record, id, UNIT_A, "usb-serial", &passage, &bench->err));
	do_step(bench, id, "readback", 1, OUTCOME_PASS, REASON_NONE);
	if (resale)
		GOOD(bench, record_observe(bench->record, id, RECORD_RESALE, resale, &bench->err));
	GOOD(bench, finish(bench, id, outcome,
			    outcome == OUTCOME_REFUSED ? REASON_QUARANTINED : REASON_NONE));
}

static struct record_resale look(struct bench *bench)
{
	struct record_resale resale;
	GOOD(bench, record_resale(bench->record, UNIT_A, &resale, &bench->err));
	return resale;
}

static const char *words(struct bench *bench, const char *attempt_id)
{
	static char text[ERR_TEXT_MAX];
	GOOD(bench,
		record_not_for_resale(bench->record, attempt_id, text, sizeof text, &bench->err));
	return text;
}

static void ignore(void *context, const struct audit_finding *finding)
{
	(void)context;
	(void)finding;
}

static void a_person_clears_what_the_last_attempt_left(void **state)
{
	struct bench *bench = *state;
	struct audit_summary summary;
	const struct audit_options options = { .finding = ignore };
	struct record_resale is = look(bench);
	assert_string_equal(is.attempt_id, "");
	attempt(bench, "provision", OUTCOME_PASS, NULL);
	is = look(bench);
	assert_true(is.attempt_id[0] && !is.text[0] && !is.by_hand);
	assert_string_equal(words(bench, is.attempt_id), "");
	attempt(bench, "reprovision", OUTCOME_PASS, BY_HAND);
	is = look(bench);
	assert_string_equal(is.text, BY_HAND);
	assert_true(is.by_hand && !is.cleared);
	assert_string_equal(words(bench, is.attempt_id), "not for resale: by hand: clear it");
	GOOD(bench, record_cleared(bench->record, is.attempt_id, "white light", "Jo", &bench->err));
	assert_string_equal(words(bench, is.attempt_id), "");
	assert_true(look(bench).cleared);
	SQL_IS(bench, UNIT_A "|white light|Jo|1",
		"SELECT device_id, note, operator, at > 0 FROM unit_cleared");
	/* Looks and refusals change nothing; what changes the unit begins anew. */
	attempt(bench, "diagnose", OUTCOME_PASS, NULL);
	attempt(bench, "reprovision", OUTCOME_REFUSED, NULL);
	assert_true(look(bench).cleared);
	attempt(bench, "restore", OUTCOME_PASS, NULL);
	assert_true(!look(bench).by_hand && !look(bench).cleared);
	attempt(bench, "reprovision", OUTCOME_PASS, BY_HAND);
	is = look(bench);
	assert_true(is.by_hand && !is.cleared);
	assert_string_equal(words(bench, is.attempt_id), "not for resale: by hand: clear it");
	attempt(bench, "reprovision", OUTCOME_PASS, "yes");
	is = look(bench);
	assert_true(!is.by_hand && strcmp(is.text, "yes") == 0);
	assert_string_equal(words(bench, is.attempt_id), "");
	attempt(bench, "reprovision", OUTCOME_PASS, "no: kept: user");
	is = look(bench);
	assert_false(is.by_hand);
	assert_string_equal(words(bench, is.attempt_id), "not for resale: kept: user");
	GOOD(bench, audit_run(bench->record, &options, &summary, &bench->err));
	assert_int_equal(summary.checks[AUDIT_MARKS].findings, 0);
}

static void what_was_said_stays(void **state)
{
	struct bench *bench = *state;
	char out[128];
	attempt(bench, "reprovision", OUTCOME_PASS, BY_HAND);
	GOOD(bench, record_cleared(bench->record, look(bench).attempt_id, "white light", "Jo",
			    &bench->err));
	assert_int_not_equal(
		foreign_sql(bench, "UPDATE unit_cleared SET operator = 'Al'", out, sizeof out), 0);
	assert_int_not_equal(foreign_sql(bench, "DELETE FROM unit_cleared", out, sizeof out), 0);
}

static void a_unit_with_nothing_to_clear_is_a_finding(void **state)
{
	struct bench *bench = *state;
	struct audit_summary summary;
	const struct audit_options options = { .finding = ignore };
	attempt(bench, "reprovision", OUTCOME_PASS, "no: kept: user");
	GOOD(bench, record_cleared(bench->record, look(bench).attempt_id, "white light", "Jo",
			    &bench->err));
	GOOD(bench, audit_run(bench->record, &options, &summary, &bench->err));
	assert_int_equal(summary.checks[AUDIT_MARKS].findings, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_person_clears_what_the_last_attempt_left, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(what_was_said_stays, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			a_unit_with_nothing_to_clear_is_a_finding, bench_setup, bench_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
