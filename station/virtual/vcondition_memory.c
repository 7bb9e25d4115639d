/* SPDX-License-Identifier: Apache-2.0 */
/* What owners, tools and bad flash leave in a unit's memory (docs/devices.md says what lies where). */
#include <string.h>

#include "bytes.h"
#include "digest.h"
#include "vcondition_private.h"

enum {
	CORE_FACTORY = 0x20000,
	CORE_HEADER = 0x10c,
	F2_CLAIM_CODE = 1762,
	F2_CLAIMED = 1825,
	F2_EEPROM = 0xC000, /* in alt 0 */
	F2_HEADER_BEHIND_VECTORS = 0x184,
	DAMAGE_LEN = 16,
	INSIDE = 0x1000, /* of an image: behind its header */
	CUT_LEN = 300,   /* more than what stands at an image's end */
	SPI_USER = 0x80000,
	ROM_OPTIONS_ALT = 1,
	ROM_BOR_LEVEL = 0x0c
};

static bool is_core(const struct vunit *unit)
{
	return unit->spec.family == VUNIT_CORE;
}

uint8_t *vcondition_at(struct vunit *unit, uint32_t addr, size_t len, uint8_t *ret_alt)
{
	bool view = unit->traits->dct != DCT_NONE; /* alt 1 only shows what is elsewhere */
	for (int alt = 0; alt < VUNIT_ALTERNATES_MAX; alt++) {
		uint32_t base = vunit_memory_base(&unit->spec, alt);
		if (!unit->memory[alt] || (alt == 1 && view) || addr < base ||
			addr - base > unit->memory_len[alt] ||
			len > unit->memory_len[alt] - (addr - base))
			continue;
		if (ret_alt)
			*ret_alt = (uint8_t)alt;
		return unit->memory[alt] + (addr - base);
	}
	return NULL;
}

bool vcondition_put(struct vunit *unit, uint32_t f2, uint32_t core, const uint8_t *bytes,
	size_t len, struct err *err)
{
	if (is_core(unit)) {
		memcpy(unit->memory[1] + core, bytes, len);
		return true;
	}
	return vunit_dct_write(unit, f2, bytes, len) ||
	       err_set(err, REASON_BUG, "the virtual DCT took no bytes");
}

/* --- images --- */

static bool damage(struct vunit *unit, uint32_t addr, struct err *err)
{
	uint8_t *bytes = vcondition_at(unit, addr, DAMAGE_LEN, NULL);
	if (!bytes)
		return err_set(err, REASON_INPUT, "a virtual %s has no memory at 0x%08x",
			vunit_family_name(unit->spec.family), addr);
	for (int i = 0; i < DAMAGE_LEN; i++)
		bytes[i] ^= 0x5a;
	return true;
}

bool vcondition_damaged(const struct vreturn *it, struct err *err)
{
	return damage(it->unit, it->argument, err);
}

bool vcondition_factory(const struct vreturn *it, struct err *err)
{
	uint32_t factory = is_core(it->unit) ? CORE_FACTORY : it->unit->traits->map->factory.start;
	return damage(it->unit, factory + INSIDE, err);
}

bool vcondition_bootloader(const struct vreturn *it, struct err *err)
{
	return damage(it->unit, FLASH_BASE + INSIDE, err);
}

bool vcondition_part(const struct vreturn *it, struct err *err)
{
	return damage(it->unit, it->unit->traits->map->parts[1].start + INSIDE, err);
}

static uint32_t application_at(const struct vunit *unit)
{
	return is_core(unit)               ? CORE_APPLICATION
	       : unit->traits->map != NULL ? unit->traits->map->user.start
					   : FLASH_BASE;
}

static bool no_application(struct err *err)
{
	return err_set(err, REASON_INPUT, "the virtual unit has no application");
}

/* The application's header, and its length without the CRC behind it. */
static bool find_application(
	struct vunit *unit, uint8_t **ret_module, size_t *ret_header, size_t *ret_len)
{
	uint8_t *module = vcondition_at(unit, application_at(unit), INSIDE, NULL);
	*ret_header = is_core(unit)                                     ? CORE_HEADER
		      : (bytes_le32(module) & 0x2FF10000) == 0x20000000 ? F2_HEADER_BEHIND_VECTORS
									: 0;
	*ret_len = bytes_le32(module + *ret_header + 4) - bytes_le32(module + *ret_header);
	*ret_module = module;
	return *ret_len > INSIDE && vcondition_at(unit, application_at(unit), *ret_len + 4, NULL);
}

/* A tool told of time-outs and of success: one block never arrived, and the next place, up to the end
 * of the image, got the bytes that were meant for the one before. */
bool vcondition_blocks_lost(const struct vreturn *it, struct err *err)
{
	struct vunit *unit = it->unit;
	size_t block = unit->traits->transfer_size, second = block, header, len;
	uint8_t *module, *at = vcondition_at(unit, application_at(unit) + INSIDE, 2 * block, NULL);
	if (!at || bytes_all(at, 2 * block, 0xff))
		return no_application(err);
	if (unit->spec.family != VUNIT_ROM) {
		if (!find_application(unit, &module, &header, &len) || len <= INSIDE + block)
			return no_application(err);
		if (len + 4 - INSIDE - block < second)
			second = len + 4 - INSIDE - block;
	}
	memcpy(at + block, at, second);
	memset(at, 0xff, block);
	return true;
}

/* Written from a file of the wrong length. */
bool vcondition_cut_short(const struct vreturn *it, struct err *err)
{
	uint8_t *module;
	size_t header, len;
	if (!find_application(it->unit, &module, &header, &len))
		return no_application(err);
	memset(module + len + 4 - CUT_LEN, 0xff, CUT_LEN);
	return true;
}

/* The application as it is, but its header names another platform, and its sums are right again. */
bool vcondition_other_family(const struct vreturn *it, struct err *err)
{
	uint8_t *module, sha256[SHA256_LEN];
	size_t header, len;
	if (!find_application(it->unit, &module, &header, &len))
		return no_application(err);
	bytes_put_le16(
		module + header + 12, (uint16_t)(bytes_le16(module + header + 12) == 6 ? 8 : 6));
	if (!digest_sha256(module, len - 34, sha256, err))
		return false;
	memcpy(module + len - 34, sha256, sizeof sha256);
	bytes_put_be32(module + len, digest_crc32(module, len));
	return true;
}

/* --- whole memories --- */

bool vcondition_spi_replaced(const struct vreturn *it, struct err *err)
{
	(void)err;
	memset(it->unit->memory[1], 0xff, it->unit->memory_len[1]);
	return true;
}

bool vcondition_blank(const struct vreturn *it, struct err *err)
{
	struct vunit *unit = it->unit;
	uint8_t *from = vcondition_at(unit, is_core(unit) ? CORE_APPLICATION : F2_MODULES, 1, NULL);
	uint8_t nothing[DCT_DEVICE_ID + 12 - DCT_PRIVATE_KEY];
	memset(from, 0xff, (size_t)(unit->memory[0] + unit->memory_len[0] - from));
	if (is_core(unit))
		return vcondition_spi_replaced(it, err);
	memset(nothing, 0xff, sizeof nothing);
	return vunit_dct_write(unit, DCT_PRIVATE_KEY, nothing, sizeof nothing) ||
	       err_set(err, REASON_BUG, "the virtual DCT took no bytes");
}

bool vcondition_options(const struct vreturn *it, struct err *err)
{
	static const char layout[] = "@Option Bytes";
	const char *announced = it->unit->spec.chip.layouts[ROM_OPTIONS_ALT];
	if (!it->unit->memory[ROM_OPTIONS_ALT] ||
		strncmp(announced, layout, sizeof layout - 1) != 0)
		return err_set(
			err, REASON_INPUT, "the virtual chip does not show its option bytes");
	it->unit->memory[ROM_OPTIONS_ALT][0] ^= ROM_BOR_LEVEL;
	return true;
}

/* --- an owner's --- */

bool vcondition_claimed(const struct vreturn *it, struct err *err)
{
	static const uint8_t code[63] =
		"iS7kqTf0bYxN2mWgRz4uVhLcD9oJpAeE6sQtXy1rB5wUvKjZ8nMaHdPlGiCfO3",
			     claimed = '1', data[] = "what the application of its owner remembers";
	struct vunit *unit = it->unit;
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
