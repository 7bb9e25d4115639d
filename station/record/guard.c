/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an outcome may be committed: what stands in the database has to bear it. A no is our own
 * mistake, so it is REASON_BUG and nothing changes. */
#include "record_private.h"

#include <stdio.h>
#include <string.h>

/* The states of an attempt's enrolment that matter, counted. */
struct enrolment {
	int64_t due, in_flight, refused;
	int64_t acknowledged; /* of the attempt's own key */
};

static bool count_enrolment(struct record *record, const struct attempt *attempt,
	struct enrolment *ret, struct err *err)
{
	static const char text[] =
		"SELECT total(state = 'due'), total(state = 'in-flight'), total(state = 'refused'),"
		" total(state = 'acknowledged' AND fingerprint IS ?2) FROM outbox WHERE attempt_id "
		"= ?1";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text,
		    SQL(sql_text(attempt->id), sql_text(attempt->fingerprint)), &query, err) ||
		!sql_next(&query, &row, err))
		return false;
	*ret = (struct enrolment){ .due = sql_column_int(&query, 0, 0),
		.in_flight = sql_column_int(&query, 1, 0),
		.refused = sql_column_int(&query, 2, 0),
		.acknowledged = sql_column_int(&query, 3, 0) };
	return true;
}

static bool refuse(
	const struct attempt *attempt, enum outcome outcome, const char *why, struct err *err)
{
	return err_set(err, REASON_BUG, "attempt %s cannot be %s: %s", attempt->id,
		outcome_name(outcome), why);
}

/* A step counts by its last try. In a held attempt only the enrolment may be unfinished
 * business. */
static bool check_steps(
	struct record *record, const struct attempt *attempt, enum outcome outcome, struct err *err)
{
	static const char bad_step[] =
		"SELECT name FROM step s WHERE attempt_id = ?1 AND (outcome IS NULL OR ("
		" seq = (SELECT max(seq) FROM step WHERE attempt_id = ?1 AND name = s.name)"
		" AND outcome NOT IN ('PASS', 'SKIPPED') AND (?2 IS NULL OR reason IS NOT ?2))) "
		"ORDER BY seq LIMIT 1";
	static const char passed[] =
		"SELECT count(*) FROM step WHERE attempt_id = ?1 AND outcome = 'PASS'";
	const char *allowed =
		outcome == OUTCOME_HELD ? reason_info(REASON_CLOUD_UNREACHABLE)->code : NULL;
	char name[128], why[192];
	int64_t count;
	if (!sql_get_text(&record->sql, bad_step, SQL(sql_text(attempt->id), sql_text(allowed)),
		    name, sizeof name, err) ||
		!sql_get_int(&record->sql, passed, SQL(sql_text(attempt->id)), 0, &count, err))
		return false;
	snprintf(why, sizeof why, "its step %s is open or failed at its last try", name);
	if (name[0])
		return refuse(attempt, outcome, why, err);
	return count || refuse(attempt, outcome, "none of its steps passed", err);
}

/* The key of the attempt, if it has one, is proven to be on the unit and is still the newest. */
static bool check_key(
	struct record *record, const struct attempt *attempt, enum outcome outcome, struct err *err)
{
	static const char state_of[] = "SELECT state FROM device_key WHERE fingerprint = ?1";
	char state[16];
	if (!attempt->fingerprint[0])
		return true;
	if (!sql_get_text(&record->sql, state_of, SQL(sql_text(attempt->fingerprint)), state,
		    sizeof state, err))
		return false;
	if (strcmp(state, "on-device") != 0 && strcmp(state, "enrolled") != 0)
		return refuse(attempt, outcome, "its key was not read back from the unit", err);
	return true;
}

static bool makes_units(const struct attempt *attempt)
{
	return strcmp(attempt->kind, "provision") == 0 || strcmp(attempt->kind, "reprovision") == 0;
}

static bool check_enrolled(
	const struct attempt *attempt, const struct enrolment *enrolment, struct err *err)
{
	int64_t open = enrolment->due + enrolment->in_flight + enrolment->refused;
	bool wanted = makes_units(attempt) && attempt->cloud[0];
	if (open || (wanted && !enrolment->acknowledged))
		return refuse(attempt, OUTCOME_PASS, "its enrolment is not acknowledged", err);
	return true;
}

static bool guard_pass(
	struct record *record, const struct attempt *attempt, bool id_optional, struct err *err)
{
	struct enrolment enrolment;
	if (!attempt->device_id[0] && !id_optional)
		return refuse(attempt, OUTCOME_PASS, "its device id is not known", err);
	return check_steps(record, attempt, OUTCOME_PASS, err) &&
	       check_key(record, attempt, OUTCOME_PASS, err) &&
	       count_enrolment(record, attempt, &enrolment, err) &&
	       check_enrolled(attempt, &enrolment, err);
}

/* HELD waits for one thing only: the acknowledgement of a key that is proven on the unit. */
static bool guard_held(struct record *record, const struct attempt *attempt, struct err *err)
{
	struct enrolment enrolment;
	if (!attempt->device_id[0])
		return refuse(attempt, OUTCOME_HELD, "its device id is not known", err);
	if (!check_steps(record, attempt, OUTCOME_HELD, err) ||
		!check_key(record, attempt, OUTCOME_HELD, err) ||
		!count_enrolment(record, attempt, &enrolment, err))
		return false;
	return enrolment.due + enrolment.in_flight == 1 ||
	       refuse(attempt, OUTCOME_HELD, "no enrolment of it is waiting to be sent", err);
}

/* Two units with one id or one key: whatever was done to this one, nothing may be said of it but
 * that. What failed by itself has failed. */
static bool check_not_set_aside(
	struct record *record, const struct attempt *attempt, enum outcome outcome, struct err *err)
{
	enum reason reason;
	if (!attempt->device_id[0] || outcome == OUTCOME_FAIL || outcome == OUTCOME_REFUSED)
		return true;
	if (!unit_set_aside(record, attempt, &reason, err))
		return false;
	return reason == REASON_NONE ||
	       err_set(err, reason, "the unit %s went into quarantine while it was in work",
		       attempt->device_id);
}

bool guard_finish(struct record *record, const struct attempt *attempt,
	const struct record_result *result, struct err *err)
{
	struct enrolment enrolment;
	if (result->outcome == OUTCOME_NONE || result->outcome == OUTCOME_INTERRUPTED ||
		outcome_name(result->outcome)[0] == 0)
		return refuse(attempt, result->outcome, "an attempt does not end like that", err);
	if ((result->outcome == OUTCOME_PASS) != (result->reason == REASON_NONE))
		return refuse(attempt, result->outcome,
			"PASS has no reason, and everything else has one", err);
	if (!check_not_set_aside(record, attempt, result->outcome, err))
		return false;
	if (result->outcome == OUTCOME_PASS)
		return guard_pass(record, attempt, result->id_optional, err);
	if (result->outcome == OUTCOME_HELD)
		return guard_held(record, attempt, err);
	if (!count_enrolment(record, attempt, &enrolment, err))
		return false;
	if (result->outcome == OUTCOME_FAIL && enrolment.in_flight)
		return refuse(attempt, OUTCOME_FAIL, "an enrolment of it is still in flight", err);
	return true;
}

bool guard_settle(
	struct record *record, const struct attempt *attempt, enum reason reason, struct err *err)
{
	struct enrolment enrolment;
	enum outcome outcome = reason == REASON_NONE ? OUTCOME_PASS : OUTCOME_FAIL;
	if (attempt->outcome != OUTCOME_HELD)
		return refuse(attempt, outcome, "it is not HELD", err);
	if (!count_enrolment(record, attempt, &enrolment, err))
		return false;
	if (outcome == OUTCOME_FAIL)
		return !enrolment.in_flight ||
		       refuse(attempt, outcome, "its enrolment is still in flight", err);
	if (!enrolment.acknowledged)
		return refuse(attempt, outcome, "its enrolment is not acknowledged", err);
	return check_enrolled(attempt, &enrolment, err) &&
	       check_steps(record, attempt, OUTCOME_HELD, err) &&
	       check_key(record, attempt, outcome, err);
}
