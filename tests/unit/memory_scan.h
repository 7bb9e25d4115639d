/* SPDX-License-Identifier: Apache-2.0 */
/* A scan of all the writable memory of this process for bytes that must not be there. Not under a sanitizer, whose
 * shadow is terabytes. Include after cmocka.h. */
#pragma once

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Memory scan. The needles are kept masked, so that the scanner does not find itself. */
enum { NEEDLES_MAX = 512, MASK_BYTE = 0x5a };
#define MASK UINT64_C(0x5a5a5a5a5a5a5a5a)

struct needles {
	uint64_t masked[NEEDLES_MAX];
	size_t count;
};

/* Each 8 bytes of a field, and the same turned round as it stands in a BIGNUM. */
static inline void add_needles(struct needles *needles, const uint8_t *field, size_t width)
{
	for (size_t at = 0; at + 8 <= width; at += 8) {
		uint64_t straight = 0, turned = 0;
		for (unsigned i = 0; i < 8; i++) {
			straight |= (uint64_t)(field[at + i] ^ MASK_BYTE) << 8 * i;
			turned |= (uint64_t)(field[at + i] ^ MASK_BYTE) << 8 * (7 - i);
		}
		assert_true(needles->count + 2 <= NEEDLES_MAX);
		needles->masked[needles->count++] = straight;
		needles->masked[needles->count++] = turned;
	}
}

static inline size_t count_in(const uint8_t *from, size_t len, const struct needles *needles)
{
	/* Most words are none: a table of their low bytes says so at once. */
	static uint8_t hint[65536];
	memset(hint, 0, sizeof hint);
	for (size_t i = 0; i < needles->count; i++)
		hint[needles->masked[i] & 0xffff] = 1;
	size_t found = 0;
	for (size_t at = 0; at + 8 <= len; at++) {
		uint64_t word;
		memcpy(&word, from + at, 8);
		word ^= MASK;
		if (!hint[word & 0xffff])
			continue;
		for (size_t i = 0; i < needles->count; i++)
			found += needles->masked[i] == word;
	}
	return found;
}

static inline size_t count_in_process(const struct needles *needles)
{
	size_t found = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	assert_non_null(maps);
	char line[512];
	while (fgets(line, sizeof line, maps)) {
		uintptr_t start, end;
		char access[5];
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, access) == 3 &&
			access[0] == 'r' && access[1] == 'w')
			found += count_in((const uint8_t *)start, end - start, needles);
	}
	fclose(maps);
	return found;
}
