/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a page that reports are made of: one self-contained HTML5 file that is also well-formed
 * XML, without scripts, that asks the network for nothing. Style and print rules are in
 * html_style.c. Nothing here fails by itself: to->failed tells at the end. Any thread. */
#pragma once

#include <inttypes.h>

#include "report.h"
#include "text.h"

/* Markup whose %s are texts of devices and people: each is cleaned (render_clean) and escaped, NULL
 * is "-". Conversions: %s %d %u %ld %lld %zu %.Nf %%, without widths; any other
 * sets to->failed. */
void html_addf(struct text_buf *to, const char *markup, ...) PRINTF_LIKE(2, 3);

/* The page up to its heading. what: "Report", "Certificate"; about: what it is on. */
void html_begin(struct text_buf *to, const char *what, const char *about);
void html_end(struct text_buf *to);
/* The line under the heading: the station, when, which local time; a rehearsal is told loudly. */
void html_origin(struct text_buf *to, const char *station_id, int64_t made_at, bool virtual_line,
	const char *state);
/* The newest seal at that moment, and how it is checked. */
void html_seal(struct text_buf *to, const struct record_head *head);

/* A section with a heading; id is also where links go. */
void html_section(struct text_buf *to, const char *id, const char *title);
void html_section_end(struct text_buf *to);

/* A table in a box that scrolls by itself. columns: names between bars, those of numbers begin with
 * '#': "reason|#attempts". */
void html_table(struct text_buf *to, const char *id, const char *caption, const char *columns);
void html_table_end(struct text_buf *to);
/* "... and 12 more rows", after a table that was cut. */
void html_left_out(struct text_buf *to, size_t count, const char *of);

/* A word with the colour and the sign of an outcome. Only PASS is green, and nothing else looks
 * like it, also without colours. NULL: in work. */
void html_outcome(struct text_buf *to, const char *name);
/* The class of an outcome's colour, "o-pass"; "o-open" for NULL, "o-other" for no outcome. */
const char *html_outcome_class(const char *name);

/* --- charts: figures with an image for eyes, a title and a description for readers --- */

/* Units of a drawing are those of its view box, which is HTML_CHART_WIDTH wide. */
enum { HTML_CHART_WIDTH = 480, HTML_CHART_BARS = 60, HTML_CHART_SLOTS = 128 };

void html_chart_periods(struct text_buf *to, const struct report *report);
void html_chart_pareto(struct text_buf *to, const struct report *report);
void html_chart_process(struct text_buf *to, const struct report *report);
void html_chart_slots(struct text_buf *to, const struct report *report);

/* How many periods of the report one bar shows, so that there are at most HTML_CHART_BARS. */
size_t html_periods_in_bar(const struct report *report);
/* The outcomes of bar i, and the name of its first period. */
struct report_outcomes html_bar_outcomes(
	const struct report *report, size_t bar, char name[32], size_t *ret_periods);

/* Files. */
extern const char html_style[];
