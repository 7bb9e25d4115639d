/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the formats apart by what stands in the file. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "fs.h"
#include "image_private.h"
#include "scope.h"

enum { DFU_1_0 = 0x0100, DFU_1_1 = 0x0110, DFUSE_1_1A = 0x011a };

/* One whole record with a good checksum: "S", type, then length and that many bytes in hexadecimal. */
static bool is_s_record(const uint8_t *bytes, size_t len)
{
	uint8_t record[256], sum = 0;
	char digits[2 * sizeof record + 1];
	if (len < 10 || bytes[0] != 'S' || bytes[1] < '0' || bytes[1] > '9')
		return false;
	memcpy(digits, bytes + 2, 2);
	digits[2] = 0;
	if (!bytes_from_hex(digits, record, 1) || 2u * record[0] + 4 > len)
		return false;
	size_t count = record[0] + 1u;
	memcpy(digits, bytes + 2, 2 * count);
	digits[2 * count] = 0;
	if (!bytes_from_hex(digits, record, count))
		return false;
	for (size_t i = 0; i < count; i++)
		sum = (uint8_t)(sum + record[i]);
	return sum == 0xff;
}

/* Is it text, and does one of its lines fit? A mark or a comment in front of records does not make them what a
 * memory holds. */
static bool text_has(
	const uint8_t *bytes, size_t len, bool (*fits)(const uint8_t *line, size_t len))
{
	const uint8_t *end = bytes + len, *next;
	for (size_t i = 0; i < len; i++)
		if (bytes[i] < ' ' && bytes[i] != '\t' && bytes[i] != '\r' && bytes[i] != '\n')
			return false;
	for (const uint8_t *line = bytes; line < end; line = next) {
		const uint8_t *newline = memchr(line, '\n', (size_t)(end - line));
		next = newline ? newline + 1 : end;
		if (fits(line, (size_t)(next - line)))
			return true;
	}
	return false;
}

static bool is_hex(const uint8_t *bytes, size_t len)
{
	return image_is_hex(bytes, len) || text_has(bytes, len, image_is_hex_record);
}

/* Formats that carry firmware but are not what a unit's memory holds; written as they are they
 * would pass every readback and never start. */
static const char *foreign_format(const uint8_t *bytes, size_t len)
{
	if (len >= 4 && memcmp(bytes, "\177ELF", 4) == 0)
		return "is an ELF file; convert it with objcopy -O binary or -O ihex";
	if (is_s_record(bytes, len) || text_has(bytes, len, is_s_record))
		return "is a Motorola S-record file; convert it with objcopy -I srec -O ihex";
	if (len >= 8 && memcmp(bytes, "UF2\n\x57\x51\x5d\x9e", 8) == 0)
		return "is a UF2 file; take the .bin or .hex that it was made from";
	return NULL;
}

/* What dfu-prefix puts in front for two vendors' bootloaders; they are nobody's here. */
static bool has_vendor_prefix(const uint8_t *bytes, size_t len)
{
	bool stellaris =
		len > 8 && bytes[0] == 1 && bytes[1] == 0 && bytes_le32(bytes + 4) == len - 8;
	bool lpc = len > 16 && bytes[0] == 0x1a && bytes[1] == 0x3f;
	return stellaris || lpc;
}

/* Of what stands in front of a DFU suffix. */
static bool check_suffixed(
	const uint8_t *bytes, size_t len, const struct image_suffix *suffix, struct err *err)
{
	bool dfuse = image_is_dfuse(bytes, len);
	struct image_suffix another;
	struct err ignored;
	if (len == 0)
		return err_set(err, REASON_INPUT,
			"holds nothing but a DFU suffix; build or fetch it again");
	if (dfuse ? suffix->dfu_release != DFUSE_1_1A
		  : suffix->dfu_release != DFU_1_0 && suffix->dfu_release != DFU_1_1)
		return err_set(err, REASON_INPUT,
			"its DFU suffix has bcdDFU 0x%04x, which does not go with %s; build it again",
			suffix->dfu_release, dfuse ? "a DfuSe file" : "what is no DfuSe file");
	if (image_suffix_read(bytes, len, &another, &ignored) && another.len)
		return err_set(err, REASON_INPUT,
			"has a DFU suffix in front of its DFU suffix; remove one with dfu-suffix "
			"--delete");
	if (is_hex(bytes, len))
		return err_set(err, REASON_INPUT,
			"is an Intel HEX file with a DFU suffix; take it without the suffix");
	return !has_vendor_prefix(bytes, len) ||
	       err_set(err, REASON_INPUT,
		       "has the prefix of another vendor's bootloader in front; remove it with "
		       "dfu-prefix --delete");
}

static bool take_raw(const uint8_t *bytes, size_t len, struct image *ret, struct err *err)
{
	struct image_run run = { .bytes = bytes, .len = len };
	struct image_pieces one = { .run = &run, .count = 1 };
	return image_pieces_join(&one, ret, err);
}

static bool take_hex(const uint8_t *bytes, size_t len, struct image_pieces *pieces,
	struct image *image, struct err *err)
{
	SCOPED_FREE uint8_t *data = malloc(len / 2 + 1);
	if (!data)
		return err_set(err, REASON_STATION, "no memory for %zu bytes", len / 2);
	return image_read_hex(bytes, len, data, pieces, err) &&
	       image_pieces_join(pieces, image, err);
}

static bool take_dfuse(const uint8_t *bytes, size_t len, struct image_pieces *pieces,
	struct image *image, struct err *err)
{
	if (!image->has_ids)
		return err_set(err, REASON_INPUT,
			"is a DfuSe file without its DFU suffix: it is cut short, fetch or build it "
			"again");
	return image_read_dfuse(bytes, len, pieces, err) && image_pieces_join(pieces, image, err);
}

static bool decode(const uint8_t *bytes, size_t len, struct image_pieces *pieces,
	struct image *image, struct err *err)
{
	struct image_suffix suffix;
	if (len == 0)
		return err_set(err, REASON_INPUT, "is empty; build or fetch it again");
	if (!image_suffix_read(bytes, len, &suffix, err))
		return false;
	len -= suffix.len;
	if (suffix.len && !check_suffixed(bytes, len, &suffix, err))
		return false;
	image->has_ids = suffix.len != 0;
	image->vendor_id = suffix.vendor_id;
	image->product_id = suffix.product_id;
	const char *foreign = foreign_format(bytes, len);
	if (foreign)
		return err_set(err, REASON_INPUT, "%s", foreign);
	image->has_addresses = true;
	if (image_is_dfuse(bytes, len))
		return take_dfuse(bytes, len, pieces, image, err);
	if (is_hex(bytes, len))
		return take_hex(bytes, len, pieces, image, err);
	image->has_addresses = false;
	return take_raw(bytes, len, image, err);
}

bool image_parse(
	const char *path, const uint8_t *bytes, size_t len, struct image *ret, struct err *err)
{
	struct image image = { 0 };
	struct image_pieces pieces = { 0 };
	bool ok = digest_sha256_hex(bytes, len, image.sha256, err) &&
		  decode(bytes, len, &pieces, &image, err);
	image_pieces_done(&pieces);
	if (!ok)
		return err_at(err, "%s", path);
	*ret = image;
	return true;
}

bool image_load(const char *path, struct image *ret, struct err *err)
{
	SCOPED_FREE uint8_t *bytes = NULL;
	size_t len;
	return fs_read(path, IMAGE_FILE_MAX, REASON_INPUT, &bytes, &len, err) &&
	       image_parse(path, bytes, len, ret, err);
}

void image_done(struct image *image)
{
	free(image->bytes);
	*image = (struct image){ 0 };
}
