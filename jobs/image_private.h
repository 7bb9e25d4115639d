/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of the single formats; inside this folder only. Each judges all of its file: what it does not
 * understand is refused, never left out. Texts of errors are without the file's name. */
#pragma once

#include "image.h"

/* What a file holds, in the order in which it says so. The bytes are the caller's. Zero-initialise. */
struct image_pieces {
	struct image_run *run;
	size_t count, room;
};

bool image_pieces_add(
	struct image_pieces *pieces, const struct image_run *run, struct err *err) MUST_CHECK;
/* Puts them in order and together, in memory of their own: fills ret's runs and bytes. Refuses bytes that are
 * given twice. */
bool image_pieces_join(
	const struct image_pieces *pieces, struct image *ret, struct err *err) MUST_CHECK;
void image_pieces_done(struct image_pieces *pieces);

/* DFU 1.1, appendix B: the last bytes of a file. */
struct image_suffix {
	size_t len;                     /* 0: the file has none */
	uint16_t vendor_id, product_id; /* 0xffff: any */
	uint16_t dfu_release;
};

/* Refuses a suffix that is damaged. */
bool image_suffix_read(
	const uint8_t *bytes, size_t len, struct image_suffix *ret, struct err *err) MUST_CHECK;

bool image_is_dfuse(const uint8_t *bytes, size_t len);
/* bytes are those before the suffix. The pieces' bytes are in bytes. */
bool image_read_dfuse(
	const uint8_t *bytes, size_t len, struct image_pieces *ret, struct err *err) MUST_CHECK;

/* Does it begin like one? */
bool image_is_hex(const uint8_t *bytes, size_t len);
/* A whole record with a good checksum, and nothing else. */
bool image_is_hex_record(const uint8_t *line, size_t len);
/* data has len / 2 bytes, and holds the pieces' bytes. */
bool image_read_hex(const uint8_t *bytes, size_t len, uint8_t *data, struct image_pieces *ret,
	struct err *err) MUST_CHECK;
