/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of keys share: new ones, a folder, the openssl command line, and the units' own parser. */
#pragma once

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs.h"
#include "keypair.h"

static inline struct keypair *key_new(enum key_algorithm algorithm)
{
	struct keypair *keypair = NULL;
	struct err err;
	if (!keypair_new(algorithm, &keypair, &err))
		fail_msg("%s", err.text);
	return keypair;
}

/* One line of what a shell command prints; its exit status. */
static inline int key_shell(char *line, size_t cap, const char *format, ...) PRINTF_LIKE(3, 4);
static inline int key_shell(char *line, size_t cap, const char *format, ...)
{
	char command[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof command, format, args);
	va_end(args);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	line[0] = 0;
	if (fgets(line, (int)cap, pipe))
		line[strcspn(line, "\n")] = 0;
	char rest[256];
	while (fgets(rest, sizeof rest, pipe))
		;
	return pclose(pipe);
}

static inline size_t key_read_file(const char *folder, const char *name, uint8_t *to, size_t cap)
{
	char path[FS_PATH_MAX];
	struct err err;
	uint8_t *bytes = NULL;
	size_t len = 0;
	assert_true(fs_join(path, folder, name, &err));
	assert_true(fs_read(path, cap, REASON_STATION, &bytes, &len, &err));
	memcpy(to, bytes, len);
	free(bytes);
	return len;
}

/* What the units make of the bytes (reference: handshake.cpp's private key parser): nothing but the low bit of each
 * length byte is looked at. */
struct positional {
	const uint8_t *field[7]; /* n d p q dp dq qinv */
};

static inline struct positional positional_parse(const uint8_t *key)
{
	static const struct {
		size_t skip, width;
	} steps[7] = { { 9, 128 }, { 7, 128 }, { 1, 64 }, { 1, 64 }, { 1, 64 }, { 1, 64 },
		{ 1, 64 } };
	struct positional parsed;
	size_t at = 0;
	for (unsigned i = 0; i < 7; i++) {
		at += steps[i].skip; /* the last byte of this field's length */
		at += 1 + (key[at] & 1u);
		parsed.field[i] = key + at;
		at += steps[i].width;
	}
	return parsed;
}
