/* SPDX-License-Identifier: Apache-2.0 */
/* station backup-db: a consistent, checked copy of the database, also while the line runs. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>

#include "copy.h"

static const char help[] =
	"usage: station backup-db FILE [options]\n"
	"\n"
	"Copies the record into FILE: one consistent state of it, also while the line runs, which "
	"does not wait.\n"
	"The copy is audited and synced before it gets its name, and is one file of its own. "
	"station audit\n"
	"--database FILE checks it again; to restore it, put it into an empty state folder as "
	"station.db, with\n"
	"logs/seals.log beside it.\n"
	"\n"
	"  --force         replace FILE if it is an older copy\n"
	"  --state DIR     the state folder, which holds station.db (the config's state_dir)\n"
	"  --config FILE   the station's config\n"
	"\n"
	"Exit status: 0 the copy is made and good, 1 it is made, and the record has findings, 2 "
	"refused, 3 it could\n"
	"not be written.\n";

struct options {
	const char *config, *state, *file;
	bool force;
};

static void print_finding(void *context, const struct audit_finding *finding)
{
	(void)context;
	if (!finding->note)
		fprintf(stderr, "station backup-db: %s: %s: %s\n", audit_name(finding->check),
			finding->where, finding->what);
}

static int copy(const struct options *options, struct record *record)
{
	const struct record_copy_options wanted = {
		.file = options->file, .replace = options->force, .finding = print_finding
	};
	struct record_copy made;
	struct err err;
	if (!record_copy(record, &wanted, &made, &err))
		return cmd_fail("backup-db", &err);
	printf("%s: %" PRId64 " bytes, %" PRId64 " attempts, checked\n", made.path, made.size,
		made.audit.checks[AUDIT_ATTEMPTS].count);
	if (made.audit.head.seq)
		printf("seal %" PRId64 " %s\n", made.audit.head.seq, made.audit.head.hash);
	if (!made.audit.findings)
		return EXIT_DONE;
	fprintf(stderr,
		"station backup-db: the copy is as the record is, but that has %u findings: "
		"station audit\n",
		made.audit.findings);
	return EXIT_NOT_ALL;
}

static int run(const struct options *options)
{
	struct err err;
	char folder[FS_PATH_MAX];
	struct record *record;
	const struct record_options open = { .state_dir = folder, .read_only = true };
	if (!cmd_state(options->state, options->config, folder, &err) ||
		!record_open(&open, &record, NULL, &err))
		return cmd_fail("backup-db", &err);
	int status = copy(options, record);
	record_close(record);
	return status;
}

static bool parse(int argc, char **argv, struct options *ret, int *ret_status)
{
	const struct cmd_option own[] = { { "state", &ret->state, NULL },
		{ "config", &ret->config, NULL }, { "force", NULL, &ret->force } };
	char **arguments;
	int count;
	if (!cmd_parse(argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count,
		    ret_status))
		return false;
	if (count == 1 && *arguments[0]) {
		ret->file = arguments[0];
		return true;
	}
	*ret_status = cmd_usage("backup-db", "name one file for the copy");
	return false;
}

int cmd_backup_db(int argc, char **argv)
{
	struct options options = { 0 };
	int status;
	if (!parse(argc, argv, &options, &status))
		return status;
	return run(&options);
}
