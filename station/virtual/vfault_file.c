/* SPDX-License-Identifier: Apache-2.0 */
#include "vfault_file.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "cfgfile.h"

enum { ID_TEXT = 25, FACTOR_MAX = 100000, BACK_MAX_MS = 3600000 };

static uint32_t whole(const struct cfg *cfg, const char *key, uint32_t min, uint32_t max)
{
	return (uint32_t)cfg_int(cfg, key, min, max);
}

static uint32_t whole_or(const struct cfg *cfg, const char *key, uint32_t min, uint32_t fallback)
{
	return (uint32_t)cfg_int_or(cfg, key, min, UINT32_MAX, fallback);
}

static void read_place(const struct cfg *cfg, struct vfault *fault)
{
	fault->alt = (uint8_t)whole(cfg, "alt", 0, VUNIT_ALTERNATES_MAX - 1);
	fault->address = whole(cfg, "address", 0, UINT32_MAX);
}

static void read_cell(const struct cfg *cfg, struct vfault *fault)
{
	read_place(cfg, fault);
	fault->bits = (uint8_t)cfg_int_or(cfg, "bits", 1, 255, 1);
	fault->value = true;
	if (fault->kind == VFAULT_DEAD_CELL)
		fault->value = cfg_int_or(cfg, "value", 0, 1, 0);
}

static void read_lost_write(const struct cfg *cfg, struct vfault *fault)
{
	read_place(cfg, fault);
	fault->size = whole_or(cfg, "size", 1, 1);
	fault->at = whole_or(cfg, "at_write", 1, 1);
	fault->times = whole_or(cfg, "times", 0, 0);
}

/* Once, and how power comes back. */
static void read_return(const struct cfg *cfg, struct vfault *fault)
{
	fault->times = 1;
	fault->comes_back = cfg_has(cfg, "back_after_ms");
	if (!fault->comes_back)
		return;
	fault->back_after_ms = whole(cfg, "back_after_ms", 0, BACK_MAX_MS);
	fault->button = cfg_bool_or(cfg, "button", false);
}

static void read_power(const struct cfg *cfg, const char *at, uint32_t min, struct vfault *fault)
{
	fault->at = whole(cfg, at, min, UINT32_MAX);
	read_return(cfg, fault);
}

static void read_times(
	const struct cfg *cfg, const char *at, uint32_t usual, struct vfault *fault)
{
	fault->at = whole(cfg, at, 1, UINT32_MAX);
	fault->times = whole_or(cfg, "times", 0, usual);
}

static void read_outside(const struct cfg *cfg, struct vfault *fault)
{
	fault->at = whole(cfg, "at_transfer", 2, UINT32_MAX);
	fault->times = 1;
	if (fault->kind == VFAULT_OVER_CURRENT)
		fault->comes_back = cfg_bool_or(cfg, "recovers", false);
}

static void read_program(const struct cfg *cfg, struct vfault *fault)
{
	fault->at = whole_or(cfg, "at_program", 1, 1);
	if (fault->kind == VFAULT_PROGRAM_CUT)
		read_return(cfg, fault);
	else
		fault->times = whole_or(cfg, "times", 0, 1);
}

static void read_layout(const struct cfg *cfg, struct vfault *fault)
{
	fault->alt = (uint8_t)whole(cfg, "alt", 0, VUNIT_ALTERNATES_MAX - 1);
	cfg_text(cfg, "layout", NULL, fault->layout, sizeof(fault->layout));
}

static void read_swapped(const struct cfg *cfg, struct vfault_entry *entry)
{
	char text[ID_TEXT];
	entry->fault.at = whole_or(cfg, "at_enumeration", 1, 2);
	entry->made_up_id = !cfg_has(cfg, "device_id");
	if (entry->made_up_id)
		return;
	cfg_text(cfg, "device_id", NULL, text, sizeof(text));
	if (!cfg_failed(cfg) &&
		!bytes_from_hex(text, entry->fault.device_id, sizeof(entry->fault.device_id)))
		cfg_error(cfg, "device_id", "\"%s\" is no device id: 24 hex digits", text);
}

static void read_kind(const struct cfg *cfg, struct vfault_entry *entry)
{
	struct vfault *fault = &entry->fault;
	switch (fault->kind) {
	case VFAULT_DEAD_CELL:
	case VFAULT_WEAK_CELL:
		read_cell(cfg, fault);
		return;
	case VFAULT_KEEPS_SECTOR:
		read_place(cfg, fault);
		return;
	case VFAULT_LOST_WRITE:
		read_lost_write(cfg, fault);
		return;
	case VFAULT_SMALL_FLASH:
		fault->size = whole(cfg, "size", 1, UINT32_MAX);
		return;
	case VFAULT_SLOW_ERASE:
		fault->factor = whole(cfg, "factor", 1, FACTOR_MAX);
		return;
	case VFAULT_STALL:
		read_times(cfg, "at_operation", 1, fault);
		return;
	case VFAULT_SILENT:
		read_times(cfg, "at_transfer", 0, fault);
		return;
	case VFAULT_BROWN_OUT:
		read_power(cfg, "at_operation", 1, fault);
		return;
	case VFAULT_UNPLUG:
		/* The first is the host's SET_CONFIGURATION: nobody would ever meet the unit. */
		read_power(cfg, "at_transfer", 2, fault);
		return;
	case VFAULT_HUB_GONE:
	case VFAULT_OVER_CURRENT:
		read_outside(cfg, fault);
		return;
	case VFAULT_STAYS_AWAY:
		fault->at = whole_or(cfg, "at_leave", 1, 1);
		return;
	case VFAULT_PROGRAM_HANGS:
	case VFAULT_PROGRAM_CUT:
		read_program(cfg, fault);
		return;
	case VFAULT_OTHER_LAYOUT:
		read_layout(cfg, fault);
		return;
	case VFAULT_SWAPPED:
		read_swapped(cfg, entry);
		return;
	case VFAULT_SAME_ID:
		cfg_text(cfg, "as", NULL, entry->other, sizeof(entry->other));
		return;
	case VFAULT_NO_OPERATOR:
	case VFAULT_NO_BUTTON:
	case VFAULT_ABRUPT_LEAVE:
	case VFAULT_KIND_COUNT:
		return;
	}
}

static void read_entry(const struct cfg *cfg, const char *path, struct vfault_entry *ret)
{
	const char *names[VFAULT_KIND_COUNT];
	for (int i = 0; i < VFAULT_KIND_COUNT; i++)
		names[i] = vfault_name((enum vfault_kind)i);
	*ret = (struct vfault_entry){ 0 };
	cfg_text(cfg, "slot", NULL, ret->slot, sizeof(ret->slot));
	int kind = cfg_choice(cfg, "kind", names, VFAULT_KIND_COUNT, -1);
	if (cfg_failed(cfg))
		return;
	ret->fault.kind = (enum vfault_kind)kind;
	read_kind(cfg, ret);
	if (strcmp(ret->other, ret->slot) == 0)
		cfg_error(cfg, "as", "%s is the unit's own slot: name another", ret->other);
	snprintf(ret->where, sizeof(ret->where), "%.180s:%u", path, cfg_line(cfg, "kind"));
}

bool vfault_file_read(const char *path, struct vfault_file *ret, struct err *err)
{
	struct cfgfile *file = NULL;
	struct cfg root, list, entry;
	if (!cfgfile_open(path, "faults", &file, &root, err))
		return false;
	ret->count = cfg_list(&root, "list", true, VFAULT_FILE_MAX, &list);
	for (size_t i = 0; i < ret->count && cfg_list_group(&list, i, &entry); i++)
		read_entry(&entry, path, &ret->entries[i]);
	bool ok = cfgfile_end(file, err);
	cfgfile_close(file);
	return ok;
}
