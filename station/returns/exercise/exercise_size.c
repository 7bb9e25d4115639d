/* SPDX-License-Identifier: Apache-2.0 */
/* A part that is smaller than it says shows the same cells again at each multiple of its size. So two
 * places a power of two apart that hold different bytes prove that it is larger than that, and most
 * units prove all of it like that, by reading. What is left is told by a mark in one sector, which is
 * looked for at the places where it would show; nothing is ever written at those places, because on
 * a small part they are other sectors, and on a Core the lowest ones hold its keys. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "exercise_private.h"
#include "flash.h"
#include "scope.h"
#include "secret.h"

enum { SIZES_MAX = 32 };

/* One memory, and blocks of it: they may be of a key, if its slot shows at another place. */
struct sizing {
	struct exercise_bench *bench;
	struct exercise_memory memory;
	uint32_t block;
	uint8_t *a, *b, *a_again, *b_again; /* locked memory */
};

static bool read_block(struct sizing *it, uint32_t offset, uint8_t *to, struct err *err)
{
	struct err lost;
	struct dfu *dfu = it->bench->unit->dfu;
	uint32_t addr = it->memory.base + offset;
	if (flash_read(dfu, it->memory.alt, addr, to, it->block, NULL, err))
		return true;
	if (dfu->gone || err_kind(err) != ERR_LINK || !dfu_recover(dfu, &lost))
		return false;
	it->bench->again++;
	return flash_read(dfu, it->memory.alt, addr, to, it->block, NULL, err);
}

/* Two places that differ, each of which reads the same again: cells that waver would prove a memory
 * that is not there, and what is tested then might be a key. */
static bool differ(struct sizing *it, uint32_t first, uint32_t second, bool *ret, struct err *err)
{
	*ret = false;
	if (!read_block(it, first, it->a, err) || !read_block(it, second, it->b, err))
		return false;
	if (memcmp(it->a, it->b, it->block) == 0)
		return true;
	if (!read_block(it, first, it->a_again, err) || !read_block(it, second, it->b_again, err))
		return false;
	*ret = memcmp(it->a, it->a_again, it->block) == 0 &&
	       memcmp(it->b, it->b_again, it->block) == 0;
	return true;
}

static uint32_t largest_distance(uint32_t len)
{
	uint32_t distance = 1u << 31;
	while (distance >= len)
		distance /= 2;
	return distance;
}

/* From the largest distance down: a difference proves everything below it, too. */
static bool find_bound(struct sizing *it, struct err *err)
{
	const struct layout *layout = &family_alt(it->memory.family, it->memory.alt)->layout;
	uint32_t least = it->memory.bound;
	for (uint32_t distance = largest_distance(it->memory.len); distance >= least;
		distance /= 2) {
		struct layout_sector sector = { 0 };
		for (uint32_t at = 0; at < distance && at + distance < it->memory.len;
			at = sector.addr + sector.size - it->memory.base) {
			bool apart = false;
			if (!layout_sector_at(layout, it->memory.base + at, &sector) ||
				!differ(it, at, at + distance, &apart, err))
				return false;
			if (cancel_is_set(it->bench->unit->cancel))
				return err_set(
					err, REASON_STOPPED, "stopped while sizing a memory");
			if (!apart)
				continue;
			it->memory.bound =
				distance > it->memory.len / 2 ? it->memory.len : distance * 2;
			return true;
		}
	}
	return true;
}

/* A sector that the mark may fall on holds nothing, so nothing is lost. */
static bool is_empty(struct sizing *it, uint32_t addr, uint32_t size, bool *ret, struct err *err)
{
	*ret = true;
	for (uint32_t at = 0; *ret && at < size; at += it->block) {
		if (!read_block(it, addr - it->memory.base + at, it->a, err))
			return false;
		*ret = bytes_all(it->a, it->block, 0xff);
	}
	return true;
}

static bool may_be_marked(
	struct sizing *it, const struct exercise_sector *sector, bool *ret, struct err *err)
{
	*ret = true;
	for (uint64_t size = it->memory.bound; *ret && size < it->memory.len; size *= 2) {
		uint32_t other = exercise_fold(&it->memory, sector->addr, (uint32_t)size);
		if (other != sector->addr && !is_empty(it, other, sector->size, ret, err))
			return false;
	}
	return true;
}

/* Which sizes show the mark that stands in the sector now. */
static bool look_for(struct sizing *it, const struct exercise_sector *sector, const uint8_t *mark,
	bool seen[SIZES_MAX], struct err *err)
{
	size_t i = 0;
	for (uint64_t size = it->memory.bound; size < it->memory.len; size *= 2, i++) {
		uint32_t there = (sector->addr - it->memory.base) ^ (uint32_t)size;
		if (!read_block(it, there, it->b, err))
			return false;
		seen[i] = seen[i] && memcmp(it->b, mark, it->block) == 0;
	}
	return true;
}

/* The mark, and its complement; both have to show. */
static bool mark(struct sizing *it, const struct exercise_sector *sector, bool seen[SIZES_MAX],
	struct exercise_defect *defect, struct err *err)
{
	struct exercise_bench *bench = it->bench;
	for (int i = 0; i < 2 && !defect->count; i++) {
		exercise_fill(i ? PATTERN_COMPLEMENT : PATTERN_ADDRESS, bench->seed, sector->addr,
			bench->pattern, sector->size);
		if (!exercise_stage(bench, bench->pattern, defect, err) ||
			(!defect->count && !look_for(it, sector, bench->pattern, seen, err)))
			return false;
	}
	return true;
}

static void not_told(struct sizing *it, struct findings *findings, const char *why)
{
	char subject[FINDING_SUBJECT_MAX];
	snprintf(subject, sizeof subject, "alt%u", it->memory.alt);
	finding_add(findings, FINDING_CODE_SIZE_UNPROVEN, subject,
		"announces %" PRIu32 " KiB, has at least %" PRIu32 "; %s", it->memory.len / 1024,
		it->memory.bound / 1024, why);
}

static void judge(struct sizing *it, const struct exercise_sector *sector, const bool *seen,
	struct findings *findings)
{
	char subject[FINDING_SUBJECT_MAX];
	size_t i = 0;
	uint64_t size = it->memory.bound;
	while (size < it->memory.len && !seen[i]) {
		size *= 2;
		i++;
	}
	if (size >= it->memory.len) {
		it->memory.bound = it->memory.len;
		return;
	}
	snprintf(subject, sizeof subject, "alt%u", it->memory.alt);
	finding_add(findings, FINDING_CODE_FLASH_SIZE, subject,
		"it announces %" PRIu32 " KiB and has %" PRIu32 ": what is written at 0x%08" PRIx32
		" is at 0x%08" PRIx32 " too",
		it->memory.len / 1024, (uint32_t)(size / 1024), sector->addr,
		it->memory.base + ((sector->addr - it->memory.base) ^ (uint32_t)size));
	it->memory.bound = (uint32_t)size;
}

/* Between the first erase and the end nobody is stopped. */
static bool mark_and_put_back(struct sizing *it, const struct exercise_sector *sector,
	struct findings *findings, struct err *err)
{
	struct exercise_bench *bench = it->bench;
	struct exercise_defect defect = { 0 };
	struct err why;
	bool seen[SIZES_MAX];
	memset(seen, true, sizeof seen);
	if (!exercise_take(bench, sector, &defect, err))
		return false;
	if (defect.count) {
		not_told(it, findings, "two readings of the sector for the mark differ");
		return true;
	}
	const struct cancel *cancel = bench->unit->dfu->cancel;
	bench->unit->dfu->cancel = NULL;
	bool good = mark(it, sector, seen, &defect, &why);
	bench->unit->dfu->cancel = cancel;
	if (!bench->unit->dfu->gone && !exercise_put_back(bench, findings, err))
		return false;
	if (!good)
		*err = why;
	else if (defect.count)
		not_told(it, findings, "the sector for the mark does not hold it");
	else
		judge(it, sector, seen, findings);
	return good;
}

/* One of the plan's, or else one that is in use: a memory whose contents repeat is suspect as a whole.
 * ret->size 0: there is none. */
static bool choose_sector(struct sizing *it, const struct exercise_plan *plan,
	struct exercise_sector *ret, struct err *err)
{
	bool may = false;
	SCOPED_FREE struct exercise_plan *all = calloc(1, sizeof *all);
	if (!all)
		return err_set(err, REASON_STATION, "no memory for the choice of sectors");
	if (!exercise_choose_all(it->memory.family, it->memory.alt, all, err))
		return false;
	const struct exercise_plan *const choices[] = { plan, all };
	*ret = (struct exercise_sector){ 0 };
	for (int i = 0; i < 2 && !may; i++) {
		const struct exercise_sector *sector =
			exercise_mark_sector(choices[i], &it->memory);
		if (sector && !may_be_marked(it, sector, &may, err))
			return false;
		if (may)
			*ret = *sector;
	}
	return true;
}

static bool probe(struct sizing *it, const struct exercise_plan *plan, struct findings *findings,
	struct err *err)
{
	struct exercise_sector sector;
	if (!choose_sector(it, plan, &sector, err))
		return false;
	if (!sector.size) {
		not_told(it, findings,
			"its contents repeat, and there is no sector where a mark would harm nothing");
		return true;
	}
	return mark_and_put_back(it, &sector, findings, err);
}

bool exercise_size(struct exercise_bench *bench, const struct exercise_plan *plan, uint8_t alt,
	struct findings *findings, uint32_t *ret_bytes, struct err *err)
{
	struct sizing it = { .bench = bench,
		.memory = exercise_memory(bench->unit->family, alt),
		.block = bench->unit->dfu->transfer_size };
	if (!it.memory.len) {
		*ret_bytes = UINT32_MAX;
		return true;
	}
	/* No block reaches out of a sector. */
	if (it.block > it.memory.bound)
		it.block = it.memory.bound;
	SCOPED_SECRET uint8_t *blocks = secret_alloc((size_t)it.block * 4, err);
	if (!blocks)
		return false;
	it.a = blocks;
	it.b = blocks + it.block;
	it.a_again = it.b + it.block;
	it.b_again = it.a_again + it.block;
	if (!find_bound(&it, err) ||
		(it.memory.bound < it.memory.len && !probe(&it, plan, findings, err)))
		return false;
	*ret_bytes = it.memory.bound;
	return true;
}
