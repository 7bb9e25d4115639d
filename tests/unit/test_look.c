/* SPDX-License-Identifier: Apache-2.0 */
/* USES: returns */
/* What stands in a region, judged: without a job, by hashes of our record and by the modules' own
 * headers and sums. With a job: the flow tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "look.h"
#include "module_image.h"

enum { LEN = 5000, FULL = 0x40000 };

static struct family photon, core;
static uint8_t bytes[FULL];
static struct findings findings;
static struct look looks[FAMILY_REGIONS_MAX];
static struct record_known_image known[2];
static size_t known_count;

static int setup(void **state)
{
	(void)state;
	struct err err;
	return !family_find("photon", "", "", &photon, &err) ||
	       !family_find("core", "", "", &core, &err);
}

static int blank(void **state)
{
	(void)state;
	memset(bytes, 0xff, sizeof bytes);
	memset(&findings, 0, sizeof findings);
	memset(looks, 0, sizeof looks);
	known_count = 0;
	return 0;
}

static void put_module(uint32_t start, uint16_t platform, uint16_t version, uint8_t function,
	uint8_t index, struct module_dependency needs)
{
	struct module_header header = { .start = start,
		.end = start + LEN - 4,
		.version = version,
		.platform_id = platform,
		.function = function,
		.index = index,
		.dependency = { needs } };
	memset(bytes, 0xff, sizeof bytes);
	module_image_make(&header, 0, bytes);
}

static void put_user(void)
{
	put_module(0x080a0000, 6, 7, MODULE_USER_PART, 1, (struct module_dependency){ 0 });
}

/* The first LEN bytes are an image that we know. */
static void know(bool left_with)
{
	struct record_known_image *image = &known[known_count++];
	struct err err;
	*image = (struct record_known_image){ .left_with = left_with,
		.addr = 0x080a0000,
		.size = LEN,
		.version = 7,
		.file_name = "user.bin",
		.job_name = "tinker" };
	assert_true(digest_sha256_hex(bytes, LEN, image->sha256, &err));
}

static void judge_all(const struct family *family, const char *region)
{
	const struct family_region *place = family_region(family, region);
	const struct look_rules rules = {
		.family = family, .known = known, .known_count = known_count
	};
	struct err err;
	assert_non_null(place);
	findings.count = 0;
	assert_true(
		look_judge(&rules, place, bytes, &looks[place - family->regions], &findings, &err));
}

/* NULL: nothing is found. */
static __attribute__((noinline)) const struct finding *judge(
	const struct family *family, const char *region)
{
	judge_all(family, region);
	assert_true(findings.count <= 1);
	return findings.count ? &findings.list[0] : NULL;
}

static void assert_found(const struct family *family, const char *region, enum finding_code code,
	const char *evidence)
{
	const struct finding *finding = judge(family, region);
	assert_non_null(finding);
	assert_string_equal(finding_info(finding->code)->code, finding_info(code)->code);
	assert_string_equal(finding->subject, region);
	if (!strstr(finding->evidence, evidence))
		fail_msg("evidence: %s", finding->evidence);
}

static void what_it_left_with_is_the_same(void **state)
{
	(void)state;
	put_user();
	know(true);
	assert_found(&photon, "user", FINDING_CODE_IMAGE_SAME,
		"user.bin, as it left with job tinker, version 7");
	known[0].left_with = false;
	assert_found(
		&photon, "user", FINDING_CODE_IMAGE_OTHER, "user.bin of job tinker, version 7");
	known_count = 0;
	assert_found(&photon, "user", FINDING_CODE_IMAGE_UNKNOWN, "version 7, whole");
	assert_int_equal(verdict_of(&findings), VERDICT_HEALTHY);
}

/* Behind its own end, and not where nothing says where that is. */
static void data_behind_an_application_is_its_owners(void **state)
{
	(void)state;
	put_user();
	know(true);
	bytes[LEN] = 0xff;
	assert_non_null(judge(&photon, "user"));
	bytes[LEN] = 0;
	bytes[0x1ffff] = 1;
	judge_all(&photon, "user");
	assert_int_equal(findings.count, 2);
	assert_int_equal(findings.list[1].code, FINDING_CODE_CUSTOMER_DATA);
	assert_string_equal(findings.list[1].subject, "user");
	assert_string_equal(
		findings.list[1].evidence, "2 bytes behind the image, first at 0x080a1388");
	assert_int_equal(verdict_of(&findings), VERDICT_HEALTHY);
	assert_int_equal(repairs_of(&findings), REPAIR_WIPE);
	bytes[LEN / 2] ^= 1;
	known_count = 0;
	judge_all(&photon, "user");
	assert_int_equal(findings.count, 1);
	put_module(0x08060000, 6, 7, MODULE_SYSTEM_PART, 2, (struct module_dependency){ 0 });
	bytes[LEN] = 0;
	judge_all(&photon, "system-part2");
	assert_int_equal(findings.count, 1);
}

static void one_wrong_byte_is_damage(void **state)
{
	(void)state;
	for (uint32_t at = 0; at < LEN; at += 97) {
		put_user();
		know(true);
		bytes[at] ^= 1;
		const struct finding *finding = judge(&photon, "user");
		assert_non_null(finding);
		assert_int_equal(finding->state, FINDING_FAULT);
		assert_int_equal(verdict_of(&findings), VERDICT_REPAIRABLE);
		assert_false(looks[family_region(&photon, "user") - photon.regions].sound);
		known_count = 0;
	}
}

static void what_belongs_elsewhere_is_named(void **state)
{
	(void)state;
	put_module(0x080a0000, 8, 7, MODULE_USER_PART, 1, (struct module_dependency){ 0 });
	assert_found(&photon, "user", FINDING_CODE_IMAGE_OTHER_FAMILY, "for platform 8");
	put_module(0x08080000, 6, 7, MODULE_USER_PART, 1, (struct module_dependency){ 0 });
	assert_found(&photon, "user", FINDING_CODE_IMAGE_MISPLACED, "made for 0x08080000");
	put_module(0x08060000, 6, 7, MODULE_SYSTEM_PART, 1, (struct module_dependency){ 0 });
	assert_found(
		&photon, "system-part2", FINDING_CODE_IMAGE_MISPLACED, "system part 1, made for");
	/* A factory image is linked for where it will run. */
	put_user();
	assert_found(&photon, "factory", FINDING_CODE_IMAGE_UNKNOWN, "version 7, whole");
}

static void what_is_erased_is_a_fault_where_something_has_to_run(void **state)
{
	(void)state;
	assert_found(&photon, "system-part1", FINDING_CODE_IMAGE_BLANK, "nothing can run");
	assert_int_equal(verdict_of(&findings), VERDICT_REPAIRABLE);
	assert_found(&core, "user", FINDING_CODE_IMAGE_BLANK, "nothing can run");
	assert_found(&photon, "user", FINDING_CODE_IMAGE_BLANK, "no application");
	assert_int_equal(verdict_of(&findings), VERDICT_HEALTHY);
	assert_null(judge(&photon, "factory"));
	assert_null(judge(&photon, "ota"));
	known[known_count++] = (struct record_known_image){
		.left_with = true, .addr = 0x080e0000, .size = LEN, .sha256 = "00"
	};
	assert_found(&photon, "factory", FINDING_CODE_IMAGE_BLANK, "the unit left with an image");
	assert_int_equal(verdict_of(&findings), VERDICT_REPAIRABLE);
}

static void what_an_update_left_is_no_fault(void **state)
{
	(void)state;
	bytes[0x1234] = 0x42;
	bytes[0x1300] = 0x42;
	assert_found(&photon, "ota", FINDING_CODE_IMAGE_LEFTOVER,
		"2 bytes are not erased, first at 0x080c1234");
	assert_int_equal(verdict_of(&findings), VERDICT_HEALTHY);
	/* The second half is the factory region, which is looked at by itself. */
	memset(bytes, 0xff, sizeof bytes);
	bytes[0x20000] = 0x42;
	assert_null(judge(&photon, "ota"));
	assert_found(&photon, "system-part1", FINDING_CODE_IMAGE_DAMAGED, "no module header");
	assert_int_equal(verdict_of(&findings), VERDICT_REPAIRABLE);
}

/* A Photon's can be staged by its firmware, if a job brings one; a board without that way needs a probe. */
static void a_bootloader_that_dfu_cannot_mend_needs_a_probe(void **state)
{
	(void)state;
	static struct family unstaged;
	unstaged = photon;
	put_module(0x08000000, 6, 501, MODULE_BOOTLOADER, 0, (struct module_dependency){ 0 });
	bytes[2000] ^= 1;
	assert_found(&photon, "bootloader", FINDING_CODE_BOOTLOADER_DAMAGED,
		"version 501, but the sums");
	assert_int_equal(verdict_of(&findings), VERDICT_NEEDS_SWD);
	known[known_count++] =
		(struct record_known_image){ .left_with = true, .addr = 0x08000000, .size = 8192 };
	assert_found(
		&photon, "bootloader", FINDING_CODE_IMAGE_DAMAGED, "version 501, but the sums");
	assert_int_equal(verdict_of(&findings), VERDICT_REPAIRABLE);
	unstaged.regions[0].staged.possible = false;
	assert_found(&unstaged, "bootloader", FINDING_CODE_BOOTLOADER_DAMAGED, "version 501");
	assert_int_equal(verdict_of(&findings), VERDICT_NEEDS_SWD);
}

static void needs_are_met_by_what_runs_there(void **state)
{
	(void)state;
	const struct module_dependency needs = { MODULE_SYSTEM_PART, 2, 2302 };
	put_module(0x080a0000, 6, 7, MODULE_USER_PART, 1, needs);
	assert_non_null(judge(&photon, "user"));
	findings.count = 0;
	look_dependencies(&photon, looks, &findings);
	assert_int_equal(findings.count, 1);
	assert_int_equal(findings.list[0].code, FINDING_CODE_DEPENDENCY);
	assert_string_equal(findings.list[0].subject, "user");
	assert_non_null(strstr(findings.list[0].evidence, "there is none"));

	put_module(0x08060000, 6, 2301, MODULE_SYSTEM_PART, 2, (struct module_dependency){ 0 });
	assert_non_null(judge(&photon, "system-part2"));
	findings.count = 0;
	look_dependencies(&photon, looks, &findings);
	assert_int_equal(findings.count, 1);
	assert_non_null(strstr(findings.list[0].evidence, "there is version 2301"));

	put_module(0x08060000, 6, 2302, MODULE_SYSTEM_PART, 2, (struct module_dependency){ 0 });
	assert_non_null(judge(&photon, "system-part2"));
	findings.count = 0;
	look_dependencies(&photon, looks, &findings);
	assert_int_equal(findings.count, 0);

	bytes[3000] ^= 1;
	assert_non_null(judge(&photon, "system-part2"));
	findings.count = 0;
	look_dependencies(&photon, looks, &findings);
	assert_int_equal(findings.count, 1);
	assert_non_null(strstr(findings.list[0].evidence, "which is not good"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_it_left_with_is_the_same, blank),
		cmocka_unit_test_setup(data_behind_an_application_is_its_owners, blank),
		cmocka_unit_test_setup(one_wrong_byte_is_damage, blank),
		cmocka_unit_test_setup(what_belongs_elsewhere_is_named, blank),
		cmocka_unit_test_setup(what_is_erased_is_a_fault_where_something_has_to_run, blank),
		cmocka_unit_test_setup(what_an_update_left_is_no_fault, blank),
		cmocka_unit_test_setup(a_bootloader_that_dfu_cannot_mend_needs_a_probe, blank),
		cmocka_unit_test_setup(needs_are_met_by_what_runs_there, blank),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
