/* SPDX-License-Identifier: Apache-2.0 */
#include "family_check.h"

#include <string.h>

bool family_name_ok(const char *name)
{
	size_t len = strlen(name);
	return len && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool ranges_meet(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return a < (uint64_t)b + b_size && b < (uint64_t)a + a_size;
}

/* The alternate setting with [addr, addr + size) in its sectors and its access range, or NULL with
 * an error. */
static const struct family_alt *check_range(const struct family *family, const struct cfg *at,
	uint8_t alt_number, uint32_t addr, uint32_t size)
{
	const struct family_alt *alt = family_alt(family, alt_number);
	if (!alt)
		cfg_error(at, "alt", "there is no alternate setting %u in alts", alt_number);
	else if (!layout_allows(&alt->layout, addr, size, 0))
		cfg_error(at, "address",
			"0x%08x and %u bytes are not all inside the sectors of alt %u", addr, size,
			alt_number);
	else if (addr < alt->access_start || (uint64_t)addr + size > alt->access_end)
		cfg_error(at, "address",
			"0x%08x and %u bytes are not inside the access range of alt %u, 0x%x to "
			"0x%x",
			addr, size, alt_number, alt->access_start, alt->access_end);
	return cfg_failed(at) ? NULL : alt;
}

/* Both ends on sector borders. */
static bool is_whole_sectors(const struct family_alt *alt, uint32_t addr, uint32_t size)
{
	struct layout_sector first, last;
	return layout_sector_at(&alt->layout, addr, &first) &&
	       layout_sector_at(&alt->layout, addr + size - 1, &last) && first.addr == addr &&
	       (uint64_t)last.addr + last.size == (uint64_t)addr + size;
}

/* What a write needs: NOR is erased first, a record memory replaces bytes. */
static uint8_t access_for_writes(const struct family_alt *alt)
{
	return alt->memory == MEMORY_NOR ? LAYOUT_READ | LAYOUT_ERASE | LAYOUT_WRITE
					 : LAYOUT_READ | LAYOUT_WRITE;
}

static void check_alts(const struct family *family, const struct cfg *list)
{
	for (size_t i = 0; i < family->alt_count; i++) {
		struct cfg at;
		if (!cfg_list_group(list, i, &at))
			return;
		const struct family_alt *alt = &family->alts[i];
		if (family_alt(family, alt->alt) != alt)
			cfg_error(&at, "alt", "alternate setting %u stands here twice", alt->alt);
		if (alt->access_start >= alt->access_end)
			cfg_error(&at, "access_end", "0x%x must be behind access_start 0x%x",
				alt->access_end, alt->access_start);
		else if (!layout_allows(&alt->layout, alt->access_start,
				 alt->access_end - alt->access_start, 0))
			cfg_error(&at, "access_end",
				"the access range 0x%x to 0x%x is not all inside the layout",
				alt->access_start, alt->access_end);
	}
}

static bool declares(const struct family_region *region, const char *other)
{
	for (size_t i = 0; i < region->overlap_count; i++)
		if (strcmp(region->overlaps[i], other) == 0)
			return true;
	return false;
}

static bool regions_meet(const struct family_region *a, const struct family_region *b)
{
	return a->alt == b->alt && ranges_meet(a->addr, a->size, b->addr, b->size);
}

static void check_overlaps(
	const struct family *family, const struct family_region *region, const struct cfg *at)
{
	for (size_t i = 0; i < region->overlap_count; i++) {
		const struct family_region *other = family_region(family, region->overlaps[i]);
		if (!other)
			cfg_error(at, "overlaps", "there is no region \"%s\"", region->overlaps[i]);
		else if (other == region)
			cfg_error(at, "overlaps", "names the region itself");
		else if (!regions_meet(region, other))
			cfg_error(at, "overlaps", "%s and %s do not overlap", region->name,
				other->name);
	}
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_region *other = &family->regions[i];
		if (other != region && regions_meet(region, other) &&
			!declares(region, other->name))
			cfg_error(at, NULL,
				"%s overlaps %s; move one, or name it in overlaps of both",
				region->name, other->name);
	}
}

static void check_linked_for(
	const struct family *family, const struct family_region *region, const struct cfg *at)
{
	if (!region->linked_for[0])
		return;
	const struct family_region *home = family_region(family, region->linked_for);
	if (!home)
		cfg_error(at, "linked_for", "there is no region \"%s\"", region->linked_for);
	else if (home == region || home->linked_for[0])
		cfg_error(at, "linked_for", "must name a region where images run; %s is not one",
			region->linked_for);
}

/* Where the image waits, who takes it from there, and the byte that says so. */
static void check_staging(
	const struct family *family, const struct family_region *region, const struct cfg *at)
{
	const struct family_staging *staged = &region->staged;
	struct cfg group, flag;
	if (!staged->possible || !cfg_group(at, "staged", true, &group) ||
		!cfg_group(&group, "flag", true, &flag))
		return;
	const struct family_region *area = family_region(family, staged->area);
	const struct family_region *by = family_region(family, staged->applied_by);
	if (region->writable || !region->module)
		cfg_error(at, "staged",
			"is for a region of modules with writable = false; %s is not one",
			region->name);
	const struct family_alt *area_alt = area ? family_alt(family, area->alt) : NULL;
	if (!area_alt || !area->writable || area->size < region->size ||
		area_alt->memory != MEMORY_NOR)
		cfg_error(&group, "area",
			"%s is no region of nor memory that DFU writes and that has %u bytes",
			staged->area, region->size);
	if (!by || !by->module || by->index < 0 || by->linked_for[0])
		cfg_error(&group, "applied_by",
			"%s is no region where one certain module runs (module_index)",
			staged->applied_by);
	const struct family_alt *alt =
		check_range(family, &flag, staged->flag_alt, staged->flag_addr, 1);
	if (alt && alt->memory != MEMORY_RECORD)
		cfg_error(&flag, "alt", "must be a record memory, which takes a single byte");
	if (staged->flag_value == staged->flag_idle)
		cfg_error(&flag, "value", "must differ from idle");
	for (size_t i = 0; i < family->region_count; i++)
		if (&family->regions[i] != region && family->regions[i].staged.possible)
			cfg_error(at, "staged", "only one region can be staged; %s is another",
				family->regions[i].name);
}

static void check_region(
	const struct family *family, const struct family_region *region, const struct cfg *at)
{
	if (!family_name_ok(region->name))
		cfg_error(at, "name", "must have lower-case letters, digits and '-' only");
	if (family_region(family, region->name) != region)
		cfg_error(at, "name", "there are two regions \"%s\"", region->name);
	const struct family_alt *alt =
		check_range(family, at, region->alt, region->addr, region->size);
	if (!alt)
		return;
	if (region->writable && region->remedy[0])
		cfg_error(at, "remedy", "is only for a region with writable = false");
	if (!region->writable && !region->remedy[0])
		cfg_error(at, "remedy", "missing: how is this region written, if not by DFU?");
	if (region->writable &&
		!layout_allows(&alt->layout, region->addr, region->size, access_for_writes(alt)))
		cfg_error(at, "writable", "the layout does not allow writes everywhere in %s",
			region->name);
	if (region->writable && alt->memory == MEMORY_NOR &&
		!is_whole_sectors(alt, region->addr, region->size))
		cfg_error(at, "size",
			"a region that is written must begin and end on sector borders");
	check_linked_for(family, region, at);
	check_staging(family, region, at);
	check_overlaps(family, region, at);
}

static void check_key_format(const struct family_key_slot *slot, const struct cfg *at)
{
	const struct keyslot *format = &slot->format;
	enum key_algorithm rsa = format->role == KEY_ROLE_DEVICE ? KEY_RSA_1024 : KEY_RSA_2048;
	if (format->algorithm != KEY_P256 && format->algorithm != rsa)
		cfg_error(at, "algorithm", "a %s key must be %s or %s",
			format->role == KEY_ROLE_DEVICE ? "device" : "server",
			key_algorithm_name(rsa), key_algorithm_name(KEY_P256));
	if (format->role == KEY_ROLE_DEVICE && cfg_has(at, "address_offset"))
		cfg_error(at, "address_offset", "is only for server keys");
	if (format->role == KEY_ROLE_DEVICE && cfg_has(at, "default_port"))
		cfg_error(at, "default_port", "is only for server keys");
	if (format->address_offset && format->address_offset + SERVER_ADDRESS_LEN > format->size)
		cfg_error(at, "address_offset",
			"the %d bytes of the address at %u do not fit into %u bytes",
			SERVER_ADDRESS_LEN, format->address_offset, format->size);
}

/* A slot in NOR that shares its sectors is read, erased and written back with them. */
static void check_key_writes(
	const struct family_key_slot *slot, const struct family_alt *alt, const struct cfg *at)
{
	if (!layout_allows(&alt->layout, slot->addr, slot->format.size, access_for_writes(alt)))
		cfg_error(at, "address", "the layout does not allow writes there");
	if (alt->memory == MEMORY_RECORD && slot->read_modify_write)
		cfg_error(at, "read_modify_write",
			"is not for record memory, which replaces just these bytes");
	if (alt->memory == MEMORY_NOR && !slot->read_modify_write &&
		!is_whole_sectors(alt, slot->addr, slot->format.size))
		cfg_error(at, "read_modify_write",
			"must be true: the slot shares a sector that is erased whole");
}

static void check_key_neighbours(
	const struct family *family, const struct family_key_slot *slot, const struct cfg *at)
{
	for (size_t i = 0; i < family->key_slot_count; i++) {
		const struct family_key_slot *other = &family->key_slots[i];
		if (other != slot && other->alt == slot->alt &&
			ranges_meet(slot->addr, slot->format.size, other->addr, other->format.size))
			cfg_error(at, NULL, "%s overlaps %s", slot->name, other->name);
	}
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_region *region = &family->regions[i];
		if (region->writable && region->alt == slot->alt &&
			ranges_meet(slot->addr, slot->format.size, region->addr, region->size))
			cfg_error(at, NULL, "%s lies in region %s, which images are written to",
				slot->name, region->name);
	}
}

static void check_key_slot(
	const struct family *family, const struct family_key_slot *slot, const struct cfg *at)
{
	if (!family_name_ok(slot->name))
		cfg_error(at, "name", "must have lower-case letters, digits and '-' only");
	if (family_key_slot(family, slot->name) != slot)
		cfg_error(at, "name", "there are two key slots \"%s\"", slot->name);
	check_key_format(slot, at);
	const struct family_alt *alt =
		check_range(family, at, slot->alt, slot->addr, slot->format.size);
	if (alt)
		check_key_writes(slot, alt, at);
	check_key_neighbours(family, slot, at);
}

static void check_volatile(
	const struct family *family, const struct family_volatile *range, const struct cfg *at)
{
	check_range(family, at, range->alt, range->addr, range->size);
}

/* A unit that is left must be able to come back. */
static void check_ways(const struct family *family, const struct cfg *root)
{
	bool has_cdc = family->cdc.vendor_id;
	bool returns = family->reentry.line_coding || family->reentry.vendor_request;
	if (family->dfu.vendor_id == family->cdc.vendor_id &&
		family->dfu.product_id == family->cdc.product_id)
		cfg_error(root, "usb", "dfu and cdc must have different ids");
	if (returns && !has_cdc)
		cfg_error(root, "reentry", "needs the identity that answers it: usb.cdc");
	for (size_t i = 0; i < family->region_count; i++)
		if ((family->regions[i].system_part || family->regions[i].staged.possible) &&
			!returns)
			cfg_error(root, "regions",
				"%s is %s: after it the unit has to come back, so reentry needs "
				"line_coding_baud or vendor_request_type",
				family->regions[i].name,
				family->regions[i].system_part ? "a system part" : "staged");
	if (family->identity.has_copy) {
		struct cfg identity, copy;
		if (cfg_group(root, "identity", true, &identity) &&
			cfg_group(&identity, "id_copy", true, &copy))
			check_range(family, &copy, family->identity.copy_alt,
				family->identity.copy_addr, 12);
	}
}

/* Option bytes that can be read, of a memory whose sectors they protect; a program that is there. */
static void check_chip(const struct family *family, const struct cfg *root)
{
	const struct option_bytes *options = &family->options;
	struct cfg group, write;
	if (options->known && cfg_group(root, "option_bytes", true, &group)) {
		check_range(family, &group, options->alt, options->addr, options->size);
		if (options->write_field >= 0 &&
			cfg_group(&group, "write_protection", true, &write) &&
			!family_alt(family, options->protected_alt))
			cfg_error(&write, "alt", "there is no alternate setting %u in alts",
				options->protected_alt);
	}
	if (family->leave.has_address && cfg_group(root, "leave", true, &group))
		check_range(family, &group, family->leave.alt, family->leave.addr, 1);
}

static void check_settings(const struct family *family, const struct cfg *root)
{
	struct cfg list, at;
	cfg_list(root, "settings", false, SETTINGS_MAX, &list);
	for (size_t i = 0; i < family->settings.count && cfg_list_group(&list, i, &at); i++) {
		const struct setting *setting = &family->settings.list[i];
		if (!family_name_ok(setting->name))
			cfg_error(&at, "name", "must have lower-case letters, digits and '-' only");
		const struct family_alt *alt =
			check_range(family, &at, setting->alt, setting->addr, setting->size);
		if (alt && alt->memory == MEMORY_NOR && setting->idle != 0xff)
			cfg_error(&at, "idle", "must be 0xff in NOR memory, which is erased");
	}
}

void family_check(const struct family *family, const struct cfg *root)
{
	struct cfg list, at;
	if (cfg_failed(root))
		return;
	if (!family_name_ok(family->name))
		cfg_error(root, "name", "must have lower-case letters, digits and '-' only");
	if (cfg_list(root, "alts", true, FAMILY_ALTS_MAX, &list))
		check_alts(family, &list);
	cfg_list(root, "regions", true, FAMILY_REGIONS_MAX, &list);
	for (size_t i = 0; i < family->region_count && cfg_list_group(&list, i, &at); i++)
		check_region(family, &family->regions[i], &at);
	cfg_list(root, "key_slots", false, FAMILY_KEY_SLOTS_MAX, &list);
	for (size_t i = 0; i < family->key_slot_count && cfg_list_group(&list, i, &at); i++)
		check_key_slot(family, &family->key_slots[i], &at);
	cfg_list(root, "volatile", false, FAMILY_VOLATILES_MAX, &list);
	for (size_t i = 0; i < family->volatile_count && cfg_list_group(&list, i, &at); i++)
		check_volatile(family, &family->volatiles[i], &at);
	check_settings(family, root);
	check_ways(family, root);
	check_chip(family, root);
}
