/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs of the fixture: small images of each family, and the file that names them. */
#include "line_fixture_private.h"

#include "bytes.h"
#include "module_image.h"

enum { SHORT_WAIT_MS = 1500, SHORT_SETTLE_MS = 300 };

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

static void write_job(const struct line_bench *bench, const struct bench_job *job, const char *path)
{
	SCOPED_FILE FILE *to = fopen(path, "w");
	const struct job_limits *limits = &job->limits;
	assert_non_null(to);
	fprintf(to, "job : {\n\tname = \"t\";\n\tfamily = \"%s\";\n\t%simages = (\n", bench->family,
		job->staged ? RADIO_STAGE : "");
	write_images(bench, job, to);
	bool ec = bench_is_custom(bench) || strcmp(bench->family, "electron") == 0;
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
