/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: one run of a job, with the images it writes. */
#include "record_private.h"

#include <string.h>

#include "clock.h"

/* The only one of a job without stages. */
enum { FIRST_STAGE = 1 };

static bool insert_batch(
	struct record *record, const char *id, const struct record_batch *batch, struct err *err)
{
	static const char insert[] = "INSERT INTO batch (id, kind, job_name, job_text, "
				     "plan_sha256, family, family_sha256, config_sha256,"
				     " cloud, work_order, part_number, part_revision, operator, "
				     "station_id, software_version, quantity,"
				     " started_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
				     "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
	return sql_run(&record->sql, insert,
		SQL(sql_text(id), sql_text(batch->kind), sql_text(batch->job_name),
			sql_text(batch->job_text), sql_text(batch->plan_sha256),
			sql_text(batch->family), sql_text(batch->family_sha256),
			sql_text(batch->config_sha256), sql_text(batch->cloud),
			sql_text(batch->work_order), sql_text(batch->part_number),
			sql_text(batch->part_revision), sql_text(batch->operator_name),
			sql_name(record->station_id), sql_name(record->software_version),
			sql_int(batch->quantity), sql_int(clock_utc_ms())),
		err);
}

static bool insert_image(struct record *record, const char *batch_id,
	const struct record_image *image, struct err *err)
{
	static const char insert[] = "INSERT INTO batch_image (batch_id, stage, region, address,"
				     " file_name, version, platform_id, size, sha256)"
				     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
	return sql_run(&record->sql, insert,
		SQL(sql_text(batch_id), sql_int(FIRST_STAGE + image->stage), sql_text(image->region),
			sql_int(image->addr), sql_text(image->file_name),
			image->has_module ? sql_int(image->version) : sql_null(),
			image->has_module ? sql_int(image->platform_id) : sql_null(),
			sql_int(image->size), sql_text(image->sha256)),
		err);
}

bool record_batch_begin(struct record *record, const struct record_batch *batch,
	const struct record_image *images, size_t count, char ret_id[UUID_TEXT], struct err *err)
{
	char id[UUID_TEXT];
	SCOPED_TX tx = { 0 };
	if (!uuid_v7(id, err) || !tx_begin(&tx, record, err) ||
		!insert_batch(record, id, batch, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!insert_image(record, id, &images[i], err))
			return false;
	if (!tx_commit(&tx, err))
		return false;
	memcpy(ret_id, id, sizeof id);
	return true;
}

bool record_batch_end(
	struct record *record, const char *batch_id, const char *ended_by, struct err *err)
{
	static const char update[] =
		"UPDATE batch SET ended_at = ?2, ended_by = ?3 WHERE id = ?1 AND ended_at IS NULL";
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) &&
	       sql_run_one(&record->sql, update,
		       SQL(sql_text(batch_id), sql_int(clock_utc_ms()), sql_text(ended_by)),
		       "such open batch", err) &&
	       tx_commit(&tx, err);
}

bool record_line_stop(struct record *record, const char *batch_id, int64_t from_at, int64_t to_at,
	const char *why, struct err *err)
{
	static const char insert[] =
		"INSERT INTO line_stop (batch_id, from_at, to_at, why) VALUES (?1, ?2, ?3, ?4)";
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) &&
	       sql_run(&record->sql, insert,
		       SQL(sql_text(batch_id), sql_int(from_at), sql_int(to_at), sql_name(why)),
		       err) &&
	       tx_commit(&tx, err);
}

bool record_batch_made(struct record *record, const char *batch_id, uint32_t *ret, struct err *err)
{
	/* A job may do without device ids; then every attempt is a unit of its own. */
	static const char count[] =
		"SELECT count(DISTINCT coalesce(a.device_id, a.id)) FROM batch mine JOIN batch b"
		" ON b.id = mine.id OR (b.work_order = mine.work_order"
		" AND b.plan_sha256 IS mine.plan_sha256) JOIN attempt a ON a.batch_id = b.id"
		" WHERE mine.id = ?1 AND a.kind = 'provision' AND a.outcome IN ('PASS', 'HELD')";
	int64_t made;
	SCOPED_TX tx = { 0 };
	if (!tx_begin_read(&tx, record, err) ||
		!sql_get_int(&record->sql, count, SQL(sql_text(batch_id)), 0, &made, err))
		return false;
	*ret = (uint32_t)made;
	return true;
}
