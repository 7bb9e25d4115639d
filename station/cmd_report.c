/* SPDX-License-Identifier: Apache-2.0 */
/* station report: what was made, and how well. All but CSV is read and rendered first, then written, so that
 * a pager at the other end does not hold the database. */
#include "cmd.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "csv.h"
#include "fs.h"
#include "render.h"

static const char help[] =
	"usage: station report [options]\n"
	"\n"
	"Prints what was made and how well: outcomes, yields, reasons, steps, slots, times, keys. "
	"Changes nothing,\n"
	"works while the line runs, and for whoever may read. docs/figures.md defines the figures.\n"
	"\n"
	"  --batch ID         one batch\n"
	"  --last             the newest batch that made units or made them good again (the default)\n"
	"  --work-order W     all batches of a work order\n"
	"  --job NAME         all batches of a job, by its name\n"
	"  --station ID       all batches of a station, in a database that came from several\n"
	"  --since TIME, --until TIME\n"
	"                     attempts that began in that time: 2026-11-20 or 2026-11-20T06:00, "
	"local\n"
	"  --all              everything\n"
	"  --format FORMAT    text, json, html or csv (text); csv has a row for each attempt\n"
	"  --steps            with csv: a row for each try of each step\n"
	"  --output FILE      into a file, which is replaced at once when all of it is written\n"
	"  --state DIR        the state folder (the config's state_dir); a rehearsal keeps its own "
	"in\n"
	"                     ./rehearsal\n"
	"  --config FILE      the station's config\n"
	"\n"
	"Exit status: 0 done, 2 the record or what is asked for cannot be read.\n";

struct options {
	const char *batch, *work_order, *job, *station, *since, *until, *format, *output, *state,
		*config;
	bool last, all, steps;
};

/* A local day, or a minute or second of it. */
static bool read_time(const char *option, const char *text, int64_t *ret, struct err *err)
{
	static const char *const formats[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S" };
	for (size_t i = 0; text && i < sizeof formats / sizeof *formats; i++) {
		struct tm local = { .tm_isdst = -1 };
		const char *end = strptime(text, formats[i], &local);
		time_t seconds = end && !*end ? mktime(&local) : -1;
		if (seconds < 0)
			continue;
		*ret = (int64_t)seconds * 1000;
		return true;
	}
	return !text ||
	       err_set(err, REASON_INPUT, "--%s %s is no time: give 2026-11-20 or 2026-11-20T06:00",
		       option, text);
}

static bool read_scope(const struct options *options, struct figures_scope *ret, struct err *err)
{
	struct figures_scope scope = { .batch_id = options->batch,
		.work_order = options->work_order,
		.job_name = options->job,
		.station_id = options->station };
	bool asked = options->batch || options->work_order || options->job || options->station ||
		     options->since || options->until || options->all;
	scope.last_batch = options->last || !asked;
	if (options->last && asked)
		return err_set(
			err, REASON_INPUT, "--last stands alone: leave the other choice out");
	if (!read_time("since", options->since, &scope.since, err) ||
		!read_time("until", options->until, &scope.until, err))
		return false;
	if (scope.until && scope.until <= scope.since)
		return err_set(err, REASON_INPUT, "--until lies before --since");
	*ret = scope;
	return true;
}

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_HTML, FORMAT_CSV, FORMAT_COUNT };

static bool read_format(const char *name, enum format *ret, struct err *err)
{
	static const char *const names[FORMAT_COUNT] = { "text", "json", "html", "csv" };
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (strcmp(name ? name : names[FORMAT_TEXT], names[i]) == 0) {
			*ret = (enum format)i;
			return true;
		}
	return err_set(
		err, REASON_INPUT, "--format %s is not known: text, json, html or csv", name);
}

static bool render(const struct report *report, enum format format, bool colour,
	struct text_buf *to, struct err *err)
{
	if (format == FORMAT_JSON) {
		if (!render_json(report, to, err))
			return false;
	} else if (format == FORMAT_HTML) {
		render_html(report, to);
	} else {
		render_text(report, colour, to);
	}
	return !to->failed ||
	       err_set(err, REASON_STATION, "the report is longer than %d bytes", (int)RENDER_MAX);
}

/* Written as it is read: a year of steps has gigabytes. */
static bool list(const struct options *options, struct record *record,
	const struct figures_scope *scope, struct err *err)
{
	SCOPED_ATOMIC file = { 0 };
	if (!options->output)
		return csv_write(record, scope, options->steps, STDOUT_FILENO, err);
	return fs_atomic_begin(&file, options->output, err) &&
	       csv_write(record, scope, options->steps, file.fd, err) &&
	       fs_atomic_commit(&file, 0644, err);
}

static bool report_on(const struct options *options, const struct record_options *open,
	const struct figures_scope *scope, enum format format, struct err *err)
{
	struct record *record;
	struct report *report = NULL;
	struct text_buf text;
	if (!record_open(open, &record, NULL, err))
		return false;
	if (format == FORMAT_CSV) {
		bool listed = list(options, record, scope, err);
		record_close(record);
		return listed;
	}
	bool good = report_make(record, scope, &report, err);
	record_close(record);
	text_buf_init(&text, RENDER_MAX);
	good = good &&
	       render(report, format, !options->output && cmd_colour(STDOUT_FILENO), &text, err) &&
	       cmd_deliver(options->output, &text, err);
	text_buf_done(&text);
	report_free(report);
	return good;
}

static bool report(const struct options *options, struct err *err)
{
	char folder[FS_PATH_MAX];
	struct figures_scope scope;
	enum format format = FORMAT_TEXT;
	const struct record_options open = { .state_dir = folder, .read_only = true };
	if (!read_scope(options, &scope, err) || !read_format(options->format, &format, err))
		return false;
	if (options->steps && format != FORMAT_CSV)
		return err_set(err, REASON_INPUT, "--steps goes with --format csv");
	return cmd_state(options->state, options->config, folder, err) &&
	       report_on(options, &open, &scope, format, err);
}

int cmd_report(int argc, char **argv)
{
	struct options options = { 0 };
	const struct cmd_option own[] = { { "batch", &options.batch, NULL },
		{ "last", NULL, &options.last }, { "work-order", &options.work_order, NULL },
		{ "job", &options.job, NULL }, { "station", &options.station, NULL },
		{ "since", &options.since, NULL }, { "until", &options.until, NULL },
		{ "all", NULL, &options.all }, { "format", &options.format, NULL },
		{ "steps", NULL, &options.steps }, { "output", &options.output, NULL },
		{ "state", &options.state, NULL }, { "config", &options.config, NULL } };
	struct err err;
	char **arguments;
	int count, status;
	if (!cmd_parse(
		    argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count, &status))
		return status;
	if (count)
		return cmd_usage("report", "%s is not an option", arguments[0]);
	if (report(&options, &err))
		return EXIT_DONE;
	cmd_fail("report", &err);
	cmd_hint_rehearsal("report", options.state);
	return EXIT_REFUSED;
}
