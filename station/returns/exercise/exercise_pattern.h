/* SPDX-License-Identifier: Apache-2.0 */
/* What an exercise writes into a sector, what it finds there, and what a sector that it was cut off
 * from may hold. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each word (4 bytes, little-endian, counted from an address that is a multiple of 4) holds its own
 * address, mixed with a seed so that every bit changes from word to word; or the complement. No two
 * words of a memory are the same. */
enum exercise_pattern { PATTERN_ADDRESS, PATTERN_COMPLEMENT };
void exercise_fill(
	enum exercise_pattern pattern, uint32_t seed, uint32_t addr, uint8_t *to, size_t len);

/* Where a sector is not as it should be. */
struct exercise_defect {
	uint32_t addr, count; /* of the first byte; how many bytes differ, 0: none */
	uint8_t expected, found;
	bool refused; /* the unit itself refused a block: nothing behind it was written */
};
/* expected NULL: erased, all FF. addr is that of the first byte. */
struct exercise_defect exercise_compare(
	const uint8_t *expected, const uint8_t *found, uint32_t addr, size_t len);

/* A sector at the visit after one at which an exercise of it was cut off. */
enum exercise_state {
	SECTOR_AS_BEFORE, /* it holds what it held before */
	SECTOR_CUT_OFF,   /* it holds what the exercise leaves when it is cut off: erased in part, a
			   * pattern in part, written back in part */
	SECTOR_FOREIGN    /* something else: somebody wrote to it since */
};
/* Each byte has to be one that it held before, erased, or one of the patterns; a few may stand
 * between, of a write or an erase that was cut off in them: one with more bits set than what it was
 * on its way to or from, the same for all of them, and fewer than what the exercise did write. */
enum exercise_state exercise_classify(
	const uint8_t *before, const uint8_t *found, uint32_t seed, uint32_t addr, size_t len);
/* Do bytes of this very exercise stand there? It proves which unit it is: another one may be erased
 * there, or hold the same, but has not been given this seed. */
bool exercise_bears_pattern(
	const uint8_t *before, const uint8_t *found, uint32_t seed, uint32_t addr, size_t len);
