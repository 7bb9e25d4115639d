/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs config keys base */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "plan_fixture.h"

static struct plan *good_plan(const char *job)
{
	struct plan *plan = fixture_plan(job, NULL);
	if (!plan)
		fail_msg("%s", fixture_refusals);
	return plan;
}

/* Some refusal has the line and the fragment. */
static bool refused_with(unsigned line, const char *fragment)
{
	char place[32];
	snprintf(place, sizeof place, "/job.cfg:%u: ", line);
	char text[sizeof fixture_refusals];
	memcpy(text, fixture_refusals, sizeof text);
	for (char *rest = text, *one; (one = strsep(&rest, "\n"));)
		if (strstr(one, fragment) && (line == 0 || strstr(one, place)))
			return true;
	return false;
}

struct bad_job {
	const char *job;
	unsigned line;
	const char *fragment;
};

static const struct bad_job bad_jobs[] = {
	{ JOB("photom", IMAGE("user", "user.bin"), ""), 3, "photom" },
	{ JOB("photon", IMAGE("usr", "user.bin"), ""), 5,
		"images[0] (usr): family photon has no such region; it has bootloader, " },
	{ JOB("photon", IMAGE("user", "no.bin"), ""), 5, "no.bin: No such file" },
	{ JOB("photon", IMAGE("system-part1", "part1.bin") ",\n" IMAGE("user", "user-crc.bin"), ""),
		6, "images[1] (user): " },
	{ JOB("photon", IMAGE("user", "user-crc.bin"), ""), 5, "user-crc.bin: the CRC-32" },
	{ JOB("photon", IMAGE("user", "user-sha.bin"), ""), 5, "user-sha.bin: the SHA-256" },
	{ JOB("photon", IMAGE("user", "user-p1.bin"), ""), 5,
		"is for platform 8, family photon is platform 6" },
	{ JOB("photon", IMAGE("user", "user-moved.bin"), ""), 5,
		"is linked for 0x080a1000, but what stands here runs at 0x080a0000" },
	{ JOB("photon", IMAGE("factory", "user-factory.bin"), ""), 5,
		"is linked for 0x080e0000, but what stands here runs at 0x080a0000 (user)" },
	{ JOB("photon", IMAGE("user", "user-index.bin"), ""), 5, "is user part (function 5) 2" },
	{ JOB("photon", IMAGE("user", "user-system.bin"), ""), 5,
		"this region takes user part (function 5) 1" },
	{ JOB("photon", IMAGE("system-part1", "part2.bin"), ""), 5, "is linked for 0x08060000" },
	{ JOB("photon", IMAGE("user", "user-packed.bin"), ""), 5, "is compressed" },
	{ JOB("photon", IMAGE("user", "user-big.bin"), ""), 5,
		"has 131073 bytes, the region only 131072" },
	{ JOB("photon", IMAGE("user", "user-big.bin"), ""), 5, "ends with its CRC at 0x080c0001" },
	{ JOB("photon", IMAGE("user", "raw.bin"), ""), 5, "only images with a module header" },
	{ JOB("photon", IMAGE("user", "empty.bin"), ""), 5, "is empty" },
	{ JOB("photon", IMAGE("user", "elf.bin"), ""), 5, "is an ELF file" },
	{ JOB("core", IMAGE("user", "core.bin") ",\n" IMAGE("spi-user", "elf.bin"), ""), 6,
		"is an ELF file" },
	{ JOB("photon", IMAGE("user", "user.bin") ",\n" IMAGE("user", "user-2.bin"), ""), 6,
		"already written by images[0] in line 5" },
	{ JOB("photon", IMAGE("eeprom1", "raw.bin"), ""), 5, "cannot be written by DFU; let an" },
	{ JOB("photon", IMAGE("bootloader", "raw.bin"), ""), 5,
		"only images with a module header" },
	{ JOB("photon", IMAGE("bootloader", "user.bin"), ""), 5,
		"this region takes bootloader (function 2)" },
	{ JOB("photon", IMAGE("bootloader", "boot-big.bin"), ""), 5,
		"has 16388 bytes, the region only 16384" },
	{ JOB("photon", IMAGE("bootloader", "boot.bin") ",\n" IMAGE("ota", "boot.bin"), ""), 6,
		"cannot be together with images[0] (bootloader), which waits at "
		"0x080c0000-0x080e0000" },
	{ JOB("photon", IMAGE("ota", "boot.bin") ",\n" IMAGE("bootloader", "boot.bin"), ""), 5,
		"cannot be together with images[1] (bootloader)" },
	{ JOB("photon",
		  IMAGE("bootloader", "boot.bin") ",\n" IMAGE("system-part2", "part2-old.bin"), ""),
		5,
		"needs system part 2 of version 1213 or newer, but images[1] (system-part2) has "
		"version 200" },
	{ JOB("photon", IMAGE("bootloader", "boot-old.bin") ",\n" IMAGE("user", "user.bin"), ""), 6,
		"needs bootloader 0 of version 9 or newer, but images[0] (bootloader) has version 8" },
	{ JOB("p1", IMAGE("user", "user.bin"), ""), 5,
		"is for platform 6, family p1 is platform 8" },
	{ JOB("p1", IMAGE("bootloader", "boot.bin"), ""), 5,
		"is for platform 6, family p1 is platform 8" },
	{ JOB("core", IMAGE("bootloader", "raw.bin"), ""), 5, "SWD" },
	{ JOB("photon", IMAGE("system-part2", "part2-old.bin") ",\n" IMAGE("user", "user.bin"), ""),
		6,
		"needs system part 2 of version 2000 or newer, but images[0] (system-part2) has "
		"version 200" },
	{ JOB("photon",
		  IMAGE("system-part1", "part1.bin") ",\n" IMAGE("system-part2", "part2-old.bin"),
		  ""),
		5, "needs system part 2 of version 207" },
	{ JOB("photon",
		  "{ region = \"user\"; file = \"user.bin\"; sha256 = "
		  "\"0000000000000000000000000000000000000000000000000000000000000000\"; }",
		  ""),
		5, "the job wants 00000000" },
	{ JOB("photon", IMAGE("user", "user.bin"), "device_key : { slot = \"device-rsb\"; };"), 7,
		"no key slot \"device-rsb\"; its slots for device keys: device-rsa, device-ec" },
	{ JOB("photon", IMAGE("user", "user.bin"), "device_key : { slot = \"server-rsa\"; };"), 7,
		"slot server-rsa is not for device keys" },
	{ JOB("photon", IMAGE("user", "user.bin"),
		  "\nserver_key : { slot = \"device-rsa\"; file = \"" SERVER_KEY "\"; };"),
		8, "slot device-rsa is not for server keys" },
	{ JOB("photon", IMAGE("user", "user.bin"),
		  "server_key : { slot = \"server-rsa\"; file = \"no.der\"; };"),
		7, "server_key (server-rsa): cannot open" },
	{ JOB("photon", IMAGE("user", "user.bin"),
		  "server_key : { slot = \"server-rsa\"; file = \"junk.der\"; };"),
		7, "junk.der: " },
	{ JOB("photon", IMAGE("user", "user.bin"),
		  "server_key : { slot = \"server-rsa\"; file = \"user-big.bin\"; };"),
		7, "server_key (server-rsa): " },
	{ JOB("photon", IMAGE("user", "user.bin"),
		  "server_key : { slot = \"server-ec\"; file = \"" SERVER_KEY "\"; };"),
		7, "rsa-2048" },
	{ JOB("photon", IMAGE("user", "user.bin"),
		  "server_key : { slot = \"server-rsa\"; file = \"" SERVER_KEY
		  "\"; host = \"a b\"; };"),
		7, "server_key (server-rsa): " },
	{ JOB("photon", IMAGE("user", "user.bin"), "enrol : { cloud = \"main\"; };"), 7,
		"there is no device_key" },
	{ JOB("photon", IMAGE("user", "user.bin"),
		  "device_key : { slot = \"device-rsa\"; };\nenrol : { cloud = \"mian\"; };"),
		8, "has no cloud \"mian\"; it has: main, other" },
};

static void every_bad_job_is_refused_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_jobs / sizeof *bad_jobs; i++) {
		struct plan *plan = fixture_plan(bad_jobs[i].job, NULL);
		if (plan)
			fail_msg("case %zu was taken: %s", i, bad_jobs[i].fragment);
		if (!refused_with(bad_jobs[i].line, bad_jobs[i].fragment))
			fail_msg("case %zu: no \"%s\" in line %u of:\n%s", i, bad_jobs[i].fragment,
				bad_jobs[i].line, fixture_refusals);
	}
}

static void all_refusals_are_told_at_once(void **state)
{
	(void)state;
	assert_null(fixture_plan(JOB("photon",
					 IMAGE("user", "user-p1.bin") ",\n" IMAGE("nope",
						 "user.bin") ",\n" IMAGE("factory", "no.bin"),
					 "server_key : { slot = \"nope\"; file = \"k\"; };\nenrol "
					 ": { cloud = \"x\"; };"),
		NULL));
	assert_true(refused_with(5, "platform 8"));
	assert_true(refused_with(6, "no such region"));
	assert_true(refused_with(7, "no.bin"));
	assert_true(refused_with(9, "no key slot"));
	assert_true(refused_with(10, "no device_key"));
	assert_true(refused_with(10, "no cloud"));
}

static void missing_pin_is_refused_for_a_real_run_only(void **state)
{
	(void)state;
	const char *job = JOB("photon", IMAGE("user", "user.bin"), "");
	struct plan_options options = { .config = &fixture_config, .want_pins = true };
	assert_null(fixture_plan(job, &options));
	assert_true(refused_with(5, "does not name its sha256"));
	options.ignore_pins = true;
	struct plan *plan = fixture_plan(job, &options);
	assert_non_null(plan);
	assert_false(plan->regions[0].pinned);
	plan_free(plan);
}

static void photon_plan_has_its_parts_first(void **state)
{
	(void)state;
	struct plan *plan = good_plan(JOB("photon",
		IMAGE("factory", "user.bin") ",\n" IMAGE("user", "user.bin") ",\n" IMAGE(
			"system-part2", "part2.bin") ",\n" IMAGE("system-part1", "part1.bin"),
		""));
	assert_true(plan->has_parts);
	assert_int_equal(plan->region_count, 4);
	assert_string_equal(plan->regions[0].region->name, "system-part2");
	assert_string_equal(plan->regions[1].region->name, "system-part1");
	assert_string_equal(plan->regions[2].region->name, "factory");
	assert_int_equal(plan->regions[2].addr, 0x080e0000);
	assert_int_equal(plan->regions[2].module.start, 0x080a0000);
	assert_int_equal(plan->regions[1].phase, PHASE_PARTS);
	assert_int_equal(plan->regions[3].phase, PHASE_IMAGES);
	assert_int_equal(plan->extent_count, 4);
	assert_int_equal(plan->sector_count, 4);
	assert_int_equal(plan->sectors[0].addr, 0x08020000);
	assert_int_equal(plan->sectors[1].addr, 0x08060000);
	assert_int_equal(plan->sectors[1].phase, PHASE_PARTS);
	assert_int_equal(plan->sectors[3].addr, 0x080e0000);
	assert_int_equal(plan->sectors[3].size, 0x20000);
	plan_free(plan);
}

static void image_may_fill_its_region_to_the_last_byte(void **state)
{
	(void)state;
	struct plan *plan = good_plan(JOB("photon", IMAGE("user", "user-full.bin"), ""));
	assert_int_equal(plan->regions[0].len, 0x20000);
	assert_int_equal(plan->regions[0].write_len, 0x20000);
	assert_int_equal(plan_blocks(plan, &plan->regions[0]), 32);
	plan_free(plan);
}

static void a_bootloader_may_lie_in_the_ota_region(void **state)
{
	(void)state;
	struct plan *plan = good_plan(
		JOB("photon", IMAGE("ota", "boot.bin") ",\n" IMAGE("factory", "user.bin"), ""));
	assert_false(plan->has_parts);
	/* The two sectors touch, so they are one run. */
	assert_int_equal(plan->extent_count, 1);
	assert_int_equal(plan->extents[0].len, 0x40000);
	assert_int_equal(plan->sector_count, 2);
	plan_free(plan);
}

static void bootloader_is_staged_between_parts_and_images(void **state)
{
	(void)state;
	struct plan *plan = good_plan(JOB("photon",
		IMAGE("factory", "user.bin") ",\n" IMAGE("bootloader", "boot.bin") ",\n" IMAGE(
			"system-part2", "part2.bin"),
		""));
	assert_int_equal(plan->region_count, 3);
	const struct plan_region *boot = &plan->regions[1];
	assert_string_equal(boot->region->name, "bootloader");
	assert_ptr_equal(plan->staged, boot);
	assert_string_equal(plan->staged_area->name, "ota");
	assert_int_equal(boot->phase, PHASE_STAGED);
	assert_int_equal(boot->addr, 0x08000000);
	assert_int_equal(boot->len, 9000);
	assert_int_equal(boot->write_len, 12288);
	/* All of sector 0 is read back; erased by us is what the image waits in, and no more of the ota region. */
	const struct plan_extent *extent = &plan->extents[boot->extent];
	assert_int_equal(extent->phase, PHASE_STAGED);
	assert_int_equal(extent->addr, 0x08000000);
	assert_int_equal(extent->len, 0x4000);
	assert_memory_equal(extent->expected, boot->bytes, 9000);
	assert_true(bytes_all(extent->expected + 9000, 0x4000 - 9000, 0xff));
	assert_int_equal(plan->sector_count, 3);
	assert_int_equal(plan->sectors[0].addr, 0x08060000);
	assert_int_equal(plan->sectors[1].addr, 0x080c0000);
	assert_int_equal(plan->sectors[1].size, 0x20000);
	assert_int_equal(plan->sectors[1].phase, PHASE_STAGED);
	assert_int_equal(plan->sectors[2].addr, 0x080e0000);
	assert_int_equal(plan->sectors[2].phase, PHASE_IMAGES);
	plan_free(plan);
	plan = good_plan(JOB("photon", IMAGE("user", "user.bin"), ""));
	assert_null(plan->staged);
	plan_free(plan);
}

static void p1_takes_its_serial_flash_and_its_own_images(void **state)
{
	(void)state;
	struct plan *plan = good_plan(
		JOB("p1", IMAGE("user", "user-p1.bin") ",\n" IMAGE("serial-flash", "raw.bin"), ""));
	assert_int_equal(plan->region_count, 2);
	assert_int_equal(plan->extents[1].alt, 2);
	assert_int_equal(plan->extents[1].len, 4096);
	assert_int_equal(plan->sectors[1].size, 4096);
	assert_false(plan->regions[1].has_module);
	plan_free(plan);
}

static void memory_holds_images_and_erased_bytes(void **state)
{
	(void)state;
	struct plan *plan = good_plan(
		JOB("core", IMAGE("user", "core.bin") ",\n" IMAGE("spi-user", "raw.bin"), ""));
	const struct plan_region *user = &plan->regions[0], *raw = &plan->regions[1];
	assert_int_equal(user->len, 3000);
	assert_int_equal(user->write_len, 3072);
	assert_int_equal(plan_blocks(plan, user), 3);
	assert_true(user->has_module);
	assert_true(bytes_all(user->bytes + 3000, 72, 0xff));
	assert_int_equal(raw->len, 12);
	assert_false(raw->has_module);
	assert_memory_equal(raw->bytes, "not a module", 12);
	const struct plan_extent *extent = &plan->extents[raw->extent];
	assert_int_equal(extent->alt, 1);
	assert_int_equal(extent->addr, 0x80000);
	assert_int_equal(extent->len, 4096);
	assert_ptr_equal(extent->expected, raw->bytes);
	assert_true(bytes_all(extent->expected + 12, 4096 - 12, 0xff));
	plan_free(plan);
}

static void images_cannot_be_changed_after_planning(void **state)
{
	(void)state;
	struct plan *plan = good_plan(JOB("photon", IMAGE("user", "user.bin"), ""));
	/* The kernel writes for us, and says so instead of a fault. */
	int zero = open("/dev/zero", O_RDONLY);
	assert_true(zero >= 0);
	for (size_t at = 0; at < plan->memory_len; at += 4096)
		assert_int_equal(read(zero, (uint8_t *)plan->memory + at, 1), -1);
	assert_int_equal(errno, EFAULT);
	close(zero);
	plan_free(plan);
}

static void keys_and_cloud_are_resolved(void **state)
{
	(void)state;
	struct plan *plan = good_plan(JOB("photon", IMAGE("user", "user.bin"),
		"device_key : { slot = \"device-rsa\"; policy = \"keep-valid\"; };\n"
		"server_key : { slot = \"server-rsa\"; file = \"" SERVER_KEY
		"\"; host = \"h.example\"; port = 77; };\n"
		"enrol : { cloud = \"main\"; product_id = \"12\"; };"));
	assert_string_equal(plan->device_key.slot->name, "device-rsa");
	assert_int_equal(plan->device_key.policy, KEY_POLICY_KEEP_VALID);
	assert_string_equal(plan->server_key.file_name, "cloud-rsa.pub.der");
	assert_string_equal(plan->server_key.address.host, "h.example");
	assert_int_equal(plan->server_key.address.port, 77);
	assert_int_equal(plan->server_key.key.algorithm, KEY_RSA_2048);
	assert_int_equal(plan->server_key.bytes[0], 0x30);
	assert_string_equal(plan->enrol.cloud.url, "https://cloud.example.com/{device_id}");
	assert_string_equal(plan->enrol.product_id, "12");
	plan_free(plan);
}

static void virtual_cloud_stands_for_any_name(void **state)
{
	(void)state;
	struct plan_options options = { .cloud_url = "https://127.0.0.1:4711/d/{device_id}",
		.cloud_ca_file = "/ca.pem",
		.cloud_token_file = "/token" };
	struct plan *plan = fixture_plan(
		JOB("photon", IMAGE("user", "user.bin"),
			"device_key : { slot = \"device-rsa\"; };\nenrol : { cloud = \"any\"; };"),
		&options);
	assert_non_null(plan);
	assert_string_equal(plan->enrol.cloud.name, "any");
	assert_string_equal(plan->enrol.cloud.url, options.cloud_url);
	assert_string_equal(plan->enrol.cloud.ca_file, "/ca.pem");
	assert_int_equal(plan->enrol.cloud.api, CLOUD_API_JSON);
	assert_true(plan->enrol.cloud.in_flight > 0 && plan->enrol.cloud.timeout_ms > 0);
	plan_free(plan);
}

static void broken_job_text_is_one_refusal(void **state)
{
	(void)state;
	assert_null(fixture_plan("job : { name = ", NULL));
	assert_true(fixture_refusals[0]);
	struct plan *plan;
	struct err err;
	assert_false(plan_make(
		"/no/such/job.cfg", &(struct plan_options){ 0 }, NULL, NULL, &plan, &err));
	assert_int_equal(err.reason, REASON_INPUT);
}

static void shipped_jobs_make_plans(void **state)
{
	(void)state;
	static const char *const names[] = { "core", "photon" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[FS_PATH_MAX];
		struct plan *plan;
		struct err err;
		snprintf(path, sizeof path, "%s/jobs/%s.cfg", SOURCE_DIR, names[i]);
		if (!plan_make(path, &(struct plan_options){ .config = &fixture_config }, NULL,
			    NULL, &plan, &err))
			fail_msg("%s", err.text);
		plan_free(plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bad_job_is_refused_with_its_line),
		cmocka_unit_test(all_refusals_are_told_at_once),
		cmocka_unit_test(missing_pin_is_refused_for_a_real_run_only),
		cmocka_unit_test(photon_plan_has_its_parts_first),
		cmocka_unit_test(image_may_fill_its_region_to_the_last_byte),
		cmocka_unit_test(a_bootloader_may_lie_in_the_ota_region),
		cmocka_unit_test(bootloader_is_staged_between_parts_and_images),
		cmocka_unit_test(p1_takes_its_serial_flash_and_its_own_images),
		cmocka_unit_test(memory_holds_images_and_erased_bytes),
		cmocka_unit_test(images_cannot_be_changed_after_planning),
		cmocka_unit_test(keys_and_cloud_are_resolved),
		cmocka_unit_test(virtual_cloud_stands_for_any_name),
		cmocka_unit_test(broken_job_text_is_one_refusal),
		cmocka_unit_test(shipped_jobs_make_plans),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
