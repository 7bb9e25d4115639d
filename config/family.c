/* SPDX-License-Identifier: Apache-2.0 */
/* Reads family profiles and finds them. What must hold inside one is checked in family_check.c. */
#include "family.h"

#include <string.h>

#include "cfgfile.h"
#include "config.h"
#include "family_check.h"
#include "scope.h"
#include "text.h"

enum {
	PACE_MAX_US = 10000000,
	TIMEOUT_MS_MAX = 600000,
	ASK_AGAIN_MS = 4000,
	TRANSFER_SIZE_MIN = 8,
	TRANSFER_SIZE_MAX = 4096
};

static const char *const memory_names[] = { [MEMORY_NOR] = "nor", [MEMORY_RECORD] = "record" };
static const char *const role_names[] = {
	[KEY_ROLE_DEVICE] = "device", [KEY_ROLE_SERVER] = "server"
};
/* In the order of their bits. */
static const char *const quirk_names[QUIRK_COUNT_BITS] = { "early-poll", "zero-means-invalid",
	"never-busy" };
/* module_function of device-os dynalib/inc/module_info.h, in the order of its values. */
static const char *const function_names[] = { "none", "resource", "bootloader", "mono",
	"system-part", "user-part", "settings", "ncp", "radio-stack", "asset" };

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static uint32_t read_u32(const struct cfg *cfg, const char *key, uint32_t min)
{
	return (uint32_t)cfg_int(cfg, key, min, UINT32_MAX);
}

static uint32_t read_timeout(const struct cfg *cfg, const char *key)
{
	return (uint32_t)cfg_int(cfg, key, 1, TIMEOUT_MS_MAX);
}

static void read_usb_id(const struct cfg *usb, const char *key, bool required, struct usb_id *ret)
{
	struct cfg id;
	if (!cfg_group(usb, key, required, &id))
		return;
	ret->vendor_id = (uint16_t)cfg_int(&id, "vendor_id", 1, UINT16_MAX);
	ret->product_id = (uint16_t)cfg_int(&id, "product_id", 0, UINT16_MAX);
}

static void read_usb(const struct cfg *root, struct family *family)
{
	struct cfg usb;
	if (!cfg_group(root, "usb", true, &usb))
		return;
	read_usb_id(&usb, "dfu", true, &family->dfu);
	read_usb_id(&usb, "cdc", false, &family->cdc);
	family->transfer_size_max =
		(uint16_t)cfg_int(&usb, "transfer_size_max", TRANSFER_SIZE_MIN, TRANSFER_SIZE_MAX);
	family->transfer_timeout_ms = read_timeout(&usb, "transfer_timeout_ms");
}

static void read_identity(const struct cfg *root, struct family_identity *identity)
{
	struct cfg group, copy;
	if (!cfg_group(root, "identity", true, &group))
		return;
	identity->serial_is_id = cfg_bool_or(&group, "serial_is_id", false);
	identity->serial12_folds = cfg_bool_or(&group, "serial12_folds", false);
	identity->slot_is_enough = cfg_bool_or(&group, "slot_is_enough", false);
	identity->has_copy = cfg_group(&group, "id_copy", false, &copy);
	if (!identity->has_copy)
		return;
	identity->copy_alt = (uint8_t)cfg_int(&copy, "alt", 0, UINT8_MAX);
	identity->copy_addr = read_u32(&copy, "address", 0);
}

static void layout_bounds(const struct layout *layout, uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t start = UINT32_MAX, end = 0;
	for (size_t i = 0; i < layout->count; i++) {
		const struct layout_segment *segment = &layout->segments[i];
		uint64_t segment_end =
			segment->addr + (uint64_t)segment->sector_size * segment->count;
		start = segment->addr < start ? segment->addr : start;
		end = segment_end > end ? segment_end : end;
	}
	*ret_start = start;
	*ret_end = end < UINT32_MAX ? end : UINT32_MAX;
}

static void read_alt(const struct cfg *cfg, struct family_alt *alt)
{
	struct err err = { 0 };
	alt->alt = (uint8_t)cfg_int(cfg, "alt", 0, UINT8_MAX);
	alt->optional = cfg_bool_or(cfg, "optional", false);
	cfg_text(cfg, "layout", NULL, alt->layout_text, sizeof alt->layout_text);
	alt->memory = (enum family_memory)cfg_choice(
		cfg, "memory", memory_names, COUNT_OF(memory_names), -1);
	if (!cfg_failed(cfg) && !layout_parse(alt->layout_text, &alt->layout, &err))
		cfg_error(cfg, "layout", "%s", err.text);
	uint64_t start = 0, end = 0;
	layout_bounds(&alt->layout, &start, &end);
	alt->access_start =
		(uint32_t)cfg_int_or(cfg, "access_start", 0, UINT32_MAX, (int64_t)start);
	alt->access_end = (uint32_t)cfg_int_or(cfg, "access_end", 1, UINT32_MAX, (int64_t)end);
	alt->erase_timeout_ms = read_timeout(cfg, "erase_timeout_ms");
	alt->write_timeout_ms = read_timeout(cfg, "write_timeout_ms");
	alt->erase_us_per_kib = (uint32_t)cfg_int_or(cfg, "erase_us_per_kib", 0, PACE_MAX_US, 0);
	alt->write_us_per_kib = (uint32_t)cfg_int_or(cfg, "write_us_per_kib", 0, PACE_MAX_US, 0);
	alt->read_us_per_kib = (uint32_t)cfg_int_or(cfg, "read_us_per_kib", 0, PACE_MAX_US, 0);
}

static void read_overlaps(const struct cfg *cfg, struct family_region *region)
{
	struct cfg list;
	region->overlap_count = cfg_list(cfg, "overlaps", false, FAMILY_OVERLAPS_MAX, &list);
	for (size_t i = 0; i < region->overlap_count; i++)
		cfg_list_text(&list, i, region->overlaps[i], sizeof region->overlaps[i]);
}

static void read_module(const struct cfg *cfg, struct family_region *region)
{
	region->index = -1;
	region->module = cfg_has(cfg, "module_function");
	if (region->module) {
		region->function = (uint8_t)cfg_choice(
			cfg, "module_function", function_names, COUNT_OF(function_names), -1);
		region->index = (int16_t)cfg_int_or(cfg, "module_index", 0, UINT8_MAX, -1);
		region->system_part = cfg_bool_or(cfg, "system_part", false);
	} else if (cfg_has(cfg, "module_index") || cfg_has(cfg, "system_part")) {
		cfg_error(cfg, "module_function", "missing; module_index and system_part need it");
	}
}

static void read_staging(const struct cfg *cfg, struct family_staging *staged)
{
	struct cfg group, flag;
	staged->possible = cfg_group(cfg, "staged", false, &group);
	if (!staged->possible)
		return;
	cfg_text(&group, "area", NULL, staged->area, sizeof staged->area);
	cfg_text(&group, "applied_by", NULL, staged->applied_by, sizeof staged->applied_by);
	staged->min_version = (uint16_t)cfg_int(&group, "min_version", 0, UINT16_MAX);
	staged->settle_ms = read_timeout(&group, "settle_ms");
	if (!cfg_group(&group, "flag", true, &flag))
		return;
	staged->flag_alt = (uint8_t)cfg_int(&flag, "alt", 0, UINT8_MAX);
	staged->flag_addr = read_u32(&flag, "address", 0);
	staged->flag_value = (uint8_t)cfg_int(&flag, "value", 0, UINT8_MAX);
	staged->flag_idle = (uint8_t)cfg_int_or(&flag, "idle", 0, UINT8_MAX, 0xff);
}

static void read_region(const struct cfg *cfg, struct family_region *region)
{
	cfg_text(cfg, "name", NULL, region->name, sizeof region->name);
	region->alt = (uint8_t)cfg_int(cfg, "alt", 0, UINT8_MAX);
	region->addr = read_u32(cfg, "address", 0);
	region->size = read_u32(cfg, "size", 1);
	region->writable = cfg_bool_or(cfg, "writable", true);
	cfg_text(cfg, "remedy", "", region->remedy, sizeof region->remedy);
	cfg_text(cfg, "linked_for", "", region->linked_for, sizeof region->linked_for);
	read_overlaps(cfg, region);
	read_module(cfg, region);
	read_staging(cfg, &region->staged);
}

static void read_key_slot(const struct cfg *cfg, struct family_key_slot *slot)
{
	const char *algorithms[KEY_ALGORITHM_COUNT];
	for (int i = 0; i < KEY_ALGORITHM_COUNT; i++)
		algorithms[i] = key_algorithm_name((enum key_algorithm)i);
	cfg_text(cfg, "name", NULL, slot->name, sizeof slot->name);
	slot->format.role =
		(enum key_role)cfg_choice(cfg, "role", role_names, COUNT_OF(role_names), -1);
	slot->alt = (uint8_t)cfg_int(cfg, "alt", 0, UINT8_MAX);
	slot->addr = read_u32(cfg, "address", 0);
	slot->format.size = (uint32_t)cfg_int(cfg, "size", 1, KEYSLOT_MAX);
	slot->format.algorithm = (enum key_algorithm)cfg_choice(
		cfg, "algorithm", algorithms, KEY_ALGORITHM_COUNT, -1);
	slot->format.padding = (uint8_t)cfg_int_or(cfg, "padding", 0, UINT8_MAX, 0xff);
	slot->format.address_offset =
		(uint32_t)cfg_int_or(cfg, "address_offset", 1, KEYSLOT_MAX, 0);
	slot->format.default_port = (uint16_t)cfg_int_or(cfg, "default_port", 1, UINT16_MAX - 1, 0);
	slot->read_modify_write = cfg_bool_or(cfg, "read_modify_write", false);
	if (slot->format.address_offset && !slot->format.default_port)
		cfg_error(cfg, "default_port", "missing; a slot with an address_offset needs it");
}

static void read_volatile(const struct cfg *cfg, struct family_volatile *range)
{
	range->alt = (uint8_t)cfg_int(cfg, "alt", 0, UINT8_MAX);
	range->addr = read_u32(cfg, "address", 0);
	range->size = read_u32(cfg, "size", 1);
	cfg_text(cfg, "why", NULL, range->why, sizeof range->why);
}

/* Required as soon as a region wants a module header. */
static void read_images(const struct cfg *root, struct family *family)
{
	bool modules = false;
	for (size_t i = 0; i < family->region_count; i++)
		modules = modules || family->regions[i].module;
	struct cfg cfg;
	struct family_images *images = &family->images;
	if (!cfg_group(root, "images", modules, &cfg))
		return;
	images->platform_id = (uint16_t)cfg_int(&cfg, "platform_id", 0, UINT16_MAX);
	images->vector_mask = read_u32(&cfg, "vector_mask", 0);
	images->vector_value = read_u32(&cfg, "vector_value", 0);
	images->header_with_vectors = (uint32_t)cfg_int(&cfg, "header_with_vectors", 0, 65536);
	images->header_always = cfg_bool_or(&cfg, "header_always", false);
	if (images->header_always)
		images->header_without = images->header_with_vectors;
	else
		images->header_without = (uint32_t)cfg_int(&cfg, "header_without", 0, 65536);
	if (images->vector_value & ~images->vector_mask)
		cfg_error(
			&cfg, "vector_value", "has bits outside vector_mask and could never match");
}

static void read_reentry(const struct cfg *root, struct family_reentry *reentry)
{
	struct cfg cfg;
	if (!cfg_group(root, "reentry", false, &cfg))
		return;
	reentry->line_coding = cfg_has(&cfg, "line_coding_baud");
	reentry->line_coding_baud = (uint32_t)cfg_int_or(&cfg, "line_coding_baud", 1, 10000000, 0);
	reentry->vendor_request = cfg_has(&cfg, "vendor_request_type");
	reentry->vendor_request_type =
		(uint16_t)cfg_int_or(&cfg, "vendor_request_type", 1, UINT16_MAX, 0);
	reentry->boot_timeout_ms = read_timeout(&cfg, "boot_timeout_ms");
	reentry->dfu_timeout_ms = read_timeout(&cfg, "dfu_timeout_ms");
	reentry->ask_again_ms =
		(uint32_t)cfg_int_or(&cfg, "ask_again_ms", 1, TIMEOUT_MS_MAX, ASK_AGAIN_MS);
}

static void read_quirks(const struct cfg *root, struct family *family)
{
	struct cfg list;
	size_t count = cfg_list(root, "quirks", false, QUIRK_COUNT_BITS, &list);
	for (size_t i = 0; i < count && !cfg_failed(root); i++) {
		char name[FAMILY_NAME_MAX];
		unsigned bit = 0;
		cfg_list_text(&list, i, name, sizeof name);
		while (bit < QUIRK_COUNT_BITS && strcmp(quirk_names[bit], name) != 0)
			bit++;
		if (bit == QUIRK_COUNT_BITS)
			cfg_error(root, "quirks", "unknown quirk \"%s\"; known are: %s, %s, %s",
				name, quirk_names[0], quirk_names[1], quirk_names[2]);
		else
			family->quirks |= 1u << bit;
	}
}

static void read_leave(const struct cfg *root, struct family_leave *leave)
{
	struct cfg group;
	leave->has_address = cfg_group(root, "leave", false, &group);
	if (!leave->has_address)
		return;
	leave->alt = (uint8_t)cfg_int(&group, "alt", 0, UINT8_MAX);
	leave->addr = read_u32(&group, "address", 0);
}

static void read_lists(const struct cfg *root, struct family *family)
{
	struct cfg list, entry;
	family->alt_count = cfg_list(root, "alts", true, FAMILY_ALTS_MAX, &list);
	for (size_t i = 0; i < family->alt_count && cfg_list_group(&list, i, &entry); i++)
		read_alt(&entry, &family->alts[i]);
	if (!family->alt_count)
		cfg_error(root, "alts", "must have at least one entry");
	family->region_count = cfg_list(root, "regions", true, FAMILY_REGIONS_MAX, &list);
	for (size_t i = 0; i < family->region_count && cfg_list_group(&list, i, &entry); i++)
		read_region(&entry, &family->regions[i]);
	family->key_slot_count = cfg_list(root, "key_slots", false, FAMILY_KEY_SLOTS_MAX, &list);
	for (size_t i = 0; i < family->key_slot_count && cfg_list_group(&list, i, &entry); i++)
		read_key_slot(&entry, &family->key_slots[i]);
	family->volatile_count = cfg_list(root, "volatile", false, FAMILY_VOLATILES_MAX, &list);
	for (size_t i = 0; i < family->volatile_count && cfg_list_group(&list, i, &entry); i++)
		read_volatile(&entry, &family->volatiles[i]);
}

static void read_family(const struct cfg *root, struct family *family)
{
	cfg_text(root, "name", NULL, family->name, sizeof family->name);
	cfg_text(root, "title", NULL, family->title, sizeof family->title);
	read_usb(root, family);
	read_identity(root, &family->identity);
	read_lists(root, family);
	read_images(root, family);
	read_reentry(root, &family->reentry);
	read_leave(root, &family->leave);
	option_bytes_read(root, &family->options);
	settings_read(root, &family->settings);
	read_quirks(root, family);
	family_check(family, root);
}

static void close_file(struct cfgfile **file)
{
	cfgfile_close(*file);
}

bool family_load(const char *path, struct family *ret, struct err *err)
{
	SCOPE_CLEANUP(close_file) struct cfgfile *file = NULL;
	struct cfg root;
	struct family family = { 0 };
	if (!text_copy(family.path, sizeof family.path, path))
		return err_set(err, REASON_INPUT,
			"the path of the family profile is longer than %d bytes", FS_PATH_MAX);
	if (!cfgfile_open(path, "family", &file, &root, err))
		return false;
	read_family(&root, &family);
	if (!cfgfile_end(file, err))
		return false;
	const char *text = cfgfile_text(file);
	if (!digest_sha256_hex(text, strlen(text), family.sha256, err))
		return false;
	*ret = family;
	return true;
}

/* The four places, in the order of precedence; an empty folder is no place. */
static bool find_profile(
	const char *name, const char *const folders[4], char ret[FS_PATH_MAX], struct err *err)
{
	struct text_buf looked;
	text_buf_init(&looked, ERR_TEXT_MAX - 128);
	for (int i = 0; i < 4; i++) {
		char path[FS_PATH_MAX];
		if (!folders[i][0])
			continue;
		if (!text_format(path, sizeof path, "%s/%s.cfg", folders[i], name))
			continue;
		if (fs_exists(path)) {
			memcpy(ret, path, sizeof path);
			text_buf_done(&looked);
			return true;
		}
		text_buf_addf(&looked, "%s%s", looked.len ? ", " : "", path);
	}
	err_set(err, REASON_INPUT, "there is no profile of the family \"%s\": looked for %s", name,
		looked.text ? looked.text : "nothing");
	text_buf_done(&looked);
	return false;
}

/* "folder/families", or "" for "". */
static bool families_in(char ret[FS_PATH_MAX], const char *folder, struct err *err)
{
	ret[0] = 0;
	return !folder[0] || fs_join(ret, folder, "families", err);
}

bool family_find(const char *name, const char *job_folder, const char *config_folder,
	struct family *ret, struct err *err)
{
	char job[FS_PATH_MAX], config[FS_PATH_MAX], share[FS_PATH_MAX], installed[FS_PATH_MAX];
	char path[FS_PATH_MAX];
	if (!family_name_ok(name) || strlen(name) >= FAMILY_NAME_MAX)
		return err_set(err, REASON_INPUT,
			"\"%.64s\" is no name of a family: lower-case letters, digits and '-', at "
			"most %d",
			name, FAMILY_NAME_MAX - 1);
	config_share_folder(share);
	if (!families_in(job, job_folder, err) || !families_in(config, config_folder, err) ||
		!families_in(installed, share, err))
		return false;
	const char *const folders[4] = { job, config, installed,
		STATION_SOURCE_DIR "/config/families" };
	struct family family;
	if (!find_profile(name, folders, path, err) || !family_load(path, &family, err))
		return false;
	if (strcmp(family.name, name) != 0)
		return err_set(err, REASON_INPUT,
			"%s: family.name is \"%s\", but the file is named for \"%s\"", path,
			family.name, name);
	*ret = family;
	return true;
}

const struct family_alt *family_alt(const struct family *family, uint8_t alt)
{
	for (size_t i = 0; i < family->alt_count; i++)
		if (family->alts[i].alt == alt)
			return &family->alts[i];
	return NULL;
}

const struct family_region *family_region(const struct family *family, const char *name)
{
	for (size_t i = 0; i < family->region_count; i++)
		if (strcmp(family->regions[i].name, name) == 0)
			return &family->regions[i];
	return NULL;
}

const struct family_key_slot *family_key_slot(const struct family *family, const char *name)
{
	for (size_t i = 0; i < family->key_slot_count; i++)
		if (strcmp(family->key_slots[i].name, name) == 0)
			return &family->key_slots[i];
	return NULL;
}
