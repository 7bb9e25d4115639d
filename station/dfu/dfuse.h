/* SPDX-License-Identifier: Apache-2.0 */
/* DfuSe operations (AN3156): commands by DNLOAD of block 0, data by block 2 and up at pointer +
 * (block - 2) * wTransferSize. Errors and deadlines as in dfu.h; alt must be one of the profile's.
 * A deadline covers one operation (its erase_timeout_ms or write_timeout_ms). */
#pragma once

#include "dfu.h"

/* Where the next command or block refers to; a ROM that is left starts the program there. */
bool dfuse_point(struct dfu *dfu, uint8_t alt, uint32_t addr, struct err *err) MUST_CHECK;
bool dfuse_erase(struct dfu *dfu, uint8_t alt, uint32_t addr, struct err *err) MUST_CHECK;

/* A contiguous run of blocks: the address is set once, and again only before the block number would
 * wrap. Every block but the last is transfer_size long; the last may be shorter (a record memory)
 * but the caller pads NOR. The report function, if any, is called after each block with the bytes
 * done; any thread rules of its own. */
struct dfuse_progress {
	void (*report)(void *context, uint64_t bytes);
	void *context;
};

bool dfuse_write(struct dfu *dfu, uint8_t alt, uint32_t addr, const uint8_t *bytes, uint32_t len,
	const struct dfuse_progress *progress, struct err *err) MUST_CHECK;
bool dfuse_read(struct dfu *dfu, uint8_t alt, uint32_t addr, uint8_t *ret, uint32_t len,
	const struct dfuse_progress *progress, struct err *err) MUST_CHECK;
/* Reads and compares block by block and stops at the first difference. */
bool dfuse_compare(struct dfu *dfu, uint8_t alt, uint32_t addr, const uint8_t *expected,
	uint32_t len, bool *ret_same, struct err *err) MUST_CHECK;
