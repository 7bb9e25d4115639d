/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a key operation and overwrites what it left on the stack. For keys/ only. Any thread with
 * 128 KiB of stack left. */
#pragma once

#include "err.h"

/* Calls work(context, err), then overwrites the STACK_WIPE_LEN bytes below this frame, whatever
 * work returned, and returns what it returned. */
enum { STACK_WIPE_LEN = 64 * 1024 };
bool stackwipe_run(bool (*work)(void *context, struct err *err), void *context, struct err *err)
	MUST_CHECK;
