/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs config keys base */
/* The first byte chooses the rules, the rest is the file. */
#include <stdint.h>
#include <stdlib.h>

#include "image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct family_images rules[] = {
	{ .platform_id = 6,
		.vector_mask = 0x2ff10000,
		.vector_value = 0x20000000,
		.header_with_vectors = 0x184 },
	{ .header_with_vectors = 0x10c, .header_always = true },
	{ .header_with_vectors = UINT32_MAX, .header_always = true },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image image;
	struct module_header header;
	struct err err;
	if (size == 0)
		return 0;
	const struct family_images *chosen = data[0] % 4 < 3 ? &rules[data[0] % 4] : NULL;
	if (image_parse("fuzz", data + 1, size - 1, chosen, data[0] & 4, &image, &err)) {
		/* What was taken as a module ends inside its file. */
		if (image.has_module && image.module.end - image.module.start + 4ull > image.len)
			abort();
		image_done(&image);
	}
	/* As for memory that was read from a unit: the header may promise more than there is. */
	if (chosen && module_header_find(chosen, data + 1, size - 1, &header) &&
		module_check_sums(&header, data + 1, size - 1, &err) &&
		header.end - header.start + 4ull > size - 1)
		abort();
	return 0;
}
