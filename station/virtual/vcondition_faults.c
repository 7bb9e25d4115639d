/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that a unit has for good: entries of the faults.cfg in its folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs.h"
#include "scope.h"
#include "text.h"
#include "vcondition_private.h"

enum { FILE_MAX = 8192, UPDATE_INSIDE = 0x5000, CORE_UPDATE = 0x60000, USUAL_SMALL = 0x80000 };

static const char head[] = "faults : { list = (\n", tail[] = "\n); };\n";

/* What stands in the file already, without its tail. */
static bool read_entries(const char *path, struct text_buf *to, struct err *err)
{
	SCOPED_FREE uint8_t *text = NULL;
	size_t len, end = sizeof tail - 1;
	if (!fs_exists(path)) {
		text_buf_add(to, head, sizeof head - 1);
		return true;
	}
	if (!fs_read(path, FILE_MAX, REASON_INPUT, &text, &len, err))
		return false;
	if (len < end || memcmp(text + len - end, tail, end) != 0)
		return err_set(err, REASON_INPUT,
			"%s was not written by a condition: take it away first", path);
	text_buf_add(to, (const char *)text, len - end);
	text_buf_add(to, ",\n", 2);
	return true;
}

/* fault: "kind = ...", as a file of faults has it. */
static bool keep(const struct vreturn *it, const char *fault, struct err *err)
{
	char path[FS_PATH_MAX];
	const char *slash = strrchr(it->folder, '/');
	struct text_buf text;
	if (!fs_join(path, it->folder, "faults.cfg", err))
		return false;
	text_buf_init(&text, FILE_MAX);
	bool good = read_entries(path, &text, err);
	if (good) {
		text_buf_addf(&text, "\t{ slot = \"%s\"; %s }%s", slash ? slash + 1 : it->folder,
			fault, tail);
		good = text.failed ? err_set(err, REASON_INPUT, "%s has too many faults", path)
				   : fs_write_atomic(path, text.text, text.len, 0644, err);
	}
	text_buf_done(&text);
	return good;
}

/* All bits of a byte read as value, whatever is erased or written. */
static bool dead_cells(const struct vreturn *it, uint32_t addr, unsigned value, struct err *err)
{
	char fault[128];
	uint8_t alt = 0;
	uint8_t *cell = vcondition_at(it->unit, addr, 1, &alt);
	if (!cell)
		return err_set(err, REASON_INPUT, "a virtual %s has no memory at 0x%08x",
			vunit_family_name(it->unit->spec.family), addr);
	snprintf(fault, sizeof fault,
		"kind = \"dead-cell\"; alt = %u; address = 0x%08xL; bits = 0xff; value = %u;", alt,
		addr, value);
	if (!keep(it, fault, err))
		return false;
	*cell = value ? 0xff : 0;
	return true;
}

bool vcondition_dead_cells(const struct vreturn *it, struct err *err)
{
	return dead_cells(it, it->argument, 0, err);
}

/* They read as erased ones do, so that nobody sees it who only reads. */
bool vcondition_dead_update(const struct vreturn *it, struct err *err)
{
	const struct vunit_map *map = it->unit->traits->map;
	return dead_cells(it, (map ? map->ota.start : CORE_UPDATE) + UPDATE_INSIDE, 1, err);
}

bool vcondition_small_flash(const struct vreturn *it, struct err *err)
{
	char fault[128];
	uint32_t size = it->argument ? it->argument : USUAL_SMALL;
	if (size & (size - 1) || size < 4096 || size >= it->unit->memory_len[1])
		return err_set(err, REASON_INPUT,
			"%u bytes are no size of a smaller flash: a power of two from 4096 to %zu",
			size, it->unit->memory_len[1] / 2);
	snprintf(fault, sizeof fault, "kind = \"small-flash\"; size = 0x%x;", size);
	return keep(it, fault, err);
}

bool vcondition_runs(const struct vreturn *it, struct err *err)
{
	return keep(it, "kind = \"no-button\";", err);
}

/* The first transfer is the host's SET_CONFIGURATION. */
bool vcondition_silent(const struct vreturn *it, struct err *err)
{
	return keep(it, "kind = \"silent\"; at_transfer = 2;", err);
}

bool vcondition_abrupt_leave(const struct vreturn *it, struct err *err)
{
	return keep(it, "kind = \"abrupt-leave\";", err);
}
