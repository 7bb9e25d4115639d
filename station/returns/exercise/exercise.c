/* SPDX-License-Identifier: Apache-2.0 */
#include "exercise.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "diagnose.h"
#include "exercise_private.h"

/* One exercise under way. */
struct exercising {
	struct exercise_bench bench;
	const struct exercise_plan *plan;
	struct findings *findings;
	uint32_t has[UINT8_MAX + 1]; /* bytes that each alternate setting has at least */
};

/* What came out of the sectors of one region. */
struct tally {
	const struct family_region *region;
	unsigned tested, bad, beyond;
	uint32_t first, end;          /* of what was tested */
	struct exercise_defect worst; /* of the first bad one */
};

/* --- sizes --- */

static bool find_sizes(struct exercising *it, struct err *err)
{
	const struct exercise_plan *plan = it->plan;
	for (size_t i = 0; i < plan->count; i++) {
		uint8_t alt = plan->sectors[i].alt;
		if (it->has[alt])
			continue;
		if (!exercise_size(&it->bench, plan, alt, it->findings, &it->has[alt], err))
			return false;
	}
	return true;
}

/* --- patterns --- */

/* Everything that it shall take. The first defect ends it: what it does not hold is known then, and
 * each further write might cost what is left of its old contents. */
static bool run_stages(struct exercise_bench *bench, struct exercise_defect *ret, struct err *err)
{
	static const int stages[] = { -1, PATTERN_ADDRESS, PATTERN_COMPLEMENT, -1 };
	const struct exercise_entry *entry = &bench->entry;
	for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
		uint8_t *bytes = stages[i] < 0 ? NULL : bench->pattern;
		if (cancel_is_set(bench->unit->cancel))
			return err_set(err, REASON_STOPPED, "stopped while exercising 0x%08" PRIx32,
				entry->addr);
		if (bytes)
			exercise_fill((enum exercise_pattern)stages[i], bench->seed, entry->addr,
				bytes, entry->size);
		if (!exercise_stage(bench, bytes, ret, err))
			return false;
		if (ret->count)
			return true;
	}
	return true;
}

/* What is taken apart is put together again, whatever happened in between, unless the unit is gone. */
static bool test_sector(struct exercising *it, const struct exercise_sector *sector,
	struct exercise_defect *ret, struct err *err)
{
	struct exercise_bench *bench = &it->bench;
	struct dfu *dfu = bench->unit->dfu;
	struct err why;
	if (!exercise_take(bench, sector, ret, err))
		return false;
	if (ret->count)
		return true;
	const struct cancel *cancel = dfu->cancel;
	dfu->cancel = NULL;
	bool good = run_stages(bench, ret, &why);
	dfu->cancel = cancel;
	if (!dfu->gone && !exercise_put_back(bench, it->findings, err))
		return false;
	if (!good)
		*err = why;
	return good;
}

static bool is_beyond(const struct exercising *it, const struct exercise_sector *sector)
{
	struct exercise_memory memory = exercise_memory(it->bench.unit->family, sector->alt);
	return memory.len &&
	       sector->addr - memory.base + (uint64_t)sector->size > it->has[sector->alt];
}

static void tell(struct exercising *it, const struct tally *tally)
{
	const struct exercise_defect *worst = &tally->worst;
	char beyond[96] = "";
	if (tally->beyond)
		snprintf(beyond, sizeof beyond,
			"; %u sectors were left out, as they may be others of the same memory",
			tally->beyond);
	if (tally->bad)
		finding_add(it->findings, FINDING_CODE_FLASH_BAD, tally->region->name,
			"%u of %u sectors; first at 0x%08" PRIx32 ": expected %02x, found %02x; "
			"%" PRIu32 " bytes of that sector differ%s%s",
			tally->bad, tally->tested, worst->addr, worst->expected, worst->found,
			worst->count, worst->refused ? ", the unit refused the write" : "", beyond);
	else if (tally->tested)
		finding_add(it->findings, FINDING_CODE_FLASH_GOOD, tally->region->name,
			"%u sectors from 0x%08" PRIx32 " to 0x%08" PRIx32
			" take and hold what is written%s",
			tally->tested, tally->first, tally->end - 1, beyond);
	else
		finding_add(it->findings, FINDING_CODE_NOT_EXERCISED, tally->region->name, "%s",
			beyond + strlen("; "));
}

static bool test_region(struct exercising *it, size_t *at, struct err *err)
{
	const struct exercise_plan *plan = it->plan;
	struct tally tally = { .region = plan->sectors[*at].region };
	bool good = true;
	for (; good && *at < plan->count && plan->sectors[*at].region == tally.region; ++*at) {
		const struct exercise_sector *sector = &plan->sectors[*at];
		struct exercise_defect defect = { 0 };
		if (it->bench.unit->progress)
			it->bench.unit->progress(it->bench.unit->context, *at, plan->count);
		if (is_beyond(it, sector)) {
			tally.beyond++;
			continue;
		}
		if (!tally.tested++)
			tally.first = sector->addr;
		tally.end = sector->addr + sector->size;
		good = test_sector(it, sector, &defect, err);
		if (defect.count && !tally.bad++)
			tally.worst = defect;
	}
	/* Of one that was not finished nothing good is said. */
	if (good || tally.bad)
		tell(it, &tally);
	return good;
}

static bool test_patterns(struct exercising *it, struct err *err)
{
	for (size_t at = 0; at < it->plan->count;)
		if (!test_region(it, &at, err))
			return false;
	if (it->bench.unit->progress)
		it->bench.unit->progress(it->bench.unit->context, it->plan->count, it->plan->count);
	return true;
}

/* --- steps --- */

static bool run_step(struct exercising *it, const char *name,
	bool (*run)(struct exercising *it, struct err *err), struct err *err)
{
	const struct exercise_unit *unit = it->bench.unit;
	unsigned seq = 0;
	size_t begin = it->findings->count;
	struct err store;
	char again[64] = "";
	it->bench.again = 0;
	if (!record_step_begin(unit->record, unit->attempt_id, name, 1, &seq, err))
		return false;
	bool good = run(it, err);
	enum outcome outcome = good                          ? OUTCOME_PASS
			       : err_kind(err) == ERR_CANCEL ? OUTCOME_ABORTED
							     : OUTCOME_FAIL;
	if (it->bench.again)
		snprintf(again, sizeof again, "%u %s tried again", it->bench.again,
			it->bench.again == 1 ? "operation was" : "operations were");
	if (!diagnose_keep_for(unit->record, unit->attempt_id, it->findings, begin, &store) ||
		!record_step_end(unit->record, unit->attempt_id, seq, outcome,
			good ? REASON_NONE : err->reason,
			!good      ? err->text
			: again[0] ? again
				   : NULL,
			&store)) {
		*err = store;
		return false;
	}
	return good;
}

bool exercise(const struct exercise_unit *unit, const struct exercise_plan *plan,
	struct findings *findings, struct err *err)
{
	struct exercising it = { .plan = plan, .findings = findings };
	uint32_t size_max = 0;
	/* The sector for a mark may be another one. */
	for (size_t i = 0; i < unit->family->alt_count; i++)
		for (size_t k = 0; k < unit->family->alts[i].layout.count; k++)
			if (unit->family->alts[i].layout.segments[k].sector_size > size_max)
				size_max = unit->family->alts[i].layout.segments[k].sector_size;
	bool good = exercise_bench_open(&it.bench, unit, size_max, err) &&
		    exercise_journal_open(it.bench.state, unit->device_id, err) &&
		    run_step(&it, "exercise-size", find_sizes, err) &&
		    run_step(&it, "exercise-pattern", test_patterns, err);
	exercise_bench_close(&it.bench);
	return good;
}
