/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, findings and resale of a scope: few rows beside many attempts. */
#include <string.h>

#include "figures_private.h"
#include "resale.h"

/* They are few, so that each is looked up by itself. */
bool figures_count_resale(struct reading *reading, const char *attempt_id, struct err *err)
{
	static const char text[] =
		"SELECT value, EXISTS (SELECT 1 FROM unit_cleared c WHERE c.attempt_id ="
		" o.attempt_id) FROM observation o WHERE o.attempt_id = ?1 AND o.name = '" RECORD_RESALE
		"' ORDER BY seq DESC LIMIT 1";
	struct sql_query *query = &reading->resale;
	struct figures_resale *sums = &reading->sums->resale;
	bool row = false;
	if (!(query->statement ? sql_query_again(query, SQL(sql_text(attempt_id)), err)
			       : sql_query(&reading->record->sql, text, SQL(sql_text(attempt_id)),
					 query, err)) ||
		!sql_next(query, &row, err))
		return false;
	const char *value = row ? sql_column_text(query, 0) : NULL;
	bool by_hand =
		value && strncmp(value, RECORD_RESALE_BY_HAND, strlen(RECORD_RESALE_BY_HAND)) == 0;
	bool cleared = row && sql_column_int(query, 1, 0);
	sums->yes += value && strcmp(value, RECORD_RESALE_YES) == 0;
	sums->cleared += by_hand && cleared;
	sums->by_hand += by_hand && !cleared;
	sums->kept += value && !by_hand && strcmp(value, RECORD_RESALE_YES) != 0;
	sql_query_rest(query);
	return true;
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

static bool count_retired(struct reading *reading, const struct sql_query *query, struct err *err)
{
	const char *state = sql_column_text(query, 2);
	(void)err;
	reading->sums->keys.superseded += strcmp(state, "superseded") == 0;
	reading->sums->keys.abandoned += strcmp(state, "abandoned") == 0;
	return true;
}

bool figures_read_keys(struct reading *reading, struct err *err)
{
	static const char of_batch[] =
		"SELECT a.batch_id, a.started_at, k.state FROM attempt a CROSS JOIN device_key k"
		" INDEXED BY device_key_retired ON k.attempt_id = a.id" OF_BATCH
		" AND k.retired_at IS NOT NULL";
	static const char all[] =
		"SELECT a.batch_id, a.started_at, k.state FROM device_key k INDEXED BY"
		" device_key_retired CROSS JOIN attempt a ON a.id = k.attempt_id WHERE"
		" k.retired_at IS NOT NULL";
	return read_beside(reading, of_batch, all, count_retired, err);
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
