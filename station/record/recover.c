/* SPDX-License-Identifier: Apache-2.0 */
/* What a station that died left open is ended when the next one opens the database. */
#include "record_private.h"

#include "clock.h"

static bool end_open_attempts(struct record *record, unsigned *ret_count, struct err *err)
{
	static const char oldest[] =
		"SELECT id FROM attempt WHERE outcome IS NULL ORDER BY started_at, id LIMIT 1";
	static const struct record_result died = { .outcome = OUTCOME_INTERRUPTED,
		.reason = REASON_STATION_DIED };
	for (unsigned count = 0;; count++) {
		char id[UUID_TEXT];
		struct attempt attempt;
		if (!sql_get_text(&record->sql, oldest, SQL_NOTHING, id, sizeof id, err))
			return false;
		if (!id[0]) {
			*ret_count = count;
			return true;
		}
		if (!attempt_load(record, id, &attempt, err) ||
			!attempt_close(record, &attempt, &died, err))
			return false;
	}
}

/* The answer of the cloud was recorded, but the station died before its HELD attempt took
 * the outcome from it. */
static bool settle_answered(
	struct record *record, const char *state, enum reason reason, struct err *err)
{
	static const char text[] =
		"SELECT a.id FROM attempt a JOIN outbox o ON o.attempt_id = a.id"
		" AND o.fingerprint = a.key_fingerprint WHERE a.outcome = 'HELD' AND o.state = ?1"
		" ORDER BY o.done_at, o.id LIMIT 1";
	for (;;) {
		char id[UUID_TEXT];
		struct attempt attempt;
		if (!sql_get_text(&record->sql, text, SQL(sql_text(state)), id, sizeof id, err))
			return false;
		if (!id[0])
			return true;
		if (!attempt_load(record, id, &attempt, err) ||
			!guard_settle(record, &attempt, reason, err) ||
			!attempt_settle(record, id, reason, NULL, err))
			return false;
	}
}

bool recover(struct record *record, unsigned *ret_attempts, struct err *err)
{
	static const char sends[] =
		"UPDATE outbox SET state = 'due', next_at = ?1 WHERE state = 'in-flight'";
	static const char batches[] =
		"UPDATE batch SET ended_at = ?1, ended_by = 'died' WHERE ended_at IS NULL";
	int64_t now = clock_utc_ms();
	unsigned count;
	SCOPED_TX tx = { 0 };
	if (!tx_begin(&tx, record, err) || !end_open_attempts(record, &count, err) ||
		!sql_run(&record->sql, sends, SQL(sql_int(now)), err) ||
		!settle_answered(record, "acknowledged", REASON_NONE, err) ||
		!settle_answered(record, "refused", REASON_CLOUD_REFUSED, err) ||
		!sql_run(&record->sql, batches, SQL(sql_int(now)), err) || !tx_commit(&tx, err))
		return false;
	*ret_attempts = count;
	return true;
}
