/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the database as JSON, fast: straight into a buffer, keys prepared once. Bytes that are no
 * UTF-8 become U+FFFD. to->failed tells that something did not fit. One thread at a time. */
#pragma once

#include "rows.h"
#include "text.h"

struct json_rows {
	struct json_rows_key {
		char text[40]; /* `"name":` */
		size_t len;
	} keys[ROWS_SECTION_COUNT][ROWS_COLUMNS_MAX];
	size_t columns[ROWS_SECTION_COUNT];
};

bool json_rows_init(struct json_rows *json, const struct rows *rows, struct err *err) MUST_CHECK;
/* `"name":value,...` without braces. */
void json_rows_add(const struct json_rows *json, enum rows_section section,
	const struct rows_value *values, struct text_buf *to);
/* A string with its quotes. */
void json_rows_text(const char *text, size_t len, struct text_buf *to);
