/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of units that come back: found, begun, put back. */
#include "returned_units.h"

#include "clock.h"
#include "record_private.h"

/* In whatever state our record had it. */
static bool enrol_found(struct record *record, const struct attempt *attempt,
	const struct public_key *key, enum record_proof proof, int64_t now, struct err *err)
{
	static const char known[] =
		"SELECT count(*) FROM device_key WHERE fingerprint = ?1 AND device_id = ?2";
	static const char insert[] =
		"INSERT INTO device_key (fingerprint, device_id, attempt_id, algorithm,"
		" public_key_pem, state, on_device_at, enrolled_at, enrol_proof)"
		" VALUES (?1, ?2, NULL, ?3, ?4, 'enrolled', ?5, ?5, ?6)";
	static const char update[] =
		"UPDATE device_key SET state = 'enrolled', on_device_at = coalesce(on_device_at, ?2),"
		" enrolled_at = coalesce(enrolled_at, ?2), enrol_proof = coalesce(enrol_proof, ?3),"
		" retired_at = NULL WHERE fingerprint = ?1";
	struct sql_value how = sql_text(proof == PROOF_READ_BACK ? "read-back" : "acknowledged");
	int64_t count;
	if (!sql_get_int(&record->sql, known,
		    SQL(sql_text(key->fingerprint), sql_text(attempt->device_id)), 0, &count, err))
		return false;
	if (count)
		return sql_run_one(&record->sql, update,
			SQL(sql_text(key->fingerprint), sql_int(now), how), "such key", err);
	return sql_run(&record->sql, insert,
		SQL(sql_text(key->fingerprint), sql_text(attempt->device_id),
			sql_text(key_algorithm_name(key->algorithm)), sql_text(key->pem),
			sql_int(now), how),
		err);
}

bool record_key_adopt(struct record *record, const char *attempt_id, const struct public_key *key,
	enum record_proof proof, struct err *err)
{
	static const char older[] = "UPDATE device_key SET state = CASE state"
				    " WHEN 'intended' THEN 'abandoned' ELSE 'superseded' END,"
				    " retired_at = ?2 WHERE device_id = ?1 AND fingerprint <> ?3"
				    " AND state IN ('intended', 'on-device', 'enrolled')";
	static const char tell[] =
		"INSERT INTO observation (attempt_id, seq, name, value) SELECT ?1, (SELECT"
		" coalesce(max(seq), 0) + 1 FROM observation WHERE attempt_id = ?1), ?2, ?3";
	struct attempt attempt;
	int64_t now = clock_utc_ms();
	SCOPED_TX tx = { 0 };
	if (!tx_begin(&tx, record, err) || !attempt_load_open(record, attempt_id, &attempt, err))
		return false;
	if (!attempt.device_id[0])
		return err_set(err, REASON_BUG,
			"attempt %s cannot find a key: its device id is not known", attempt_id);
	return sql_run(&record->sql, older,
		       SQL(sql_text(attempt.device_id), sql_int(now), sql_text(key->fingerprint)),
		       err) &&
	       enrol_found(record, &attempt, key, proof, now, err) &&
	       sql_run(&record->sql, tell,
		       SQL(sql_text(attempt_id), sql_text(RECORD_KEY_ADOPTED),
			       sql_text(key->fingerprint)),
		       err) &&
	       tx_commit(&tx, err);
}

bool record_key_begun(struct record *record, const char *device_id, const char *fingerprint,
	bool *ret, struct err *err)
{
	static const char text[] =
		"SELECT count(*) FROM device_key k JOIN attempt maker ON maker.id = k.attempt_id"
		" WHERE k.fingerprint = ?1 AND k.device_id = ?2 AND maker.outcome = 'INTERRUPTED'"
		" AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.key_fingerprint = ?1"
		" AND a.outcome IN ('PASS', 'HELD')) AND NOT EXISTS (SELECT 1 FROM outbox o WHERE"
		" o.fingerprint = ?1 AND o.state = 'refused')";
	int64_t count;
	SCOPED_TX tx = { 0 };
	if (!tx_begin_read(&tx, record, err) ||
		!sql_get_int(&record->sql, text, SQL(sql_text(fingerprint), sql_text(device_id)), 0,
			&count, err))
		return false;
	*ret = count > 0;
	return true;
}

bool record_key_put_back(struct record *record, const char *attempt_id, const char *on_unit,
	const char *enrolled, struct err *err)
{
	static const char outbox[] =
		"UPDATE outbox SET state = 'closed', done_at = ?2, next_at = NULL"
		" WHERE attempt_id = ?1 AND state = 'due'";
	static const char abandon[] = "UPDATE device_key SET state = 'abandoned', retired_at = ?2"
				      " WHERE fingerprint = ?1";
	static const char enrol[] =
		"UPDATE device_key SET state = 'enrolled', retired_at = NULL"
		" WHERE fingerprint = ?1 AND device_id = ?2 AND enrolled_at IS NOT NULL";
	static const char stands[] =
		"UPDATE device_key SET state = 'on-device', retired_at = NULL WHERE fingerprint ="
		" ?1 AND device_id = ?2 AND on_device_at IS NOT NULL AND ?3 IS NULL";
	struct attempt attempt;
	int64_t now = clock_utc_ms();
	SCOPED_TX tx = { 0 };
	if (!tx_begin(&tx, record, err) || !attempt_load_open(record, attempt_id, &attempt, err))
		return false;
	return sql_run(&record->sql, outbox, SQL(sql_text(attempt_id), sql_int(now)), err) &&
	       sql_run(&record->sql, abandon, SQL(sql_text(attempt.fingerprint), sql_int(now)),
		       err) &&
	       sql_run(&record->sql, enrol, SQL(sql_text(enrolled), sql_text(attempt.device_id)),
		       err) &&
	       sql_run(&record->sql, stands,
		       SQL(sql_text(on_unit), sql_text(attempt.device_id), sql_text(enrolled)),
		       err) &&
	       tx_commit(&tx, err);
}
