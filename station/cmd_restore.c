/* SPDX-License-Identifier: Apache-2.0 */
/* station restore: a backup goes back onto its unit. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "backup_file.h"
#include "backups.h"
#include "clock.h"
#include "cmd_json.h"
#include "interrupt.h"
#include "passphrase.h"
#include "restore.h"
#include "returned_units.h"
#include "scope.h"
#include "visit_attempt.h"

static const char help[] =
	"usage: station restore BACKUP --key KEY.pem [options]\n"
	"\n"
	"Opens a backup with the private key of one of its recipients, and gives its unit back what stood\n"
	"there: what DFU can write is written where it differs, and read back; the rest is compared, and\n"
	"where it differs is told. Another unit, and a file that was changed or cut, are refused before\n"
	"anything is touched. What will be done is shown first, and confirmed by the name of the slot. If\n"
	"it breaks off, do it again. The device key becomes that of the backup: the cloud may hold a newer\n"
	"one. Not while the line runs.\n"
	"\n"
	"  --key KEY.pem    the private key; only its owner may be able to read the file\n"
	"  --passin-file F  its passphrase is the first line of this file; otherwise it is asked for\n"
	"  --slot S         the slot or port of the unit, if there are others\n"
	"  --foreign        also a file that this station's record does not know: of another station, whose\n"
	"                   people have told its sha256\n"
	"  --yes            do not ask\n"
	"  --device-id ID   its id, where it cannot tell by itself; wants --slot\n"
	"  --operator NAME  into the record\n"
	"  --state DIR      the state folder (the config's); that of a rehearsal has its virtual units\n"
	"  --config FILE    the station's config\n"
	"  --json           one JSON object about what was done\n"
	"\n"
	"Exit status: 0 restored, 1 it was not, 2 refused, 3 it could not be recorded, 130 interrupted.\n";

struct options {
	struct visit_options visit;
	const char *backup, *key, *passin_file;
	bool yes, foreign, json;
};

struct run {
	const struct options *options;
	struct visit *visit;
	struct visit_unit unit;
	struct visit_attempt attempt;
	struct backup_opened backup;
	struct restore restore;
};

/* --- telling --- */

/* Of all ranges of one piece. */
struct sums {
	uint64_t written, differs;
	uint32_t first;
	unsigned ranges;
	bool compared;
};

static struct sums sum_up(const struct restore *restore, const struct piece *piece)
{
	struct sums sums = { 0 };
	for (size_t i = 0; i < restore->range_count; i++) {
		const struct restore_range *range = &restore->ranges[i];
		if (range->name != piece->name)
			continue;
		sums.compared |= range->kind == RESTORE_COMPARED;
		if (!range->differs)
			continue;
		if (!sums.differs)
			sums.first = range->first;
		sums.differs += range->differs;
		sums.written += range->kind == RESTORE_COMPARED ? 0 : range->len;
		sums.ranges++;
	}
	return sums;
}

static void print_piece(const struct run *run, const struct piece *piece, FILE *to)
{
	struct sums sums = sum_up(&run->restore, piece);
	fprintf(to, "  %-16s alt %u, 0x%08" PRIx32 ", %8" PRIu32 " bytes: ", piece->name,
		piece->alt, piece->addr, piece->size);
	if (piece->hidden)
		fprintf(to, "not in the backup: it could not be seen then\n");
	else if (!dfu_has_alt(&run->attempt.dfu, piece->alt))
		fprintf(to, "the unit does not show this memory\n");
	else if (sums.written)
		fprintf(to, "%" PRIu64 " bytes are written, of which %" PRIu64 " differ\n",
			sums.written, sums.differs);
	else if (sums.differs)
		fprintf(to, "only compared; %" PRIu64 " bytes differ, first at 0x%08" PRIx32 "\n",
			sums.differs, sums.first);
	else
		fprintf(to, "%s\n", sums.compared ? "only compared; the same" : "the same");
}

static void print_plan(const struct run *run, FILE *to)
{
	const struct manifest *manifest = &run->backup.manifest;
	char when[32];
	clock_format_utc(manifest->at, when, sizeof when);
	fprintf(to, "%s  %s  %s, as it was at %.19s UTC\n", run->unit.slot, run->attempt.device_id,
		run->unit.family->title, when);
	if (run->attempt.by_label)
		fprintf(to, "  only its label says that this is that unit: make sure\n");
	for (size_t i = 0; i < manifest->piece_count; i++)
		print_piece(run, &manifest->pieces[i], to);
	if (run->restore.goes_away)
		fprintf(to,
			"  the system parts come first; then the unit runs its firmware once, and comes "
			"back\n");
	fflush(to);
}

static json_t *differences(const struct run *run)
{
	const struct manifest *manifest = &run->backup.manifest;
	json_t *list = json_array();
	for (size_t i = 0; i < manifest->piece_count; i++) {
		struct sums sums = sum_up(&run->restore, &manifest->pieces[i]);
		if (sums.differs)
			json_array_append_new(list,
				json_pack("{ss si sI sI}", "region", manifest->pieces[i].name,
					"alt", (int)manifest->pieces[i].alt, "first",
					(json_int_t)sums.first, "bytes", (json_int_t)sums.differs));
	}
	return list;
}

static void print_json(const struct run *run, enum reason reason)
{
	const char *code = reason_info(reason)->code;
	json_t *object = json_pack("{ss ss ss ss ss ss ss so ss sI so so}", "event", "restore",
		"slot", run->unit.slot, "port", run->unit.ident.port, "device_id",
		run->attempt.device_id, "family", run->unit.family->name, "attempt_id",
		run->attempt.id, "outcome", outcome_name(visit_outcome(reason)), "reason",
		cmd_json_text(code), "backup_sha256", run->backup.file_sha256, "written",
		(json_int_t)run->restore.written, "differs", differences(run), "device_key",
		cmd_json_text(run->restore.key_state));
	cmd_json_line(stdout, object);
}

static void print_done(const struct run *run)
{
	const struct manifest *manifest = &run->backup.manifest;
	printf("restored: %" PRIu64 " bytes written, all of it read back\n", run->restore.written);
	for (size_t i = 0; i < manifest->piece_count; i++) {
		struct sums sums = sum_up(&run->restore, &manifest->pieces[i]);
		if (sums.differs)
			printf("differs: %s, alt %u: %" PRIu64 " bytes, first at 0x%08" PRIx32
			       "; DFU cannot write there\n",
				manifest->pieces[i].name, manifest->pieces[i].alt, sums.differs,
				sums.first);
	}
	if (run->restore.key_state[0] && strcmp(run->restore.key_state, "enrolled") != 0)
		printf("its device key is not the one that the cloud accepts now: run a job on it before "
		       "it goes out\n");
}

/* --- one unit --- */

static bool refuse_marked(struct run *run, struct err *err)
{
	struct record_unit unit;
	if (!record_unit(visit_record(run->visit), run->attempt.device_id, &unit, err))
		return false;
	if (strcmp(unit.mark, "scrap") == 0)
		return err_set(err, REASON_MARKED_SCRAP, "the unit is marked scrap");
	return strcmp(unit.mark, "quarantine") != 0 ||
	       err_set(err, REASON_QUARANTINED, "the unit is marked quarantine");
}

static bool come_back(void *context, struct err *err)
{
	struct run *run = context;
	return visit_come_back(run->visit, &run->unit, &run->attempt, err);
}

/* Whose file it is by its hash, which nobody but a station's record can tell: a recipient's certificate is no
 * secret, so that a file which opens may be anybody's. */
static bool judge_file(struct run *run, struct err *err)
{
	struct record *record = visit_record(run->visit);
	struct record_backup_file file;
	const char *id = run->attempt.id, *hash = run->backup.file_sha256;
	if (!record_backup_by_hash(record, hash, &file, err) ||
		!record_observe(record, id, "backup-sha256", hash, err) ||
		!record_observe(
			record, id, "backup-taken-by", run->backup.manifest.attempt_id, err) ||
		!record_observe(
			record, id, "backup-of-this-record", file.path[0] ? "yes" : "no", err))
		return false;
	return file.path[0] || run->options->foreign ||
	       err_set(err, REASON_BACKUP_UNKNOWN, "its sha256 is %s", hash);
}

static bool compare(void *context, struct err *err)
{
	struct run *run = context;
	return dfu_check_layout(&run->attempt.dfu, err) && restore_look(&run->restore, err);
}

static bool look(struct run *run, struct err *err)
{
	struct record *record = visit_record(run->visit);
	run->restore = (struct restore){ .dfu = &run->attempt.dfu,
		.family = run->unit.family,
		.record = record,
		.attempt_id = run->attempt.id,
		.device_id = run->attempt.device_id,
		.backup = &run->backup,
		.come_back = come_back,
		.context = run };
	return restore_judge(
		       &run->backup.manifest, run->unit.family, run->attempt.device_id, err) &&
	       refuse_marked(run, err) && judge_file(run, err) &&
	       record_step(record, run->attempt.id, "compare", compare, run, err);
}

static bool note_differences(struct run *run, struct err *err)
{
	const struct manifest *manifest = &run->backup.manifest;
	for (size_t i = 0; i < manifest->piece_count; i++) {
		struct sums sums = sum_up(&run->restore, &manifest->pieces[i]);
		char text[128];
		if (!sums.differs)
			continue;
		snprintf(text, sizeof text,
			"%" PRIu64 " bytes are not what the backup has, first at 0x%08" PRIx32,
			sums.differs, sums.first);
		if (!record_finding(visit_record(run->visit), run->attempt.id,
			    manifest->pieces[i].name, "note", "restore-differs", text, err))
			return false;
	}
	return true;
}

static bool do_it(struct run *run, struct err *err)
{
	if (!look(run, err))
		return false;
	if (!run->options->json || !run->options->yes)
		print_plan(run, run->options->json ? stderr : stdout);
	if (!run->options->yes && !visit_confirmed(&run->unit))
		return err_set(err, REASON_STOPPED, "not confirmed: nothing was written");
	return restore_run(&run->restore, err) && note_differences(run, err);
}

/* The outcome is durable when this is told. */
static int finish(struct run *run, bool good, const struct err *why)
{
	struct err err;
	enum reason reason = good ? REASON_NONE : why->reason;
	if (!visit_end(run->visit, &run->attempt, reason, good ? NULL : why->text, &err))
		return cmd_fail("restore", &err);
	if (run->options->json)
		print_json(run, reason);
	else if (good)
		print_done(run);
	if (good)
		return EXIT_DONE;
	int status = cmd_fail("restore", why);
	enum err_kind kind = err_kind(why);
	if (kind == ERR_STORE || kind == ERR_BUG)
		return status;
	if (kind == ERR_CANCEL)
		return run->restore.written || cancel_is_set(interrupt_once()) ? EXIT_INTERRUPTED
									       : EXIT_REFUSED;
	return kind == ERR_REJECT || kind == ERR_INPUT ? EXIT_REFUSED : EXIT_NOT_ALL;
}

static int visit_it(struct run *run)
{
	struct err err;
	unsigned removed;
	size_t count;
	int status = EXIT_DONE;
	const struct visit_unit *units = visit_units(run->visit, &count);
	if (count > 1) {
		fprintf(stderr, "station restore: there are %zu units: give --slot\n", count);
		return EXIT_REFUSED;
	}
	run->unit = units[0];
	if (!backup_remove_old(visit_record(run->visit), visit_state(run->visit), &removed, &err))
		return cmd_fail("restore", &err);
	if (!visit_to_dfu(run->visit, &run->unit, &status))
		return status;
	if (!visit_begin(run->visit, &run->unit, "restore", &run->attempt, &err))
		return visit_fail(run->visit, &err);
	bool good = do_it(run, &err);
	return finish(run, good, &err);
}

/* Before any unit is looked for. */
static bool open_backup(const struct options *options, struct run *run, struct err *err)
{
	char prompt[FS_PATH_MAX + 32];
	struct passphrase passphrase = { .file = options->passin_file, .prompt = prompt };
	SCOPED_ENVELOPE_KEY struct envelope_key *key = NULL;
	snprintf(prompt, sizeof prompt, "passphrase of %s: ", options->key);
	if (envelope_key_load(options->key, passphrase_ask, &passphrase, &key, err))
		return backup_open(options->backup, key, &run->backup, err);
	if (passphrase.err.reason)
		*err = passphrase.err;
	return false;
}

static int restore_one(const struct options *options, struct run *run)
{
	struct err err;
	int status = EXIT_REFUSED;
	run->options = options;
	interrupt_catch();
	if (!open_backup(options, run, &err))
		return cmd_fail("restore", &err);
	if (!visit_open(&options->visit, &run->visit, &status))
		return status;
	status = visit_it(run);
	visit_close(run->visit);
	return status;
}

int cmd_restore(int argc, char **argv)
{
	struct options options = { .visit.command = "restore" };
	struct visit_options *visit = &options.visit;
	const struct cmd_option own[] = { { "key", &options.key, NULL },
		{ "passin-file", &options.passin_file, NULL }, { "yes", NULL, &options.yes },
		{ "foreign", NULL, &options.foreign }, { "slot", &visit->slot, NULL },
		{ "device-id", &visit->device_id, NULL },
		{ "operator", &visit->operator_name, NULL }, { "state", &visit->state, NULL },
		{ "config", &visit->config, NULL }, { "json", NULL, &options.json } };
	char **arguments;
	int count, status;
	if (!cmd_parse(
		    argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count, &status))
		return status;
	if (count != 1 || !options.key)
		return cmd_usage(
			"restore", count != 1 ? "it takes one backup" : "it needs --key KEY.pem");
	options.backup = arguments[0];
	SCOPED_FREE struct run *run = calloc(1, sizeof *run);
	if (!run)
		return EXIT_STOPPED;
	status = restore_one(&options, run);
	backup_opened_done(&run->backup);
	return status;
}
