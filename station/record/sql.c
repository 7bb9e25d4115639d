/* SPDX-License-Identifier: Apache-2.0 */
#include "sql.h"

#include <stdio.h>
#include <string.h>

enum { BUSY_TIMEOUT_MS = 5000 };

/* What a result code means for the line, and what a person can do about it. */
static enum reason code_meaning(int code, const char **ret_next)
{
	*ret_next = "";
	switch (code & 0xff) {
	case SQLITE_FULL:
		*ret_next = ": make room on the disk";
		return REASON_STORE;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		*ret_next = ": close the other program that writes to it";
		return REASON_STORE;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		*ret_next = ": check the rights of its folder";
		return REASON_STORE;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		*ret_next = ": keep the file and restore a copy";
		return REASON_STORE;
	case SQLITE_NOMEM:
		return REASON_STATION;
	case SQLITE_CONSTRAINT:
	case SQLITE_ERROR:
	case SQLITE_MISUSE:
	case SQLITE_MISMATCH:
	case SQLITE_RANGE:
	case SQLITE_TOOBIG:
		return REASON_BUG;
	default:
		*ret_next = ": check the disk";
		return REASON_STORE;
	}
}

bool sql_error(struct sql *sql, int code, struct err *err)
{
	const char *next;
	enum reason reason = code_meaning(code, &next);
	const char *text = sql->db ? sqlite3_errmsg(sql->db) : sqlite3_errstr(code);
	err_set(err, reason, "%s: %s (SQLite error %d)%s", sql->path, text, code, next);
	int primary = code & 0xff;
	/* After a failed fsync nobody knows what is on the disk, and a second fsync may
	 * claim success for pages that the kernel has dropped. Nothing more is written
	 * through this connection. */
	if (!sql->broken.text[0] &&
		(primary == SQLITE_IOERR || primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB))
		sql->broken = *err;
	return false;
}

bool sql_open(struct sql *sql, const char *name, const char *path, int flags, struct err *err)
{
	*sql = (struct sql){ .path = path };
	int code = sqlite3_open_v2(
		name, &sql->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (code != SQLITE_OK) {
		sql_error(sql, code, err);
		sql_close(sql);
		return false;
	}
	sqlite3_busy_timeout(sql->db, BUSY_TIMEOUT_MS);
	/* A damaged or foreign schema must not run functions or overwrite internals. */
	sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	sqlite3_db_config(sql->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
	return true;
}

void sql_close(struct sql *sql)
{
	sqlite3_close(sql->db);
	sql->db = NULL;
}

bool sql_script(struct sql *sql, const char *text, struct err *err)
{
	int code = sqlite3_exec(sql->db, text, NULL, NULL, NULL);
	return code == SQLITE_OK || sql_error(sql, code, err);
}

static int bind_value(sqlite3_stmt *statement, int index, const struct sql_value *value)
{
	switch (value->kind) {
	case SQL_KIND_INT:
		return sqlite3_bind_int64(statement, index, value->number);
	case SQL_KIND_TEXT:
		return sqlite3_bind_text(statement, index, value->text, -1, SQLITE_STATIC);
	case SQL_KIND_BLOB:
		return sqlite3_bind_blob64(statement, index, value->text,
			(sqlite3_uint64)value->number, SQLITE_STATIC);
	case SQL_KIND_NULL:
		break;
	}
	return sqlite3_bind_null(statement, index);
}

static int bind_values(sqlite3_stmt *statement, struct sql_values values)
{
	int code = SQLITE_OK;
	for (size_t i = 0; code == SQLITE_OK && i < values.count; i++)
		code = bind_value(statement, (int)i + 1, &values.values[i]);
	return code;
}

bool sql_query(struct sql *sql, const char *text, struct sql_values values, struct sql_query *ret,
	struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(sql->db, text, -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = bind_values(statement, values);
	if (code != SQLITE_OK) {
		sql_error(sql, code, err);
		sqlite3_finalize(statement);
		return false;
	}
	*ret = (struct sql_query){ sql, statement };
	return true;
}

bool sql_query_again(struct sql_query *query, struct sql_values values, struct err *err)
{
	/* Its result is that of the last step, which was told then. */
	sqlite3_reset(query->statement);
	int code = bind_values(query->statement, values);
	return code == SQLITE_OK || sql_error(query->sql, code, err);
}

void sql_query_rest(struct sql_query *query)
{
	sqlite3_reset(query->statement);
}

bool sql_next(struct sql_query *query, bool *ret_row, struct err *err)
{
	int code = sqlite3_step(query->statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return sql_error(query->sql, code, err);
	*ret_row = code == SQLITE_ROW;
	return true;
}

const char *sql_column_text(const struct sql_query *query, int column)
{
	return (const char *)sqlite3_column_text(query->statement, column);
}

const uint8_t *sql_column_blob(const struct sql_query *query, int column, size_t *ret_len)
{
	const uint8_t *bytes = sqlite3_column_blob(query->statement, column);
	*ret_len = (size_t)sqlite3_column_bytes(query->statement, column);
	return bytes;
}

int64_t sql_column_int(const struct sql_query *query, int column, int64_t if_null)
{
	if (sqlite3_column_type(query->statement, column) == SQLITE_NULL)
		return if_null;
	return sqlite3_column_int64(query->statement, column);
}

bool sql_column_copy(
	const struct sql_query *query, int column, char *to, size_t cap, struct err *err)
{
	const char *text = sql_column_text(query, column);
	size_t len = text ? strlen(text) : 0;
	if (len >= cap)
		return err_set(err, REASON_STORE,
			"%s: the column %s holds %zu bytes, more than we ever store",
			query->sql->path, sqlite3_column_name(query->statement, column), len);
	memcpy(to, text ? text : "", len + 1);
	return true;
}

void sql_query_done(struct sql_query *query)
{
	sqlite3_finalize(query->statement);
	query->statement = NULL;
}

bool sql_run(struct sql *sql, const char *text, struct sql_values values, struct err *err)
{
	SCOPED_QUERY query = { 0 };
	bool row = true;
	if (!sql_query(sql, text, values, &query, err))
		return false;
	while (row)
		if (!sql_next(&query, &row, err))
			return false;
	return true;
}

bool sql_run_one(struct sql *sql, const char *text, struct sql_values values, const char *what,
	struct err *err)
{
	if (!sql_run(sql, text, values, err))
		return false;
	if (sqlite3_changes(sql->db) != 1)
		return err_set(err, REASON_BUG, "%s: there is no %s", sql->path, what);
	return true;
}

bool sql_get_int(struct sql *sql, const char *text, struct sql_values values, int64_t if_none,
	int64_t *ret, struct err *err)
{
	SCOPED_QUERY query = { 0 };
	bool row = false;
	if (!sql_query(sql, text, values, &query, err) || !sql_next(&query, &row, err))
		return false;
	*ret = row ? sql_column_int(&query, 0, if_none) : if_none;
	return true;
}

bool sql_get_text(struct sql *sql, const char *text, struct sql_values values, char *to, size_t cap,
	struct err *err)
{
	SCOPED_QUERY query = { 0 };
	bool row = false;
	if (!sql_query(sql, text, values, &query, err) || !sql_next(&query, &row, err))
		return false;
	to[0] = 0;
	return !row || sql_column_copy(&query, 0, to, cap, err);
}
