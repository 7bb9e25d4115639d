/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that run a batch share: options, record and log, signals, the
 * display, the exit status. */
#pragma once

#include <getopt.h>
#include <stdint.h>

#include "cmd.h"
#include "line.h"
#include "log.h"
#include "plan.h"
#include "progress.h"
#include "record.h"

struct batch_options {
	const char *job, *config, *state, *operator_name, *work_order; /* NULL or "" = not given */
	long quantity; /* -1: the job's */
	bool rework, json, plain, help;
};

/* For the long options of a command: these first, then its own, whose values are above
 * BATCH_OPTION_END. */
enum { BATCH_OPTION_END = 1000 };
#define BATCH_OPTIONS \
	{ "config", required_argument, NULL, 'c' }, { "state", required_argument, NULL, 'd' }, \
		{ "operator", required_argument, NULL, 'o' }, \
		{ "work-order", required_argument, NULL, 'w' }, \
		{ "quantity", required_argument, NULL, 'q' }, { "rework", no_argument, NULL, 'r' }, \
		{ "json", no_argument, NULL, 'j' }, { "plain", no_argument, NULL, 'p' }, \
	{ \
		"help", no_argument, NULL, 'h' \
	}
/* For what makes units. */
#define BATCH_HELP_MAKE \
	"  --quantity N      instead of the job's, over all batches of the work order; 0: until stopped\n" \
	"  --rework          also take units that are PASS under another plan\n"
#define BATCH_HELP \
	"  --operator NAME   into the record\n" \
	"  --work-order W    into the record\n" \
	"  --config FILE     the station's config\n" \
	"  --json            one JSON object per line\n" \
	"  --plain           lines instead of a live board, on a terminal too\n"
#define BATCH_HELP_EXIT \
	"Exit status: 0 every unit is PASS or SKIPPED, 1 some are not, 2 refused before anything was\n" \
	"touched, 3 the line stopped, 130 interrupted. Ctrl-C once: finish the units in work; twice:\n" \
	"put them away.\n"

/* Parses a whole command line: shared options here, others by own (false: not usable). *ret_status
 * is for a false return. */
bool batch_parse(int argc, char **argv, const struct option *longs, struct batch_options *ret,
	bool (*own)(void *context, int option, const char *value), void *context, int *ret_status);

struct batch {
	const char *command; /* "run" */
	enum line_kind kind;
	struct batch_options options;
	struct config config;
	struct plan *plan;
	struct record *record;
	struct log *log;
	struct line *line;
	struct progress progress;
	/* Set before batch_make_line, where somebody else wants to see the events too; as of a line. */
	void (*watch)(void *context, const struct line_event *event);
	void *watch_context;
	double skipped_time; /* of line_options */
	const char *state_dir; /* of the record */
	const char *recipient; /* of a rehearsal's backups, where the job names none: a certificate; NULL: none */
	bool yes; /* what cannot be undone on a unit that came back is confirmed */
	const char *rma; /* of line_options */
};

enum { BATCH_RMA_MAX = 64 };
/* The number of a return, as it may stand in the record: printable, at most BATCH_RMA_MAX bytes. */
bool batch_is_rma(const char *text);
/* False, with a message, for options that have no meaning for the kind of batch. */
bool batch_fits_kind(const struct batch *batch, int *ret_status);
/* Opens the record, which takes the lock of the state folder, and the log. */
bool batch_open_record(struct batch *batch, const char *state_dir, bool virtual_line,
	struct err *err) MUST_CHECK;
/* Makes the plan; every refusal is printed. EXIT_DONE, or EXIT_REFUSED. */
int batch_make_plan(struct batch *batch, struct plan_options *options);
/* Makes the line over the bus and the config's slots; ids may be scanned into it then. */
bool batch_make_line(struct batch *batch, struct usb_bus *bus, uint32_t end_after_outcomes,
	bool any_port, struct err *err) MUST_CHECK;
/* Runs it under signals and display, prints the end. */
int batch_run(struct batch *batch);
/* Gives everything back but the bus. */
void batch_done(struct batch *batch);

bool batch_parse_whole(const char *text, uint64_t max, uint64_t *ret);
