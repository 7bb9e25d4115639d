/* SPDX-License-Identifier: Apache-2.0 */
/* A firmware file, whatever its form, as runs of bytes: a raw .bin, with or without a DFU suffix, is one run that
 * does not say where it goes; Intel HEX names an address for each, and DfuSe an alternate setting too. What the
 * bytes mean is no business of this part (module.h). Bytes come from outside: every field is bounded against the
 * file before use. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "err.h"

enum { IMAGE_FILE_MAX = 16 << 20, IMAGE_RUNS_MAX = 256 };

/* Bytes that lie together, without gaps. */
struct image_run {
	bool has_alt; /* the file names the alternate setting */
	uint8_t alt;
	uint32_t addr; /* 0 in a raw image */
	const uint8_t *bytes; /* into the image's */
	size_t len; /* at least 1; addr + len is at most 2^32 */
};

struct image {
	bool has_addresses;
	bool has_ids; /* a DFU suffix says what USB device it is for: */
	uint16_t vendor_id, product_id; /* 0xffff: any */
	/* At least one; by alternate setting and address; none overlap, and only elements of DfuSe touch: then their
	 * bytes do so too. */
	struct image_run runs[IMAGE_RUNS_MAX];
	size_t run_count;
	uint8_t *bytes; /* owned */
	char sha256[SHA256_HEX]; /* of the file */
};

/* Reads a file of at most IMAGE_FILE_MAX bytes; it is recognised by its contents, not by its name. All sums in it are
 * checked, and all of it is taken or all refused: bytes that are given twice, a file that is cut short or has
 * something behind its end. Refused are also ELF, S-records and UF2, which are not what memory holds.
 * REASON_INPUT naming the file. */
bool image_load(const char *path, struct image *ret, struct err *err) MUST_CHECK;
/* The same from memory, which is copied; path is for messages. */
bool image_parse(const char *path, const uint8_t *bytes, size_t len, struct image *ret,
	struct err *err) MUST_CHECK;
void image_done(struct image *image);
