/* SPDX-License-Identifier: Apache-2.0 */
/* station audit: does the database hold what the record promises? */
#include "cmd.h"

#include <stdio.h>

#include "audit.h"
#include "clock.h"
#include "fs.h"
#include "render_audit.h"

static const char help[] =
	"usage: station audit [options]\n"
	"\n"
	"Checks the record: its tables and triggers, SQLite's own integrity, every seal recomputed "
	"and the chain\n"
	"they make, logs/seals.log, and what has to hold between attempts, steps, keys and "
	"enrolments. Says what it\n"
	"can vouch for. Changes nothing, works while the line runs, and for whoever may read.\n"
	"\n"
	"  --anchor FILE      heads of the chain that somebody else kept: lines with the number "
	"and the hash of a\n"
	"                     seal, as a batch prints them, as in a copy of logs/seals.log or at "
	"the cloud\n"
	"  --public-key FILE  the station's public key (PEM), for signed seals; without it the "
	"config's\n"
	"                     signing_key_file is used if it can be read\n"
	"  --database FILE    a copy of a database, instead of a state folder\n"
	"  --state DIR        the state folder, which holds station.db (the config's state_dir)\n"
	"  --config FILE      the station's config\n"
	"  --format FORMAT    text, json or html (text)\n"
	"  --json             the same as --format json\n"
	"  --output FILE      into a file, which is replaced at once when all of it is written\n"
	"\n"
	"Exit status: 0 nothing is wrong, 1 there are findings, 2 the record cannot be read.\n";

struct options {
	const char *config, *state, *database, *anchor, *public_key, *output;
	enum cmd_format format;
};

static bool render(const struct render_audit *audit, enum cmd_format format, struct text_buf *to,
	struct err *err)
{
	if (format == CMD_HTML)
		render_audit_html(audit, to);
	else if (format == CMD_TEXT)
		render_audit_text(audit, to);
	else if (!render_audit_json(audit, to, err))
		return false;
	return !to->failed || err_set(err, REASON_STATION, "no memory for the audit's report");
}

static bool print(const struct options *options, const struct render_audit *audit, struct err *err)
{
	enum { AUDIT_MAX = 16 << 20 };
	struct text_buf text;
	text_buf_init(&text, AUDIT_MAX);
	bool good = render(audit, options->format, &text, err) &&
		    cmd_deliver(options->output, &text, err);
	text_buf_done(&text);
	return good;
}

/* --- the command --- */

static int fail(const struct options *options, const struct err *err)
{
	cmd_fail("audit", err);
	if (!options->database)
		cmd_hint_rehearsal("audit", options->state);
	return EXIT_REFUSED;
}

static int audit_record(const struct options *options, struct record *record,
	const struct audit_options *audit, struct render_audit *found)
{
	struct err err;
	if (!audit_run(record, audit, &found->summary, &err))
		return fail(options, &err);
	/* Nobody is at work on a copy. */
	found->summary.live = found->summary.live && !options->database;
	found->path = record_path(record);
	found->virtual_line = record_is_virtual(record);
	found->made_at = clock_utc_ms();
	if (found->failed) {
		err_set(&err, REASON_STATION, "no memory for %u findings", found->summary.findings);
		return fail(options, &err);
	}
	if (!print(options, found, &err))
		return fail(options, &err);
	return found->summary.findings ? EXIT_NOT_ALL : EXIT_DONE;
}

/* A key that was named must be there; the config's own is the station's and may be out of
 * reach for an auditor. */
static bool load_key(const struct options *options, const struct config *config,
	struct signing_key **ret, struct err *err)
{
	struct err unreadable;
	if (options->public_key)
		return signing_public_load(options->public_key, ret, err);
	if (config->signing_key_file[0] &&
		!signing_public_load(config->signing_key_file, ret, &unreadable))
		fprintf(stderr, "station audit: %s\n", unreadable.text);
	return true;
}

static int audit_with(
	const struct options *options, const struct config *config, const struct signing_key *key)
{
	const char *state = options->state ? options->state : config->state_dir;
	const struct record_options open = {
		.state_dir = state, .database = options->database, .read_only = true
	};
	char lock[FS_PATH_MAX], log[FS_PATH_MAX];
	struct render_audit found = { 0 };
	struct record *record = NULL;
	struct err err;
	if (!fs_join(lock, state, "station.lock", &err) ||
		!fs_join(log, state, "logs/seals.log", &err) ||
		!record_open(&open, &record, NULL, &err))
		return fail(options, &err);
	/* A copy may have been taken while a line ran, and has no folder of its own. */
	const struct audit_options audit = { .live = options->database != NULL,
		.lock_file = options->database ? NULL : lock,
		.seals_log = options->database ? NULL : log,
		.anchor_file = options->anchor,
		.station_key = key,
		.finding = render_audit_add,
		.context = &found };
	int status = audit_record(options, record, &audit, &found);
	record_close(record);
	render_audit_done(&found);
	return status;
}

static int run(const struct options *options)
{
	struct config config;
	struct signing_key *key = NULL;
	struct err err;
	if (!cmd_config(options->config, &config, &err) || !load_key(options, &config, &key, &err))
		return fail(options, &err);
	int status = audit_with(options, &config, key);
	signing_key_free(key);
	return status;
}

static bool parse(int argc, char **argv, struct options *ret, int *ret_status)
{
	bool json = false;
	const char *format = NULL;
	const struct cmd_option own[] = { { "state", &ret->state, NULL },
		{ "config", &ret->config, NULL }, { "database", &ret->database, NULL },
		{ "anchor", &ret->anchor, NULL }, { "public-key", &ret->public_key, NULL },
		{ "format", &format, NULL }, { "output", &ret->output, NULL },
		{ "json", NULL, &json } };
	char **arguments;
	int count;
	if (!cmd_parse(argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count,
		    ret_status))
		return false;
	if (!cmd_format("audit", format, json, &ret->format, ret_status))
		return false;
	if (!count)
		return true;
	*ret_status = cmd_usage("audit", "%s is one argument too many", arguments[0]);
	return false;
}

int cmd_audit(int argc, char **argv)
{
	struct options options = { 0 };
	int status;
	if (!parse(argc, argv, &options, &status))
		return status;
	return run(&options);
}
