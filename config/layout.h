/* SPDX-License-Identifier: Apache-2.0 */
/* DfuSe layout strings (ST UM0424 / AN3156; the interface string of an alternate setting): where a
 * unit's memory starts, how its sectors divide it, and what each allows. Also computes the sectors
 * under a range.
 *
 *   "@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg"
 *
 * Letters a-g: bit 0 readable, bit 1 erasable, bit 2 writable. A string may name several areas.
 * Parsing takes anything: counts, sizes and sums are bounded, and nothing past the NUL is read.
 * Pure; any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum {
	LAYOUT_TEXT_MAX = 128,
	LAYOUT_NAME_MAX = 64,
	LAYOUT_SEGMENTS_MAX = 32,
	LAYOUT_READ = 1,
	LAYOUT_ERASE = 2,
	LAYOUT_WRITE = 4
};

/* count sectors of sector_size bytes each, from addr on; ends at or below 2^32. */
struct layout_segment {
	uint32_t addr, sector_size, count;
	uint8_t access; /* LAYOUT_READ | ... */
};

struct layout {
	char name[LAYOUT_NAME_MAX]; /* as announced, without the '@' and trailing blanks */
	struct layout_segment segments[LAYOUT_SEGMENTS_MAX];
	size_t count;
};

struct layout_sector {
	uint32_t addr, size;
	uint8_t access;
	uint32_t index; /* from 0 on, in the order of the string */
};

/* REASON_LAYOUT with the column. Segments must not overlap; at least one. */
bool layout_parse(const char *text, struct layout *ret, struct err *err) MUST_CHECK;
/* The sector that holds addr; false if none does. */
bool layout_sector_at(const struct layout *layout, uint32_t addr, struct layout_sector *ret);
/* True if each byte of [addr, addr + len) lies in a sector with all of access. len 0 is true. */
bool layout_allows(const struct layout *layout, uint32_t addr, uint64_t len, uint8_t access);
/* True if both describe the same sectors with the same access; names and the splitting into
 * segments do not count. */
bool layout_equal(const struct layout *a, const struct layout *b);
