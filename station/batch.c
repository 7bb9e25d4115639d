/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backup_file.h"
#include "clock.h"
#include "interrupt.h"

bool batch_parse_whole(const char *text, uint64_t max, uint64_t *ret)
{
	char *end = NULL;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == 0 && text[0] != '-' && *ret <= max;
}

static bool parse_shared(int option, const char *value, struct batch_options *ret)
{
	uint64_t whole = 0;
	switch (option) {
	case 'c':
		ret->config = value;
		return true;
	case 'd':
		ret->state = value;
		return value[0] != 0;
	case 'o':
		ret->operator_name = value;
		return true;
	case 'w':
		ret->work_order = value;
		return true;
	case 'q':
		if (!batch_parse_whole(value, 1000000000, &whole))
			return false;
		ret->quantity = (long)whole;
		return true;
	case 'r':
		ret->rework = true;
		return true;
	case 'j':
		ret->json = true;
		return true;
	case 'p':
		ret->plain = true;
		return true;
	default:
		ret->help = true;
		return true;
	}
}

bool batch_parse(int argc, char **argv, const struct option *longs, struct batch_options *ret,
	bool (*own)(void *context, int option, const char *value), void *context, int *ret_status)
{
	*ret = (struct batch_options){ .quantity = -1, .operator_name = "", .work_order = "" };
	*ret_status = EXIT_REFUSED;
	int option, which = 0;
	while ((option = getopt_long(argc, argv, "h", longs, &which)) != -1) {
		if (option == '?') {
			cmd_usage(argv[0], "an option is not usable");
			return false;
		}
		bool good = option > BATCH_OPTION_END ? own(context, option, optarg)
						      : parse_shared(option, optarg, ret);
		if (!good) {
			cmd_usage(argv[0], "--%s %s is not usable", longs[which].name, optarg);
			return false;
		}
	}
	if (ret->help)
		return true;
	if (optind + 1 != argc) {
		cmd_usage(argv[0], "exactly one job is wanted");
		return false;
	}
	ret->job = argv[optind];
	return true;
}

bool batch_is_rma(const char *text)
{
	size_t len = strlen(text);
	bool good = len > 0 && len <= BATCH_RMA_MAX;
	for (size_t i = 0; i < len && good; i++)
		good = text[i] >= ' ' && text[i] <= '~';
	return good && text[strspn(text, " ")];
}

bool batch_fits_kind(const struct batch *batch, int *ret_status)
{
	const struct batch_options *options = &batch->options;
	if (batch->kind == LINE_PROVISION || (options->quantity < 0 && !options->rework))
		return true;
	*ret_status = cmd_usage(batch->command, "%s means nothing where units %s",
		options->rework ? "--rework" : "--quantity",
		batch->kind == LINE_VERIFY ? "are only read" : "came back");
	return false;
}

bool batch_open_record(
	struct batch *batch, const char *state_dir, bool virtual_line, struct err *err)
{
	char log[FS_PATH_MAX];
	struct record_options record = { .state_dir = state_dir,
		.station_id = batch->config.id,
		.software_version = STATION_VERSION,
		.virtual_line = virtual_line,
		.signing_key_file = batch->config.signing_key_file };
	unsigned recovered = 0, removed;
	if (!record_open(&record, &batch->record, &recovered, err))
		return false;
	cmd_tell_recovered(batch->command, recovered);
	batch->state_dir = state_dir;
	return fs_join(log, state_dir, "logs/station.log", err) &&
	       log_open(log, &batch->log, err) &&
	       (batch->kind != LINE_REPROVISION ||
		       backup_remove_old(batch->record, state_dir, &removed, err));
}

static void print_refusal(void *batch, const char *text)
{
	fprintf(stderr, "station %s: %s\n", ((struct batch *)batch)->command, text);
}

/* A unit that came back is backed up before it is changed. */
static bool check_recipients(
	const struct batch *batch, const struct plan_options *options, struct err *err)
{
	const struct job *job = &batch->plan->job;
	const struct job_backup *backup = &job->returns.backup;
	if (!job->returns.reprovision.backup)
		return true;
	if (!backup->recipient_count && batch->recipient)
		return recipients_add(&batch->plan->recipients, batch->recipient, err);
	if (!backup->recipient_count)
		return err_set(err, REASON_NO_RECIPIENT,
			"%s: each unit is to be backed up first, and nobody is named who can open "
			"that: name recipients in the job, backup : { recipients = ... }, or set "
			"reprovision.backup = false",
			job->path);
	return plan_can_back_up(batch->plan, !options->cloud_url, clock_utc_ms(), err);
}

int batch_make_plan(struct batch *batch, struct plan_options *options)
{
	struct err err;
	options->config = &batch->config;
	if (!plan_make(batch->options.job, options, print_refusal, batch, &batch->plan, &err))
		return EXIT_REFUSED;
	if (batch->kind != LINE_REPROVISION || check_recipients(batch, options, &err))
		return EXIT_DONE;
	print_refusal(batch, err.text);
	return EXIT_REFUSED;
}

static void take_event(void *context, const struct line_event *event)
{
	struct batch *batch = context;
	progress_event(&batch->progress, event);
	if (batch->watch)
		batch->watch(batch->watch_context, event);
}

bool batch_make_line(struct batch *batch, struct usb_bus *bus, uint32_t end_after_outcomes,
	bool any_port, struct err *err)
{
	const struct batch_options *options = &batch->options;
	uint32_t quantity = batch->kind != LINE_PROVISION ? 0
			    : options->quantity < 0       ? batch->plan->job.quantity
							  : (uint32_t)options->quantity;
	enum progress_mode mode = options->json    ? PROGRESS_JSON
				  : options->plain ? PROGRESS_LINES
						   : PROGRESS_BOARD;
	if (!progress_open(&batch->progress, stdout, mode, &batch->config, quantity, err))
		return false;
	struct line_options line = { .kind = batch->kind,
		.plan = batch->plan,
		.config = &batch->config,
		.bus = bus,
		.record = batch->record,
		.log = batch->log,
		.operator_name = options->operator_name,
		.work_order = options->work_order,
		.quantity = quantity,
		.rework = options->rework,
		.any_port = any_port,
		.end_after_outcomes = end_after_outcomes,
		.drain = interrupt_once(),
		.abort = interrupt_twice(),
		.skipped_time = batch->skipped_time,
		.allow = batch->yes ? ACTS_ALL : 0,
		.rma = batch->rma,
		.state_dir = batch->state_dir,
		.software_version = STATION_VERSION,
		.event = take_event,
		.context = batch };
	return line_new(&line, &batch->line, err);
}

static int status_of(const struct line_summary *summary)
{
	if (summary->stopped)
		return EXIT_STOPPED;
	if (cancel_is_set(interrupt_once()))
		return EXIT_INTERRUPTED;
	for (int i = OUTCOME_PASS; i < OUTCOME_COUNT; i++)
		if (i != OUTCOME_PASS && i != OUTCOME_SKIPPED && summary->outcomes[i])
			return EXIT_NOT_ALL;
	return EXIT_DONE;
}

int batch_run(struct batch *batch)
{
	struct line_summary summary;
	struct err err;
	if (batch->kind == LINE_VERIFY && !batch->options.json)
		printf("Units are only read, and stay in DFU: take each out when it has its "
		       "outcome.\n");
	interrupt_catch();
	bool good = line_run(batch->line, &summary, &err);
	progress_close(&batch->progress, good ? &summary : NULL);
	return good ? status_of(&summary) : cmd_fail(batch->command, &err);
}

void batch_done(struct batch *batch)
{
	progress_close(&batch->progress, NULL);
	line_free(batch->line);
	record_close(batch->record);
	log_close(batch->log);
	plan_free(batch->plan);
}
