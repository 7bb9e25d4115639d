/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include <ctype.h>
#include <string.h>

#include "record_private.h"

/* The unit's name as the tables have it. */
struct name {
	char text[UUID_TEXT];
	bool is_device;
};

static bool read_name(const char *unit, struct name *ret)
{
	size_t len = strlen(unit);
	if (len >= sizeof ret->text)
		return false;
	for (size_t i = 0; i <= len; i++)
		ret->text[i] = (char)tolower((unsigned char)unit[i]);
	ret->is_device = is_device_id(ret->text);
	return ret->is_device || len == UUID_TEXT - 1;
}

static bool show_steps(struct record *record, const char *attempt_id,
	const struct show_reader *reader, bool *ret_go, struct err *err)
{
	static const char text[] =
		"SELECT seq, try, started_at, ended_at, name, outcome, reason, detail FROM step"
		" WHERE attempt_id = ?1 ORDER BY seq";
	bool row = true;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text, SQL(sql_text(attempt_id)), &query, err))
		return false;
	while (*ret_go) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		struct show_step step = {
			.seq = sql_column_int(&query, 0, -1),
			.try_number = sql_column_int(&query, 1, -1),
			.started_at = sql_column_int(&query, 2, -1),
			.ended_at = sql_column_int(&query, 3, -1),
			.name = sql_column_text(&query, 4),
			.outcome = sql_column_text(&query, 5),
			.reason = sql_column_text(&query, 6),
			.detail = sql_column_text(&query, 7),
		};
		*ret_go = reader->step(reader->context, &step);
	}
	return true;
}

/* Names and values of an attempt. */
static bool show_named(struct record *record, const char *text, const char *attempt_id,
	bool (*tell)(void *context, const struct show_observation *named), void *context,
	bool *ret_go, struct err *err)
{
	bool row = true;
	SCOPED_QUERY query = { 0 };
	if (!tell)
		return true;
	if (!sql_query(&record->sql, text, SQL(sql_text(attempt_id)), &query, err))
		return false;
	while (*ret_go) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		struct show_observation named = { sql_column_text(&query, 0),
			sql_column_text(&query, 1) };
		*ret_go = tell(context, &named);
	}
	return true;
}

static bool show_findings(struct record *record, const char *attempt_id,
	const struct show_reader *reader, bool *ret_go, struct err *err)
{
	static const char text[] = "SELECT subject, state, reason, detail FROM finding"
				   " WHERE attempt_id = ?1 ORDER BY seq";
	bool row = true;
	SCOPED_QUERY query = { 0 };
	if (!reader->finding)
		return true;
	if (!sql_query(&record->sql, text, SQL(sql_text(attempt_id)), &query, err))
		return false;
	while (*ret_go) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		struct show_finding finding = { sql_column_text(&query, 0),
			sql_column_text(&query, 1), sql_column_text(&query, 2),
			sql_column_text(&query, 3) };
		*ret_go = reader->finding(reader->context, &finding);
	}
	return true;
}

static bool show_backups(struct record *record, const char *attempt_id,
	const struct show_reader *reader, bool *ret_go, struct err *err)
{
	static const char text[] =
		"SELECT b.path, b.file_sha256, b.recipients, r.why, b.at, b.keep_until, r.at,"
		" sum(b.size), count(*) FROM backup b LEFT JOIN backup_removed r ON r.path = b.path"
		" WHERE b.attempt_id = ?1 GROUP BY b.path ORDER BY b.at, b.path";
	bool row = true;
	SCOPED_QUERY query = { 0 };
	if (!reader->backup)
		return true;
	if (!sql_query(&record->sql, text, SQL(sql_text(attempt_id)), &query, err))
		return false;
	while (*ret_go) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		struct show_backup backup = { sql_column_text(&query, 0),
			sql_column_text(&query, 1), sql_column_text(&query, 2),
			sql_column_text(&query, 3), sql_column_int(&query, 4, -1),
			sql_column_int(&query, 5, -1), sql_column_int(&query, 6, -1),
			sql_column_int(&query, 7, -1), sql_column_int(&query, 8, -1) };
		*ret_go = reader->backup(reader->context, &backup);
	}
	return true;
}

/* Marks of a unit, or that an attempt's unit was cleared. */
static bool show_marked(struct record *record, const char *text, const char *id,
	bool (*tell)(void *context, const struct show_mark *mark), void *context, bool *ret_found,
	bool *ret_go, struct err *err)
{
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!tell)
		return true;
	if (!sql_query(&record->sql, text, SQL(sql_text(id)), &query, err))
		return false;
	while (*ret_go) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		*ret_found = true;
		struct show_mark mark = { sql_column_text(&query, 0), sql_column_text(&query, 1),
			sql_column_text(&query, 2), sql_column_int(&query, 3, -1) };
		*ret_go = tell(context, &mark);
	}
	return true;
}

/* What hangs on an attempt beside its steps. */
static bool show_details(struct record *record, const char *attempt_id,
	const struct show_reader *reader, bool *ret_go, struct err *err)
{
	static const char observations[] =
		"SELECT name, value FROM observation WHERE attempt_id = ?1 ORDER BY seq";
	static const char identities[] = "SELECT kind, value FROM attempt_identity WHERE"
					 " attempt_id = ?1 ORDER BY kind, value";
	static const char cleared[] = "SELECT 'cleared', note, operator, at FROM unit_cleared"
				      " WHERE attempt_id = ?1 ORDER BY id";
	bool found;
	return show_named(record, observations, attempt_id, reader->observation, reader->context,
		       ret_go, err) &&
	       show_named(record, identities, attempt_id, reader->identity, reader->context, ret_go,
		       err) &&
	       show_findings(record, attempt_id, reader, ret_go, err) &&
	       show_backups(record, attempt_id, reader, ret_go, err) &&
	       show_marked(record, cleared, attempt_id, reader->cleared, reader->context, &found,
		       ret_go, err);
}

static struct show_attempt attempt_of(const struct sql_query *query)
{
	return (struct show_attempt){
		.id = sql_column_text(query, 0),
		.batch_id = sql_column_text(query, 1),
		.kind = sql_column_text(query, 2),
		.slot = sql_column_text(query, 3),
		.usb_path = sql_column_text(query, 4),
		.usb_serial = sql_column_text(query, 5),
		.device_id = sql_column_text(query, 6),
		.device_id_source = sql_column_text(query, 7),
		.bootloader_version = sql_column_text(query, 8),
		.key_fingerprint = sql_column_text(query, 9),
		.operator_name = sql_column_text(query, 10),
		.outcome = sql_column_text(query, 11),
		.reason = sql_column_text(query, 12),
		.cause = sql_column_text(query, 13),
		.detail = sql_column_text(query, 14),
		.job_name = sql_column_text(query, 15),
		.family = sql_column_text(query, 16),
		.plan_sha256 = sql_column_text(query, 17),
		.work_order = sql_column_text(query, 18),
		.passage = sql_column_int(query, 19, -1),
		.arrived_at = sql_column_int(query, 20, -1),
		.started_at = sql_column_int(query, 21, -1),
		.ended_at = sql_column_int(query, 22, -1),
		.final_at = sql_column_int(query, 23, -1),
		.seal_seq = sql_column_int(query, 24, -1),
		.seal_hash = sql_column_text(query, 25),
		.seal_at = sql_column_int(query, 26, -1),
		.seal_signature = sql_column_text(query, 27),
	};
}

#define ATTEMPTS \
	"SELECT a.id, a.batch_id, a.kind, a.slot, a.usb_path, a.usb_serial, a.device_id, " \
	"a.device_id_source," \
	" a.bootloader_version, a.key_fingerprint, a.operator, a.outcome, a.reason, a.cause, " \
	"a.detail, b.job_name," \
	" b.family, b.plan_sha256, b.work_order, a.passage, a.arrived_at, a.started_at, " \
	"a.ended_at, a.final_at," \
	" s.seq, s.hash, s.at, s.signature FROM attempt a LEFT JOIN batch b ON b.id = a.batch_id LEFT JOIN seal s " \
	"ON s.attempt_id = a.id"

static bool show_attempts(struct record *record, const struct name *name,
	const struct show_reader *reader, bool *ret_found, bool *ret_go, struct err *err)
{
	static const char by_device[] = ATTEMPTS " WHERE a.device_id = ?1 ORDER BY a.passage";
	static const char by_id[] = ATTEMPTS " WHERE a.id = ?1";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, name->is_device ? by_device : by_id, SQL(sql_text(name->text)),
		    &query, err))
		return false;
	while (*ret_go) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		*ret_found = true;
		struct show_attempt attempt = attempt_of(&query);
		*ret_go = reader->attempt(reader->context, &attempt);
		if (!show_steps(record, attempt.id, reader, ret_go, err) ||
			!show_details(record, attempt.id, reader, ret_go, err))
			return false;
	}
	return true;
}

static bool show_keys(struct record *record, const struct name *name,
	const struct show_reader *reader, bool *ret_found, bool *ret_go, struct err *err)
{
#define KEYS \
	"SELECT fingerprint, attempt_id, algorithm, state, enrol_proof, intended_at, " \
	"on_device_at, enrolled_at," \
	" retired_at FROM device_key"
	static const char by_device[] =
		KEYS " WHERE device_id = ?1 ORDER BY intended_at, fingerprint";
	static const char by_attempt[] = KEYS " WHERE fingerprint = (SELECT key_fingerprint FROM "
					      "attempt WHERE id = ?1) OR attempt_id = ?1"
					      " ORDER BY intended_at, fingerprint";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, name->is_device ? by_device : by_attempt,
		    SQL(sql_text(name->text)), &query, err))
		return false;
	while (*ret_go) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		*ret_found = true;
		struct show_key key = {
			.fingerprint = sql_column_text(&query, 0),
			.attempt_id = sql_column_text(&query, 1),
			.algorithm = sql_column_text(&query, 2),
			.state = sql_column_text(&query, 3),
			.enrol_proof = sql_column_text(&query, 4),
			.intended_at = sql_column_int(&query, 5, -1),
			.on_device_at = sql_column_int(&query, 6, -1),
			.enrolled_at = sql_column_int(&query, 7, -1),
			.retired_at = sql_column_int(&query, 8, -1),
		};
		*ret_go = reader->key(reader->context, &key);
	}
	return true;
}

static bool show_images(struct record *record, const char *batch_id,
	const struct show_reader *reader, bool *ret_go, struct err *err)
{
	static const char text[] =
		"SELECT region, file_name, sha256, stage, address, size, version,"
		" platform_id FROM batch_image WHERE batch_id = ?1"
		" ORDER BY stage, address, region";
	bool row = true;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text, SQL(sql_text(batch_id)), &query, err))
		return false;
	while (*ret_go) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		struct show_image image = {
			.region = sql_column_text(&query, 0),
			.file_name = sql_column_text(&query, 1),
			.sha256 = sql_column_text(&query, 2),
			.stage = sql_column_int(&query, 3, -1),
			.address = sql_column_int(&query, 4, -1),
			.size = sql_column_int(&query, 5, -1),
			.version = sql_column_int(&query, 6, -1),
			.platform_id = sql_column_int(&query, 7, -1),
		};
		*ret_go = reader->image(reader->context, &image);
	}
	return true;
}

static struct show_batch batch_of(const struct sql_query *query)
{
	return (struct show_batch){
		.id = sql_column_text(query, 0),
		.kind = sql_column_text(query, 1),
		.job_name = sql_column_text(query, 2),
		.plan_sha256 = sql_column_text(query, 3),
		.family = sql_column_text(query, 4),
		.cloud = sql_column_text(query, 5),
		.work_order = sql_column_text(query, 6),
		.part_number = sql_column_text(query, 7),
		.part_revision = sql_column_text(query, 8),
		.operator_name = sql_column_text(query, 9),
		.station_id = sql_column_text(query, 10),
		.software_version = sql_column_text(query, 11),
		.started_at = sql_column_int(query, 12, -1),
		.ended_at = sql_column_int(query, 13, -1),
	};
}

static bool show_batches(struct record *record, const struct name *name,
	const struct show_reader *reader, bool *ret_go, struct err *err)
{
#define BATCHES \
	"SELECT id, kind, job_name, plan_sha256, family, cloud, work_order, part_number, " \
	"part_revision, operator, station_id, software_version, started_at, ended_at FROM batch " \
	"WHERE id IN (SELECT batch_id FROM attempt WHERE "
	static const char by_device[] = BATCHES "device_id = ?1) ORDER BY started_at, id";
	static const char by_attempt[] = BATCHES "id = ?1)";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!reader->batch)
		return true;
	if (!sql_query(&record->sql, name->is_device ? by_device : by_attempt,
		    SQL(sql_text(name->text)), &query, err))
		return false;
	while (*ret_go) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		struct show_batch batch = batch_of(&query);
		*ret_go = reader->batch(reader->context, &batch);
		if (!show_images(record, batch.id, reader, ret_go, err))
			return false;
	}
	return true;
}

static bool show_marks(struct record *record, const struct name *name,
	const struct show_reader *reader, bool *ret_found, bool *ret_go, struct err *err)
{
	static const char text[] =
		"SELECT mark, note, operator, at FROM unit_mark WHERE device_id = ?1 ORDER BY id";
	return !name->is_device || show_marked(record, text, name->text, reader->mark,
					   reader->context, ret_found, ret_go, err);
}

bool show_unit(struct record *record, const char *unit, const struct show_reader *reader,
	bool *ret_found, struct err *err)
{
	struct name name;
	bool found = false, go = true;
	if (read_name(unit, &name)) {
		SCOPED_TX tx = { 0 };
		if (!tx_begin_read(&tx, record, err) ||
			!show_attempts(record, &name, reader, &found, &go, err) ||
			!show_keys(record, &name, reader, &found, &go, err) ||
			!show_batches(record, &name, reader, &go, err) ||
			!show_marks(record, &name, reader, &found, &go, err))
			return false;
	}
	*ret_found = found;
	return true;
}
