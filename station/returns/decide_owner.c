/* SPDX-License-Identifier: Apache-2.0 */
/* What an owner left on a unit: what of it goes, what DFU does not reach, and who may get the unit. */
#include <stdio.h>
#include <string.h>

#include "decide_private.h"
#include "resale.h"

/* The decision under way. */
struct deciding {
	const struct decide_facts *facts;
	const struct plan *plan;
	const struct findings *findings;
	struct decision *ret;
	bool wipes;                  /* the job's policy */
	char kept[ERR_TEXT_MAX / 2]; /* what stays on it */
};

/* --- what must stay --- */

static bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return a < (uint64_t)b + b_size && b < (uint64_t)a + a_size;
}

/* The plan's bytes, where a bootloader waits, or a key. */
static bool is_ours(const struct plan *plan, uint8_t alt, uint32_t addr, uint32_t size)
{
	for (size_t i = 0; i < plan->stand_count; i++)
		if (plan->stands[i].alt == alt &&
			overlap(addr, size, plan->stands[i].addr, plan->stands[i].len))
			return true;
	for (size_t i = 0; i < plan->sector_count; i++)
		if (plan->sectors[i].alt == alt &&
			overlap(addr, size, plan->sectors[i].addr, plan->sectors[i].size))
			return true;
	for (size_t i = 0; i < plan->family.key_slot_count; i++) {
		const struct family_key_slot *slot = &plan->family.key_slots[i];
		if (slot->alt == alt && overlap(addr, size, slot->addr, slot->format.size))
			return true;
	}
	return false;
}

/* Another region that shares bytes with this one is judged by itself. */
static bool is_of_another(
	const struct plan *plan, const struct family_region *region, uint32_t addr, uint32_t size)
{
	for (size_t i = 0; region && i < region->overlap_count; i++) {
		const struct family_region *other =
			family_region(&plan->family, region->overlaps[i]);
		if (overlap(addr, size, other->addr, other->size))
			return true;
	}
	return false;
}

/* --- ranges to wipe --- */

static void add_step(struct deciding *it, const char *name, const char *what, const char *how)
{
	struct decision *ret = it->ret;
	if (ret->step_count < DECIDE_STEPS_MAX)
		snprintf(ret->steps[ret->step_count++], DECIDE_STEP_MAX, "%s%s%s: %s", name,
			name[0] ? ": " : "", what, how);
}

static void add_wipe(struct deciding *it, const struct decide_wipe *wipe)
{
	struct decision *ret = it->ret;
	if (ret->wipe_count == DECIDE_WIPES_MAX)
		add_step(it, wipe->name, "more ranges than the station counts", "wipe it by SWD");
	else
		ret->wipes[ret->wipe_count++] = *wipe;
}

/* Sector by sector; those that follow each other are one range. False: not every byte of it can be
 * wiped. */
static bool wipe_sectors(
	struct deciding *it, const struct decide_wipe *wanted, const struct family_region *region)
{
	const struct layout *layout = &family_alt(&it->plan->family, wanted->alt)->layout;
	uint64_t end = (uint64_t)wanted->addr + wanted->size;
	struct decide_wipe piece = *wanted;
	struct layout_sector sector;
	bool all = true;
	piece.size = 0;
	for (uint64_t at = wanted->addr; at < end; at = (uint64_t)sector.addr + sector.size) {
		if (!layout_sector_at(layout, (uint32_t)at, &sector))
			return false;
		bool whole =
			sector.addr >= wanted->addr && sector.addr + (uint64_t)sector.size <= end;
		bool stays = is_ours(it->plan, wanted->alt, sector.addr, sector.size) ||
			     is_of_another(it->plan, region, sector.addr, sector.size);
		bool can = whole && sector.access & LAYOUT_ERASE && sector.access & LAYOUT_WRITE;
		all = all && (stays || can);
		if (piece.size && (stays || !can)) {
			add_wipe(it, &piece);
			piece.size = 0;
		} else if (!stays && can) {
			piece.addr = piece.size ? piece.addr : sector.addr;
			piece.size += sector.size;
		}
	}
	if (piece.size)
		add_wipe(it, &piece);
	return all;
}

static void loses(struct deciding *it, const char *name)
{
	decide_add(it->ret->loses, sizeof it->ret->loses, "%s", name);
}

/* A region that DFU cannot write says how else. */
static const struct family_region *unreachable(
	const struct family *family, uint8_t alt, uint32_t addr, uint32_t size)
{
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_region *region = &family->regions[i];
		if (!region->writable && region->alt == alt &&
			overlap(addr, size, region->addr, region->size))
			return region;
	}
	return NULL;
}

/* Behind the end of a memory that is smaller than it says lies its begin once more. False: nothing of
 * it is there. */
static bool clip(const struct deciding *it, struct decide_wipe *wanted)
{
	uint32_t end = it->facts->ends ? it->facts->ends[wanted->alt] : 0;
	if (end && wanted->addr >= end)
		return false;
	if (end && wanted->size > end - wanted->addr)
		wanted->size = end - wanted->addr;
	return true;
}

/* what: in words. */
static void wipe(struct deciding *it, const struct decide_wipe *wanted,
	const struct family_region *region, const char *what)
{
	const struct family *family = &it->plan->family;
	const struct family_region *closed =
		unreachable(family, wanted->alt, wanted->addr, wanted->size);
	if (closed) {
		add_step(it, wanted->name, what, closed->remedy);
		return;
	}
	struct decide_wipe there = *wanted;
	if (!clip(it, &there))
		return;
	if (there.owners)
		loses(it, there.name);
	if (family_alt(family, there.alt)->memory == MEMORY_RECORD)
		add_wipe(it, &there);
	else if (!wipe_sectors(it, &there, region))
		add_step(it, wanted->name, what,
			"it shares sectors with what stays; wipe it by SWD");
}

/* --- settings --- */

/* Something of it was found, or nobody could look. */
static bool is_set(const struct deciding *it, const struct setting *setting)
{
	static const enum finding_code codes[SETTING_ROLES] = {
		[SETTING_CLAIMED] = FINDING_CODE_CLAIMED,
		[SETTING_FLAG] = FINDING_CODE_FLAG_SET,
		[SETTING_CUSTOMER] = FINDING_CODE_CUSTOMER_DATA,
	};
	return finding_of(it->findings, codes[setting->role], setting->name) ||
	       (it->facts->records_invalid &&
		       family_alt(&it->plan->family, setting->alt)->memory == MEMORY_RECORD);
}

/* A flag goes in any case: what it makes of the unit at its next boot, nobody has proven. */
static void decide_setting(struct deciding *it, const struct setting *setting)
{
	struct decide_wipe wanted = { .alt = setting->alt,
		.addr = setting->addr,
		.size = setting->size,
		.idle = setting->idle,
		.owners = setting->role != SETTING_FLAG };
	bool hidden = finding_of(it->findings, FINDING_CODE_CUSTOMER_HIDDEN, setting->name);
	if (!is_set(it, setting) && !hidden)
		return;
	snprintf(wanted.name, sizeof wanted.name, "%s", setting->name);
	if (hidden && it->wipes)
		add_step(it, setting->name, setting->text,
			"its bootloader does not show it; write a newer one, then once more");
	else if (it->wipes || !wanted.owners)
		wipe(it, &wanted, NULL, setting->text);
	else
		decide_add(it->kept, sizeof it->kept, "%s", setting->name);
}

/* --- regions --- */

/* Something stands there, and it is no image that we know byte for byte. */
static bool holds_others(const struct findings *findings, const struct family_region *region)
{
	static const enum finding_code codes[] = { FINDING_CODE_IMAGE_UNKNOWN,
		FINDING_CODE_IMAGE_UNPROVEN, FINDING_CODE_IMAGE_DAMAGED,
		FINDING_CODE_IMAGE_OTHER_FAMILY, FINDING_CODE_IMAGE_MISPLACED,
		FINDING_CODE_IMAGE_LEFTOVER, FINDING_CODE_CUSTOMER_DATA };
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (finding_of(findings, codes[i], region->name))
			return true;
	return false;
}

/* Where an owner's program runs, or lies in wait. */
static bool is_program(const struct family_region *region)
{
	return region->module && (region->linked_for[0] || region->function == MODULE_USER_PART ||
					 region->function == MODULE_MONO);
}

/* Without a whole program a Core does nothing at all, so it is not left without one. */
static bool can_be_empty(const struct family_region *region)
{
	return region->linked_for[0] || region->function != MODULE_MONO;
}

bool decide_wipes_region(const struct plan *plan, const struct findings *findings,
	const struct family_region *region)
{
	return plan->job.returns.reprovision.customer == RETURNS_RENEW && is_program(region) &&
	       can_be_empty(region) && !look_is_planned(plan, region) &&
	       holds_others(findings, region);
}

/* A whole program of somebody else, which the job's image takes the place of. */
static bool is_overwritten(const struct deciding *it, const struct family_region *region)
{
	return look_is_planned(it->plan, region) && !region->linked_for[0] &&
	       finding_of(it->findings, FINDING_CODE_IMAGE_UNKNOWN, region->name);
}

/* Data behind the job's image: what of it lies in sectors of the image goes with them. */
static bool is_behind(const struct deciding *it, const struct family_region *region)
{
	return look_is_planned(it->plan, region) &&
	       finding_of(it->findings, FINDING_CODE_CUSTOMER_DATA, region->name);
}

static void decide_region(struct deciding *it, const struct family_region *region)
{
	bool planned = look_is_planned(it->plan, region), behind = is_behind(it, region);
	struct decide_wipe wanted = { .alt = region->alt,
		.addr = region->addr,
		.size = region->size,
		.idle = 0xff,
		.owners = true };
	if (!is_program(region))
		return;
	snprintf(wanted.name, sizeof wanted.name, "%s", region->name);
	if (is_overwritten(it, region) || (behind && !it->wipes))
		loses(it, region->name);
	if ((behind && it->wipes) || decide_wipes_region(it->plan, it->findings, region))
		wipe(it, &wanted, region, "what its owner put there");
	else if (behind || (!planned && holds_others(it->findings, region)))
		decide_add(it->kept, sizeof it->kept, "%s", region->name);
}

/* --- who may get it --- */

static void decide_resale(struct deciding *it)
{
	struct decision *ret = it->ret;
	ret->for_resale = !it->kept[0] && !ret->step_count;
	if (it->kept[0])
		snprintf(ret->resale, sizeof ret->resale, RECORD_RESALE_NO "kept: %s", it->kept);
	else
		snprintf(ret->resale, sizeof ret->resale, "%s",
			ret->step_count ? RECORD_RESALE_BY_HAND : RECORD_RESALE_YES);
	for (size_t i = 0; !it->kept[0] && i < ret->step_count; i++) {
		size_t used = strlen(ret->resale);
		snprintf(ret->resale + used, sizeof ret->resale - used, "%s%s", i ? "; " : ": ",
			ret->steps[i]);
	}
}

void decide_owner(
	const struct decide_facts *facts, const struct findings *findings, struct decision *ret)
{
	const struct family *family = &facts->plan->family;
	struct deciding it = { .facts = facts,
		.plan = facts->plan,
		.findings = findings,
		.ret = ret,
		.wipes = facts->plan->job.returns.reprovision.customer == RETURNS_RENEW };
	for (size_t i = 0; i < family->settings.count; i++)
		decide_setting(&it, &family->settings.list[i]);
	for (size_t i = 0; i < family->region_count; i++)
		decide_region(&it, &family->regions[i]);
	for (size_t i = 0; i < family->settings.hidden_count; i++)
		if (it.wipes)
			add_step(&it, "", family->settings.hidden[i],
				"hold its button until the light turns white");
		else
			decide_add(it.kept, sizeof it.kept, "%s", family->settings.hidden[i]);
	if (ret->loses[0])
		ret->acts |= ACT_WIPE_CUSTOMER_DATA;
	decide_resale(&it);
}
