/* SPDX-License-Identifier: Apache-2.0 */
/* Why units fail: a bar for each reason, the most frequent first, and the running sum as a line. Both
 * share one scale: all failures are 100 %. */
#include <stdio.h>

#include "chart.h"
#include "stats.h"

enum { ROWS = 10, ROW_HEIGHT = 26, NAME_CHARACTERS = 17 };

struct row {
	const char *name;
	int64_t attempts;
	double cumulative;
};

/* The reasons, those behind the first ones together. */
static size_t rows_of(const struct report *report, struct row rows[ROWS], char other[32])
{
	size_t count = report->failure_count, shown = count > ROWS ? ROWS - 1 : count;
	for (size_t i = 0; i < shown; i++)
		rows[i] = (struct row){ report->failures[i].code, report->failures[i].attempts,
			report->failures[i].cumulative };
	if (shown == count)
		return shown;
	snprintf(other, 32, "%zu others", count - shown);
	rows[shown] = (struct row){ .name = other, .cumulative = 1 };
	for (size_t i = shown; i < count; i++)
		rows[shown].attempts += report->failures[i].attempts;
	return shown + 1;
}

static void put_axes(const struct chart *chart, int64_t all)
{
	enum { TICKS = 5, QUARTERS = 4 };
	double width = chart->right - chart->left;
	for (int i = 0; i <= QUARTERS; i++) {
		double x = chart->left + width * i / QUARTERS;
		html_addf(chart->to,
			"<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text class=\"t m\" x=\"%.1f\" y=\"%.1f\">%d</text>\n",
			i ? "g" : "x", x, x, chart->top, chart->bottom, x, chart->top - 6,
			100 * i / QUARTERS);
	}
	html_addf(chart->to, "<text class=\"t e\" x=\"%.1f\" y=\"%.1f\">running sum, %%</text>\n",
		chart->right, chart->top - 24);
	int64_t step = stats_round_width(all, TICKS);
	for (int64_t at = 0; at <= all; at += step)
		html_addf(chart->to, "<text class=\"t m\" x=\"%.1f\" y=\"%.1f\">%" PRId64 "</text>",
			chart->left + width * (double)at / (double)all, chart->bottom + 17, at);
	html_addf(chart->to, "\n<text class=\"t e\" x=\"%.1f\" y=\"%.1f\">attempts</text>\n",
		chart->right, chart->bottom + 35);
}

static void put_rows(const struct chart *chart, const struct row *rows, size_t count, int64_t all)
{
	double width = chart->right - chart->left;
	for (size_t i = 0; i < count; i++) {
		char name[128];
		double y = chart->top + (double)(ROW_HEIGHT * i);
		chart_cut(rows[i].name, NAME_CHARACTERS, name);
		html_addf(chart->to,
			"<g><title>%s: %" PRId64
			" attempts</title><text x=\"2\" y=\"%.1f\">%s</text>"
			"<text class=\"e\" x=\"%.1f\" y=\"%.1f\">%" PRId64 "</text>"
			"<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\"/></g>\n",
			rows[i].name, rows[i].attempts, y + 17, name, chart->left - 7, y + 17,
			rows[i].attempts, chart->left, y + 4,
			width * (double)rows[i].attempts / (double)all, ROW_HEIGHT - 8);
	}
}

static void put_sum(const struct chart *chart, const struct row *rows, size_t count)
{
	double width = chart->right - chart->left, middle = ROW_HEIGHT / 2.0;
	html_addf(chart->to, "<polyline class=\"sum\" points=\"");
	for (size_t i = 0; i < count; i++)
		html_addf(chart->to, "%.1f,%.1f ", chart->left + width * rows[i].cumulative,
			chart->top + (double)(ROW_HEIGHT * i) + middle);
	html_addf(chart->to, "\"/>\n");
	for (size_t i = 0; i < count; i++)
		html_addf(chart->to, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.2\"/>",
			chart->left + width * rows[i].cumulative,
			chart->top + (double)(ROW_HEIGHT * i) + middle);
	html_addf(chart->to, "\n");
}

void html_chart_pareto(struct text_buf *to, const struct report *report)
{
	struct row rows[ROWS];
	char other[32], desc[320];
	size_t count = rows_of(report, rows, other);
	int64_t all = 0;
	for (size_t i = 0; i < count; i++)
		all += rows[i].attempts;
	if (!all)
		return;
	snprintf(desc, sizeof desc,
		"Bars with the running sum as a line: %" PRId64
		" failed attempts by %zu reasons, the most "
		"frequent is %.40s with %" PRId64
		". The numbers are in the table Failures of units, by "
		"reason.",
		all, report->failure_count, rows[0].name, rows[0].attempts);
	double bottom = 46 + (double)(ROW_HEIGHT * count);
	const struct chart chart = { to, "chart-pareto", "Why units failed",
		"attempts that are FAIL by a cause of the unit, by reason", desc, 188, 462, 46,
		bottom, bottom + 42 };
	chart_begin(&chart);
	put_axes(&chart, all);
	put_rows(&chart, rows, count, all);
	put_sum(&chart, rows, count);
	chart_end_drawing(&chart);
	chart_end(&chart);
}
