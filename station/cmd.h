/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands: one file each, the only code that prints or exits. argv[0] is the subcommand's
 * name. Each prints results on standard output, errors on standard error as "station NAME: what is
 * wrong, the next step", and returns the exit status. */
#pragma once

#include <stdbool.h>

#include "config.h"
#include "err.h"
#include "fs.h"
#include "text.h"

enum exit_status {
	EXIT_DONE = 0,	     /* all asked for is done */
	EXIT_NOT_ALL = 1,    /* the run ended with units that are not PASS; a check found something */
	EXIT_REFUSED = 2,    /* refused before touching anything: usage, config, job */
	EXIT_STOPPED = 3,    /* the line stopped: record not durable, rule, bus lost */
	EXIT_INTERRUPTED = 130
};

int cmd_audit(int argc, char **argv);
int cmd_backup(int argc, char **argv);
int cmd_backup_db(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_diagnose(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_mark(int argc, char **argv);
int cmd_rehearse(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_reprovision(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_slots(int argc, char **argv);
int cmd_sync(int argc, char **argv);
int cmd_verify(int argc, char **argv);

/* One option of a command: --name VALUE goes to *text, --name alone to *flag. With both, the value may be
 * left out (--name=VALUE): flag is set in any case. */
struct cmd_option {
	const char *name;
	const char **text;
	bool *flag;
};
enum { CMD_OPTIONS_MAX = 16 };
/* Parses the options of a command line, and --help. True: *ret_count arguments stand at
 * *ret_arguments. False: the command is over with *ret_status; the help is printed, or what is wrong
 * is told. */
bool cmd_parse(int argc, char **argv, const char *help, const struct cmd_option *options, size_t count,
	char ***ret_arguments, int *ret_count, int *ret_status);
/* --format NAME and --json. False: *ret_status, what is wrong is told. */
enum cmd_format { CMD_TEXT, CMD_JSON, CMD_HTML };
bool cmd_format(
	const char *command, const char *name, bool json, enum cmd_format *ret, int *ret_status);
/* Writes all of it to standard output, or replaces the file of --output at once. */
bool cmd_deliver(const char *file, const struct text_buf *text, struct err *err) MUST_CHECK;
/* Prints "station NAME: text" on standard error and returns the status that
 * fits the error's reason. */
int cmd_fail(const char *name, const struct err *err);
/* Prints what is wrong with the command line and where the help is; EXIT_REFUSED. */
int cmd_usage(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);
/* True if colours may be used on this descriptor: a terminal, and neither NO_COLOR
 * nor TERM=dumb is set. */
bool cmd_colour(int fd);
/* The escape sequence for an outcome: only PASS is green, and what is not PASS
 * never looks like it. */
const char *cmd_outcome_colour(enum outcome outcome);
/* Loads the config of --config, or the usual place; without any file, the defaults. */
bool cmd_config(const char *option, struct config *ret, struct err *err) MUST_CHECK;
/* The state folder: that of --state (NULL: not given), otherwise the config's. */
bool cmd_state(
	const char *state, const char *config, char ret[FS_PATH_MAX], struct err *err) MUST_CHECK;
/* Tells where a rehearsal's record is, if no folder was given and there is one: it is never taken for
 * the line's by guessing. */
void cmd_hint_rehearsal(const char *name, const char *state);
/* Of attempts that a dead station left open, if there were any. */
void cmd_tell_recovered(const char *name, unsigned count);
