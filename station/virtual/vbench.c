/* SPDX-License-Identifier: Apache-2.0 */
#include "vbench.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "digest.h"
#include "fs.h"
#include "scope.h"
#include "text.h"

/* Units as they come from the supplier: most with the bootloader of the day,
 * some with an older one. */
static enum vunit_bootloader bootloader_of(enum vunit_family family, unsigned i)
{
	if (family == VUNIT_CORE)
		return i % 4 == 3 ? VUNIT_CORE_1_4_4 : VUNIT_CORE_FACTORY;
	if (family == VUNIT_ROM)
		return i % 4 == 3 ? VUNIT_ROM_F4_FOLDED : VUNIT_ROM_F4;
	if (family == VUNIT_P1)
		return i % 4 == 3 ? VUNIT_P1_0_6_0 : VUNIT_P1_1_4_4;
	if (family == VUNIT_ELECTRON && i % 4 >= 2)
		return i % 4 == 3 ? VUNIT_ELECTRON_0_6_0 : VUNIT_ELECTRON_0_6_1;
	if (family == VUNIT_ELECTRON)
		return VUNIT_ELECTRON_1_4_4;
	return i % 4 == 3 ? VUNIT_PHOTON_1_0_0 : VUNIT_PHOTON_1_4_4;
}

/* By its name, or whatever has an STM32's ROM. */
bool vbench_family(const struct family *profile, enum vunit_family *ret)
{
	enum { ST_VENDOR = 0x0483, ROM_PRODUCT = 0xDF11 };
	if (vunit_family_from_name(profile->name, ret))
		return true;
	*ret = VUNIT_ROM;
	return profile->dfu.vendor_id == ST_VENDOR && profile->dfu.product_id == ROM_PRODUCT;
}

/* The profile says which chip it is. */
static bool take_chip(const struct family *profile, struct vunit_chip *chip, struct err *err)
{
	chip->cdc_vendor = profile->cdc.vendor_id;
	chip->cdc_product = profile->cdc.product_id;
	chip->touch_baud = profile->reentry.line_coding ? profile->reentry.line_coding_baud : 0;
	for (size_t i = 0; i < profile->alt_count; i++) {
		uint8_t alt = profile->alts[i].alt;
		if (alt >= VUNIT_ALTERNATES_MAX || !text_copy(chip->layouts[alt], VUNIT_LAYOUT_MAX,
							   profile->alts[i].layout_text))
			return err_set(err, REASON_INPUT,
				"a virtual ROM has alternate settings 0 to %d with layouts below %d characters",
				VUNIT_ALTERNATES_MAX - 1, VUNIT_LAYOUT_MAX);
	}
	return true;
}

static bool make_unit(const char *folder, const struct vbench_options *options,
	enum vunit_family family, unsigned i, struct err *err)
{
	struct vunit_spec spec = { .family = family, .bootloader = bootloader_of(family, i) };
	uint8_t sum[SHA256_LEN];
	char what[64];
	snprintf(what, sizeof what, "virtual unit %llu %u", (unsigned long long)options->seed, i);
	if (family == VUNIT_ROM && !take_chip(options->profile, &spec.chip, err))
		return false;
	if (!digest_sha256(what, strlen(what), sum, err))
		return false;
	memcpy(spec.device_id, sum, sizeof spec.device_id);
	spec.seed = bytes_le32(sum + 16) | (uint64_t)bytes_le32(sum + 20) << 32;
	return vunit_create(folder, &spec, err);
}

static bool serial_is_id(const struct vunit *unit, const char *device_id)
{
	char serial[USB_TEXT_MAX];
	vunit_serial(unit, serial, sizeof serial);
	for (char *c = serial; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return strcmp(serial, device_id) == 0;
}

/* The unit of slot i in its folder, which is made if it is not there. */
static bool open_unit(const struct vbench_options *options, enum vunit_family family, unsigned i,
	struct vunit **ret, struct err *err)
{
	char path[FS_PATH_MAX], file[FS_PATH_MAX], slot[VBENCH_NAME_MAX];
	snprintf(slot, sizeof slot, "A%u", i + 1);
	if (!fs_join(path, options->folder, slot, err) || !fs_join(file, path, "unit.json", err))
		return false;
	if (!fs_exists(file) && !make_unit(path, options, family, i, err))
		return false;
	if (!vunit_open(path, ret, err))
		return false;
	const struct vunit_spec *spec = vunit_spec(*ret);
	if (spec->family == family)
		return true;
	err_set(err, REASON_INPUT, "%s holds a %s, not a %s: give another --state", path,
		vunit_family_name(spec->family), vunit_family_name(family));
	vunit_close(*ret);
	return false;
}

/* "A3" is 2; count if it is no slot of the bench. */
static unsigned index_of(const struct vbench_options *options, const char *name)
{
	char slot[VBENCH_NAME_MAX];
	unsigned i = 0;
	for (; i < options->count; i++) {
		snprintf(slot, sizeof slot, "A%u", i + 1);
		if (strcmp(slot, name) == 0)
			break;
	}
	return i;
}

static bool no_slot(const struct vbench_options *options, const char *name, struct err *err)
{
	return err_set(err, REASON_INPUT, "there is no slot %s: A1 to A%u are allowed", name,
		options->count);
}

static bool check_slots(
	const struct vbench_options *options, const struct vfault_file *faults, struct err *err)
{
	for (size_t k = 0; faults && k < faults->count; k++) {
		const struct vfault_entry *entry = &faults->entries[k];
		const char *wrong = NULL;
		if (index_of(options, entry->slot) == options->count)
			wrong = entry->slot;
		else if (entry->other[0] && index_of(options, entry->other) == options->count)
			wrong = entry->other;
		if (wrong)
			return no_slot(options, wrong, err) || err_at(err, "%s", entry->where);
	}
	return true;
}

/* Fills in the ids that a file does not say. */
static bool complete(const struct vbench_options *options, enum vunit_family family,
	const struct vunit *unit, const struct vfault_entry *entry, struct vfault *fault,
	struct err *err)
{
	struct vunit *other = NULL;
	if (entry->made_up_id) {
		memcpy(fault->device_id, vunit_spec(unit)->device_id, sizeof fault->device_id);
		fault->device_id[0] ^= 0xff;
	}
	if (!entry->other[0])
		return true;
	if (!open_unit(options, family, index_of(options, entry->other), &other, err))
		return false;
	memcpy(fault->device_id, vunit_spec(other)->device_id, sizeof fault->device_id);
	vunit_close(other);
	return true;
}

/* The faults of one unit, as they are read. */
struct faulty {
	struct vunit *unit;
	const char *slot;
	struct vfault faults[VFAULTS_MAX];
	size_t count;
};

static bool give_faults(const struct vbench_options *options, enum vunit_family family,
	const struct vfault_file *file, struct faulty *to, struct err *err)
{
	for (size_t k = 0; file && k < file->count; k++) {
		const struct vfault_entry *entry = &file->entries[k];
		if (strcmp(entry->slot, to->slot) != 0)
			continue;
		if (to->count == VFAULTS_MAX)
			return err_set(err, REASON_INPUT, "%s: slot %s has more than %d faults",
				entry->where, to->slot, VFAULTS_MAX);
		to->faults[to->count] = entry->fault;
		/* Again and again from the first one on, so that an error names its line. */
		if (!complete(options, family, to->unit, entry, &to->faults[to->count], err) ||
			!vunit_set_faults(to->unit, to->faults, ++to->count, err))
			return err_at(err, "%s", entry->where);
	}
	return true;
}

/* What is wrong with a unit for good stands in its folder. */
static bool give_own_faults(const struct vbench_options *options, enum vunit_family family,
	struct faulty *to, struct err *err)
{
	char path[FS_PATH_MAX];
	if (!text_format(path, sizeof path, "%s/%s/faults.cfg", options->folder, to->slot))
		return err_set(err, REASON_INPUT, "the path of %s is too long", options->folder);
	if (!fs_exists(path))
		return true;
	SCOPED_FREE struct vfault_file *file = calloc(1, sizeof *file);
	if (!file)
		return err_set(err, REASON_STATION, "no memory for the faults of a virtual unit");
	if (!vfault_file_read(path, file, err) || !check_slots(options, file, err))
		return false;
	for (size_t k = 0; k < file->count; k++)
		if (vfault_is_outside(file->entries[k].fault.kind))
			return err_set(err, REASON_INPUT,
				"%s: %s is no fault of a unit: give it with --faults",
				file->entries[k].where, vfault_name(file->entries[k].fault.kind));
		else if (strcmp(file->entries[k].slot, to->slot) != 0)
			return err_set(err, REASON_INPUT,
				"%s: slot = \"%s\": the folder is that of %s",
				file->entries[k].where, file->entries[k].slot, to->slot);
	return give_faults(options, family, file, to, err);
}

/* Four units on a hub, if something is to happen to one. */
static bool name_port(struct vbus *vbus, const struct vbench_options *options, unsigned i,
	struct vbench_place *place, struct err *err)
{
	enum { PORTS_OF_HUB = 4 };
	char hub[VBENCH_NAME_MAX];
	bool hubs = false;
	for (size_t k = 0; options->faults && k < options->faults->count; k++)
		hubs = hubs || vfault_is_outside(options->faults->entries[k].fault.kind);
	if (!hubs) {
		snprintf(place->port, sizeof place->port, "1-%u", i + 1);
		return true;
	}
	snprintf(hub, sizeof hub, "1-%u", i / PORTS_OF_HUB + 1);
	snprintf(place->port, sizeof place->port, "1-%u.%u", i / PORTS_OF_HUB + 1,
		i % PORTS_OF_HUB + 1);
	return i % PORTS_OF_HUB || vbus_hub(vbus, hub, PORTS_OF_HUB, VHUB_EACH, err);
}

static bool fill_place(struct vbus *vbus, const struct vbench_options *options,
	enum vunit_family family, unsigned i, struct vbench_place *place, struct err *err)
{
	struct vunit *unit = NULL;
	snprintf(place->slot, sizeof place->slot, "A%u", i + 1);
	if (!name_port(vbus, options, i, place, err) || !open_unit(options, family, i, &unit, err))
		return false;
	const struct vunit_spec *spec = vunit_spec(unit);
	bytes_to_hex(spec->device_id, sizeof spec->device_id, place->device_id);
	vunit_power(unit, true, 0);
	vunit_advance(unit, 10000000);
	place->needs_scan = !serial_is_id(unit, place->device_id);
	vunit_power_off(unit);
	struct faulty faulty = { .unit = unit, .slot = place->slot };
	if (!give_own_faults(options, family, &faulty, err) ||
		!give_faults(options, family, options->faults, &faulty, err)) {
		vunit_close(unit);
		return false;
	}
	bytes_to_hex(spec->device_id, sizeof spec->device_id, place->device_id);
	bool button = !vunit_runs_when_plugged(unit);
	if (!vbus_plug(vbus, place->port, unit, button, err))
		return false;
	vbus_hold_button(vbus, place->port, button);
	return true;
}

bool vbench_open(const struct vbench_options *options, struct vbench_place *ret_places,
	struct vbus **ret_vbus, struct err *err)
{
	enum vunit_family family;
	struct vbus *vbus = NULL;
	if (!vbench_family(options->profile, &family))
		return err_set(err, REASON_INPUT, "there is no virtual unit of the family %s",
			options->profile->name);
	if (!check_slots(options, options->faults, err) ||
		!fs_make_folder(options->folder, 0755, err) ||
		!vbus_new(options->speed, &vbus, err))
		return false;
	for (unsigned i = 0; i < options->count; i++)
		if (!fill_place(vbus, options, family, i, &ret_places[i], err)) {
			struct usb_bus *bus = vbus_bus(vbus);
			bus->ops->close(bus);
			return err_at(err, "virtual unit %s", ret_places[i].slot);
		}
	*ret_vbus = vbus;
	return true;
}

static bool there_is(const char *folder, unsigned i)
{
	char unit[FS_PATH_MAX];
	return text_format(unit, sizeof unit, "%s/A%u/unit.json", folder, i + 1) && fs_exists(unit);
}

bool vbench_look(const char *folder, char *family, size_t cap, unsigned *ret_count, struct err *err)
{
	char first[FS_PATH_MAX];
	struct vunit *unit = NULL;
	unsigned count = 0;
	while (count < VBENCH_UNITS_MAX && there_is(folder, count))
		count++;
	if (!count)
		return err_set(
			err, REASON_INPUT, "%s holds no virtual units: rehearse first", folder);
	if (!fs_join(first, folder, "A1", err) || !vunit_open(first, &unit, err))
		return false;
	snprintf(family, cap, "%s", vunit_family_name(vunit_spec(unit)->family));
	vunit_close(unit);
	*ret_count = count;
	return true;
}
