/* SPDX-License-Identifier: Apache-2.0 */
/* make-record STATE ATTEMPTS: a database as a line leaves it after a year, for measuring: that many
 * attempts in batches of 1000, 12 tries of steps each, keys and enrolments. The rows are what a
 * line could have written; only the hashes of the seals are made up, so the audit does not take
 * it. Written past the record's own calls, because those sync each of them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "clock.h"
#include "scope.h"
#include "sums.h"

/* :n attempts, :now UTC ms. Attempt k of batch b starts 30 s after the one 16 before it. */
static const char fill[] =
	"CREATE TEMP TABLE k AS WITH RECURSIVE c(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM c"
	" WHERE k + 1 < :n) SELECT k, k / 1000 AS b, printf('%08x-0000-7000-8000-%012x', k / 1000,"
	" 0) AS batch, printf('%08x-%04x-7000-9000-%012x', k / 65536, k % 65536, k) AS id,"
	" :now - 31536000000 + (31536000000 / (:n / 1000 + 1)) * (k / 1000) + (k % 1000) / 16 *"
	" 30000 + (k % 16) * 700 AS at, printf('%024x', 4096 + k - (k % 50 = 49)) AS device,"
	" CASE WHEN k % 50 = 48 THEN 'FAIL' WHEN k % 97 = 0 THEN 'ABORTED' ELSE 'PASS' END AS"
	" outcome, printf('%064x', k) AS hex FROM c;"
	"CREATE INDEX temp.k_k ON k (k);";
static const char inserts[] =
	"INSERT INTO batch (id, kind, job_name, plan_sha256, family, work_order, operator,"
	" station_id, software_version, quantity, started_at, ended_at, ended_by) SELECT batch,"
	" 'provision', 'job ' || (b % 7), printf('%064x', b % 7), 'photon', 'W' || (b / 10),"
	" 'operator ' || (b % 5), 'bench-1', '0', 0, min(at) - 1000, max(at) + 40000, 'done'"
	" FROM k GROUP BY b;\n"
	"INSERT INTO batch_image (batch_id, stage, region, address, file_name, version,"
	" platform_id, size, sha256) SELECT DISTINCT batch, 1, 'user', 134873088, 'user.bin', 3 +"
	" b / 300, 6, 4096, printf('%064x', b / 300) FROM k;\n"
	"INSERT INTO attempt (id, batch_id, kind, arrived_at, slot, usb_path, usb_serial,"
	" device_id, device_id_source, passage, operator, started_at, ended_at, final_at, outcome,"
	" reason, cause, key_fingerprint, retries, failed_step, enrol_proof) SELECT id, batch,"
	" 'provision', at - 300, 'A' || (k % 16 + 1), '1-' || (k % 16 + 1), device, device,"
	" 'usb-serial', 1 + (k % 50 = 49), 'operator ' || (b % 5), at, at + 16000 + k % 900, at +"
	" 16000 + k % 900, outcome, CASE outcome WHEN 'FAIL' THEN 'flash-bad' WHEN 'ABORTED' THEN"
	" 'stopped' END, CASE outcome WHEN 'FAIL' THEN 'unit' END, hex, 0, CASE outcome WHEN"
	" 'FAIL' THEN 'readback' END, CASE outcome WHEN 'PASS' THEN 'read-back' END FROM k ORDER"
	" BY k;\n"
	"INSERT INTO step (attempt_id, seq, name, try, started_at, ended_at, outcome, reason)"
	" SELECT id, s.seq, s.name, 1, at + s.seq * 1200, at + s.seq * 1200 + 900 + (k * 7919 +"
	" s.seq * 104729) % 400, CASE WHEN outcome = 'FAIL' AND s.seq = 12 THEN 'FAIL' WHEN"
	" outcome = 'ABORTED' AND s.seq = 12 THEN 'ABORTED' ELSE 'PASS' END, CASE WHEN outcome ="
	" 'FAIL' AND s.seq = 12 THEN 'flash-bad' END FROM k, (SELECT 1 AS seq, 'identify' AS name"
	" UNION ALL VALUES (2, 'check'), (3, 'write-parts'), (4, 'leave-parts'), (5, 'reenter'),"
	" (6, 'server-key'), (7, 'device-key'), (8, 'prove-key'), (9, 'enrol'), (10,"
	" 'write-images'), (11, 'enrolled'), (12, 'readback')) s;\n"
	"INSERT INTO device_key (fingerprint, device_id, attempt_id, algorithm, public_key_pem,"
	" state, intended_at, on_device_at, enrolled_at, retired_at, enrol_proof) SELECT hex,"
	" device, id, 'rsa-1024', 'PEM ' || k, CASE WHEN outcome = 'PASS' THEN 'enrolled' ELSE"
	" 'abandoned' END, at, at, CASE WHEN outcome = 'PASS' THEN at END, CASE WHEN outcome <>"
	" 'PASS' THEN at END, CASE WHEN outcome = 'PASS' THEN 'read-back' END FROM k;\n"
	"INSERT INTO seal (seq, attempt_id, prev, hash, at, marks_to, cleared_to) SELECT k + 1,"
	" id, CASE WHEN k > 0 THEN printf('%064x', k - 1) END, hex, at + 17000, 0, 0 FROM k ORDER BY k";

static void die(const char *text)
{
	fprintf(stderr, "make-record: %s\n", text);
	exit(1);
}

static void run(sqlite3 *db, const char *text)
{
	char *message = NULL;
	if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
		die(message);
}

static void run_bound(sqlite3 *db, const char *text, int64_t attempts, int64_t now)
{
	while (*text) {
		sqlite3_stmt *statement = NULL;
		if (sqlite3_prepare_v2(db, text, -1, &statement, &text) != SQLITE_OK)
			die(sqlite3_errmsg(db));
		int n = sqlite3_bind_parameter_index(statement, ":n"),
		    at = sqlite3_bind_parameter_index(statement, ":now");
		if (n)
			sqlite3_bind_int64(statement, n, attempts);
		if (at)
			sqlite3_bind_int64(statement, at, now);
		if (statement && sqlite3_step(statement) != SQLITE_DONE)
			die(sqlite3_errmsg(db));
		sqlite3_finalize(statement);
	}
}

/* The triggers are kept as text while the rows go in. */
static void fill_tables(const char *path, int64_t attempts, int64_t now)
{
	sqlite3 *db;
	if (sqlite3_open(path, &db) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	run(db, "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN;"
		"CREATE TEMP TABLE was AS SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'");
	sqlite3_stmt *names;
	if (sqlite3_prepare_v2(db, "SELECT name, sql FROM was", -1, &names, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	char *back = sqlite3_mprintf("");
	while (sqlite3_step(names) == SQLITE_ROW) {
		char *drop = sqlite3_mprintf("DROP TRIGGER \"%w\"", sqlite3_column_text(names, 0));
		run(db, drop);
		sqlite3_free(drop);
		back = sqlite3_mprintf("%z%s;\n", back, sqlite3_column_text(names, 1));
	}
	sqlite3_finalize(names);
	run_bound(db, fill, attempts, now);
	run(db, inserts);
	run(db, back);
	run(db, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
	sqlite3_free(back);
	sqlite3_close(db);
}

int main(int argc, char **argv)
{
	struct err err;
	struct record *record;
	int64_t attempts = argc == 3 ? strtoll(argv[2], NULL, 10) : 0;
	const struct record_options options = { .state_dir = argc == 3 ? argv[1] : "",
		.station_id = "bench-1",
		.software_version = "0",
		.virtual_line = true };
	if (attempts < 1) {
		fprintf(stderr, "usage: make-record STATE ATTEMPTS\n");
		return 2;
	}
	if (!record_open(&options, &record, NULL, &err))
		die(err.text);
	record_close(record);
	char path[FS_PATH_MAX];
	if (!fs_join(path, argv[1], "station.db", &err))
		die(err.text);
	fill_tables(path, attempts, clock_utc_ms());
	if (!record_open(&options, &record, NULL, &err))
		die(err.text);
	{
		SCOPED_TX tx = { 0 };
		if (!tx_begin(&tx, record, &err) || !sums_rebuild(record, &err) ||
			!tx_commit(&tx, &err))
			die(err.text);
	}
	record_close(record);
	return 0;
}
