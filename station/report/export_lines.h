/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of an export: rows become JSON objects, one a line. Private to this folder. One thread at
 * a time. */
#pragma once

#include "json_rows.h"

enum { EXPORT_LINES_MAX = 256 << 20 /* of 256 attempts, each with hundreds of tries */ };

/* Behind at bytes comes an attempt of another batch than the one before. */
struct export_mark {
	size_t at;
	char batch_id[UUID_TEXT];
};

struct export_lines {
	const struct json_rows *json;
	struct text_buf text;
	struct export_mark *marks;
	size_t mark_count, mark_room;
	int64_t attempts;
	bool listed; /* the present section has a row */
};

void export_lines_init(struct export_lines *lines, const struct json_rows *json);
void export_lines_done(struct export_lines *lines);
void export_lines_clear(struct export_lines *lines); /* keeps the memory */
/* Takes what rows_sealed or rows_batch gives; text.failed when memory ends. */
struct rows_reader export_lines_reader(struct export_lines *lines);
