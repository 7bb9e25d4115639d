/* SPDX-License-Identifier: Apache-2.0 */
/* What the memories of a fresh unit hold: a bootloader, on an F2 valid older system parts
 * and a DCT with nothing but flags and version in it, everything else erased. Code is noise from
 * the unit's seed; headers, sums and the first words are right, since units and hosts look at
 * them. */
#include <string.h>

#include "bytes.h"
#include "digest.h"
#include "vunit_private.h"

enum {
	HEADER_LEN = 24,
	HEADER_BEHIND_VECTORS = 0x184,
	SUFFIX_LEN = 40,
	SUFFIX_SIZE_FIELD = 0x28,
	FLAG_BOOTLOADER_VERSION = 4,
	BOOTLOADER_LEN = 15 * KIB
};

/* What is written into a header; dependencies 0: none. */
struct content {
	uint32_t start, stored, len; /* len with suffix, without the CRC behind it */
	uint16_t version, platform;
	uint8_t function, index;
	bool vectors;
	uint8_t needs_function, needs_index;
	uint16_t needs_version;
	uint64_t seed;
};

static void put_header(uint8_t *to, const struct content *content)
{
	memset(to, 0, HEADER_LEN);
	bytes_put_le32(to, content->start);
	bytes_put_le32(to + 4, content->start + content->len);
	bytes_put_le16(to + 10, content->version);
	bytes_put_le16(to + 12, content->platform);
	to[14] = content->function;
	to[15] = content->index;
	to[16] = content->needs_function;
	to[17] = content->needs_index;
	bytes_put_le16(to + 18, content->needs_version);
}

static void put_vectors(uint8_t *to, uint32_t start, uint32_t stack)
{
	bytes_put_le32(to, stack);
	bytes_put_le32(to + 4, start + 0x200 + 1); /* reset handler, Thumb */
}

/* Product id and version unset, reserved, SHA-256 of what is before it, the suffix's own size. */
static bool put_suffix(uint8_t *module, const struct content *content, struct err *err)
{
	uint8_t *suffix = module + content->len - SUFFIX_LEN;
	memset(suffix, 0xFF, 6);
	if (!digest_sha256(module, content->len - 34, suffix + 6, err))
		return false;
	bytes_put_le16(module + content->len - 2, SUFFIX_SIZE_FIELD);
	return true;
}

static bool put_module(uint8_t *flash, const struct content *content, struct err *err)
{
	uint8_t *module = flash + (content->stored - FLASH_BASE);
	vunit_noise(content->seed, module, content->len);
	if (content->vectors)
		put_vectors(module, content->start, 0x20020000);
	put_header(module + (content->vectors ? HEADER_BEHIND_VECTORS : 0), content);
	if (!put_suffix(module, content, err))
		return false;
	bytes_put_be32(module + content->len, digest_crc32(module, content->len));
	return true;
}

/* Between 45 and 55 of 64 parts of its place. */
static uint32_t part_len(const struct vunit_place *place, uint64_t seed)
{
	uint32_t share = (place->end - place->start) / 64;
	uint8_t noise[4];
	vunit_noise(seed, noise, sizeof(noise));
	return 45 * share + bytes_le32(noise) % (10 * share) / 4 * 4;
}

static bool put_parts(const struct vunit_spec *spec, uint8_t *flash, struct err *err)
{
	const struct vunit_traits *traits = vunit_traits_of(spec->bootloader);
	size_t count = vunit_module_parts(traits->map, traits->parts_version);
	for (size_t i = 0; i < count; i++) {
		const struct vunit_place *place = &traits->map->parts[i];
		uint8_t needs = place->needs_index <= count ? place->needs_index : 0;
		struct content part = { .start = place->runs,
			.stored = place->start,
			.len = part_len(place, spec->seed ^ (i + 1)),
			.version = traits->parts_version,
			.platform = traits->platform,
			.function = place->function,
			.index = place->index,
			.vectors = place->vectors,
			.needs_function = needs ? place->function : 0,
			.needs_index = needs,
			.needs_version = needs ? traits->parts_version : 0,
			.seed = spec->seed ^ (i + 11) };
		if (!put_module(flash, &part, err))
			return false;
	}
	return true;
}

/* The other copy is erased: nothing was written since the unit left its maker. */
static void put_dct(const struct vunit_spec *spec, uint8_t *flash, uint8_t *view)
{
	const struct vunit_traits *traits = vunit_traits_of(spec->bootloader);
	uint8_t *sector = flash + DCT_COPY_1;
	uint8_t *dct = sector + (traits->dct_is_dcd ? DCD_HEADER_LEN : DCT_APP_OFFSET);
	bytes_put_le16(dct + DCT_FLAGS + FLAG_BOOTLOADER_VERSION, traits->version);
	bytes_put_le16(dct + DCT_VERSION, 1);
	if (traits->dct_is_dcd) {
		vunit_dcd_seal(sector, traits->dct_sums);
	} else {
		bytes_put_le32(sector, DCT_SECTOR_LEN);
		sector[4] = 0; /* complete */
		sector[5] = 1; /* current */
	}
	memcpy(view, dct, DCT_VIEW_LEN);
}

bool vunit_fill_f2(const struct vunit_spec *spec, uint8_t *flash, uint8_t *dct, struct err *err)
{
	const struct vunit_traits *traits = vunit_traits_of(spec->bootloader);
	struct content bootloader = { .start = FLASH_BASE,
		.stored = FLASH_BASE,
		.len = BOOTLOADER_LEN,
		.version = traits->version,
		.platform = traits->platform,
		.function = 2,
		.vectors = true,
		.seed = spec->seed ^ 10 };
	if (!put_module(flash, &bootloader, err))
		return false;
	put_dct(spec, flash, dct);
	return spec->no_system_parts || put_parts(spec, flash, err);
}

bool vunit_fill_core(const struct vunit_spec *spec, uint8_t *flash, struct err *err)
{
	(void)err;
	uint8_t *flags = flash + (CORE_FLAGS - FLASH_BASE);
	vunit_noise(spec->seed ^ 10, flash, CORE_FLAGS - FLASH_BASE);
	put_vectors(flash, FLASH_BASE, 0x20005000);
	bytes_put_le16(flags + FLAG_BOOTLOADER_VERSION, vunit_traits_of(spec->bootloader)->version);
	return true;
}
