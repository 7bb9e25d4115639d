/* SPDX-License-Identifier: Apache-2.0 */
/* Wiping what the decision lists: what is idle already is left alone, the rest is erased (NOR) or
 * written (record memory) and read back. Record memory rewrites itself with each write, keys and all,
 * so that the steps that prove keys come after this one; and it has two places by turns, so that what
 * was wiped is written twice: the old bytes stand in neither then. Blocks for the transfers; one
 * thread; errors and deadlines as in flash.h. */
#pragma once

#include "decide.h"
#include "dfuse.h"

/* Record memory of a Photon can be reached once its system parts are valid, the rest at once. */
enum wipe_memory { WIPE_NOR = 1, WIPE_RECORD = 2, WIPE_ALL = 3 };

/* Bytes that wipe_run or wipe_check report in the end. */
uint64_t wipe_bytes(
	const struct family *family, const struct decision *decision, unsigned memories);
/* May be run again after a failure. Nothing is erased where the memory turns out to be smaller than it
 * says, so that an erase would reach a key: REASON_FLASH_DEFECTIVE. Progress (may be NULL) counts the
 * bytes of all ranges together. */
bool wipe_run(struct dfu *dfu, const struct decision *decision, unsigned memories,
	const struct dfuse_progress *progress, struct err *err) MUST_CHECK;
/* Part of the deciding readback: all of it is idle still. REASON_FLASH_BAD. */
bool wipe_check(struct dfu *dfu, const struct decision *decision,
	const struct dfuse_progress *progress, struct err *err) MUST_CHECK;
