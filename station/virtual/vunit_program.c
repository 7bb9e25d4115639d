/* SPDX-License-Identifier: Apache-2.0 */
/* A patch program: one that is written to do something once, as the update of a radio's firmware,
 * and not to stay. A virtual unit executes nothing, so an image says of itself what it would do, in
 * 32 bytes at PROGRAM_AT from the start of the application. This form is our own; no device knows it.
 *
 *    0  16  "VIRTUAL PROGRAM", NUL
 *   16   4  so many milliseconds after it was started its work is done (little-endian)
 *   20   1  1: it shows the running identity on the bus, and can be sent into DFU; 0: it shows
 *           nothing (Core only: on the others the system firmware is on the bus)
 *   21   1  1: when its work is done it resets into DFU; 0: it stays
 *   22  10  the version of the radio's firmware that it installs, as text, NUL behind it; empty: none
 *
 * The radio's firmware lies in a memory of its own that no bootloader shows: in the unit's folder
 * it is the file radio, a line for each version that was installed, the newest last. Without the file
 * the unit has what it came with. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "fs.h"
#include "scope.h"
#include "vunit_private.h"

enum {
	PROGRAM_AT = 0x200,
	PROGRAM_LEN = 32,
	WORK_AT = 16,
	SHOWS_AT = 20,
	RETURNS_AT = 21,
	RADIO_AT = 22,
	RADIO_LEN = PROGRAM_LEN - RADIO_AT
};

static const char magic[WORK_AT] = "VIRTUAL PROGRAM";

/* NULL: what would be started is no patch program. */
static const uint8_t *find(const struct vunit *unit)
{
	const struct vunit_map *map = unit->traits->map;
	uint32_t start = map ? map->user.start : CORE_APPLICATION;
	const uint8_t *program = unit->memory[0] + (start - FLASH_BASE) + PROGRAM_AT;
	if (map && !vunit_module_sound(unit, &map->user))
		return NULL;
	return memcmp(program, magic, sizeof(magic)) == 0 ? program : NULL;
}

bool vunit_program_start(struct vunit *unit, uint64_t at_us)
{
	const uint8_t *program = find(unit);
	if (!program)
		return true;
	uint64_t work_us = UINT64_C(1000) * bytes_le32(program + WORK_AT);
	if (!vfault_program(unit, at_us + work_us / 2))
		vunit_schedule(unit, EVENT_PROGRAM, at_us + work_us);
	return program[SHOWS_AT] || unit->spec.family != VUNIT_CORE;
}

static bool install_radio(const struct vunit *unit, const uint8_t *version)
{
	char path[FS_PATH_MAX], text[RADIO_LEN + 2];
	struct err err;
	int len = snprintf(text, sizeof(text), "%.*s\n",
		(int)strnlen((const char *)version, RADIO_LEN), version);
	if (!fs_join(path, unit->folder, "radio", &err))
		return false;
	SCOPED_FD int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd >= 0 && write(fd, text, (size_t)len) == len;
}

bool vunit_program_done(struct vunit *unit)
{
	const uint8_t *program = find(unit);
	/* A radio that could not be kept is one that was not installed: its judge sees that. */
	if (program && program[RADIO_AT] && !install_radio(unit, program + RADIO_AT))
		return false;
	return program && program[RETURNS_AT];
}
