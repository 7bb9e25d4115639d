/* SPDX-License-Identifier: Apache-2.0 */
/* USES: record keys base */
/* LIBS: PkgConfig::sqlite3 PkgConfig::openssl */
/* The seals, recomputed from docs/database.md alone: own SQL, own bytes, OpenSSL's digest. */
#include "record_fixture.h"
#include "resale.h"
#include "returned_units.h"

#include <sqlite3.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

/* --- an independent reading of the canonical form --- */

struct canon {
	unsigned char bytes[65536];
	size_t len;
};

static void put_u64(struct canon *canon, uint64_t value)
{
	assert_true(canon->len + 8 <= sizeof canon->bytes);
	for (int shift = 56; shift >= 0; shift -= 8)
		canon->bytes[canon->len++] = (unsigned char)(value >> shift);
}

static void put_text(struct canon *canon, const void *text, size_t len)
{
	if (!text) {
		put_u64(canon, UINT64_MAX);
		return;
	}
	put_u64(canon, len);
	assert_true(canon->len + len <= sizeof canon->bytes);
	memcpy(canon->bytes + canon->len, text, len);
	canon->len += len;
}

/* numbers: of ?1 and ?2, where they are no attempt. */
static void put_section(struct canon *canon, sqlite3 *db, const char *name, const char *columns,
	const char *rest, const char *attempt, const int64_t *numbers)
{
	char text[1024];
	sqlite3_stmt *statement;
	snprintf(text, sizeof text, "SELECT %s FROM %s %s", columns, name, rest);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &statement, NULL), SQLITE_OK);
	for (int i = 0; numbers && i < 2; i++)
		sqlite3_bind_int64(statement, i + 1, numbers[i]);
	if (!numbers)
		sqlite3_bind_text(statement, 1, attempt, -1, SQLITE_STATIC);
	put_text(canon, name, strlen(name));
	while (sqlite3_step(statement) == SQLITE_ROW) {
		int count = sqlite3_column_count(statement);
		put_u64(canon, (uint64_t)count);
		for (int i = 0; i < count; i++) {
			const void *value = sqlite3_column_text(statement, i);
			put_text(canon, value, (size_t)sqlite3_column_bytes(statement, i));
		}
	}
	put_u64(canon, 0);
	sqlite3_finalize(statement);
}

/* marks and cleared: behind, and up to; this is of form 2 then. */
static void recompute(sqlite3 *db, int64_t seq, const char *prev, const char *attempt,
	const int64_t marks[2], const int64_t cleared[2], char to[65])
{
	static struct canon canon;
	unsigned char sum[SHA256_DIGEST_LENGTH];
	canon.len = 0;
	put_text(&canon, "station seal 2", 14);
	put_u64(&canon, (uint64_t)seq);
	put_text(&canon, prev, prev ? strlen(prev) : 0);
	put_section(&canon, db, "attempt",
		"id,batch_id,kind,arrived_at,slot,usb_path,usb_serial,device_id,device_id_source,passage,"
		"previous_attempt_id,bootloader_version,key_fingerprint,operator,started_at,ended_at,final_at,"
		"outcome,reason,cause,detail",
		"WHERE id=?1", attempt, NULL);
	put_section(&canon, db, "step", "seq,name,try,started_at,ended_at,outcome,reason,detail",
		"WHERE attempt_id=?1 ORDER BY seq", attempt, NULL);
	put_section(&canon, db, "attempt_identity", "kind,value",
		"WHERE attempt_id=?1 ORDER BY kind,value", attempt, NULL);
	put_section(&canon, db, "observation", "seq,name,value", "WHERE attempt_id=?1 ORDER BY seq",
		attempt, NULL);
	put_section(&canon, db, "device_key",
		"fingerprint,device_id,attempt_id,algorithm,public_key_pem",
		"WHERE fingerprint=(SELECT key_fingerprint FROM attempt WHERE id=?1)", attempt,
		NULL);
	put_section(&canon, db, "batch",
		"id,kind,job_name,job_text,plan_sha256,family,family_sha256,config_sha256,cloud,work_order,"
		"part_number,part_revision,operator,station_id,software_version,quantity,started_at",
		"WHERE id=(SELECT batch_id FROM attempt WHERE id=?1)", attempt, NULL);
	put_section(&canon, db, "batch_image",
		"stage,region,address,file_name,version,platform_id,size,sha256",
		"WHERE batch_id=(SELECT batch_id FROM attempt WHERE id=?1) ORDER BY stage,region",
		attempt, NULL);
	put_section(&canon, db, "finding", "seq,subject,state,reason,detail",
		"WHERE attempt_id=?1 ORDER BY seq", attempt, NULL);
	put_section(&canon, db, "unit_mark", "id,device_id,mark,note,operator,at,passage",
		"WHERE id>?1 AND id<=?2 ORDER BY id", NULL, marks);
	put_section(&canon, db, "unit_cleared", "id,attempt_id,device_id,note,operator,at",
		"WHERE id>?1 AND id<=?2 ORDER BY id", NULL, cleared);
	SHA256(canon.bytes, canon.len, sum);
	for (size_t i = 0; i < sizeof sum; i++)
		snprintf(to + 2 * i, 3, "%02x", sum[i]);
}

/* The number of seals whose hash, or link to the one before, is not what it should be. */
static unsigned count_bad_seals(const struct bench *bench)
{
	char path[FS_PATH_MAX + 16], prev[65] = "", hash[65];
	sqlite3 *db;
	sqlite3_stmt *statement;
	unsigned bad = 0;
	int64_t marks[2] = { 0 }, cleared[2] = { 0 };
	snprintf(path, sizeof path, "%s/station.db", bench->folder);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db,
			"SELECT seq,attempt_id,prev,hash,marks_to,cleared_to FROM seal ORDER BY seq",
			-1, &statement, NULL),
		SQLITE_OK);
	for (int64_t seq = 1; sqlite3_step(statement) == SQLITE_ROW; seq++) {
		const char *stored_prev = (const char *)sqlite3_column_text(statement, 2);
		const char *stored = (const char *)sqlite3_column_text(statement, 3);
		marks[1] = sqlite3_column_int64(statement, 4);
		cleared[1] = sqlite3_column_int64(statement, 5);
		recompute(db, seq, prev[0] ? prev : NULL,
			(const char *)sqlite3_column_text(statement, 1), marks, cleared, hash);
		marks[0] = marks[1];
		cleared[0] = cleared[1];
		bad += sqlite3_column_int64(statement, 0) != seq ||
		       strcmp(stored_prev ? stored_prev : "", prev) != 0 ||
		       strcmp(stored, hash) != 0;
		snprintf(prev, sizeof prev, "%s", stored);
	}
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return bad;
}

/* Three sealed attempts: a rich one, a failed one, one that became PASS late. */
static void make_three(struct bench *bench)
{
	char batch[UUID_TEXT], attempt[UUID_TEXT];
	struct public_key key;
	begin_batch(bench, PLAN_1, "main", "W7", batch);
	int64_t outbox = make_held(bench, batch, UNIT_B, attempt, &key);
	char rich[UUID_TEXT];
	begin_attempt(bench, batch, UNIT_A, rich);
	GOOD(bench,
		record_attempt_identity(bench->record, rich, "usb-serial", "8D70", &bench->err));
	GOOD(bench, record_attempt_identity(bench->record, rich, "scan", UNIT_A, &bench->err));
	GOOD(bench, record_observe(bench->record, rich, "option-bytes", "ff", &bench->err));
	GOOD(bench, record_observe(bench->record, rich, "nothing", NULL, &bench->err));
	GOOD(bench, record_finding(bench->record, rich, "user", "fault", "image-damaged", NULL,
			    &bench->err));
	GOOD(bench, record_unit_mark(bench->record, UNIT_B, "scrap", "x", NULL, &bench->err));
	do_step(bench, rich, "write-images", 1, OUTCOME_FAIL, REASON_USB_STALL);
	do_step(bench, rich, "write-images", 2, OUTCOME_PASS, REASON_NONE);
	answer(bench, put_key(bench, rich, "main", &key), true);
	GOOD(bench, finish(bench, rich, OUTCOME_PASS, REASON_NONE));
	GOOD(bench, record_unit_mark(bench->record, UNIT_B, "released", NULL, "Jo", &bench->err));
	GOOD(bench, record_unit_mark(bench->record, UNIT_A, "quarantine", "y", NULL, &bench->err));
	GOOD(bench, record_cleared(bench->record, rich, "light was white", "Jo", &bench->err));
	make_plain(bench, NULL, UNIT_A, OUTCOME_FAIL, REASON_FLASH_BAD);
	answer(bench, outbox, true);
	GOOD(bench, record_held_settle(bench->record, attempt, REASON_NONE, NULL, &bench->err));
	GOOD(bench, record_batch_end(bench->record, batch, "done", &bench->err));
}

static void the_chain_can_be_recomputed_by_others(void **state)
{
	struct bench *bench = *state;
	struct record_head head;
	make_three(bench);
	assert_int_equal(count_bad_seals(bench), 0);
	GOOD(bench, record_head(bench->record, &head, &bench->err));
	assert_int_equal(head.seq, 3);
	char hash[128];
	assert_int_equal(
		foreign_sql(bench, "SELECT hash FROM seal WHERE seq = 3", hash, sizeof hash), 0);
	assert_string_equal(head.hash, hash);
	SQL_IS(bench, "0",
		"SELECT count(*) FROM seal s JOIN attempt a ON a.id = s.attempt_id JOIN seal t ON t.seq ="
		" s.seq + 1 JOIN attempt b ON b.id = t.attempt_id WHERE b.final_at < a.final_at");
}

/* As somebody would who means it. */
static void drop_triggers(const struct bench *bench)
{
	char names[4096], drop[256], out[256], *rest = NULL;
	assert_int_equal(foreign_sql(bench, "SELECT name FROM sqlite_schema WHERE type = 'trigger'",
				 names, sizeof names),
		0);
	for (char *name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
		snprintf(drop, sizeof drop, "DROP TRIGGER %s", name);
		assert_int_equal(foreign_sql(bench, drop, out, sizeof out), 0);
	}
}

static void every_altered_value_breaks_a_seal(void **state)
{
	struct bench *bench = *state;
	static const struct {
		const char *change, *back;
	} alterations[] = {
		{ "UPDATE step SET name='write-imageS' WHERE try=2",
			"UPDATE step SET name='write-images' WHERE try=2" },
		{ "UPDATE step SET detail='' WHERE try=2",
			"UPDATE step SET detail=NULL WHERE try=2" },
		{ "UPDATE batch_image SET address=address+1",
			"UPDATE batch_image SET address=address-1" },
		{ "UPDATE observation SET value='' WHERE value IS NULL",
			"UPDATE observation SET value=NULL WHERE value=''" },
		{ "UPDATE attempt_identity SET value='8D71' WHERE value='8D70'",
			"UPDATE attempt_identity SET value='8D70' WHERE value='8D71'" },
		{ "UPDATE device_key SET public_key_pem=public_key_pem||' '",
			"UPDATE device_key SET public_key_pem=substr(public_key_pem,1,length(public_key_pem)-1)" },
		{ "UPDATE batch SET work_order='W8'", "UPDATE batch SET work_order='W7'" },
		{ "UPDATE attempt SET detail='x' WHERE outcome='FAIL'",
			"UPDATE attempt SET detail=NULL WHERE outcome='FAIL'" },
		{ "UPDATE attempt SET arrived_at=arrived_at+1",
			"UPDATE attempt SET arrived_at=arrived_at-1" },
		{ "UPDATE seal SET seq=seq+1 WHERE seq=3", "UPDATE seal SET seq=3 WHERE seq=4" },
		{ "UPDATE attempt SET reason=reason||char(0)||'x' WHERE outcome='FAIL'",
			"UPDATE attempt SET reason='flash-bad' WHERE outcome='FAIL'" },
		{ "UPDATE finding SET state='note'", "UPDATE finding SET state='fault'" },
		{ "UPDATE unit_mark SET mark='released' WHERE id=1",
			"UPDATE unit_mark SET mark='scrap' WHERE id=1" },
		{ "UPDATE unit_mark SET operator=NULL WHERE id=2",
			"UPDATE unit_mark SET operator='Jo' WHERE id=2" },
		{ "UPDATE unit_mark SET id=4 WHERE id=3", "UPDATE unit_mark SET id=3 WHERE id=4" },
		{ "UPDATE unit_cleared SET note='n'",
			"UPDATE unit_cleared SET note='light was white'" },
		{ "UPDATE seal SET marks_to=2 WHERE seq=2",
			"UPDATE seal SET marks_to=3 WHERE seq=2" },
		{ "UPDATE seal SET cleared_to=0 WHERE seq=2",
			"UPDATE seal SET cleared_to=1 WHERE seq=2" },
		{ "DELETE FROM attempt_identity WHERE kind='scan'", NULL },
		{ "DELETE FROM unit_mark WHERE id=3", NULL },
	};
	make_three(bench);
	char out[1024];
	drop_triggers(bench);
	for (size_t i = 0; i < sizeof alterations / sizeof *alterations; i++) {
		if (foreign_sql(bench, alterations[i].change, out, sizeof out) != 0)
			fail_msg("%s: %s", alterations[i].change, out);
		if (count_bad_seals(bench) == 0)
			fail_msg("no seal broke: %s", alterations[i].change);
		if (!alterations[i].back)
			continue;
		assert_int_equal(foreign_sql(bench, alterations[i].back, out, sizeof out), 0);
		assert_int_equal(count_bad_seals(bench), 0);
	}
}

/* --- logs/seals.log --- */

static void log_path(const struct bench *bench, char to[FS_PATH_MAX])
{
	struct err err;
	assert_true(fs_join(to, bench->folder, "logs/seals.log", &err));
}

static char *read_log(struct bench *bench)
{
	char path[FS_PATH_MAX];
	uint8_t *bytes;
	size_t len;
	log_path(bench, path);
	GOOD(bench, fs_read(path, 65536, REASON_STORE, &bytes, &len, &bench->err));
	return (char *)bytes;
}

/* Every seal of the database stands in the log, on a line of its own. */
static void check_log_complete(struct bench *bench)
{
	char out[4096], *log = read_log(bench), *rest = NULL;
	assert_int_equal(
		foreign_sql(bench, "SELECT seq || ' ' || hash || ' ' FROM seal ORDER BY seq", out,
			sizeof out),
		0);
	for (char *line = strtok_r(out, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *found = strstr(log, line);
		if (!found || (found != log && found[-1] != '\n'))
			fail_msg("'%s' is not in the log:\n%s", line, log);
	}
	free(log);
}

static void every_head_is_in_the_log(void **state)
{
	struct bench *bench = *state;
	make_three(bench);
	check_log_complete(bench);
	char *log = read_log(bench);
	assert_int_equal(log[0], '1');
	size_t lines = 0;
	for (const char *at = log; *at; at++)
		lines += *at == '\n';
	assert_int_equal(lines, 3);
	free(log);
}

static void a_torn_log_is_continued_on_a_new_line(void **state)
{
	struct bench *bench = *state;
	char path[FS_PATH_MAX];
	struct stat info;
	make_three(bench);
	bench_close(bench);
	log_path(bench, path);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(truncate(path, info.st_size - 60), 0);
	bench_open(bench);
	check_log_complete(bench);
	bench_close(bench);
	assert_int_equal(truncate(path, 5), 0);
	bench_open(bench);
	check_log_complete(bench);
}

static void a_log_that_knows_more_than_the_database_is_kept(void **state)
{
	struct bench *bench = *state;
	char path[FS_PATH_MAX];
	static const char line[] = "9 " PLAN_1 " 2026-11-20 17:43:05.123 x\n";
	make_three(bench);
	bench_close(bench);
	log_path(bench, path);
	FILE *file = fopen(path, "a");
	fputs(line, file);
	fclose(file);
	bench_open(bench);
	make_plain(bench, NULL, UNIT_A, OUTCOME_FAIL, REASON_FLASH_BAD);
	check_log_complete(bench);
	char *log = read_log(bench);
	assert_non_null(strstr(log, line));
	free(log);
}

/* --- the station key --- */

static void seals_are_signed_with_the_station_key(void **state)
{
	struct bench *bench = *state;
	char command[4 * FS_PATH_MAX];
	struct record_options options = bench_options(bench);
	char key[FS_PATH_MAX + 16];
	snprintf(key, sizeof key, "%s/key.pem", bench->folder);
	snprintf(command, sizeof command, "umask 077; openssl genpkey -algorithm ed25519 -out '%s'",
		key);
	assert_int_equal(system(command), 0);
	options.signing_key_file = key;
	bench_close(bench);
	GOOD(bench, record_open(&options, &bench->record, NULL, &bench->err));
	make_three(bench);
	assert_int_equal(count_bad_seals(bench), 0);
	snprintf(command, sizeof command,
		"cd '%s' && openssl pkey -in key.pem -pubout -out pub.pem &&"
		" sqlite3 station.db \"SELECT seq || ' ' || hash || ' ' || signature FROM seal\" |"
		" while read seq hash signature; do printf 'station seal %%s %%s' $seq $hash >text;"
		" printf \"$(printf %%s $signature | sed 's/../\\\\x&/g')\" >sig;"
		" openssl pkeyutl -verify -pubin -inkey pub.pem -rawin -in text -sigfile sig || exit 1; done >out",
		bench->folder);
	char bash[5 * FS_PATH_MAX];
	snprintf(bash, sizeof bash, "%s/verify.sh", bench->folder);
	FILE *script = fopen(bash, "w");
	fprintf(script, "set -o pipefail\n%s\ntest $(grep -c Success out) = 3\n", command);
	fclose(script);
	snprintf(command, sizeof command, "bash '%s/verify.sh'", bench->folder);
	assert_int_equal(system(command), 0);
}

static void an_unusable_station_key_is_refused(void **state)
{
	struct bench *bench = *state;
	char command[3 * FS_PATH_MAX], key[FS_PATH_MAX + 16];
	struct record_options options = bench_options(bench);
	options.signing_key_file = key;
	bench_close(bench);
	snprintf(key, sizeof key, "%s/key.pem", bench->folder);
	BAD(bench, REASON_INPUT,
		record_open(&options, &bench->record, NULL, &bench->err)); /* absent */
	snprintf(command, sizeof command,
		"openssl genpkey -algorithm ed25519 -out '%s'; chmod 644 '%s'", key, key);
	assert_int_equal(system(command), 0);
	BAD(bench, REASON_INPUT,
		record_open(&options, &bench->record, NULL, &bench->err)); /* others may read it */
	snprintf(command, sizeof command,
		"umask 077; rm '%s'; openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out '%s'",
		key, key);
	assert_int_equal(system(command), 0);
	BAD(bench, REASON_INPUT,
		record_open(&options, &bench->record, NULL, &bench->err)); /* another algorithm */
	snprintf(command, sizeof command,
		"umask 077; rm '%s'; openssl genpkey -algorithm ed25519 -aes256 -pass pass:x -out '%s'",
		key, key);
	assert_int_equal(system(command), 0);
	BAD(bench, REASON_INPUT,
		record_open(&options, &bench->record, NULL, &bench->err)); /* a passphrase */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_chain_can_be_recomputed_by_others),
		TEST(every_altered_value_breaks_a_seal),
		TEST(every_head_is_in_the_log),
		TEST(a_torn_log_is_continued_on_a_new_line),
		TEST(a_log_that_knows_more_than_the_database_is_kept),
		TEST(seals_are_signed_with_the_station_key),
		TEST(an_unusable_station_key_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
