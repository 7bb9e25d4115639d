/* SPDX-License-Identifier: Apache-2.0 */
/* station export: what is sealed, as JSON lines. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export.h"
#include "fs.h"

static const char help[] =
	"usage: station export [options]\n"
	"\n"
	"Prints every attempt whose outcome is final, with its steps, identities, observations, "
	"findings and key,\n"
	"and the marks of units since the one before, as JSON lines in the order of the seals; "
	"each batch stands\n"
	"before its first attempt. Changes nothing, works while the line runs, and for whoever "
	"may read.\n"
	"docs/export.schema.json describes each line.\n"
	"\n"
	"  --since CURSOR   only what comes behind that cursor: the \"cursor\" of the last whole "
	"line that was\n"
	"                   received (0)\n"
	"  --limit N        at most N attempts; the last line tells whether there are more\n"
	"  --state DIR      the state folder (the config's state_dir); a rehearsal keeps its own "
	"in\n"
	"                   ./rehearsal\n"
	"  --config FILE    the station's config\n"
	"\n"
	"Exit status: 0 all is written, 2 the record cannot be read or the output takes no more, 3 "
	"the record is\n"
	"damaged. With 2 and 3 the last whole line is good, and its cursor is told.\n";

struct options {
	const char *since, *limit, *state, *config;
};

static bool read_number(
	const char *option, const char *text, int64_t least, int64_t *ret, struct err *err)
{
	enum { DIGITS_MAX = 18 };
	size_t len = text ? strspn(text, "0123456789") : 0;
	if (!text)
		return true;
	int64_t number = len && len <= DIGITS_MAX && !text[len] ? strtoll(text, NULL, 10) : -1;
	if (number < least)
		return err_set(err, REASON_INPUT, "--%s %s is no number from %" PRId64 " on",
			option, text, least);
	*ret = number;
	return true;
}

static bool export(const struct options *options, struct export_result *ret, struct err *err)
{
	char folder[FS_PATH_MAX];
	struct export_range range = { 0 };
	const struct record_options open = { .state_dir = folder, .read_only = true };
	if (!read_number("since", options->since, 0, &range.since, err) ||
		!read_number("limit", options->limit, 1, &range.limit, err))
		return false;
	return cmd_state(options->state, options->config, folder, err) &&
	       export_run(&open, &range, STDOUT_FILENO, ret, err);
}

int cmd_export(int argc, char **argv)
{
	struct options options = { 0 };
	const struct cmd_option own[] = { { "since", &options.since, NULL },
		{ "limit", &options.limit, NULL }, { "state", &options.state, NULL },
		{ "config", &options.config, NULL } };
	struct export_result result = { 0 };
	struct err err;
	char **arguments;
	int count, status;
	if (!cmd_parse(
		    argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count, &status))
		return status;
	if (count)
		return cmd_usage("export", "%s is not an option", arguments[0]);
	if (export(&options, &result, &err))
		return EXIT_DONE;
	status = cmd_fail("export", &err);
	if (result.begun)
		fprintf(stderr,
			"station export: go on with --since %" PRId64 ", the last whole line\n",
			result.cursor);
	cmd_hint_rehearsal("export", options.state);
	return status;
}
