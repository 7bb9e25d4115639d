/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "fs.h"

static bool is_intel_hex(const uint8_t *bytes, size_t len)
{
	uint8_t fields[4];
	char digits[9] = "";
	if (len < 11 || bytes[0] != ':')
		return false;
	memcpy(digits, bytes + 1, 8);
	return bytes_from_hex(digits, fields, sizeof fields);
}

/* Formats that carry firmware but are not what a unit's memory holds; written as they are they
 * would pass every readback and never start. */
static const char *foreign_format(const uint8_t *bytes, size_t len)
{
	if (len >= 4 && memcmp(bytes, "\177ELF", 4) == 0)
		return "an ELF file; convert it with objcopy -O binary";
	if (len >= 5 && memcmp(bytes, "DfuSe", 5) == 0)
		return "a DfuSe container; take the .bin that it was made from";
	if (is_intel_hex(bytes, len))
		return "an Intel HEX file; convert it with objcopy -I ihex -O binary";
	if (len >= 16 && memcmp(bytes + len - 8, "UFD\20", 4) == 0)
		return "a file with a DFU suffix; remove it with dfu-suffix --delete";
	return NULL;
}

static bool examine(const char *path, const uint8_t *bytes, size_t len, struct err *err)
{
	const char *foreign = foreign_format(bytes, len);
	if (len == 0)
		return err_set(err, REASON_INPUT, "%s: is empty; build or fetch it again", path);
	return !foreign || err_set(err, REASON_INPUT, "%s: is %s", path, foreign);
}

/* Takes the bytes, also if it fails. */
static bool image_take(
	const char *path, uint8_t *bytes, size_t len, struct image *ret, struct err *err)
{
	struct image image = { .bytes = bytes, .run_count = 1 };
	image.runs[0] = (struct image_run){ .bytes = bytes, .len = len };
	if (!examine(path, bytes, len, err) || !digest_sha256_hex(bytes, len, image.sha256, err)) {
		image_done(&image);
		return false;
	}
	*ret = image;
	return true;
}

bool image_parse(
	const char *path, const uint8_t *bytes, size_t len, struct image *ret, struct err *err)
{
	uint8_t *copy = malloc(len + 1);
	if (!copy)
		return err_set(err, REASON_STATION, "%s: no memory for %zu bytes", path, len);
	memcpy(copy, bytes, len);
	return image_take(path, copy, len, ret, err);
}

bool image_load(const char *path, struct image *ret, struct err *err)
{
	uint8_t *bytes;
	size_t len;
	return fs_read(path, IMAGE_FILE_MAX, REASON_INPUT, &bytes, &len, err) &&
	       image_take(path, bytes, len, ret, err);
}

void image_done(struct image *image)
{
	free(image->bytes);
	*image = (struct image){ 0 };
}
