/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a backup, after somebody with a key has opened it. All of it is checked before any of it
 * is used: the tag of the envelope, the archive, the manifest, and each region against its hash.
 * Plain bytes are in locked memory. One thread. */
#pragma once

#include "envelope.h"
#include "manifest.h"

struct backup_opened {
	struct manifest manifest;
	const uint8_t *bytes[MANIFEST_PIECES_MAX]; /* of each piece; into plain */
	char file_sha256[SHA256_HEX];
	uint8_t *plain; /* locked memory */
	size_t plain_len;
};

/* REASON_INPUT: what is wrong with the file. *ret is wiped and freed by backup_opened_done. */
bool backup_open(const char *path, const struct envelope_key *key, struct backup_opened *ret,
	struct err *err) MUST_CHECK;
void backup_opened_done(struct backup_opened *opened); /* takes a zero one */

/* The same from plain bytes, which stay the caller's. Pure but for memory. */
bool backup_parse(const uint8_t *plain, size_t len, struct manifest *ret,
	const uint8_t *ret_bytes[MANIFEST_PIECES_MAX], struct err *err) MUST_CHECK;

/* len bytes of the backup from addr on; NULL if no one piece has them all, or it is hidden. */
const uint8_t *backup_bytes_at(
	const struct backup_opened *opened, uint8_t alt, uint32_t addr, uint32_t len);
