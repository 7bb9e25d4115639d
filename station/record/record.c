/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing the database, and its transactions. */
#include "record_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scope.h"
#include "text.h"

/* --- transactions --- */

static bool tx_start(struct tx *tx, struct record *record, const char *text, struct err *err)
{
	pthread_mutex_lock(&record->mutex);
	tx->record = record;
	if (record->sql.broken.text[0]) {
		*err = record->sql.broken;
		return false;
	}
	if (!sql_run(&record->sql, text, SQL_NOTHING, err))
		return false;
	tx->open = true;
	return true;
}

bool tx_begin(struct tx *tx, struct record *record, struct err *err)
{
	if (record->read_only)
		return err_set(err, REASON_BUG, "%s was opened for reading only", record->path);
	return tx_start(tx, record, "BEGIN IMMEDIATE", err);
}

bool tx_begin_read(struct tx *tx, struct record *record, struct err *err)
{
	return tx_start(tx, record, "BEGIN", err);
}

bool tx_commit(struct tx *tx, struct err *err)
{
	if (!sql_run(&tx->record->sql, "COMMIT", SQL_NOTHING, err))
		return false;
	tx->open = false;
	return tx->record->seals_fd < 0 || seal_log_append(tx->record, err);
}

void tx_end(struct tx *tx)
{
	if (!tx->record)
		return;
	/* SQLite itself has rolled back after some errors (a full disk); a failing ROLLBACK
	 * leaves nothing to do. */
	if (tx->open && !sqlite3_get_autocommit(tx->record->sql.db))
		sqlite3_exec(tx->record->sql.db, "ROLLBACK", NULL, NULL, NULL);
	pthread_mutex_unlock(&tx->record->mutex);
	tx->record = NULL;
}

/* --- open --- */

static bool copy_names(struct record *record, const struct record_options *options, struct err *err)
{
	if (!text_copy(record->station_id, sizeof record->station_id,
		    options->station_id ? options->station_id : "") ||
		!text_copy(record->software_version, sizeof record->software_version,
			options->software_version ? options->software_version : ""))
		return err_set(err, REASON_INPUT, "the station's id is longer than %zu bytes",
			sizeof record->station_id - 1);
	if (options->read_only && options->database)
		return text_copy(record->path, sizeof record->path, options->database) ||
		       err_set(err, REASON_INPUT, "the path %.64s... is too long",
			       options->database);
	return fs_join(record->path, options->state_dir, "station.db", err) &&
	       fs_join(record->seals_path, options->state_dir, "logs/seals.log", err);
}

static bool take_folder(struct record *record, const char *state_dir, struct err *err)
{
	char path[FS_PATH_MAX];
	if (!fs_join(path, state_dir, "logs", err) || !fs_make_folder(path, 0755, err))
		return false;
	return fs_join(path, state_dir, "station.lock", err) &&
	       fs_lock(path, &record->lock_fd, err);
}

/* So that a new station.db is still in its folder after a power cut. */
static bool sync_folder(const char *path, struct err *err)
{
	SCOPED_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return err_sys(err, REASON_STORE, errno, "cannot sync the folder %s", path);
	return true;
}

/* SQLite finds out at the first read that a file is no database; then nothing is lost,
 * and it is not the disk. */
static bool check_readable(struct record *record, bool *ret_empty, struct err *err)
{
	if (schema_check(record, ret_empty, err))
		return true;
	if ((sqlite3_errcode(record->sql.db) & 0xff) == SQLITE_NOTADB)
		err_set(err, REASON_INPUT,
			"%s is not a database: choose another state folder or move the file away",
			record->path);
	return false;
}

/* A station's database always has something in it, so an empty or absent one beside logs full of
 * seals is not a new station but a lost record; starting afresh is for a person to decide. */
static bool check_not_lost(struct record *record, struct err *err)
{
	struct stat info;
	if (stat(record->seals_path, &info) != 0 || info.st_size == 0)
		return true;
	return err_set(err, REASON_INPUT,
		"%s is empty, but %s is not: restore the database, or move the log away to begin a "
		"new record",
		record->path, record->seals_path);
}

static bool use_wal(struct record *record, struct err *err)
{
	char mode[16];
	if (!sql_get_text(
		    &record->sql, "PRAGMA journal_mode = WAL", SQL_NOTHING, mode, sizeof mode, err))
		return false;
	if (strcmp(mode, "wal") != 0)
		return err_set(err, REASON_STORE,
			"%s cannot use a write-ahead log (journal mode %s): put it on a local disk",
			record->path, mode);
	return sql_script(&record->sql, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", err);
}

static bool open_writer(struct record *record, const struct record_options *options,
	unsigned *ret_recovered, struct err *err)
{
	bool empty = false;
	if (options->signing_key_file && *options->signing_key_file &&
		!signing_key_load(options->signing_key_file, &record->signing, err))
		return false;
	if (options->existing && !fs_exists(record->path))
		return err_sys(err, REASON_INPUT, errno, "cannot open %s", record->path);
	if (!take_folder(record, options->state_dir, err) ||
		!sql_open(&record->sql, record->path, record->path,
			SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err) ||
		!check_readable(record, &empty, err) || (empty && !check_not_lost(record, err)))
		return false;
	if (!use_wal(record, err) || !schema_prepare(record, err) || !seal_log_open(record, err))
		return false;
	char logs[FS_PATH_MAX];
	fs_folder_of(logs, record->seals_path);
	return sync_folder(logs, err) && sync_folder(options->state_dir, err) &&
	       recover(record, ret_recovered, err);
}

/* --- reading only --- */

/* Percent-encodes what means something in a URI. */
static bool immutable_uri(const char *path, char *to, size_t cap, struct err *err)
{
	struct text_buf uri;
	text_buf_init(&uri, cap - 1);
	text_buf_addf(&uri, "file:");
	for (const char *at = path; *at; at++)
		if (strchr("%?#", *at))
			text_buf_addf(&uri, "%%%02X", (unsigned char)*at);
		else
			text_buf_add(&uri, at, 1);
	text_buf_addf(&uri, "?mode=ro&immutable=1");
	bool good = !uri.failed && text_copy(to, cap, uri.text);
	text_buf_done(&uri);
	return good || err_set(err, REASON_INPUT, "the path %s is too long", path);
}

/* SQLite wants to make the -shm file even for reading, which somebody without write access to the
 * folder cannot. When there is no write-ahead log, everything stands in the database file itself
 * and it can be read as immutable. */
static bool open_immutable(struct record *record, struct err *err)
{
	char wal[FS_PATH_MAX + 8], uri[3 * FS_PATH_MAX];
	struct stat info;
	snprintf(wal, sizeof wal, "%s-wal", record->path);
	if (stat(wal, &info) == 0 && info.st_size > 0)
		return err_set(err, REASON_INPUT,
			"%s can only be read by somebody who may write to its folder while %s-wal "
			"is there: run this as the station's user",
			record->path, fs_name_of(record->path));
	sql_close(&record->sql);
	return immutable_uri(record->path, uri, sizeof uri, err) &&
	       sql_open(&record->sql, uri, record->path, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
		       err);
}

static bool open_reader(struct record *record, struct err *err)
{
	bool empty = false;
	if (!fs_exists(record->path))
		return err_sys(err, REASON_INPUT, errno, "cannot open %s", record->path);
	if (access(record->path, R_OK) != 0)
		return err_sys(err, REASON_INPUT, errno, "cannot read %s", record->path);
	if (!sql_open(&record->sql, record->path, record->path, SQLITE_OPEN_READONLY, err))
		return false;
	if (!check_readable(record, &empty, err)) {
		int code = sqlite3_errcode(record->sql.db) & 0xff;
		if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY)
			return false;
		if (!open_immutable(record, err) || !check_readable(record, &empty, err))
			return false;
	}
	if (empty)
		return err_set(
			err, REASON_INPUT, "%s is empty: nothing was recorded yet", record->path);
	return schema_prepare(record, err);
}

bool record_open(const struct record_options *options, struct record **ret, unsigned *ret_recovered,
	struct err *err)
{
	struct record *record = calloc(1, sizeof *record);
	if (!record)
		return err_set(err, REASON_STATION, "no memory for the record");
	pthread_mutex_init(&record->mutex, NULL);
	record->lock_fd = record->seals_fd = -1;
	record->read_only = options->read_only;
	record->existing = options->existing;
	record->virtual_line = options->virtual_line;
	unsigned recovered = 0;
	if (!copy_names(record, options, err) ||
		!(options->read_only ? open_reader(record, err)
				     : open_writer(record, options, &recovered, err))) {
		record_close(record);
		return false;
	}
	if (ret_recovered)
		*ret_recovered = recovered;
	*ret = record;
	return true;
}

void record_close(struct record *record)
{
	if (!record)
		return;
	sql_close(&record->sql);
	scope_close_fd(&record->seals_fd);
	signing_key_free(record->signing);
	scope_close_fd(&record->lock_fd);
	pthread_mutex_destroy(&record->mutex);
	free(record);
}

const char *record_path(const struct record *record)
{
	return record->path;
}

bool record_is_virtual(const struct record *record)
{
	return record->virtual_line;
}
