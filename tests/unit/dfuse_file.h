/* SPDX-License-Identifier: Apache-2.0 */
/* Makes DfuSe files and DFU suffixes, from ST UM0391 and appendix B of DFU 1.1; nothing of the product is in it. */
#pragma once

#include <stdint.h>
#include <string.h>

enum { DFUSE_PREFIX = 11, DFUSE_TARGET = 274, DFUSE_ELEMENT = 8, DFUSE_SUFFIX = 16 };

struct dfuse_file {
	uint8_t *bytes; /* the caller's, with room for all of it */
	size_t len;
	size_t target; /* where the last target's header stands; 0: there is none */
};

static inline void dfuse_put(uint8_t *to, uint32_t value, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static inline uint32_t dfuse_get32(const uint8_t *from)
{
	return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static inline void dfuse_begin(struct dfuse_file *file)
{
	memcpy(file->bytes, "DfuSe\1\0\0\0\0\0", DFUSE_PREFIX);
	file->len = DFUSE_PREFIX;
	file->target = 0;
}

static inline void dfuse_add_target(struct dfuse_file *file, uint8_t alt)
{
	uint8_t *at = file->bytes + file->len;
	memset(at, 0, DFUSE_TARGET);
	memcpy(at, "Target", 6);
	at[6] = alt;
	at[7] = 1;
	memcpy(at + 11, "made", 5);
	file->target = file->len;
	file->len += DFUSE_TARGET;
	file->bytes[10]++;
}

static inline void dfuse_add(
	struct dfuse_file *file, uint32_t addr, const void *bytes, uint32_t len)
{
	uint8_t *target = file->bytes + file->target, *at = file->bytes + file->len;
	dfuse_put(at, addr, 4);
	dfuse_put(at + 4, len, 4);
	if (len)
		memcpy(at + DFUSE_ELEMENT, bytes, len);
	file->len += DFUSE_ELEMENT + len;
	dfuse_put(target + 266, dfuse_get32(target + 266) + DFUSE_ELEMENT + len, 4);
	dfuse_put(target + 270, dfuse_get32(target + 270) + 1, 4);
}

/* Bit by bit, reflected 0x04c11db7, begins with all ones and is not inverted at the end. */
static inline uint32_t dfuse_crc(const uint8_t *bytes, size_t len)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return crc;
}

/* Returns the new length. */
static inline size_t dfu_suffix_put(
	uint8_t *bytes, size_t len, uint16_t vendor_id, uint16_t product_id, uint16_t dfu_release)
{
	dfuse_put(bytes + len, 0xffff, 2);
	dfuse_put(bytes + len + 2, product_id, 2);
	dfuse_put(bytes + len + 4, vendor_id, 2);
	dfuse_put(bytes + len + 6, dfu_release, 2);
	memcpy(bytes + len + 8, "UFD\20", 4);
	dfuse_put(bytes + len + 12, dfuse_crc(bytes, len + 12), 4);
	return len + DFUSE_SUFFIX;
}

static inline void dfuse_end(struct dfuse_file *file, uint16_t vendor_id, uint16_t product_id)
{
	dfuse_put(file->bytes + 6, (uint32_t)file->len, 4);
	file->len = dfu_suffix_put(file->bytes, file->len, vendor_id, product_id, 0x011a);
}
