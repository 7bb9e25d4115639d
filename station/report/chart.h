/* SPDX-License-Identifier: Apache-2.0 */
/* The frame that the charts of a page share: a figure with a caption, a drawing with a title and a
 * description, axes with round numbers. Lengths are units of the view box, y grows downwards.
 * Private to this folder. */
#pragma once

#include "html.h"

struct chart {
	struct text_buf *to;
	const char *id;              /* "chart-slots" */
	const char *title, *caption; /* caption: what is drawn, and its unit */
	const char *desc; /* for who cannot see it: what it shows and where the numbers are */
	double left, right, top, bottom; /* of the plot */
	double height;
};

void chart_begin(const struct chart *chart);
/* Ends the drawing; the figure stays open for a legend. */
void chart_end_drawing(const struct chart *chart);
void chart_end(const struct chart *chart);

/* Lines and numbers from 0 to at least most; gives the number at the top of the plot. */
int64_t chart_y_axis(const struct chart *chart, int64_t most, const char *unit);
/* How many of count labels of so many characters to leave out between two, so that they do not
 * touch: 1 shows each. */
size_t chart_label_every(const struct chart *chart, size_t count, size_t characters);
/* text, cut with "…" to so many characters. */
void chart_cut(const char *text, size_t characters, char to[128]);
