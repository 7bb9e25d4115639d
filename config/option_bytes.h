/* SPDX-License-Identifier: Apache-2.0 */
/* A chip's option bytes, as data: where a host finds them, what they are called, and which of them protect its memory.
 * A profile says so (config/families/stm32-rom.cfg is the annotated example); the station reads them and never writes
 * them. Plain storage; pure but for the reading of the profile; any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cfgfile.h"
#include "layout.h"

enum { OPTION_BYTES_MAX = 64, OPTION_FIELDS_MAX = 16, OPTION_NAME_MAX = 24 };

/* Bits of a little-endian number of size bytes (1, 2 or 4). */
struct option_field {
	char name[OPTION_NAME_MAX];
	uint16_t offset;
	uint8_t size;
	uint32_t mask;
};

struct option_bytes {
	bool known; /* the profile has them */
	uint8_t alt;
	uint32_t addr;
	uint16_t size;
	struct option_field fields[OPTION_FIELDS_MAX];
	size_t field_count;
	int read_field, write_field; /* index; -1: not known */
	uint32_t level_0, level_2;   /* of read protection; everything else is level 1 */
	uint8_t protected_alt;	     /* bit i of write_field is 0: sector i of this setting cannot be written */
};

/* The group option_bytes of a profile; without one *ret is not known. Errors are cfg_error's. */
void option_bytes_read(const struct cfg *root, struct option_bytes *ret);

/* NULL if there is none. */
const struct option_field *option_field(const struct option_bytes *options, const char *name);
/* The bits of its mask, shifted down to bit 0. bytes: all of the option bytes. */
uint32_t option_value(const struct option_field *field, const uint8_t *bytes);
/* The largest value that it can have. */
uint32_t option_limit(const struct option_field *field);
/* 0, 1 or 2; 0 if the profile does not know where it stands. */
unsigned option_read_level(const struct option_bytes *options, const uint8_t *bytes);
/* Does this sector, counted from 0, take no write? False where that is not known. */
bool option_is_protected(const struct option_bytes *options, const uint8_t *bytes, uint32_t sector);
