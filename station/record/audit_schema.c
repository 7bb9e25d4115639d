/* SPDX-License-Identifier: Apache-2.0 */
/* The file as SQLite sees it: its schema against the one that this program makes, its
 * pages, its references. */
#include "audit_private.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

/* The tables that ANALYZE leaves are nobody's business. */
#define OBJECTS \
	"SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"

static bool look_up(
	struct sql *sql, const struct sql_query *object, int *ret_match, struct err *err)
{
	static const char text[] =
		"SELECT sql IS ?3, tbl_name IS ?4 FROM sqlite_schema WHERE type = ?1 AND name = ?2";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(sql, text,
		    SQL(sql_name(sql_column_text(object, 0)), sql_name(sql_column_text(object, 1)),
			    sql_text(sql_column_text(object, 3)),
			    sql_name(sql_column_text(object, 2))),
		    &query, err) ||
		!sql_next(&query, &row, err))
		return false;
	*ret_match = !row ? -1 : sql_column_int(&query, 0, 0) && sql_column_int(&query, 1, 0);
	return true;
}

/* Tells what of one schema is not in the other; differences are told once, when ours is walked. */
static bool compare(
	struct audit *audit, struct sql *walked, struct sql *other, bool ours, struct err *err)
{
	bool row = false;
	SCOPED_QUERY object = { 0 };
	if (!sql_query(walked, OBJECTS, SQL_NOTHING, &object, err))
		return false;
	for (;;) {
		int match;
		char where[160];
		if (!sql_next(&object, &row, err))
			return false;
		if (!row)
			return true;
		if (!look_up(other, &object, &match, err))
			return false;
		snprintf(where, sizeof where, "%s %s", sql_column_text(&object, 0),
			sql_column_text(&object, 1));
		if (match < 0)
			audit_tell(audit, where, "%s",
				ours ? "is missing" : "does not belong to this database");
		else if (match == 0 && ours)
			audit_tell(audit, where, "is not as this program makes it");
		if (ours)
			audit_count(audit, 1);
	}
}

static bool check_meta(struct audit *audit, struct err *err)
{
	static const char kind[] =
		"SELECT count(*) FROM meta WHERE (key = 'virtual' AND value IN ('0', '1')) OR"
		" (key IN ('schema_version', 'station_id') AND value <> '')";
	int64_t good;
	if (!sql_get_int(&audit->record->sql, kind, SQL_NOTHING, 0, &good, err))
		return false;
	if (good != 3)
		audit_tell(audit, "meta",
			"schema_version, station_id or virtual is missing or not usable");
	return true;
}

/* What this program would make of an empty file. */
static bool open_ours(struct sql *ret, struct err *err)
{
	if (!sql_open(ret, ":memory:", ":memory:", SQLITE_OPEN_READWRITE, err))
		return false;
	if (schema_make(ret, err))
		return true;
	sql_close(ret);
	return false;
}

bool audit_schema(struct audit *audit, struct err *err)
{
	struct sql *sql = &audit->record->sql, ours;
	if (!open_ours(&ours, err))
		return false;
	bool good = compare(audit, &ours, sql, true, err) && compare(audit, sql, &ours, false, err);
	sql_close(&ours);
	return good && check_meta(audit, err);
}

/* --- integrity --- */

/* The next constraint in the text of a table, "(...)" with what is balanced in it; NULL if there is
 * none. Our own text: no quotes but '...'. */
static const char *next_constraint(const char *at, size_t *ret_len)
{
	static const char word[] = "CHECK (";
	const char *open = strstr(at, word);
	if (!open)
		return NULL;
	open += sizeof word - 2;
	int depth = 0;
	bool quoted = false;
	for (const char *c = open; *c; c++) {
		quoted ^= *c == '\'';
		depth += !quoted && *c == '(';
		depth -= !quoted && *c == ')';
		if (depth == 0) {
			*ret_len = (size_t)(c - open) + 1;
			return open;
		}
	}
	return NULL;
}

static bool check_constraint(
	struct audit *audit, const char *table, const char *constraint, int len, struct err *err)
{
	char text[1024];
	int64_t count;
	if (!text_format(text, sizeof text, "SELECT count(*) FROM %s WHERE NOT %.*s", table, len,
		    constraint))
		return err_set(err, REASON_BUG, "a constraint of %s is too long", table);
	if (!sql_get_int(&audit->record->sql, text, SQL_NOTHING, 0, &count, err))
		return false;
	if (count)
		audit_tell(audit, table, "%lld rows break the constraint %.*s", (long long)count,
			len, constraint);
	return true;
}

/* PRAGMA integrity_check looks at them too, but not through a connection that only reads: SQLite
 * does not even parse them then. */
static bool check_constraints(struct audit *audit, struct sql *ours, struct err *err)
{
	static const char tables[] = "SELECT name, sql FROM sqlite_schema WHERE type = 'table'";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(ours, tables, SQL_NOTHING, &query, err))
		return false;
	for (;;) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			return true;
		const char *text = sql_column_text(&query, 1);
		for (size_t len = 0; text && (text = next_constraint(text, &len)); text += len)
			if (!check_constraint(
				    audit, sql_column_text(&query, 0), text, (int)len, err))
				return false;
	}
}

static bool check_pages(struct audit *audit, struct err *err)
{
	int64_t pages;
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_get_int(&audit->record->sql, "PRAGMA page_count", SQL_NOTHING, 0, &pages, err) ||
		!sql_query(&audit->record->sql, "PRAGMA integrity_check(50)", SQL_NOTHING, &query,
			err))
		return false;
	audit_count(audit, pages);
	for (;;) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			return true;
		const char *text = sql_column_text(&query, 0);
		if (!text || strcmp(text, "ok") != 0)
			audit_tell(audit, "the database", "%s", text ? text : "(no text)");
	}
}

bool audit_integrity(struct audit *audit, struct err *err)
{
	struct sql ours;
	if (!check_pages(audit, err) || !open_ours(&ours, err))
		return false;
	bool good = check_constraints(audit, &ours, err);
	sql_close(&ours);
	return good;
}

/* --- references --- */

bool audit_references(struct audit *audit, struct err *err)
{
	static const char tables[] = "SELECT count(DISTINCT t.name) FROM sqlite_schema t,"
				     " pragma_foreign_key_list(t.name) WHERE t.type = 'table'";
	int64_t count;
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_get_int(&audit->record->sql, tables, SQL_NOTHING, 0, &count, err) ||
		!sql_query(
			&audit->record->sql, "PRAGMA foreign_key_check", SQL_NOTHING, &query, err))
		return false;
	audit_count(audit, count);
	for (;;) {
		char where[160];
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			return true;
		const char *rowid = sql_column_text(&query, 1);
		snprintf(where, sizeof where, "%s, row %s", sql_column_text(&query, 0),
			rowid ? rowid : "(without number)");
		audit_tell(audit, where, "refers to a row of %s that does not exist",
			sql_column_text(&query, 2));
	}
}
