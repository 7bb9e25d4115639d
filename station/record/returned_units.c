/* SPDX-License-Identifier: Apache-2.0 */
/* Findings, and what the database knows of what a unit may carry. */
#include "returned_units.h"

#include <stdio.h>

#include "record_private.h"

bool record_finding(struct record *record, const char *attempt_id, const char *subject,
	const char *state, const char *code, const char *detail, struct err *err)
{
	static const char insert[] =
		"INSERT INTO finding (attempt_id, seq, subject, state, reason, detail) SELECT ?1,"
		" (SELECT coalesce(max(seq), 0) + 1 FROM finding WHERE attempt_id = ?1),"
		" ?2, ?3, ?4, ?5";
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) &&
	       sql_run(&record->sql, insert,
		       SQL(sql_text(attempt_id), sql_text(subject), sql_text(state), sql_text(code),
			       sql_text(detail)),
		       err) &&
	       tx_commit(&tx, err);
}

/* The newest attempt that made the unit. */
#define MADE \
	"SELECT a.id FROM attempt a WHERE a.device_id = ?1 AND a.kind IN ('provision'," \
	" 'reprovision') AND a.outcome IN ('PASS', 'HELD') ORDER BY a.passage DESC LIMIT 1"

static void read_image(const struct sql_query *query, struct record_known_image *ret)
{
	const char *file = sql_column_text(query, 4), *job = sql_column_text(query, 5);
	const char *sha256 = sql_column_text(query, 3);
	*ret = (struct record_known_image){ .addr = (uint32_t)sql_column_int(query, 0, 0),
		.size = (uint32_t)sql_column_int(query, 1, 0),
		.version = (int)sql_column_int(query, 2, -1),
		.left_with = sql_column_int(query, 6, 0) != 0 };
	snprintf(ret->sha256, sizeof ret->sha256, "%s", sha256 ? sha256 : "");
	snprintf(ret->file_name, sizeof ret->file_name, "%s", file ? file : "");
	snprintf(ret->job_name, sizeof ret->job_name, "%s", job ? job : "");
}

bool record_known_images(struct record *record, const char *family, const char *region,
	const char *device_id, struct record_known_image *ret, size_t cap, size_t *ret_count,
	struct err *err)
{
	static const char text[] =
		"SELECT i.address, i.size, i.version, i.sha256, i.file_name, b.job_name,"
		" max(b.id IS (SELECT batch_id FROM attempt WHERE id = (" MADE ")) AND i.stage ="
		" (SELECT max(stage) FROM batch_image WHERE batch_id = b.id AND region = i.region))"
		" AS left_with,"
		" max(b.started_at) AS newest FROM batch_image i JOIN batch b ON b.id = i.batch_id"
		" WHERE i.region = ?2 AND b.family = ?3 AND b.kind <> 'verify'"
		" GROUP BY i.sha256, i.address, i.size ORDER BY left_with DESC, newest DESC";
	size_t count = 0;
	bool row = true;
	SCOPED_TX tx = { 0 };
	SCOPED_QUERY query = { 0 };
	if (!tx_begin_read(&tx, record, err) ||
		!sql_query(&record->sql, text,
			SQL(sql_text(device_id), sql_text(region), sql_text(family)), &query, err))
		return false;
	while (count < cap) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		read_image(&query, &ret[count++]);
	}
	*ret_count = count;
	return true;
}

static void take(const struct sql_query *query, int column, char *to, size_t cap)
{
	const char *text = sql_column_text(query, column);
	snprintf(to, cap, "%s", text ? text : "");
}

bool record_left_with(
	struct record *record, const char *device_id, struct record_left *ret, struct err *err)
{
	static const char made[] =
		"SELECT a.id, a.outcome, b.job_name, b.cloud, b.family, a.ended_at FROM attempt a"
		" LEFT JOIN batch b ON b.id = a.batch_id WHERE a.id = (" MADE ")";
	static const char enrolled[] =
		"SELECT fingerprint FROM device_key WHERE device_id = ?1 AND state = 'enrolled'"
		" ORDER BY enrolled_at DESC LIMIT 1";
	struct record_left left = { 0 };
	bool row = false;
	SCOPED_TX tx = { 0 };
	SCOPED_QUERY query = { 0 };
	if (!tx_begin_read(&tx, record, err) ||
		!sql_get_text(&record->sql, enrolled, SQL(sql_text(device_id)), left.enrolled,
			sizeof left.enrolled, err) ||
		!sql_query(&record->sql, made, SQL(sql_text(device_id)), &query, err) ||
		!sql_next(&query, &row, err))
		return false;
	if (row) {
		take(&query, 0, left.attempt_id, sizeof left.attempt_id);
		take(&query, 1, left.outcome, sizeof left.outcome);
		take(&query, 2, left.job_name, sizeof left.job_name);
		take(&query, 3, left.cloud, sizeof left.cloud);
		take(&query, 4, left.family, sizeof left.family);
		left.made_at = sql_column_int(&query, 5, 0);
	}
	*ret = left;
	return true;
}
