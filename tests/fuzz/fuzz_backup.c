/* SPDX-License-Identifier: Apache-2.0 */
/* USES: backup record jobs config keys base */
/* What is found in a backup: the archive ('a' as first byte), its manifest ('m'), and an envelope before it is opened
 * ('e'). What is taken holds to its bounds, and a manifest reads the same when it is written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backup_open.h"
#include "container.h"
#include "envelope.h"
#include "manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void archive(const uint8_t *data, size_t size)
{
	struct container_member member;
	struct err err;
	size_t at = 0, before = 0;
	bool found = true;
	while (found && container_next(data, size, &at, &member, &found, &err)) {
		if (!found)
			break;
		if (at <= before || at > size || member.bytes < data ||
			member.size > (size_t)(data + size - member.bytes) ||
			strlen(member.name) >= sizeof member.name)
			abort();
		before = at;
	}
}

/* What is taken lies in it, all of it. */
static void whole(const uint8_t *data, size_t size)
{
	struct manifest *found = calloc(1, sizeof *found);
	const uint8_t *bytes[MANIFEST_PIECES_MAX];
	struct err err;
	if (found && backup_parse(data, size, found, bytes, &err))
		for (size_t i = 0; i < found->piece_count; i++)
			if (bytes[i] < data ||
				found->pieces[i].size > (size_t)(data + size - bytes[i]))
				abort();
	free(found);
}

static void manifest(const char *text, size_t len)
{
	struct manifest *one = calloc(1, sizeof *one), *two = calloc(1, sizeof *two);
	struct err err;
	char *again = NULL;
	size_t again_len;
	if (one && two && manifest_parse(text, len, one, &err)) {
		if (!manifest_write(one, &again, &again_len, &err) ||
			!manifest_parse(again, again_len, two, &err) ||
			memcmp(one, two, sizeof *one) != 0)
			abort();
		for (size_t i = 0; i < one->piece_count; i++)
			if ((uint64_t)one->pieces[i].addr + one->pieces[i].size > UINT64_C(1) << 32)
				abort();
	}
	free(again);
	free(one);
	free(two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct recipients nobody;
	struct err err;
	if (size < 1)
		return 0;
	if (*data == 'a') {
		archive(data + 1, size - 1);
		whole(data + 1, size - 1);
	} else if (*data == 'm')
		manifest((const char *)data + 1, size - 1);
	else if (envelope_check(data + 1, size - 1, &nobody, &err))
		abort();
	return 0;
}
