/* SPDX-License-Identifier: Apache-2.0 */
#include "chart.h"

#include <stdio.h>
#include <string.h>

#include "render.h"
#include "scope.h"
#include "stats.h"

void chart_begin(const struct chart *chart)
{
	html_addf(chart->to,
		"<figure id=\"%s\">\n<figcaption>%s<span>%s</span></figcaption>\n"
		"<svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-labelledby=\"%s-t %s-d\">\n"
		"<title id=\"%s-t\">%s</title>\n<desc id=\"%s-d\">%s</desc>\n",
		chart->id, chart->title, chart->caption, (int)HTML_CHART_WIDTH, chart->height,
		chart->id, chart->id, chart->id, chart->title, chart->id, chart->desc);
}

void chart_end_drawing(const struct chart *chart)
{
	html_addf(chart->to, "</svg>\n");
}

void chart_end(const struct chart *chart)
{
	html_addf(chart->to, "</figure>\n");
}

int64_t chart_y_axis(const struct chart *chart, int64_t most, const char *unit)
{
	enum { TICKS = 5 };
	int64_t step = stats_round_width(most > 0 ? most : 1, TICKS);
	int64_t top = (most > 0 ? (most + step - 1) / step : 1) * step;
	for (int64_t at = 0; at <= top; at += step) {
		double y = chart->bottom - (chart->bottom - chart->top) * (double)at / (double)top;
		html_addf(chart->to,
			"<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text class=\"t e\" x=\"%.1f\" y=\"%.1f\">%" PRId64 "</text>\n",
			at ? "g" : "x", chart->left, chart->right, y, y, chart->left - 6, y + 4,
			at);
	}
	html_addf(chart->to, "<text class=\"t\" x=\"2\" y=\"%.1f\">%s</text>\n", chart->top - 10,
		unit);
	return top;
}

size_t chart_label_every(const struct chart *chart, size_t count, size_t characters)
{
	/* A character of the largest size that the style uses, and a gap. */
	const double character = 8.4, gap = 10;
	double room = (chart->right - chart->left) / ((double)characters * character + gap);
	size_t most = room > 1 ? (size_t)room : 1;
	return count > most ? (count + most - 1) / most : 1;
}

void chart_cut(const char *text, size_t characters, char to[128])
{
	SCOPED_FREE char *clean = render_clean(text);
	const char *end = clean ? clean : "";
	size_t column = 0;
	for (; *end && column < characters; column++)
		do
			end++;
		while (((unsigned char)*end & 0xc0) == 0x80);
	if (!*end) {
		snprintf(to, 128, "%s", clean ? clean : "");
		return;
	}
	do
		end--;
	while (((unsigned char)*end & 0xc0) == 0x80);
	snprintf(to, 128, "%.*s…", (int)(end - clean), clean);
}
