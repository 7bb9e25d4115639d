/* SPDX-License-Identifier: Apache-2.0 */
#include "csv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fs.h"
#include "rows.h"
#include "scope.h"
#include "text.h"

enum { PAGE = 256 /* attempts in a transaction */, PAGE_BYTES_MAX = 256 << 20 };

/* Which columns of its attempt stand before each try of a step. */
static const char *const before_step[] = { "attempt_id", "batch_id", "job_name", "work_order",
	"station_id", "kind", "slot", "device_id", "passage", "operator", "outcome", "resale",
	"cleared_at", "unit_mark" };

struct csv {
	struct rows *rows;
	bool steps;
	bool is_time[ROWS_SECTION_COUNT][ROWS_COLUMNS_MAX];
	bool listed[ROWS_COLUMNS_MAX]; /* this column of an attempt is written */
	struct text_buf page, attempt; /* attempt: what stands before its steps */
};

static bool is_before_step(const char *name)
{
	for (size_t i = 0; i < sizeof before_step / sizeof *before_step; i++)
		if (strcmp(before_step[i], name) == 0)
			return true;
	return false;
}

static void learn_columns(struct csv *csv)
{
	static const enum rows_section sections[] = { ROWS_LISTED, ROWS_STEP };
	for (size_t s = 0; s < sizeof sections / sizeof *sections; s++)
		for (size_t i = 0; i < rows_columns(csv->rows, sections[s]); i++) {
			const char *name = rows_column(csv->rows, sections[s], i);
			size_t len = strlen(name);
			csv->is_time[sections[s]][i] =
				len > 3 && strcmp(name + len - 3, "_at") == 0;
			if (sections[s] == ROWS_LISTED)
				csv->listed[i] = !csv->steps || is_before_step(name);
		}
}

static void add_time(struct text_buf *to, int64_t utc_ms)
{
	time_t seconds = (time_t)(utc_ms / 1000);
	struct tm utc;
	char text[40];
	if (!gmtime_r(&seconds, &utc) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc))
		return;
	text_buf_addf(to, "%s.%03dZ", text, (int)(utc_ms % 1000));
}

/* Spreadsheets run what begins so as a formula; behind an apostrophe it is text. */
static bool is_formula(const char *text)
{
	return *text && strchr("=+-@\t\r", *text);
}

static bool needs_quotes(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] == ',' || text[i] == '"' || text[i] == '\r' || text[i] == '\n')
			return true;
	return len == 0 || text[0] == ' ' || text[len - 1] == ' ';
}

static void add_text(struct text_buf *to, const char *text, size_t len)
{
	bool quote = needs_quotes(text, len);
	/* Each byte at most twice, both quotes and the apostrophe. */
	char *at = text_buf_room(to, 2 * len + 3);
	if (!at)
		return;
	if (quote)
		*at++ = '"';
	if (is_formula(text))
		*at++ = '\'';
	for (size_t i = 0; i < len;) {
		size_t taken = text_utf8_len(text + i);
		unsigned char byte = (unsigned char)text[i];
		bool control = (byte < ' ' && !strchr("\t\r\n", byte)) || byte == 0x7f || byte == 0;
		if (byte == '"')
			*at++ = '"';
		if (taken == 0 || control)
			*at++ = '?';
		else
			at = (char *)memcpy(at, text + i, taken) + taken;
		i += taken ? taken : 1;
	}
	if (quote)
		*at++ = '"';
	text_buf_took(to, at);
}

static void add_value(struct text_buf *to, bool first, bool is_time, const struct rows_value *value)
{
	if (!first)
		text_buf_add(to, ",", 1);
	if (value->text)
		add_text(to, value->text, value->len);
	else if (value->known && is_time)
		add_time(to, value->number);
	else if (value->known)
		text_buf_addf(to, "%" PRId64, value->number);
}

static bool add_row(void *context, enum rows_section section, const struct rows_value *values)
{
	struct csv *csv = context;
	struct text_buf *to = section == ROWS_LISTED && csv->steps ? &csv->attempt : &csv->page;
	bool first = true;
	if (section == ROWS_LISTED)
		csv->attempt.len = 0;
	else
		text_buf_add(to, csv->attempt.text, csv->attempt.len);
	for (size_t i = 0; i < rows_columns(csv->rows, section); i++) {
		if (section == ROWS_LISTED && !csv->listed[i])
			continue;
		add_value(
			to, first && section == ROWS_LISTED, csv->is_time[section][i], &values[i]);
		first = false;
	}
	if (to == &csv->page)
		text_buf_add(to, "\r\n", 2);
	return !to->failed;
}

static void add_header(struct csv *csv)
{
	const char *comma = "";
	for (size_t i = 0; i < rows_columns(csv->rows, ROWS_LISTED); i++) {
		if (!csv->listed[i])
			continue;
		text_buf_addf(&csv->page, "%s%s", comma, rows_column(csv->rows, ROWS_LISTED, i));
		comma = ",";
	}
	for (size_t i = 0; csv->steps && i < rows_columns(csv->rows, ROWS_STEP); i++)
		text_buf_addf(&csv->page, ",step_%s", rows_column(csv->rows, ROWS_STEP, i));
	text_buf_add(&csv->page, "\r\n", 2);
}

static bool put_page(struct csv *csv, int fd, struct err *err)
{
	size_t written;
	if (csv->page.failed || csv->attempt.failed)
		return err_set(err, REASON_STATION, "no memory for %d attempts", (int)PAGE);
	if (!fs_write_all(fd, csv->page.text, csv->page.len, &written))
		return err_sys(err, REASON_INPUT, errno, "cannot write the CSV");
	csv->page.len = 0;
	return true;
}

static bool write_pages(struct csv *csv, const struct figures_scope *scope, int fd, struct err *err)
{
	struct rows_place place = { 0 };
	const struct rows_reader reader = { add_row, NULL, csv };
	learn_columns(csv);
	/* The first page comes first: what is refused leaves no header. */
	for (bool first = true; !place.done; first = false) {
		if (first)
			add_header(csv);
		if (!rows_listed(csv->rows, scope, csv->steps, PAGE, &place, &reader, err) &&
			!csv->page.failed && !csv->attempt.failed)
			return false;
		if (!put_page(csv, fd, err))
			return false;
	}
	return true;
}

bool csv_write(struct record *record, const struct figures_scope *scope, bool steps, int fd,
	struct err *err)
{
	struct csv csv = { .steps = steps };
	text_buf_init(&csv.page, PAGE_BYTES_MAX);
	text_buf_init(&csv.attempt, PAGE_BYTES_MAX);
	bool good = rows_open(record, &csv.rows, err) && write_pages(&csv, scope, fd, err);
	rows_close(csv.rows);
	text_buf_done(&csv.page);
	text_buf_done(&csv.attempt);
	return good;
}
