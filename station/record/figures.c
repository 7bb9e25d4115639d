/* SPDX-License-Identifier: Apache-2.0 */
#include "figures.h"

#include <stdlib.h>
#include <string.h>

#include "figures_private.h"
#include "scope.h"
#include "sums.h"
#include "text.h"

enum { SMALL_SCOPE = 20000 /* attempts whose steps are read themselves, for exact quantiles */ };

bool figures_stopped(struct err *err)
{
	return err_set(err, REASON_STOPPED, "the reading was ended");
}

/* --- batches --- */

static const char batches_query[] =
	"SELECT id, kind, job_name, plan_sha256, family, cloud, work_order, part_number,"
	" part_revision, operator, station_id, software_version, ended_by, quantity, started_at,"
	" ended_at FROM batch WHERE" FIGURES_BATCH_IN_SCOPE " ORDER BY started_at, id";

static bool remember_batch(struct reading *reading, const char *id, struct err *err)
{
	if (reading->batch_count == reading->room) {
		size_t room = reading->room ? 2 * reading->room : 64;
		char(*ids)[UUID_TEXT] = realloc(reading->batch_ids, room * sizeof *ids);
		if (!ids)
			return err_set(err, REASON_STATION, "no memory for %zu batches", room);
		reading->batch_ids = ids;
		reading->room = room;
	}
	if (!text_copy(reading->batch_ids[reading->batch_count], UUID_TEXT, id))
		return err_set(err, REASON_STORE, "%s: the batch %.64s has no UUID",
			reading->record->path, id);
	reading->batch_count++;
	return true;
}

static struct figures_batch batch_of(const struct sql_query *query)
{
	return (struct figures_batch){
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
		.ended_by = sql_column_text(query, 12),
		.quantity = sql_column_int(query, 13, -1),
		.started_at = sql_column_int(query, 14, -1),
		.ended_at = sql_column_int(query, 15, -1),
	};
}

static bool read_images(struct reading *reading, const char *batch_id, struct err *err)
{
	static const char text[] =
		"SELECT region, file_name, sha256, stage, address, size, version, platform_id"
		" FROM batch_image WHERE batch_id = ?1 ORDER BY stage, region, address";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&reading->record->sql, text, SQL(sql_text(batch_id)), &query, err))
		return false;
	while (sql_next(&query, &row, err)) {
		if (!row)
			return true;
		const struct figures_image image = {
			.region = sql_column_text(&query, 0),
			.file_name = sql_column_text(&query, 1),
			.sha256 = sql_column_text(&query, 2),
			.stage = sql_column_int(&query, 3, -1),
			.address = sql_column_int(&query, 4, -1),
			.size = sql_column_int(&query, 5, -1),
			.version = sql_column_int(&query, 6, -1),
			.platform_id = sql_column_int(&query, 7, -1),
		};
		if (!reading->reader->image(reading->reader->context, &image))
			return figures_stopped(err);
	}
	return false;
}

static bool read_batches(struct reading *reading, struct err *err)
{
	const struct figures_scope *scope = reading->scope;
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&reading->record->sql, batches_query,
		    SQL(sql_text(scope->batch_id), sql_text(scope->work_order),
			    sql_text(scope->job_name), sql_text(scope->station_id),
			    sql_int(reading->since), sql_int(reading->until),
			    sql_int(scope->last_batch)),
		    &query, err))
		return false;
	while (sql_next(&query, &row, err)) {
		if (!row)
			return true;
		struct figures_batch batch = batch_of(&query);
		if (!remember_batch(reading, batch.id, err))
			return false;
		const char *id = reading->batch_ids[reading->batch_count - 1];
		if (!reading->reader->batch(reading->reader->context, &batch))
			return figures_stopped(err);
		if (!read_images(reading, id, err))
			return false;
	}
	return false;
}

/* Does the scope hold batches only? Otherwise also what has none. */
bool figures_only_batches(const struct figures_scope *scope)
{
	return scope->batch_id || scope->work_order || scope->job_name || scope->last_batch;
}

static int by_text(const void *left, const void *right)
{
	return strcmp(left, right);
}

bool figures_has_batch(const struct reading *reading, const char *batch_id)
{
	if (!batch_id)
		return !figures_only_batches(reading->scope);
	return bsearch(batch_id, reading->sorted_ids, reading->batch_count,
		       sizeof *reading->sorted_ids, by_text) != NULL;
}

static bool sort_batches(struct reading *reading, struct err *err)
{
	size_t count = reading->batch_count;
	reading->sorted_ids = calloc(count ? count : 1, sizeof *reading->sorted_ids);
	if (!reading->sorted_ids)
		return err_set(err, REASON_STATION, "no memory for %zu batches", count);
	if (count) {
		memcpy(reading->sorted_ids, reading->batch_ids,
			count * sizeof *reading->sorted_ids);
		qsort(reading->sorted_ids, count, sizeof *reading->sorted_ids, by_text);
	}
	return true;
}

/* All of them once: they are few, and have no index by batch. */
static bool read_stops(struct reading *reading, struct err *err)
{
	static const char text[] =
		"SELECT batch_id, why, from_at, to_at FROM line_stop ORDER BY from_at, id";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&reading->record->sql, text, SQL_NOTHING, &query, err))
		return false;
	while (sql_next(&query, &row, err)) {
		if (!row)
			return true;
		const struct figures_stop stop = {
			.batch_id = sql_column_text(&query, 0),
			.why = sql_column_text(&query, 1),
			.from_at = sql_column_int(&query, 2, -1),
			.to_at = sql_column_int(&query, 3, -1),
		};
		if (figures_has_batch(reading, stop.batch_id) &&
			!reading->reader->stop(reading->reader->context, &stop))
			return figures_stopped(err);
	}
	return false;
}

/* --- attempts --- */

/* All columns stand in the index attempt_figures. */
#define ATTEMPT_COLUMNS \
	"SELECT batch_id, kind, slot, device_id, outcome, reason, cause, operator, failed_step," \
	" arrived_at, started_at, ended_at, retries, enrol_proof, id, left_enrolled FROM attempt" \
	" INDEXED BY attempt_figures"

static bool pass_attempt(struct reading *reading, const struct sql_query *query, struct err *err)
{
	const char *proof = sql_column_text(query, 13);
	const struct figures_attempt attempt = {
		.id = sql_column_text(query, 14),
		.batch_id = sql_column_text(query, 0),
		.kind = sql_column_text(query, 1),
		.slot = sql_column_text(query, 2),
		.device_id = sql_column_text(query, 3),
		.outcome = sql_column_text(query, 4),
		.reason = sql_column_text(query, 5),
		.cause = sql_column_text(query, 6),
		.operator_name = sql_column_text(query, 7),
		.failed_step = sql_column_text(query, 8),
		.arrived_at = sql_column_int(query, 9, -1),
		.started_at = sql_column_int(query, 10, -1),
		.ended_at = sql_column_int(query, 11, -1),
		.retries = sql_column_int(query, 12, -1),
		.enrol_proof = proof,
	};
	bool left_enrolled = sql_column_int(query, 15, 0) != 0;
	if (!figures_count_beside(reading, &attempt, left_enrolled, err))
		return false;
	return reading->reader->attempt(reading->reader->context, &attempt) || figures_stopped(err);
}

static bool measure_scope(struct reading *reading, struct err *err)
{
	static const char text[] = "SELECT count(*) FROM attempt WHERE batch_id = ?1"
				   " AND started_at >= ?2 AND started_at < ?3";
	int64_t all = 0;
	for (size_t i = 0; i < reading->batch_count && all <= SMALL_SCOPE; i++) {
		int64_t count;
		if (!sql_get_int(&reading->record->sql, text,
			    SQL(sql_text(reading->batch_ids[i]), sql_int(reading->since),
				    sql_int(reading->until)),
			    0, &count, err))
			return false;
		all += count;
	}
	reading->large = all > SMALL_SCOPE;
	return true;
}

/* batch_id NULL: those without a batch. */
static bool read_attempts_of(struct reading *reading, const char *batch_id, struct err *err)
{
	static const char text[] = ATTEMPT_COLUMNS " WHERE batch_id IS ?1 AND started_at >= ?2"
						   " AND started_at < ?3 ORDER BY started_at, id";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&reading->record->sql, text,
		    SQL(sql_text(batch_id), sql_int(reading->since), sql_int(reading->until)),
		    &query, err))
		return false;
	while (sql_next(&query, &row, err)) {
		if (!row)
			return true;
		if (!pass_attempt(reading, &query, err))
			return false;
	}
	return false;
}

static bool read_attempts(struct reading *reading, struct err *err)
{
	for (size_t i = 0; i < reading->batch_count; i++)
		if (!read_attempts_of(reading, reading->batch_ids[i], err))
			return false;
	return figures_only_batches(reading->scope) || read_attempts_of(reading, NULL, err);
}

/* --- steps --- */

/* Whole hours from the sums, what is left of the first and the last from the steps. */
static bool tally_large(struct reading *reading, const char *batch_id, struct err *err)
{
	struct tally *tally = &reading->sums->tally;
	int64_t hour = SUMS_HOUR_MS, from = reading->since / hour + (reading->since % hour > 0),
		to = reading->until / hour;
	if (from >= to)
		return sums_tally(
			reading->record, batch_id, reading->since, reading->until, tally, err);
	return sums_load(reading->record, batch_id, from, to, tally, err) &&
	       (reading->since == from * hour ||
		       sums_tally(reading->record, batch_id, reading->since, from * hour, tally,
			       err)) &&
	       (reading->until == INT64_MAX || sums_tally(reading->record, batch_id, to * hour,
						       reading->until, tally, err));
}

static bool read_steps(struct reading *reading, struct err *err)
{
	for (size_t i = 0; i < reading->batch_count; i++) {
		const char *id = reading->batch_ids[i];
		bool good = reading->large ? tally_large(reading, id, err)
					   : sums_tally(reading->record, id, reading->since,
						     reading->until, &reading->sums->tally, err);
		if (!good)
			return false;
	}
	tally_sort(&reading->sums->tally);
	return true;
}

/* --- all of it --- */

static bool read_all(struct reading *reading, struct err *err)
{
	static const char station[] = "SELECT value FROM meta WHERE key = 'station_id'";
	struct figures_sums *sums = reading->sums;
	if (!seal_head(reading->record, &sums->head, err) ||
		!sql_get_text(&reading->record->sql, station, SQL_NOTHING, sums->station_id,
			sizeof sums->station_id, err) ||
		!read_batches(reading, err))
		return false;
	if (reading->scope->batch_id && !reading->batch_count)
		return err_set(err, REASON_INPUT, "%s knows no batch %s", reading->record->path,
			reading->scope->batch_id);
	return sort_batches(reading, err) && read_stops(reading, err) &&
	       measure_scope(reading, err) && figures_read_keys(reading, err) &&
	       read_attempts(reading, err) && read_steps(reading, err) &&
	       figures_read_findings(reading, err);
}

bool figures_read(struct record *record, const struct figures_scope *scope,
	const struct figures_reader *reader, struct figures_sums *ret, struct err *err)
{
	struct reading reading = { .record = record,
		.scope = scope,
		.reader = reader,
		.since = scope->since,
		.until = scope->until ? scope->until : INT64_MAX,
		.sums = ret };
	memset(ret, 0, sizeof *ret);
	SCOPED_TX tx = { 0 };
	bool good = tx_begin_read(&tx, record, err) && read_all(&reading, err);
	sql_query_done(&reading.enrolled);
	sql_query_done(&reading.came_back);
	free(reading.retired);
	free(reading.batch_ids);
	free(reading.sorted_ids);
	if (!good)
		tally_done(&ret->tally);
	return good;
}
