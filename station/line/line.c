/* SPDX-License-Identifier: Apache-2.0 */
/* The batch: begins it in the record, starts a worker per slot, watches the bus, ends it. */
#include "line.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "background.h"
#include "clock.h"
#include "copy.h"
#include "hubs.h"
#include "line_private.h"
#include "scope.h"
#include "text.h"

enum { SCAN_EVERY_MS = 250 };

static const char *const end_names[] = { "done", "done", "quantity", "operator", "rule", "store",
	"bus" };

const char *line_kind_name(enum line_kind kind)
{
	static const char *const names[] = { [LINE_PROVISION] = "provision",
		[LINE_REPROVISION] = "reprovision",
		[LINE_VERIFY] = "verify" };
	return names[kind];
}

void line_emit(struct line *line, const struct line_event *event)
{
	SCOPED_LOCK(&line->event_mutex);
	if (line->options.event)
		line->options.event(line->options.context, event);
}

static bool init_locks(struct line *line)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	bool good = pthread_mutex_init(&line->mutex, NULL) == 0 &&
		    pthread_mutex_init(&line->event_mutex, NULL) == 0 &&
		    pthread_cond_init(&line->changed, &attributes) == 0;
	pthread_condattr_destroy(&attributes);
	return good;
}

bool line_new(const struct line_options *options, struct line **ret, struct err *err)
{
	struct line *line = calloc(1, sizeof *line);
	if (!line || !init_locks(line)) {
		free(line);
		return err_set(err, REASON_STATION, "no memory for the line");
	}
	line->options = *options;
	line->slot_count = options->config->slot_count;
	line->slots = calloc(CONFIG_SLOTS_MAX, sizeof *line->slots);
	if (!line->slots) {
		line_free(line);
		return err_set(err, REASON_STATION, "no memory for the slots");
	}
	for (size_t i = 0; i < line->slot_count; i++) {
		line->slots[i].line = line;
		line->slots[i].config = &options->config->slots[i];
	}
	const struct plan_enrol *enrol = &options->plan->enrol;
	struct cloud_journal journal = journal_of(options->record);
	bool sends = enrol->wanted && options->kind != LINE_VERIFY;
	if (sends && !cloud_open(&enrol->cloud, &journal, &line->cloud, err)) {
		line_free(line);
		return err_at(err, "cloud %s", enrol->cloud.name);
	}
	*ret = line;
	return true;
}

void line_free(struct line *line)
{
	if (!line)
		return;
	cloud_close(line->cloud);
	free(line->slots);
	pthread_cond_destroy(&line->changed);
	pthread_mutex_destroy(&line->event_mutex);
	pthread_mutex_destroy(&line->mutex);
	free(line);
}

/* A port that is no slot yet becomes one, with a worker of its own once the line runs. Mutex held.
 * NULL if it cannot. */
static struct slot *add_slot(struct line *line, const char *port)
{
	struct slot *slot = &line->slots[line->slot_count];
	if (line->slot_count == CONFIG_SLOTS_MAX)
		return NULL;
	*slot = (struct slot){ .line = line, .config = &slot->own };
	if (!text_copy(slot->own.name, sizeof slot->own.name, port) ||
		!text_copy(slot->own.port, sizeof slot->own.port, port) ||
		(line->running && pthread_create(&slot->thread, NULL, slot_worker, slot) != 0)) {
		log_line(line->options.log, "line", "port %s cannot become a slot", port);
		return NULL;
	}
	line->slot_count++;
	return slot;
}

/* By its name; where any port may be a slot, the name of a port makes one. Mutex held. */
static struct slot *find_slot(struct line *line, const char *name)
{
	for (size_t i = 0; i < line->slot_count; i++)
		if (strcmp(line->slots[i].config->name, name) == 0)
			return &line->slots[i];
	bool is_port = name[0] && name[strspn(name, "0123456789.-")] == 0;
	return line->options.any_port && is_port ? add_slot(line, name) : NULL;
}

bool line_scan(struct line *line, const char *slot, const char *device_id, struct err *err)
{
	char id[LINE_DEVICE_ID];
	size_t len = strlen(device_id);
	for (size_t i = 0; i < len && len == LINE_DEVICE_ID - 1; i++) {
		if (!isxdigit((unsigned char)device_id[i]))
			len = 0;
		else
			id[i] = (char)tolower((unsigned char)device_id[i]);
	}
	if (len != LINE_DEVICE_ID - 1)
		return err_set(err, REASON_INPUT, "slot %s: a device id has 24 hex digits", slot);
	id[len] = 0;
	SCOPED_LOCK(&line->mutex);
	struct slot *place = find_slot(line, slot);
	if (!place)
		return err_set(err, REASON_INPUT, "there is no slot %s", slot);
	memcpy(place->scanned_id, id, sizeof id);
	return true;
}

bool line_confirm(struct line *line, const char *slot, struct err *err)
{
	SCOPED_LOCK(&line->mutex);
	const struct slot *known = NULL;
	for (size_t i = 0; i < line->slot_count; i++) {
		struct slot *place = &line->slots[i];
		if (strcmp(place->config->name, slot) != 0)
			continue;
		known = place;
		if (!place->asks)
			break;
		place->confirmed = true;
		pthread_cond_broadcast(&line->changed);
		return true;
	}
	return err_set(err, REASON_INPUT,
		known ? "slot %s asks nothing now" : "there is no slot %s", slot);
}

void line_confirm_nobody(struct line *line)
{
	SCOPED_LOCK(&line->mutex);
	line->nobody_confirms = true;
	pthread_cond_broadcast(&line->changed);
}

void line_drain(struct line *line)
{
	cancel_set(&line->drain_request);
}

void line_abort(struct line *line)
{
	cancel_set(&line->abort_request);
}

/* One row for a region of a stage: its runs are of one file and in the order of addresses. Returns how many rows
 * it added. */
static size_t add_image(
	struct record_image *images, size_t count, unsigned stage, const struct plan_region *region)
{
	for (size_t i = 0; i < count; i++)
		if (images[i].stage == stage && images[i].region == region->region->name) {
			images[i].size += region->len;
			return 0;
		}
	images[count] = (struct record_image){ .region = region->region->name,
		.addr = region->addr,
		.file_name = region->file_name,
		.has_module = region->has_module,
		.version = region->module.version,
		.platform_id = region->module.platform_id,
		.size = region->len,
		.sha256 = region->sha256,
		.stage = stage };
	return 1;
}

static bool begin_batch(struct line *line, struct err *err)
{
	const struct line_options *options = &line->options;
	const struct plan *plan = options->plan;
	struct record_batch batch = { .kind = line_kind_name(options->kind),
		.job_name = plan->job.name,
		.job_text = plan->job.text,
		.plan_sha256 = plan->sha256,
		.family = plan->family.name,
		.family_sha256 = plan->family.sha256,
		.config_sha256 = options->config->sha256,
		.cloud = plan->enrol.wanted ? plan->enrol.cloud.name : "",
		.work_order = options->work_order,
		.part_number = plan->job.part_number,
		.part_revision = plan->job.part_revision,
		.operator_name = options->operator_name,
		.quantity = options->quantity };
	struct record_image images[JOB_STAGES_MAX * FAMILY_REGIONS_MAX + 1];
	size_t count = 0;
	for (unsigned stage = 0; stage <= plan->before_count; stage++) {
		const struct plan *of_stage = plan_stage(plan, stage);
		for (size_t i = 0; i < of_stage->region_count; i++)
			count += add_image(images, count, stage, &of_stage->regions[i]);
	}
	if (plan->server_key.wanted)
		images[count++] = (struct record_image){ .region = "server_key",
			.addr = plan->server_key.slot->addr,
			.file_name = plan->server_key.file_name,
			.size = plan->server_key.slot->format.size,
			.sha256 = plan->server_key.file_sha256,
			.stage = plan->stage };
	return record_batch_begin(options->record, &batch, images, count, line->batch_id, err) &&
	       (!options->quantity ||
		       record_batch_made(options->record, line->batch_id, &line->made, err));
}

static bool stands_at(const struct usb_ident *ident, const struct config_slot *place)
{
	return config_slot_is_at(place, ident->port, ident->controller);
}

static void add_slots(struct line *line, const struct usb_ident *idents, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool known = !slot_takes(line, &idents[i]);
		for (size_t s = 0; s < line->slot_count && !known; s++)
			known = stands_at(&idents[i], line->slots[s].config);
		if (!known)
			add_slot(line, idents[i].port);
	}
}

/* A controller has a bus for each speed, with port numbers of its own: what is no
 * unit does not hide one. */
static void tell_slots(struct line *line, const struct usb_ident *idents, size_t count)
{
	uint64_t now = clock_mono_us();
	if (line->options.any_port && !line->draining)
		add_slots(line, idents, count);
	for (size_t s = 0; s < line->slot_count; s++) {
		const struct usb_ident *here = NULL;
		for (size_t i = 0; i < count; i++)
			if (stands_at(&idents[i], line->slots[s].config) &&
				(!here || slot_takes(line, &idents[i])))
				here = &idents[i];
		slot_update(&line->slots[s], here, now);
	}
	pthread_cond_broadcast(&line->changed);
}

/* What signals and callers asked for; mutex held. */
static void heed_requests(struct line *line)
{
	if (cancel_is_set(&line->abort_request) || cancel_is_set(line->options.abort))
		gate_end(line, END_OPERATOR, true, "stopped by the operator");
	else if (cancel_is_set(&line->drain_request) || cancel_is_set(line->options.drain))
		gate_end(line, END_OPERATOR, false, "stopped by the operator");
}

/* Watches the bus until the line takes no more units and none is in work. */
static void watch_bus(struct line *line, struct usb_ident *idents)
{
	struct usb_bus *bus = line->options.bus;
	for (;;) {
		struct err err;
		size_t count = 0;
		uint64_t change = 0;
		bool listed = bus->ops->list(bus, idents, USB_UNITS_MAX, &count, &change, &err);
		/* Also in the last round: a hub that took the last units with it is told. */
		hubs_watch(line);
		pthread_mutex_lock(&line->mutex);
		if (listed)
			tell_slots(line, idents, count);
		else
			gate_end(line, END_BUS, true, "%s", err.text);
		heed_requests(line);
		bool over = line->draining && line->in_work == 0;
		bool draining = line->draining;
		pthread_mutex_unlock(&line->mutex);
		if (over)
			return;
		/* While draining, the wake flag stays set; the pause keeps this from spinning. */
		if (draining)
			clock_pause_until(clock_mono_us() + CANCEL_POLL_MS * 1000u, NULL);
		else if (!bus->ops->wait(bus, change, SCAN_EVERY_MS, &line->scan_wake, &err) &&
			 err_kind(&err) != ERR_CANCEL)
			clock_pause_until(
				clock_mono_us() + SCAN_EVERY_MS * 1000u, &line->scan_wake);
	}
}

/* Those that cannot be started are no slots. */
static bool start_workers(struct line *line)
{
	SCOPED_LOCK(&line->mutex);
	line->running = true;
	for (size_t i = 0; i < line->slot_count; i++)
		if (pthread_create(&line->slots[i].thread, NULL, slot_worker, &line->slots[i]) !=
			0) {
			line->slot_count = i;
			return false;
		}
	return true;
}

static void fill_summary(struct line *line, struct line_summary *ret)
{
	struct err err;
	*ret = (struct line_summary){ .ended_by = end_names[line->end],
		.stopped =
			line->end == END_RULE || line->end == END_STORE || line->end == END_BUS };
	memcpy(ret->batch_id, line->batch_id, sizeof ret->batch_id);
	memcpy(ret->outcomes, line->outcomes, sizeof ret->outcomes);
	snprintf(ret->why, sizeof ret->why, "%s", line->why);
	if (!record_head(line->options.record, &ret->head, &err))
		log_line(line->options.log, "line", "%s", err.text);
}

/* Not if the record failed: the next start finds the batch open and knows why. */
static bool end_batch(struct line *line, bool stopped, struct err *err)
{
	struct record *record = line->options.record;
	struct err unrecorded;
	if (line->end != END_STORE)
		return record_batch_end(record, line->batch_id, end_names[line->end], err) &&
		       (!stopped || record_line_stop(record, line->batch_id, line->end_at,
					    clock_utc_ms(), line->why, err));
	if (!record_line_stop(
		    record, line->batch_id, line->end_at, clock_utc_ms(), line->why, &unrecorded))
		log_line(line->options.log, "line", "%s", unrecorded.text);
	return true;
}

/* What the batch has made stands; but that nobody has a copy of it is not to be overlooked. */
static void copy_record(struct line *line, struct line_summary *summary)
{
	const char *folder = line->options.config->record_copy_dir;
	struct record_copy copy;
	struct err err;
	if (!folder[0] || line->end == END_STORE ||
		record_copy_into(line->options.record, folder, &copy, &err))
		return;
	size_t len = strlen(summary->why);
	summary->stopped = true;
	snprintf(summary->why + len, sizeof summary->why - len, "%sno good copy of the record: %s",
		len ? "; " : "", err.text);
	log_line(line->options.log, "line", "no good copy of the record: %s", err.text);
}

bool line_run(struct line *line, struct line_summary *ret, struct err *err)
{
	SCOPED_FREE struct usb_ident *idents = calloc(USB_UNITS_MAX, sizeof *idents);
	if (!idents)
		return err_set(err, REASON_STATION, "no memory for the bus");
	if (!begin_batch(line, err))
		return false;
	if (!start_workers(line)) {
		SCOPED_LOCK(&line->mutex);
		gate_end(line, END_BUS, true, "cannot start %zu workers", line->slot_count);
	}
	struct err why;
	if (!background_start(line, &why))
		log_line(line->options.log, "line", "%s", why.text);
	watch_bus(line, idents);
	for (size_t i = 0; i < line->slot_count; i++)
		pthread_join(line->slots[i].thread, NULL);
	background_finish(line);
	hubs_finish(line);
	fill_summary(line, ret);
	bool ended = end_batch(line, ret->stopped, err);
	if (ended)
		copy_record(line, ret);
	return ended;
}
