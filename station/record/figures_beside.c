/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, findings and resale of a scope: few rows beside many attempts. */
#include <stdlib.h>
#include <string.h>

#include "figures_private.h"
#include "resale.h"
#include "returned_units.h"

/* The keys that this attempt, or its like, counts for. */
static struct figures_keys *keys_of(struct reading *reading, const char *kind)
{
	return strcmp(kind, "provision") == 0 ? &reading->sums->keys
					      : &reading->sums->returned_keys;
}

/* The first row of a statement that is asked again and again. */
static bool ask(struct reading *reading, struct sql_query *query, const char *text,
	const char *attempt_id, bool *ret_row, struct err *err)
{
	struct sql_values values = SQL(sql_text(attempt_id));
	return (query->statement ? sql_query_again(query, values, err)
				 : sql_query(&reading->record->sql, text, values, query, err)) &&
	       sql_next(query, ret_row, err);
}

static bool count_enrolled(
	struct reading *reading, const struct figures_attempt *attempt, struct err *err)
{
	static const char text[] =
		"SELECT EXISTS (SELECT 1 FROM device_key WHERE device_id = a.device_id AND state ="
		" 'enrolled') AND NOT EXISTS (SELECT 1 FROM attempt later WHERE later.device_id ="
		" a.device_id AND later.passage > a.passage AND later.kind IN ('provision',"
		" 'reprovision', 'restore') AND coalesce(later.outcome, '') NOT IN ('SKIPPED',"
		" 'REFUSED')) FROM attempt a WHERE a.id = ?1";
	bool row = false;
	if (!ask(reading, &reading->enrolled, text, attempt->id, &row, err))
		return false;
	keys_of(reading, attempt->kind)->enrolled_not_pass +=
		row ? sql_column_int(&reading->enrolled, 0, 0) : 0;
	sql_query_rest(&reading->enrolled);
	return true;
}

static void count_resale(struct figures_resale *sums, const char *value, bool cleared)
{
	bool by_hand =
		value && strncmp(value, RECORD_RESALE_BY_HAND, strlen(RECORD_RESALE_BY_HAND)) == 0;
	bool yes = value && strcmp(value, RECORD_RESALE_YES) == 0;
	sums->yes += yes;
	sums->cleared += by_hand && cleared;
	sums->by_hand += by_hand && !cleared;
	sums->kept += value && !by_hand && !yes;
}

/* Re-provisionings are few, so that each is looked up by itself. */
static bool count_came_back(
	struct reading *reading, const struct figures_attempt *attempt, struct err *err)
{
	static const char text[] =
		"SELECT (SELECT value FROM observation WHERE attempt_id = a.id AND name ="
		" '" RECORD_RESALE
		"' ORDER BY seq DESC LIMIT 1), EXISTS (SELECT 1 FROM unit_cleared"
		" WHERE attempt_id = a.id), EXISTS (SELECT 1 FROM observation WHERE attempt_id ="
		" a.id AND name = '" RECORD_KEY_PUT_BACK
		"'), k.attempt_id = a.id FROM attempt a LEFT JOIN"
		" device_key k ON k.fingerprint = a.key_fingerprint WHERE a.id = ?1";
	struct sql_query *query = &reading->came_back;
	struct figures_keys *keys = &reading->sums->returned_keys;
	bool row = false, pass = attempt->outcome && strcmp(attempt->outcome, "PASS") == 0;
	bool good = pass || (attempt->outcome && strcmp(attempt->outcome, "HELD") == 0);
	if (!ask(reading, query, text, attempt->id, &row, err))
		return false;
	if (row) {
		bool keyed = attempt->enrol_proof || (good && !pass);
		bool renewed = sql_column_int(query, 3, 0) != 0;
		if (pass)
			count_resale(&reading->sums->resale, sql_column_text(query, 0),
				sql_column_int(query, 1, 0) != 0);
		keys->put_back += sql_column_int(query, 2, 0);
		keys->renewed += good && keyed && renewed;
		keys->kept += good && keyed && !renewed;
	}
	sql_query_rest(query);
	return true;
}

static int by_attempt(const void *left, const void *right)
{
	return strcmp(((const struct figures_retired *)left)->attempt_id,
		((const struct figures_retired *)right)->attempt_id);
}

/* The first that is not before this attempt. They come nearly in the order of their ids, which begin with the
 * time: most lie between the two at the place where the search before ended. */
static size_t find_retired(struct reading *reading, const char *attempt_id)
{
	size_t from = 0, to = reading->retired_count, at = reading->at;
	if (at > 0 && strcmp(reading->retired[at - 1].attempt_id, attempt_id) < 0)
		from = at;
	if (at < to && strcmp(reading->retired[at].attempt_id, attempt_id) >= 0)
		to = at;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (strcmp(reading->retired[middle].attempt_id, attempt_id) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return reading->at = from;
}

static void count_retired(struct figures_keys *keys, const struct figures_retired *retired)
{
	keys->superseded += retired->superseded;
	keys->abandoned += !retired->superseded;
}

bool figures_count_beside(struct reading *reading, const struct figures_attempt *attempt,
	bool left_enrolled, struct err *err)
{
	/* One attempt may have made several. */
	for (size_t i = find_retired(reading, attempt->id);
		i < reading->retired_count &&
		strcmp(reading->retired[i].attempt_id, attempt->id) == 0;
		i++)
		count_retired(keys_of(reading, attempt->kind), &reading->retired[i]);
	return (!left_enrolled || count_enrolled(reading, attempt, err)) &&
	       (strcmp(attempt->kind, "reprovision") != 0 ||
		       count_came_back(reading, attempt, err));
}

/* Calls read for each row of query whose attempt is of the scope. The first columns are its batch_id and
 * started_at. */
static bool each_in_scope(struct reading *reading, struct sql_query *query,
	bool (*read)(struct reading *reading, const struct sql_query *query, struct err *err),
	struct err *err)
{
	bool row = false;
	while (sql_next(query, &row, err)) {
		if (!row)
			return true;
		int64_t at = sql_column_int(query, 1, -1);
		if (at >= reading->since && at < reading->until &&
			figures_has_batch(reading, sql_column_text(query, 0)) &&
			!read(reading, query, err))
			return false;
	}
	return false;
}

/* Reads a table whose rows belong to attempts: for a small scope beside its attempts, for a large one all of it,
 * because nearly all attempts have none. */
static bool read_beside(struct reading *reading, const char *of_batch, const char *all,
	bool (*read)(struct reading *reading, const struct sql_query *query, struct err *err),
	struct err *err)
{
	size_t without = !figures_only_batches(reading->scope);
	if (reading->large) {
		SCOPED_QUERY query = { 0 };
		return sql_query(&reading->record->sql, all, SQL_NOTHING, &query, err) &&
		       each_in_scope(reading, &query, read, err);
	}
	for (size_t i = 0; i < reading->batch_count + without; i++) {
		const char *id = i < reading->batch_count ? reading->batch_ids[i] : NULL;
		SCOPED_QUERY query = { 0 };
		if (!sql_query(&reading->record->sql, of_batch,
			    SQL(sql_text(id), sql_int(reading->since), sql_int(reading->until)),
			    &query, err) ||
			!each_in_scope(reading, &query, read, err))
			return false;
	}
	return true;
}

#define OF_BATCH " WHERE a.batch_id IS ?1 AND a.started_at >= ?2 AND a.started_at < ?3"

static bool remember_retired(
	struct reading *reading, const struct sql_query *query, struct err *err)
{
	if (reading->retired_count == reading->retired_room) {
		size_t room = reading->retired_room ? 2 * reading->retired_room : 256;
		struct figures_retired *more = reallocarray(reading->retired, room, sizeof *more);
		if (!more)
			return err_set(err, REASON_STATION, "no memory for %zu keys", room);
		reading->retired = more;
		reading->retired_room = room;
	}
	struct figures_retired *retired = &reading->retired[reading->retired_count++];
	retired->superseded = strcmp(sql_column_text(query, 1), "superseded") == 0;
	return sql_column_copy(query, 0, retired->attempt_id, sizeof retired->attempt_id, err);
}

bool figures_read_keys(struct reading *reading, struct err *err)
{
	/* Both from indexes alone. */
	static const char all[] =
		"SELECT attempt_id, state FROM device_key INDEXED BY device_key_retired WHERE"
		" retired_at IS NOT NULL AND attempt_id IS NOT NULL";
	static const char of_batch[] =
		"SELECT k.attempt_id, k.state FROM attempt a INDEXED BY attempt_figures CROSS JOIN"
		" device_key k INDEXED BY device_key_retired ON k.attempt_id = a.id" OF_BATCH
		" AND k.retired_at IS NOT NULL";
	size_t without = !figures_only_batches(reading->scope), count = reading->batch_count;
	for (size_t i = 0; i < (reading->large ? 1 : count + without); i++) {
		const char *id = i < count ? reading->batch_ids[i] : NULL;
		bool row = true;
		SCOPED_QUERY query = { 0 };
		if (!sql_query(&reading->record->sql, reading->large ? all : of_batch,
			    reading->large ? SQL_NOTHING
					   : SQL(sql_text(id), sql_int(reading->since),
						     sql_int(reading->until)),
			    &query, err))
			return false;
		while (row)
			if (!sql_next(&query, &row, err) ||
				(row && !remember_retired(reading, &query, err)))
				return false;
	}
	if (reading->retired_count)
		qsort(reading->retired, reading->retired_count, sizeof *reading->retired,
			by_attempt);
	return true;
}

static bool pass_finding(struct reading *reading, const struct sql_query *query, struct err *err)
{
	const struct figures_finding finding = {
		.unit = sql_column_text(query, 2),
		.subject = sql_column_text(query, 3),
		.state = sql_column_text(query, 4),
		.reason = sql_column_text(query, 5),
	};
	return reading->reader->finding(reading->reader->context, &finding) || figures_stopped(err);
}

bool figures_read_findings(struct reading *reading, struct err *err)
{
#define FINDINGS \
	"SELECT a.batch_id, a.started_at, coalesce(a.device_id, a.id), f.subject, f.state," \
	" f.reason FROM "
	static const char of_batch[] =
		FINDINGS "attempt a CROSS JOIN finding f ON f.attempt_id = a.id" OF_BATCH
			 " ORDER BY a.started_at, a.id, f.seq";
	static const char all[] = FINDINGS
		"finding f CROSS JOIN attempt a ON a.id = f.attempt_id ORDER BY f.attempt_id, f.seq";
	return read_beside(reading, of_batch, all, pass_finding, err);
}
