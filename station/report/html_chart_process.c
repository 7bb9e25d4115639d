/* SPDX-License-Identifier: Apache-2.0 */
/* How long units take: a histogram, with the median and the high percentiles as lines. */
#include <stdio.h>

#include "chart.h"
#include "render.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Milliseconds as a number of the axis' unit. */
struct scale {
	const char *unit;
	double ms;
	int decimals;
};

static struct scale scale_of(const struct report_times *times)
{
	enum { SHORT_MS = 2000 };
	int64_t end = times->bar_from_ms + (int64_t)times->bar_count * times->bar_ms;
	if (end < SHORT_MS)
		return (struct scale){ "ms", 1, 0 };
	int decimals = times->bar_ms % 1000 == 0 ? 0 : times->bar_ms % 100 == 0 ? 1 : 2;
	return (struct scale){ "s", 1000, decimals };
}

static void put_bars(const struct chart *chart, const struct report_times *times)
{
	int64_t most = 1;
	for (size_t i = 0; i < times->bar_count; i++)
		most = times->bars[i] > most ? times->bars[i] : most;
	int64_t top = chart_y_axis(chart, most, "attempts");
	double step = (chart->right - chart->left) / (double)times->bar_count;
	for (size_t i = 0; i < times->bar_count; i++) {
		double height = (chart->bottom - chart->top) * (double)times->bars[i] / (double)top;
		if (times->bars[i])
			html_addf(chart->to,
				"<g><title>%" PRId64
				" attempts</title><rect class=\"bar\" x=\"%.1f\" "
				"y=\"%.2f\" width=\"%.1f\" height=\"%.2f\"/></g>\n",
				times->bars[i], chart->left + step * (double)i + 0.5,
				chart->bottom - height, step > 2 ? step - 1 : step, height);
	}
}

static void put_edges(
	const struct chart *chart, const struct report_times *times, struct scale scale)
{
	char text[32];
	int64_t end = times->bar_from_ms + (int64_t)times->bar_count * times->bar_ms;
	size_t len =
		(size_t)snprintf(text, sizeof text, "%.*f", scale.decimals, (double)end / scale.ms);
	size_t every = chart_label_every(chart, times->bar_count + 1, len + 1);
	double step = (chart->right - chart->left) / (double)times->bar_count;
	for (size_t i = 0; i <= times->bar_count; i += every) {
		int64_t at = times->bar_from_ms + (int64_t)i * times->bar_ms;
		double x = chart->left + step * (double)i;
		snprintf(text, sizeof text, "%.*f", scale.decimals, (double)at / scale.ms);
		html_addf(chart->to,
			"<line class=\"x\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text class=\"t m\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
			x, x, chart->bottom, chart->bottom + 4, x, chart->bottom + 18, text);
	}
	html_addf(chart->to,
		"<text class=\"t e\" x=\"%.1f\" y=\"%.1f\">process time, %s%s</text>\n",
		chart->right, chart->bottom + 36, scale.unit,
		times->max_ms >= end ? "; the last bar holds all that took longer too" : "");
}

static void put_quantiles(const struct chart *chart, const struct report_times *times)
{
	const struct {
		const char *name;
		int64_t ms;
	} marks[] = { { "median", times->median_ms }, { "p90", times->p90_ms },
		{ "p99", times->p99_ms } };
	double width = chart->right - chart->left;
	/* Lines first: a label may lie on the line of another. */
	for (size_t i = 0; i < 2 * COUNT(marks); i++) {
		size_t mark = i % COUNT(marks);
		char text[32];
		double share = (double)(marks[mark].ms - times->bar_from_ms) /
			       ((double)times->bar_ms * (double)times->bar_count);
		double x = chart->left + width * (share > 1 ? 1 : share);
		double y = 14 + 17 * (double)mark;
		bool before = share > 0.55;
		render_duration(marks[mark].ms, text);
		if (i < COUNT(marks))
			html_addf(chart->to,
				"<line class=\"q\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
				x, x, y - 9, chart->bottom);
		else
			html_addf(chart->to,
				"<text class=\"halo%s\" x=\"%.1f\" y=\"%.1f\">%s %s</text>\n",
				before ? " e" : "", before ? x - 5 : x + 5, y, marks[mark].name,
				text);
	}
}

void html_chart_process(struct text_buf *to, const struct report *report)
{
	const struct report_times *times = &report->process;
	char median[32], p90[32], p99[32], desc[320];
	if (!times->count || !times->bar_count)
		return;
	render_duration(times->median_ms, median);
	render_duration(times->p90_ms, p90);
	render_duration(times->p99_ms, p99);
	snprintf(desc, sizeof desc,
		"Histogram of %" PRId64
		" judged attempts: median %s, 90 %% up to %s, 99 %% up to %s. The "
		"numbers are in the table Process times.",
		times->count, median, p90, p99);
	const struct chart chart = { to, "chart-process", "Process time",
		"judged attempts by their time from start to end", desc, 52, 454, 72, 212, 254 };
	chart_begin(&chart);
	put_bars(&chart, times);
	put_edges(&chart, times, scale_of(times));
	put_quantiles(&chart, times);
	chart_end_drawing(&chart);
	chart_end(&chart);
}
