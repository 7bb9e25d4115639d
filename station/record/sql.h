/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of SQLite with our errors: bind, step, finalize. Private to this folder. The caller
 * holds the record's lock. Failures to read or write are REASON_STORE with SQLite's message and the
 * path; a constraint or trigger that says no is REASON_BUG, because everything is checked
 * before. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "err.h"

struct sql {
	sqlite3 *db;
	const char *path; /* for messages; the owner's */
	struct err broken; /* the first failure after which nothing of this connection is trusted */
};

enum sql_kind { SQL_KIND_NULL, SQL_KIND_INT, SQL_KIND_TEXT, SQL_KIND_BLOB };
struct sql_value {
	enum sql_kind kind;
	int64_t number;
	const char *text; /* read while the statement runs; of a blob: number bytes */
};
struct sql_values {
	const struct sql_value *values;
	size_t count;
};

static inline struct sql_value sql_int(int64_t number)
{
	return (struct sql_value){ .kind = SQL_KIND_INT, .number = number };
}
/* NULL and "" are stored as NULL: unknown. */
static inline struct sql_value sql_text(const char *text)
{
	return (struct sql_value){ .kind = text && *text ? SQL_KIND_TEXT : SQL_KIND_NULL, .text = text };
}
/* "" stays "": a name that is known to be empty. */
static inline struct sql_value sql_name(const char *text)
{
	return (struct sql_value){ .kind = SQL_KIND_TEXT, .text = text };
}
/* Read while the statement runs. */
static inline struct sql_value sql_blob(const uint8_t *bytes, size_t len)
{
	return (struct sql_value){ .kind = SQL_KIND_BLOB, .number = (int64_t)len, .text = (const char *)bytes };
}
static inline struct sql_value sql_null(void)
{
	return (struct sql_value){ .kind = SQL_KIND_NULL };
}
/* The values of ?1, ?2...: SQL(sql_int(1), sql_text("a")). */
#define SQL(...) \
	((struct sql_values){ (const struct sql_value[]){ __VA_ARGS__ }, \
		sizeof((const struct sql_value[]){ __VA_ARGS__ }) / sizeof(struct sql_value) })
#define SQL_NOTHING ((struct sql_values){ NULL, 0 })

/* name is a path, or a URI with SQLITE_OPEN_URI in flags. */
bool sql_open(struct sql *sql, const char *name, const char *path, int flags, struct err *err)
	MUST_CHECK;
void sql_close(struct sql *sql);
/* Puts SQLite's last error into err. */
bool sql_error(struct sql *sql, int code, struct err *err);

/* Several statements without values. */
bool sql_script(struct sql *sql, const char *text, struct err *err) MUST_CHECK;
bool sql_run(struct sql *sql, const char *text, struct sql_values values, struct err *err)
	MUST_CHECK;
/* The same, and exactly one row has to change: REASON_BUG "there is no WHAT" otherwise. */
bool sql_run_one(struct sql *sql, const char *text, struct sql_values values, const char *what,
	struct err *err) MUST_CHECK;

/* Rows one by one: SCOPED_QUERY query; sql_query(...); while (sql_next(..., &row, err) &&
 * row)... */
struct sql_query {
	struct sql *sql;
	sqlite3_stmt *statement;
};
bool sql_query(struct sql *sql, const char *text, struct sql_values values, struct sql_query *ret,
	struct err *err) MUST_CHECK;
/* *ret_row false: there are no more. */
bool sql_next(struct sql_query *query, bool *ret_row, struct err *err) MUST_CHECK;
const char *sql_column_text(const struct sql_query *query, int column);	   /* NULL if NULL; until the next step */
const uint8_t *sql_column_blob(const struct sql_query *query, int column, size_t *ret_len); /* until the next step */
int64_t sql_column_int(const struct sql_query *query, int column, int64_t if_null);
/* Copies; "" if NULL. REASON_STORE if it does not fit: we never stored something that long. */
bool sql_column_copy(const struct sql_query *query, int column, char *to, size_t cap,
	struct err *err) MUST_CHECK;
/* The same statement once more, with other values: for one that runs a million times. */
bool sql_query_again(struct sql_query *query, struct sql_values values, struct err *err) MUST_CHECK;
/* The statement lets go of the database until it is run again. */
void sql_query_rest(struct sql_query *query);
void sql_query_done(struct sql_query *query);
#define SCOPED_QUERY __attribute__((cleanup(sql_query_done))) struct sql_query

/* The first column of the first row; if_none without a row or with NULL. */
bool sql_get_int(struct sql *sql, const char *text, struct sql_values values, int64_t if_none,
	int64_t *ret, struct err *err) MUST_CHECK;
/* The same as text; "" without a row or with NULL. */
bool sql_get_text(struct sql *sql, const char *text, struct sql_values values, char *to, size_t cap,
	struct err *err) MUST_CHECK;
