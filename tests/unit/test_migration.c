/* SPDX-License-Identifier: Apache-2.0 */
/* Databases that older programs made. tests/data/record-N.sql is what the program that made schema
 * version N wrote in a rehearsal. */
/* USES: record */
#include "record_fixture.h"

#include "audit.h"

static int setup(void **state, int version)
{
	char command[2 * FS_PATH_MAX];
	struct bench *bench = calloc(1, sizeof *bench);
	snprintf(bench->folder, sizeof bench->folder, "/tmp/test_record.XXXXXX");
	if (!mkdtemp(bench->folder))
		return -1;
	snprintf(command, sizeof command, "sqlite3 '%s/station.db' <'%s/tests/data/record-%d.sql'",
		bench->folder, SOURCE_DIR, version);
	*state = bench;
	return system(command);
}

static int setup_1(void **state)
{
	return setup(state, 1);
}

static int setup_3(void **state)
{
	return setup(state, 3);
}

static bool open_virtual(struct bench *bench)
{
	struct record_options options = bench_options(bench);
	options.existing = true; /* of either kind */
	return record_open(&options, &bench->record, NULL, &bench->err);
}

static void told(void *context, const struct audit_finding *finding)
{
	(void)context;
	if (!finding->note)
		print_error(
			"%s: %s: %s\n", audit_name(finding->check), finding->where, finding->what);
}

static void version_1_becomes_the_newest(void **state)
{
	struct bench *bench = *state;
	struct audit_summary summary;
	const struct audit_options options = { .finding = told };
	GOOD(bench, open_virtual(bench));
	SQL_IS(bench, "5", "SELECT value FROM meta WHERE key = 'schema_version'");
	SQL_IS(bench,
		"A1|PASS|0||read-back\nA1|SKIPPED|0||\nA2|PASS|1||read-back\nA2|SKIPPED|0||\n"
		"A3|FAIL|4|readback|\nA3|HELD|0||\nA4|HELD|0||",
		"SELECT slot, outcome, retries, failed_step, enrol_proof FROM attempt ORDER BY slot,"
		" started_at");
	/* Sums over all steps agree with the steps themselves. */
	SQL_IS(bench, "4|0|1|7",
		"SELECT sum(passed_first), sum(passed_later), sum(failed), sum(tries) FROM step_sum"
		" WHERE step = 'readback'");
	SQL_IS(bench, "ok", "PRAGMA integrity_check");
	GOOD(bench, audit_run(bench->record, &options, &summary, &bench->err));
	assert_int_equal(summary.findings, 0);
	assert_int_equal(summary.head.seq, 5);
}

/* Two units were made, and one of them was backed up. */
static void judge_3_as_the_newest(struct bench *bench, const char *kept)
{
	struct audit_summary summary;
	const struct audit_options options = { .finding = told };
	GOOD(bench, open_virtual(bench));
	SQL_IS(bench, "5", "SELECT value FROM meta WHERE key = 'schema_version'");
	/* What was summed up already is not added once more. */
	SQL_IS(bench, "2|0|0|2",
		"SELECT sum(passed_first), sum(passed_later), sum(failed), sum(tries) FROM step_sum"
		" WHERE step = 'readback'");
	SQL_IS(bench, kept,
		"SELECT count(*), count(DISTINCT path), coalesce(keep_until - at, 'no end') FROM backup");
	SQL_IS(bench, "0|0",
		"SELECT (SELECT count(*) FROM backup_removed), (SELECT count(*) FROM unit_cleared)");
	SQL_IS(bench, "ok", "PRAGMA integrity_check");
	GOOD(bench, audit_run(bench->record, &options, &summary, &bench->err));
	assert_int_equal(summary.findings, 0);
	assert_int_equal(summary.head.seq, 3);
}

static void version_3_becomes_the_newest(void **state)
{
	judge_3_as_the_newest(*state, "11|1|31536000000");
}

/* Version 3 brought how long a backup is kept, and what was removed. */
static void version_2_becomes_the_newest(void **state)
{
	struct bench *bench = *state;
	char out[64];
	assert_int_equal(
		foreign_sql(bench,
			"DROP TABLE backup_removed; ALTER TABLE backup DROP COLUMN keep_until;"
			" UPDATE meta SET value = '2' WHERE key = 'schema_version'",
			out, sizeof out),
		0);
	judge_3_as_the_newest(bench, "11|1|no end");
}

static void a_failed_migration_changes_nothing(void **state)
{
	struct bench *bench = *state;
	char before[4096], after[4096], out[64];
	static const char all[] = "SELECT group_concat(name) || (SELECT count(*) FROM attempt) FROM"
				  " (SELECT name FROM sqlite_schema ORDER BY name)";
	/* Somebody's own table stands in the way of ours. */
	assert_int_equal(foreign_sql(bench, "CREATE TABLE step_sum (x)", out, sizeof out), 0);
	assert_int_equal(foreign_sql(bench, all, before, sizeof before), 0);
	assert_false(open_virtual(bench));
	assert_non_null(strstr(bench->err.text, "migration from schema version 1"));
	assert_int_equal(foreign_sql(bench, all, after, sizeof after), 0);
	assert_string_equal(before, after);
	SQL_IS(bench, "1", "SELECT value FROM meta WHERE key = 'schema_version'");
	/* Out of the way, it goes on as if nothing had been. */
	assert_int_equal(foreign_sql(bench, "DROP TABLE step_sum", out, sizeof out), 0);
	GOOD(bench, open_virtual(bench));
}

static void a_sum_that_was_changed_is_found(void **state)
{
	struct bench *bench = *state;
	struct audit_summary summary;
	const struct audit_options options = { .finding = told };
	char out[256];
	GOOD(bench, open_virtual(bench));
	assert_int_equal(foreign_sql(bench,
				 "UPDATE step_sum SET passed_first = passed_first + 1 WHERE step ="
				 " 'readback' AND failed = 1",
				 out, sizeof out),
		0);
	GOOD(bench, audit_run(bench->record, &options, &summary, &bench->err));
	assert_int_equal(summary.checks[AUDIT_STEPS].findings, 1);
	assert_int_equal(summary.findings, 1);
}

static unsigned audited(struct bench *bench, struct audit_summary *ret)
{
	const struct audit_options options = { .finding = told };
	GOOD(bench, audit_run(bench->record, &options, ret, &bench->err));
	return ret->findings;
}

/* The seals that were there stay as they are; the next one covers all marks so far. */
static void older_seals_stay_and_the_next_covers_older_marks(void **state)
{
	struct bench *bench = *state;
	struct audit_summary summary;
	char attempt[UUID_TEXT], out[256];
	const struct record_arrival arrival = { .kind = "diagnose", .slot = "A1", .arrived_at = 1 };
	const struct record_result result = { .outcome = OUTCOME_ABORTED,
		.reason = REASON_STOPPED };
	assert_int_equal(foreign_sql(bench,
				 "INSERT INTO unit_mark (device_id, mark, note, at, passage) SELECT"
				 " device_id, 'quarantine', 'x', 1, 1 FROM attempt LIMIT 1",
				 out, sizeof out),
		0);
	GOOD(bench, open_virtual(bench));
	SQL_IS(bench, "5|", "SELECT count(*), group_concat(marks_to) FROM seal");
	assert_int_equal(audited(bench, &summary), 0);
	assert_int_equal(summary.first_form, 5);
	assert_int_equal(summary.unsealed_marks, 1);
	GOOD(bench, record_attempt_begin(bench->record, &arrival, attempt, &bench->err));
	GOOD(bench, record_attempt_finish(bench->record, attempt, &result, &bench->err));
	SQL_IS(bench, "6|1|0", "SELECT seq, marks_to, cleared_to FROM seal WHERE marks_to >= 0");
	assert_int_equal(audited(bench, &summary), 0);
	assert_int_equal(summary.first_form, 5);
	assert_int_equal(summary.unsealed_marks, 0);
	assert_int_equal(foreign_sql(bench,
				 "DROP TRIGGER unit_mark_is_constant; UPDATE unit_mark SET mark ="
				 " 'released'",
				 out, sizeof out),
		0);
	assert_int_not_equal(audited(bench, &summary), 0);
	assert_int_equal(summary.checks[AUDIT_SEALS].findings, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			version_1_becomes_the_newest, setup_1, bench_teardown),
		cmocka_unit_test_setup_teardown(
			version_2_becomes_the_newest, setup_3, bench_teardown),
		cmocka_unit_test_setup_teardown(
			version_3_becomes_the_newest, setup_3, bench_teardown),
		cmocka_unit_test_setup_teardown(
			a_failed_migration_changes_nothing, setup_1, bench_teardown),
		cmocka_unit_test_setup_teardown(
			a_sum_that_was_changed_is_found, setup_1, bench_teardown),
		cmocka_unit_test_setup_teardown(
			older_seals_stay_and_the_next_covers_older_marks, setup_1, bench_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
