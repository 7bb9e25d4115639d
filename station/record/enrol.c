/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of units and the outbox of their enrolment. */
#include "record_private.h"

#include <string.h>

#include "clock.h"

/* --- keys --- */

enum owner { OWNER_NONE, OWNER_SAME, OWNER_OTHER };

/* Whether the fingerprint is new, known for this device, or somebody else's ("" if that
 * one's id is not known). */
static bool find_owner(struct record *record, const struct attempt *attempt,
	const char *fingerprint, enum owner *ret, char ret_other[RECORD_DEVICE_ID], struct err *err)
{
	/* Without a device id, only the attempt that made a key may use it. */
	static const char text[] =
		"SELECT device_id, attempt_id FROM device_key WHERE fingerprint = ?1";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text, SQL(sql_text(fingerprint)), &query, err) ||
		!sql_next(&query, &row, err))
		return false;
	*ret = OWNER_NONE;
	if (!row)
		return true;
	const char *device_id = sql_column_text(&query, 0), *maker = sql_column_text(&query, 1);
	bool same = device_id ? strcmp(device_id, attempt->device_id) == 0
			      : maker && strcmp(maker, attempt->id) == 0;
	*ret = same ? OWNER_SAME : OWNER_OTHER;
	return sql_column_copy(&query, 0, ret_other, RECORD_DEVICE_ID, err);
}

/* A private key on two units: neither of them is proven by it any more. */
static bool refuse_shared_key(struct tx *tx, const struct attempt *attempt, const char *fingerprint,
	const char *other, struct err *err)
{
	static const char who[] = "SELECT operator FROM attempt WHERE id = ?1";
	const char *const ids[] = { attempt->device_id, other };
	char operator_name[128];
	struct err shared;
	err_set(&shared, REASON_DUPLICATE_KEY,
		"the key %.16s... belongs to device id %s, and was found on %s", fingerprint,
		other[0] ? other : "(unknown)",
		attempt->device_id[0] ? attempt->device_id : "(unknown)");
	if (!sql_get_text(&tx->record->sql, who, SQL(sql_text(attempt->id)), operator_name,
		    sizeof operator_name, err))
		return false;
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		if (ids[i][0] && !unit_quarantine(tx->record, ids[i], REASON_DUPLICATE_KEY,
					 shared.text, operator_name, err))
			return false;
	if (!tx_commit(tx, err))
		return false;
	*err = shared;
	return false;
}

/* False, and both units in quarantine, if it is another unit's. */
static bool check_owner(struct tx *tx, const struct attempt *attempt, const char *fingerprint,
	bool *ret_known, struct err *err)
{
	enum owner owner;
	char other[RECORD_DEVICE_ID];
	if (!find_owner(tx->record, attempt, fingerprint, &owner, other, err))
		return false;
	*ret_known = owner == OWNER_SAME;
	return owner != OWNER_OTHER || refuse_shared_key(tx, attempt, fingerprint, other, err);
}

static bool insert_key(struct record *record, const struct attempt *attempt,
	const struct public_key *key, struct err *err)
{
	static const char insert[] = "INSERT INTO device_key (fingerprint, device_id, attempt_id,"
				     " algorithm, public_key_pem, state, intended_at)"
				     " VALUES (?1, ?2, ?3, ?4, ?5, 'intended', ?6)";
	return sql_run(&record->sql, insert,
		SQL(sql_text(key->fingerprint), sql_text(attempt->device_id), sql_text(attempt->id),
			sql_text(key_algorithm_name(key->algorithm)), sql_text(key->pem),
			sql_int(clock_utc_ms())),
		err);
}

bool record_key_intended(struct record *record, const char *attempt_id,
	const struct public_key *key, struct err *err)
{
	static const char abandon[] =
		"UPDATE device_key SET state = 'abandoned', retired_at = ?3"
		" WHERE fingerprint = ?1 AND fingerprint <> ?2 AND state = 'intended'";
	static const char update[] = "UPDATE attempt SET key_fingerprint = ?2 WHERE id = ?1";
	struct attempt attempt;
	bool known;
	SCOPED_TX tx = { 0 };
	if (!tx_begin(&tx, record, err) || !attempt_load_open(record, attempt_id, &attempt, err) ||
		!check_owner(&tx, &attempt, key->fingerprint, &known, err) ||
		(!known && !insert_key(record, &attempt, key, err)))
		return false;
	/* A step that is tried again may come with another key than its first try. */
	return sql_run(&record->sql, abandon,
		       SQL(sql_text(attempt.fingerprint), sql_text(key->fingerprint),
			       sql_int(clock_utc_ms())),
		       err) &&
	       sql_run(&record->sql, update, SQL(sql_text(attempt_id), sql_text(key->fingerprint)),
		       err) &&
	       tx_commit(&tx, err);
}

bool record_key_known(struct record *record, const char *device_id, const char *fingerprint,
	bool *ret, struct err *err)
{
	static const char text[] =
		"SELECT count(*) FROM device_key WHERE fingerprint = ?1 AND device_id = ?2";
	int64_t count;
	SCOPED_TX tx = { 0 };
	if (!tx_begin_read(&tx, record, err) ||
		!sql_get_int(&record->sql, text, SQL(sql_text(fingerprint), sql_text(device_id)), 0,
			&count, err))
		return false;
	*ret = count > 0;
	return true;
}

bool record_key_state(struct record *record, const char *device_id, const char *fingerprint,
	char *to, size_t cap, struct err *err)
{
	static const char text[] =
		"SELECT state FROM device_key WHERE fingerprint = ?1 AND device_id IS ?2";
	SCOPED_TX tx = { 0 };
	return tx_begin_read(&tx, record, err) &&
	       sql_get_text(&record->sql, text, SQL(sql_text(fingerprint), sql_text(device_id)), to,
		       cap, err);
}

bool record_key_found(struct record *record, const char *attempt_id, const char *fingerprint,
	bool *ret, struct err *err)
{
	struct attempt attempt;
	enum owner owner;
	char other[RECORD_DEVICE_ID];
	SCOPED_TX tx = { 0 };
	if (!tx_begin(&tx, record, err) || !attempt_load_open(record, attempt_id, &attempt, err) ||
		!find_owner(record, &attempt, fingerprint, &owner, other, err))
		return false;
	/* Where one of the two ids is not known, it may well be the same unit. */
	if (owner == OWNER_OTHER && other[0] && attempt.device_id[0])
		return refuse_shared_key(&tx, &attempt, fingerprint, other, err);
	*ret = owner == OWNER_SAME;
	return true;
}

/* --- a key is on the unit --- */

static bool supersede_held(struct record *record, const struct attempt *attempt, struct err *err)
{
	static const char oldest[] =
		"SELECT id FROM attempt WHERE device_id = ?1 AND outcome = 'HELD'"
		" ORDER BY passage LIMIT 1";
	char held[UUID_TEXT];
	for (;;) {
		if (!sql_get_text(&record->sql, oldest, SQL(sql_text(attempt->device_id)), held,
			    sizeof held, err))
			return false;
		if (!held[0])
			return true;
		if (!attempt_settle(record, held, REASON_SUPERSEDED, NULL, err))
			return false;
	}
}

/* What was on the unit or on its way before this key. */
static bool retire_older(struct record *record, const struct attempt *attempt, int64_t own_outbox,
	int64_t now, struct err *err)
{
	static const char outbox[] =
		"UPDATE outbox SET state = 'closed', done_at = ?3, next_at = NULL"
		" WHERE device_id = ?1 AND id <> ?2 AND state IN ('due', 'in-flight')";
	static const char keys[] = "UPDATE device_key SET state = CASE state"
				   " WHEN 'intended' THEN 'abandoned' ELSE 'superseded' END,"
				   " retired_at = ?3 WHERE device_id = ?1 AND fingerprint IS NOT ?2"
				   " AND state IN ('intended', 'on-device', 'enrolled')";
	if (!attempt->device_id[0])
		return true;
	return sql_run(&record->sql, outbox,
		       SQL(sql_text(attempt->device_id), sql_int(own_outbox), sql_int(now)), err) &&
	       sql_run(&record->sql, keys,
		       SQL(sql_text(attempt->device_id), sql_text(attempt->fingerprint),
			       sql_int(now)),
		       err) &&
	       supersede_held(record, attempt, err);
}

/* A resumed key that is enrolled stays so: that is what the cloud holds. */
static bool mark_on_device(
	struct record *record, const struct attempt *attempt, int64_t now, struct err *err)
{
	static const char update[] = "UPDATE device_key SET state = CASE state WHEN 'enrolled' "
				     "THEN state ELSE 'on-device' END,"
				     " on_device_at = coalesce(on_device_at, ?2), retired_at = "
				     "NULL WHERE fingerprint = ?1";
	return sql_run_one(&record->sql, update, SQL(sql_text(attempt->fingerprint), sql_int(now)),
		"key that was intended for this attempt", err);
}

bool record_key_restored(struct record *record, const char *attempt_id, const struct public_key *key,
	struct err *err)
{
	static const char tell[] =
		"INSERT INTO observation (attempt_id, seq, name, value) SELECT ?1, (SELECT"
		" coalesce(max(seq), 0) + 1 FROM observation WHERE attempt_id = ?1), ?2, ?3";
	struct attempt attempt, nobody = { 0 };
	int64_t now = clock_utc_ms();
	bool known = true;
	SCOPED_TX tx = { 0 };
	if (!tx_begin(&tx, record, err) || !attempt_load_open(record, attempt_id, &attempt, err) ||
		(key && !check_owner(&tx, &attempt, key->fingerprint, &known, err)))
		return false;
	/* It was found, not made. */
	memcpy(nobody.device_id, attempt.device_id, sizeof nobody.device_id);
	if (!known && !insert_key(record, &nobody, key, err))
		return false;
	memcpy(attempt.fingerprint, key ? key->fingerprint : "", key ? sizeof key->fingerprint : 1);
	return retire_older(record, &attempt, 0, now, err) &&
	       (!key || mark_on_device(record, &attempt, now, err)) &&
	       sql_run(&record->sql, tell,
		       SQL(sql_text(attempt_id), sql_text(RECORD_KEY_RESTORED),
			       sql_text(key ? key->fingerprint : "none")),
		       err) &&
	       tx_commit(&tx, err);
}

/* The row of this attempt and key that is not closed; 0 if there is none. */
static bool own_outbox(struct record *record, const struct attempt *attempt, const char *cloud,
	int64_t *ret, struct err *err)
{
	static const char text[] =
		"SELECT id FROM outbox WHERE attempt_id = ?1 AND fingerprint = ?2 AND cloud = ?3"
		" AND state <> 'closed' ORDER BY id DESC LIMIT 1";
	return sql_get_int(&record->sql, text,
		SQL(sql_text(attempt->id), sql_text(attempt->fingerprint), sql_text(cloud)), 0, ret,
		err);
}

static bool insert_outbox(struct record *record, const struct attempt *attempt, const char *cloud,
	int64_t now, int64_t *ret_id, struct err *err)
{
	static const char insert[] = "INSERT INTO outbox (attempt_id, device_id, fingerprint, "
				     "cloud, state, tries, next_at)"
				     " VALUES (?1, ?2, ?3, ?4, 'due', 0, ?5)";
	if (!sql_run(&record->sql, insert,
		    SQL(sql_text(attempt->id), sql_text(attempt->device_id),
			    sql_text(attempt->fingerprint), sql_text(cloud), sql_int(now)),
		    err))
		return false;
	*ret_id = sqlite3_last_insert_rowid(record->sql.db);
	return true;
}

bool record_key_on_device(struct record *record, const char *attempt_id, const char *cloud,
	int64_t *ret_outbox_id, struct err *err)
{
	struct attempt attempt;
	int64_t outbox = 0, now = clock_utc_ms();
	bool enrols = cloud && *cloud;
	SCOPED_TX tx = { 0 };
	if (!tx_begin(&tx, record, err) || !attempt_load_open(record, attempt_id, &attempt, err))
		return false;
	if (enrols && !attempt.device_id[0])
		return err_set(err, REASON_BUG,
			"attempt %s cannot enrol: its device id is not known", attempt_id);
	if ((enrols && !own_outbox(record, &attempt, cloud, &outbox, err)) ||
		!retire_older(record, &attempt, outbox, now, err) ||
		!mark_on_device(record, &attempt, now, err))
		return false;
	if (enrols && !outbox && !insert_outbox(record, &attempt, cloud, now, &outbox, err))
		return false;
	if (!tx_commit(&tx, err))
		return false;
	*ret_outbox_id = outbox;
	return true;
}

/* --- sending --- */

static bool outbox_state(
	struct record *record, int64_t outbox_id, char *to, size_t cap, struct err *err)
{
	if (!sql_get_text(&record->sql, "SELECT state FROM outbox WHERE id = ?1",
		    SQL(sql_int(outbox_id)), to, cap, err))
		return false;
	return to[0] || err_set(err, REASON_BUG, "%s: there is no outbox row %lld", record->path,
				(long long)outbox_id);
}

bool record_send_begin(struct record *record, int64_t outbox_id, struct err *err)
{
	static const char update[] = "UPDATE outbox SET state = 'in-flight', tries = tries + 1"
				     " WHERE id = ?1 AND state IN ('due', 'in-flight')";
	char state[16];
	SCOPED_TX tx = { 0 };
	if (!tx_begin(&tx, record, err) ||
		!outbox_state(record, outbox_id, state, sizeof state, err))
		return false;
	if (strcmp(state, "closed") == 0)
		return err_set(err, REASON_SUPERSEDED,
			"outbox row %lld was closed: a newer key counts, or the attempt ended",
			(long long)outbox_id);
	if (strcmp(state, "due") != 0 && strcmp(state, "in-flight") != 0)
		return err_set(err, REASON_BUG, "outbox row %lld is %s and cannot be sent",
			(long long)outbox_id, state);
	return sql_run_one(&record->sql, update, SQL(sql_int(outbox_id)), "such outbox row", err) &&
	       tx_commit(&tx, err);
}

static const char *proof_name(enum record_proof proof)
{
	return proof == PROOF_READ_BACK ? "read-back" : "acknowledged";
}

static bool end_row(struct record *record, int64_t outbox_id,
	const struct record_send_result *result, int64_t now, struct err *err)
{
	static const char over[] = "UPDATE outbox SET state = ?2, done_at = ?3, next_at = NULL"
				   " WHERE id = ?1 AND state = 'in-flight'";
	static const char again[] = "UPDATE outbox SET state = 'due', next_at = ?2 WHERE id = ?1"
				    " AND state = 'in-flight'";
	static const char enrolled[] =
		"UPDATE device_key SET state = 'enrolled', enrolled_at = ?2, enrol_proof = ?3, "
		"retired_at = NULL"
		" WHERE fingerprint = (SELECT fingerprint FROM outbox WHERE id = ?1)";
	if (!result->acknowledged && !result->refused)
		return sql_run_one(&record->sql, again,
			SQL(sql_int(outbox_id), sql_int(result->next_at)),
			"such outbox row in flight", err);
	const char *state = result->acknowledged ? "acknowledged" : "refused";
	if (!sql_run_one(&record->sql, over, SQL(sql_int(outbox_id), sql_text(state), sql_int(now)),
		    "such outbox row in flight", err))
		return false;
	return !result->acknowledged ||
	       sql_run_one(&record->sql, enrolled,
		       SQL(sql_int(outbox_id), sql_int(now), sql_text(proof_name(result->proof))),
		       "such key", err);
}

bool record_send_end(struct record *record, int64_t outbox_id,
	const struct record_send_result *result, struct err *err)
{
	static const char answer[] =
		"UPDATE outbox SET http_status = ?2, last_error = ?3 WHERE id = ?1";
	char state[16];
	SCOPED_TX tx = { 0 };
	if (result->acknowledged && result->refused)
		return err_set(err, REASON_BUG,
			"outbox row %lld cannot be both acknowledged and refused",
			(long long)outbox_id);
	if (!tx_begin(&tx, record, err) ||
		!outbox_state(record, outbox_id, state, sizeof state, err))
		return false;
	/* Closed meanwhile: the answer is kept, but it changes nothing any more. */
	if (strcmp(state, "closed") != 0 &&
		!end_row(record, outbox_id, result, clock_utc_ms(), err))
		return false;
	return sql_run(&record->sql, answer,
		       SQL(sql_int(outbox_id),
			       result->http_status ? sql_int(result->http_status) : sql_null(),
			       sql_text(result->error)),
		       err) &&
	       tx_commit(&tx, err);
}

/* --- HELD --- */

static bool read_held(struct record *record, const struct sql_query *query, struct record_held *ret,
	struct err *err)
{
	char pem[KEY_PEM_MAX], fingerprint[KEY_FINGERPRINT];
	if (!sql_column_copy(query, 0, ret->attempt_id, sizeof ret->attempt_id, err) ||
		!sql_column_copy(query, 1, ret->device_id, sizeof ret->device_id, err) ||
		!sql_column_copy(query, 2, ret->plan_sha256, sizeof ret->plan_sha256, err) ||
		!sql_column_copy(query, 4, ret->cloud, sizeof ret->cloud, err) ||
		!sql_column_copy(query, 5, pem, sizeof pem, err) ||
		!sql_column_copy(query, 6, fingerprint, sizeof fingerprint, err))
		return false;
	ret->outbox_id = sql_column_int(query, 3, 0);
	struct err why;
	if (!public_key_from_pem(pem, strlen(pem), &ret->key, &why) ||
		strcmp(ret->key.fingerprint, fingerprint) != 0)
		return err_set(err, REASON_STORE,
			"%s: the stored key %.16s... of device id %s is damaged: restore a copy",
			record->path, fingerprint, ret->device_id);
	return true;
}

bool record_held(struct record *record, const char *device_id, struct record_held *ret,
	bool *ret_found, struct err *err)
{
	static const char text[] =
		"SELECT a.id, a.device_id, b.plan_sha256, o.id, o.cloud, k.public_key_pem,"
		" k.fingerprint FROM attempt a LEFT JOIN batch b ON b.id = a.batch_id"
		" JOIN device_key k ON k.fingerprint = a.key_fingerprint JOIN outbox o"
		" ON o.attempt_id = a.id AND o.fingerprint = k.fingerprint WHERE a.device_id = ?1"
		" AND a.outcome = 'HELD' ORDER BY a.passage DESC, o.id DESC LIMIT 1";
	struct record_held held = { 0 };
	bool row = false;
	SCOPED_TX tx = { 0 };
	SCOPED_QUERY query = { 0 };
	if (!tx_begin_read(&tx, record, err) ||
		!sql_query(&record->sql, text, SQL(sql_text(device_id)), &query, err) ||
		!sql_next(&query, &row, err))
		return false;
	if (row && !read_held(record, &query, &held, err))
		return false;
	if (row)
		*ret = held;
	*ret_found = row;
	return true;
}
