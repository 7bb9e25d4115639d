/* SPDX-License-Identifier: Apache-2.0 */
#include "vcondition.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "digest.h"
#include "text.h"
#include "vunit_private.h"

enum {
	CORE_SERVER_KEY = 0x1000,
	CORE_DEVICE_KEY = 0x2000,
	CORE_FACTORY = 0x20000,
	CORE_HEADER = 0x10c,
	F2_SERVER_KEY = 2082,
	F2_CLAIM_CODE = 1762,
	F2_CLAIMED = 1825,
	F2_EEPROM = 0xC000, /* in alt 0 */
	F2_HEADER_BEHIND_VECTORS = 0x184,
	SERVER_SLOT = 512,
	MODULUS_AT = 64, /* somewhere in the server key's */
	DAMAGE_LEN = 16,
	INSIDE = 0x1000, /* of an image: behind its header */
	SPI_USER = 0x80000
};

static const char *const names[VCONDITIONS] = { "F02", "F03", "F06", "F09", "F09:wrong", "F17",
	"F19", "parts", "claimed" };

/* --- the list --- */

static bool parse_one(const char *text, size_t len, struct vcondition *ret, struct err *err)
{
	char word[32];
	if (len >= sizeof word)
		return err_set(err, REASON_INPUT, "'%.*s' is no condition", (int)len, text);
	memcpy(word, text, len);
	word[len] = 0;
	char *end = NULL;
	if (strncmp(word, "F03:", 4) == 0) {
		errno = 0;
		unsigned long addr = strtoul(word + 4, &end, 0);
		if (errno || end == word + 4 || *end || word[4] == '-' || addr > UINT32_MAX)
			return err_set(err, REASON_INPUT, "'%s' has no address", word);
		*ret = (struct vcondition){ VCONDITION_DAMAGED, (uint32_t)addr };
		return true;
	}
	for (int i = 0; i < VCONDITIONS; i++)
		if (i != VCONDITION_DAMAGED && strcmp(word, names[i]) == 0) {
			*ret = (struct vcondition){ .kind = (enum vcondition_kind)i };
			return true;
		}
	return err_set(err, REASON_INPUT,
		"'%s' is no condition: F02, F03:ADDRESS, F06, F09, F09:wrong, F17, F19, parts, "
		"claimed, or - for none",
		word);
}

static bool parse_unit(const char *text, size_t len, struct vconditions *ret, struct err *err)
{
	if (ret->count == VCONDITION_UNITS_MAX)
		return err_set(
			err, REASON_INPUT, "there are more than %d units", VCONDITION_UNITS_MAX);
	size_t unit = ret->count++, *each = &ret->each[unit];
	if (len == 1 && text[0] == '-')
		return true;
	for (size_t at = 0; at <= len;) {
		const char *plus = memchr(text + at, '+', len - at);
		size_t word = plus ? (size_t)(plus - text) - at : len - at;
		if (*each == VCONDITION_EACH_MAX)
			return err_set(err, REASON_INPUT, "a unit is in %d conditions at most",
				VCONDITION_EACH_MAX);
		if (!parse_one(text + at, word, &ret->units[unit][(*each)++], err))
			return false;
		at += word + 1;
	}
	return true;
}

bool vcondition_parse(const char *text, struct vconditions *ret, struct err *err)
{
	*ret = (struct vconditions){ 0 };
	for (;;) {
		size_t len = strcspn(text, ",");
		if (!parse_unit(text, len, ret, err))
			return false;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

/* --- memory --- */

static bool is_core(const struct vunit *unit)
{
	return unit->spec.family == VUNIT_CORE;
}

/* len bytes at an address as the device sees it; NULL: it has no such memory. */
static uint8_t *at(struct vunit *unit, uint32_t addr, size_t len)
{
	for (int alt = 0; alt < VUNIT_ALTERNATES_MAX; alt++) {
		uint32_t base = vunit_memory_base(&unit->spec, alt);
		/* Alternate setting 1 of an F2 only shows what is elsewhere. */
		if (!unit->memory[alt] || (alt == 1 && !is_core(unit)) || addr < base)
			continue;
		if (addr - base <= unit->memory_len[alt] &&
			len <= unit->memory_len[alt] - (addr - base))
			return unit->memory[alt] + (addr - base);
	}
	return NULL;
}

static bool damage(struct vunit *unit, uint32_t addr, struct err *err)
{
	uint8_t *bytes = at(unit, addr, DAMAGE_LEN);
	if (!bytes)
		return err_set(err, REASON_INPUT, "a virtual %s has no memory at 0x%08x",
			vunit_family_name(unit->spec.family), addr);
	for (int i = 0; i < DAMAGE_LEN; i++)
		bytes[i] ^= 0x5a;
	return true;
}

/* A place of the record memory of an F2, or of a Core's SPI flash. */
static bool put(struct vunit *unit, uint32_t f2, uint32_t core, const uint8_t *bytes, size_t len,
	struct err *err)
{
	if (is_core(unit)) {
		memcpy(unit->memory[1] + core, bytes, len);
		return true;
	}
	return vunit_dct_write(unit, f2, bytes, len) ||
	       err_set(err, REASON_BUG, "the virtual DCT took no bytes");
}

static bool other_key(struct vunit *unit, struct err *err)
{
	uint8_t key[VKEY_PRIVATE_MAX];
	size_t len;
	if (!vkey_make(key, &len))
		return err_set(err, REASON_STATION, "cannot make a key");
	return put(unit, DCT_PRIVATE_KEY, CORE_DEVICE_KEY, key, len, err);
}

static bool server_key(struct vunit *unit, bool wrong, struct err *err)
{
	uint8_t slot[SERVER_SLOT];
	memset(slot, 0xff, sizeof slot);
	if (!wrong)
		return put(unit, F2_SERVER_KEY, CORE_SERVER_KEY, slot, sizeof slot, err);
	if (is_core(unit))
		memcpy(slot, unit->memory[1] + CORE_SERVER_KEY, sizeof slot);
	else
		vunit_dct_read(unit, F2_SERVER_KEY, slot, sizeof slot);
	for (int i = 0; i < DAMAGE_LEN; i++)
		slot[MODULUS_AT + i] ^= 0x5a;
	return put(unit, F2_SERVER_KEY, CORE_SERVER_KEY, slot, sizeof slot, err);
}

static uint32_t user_at(const struct vunit *unit)
{
	return is_core(unit) ? CORE_APPLICATION : unit->traits->map->user.start;
}

/* The application as it is, but its header names another platform, and its sums are right again. */
static bool other_family(struct vunit *unit, struct err *err)
{
	uint8_t *module = at(unit, user_at(unit), INSIDE), sha256[SHA256_LEN];
	size_t header = is_core(unit)                                     ? CORE_HEADER
			: (bytes_le32(module) & 0x2FF10000) == 0x20000000 ? F2_HEADER_BEHIND_VECTORS
									  : 0;
	size_t len = bytes_le32(module + header + 4) - bytes_le32(module + header);
	if (len < INSIDE || !at(unit, user_at(unit), len + 4))
		return err_set(err, REASON_INPUT, "the virtual unit has no application");
	bytes_put_le16(
		module + header + 12, (uint16_t)(bytes_le16(module + header + 12) == 6 ? 8 : 6));
	if (!digest_sha256(module, len - 34, sha256, err))
		return false;
	memcpy(module + len - 34, sha256, sizeof sha256);
	bytes_put_be32(module + len, digest_crc32(module, len));
	return true;
}

static bool blank(struct vunit *unit)
{
	uint32_t first = is_core(unit) ? CORE_APPLICATION : F2_MODULES;
	uint8_t *from = at(unit, first, 1);
	memset(from, 0xff, (size_t)(unit->memory[0] + unit->memory_len[0] - from));
	if (is_core(unit)) {
		memset(unit->memory[1], 0xff, unit->memory_len[1]);
		return true;
	}
	uint8_t nothing[DCT_DEVICE_ID + 12 - DCT_PRIVATE_KEY];
	memset(nothing, 0xff, sizeof nothing);
	return vunit_dct_write(unit, DCT_PRIVATE_KEY, nothing, sizeof nothing);
}

static bool claim(struct vunit *unit, struct err *err)
{
	static const uint8_t code[63] =
		"iS7kqTf0bYxN2mWgRz4uVhLcD9oJpAeE6sQtXy1rB5wUvKjZ8nMaHdPlGiCfO3",
			     claimed = '1', data[] = "what the application of its owner remembers";
	unit->spec.credentials = true;
	if (!vunit_spec_write(unit->folder, &unit->spec, err))
		return false;
	if (is_core(unit)) {
		memcpy(unit->memory[1] + SPI_USER, data, sizeof data);
		return true;
	}
	memcpy(unit->memory[0] + F2_EEPROM, data, sizeof data);
	return (vunit_dct_write(unit, F2_CLAIM_CODE, code, sizeof code) &&
		       vunit_dct_write(unit, F2_CLAIMED, &claimed, 1)) ||
	       err_set(err, REASON_BUG, "the virtual DCT took no bytes");
}

static bool apply(struct vunit *unit, const struct vcondition *condition, struct err *err)
{
	const struct vunit_map *map = unit->traits->map;
	switch (condition->kind) {
	case VCONDITION_OTHER_KEY:
		return other_key(unit, err);
	case VCONDITION_DAMAGED:
		return damage(unit, condition->addr, err);
	case VCONDITION_FACTORY:
		return damage(
			unit, (is_core(unit) ? CORE_FACTORY : map->factory.start) + INSIDE, err);
	case VCONDITION_NO_SERVER:
	case VCONDITION_WRONG_SERVER:
		return server_key(unit, condition->kind == VCONDITION_WRONG_SERVER, err);
	case VCONDITION_OTHER_FAMILY:
		return other_family(unit, err);
	case VCONDITION_BLANK:
		return blank(unit);
	case VCONDITION_PARTS_INVALID:
		return is_core(unit) ? err_set(err, REASON_INPUT, "a Core has no system parts")
				     : damage(unit, map->parts[1].start + INSIDE, err);
	case VCONDITION_CLAIMED:
		return claim(unit, err);
	case VCONDITIONS:
		break;
	}
	return err_set(err, REASON_BUG, "there is no condition %d", (int)condition->kind);
}

bool vcondition_apply(const char *folder, const struct vcondition *condition, struct err *err)
{
	struct vunit *unit = NULL;
	if (!vunit_open(folder, &unit, err))
		return false;
	enum vunit_family family = unit->spec.family;
	bool good = family == VUNIT_CORE || family == VUNIT_PHOTON || family == VUNIT_P1
			    ? apply(unit, condition, err)
			    : err_set(err, REASON_INPUT,
				      "a virtual %s cannot be put into a condition yet",
				      vunit_family_name(unit->spec.family));
	vunit_close(unit);
	return good || err_at(err, "%s: condition %s", folder, names[condition->kind]);
}
