/* SPDX-License-Identifier: Apache-2.0 */
/* USES: usb base */
/* A hub descriptor from a hub. Whatever is accepted makes sense. */
#include <stdlib.h>

#include "usb_hub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct usb_hub_about about;
	struct err err = { 0 };

	if (!usb_hub_parse(data, size, &about, &err)) {
		require(err.reason == REASON_DESCRIPTORS && err.text[0]);
		return 0;
	}
	require(about.ports >= 1 && about.ports <= 255);
	require(about.switching <= USB_SWITCHING_EACH && about.power_good_ms <= 510);
	return 0;
}
