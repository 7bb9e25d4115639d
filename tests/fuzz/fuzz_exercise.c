/* SPDX-License-Identifier: Apache-2.0 */
/* USES: exercise base */
/* The journal of an exercise: a file that is believed says of itself what it was written from. The first byte of the
 * input chooses: 's' puts a right sum behind the rest, so that what is in front of it is reached. */
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "exercise_journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void feed(const uint8_t *bytes, size_t len)
{
	struct exercise_entry entry;
	struct err err;
	if (!exercise_entry_parse(bytes, len, &entry, &err)) {
		require(err.reason == REASON_STORE && err.text[0]);
		return;
	}
	require(entry.size && entry.size <= EXERCISE_SECTOR_MAX && entry.size + SHA256_LEN < len);
	require(memcmp(entry.bytes, bytes + len - SHA256_LEN - entry.size, entry.size) == 0);
	require(memchr(entry.device_id, 0, sizeof entry.device_id) &&
		memchr(entry.family, 0, sizeof entry.family) &&
		memchr(entry.attempt_id, 0, sizeof entry.attempt_id));
	exercise_entry_done(&entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;
	if (!size || data[0] != 's') {
		feed(data, size);
		return 0;
	}
	uint8_t *file = malloc(size - 1 + SHA256_LEN);
	require(file);
	memcpy(file, data + 1, size - 1);
	require(digest_sha256(file, size - 1, file + size - 1, &err));
	feed(file, size - 1 + SHA256_LEN);
	free(file);
	return 0;
}
