/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <stdlib.h>
#include <string.h>

#include "figures_private.h"
#include "record_private.h"
#include "resale.h"
#include "scope.h"
#include "text.h"

/* Where the columns stand that lead from a row to others. */
enum {
	SEALED_ID = 5,
	SEALED_FINGERPRINT = 20,
	SEALED_MARKS_TO = 30,
	SEALED_CLEARED_TO = 31,
	LISTED_ID = 0,
	LISTED_STARTED = 1
};

static const char *const queries[ROWS_SECTION_COUNT] = {
	[ROWS_BATCH] = "SELECT id, kind, job_name, job_text, plan_sha256, family, family_sha256,"
		       " config_sha256, cloud, work_order, part_number, part_revision, operator,"
		       " station_id, software_version, quantity, started_at, ended_at, ended_by"
		       " FROM batch WHERE id = ?1",
	[ROWS_IMAGE] = "SELECT stage, region, address, file_name, version, platform_id, size,"
		       " sha256 FROM batch_image WHERE batch_id = ?1 ORDER BY stage, region",
	[ROWS_STOP] = "SELECT from_at, to_at, why FROM line_stop WHERE batch_id = ?1 ORDER BY"
		      " from_at, id",
	[ROWS_SEALED] =
		"SELECT s.seq AS cursor, s.hash AS seal_hash, s.prev AS seal_prev,"
		" s.signature AS seal_signature, s.at AS sealed_at, a.id, a.batch_id,"
		" a.kind, a.outcome, a.reason, a.cause, a.detail, a.device_id,"
		" a.device_id_source, a.passage, a.previous_attempt_id, a.slot,"
		" a.usb_path, a.usb_serial, a.bootloader_version, a.key_fingerprint,"
		" a.enrol_proof, a.operator, a.retries, a.failed_step, a.arrived_at,"
		" a.started_at, a.ended_at, a.final_at, a.left_enrolled, s.marks_to AS"
		" seal_marks_to, s.cleared_to AS seal_cleared_to FROM seal s CROSS JOIN"
		" attempt a ON a.id = s.attempt_id WHERE s.seq > ?1 AND s.seq <= ?2 ORDER BY s.seq",
	[ROWS_IDENTITY] = "SELECT kind, value FROM attempt_identity WHERE attempt_id = ?1 ORDER BY"
			  " kind, value",
	[ROWS_OBSERVATION] = "SELECT seq, name, value FROM observation WHERE attempt_id = ?1 ORDER"
			     " BY seq",
	[ROWS_STEP] = "SELECT seq, name, try, started_at, ended_at, outcome, reason, detail FROM"
		      " step WHERE attempt_id = ?1 ORDER BY seq",
	[ROWS_FINDING] = "SELECT seq, subject, state, reason, detail FROM finding WHERE attempt_id"
			 " = ?1 ORDER BY seq",
	[ROWS_KEY] = "SELECT fingerprint, device_id, attempt_id, algorithm, public_key_pem, state,"
		     " intended_at, on_device_at, enrolled_at, retired_at, enrol_proof FROM"
		     " device_key WHERE fingerprint = ?1",
	[ROWS_MARK] = "SELECT id, device_id, mark, note, operator, at, passage FROM unit_mark WHERE"
		      " id > ?1 AND id <= ?2 ORDER BY id",
	[ROWS_CLEARED] = "SELECT id, attempt_id, device_id, note, operator, at FROM unit_cleared"
			 " WHERE id > ?1 AND id <= ?2 ORDER BY id",
	[ROWS_LISTED] = "SELECT a.id AS attempt_id, a.started_at, a.ended_at, a.final_at,"
			" a.arrived_at, a.kind, a.slot, a.device_id, a.passage, a.outcome,"
			" a.reason, a.cause, a.detail, a.retries, a.failed_step, a.enrol_proof,"
			" a.key_fingerprint, a.operator, a.usb_path, a.usb_serial,"
			" a.bootloader_version, b.id AS batch_id, b.job_name, b.work_order,"
			" b.part_number, b.part_revision, b.family, b.plan_sha256, b.station_id,"
			" s.seq AS seal_seq, s.hash AS seal_hash, CASE WHEN a.kind NOT IN"
			" ('provision', 'verify') THEN (SELECT value FROM observation o WHERE"
			" o.attempt_id = a.id AND o.name = '" RECORD_RESALE "' ORDER BY o.seq DESC"
			" LIMIT 1) END AS resale, c.at AS cleared_at, c.operator AS cleared_by,"
			" c.note AS cleared_note, m.mark AS unit_mark, m.at AS unit_mark_at,"
			" m.note AS unit_mark_note FROM attempt a LEFT JOIN batch b"
			" ON b.id = a.batch_id LEFT JOIN seal s ON s.attempt_id = a.id LEFT JOIN"
			" unit_cleared c ON c.id = (SELECT max(id) FROM unit_cleared WHERE"
			" attempt_id = a.id) LEFT JOIN unit_mark m ON m.id = (SELECT max(id) FROM"
			" unit_mark WHERE device_id = a.device_id) WHERE"
			" a.batch_id IS ?1 AND a.started_at >= ?2 AND a.started_at < ?3 AND"
			" (a.started_at, a.id) > (?2, ?4) ORDER BY a.started_at, a.id LIMIT ?5",
};

/* The batch behind ?8, ?9 in the order of their start. */
static const char next_batch[] = "SELECT id, started_at FROM batch WHERE" FIGURES_BATCH_IN_SCOPE
				 " AND (started_at, id) > (?8, ?9) ORDER BY started_at, id LIMIT 1";

struct rows {
	struct record *record;
	struct sql_query sections[ROWS_SECTION_COUNT], next_batch;
	size_t columns[ROWS_SECTION_COUNT];
};

static bool prepare(struct rows *rows, struct err *err)
{
	struct sql *sql = &rows->record->sql;
	if (!sql_query(sql, next_batch, SQL_NOTHING, &rows->next_batch, err))
		return false;
	for (size_t i = 0; i < ROWS_SECTION_COUNT; i++) {
		if (!sql_query(sql, queries[i], SQL_NOTHING, &rows->sections[i], err))
			return false;
		rows->columns[i] = (size_t)sqlite3_column_count(rows->sections[i].statement);
	}
	return true;
}

bool rows_open(struct record *record, struct rows **ret, struct err *err)
{
	struct rows *rows = calloc(1, sizeof *rows);
	if (!rows)
		return err_set(err, REASON_STATION, "no memory to read rows");
	rows->record = record;
	SCOPED_LOCK(&record->mutex);
	if (prepare(rows, err)) {
		*ret = rows;
		return true;
	}
	rows_close(rows);
	return false;
}

void rows_close(struct rows *rows)
{
	if (!rows)
		return;
	for (size_t i = 0; i < ROWS_SECTION_COUNT; i++)
		sql_query_done(&rows->sections[i]);
	sql_query_done(&rows->next_batch);
	free(rows);
}

size_t rows_columns(const struct rows *rows, enum rows_section section)
{
	return rows->columns[section];
}

const char *rows_column(const struct rows *rows, enum rows_section section, size_t column)
{
	return sqlite3_column_name(rows->sections[section].statement, (int)column);
}

static void take(sqlite3_stmt *statement, size_t count, struct rows_value *ret)
{
	for (size_t i = 0; i < count; i++) {
		int column = (int)i, type = sqlite3_column_type(statement, column);
		ret[i] = (struct rows_value){ .known = type != SQLITE_NULL };
		if (type == SQLITE_INTEGER) {
			ret[i].number = sqlite3_column_int64(statement, column);
		} else if (ret[i].known) {
			ret[i].text = (const char *)sqlite3_column_text(statement, column);
			ret[i].len = (size_t)sqlite3_column_bytes(statement, column);
		}
	}
}

static bool stopped(struct err *err)
{
	return err_set(err, REASON_STOPPED, "the reading was ended");
}

static bool give(struct rows *rows, enum rows_section section, struct rows_value *values,
	const struct rows_reader *reader, struct err *err)
{
	take(rows->sections[section].statement, rows->columns[section], values);
	return reader->row(reader->context, section, values) || stopped(err);
}

/* All rows of a section for these values; none without any. */
static bool give_found(struct rows *rows, enum rows_section section, struct sql_values found_by,
	const struct rows_reader *reader, struct err *err)
{
	struct sql_query *query = &rows->sections[section];
	struct rows_value values[ROWS_COLUMNS_MAX];
	bool row = found_by.count > 0;
	if (row && !sql_query_again(query, found_by, err))
		return false;
	while (row) {
		if (!sql_next(query, &row, err) ||
			(row && !give(rows, section, values, reader, err)))
			return false;
	}
	return !reader->end || reader->end(reader->context, section) || stopped(err);
}

/* That belong to id; none for NULL. */
static bool give_section(struct rows *rows, enum rows_section section, const char *id,
	const struct rows_reader *reader, struct err *err)
{
	return give_found(rows, section, id ? SQL(sql_text(id)) : SQL_NOTHING, reader, err);
}

static bool give_sections(struct rows *rows, enum rows_section from, enum rows_section to,
	const char *id, const struct rows_reader *reader, struct err *err)
{
	for (enum rows_section section = from; section <= to; section++)
		if (!give_section(rows, section, id, reader, err))
			return false;
	return true;
}

/* A statement that is not at its end would keep the transaction. */
static void rest(struct rows *rows)
{
	for (size_t i = 0; i < ROWS_SECTION_COUNT; i++)
		sql_query_rest(&rows->sections[i]);
	sql_query_rest(&rows->next_batch);
}

static bool covered_before(
	struct rows *rows, int64_t seq, int64_t *ret_marks, int64_t *ret_cleared, struct err *err)
{
	static const char marks[] = "SELECT marks_to FROM seal WHERE seq = ?1";
	static const char cleared[] = "SELECT cleared_to FROM seal WHERE seq = ?1";
	return sql_get_int(&rows->record->sql, marks, SQL(sql_int(seq)), 0, ret_marks, err) &&
	       sql_get_int(&rows->record->sql, cleared, SQL(sql_int(seq)), 0, ret_cleared, err);
}

/* What no seal covers yet. */
static bool count_waiting(struct rows *rows, struct rows_origin *origin, struct err *err)
{
	static const char text[] =
		"SELECT (SELECT count(*) FROM unit_mark WHERE id > ?1) + (SELECT count(*) FROM"
		" unit_cleared WHERE id > ?2)";
	int64_t marks_to, cleared_to;
	return covered_before(rows, origin->head.seq, &marks_to, &cleared_to, err) &&
	       sql_get_int(&rows->record->sql, text, SQL(sql_int(marks_to), sql_int(cleared_to)), 0,
		       &origin->marks_waiting, err);
}

bool rows_origin(struct rows *rows, struct rows_origin *ret, struct err *err)
{
	static const char station[] = "SELECT value FROM meta WHERE key = 'station_id'";
	struct rows_origin origin = { .virtual_line = rows->record->virtual_line };
	SCOPED_TX tx = { 0 };
	if (!tx_begin_read(&tx, rows->record, err) || !seal_head(rows->record, &origin.head, err) ||
		!sql_get_text(&rows->record->sql, station, SQL_NOTHING, origin.station_id,
			sizeof origin.station_id, err) ||
		!count_waiting(rows, &origin, err))
		return false;
	*ret = origin;
	return true;
}

/* --- seals --- */

/* What a seal covers of a table: behind the id up to which the seal before does. */
static bool give_since(struct rows *rows, enum rows_section section, int64_t *after,
	const struct rows_value *to, const struct rows_reader *reader, struct err *err)
{
	int64_t from = *after;
	bool none = !to->known || to->number <= from;
	*after = none ? from : to->number;
	return give_found(rows, section,
		none ? SQL_NOTHING : SQL(sql_int(from), sql_int(to->number)), reader, err);
}

static bool give_sealed(struct rows *rows, int64_t after, int64_t to,
	const struct rows_reader *reader, struct err *err)
{
	struct sql_query *query = &rows->sections[ROWS_SEALED];
	struct rows_value values[ROWS_COLUMNS_MAX];
	int64_t marks_to = 0, cleared_to = 0;
	bool row = true;
	if (!covered_before(rows, after, &marks_to, &cleared_to, err))
		return false;
	if (!sql_query_again(query, SQL(sql_int(after), sql_int(to)), err))
		return false;
	while (true) {
		if (!sql_next(query, &row, err))
			return false;
		if (!row)
			return true;
		if (!give(rows, ROWS_SEALED, values, reader, err) ||
			!give_sections(rows, ROWS_IDENTITY, ROWS_FINDING, values[SEALED_ID].text,
				reader, err) ||
			!give_section(
				rows, ROWS_KEY, values[SEALED_FINGERPRINT].text, reader, err) ||
			!give_since(rows, ROWS_MARK, &marks_to, &values[SEALED_MARKS_TO], reader,
				err) ||
			!give_since(rows, ROWS_CLEARED, &cleared_to, &values[SEALED_CLEARED_TO],
				reader, err))
			return false;
	}
}

bool rows_sealed(struct rows *rows, int64_t after, int64_t to, const struct rows_reader *reader,
	struct err *err)
{
	SCOPED_TX tx = { 0 };
	bool good =
		tx_begin_read(&tx, rows->record, err) && give_sealed(rows, after, to, reader, err);
	rest(rows);
	return good;
}

bool rows_batch(
	struct rows *rows, const char *batch_id, const struct rows_reader *reader, struct err *err)
{
	SCOPED_TX tx = { 0 };
	bool good = tx_begin_read(&tx, rows->record, err) &&
		    give_sections(rows, ROWS_BATCH, ROWS_STOP, batch_id, reader, err);
	rest(rows);
	return good;
}

/* --- a scope --- */

/* Goes to the next batch of the scope, or behind the last. */
static bool enter_next(struct rows *rows, const struct figures_scope *scope,
	struct rows_place *place, struct err *err)
{
	int64_t until = scope->until ? scope->until : INT64_MAX;
	bool row = false, first = !place->batch_id[0];
	/* A newer one may have begun meanwhile. */
	if (scope->last_batch && !first)
		return place->done = true;
	if (!sql_query_again(&rows->next_batch,
		    SQL(sql_text(scope->batch_id), sql_text(scope->work_order),
			    sql_text(scope->job_name), sql_text(scope->station_id),
			    sql_int(scope->since), sql_int(until), sql_int(scope->last_batch),
			    sql_int(first ? INT64_MIN : place->batch_at),
			    sql_name(place->batch_id)),
		    err) ||
		!sql_next(&rows->next_batch, &row, err))
		return false;
	if (!row && first && scope->batch_id)
		return err_set(err, REASON_INPUT, "%s knows no batch %s", rows->record->path,
			scope->batch_id);
	if (!row && first && scope->last_batch)
		return err_set(err, REASON_INPUT, "%s holds no batch yet", rows->record->path);
	place->at = scope->since;
	place->id[0] = 0;
	place->in_batch = row;
	if (row) {
		place->batch_at = sql_column_int(&rows->next_batch, 1, 0);
		return sql_column_copy(
			&rows->next_batch, 0, place->batch_id, sizeof place->batch_id, err);
	}
	place->done = place->last || scope->batch_id || scope->work_order || scope->job_name ||
		      scope->last_batch;
	place->last = true;
	return true;
}

static bool give_listed(struct rows *rows, const struct figures_scope *scope, bool with_steps,
	unsigned *max, struct rows_place *place, const struct rows_reader *reader, struct err *err)
{
	struct sql_query *query = &rows->sections[ROWS_LISTED];
	struct rows_value values[ROWS_COLUMNS_MAX];
	int64_t until = scope->until ? scope->until : INT64_MAX;
	char after[UUID_TEXT];
	memcpy(after, place->id, sizeof after);
	if (!sql_query_again(query,
		    SQL(sql_text(place->in_batch ? place->batch_id : NULL), sql_int(place->at),
			    sql_int(until), sql_name(after), sql_int(*max)),
		    err))
		return false;
	for (bool row = true; *max > 0; --*max) {
		if (!sql_next(query, &row, err))
			return false;
		if (!row) {
			place->in_batch = false;
			return true;
		}
		if (!give(rows, ROWS_LISTED, values, reader, err) ||
			(with_steps && !give_section(rows, ROWS_STEP, values[LISTED_ID].text,
					       reader, err)))
			return false;
		place->at = values[LISTED_STARTED].number;
		if (!text_copy(place->id, sizeof place->id, values[LISTED_ID].text))
			return err_set(err, REASON_STORE, "%s: the attempt %.64s has no UUID",
				rows->record->path, values[LISTED_ID].text);
	}
	return true;
}

bool rows_listed(struct rows *rows, const struct figures_scope *scope, bool with_steps,
	unsigned max, struct rows_place *place, const struct rows_reader *reader, struct err *err)
{
	SCOPED_TX tx = { 0 };
	bool good = tx_begin_read(&tx, rows->record, err);
	while (good && max > 0 && !place->done) {
		bool inside = place->in_batch || place->last;
		good = inside ? give_listed(rows, scope, with_steps, &max, place, reader, err)
			      : enter_next(rows, scope, place, err);
		if (good && inside && max > 0 && place->last)
			place->done = true;
	}
	rest(rows);
	return good;
}
