/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

#include <stdio.h>
#include <string.h>

#include "record_private.h"

static bool read_key(struct record *record, const struct sql_query *query,
	struct record_outbox_row *row, struct err *err)
{
	char pem[KEY_PEM_MAX], fingerprint[KEY_FINGERPRINT];
	struct err why;
	if (!sql_column_copy(query, 8, pem, sizeof pem, err) ||
		!sql_column_copy(query, 9, fingerprint, sizeof fingerprint, err))
		return false;
	if (!public_key_from_pem(pem, strlen(pem), &row->key, &why) ||
		strcmp(row->key.fingerprint, fingerprint) != 0)
		return err_set(err, REASON_STORE,
			"%s: the stored key %.16s... of device id %s is damaged: restore a copy",
			record->path, fingerprint, row->device_id);
	return true;
}

static bool read_row(struct record *record, const struct sql_query *query,
	struct record_outbox_row *row, struct err *err)
{
	row->id = sql_column_int(query, 0, 0);
	row->tries = (unsigned)sql_column_int(query, 6, 0);
	row->next_at = sql_column_int(query, 7, 0);
	return sql_column_copy(query, 1, row->attempt_id, sizeof row->attempt_id, err) &&
	       sql_column_copy(query, 2, row->batch_id, sizeof row->batch_id, err) &&
	       sql_column_copy(query, 3, row->slot, sizeof row->slot, err) &&
	       sql_column_copy(query, 4, row->device_id, sizeof row->device_id, err) &&
	       sql_column_copy(query, 5, row->cloud, sizeof row->cloud, err) &&
	       sql_column_copy(query, 10, row->product_id, sizeof row->product_id, err) &&
	       read_key(record, query, row, err);
}

bool record_outbox(struct record *record, const struct record_outbox_filter *filter,
	struct record_outbox_row *rows, size_t cap, size_t *ret_count, struct err *err)
{
	static const char text[] =
		"SELECT o.id, a.id, a.batch_id, a.slot, o.device_id, o.cloud, o.tries, o.next_at,"
		" k.public_key_pem, k.fingerprint, (SELECT value FROM observation WHERE attempt_id = a.id"
		" AND name = '" RECORD_PRODUCT "' ORDER BY seq DESC LIMIT 1)"
		" FROM attempt a JOIN outbox o ON o.attempt_id = a.id AND o.fingerprint = a.key_fingerprint"
		" JOIN device_key k ON k.fingerprint = o.fingerprint"
		" WHERE a.outcome = 'HELD' AND o.state = 'due' AND (?1 IS NULL OR o.cloud = ?1)"
		" AND coalesce(o.next_at, 0) <= ?2 AND o.id > ?3 ORDER BY o.id LIMIT ?4";
	size_t count = 0;
	SCOPED_TX tx = { 0 };
	SCOPED_QUERY query = { 0 };
	if (!tx_begin_read(&tx, record, err) ||
		!sql_query(&record->sql, text,
			SQL(sql_text(filter->cloud), sql_int(filter->due_by),
				sql_int(filter->after_id), sql_int((int64_t)cap)),
			&query, err))
		return false;
	for (bool row = true; count < cap; count++) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		rows[count] = (struct record_outbox_row){ 0 };
		if (!read_row(record, &query, &rows[count], err))
			return false;
	}
	*ret_count = count;
	return true;
}

static bool read_unit(const struct sql_query *query, struct record_held_unit *unit, struct err *err)
{
	*unit = (struct record_held_unit){ .outbox_id = sql_column_int(query, 0, 0),
		.tries = (unsigned)sql_column_int(query, 6, 0),
		.http_status = (int)sql_column_int(query, 7, 0),
		.since = sql_column_int(query, 8, 0),
		.next_at = sql_column_int(query, 9, -1) };
	const char *error = sql_column_text(query, 10);
	snprintf(unit->last_error, sizeof unit->last_error, "%s", error ? error : "");
	return sql_column_copy(query, 1, unit->attempt_id, sizeof unit->attempt_id, err) &&
	       sql_column_copy(query, 2, unit->slot, sizeof unit->slot, err) &&
	       sql_column_copy(query, 3, unit->device_id, sizeof unit->device_id, err) &&
	       sql_column_copy(query, 4, unit->cloud, sizeof unit->cloud, err) &&
	       sql_column_copy(query, 5, unit->state, sizeof unit->state, err);
}

bool record_held_units(struct record *record, int64_t after_id, struct record_held_unit *units,
	size_t cap, size_t *ret_count, struct err *err)
{
	static const char text[] =
		"SELECT o.id, a.id, a.slot, a.device_id, o.cloud, o.state, o.tries, o.http_status,"
		" a.ended_at, o.next_at, o.last_error FROM attempt a JOIN outbox o"
		" ON o.attempt_id = a.id AND o.fingerprint = a.key_fingerprint"
		" AND o.state <> 'closed' WHERE a.outcome = 'HELD' AND o.id > ?1 ORDER BY o.id"
		" LIMIT ?2";
	size_t count = 0;
	SCOPED_TX tx = { 0 };
	SCOPED_QUERY query = { 0 };
	if (!tx_begin_read(&tx, record, err) ||
		!sql_query(&record->sql, text, SQL(sql_int(after_id), sql_int((int64_t)cap)),
			&query, err))
		return false;
	for (bool row = true; count < cap; count++) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		if (!read_unit(&query, &units[count], err))
			return false;
	}
	*ret_count = count;
	return true;
}

bool record_outbox_tries(struct record *record, int64_t outbox_id, unsigned *ret, struct err *err)
{
	int64_t tries;
	SCOPED_TX tx = { 0 };
	if (!tx_begin_read(&tx, record, err) ||
		!sql_get_int(&record->sql, "SELECT tries FROM outbox WHERE id = ?1",
			SQL(sql_int(outbox_id)), 0, &tries, err))
		return false;
	*ret = (unsigned)tries;
	return true;
}

/* A row that was acknowledged or refused had its answer. The others that were ever sent may lack
 * it: an answer that came to a closed row is taken for none, which costs a pause and no more. */
bool record_outbox_unsettled(
	struct record *record, const char *device_id, bool *ret, struct err *err)
{
	static const char text[] =
		"SELECT count(*) FROM attempt a JOIN outbox o ON o.attempt_id = a.id"
		" WHERE a.device_id = ?1 AND o.tries > 0 AND o.state IN ('due', 'in-flight', 'closed')";
	int64_t count;
	SCOPED_TX tx = { 0 };
	if (!tx_begin_read(&tx, record, err) ||
		!sql_get_int(&record->sql, text, SQL(sql_text(device_id)), 0, &count, err))
		return false;
	*ret = count > 0;
	return true;
}
