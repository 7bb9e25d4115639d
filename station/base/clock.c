/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <stdio.h>
#include <time.h>

uint64_t clock_mono_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

int64_t clock_utc_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct deadline deadline_in_ms(uint64_t ms)
{
	return (struct deadline){ clock_mono_us() + ms * 1000u };
}

bool deadline_passed(struct deadline deadline)
{
	return clock_mono_us() >= deadline.at_us;
}

uint32_t deadline_left_ms(struct deadline deadline)
{
	uint64_t now = clock_mono_us();
	if (now >= deadline.at_us)
		return 0;
	uint64_t left = (deadline.at_us - now + 999) / 1000;
	return left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
}

struct deadline deadline_sooner(struct deadline a, struct deadline b)
{
	return a.at_us < b.at_us ? a : b;
}

bool clock_pause_until(uint64_t at_us, const struct cancel *cancel)
{
	for (;;) {
		if (cancel_is_set(cancel))
			return false;
		uint64_t now = clock_mono_us();
		if (now >= at_us)
			return true;
		uint64_t until = now + CANCEL_POLL_MS * 1000u;
		if (until > at_us)
			until = at_us;
		struct timespec at = { .tv_sec = (time_t)(until / 1000000u),
			.tv_nsec = (long)(until % 1000000u) * 1000 };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	}
}

void clock_format_utc(int64_t utc_ms, char *to, unsigned cap)
{
	time_t seconds = (time_t)(utc_ms / 1000);
	struct tm tm;
	char day[24];
	if (utc_ms < 0 || !gmtime_r(&seconds, &tm) ||
		!strftime(day, sizeof day, "%Y-%m-%d %H:%M:%S", &tm)) {
		snprintf(to, cap, "?");
		return;
	}
	snprintf(to, cap, "%s.%03d", day, (int)(utc_ms % 1000));
}
