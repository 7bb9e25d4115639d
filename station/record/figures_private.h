/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of a scope share. Private to this folder. */
#pragma once

/* Which batches are of a scope: ?1 id, ?2 work order, ?3 job, ?4 station, ?5 since, ?6 until, ?7: only
 * the newest that provisions. */
#define FIGURES_BATCH_IN_SCOPE \
	" (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR work_order = ?2) AND (?3 IS NULL OR job_name" \
	" = ?3) AND (?4 IS NULL OR station_id = ?4) AND coalesce(ended_at, ?6) >= ?5 AND" \
	" started_at < ?6 AND (NOT ?7 OR id = (SELECT id FROM batch WHERE kind = 'provision' ORDER" \
	" BY started_at DESC, id DESC LIMIT 1))"
