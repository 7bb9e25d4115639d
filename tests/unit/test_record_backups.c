/* SPDX-License-Identifier: Apache-2.0 */
/* USES: record keys base */
/* LIBS: PkgConfig::sqlite3 PkgConfig::openssl */
/* Backups in the record: rows that stay, and which file may go. */
#include "record_fixture.h"

#include "backups.h"

enum { DAY = 86400000 };

static void begin(struct bench *bench, const char *kind, const char *device_id, char id[UUID_TEXT])
{
	const struct record_arrival arrival = {
		.kind = kind, .arrived_at = clock_utc_ms(), .slot = "R1", .usb_path = "1-1"
	};
	unsigned passage;
	GOOD(bench, record_attempt_begin(bench->record, &arrival, id, &bench->err));
	if (device_id[0])
		GOOD(bench, record_attempt_set_device(bench->record, id, device_id, "usb-serial",
				    &passage, &bench->err));
}

static void save(struct bench *bench, const char *attempt_id, const char *device_id,
	const char *path, int64_t at, int64_t keep_until)
{
	const struct record_backup backup = { .attempt_id = attempt_id,
		.device_id = device_id,
		.path = path,
		.file_sha256 = PLAN_2,
		.recipients = PLAN_1,
		.operator_name = "Jo",
		.at = at,
		.keep_until = keep_until };
	const struct record_backup_piece pieces[] = {
		{ "user", 0, 0x080a0000, 0x20000, PLAN_1 },
		{ "alt1", 1, 0, 8391, PLAN_2 },
	};
	GOOD(bench, record_backup(bench->record, &backup, pieces, 2, &bench->err));
}

static void one(struct bench *bench, const char *kind, const char *device_id, enum outcome outcome,
	const char *path, int64_t at)
{
	char id[UUID_TEXT];
	begin(bench, kind, device_id, id);
	if (path)
		save(bench, id, device_id, path, at, at + DAY);
	if (outcome == OUTCOME_PASS)
		do_step(bench, id, "readback", 1, OUTCOME_PASS, REASON_NONE);
	GOOD(bench, finish(bench, id, outcome,
			    outcome == OUTCOME_PASS      ? REASON_NONE
			    : outcome == OUTCOME_REFUSED ? REASON_QUARANTINED
							 : REASON_FLASH_BAD));
}

/* What may go at a time, the oldest first; it is taken as gone. */
static const char *over(struct bench *bench, int64_t now)
{
	static char path[RECORD_BACKUP_PATH];
	bool found = false;
	GOOD(bench, record_backup_over(bench->record, now, path, &found, &bench->err));
	if (!found)
		return "none";
	GOOD(bench, record_backup_removed(bench->record, path, "kept long enough", &bench->err));
	return path;
}

static void rows_stand_and_are_found_by_the_hash(void **state)
{
	struct bench *bench = *state;
	struct record_backup_file file;
	char id[UUID_TEXT];
	begin(bench, "diagnose", UNIT_A, id);
	save(bench, id, UNIT_A, "backups/a/1", 1000, 0);
	SQL_IS(bench, "user|0|134873088|131072|1000||Jo\nalt1|1|0|8391|1000||Jo",
		"SELECT region, alt, address, size, at, keep_until, operator FROM backup");
	GOOD(bench, record_backup_by_hash(bench->record, PLAN_2, &file, &bench->err));
	assert_string_equal(file.path, "backups/a/1");
	assert_string_equal(file.attempt_id, id);
	assert_string_equal(file.device_id, UNIT_A);
	GOOD(bench, record_backup_by_hash(bench->record, PLAN_1, &file, &bench->err));
	assert_string_equal(file.path, "");
	GOOD(bench, finish(bench, id, OUTCOME_FAIL, REASON_FLASH_BAD));
	/* For ever. */
	assert_string_equal(over(bench, INT64_MAX), "none");
}

static void old_ones_go_in_their_order(void **state)
{
	struct bench *bench = *state;
	one(bench, "provision", UNIT_A, OUTCOME_PASS, NULL, 0);
	one(bench, "diagnose", UNIT_A, OUTCOME_FAIL, "backups/a/2", 2000);
	/* Which did nothing to it. */
	one(bench, "provision", UNIT_A, OUTCOME_REFUSED, NULL, 0);
	one(bench, "diagnose", "", OUTCOME_FAIL, "backups/x/1", 1000);
	assert_string_equal(over(bench, 999 + DAY), "none");
	assert_string_equal(over(bench, 1000 + DAY), "backups/x/1");
	assert_string_equal(over(bench, 1000 + DAY), "none");
	assert_string_equal(over(bench, 2000 + DAY), "backups/a/2");
	assert_string_equal(over(bench, INT64_MAX), "none");
	SQL_IS(bench, "4", "SELECT count(*) FROM backup");
	SQL_IS(bench, "backups/a/2|kept long enough\nbackups/x/1|kept long enough",
		"SELECT path, why FROM backup_removed ORDER BY path");
}

static void the_newest_of_a_unit_that_is_not_good_stays(void **state)
{
	struct bench *bench = *state;
	char id[UUID_TEXT];
	one(bench, "reprovision", UNIT_A, OUTCOME_FAIL, "backups/a/1", 1000);
	one(bench, "diagnose", UNIT_A, OUTCOME_FAIL, "backups/a/2", 2000);
	assert_string_equal(over(bench, INT64_MAX), "backups/a/1");
	assert_string_equal(over(bench, INT64_MAX), "none");
	/* In work; then good. */
	begin(bench, "reprovision", UNIT_A, id);
	assert_string_equal(over(bench, INT64_MAX), "none");
	GOOD(bench, finish(bench, id, OUTCOME_FAIL, REASON_FLASH_BAD));
	one(bench, "restore", UNIT_A, OUTCOME_REFUSED, NULL, 0);
	assert_string_equal(over(bench, INT64_MAX), "none");
	one(bench, "reprovision", UNIT_A, OUTCOME_PASS, NULL, 0);
	begin(bench, "diagnose", UNIT_A, id);
	assert_string_equal(over(bench, INT64_MAX), "none");
	GOOD(bench, finish(bench, id, OUTCOME_FAIL, REASON_FLASH_BAD));
	assert_string_equal(over(bench, INT64_MAX), "backups/a/2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			rows_stand_and_are_found_by_the_hash, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			old_ones_go_in_their_order, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			the_newest_of_a_unit_that_is_not_good_stays, bench_setup, bench_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
