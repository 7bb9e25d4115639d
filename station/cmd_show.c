/* SPDX-License-Identifier: Apache-2.0 */
/* station show: the life of one unit, from the record. All is read first, then written, so that a
 * pager at the other end does not hold the database. */
#include "cmd.h"

#include <stdio.h>

#include "life.h"
#include "text.h"

enum { LIFE_MAX = 64 << 20 };

static const char help[] =
	"usage: station show UNIT [options]\n"
	"\n"
	"Prints the life of one unit from the record: whether it is PASS by now; its attempts, the "
	"newest last,\n"
	"each with its steps and their durations; its keys, its batches with their images, its "
	"marks. UNIT is a\n"
	"device id of 24 hex digits, or the id of one attempt. Changes nothing, and works while the "
	"line runs.\n"
	"Times are local; JSON gives UTC milliseconds.\n"
	"\n"
	"  --format FORMAT text, json or html (text); html is a page to keep or print: a "
	"certificate, if the unit\n"
	"                  is PASS\n"
	"  --json          the same as --format json\n"
	"  --output FILE   into a file, which is replaced at once when all of it is written\n"
	"  --state DIR     the state folder, which holds station.db (the config's state_dir); a "
	"rehearsal\n"
	"                  keeps its own in ./rehearsal\n"
	"  --config FILE   the station's config\n"
	"\n"
	"Exit status: 0 shown, 1 the record does not know the unit, 2 the record cannot be read.\n";

struct options {
	const char *unit, *state, *config, *output;
	enum cmd_format format;
};

/* --- the command --- */

static bool render(
	const struct life *life, enum cmd_format format, struct text_buf *to, struct err *err)
{
	if (format == CMD_HTML)
		render_life_html(life, to);
	else if (format == CMD_TEXT)
		render_life_text(life, to);
	else if (!render_life_json(life, to, err))
		return false;
	return !to->failed ||
	       err_set(err, REASON_STATION, "the life of the unit is longer than %d bytes",
		       (int)LIFE_MAX);
}

static bool print(const struct options *options, const struct life *life, struct err *err)
{
	struct text_buf text;
	text_buf_init(&text, LIFE_MAX);
	bool good = render(life, options->format, &text, err) &&
		    cmd_deliver(options->output, &text, err);
	text_buf_done(&text);
	return good;
}

static int fail(const struct options *options, const struct err *err)
{
	cmd_fail("show", err);
	cmd_hint_rehearsal("show", options->state);
	return EXIT_REFUSED;
}

static int show_from(const struct options *options, struct record *record)
{
	struct err err;
	struct life *life;
	if (!life_read(record, options->unit, &life, &err))
		return fail(options, &err);
	if (!life) {
		fprintf(stderr,
			"station show: %s does not know the unit %s: give its device id (24 hex "
			"digits)\n",
			record_path(record), options->unit);
		cmd_hint_rehearsal("show", options->state);
		return EXIT_NOT_ALL;
	}
	bool good = print(options, life, &err);
	life_free(life);
	return good ? EXIT_DONE : fail(options, &err);
}

static int show(const struct options *options)
{
	struct err err;
	char folder[FS_PATH_MAX];
	struct record *record;
	const struct record_options open = { .state_dir = folder, .read_only = true };
	if (!cmd_state(options->state, options->config, folder, &err) ||
		!record_open(&open, &record, NULL, &err))
		return fail(options, &err);
	int status = show_from(options, record);
	record_close(record);
	return status;
}

static bool parse(int argc, char **argv, struct options *ret, int *ret_status)
{
	bool json = false;
	const char *format = NULL;
	const struct cmd_option own[] = { { "state", &ret->state, NULL },
		{ "config", &ret->config, NULL }, { "format", &format, NULL },
		{ "output", &ret->output, NULL }, { "json", NULL, &json } };
	char **arguments;
	int count;
	if (!cmd_parse(argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count,
		    ret_status))
		return false;
	if (!cmd_format("show", format, json, &ret->format, ret_status))
		return false;
	if (count == 1 && *arguments[0]) {
		ret->unit = arguments[0];
		return true;
	}
	*ret_status = cmd_usage("show", count ? "one unit at a time" : "name the unit");
	return false;
}

int cmd_show(int argc, char **argv)
{
	struct options options = { 0 };
	int status;
	if (!parse(argc, argv, &options, &status))
		return status;
	return show(&options);
}
