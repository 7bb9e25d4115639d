/* SPDX-License-Identifier: Apache-2.0 */
/* A memory that is smaller than it announces (F04) shows its contents again and again. Where the server
 * key stands, that can be read; which size it has when nothing stands there, only a write test tells. */
#include <inttypes.h>
#include <string.h>

#include "bytes.h"
#include "diagnose.h"

enum { SAMPLE = 64 };

/* A place of the memory that is like no other. */
static const struct family_key_slot *anchor_of(const struct family *family, uint8_t alt)
{
	for (size_t i = 0; i < family->key_slot_count; i++)
		if (family->key_slots[i].alt == alt &&
			family->key_slots[i].format.role == KEY_ROLE_SERVER)
			return &family->key_slots[i];
	return NULL;
}

/* Does anything that belongs on the unit lie behind its end? */
static bool is_needed(const struct returned *unit, uint8_t alt, uint64_t end)
{
	const struct family *family = unit->family;
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_region *region = &family->regions[i];
		if (region->alt == alt && region->addr + (uint64_t)region->size > end &&
			(region->module || look_is_planned(unit->plan, region)))
			return true;
	}
	return false;
}

static void add(struct returned *unit, const struct family_key_slot *anchor, uint32_t distance,
	struct findings *findings)
{
	const struct family_alt *alt = family_alt(unit->family, anchor->alt);
	unit->ends[anchor->alt] = alt->access_start + distance;
	struct finding *finding = finding_add(findings, FINDING_CODE_FLASH_REPEATS, anchor->name,
		"what stands at 0x%08" PRIx32 " is at 0x%08" PRIx32 " too: it has %" PRIu32
		" KiB, and announces %" PRIu32,
		anchor->addr, anchor->addr + distance, distance / 1024,
		(alt->access_end - alt->access_start) / 1024);
	if (!is_needed(unit, anchor->alt, unit->ends[anchor->alt]))
		return;
	finding->state = FINDING_FAULT;
	finding->means = MEANS_FLASH_DEFECT;
}

static bool look_at(struct returned *unit, const struct family_key_slot *anchor,
	struct findings *findings, struct err *err)
{
	const struct family_alt *alt = family_alt(unit->family, anchor->alt);
	uint8_t wanted[SAMPLE], found[SAMPLE];
	bool readable;
	if (!look_read(unit->dfu, anchor->name, anchor->alt, anchor->addr, wanted, SAMPLE, findings,
		    &readable, err))
		return false;
	if (!readable || bytes_all(wanted, SAMPLE, 0xff) || bytes_all(wanted, SAMPLE, 0))
		return true;
	uint64_t distance = SAMPLE;
	bool same = false;
	while (distance < anchor->format.size)
		distance *= 2;
	for (; !same && anchor->addr + distance + SAMPLE <= alt->access_end; distance *= 2) {
		if (!look_read(unit->dfu, anchor->name, anchor->alt,
			    anchor->addr + (uint32_t)distance, found, SAMPLE, findings, &readable,
			    err))
			return false;
		same = readable && memcmp(wanted, found, SAMPLE) == 0;
	}
	if (same)
		add(unit, anchor, (uint32_t)(distance / 2), findings);
	return true;
}

bool diagnose_repeats(struct returned *unit, struct findings *findings, struct err *err)
{
	const struct family *family = unit->family;
	for (size_t i = 0; i < family->alt_count; i++) {
		const struct family_alt *alt = &family->alts[i];
		const struct family_key_slot *anchor =
			alt->memory == MEMORY_NOR ? anchor_of(family, alt->alt) : NULL;
		if (anchor && dfu_has_alt(unit->dfu, alt->alt) &&
			!look_at(unit, anchor, findings, err))
			return false;
	}
	return true;
}
