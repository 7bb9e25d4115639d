/* SPDX-License-Identifier: Apache-2.0 */
/* USES: dfu config usb base */
/* A configuration descriptor from a unit. Whatever is accepted makes sense. */
#include <stdlib.h>
#include <string.h>

#include "dfu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t strings[FAMILY_ALTS_MAX];
	struct dfu dfu = { 0 };
	struct err err = { 0 };

	if (!dfu_parse_config(data, size, &dfu, strings, &err)) {
		require(err.reason == REASON_DESCRIPTORS && err.text[0] && !dfu.alt_count);
		return 0;
	}
	require(dfu.alt_count >= 1 && dfu.alt_count <= FAMILY_ALTS_MAX);
	require(dfu.transfer_size >= 8);
	for (size_t i = 0; i < dfu.alt_count; i++)
		for (size_t k = 0; k < i; k++)
			require(dfu.alts[i].alt != dfu.alts[k].alt);
	return 0;
}
