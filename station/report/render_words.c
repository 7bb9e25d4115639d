/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "render.h"

double render_percent(double ratio)
{
	if (ratio < 1 && ratio > 0.999)
		return 99.9;
	return ratio > 0 && ratio < 0.001 ? 0.1 : 100 * ratio;
}

void render_share(struct report_share share, char to[64])
{
	if (share.whole <= 0)
		snprintf(to, 64, "- (nothing judged)");
	else
		snprintf(to, 64, "%.1f %% (%" PRId64 " of %" PRId64 ")",
			render_percent(report_ratio(share)), share.part, share.whole);
}

void render_duration(int64_t ms, char to[32])
{
	enum { MINUTE_S = 60, HOUR_S = 3600, SHORT_MS = 60000, SECOND_MS = 1000 };
	int64_t s = (ms + 500) / 1000;
	if (ms < 0)
		snprintf(to, 32, "-");
	else if (ms < SECOND_MS)
		snprintf(to, 32, "%" PRId64 " ms", ms);
	else if (ms < SHORT_MS - 50)
		snprintf(to, 32, "%.1f s", (double)ms / 1000);
	else if (s < HOUR_S)
		snprintf(to, 32, "%" PRId64 " min %02" PRId64 " s", s / MINUTE_S, s % MINUTE_S);
	else
		snprintf(to, 32, "%" PRId64 " h %02" PRId64 " min", s / HOUR_S,
			s % HOUR_S / MINUTE_S);
}

static bool local_of(int64_t utc_ms, struct tm *ret)
{
	time_t seconds = (time_t)(utc_ms / 1000);
	return utc_ms >= 0 && localtime_r(&seconds, ret);
}

void render_moment(int64_t utc_ms, char to[40])
{
	struct tm local;
	if (!local_of(utc_ms, &local) || !strftime(to, 40, "%Y-%m-%d %H:%M:%S %z", &local))
		snprintf(to, 40, "-");
}

void render_period(const struct report *report, const struct report_period *period, char to[32])
{
	/* "2026-11-20 17:00", cut to what the unit says. */
	size_t len = strcmp(report->period_unit, "hour") == 0  ? 16
		     : strcmp(report->period_unit, "day") == 0 ? 10
							       : 7;
	struct tm local;
	if (!local_of(period->from, &local) || !strftime(to, 32, "%Y-%m-%d %H:%M", &local))
		snprintf(to, 32, "-");
	if (strlen(to) > len)
		to[len] = 0;
}

char *render_clean(const char *text)
{
	if (!text)
		return strdup("-");
	char *clean = malloc(strlen(text) + 1), *to = clean;
	for (const unsigned char *at = (const unsigned char *)text; clean && *at;) {
		size_t len = text_utf8_len((const char *)at);
		bool control = *at < ' ' || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0);
		/* U+FFFE and U+FFFF stand for no character, and XML does not allow them. */
		bool none = len == 3 && memcmp(at, "\xef\xbf", 2) == 0 && at[2] > 0xbd;
		if (len == 0 || control || none)
			*to++ = '?';
		else
			to = (char *)memcpy(to, at, len) + len;
		at += len ? len : 1;
	}
	if (clean)
		*to = 0;
	return clean;
}
