/* SPDX-License-Identifier: Apache-2.0 */
#include "exercise_plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static bool overlap(uint32_t a, uint64_t a_len, uint32_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

static bool is_under(const struct family_region *region, const struct exercise_sector *sector)
{
	return region->alt == sector->alt &&
	       overlap(region->addr, region->size, sector->addr, sector->size);
}

bool exercise_range_parse(const char *text, struct exercise_range *ret, struct err *err)
{
	char *end;
	unsigned long long addr = strtoull(text, &end, 0), len = 0;
	bool good =
		text[0] >= '0' && text[0] <= '9' && *end == '+' && end[1] >= '0' && end[1] <= '9';
	if (good)
		len = strtoull(end + 1, &end, 0);
	if (!good || *end || !len || addr > UINT32_MAX || len > UINT32_MAX - addr)
		return err_set(err, REASON_INPUT,
			"'%s' is no range: ADDRESS+LENGTH, as in 0x60000+0x20000", text);
	*ret = (struct exercise_range){ (uint32_t)addr, (uint32_t)len };
	return true;
}

/* --- what is never written to --- */

/* A slot's sectors hold the slot and what stands beside it, which is put back by reading: a key would
 * have to lie in our journal. */
static bool holds_key(const struct family *family, const struct exercise_sector *sector)
{
	for (size_t i = 0; i < family->key_slot_count; i++) {
		const struct family_key_slot *slot = &family->key_slots[i];
		if (slot->alt == sector->alt &&
			overlap(slot->addr, slot->format.size, sector->addr, sector->size))
			return true;
	}
	return false;
}

static const char *protection_of(const struct family *family, const struct exercise_sector *sector)
{
	const struct family_alt *alt = family_alt(family, sector->alt);
	if (!alt || alt->memory != MEMORY_NOR ||
		!layout_allows(&alt->layout, sector->addr, sector->size,
			LAYOUT_READ | LAYOUT_ERASE | LAYOUT_WRITE) ||
		sector->addr < alt->access_start ||
		sector->addr + (uint64_t)sector->size > alt->access_end)
		return "it is not flash that DFU erases and writes";
	if (holds_key(family, sector))
		return "a key stands there";
	for (size_t i = 0; i < family->volatile_count; i++)
		if (family->volatiles[i].alt == sector->alt &&
			overlap(family->volatiles[i].addr, family->volatiles[i].size, sector->addr,
				sector->size))
			return "the unit itself writes there";
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_region *region = &family->regions[i];
		if (!is_under(region, sector))
			continue;
		if (!region->writable)
			return "its region is not for writing by DFU";
		if (region->system_part)
			return "a system part stands there, which the unit may start before it is "
			       "whole again";
	}
	return NULL;
}

const char *exercise_protection(
	const struct family *family, uint8_t alt, uint32_t addr, uint32_t size)
{
	const struct exercise_sector sector = { .alt = alt, .addr = addr, .size = size };
	return protection_of(family, &sector);
}

/* --- what is in use --- */

static bool is_written(const struct plan *plan, const struct exercise_sector *sector)
{
	for (size_t i = 0; i < plan->stand_count; i++)
		if (plan->stands[i].alt == sector->alt &&
			overlap(plan->stands[i].addr, plan->stands[i].len, sector->addr,
				sector->size))
			return true;
	return false;
}

static bool was_left(const struct exercise_wishes *wishes, const struct exercise_sector *sector)
{
	for (size_t i = 0; i < wishes->left_count; i++)
		if (wishes->left[i].alt == sector->alt &&
			overlap(wishes->left[i].range.addr, wishes->left[i].range.len, sector->addr,
				sector->size))
			return true;
	return false;
}

static bool is_used(const struct exercise_wishes *wishes, const struct exercise_sector *sector)
{
	const struct family *family = wishes->family;
	if (wishes->plan)
		return is_written(wishes->plan, sector);
	for (size_t i = 0; i < family->region_count; i++)
		if (is_under(&family->regions[i], sector) &&
			(wishes->has_module[i] || (!wishes->known && !family->regions[i].module)))
			return true;
	return was_left(wishes, sector);
}

/* --- the choice --- */

/* Is the name one of a list "ota,spi-user"? */
static bool listed(const char *list, const char *name)
{
	size_t len = strlen(name);
	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || !at[len]))
			return true;
	}
	return false;
}

static bool check_names(const struct exercise_wishes *wishes, struct err *err)
{
	for (const char *at = wishes->regions; at; at = strchr(at, ',')) {
		char name[FAMILY_NAME_MAX];
		at += *at == ',';
		if (!text_format(name, sizeof name, "%.*s", (int)strcspn(at, ","), at) ||
			!family_region(wishes->family, name))
			return err_set(err, REASON_INPUT, "--regions: %s has no region %s",
				wishes->family->title, name);
	}
	return true;
}

/* The region that names a sector, the smallest of those that are asked for; NULL: none does. */
static const struct family_region *name_of(const struct exercise_wishes *wishes,
	const struct exercise_sector *sector, bool *ret_suspect, bool *ret_waits)
{
	const struct family_region *named = NULL;
	bool clean = false;
	*ret_suspect = *ret_waits = false;
	for (size_t i = 0; i < wishes->family->region_count; i++) {
		const struct family_region *region = &wishes->family->regions[i];
		if (!is_under(region, sector))
			continue;
		*ret_suspect |= wishes->suspect[i];
		clean |= !wishes->suspect[i];
		*ret_waits |= wishes->waits[i];
		if ((!named || region->size < named->size) &&
			(!wishes->regions || listed(wishes->regions, region->name)))
			named = region;
	}
	/* A factory image that is whole stays alone, though the update region reaches over it. */
	*ret_suspect &= !clean;
	return named;
}

/* *ret: is it to be tested? False if somebody asked for what is never. */
static bool is_wanted(const struct exercise_wishes *wishes, struct exercise_sector *sector,
	bool *ret, struct err *err)
{
	bool suspect, waits;
	const struct exercise_range *range = wishes->range;
	const char *protection = protection_of(wishes->family, sector);
	sector->region = name_of(wishes, sector, &suspect, &waits);
	*ret = false;
	if (range && !overlap(range->addr, range->len, sector->addr, sector->size))
		return true;
	if (!protection && waits)
		protection = "something waits there that its firmware is going to take";
	if (range && protection)
		return err_set(err, REASON_INPUT,
			"0x%08" PRIx32 " is never exercised: %s; give another range", sector->addr,
			protection);
	*ret = !protection && sector->region && (range || suspect || !is_used(wishes, sector));
	return true;
}

static bool choose_in(const struct exercise_wishes *wishes, const struct family_alt *alt,
	struct exercise_plan *plan, struct err *err)
{
	for (size_t i = 0; i < alt->layout.count; i++) {
		const struct layout_segment *segment = &alt->layout.segments[i];
		for (uint32_t k = 0; k < segment->count; k++) {
			struct exercise_sector sector = { .alt = alt->alt,
				.addr = segment->addr + k * segment->sector_size,
				.size = segment->sector_size };
			bool wanted;
			if (!is_wanted(wishes, &sector, &wanted, err))
				return false;
			if (!wanted)
				continue;
			if (plan->count == EXERCISE_SECTORS_MAX)
				return err_set(err, REASON_INPUT,
					"more than %d sectors: give a range", EXERCISE_SECTORS_MAX);
			plan->sectors[plan->count++] = sector;
			plan->bytes += sector.size;
			plan->time_ms += exercise_time_ms(wishes->family, &sector);
		}
	}
	return true;
}

bool exercise_choose(
	const struct exercise_wishes *wishes, struct exercise_plan *ret, struct err *err)
{
	*ret = (struct exercise_plan){ 0 };
	if (!check_names(wishes, err))
		return false;
	for (size_t i = 0; i < wishes->family->alt_count; i++)
		if (wishes->family->alts[i].memory == MEMORY_NOR && !wishes->missing[i] &&
			!choose_in(wishes, &wishes->family->alts[i], ret, err))
			return false;
	return ret->count ||
	       err_set(err, REASON_INPUT,
		       wishes->plan || wishes->known || wishes->range
			       ? "no flash is left to exercise: all of it is in use or must not be "
				 "written"
			       : "nobody knows what the unit uses of its flash: give --job, or a "
				 "range");
}

bool exercise_choose_all(
	const struct family *family, uint8_t alt, struct exercise_plan *ret, struct err *err)
{
	struct exercise_wishes wishes = { .family = family };
	memset(wishes.suspect, true, sizeof wishes.suspect);
	*ret = (struct exercise_plan){ 0 };
	return choose_in(&wishes, family_alt(family, alt), ret, err);
}

uint64_t exercise_time_ms(const struct family *family, const struct exercise_sector *sector)
{
	/* The old contents are read twice; each pattern and each erase is read back, and the end. */
	enum { READS = 2 + 3 + 2 + 1, WRITES = 3 };
	const struct family_alt *alt = family_alt(family, sector->alt);
	uint64_t us = (uint64_t)EXERCISE_CYCLES * alt->erase_us_per_kib +
		      (uint64_t)WRITES * alt->write_us_per_kib +
		      (uint64_t)READS * alt->read_us_per_kib;
	return us * sector->size / 1024 / 1000;
}

/* --- the size of a memory --- */

struct exercise_memory exercise_memory(const struct family *family, uint8_t alt)
{
	struct exercise_memory memory = { .family = family, .alt = alt };
	const struct layout *layout = &family_alt(family, alt)->layout;
	uint64_t end = layout->segments[0].addr;
	memory.base = layout->segments[0].addr;
	memory.bound = 1u << 31;
	for (size_t i = 0; i < layout->count; i++) {
		const struct layout_segment *segment = &layout->segments[i];
		if (segment->addr != end)
			return memory;
		while (memory.bound > segment->sector_size)
			memory.bound /= 2;
		end += (uint64_t)segment->sector_size * segment->count;
	}
	memory.len = end - memory.base <= UINT32_MAX ? (uint32_t)(end - memory.base) : 0;
	return memory;
}

uint32_t exercise_fold(const struct exercise_memory *memory, uint32_t addr, uint32_t size)
{
	return memory->base + (addr - memory->base) % size;
}

/* On how many other sectors it may fall, protected ones weighing more; -1: on one with a key, or some
 * size would not show. */
static int falls_on(const struct exercise_memory *memory, const struct exercise_sector *sector)
{
	enum { PROTECTED = 100 };
	int count = 0;
	uint32_t last = sector->addr;
	for (uint64_t size = memory->bound; size < memory->len; size *= 2) {
		struct exercise_sector other = *sector;
		other.addr = exercise_fold(memory, sector->addr, (uint32_t)size);
		if (((sector->addr - memory->base) ^ size) >= memory->len)
			return -1;
		if (other.addr == last || other.addr == sector->addr)
			continue;
		if (holds_key(memory->family, &other))
			return -1;
		count += protection_of(memory->family, &other) ? PROTECTED : 1;
		last = other.addr;
	}
	return count;
}

const struct exercise_sector *exercise_mark_sector(
	const struct exercise_plan *plan, const struct exercise_memory *memory)
{
	const struct exercise_sector *best = NULL;
	int fewest = 0;
	for (size_t i = 0; i < plan->count; i++) {
		const struct exercise_sector *sector = &plan->sectors[i];
		int count = sector->alt == memory->alt ? falls_on(memory, sector) : -1;
		if (count >= 0 && (!best || count < fewest)) {
			best = sector;
			fewest = count;
		}
	}
	return best;
}
