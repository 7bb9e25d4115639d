/* SPDX-License-Identifier: Apache-2.0 */
/* Small images with valid headers and sums, for tests. */
#pragma once

#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "digest.h"
#include "module.h"

/* Puts header at header_at and suffix and CRC at the end of to, which has header->end - header->start + 4 bytes. */
static inline void module_image_seal(const struct module_header *header, size_t header_at, uint8_t *to)
{
	size_t len = header->end - header->start;
	struct err err;
	module_header_encode(header, to + header_at);
	memset(to + len - 40, 0xff, 4);
	memset(to + len - 36, 0, 2);
	if (!digest_sha256(to, len - 34, to + len - 34, &err))
		memset(to + len - 34, 0, SHA256_LEN);
	to[len - 2] = 40;
	to[len - 1] = 0;
	bytes_put_be32(to + len, digest_crc32(to, len));
}

/* The same over a filling. A vector table stands in front of a header that is not at 0. */
static inline void module_image_make(const struct module_header *header, size_t header_at, uint8_t *to)
{
	size_t len = header->end - header->start;
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(i * 7 + (i >> 8));
	if (header_at)
		bytes_put_le32(to, 0x20020000);
	module_image_seal(header, header_at, to);
}
