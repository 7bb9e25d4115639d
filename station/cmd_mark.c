/* SPDX-License-Identifier: Apache-2.0 */
/* station mark: a person sets a unit aside, or releases it. */
#include "cmd.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "fs.h"
#include "record.h"
#include "resale.h"

static const char help[] =
	"usage: station mark UNIT scrap|quarantine|released|cleared --note TEXT [options]\n"
	"\n"
	"Sets a unit aside, or releases it. UNIT is its device id of 24 hex digits. A unit that is "
	"marked scrap or\n"
	"quarantine is REFUSED by the line until it is released; released also forgives the "
	"failures before it. The\n"
	"mark goes into the record with note, operator and time; marks before it are kept. Not "
	"while the line runs.\n"
	"\n"
	"cleared sets nothing aside: somebody has done by hand what the unit's last re-provisioning "
	"left to do.\n"
	"A unit that is PASS and not set aside is for resale then.\n"
	"\n"
	"  --note TEXT      why; of cleared, what was done; wanted for all but released\n"
	"  --operator NAME  who\n"
	"  --state DIR      the state folder, which holds station.db (the config's state_dir)\n"
	"  --config FILE    the station's config\n"
	"\n"
	"Exit status: 0 marked, 2 refused, 3 it could not be recorded.\n";

struct options {
	const char *config, *state, *unit, *mark, *note, *operator_name;
	char device_id[RECORD_DEVICE_ID];
};

static bool parse_unit(struct options *options)
{
	if (strlen(options->unit) != RECORD_DEVICE_ID - 1)
		return false;
	for (size_t i = 0; i < RECORD_DEVICE_ID; i++)
		options->device_id[i] = (char)tolower((unsigned char)options->unit[i]);
	return strspn(options->device_id, "0123456789abcdef") == RECORD_DEVICE_ID - 1;
}

static bool is_blank(const char *text)
{
	return !text || text[strspn(text, " \t\n")] == 0;
}

static bool is_cleared(const struct options *options)
{
	return strcmp(options->mark, "cleared") == 0;
}

static int check(struct options *options)
{
	bool aside =
		strcmp(options->mark, "scrap") == 0 || strcmp(options->mark, "quarantine") == 0;
	if (!parse_unit(options))
		return cmd_usage("mark", "'%s' is not a device id of 24 hex digits", options->unit);
	if (!aside && !is_cleared(options) && strcmp(options->mark, "released") != 0)
		return cmd_usage("mark",
			"'%s' is not a mark: scrap, quarantine, released or cleared",
			options->mark);
	if ((aside || is_cleared(options)) && is_blank(options->note))
		return cmd_usage("mark", "say %s with --note", aside ? "why" : "what was done");
	return EXIT_DONE;
}

static int clear(const struct options *options, struct record *record)
{
	struct record_resale resale;
	struct err err;
	if (!record_resale(record, options->device_id, &resale, &err))
		return cmd_fail("mark", &err);
	if (!resale.by_hand) {
		err_set(&err, REASON_INPUT,
			"%s has nothing that is done by hand: its last re-provisioning says of its resale: %s",
			options->device_id, resale.text[0] ? resale.text : "nothing");
		return cmd_fail("mark", &err);
	}
	if (!record_cleared(record, resale.attempt_id, options->note, options->operator_name, &err))
		return cmd_fail("mark", &err);
	printf("%s: cleared, nothing is left to do by hand; before: %s\n", options->device_id,
		resale.cleared ? "cleared" : resale.text);
	return EXIT_DONE;
}

static int mark(const struct options *options, struct record *record)
{
	struct record_unit unit;
	struct err err;
	if (is_cleared(options))
		return clear(options, record);
	if (!record_unit(record, options->device_id, &unit, &err) ||
		!record_unit_mark(record, options->device_id, options->mark, options->note,
			options->operator_name, &err))
		return cmd_fail("mark", &err);
	if (!unit.attempts)
		fprintf(stderr,
			"station mark: warning: the record has never seen the unit %s; the mark "
			"stands all the same\n",
			options->device_id);
	printf("%s: %s; before: %s\n", options->device_id, options->mark,
		unit.mark[0] ? unit.mark : "no mark");
	return EXIT_DONE;
}

static int run(const struct options *options)
{
	struct config config;
	struct record_options open = { .software_version = STATION_VERSION, .existing = true };
	struct record *record;
	struct err err;
	unsigned recovered = 0;
	if (!cmd_config(options->config, &config, &err))
		return cmd_fail("mark", &err);
	open.state_dir = options->state ? options->state : config.state_dir;
	open.station_id = config.id;
	open.signing_key_file = config.signing_key_file;
	if (!record_open(&open, &record, &recovered, &err))
		return cmd_fail("mark", &err);
	cmd_tell_recovered("mark", recovered);
	int status = mark(options, record);
	record_close(record);
	return status;
}

static bool parse(int argc, char **argv, struct options *ret, int *ret_status)
{
	const struct cmd_option own[] = { { "state", &ret->state, NULL },
		{ "config", &ret->config, NULL }, { "note", &ret->note, NULL },
		{ "operator", &ret->operator_name, NULL } };
	char **arguments;
	int count;
	if (!cmd_parse(argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count,
		    ret_status))
		return false;
	if (count != 2) {
		*ret_status = cmd_usage("mark", "name one unit and one mark");
		return false;
	}
	ret->unit = arguments[0];
	ret->mark = arguments[1];
	return true;
}

int cmd_mark(int argc, char **argv)
{
	struct options options = { 0 };
	int status;
	if (!parse(argc, argv, &options, &status))
		return status;
	status = check(&options);
	return status == EXIT_DONE ? run(&options) : status;
}
