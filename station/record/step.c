/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: one row per try, its intent before the act and its result after it. */
#include "record_private.h"

#include "clock.h"

bool record_step_begin(struct record *record, const char *attempt_id, const char *name,
	unsigned try_number, unsigned *ret_seq, struct err *err)
{
	static const char last[] = "SELECT max(seq) FROM step WHERE attempt_id = ?1";
	static const char insert[] = "INSERT INTO step (attempt_id, seq, name, try, started_at)"
				     " VALUES (?1, ?2, ?3, ?4, ?5)";
	int64_t seq;
	SCOPED_TX tx = { 0 };
	if (!tx_begin(&tx, record, err) ||
		!sql_get_int(&record->sql, last, SQL(sql_text(attempt_id)), 0, &seq, err))
		return false;
	seq++;
	if (!sql_run(&record->sql, insert,
		    SQL(sql_text(attempt_id), sql_int(seq), sql_text(name), sql_int(try_number),
			    sql_int(clock_utc_ms())),
		    err) ||
		!tx_commit(&tx, err))
		return false;
	*ret_seq = (unsigned)seq;
	return true;
}

bool record_step_end(struct record *record, const char *attempt_id, unsigned seq,
	enum outcome outcome, enum reason reason, const char *detail, struct err *err)
{
	static const char update[] =
		"UPDATE step SET ended_at = ?3, outcome = ?4, reason = ?5, detail = ?6"
		" WHERE attempt_id = ?1 AND seq = ?2 AND ended_at IS NULL";
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) &&
	       sql_run_one(&record->sql, update,
		       SQL(sql_text(attempt_id), sql_int(seq), sql_int(clock_utc_ms()),
			       sql_text(outcome_name(outcome)), sql_text(reason_info(reason)->code),
			       sql_text(detail)),
		       "such open step", err) &&
	       tx_commit(&tx, err);
}

bool record_step(struct record *record, const char *attempt_id, const char *name,
	bool (*work)(void *context, struct err *err), void *context, struct err *err)
{
	unsigned seq;
	struct err why = { 0 };
	if (!record_step_begin(record, attempt_id, name, 1, &seq, err))
		return false;
	bool good = work(context, &why);
	enum outcome outcome = good                           ? OUTCOME_PASS
			       : err_kind(&why) == ERR_CANCEL ? OUTCOME_ABORTED
							      : OUTCOME_FAIL;
	if (!record_step_end(record, attempt_id, seq, outcome, good ? REASON_NONE : why.reason,
		    good ? NULL : why.text, err))
		return false;
	if (!good)
		*err = why;
	return good;
}
