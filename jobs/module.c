/* SPDX-License-Identifier: Apache-2.0 */
#include "module.h"

#include <inttypes.h>
#include <string.h>

#include "bytes.h"

/* The suffix stands before the CRC and ends with its own length; what the sums need of it is the
 * same in the 36 bytes of Device OS 0.4.0 and the 40 of all later ones. */
enum { CRC_LEN = 4, SUFFIX_OLD = 36, SUFFIX_NEW = 40, SUFFIX_SHA = 34, SUFFIX_SIZE = 2 };

static void dependency_decode(const uint8_t bytes[4], struct module_dependency *ret)
{
	ret->function = bytes[0];
	ret->index = bytes[1];
	ret->min_version = bytes_le16(bytes + 2);
}

static void dependency_encode(const struct module_dependency *dependency, uint8_t ret[4])
{
	ret[0] = dependency->function;
	ret[1] = dependency->index;
	bytes_put_le16(ret + 2, dependency->min_version);
}

void module_header_decode(const uint8_t bytes[MODULE_HEADER_LEN], struct module_header *ret)
{
	*ret = (struct module_header){
		.start = bytes_le32(bytes),
		.end = bytes_le32(bytes + 4),
		.flags = bytes[9],
		.version = bytes_le16(bytes + 10),
		.platform_id = bytes_le16(bytes + 12),
		.function = bytes[14],
		.index = bytes[15],
	};
	dependency_decode(bytes + 16, &ret->dependency[0]);
	dependency_decode(bytes + 20, &ret->dependency[1]);
}

void module_header_encode(const struct module_header *header, uint8_t ret[MODULE_HEADER_LEN])
{
	bytes_put_le32(ret, header->start);
	bytes_put_le32(ret + 4, header->end);
	ret[8] = 0;
	ret[9] = header->flags;
	bytes_put_le16(ret + 10, header->version);
	bytes_put_le16(ret + 12, header->platform_id);
	ret[14] = header->function;
	ret[15] = header->index;
	dependency_encode(&header->dependency[0], ret + 16);
	dependency_encode(&header->dependency[1], ret + 20);
}

size_t module_header_offset(const struct family_images *rules, const uint8_t *bytes, size_t len)
{
	if (rules->header_always)
		return rules->header_with_vectors;
	bool vectors = len >= 4 && (bytes_le32(bytes) & rules->vector_mask) == rules->vector_value;
	return vectors ? rules->header_with_vectors : rules->header_without;
}

bool module_header_find(const struct family_images *rules, const uint8_t *bytes, size_t len,
	struct module_header *ret)
{
	size_t at = module_header_offset(rules, bytes, len);
	if (len < MODULE_HEADER_LEN || at > len - MODULE_HEADER_LEN)
		return false;
	struct module_header header;
	module_header_decode(bytes + at, &header);
	if (header.end <= header.start || header.end - header.start < at + MODULE_HEADER_LEN)
		return false;
	*ret = header;
	return true;
}

static bool check_sha256(const uint8_t *bytes, size_t module_len, struct err *err)
{
	if (module_len < SUFFIX_NEW)
		return true;
	uint16_t suffix = bytes_le16(bytes + module_len - SUFFIX_SIZE);
	if (suffix != SUFFIX_OLD && suffix != SUFFIX_NEW)
		return true;
	uint8_t sha256[SHA256_LEN];
	size_t at = module_len - SUFFIX_SHA;
	if (!digest_sha256(bytes, at, sha256, err))
		return false;
	if (memcmp(sha256, bytes + at, SHA256_LEN) != 0)
		return err_set(err, REASON_INPUT,
			"the SHA-256 in its suffix is not that of its %zu bytes: the image is "
			"damaged, fetch or build it again",
			at);
	return true;
}

bool module_check_sums(
	const struct module_header *header, const uint8_t *bytes, size_t len, struct err *err)
{
	if (header->end <= header->start || len < CRC_LEN ||
		header->end - header->start > len - CRC_LEN)
		return err_set(err, REASON_INPUT,
			"its header promises 0x%08" PRIx32 "-0x%08" PRIx32
			" and a CRC, but there are only "
			"%zu bytes: fetch or build it again",
			header->start, header->end, len);
	size_t module_len = header->end - header->start;
	uint32_t is = digest_crc32(bytes, module_len), wanted = bytes_be32(bytes + module_len);
	if (is != wanted)
		return err_set(err, REASON_INPUT,
			"the CRC-32 of its %zu bytes is %08" PRIx32
			", its header's end says %08" PRIx32
			": the image is damaged, fetch or build it again",
			module_len, is, wanted);
	return check_sha256(bytes, module_len, err);
}

bool module_provides(const struct module_header *module, const struct module_dependency *wanted)
{
	return module->function == wanted->function && module->index == wanted->index &&
	       module->version >= wanted->min_version;
}

const struct family_region *module_home(
	const struct family *family, const struct module_dependency *wanted)
{
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_region *region = &family->regions[i];
		if (region->module && !region->linked_for[0] &&
			region->function == wanted->function &&
			(region->index < 0 || region->index == wanted->index))
			return region;
	}
	return NULL;
}

const char *module_function_name(uint8_t function)
{
	static const char *const names[] = { "no function", "resource", "bootloader",
		"monolithic firmware", "system part", "user part", "settings", "NCP firmware",
		"radio stack", "asset" };
	return function < sizeof names / sizeof *names ? names[function] : "unknown function";
}

/* A module's file ends with its CRC; bootloader images may be padded to their sector with FF. */
static bool length_agrees(const struct module_header *header, const uint8_t *bytes, size_t len)
{
	uint64_t module_len = (uint64_t)header->end - header->start + CRC_LEN;
	return module_len <= len && bytes_all(bytes + module_len, len - (size_t)module_len, 0xff);
}

static bool no_module(const char *path, const struct family_images *rules, const uint8_t *bytes,
	size_t len, struct err *err)
{
	struct module_header header;
	size_t at = module_header_offset(rules, bytes, len);
	if (len < MODULE_HEADER_LEN || at > len - MODULE_HEADER_LEN)
		return err_set(err, REASON_INPUT,
			"%s: has only %zu bytes, a module header at 0x%zx does not fit: this "
			"region takes only images with a module header, build or fetch it again",
			path, len, at);
	module_header_decode(bytes + at, &header);
	return err_set(err, REASON_INPUT,
		"%s: has no module header: 0x%zx reads as 0x%08" PRIx32 "-0x%08" PRIx32
		", which does not fit its %zu bytes; this region takes only complete images with a "
		"module header, take another file or build it again",
		path, at, header.start, header.end, len);
}

bool module_examine(const char *path, const struct family_images *rules, bool required,
	const uint8_t *bytes, size_t len, bool *ret_has, struct module_header *ret, struct err *err)
{
	struct module_header header;
	bool has = module_header_find(rules, bytes, len, &header) &&
		   length_agrees(&header, bytes, len);
	if (!has && required)
		return no_module(path, rules, bytes, len, err);
	if (has && !module_check_sums(&header, bytes, len, err))
		return err_at(err, "%s", path);
	*ret_has = has;
	if (has)
		*ret = header;
	return true;
}
