/* SPDX-License-Identifier: Apache-2.0 */
/* The sums that reports read, against the steps that they sum up. */
#include "audit_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scope.h"
#include "sums.h"

static bool is_empty(const struct tally_step *step)
{
	return step->passed_first + step->passed_later + step->failed == 0;
}

static bool same_times(const struct times *a, const struct times *b)
{
	return memcmp(a->buckets, b->buckets, TIMES_BUCKETS * sizeof *a->buckets) == 0;
}

/* A step that nobody passed has no times at all. */
static bool same_step(const struct tally_step *a, const struct tally_step *b)
{
	if (strcmp(a->name, b->name) != 0 || a->place != b->place ||
		a->passed_first != b->passed_first || a->passed_later != b->passed_later ||
		a->failed != b->failed || a->tries != b->tries || a->times.count != b->times.count)
		return false;
	return a->times.count == 0 || same_times(&a->times, &b->times);
}

static void compare(struct audit *audit, const char *batch_id, int64_t hour, struct tally *steps,
	struct tally *sums)
{
	char where[128];
	size_t kept = 0;
	snprintf(where, sizeof where, "step_sum of batch %s, hour %" PRId64, batch_id, hour);
	for (size_t i = 0; i < steps->count; i++) {
		const struct tally_step *step = &steps->steps[i];
		size_t k = 0;
		if (is_empty(step))
			continue;
		kept++;
		while (k < sums->count && strcmp(sums->steps[k].name, step->name) != 0)
			k++;
		if (k == sums->count)
			audit_tell(audit, where, "step %s is not in it", step->name);
		else if (!same_step(step, &sums->steps[k]))
			audit_tell(audit, where, "step %s: the tries of its attempts say otherwise",
				step->name);
	}
	if (kept < sums->count)
		audit_tell(audit, where, "holds steps that no attempt has had");
}

static bool check_hour(struct audit *audit, const char *batch_id, int64_t hour, struct err *err)
{
	SCOPED_TALLY struct tally *steps = calloc(1, sizeof *steps);
	SCOPED_TALLY struct tally *sums = calloc(1, sizeof *sums);
	struct err damaged;
	if (!steps || !sums)
		return err_set(err, REASON_STATION, "no memory for the sums of a batch");
	if (!sums_tally(audit->record, batch_id, hour * SUMS_HOUR_MS, (hour + 1) * SUMS_HOUR_MS,
		    steps, err))
		return false;
	if (sums_load(audit->record, batch_id, hour, hour + 1, sums, &damaged))
		compare(audit, batch_id, hour, steps, sums);
	else
		audit_tell(audit, "step_sum", "%s", damaged.text);
	return true;
}

bool audit_steps(struct audit *audit, struct err *err)
{
	static const char text[] =
		"SELECT batch_id, hour FROM step_sum UNION SELECT batch_id, started_at / 3600000"
		" FROM attempt WHERE kind = 'provision' AND batch_id IS NOT NULL AND ended_at IS"
		" NOT NULL";
	SCOPED_QUERY query = { 0 };
	if (!audit_rules(audit, err) ||
		!sql_query(&audit->record->sql, text, SQL_NOTHING, &query, err))
		return false;
	for (;;) {
		bool row = false;
		char batch_id[UUID_TEXT];
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			return true;
		if (!sql_column_copy(&query, 0, batch_id, sizeof batch_id, err) ||
			!check_hour(audit, batch_id, sql_column_int(&query, 1, 0), err))
			return false;
	}
}
