/* SPDX-License-Identifier: Apache-2.0 */
/* What lies inside the envelope of a backup: a tar archive (POSIX ustar) of plain members with short
 * names, so that tar opens it. Parsing takes anything: every number is bounded, nothing is read past
 * the end. Pure; any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { CONTAINER_BLOCK = 512, CONTAINER_NAME = 64 };

/* The block in front of a member's bytes. The name has letters, digits, '.', '-' and '_'. */
bool container_head(uint8_t block[CONTAINER_BLOCK], const char *name, uint64_t size, int64_t utc_ms,
	struct err *err) MUST_CHECK;
/* Zeros behind so many bytes of a member. Two blocks of zeros end the archive. */
size_t container_padding(uint64_t size);

struct container_member {
	char name[CONTAINER_NAME];
	const uint8_t *bytes; /* into the archive */
	size_t size;
};

/* The member at *at, which then is that of the next one; *ret_found false: the archive ends as it
 * should. REASON_INPUT. */
bool container_next(const uint8_t *bytes, size_t len, size_t *at, struct container_member *ret,
	bool *ret_found, struct err *err) MUST_CHECK;
