/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of seals over finished attempts, and its heads in logs/seals.log. docs/database.md
 * gives the canonical form for those who recompute it. */
#include "record_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "clock.h"
#include "digest.h"
#include "scope.h"
#include "text.h"

/* --- canonical form --- */

/* What a seal covers, in this order. The columns are named one by one, so that a column that comes
 * with a later schema does not change old seals. ?1 is the attempt. */
struct section {
	const char *name, *query;
};

static const struct section sections[] = {
	{ "attempt", "SELECT id, batch_id, kind, arrived_at, slot, usb_path, usb_serial, "
		     "device_id, device_id_source, passage, previous_attempt_id,"
		     " bootloader_version, key_fingerprint, operator, started_at, ended_at,"
		     " final_at, outcome, reason, cause, detail FROM attempt WHERE id = ?1" },
	{ "step", "SELECT seq, name, try, started_at, ended_at, outcome, reason, detail FROM step"
		  " WHERE attempt_id = ?1 ORDER BY seq" },
	{ "attempt_identity", "SELECT kind, value FROM attempt_identity WHERE attempt_id = ?1 "
			      "ORDER BY kind, value" },
	{ "observation",
		"SELECT seq, name, value FROM observation WHERE attempt_id = ?1 ORDER BY seq" },
	{ "device_key", "SELECT fingerprint, device_id, attempt_id, algorithm, public_key_pem"
			" FROM device_key WHERE fingerprint = (SELECT key_fingerprint FROM attempt"
			" WHERE id = ?1)" },
	{ "batch", "SELECT id, kind, job_name, job_text, plan_sha256, family, family_sha256,"
		   " config_sha256, cloud, work_order, part_number, part_revision, operator,"
		   " station_id, software_version, quantity, started_at FROM batch WHERE id ="
		   " (SELECT batch_id FROM attempt WHERE id = ?1)" },
	{ "batch_image",
		"SELECT stage, region, address, file_name, version, platform_id, size, sha256"
		" FROM batch_image WHERE batch_id = (SELECT batch_id FROM attempt WHERE id = ?1)"
		" ORDER BY stage, region" },
};

/* Behind them since form 2. */
static const struct section finding = { "finding",
	"SELECT seq, subject, state, reason, detail FROM finding WHERE attempt_id = ?1 ORDER BY "
	"seq" };
/* Since the seal before, of whatever unit: behind ?1, up to ?2. */
static const struct section unit_mark = { "unit_mark",
	"SELECT id, device_id, mark, note, operator, at, passage FROM unit_mark WHERE id > ?1 AND"
	" id <= ?2 ORDER BY id" };
static const struct section unit_cleared = { "unit_cleared",
	"SELECT id, attempt_id, device_id, note, operator, at FROM unit_cleared WHERE id > ?1 AND"
	" id <= ?2 ORDER BY id" };

static void add_row(struct digest *digest, const struct sql_query *query)
{
	int columns = sqlite3_column_count(query->statement);
	digest_add_u64(digest, (uint64_t)columns);
	for (int i = 0; i < columns; i++) {
		/* Length from SQLite, not strlen: a NUL that somebody put into a text must not hide
		 * what is behind it. */
		const char *text = sql_column_text(query, i);
		if (text)
			digest_add_blob(
				digest, text, (size_t)sqlite3_column_bytes(query->statement, i));
		else
			digest_add_text(digest, NULL);
	}
}

static bool add_section(struct record *record, struct digest *digest, const struct section *section,
	struct sql_values values, struct err *err)
{
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, section->query, values, &query, err))
		return false;
	digest_add_text(digest, section->name);
	for (;;) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		add_row(digest, &query);
	}
	digest_add_u64(digest, 0);
	return true;
}

bool seal_hash(struct record *record, const char *attempt_id, const struct record_head *before,
	const struct seal_marks *marks, char ret[RECORD_SEAL_HEX], struct err *err)
{
	struct digest *digest = digest_begin();
	struct sql_values id = SQL(sql_text(attempt_id));
	digest_add_text(digest, marks ? "station seal 2" : "station seal 1");
	digest_add_u64(digest, (uint64_t)before->seq + 1);
	digest_add_text(digest, before->hash[0] ? before->hash : NULL);
	bool good = true;
	for (size_t i = 0; good && i < sizeof sections / sizeof *sections; i++)
		good = add_section(record, digest, &sections[i], id, err);
	if (good && marks)
		good = add_section(record, digest, &finding, id, err) &&
		       add_section(record, digest, &unit_mark,
			       SQL(sql_int(marks->after), sql_int(marks->to)), err) &&
		       add_section(record, digest, &unit_cleared,
			       SQL(sql_int(marks->cleared_after), sql_int(marks->cleared_to)), err);
	struct err unused;
	return digest_end(digest, ret, good ? err : &unused) && good;
}

/* --- the chain --- */

bool seal_head(struct record *record, struct record_head *ret, struct err *err)
{
	static const char text[] = "SELECT seq, hash FROM seal ORDER BY seq DESC LIMIT 1";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text, SQL_NOTHING, &query, err) ||
		!sql_next(&query, &row, err))
		return false;
	struct record_head head = { 0 };
	if (row) {
		head.seq = sql_column_int(&query, 0, 0);
		if (!sql_column_copy(&query, 1, head.hash, sizeof head.hash, err))
			return false;
	}
	*ret = head;
	return true;
}

size_t seal_text(int64_t seq, const char *hash, char ret[SEAL_TEXT_MAX])
{
	return (size_t)snprintf(ret, SEAL_TEXT_MAX, "station seal %" PRId64 " %.*s", seq,
		RECORD_SEAL_HEX - 1, hash);
}

static bool sign_head(struct record *record, const struct record_head *head,
	char ret[2 * SIGNATURE_LEN + 1], struct err *err)
{
	uint8_t signature[SIGNATURE_LEN];
	char text[SEAL_TEXT_MAX];
	ret[0] = 0;
	if (!record->signing)
		return true;
	size_t len = seal_text(head->seq, head->hash, text);
	if (!signing_key_sign(record->signing, text, len, signature, err))
		return false;
	bytes_to_hex(signature, sizeof signature, ret);
	return true;
}

/* Behind the newest seal, up to now; before version 5 of the schema none covered any. */
static bool new_marks(struct record *record, struct seal_marks *ret, struct err *err)
{
	static const char text[] =
		"SELECT coalesce(s.marks_to, 0), (SELECT coalesce(max(id), 0) FROM unit_mark),"
		" coalesce(s.cleared_to, 0), (SELECT coalesce(max(id), 0) FROM unit_cleared)"
		" FROM (SELECT 1) LEFT JOIN seal s ON s.seq = (SELECT max(seq) FROM seal)";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text, SQL_NOTHING, &query, err) ||
		!sql_next(&query, &row, err))
		return false;
	*ret = (struct seal_marks){ sql_column_int(&query, 0, 0), sql_column_int(&query, 1, 0),
		sql_column_int(&query, 2, 0), sql_column_int(&query, 3, 0) };
	return true;
}

bool seal_attempt(struct record *record, const char *attempt_id, struct err *err)
{
	static const char insert[] = "INSERT INTO seal (seq, attempt_id, prev, hash, signature, "
				     "at, marks_to, cleared_to) VALUES (?1, ?2, ?3, ?4, ?5, ?6,"
				     " ?7, ?8)";
	struct record_head before, head;
	struct seal_marks marks;
	char signature[2 * SIGNATURE_LEN + 1];
	if (!seal_head(record, &before, err) || !new_marks(record, &marks, err))
		return false;
	head.seq = before.seq + 1;
	if (!seal_hash(record, attempt_id, &before, &marks, head.hash, err) ||
		!sign_head(record, &head, signature, err))
		return false;
	return sql_run(&record->sql, insert,
		SQL(sql_int(head.seq), sql_text(attempt_id), sql_text(before.hash),
			sql_text(head.hash), sql_text(signature), sql_int(clock_utc_ms()),
			sql_int(marks.to), sql_int(marks.cleared_to)),
		err);
}

bool record_head(struct record *record, struct record_head *ret, struct err *err)
{
	SCOPED_TX tx = { 0 };
	return tx_begin_read(&tx, record, err) && seal_head(record, ret, err);
}

/* --- logs/seals.log: "SEQ HASH TIME ATTEMPT" --- */

enum { LOG_TAIL = 1024, LOG_LINE = 192 };

static bool log_failed(struct record *record, int errno_value, struct err *err)
{
	return err_sys(err, REASON_STORE, errno_value,
		"cannot append to %s (the database itself is written)", record->seals_path);
}

static bool append_line(struct record *record, const char *line, size_t len, struct err *err)
{
	ssize_t put = write(record->seals_fd, line, len);
	if (put < 0)
		return log_failed(record, errno, err);
	/* The torn line stays; the next one starts on its own, see end_torn_line. */
	return (size_t)put == len || log_failed(record, ENOSPC, err);
}

/* A power cut or a full disk can leave half a line at the end. It is not removed: nothing
 * ever is from this file. */
static bool end_torn_line(struct record *record, struct err *err)
{
	struct stat info;
	char last;
	if (fstat(record->seals_fd, &info) != 0)
		return log_failed(record, errno, err);
	if (info.st_size == 0 || pread(record->seals_fd, &last, 1, info.st_size - 1) != 1 ||
		last == '\n')
		return true;
	return append_line(record, "\n", 1, err);
}

static bool append_seals(struct record *record, int64_t *ret_last, struct err *err)
{
	static const char text[] =
		"SELECT seq, hash, at, attempt_id FROM seal WHERE seq > ?1 ORDER BY seq";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text, SQL(sql_int(record->logged_seq)), &query, err))
		return false;
	for (;;) {
		char line[LOG_LINE], at[32];
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			return true;
		int64_t seq = sql_column_int(&query, 0, 0);
		clock_format_utc(sql_column_int(&query, 2, 0), at, sizeof at);
		if (!text_format(line, sizeof line, "%" PRId64 " %s %s %s\n", seq,
			    sql_column_text(&query, 1), at, sql_column_text(&query, 3)))
			return err_set(err, REASON_STORE, "%s: seal %" PRId64 " is too long",
				record->path, seq);
		if ((*ret_last == record->logged_seq && !end_torn_line(record, err)) ||
			!append_line(record, line, strlen(line), err))
			return false;
		*ret_last = seq;
	}
}

bool seal_log_append(struct record *record, struct err *err)
{
	int64_t last = record->logged_seq;
	if (!append_seals(record, &last, err))
		return false;
	if (last != record->logged_seq && fsync(record->seals_fd) != 0)
		return log_failed(record, errno, err);
	record->logged_seq = last;
	return true;
}

/* The seal of a whole line; 0 if the line is none. */
int64_t seal_log_line(const char *line, char ret_hash[RECORD_SEAL_HEX])
{
	int64_t seq;
	int end = 0;
	if (sscanf(line, "%" SCNd64 " %64[0-9a-f] %n", &seq, ret_hash, &end) != 2 || end == 0 ||
		seq < 1)
		return 0;
	return strlen(ret_hash) == RECORD_SEAL_HEX - 1 ? seq : 0;
}

/* The last whole line of the log that holds a seal; 0 if there is none. */
static bool last_logged(
	struct record *record, int64_t *ret_seq, char ret_hash[RECORD_SEAL_HEX], struct err *err)
{
	char tail[LOG_TAIL + 1], hash[RECORD_SEAL_HEX];
	struct stat info;
	if (fstat(record->seals_fd, &info) != 0)
		return log_failed(record, errno, err);
	off_t from = info.st_size > LOG_TAIL ? info.st_size - LOG_TAIL : 0;
	ssize_t got = pread(record->seals_fd, tail, LOG_TAIL, from);
	if (got < 0)
		return log_failed(record, errno, err);
	tail[got] = 0;
	*ret_seq = 0;
	char *line = tail;
	for (char *end = strchr(line, '\n'); end; line = end + 1, end = strchr(line, '\n')) {
		*end = 0;
		int64_t seq = seal_log_line(line, hash);
		if (seq) {
			*ret_seq = seq;
			memcpy(ret_hash, hash, sizeof hash);
		}
	}
	return true;
}

bool seal_log_open(struct record *record, struct err *err)
{
	int64_t logged = 0, matches = 1;
	char hash[RECORD_SEAL_HEX] = "";
	struct record_head head;
	record->seals_fd = open(record->seals_path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (record->seals_fd < 0)
		return err_sys(err, REASON_STORE, errno, "cannot open %s", record->seals_path);
	if (!last_logged(record, &logged, hash, err) || !seal_head(record, &head, err))
		return false;
	if (logged &&
		!sql_get_int(&record->sql, "SELECT count(*) FROM seal WHERE seq = ?1 AND hash = ?2",
			SQL(sql_int(logged), sql_text(hash)), 0, &matches, err))
		return false;
	/* A log that tells of seals which the database does not have is evidence for the audit, and
	 * is left as it is; the new seals follow. */
	record->logged_seq = matches ? logged : head.seq;
	return seal_log_append(record, err);
}
