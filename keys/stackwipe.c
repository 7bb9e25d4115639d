/* SPDX-License-Identifier: Apache-2.0 */
#include "stackwipe.h"

#include <stdint.h>

#include "secret.h"

/* Every frame of work and of what it called lay where this array lies now, as long as none reached
 * deeper than STACK_WIPE_LEN; OpenSSL 3.0 uses under 5 KiB (measured on amd64). Not covered:
 * registers, the frames of signal handlers that ran meanwhile on an alternate stack, and
 * AddressSanitizer's fake stack if detect_stack_use_after_return is switched on. */
__attribute__((noinline)) static void overwrite_below(void)
{
	uint8_t below[STACK_WIPE_LEN];
	secret_wipe(below, sizeof below);
}

__attribute__((noinline)) bool stackwipe_run(
	bool (*work)(void *context, struct err *err), void *context, struct err *err)
{
	bool good = work(context, err);
	overwrite_below();
	return good;
}
