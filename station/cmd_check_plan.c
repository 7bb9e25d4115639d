/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_check_private.h"

const char *check_api_name(enum cloud_api api)
{
	return api == CLOUD_API_JSON ? "json" : "particle";
}

const char *check_policy_name(enum job_key_policy policy)
{
	return policy == KEY_POLICY_NEW ? "new" : "keep-valid";
}

const char *check_phase_name(enum plan_phase phase)
{
	static const char *const names[] = {
		[PHASE_PARTS] = "parts", [PHASE_STAGED] = "staged", [PHASE_IMAGES] = "images"
	};
	return names[phase];
}

const char *check_return_name(enum job_return comes_back)
{
	static const char *const names[] = { [RETURN_BY_ITSELF] = "by-itself",
		[RETURN_TOUCH] = "touch",
		[RETURN_OPERATOR] = "operator" };
	return names[comes_back];
}

unsigned check_sectors(const struct plan *plan, const struct plan_region *region)
{
	unsigned count = 0;
	for (size_t i = 0; i < plan->sector_count; i++) {
		const struct plan_sector *sector = &plan->sectors[i];
		if (region == plan->staged)
			count += sector->phase == PHASE_STAGED;
		else
			count += sector->alt == region->region->alt &&
				 sector->addr < (uint64_t)region->addr + region->len &&
				 region->addr < (uint64_t)sector->addr + sector->size;
	}
	return count;
}

static bool is_written(const struct plan *plan, const struct family_region *region)
{
	if (region == plan->staged_area)
		return true;
	for (size_t i = 0; i < plan->stand_count; i++) {
		const struct plan_extent *extent = &plan->stands[i];
		if (extent->alt == region->alt &&
			extent->addr < (uint64_t)region->addr + region->size &&
			region->addr < (uint64_t)extent->addr + extent->len)
			return true;
	}
	return false;
}

static bool is_key_written(const struct plan *plan, const struct family_key_slot *slot)
{
	return slot == plan->device_key.slot || slot == plan->server_key.slot;
}

void check_untouched(
	const struct plan *plan, void (*each)(void *context, const char *name), void *context)
{
	const struct family *family = &plan->family;
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_region *region = &family->regions[i];
		bool holds_key = false;
		for (size_t k = 0; k < family->key_slot_count; k++)
			holds_key |= is_key_written(plan, &family->key_slots[k]) &&
				     family->key_slots[k].alt == region->alt &&
				     family->key_slots[k].addr >= region->addr &&
				     family->key_slots[k].addr - region->addr < region->size;
		if (!is_written(plan, region) && !holds_key)
			each(context, region->name);
	}
	for (size_t i = 0; i < family->key_slot_count; i++)
		if (!is_key_written(plan, &family->key_slots[i]))
			each(context, family->key_slots[i].name);
}
