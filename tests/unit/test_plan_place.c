/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs config keys base */
/* Places that a profile would not pass with: the plan does not rely on it. The family is made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "bytes.h"
#include "plan_build.h"

static struct plan plan;
static struct plan_build build;
static struct err first;
static uint8_t bytes[0x4000];
static char refusals[4096];

static void refused(void *context, const char *text)
{
	(void)context;
	size_t used = strlen(refusals);
	snprintf(refusals + used, sizeof refusals - used, "%s\n", text);
}

static void add_region(const char *name, uint8_t alt, uint32_t addr, uint32_t size)
{
	struct family_region *region = &plan.family.regions[plan.family.region_count++];
	snprintf(region->name, sizeof region->name, "%s", name);
	region->alt = alt;
	region->addr = addr;
	region->size = size;
	region->writable = true;
}

/* The family has alt 0, NOR with sectors of 4 KiB of which the last cannot be erased, and alt 1, a record. */
static int begin(void **state)
{
	(void)state;
	struct err err;
	struct family *family = &plan.family;
	memset(&plan, 0, sizeof plan);
	strcpy(plan.job.path, "job.cfg");
	strcpy(family->name, "made");
	family->alt_count = 2;
	family->transfer_size_max = 1024;
	family->alts[0].access_end = 0x8000;
	family->alts[1] =
		(struct family_alt){ .alt = 1, .memory = MEMORY_RECORD, .access_end = 0x800 };
	build = (struct plan_build){ .plan = &plan, .err = &first, .errors = refused };
	refusals[0] = 0;
	return !layout_parse("@F/0x00000000/7*004Kg,1*004Kc", &family->alts[0].layout, &err) ||
	       !layout_parse("@R/0x00000000/1*004Kg", &family->alts[1].layout, &err);
}

static int end(void **state)
{
	(void)state;
	return plan.memory ? munmap(plan.memory, plan.memory_len) : 0;
}

static void add_image(const char *region, size_t len)
{
	size_t i = plan.job.image_count++;
	struct plan_source *source = &build.sources[build.source_count++];
	snprintf(plan.job.images[i].region, sizeof plan.job.images[i].region, "%s", region);
	plan.job.images[i].line = (unsigned)(10 + i);
	source->image = i;
	source->region = source->linked = family_region(&plan.family, region);
	assert_non_null(source->region);
	source->alt = family_alt(&plan.family, source->region->alt);
	source->addr = source->region->addr;
	source->bytes = bytes;
	source->len = len;
	source->fits = true;
}

/* A further run of the image that was added last, in its region. */
static void add_run(uint32_t addr, size_t len)
{
	struct plan_source *source = &build.sources[build.source_count++];
	*source = source[-1];
	source->addr = addr;
	source->len = len;
}

static void assert_refused(const char *fragment)
{
	plan_check_places(&build);
	if (!strstr(refusals, fragment))
		fail_msg("no \"%s\" in:\n%s", fragment, refusals);
}

static void assert_placed(void)
{
	struct err err;
	plan_check_places(&build);
	assert_string_equal(refusals, "");
	if (!plan_place(&build, &err))
		fail_msg("%s", err.text);
}

static void bytes_that_overlap_are_refused(void **state)
{
	(void)state;
	add_region("a", 0, 0x1000, 0x2000);
	add_region("b", 0, 0x2000, 0x1000);
	add_image("a", 0x1001);
	add_image("b", 1);
	assert_refused(
		"job.cfg:11: images[1] (b): : cannot be together with images[0] (a) of line 10: "
		"they overlap in bytes");
}

static void one_sector_is_erased_once_for_two_images(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	add_region("a", 0, 0x1000, 0x800);
	add_region("b", 0, 0x1a00, 0x1000);
	add_image("a", 0x700);
	add_image("b", 0x700);
	assert_placed();
	assert_int_equal(plan.extent_count, 1);
	assert_int_equal(plan.sector_count, 2);
	assert_int_equal(plan.extents[0].len, 0x2000);
	/* Blocks count from 0x1000: a ends in the second, b begins in the third and ends in the fifth. */
	assert_int_equal(plan.regions[0].write_addr, 0x1000);
	assert_int_equal(plan.regions[0].write_len, 0x800);
	assert_int_equal(plan.regions[1].write_addr, 0x1800);
	assert_int_equal(plan.regions[1].write_len, 0xc00);
	assert_ptr_equal(plan.regions[1].write_bytes, plan.extents[0].expected + 0x800);
	assert_true(bytes_all(plan.extents[0].expected + 0x700, 0x300, 0xff));
	assert_memory_equal(plan.extents[0].expected + 0xa00, bytes, 0x700);
}

static void block_that_two_share_is_written_once(void **state)
{
	(void)state;
	add_region("a", 0, 0x1000, 0x700);
	add_region("b", 0, 0x1700, 0x200);
	add_region("c", 0, 0x1900, 0x100);
	/* The order of the job is not that of the addresses. */
	add_image("b", 0x180);
	add_image("c", 0x100);
	add_image("a", 0x6f0);
	assert_placed();
	const struct plan_region *b = &plan.regions[0], *c = &plan.regions[1],
				 *a = &plan.regions[2];
	assert_int_equal(a->write_addr, 0x1000);
	assert_int_equal(a->write_len, 0x800);
	assert_int_equal(b->write_addr, 0x1800);
	assert_int_equal(b->write_len, 0x400);
	assert_int_equal(c->write_len, 0);
	assert_memory_equal(plan.extents[0].expected + 0x700, bytes, 0x180);
	assert_true(bytes_all(plan.extents[0].expected + 0x6f0, 0x10, 0xff));
}

static void sparse_image_owns_the_sectors_under_its_runs_only(void **state)
{
	(void)state;
	memset(bytes, 0x5a, sizeof bytes);
	add_region("a", 0, 0x1000, 0x6000);
	add_image("a", 0x10);
	add_run(0x1f01, 0x200);
	add_run(0x4ffd, 2);
	assert_placed();
	assert_int_equal(plan.region_count, 3);
	assert_int_equal(plan.extent_count, 2);
	assert_int_equal(plan.extents[0].addr, 0x1000);
	assert_int_equal(plan.extents[0].len, 0x2000);
	assert_int_equal(plan.extents[1].addr, 0x4000);
	assert_int_equal(plan.extents[1].len, 0x1000);
	assert_int_equal(plan.sector_count, 3);
	assert_int_equal(plan.sectors[2].addr, 0x4000);
	assert_memory_equal(plan.extents[0].expected, bytes, 0x10);
	assert_true(bytes_all(plan.extents[0].expected + 0x10, 0xef1, 0xff));
	assert_memory_equal(plan.extents[0].expected + 0xf01, bytes, 0x200);
	assert_true(bytes_all(plan.extents[0].expected + 0x1101, 0xeff, 0xff));
	assert_true(bytes_all(plan.extents[1].expected, 0xffd, 0xff));
	/* Only the blocks with bytes, from a whole block on. */
	assert_int_equal(plan.regions[1].write_addr, 0x1c00);
	assert_int_equal(plan.regions[1].write_len, 0x800);
	assert_int_equal(plan.regions[2].write_addr, 0x4c00);
	assert_int_equal(plan.regions[2].write_len, 0x400);
	assert_int_equal(plan.regions[2].image, 0);
}

static void runs_of_one_image_that_overlap_are_refused(void **state)
{
	(void)state;
	add_region("a", 0, 0x1000, 0x1000);
	add_image("a", 0x101);
	add_run(0x1100, 1);
	assert_refused("they overlap in bytes (0x00001100 and 0x00001000)");
}

static void declared_overlap_forbids_one_sector(void **state)
{
	(void)state;
	add_region("a", 0, 0x1000, 0x1000);
	add_region("b", 0, 0x1800, 0x800);
	plan.family.regions[1].overlap_count = 1;
	strcpy(plan.family.regions[1].overlaps[0], "a");
	add_image("a", 0x100);
	add_image("b", 0x100);
	assert_refused("their regions overlap and they share a sector");
}

static void system_part_has_its_sectors_alone(void **state)
{
	(void)state;
	add_region("a", 0, 0x1000, 0x800);
	add_region("b", 0, 0x1800, 0x800);
	plan.family.regions[0].system_part = true;
	add_image("a", 0x100);
	add_image("b", 0x100);
	assert_refused("written in different sessions");
}

static void key_slot_in_a_sector_is_refused(void **state)
{
	(void)state;
	add_region("a", 0, 0x1000, 0x800);
	plan.family.key_slot_count = 1;
	plan.family.key_slots[0] =
		(struct family_key_slot){ .name = "k", .addr = 0x1f00, .format.size = 16 };
	add_image("a", 0x100);
	assert_refused("shares a sector with key slot k");
}

static void sector_without_erase_is_refused(void **state)
{
	(void)state;
	add_region("a", 0, 0x6000, 0x2000);
	add_image("a", 0x1001);
	assert_refused("does not let all of it be read, erased and written");
}

static void place_outside_the_access_range_is_refused(void **state)
{
	(void)state;
	add_region("a", 1, 0x700, 0x200);
	add_image("a", 0x101);
	assert_refused(
		"outside of what may be touched on alternate setting 1, 0x00000000-0x00000800");
}

static void record_memory_has_exact_extents_and_no_sectors(void **state)
{
	(void)state;
	add_region("a", 1, 0x700, 0x80);
	add_region("b", 1, 0x721, 0x80);
	add_image("a", 0x21);
	add_image("b", 0x10);
	assert_placed();
	assert_int_equal(plan.sector_count, 0);
	assert_int_equal(plan.extent_count, 2);
	assert_int_equal(plan.extents[0].len, 0x21);
	assert_int_equal(plan.regions[0].write_len, 0x21);
	assert_int_equal(plan.regions[1].extent, 1);
}

static void key_slot_outside_the_record_is_refused(void **state)
{
	(void)state;
	plan.family.key_slot_count = 1;
	plan.family.key_slots[0] = (struct family_key_slot){ .name = "k",
		.alt = 1,
		.addr = 0x7f0,
		.format = { .role = KEY_ROLE_DEVICE, .algorithm = KEY_P256, .size = 17 } };
	plan.job.device_key = (struct job_device_key){ .wanted = true, .slot = "k", .line = 5 };
	plan_take_keys(&build);
	assert_non_null(strstr(refusals, "job.cfg:5: device_key: slot k would touch 0x7f0-0x801"));
}

static void key_slot_that_would_take_another_with_it_is_refused(void **state)
{
	(void)state;
	plan.family.key_slot_count = 2;
	plan.family.key_slots[0] = (struct family_key_slot){ .name = "k",
		.addr = 0x1000,
		.format = { .role = KEY_ROLE_DEVICE, .algorithm = KEY_P256, .size = 192 } };
	plan.family.key_slots[1] =
		(struct family_key_slot){ .name = "l", .addr = 0x1800, .format.size = 16 };
	plan.job.device_key = (struct job_device_key){ .wanted = true, .slot = "k", .line = 5 };
	plan_take_keys(&build);
	assert_non_null(strstr(refusals, "would erase slot l in the same sector"));
	refusals[0] = 0;
	plan.family.key_slots[0].read_modify_write = true;
	plan_take_keys(&build);
	assert_string_equal(refusals, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bytes_that_overlap_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(
			one_sector_is_erased_once_for_two_images, begin, end),
		cmocka_unit_test_setup_teardown(block_that_two_share_is_written_once, begin, end),
		cmocka_unit_test_setup_teardown(
			sparse_image_owns_the_sectors_under_its_runs_only, begin, end),
		cmocka_unit_test_setup_teardown(
			runs_of_one_image_that_overlap_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(declared_overlap_forbids_one_sector, begin, end),
		cmocka_unit_test_setup_teardown(system_part_has_its_sectors_alone, begin, end),
		cmocka_unit_test_setup_teardown(key_slot_in_a_sector_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(sector_without_erase_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(
			place_outside_the_access_range_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(
			record_memory_has_exact_extents_and_no_sectors, begin, end),
		cmocka_unit_test_setup_teardown(key_slot_outside_the_record_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(
			key_slot_that_would_take_another_with_it_is_refused, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
