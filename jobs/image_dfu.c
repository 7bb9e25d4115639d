/* SPDX-License-Identifier: Apache-2.0 */
/* The DFU suffix (USB Device Class Specification for DFU 1.1, appendix B) and the DfuSe file format (ST UM0391):
 * a prefix, then for each target (alternate setting) a header and its elements, each with an address;
 * a DFU suffix with bcdDFU 0x011a at the end. All integers are little-endian. */
#include <inttypes.h>
#include <string.h>

#include "bytes.h"
#include "image_private.h"

enum {
	SUFFIX_LEN = 16,
	CRC_LEN = 4,
	PREFIX_LEN = 11,
	TARGET_LEN = 274,
	ELEMENT_LEN = 8,
	DFUSE_VERSION = 1
};

/* The bytes in front of dwCRC: bcdDevice, idProduct, idVendor, bcdDFU, "UFD", bLength. bcdDevice says which release
 * of the firmware the file holds; no unit has to have it before. */
bool image_suffix_read(const uint8_t *bytes, size_t len, struct image_suffix *ret, struct err *err)
{
	*ret = (struct image_suffix){ 0 };
	if (len < SUFFIX_LEN || memcmp(bytes + len - 8, "UFD", 3) != 0)
		return true;
	const uint8_t *suffix = bytes + len - SUFFIX_LEN;
	uint8_t suffix_len = suffix[11];
	uint32_t is = ~digest_crc32(bytes, len - CRC_LEN), wanted = bytes_le32(suffix + 12);
	if (suffix_len < SUFFIX_LEN || suffix_len > len)
		return err_set(err, REASON_INPUT,
			"ends with a DFU suffix that says it has %u bytes, which cannot be: the file "
			"is damaged, fetch or build it again",
			suffix_len);
	if (is != wanted)
		return err_set(err, REASON_INPUT,
			"the CRC in its DFU suffix is %08" PRIx32 ", its bytes give %08" PRIx32
			": the file is damaged, fetch or build it again",
			wanted, is);
	*ret = (struct image_suffix){ .len = suffix_len,
		.product_id = bytes_le16(suffix + 2),
		.vendor_id = bytes_le16(suffix + 4),
		.dfu_release = bytes_le16(suffix + 6) };
	return true;
}

bool image_is_dfuse(const uint8_t *bytes, size_t len)
{
	return len >= 5 && memcmp(bytes, "DfuSe", 5) == 0;
}

/* What is left of the file. */
struct rest {
	const uint8_t *at;
	size_t len;
	unsigned target; /* from 1 on; for messages */
};

/* The next len bytes; NULL if there are not so many. */
static const uint8_t *take(struct rest *rest, size_t len)
{
	const uint8_t *at = rest->at;
	if (len > rest->len)
		return NULL;
	rest->at += len;
	rest->len -= len;
	return at;
}

static bool cut_short(const struct rest *rest, const char *what, struct err *err)
{
	return err_set(err, REASON_INPUT,
		"its DfuSe target %u: %s does not fit into the %zu bytes that are left: the file is "
		"damaged, fetch or build it again",
		rest->target, what, rest->len);
}

static bool read_element(
	struct rest *rest, uint8_t alt, struct image_pieces *pieces, struct err *err)
{
	const uint8_t *header = take(rest, ELEMENT_LEN);
	if (!header)
		return cut_short(rest, "the header of an element", err);
	uint32_t addr = bytes_le32(header), size = bytes_le32(header + 4);
	const uint8_t *bytes = take(rest, size);
	if (!bytes)
		return cut_short(rest, "an element", err);
	if (size == 0 || (uint64_t)addr + size > (uint64_t)UINT32_MAX + 1)
		return err_set(err, REASON_INPUT,
			"its DfuSe target %u: an element has %" PRIu32 " bytes at 0x%08" PRIx32
			", which no memory can hold: build it again",
			rest->target, size, addr);
	return image_pieces_add(pieces,
		&(struct image_run){
			.has_alt = true, .alt = alt, .addr = addr, .bytes = bytes, .len = size },
		err);
}

/* The name is a comment: what counts is the alternate setting. */
static bool read_target(struct rest *rest, struct image_pieces *pieces, struct err *err)
{
	const uint8_t *header = take(rest, TARGET_LEN);
	if (!header)
		return cut_short(rest, "its header", err);
	uint32_t size = bytes_le32(header + 266), elements = bytes_le32(header + 270);
	struct rest inside = { .at = rest->at, .len = size, .target = rest->target };
	if (memcmp(header, "Target", 6) != 0)
		return err_set(err, REASON_INPUT,
			"its DfuSe target %u does not begin with \"Target\": the file is damaged, "
			"fetch or build it again",
			rest->target);
	if (!take(rest, size))
		return cut_short(rest, "what it holds", err);
	if (elements == 0)
		return err_set(err, REASON_INPUT,
			"its DfuSe target %u (alternate setting %u) holds nothing: build it again",
			rest->target, header[6]);
	for (uint32_t i = 0; i < elements; i++)
		if (!read_element(&inside, header[6], pieces, err))
			return false;
	return inside.len == 0 ||
	       err_set(err, REASON_INPUT,
		       "its DfuSe target %u has %zu bytes behind its last element: the file is "
		       "damaged, fetch or build it again",
		       rest->target, inside.len);
}

bool image_read_dfuse(const uint8_t *bytes, size_t len, struct image_pieces *ret, struct err *err)
{
	struct rest rest = { .at = bytes, .len = len };
	const uint8_t *prefix = take(&rest, PREFIX_LEN);
	if (!prefix || prefix[5] != DFUSE_VERSION || prefix[10] == 0)
		return err_set(err, REASON_INPUT,
			"has no complete DfuSe prefix of version %d with a target: fetch or build it "
			"again",
			DFUSE_VERSION);
	if (bytes_le32(prefix + 6) != len)
		return err_set(err, REASON_INPUT,
			"its DfuSe prefix promises %" PRIu32 " bytes, there are %zu before the "
			"suffix: the file is damaged, fetch or build it again",
			bytes_le32(prefix + 6), len);
	for (rest.target = 1; rest.target <= prefix[10]; rest.target++)
		if (!read_target(&rest, ret, err))
			return false;
	return rest.len == 0 ||
	       err_set(err, REASON_INPUT,
		       "has %zu bytes behind its last DfuSe target: the file is damaged, fetch or "
		       "build it again",
		       rest.len);
}
