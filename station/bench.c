/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scanner.h"
#include "text.h"
#include "usb_libusb.h"

enum { IDS_MAX = CONFIG_SLOTS_MAX };
enum {
	OPTION_SLOTS = BATCH_OPTION_END + 1,
	OPTION_ANY_PORT,
	OPTION_DEVICE_ID,
	OPTION_YES,
	OPTION_RMA
};

struct bench {
	struct batch batch;
	const char *slots; /* NULL: all */
	bool any_port;
	const char *ids[IDS_MAX]; /* "SLOT=ID" */
	size_t id_count;
	struct usb_bus *bus;
	struct scanner *scanner;
};

static bool parse_option(void *context, int option, const char *value)
{
	struct bench *bench = context;
	switch (option) {
	case OPTION_SLOTS:
		bench->slots = value;
		return value[0] != 0;
	case OPTION_ANY_PORT:
		bench->any_port = true;
		return true;
	case OPTION_YES:
		bench->batch.yes = true;
		return true;
	case OPTION_RMA:
		bench->batch.rma = value;
		return batch_is_rma(value);
	default:
		if (bench->id_count == IDS_MAX || !strchr(value, '='))
			return false;
		bench->ids[bench->id_count++] = value;
		return true;
	}
}

/* Is the slot one of a list "A1,A3"? */
static bool listed(const char *list, const char *name)
{
	size_t len = strlen(name);
	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == 0))
			return true;
	}
	return false;
}

static bool known(const struct config *config, const char *name, size_t len)
{
	for (size_t i = 0; i < config->slot_count; i++)
		if (strlen(config->slots[i].name) == len &&
			memcmp(config->slots[i].name, name, len) == 0)
			return true;
	return false;
}

/* Leaves the config with the slots of this batch. */
static bool choose_slots(struct bench *bench, struct err *err)
{
	struct config *config = &bench->batch.config;
	size_t kept = 0;
	for (const char *at = bench->slots; at; at = strchr(at, ',')) {
		at += *at == ',';
		size_t len = strcspn(at, ",");
		if (!known(config, at, len))
			return err_set(err, REASON_INPUT, "--slots: the config has no slot %.*s",
				(int)len, at);
	}
	for (size_t i = 0; bench->slots && i < config->slot_count; i++)
		if (listed(bench->slots, config->slots[i].name))
			config->slots[kept++] = config->slots[i];
	if (bench->slots)
		config->slot_count = kept;
	if (!config->slot_count && !bench->any_port)
		return err_set(err, REASON_INPUT,
			"the config%s%s names no slots: add them, or give --any-port",
			config->path[0] ? " " : "", config->path);
	return true;
}

static bool give_ids(struct bench *bench, struct err *err)
{
	for (size_t i = 0; i < bench->id_count; i++) {
		char slot[CONFIG_NAME_MAX];
		const char *equals = strchr(bench->ids[i], '=');
		if (!text_format(slot, sizeof slot, "%.*s", (int)(equals - bench->ids[i]),
			    bench->ids[i]))
			return err_set(err, REASON_INPUT,
				"--device-id %s: the slot's name is too long", bench->ids[i]);
		if (!line_scan(bench->batch.line, slot, equals + 1, err))
			return err_at(err, "--device-id");
	}
	return true;
}

static int run_batch(struct bench *bench)
{
	struct batch *batch = &bench->batch;
	struct err err;
	if (!cmd_config(batch->options.config, &batch->config, &err) || !choose_slots(bench, &err))
		return cmd_fail(batch->command, &err);
	struct plan_options plan = { .want_pins = batch->config.pinned_images };
	if (batch_make_plan(batch, &plan) != EXIT_DONE)
		return EXIT_REFUSED;
	const char *state = batch->options.state ? batch->options.state : batch->config.state_dir;
	if (!batch_open_record(batch, state, false, &err) || !usb_libusb_open(&bench->bus, &err) ||
		!batch_make_line(batch, bench->bus, 0, bench->any_port, &err) ||
		!give_ids(bench, &err) ||
		!scanner_start(STDIN_FILENO, batch->command, batch->line, &bench->scanner, &err))
		return cmd_fail(batch->command, &err);
	int status = batch_run(batch);
	scanner_stop(bench->scanner);
	if (!batch->options.json)
		printf("database: %s\n", record_path(batch->record));
	return status;
}

int bench_batch(int argc, char **argv, enum line_kind kind, const char *help)
{
	static const struct option longs[] = { BATCH_OPTIONS,
		{ "slots", required_argument, NULL, OPTION_SLOTS },
		{ "any-port", no_argument, NULL, OPTION_ANY_PORT },
		{ "device-id", required_argument, NULL, OPTION_DEVICE_ID },
		/* of reprovision alone */
		{ "slot", required_argument, NULL, OPTION_SLOTS },
		{ "yes", no_argument, NULL, OPTION_YES },
		{ "rma", required_argument, NULL, OPTION_RMA }, { NULL, 0, NULL, 0 } };
	enum { COUNT = sizeof longs / sizeof *longs, RETURNS = 3 };
	struct option known[COUNT];
	int status = EXIT_STOPPED;
	struct bench *bench = calloc(1, sizeof *bench);
	if (!bench) {
		fprintf(stderr, "station %s: no memory\n", argv[0]);
		return status;
	}
	bench->batch.command = argv[0];
	bench->batch.kind = kind;
	memcpy(known, longs, sizeof known);
	if (kind != LINE_REPROVISION)
		known[COUNT - RETURNS - 1] = longs[COUNT - 1];
	if (!batch_parse(argc, argv, known, &bench->batch.options, parse_option, bench, &status)) {
		free(bench);
		return status;
	}
	if (bench->batch.options.help) {
		fputs(help, stdout);
		status = EXIT_DONE;
	} else if (batch_fits_kind(&bench->batch, &status)) {
		status = run_batch(bench);
		batch_done(&bench->batch);
		if (bench->bus)
			bench->bus->ops->close(bench->bus);
	}
	free(bench);
	return status;
}
