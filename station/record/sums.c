/* SPDX-License-Identifier: Apache-2.0 */
/* What reports would otherwise have to read every try of every step for: sums per batch, hour and
 * step, and a few facts of an attempt beside its outcome. Written in the transaction that ends an
 * attempt; nothing of it is known to nobody else, so the audit recomputes it from the steps. */
#include "sums.h"

#include <stdlib.h>
#include <string.h>

#include "scope.h"

static enum cause cause_of(const char *reason)
{
	return reason ? reason_info(reason_from_code(reason))->cause : CAUSE_NONE;
}

struct tally_try sums_try(const struct sql_query *query, int first)
{
	return (struct tally_try){
		.seq = sql_column_int(query, first, 0),
		.name = sql_column_text(query, first + 1),
		.try_number = sql_column_int(query, first + 2, 0),
		.started_at = sql_column_int(query, first + 3, 0),
		.ended_at = sql_column_int(query, first + 4, 0),
		.outcome = outcome_from_name(sql_column_text(query, first + 5)),
		.cause = cause_of(sql_column_text(query, first + 6)),
	};
}

/* What is there already comes on top. */
static bool merge(struct record *record, const char *batch_id, int64_t hour,
	struct tally_step *step, struct err *err)
{
	static const char text[] =
		"SELECT times FROM step_sum WHERE batch_id = ?1 AND hour = ?2 AND step = ?3";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text,
		    SQL(sql_text(batch_id), sql_int(hour), sql_text(step->name)), &query, err) ||
		!sql_next(&query, &row, err))
		return false;
	size_t len = 0;
	const uint8_t *bytes = row ? sql_column_blob(&query, 0, &len) : NULL;
	return times_add_encoded(&step->times, bytes, len) ||
	       err_set(err, REASON_STORE, "%s: the sums of step %s in batch %s are damaged",
		       record->path, step->name, batch_id);
}

static bool put(struct record *record, const char *batch_id, int64_t hour, struct tally_step *step,
	struct err *err)
{
	static const char insert[] =
		"INSERT INTO step_sum (batch_id, hour, step, place, passed_first, passed_later,"
		" failed, tries, times) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
		" ON CONFLICT DO UPDATE SET place = min(place, excluded.place),"
		" passed_first = passed_first + excluded.passed_first,"
		" passed_later = passed_later + excluded.passed_later,"
		" failed = failed + excluded.failed, tries = tries + excluded.tries,"
		" times = excluded.times";
	SCOPED_FREE uint8_t *bytes = malloc(TIMES_ENCODED_MAX);
	size_t len = 0;
	if (!bytes || step->times.failed)
		return err_set(
			err, REASON_STATION, "no memory for the sums of step %s", step->name);
	if (!merge(record, batch_id, hour, step, err))
		return false;
	times_encode(&step->times, bytes, &len);
	return sql_run(&record->sql, insert,
		SQL(sql_text(batch_id), sql_int(hour), sql_text(step->name), sql_int(step->place),
			sql_int(step->passed_first), sql_int(step->passed_later),
			sql_int(step->failed), sql_int(step->tries), sql_blob(bytes, len)),
		err);
}

bool sums_put(struct record *record, const char *batch_id, int64_t hour, struct tally *tally,
	struct err *err)
{
	for (size_t i = 0; i < tally->count; i++) {
		struct tally_step *step = &tally->steps[i];
		if (step->passed_first + step->passed_later + step->failed == 0)
			continue;
		if (!put(record, batch_id, hour, step, err))
			return false;
	}
	return true;
}

/* The tries of one attempt; how many were not the first of their step, and the last
 * step that failed ("" if none did). */
static bool read_attempt(struct record *record, const char *attempt_id, struct tally *tally,
	int64_t *ret_retries, char ret_failed[TALLY_NAME_MAX], struct err *err)
{
	static const char text[] = "SELECT " SUMS_COLUMNS " FROM step s WHERE s.attempt_id = ?1"
				   " ORDER BY s.seq";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	*ret_retries = 0;
	ret_failed[0] = 0;
	if (!sql_query(&record->sql, text, SQL(sql_text(attempt_id)), &query, err))
		return false;
	for (;;) {
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		struct tally_try one = sums_try(&query, 0);
		*ret_retries += one.try_number > 1;
		if (one.outcome == OUTCOME_FAIL &&
			!sql_column_copy(&query, 1, ret_failed, TALLY_NAME_MAX, err))
			return false;
		tally_try(tally, &one);
	}
	tally_attempt_end(tally);
	return true;
}

bool sums_attempt(
	struct record *record, const char *attempt_id, enum outcome outcome, struct err *err)
{
	static const char update[] =
		"UPDATE attempt SET retries = ?2, failed_step = ?3 WHERE id = ?1";
	static const char counted[] =
		"SELECT batch_id, started_at / 3600000 FROM attempt"
		" WHERE id = ?1 AND kind = 'provision' AND batch_id IS NOT NULL";
	char failed[TALLY_NAME_MAX], batch_id[UUID_TEXT];
	int64_t retries = 0, hour = 0;
	bool row = false, keeps_failed = outcome == OUTCOME_FAIL || outcome == OUTCOME_HELD;
	SCOPED_TALLY struct tally *tally = calloc(1, sizeof *tally);
	SCOPED_QUERY query = { 0 };
	if (!tally)
		return err_set(err, REASON_STATION, "no memory for the sums of an attempt");
	if (!read_attempt(record, attempt_id, tally, &retries, failed, err) ||
		!sql_run(&record->sql, update,
			SQL(sql_text(attempt_id), sql_int(retries),
				sql_text(keeps_failed ? failed : NULL)),
			err))
		return false;
	if (!sql_query(&record->sql, counted, SQL(sql_text(attempt_id)), &query, err) ||
		!sql_next(&query, &row, err))
		return false;
	if (!row)
		return true;
	hour = sql_column_int(&query, 1, 0);
	return sql_column_copy(&query, 0, batch_id, sizeof batch_id, err) &&
	       sums_put(record, batch_id, hour, tally, err);
}

/* --- for a database that was made before --- */

/* One batch and hour; its attempts have ended. */
static bool sum_hour(struct record *record, const char *batch_id, int64_t hour, struct err *err)
{
	SCOPED_TALLY struct tally *tally = calloc(1, sizeof *tally);
	if (!tally)
		return err_set(err, REASON_STATION, "no memory for the sums of a batch");
	return sums_tally(record, batch_id, hour * SUMS_HOUR_MS, (hour + 1) * SUMS_HOUR_MS, tally,
		       err) &&
	       sums_put(record, batch_id, hour, tally, err);
}

bool sums_rebuild(struct record *record, struct err *err)
{
	static const char text[] =
		"SELECT DISTINCT batch_id, started_at / 3600000 FROM attempt WHERE kind ="
		" 'provision' AND batch_id IS NOT NULL AND ended_at IS NOT NULL ORDER BY 1, 2";
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text, SQL_NOTHING, &query, err))
		return false;
	for (;;) {
		bool row = false;
		char batch_id[UUID_TEXT];
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			return true;
		if (!sql_column_copy(&query, 0, batch_id, sizeof batch_id, err) ||
			!sum_hour(record, batch_id, sql_column_int(&query, 1, 0), err))
			return false;
	}
}

bool sums_tally(struct record *record, const char *batch_id, int64_t since, int64_t until,
	struct tally *tally, struct err *err)
{
	static const char text[] =
		"SELECT a.id, " SUMS_COLUMNS " FROM attempt a JOIN step s ON s.attempt_id ="
		" a.id WHERE a.batch_id = ?1 AND a.started_at >= ?2 AND a.started_at < ?3"
		" AND a.kind = 'provision' AND a.ended_at IS NOT NULL"
		" ORDER BY a.started_at, a.id, s.seq";
	char attempt_id[UUID_TEXT] = "";
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text, SQL(sql_text(batch_id), sql_int(since), sql_int(until)),
		    &query, err))
		return false;
	for (;;) {
		bool row = false;
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			break;
		if (strcmp(attempt_id, sql_column_text(&query, 0)) != 0) {
			tally_attempt_end(tally);
			if (!sql_column_copy(&query, 0, attempt_id, sizeof attempt_id, err))
				return false;
		}
		struct tally_try one = sums_try(&query, 1);
		tally_try(tally, &one);
	}
	tally_attempt_end(tally);
	return true;
}

bool sums_load(struct record *record, const char *batch_id, int64_t from_hour, int64_t to_hour,
	struct tally *tally, struct err *err)
{
	static const char text[] =
		"SELECT step, place, passed_first, passed_later, failed, tries, times FROM step_sum"
		" WHERE batch_id = ?1 AND hour >= ?2 AND hour < ?3";
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text,
		    SQL(sql_text(batch_id), sql_int(from_hour), sql_int(to_hour)), &query, err))
		return false;
	for (;;) {
		bool row = false;
		size_t len = 0;
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			return true;
		struct tally_step *step =
			tally_step(tally, sql_column_text(&query, 0), sql_column_int(&query, 1, 0));
		const uint8_t *bytes = sql_column_blob(&query, 6, &len);
		if (!step)
			continue;
		step->passed_first += sql_column_int(&query, 2, 0);
		step->passed_later += sql_column_int(&query, 3, 0);
		step->failed += sql_column_int(&query, 4, 0);
		step->tries += sql_column_int(&query, 5, 0);
		if (!times_add_encoded(&step->times, bytes, len))
			return err_set(err, REASON_STORE,
				"%s: the sums of step %s in batch %s are damaged; station audit "
				"tells more",
				record->path, step->name, batch_id);
	}
}

void sums_free_tally(struct tally **tally)
{
	if (*tally)
		tally_done(*tally);
	free(*tally);
}
