/* SPDX-License-Identifier: Apache-2.0 */
/* Renderings of a report. Each writes what stands in the struct and computes nothing; the result is
 * UTF-8. to->failed tells that it did not fit into the cap that the caller chose. Any thread. */
#pragma once

#include "report.h"
#include "text.h"

enum { RENDER_TEXT_WIDTH = 100, RENDER_MAX = 64 << 20 };

/* For a terminal: at most RENDER_TEXT_WIDTH columns; with escape sequences only if colour. */
void render_text(const struct report *report, bool colour, struct text_buf *to);
/* One JSON object with every figure; docs/report.schema.json describes it. REASON_STATION
 * without memory. */
bool render_json(const struct report *report, struct text_buf *to, struct err *err) MUST_CHECK;

/* A page: one HTML5 file that needs no network and no script, for screens and A4. */
void render_html(const struct report *report, struct text_buf *to);

/* --- words that the renderings share --- */

/* For one decimal: 100.0 only if it is all, and 0.0 only if it is none. */
double render_percent(double ratio);
/* "93.8 % (15 of 16)"; "- (nothing judged)". */
void render_share(struct report_share share, char to[64]);
/* "0.8 s", "12.3 s", "4 min 05 s", "2 h 03 min"; "-" below 0. */
void render_duration(int64_t ms, char to[32]);
/* "2026-11-20 17:43:05 +0100" in local time; "-" below 0. */
void render_moment(int64_t utc_ms, char to[40]);
/* As "2026-11-20 17:00", "2026-11-20" or "2026-11", by the report's unit. */
void render_period(const struct report *report, const struct report_period *period, char to[32]);
/* What is unknown is "-"; control characters and broken UTF-8 are question marks. The caller
 * frees; NULL without memory. */
char *render_clean(const char *text);
