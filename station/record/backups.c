/* SPDX-License-Identifier: Apache-2.0 */
#include "backups.h"

#include "clock.h"
#include "record_private.h"

static bool insert_piece(struct record *record, const struct record_backup *backup,
	const struct record_backup_piece *piece, struct err *err)
{
	static const char insert[] =
		"INSERT INTO backup (id, attempt_id, device_id, at, region, alt, address, size,"
		" sha256, path, file_sha256, recipients, operator, keep_until) VALUES (?1, ?2, ?3,"
		" ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
	char id[UUID_TEXT];
	return uuid_v7(id, err) &&
	       sql_run(&record->sql, insert,
		       SQL(sql_text(id), sql_text(backup->attempt_id), sql_text(backup->device_id),
			       sql_int(backup->at), sql_text(piece->region), sql_int(piece->alt),
			       sql_int(piece->addr), sql_int(piece->size), sql_text(piece->sha256),
			       sql_text(backup->path), sql_text(backup->file_sha256),
			       sql_text(backup->recipients), sql_text(backup->operator_name),
			       backup->keep_until ? sql_int(backup->keep_until) : sql_null()),
		       err);
}

bool record_backup(struct record *record, const struct record_backup *backup,
	const struct record_backup_piece *pieces, size_t count, struct err *err)
{
	SCOPED_TX tx = { 0 };
	if (!tx_begin(&tx, record, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!insert_piece(record, backup, &pieces[i], err))
			return false;
	return tx_commit(&tx, err);
}

bool record_backup_over(struct record *record, int64_t now, char ret_path[RECORD_BACKUP_PATH],
	bool *ret_found, struct err *err)
{
	/* A unit whose id nobody knows has an attempt alone, and that one has ended. */
	static const char text[] =
		"SELECT b.path FROM backup b WHERE b.keep_until <= ?1"
		" AND NOT EXISTS (SELECT 1 FROM backup_removed r WHERE r.path = b.path)"
		" AND NOT (b.at = (SELECT max(at) FROM backup WHERE device_id = b.device_id)"
		" AND (EXISTS (SELECT 1 FROM attempt a WHERE a.device_id = b.device_id AND"
		" a.ended_at IS NULL) OR coalesce((SELECT a.outcome FROM attempt a WHERE"
		" a.device_id = b.device_id AND a.kind IN ('provision', 'reprovision', 'restore')"
		" AND a.outcome NOT IN ('SKIPPED', 'REFUSED') ORDER BY a.passage DESC LIMIT 1),"
		" 'PASS') <> 'PASS'))"
		" AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.id = b.attempt_id AND a.ended_at"
		" IS NULL) ORDER BY b.at, b.path LIMIT 1";
	SCOPED_TX tx = { 0 };
	if (!tx_begin_read(&tx, record, err) || !sql_get_text(&record->sql, text, SQL(sql_int(now)),
							ret_path, RECORD_BACKUP_PATH, err))
		return false;
	*ret_found = ret_path[0] != 0;
	return true;
}

bool record_backup_removed(
	struct record *record, const char *path, const char *why, struct err *err)
{
	static const char insert[] =
		"INSERT INTO backup_removed (path, at, why) VALUES (?1, ?2, ?3)";
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) &&
	       sql_run(&record->sql, insert,
		       SQL(sql_text(path), sql_int(clock_utc_ms()), sql_text(why)), err) &&
	       tx_commit(&tx, err);
}

bool record_backup_by_hash(struct record *record, const char *file_sha256,
	struct record_backup_file *ret, struct err *err)
{
	static const char text[] = "SELECT path, attempt_id, device_id FROM backup WHERE"
				   " file_sha256 = ?1 LIMIT 1";
	struct record_backup_file found = { 0 };
	bool row = false;
	SCOPED_TX tx = { 0 };
	SCOPED_QUERY query = { 0 };
	if (!tx_begin_read(&tx, record, err) ||
		!sql_query(&record->sql, text, SQL(sql_text(file_sha256)), &query, err) ||
		!sql_next(&query, &row, err))
		return false;
	if (row &&
		(!sql_column_copy(&query, 0, found.path, sizeof found.path, err) ||
			!sql_column_copy(
				&query, 1, found.attempt_id, sizeof found.attempt_id, err) ||
			!sql_column_copy(&query, 2, found.device_id, sizeof found.device_id, err)))
		return false;
	*ret = found;
	return true;
}
