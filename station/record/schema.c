/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, and how an older database becomes a newer one. docs/database.md says
 * what the columns mean. */
#include "record_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "sums.h"

/* "STN1" in the header of the file, so that `file` and we know whose it is. */
#define APPLICATION_ID "1398033969"

#define HEX(column, digits) \
	"CHECK (length(" column ") = " digits " AND " column " NOT GLOB '*[^0-9a-f]*')"
#define NEVER(table, what, when, text) \
	"CREATE TRIGGER " table "_" what " " when " ON " table " BEGIN SELECT RAISE(ABORT, '" text \
	"'); END;\n"
#define KEPT(table) NEVER(table, "is_kept", "BEFORE DELETE", table " rows are never deleted")
#define CONSTANT(table) NEVER(table, "is_constant", "BEFORE UPDATE", table " rows never change")
/* Against INSERT OR REPLACE, which deletes the row in the way without asking the
 * trigger for deletions. */
#define NOT_TWICE(table, same) \
	"CREATE TRIGGER " table "_not_twice BEFORE INSERT ON " table \
	" WHEN EXISTS (SELECT 1 FROM " table " WHERE " same \
	") BEGIN SELECT RAISE(ABORT, 'this " table " row exists'); END;\n"
/* Rows that belong to an attempt come while it is open. */
#define WHILE_OPEN(table) \
	"CREATE TRIGGER " table "_while_open BEFORE INSERT ON " table \
	" WHEN (SELECT ended_at FROM attempt" \
	" WHERE id = NEW.attempt_id) IS NOT NULL BEGIN SELECT RAISE(ABORT, 'the attempt is " \
	"finished'); END;\n"

static const char tables_batch[] =
	"CREATE TABLE meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT;\n"
	"CREATE TABLE batch (\n"
	"  id TEXT PRIMARY KEY NOT NULL,\n"
	"  kind TEXT NOT NULL CHECK (kind IN ('provision', 'reprovision', 'verify', 'diagnose', "
	"'restore')),\n"
	"  job_name TEXT, job_text TEXT,\n"
	"  plan_sha256 TEXT " HEX("plan_sha256",
		"64") ",\n"
		      "  family TEXT, family_sha256 TEXT, config_sha256 TEXT,\n"
		      "  cloud TEXT, work_order TEXT, part_number TEXT, part_revision TEXT, "
		      "operator TEXT,\n"
		      "  station_id TEXT NOT NULL, software_version TEXT NOT NULL,\n"
		      "  quantity INTEGER NOT NULL CHECK (quantity >= 0),\n"
		      "  started_at INTEGER NOT NULL, ended_at INTEGER,\n"
		      "  ended_by TEXT CHECK (ended_by IN ('done', 'quantity', 'operator', 'rule', "
		      "'store', 'bus', 'died')),\n"
		      "  CHECK ((ended_at IS NULL) = (ended_by IS NULL))\n"
		      ") STRICT;\n"
		      "CREATE INDEX batch_work_order ON batch (work_order);\n"
		      "CREATE TABLE batch_image (\n"
		      "  batch_id TEXT NOT NULL REFERENCES batch (id),\n"
		      "  stage INTEGER NOT NULL CHECK (stage >= 1),\n"
		      "  region TEXT NOT NULL, address INTEGER NOT NULL, file_name TEXT,\n"
		      "  version INTEGER, platform_id INTEGER,\n"
		      "  size INTEGER NOT NULL, sha256 TEXT NOT NULL " HEX("sha256",
			      "64") ",\n"
				    "  PRIMARY KEY (batch_id, stage, region)\n"
				    ") STRICT;\n"
				    "CREATE TABLE line_stop (\n"
				    "  id INTEGER PRIMARY KEY, batch_id TEXT NOT NULL REFERENCES "
				    "batch (id),\n"
				    "  from_at INTEGER NOT NULL, to_at INTEGER, why TEXT NOT NULL\n"
				    ") STRICT;\n"
				    "CREATE TABLE unit_mark (\n"
				    "  id INTEGER PRIMARY KEY, device_id TEXT NOT NULL " HEX(
					    "device_id",
					    "24") ",\n"
						  "  mark TEXT NOT NULL CHECK (mark IN ('scrap', "
						  "'quarantine', 'released', 'needs-repair')),\n"
						  "  note TEXT, operator TEXT, at INTEGER NOT "
						  "NULL,\n"
						  "  passage INTEGER NOT NULL CHECK (passage >= "
						  "0)\n"
						  ") STRICT;\n"
						  "CREATE INDEX unit_mark_device ON unit_mark "
						  "(device_id);\n";

static const char tables_attempt[] =
	"CREATE TABLE attempt (\n"
	"  id TEXT PRIMARY KEY NOT NULL,\n"
	"  batch_id TEXT REFERENCES batch (id),\n"
	"  kind TEXT NOT NULL CHECK (kind IN ('provision', 'reprovision', 'verify', 'diagnose', "
	"'restore')),\n"
	"  arrived_at INTEGER NOT NULL, slot TEXT, usb_path TEXT, usb_serial TEXT,\n"
	"  device_id TEXT " HEX("device_id",
		"24") ",\n"
		      "  device_id_source TEXT, passage INTEGER CHECK (passage >= 1),\n"
		      "  previous_attempt_id TEXT REFERENCES attempt (id),\n"
		      "  bootloader_version TEXT, key_fingerprint TEXT REFERENCES device_key"
		      " (fingerprint),\n"
		      "  operator TEXT, started_at INTEGER NOT NULL, ended_at INTEGER, final_at"
		      " INTEGER,\n"
		      "  outcome TEXT CHECK (outcome IN ('PASS', 'HELD', 'FAIL', 'SKIPPED',"
		      " 'REFUSED', 'ABORTED', 'INTERRUPTED')),\n"
		      "  reason TEXT, cause TEXT CHECK (cause IN"
		      " ('unit', 'handling', 'station', 'service', 'job')),\n"
		      "  detail TEXT,\n"
		      "  CHECK ((device_id IS NULL) = (passage IS NULL)),\n"
		      "  CHECK ((ended_at IS NULL) = (outcome IS NULL)),\n"
		      "  CHECK ((final_at IS NULL) = (outcome IS NULL OR outcome = 'HELD')),\n"
		      "  CHECK (outcome IS NULL OR (outcome = 'PASS') = (reason IS NULL))\n"
		      ") STRICT;\n"
		      "CREATE UNIQUE INDEX attempt_open ON attempt (device_id)"
		      " WHERE ended_at IS NULL;\n"
		      "CREATE UNIQUE INDEX attempt_passage ON attempt (device_id, passage)"
		      " WHERE device_id IS NOT NULL;\n"
		      "CREATE INDEX attempt_batch ON attempt (batch_id);\n"
		      "CREATE INDEX attempt_live ON attempt (outcome) WHERE outcome IS NULL"
		      " OR outcome = 'HELD';\n"
		      "CREATE TABLE attempt_identity (\n"
		      "  attempt_id TEXT NOT NULL REFERENCES attempt (id),\n"
		      "  kind TEXT NOT NULL CHECK (kind IN ('usb-serial', 'dct', 'listening',"
		      " 'scan', 'board-serial', 'rma')),\n"
		      "  value TEXT NOT NULL,\n"
		      "  PRIMARY KEY (attempt_id, kind, value)\n"
		      ") STRICT, WITHOUT ROWID;\n"
		      "CREATE TABLE observation (\n"
		      "  attempt_id TEXT NOT NULL REFERENCES attempt (id), seq INTEGER NOT NULL,\n"
		      "  name TEXT NOT NULL, value TEXT,\n"
		      "  PRIMARY KEY (attempt_id, seq)\n"
		      ") STRICT, WITHOUT ROWID;\n"
		      "CREATE TABLE step (\n"
		      "  attempt_id TEXT NOT NULL REFERENCES attempt (id), seq INTEGER NOT NULL"
		      " CHECK (seq >= 1),\n"
		      "  name TEXT NOT NULL, try INTEGER NOT NULL CHECK (try >= 1),\n"
		      "  started_at INTEGER NOT NULL, ended_at INTEGER,\n"
		      "  outcome TEXT CHECK (outcome IN ('PASS', 'FAIL', 'SKIPPED', 'ABORTED',"
		      " 'INTERRUPTED')),\n"
		      "  reason TEXT, detail TEXT,\n"
		      "  PRIMARY KEY (attempt_id, seq),\n"
		      "  CHECK ((ended_at IS NULL) = (outcome IS NULL))\n"
		      ") STRICT, WITHOUT ROWID;\n"
		      "CREATE TABLE finding (\n"
		      "  attempt_id TEXT NOT NULL REFERENCES attempt (id), seq INTEGER NOT NULL"
		      " CHECK (seq >= 1),\n"
		      "  subject TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN"
		      " ('good', 'note', 'fault', 'unknown')),\n"
		      "  reason TEXT, detail TEXT,\n"
		      "  PRIMARY KEY (attempt_id, seq)\n"
		      ") STRICT, WITHOUT ROWID;\n"
		      "CREATE TABLE backup (\n"
		      "  id TEXT PRIMARY KEY NOT NULL, attempt_id TEXT NOT NULL REFERENCES attempt"
		      " (id),\n"
		      "  device_id TEXT, at INTEGER NOT NULL, region TEXT NOT NULL, alt INTEGER,"
		      " address INTEGER,\n"
		      "  size INTEGER NOT NULL, sha256 TEXT NOT NULL " HEX(
			      "sha256", "64") ",\n"
					      "  path TEXT NOT NULL, file_sha256 TEXT, recipients "
					      "TEXT, operator TEXT, note TEXT\n"
					      ") STRICT;\n"
					      "CREATE INDEX backup_device ON backup (device_id);\n";

static const char tables_key[] =
	"CREATE TABLE device_key (\n"
	"  fingerprint TEXT PRIMARY KEY NOT NULL " HEX("fingerprint",
		"64") ",\n"
		      "  device_id TEXT " HEX("device_id",
			      "24") ",\n"
				    "  attempt_id TEXT REFERENCES attempt (id),\n"
				    "  algorithm TEXT NOT NULL, public_key_pem TEXT NOT NULL,\n"
				    "  state TEXT NOT NULL CHECK (state IN"
				    " ('intended', 'on-device', 'enrolled', 'superseded',"
				    " 'abandoned')),\n"
				    "  intended_at INTEGER, on_device_at INTEGER, enrolled_at"
				    " INTEGER, retired_at INTEGER,\n"
				    "  enrol_proof TEXT CHECK (enrol_proof IN"
				    " ('acknowledged', 'read-back')),\n"
				    "  CHECK ((enrolled_at IS NULL) = (enrol_proof IS NULL)),\n"
				    "  CHECK (state <> 'enrolled' OR (enrolled_at IS NOT NULL"
				    " AND on_device_at IS NOT NULL)),\n"
				    "  CHECK (state <> 'on-device' OR on_device_at IS NOT NULL),\n"
				    "  CHECK ((state IN ('superseded', 'abandoned')) = (retired_at"
				    " IS NOT NULL))\n"
				    ") STRICT;\n"
				    "CREATE INDEX device_key_device ON device_key (device_id);\n"
				    "CREATE TABLE outbox (\n"
				    "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
				    "  attempt_id TEXT NOT NULL REFERENCES attempt (id),\n"
				    "  device_id TEXT NOT NULL, fingerprint TEXT NOT NULL"
				    " REFERENCES device_key (fingerprint),\n"
				    "  cloud TEXT NOT NULL,\n"
				    "  state TEXT NOT NULL CHECK (state IN"
				    " ('due', 'in-flight', 'acknowledged', 'refused', 'closed')),\n"
				    "  tries INTEGER NOT NULL CHECK (tries >= 0), next_at INTEGER,"
				    " last_error TEXT,\n"
				    "  http_status INTEGER, done_at INTEGER,\n"
				    "  CHECK ((state IN ('due', 'in-flight')) = (done_at IS"
				    " NULL))\n"
				    ") STRICT;\n"
				    "CREATE UNIQUE INDEX outbox_live ON outbox (device_id)"
				    " WHERE state IN ('due', 'in-flight');\n"
				    "CREATE INDEX outbox_attempt ON outbox (attempt_id);\n"
				    "CREATE TABLE seal (\n"
				    "  seq INTEGER PRIMARY KEY CHECK (seq >= 1),\n"
				    "  attempt_id TEXT NOT NULL UNIQUE REFERENCES attempt (id),\n"
				    "  prev TEXT, hash TEXT NOT NULL UNIQUE " HEX(
					    "hash", "64") ",\n"
							  "  signature TEXT " HEX("signature",
								  "128") ", at INTEGER NOT NULL\n"
									 ") STRICT;\n";

static const char triggers_batch[] = KEPT("meta") KEPT("batch") KEPT("batch_image") KEPT(
	"line_stop") KEPT("unit_mark") CONSTANT("batch_image") CONSTANT("unit_mark") NOT_TWICE("bat"
											       "ch",
	"id = NEW.id") NOT_TWICE("unit_mark",
	"id = NEW.id") "CREATE TRIGGER meta_kind BEFORE UPDATE ON meta WHEN OLD.key = 'virtual' OR "
		       "NEW.key <> OLD.key"
		       " BEGIN SELECT RAISE(ABORT, 'a database stays virtual or real'); "
		       "END;\n" NOT_TWICE("meta",
			       "key = NEW.key") "CREATE TRIGGER batch_ends_once BEFORE UPDATE ON "
						"batch WHEN OLD.ended_at IS NOT NULL"
						" BEGIN SELECT RAISE(ABORT, 'the batch has"
						" ended'); END;\n"
						"CREATE TRIGGER batch_stays BEFORE UPDATE OF id,"
						" kind, job_name, job_text, plan_sha256, family,"
						" family_sha256, config_sha256, cloud, work_order,"
						" part_number, part_revision, operator,"
						" station_id, software_version, quantity,"
						" started_at ON batch"
						" BEGIN SELECT RAISE(ABORT, 'of a batch only its"
						" end is written later'); END;\n"
						"CREATE TRIGGER batch_image_first BEFORE INSERT"
						" ON batch_image WHEN EXISTS (SELECT 1 FROM attempt"
						" WHERE batch_id = NEW.batch_id)"
						" BEGIN SELECT RAISE(ABORT, 'the batch has"
						" attempts already'); END;\n"
						"CREATE TRIGGER line_stop_ends_once BEFORE UPDATE"
						" ON line_stop WHEN OLD.to_at IS NOT NULL"
						" OR (NEW.id, NEW.batch_id, NEW.from_at, NEW.why)"
						" IS NOT (OLD.id, OLD.batch_id, OLD.from_at,"
						" OLD.why)"
						" BEGIN SELECT RAISE(ABORT, 'of a stop only its"
						" end is written later'); END;\n";

static const char triggers_attempt[] = KEPT("attempt") KEPT("attempt_identity") KEPT("observation")
	KEPT("step") KEPT("finding") KEPT("backup") CONSTANT("attempt_identity") CONSTANT(
		"observation") CONSTANT("finding") CONSTANT("backup") WHILE_OPEN("attempt_identity")
		WHILE_OPEN("observation") WHILE_OPEN("step") WHILE_OPEN("finding") NOT_TWICE(
			"attempt", "id = NEW.id") NOT_TWICE("observation",
			"attempt_id = NEW.attempt_id AND seq = NEW.seq") NOT_TWICE("step",
			"attempt_id = NEW.attempt_id AND seq = NEW.seq") NOT_TWICE("backup",
			"id = NEW.id") "CREATE TRIGGER attempt_begins_open BEFORE INSERT ON "
				       "attempt WHEN NEW.ended_at IS NOT NULL"
				       " BEGIN SELECT RAISE(ABORT, 'an attempt begins open');"
				       " END;\n"
				       "CREATE TRIGGER attempt_stays BEFORE UPDATE OF id,"
				       " batch_id, kind, arrived_at, slot, usb_path, usb_serial,"
				       " operator, started_at ON attempt"
				       " BEGIN SELECT RAISE(ABORT, 'how an attempt began does not"
				       " change'); END;\n"
				       "CREATE TRIGGER attempt_device_once BEFORE UPDATE OF"
				       " device_id, device_id_source, passage, previous_attempt_id"
				       " ON attempt WHEN OLD.device_id IS NOT NULL"
				       " BEGIN SELECT RAISE(ABORT, 'the device id is set once');"
				       " END;\n"
				       "CREATE TRIGGER attempt_finished BEFORE UPDATE ON attempt"
				       " WHEN OLD.ended_at IS NOT NULL"
				       " AND NOT (OLD.outcome = 'HELD' AND NEW.outcome IN"
				       " ('PASS', 'FAIL'))"
				       " BEGIN SELECT RAISE(ABORT, 'a finished attempt does not"
				       " change'); END;\n"
				       "CREATE TRIGGER attempt_held BEFORE UPDATE OF device_id,"
				       " device_id_source, passage, previous_attempt_id,"
				       " bootloader_version, key_fingerprint, ended_at ON attempt"
				       " WHEN OLD.ended_at IS NOT NULL"
				       " BEGIN SELECT RAISE(ABORT, 'of a held attempt only the"
				       " outcome changes'); END;\n"
				       "CREATE TRIGGER attempt_pass_enrolled BEFORE UPDATE OF"
				       " outcome ON attempt WHEN NEW.outcome = 'PASS' AND EXISTS"
				       " (SELECT 1 FROM outbox WHERE attempt_id = NEW.id"
				       " AND state NOT IN ('acknowledged', 'closed'))"
				       " BEGIN SELECT RAISE(ABORT, 'PASS needs an acknowledged"
				       " enrolment'); END;\n"
				       "CREATE TRIGGER step_ends_once BEFORE UPDATE ON step"
				       " WHEN OLD.ended_at IS NOT NULL OR (SELECT ended_at"
				       " FROM attempt WHERE id = OLD.attempt_id) IS NOT NULL"
				       " BEGIN SELECT RAISE(ABORT, 'a finished step does not"
				       " change'); END;\n"
				       "CREATE TRIGGER step_stays BEFORE UPDATE OF attempt_id,"
				       " seq, name, try, started_at ON step"
				       " BEGIN SELECT RAISE(ABORT, 'how a step began does not"
				       " change'); END;\n";

static const char triggers_key[] = KEPT("device_key") KEPT("outbox") KEPT("seal") CONSTANT(
	"seal") NOT_TWICE("device_key", "fingerprint = NEW.fingerprint") NOT_TWICE("outbox",
	"id = NEW.id") "CREATE TRIGGER device_key_stays BEFORE UPDATE OF fingerprint, device_id, "
		       "attempt_id, algorithm, public_key_pem, intended_at ON device_key"
		       " BEGIN SELECT RAISE(ABORT, 'a key stays whose it is'); END;\n"
		       "CREATE TRIGGER outbox_stays BEFORE UPDATE OF id, attempt_id, device_id,"
		       " fingerprint, cloud ON outbox"
		       " BEGIN SELECT RAISE(ABORT, 'what is to be sent does not change'); END;\n"
		       "CREATE TRIGGER outbox_done BEFORE UPDATE OF state, tries, next_at, done_at"
		       " ON outbox WHEN OLD.done_at IS NOT NULL"
		       " BEGIN SELECT RAISE(ABORT, 'this enrolment is over'); END;\n"
		       "CREATE TRIGGER seal_chain BEFORE INSERT ON seal WHEN NEW.seq <>"
		       " (SELECT coalesce(max(seq), 0) + 1 FROM seal) OR NEW.prev IS NOT"
		       " (SELECT hash FROM seal ORDER BY seq DESC LIMIT 1)"
		       " BEGIN SELECT RAISE(ABORT, 'a seal continues the chain'); END;\n"
		       "CREATE TRIGGER seal_final BEFORE INSERT ON seal WHEN (SELECT final_at"
		       " FROM attempt WHERE id = NEW.attempt_id) IS NULL"
		       " BEGIN SELECT RAISE(ABORT, 'only a final outcome is sealed'); END;\n";

/* What leads from each version to the next; NULL ends a list. Version 0 is an empty file. A step
 * that was released is never edited: a new one is put behind it. */
static const char *const to_version_1[] = { "PRAGMA application_id = " APPLICATION_ID ";\n",
	tables_batch, tables_attempt, tables_key, triggers_batch, triggers_attempt, triggers_key,
	NULL };

/* What reports read. The columns say again what the steps and the key say, so that a report need
 * not read those; the index holds every column that figures take from an attempt. */
static const char figures_columns[] =
	"DROP TRIGGER attempt_finished;\n"
	"DROP TRIGGER attempt_held;\n"
	"DROP INDEX attempt_batch;\n"
	"ALTER TABLE attempt ADD COLUMN retries INTEGER CHECK (retries >= 0);\n"
	"ALTER TABLE attempt ADD COLUMN failed_step TEXT;\n"
	"ALTER TABLE attempt ADD COLUMN enrol_proof TEXT CHECK (enrol_proof IN ('acknowledged',"
	" 'read-back'));\n"
	"UPDATE attempt SET retries = (SELECT count(*) FROM step WHERE attempt_id = attempt.id AND"
	" try > 1), failed_step = CASE WHEN outcome IN ('FAIL', 'HELD') THEN (SELECT name FROM"
	" step WHERE attempt_id = attempt.id AND step.outcome = 'FAIL' ORDER BY seq DESC LIMIT 1)"
	" END,"
	" enrol_proof = CASE outcome WHEN 'PASS' THEN (SELECT enrol_proof FROM device_key WHERE"
	" fingerprint = attempt.key_fingerprint) END WHERE ended_at IS NOT NULL;\n"
	"CREATE INDEX attempt_figures ON attempt (batch_id, started_at, id, kind, arrived_at,"
	" ended_at, slot, device_id, outcome, reason, cause, operator, retries, failed_step,"
	" enrol_proof);\n"
	"CREATE INDEX device_key_retired ON device_key (attempt_id, state) WHERE retired_at IS NOT"
	" NULL;\n";
static const char figures_sums[] =
	"CREATE TABLE step_sum (\n"
	"  batch_id TEXT NOT NULL REFERENCES batch (id), hour INTEGER NOT NULL,\n"
	"  step TEXT NOT NULL, place INTEGER NOT NULL CHECK (place >= 1),\n"
	"  passed_first INTEGER NOT NULL CHECK (passed_first >= 0),\n"
	"  passed_later INTEGER NOT NULL CHECK (passed_later >= 0),\n"
	"  failed INTEGER NOT NULL CHECK (failed >= 0), tries INTEGER NOT NULL CHECK (tries >="
	" 1),\n"
	"  times BLOB NOT NULL, PRIMARY KEY (batch_id, hour, step)\n"
	") STRICT, WITHOUT ROWID;\n" KEPT("step_sum");
static const char figures_triggers[] =
	"CREATE TRIGGER attempt_finished BEFORE UPDATE ON attempt WHEN OLD.ended_at IS NOT NULL"
	" AND NOT (OLD.outcome = 'HELD' AND NEW.outcome IN ('PASS', 'FAIL'))"
	" BEGIN SELECT RAISE(ABORT, 'a finished attempt does not change'); END;\n"
	"CREATE TRIGGER attempt_held BEFORE UPDATE OF device_id, device_id_source, passage,"
	" previous_attempt_id, bootloader_version, key_fingerprint, ended_at, retries, failed_step"
	" ON attempt WHEN OLD.ended_at IS NOT NULL"
	" BEGIN SELECT RAISE(ABORT, 'of a held attempt only the outcome changes'); END;\n";
static const char *const to_version_2[] = { figures_columns, figures_sums, figures_triggers, NULL };

/* How long a backup is kept, and that its file is gone: rows stay, and never change. */
static const char backups_kept[] =
	"ALTER TABLE backup ADD COLUMN keep_until INTEGER;\n"
	"CREATE TABLE backup_removed (path TEXT PRIMARY KEY NOT NULL, at INTEGER NOT NULL,"
	" why TEXT NOT NULL) STRICT;\n" KEPT("backup_removed") CONSTANT("backup_removed")
		NOT_TWICE("backup_removed", "path = NEW.path");
static const char *const to_version_3[] = { backups_kept, NULL };

/* Who did by hand what a re-provisioning could not; the attempt is over by then. */
static const char cleared_by_hand[] =
	"CREATE TABLE unit_cleared (\n"
	"  id INTEGER PRIMARY KEY, attempt_id TEXT NOT NULL REFERENCES attempt (id),\n"
	"  device_id TEXT NOT NULL " HEX("device_id", "24") ",\n"
	"  note TEXT, operator TEXT, at INTEGER NOT NULL\n"
	") STRICT;\n"
	"CREATE INDEX unit_cleared_attempt ON unit_cleared (attempt_id);\n"
	KEPT("unit_cleared") CONSTANT("unit_cleared") NOT_TWICE("unit_cleared", "id = NEW.id");
static const char *const to_version_4[] = { cleared_by_hand, NULL };

/* Up to which rows of unit_mark and unit_cleared a seal covers what people and rules said of units; NULL:
 * its form is older. So a mark that is taken away, or changed, is seen. */
static const char seals_of_marks[] =
	"ALTER TABLE seal ADD COLUMN marks_to INTEGER;\n"
	"ALTER TABLE seal ADD COLUMN cleared_to INTEGER;\n"
	"CREATE TRIGGER seal_marks BEFORE INSERT ON seal WHEN NEW.marks_to IS NOT (SELECT"
	" coalesce(max(id), 0) FROM unit_mark) OR NEW.cleared_to IS NOT (SELECT coalesce(max(id),"
	" 0) FROM unit_cleared) BEGIN SELECT RAISE(ABORT, 'a seal covers all marks so far');"
	" END;\n";
/* Whether a key of the unit was enrolled when an attempt left it without PASS. */
static const char left_enrolled[] =
	"DROP TRIGGER attempt_finished;\n"
	"DROP INDEX attempt_figures;\n"
	"ALTER TABLE attempt ADD COLUMN left_enrolled INTEGER CHECK (left_enrolled = 1);\n"
	"UPDATE attempt SET left_enrolled = 1 WHERE outcome IN ('HELD', 'FAIL', 'ABORTED',"
	" 'INTERRUPTED') AND kind IN ('provision', 'reprovision', 'restore') AND EXISTS (SELECT 1"
	" FROM device_key WHERE device_id = attempt.device_id AND enrolled_at <="
	" attempt.ended_at AND coalesce(retired_at, attempt.ended_at) >= attempt.ended_at);\n"
	"CREATE INDEX attempt_figures ON attempt (batch_id, started_at, id, kind, arrived_at,"
	" ended_at, slot, device_id, outcome, reason, cause, operator, retries, failed_step,"
	" enrol_proof, left_enrolled);\n"
	"CREATE TRIGGER attempt_finished BEFORE UPDATE ON attempt WHEN OLD.ended_at IS NOT NULL"
	" AND NOT (OLD.outcome = 'HELD' AND NEW.outcome IN ('PASS', 'FAIL'))"
	" BEGIN SELECT RAISE(ABORT, 'a finished attempt does not change'); END;\n";
static const char *const to_version_5[] = { seals_of_marks, left_enrolled, NULL };

static const char *const *const migrations[] = { to_version_1, to_version_2, to_version_3,
	to_version_4, to_version_5 };

enum { SCHEMA_VERSION = sizeof migrations / sizeof *migrations, FIRST_WITH_SUMS = 2 };

static bool stored_version(struct record *record, int64_t *ret, struct err *err)
{
	static const char has_meta[] = "SELECT count(*) FROM sqlite_schema WHERE name = 'meta'";
	static const char version[] =
		"SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'schema_version'";
	int64_t tables;
	if (!sql_get_int(&record->sql, has_meta, SQL_NOTHING, 0, &tables, err))
		return false;
	*ret = 0;
	return !tables || sql_get_int(&record->sql, version, SQL_NOTHING, 0, ret, err);
}

bool schema_check(struct record *record, bool *ret_empty, struct err *err)
{
	int64_t objects, application, version = 0;
	if (!sql_get_int(&record->sql, "SELECT count(*) FROM sqlite_schema", SQL_NOTHING, 0,
		    &objects, err) ||
		!sql_get_int(
			&record->sql, "PRAGMA application_id", SQL_NOTHING, 0, &application, err))
		return false;
	*ret_empty = objects == 0;
	if (objects == 0)
		return true;
	if (application != strtoll(APPLICATION_ID, NULL, 10))
		return err_set(err, REASON_INPUT,
			"%s is a database of another program: choose another state folder",
			record->path);
	if (!stored_version(record, &version, err))
		return false;
	if (version < 1)
		return err_set(err, REASON_STORE,
			"%s does not say its schema version: restore a copy", record->path);
	if (version > SCHEMA_VERSION)
		return err_set(err, REASON_INPUT,
			"%s has schema version %lld, this program knows versions up to %d: use a "
			"newer program",
			record->path, (long long)version, (int)SCHEMA_VERSION);
	return true;
}

static bool migrate_from(struct sql *sql, int64_t version, struct err *err)
{
	for (const char *const *text = migrations[version]; *text; text++)
		if (!sql_script(sql, *text, err))
			return err_at(
				err, "migration from schema version %lld", (long long)version);
	return true;
}

bool schema_make(struct sql *sql, struct err *err)
{
	for (int64_t from = 0; from < SCHEMA_VERSION; from++)
		if (!migrate_from(sql, from, err))
			return false;
	return true;
}

static bool write_meta(struct record *record, bool fresh, struct err *err)
{
	static const char put[] = "INSERT INTO meta (key, value) VALUES (?1, ?2)";
	static const char set[] = "UPDATE meta SET value = ?2 WHERE key = ?1";
	char version[16];
	snprintf(version, sizeof version, "%d", (int)SCHEMA_VERSION);
	if (!sql_run(&record->sql, fresh ? put : set,
		    SQL(sql_text("schema_version"), sql_text(version)), err))
		return false;
	if (!fresh)
		return true;
	const char *kind = record->virtual_line ? "1" : "0";
	return sql_run(&record->sql, put, SQL(sql_text("station_id"), sql_text(record->station_id)),
		       err) &&
	       sql_run(&record->sql, put, SQL(sql_text("virtual"), sql_text(kind)), err);
}

static bool check_kind(struct record *record, struct err *err)
{
	int64_t stored;
	if (!sql_get_int(&record->sql,
		    "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'virtual'", SQL_NOTHING,
		    -1, &stored, err))
		return false;
	if (record->read_only || record->existing) {
		record->virtual_line = stored == 1;
		return true;
	}
	if (stored == (record->virtual_line ? 1 : 0))
		return true;
	return err_set(err, REASON_INPUT,
		"%s is the record of %s line, this is %s: choose another state folder",
		record->path, stored == 1 ? "a virtual" : "a real",
		record->virtual_line ? "a rehearsal" : "a real run");
}

bool schema_prepare(struct record *record, struct err *err)
{
	int64_t version;
	SCOPED_TX tx = { 0 };
	bool good =
		record->read_only ? tx_begin_read(&tx, record, err) : tx_begin(&tx, record, err);
	if (!good || !stored_version(record, &version, err))
		return false;
	if (version == SCHEMA_VERSION)
		return check_kind(record, err);
	if (record->read_only)
		return err_set(err, REASON_INPUT,
			"%s has the older schema version %lld: open it once with a command that "
			"writes",
			record->path, (long long)version);
	bool fresh = version == 0;
	for (int64_t from = version; from < SCHEMA_VERSION; from++)
		if (!migrate_from(&record->sql, from, err))
			return false;
	if (version < FIRST_WITH_SUMS && !sums_rebuild(record, err))
		return false;
	return write_meta(record, fresh, err) && check_kind(record, err) && tx_commit(&tx, err);
}
