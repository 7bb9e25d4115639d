/* SPDX-License-Identifier: Apache-2.0 */
/* USES: record keys base */
/* The record under crashes, full disks, foreign files, readers without rights and other programs. */
#include "record_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

static void write_file(const struct bench *bench, const char *name, const char *text)
{
	char path[FS_PATH_MAX];
	struct err err;
	assert_true(fs_join(path, bench->folder, name, &err));
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void remove_database(struct bench *bench)
{
	static const char *const names[] = { "station.db", "station.db-wal", "station.db-shm",
		"logs/seals.log" };
	char path[FS_PATH_MAX];
	bench_close(bench);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (fs_join(path, bench->folder, names[i], &bench->err))
			unlink(path);
}

static bool open_again(struct bench *bench, bool virtual_line, bool read_only)
{
	struct record_options options = bench_options(bench);
	options.virtual_line = virtual_line;
	options.read_only = read_only;
	return record_open(&options, &bench->record, &bench->recovered, &bench->err);
}

/* --- crashes --- */

/* Runs in a child that dies without closing anything: a unit in work, a held one whose key is being sent, a held one
 * whose answer came. */
static void live_and_die(struct bench *bench)
{
	char batch[UUID_TEXT], attempt[UUID_TEXT];
	struct public_key key;
	unsigned seq;
	bench_open(bench);
	begin_batch(bench, PLAN_1, "main", NULL, batch);
	int64_t sending = make_held(bench, batch, UNIT_B, attempt, &key);
	answer(bench, make_held(bench, batch, "00000000000000000000000c", attempt, &key), true);
	begin_attempt(bench, batch, UNIT_A, attempt);
	put_key(bench, attempt, "main", &key);
	GOOD(bench, record_step_begin(bench->record, attempt, "readback", 1, &seq, &bench->err));
	GOOD(bench, record_send_begin(bench->record, sending, &bench->err));
	kill(getpid(), SIGKILL);
}

static void a_killed_station_leaves_interrupted_attempts(void **state)
{
	struct bench *bench = *state;
	int status;
	bench_close(bench);
	pid_t child = fork();
	if (child == 0)
		live_and_die(bench);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	bench_open(bench);
	assert_int_equal(bench->recovered, 1);
	struct record_unit unit;
	GOOD(bench, record_unit(bench->record, UNIT_A, &unit, &bench->err));
	assert_int_equal(unit.last_outcome, OUTCOME_INTERRUPTED);
	SQL_IS(bench, "INTERRUPTED|station-died|station|1",
		"SELECT outcome, reason, cause, final_at = ended_at FROM attempt WHERE device_id = '" UNIT_A
		"'");
	SQL_IS(bench, "INTERRUPTED|station-died",
		"SELECT outcome, reason FROM step WHERE name = 'readback'");
	SQL_IS(bench, "HELD|due",
		"SELECT a.outcome, o.state FROM attempt a JOIN outbox o ON o.attempt_id = a.id"
		" WHERE a.device_id = '" UNIT_B "'");
	SQL_IS(bench, "PASS|acknowledged",
		"SELECT a.outcome, o.state FROM attempt a JOIN outbox o ON"
		" o.attempt_id = a.id WHERE a.device_id = '00000000000000000000000c'");
	SQL_IS(bench, "closed",
		"SELECT o.state FROM attempt a JOIN outbox o ON o.attempt_id = a.id"
		" WHERE a.device_id = '" UNIT_A "'");
	SQL_IS(bench, "died", "SELECT ended_by FROM batch");
	SQL_IS(bench, "2", "SELECT count(*) FROM seal");
	SQL_IS(bench, "ok", "PRAGMA integrity_check");
	SQL_IS(bench, "", "PRAGMA foreign_key_check");
	bench_close(bench);
	bench_open(bench);
	assert_int_equal(bench->recovered, 0);
}

/* --- no room --- */

/* In a child, because the limit of the file size is the process's: after some growth, every write fails. */
static void write_until_it_fails(struct bench *bench)
{
	struct rlimit limit;
	struct stat info;
	char path[FS_PATH_MAX + 16], batch[UUID_TEXT], attempt[UUID_TEXT];
	bench_open(bench);
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	begin_attempt(bench, batch, UNIT_A, attempt);
	do_step(bench, attempt, "write-images", 1, OUTCOME_PASS, REASON_NONE);
	snprintf(path, sizeof path, "%s/station.db-wal", bench->folder);
	if (stat(path, &info) != 0)
		_exit(10);
	signal(SIGXFSZ, SIG_IGN);
	limit = (struct rlimit){ .rlim_cur = (rlim_t)info.st_size, .rlim_max = RLIM_INFINITY };
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		_exit(11);
	if (finish(bench, attempt, OUTCOME_PASS, REASON_NONE))
		_exit(12);
	if (bench->err.reason != REASON_STORE || !strstr(bench->err.text, "station.db"))
		_exit(13);
	/* With room again it stays so: what comes after a failed write is not trusted. */
	limit.rlim_cur = RLIM_INFINITY;
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		_exit(11);
	bool ended = record_batch_end(bench->record, batch, "store", &bench->err);
	_exit(ended || bench->err.reason != REASON_STORE ? 14 : 0);
}

static void a_full_disk_is_not_durable_and_never_pass(void **state)
{
	struct bench *bench = *state;
	int status;
	bench_close(bench);
	pid_t child = fork();
	if (child == 0)
		write_until_it_fails(bench);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	bench_open(bench);
	assert_int_equal(bench->recovered, 1);
	SQL_IS(bench, "INTERRUPTED", "SELECT outcome FROM attempt");
	SQL_IS(bench, "ok", "PRAGMA integrity_check");
}

/* --- files that are not ours --- */

static void what_is_no_database_is_refused_and_kept(void **state)
{
	struct bench *bench = *state;
	static const char text[] =
		"This is the shopping list of the line's manager, and nothing may happen to it.\n"
		"It is longer than the header of a database, so that SQLite looks at it: 0123456789\n";
	char path[FS_PATH_MAX];
	uint8_t *now;
	size_t len;
	remove_database(bench);
	write_file(bench, "station.db", text);
	BAD(bench, REASON_INPUT, open_again(bench, false, false));
	BAD(bench, REASON_INPUT, open_again(bench, false, true));
	assert_true(fs_join(path, bench->folder, "station.db", &bench->err));
	assert_true(fs_read(path, 4096, REASON_INPUT, &now, &len, &bench->err));
	assert_string_equal((const char *)now, text);
	free(now);
}

static void another_programs_database_is_refused(void **state)
{
	struct bench *bench = *state;
	char out[256];
	remove_database(bench);
	assert_int_equal(
		foreign_sql(bench, "CREATE TABLE attempt (x); INSERT INTO attempt VALUES (1)", out,
			sizeof out),
		0);
	BAD(bench, REASON_INPUT, open_again(bench, false, false));
	SQL_IS(bench, "delete", "PRAGMA journal_mode");
	SQL_IS(bench, "1", "SELECT x FROM attempt");
}

static void a_newer_schema_is_refused(void **state)
{
	struct bench *bench = *state;
	char out[256];
	bench_close(bench);
	assert_int_equal(
		foreign_sql(bench, "UPDATE meta SET value = '99' WHERE key = 'schema_version'", out,
			sizeof out),
		0);
	BAD(bench, REASON_INPUT, open_again(bench, false, false));
	assert_non_null(strstr(bench->err.text, "version 99"));
	BAD(bench, REASON_INPUT, open_again(bench, false, true));
	SQL_IS(bench, "99", "SELECT value FROM meta WHERE key = 'schema_version'");
}

static void virtual_and_real_do_not_mix(void **state)
{
	struct bench *bench = *state;
	bench_close(bench);
	BAD(bench, REASON_INPUT, open_again(bench, true, false));
	remove_database(bench);
	GOOD(bench, open_again(bench, true, false));
	assert_true(record_is_virtual(bench->record));
	bench_close(bench);
	BAD(bench, REASON_INPUT, open_again(bench, false, false));
	GOOD(bench, open_again(bench, false, true));
	assert_true(record_is_virtual(bench->record));
}

static void a_lost_database_is_not_begun_again(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], path[FS_PATH_MAX];
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	make_plain(bench, batch, UNIT_A, OUTCOME_PASS, REASON_NONE);
	bench_close(bench);
	assert_true(fs_join(path, bench->folder, "station.db", &bench->err));
	unlink(path);
	BAD(bench, REASON_INPUT, open_again(bench, false, false));
	assert_non_null(strstr(bench->err.text, "seals.log"));
}

/* --- two programs --- */

static void one_writer_at_a_time(void **state)
{
	struct bench *bench = *state;
	struct record_options options = bench_options(bench);
	struct record *second;
	BAD(bench, REASON_INPUT, record_open(&options, &second, NULL, &bench->err));
	options.read_only = true;
	GOOD(bench, record_open(&options, &second, NULL, &bench->err));
	char batch[UUID_TEXT];
	const struct record_batch nothing = { .kind = "provision" };
	BAD(bench, REASON_BUG, record_batch_begin(second, &nothing, NULL, 0, batch, &bench->err));
	record_close(second);
}

/* The child gives up root's rights, if it has them, and reads a folder that it may not write. */
static int read_as_nobody(struct bench *bench)
{
	struct record_unit unit;
	if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
		return 77;
	if (access(bench->folder, W_OK) == 0)
		return 77;
	if (!open_again(bench, false, true))
		return bench->err.reason == REASON_INPUT && strstr(bench->err.text, "-wal") ? 20
											    : 21;
	return record_unit(bench->record, UNIT_A, &unit, &bench->err) &&
			       unit.last_made == OUTCOME_PASS
		       ? 0
		       : 22;
}

static int run_reader(struct bench *bench)
{
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(read_as_nobody(bench));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	return WEXITSTATUS(status);
}

static void a_reader_without_rights_can_read(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT], path[FS_PATH_MAX];
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	make_plain(bench, batch, UNIT_A, OUTCOME_PASS, REASON_NONE);
	assert_int_equal(chmod(bench->folder, 0755), 0);
	assert_int_equal(run_reader(bench), 0); /* while the writer is at work */
	bench_close(bench);
	assert_int_equal(run_reader(bench), 0); /* after it has closed: no log is left */
	/* What a dead station leaves: a log, and no index that the reader could use. */
	write_file(bench, "station.db-wal", "not empty");
	assert_int_equal(run_reader(bench), 20);
	assert_true(fs_join(path, bench->folder, "station.db-wal", &bench->err));
	unlink(path);
}

static void finished_rows_withstand_other_programs(void **state)
{
	struct bench *bench = *state;
	static const char *const attacks[] = {
		"UPDATE attempt SET outcome = 'PASS', reason = NULL, cause = NULL WHERE outcome = 'FAIL'",
		"UPDATE attempt SET detail = 'x' WHERE outcome = 'PASS'",
		"UPDATE attempt SET device_id = '000000000000000000000000' WHERE outcome = 'HELD'",
		"UPDATE attempt SET ended_at = 0 WHERE outcome = 'HELD'",
		"UPDATE attempt SET detail = 'x' WHERE outcome = 'HELD'",
		"UPDATE attempt SET outcome = 'PASS', reason = NULL, cause = NULL, final_at = 1 WHERE outcome = 'HELD'",
		"UPDATE attempt SET outcome = 'SKIPPED', final_at = 1 WHERE outcome = 'HELD'",
		"DELETE FROM attempt",
		"INSERT OR REPLACE INTO attempt (id, kind, arrived_at, started_at) SELECT id, kind, 0, 0 FROM attempt",
		"UPDATE step SET outcome = 'PASS'",
		"UPDATE step SET name = 'x'",
		"DELETE FROM step",
		"INSERT INTO step (attempt_id, seq, name, try, started_at) SELECT id, 99, 'x', 1, 0 FROM attempt",
		"UPDATE device_key SET public_key_pem = 'x'",
		"DELETE FROM device_key",
		"UPDATE outbox SET fingerprint = NULL",
		"DELETE FROM outbox",
		"UPDATE seal SET hash = prev",
		"DELETE FROM seal",
		"INSERT INTO seal (seq, attempt_id, hash, at) SELECT 7, id, '" PLAN_1
		"', 0 FROM attempt WHERE outcome"
		" = 'HELD'",
		"UPDATE batch SET plan_sha256 = '" PLAN_2 "'",
		"DELETE FROM batch",
		"UPDATE batch_image SET sha256 = '" PLAN_1 "'",
		"INSERT INTO batch_image SELECT id, 2, 'user', 0, '', 0, 0, 0, '" PLAN_1
		"' FROM batch",
		"DELETE FROM unit_mark",
		"UPDATE unit_mark SET mark = 'released'",
		"UPDATE meta SET value = '1' WHERE key = 'virtual'",
		"DELETE FROM meta",
	};
	char batch[UUID_TEXT], attempt[UUID_TEXT], out[1024];
	struct public_key key;
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	make_plain(bench, batch, UNIT_A, OUTCOME_PASS, REASON_NONE);
	make_plain(bench, batch, UNIT_A, OUTCOME_FAIL, REASON_USB_STALL);
	make_held(bench, batch, UNIT_B, attempt, &key);
	GOOD(bench, record_unit_mark(bench->record, UNIT_A, "scrap", NULL, NULL, &bench->err));
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
		if (foreign_sql(bench, attacks[i], out, sizeof out) == 0 || !strstr(out, "(19)"))
			fail_msg("no constraint stopped: %s: %s", attacks[i], out);
	SQL_IS(bench, "PASS\nFAIL\nHELD", "SELECT outcome FROM attempt ORDER BY started_at, id");
}

/* --- threads --- */

enum { WORKERS = 4, UNITS_EACH = 5 };

struct worker {
	struct bench bench;
	const char *batch;
	unsigned number;
};

static void *work(void *context)
{
	struct worker *worker = context;
	for (unsigned i = 0; i < UNITS_EACH; i++) {
		char device_id[RECORD_DEVICE_ID];
		snprintf(device_id, sizeof device_id, "%012x%012x", worker->number, i);
		make_plain(&worker->bench, worker->batch, device_id, OUTCOME_PASS, REASON_NONE);
	}
	return NULL;
}

static void many_threads_share_one_record(void **state)
{
	struct bench *bench = *state;
	char batch[UUID_TEXT];
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS];
	begin_batch(bench, PLAN_1, NULL, NULL, batch);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){
			.bench = { .record = bench->record }, .batch = batch, .number = i
		};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	SQL_IS(bench, "20|20|20",
		"SELECT count(*), max(s.seq), count(DISTINCT device_id) FROM attempt a"
		" JOIN seal s ON s.attempt_id = a.id WHERE a.outcome = 'PASS'");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_killed_station_leaves_interrupted_attempts),
		TEST(a_full_disk_is_not_durable_and_never_pass),
		TEST(what_is_no_database_is_refused_and_kept),
		TEST(another_programs_database_is_refused),
		TEST(a_newer_schema_is_refused),
		TEST(virtual_and_real_do_not_mix),
		TEST(a_lost_database_is_not_begun_again),
		TEST(one_writer_at_a_time),
		TEST(a_reader_without_rights_can_read),
		TEST(finished_rows_withstand_other_programs),
		TEST(many_threads_share_one_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
