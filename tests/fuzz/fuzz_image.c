/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs config keys base */
/* The first byte chooses the rules, the rest is the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "image.h"
#include "module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct family_images rules[] = {
	{ .platform_id = 6,
		.vector_mask = 0x2ff10000,
		.vector_value = 0x20000000,
		.header_with_vectors = 0x184 },
	{ .header_with_vectors = 0x10c, .header_always = true },
	{ .header_with_vectors = UINT32_MAX, .header_always = true },
};

/* Runs are inside the image, in order, apart, and inside 32 bits. */
static void check_runs(const struct image *image)
{
	if (image->run_count == 0 || image->run_count > IMAGE_RUNS_MAX)
		abort();
	for (size_t i = 0; i < image->run_count; i++) {
		const struct image_run *run = &image->runs[i], *before = i ? run - 1 : NULL;
		if (run->len == 0 || run->len > (1ull << 32) - run->addr)
			abort();
		if (!image->has_addresses && (run->addr || run->has_alt || before))
			abort();
		if (before && (before->alt > run->alt ||
				      (before->alt == run->alt &&
					      before->addr + before->len >=
						      (uint64_t)run->addr + run->has_alt)))
			abort();
		/* Each byte is looked at, for a sanitizer. */
		uint32_t crc = digest_crc32(run->bytes, run->len);
		if (before && run->bytes == before->bytes && crc)
			abort();
	}
}

static void examine(
	const struct family_images *images, bool required, const uint8_t *bytes, size_t len)
{
	struct module_header header;
	struct err err;
	bool has;
	/* What was taken as a module ends inside its file. */
	if (module_examine("fuzz", images, required, bytes, len, &has, &header, &err) &&
		(has || required) && header.end - header.start + 4ull > len)
		abort();
	/* As for memory that was read from a unit: the header may promise more than there is. */
	if (module_header_find(images, bytes, len, &header) &&
		module_check_sums(&header, bytes, len, &err) &&
		header.end - header.start + 4ull > len)
		abort();
}

static void parse(
	const struct family_images *images, bool required, const uint8_t *bytes, size_t len)
{
	static struct image image;
	struct err err;
	if (!image_parse("fuzz", bytes, len, &image, &err))
		return;
	check_runs(&image);
	for (size_t i = 0; i < image.run_count; i++)
		examine(images, required, image.runs[i].bytes, image.runs[i].len);
	image_done(&image);
}

/* Nobody finds a CRC by chance, and behind it is the DfuSe reader. */
static void mend_suffix(uint8_t *bytes, size_t len)
{
	if (len >= 16 && memcmp(bytes + len - 8, "UFD", 3) == 0)
		bytes_put_le32(bytes + len - 4, ~digest_crc32(bytes, len - 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const struct family_images *chosen = &rules[data[0] % 4 % 3];
	uint8_t *copy = malloc(size > 1 ? size - 1 : 1);
	if (!copy)
		abort();
	memcpy(copy, data + 1, size - 1);
	examine(chosen, data[0] & 4, copy, size - 1);
	parse(chosen, data[0] & 4, copy, size - 1);
	mend_suffix(copy, size - 1);
	parse(chosen, data[0] & 4, copy, size - 1);
	free(copy);
	return 0;
}
