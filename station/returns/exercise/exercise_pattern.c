/* SPDX-License-Identifier: Apache-2.0 */
#include "exercise_pattern.h"

enum { WORD = 4, FROM = 3, ZEROS_MAX = 8, PROOF = 16 };

/* One to one, as the factor is odd: two words that are the same would hide an address line. */
static uint8_t byte_of(enum exercise_pattern pattern, uint32_t seed, uint32_t addr)
{
	uint32_t word = (addr / WORD ^ seed) * 0x9e3779b1u;
	uint8_t byte = (uint8_t)(word >> 8 * (addr % WORD));
	return pattern == PATTERN_COMPLEMENT ? (uint8_t)~byte : byte;
}

void exercise_fill(
	enum exercise_pattern pattern, uint32_t seed, uint32_t addr, uint8_t *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = byte_of(pattern, seed, addr + (uint32_t)i);
}

struct exercise_defect exercise_compare(
	const uint8_t *expected, const uint8_t *found, uint32_t addr, size_t len)
{
	struct exercise_defect defect = { 0 };
	for (size_t i = 0; i < len; i++) {
		uint8_t wanted = expected ? expected[i] : 0xff;
		if (found[i] == wanted)
			continue;
		if (!defect.count++) {
			defect.addr = addr + (uint32_t)i;
			defect.expected = wanted;
			defect.found = found[i];
		}
	}
	return defect;
}

/* What the bytes that stand between have in common. */
struct between {
	size_t count, zeros[FROM];
	bool fits[FROM];
};

/* Flash on its way from or to a byte has all the bits of it, and more. Of 00 that says nothing, so
 * that only the few bytes of one write may be that. */
static void take(struct between *it, const uint8_t from[FROM], uint8_t found)
{
	it->count++;
	for (int k = 0; k < FROM; k++) {
		it->zeros[k] += from[k] == 0;
		if ((found & from[k]) != from[k] || it->zeros[k] > ZEROS_MAX)
			it->fits[k] = false;
	}
}

enum exercise_state exercise_classify(
	const uint8_t *before, const uint8_t *found, uint32_t seed, uint32_t addr, size_t len)
{
	struct between between = { .fits = { true, true, true } };
	size_t ours = 0;
	for (size_t i = 0; i < len; i++) {
		uint32_t at = addr + (uint32_t)i;
		const uint8_t from[FROM] = { before[i], byte_of(PATTERN_ADDRESS, seed, at),
			byte_of(PATTERN_COMPLEMENT, seed, at) };
		if (found[i] == from[0])
			continue;
		if (found[i] == 0xff || found[i] == from[1] || found[i] == from[2])
			ours++;
		else
			take(&between, from, found[i]);
	}
	if (!between.count)
		return ours ? SECTOR_CUT_OFF : SECTOR_AS_BEFORE;
	bool one = between.fits[0] || between.fits[1] || between.fits[2];
	return one && between.count < ours ? SECTOR_CUT_OFF : SECTOR_FOREIGN;
}

bool exercise_bears_pattern(
	const uint8_t *before, const uint8_t *found, uint32_t seed, uint32_t addr, size_t len)
{
	size_t count = 0;
	for (size_t i = 0; i < len; i++) {
		uint32_t at = addr + (uint32_t)i;
		count += found[i] != 0xff && found[i] != before[i] &&
			 (found[i] == byte_of(PATTERN_ADDRESS, seed, at) ||
				 found[i] == byte_of(PATTERN_COMPLEMENT, seed, at));
	}
	return count >= PROOF &&
	       exercise_classify(before, found, seed, addr, len) == SECTOR_CUT_OFF;
}
