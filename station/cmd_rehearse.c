/* SPDX-License-Identifier: Apache-2.0 */
/* station rehearse: a batch as on the line, on virtual units and a virtual cloud. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "fs.h"
#include "scanner.h"
#include "text.h"
#include "vbench.h"
#include "vcondition.h"
#include "vcloud.h"
#include "vrecipient.h"

static const char help[] =
	"usage: station rehearse JOB [options]\n"
	"\n"
	"Takes virtual units of the job's family through the job, with a virtual cloud over real HTTPS. No\n"
	"hardware is touched. Everything stays in the state folder: station.db, units/SLOT/altN.bin (the\n"
	"memory of each unit), cloud/DEVICE_ID.pem (what the cloud holds). A later rehearsal in the same\n"
	"folder meets the same units again.\n"
	"\n"
	"  --units N         how many units, 1 to 128 (8)\n"
	"  --speed X         0: instant; 1: the device's real timing; between: faster than real (0)\n"
	"  --seed N          makes the ids and contents of new units (1)\n"
	"  --state DIR       the state folder (./rehearsal)\n"
	"  --cloud HOW       good, down, busy, refuse, rubbish, lose, swap, slow, error-in-200, cut,\n"
	"                    refuse-new or take-refuse (good)\n"
	"  --api API         that the virtual cloud is spoken to with: json or particle (json)\n"
	"  --faults FILE     what is wrong with which unit (station/virtual/faults.cfg explains it)\n"
	"  --condition LIST  when the units are made (those of an earlier rehearsal are already), they come\n"
	"                    back: A1 in the first condition of the list, A2 in the second... F01 to F09, F16 to\n"
	"                    F21, parts, runs, claimed; + joins several, - is none (docs/returns.md explains them)\n"
	"  --reprovision     as station reprovision does, on the units of an earlier rehearsal in the folder;\n"
	"                    with --condition they come back in that first. A line with a slot's name on\n"
	"                    standard input confirms what is asked there. Where the job names nobody who can\n"
	"                    open backups, recipient.key in the state folder does\n"
	"  --yes             with --reprovision: what cannot be undone is confirmed for all units\n"
	"  --rma NUMBER      with --reprovision: into the record of each unit\n"
	"  --verify          as station verify does: reads the units against the job, writes nothing to\n"
	"                    them, and enrols nothing\n" BATCH_HELP_MAKE BATCH_HELP
	"\n" BATCH_HELP_EXIT;

enum {
	OPTION_UNITS = BATCH_OPTION_END + 1,
	OPTION_SPEED,
	OPTION_SEED,
	OPTION_CLOUD,
	OPTION_API,
	OPTION_FAULTS,
	OPTION_VERIFY,
	OPTION_REPROVISION,
	OPTION_YES,
	OPTION_RMA,
	OPTION_CONDITION
};

struct options {
	const char *faults, *conditions, *rma;
	unsigned units; /* 0: not given */
	uint64_t seed;
	double speed;
	bool verify, reprovision, yes;
	enum vcloud_behaviour cloud;
	enum vcloud_api api;
};

/* All that a rehearsal holds, to be given back in one place. */
struct rehearsal {
	struct batch batch;
	struct options options;
	struct vcloud *vcloud;
	struct vbus *vbus;
	struct vfault_file faults;
	struct vconditions conditions;
	struct vbench_place places[VBENCH_UNITS_MAX];
	struct scanner *scanner;
	char recipient[FS_PATH_MAX]; /* a certificate */
};

enum { UNITS_USUAL = 8 };

static bool parse_speed(const char *text, double *ret)
{
	char *end = NULL;
	errno = 0;
	*ret = strtod(text, &end);
	return errno == 0 && end != text && *end == 0 && *ret >= 0 && *ret <= 100;
}

static bool parse_cloud(const char *text, enum vcloud_behaviour *ret)
{
	static const char *const names[] = { "good", "down", "busy", "refuse", "rubbish", "lose",
		"swap", "slow", "error-in-200", "cut", "refuse-new", "take-refuse" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum vcloud_behaviour)i;
			return true;
		}
	return false;
}

static bool parse_option(void *context, int option, const char *value)
{
	struct options *ret = context;
	uint64_t whole = 0;
	switch (option) {
	case OPTION_UNITS:
		if (!batch_parse_whole(value, VBENCH_UNITS_MAX, &whole) || whole == 0)
			return false;
		ret->units = (unsigned)whole;
		return true;
	case OPTION_SPEED:
		return parse_speed(value, &ret->speed);
	case OPTION_SEED:
		return batch_parse_whole(value, UINT64_MAX, &ret->seed);
	case OPTION_CLOUD:
		return parse_cloud(value, &ret->cloud);
	case OPTION_VERIFY:
		ret->verify = true;
		return true;
	case OPTION_REPROVISION:
		ret->reprovision = true;
		return true;
	case OPTION_YES:
		ret->yes = true;
		return true;
	case OPTION_RMA:
		ret->rma = value;
		return batch_is_rma(value);
	case OPTION_API:
		ret->api = strcmp(value, "particle") == 0 ? VCLOUD_PARTICLE : VCLOUD_JSON;
		return ret->api == VCLOUD_PARTICLE || strcmp(value, "json") == 0;
	case OPTION_CONDITION:
		ret->conditions = value;
		return true;
	default:
		ret->faults = value;
		return true;
	}
}

/* The virtual cloud, and the plan against it. */
static bool start_cloud(struct rehearsal *all, struct plan_options *ret, struct err *err)
{
	const char *state = all->batch.options.state;
	char keys[FS_PATH_MAX], access[FS_PATH_MAX];
	if (!fs_join(keys, state, "cloud", err) || !fs_join(access, state, "cloud-access", err))
		return false;
	struct vcloud_options vcloud = { .folder = keys,
		.secret_folder = access,
		.behaviour = all->options.cloud,
		.api = all->options.api,
		.delay_ms = 2000 };
	if (!vcloud_start(&vcloud, &all->vcloud, err))
		return false;
	*ret = (struct plan_options){ .cloud_url = vcloud_url(all->vcloud),
		.cloud_ca_file = vcloud_ca_file(all->vcloud),
		.cloud_token_file = vcloud_token_file(all->vcloud),
		.cloud_api =
			all->options.api == VCLOUD_PARTICLE ? CLOUD_API_PARTICLE : CLOUD_API_JSON };
	return true;
}

/* The bench's places are the line's slots. */
static bool take_places(struct rehearsal *all, struct err *err)
{
	struct config *config = &all->batch.config;
	config->slot_count = all->options.units;
	for (unsigned i = 0; i < all->options.units; i++) {
		struct config_slot slot = { 0 };
		if (!text_copy(slot.name, sizeof slot.name, all->places[i].slot) ||
			!text_copy(slot.port, sizeof slot.port, all->places[i].port))
			return err_set(err, REASON_BUG, "the name of a virtual slot is too long");
		config->slots[i] = slot;
	}
	return true;
}

static bool prepare_bench(struct rehearsal *all, struct err *err)
{
	const struct options *options = &all->options;
	char units[FS_PATH_MAX];
	struct vbench_options bench = { .folder = units,
		.profile = &all->batch.plan->family,
		.count = options->units,
		.seed = options->seed,
		.speed = options->speed,
		.faults = &all->faults };
	return fs_join(units, all->batch.options.state, "units", err) &&
	       vbench_open(&bench, all->places, &all->vbus, err) && take_places(all, err);
}

static bool scan_labels(struct rehearsal *all, struct err *err)
{
	bool wanted = !all->batch.plan->job.slot_is_enough;
	for (unsigned i = 0; i < all->options.units; i++)
		if (wanted && all->places[i].needs_scan &&
			!line_scan(all->batch.line, all->places[i].slot, all->places[i].device_id,
				err))
			return false;
	return true;
}

/* What each unit needed by itself: for a comparison with what its attempt took. */
static void print_work(struct rehearsal *all)
{
	for (unsigned i = 0; i < all->options.units; i++) {
		struct vunit_work work;
		if (vbus_work(all->vbus, all->places[i].port, &work))
			printf("{\"event\":\"unit\",\"slot\":\"%s\",\"flash_us\":%" PRIu64
			       ",\"wire_us\":%" PRIu64 ",\"boot_us\":%" PRIu64
			       ",\"announced_us\":%" PRIu64
			       ",\"erases\":%u,\"blocks\":%u,\"transfers\":%u}\n",
				all->places[i].slot, work.flash_us, work.wire_us, work.boot_us,
				work.announced_us, work.erases, work.blocks, work.transfers);
	}
}

/* The operator's hand at the bench. */
static void play_operator(void *context, const struct line_event *event)
{
	struct rehearsal *all = context;
	bool button = event->kind == LINE_STEP && event->runs && event->tell;
	if (event->kind == LINE_HUB)
		vbus_hubs_plug(all->vbus);
	for (unsigned i = 0; button && i < all->options.units; i++)
		if (strcmp(all->places[i].slot, event->slot) == 0)
			vbus_button(all->vbus, all->places[i].port);
}

/* Before anything is done: one that its units cannot be in. */
static bool check_conditions(const struct rehearsal *all, struct err *err)
{
	enum vunit_family family;
	return !vbench_family(&all->batch.plan->family, &family) ||
	       vcondition_fit(&all->conditions, family, err);
}

/* Units of an earlier rehearsal, or new ones. */
static bool count_units(struct rehearsal *all, struct err *err)
{
	char folder[FS_PATH_MAX], family[FAMILY_NAME_MAX];
	unsigned *units = &all->options.units, there = 0;
	if (!all->options.reprovision) {
		*units = *units ? *units : UNITS_USUAL;
		return true;
	}
	if (!fs_join(folder, all->batch.options.state, "units", err) ||
		!vbench_look(folder, family, sizeof family, &there, err))
		return false;
	if (*units > there)
		return err_set(err, REASON_INPUT, "--units %u: %s has %u", *units, folder, there);
	*units = *units ? *units : there;
	return true;
}

/* Their owners had them meanwhile. */
static bool come_back(const struct rehearsal *all, struct err *err)
{
	char unit[FS_PATH_MAX], cloud[FS_PATH_MAX];
	const struct vconditions *conditions = &all->conditions;
	if (!fs_join(cloud, all->batch.options.state, "cloud", err))
		return false;
	for (size_t i = 0; i < conditions->count; i++)
		for (size_t k = 0; k < conditions->each[i]; k++) {
			if (!text_format(unit, sizeof unit, "%s/units/A%zu",
				    all->batch.options.state, i + 1))
				return err_set(err, REASON_INPUT, "the path is too long");
			if (!vcondition_apply(unit, cloud, &conditions->units[i][k], err))
				return false;
		}
	return true;
}

static int rehearse(struct rehearsal *all)
{
	struct batch *batch = &all->batch;
	struct plan_options plan;
	struct err err;
	if (!cmd_config(batch->options.config, &batch->config, &err) || !count_units(all, &err))
		return cmd_fail(batch->command, &err);
	if (all->options.faults && !vfault_file_read(all->options.faults, &all->faults, &err))
		return cmd_fail(batch->command, &err);
	if (all->options.conditions &&
		!vcondition_parse(all->options.conditions, &all->conditions, &err))
		return cmd_usage(batch->command, "--condition: %s", err.text);
	if (all->conditions.count > all->options.units)
		return cmd_usage(batch->command,
			"--condition: there are %zu conditions for %u units", all->conditions.count,
			all->options.units);
	/* The record first, since it takes the lock of the state folder: nothing of another
	 * rehearsal there may be disturbed. */
	if (!batch_open_record(batch, batch->options.state, true, &err) ||
		!start_cloud(all, &plan, &err))
		return cmd_fail(batch->command, &err);
	if (all->options.reprovision &&
		!vrecipient_make(batch->options.state, all->recipient, &err))
		return cmd_fail(batch->command, &err);
	batch->recipient = all->recipient[0] ? all->recipient : NULL;
	if (batch_make_plan(batch, &plan) != EXIT_DONE)
		return EXIT_REFUSED;
	if (!check_conditions(all, &err))
		return cmd_usage(batch->command, "--condition: %s", err.text);
	batch->watch = play_operator;
	batch->watch_context = all;
	batch->yes = all->options.yes;
	batch->rma = all->options.rma;
	batch->skipped_time = all->options.speed < 1 ? 1 - all->options.speed : 0;
	if ((all->options.reprovision && !come_back(all, &err)) || !prepare_bench(all, &err) ||
		!batch_make_line(batch, vbus_bus(all->vbus), all->options.units, false, &err) ||
		!scan_labels(all, &err) ||
		(all->options.reprovision && !all->options.yes &&
			!scanner_start(
				STDIN_FILENO, batch->command, batch->line, &all->scanner, &err)))
		return cmd_fail(batch->command, &err);
	int status = batch_run(batch);
	scanner_stop(all->scanner);
	if (batch->options.json)
		print_work(all);
	else
		printf("database: %s\nunits:    %s/units\ncloud:    %s/cloud\n",
			record_path(batch->record), batch->options.state, batch->options.state);
	return status;
}

static int done(struct rehearsal *all, int status)
{
	struct err err;
	batch_done(&all->batch);
	if (all->vbus)
		vbus_bus(all->vbus)->ops->close(vbus_bus(all->vbus));
	if (all->vbus && !all->options.reprovision && !come_back(all, &err))
		status = cmd_fail("rehearse", &err);
	vcloud_stop(all->vcloud);
	free(all);
	return status;
}

static bool fits(const struct rehearsal *all, int *ret_status)
{
	const struct options *options = &all->options;
	if (options->verify && options->reprovision)
		*ret_status = cmd_usage("rehearse", "--verify and --reprovision are two things");
	else if (!options->reprovision && (options->yes || options->rma))
		*ret_status = cmd_usage(
			"rehearse", "%s wants --reprovision", options->yes ? "--yes" : "--rma");
	else
		return true;
	return false;
}

int cmd_rehearse(int argc, char **argv)
{
	static const struct option longs[] = { BATCH_OPTIONS,
		{ "units", required_argument, NULL, OPTION_UNITS },
		{ "speed", required_argument, NULL, OPTION_SPEED },
		{ "seed", required_argument, NULL, OPTION_SEED },
		{ "cloud", required_argument, NULL, OPTION_CLOUD },
		{ "api", required_argument, NULL, OPTION_API },
		{ "faults", required_argument, NULL, OPTION_FAULTS },
		{ "condition", required_argument, NULL, OPTION_CONDITION },
		{ "verify", no_argument, NULL, OPTION_VERIFY },
		{ "reprovision", no_argument, NULL, OPTION_REPROVISION },
		{ "yes", no_argument, NULL, OPTION_YES },
		{ "rma", required_argument, NULL, OPTION_RMA }, { NULL, 0, NULL, 0 } };
	int status = EXIT_STOPPED;
	struct rehearsal *all = calloc(1, sizeof *all);
	if (!all) {
		fprintf(stderr, "station rehearse: no memory\n");
		return status;
	}
	all->batch.command = argv[0];
	all->options = (struct options){ .seed = 1 };
	if (!batch_parse(
		    argc, argv, longs, &all->batch.options, parse_option, &all->options, &status)) {
		free(all);
		return status;
	}
	if (all->batch.options.help) {
		fputs(help, stdout);
		free(all);
		return EXIT_DONE;
	}
	all->batch.kind = all->options.verify        ? LINE_VERIFY
			  : all->options.reprovision ? LINE_REPROVISION
						     : LINE_PROVISION;
	if (!fits(all, &status) || !batch_fits_kind(&all->batch, &status)) {
		free(all);
		return status;
	}
	if (!all->batch.options.state)
		all->batch.options.state = "rehearsal";
	return done(all, rehearse(all));
}
