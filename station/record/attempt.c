/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts: from arrival to outcome. */
#include "record_private.h"
#include "sums.h"

#include <string.h>

#include "bytes.h"
#include "clock.h"

bool is_device_id(const char *text)
{
	return text && strlen(text) == RECORD_DEVICE_ID - 1 &&
	       strspn(text, "0123456789abcdef") == RECORD_DEVICE_ID - 1;
}

/* --- the row --- */

bool attempt_load(
	struct record *record, const char *attempt_id, struct attempt *ret, struct err *err)
{
	static const char text[] =
		"SELECT a.id, a.kind, a.device_id, a.key_fingerprint, b.cloud, a.ended_at,"
		" a.outcome FROM attempt a LEFT JOIN batch b ON b.id = a.batch_id WHERE a.id = ?1";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text, SQL(sql_text(attempt_id)), &query, err) ||
		!sql_next(&query, &row, err))
		return false;
	if (!row)
		return err_set(
			err, REASON_BUG, "%s: there is no attempt %s", record->path, attempt_id);
	struct attempt attempt;
	if (!sql_column_copy(&query, 0, attempt.id, sizeof attempt.id, err) ||
		!sql_column_copy(&query, 1, attempt.kind, sizeof attempt.kind, err) ||
		!sql_column_copy(&query, 2, attempt.device_id, sizeof attempt.device_id, err) ||
		!sql_column_copy(&query, 3, attempt.fingerprint, sizeof attempt.fingerprint, err) ||
		!sql_column_copy(&query, 4, attempt.cloud, sizeof attempt.cloud, err))
		return false;
	attempt.ended = sql_column_text(&query, 5) != NULL;
	attempt.outcome = outcome_from_name(sql_column_text(&query, 6));
	*ret = attempt;
	return true;
}

bool attempt_load_open(
	struct record *record, const char *attempt_id, struct attempt *ret, struct err *err)
{
	if (!attempt_load(record, attempt_id, ret, err))
		return false;
	if (ret->ended)
		return err_set(err, REASON_BUG, "attempt %s has already ended %s", attempt_id,
			outcome_name(ret->outcome));
	return true;
}

/* --- beginning --- */

bool record_attempt_begin(struct record *record, const struct record_arrival *arrival,
	char ret_id[UUID_TEXT], struct err *err)
{
	static const char insert[] = "INSERT INTO attempt (id, batch_id, kind, arrived_at, slot,"
				     " usb_path, usb_serial, operator, started_at)"
				     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
	char id[UUID_TEXT];
	SCOPED_TX tx = { 0 };
	if (!uuid_v7(id, err) || !tx_begin(&tx, record, err) ||
		!sql_run(&record->sql, insert,
			SQL(sql_text(id), sql_text(arrival->batch_id), sql_text(arrival->kind),
				sql_int(arrival->arrived_at), sql_text(arrival->slot),
				sql_text(arrival->usb_path), sql_text(arrival->usb_serial),
				sql_text(arrival->operator_name), sql_int(clock_utc_ms())),
			err) ||
		!tx_commit(&tx, err))
		return false;
	memcpy(ret_id, id, sizeof id);
	return true;
}

bool record_attempt_identity(struct record *record, const char *attempt_id, const char *kind,
	const char *value, struct err *err)
{
	/* A source that is read again after a re-attach and says the same is one row. */
	static const char insert[] =
		"INSERT INTO attempt_identity (attempt_id, kind, value) VALUES (?1, ?2, ?3)"
		" ON CONFLICT DO NOTHING";
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) &&
	       sql_run(&record->sql, insert,
		       SQL(sql_text(attempt_id), sql_text(kind), sql_name(value)), err) &&
	       tx_commit(&tx, err);
}

/* Where another unit of this id is in work; "" if none is. */
static bool find_twin(
	struct record *record, const char *device_id, char *to, size_t cap, struct err *err)
{
	static const char text[] =
		"SELECT coalesce(slot, '?') FROM attempt WHERE device_id = ?1 AND ended_at IS NULL";
	return sql_get_text(&record->sql, text, SQL(sql_text(device_id)), to, cap, err);
}

/* Which of the two the record, the key and the label are of, nobody knows. In the same transaction
 * that found it, so that the other one cannot be PASS in between. */
static bool refuse_twin(struct tx *tx, const char *attempt_id, const char *device_id,
	const char *other_slot, struct err *err)
{
	static const char who[] = "SELECT operator FROM attempt WHERE id = ?1";
	char operator_name[128];
	struct err twin;
	err_set(&twin, REASON_DUPLICATE_ID,
		"the unit at slot %s, still in work, has the device id %s too", other_slot,
		device_id);
	if (!sql_get_text(&tx->record->sql, who, SQL(sql_text(attempt_id)), operator_name,
		    sizeof operator_name, err) ||
		!unit_quarantine(tx->record, device_id, REASON_DUPLICATE_ID, twin.text,
			operator_name, err) ||
		!tx_commit(tx, err))
		return false;
	*err = twin;
	return false;
}

static bool set_device(struct record *record, const char *attempt_id, const char *device_id,
	const char *source, unsigned *ret_passage, struct err *err)
{
	static const char last_passage[] = "SELECT max(passage) FROM attempt WHERE device_id = ?1";
	static const char update[] =
		"UPDATE attempt SET device_id = ?2, device_id_source = ?3, passage = ?4,"
		" previous_attempt_id = (SELECT id FROM attempt WHERE device_id = ?2"
		" AND passage = ?4 - 1) WHERE id = ?1";
	int64_t last;
	if (!sql_get_int(&record->sql, last_passage, SQL(sql_text(device_id)), 0, &last, err))
		return false;
	*ret_passage = (unsigned)last + 1;
	return sql_run(&record->sql, update,
		SQL(sql_text(attempt_id), sql_text(device_id), sql_text(source), sql_int(last + 1)),
		err);
}

static bool passage_of(
	struct record *record, const char *attempt_id, unsigned *ret, struct err *err)
{
	int64_t passage;
	if (!sql_get_int(&record->sql, "SELECT passage FROM attempt WHERE id = ?1",
		    SQL(sql_text(attempt_id)), 0, &passage, err))
		return false;
	*ret = (unsigned)passage;
	return true;
}

bool record_attempt_set_device(struct record *record, const char *attempt_id, const char *device_id,
	const char *source, unsigned *ret_passage, struct err *err)
{
	struct attempt attempt;
	unsigned passage;
	char twin_slot[64] = "";
	if (!is_device_id(device_id))
		return err_set(err, REASON_BUG,
			"'%s' is not a device id of 24 lower-case hex digits",
			device_id ? device_id : "");
	SCOPED_TX tx = { 0 };
	if (!tx_begin(&tx, record, err) || !attempt_load_open(record, attempt_id, &attempt, err))
		return false;
	if (attempt.device_id[0] && strcmp(attempt.device_id, device_id) != 0)
		return err_set(err, REASON_BUG,
			"attempt %s is of device id %s and cannot become %s", attempt_id,
			attempt.device_id, device_id);
	if (!attempt.device_id[0] &&
		!find_twin(record, device_id, twin_slot, sizeof twin_slot, err))
		return false;
	if (twin_slot[0])
		return refuse_twin(&tx, attempt_id, device_id, twin_slot, err);
	if (attempt.device_id[0]
			? !passage_of(record, attempt_id, &passage, err)
			: !set_device(record, attempt_id, device_id, source, &passage, err))
		return false;
	if (!tx_commit(&tx, err))
		return false;
	*ret_passage = passage;
	return true;
}

bool record_attempt_bootloader(
	struct record *record, const char *attempt_id, const char *version, struct err *err)
{
	static const char update[] =
		"UPDATE attempt SET bootloader_version = ?2 WHERE id = ?1 AND ended_at IS NULL";
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) &&
	       sql_run_one(&record->sql, update, SQL(sql_text(attempt_id), sql_text(version)),
		       "such open attempt", err) &&
	       tx_commit(&tx, err);
}

bool record_observe(struct record *record, const char *attempt_id, const char *name,
	const char *value, struct err *err)
{
	static const char insert[] =
		"INSERT INTO observation (attempt_id, seq, name, value) SELECT ?1,"
		" (SELECT coalesce(max(seq), 0) + 1 FROM observation"
		" WHERE attempt_id = ?1), ?2, ?3";
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) &&
	       sql_run(&record->sql, insert,
		       SQL(sql_text(attempt_id), sql_text(name), sql_text(value)), err) &&
	       tx_commit(&tx, err);
}

/* --- ending --- */

#define PROOF_OF(outcome) \
	"CASE " outcome " WHEN 'PASS' THEN (SELECT enrol_proof FROM device_key WHERE" \
	" fingerprint = attempt.key_fingerprint) END"

/* Some key of the unit is enrolled, though it is left without PASS: whoever gets it, the cloud lets it
 * in. Where nothing was done to the unit, what was said before still counts. */
#define LEFT_ENROLLED(outcome) \
	"CASE WHEN " outcome " IN ('HELD', 'FAIL', 'ABORTED', 'INTERRUPTED') AND kind IN" \
	" ('provision', 'reprovision', 'restore') AND EXISTS (SELECT 1 FROM device_key WHERE" \
	" device_id = attempt.device_id AND state = 'enrolled') THEN 1 END"

static bool close_parts(struct record *record, const struct attempt *attempt,
	const struct record_result *result, int64_t now, struct err *err)
{
	static const char steps[] = "UPDATE step SET ended_at = ?2, outcome = ?3, reason = ?4"
				    " WHERE attempt_id = ?1 AND ended_at IS NULL";
	static const char key[] = "UPDATE device_key SET state = 'abandoned', retired_at = ?2"
				  " WHERE fingerprint = ?1 AND state = 'intended'";
	static const char outbox[] =
		"UPDATE outbox SET state = 'closed', done_at = ?2, next_at = NULL"
		" WHERE attempt_id = ?1 AND state IN ('due', 'in-flight')";
	bool died = result->outcome == OUTCOME_INTERRUPTED;
	if (!sql_run(&record->sql, steps,
		    SQL(sql_text(attempt->id), sql_int(now),
			    sql_text(died ? "INTERRUPTED" : "ABORTED"),
			    sql_text(reason_info(result->reason)->code)),
		    err))
		return false;
	if (!sql_run(&record->sql, key, SQL(sql_text(attempt->fingerprint), sql_int(now)), err))
		return false;
	return result->outcome == OUTCOME_HELD ||
	       sql_run(&record->sql, outbox, SQL(sql_text(attempt->id), sql_int(now)), err);
}

bool attempt_close(struct record *record, const struct attempt *attempt,
	const struct record_result *result, struct err *err)
{
	static const char update[] =
		"UPDATE attempt SET ended_at = ?2, final_at = ?3, outcome = ?4, reason = ?5,"
		" cause = ?6, detail = ?7, enrol_proof = " PROOF_OF(
			"?4") ", left_enrolled = " LEFT_ENROLLED("?4") " WHERE id = ?1";
	const struct reason_info *info = reason_info(result->reason);
	bool final = result->outcome != OUTCOME_HELD;
	int64_t now = clock_utc_ms();
	if (!close_parts(record, attempt, result, now, err) ||
		!sums_attempt(record, attempt->id, result->outcome, err))
		return false;
	if (!sql_run(&record->sql, update,
		    SQL(sql_text(attempt->id), sql_int(now), final ? sql_int(now) : sql_null(),
			    sql_text(outcome_name(result->outcome)), sql_text(info->code),
			    sql_text(cause_name(info->cause)), sql_text(result->detail)),
		    err))
		return false;
	return !final || seal_attempt(record, attempt->id, err);
}

bool record_attempt_finish(struct record *record, const char *attempt_id,
	const struct record_result *result, struct err *err)
{
	struct attempt attempt;
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) && attempt_load_open(record, attempt_id, &attempt, err) &&
	       guard_finish(record, &attempt, result, err) &&
	       attempt_close(record, &attempt, result, err) && tx_commit(&tx, err);
}

/* --- HELD becomes final --- */

bool attempt_settle(struct record *record, const char *attempt_id, enum reason reason,
	const char *detail, struct err *err)
{
	static const char update[] =
		"UPDATE attempt SET outcome = ?2, reason = ?3, cause = ?4,"
		" detail = ?5, final_at = ?6, enrol_proof = " PROOF_OF(
			"?2") ", left_enrolled = " LEFT_ENROLLED("?2") " WHERE id = ?1";
	static const char outbox[] =
		"UPDATE outbox SET state = 'closed', done_at = ?2, next_at = NULL"
		" WHERE attempt_id = ?1 AND state IN ('due', 'in-flight')";
	const struct reason_info *info = reason_info(reason);
	enum outcome outcome = reason == REASON_NONE ? OUTCOME_PASS : OUTCOME_FAIL;
	int64_t now = clock_utc_ms();
	return sql_run(&record->sql, outbox, SQL(sql_text(attempt_id), sql_int(now)), err) &&
	       sql_run(&record->sql, update,
		       SQL(sql_text(attempt_id), sql_text(outcome_name(outcome)),
			       sql_text(info->code), sql_text(cause_name(info->cause)),
			       sql_text(detail), sql_int(now)),
		       err) &&
	       seal_attempt(record, attempt_id, err);
}

bool record_held_settle(struct record *record, const char *attempt_id, enum reason reason,
	const char *detail, struct err *err)
{
	struct attempt attempt;
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) && attempt_load(record, attempt_id, &attempt, err) &&
	       guard_settle(record, &attempt, reason, err) &&
	       attempt_settle(record, attempt_id, reason, detail, err) && tx_commit(&tx, err);
}
