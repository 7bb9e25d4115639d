/* SPDX-License-Identifier: Apache-2.0 */
/* station sync: what waits in the outbox is sent, and the units that were HELD for
 * it get their outcome. */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "clock.h"
#include "cmd_json.h"
#include "interrupt.h"
#include "journal.h"
#include "line.h"
#include "release.h"
#include "resale.h"
#include "scope.h"
#include "vcloud.h"

enum { ROWS_FIRST = 8, ROWS = 128, WAIT_MS = 600000 };

static const char help[] =
	"usage: station sync [options]\n"
	"\n"
	"Sends the key of every unit that is HELD to its cloud once more, and prints which units are\n"
	"released (PASS) or refused (FAIL). Not while the line runs: that does the same in the\n"
	"background. A rehearsal's units are released by its virtual cloud, which starts for it.\n"
	"\n"
	"  --state DIR     the state folder (the config's state_dir)\n"
	"  --config FILE   the station's config, which says where the clouds are\n"
	"  --json          one JSON object per line\n"
	"\n"
	"Exit status: 0 no unit is HELD any more and none was refused, 1 some are or were, 2 refused\n"
	"before anything was sent, 3 the record cannot be written, 130 interrupted.\n";

struct options {
	const char *state, *config;
	bool json;
};

/* One cloud, opened when its first row comes. */
struct target {
	char name[64];
	struct cloud *cloud; /* NULL: it cannot be used */
	char why[ERR_TEXT_MAX];
	unsigned sent, answered; /* of the rows that are on their way */
};

struct sync {
	struct options options;
	struct config config;
	const char *state;
	struct record *record;
	struct vcloud *vcloud; /* of a rehearsal; NULL otherwise */
	struct target targets[CONFIG_CLOUDS_MAX];
	size_t target_count;
	unsigned released, refused, held;
};

/* A row on its way. */
struct sending {
	struct record_outbox_row row;
	struct target *target;
	struct cloud_ticket *ticket; /* NULL: result says why not */
	struct cloud_result result;
};

/* --- clouds --- */

/* A rehearsal knows no cloud of the config: every name is the virtual cloud, with the keys that it
 * has in the folder. */
static bool virtual_target(
	struct sync *sync, const char *name, struct config_cloud *ret, struct err *err)
{
	char keys[FS_PATH_MAX], access[FS_PATH_MAX];
	if (!fs_join(keys, sync->state, "cloud", err) ||
		!fs_join(access, sync->state, "cloud-access", err))
		return false;
	const struct vcloud_options options = { .folder = keys, .secret_folder = access };
	if (!sync->vcloud && !vcloud_start(&options, &sync->vcloud, err))
		return false;
	*ret = (struct config_cloud){
		.api = CLOUD_API_JSON, .timeout_ms = 10000, .retries = 2, .in_flight = 16
	};
	snprintf(ret->name, sizeof ret->name, "%s", name);
	snprintf(ret->url, sizeof ret->url, "%s", vcloud_url(sync->vcloud));
	snprintf(ret->ca_file, sizeof ret->ca_file, "%s", vcloud_ca_file(sync->vcloud));
	snprintf(ret->token_file, sizeof ret->token_file, "%s", vcloud_token_file(sync->vcloud));
	return true;
}

static bool open_cloud(struct sync *sync, const char *name, struct cloud **ret, struct err *err)
{
	struct config_cloud target;
	const struct cloud_journal journal = journal_of(sync->record);
	const struct config_cloud *known = config_cloud(&sync->config, name);
	if (record_is_virtual(sync->record)) {
		if (!virtual_target(sync, name, &target, err))
			return false;
		known = &target;
	}
	if (!known)
		return err_set(err, REASON_INPUT,
			"the config (%s) has no cloud \"%s\": add it to clouds",
			sync->config.path[0] ? sync->config.path : "no file", name);
	return cloud_open(known, &journal, ret, err) || err_at(err, "cloud %s", name);
}

static struct target *find_target(struct sync *sync, const char *name)
{
	struct err err;
	for (size_t i = 0; i < sync->target_count; i++)
		if (strcmp(sync->targets[i].name, name) == 0)
			return &sync->targets[i];
	if (sync->target_count == CONFIG_CLOUDS_MAX)
		return NULL;
	struct target *target = &sync->targets[sync->target_count++];
	snprintf(target->name, sizeof target->name, "%s", name);
	if (!open_cloud(sync, name, &target->cloud, &err)) {
		snprintf(target->why, sizeof target->why, "%s", err.text);
		fprintf(stderr, "station sync: %s\n", err.text);
	}
	return target;
}

/* --- printing --- */

static void print_unit(const struct sync *sync, const struct sending *sending, enum outcome outcome)
{
	const struct record_outbox_row *row = &sending->row;
	const struct cloud_result *result = &sending->result;
	const struct reason_info *info = reason_info(result->reason);
	const char *proof = release_proof(result);
	char unproven[LINE_UNPROVEN_MAX] = "", resale[ERR_TEXT_MAX] = "";
	struct err err;
	if (!record_unproven(sync->record, row->attempt_id, unproven, sizeof unproven, &err))
		snprintf(unproven, sizeof unproven, "%.200s", err.text);
	if (outcome == OUTCOME_PASS &&
		!record_not_for_resale(sync->record, row->attempt_id, resale, sizeof resale, &err))
		snprintf(resale, sizeof resale, "%s", err.text);
	if (sync->options.json) {
		cmd_json_line(stdout,
			json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s, s:s?, s:s?}",
				"event", outcome == OUTCOME_HELD ? "held" : "settled", "at",
				(json_int_t)clock_utc_ms(), "device_id", row->device_id, "attempt",
				row->attempt_id, "cloud", row->cloud, "outcome",
				outcome_name(outcome), "reason", result->reason ? info->code : NULL,
				"proof", proof, "detail", result->text, "unproven",
				unproven[0] ? unproven : NULL, "resale",
				resale[0] ? resale : NULL));
		return;
	}
	const char *colour = cmd_colour(1) ? cmd_outcome_colour(outcome) : "";
	printf("%s  %s%-4s%s  ", row->device_id, colour, outcome_name(outcome),
		*colour ? "\033[0m" : "");
	if (outcome == OUTCOME_PASS)
		printf("released: %s\n", proof);
	else
		printf("%s: %s\n      Next: %s.\n", info->code, result->text, info->next);
	if (unproven[0])
		printf("      %s.\n", unproven);
	if (resale[0])
		printf("      %s.\n", resale);
	fflush(stdout);
}

static void print_end(const struct sync *sync)
{
	if (sync->options.json)
		cmd_json_line(
			stdout, json_pack("{s:s, s:I, s:i, s:i, s:i}", "event", "end", "at",
					(json_int_t)clock_utc_ms(), "released", (int)sync->released,
					"refused", (int)sync->refused, "held", (int)sync->held));
	else if (sync->released + sync->refused + sync->held == 0)
		printf("no unit is HELD\n");
	else
		printf("\n%u released, %u refused, %u still HELD\n", sync->released, sync->refused,
			sync->held);
}

/* --- sending --- */

static void not_sent(struct sending *sending, const char *why)
{
	sending->result = (struct cloud_result){ .answer = CLOUD_UNREACHABLE,
		.reason = REASON_CLOUD_UNREACHABLE };
	snprintf(sending->result.text, sizeof sending->result.text, "not sent: %.200s", why);
}

static bool begin(struct sync *sync, struct sending *sending, struct err *err)
{
	struct cloud_request request;
	struct target *target = find_target(sync, sending->row.cloud);
	if (!target || !target->cloud) {
		not_sent(sending, target ? target->why : "the units are for too many clouds");
		return true;
	}
	sending->target = target;
	target->sent++;
	return release_request(sync->record, &sending->row, &request, err) &&
	       cloud_submit(target->cloud, &request, &sending->ticket, err);
}

static bool end(struct sync *sync, struct sending *sending, struct err *err)
{
	enum outcome outcome;
	if (sending->ticket && !cloud_wait(sending->ticket, deadline_in_ms(WAIT_MS),
				       interrupt_once(), &sending->result, err))
		return false;
	if (!release_settle(sync->record, &sending->row, &sending->result, &outcome, err))
		return false;
	if (sending->target)
		sending->target->answered += outcome != OUTCOME_HELD;
	sync->released += outcome == OUTCOME_PASS;
	sync->refused += outcome == OUTCOME_FAIL;
	sync->held += outcome == OUTCOME_HELD;
	print_unit(sync, sending, outcome);
	return true;
}

/* All at once go to the sender, which keeps to the number that the config allows in flight. An
 * answer that is there when something else goes wrong still counts. */
static bool send_rows(struct sync *sync, struct sending *sendings, size_t count, struct err *err)
{
	struct err later;
	bool good = true;
	size_t begun = 0;
	for (; begun < count && good; begun++)
		good = begin(sync, &sendings[begun], err);
	for (size_t i = 0; i < begun; i++) {
		if (!good && !sendings[i].ticket)
			continue;
		if (!end(sync, &sendings[i], good ? err : &later))
			good = false;
	}
	for (size_t i = 0; i < begun; i++)
		cloud_forget(sendings[i].ticket);
	return good;
}

/* A cloud that answered nobody is not asked for all the others too. */
static void judge_targets(struct sync *sync)
{
	for (size_t i = 0; i < sync->target_count; i++) {
		struct target *target = &sync->targets[i];
		if (target->cloud && target->sent && !target->answered) {
			snprintf(target->why, sizeof target->why,
				"the cloud answered none of %u before", target->sent);
			cloud_close(target->cloud);
			target->cloud = NULL;
		}
		target->sent = target->answered = 0;
	}
}

static bool send_all(struct sync *sync, struct err *err)
{
	SCOPED_FREE struct record_outbox_row *rows = calloc(ROWS, sizeof *rows);
	SCOPED_FREE struct sending *sendings = calloc(ROWS, sizeof *sendings);
	struct record_outbox_filter filter = { .due_by = INT64_MAX };
	if (!rows || !sendings)
		return err_set(err, REASON_STATION, "no memory for the outbox");
	size_t room = ROWS_FIRST, count = room;
	for (; count == room; filter.after_id = rows[count - 1].id) {
		room = filter.after_id ? ROWS : ROWS_FIRST;
		if (!record_outbox(sync->record, &filter, rows, room, &count, err))
			return false;
		for (size_t i = 0; i < count; i++)
			sendings[i] = (struct sending){ .row = rows[i] };
		if (!send_rows(sync, sendings, count, err))
			return false;
		judge_targets(sync);
		if (!count)
			return true;
	}
	return true;
}

/* --- the command --- */

static bool open_record(struct sync *sync, struct err *err)
{
	unsigned recovered = 0;
	const struct record_options options = { .state_dir = sync->state,
		.station_id = sync->config.id,
		.software_version = STATION_VERSION,
		.signing_key_file = sync->config.signing_key_file,
		.existing = true };
	if (!record_open(&options, &sync->record, &recovered, err))
		return false;
	cmd_tell_recovered("sync", recovered);
	return true;
}

static int sync_all(struct sync *sync)
{
	struct err err;
	if (!cmd_config(sync->options.config, &sync->config, &err))
		return cmd_fail("sync", &err);
	sync->state = sync->options.state ? sync->options.state : sync->config.state_dir;
	if (!open_record(sync, &err))
		return cmd_fail("sync", &err);
	interrupt_catch();
	bool good = send_all(sync, &err);
	print_end(sync);
	if (!good)
		return cmd_fail("sync", &err);
	return sync->refused + sync->held ? EXIT_NOT_ALL : EXIT_DONE;
}

static void done(struct sync *sync)
{
	for (size_t i = 0; i < sync->target_count; i++)
		cloud_close(sync->targets[i].cloud);
	vcloud_stop(sync->vcloud);
	record_close(sync->record);
}

static bool parse(int argc, char **argv, struct options *ret, int *ret_status)
{
	const struct cmd_option own[] = { { "state", &ret->state, NULL },
		{ "config", &ret->config, NULL }, { "json", NULL, &ret->json } };
	char **arguments;
	int count;
	if (!cmd_parse(argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count,
		    ret_status))
		return false;
	if (!count)
		return true;
	*ret_status = cmd_usage("sync", "%s is not wanted: all that is HELD is sent", arguments[0]);
	return false;
}

int cmd_sync(int argc, char **argv)
{
	int status = EXIT_DONE;
	struct sync *sync = calloc(1, sizeof *sync);
	if (!sync) {
		fprintf(stderr, "station sync: no memory\n");
		return EXIT_STOPPED;
	}
	if (parse(argc, argv, &sync->options, &status))
		status = sync_all(sync);
	done(sync);
	free(sync);
	return status;
}
