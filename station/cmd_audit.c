/* SPDX-License-Identifier: Apache-2.0 */
/* station audit: does the database hold what the record promises? */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "audit.h"
#include "fs.h"

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
	"  --json             one JSON object\n"
	"\n"
	"Exit status: 0 nothing is wrong, 1 there are findings, 2 the record cannot be read.\n";

struct options {
	const char *config, *state, *database, *anchor, *public_key;
	bool json;
};

/* Findings as they come, and whether there was memory for them. */
struct findings {
	json_t *list;
	bool failed;
};

static void add_finding(void *context, const struct audit_finding *finding)
{
	struct findings *findings = context;
	json_t *object = json_pack("{s:s, s:b, s:s, s:s}", "check", audit_name(finding->check),
		"note", finding->note, "where", finding->where, "what", finding->what);
	/* What somebody wrote into the database need not be UTF-8. */
	if (!object)
		object = json_pack("{s:s, s:b, s:s, s:s}", "check", audit_name(finding->check),
			"note", finding->note, "where", "a row", "what",
			"holds a text that is not UTF-8");
	findings->failed |= json_array_append_new(findings->list, object) != 0;
}

/* --- what it is worth --- */

struct worth {
	const char *vouches[8], *not [8];
	size_t vouch_count, not_count;
	char anchored[160];
};

static void vouch(struct worth *worth, bool can, const char *yes, const char *no)
{
	if (can)
		worth->vouches[worth->vouch_count++] = yes;
	else
		worth->not [worth->not_count++] = no;
}

/* Without an anchor no chain can show that its tail was cut; unsigned, none can show that
 * it was not recomputed. */
static void weigh(const struct audit_summary *summary, struct worth *worth)
{
	bool sealed = summary->head.seq > 0, all_signed = summary->signatures == summary->head.seq;
	bool chain = summary->checks[AUDIT_SEALS].findings == 0;
	bool verified = summary->checks[AUDIT_SIGNATURES].done && all_signed &&
			summary->checks[AUDIT_SIGNATURES].findings == 0;
	snprintf(worth->anchored, sizeof worth->anchored,
		"up to seal %" PRId64 ", the newest anchor, nothing was cut off or made anew",
		summary->anchor_seq);
	if (!sealed) {
		worth->not [worth->not_count++] = "nothing is sealed yet";
		return;
	}
	vouch(worth, chain,
		"no sealed attempt, step, key or batch was changed without making the chain anew",
		"that sealed rows are as they were: see the findings");
	vouch(worth, summary->anchor_seq > 0, worth->anchored,
		"that the end of the chain was not cut off: give --anchor, a head that somebody "
		"else kept");
	if (summary->anchor_seq && summary->anchor_seq < summary->head.seq)
		worth->not [worth->not_count++] =
			"the end of the chain behind the newest anchor: a newer one can";
	vouch(worth, chain && verified,
		"the chain was made with the station's key: nobody without it made it anew",
		summary->signatures == 0
			? "that the chain was not made anew: its seals are not signed"
		: all_signed && !summary->checks[AUDIT_SIGNATURES].done
			? "that the chain was not made anew: give --public-key to verify its "
			  "signatures"
			: "that the chain was not made anew: not all of its signatures are good");
	worth->not [worth->not_count++] =
		"marks, stops, the outbox, backups and states of keys: seals do not cover them";
}

/* --- output --- */

static void print_checks(const struct audit_summary *summary)
{
	for (int i = 0; i < AUDIT_CHECKS; i++) {
		enum audit_check check = (enum audit_check)i;
		unsigned findings = summary->checks[i].findings;
		if (!summary->checks[i].done)
			printf("  %-11s -         nothing to compare with\n", audit_name(check));
		else if (findings)
			printf("  %-11s %u finding%s in %" PRId64 " %s\n", audit_name(check),
				findings, findings == 1 ? "" : "s", summary->checks[i].count,
				audit_counted(check));
		else
			printf("  %-11s good      %" PRId64 " %s\n", audit_name(check),
				summary->checks[i].count, audit_counted(check));
	}
}

static void print_findings(const struct audit_summary *summary, const json_t *list)
{
	size_t i;
	const json_t *finding;
	json_array_foreach(list, i, finding)
	{
		printf("%s %s: %s: %s\n",
			json_is_true(json_object_get(finding, "note")) ? "note   " : "FINDING",
			json_string_value(json_object_get(finding, "check")),
			json_string_value(json_object_get(finding, "where")),
			json_string_value(json_object_get(finding, "what")));
	}
	if (json_array_size(list) < summary->findings + summary->notes)
		printf("... and more: %u findings and %u notes in all\n", summary->findings,
			summary->notes);
}

static void print_text(
	const char *path, bool is_virtual, const struct audit_summary *summary, const json_t *list)
{
	struct worth worth = { 0 };
	weigh(summary, &worth);
	printf("%s%s%s\n", path, is_virtual ? ", of a rehearsal" : "",
		summary->live ? ", a station is at work" : "");
	print_checks(summary);
	if (json_array_size(list))
		putchar('\n');
	print_findings(summary, list);
	if (summary->head.seq)
		printf("\nseal %" PRId64 " %s\n", summary->head.seq, summary->head.hash);
	printf("\nThis audit vouches for:\n");
	for (size_t i = 0; i < worth.vouch_count; i++)
		printf("  + %s\n", worth.vouches[i]);
	printf("It cannot vouch for:\n");
	for (size_t i = 0; i < worth.not_count; i++)
		printf("  - %s\n", worth.not [i]);
	printf("\n%u finding%s\n", summary->findings, summary->findings == 1 ? "" : "s");
}

static json_t *texts(const char *const *from, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(from[i]));
	return list;
}

static json_t *checks_json(const struct audit_summary *summary)
{
	json_t *list = json_array();
	for (int i = 0; i < AUDIT_CHECKS; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:b, s:I, s:s, s:i}", "check",
				audit_name((enum audit_check)i), "done", summary->checks[i].done,
				"count", (json_int_t)summary->checks[i].count, "of",
				audit_counted((enum audit_check)i), "findings",
				(int)summary->checks[i].findings));
	return list;
}

static bool print_json(
	const char *path, bool is_virtual, const struct audit_summary *summary, json_t *list)
{
	struct worth worth = { 0 };
	weigh(summary, &worth);
	json_t *root = json_pack("{s:s, s:b, s:b, s:i, s:i, s:o, s:O, s:{s:I, s:s}, s:I, s:o, s:o}",
		"database", path, "virtual", is_virtual, "live", summary->live, "findings",
		(int)summary->findings, "notes", (int)summary->notes, "checks",
		checks_json(summary), "told", list, "seal", "seq", (json_int_t)summary->head.seq,
		"hash", summary->head.hash, "anchor_seq", (json_int_t)summary->anchor_seq,
		"vouches", texts(worth.vouches, worth.vouch_count), "cannot",
		texts(worth.not, worth.not_count));
	bool good = root && json_dumpf(root, stdout, JSON_COMPACT) == 0;
	putchar('\n');
	json_decref(root);
	return good;
}

/* --- the command --- */

static int fail(const struct options *options, const struct err *err)
{
	cmd_fail("audit", err);
	if (!options->state && !options->database && fs_exists("rehearsal/station.db"))
		fprintf(stderr, "station audit: the record of a rehearsal is in ./rehearsal: "
				"--state rehearsal\n");
	return EXIT_REFUSED;
}

static int audit_record(const struct options *options, struct record *record,
	const struct audit_options *audit, struct findings *findings)
{
	struct audit_summary summary;
	struct err err;
	if (!audit_run(record, audit, &summary, &err))
		return fail(options, &err);
	/* Nobody is at work on a copy. */
	summary.live = summary.live && !options->database;
	if (findings->failed) {
		err_set(&err, REASON_STATION, "no memory for %u findings", summary.findings);
		return fail(options, &err);
	}
	if (!options->json)
		print_text(
			record_path(record), record_is_virtual(record), &summary, findings->list);
	else if (!print_json(record_path(record), record_is_virtual(record), &summary,
			 findings->list)) {
		err_set(&err, REASON_STATION, "cannot write the JSON");
		return fail(options, &err);
	}
	return summary.findings ? EXIT_NOT_ALL : EXIT_DONE;
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
	struct findings findings = { .list = json_array() };
	struct record *record = NULL;
	struct err err;
	if (!fs_join(lock, state, "station.lock", &err) ||
		!fs_join(log, state, "logs/seals.log", &err) ||
		!record_open(&open, &record, NULL, &err)) {
		json_decref(findings.list);
		return fail(options, &err);
	}
	/* A copy may have been taken while a line ran, and has no folder of its own. */
	const struct audit_options audit = { .live = options->database != NULL,
		.lock_file = options->database ? NULL : lock,
		.seals_log = options->database ? NULL : log,
		.anchor_file = options->anchor,
		.station_key = key,
		.finding = add_finding,
		.context = &findings };
	int status = audit_record(options, record, &audit, &findings);
	record_close(record);
	json_decref(findings.list);
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
	const struct cmd_option own[] = { { "state", &ret->state, NULL },
		{ "config", &ret->config, NULL }, { "database", &ret->database, NULL },
		{ "anchor", &ret->anchor, NULL }, { "public-key", &ret->public_key, NULL },
		{ "json", NULL, &ret->json } };
	char **arguments;
	int count;
	if (!cmd_parse(argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count,
		    ret_status))
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
