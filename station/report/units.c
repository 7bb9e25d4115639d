/* SPDX-License-Identifier: Apache-2.0 */
#include "units.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

enum { UID_LEN = 12, FIRST_ROOM = 1024 };

struct unit {
	uint8_t id[UID_LEN];
	uint8_t used;
	struct unit_facts facts;
};

static uint64_t mix(uint64_t value)
{
	value ^= value >> 33;
	value *= 0xff51afd7ed558ccdULL;
	value ^= value >> 33;
	value *= 0xc4ceb9fe1a85ec53ULL;
	return value ^ value >> 33;
}

/* Ids of one wafer differ in few bits, so all of them are stirred. */
static uint64_t hash_of(const uint8_t id[UID_LEN])
{
	return mix(bytes_le32(id) | (uint64_t)bytes_le32(id + 4) << 32) ^
	       mix(bytes_le32(id + 8) + 0x9e3779b97f4a7c15ULL);
}

static struct unit *place_of(struct unit *slots, size_t room, const uint8_t id[UID_LEN])
{
	size_t at = (size_t)hash_of(id) & (room - 1);
	while (slots[at].used && memcmp(slots[at].id, id, UID_LEN) != 0)
		at = (at + 1) & (room - 1);
	return &slots[at];
}

static bool grow(struct units *units)
{
	size_t room = units->room ? 2 * units->room : FIRST_ROOM;
	struct unit *slots = calloc(room, sizeof *slots);
	if (!slots)
		return false;
	for (size_t i = 0; i < units->room; i++)
		if (units->slots[i].used)
			*place_of(slots, room, units->slots[i].id) = units->slots[i];
	free(units->slots);
	units->slots = slots;
	units->room = room;
	return true;
}

/* An attempt whose unit is not known stands for itself: its UUID, folded. */
static void fold(const char *name, uint8_t ret[UID_LEN])
{
	uint64_t a = 0xcbf29ce484222325ULL, b = ~a;
	for (const char *at = name; *at; at++) {
		a = mix(a ^ (unsigned char)*at);
		b = mix(b + (unsigned char)*at);
	}
	memcpy(ret, &a, 8);
	memcpy(ret + 8, &b, 4);
}

struct unit_facts *units_of(struct units *units, const char *device_id)
{
	uint8_t id[UID_LEN];
	if (!bytes_from_hex(device_id, id, sizeof id))
		fold(device_id, id);
	if (4 * (units->count + 1) > 3 * units->room && !grow(units))
		return NULL;
	struct unit *unit = place_of(units->slots, units->room, id);
	if (!unit->used) {
		memcpy(unit->id, id, UID_LEN);
		unit->used = 1;
		units->count++;
	}
	return &unit->facts;
}

void units_count(const struct units *units, struct units_census *ret)
{
	*ret = (struct units_census){ 0 };
	for (size_t i = 0; i < units->room; i++) {
		const struct unit *unit = &units->slots[i];
		if (!unit->used)
			continue;
		for (unsigned bit = 0; bit < 8; bit++)
			ret->flags[bit] += unit->facts.flags >> bit & 1;
		ret->outcomes[unit->facts.outcome] += (unit->facts.flags & UNIT_STARTED) != 0;
	}
}

int64_t units_with(const struct units_census *census, uint8_t flag)
{
	return census->flags[__builtin_ctz(flag)];
}

void units_done(struct units *units)
{
	free(units->slots);
	*units = (struct units){ 0 };
}
