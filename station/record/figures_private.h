/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of a scope share. Private to this folder. */
#pragma once

#include "figures.h"
#include "record_private.h"

/* Which batches are of a scope: ?1 id, ?2 work order, ?3 job, ?4 station, ?5 since, ?6 until, ?7: only
 * the newest that provisions. */
#define FIGURES_BATCH_IN_SCOPE \
	" (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR work_order = ?2) AND (?3 IS NULL OR job_name" \
	" = ?3) AND (?4 IS NULL OR station_id = ?4) AND coalesce(ended_at, ?6) >= ?5 AND" \
	" started_at < ?6 AND (NOT ?7 OR id = (SELECT id FROM batch WHERE kind <> 'verify' ORDER" \
	" BY started_at DESC, id DESC LIMIT 1))"

struct figures_retired {
	char attempt_id[UUID_TEXT];
	bool superseded; /* otherwise abandoned */
};

struct reading {
	struct record *record;
	const struct figures_scope *scope;
	const struct figures_reader *reader;
	char (*batch_ids)[UUID_TEXT];
	char (*sorted_ids)[UUID_TEXT];
	size_t batch_count, room;
	bool large; /* more than SMALL_SCOPE attempts */
	struct sql_query enrolled, came_back;
	/* Of a large scope: who made a key that is retired by now, by attempt, whatever its batch. They are met
	 * nearly in this order; at is behind the last one. */
	struct figures_retired *retired;
	size_t retired_count, retired_room, at;
	int64_t since, until; /* INT64_MAX: open */
	struct figures_sums *sums;
};

/* REASON_STOPPED: a callback wanted no more. */
bool figures_stopped(struct err *err);
/* Is it about batches alone, so that attempts without one are none of it? */
bool figures_only_batches(const struct figures_scope *scope);
/* NULL: attempts without one. After the batches were sorted. */
bool figures_has_batch(const struct reading *reading, const char *batch_id);
/* figures_beside.c */
/* What of its keys and of its resale is not in its row. After figures_read_keys. */
bool figures_count_beside(struct reading *reading, const struct figures_attempt *attempt,
	bool left_enrolled, struct err *err) MUST_CHECK;
bool figures_read_keys(struct reading *reading, struct err *err) MUST_CHECK;
bool figures_read_findings(struct reading *reading, struct err *err) MUST_CHECK;
