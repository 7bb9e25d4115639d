/* SPDX-License-Identifier: Apache-2.0 */
/* What reports, listings and exports ask the database: every statement that runs is asked of SQLite
 * again, for its plan. None reads all steps or all attempts to find those of a batch. */
/* USES: record report keys base */
/* LIBS: PkgConfig::sqlite3 */
#include "record_fixture.h"

#include <fcntl.h>

#include "csv.h"
#include "record_private.h"
#include "rows.h"

enum { STATEMENTS_MAX = 200, TEXT_MAX = 4000 };

struct trace {
	char texts[STATEMENTS_MAX][TEXT_MAX];
	size_t count;
};

static int remember(unsigned kind, void *context, void *statement, void *text)
{
	struct trace *trace = context;
	(void)text;
	assert_int_equal(kind, SQLITE_TRACE_STMT);
	assert_true(trace->count < STATEMENTS_MAX);
	int len = snprintf(trace->texts[trace->count++], TEXT_MAX, "%s", sqlite3_sql(statement));
	assert_true(len < TEXT_MAX);
	return 0;
}

/* Which tables a statement may read from one end to the other: those that stay small; of the seals the
 * newest is taken from the end. */
static bool may_scan(const char *table, const char *text)
{
	bool newest = strcmp(table, "seal") == 0 && strstr(text, "ORDER BY seq DESC LIMIT 1");
	return newest || strcmp(table, "batch") == 0 || strcmp(table, "line_stop") == 0 ||
	       strcmp(table, "CONSTANT") == 0;
}

static unsigned scans(sqlite3 *db, const char *text)
{
	char explain[TEXT_MAX + 32], table[64];
	sqlite3_stmt *plan = NULL;
	unsigned found = 0;
	snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", text);
	assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &plan, NULL), SQLITE_OK);
	while (sqlite3_step(plan) == SQLITE_ROW) {
		const char *line = (const char *)sqlite3_column_text(plan, 3);
		if (sscanf(line, "SCAN %63s", table) == 1 && !may_scan(table, text)) {
			print_error("%s\n\t%s\n", text, line);
			found++;
		}
	}
	sqlite3_finalize(plan);
	return found;
}

static void judge(struct bench *bench, struct trace *trace, const char *needle)
{
	sqlite3 *db = bench->record->sql.db;
	unsigned found = 0, with_needle = 0;
	sqlite3_trace_v2(db, 0, NULL, NULL);
	assert_true(trace->count > 0);
	for (size_t i = 0; i < trace->count; i++) {
		with_needle += strstr(trace->texts[i], needle) != NULL;
		if (strncmp(trace->texts[i], "SELECT", 6) == 0)
			found += scans(db, trace->texts[i]);
	}
	assert_int_equal(found, 0);
	assert_true(with_needle > 0);
	free(trace);
}

static struct trace *begin_trace(struct bench *bench)
{
	struct trace *trace = calloc(1, sizeof *trace);
	assert_non_null(trace);
	sqlite3_trace_v2(bench->record->sql.db, SQLITE_TRACE_STMT, remember, trace);
	return trace;
}

static void make_attempts(struct bench *bench, char batch_id[UUID_TEXT])
{
	const struct record_batch batch = { .kind = "provision",
		.job_name = "job",
		.plan_sha256 = PLAN_1,
		.family = "core",
		.work_order = "W" };
	const struct record_arrival arrival = {
		.kind = "provision", .slot = "A1", .arrived_at = 1
	};
	const struct record_result result = { .outcome = OUTCOME_FAIL, .reason = REASON_FLASH_BAD };
	GOOD(bench, record_batch_begin(bench->record, &batch, NULL, 0, batch_id, &bench->err));
	for (int i = 0; i < 3; i++) {
		char id[UUID_TEXT];
		unsigned seq;
		struct record_arrival here = arrival;
		here.batch_id = batch_id;
		GOOD(bench, record_attempt_begin(bench->record, &here, id, &bench->err));
		GOOD(bench, record_step_begin(bench->record, id, "check", 1, &seq, &bench->err));
		GOOD(bench, record_step_end(bench->record, id, seq, OUTCOME_FAIL, REASON_FLASH_BAD,
				    NULL, &bench->err));
		GOOD(bench, record_attempt_finish(bench->record, id, &result, &bench->err));
	}
}

static bool take_batch(void *context, const struct figures_batch *row)
{
	(void)row;
	return context == NULL;
}
static bool take_image(void *context, const struct figures_image *row)
{
	(void)row;
	return context == NULL;
}
static bool take_stop(void *context, const struct figures_stop *row)
{
	(void)row;
	return context == NULL;
}
static bool take_attempt(void *context, const struct figures_attempt *row)
{
	(void)row;
	return context == NULL;
}
static bool take_finding(void *context, const struct figures_finding *row)
{
	(void)row;
	return context == NULL;
}

static void a_report_scans_neither_steps_nor_attempts(void **state)
{
	struct bench *bench = *state;
	static const struct figures_reader reader = { take_batch, take_image, take_stop,
		take_attempt, take_finding, NULL };
	char batch_id[UUID_TEXT];
	make_attempts(bench, batch_id);
	const struct figures_scope scopes[] = { { .batch_id = batch_id }, { .last_batch = true },
		{ .work_order = "W" }, { .job_name = "job" }, { .since = 1 }, { .until = 2 },
		{ 0 } };
	struct figures_sums *sums = calloc(1, sizeof *sums);
	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
		struct trace *trace = begin_trace(bench);
		GOOD(bench, figures_read(bench->record, &scopes[i], &reader, sums, &bench->err));
		tally_done(&sums->tally);
		judge(bench, trace, "FROM attempt");
	}
	free(sums);
}

static void a_listing_scans_neither(void **state)
{
	struct bench *bench = *state;
	char batch_id[UUID_TEXT];
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	make_attempts(bench, batch_id);
	const struct figures_scope scopes[] = { { .batch_id = batch_id }, { 0 } };
	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
		struct trace *trace = begin_trace(bench);
		GOOD(bench, csv_write(bench->record, &scopes[i], true, null, &bench->err));
		judge(bench, trace, "step WHERE");
	}
	close(null);
}

static bool take_row(void *context, enum rows_section section, const struct rows_value *values)
{
	(void)values;
	*(unsigned *)context |= 1u << section;
	return true;
}

static void an_export_scans_nothing(void **state)
{
	struct bench *bench = *state;
	char batch_id[UUID_TEXT];
	unsigned seen = 0;
	const struct rows_reader reader = { take_row, NULL, &seen };
	struct rows *rows;
	make_attempts(bench, batch_id);
	GOOD(bench, rows_open(bench->record, &rows, &bench->err));
	struct trace *trace = begin_trace(bench);
	GOOD(bench, rows_sealed(rows, 1, 3, &reader, &bench->err));
	GOOD(bench, rows_batch(rows, batch_id, &reader, &bench->err));
	assert_int_equal(seen, 1u << ROWS_SEALED | 1u << ROWS_STEP | 1u << ROWS_BATCH);
	judge(bench, trace, "FROM seal");
	rows_close(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_report_scans_neither_steps_nor_attempts, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			a_listing_scans_neither, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			an_export_scans_nothing, bench_setup, bench_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
