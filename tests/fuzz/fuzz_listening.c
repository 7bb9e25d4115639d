/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line usb base */
/* What a running unit sends: its first byte chooses the parser. Whatever is accepted makes sense. */
#include <stdlib.h>
#include <string.h>

#include "listening.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* An id stands in the text as it is, but for the case of its letters. */
static void feed_text(const char *text, size_t len)
{
	char id[LINE_DEVICE_ID];
	bool found = false;
	listening_parse_id(text, len, id);
	if (!id[0])
		return;
	require(strspn(id, "0123456789abcdef") == LINE_DEVICE_ID - 1 && !id[LINE_DEVICE_ID - 1]);
	for (size_t at = 0; !found && at + sizeof id - 1 <= len; at++)
		found = strncasecmp(text + at, id, sizeof id - 1) == 0;
	require(found);
}

static void feed_config(const uint8_t *data, size_t len)
{
	struct listening_line line;
	if (!listening_find_line(data, len, &line))
		return;
	require(line.control != line.data && line.packet >= 1 && line.packet <= 512);
	require((line.in & 0x80) && !(line.out & 0x80) && line.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct listening_reply reply;
	if (!size)
		return 0;
	switch (*data++) {
	case 'c':
		feed_config(data, size - 1);
		break;
	case 'r':
		if (listening_parse_reply(data, size - 1, &reply))
			require(size - 1 >= 6);
		break;
	case 'm':
		require(listening_parse_mode(data, size - 1) <= LISTENING_YES);
		break;
	default:
		feed_text((const char *)data, size - 1);
	}
	return 0;
}
