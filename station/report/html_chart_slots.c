/* SPDX-License-Identifier: Apache-2.0 */
/* A tile for each slot, coloured by what it loses; one that stands out has a thick border and a
 * flag. */
#include <stdio.h>
#include <stdlib.h>

#include "chart.h"
#include "render.h"
#include "scope.h"

enum { TILE_HEIGHT = 48, TILE_GAP = 5 };

/* From where on a yield has this colour, the worst first. */
static const struct {
	double from;
	const char *class, *text_class, *words;
} levels[] = { { 0, "y0", "y0t", "below 90 %" }, { 0.90, "y1", "yt", "90 to 95 %" },
	{ 0.95, "y2", "yt", "95 to 97 %" }, { 0.97, "y3", "yt", "97 to 99 %" },
	{ 0.99, "y4", "yt", "99 % and more" } };
enum { LEVELS = sizeof levels / sizeof *levels };

static size_t level_of(struct report_share yield)
{
	size_t level = LEVELS - 1;
	while (level && report_ratio(yield) < levels[level].from)
		level--;
	return level;
}

/* Flagged ones first, then the lowest yields; not judged ones last. */
static int by_need(const void *left, const void *right)
{
	const struct report_group *a = *(const struct report_group *const *)left,
				  *b = *(const struct report_group *const *)right;
	double x = report_ratio(a->yield), y = report_ratio(b->yield);
	if (a->flagged != b->flagged)
		return a->flagged ? -1 : 1;
	x = x < 0 ? 2 : x;
	y = y < 0 ? 2 : y;
	return x != y ? (x > y) - (x < y) : (a > b) - (a < b);
}

static int by_place(const void *left, const void *right)
{
	const struct report_group *a = *(const struct report_group *const *)left,
				  *b = *(const struct report_group *const *)right;
	return (a > b) - (a < b);
}

static const struct report_group **choose(const struct report *report, size_t *ret_count)
{
	size_t count = report->slot_count;
	const struct report_group **slots = calloc(count, sizeof *slots);
	for (size_t i = 0; slots && i < count; i++)
		slots[i] = &report->slots[i];
	if (slots && count > HTML_CHART_SLOTS) {
		qsort(slots, count, sizeof *slots, by_need);
		count = HTML_CHART_SLOTS;
		qsort(slots, count, sizeof *slots, by_place);
	}
	*ret_count = count;
	return slots;
}

static void put_flag(const struct chart *chart, double x, double y)
{
	html_addf(chart->to,
		"<circle class=\"flag\" cx=\"%.1f\" cy=\"%.1f\" r=\"8.5\"/>"
		"<text class=\"flagt m\" x=\"%.1f\" y=\"%.1f\">!</text>",
		x, y, x, y + 4.5);
}

static void put_tile(
	const struct chart *chart, const struct report_group *slot, size_t place, size_t columns)
{
	double step = (double)(HTML_CHART_WIDTH - 8) / (double)columns;
	double width = step - TILE_GAP, x = 4 + step * (double)(place % columns);
	double y = chart->top + (double)(place / columns) * (TILE_HEIGHT + TILE_GAP);
	size_t level = level_of(slot->yield);
	bool judged = slot->yield.whole > 0;
	char share[64], name[128], percent[32] = "–";
	render_share(slot->yield, share);
	chart_cut(slot->name[0] ? slot->name : NULL, (size_t)(width / 9), name);
	if (judged)
		snprintf(percent, sizeof percent, "%.1f %%",
			render_percent(report_ratio(slot->yield)));
	html_addf(chart->to,
		"<g><title>%s: %s%s</title><rect class=\"tile %s%s\" x=\"%.1f\" y=\"%.1f\" "
		"width=\"%.1f\" height=\"%d\" rx=\"3\"/>"
		"<text class=\"m h %s\" x=\"%.1f\" y=\"%.1f\">%s</text>"
		"<text class=\"m %s\" x=\"%.1f\" y=\"%.1f\">%s</text>",
		slot->name[0] ? slot->name : NULL, share,
		slot->flagged ? ", differs from the others" : "",
		judged ? levels[level].class : "yn", slot->flagged ? " f" : "", x, y, width,
		(int)TILE_HEIGHT, judged ? levels[level].text_class : "t", x + width / 2, y + 20,
		name, judged ? levels[level].text_class : "t", x + width / 2, y + 38, percent);
	if (slot->flagged)
		put_flag(chart, x + width - 2, y - 1);
	html_addf(chart->to, "</g>\n");
}

static void put_legend(struct text_buf *to)
{
	html_addf(to, "<ul class=\"legend\">");
	for (size_t i = LEVELS; i-- > 0;)
		html_addf(to,
			"<li><svg viewBox=\"0 0 14 14\" aria-hidden=\"true\"><rect class=\"tile %s\" "
			"x=\"0.5\" y=\"0.5\" width=\"13\" height=\"13\"/></svg>%s</li>",
			levels[i].class, levels[i].words);
	html_addf(to,
		"<li><svg viewBox=\"0 0 14 14\" aria-hidden=\"true\"><circle class=\"flag\" "
		"cx=\"7\" cy=\"7\" r=\"7\"/><text class=\"flagt m\" x=\"7\" y=\"11.5\">!</text>"
		"</svg>differs from the others by more than chance</li></ul>\n");
}

void html_chart_slots(struct text_buf *to, const struct report *report)
{
	size_t count, flagged = 0;
	if (!report->slot_count)
		return;
	SCOPED_FREE const struct report_group **slots = choose(report, &count);
	char caption[160] = "judged attempts that are PASS or HELD, %", desc[256];
	to->failed |= !slots;
	for (size_t i = 0; i < report->slot_count; i++)
		flagged += report->slots[i].flagged;
	snprintf(desc, sizeof desc,
		"One tile for each of %zu slots; %zu of these differ from the others by more than chance. "
		"The numbers are in the table Slots.",
		count, flagged);
	if (count < report->slot_count)
		snprintf(caption, sizeof caption,
			"judged attempts that are PASS or HELD, %%: %zu of %zu slots, those with the "
			"lowest yield",
			count, report->slot_count);
	size_t columns = count <= 4    ? 4
			 : count <= 24 ? 6
				       : 8,
	       rows = (count + columns - 1) / columns;
	double bottom = 12 + (double)rows * (TILE_HEIGHT + TILE_GAP);
	const struct chart chart = { to, "chart-slots", "Yield by slot", caption, desc, 4, 476, 12,
		bottom, bottom };
	chart_begin(&chart);
	for (size_t i = 0; slots && i < count; i++)
		put_tile(&chart, slots[i], i, columns);
	chart_end_drawing(&chart);
	put_legend(to);
	chart_end(&chart);
}
