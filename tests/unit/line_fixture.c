/* SPDX-License-Identifier: Apache-2.0 */
/* The bench itself, and a line that runs on it. */
#include "line_fixture_private.h"

#include <time.h>

enum { SHORT_ASK_MS = 500, LONG_ASK_MS = 60000 };

/* --- the bench --- */

void bench_slot_name(unsigned slot, char ret[CONFIG_NAME_MAX])
{
	snprintf(ret, CONFIG_NAME_MAX, "A%u", slot + 1);
}

const char *bench_port(const struct line_bench *bench, unsigned slot)
{
	return bench->config.slots[slot].port;
}

static void open_record(struct line_bench *bench)
{
	struct record_options options = { .state_dir = bench->folder,
		.station_id = "bench-1",
		.software_version = "test",
		.virtual_line = true };
	MUST(record_open(&options, &bench->record, &bench->recovered, err));
}

void bench_record_reopen(struct line_bench *bench)
{
	record_close(bench->record);
	bench->record = NULL;
	open_record(bench);
}

static void start_cloud(struct line_bench *bench)
{
	char keys[FS_PATH_MAX], access[FS_PATH_MAX];
	MUST(fs_join(keys, bench->folder, "cloud", err) &&
		fs_join(access, bench->folder, "access", err));
	struct vcloud_options options = { .folder = keys, .secret_folder = access };
	MUST(vcloud_start(&options, &bench->vcloud, err));
	snprintf(bench->cloud_url, sizeof bench->cloud_url, "%s", vcloud_url(bench->vcloud));
}

static void unplug_by_fault(void *context, const char *port)
{
	struct line_bench *bench = context;
	vbus_unplug(bench->vbus, port);
}

void bench_open_in(struct line_bench *bench, const char *family, unsigned slots, const char *folder,
	const char *cloud_url)
{
	*bench = (struct line_bench){ .family = family, .slots = slots };
	pthread_mutex_init(&bench->lock, NULL);
	pthread_cond_init(&bench->changed, NULL);
	bench->events = calloc(BENCH_EVENTS_MAX, sizeof *bench->events);
	assert_non_null(bench->events);
	snprintf(bench->folder, sizeof bench->folder, "%s", folder);
	MUST(keys_init(err));
	MUST(config_load("", &bench->config, err));
	bench->config.slot_count = slots;
	bench->config.stagger_ms = 0;
	for (unsigned i = 0; i < slots; i++) {
		bench_slot_name(i, bench->config.slots[i].name);
		snprintf(bench->config.slots[i].port, CONFIG_PORT_MAX, "1-%u", i + 1);
	}
	if (cloud_url)
		snprintf(bench->cloud_url, sizeof bench->cloud_url, "%s", cloud_url);
	else
		start_cloud(bench);
	MUST(fs_join(bench->cloud_ca_file, bench->folder, "access/ca.pem", err) &&
		fs_join(bench->cloud_token_file, bench->folder, "access/token", err));
	open_record(bench);
	MUST(vbus_new(0, &bench->vbus, err));
	MUST(usb_fault_new(vbus_bus(bench->vbus), &bench->fault, err));
	usb_fault_on_unplug(bench->fault, unplug_by_fault, bench);
}

/* In memory if possible: a sweep commits some hundred thousand times. */
void bench_open(struct line_bench *bench, const char *family, unsigned slots)
{
	char folder[] = "/dev/shm/station-line-XXXXXX", other[] = "/tmp/station-line-XXXXXX";
	const char *made = mkdtemp(folder);
	if (!made)
		made = mkdtemp(other);
	assert_non_null(made);
	bench_open_in(bench, family, slots, made, NULL);
	bench->owns_folder = true;
}

static void remove_folder(const char *path)
{
	char command[FS_PATH_MAX + 16];
	snprintf(command, sizeof command, "rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
}

void bench_close(struct line_bench *bench)
{
	line_free(bench->line);
	record_close(bench->record);
	usb_fault_bus(bench->fault)->ops->close(usb_fault_bus(bench->fault));
	plan_free(bench->plan);
	vcloud_stop(bench->vcloud);
	free(bench->events);
	pthread_cond_destroy(&bench->changed);
	pthread_mutex_destroy(&bench->lock);
	if (bench->owns_folder)
		remove_folder(bench->folder);
}

/* --- running --- */

static void take_event(void *context, const struct line_event *event)
{
	struct line_bench *bench = context;
	if (event->kind == LINE_PROGRESS)
		return;
	if (bench->watch)
		bench->watch(bench, event);
	SCOPED_LOCK(&bench->lock);
	if (bench->event_count < BENCH_EVENTS_MAX)
		bench->events[bench->event_count++] = *event;
	pthread_cond_broadcast(&bench->changed);
}

static void scan_labels(struct line_bench *bench)
{
	for (unsigned i = 0; i < bench->slots; i++) {
		char id[LINE_DEVICE_ID];
		if (!bench->plugged[i])
			continue;
		bench_unit_id(bench->plugged[i], id);
		MUST(line_scan(bench->line, bench->config.slots[i].name, id, err));
	}
}

static void prepare(struct line_bench *bench, const struct bench_run *run)
{
	unsigned units = 0;
	for (unsigned i = 0; i < bench->slots; i++)
		units += bench->plugged[i] != 0;
	struct line_options options = { .kind = run->kind,
		.allow = run->asks ? 0 : ACTS_ALL,
		.confirm_wait_ms = run->waits_long ? LONG_ASK_MS : SHORT_ASK_MS,
		.plan = bench->plan, .config = &bench->config,
		.bus = usb_fault_bus(bench->fault),
		.record = bench->record,
		.operator_name = "anna",
		.work_order = run->work_order ? run->work_order : "",
		.quantity = run->quantity,
		.rework = run->rework,
		.end_after_outcomes = run->until_stopped ? 0
				      : run->end_after   ? run->end_after
							 : units,
		.skipped_time = 1,
		.event = take_event,
		.context = bench };
	line_free(bench->line);
	bench->line = NULL;
	bench->event_count = 0;
	MUST(line_new(&options, &bench->line, err));
	if (!run->no_scan)
		scan_labels(bench);
}

static void *run_line(void *context)
{
	struct line_bench *bench = context;
	bench->good = line_run(bench->line, &bench->summary, &bench->err);
	return NULL;
}

bool bench_run(struct line_bench *bench, const struct bench_run *run)
{
	prepare(bench, run);
	run_line(bench);
	return bench->good;
}

void bench_start(struct line_bench *bench, const struct bench_run *run)
{
	prepare(bench, run);
	assert_int_equal(pthread_create(&bench->runner, NULL, run_line, bench), 0);
	bench->running = true;
}

bool bench_join(struct line_bench *bench)
{
	assert_true(bench->running);
	pthread_join(bench->runner, NULL);
	bench->running = false;
	return bench->good;
}

static unsigned count_locked(const struct line_bench *bench, enum line_event_kind kind)
{
	unsigned count = 0;
	for (size_t i = 0; i < bench->event_count; i++)
		count += bench->events[i].kind == kind;
	return count;
}

unsigned bench_count(struct line_bench *bench, enum line_event_kind kind)
{
	SCOPED_LOCK(&bench->lock);
	return count_locked(bench, kind);
}

bool bench_await(
	struct line_bench *bench, enum line_event_kind kind, unsigned count, unsigned timeout_ms)
{
	struct timespec end;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += (time_t)(timeout_ms / 1000);
	end.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_nsec -= 1000000000;
		end.tv_sec++;
	}
	SCOPED_LOCK(&bench->lock);
	while (count_locked(bench, kind) < count)
		if (pthread_cond_timedwait(&bench->changed, &bench->lock, &end) != 0)
			return false;
	return true;
}

struct line_event bench_outcome(struct line_bench *bench, unsigned slot)
{
	struct line_event found = { 0 };
	SCOPED_LOCK(&bench->lock);
	for (size_t i = 0; i < bench->event_count; i++)
		if (bench->events[i].kind == LINE_OUTCOME &&
			strcmp(bench->events[i].slot, bench->config.slots[slot].name) == 0)
			found = bench->events[i];
	return found;
}

void bench_expect(struct line_bench *bench, unsigned slot, enum outcome outcome, enum reason reason)
{
	struct line_event found = bench_outcome(bench, slot);
	if (found.kind != LINE_OUTCOME)
		fail_msg("slot %u has no outcome", slot);
	if (found.outcome != outcome || found.reason != reason)
		fail_msg("slot %u: %s %s: %s", slot, outcome_name(found.outcome),
			reason_info(found.reason)->code, found.text);
}
