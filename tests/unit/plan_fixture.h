/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with small images of the Photon and the Core, and plans made from jobs written into it. Refusals are
 * collected as lines. Include after cmocka.h. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "fs.h"
#include "module_image.h"
#include "plan.h"

static char fixture_folder[] = "/tmp/station-plan-XXXXXX";
static char fixture_refusals[16384];
static const struct config fixture_config = {
	.clouds = { { .name = "main",
			    .api = CLOUD_API_JSON,
			    .url = "https://cloud.example.com/{device_id}",
			    .timeout_ms = 1000,
			    .in_flight = 1 },
		{ .name = "other", .url = "https://cloud.example.com/{device_id}", .in_flight = 1 } },
	.cloud_count = 2,
};

struct fixture_image {
	const char *file;
	uint32_t start, len;
	uint32_t header_at;
	uint16_t platform_id, version;
	uint8_t function, index, flags;
	struct module_dependency dependency[2];
	uint32_t flip;	  /* this byte is changed after the sums; 0: none */
	uint32_t flip_in; /* this byte is changed after the SHA-256, and the CRC made again; 0: none */
};

static const struct fixture_image fixture_images[] = {
	{ "part1.bin", 0x08020000, 5000, 0x184, 6, 2302, MODULE_SYSTEM_PART, 1, 0, { { 4, 2, 207 } }, 0, 0 },
	{ "part2.bin", 0x08060000, 4096, 0x184, 6, 2302, MODULE_SYSTEM_PART, 2, 0, { { 4, 1, 2302 } }, 0, 0 },
	{ "part2-old.bin", 0x08060000, 4096, 0x184, 6, 200, MODULE_SYSTEM_PART, 2, 0, { { 0 } }, 0, 0 },
	{ "user.bin", 0x080a0000, 1001, 0, 6, 6, MODULE_USER_PART, 1, 0, { { 4, 2, 2000 }, { 2, 0, 9 } }, 0, 0 },
	{ "user-2.bin", 0x080a0000, 1001, 0, 6, 7, MODULE_USER_PART, 1, 0, { { 4, 2, 2000 } }, 0, 0 },
	{ "user-p1.bin", 0x080a0000, 1000, 0, 8, 6, MODULE_USER_PART, 1, 0, { { 0 } }, 0, 0 },
	{ "user-moved.bin", 0x080a1000, 1000, 0, 6, 6, MODULE_USER_PART, 1, 0, { { 0 } }, 0, 0 },
	{ "user-factory.bin", 0x080e0000, 1000, 0, 6, 6, MODULE_USER_PART, 1, 0, { { 0 } }, 0, 0 },
	{ "user-index.bin", 0x080a0000, 1000, 0, 6, 6, MODULE_USER_PART, 2, 0, { { 0 } }, 0, 0 },
	{ "user-system.bin", 0x080a0000, 1000, 0, 6, 6, MODULE_SYSTEM_PART, 1, 0, { { 0 } }, 0, 0 },
	{ "user-packed.bin", 0x080a0000, 1000, 0, 6, 6, MODULE_USER_PART, 1, 2, { { 0 } }, 0, 0 },
	{ "user-crc.bin", 0x080a0000, 1000, 0, 6, 6, MODULE_USER_PART, 1, 0, { { 0 } }, 500, 0 },
	{ "user-sha.bin", 0x080a0000, 1000, 0, 6, 6, MODULE_USER_PART, 1, 0, { { 0 } }, 0, 500 },
	{ "user-big.bin", 0x080a0000, 0x20001, 0, 6, 6, MODULE_USER_PART, 1, 0, { { 0 } }, 0, 0 },
	{ "user-full.bin", 0x080a0000, 0x20000, 0, 6, 6, MODULE_USER_PART, 1, 0, { { 0 } }, 0, 0 },
	{ "boot.bin", 0x08000000, 9000, 0x184, 6, 1006, MODULE_BOOTLOADER, 0, 0, { { 0 } }, 0, 0 },
	{ "boot-old.bin", 0x08000000, 9000, 0x184, 6, 8, MODULE_BOOTLOADER, 0, 0, { { 0 } }, 0, 0 },
	{ "boot-big.bin", 0x08000000, 0x4004, 0x184, 6, 1006, MODULE_BOOTLOADER, 0, 0, { { 0 } }, 0, 0 },
	{ "el-1.bin", 0x08020000, 4000, 0x184, 10, 2302, MODULE_SYSTEM_PART, 1, 0, { { 4, 3, 2302 } }, 0, 0 },
	{ "el-2.bin", 0x08040000, 4100, 0x184, 10, 2302, MODULE_SYSTEM_PART, 2, 0, { { 0 } }, 0, 0 },
	{ "el-3.bin", 0x08060000, 4200, 0, 10, 2302, MODULE_SYSTEM_PART, 3, 0, { { 4, 2, 110 } }, 0, 0 },
	{ "el-user.bin", 0x08080000, 1000, 0, 10, 6, MODULE_USER_PART, 1, 0, { { 4, 2, 2302 } }, 0, 0 },
	{ "el-boot.bin", 0x08000000, 9000, 0x184, 10, 1006, MODULE_BOOTLOADER, 0, 0, { { 0 } }, 0, 0 },
	{ "core.bin", 0x08005000, 3000, 0x10c, 0, 1406, MODULE_MONO, 0, 0, { { 0 } }, 0, 0 },
};

static void fixture_write(const char *file, const void *bytes, size_t len)
{
	char path[FS_PATH_MAX];
	struct err err;
	if (!fs_join(path, fixture_folder, file, &err) || !fs_write_atomic(path, bytes, len, 0644, &err))
		fail_msg("%s", err.text);
}

static void fixture_make_image(const struct fixture_image *image)
{
	uint8_t *bytes = calloc(1, image->len);
	struct module_header header = { .start = image->start,
		.end = image->start + image->len - 4,
		.flags = image->flags,
		.version = image->version,
		.platform_id = image->platform_id,
		.function = image->function,
		.index = image->index,
		.dependency = { image->dependency[0], image->dependency[1] } };
	assert_non_null(bytes);
	module_image_make(&header, image->header_at, bytes);
	if (image->flip)
		bytes[image->flip] ^= 1;
	if (image->flip_in) {
		bytes[image->flip_in] ^= 1;
		bytes_put_be32(bytes + image->len - 4, digest_crc32(bytes, image->len - 4));
	}
	fixture_write(image->file, bytes, image->len);
	free(bytes);
}

static int fixture_setup(void **state)
{
	(void)state;
	if (!mkdtemp(fixture_folder))
		return -1;
	for (size_t i = 0; i < sizeof fixture_images / sizeof *fixture_images; i++)
		fixture_make_image(&fixture_images[i]);
	fixture_write("raw.bin", "not a module", 12);
	fixture_write("raw-2.bin", "not a modulf", 12);
	fixture_write("empty.bin", "", 0);
	fixture_write("elf.bin", "\177ELF and more of it, so that it is long enough", 40);
	fixture_write("junk.der", "junk", 4);
	return 0;
}

static int fixture_teardown(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", fixture_folder);
	return system(command);
}

static void fixture_refused(void *context, const char *text)
{
	(void)context;
	size_t used = strlen(fixture_refusals);
	snprintf(fixture_refusals + used, sizeof fixture_refusals - used, "%s\n", text);
}

/* NULL if it was refused; fixture_refusals then says why. */
static struct plan *fixture_plan(const char *job, const struct plan_options *options)
{
	char path[FS_PATH_MAX];
	struct plan *plan = NULL;
	struct err err;
	fixture_write("job.cfg", job, strlen(job));
	fixture_refusals[0] = 0;
	assert_true(fs_join(path, fixture_folder, "job.cfg", &err));
	struct plan_options usual = { .config = &fixture_config };
	bool ok = plan_make(path, options ? options : &usual, fixture_refused, NULL, &plan, &err);
	assert_int_equal(ok, fixture_refusals[0] == 0);
	if (!ok) {
		assert_int_equal(err.reason, REASON_INPUT);
		assert_true(strncmp(fixture_refusals, err.text, strlen(err.text)) == 0);
		assert_null(plan);
	}
	return plan;
}

#define IMAGE(region, file) "{ region = \"" region "\"; file = \"" file "\"; }"
#define SERVER_KEY SOURCE_DIR "/jobs/cloud-rsa.pub.der"
/* The first image stands in line 5. */
#define JOB(family, images, rest) \
	"job : {\nname = \"t\";\nfamily = \"" family "\";\nimages = (\n" images "\n);\n" rest "\n};\n"
