/* SPDX-License-Identifier: Apache-2.0 */
/* USES: config base */
/* Layout strings come from devices. What parses must be usable: no sector of no bytes, no segment past 2^32. */
#include <stdlib.h>
#include <string.h>

#include "layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct layout *layout)
{
	if (!layout->count || layout->count > LAYOUT_SEGMENTS_MAX || !layout_equal(layout, layout))
		abort();
	for (size_t i = 0; i < layout->count; i++) {
		const struct layout_segment *segment = &layout->segments[i];
		uint64_t len = (uint64_t)segment->sector_size * segment->count;
		struct layout_sector sector;
		if (!len || segment->addr + len > (uint64_t)UINT32_MAX + 1)
			abort();
		uint32_t last = (uint32_t)(segment->addr + len - 1);
		if (!layout_sector_at(layout, last, &sector) ||
			last - sector.addr != sector.size - 1)
			abort();
		if (!layout_allows(layout, segment->addr, len, segment->access))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	struct layout layout;
	struct err err = { 0 };
	if (layout_parse(text, &layout, &err))
		check(&layout);
	else if (err.reason != REASON_LAYOUT)
		abort();
	free(text);
	return 0;
}
