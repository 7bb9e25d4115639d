/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (OpenSSL) and the two CRC-32 of the field (zlib). Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { SHA256_LEN = 32, SHA256_HEX = 65 /* with the NUL */ };

bool digest_sha256(const void *bytes, size_t len, uint8_t ret[SHA256_LEN], struct err *err)
	MUST_CHECK;
bool digest_sha256_hex(const void *bytes, size_t len, char ret[SHA256_HEX], struct err *err)
	MUST_CHECK;

/* A hash over parts. Strings and numbers go in with their length, so that no two different
 * sequences give the same input: digest_add_text("ab"), ("c") is not ("a"), ("bc"). A failure is
 * remembered and told by digest_end. */
struct digest;
struct digest *digest_begin(void); /* NULL without memory: digest_end then fails; digest_add_* take NULL */
void digest_add(struct digest *digest, const void *bytes, size_t len); /* raw */
void digest_add_text(struct digest *digest, const char *text);	 /* NULL is distinct from "" */
void digest_add_blob(struct digest *digest, const void *bytes, size_t len);
void digest_add_u64(struct digest *digest, uint64_t value);
/* Frees digest in every case. */
bool digest_end(struct digest *digest, char ret[SHA256_HEX], struct err *err) MUST_CHECK;

/* CRC-32 of IEEE 802.3 / zlib: reflected 0x04C11DB7, start and final xor 0xFFFFFFFF
 * ("123456789" = 0xCBF43926). */
uint32_t digest_crc32(const void *bytes, size_t len);
