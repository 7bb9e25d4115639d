/* SPDX-License-Identifier: Apache-2.0 */
/* Time. Deadlines and pauses run on the monotonic clock in microseconds; the record uses UTC
 * milliseconds since 1970. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cancel.h"

uint64_t clock_mono_us(void);
int64_t clock_utc_ms(void);

/* A moment on the monotonic clock. */
struct deadline {
	uint64_t at_us;
};

struct deadline deadline_in_ms(uint64_t ms);
bool deadline_passed(struct deadline deadline);
uint32_t deadline_left_ms(struct deadline deadline); /* 0 once passed; at most UINT32_MAX */
struct deadline deadline_sooner(struct deadline a, struct deadline b);

/* Sleeps to the moment at_us (absolute, so that many short pauses do not add up their lateness).
 * False if the cancel flag ended it early. */
bool clock_pause_until(uint64_t at_us, const struct cancel *cancel);
/* "2026-11-20 17:43:05.123" in UTC; to has room for 32. */
void clock_format_utc(int64_t utc_ms, char *to, unsigned cap);
