/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes over time: a stacked bar for each period, or for some of them together. */
#include <stdio.h>
#include <string.h>

#include "chart.h"
#include "render.h"

/* From the bottom: what is good, then what is not; open ones last. */
static const enum outcome stack[] = { OUTCOME_PASS, OUTCOME_HELD, OUTCOME_SKIPPED, OUTCOME_FAIL,
	OUTCOME_REFUSED, OUTCOME_ABORTED, OUTCOME_INTERRUPTED, OUTCOME_NONE };

static const char *class_of(enum outcome outcome)
{
	return html_outcome_class(outcome == OUTCOME_NONE ? NULL : outcome_name(outcome));
}

size_t html_periods_in_bar(const struct report *report)
{
	return (report->period_count + HTML_CHART_BARS - 1) / HTML_CHART_BARS;
}

struct report_outcomes html_bar_outcomes(
	const struct report *report, size_t bar, char name[32], size_t *ret_periods)
{
	struct report_outcomes sum = { 0 };
	size_t per_bar = html_periods_in_bar(report), first = bar * per_bar, end = first + per_bar;
	end = end < report->period_count ? end : report->period_count;
	for (size_t i = first; i < end; i++)
		for (unsigned k = 0; k < OUTCOME_COUNT; k++)
			sum.count[k] += report->periods[i].outcomes.count[k];
	render_period(report, &report->periods[first], name);
	*ret_periods = end - first;
	return sum;
}

static int64_t total(const struct report_outcomes *outcomes)
{
	int64_t sum = 0;
	for (unsigned k = 0; k < OUTCOME_COUNT; k++)
		sum += outcomes->count[k];
	return sum;
}

static size_t bars_of(const struct report *report)
{
	size_t per_bar = html_periods_in_bar(report);
	return per_bar ? (report->period_count + per_bar - 1) / per_bar : 0;
}

static void put_bar(const struct chart *chart, const struct report_outcomes *outcomes,
	const char *name, double x, double width, int64_t top)
{
	double y = chart->bottom, scale = (chart->bottom - chart->top) / (double)top;
	html_addf(chart->to, "<g><title>%s: %" PRId64 " attempts, %" PRId64 " PASS</title>", name,
		total(outcomes), outcomes->count[OUTCOME_PASS]);
	for (size_t k = 0; k < sizeof stack / sizeof *stack; k++) {
		double height = (double)outcomes->count[stack[k]] * scale;
		if (!outcomes->count[stack[k]])
			continue;
		y -= height;
		html_addf(chart->to,
			"<rect class=\"%s\" x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\"/>",
			class_of(stack[k]), x, y, width, height);
	}
	html_addf(chart->to, "</g>\n");
}

/* "2026-11-20 17:00" stands in two lines: the hour at its bar, the day where it changes. */
static size_t head_of(const struct report *report)
{
	return strcmp(report->period_unit, "hour") == 0 ? 10 : 4;
}

static void put_labels(
	const struct chart *chart, const struct report *report, size_t bars, double step)
{
	const double half_head = 44;
	char last_head[32] = "", name[32];
	double last_x = -1000;
	size_t head = head_of(report), ignored;
	html_bar_outcomes(report, 0, name, &ignored);
	size_t every = chart_label_every(chart, bars, strlen(name) - head - 1);
	for (size_t i = 0; i < bars; i += every) {
		double x = chart->left + step * ((double)i + 0.5);
		html_bar_outcomes(report, i, name, &ignored);
		if (strlen(name) <= head)
			continue;
		name[head] = 0;
		html_addf(chart->to, "<text class=\"t m\" x=\"%.1f\" y=\"%.1f\">%s</text>", x,
			chart->bottom + 20, name + head + 1);
		if (strcmp(name, last_head) == 0 || x - last_x < 2 * half_head)
			continue;
		double most = HTML_CHART_WIDTH - half_head;
		html_addf(chart->to, "<text class=\"t m\" x=\"%.1f\" y=\"%.1f\">%s</text>",
			x > most ? most : x, chart->bottom + 37, name);
		snprintf(last_head, sizeof last_head, "%s", name);
		last_x = x;
	}
	html_addf(chart->to, "\n");
}

static void put_legend(struct text_buf *to, const struct report *report)
{
	html_addf(to, "<ul class=\"legend\">");
	for (size_t k = 0; k < sizeof stack / sizeof *stack; k++) {
		int64_t count = report->outcomes.count[stack[k]];
		if (count)
			html_addf(to,
				"<li><svg viewBox=\"0 0 14 14\" aria-hidden=\"true\"><rect "
				"class=\"%s\" width=\"14\" height=\"14\"/></svg>%s %" PRId64
				"</li>",
				class_of(stack[k]), stack[k] ? outcome_name(stack[k]) : "in work",
				count);
	}
	html_addf(to, "</ul>\n");
}

static void put_bars(const struct chart *chart, const struct report *report)
{
	size_t bars = bars_of(report), ignored;
	int64_t most = 0;
	char name[32];
	for (size_t i = 0; i < bars; i++) {
		struct report_outcomes outcomes = html_bar_outcomes(report, i, name, &ignored);
		int64_t all = total(&outcomes);
		most = all > most ? all : most;
	}
	int64_t top = chart_y_axis(chart, most, "attempts");
	double step = (chart->right - chart->left) / (double)bars;
	double width = step * 0.82 < 56 ? step * 0.82 : 56;
	for (size_t i = 0; i < bars; i++) {
		struct report_outcomes outcomes = html_bar_outcomes(report, i, name, &ignored);
		put_bar(chart, &outcomes, name, chart->left + step * (double)i + (step - width) / 2,
			width, top);
	}
	put_labels(chart, report, bars, step);
}

void html_chart_periods(struct text_buf *to, const struct report *report)
{
	char caption[160], desc[320], first[32], last[32];
	size_t per_bar = html_periods_in_bar(report);
	if (!report->period_count)
		return;
	render_period(report, &report->periods[0], first);
	render_period(report, &report->periods[report->period_count - 1], last);
	char per[32] = "";
	if (per_bar > 1)
		snprintf(per, sizeof per, "%zu ", per_bar);
	snprintf(caption, sizeof caption,
		"attempts per %s%s%s, by their beginning, local time; %ss without any are left out",
		per, report->period_unit, per_bar > 1 ? "s" : "", report->period_unit);
	snprintf(desc, sizeof desc,
		"Stacked bars from %s to %s: %" PRId64 " attempts, of these %" PRId64
		" PASS and %" PRId64 " FAIL. The numbers are in the table "
		"Outcomes over time.",
		first, last, report->attempts, report->outcomes.count[OUTCOME_PASS],
		report->outcomes.count[OUTCOME_FAIL]);
	const struct chart chart = { to, "chart-periods", "Outcomes over time", caption, desc, 52,
		474, 28, 212, 255 };
	chart_begin(&chart);
	put_bars(&chart, report);
	chart_end_drawing(&chart);
	put_legend(to, report);
	chart_end(&chart);
}
