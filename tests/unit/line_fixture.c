/* SPDX-License-Identifier: Apache-2.0 */
#include "line_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "keyslot.h"
#include "module_image.h"
#include "scope.h"

enum { MEMORY_MAX = 4 << 20, SHORT_WAIT_MS = 1500, SHORT_SETTLE_MS = 300, SHORT_ASK_MS = 500, LONG_ASK_MS = 60000 };

#define MUST(call) \
	do { \
		struct err must_err; \
		struct err *err = &must_err; \
		if (!(call)) \
			fail_msg("%s:%d: %s", __FILE__, __LINE__, err->text); \
	} while (0)

/* --- jobs --- */

struct recipe {
	const char *family, *region, *file;
	uint32_t start, len, header_at, first_word;
	uint16_t platform_id, version;
	uint8_t function, index;
	enum { IMAGE, PART, FACTORY, BOOTLOADER, SERIAL_FLASH } kind;
	struct module_dependency dependency;
};

/* Photon and P1 differ in the platform alone. */
#define F2_RECIPES(family, platform, prefix) \
	{ family, "bootloader", prefix "bootloader", 0x08000000, 9000, 0x184, 0x20020000, \
		platform, 1006, MODULE_BOOTLOADER, 0, BOOTLOADER, { 0 } }, \
		{ family, "system-part1", prefix "part1", 0x08020000, 5000, 0x184, 0x20020000, \
			platform, 2302, MODULE_SYSTEM_PART, 1, PART, \
			{ MODULE_SYSTEM_PART, 2, 207 } }, \
		{ family, "system-part2", prefix "part2", 0x08060000, 4500, 0x184, 0x20020000, \
			platform, 2302, MODULE_SYSTEM_PART, 2, PART, \
			{ MODULE_SYSTEM_PART, 1, 2302 } }, \
		{ family, "user", prefix "user", 0x080a0000, 4097, 0, 0, platform, 6, \
			MODULE_USER_PART, 1, IMAGE, { MODULE_SYSTEM_PART, 2, 10 } }, \
	{ \
		family, "factory", prefix "factory", 0x080a0000, 1500, 0, 0, platform, 5, \
			MODULE_USER_PART, 1, FACTORY, \
		{ \
			MODULE_SYSTEM_PART, 2, 10 \
		} \
	}

static const struct recipe recipes[] = {
	{ "core", "user", "core-user", 0x08005000, 3000, 0x10c, 0x20005000, 0, 1406, MODULE_MONO, 0,
		IMAGE, { 0 } },
	{ "core", "factory", "core-factory", 0x08005000, 2500, 0x10c, 0x20005000, 0, 1401,
		MODULE_MONO, 0, FACTORY, { 0 } },
	F2_RECIPES("photon", 6, ""),
	F2_RECIPES("p1", 8, "p1-"),
	{ "electron", "bootloader", "el-bootloader", 0x08000000, 9000, 0x184, 0x20020000, 10, 1006,
		MODULE_BOOTLOADER, 0, BOOTLOADER, { 0 } },
	{ "electron", "system-part2", "el-part3", 0x08040000, 4200, 0x184, 0x20020000, 10, 2302,
		MODULE_SYSTEM_PART, 2, PART, { 0 } },
	{ "electron", "system-part3", "el-part1", 0x08060000, 4300, 0, 0, 10, 2302,
		MODULE_SYSTEM_PART, 3, PART, { MODULE_SYSTEM_PART, 2, 2302 } },
	{ "electron", "system-part1", "el-part2", 0x08020000, 5000, 0x184, 0x20020000, 10, 2302,
		MODULE_SYSTEM_PART, 1, PART, { MODULE_SYSTEM_PART, 3, 2302 } },
	{ "electron", "user", "el-user", 0x08080000, 4097, 0, 0, 10, 6, MODULE_USER_PART, 1, IMAGE,
		{ MODULE_SYSTEM_PART, 2, 10 } },
	{ "electron", "factory", "el-factory", 0x08080000, 1500, 0, 0, 10, 5, MODULE_USER_PART, 1,
		FACTORY, { MODULE_SYSTEM_PART, 2, 10 } },
	{ "stm32-custom", "bootloader", "loader", 0x08000000, 5000, 0, 0x20020000, 0, 0,
		MODULE_NONE, 0, IMAGE, { 0 } },
	{ "stm32-custom", "user", "stm32-user", 0x08010000, 7001, 0, 0x20020000, 0, 0, MODULE_NONE,
		0, IMAGE, { 0 } },
	{ "p1", "serial-flash", "serial-flash", 0, 6001, 0, 0, 8, 0, MODULE_NONE, 0, SERIAL_FLASH,
		{ 0 } },
};

static void write_image(const struct line_bench *bench, const struct recipe *recipe,
	const struct bench_job *job, char *name)
{
	unsigned edition = job->edition > 1 ? job->edition : 1;
	char path[FS_PATH_MAX];
	SCOPED_FREE uint8_t *bytes = calloc(1, recipe->len);
	struct module_header header = { .start = recipe->start,
		.end = recipe->start + recipe->len - 4,
		.version = recipe->version,
		.platform_id = recipe->platform_id,
		.function = recipe->function,
		.index = recipe->index,
		.dependency = { recipe->dependency } };
	if (job->independent)
		header.dependency[0] = (struct module_dependency){ 0 };
	if (recipe->kind == IMAGE && job->needs_bootloader)
		header.dependency[1] =
			(struct module_dependency){ MODULE_BOOTLOADER, 0, job->needs_bootloader };
	assert_non_null(bytes);
	for (size_t i = 0; i < recipe->len; i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + edition);
	bytes_put_le32(bytes, recipe->first_word);
	if (recipe->function != MODULE_NONE)
		module_image_seal(&header, recipe->header_at, bytes);
	snprintf(name, 64, "%s-%u.bin", recipe->file, edition);
	MUST(fs_join(path, bench->folder, name, err) &&
		fs_write_atomic(path, bytes, recipe->len, 0644, err));
}

static bool is_in_job(const struct recipe *recipe, const struct bench_job *job)
{
	switch (recipe->kind) {
	case PART:
		return !job->no_parts;
	case FACTORY:
		return !job->no_factory;
	case BOOTLOADER:
		return job->bootloader;
	case SERIAL_FLASH:
		return job->serial_flash;
	case IMAGE:
	default:
		return true;
	}
}

static void write_images(const struct line_bench *bench, const struct bench_job *job, FILE *to)
{
	const char *comma = "";
	for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
		char name[64];
		if (strcmp(recipes[i].family, bench->family) != 0 || !is_in_job(&recipes[i], job))
			continue;
		write_image(bench, &recipes[i], job, name);
		fprintf(to, "%s\t\t{ region = \"%s\"; file = \"%s\"; }", comma, recipes[i].region,
			name);
		comma = ",\n";
	}
}

#define RADIO_STAGE \
	"stages = ( { images = ( { region = \"user\"; file = \"" SOURCE_DIR \
	"/jobs/images/core-radio-patch.bin\"; } ); runs = \"radio patch\"; " \
	"comes_back = \"by-itself\"; run_ms = 1; deadline_ms = 20000; }, { "

static bool is_custom(const struct line_bench *bench)
{
	return strcmp(bench->family, "stm32-custom") == 0;
}

static void write_job(const struct line_bench *bench, const struct bench_job *job, const char *path)
{
	SCOPED_FILE FILE *to = fopen(path, "w");
	const struct job_limits *limits = &job->limits;
	assert_non_null(to);
	fprintf(to, "job : {\n\tname = \"t\";\n\tfamily = \"%s\";\n\t%simages = (\n", bench->family,
		job->staged ? RADIO_STAGE : "");
	write_images(bench, job, to);
	bool ec = is_custom(bench) || strcmp(bench->family, "electron") == 0;
	const char *slots = ec ? "ec" : "rsa", *key = ec ? "p256" : "rsa";
	fprintf(to,
		"\n\t)%s;\n\tdevice_key : { slot = \"device-%s\"; policy = \"%s\"; };\n"
		"\tserver_key : { slot = \"server-%s\"; file = \"" SOURCE_DIR
		"/jobs/cloud-%s.pub.der\"; host = \"%s\"; port = 5683; };\n"
		"\tenrol : { cloud = \"main\"; };\n\twrite = \"%s\";\n\tafter = \"%s\";\n",
		job->staged ? "; } )" : "", slots, job->keep_valid ? "keep-valid" : "new", slots,
		key, job->host ? job->host : "device.example.com",
		job->changed ? "changed" : "always", job->runs ? "runs" : "leave");
	fprintf(to,
		"\treprovision : { %s };\n"
		"\tlimits : { retries = %u; attempts_per_unit = %u; attempt_timeout_ms = %u;\n"
		"\t\tstop_after_failures = %u; slot_stop_after = %u; min_yield = %f; "
		"min_yield_units = %u; };\n};\n",
		job->reprovision ? job->reprovision : "backup = false;", job->no_retries ? 0 : 2,
		limits->attempts_per_unit ? limits->attempts_per_unit : 1000,
		limits->attempt_timeout_ms ? limits->attempt_timeout_ms : 600000,
		limits->stop_after_failures, limits->slot_stop_after, limits->min_yield,
		limits->min_yield_units ? limits->min_yield_units : 1);
}

void bench_take_job(struct line_bench *bench, const struct bench_job *job)
{
	char path[FS_PATH_MAX];
	struct plan_options options = { .config = &bench->config,
		.cloud_url = bench->cloud_url,
		.cloud_ca_file = bench->cloud_ca_file,
		.cloud_token_file = bench->cloud_token_file };
	plan_free(bench->plan);
	bench->plan = NULL;
	MUST(fs_join(path, bench->folder, "job.cfg", err));
	write_job(bench, job, path);
	MUST(plan_make(path, &options, NULL, NULL, &bench->plan, err));
	/* Timings are no part of the product: a unit that hangs must not cost the test 20 s. */
	bench->plan->family.reentry.boot_timeout_ms = SHORT_WAIT_MS;
	bench->plan->family.reentry.dfu_timeout_ms = SHORT_WAIT_MS;
	for (size_t i = 0; i < bench->plan->family.region_count; i++)
		bench->plan->family.regions[i].staged.settle_ms = SHORT_SETTLE_MS;
	bench->plan->enrol.cloud.retries = 0;
}

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

/* --- units --- */

static void unit_path(
	const struct line_bench *bench, unsigned unit, const char *file, char ret[FS_PATH_MAX])
{
	char name[64];
	snprintf(name, sizeof name, "units/%u/%s", unit, file);
	MUST(fs_join(ret, bench->folder, name, err));
}

static void unit_uid(unsigned unit, uint8_t ret[12])
{
	static const uint8_t uid[12] = { 0x3f, 0, 0x2a, 0, 0x1c, 0x47, 0x3e, 0x33, 0x33, 0x37, 0xd7,
		0x38 };
	memcpy(ret, uid, 12);
	bytes_put_le32(ret, bytes_le32(uid) + unit % BENCH_TWIN);
}

void bench_unit_id(unsigned unit, char ret[LINE_DEVICE_ID])
{
	uint8_t uid[12];
	unit_uid(unit, uid);
	bytes_to_hex(uid, sizeof uid, ret);
}

static void memory_path(
	const struct line_bench *bench, unsigned unit, uint8_t alt, bool before, char *path)
{
	char name[32];
	snprintf(name, sizeof name, "alt%u.%s", alt, before ? "before" : "bin");
	unit_path(bench, unit, name, path);
}

static uint8_t *read_memory(
	const struct line_bench *bench, unsigned unit, uint8_t alt, bool before, size_t *ret_len)
{
	char path[FS_PATH_MAX];
	uint8_t *bytes = NULL;
	memory_path(bench, unit, alt, before, path);
	MUST(fs_read(path, MEMORY_MAX, REASON_INPUT, &bytes, ret_len, err));
	return bytes;
}

uint8_t *bench_memory(const struct line_bench *bench, unsigned unit, uint8_t alt, size_t *ret_len)
{
	return read_memory(bench, unit, alt, false, ret_len);
}

static void write_memory(const struct line_bench *bench, unsigned unit, uint8_t alt, bool before,
	const uint8_t *bytes, size_t len)
{
	char path[FS_PATH_MAX];
	memory_path(bench, unit, alt, before, path);
	SCOPED_FILE FILE *to = fopen(path, before ? "w" : "r+");
	assert_non_null(to);
	assert_int_equal(fwrite(bytes, 1, len, to), len);
}

void bench_poke(
	const struct line_bench *bench, unsigned unit, uint8_t alt, size_t offset, uint8_t byte)
{
	char path[FS_PATH_MAX];
	memory_path(bench, unit, alt, false, path);
	SCOPED_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, &byte, 1, (off_t)offset) != 1)
		fail_msg("cannot write %s", path);
}

void bench_damage(const struct line_bench *bench, unsigned unit, uint8_t alt, size_t offset)
{
	size_t len = 0;
	SCOPED_FREE uint8_t *bytes = bench_memory(bench, unit, alt, &len);
	assert_true(offset < len);
	bench_poke(bench, unit, alt, offset, bytes[offset] ^ 0x55);
}

uint8_t bench_alts(const struct line_bench *bench)
{
	if (is_custom(bench))
		return 4;
	return strcmp(bench->family, "p1") == 0 ? 3 : 2;
}

void bench_unit_new(
	struct line_bench *bench, unsigned unit, enum vunit_bootloader bootloader, bool no_parts)
{
	char path[FS_PATH_MAX];
	struct vunit_spec spec = {
		.bootloader = bootloader, .seed = unit, .no_system_parts = no_parts
	};
	if (is_custom(bench))
		spec.family = VUNIT_ROM;
	else
		assert_true(vunit_family_from_name(bench->family, &spec.family));
	bool core = spec.family == VUNIT_CORE;
	unit_uid(unit, spec.device_id);
	unit_path(bench, unit, "", path);
	MUST(fs_join(path, bench->folder, "units", err) && fs_make_folder(path, 0755, err));
	unit_path(bench, unit, "", path);
	MUST(vunit_create(path, &spec, err));
	for (uint8_t alt = 0; alt < bench_alts(bench); alt++) {
		size_t len = 0;
		SCOPED_FREE uint8_t *bytes = bench_memory(bench, unit, alt, &len);
		if (core && alt == 1) { /* neighbours of the two key slots */
			memset(bytes + 0x1800, 0x5a, 0x800);
			memset(bytes + 0x2400, 0xa5, 0xc00);
			memset(bytes + 0x80000, 0x3c, 0x1000);
			write_memory(bench, unit, alt, false, bytes, len);
		}
		if (is_custom(bench) && alt == 0) { /* beside its key slots, and settings */
			memset(bytes + 0x80c0, 0x5a, 0x340);
			memset(bytes + 0x8600, 0xa5, 0x3a00);
			memset(bytes + 0xc000, 0x3c, 0x4000);
			write_memory(bench, unit, alt, false, bytes, len);
		}
		write_memory(bench, unit, alt, true, bytes, len);
	}
}

void bench_unit_drop(struct line_bench *bench, unsigned unit)
{
	static const char *const files[] = { "alt0.bin", "alt1.bin", "alt2.bin", "alt3.bin",
		"alt0.before", "alt1.before", "alt2.before", "alt3.before", "unit.json", "" };
	char path[FS_PATH_MAX];
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		unit_path(bench, unit, files[i], path);
		if (files[i][0])
			unlink(path);
		else
			rmdir(path);
	}
}

void bench_plug(struct line_bench *bench, unsigned slot, unsigned unit, bool button)
{
	char path[FS_PATH_MAX];
	struct vunit *opened = NULL;
	unit_path(bench, unit, "", path);
	MUST(vunit_open(path, &opened, err) &&
		vbus_plug(bench->vbus, bench_port(bench, slot), opened, button, err));
	bench->plugged[slot] = unit;
	bench->units[slot] = opened;
}

void bench_unplug(struct line_bench *bench, unsigned slot)
{
	vbus_unplug(bench->vbus, bench_port(bench, slot));
	bench->plugged[slot] = 0;
	bench->units[slot] = NULL;
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
