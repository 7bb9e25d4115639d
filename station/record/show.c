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

/* One reading: what one callback after the other is told. */
struct show {
	struct record *record;
	const struct show_reader *reader;
	struct err *err; /* where failed */
	bool failed;
	bool found; /* the unit is known */
};

/* Makes something of a row, for its callback. False: no more of anything. */
typedef bool tell_row(struct show *show, const struct sql_query *row);

/* Tells the rows of a statement about an id, one by one. False: a callback said that it is enough, or
 * show->failed. */
static bool each(struct show *show, const char *text, const char *id, tell_row *tell)
{
	bool row = false;
	SCOPED_QUERY query = { 0 };
	show->failed = !sql_query(&show->record->sql, text, SQL(sql_text(id)), &query, show->err);
	while (!show->failed) {
		show->failed = !sql_next(&query, &row, show->err);
		if (show->failed || !row)
			break;
		if (!tell(show, &query))
			return false;
	}
	return !show->failed;
}

/* --- what hangs on an attempt --- */

static bool tell_step(struct show *show, const struct sql_query *row)
{
	const struct show_step step = {
		.seq = sql_column_int(row, 0, -1),
		.try_number = sql_column_int(row, 1, -1),
		.started_at = sql_column_int(row, 2, -1),
		.ended_at = sql_column_int(row, 3, -1),
		.name = sql_column_text(row, 4),
		.outcome = sql_column_text(row, 5),
		.reason = sql_column_text(row, 6),
		.detail = sql_column_text(row, 7),
	};
	return show->reader->step(show->reader->context, &step);
}

static struct show_observation named_of(const struct sql_query *row)
{
	return (struct show_observation){ sql_column_text(row, 0), sql_column_text(row, 1) };
}

static bool tell_observation(struct show *show, const struct sql_query *row)
{
	const struct show_observation named = named_of(row);
	return show->reader->observation(show->reader->context, &named);
}

static bool tell_identity(struct show *show, const struct sql_query *row)
{
	const struct show_observation named = named_of(row);
	return show->reader->identity(show->reader->context, &named);
}

static bool tell_finding(struct show *show, const struct sql_query *row)
{
	const struct show_finding finding = { sql_column_text(row, 0), sql_column_text(row, 1),
		sql_column_text(row, 2), sql_column_text(row, 3) };
	return show->reader->finding(show->reader->context, &finding);
}

static bool tell_backup(struct show *show, const struct sql_query *row)
{
	const struct show_backup backup = {
		.path = sql_column_text(row, 0),
		.file_sha256 = sql_column_text(row, 1),
		.recipients = sql_column_text(row, 2),
		.removed_why = sql_column_text(row, 3),
		.at = sql_column_int(row, 4, -1),
		.keep_until = sql_column_int(row, 5, -1),
		.removed_at = sql_column_int(row, 6, -1),
		.bytes = sql_column_int(row, 7, -1),
		.pieces = sql_column_int(row, 8, -1),
	};
	return show->reader->backup(show->reader->context, &backup);
}

static struct show_mark mark_of(const struct sql_query *row)
{
	return (struct show_mark){ sql_column_text(row, 0), sql_column_text(row, 1),
		sql_column_text(row, 2), sql_column_int(row, 3, -1) };
}

static bool tell_cleared(struct show *show, const struct sql_query *row)
{
	const struct show_mark cleared = mark_of(row);
	return show->reader->cleared(show->reader->context, &cleared);
}

static bool show_details(struct show *show, const char *attempt_id)
{
	static const char steps[] =
		"SELECT seq, try, started_at, ended_at, name, outcome, reason, detail FROM step"
		" WHERE attempt_id = ?1 ORDER BY seq";
	static const char observations[] =
		"SELECT name, value FROM observation WHERE attempt_id = ?1 ORDER BY seq";
	static const char identities[] = "SELECT kind, value FROM attempt_identity WHERE"
					 " attempt_id = ?1 ORDER BY kind, value";
	static const char findings[] = "SELECT subject, state, reason, detail FROM finding"
				       " WHERE attempt_id = ?1 ORDER BY seq";
	static const char backups[] =
		"SELECT b.path, b.file_sha256, b.recipients, r.why, b.at, b.keep_until, r.at,"
		" sum(b.size), count(*) FROM backup b LEFT JOIN backup_removed r ON r.path = b.path"
		" WHERE b.attempt_id = ?1 GROUP BY b.path ORDER BY b.at, b.path";
	static const char cleared[] = "SELECT 'cleared', note, operator, at FROM unit_cleared"
				      " WHERE attempt_id = ?1 ORDER BY id";
	const struct show_reader *reader = show->reader;
	return each(show, steps, attempt_id, tell_step) &&
	       (!reader->observation || each(show, observations, attempt_id, tell_observation)) &&
	       (!reader->identity || each(show, identities, attempt_id, tell_identity)) &&
	       (!reader->finding || each(show, findings, attempt_id, tell_finding)) &&
	       (!reader->backup || each(show, backups, attempt_id, tell_backup)) &&
	       (!reader->cleared || each(show, cleared, attempt_id, tell_cleared));
}

/* --- attempts --- */

static struct show_attempt attempt_of(const struct sql_query *row)
{
	return (struct show_attempt){
		.id = sql_column_text(row, 0),
		.batch_id = sql_column_text(row, 1),
		.kind = sql_column_text(row, 2),
		.slot = sql_column_text(row, 3),
		.usb_path = sql_column_text(row, 4),
		.usb_serial = sql_column_text(row, 5),
		.device_id = sql_column_text(row, 6),
		.device_id_source = sql_column_text(row, 7),
		.bootloader_version = sql_column_text(row, 8),
		.key_fingerprint = sql_column_text(row, 9),
		.operator_name = sql_column_text(row, 10),
		.outcome = sql_column_text(row, 11),
		.reason = sql_column_text(row, 12),
		.cause = sql_column_text(row, 13),
		.detail = sql_column_text(row, 14),
		.job_name = sql_column_text(row, 15),
		.family = sql_column_text(row, 16),
		.plan_sha256 = sql_column_text(row, 17),
		.work_order = sql_column_text(row, 18),
		.passage = sql_column_int(row, 19, -1),
		.arrived_at = sql_column_int(row, 20, -1),
		.started_at = sql_column_int(row, 21, -1),
		.ended_at = sql_column_int(row, 22, -1),
		.final_at = sql_column_int(row, 23, -1),
		.seal_seq = sql_column_int(row, 24, -1),
		.seal_hash = sql_column_text(row, 25),
		.seal_at = sql_column_int(row, 26, -1),
		.seal_signature = sql_column_text(row, 27),
	};
}

static bool tell_attempt(struct show *show, const struct sql_query *row)
{
	const struct show_attempt attempt = attempt_of(row);
	show->found = true;
	return show->reader->attempt(show->reader->context, &attempt) &&
	       show_details(show, attempt.id);
}

static bool show_attempts(struct show *show, const struct name *name)
{
#define ATTEMPTS \
	"SELECT a.id, a.batch_id, a.kind, a.slot, a.usb_path, a.usb_serial, a.device_id, " \
	"a.device_id_source," \
	" a.bootloader_version, a.key_fingerprint, a.operator, a.outcome, a.reason, a.cause, " \
	"a.detail, b.job_name," \
	" b.family, b.plan_sha256, b.work_order, a.passage, a.arrived_at, a.started_at, " \
	"a.ended_at, a.final_at," \
	" s.seq, s.hash, s.at, s.signature FROM attempt a LEFT JOIN batch b ON b.id = a.batch_id LEFT JOIN seal s " \
	"ON s.attempt_id = a.id"
	static const char by_device[] = ATTEMPTS " WHERE a.device_id = ?1 ORDER BY a.passage";
	static const char by_id[] = ATTEMPTS " WHERE a.id = ?1";
	return each(show, name->is_device ? by_device : by_id, name->text, tell_attempt);
}

/* --- keys --- */

static bool tell_key(struct show *show, const struct sql_query *row)
{
	const struct show_key key = {
		.fingerprint = sql_column_text(row, 0),
		.attempt_id = sql_column_text(row, 1),
		.algorithm = sql_column_text(row, 2),
		.state = sql_column_text(row, 3),
		.enrol_proof = sql_column_text(row, 4),
		.intended_at = sql_column_int(row, 5, -1),
		.on_device_at = sql_column_int(row, 6, -1),
		.enrolled_at = sql_column_int(row, 7, -1),
		.retired_at = sql_column_int(row, 8, -1),
	};
	show->found = true;
	return show->reader->key(show->reader->context, &key);
}

static bool show_keys(struct show *show, const struct name *name)
{
#define KEYS \
	"SELECT fingerprint, attempt_id, algorithm, state, enrol_proof, intended_at, " \
	"on_device_at, enrolled_at, retired_at FROM device_key"
	static const char by_device[] =
		KEYS " WHERE device_id = ?1 ORDER BY intended_at, fingerprint";
	static const char by_attempt[] = KEYS " WHERE fingerprint = (SELECT key_fingerprint FROM "
					      "attempt WHERE id = ?1) OR attempt_id = ?1"
					      " ORDER BY intended_at, fingerprint";
	return each(show, name->is_device ? by_device : by_attempt, name->text, tell_key);
}

/* --- batches --- */

static bool tell_image(struct show *show, const struct sql_query *row)
{
	const struct show_image image = {
		.region = sql_column_text(row, 0),
		.file_name = sql_column_text(row, 1),
		.sha256 = sql_column_text(row, 2),
		.stage = sql_column_int(row, 3, -1),
		.address = sql_column_int(row, 4, -1),
		.size = sql_column_int(row, 5, -1),
		.version = sql_column_int(row, 6, -1),
		.platform_id = sql_column_int(row, 7, -1),
	};
	return show->reader->image(show->reader->context, &image);
}

static struct show_batch batch_of(const struct sql_query *row)
{
	return (struct show_batch){
		.id = sql_column_text(row, 0),
		.kind = sql_column_text(row, 1),
		.job_name = sql_column_text(row, 2),
		.plan_sha256 = sql_column_text(row, 3),
		.family = sql_column_text(row, 4),
		.cloud = sql_column_text(row, 5),
		.work_order = sql_column_text(row, 6),
		.part_number = sql_column_text(row, 7),
		.part_revision = sql_column_text(row, 8),
		.operator_name = sql_column_text(row, 9),
		.station_id = sql_column_text(row, 10),
		.software_version = sql_column_text(row, 11),
		.started_at = sql_column_int(row, 12, -1),
		.ended_at = sql_column_int(row, 13, -1),
	};
}

static bool tell_batch(struct show *show, const struct sql_query *row)
{
	static const char images[] =
		"SELECT region, file_name, sha256, stage, address, size, version,"
		" platform_id FROM batch_image WHERE batch_id = ?1"
		" ORDER BY stage, address, region";
	const struct show_batch batch = batch_of(row);
	return show->reader->batch(show->reader->context, &batch) &&
	       each(show, images, batch.id, tell_image);
}

static bool show_batches(struct show *show, const struct name *name)
{
#define BATCHES \
	"SELECT id, kind, job_name, plan_sha256, family, cloud, work_order, part_number, " \
	"part_revision, operator, station_id, software_version, started_at, ended_at FROM batch " \
	"WHERE id IN (SELECT batch_id FROM attempt WHERE "
	static const char by_device[] = BATCHES "device_id = ?1) ORDER BY started_at, id";
	static const char by_attempt[] = BATCHES "id = ?1)";
	return !show->reader->batch ||
	       each(show, name->is_device ? by_device : by_attempt, name->text, tell_batch);
}

/* --- marks --- */

static bool tell_mark(struct show *show, const struct sql_query *row)
{
	const struct show_mark mark = mark_of(row);
	show->found = true;
	return show->reader->mark(show->reader->context, &mark);
}

static bool show_marks(struct show *show, const struct name *name)
{
	static const char text[] =
		"SELECT mark, note, operator, at FROM unit_mark WHERE device_id = ?1 ORDER BY id";
	return !name->is_device || !show->reader->mark || each(show, text, name->text, tell_mark);
}

bool show_unit(struct record *record, const char *unit, const struct show_reader *reader,
	bool *ret_found, struct err *err)
{
	struct name name;
	struct show show = { .record = record, .reader = reader, .err = err };
	if (read_name(unit, &name)) {
		SCOPED_TX tx = { 0 };
		if (!tx_begin_read(&tx, record, err))
			return false;
		bool all = show_attempts(&show, &name) && show_keys(&show, &name) &&
			   show_batches(&show, &name) && show_marks(&show, &name);
		if (!all && show.failed)
			return false;
	}
	*ret_found = show.found;
	return true;
}
