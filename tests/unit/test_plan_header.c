/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs keys config base */
/* Images that their module headers place: the Electron's, whose files are named in another order than their modules
 * are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "plan_fixture.h"

#define FREE(file) "{ file = \"" file "\"; }"

static void assert_refused(const char *job, const char *fragment)
{
	struct plan *plan = fixture_plan(job, NULL);
	if (plan || !strstr(fixture_refusals, fragment))
		fail_msg("wanted \"%s\", got:\n%s", fragment, fixture_refusals);
}

static struct plan *plan_of(const char *job)
{
	struct plan *plan = fixture_plan(job, NULL);
	if (!plan)
		fail_msg("%s", fixture_refusals);
	return plan;
}

static void headers_place_what_names_would_not(void **state)
{
	(void)state;
	static const struct {
		const char *file, *region;
		uint32_t addr;
		enum plan_phase phase;
	} wanted[] = { { "el-3.bin", "system-part3", 0x08060000, PHASE_PARTS },
		{ "el-1.bin", "system-part1", 0x08020000, PHASE_PARTS },
		{ "el-2.bin", "system-part2", 0x08040000, PHASE_PARTS },
		{ "el-boot.bin", "bootloader", 0x08000000, PHASE_STAGED },
		{ "el-user.bin", "user", 0x08080000, PHASE_IMAGES } };
	struct plan *plan = plan_of(JOB("electron",
		FREE("el-3.bin") "," FREE("el-1.bin") "," FREE("el-boot.bin") "," FREE(
			"el-user.bin") "," FREE("el-2.bin"),
		""));
	assert_int_equal(plan->region_count, 5);
	for (size_t i = 0; i < 5; i++) {
		const struct plan_region *region = &plan->regions[i];
		assert_string_equal(region->file_name, wanted[i].file);
		assert_string_equal(region->region->name, wanted[i].region);
		assert_int_equal(region->addr, wanted[i].addr);
		assert_int_equal(region->phase, wanted[i].phase);
		assert_true(region->has_module);
	}
	struct plan *named = plan_of(JOB("electron",
		IMAGE("system-part3", "el-3.bin") "," IMAGE("system-part1", "el-1.bin") "," IMAGE(
			"bootloader", "el-boot.bin") "," IMAGE("user",
			"el-user.bin") "," IMAGE("system-part2", "el-2.bin"),
		""));
	assert_string_equal(plan->sha256, named->sha256); /* the same product */
	plan_free(named);
	plan_free(plan);
}

static void a_file_in_the_region_of_its_name_is_refused_and_the_right_one_named(void **state)
{
	(void)state;
	assert_refused(JOB("electron", IMAGE("system-part1", "el-3.bin"), ""),
		"el-3.bin: is system part (function 4) 3, this region takes system part (function 4) 1, and its header "
		"places it in region system-part3; take the right file or region");
	assert_refused(JOB("electron", IMAGE("system-part2", "el-1.bin"), ""),
		"el-1.bin: is linked for 0x08020000, but what stands here runs at 0x08040000 (system-part2), and its "
		"header places it in region system-part1; take the right file or region");
	assert_refused(JOB("electron", IMAGE("factory", "el-1.bin"), ""),
		"and its header places it in region system-part1");
	/* A factory image is linked for the user region, and that is right. */
	plan_free(plan_of(JOB("electron", IMAGE("factory", "el-user.bin"), "")));
}

static void what_has_no_place_is_refused(void **state)
{
	(void)state;
	assert_refused(
		JOB("electron", FREE("core.bin"), ""), "core.bin: does not say where its bytes go");
	assert_refused(
		JOB("electron", FREE("raw.bin"), ""), "raw.bin: does not say where its bytes go");
	assert_refused(JOB("electron", FREE("user.bin"), ""),
		"user.bin: is user part 1 and linked for 0x080a0000, where family electron has no place for it; "
		"take the image for this family");
	assert_refused(JOB("electron", FREE("part1.bin"), ""),
		"is for platform 6, family electron is platform 10");
	assert_refused(JOB("photon", FREE("user-crc.bin"), ""), "user-crc.bin: the CRC-32");
	assert_refused(JOB("photon", FREE("user-index.bin"), ""),
		"is user part 2 and linked for 0x080a0000");
	assert_refused(JOB("electron", FREE("el-3.bin") ",\n" FREE("el-3.bin"), ""),
		"the region system-part3 is already written by images[0] in line 5");
}

static void a_byte_of_the_record_memory_is_an_image(void **state)
{
	(void)state;
	fixture_write("tcp.hex", ":010BA1000053\n:00000001FF\n", 26);
	fixture_write("elsewhere.hex", ":010BA2000052\n:00000001FF\n", 26);
	struct plan *plan = plan_of(JOB("electron", IMAGE("cloud-transport", "tcp.hex"), ""));
	assert_int_equal(plan->region_count, 1);
	assert_int_equal(plan->sector_count, 0);
	const struct plan_region *region = &plan->regions[0];
	assert_int_equal(region->addr, 2977);
	assert_int_equal(region->write_addr, 2977);
	assert_int_equal(region->write_len, 1);
	assert_int_equal(region->write_bytes[0], 0);
	assert_int_equal(plan->extents[0].alt, 1);
	assert_int_equal(plan->extents[0].len, 1);
	plan_free(plan);
	assert_refused(JOB("electron", IMAGE("cloud-transport", "raw.bin"), ""),
		"has 12 bytes, the region only 1");
	assert_refused(JOB("electron", IMAGE("cloud-transport", "elsewhere.hex"), ""),
		"is not inside the region");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_place_what_names_would_not),
		cmocka_unit_test(
			a_file_in_the_region_of_its_name_is_refused_and_the_right_one_named),
		cmocka_unit_test(what_has_no_place_is_refused),
		cmocka_unit_test(a_byte_of_the_record_memory_is_an_image),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
