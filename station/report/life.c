/* SPDX-License-Identifier: Apache-2.0 */
#include "life_private.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "render.h"
#include "resale.h"
#include "scope.h"
#include "show.h"

/* --- the record as JSON --- */

/* Unknown is null. What a device sent may be no UTF-8: then it is shown with question marks. */
static json_t *text_or_null(const char *text)
{
	json_t *value = text ? json_string(text) : json_null();
	if (value)
		return value;
	SCOPED_FREE char *clean = render_clean(text);
	return clean ? json_string(clean) : NULL;
}

static json_t *number_or_null(int64_t number)
{
	return number < 0 ? json_null() : json_integer(number);
}

struct text_field {
	const char *name, *text;
};
struct number_field {
	const char *name;
	int64_t number;
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static json_t *object_of(struct life *life, const struct text_field *texts, size_t text_count,
	const struct number_field *numbers, size_t number_count)
{
	json_t *object = json_object();
	for (size_t i = 0; i < text_count; i++)
		life->failed |= json_object_set_new(
					object, texts[i].name, text_or_null(texts[i].text)) != 0;
	for (size_t i = 0; i < number_count; i++)
		life->failed |= json_object_set_new(object, numbers[i].name,
					number_or_null(numbers[i].number)) != 0;
	return object;
}

static bool keep(struct life *life, json_t *list, json_t *object)
{
	life->failed |= json_array_append_new(list, object) != 0;
	return !life->failed;
}

static json_t *list_in(struct life *life, json_t *object, const char *name)
{
	json_t *list = json_array();
	life->failed |= json_object_set_new(object, name, list) != 0;
	return list;
}

/* Of the attempt that was read last. */
static void set_text(struct life *life, const char *name, const char *text)
{
	life->failed |= json_object_set_new(life->attempt, name, text_or_null(text)) != 0;
}

static bool add_attempt(void *context, const struct show_attempt *attempt)
{
	struct life *life = context;
	const struct text_field texts[] = {
		{ "id", attempt->id },
		{ "kind", attempt->kind },
		{ "outcome", attempt->outcome },
		{ "reason", attempt->reason },
		{ "cause", attempt->cause },
		{ "detail", attempt->detail },
		{ "slot", attempt->slot },
		{ "usb_path", attempt->usb_path },
		{ "usb_serial", attempt->usb_serial },
		{ "device_id", attempt->device_id },
		{ "device_id_source", attempt->device_id_source },
		{ "bootloader_version", attempt->bootloader_version },
		{ "key_fingerprint", attempt->key_fingerprint },
		{ "operator", attempt->operator_name },
		{ "batch_id", attempt->batch_id },
		{ "job_name", attempt->job_name },
		{ "family", attempt->family },
		{ "plan_sha256", attempt->plan_sha256 },
		{ "work_order", attempt->work_order },
		{ "seal_hash", attempt->seal_hash },
		{ "seal_signature", attempt->seal_signature },
	};
	const struct number_field numbers[] = {
		{ "passage", attempt->passage },
		{ "arrived_at", attempt->arrived_at },
		{ "started_at", attempt->started_at },
		{ "ended_at", attempt->ended_at },
		{ "final_at", attempt->final_at },
		{ "seal_seq", attempt->seal_seq },
		{ "seal_at", attempt->seal_at },
	};
	json_t *object = object_of(life, texts, COUNT(texts), numbers, COUNT(numbers));
	life->unproven = list_in(life, object, "unproven");
	life->steps = list_in(life, object, "steps");
	life->observations = list_in(life, object, "observations");
	life->identities = list_in(life, object, "identities");
	life->findings = list_in(life, object, "findings");
	life->cleared = list_in(life, object, "cleared");
	life->backups = list_in(life, object, "backups");
	life->attempt = object;
	set_text(life, "rma", NULL);
	set_text(life, RECORD_RESALE, NULL);
	return keep(life, life->attempts, object);
}

static bool add_step(void *context, const struct show_step *step)
{
	struct life *life = context;
	const struct text_field texts[] = { { "name", step->name }, { "outcome", step->outcome },
		{ "reason", step->reason }, { "detail", step->detail } };
	const struct number_field numbers[] = { { "seq", step->seq }, { "try", step->try_number },
		{ "started_at", step->started_at }, { "ended_at", step->ended_at } };
	return keep(
		life, life->steps, object_of(life, texts, COUNT(texts), numbers, COUNT(numbers)));
}

static bool add_observation(void *context, const struct show_observation *observation)
{
	struct life *life = context;
	const struct text_field texts[] = { { "name", observation->name },
		{ "value", observation->value } };
	if (strcmp(observation->name, RECORD_UNPROVEN) == 0 &&
		!keep(life, life->unproven, text_or_null(observation->value)))
		return false;
	if (strcmp(observation->name, RECORD_RESALE) == 0)
		set_text(life, RECORD_RESALE, observation->value);
	return keep(life, life->observations, object_of(life, texts, COUNT(texts), NULL, 0));
}

static bool add_identity(void *context, const struct show_observation *identity)
{
	struct life *life = context;
	const struct text_field texts[] = { { "kind", identity->name },
		{ "value", identity->value } };
	if (strcmp(identity->name, "rma") == 0)
		set_text(life, "rma", identity->value);
	return keep(life, life->identities, object_of(life, texts, COUNT(texts), NULL, 0));
}

static bool add_finding(void *context, const struct show_finding *finding)
{
	struct life *life = context;
	const struct text_field texts[] = { { "subject", finding->subject },
		{ "state", finding->state }, { "code", finding->code },
		{ "evidence", finding->evidence } };
	return keep(life, life->findings, object_of(life, texts, COUNT(texts), NULL, 0));
}

static bool add_backup(void *context, const struct show_backup *backup)
{
	struct life *life = context;
	const struct text_field texts[] = { { "path", backup->path },
		{ "file_sha256", backup->file_sha256 }, { "recipients", backup->recipients },
		{ "removed_why", backup->removed_why } };
	const struct number_field numbers[] = { { "at", backup->at },
		{ "keep_until", backup->keep_until }, { "removed_at", backup->removed_at },
		{ "bytes", backup->bytes }, { "pieces", backup->pieces } };
	return keep(
		life, life->backups, object_of(life, texts, COUNT(texts), numbers, COUNT(numbers)));
}

static bool add_key(void *context, const struct show_key *key)
{
	struct life *life = context;
	const struct text_field texts[] = { { "fingerprint", key->fingerprint },
		{ "algorithm", key->algorithm }, { "state", key->state },
		{ "attempt_id", key->attempt_id }, { "enrol_proof", key->enrol_proof } };
	const struct number_field numbers[] = { { "intended_at", key->intended_at },
		{ "on_device_at", key->on_device_at }, { "enrolled_at", key->enrolled_at },
		{ "retired_at", key->retired_at } };
	return keep(
		life, life->keys, object_of(life, texts, COUNT(texts), numbers, COUNT(numbers)));
}

static bool add_batch(void *context, const struct show_batch *batch)
{
	struct life *life = context;
	const struct text_field texts[] = { { "id", batch->id }, { "kind", batch->kind },
		{ "job_name", batch->job_name }, { "plan_sha256", batch->plan_sha256 },
		{ "family", batch->family }, { "cloud", batch->cloud },
		{ "work_order", batch->work_order }, { "part_number", batch->part_number },
		{ "part_revision", batch->part_revision }, { "operator", batch->operator_name },
		{ "station_id", batch->station_id },
		{ "software_version", batch->software_version } };
	const struct number_field numbers[] = { { "started_at", batch->started_at },
		{ "ended_at", batch->ended_at } };
	json_t *object = object_of(life, texts, COUNT(texts), numbers, COUNT(numbers));
	life->images = list_in(life, object, "images");
	return keep(life, life->batches, object);
}

static bool add_image(void *context, const struct show_image *image)
{
	struct life *life = context;
	const struct text_field texts[] = { { "region", image->region },
		{ "file_name", image->file_name }, { "sha256", image->sha256 } };
	const struct number_field numbers[] = { { "stage", image->stage },
		{ "address", image->address }, { "size", image->size },
		{ "version", image->version }, { "platform_id", image->platform_id } };
	return keep(
		life, life->images, object_of(life, texts, COUNT(texts), numbers, COUNT(numbers)));
}

static bool add_marked(struct life *life, json_t *list, const struct show_mark *mark)
{
	const struct text_field texts[] = { { "mark", mark->mark }, { "note", mark->note },
		{ "operator", mark->operator_name } };
	const struct number_field numbers[] = { { "at", mark->at } };
	return keep(life, list, object_of(life, texts, COUNT(texts), numbers, COUNT(numbers)));
}

static bool add_mark(void *context, const struct show_mark *mark)
{
	struct life *life = context;
	return add_marked(life, life->marks, mark);
}

static bool add_cleared(void *context, const struct show_mark *cleared)
{
	struct life *life = context;
	return add_marked(life, life->cleared, cleared);
}

/* --- reading --- */

/* null where nothing is said of it. */
static json_t *for_resale(const struct life *life)
{
	const char *why;
	if (!life_text(life_deciding(life), RECORD_RESALE))
		return json_null();
	return json_boolean(life_is_pass(life, &why) && life_is_for_resale(life));
}

static bool begin(struct life *life, struct record *record, const char *unit, struct err *err)
{
	struct record_head head;
	if (!record_head(record, &head, err))
		return false;
	life->root = json_pack("{s:s, s:o, s:b, s:I, s:{s:I, s:s}}", "format", "station show 1",
		"unit", text_or_null(unit), "virtual", record_is_virtual(record), "made_at",
		(json_int_t)clock_utc_ms(), "seal", "seq", (json_int_t)head.seq, "hash", head.hash);
	life->attempts = list_in(life, life->root, "attempts");
	life->keys = list_in(life, life->root, "keys");
	life->batches = list_in(life, life->root, "batches");
	life->marks = list_in(life, life->root, "marks");
	life->one_attempt = strchr(unit, '-') != NULL;
	return true;
}

static bool fill(struct life *life, struct record *record, const char *unit, bool *ret_found,
	struct err *err)
{
	const struct show_reader reader = { .attempt = add_attempt,
		.step = add_step,
		.observation = add_observation,
		.identity = add_identity,
		.finding = add_finding,
		.backup = add_backup,
		.cleared = add_cleared,
		.key = add_key,
		.batch = add_batch,
		.image = add_image,
		.mark = add_mark,
		.context = life };
	if (!begin(life, record, unit, err) || !show_unit(record, unit, &reader, ret_found, err))
		return false;
	const char *why;
	bool pass = life_is_pass(life, &why);
	life->failed |= json_object_set_new(life->root, "verdict",
				json_pack("{s:b, s:s, s:o}", "pass", pass, "why", why, "for_resale",
					for_resale(life))) != 0;
	return !life->failed || err_set(err, REASON_STATION, "no memory for what the record holds");
}

bool life_read(struct record *record, const char *unit, struct life **ret, struct err *err)
{
	bool found = false;
	struct life *life = calloc(1, sizeof *life);
	if (!life)
		return err_set(err, REASON_STATION, "no memory for what the record holds");
	bool good = fill(life, record, unit, &found, err);
	if (!good || !found) {
		life_free(life);
		life = NULL;
	}
	if (good)
		*ret = life;
	return good;
}

void life_free(struct life *life)
{
	if (!life)
		return;
	json_decref(life->root);
	free(life);
}

bool render_life_json(const struct life *life, struct text_buf *to, struct err *err)
{
	char *dumped = json_dumps(life->root, JSON_COMPACT);
	if (!dumped)
		return err_set(err, REASON_STATION, "no memory for the JSON");
	text_buf_addf(to, "%s\n", dumped);
	free(dumped);
	return true;
}
