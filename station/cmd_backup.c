/* SPDX-License-Identifier: Apache-2.0 */
/* station backup: what stands on a unit, into a file that only its recipients can open. Read only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "backup.h"
#include "backup_file.h"
#include "clock.h"
#include "cmd_json.h"
#include "scope.h"
#include "visit_attempt.h"

static const char help[] =
	"usage: station backup [options] --job JOB\n"
	"       station backup [options] --recipient CERT.pem...\n"
	"\n"
	"Reads every byte of a unit in DFU that can be read, twice, and puts it into a file below backups/\n"
	"of the state folder, encrypted to the recipients: X.509 certificates, of the job (its group\n"
	"backup) or of the command line. Whoever has one of their private keys opens it with station\n"
	"restore, or with openssl cms -decrypt. Without a recipient nothing is saved, since a unit holds\n"
	"private keys. Writes nothing to the unit, and leaves it in DFU (one that runs its program is sent\n"
	"there). Not while the line runs. Backups that have been kept long enough are removed.\n"
	"\n"
	"  --slot S         this slot or port only; otherwise every unit of a known family\n"
	"  --job JOB        its recipients, and how long it keeps a backup\n"
	"  --recipient C... certificates of who can open it (PEM or DER), instead of the job's\n"
	"  --device-id ID   its id, where it cannot tell by itself; wants --slot\n"
	"  --operator NAME  into the record\n"
	"  --state DIR      the state folder (the config's); that of a rehearsal has its virtual units\n"
	"  --config FILE    the station's config\n"
	"  --json           one JSON object for each unit\n"
	"\n"
	"Exit status: 0 every unit is saved, 1 some are not, 2 refused, 3 it could not be recorded,\n"
	"130 interrupted.\n";

struct options {
	struct visit_options visit;
	const char *recipient;
	char **recipients; /* further ones */
	int recipient_count;
	bool json;
};

struct run {
	const struct options *options;
	struct visit *visit;
	struct recipients recipients;
	uint32_t keep_days;
};

static bool print_json(const struct run *run, const struct visit_unit *unit,
	const struct visit_attempt *attempt, const struct backup_done *done, struct err *err)
{
	json_t *recipients = json_array();
	for (size_t i = 0; i < run->recipients.count; i++)
		json_array_append_new(recipients, json_string(run->recipients.list[i].fingerprint));
	json_t *object = json_pack("{ss ss ss so ss ss ss ss sI sI so}", "event", "backup", "slot",
		unit->slot, "port", unit->ident.port, "device_id",
		cmd_json_text(attempt->device_id), "family", unit->family->name, "attempt_id",
		attempt->id, "path", done->path, "sha256", done->sha256, "bytes",
		(json_int_t)done->bytes, "regions", (json_int_t)done->pieces, "recipients",
		recipients);
	return cmd_json_line(stdout, object) ||
	       err_set(err, REASON_STATION, "cannot write the backup as JSON");
}

static void print_text(const struct run *run, const struct visit_unit *unit,
	const struct visit_attempt *attempt, const struct backup_done *done)
{
	printf("%s  %s  %s: %llu bytes in %zu regions, each read twice\n  %s\n  sha256 %s\n",
		unit->slot, attempt->device_id[0] ? attempt->device_id : "-", unit->family->title,
		(unsigned long long)done->bytes, done->pieces, done->path, done->sha256);
	for (size_t i = 0; i < run->recipients.count; i++)
		printf("  opens with the key of %s (%s, %s)\n", run->recipients.list[i].who,
			fs_name_of(run->recipients.list[i].file),
			run->recipients.list[i].fingerprint);
}

/* How far it is, for who looks at a terminal. */
struct shown {
	const char *slot;
	uint64_t total;
	unsigned percent;
};

static void show(void *context, uint64_t bytes)
{
	struct shown *shown = context;
	unsigned percent = shown->total ? (unsigned)(bytes * 100 / shown->total) : 100;
	if (percent == shown->percent || !isatty(STDERR_FILENO))
		return;
	shown->percent = percent;
	fprintf(stderr, "\r%s  reading, %u %%%s", shown->slot, percent, percent < 100 ? "" : "\n");
}

struct saving {
	const struct backup_request *request;
	struct backup_done *done;
};

static bool take(void *context, struct err *err)
{
	const struct saving *saving = context;
	return dfu_check_layout(saving->request->dfu, err) &&
	       backup_take(saving->request, saving->done, err);
}

/* A step of the attempt; the file and its rows are durable when it is good. */
static bool save(struct run *run, const struct visit_unit *unit, struct visit_attempt *attempt,
	struct backup_done *ret, struct err *err)
{
	struct record *record = visit_record(run->visit);
	const char *who = run->options->visit.operator_name;
	struct shown shown = { unit->slot, backup_bytes(&attempt->dfu, unit->family), 101 };
	const struct dfuse_progress progress = { show, &shown };
	const struct backup_request request = { .dfu = &attempt->dfu,
		.family = unit->family,
		.record = record,
		.state_dir = visit_state(run->visit),
		.recipients = &run->recipients,
		.keep_days = run->keep_days,
		.attempt_id = attempt->id,
		.device_id = attempt->device_id,
		.usb_serial = unit->ident.serial,
		.station_id = visit_station(run->visit),
		.software_version = STATION_VERSION,
		.operator_name = who ? who : "",
		.progress = &progress };
	struct saving saving = { &request, ret };
	return record_step(record, attempt->id, "backup", take, &saving, err);
}

static bool finish(
	struct run *run, struct visit_attempt *attempt, const struct err *why, struct err *err)
{
	enum reason reason = why                      ? why->reason
			     : !attempt->device_id[0] ? REASON_NO_DEVICE_ID
						      : REASON_NONE;
	return visit_end(run->visit, attempt, reason,
		why      ? why->text
		: reason ? "it is saved, but nobody knows whose it is"
			 : NULL,
		err);
}

/* False with what ends the command, or with what kept this unit from being saved. */
static bool save_one(struct run *run, const struct visit_unit *unit, struct err *err)
{
	struct visit_attempt attempt;
	struct backup_done done;
	struct err why, ending;
	if (!visit_begin(run->visit, unit, "diagnose", &attempt, err))
		return false;
	bool good = save(run, unit, &attempt, &done, &why);
	if (!finish(run, &attempt, good ? NULL : &why, &ending)) {
		*err = good || !visit_must_stop(&why) ? ending : why;
		return false;
	}
	if (!good) {
		*err = why;
		return false;
	}
	if (!run->options->json)
		print_text(run, unit, &attempt, &done);
	else if (!print_json(run, unit, &attempt, &done, err))
		return false;
	return attempt.device_id[0] ||
	       err_set(err, REASON_NO_DEVICE_ID,
		       "%s is saved, but nobody knows whose it is: give --device-id", unit->slot);
}

static int save_unit(void *context, struct visit_unit unit)
{
	struct run *run = context;
	struct err err;
	int status = EXIT_DONE;
	if (visit_to_dfu(run->visit, &unit, &status) && !save_one(run, &unit, &err))
		status = visit_fail(run->visit, &err);
	return status;
}

/* --- for whom --- */

static bool named_recipients(const struct options *options, struct run *run, struct err *err)
{
	if (options->recipient && !recipients_add(&run->recipients, options->recipient, err))
		return false;
	for (int i = 0; i < options->recipient_count; i++)
		if (!recipients_add(&run->recipients, options->recipients[i], err))
			return false;
	return true;
}

static bool choose_recipients(const struct options *options, struct run *run, struct err *err)
{
	const struct plan *plan = visit_plan(run->visit);
	bool real = !record_is_virtual(visit_record(run->visit));
	int64_t now = clock_utc_ms();
	run->keep_days = plan ? plan->job.returns.backup.keep_days : BACKUP_KEEP_DAYS;
	if (options->recipient)
		return named_recipients(options, run, err) &&
		       recipients_valid(&run->recipients, now, err);
	if (!plan || !plan->recipients.count)
		return err_set(err, REASON_NO_RECIPIENT,
			"a backup holds private keys, and nobody is named who can open it: name "
			"recipients in the job, backup : { recipients = ... }, or give --recipient");
	run->recipients = plan->recipients;
	return plan_can_back_up(plan, real, now, err);
}

static int run_all(struct run *run)
{
	struct err err;
	unsigned removed;
	if (!choose_recipients(run->options, run, &err) ||
		!backup_remove_old(
			visit_record(run->visit), visit_state(run->visit), &removed, &err))
		return cmd_fail("backup", &err);
	return visit_each(run->visit, save_unit, run);
}

int cmd_backup(int argc, char **argv)
{
	struct options options = { .visit.command = "backup" };
	struct visit_options *visit = &options.visit;
	const struct cmd_option own[] = { { "slot", &visit->slot, NULL },
		{ "job", &visit->job, NULL }, { "recipient", &options.recipient, NULL },
		{ "device-id", &visit->device_id, NULL },
		{ "operator", &visit->operator_name, NULL }, { "state", &visit->state, NULL },
		{ "config", &visit->config, NULL }, { "json", NULL, &options.json } };
	int status;
	if (!cmd_parse(argc, argv, help, own, sizeof own / sizeof *own, &options.recipients,
		    &options.recipient_count, &status))
		return status;
	if (options.recipient_count && !options.recipient)
		return cmd_usage("backup", "it takes no argument but options: --slot %s?",
			options.recipients[0]);
	SCOPED_FREE struct run *run = calloc(1, sizeof *run);
	if (!run)
		return EXIT_STOPPED;
	run->options = &options;
	if (!visit_open(visit, &run->visit, &status))
		return status;
	status = run_all(run);
	visit_close(run->visit);
	return status;
}
