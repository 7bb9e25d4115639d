/* SPDX-License-Identifier: Apache-2.0 */
#include "export_lines.h"

#include <stdlib.h>
#include <string.h>

/* By the statement of ROWS_SEALED. */
enum { BATCH_ID = 6 };

#define ADD(lines, text_) text_buf_add(&(lines)->text, text_, sizeof text_ - 1)

static const char *const openings[ROWS_SECTION_COUNT] = {
	[ROWS_IMAGE] = ",\"images\":[",
	[ROWS_STOP] = ",\"stops\":[",
	[ROWS_IDENTITY] = ",\"identities\":[",
	[ROWS_OBSERVATION] = ",\"observations\":[",
	[ROWS_STEP] = ",\"steps\":[",
	[ROWS_FINDING] = ",\"findings\":[",
	[ROWS_KEY] = ",\"key\":",
	[ROWS_MARK] = ",\"unit_marks\":[",
	[ROWS_CLEARED] = ",\"unit_cleared\":[",
};

void export_lines_init(struct export_lines *lines, const struct json_rows *json)
{
	*lines = (struct export_lines){ .json = json };
	text_buf_init(&lines->text, EXPORT_LINES_MAX);
}

void export_lines_done(struct export_lines *lines)
{
	text_buf_done(&lines->text);
	free(lines->marks);
	lines->marks = NULL;
}

void export_lines_clear(struct export_lines *lines)
{
	lines->text.len = lines->mark_count = 0;
	lines->attempts = 0;
	lines->text.failed = lines->listed = false;
}

static void mark_batch(struct export_lines *lines, const struct rows_value *batch)
{
	const struct export_mark *last =
		lines->mark_count ? &lines->marks[lines->mark_count - 1] : NULL;
	const char *id = batch->text ? batch->text : "";
	if (last ? strcmp(last->batch_id, id) == 0 : !*id)
		return;
	if (lines->mark_count == lines->mark_room) {
		size_t room = lines->mark_room ? 2 * lines->mark_room : 8;
		struct export_mark *marks = realloc(lines->marks, room * sizeof *marks);
		lines->text.failed |= !marks;
		if (!marks)
			return;
		lines->marks = marks;
		lines->mark_room = room;
	}
	struct export_mark *mark = &lines->marks[lines->mark_count++];
	mark->at = lines->text.len;
	lines->text.failed |= !text_copy(mark->batch_id, sizeof mark->batch_id, id);
}

static void open_list(struct export_lines *lines, enum rows_section section)
{
	text_buf_add(&lines->text, openings[section], strlen(openings[section]));
	lines->listed = true;
}

static bool add_row(void *context, enum rows_section section, const struct rows_value *values)
{
	struct export_lines *lines = context;
	if (section == ROWS_BATCH || section == ROWS_SEALED) {
		if (section == ROWS_SEALED) {
			mark_batch(lines, &values[BATCH_ID]);
			lines->attempts++;
			ADD(lines, "{\"row\":\"attempt\",");
		} else {
			ADD(lines, "{\"row\":\"batch\",");
		}
		json_rows_add(lines->json, section, values, &lines->text);
		return !lines->text.failed;
	}
	if (lines->listed)
		ADD(lines, ",");
	else
		open_list(lines, section);
	ADD(lines, "{");
	json_rows_add(lines->json, section, values, &lines->text);
	ADD(lines, "}");
	return !lines->text.failed;
}

static bool end_section(void *context, enum rows_section section)
{
	struct export_lines *lines = context;
	if (section == ROWS_BATCH)
		return true;
	bool any = lines->listed, last = section == ROWS_STOP || section == ROWS_CLEARED;
	if (!any)
		open_list(lines, section);
	if (section != ROWS_KEY)
		ADD(lines, "]");
	else if (!any)
		ADD(lines, "null");
	if (last)
		ADD(lines, "}\n");
	lines->listed = false;
	return !lines->text.failed;
}

struct rows_reader export_lines_reader(struct export_lines *lines)
{
	return (struct rows_reader){ add_row, end_section, lines };
}
