/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for secrets: its own pages, locked (never swapped), left out of core dumps, not inherited
 * by children, wiped when freed. Whatever holds key material or a token lives here and nowhere
 * else. Any thread. */
#pragma once

#include <stddef.h>

#include "err.h"

/* At least len bytes, zero. Page granularity: 4 KiB each. NULL only with err set
 * (REASON_STATION). */
void *secret_alloc(size_t len, struct err *err) MUST_CHECK;
/* Wipes and frees. Takes NULL. */
void secret_free(void *secret);
/* Overwrites; the compiler cannot leave it out. */
void secret_wipe(void *memory, size_t len);

static inline void scope_free_secret(void *pointer)
{
	secret_free(*(void **)pointer);
}
#define SCOPED_SECRET __attribute__((cleanup(scope_free_secret)))

/* Once, first thing in main: no core dumps, no ptrace by others. */
void secret_harden_process(void);
