/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a report's page. Private to this folder. */
#pragma once

#include "html.h"

/* Rows of one table; what is beyond is in the JSON, and the page says so. */
enum { RENDER_HTML_ROWS = 200 };

void render_html_tables(const struct report *report, struct text_buf *to);
