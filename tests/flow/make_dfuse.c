/* SPDX-License-Identifier: Apache-2.0 */
/* For the flow tests: makes a DfuSe file; Debian has no program for it. One target for each run of equal ALT.
 *   make_dfuse FILE VENDOR_ID PRODUCT_ID ALT ADDRESS PIECE [ALT ADDRESS PIECE]...
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/dfuse_file.h"

enum { FILE_MAX = 8 << 20, PIECE_MAX = 2 << 20 };

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 0);
}

static bool add_piece(struct dfuse_file *file, const char *addr, const char *path)
{
	static uint8_t piece[PIECE_MAX];
	FILE *from = fopen(path, "rb");
	size_t len = from ? fread(piece, 1, sizeof piece, from) : 0;
	bool ok = len > 0 && len < sizeof piece;
	if (from)
		fclose(from);
	if (!ok || file->len + len + 1024 > FILE_MAX) {
		fprintf(stderr, "make_dfuse: cannot take %s\n", path);
		return false;
	}
	dfuse_add(file, number(addr), piece, (uint32_t)len);
	return true;
}

int main(int argc, char **argv)
{
	struct dfuse_file file = { .bytes = malloc(FILE_MAX) };
	if (!file.bytes || argc < 7 || argc % 3 != 1)
		return 2;
	dfuse_begin(&file);
	for (int i = 4; i < argc; i += 3) {
		if (i == 4 || strcmp(argv[i], argv[i - 3]) != 0)
			dfuse_add_target(&file, (uint8_t)number(argv[i]));
		if (!add_piece(&file, argv[i + 1], argv[i + 2]))
			return 1;
	}
	dfuse_end(&file, (uint16_t)number(argv[2]), (uint16_t)number(argv[3]));
	FILE *to = fopen(argv[1], "wb");
	bool ok = to && fwrite(file.bytes, 1, file.len, to) == file.len;
	ok = to && fclose(to) == 0 && ok;
	free(file.bytes);
	return ok ? 0 : 1;
}
