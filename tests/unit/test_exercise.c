/* SPDX-License-Identifier: Apache-2.0 */
/* USES: exercise */
/* What an exercise may write to, what a sector that it was cut off from may hold, and its journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "exercise_journal.h"
#include "exercise_pattern.h"
#include "exercise_plan.h"
#include "fs.h"

enum { LEN = 4096, AT = 0x60000, SEED = 0x1badcafe };

static struct family core, photon, p1, rom;
static struct exercise_wishes wishes;
static struct exercise_plan plan;
static struct err err;

static int load(void **state)
{
	(void)state;
	return !family_find("core", "", "", &core, &err) ||
	       !family_find("photon", "", "", &photon, &err) ||
	       !family_find("p1", "", "", &p1, &err) ||
	       !family_find("stm32-rom", "", "", &rom, &err);
}

static int fresh(void **state)
{
	(void)state;
	memset(&wishes, 0, sizeof wishes);
	return 0;
}

/* --- the choice --- */

static bool tests(uint8_t alt, uint32_t addr)
{
	for (size_t i = 0; i < plan.count; i++)
		if (plan.sectors[i].alt == alt && addr >= plan.sectors[i].addr &&
			addr - plan.sectors[i].addr < plan.sectors[i].size)
			return true;
	return false;
}

static size_t choose(const struct family *family)
{
	wishes.family = family;
	assert_true(exercise_choose(&wishes, &plan, &err));
	for (size_t i = 0; i < plan.count; i++)
		assert_null(exercise_protection(
			family, plan.sectors[i].alt, plan.sectors[i].addr, plan.sectors[i].size));
	return plan.count;
}

static void refuses(const struct family *family, const char *why)
{
	wishes.family = family;
	assert_false(exercise_choose(&wishes, &plan, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	if (!strstr(err.text, why))
		fail_msg("%s", err.text);
}

static void take_left(uint8_t alt, uint32_t addr, uint32_t len)
{
	wishes.known = true;
	wishes.left[wishes.left_count].alt = alt;
	wishes.left[wishes.left_count++].range = (struct exercise_range){ addr, len };
}

static void mark(bool flags[FAMILY_REGIONS_MAX], const struct family *family, const char *name)
{
	flags[family_region(family, name) - family->regions] = true;
}

static void of_a_core_what_its_images_leave(void **state)
{
	(void)state;
	take_left(0, 0x08005000, 1025);
	take_left(1, 0x20000, 0x1000);
	assert_int_equal(choose(&core), 106 + 31 + 32 + 32 + 384);
	assert_false(tests(0, 0x08004c00));
	assert_false(tests(0, 0x08005400));
	assert_true(tests(0, 0x08005800));
	assert_false(tests(1, 0x1fff));
	assert_false(tests(1, 0x2000));
	assert_false(tests(1, 0x3000));
	assert_false(tests(1, 0x20fff));
	assert_true(tests(1, 0x21000));
	assert_int_equal(plan.bytes, 106 * 1024 + 479 * 4096);
	assert_true(plan.time_ms > 60000);
}

static void of_an_unknown_unit_what_shows_no_module(void **state)
{
	(void)state;
	mark(wishes.has_module, &core, "user");
	mark(wishes.has_module, &core, "ota");
	choose(&core);
	assert_false(tests(0, 0x0801fc00));
	assert_true(tests(1, 0x20000));
	assert_false(tests(1, 0x60000));
	assert_false(tests(1, 0x80000)); /* raw bytes: nobody knows */
	fresh(NULL);
	refuses(&rom, "give --job, or a range");
}

static void never_what_a_unit_starts_or_writes_itself(void **state)
{
	(void)state;
	wishes.known = true;
	assert_int_equal(choose(&photon), 2);
	assert_true(tests(0, 0x080c0000) && tests(0, 0x080e0000));
	mark(wishes.suspect, &photon, "system-part1");
	mark(wishes.suspect, &photon, "user");
	mark(wishes.suspect, &photon, "dct1");
	assert_int_equal(choose(&photon), 2);
	assert_string_equal(plan.sectors[0].region->name, "ota");
	assert_string_equal(plan.sectors[1].region->name, "factory");
}

static void what_is_suspect_though_it_is_used(void **state)
{
	(void)state;
	take_left(0, 0x08005000, 0x1b000);
	take_left(1, 0x20000, 0x20000);
	choose(&core);
	assert_false(tests(1, 0x20000));
	mark(wishes.suspect, &core, "factory");
	choose(&core);
	assert_true(tests(1, 0x20000));
	assert_false(tests(0, 0x08005000));
	/* The update region reaches over a factory image that nothing speaks against. */
	fresh(NULL);
	take_left(0, 0x080e0000, 1000);
	mark(wishes.suspect, &photon, "ota");
	assert_int_equal(choose(&photon), 1);
	assert_false(tests(0, 0x080e0000));
	mark(wishes.suspect, &photon, "factory");
	assert_int_equal(choose(&photon), 2);
}

static void not_what_waits_for_the_firmware(void **state)
{
	(void)state;
	wishes.known = true;
	mark(wishes.waits, &photon, "ota");
	refuses(&photon, "no flash is left");
	wishes.range = &(struct exercise_range){ 0x080c0000, 1 };
	refuses(&photon, "something waits there");
}

static void only_the_regions_that_are_named(void **state)
{
	(void)state;
	wishes.known = true;
	wishes.regions = "ota,backup";
	assert_int_equal(choose(&core), 64);
	assert_false(tests(1, 0x80000) || tests(0, 0x08006000));
	wishes.regions = "factory";
	assert_int_equal(choose(&photon), 1);
	wishes.regions = "device-key-sector";
	refuses(&core, "no flash is left");
	wishes.regions = "ota,";
	refuses(&core, "no region ");
	wishes.regions = "ot";
	refuses(&core, "no region ot");
}

static void exactly_a_range(void **state)
{
	(void)state;
	take_left(1, 0x20000, 0x20000);
	wishes.range = &(struct exercise_range){ 0x2ffff, 2 };
	assert_int_equal(choose(&core), 2);
	assert_true(tests(1, 0x2f000) && tests(1, 0x30000));
	wishes.range = &(struct exercise_range){ 0x2000, 0x40000 };
	refuses(&core, "0x00002000 is never exercised: a key stands there");
	wishes.range = &(struct exercise_range){ 0x08004c00, 1 };
	refuses(&core, "it is not flash that DFU erases and writes");
	wishes.range = &(struct exercise_range){ 0x080a0000, 1 };
	refuses(&photon, "the unit itself writes there");
	wishes.range = &(struct exercise_range){ 0x200000, 1 };
	refuses(&core, "no flash is left");
}

static void not_a_memory_that_is_not_shown(void **state)
{
	(void)state;
	wishes.known = true;
	size_t all = choose(&p1);
	wishes.missing[2] = true;
	assert_int_equal(choose(&p1), all - 256);
}

static void ranges_as_they_are_typed(void **state)
{
	(void)state;
	struct exercise_range range;
	assert_true(exercise_range_parse("0x60000+0x20000", &range, &err));
	assert_true(range.addr == 0x60000 && range.len == 0x20000);
	assert_true(exercise_range_parse("0xffffffff+1", &range, &err) == false);
	assert_true(exercise_range_parse("0+1", &range, &err));
	static const char *const wrong[] = { "", "1", "1+", "+1", "1+0", "1+1x", " 1+1", "-1+1",
		"1+-1", "0x100000000+1", "1+0xffffffffffffffffff", "a+b" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (exercise_range_parse(wrong[i], &range, &err))
			fail_msg("'%s' is taken", wrong[i]);
}

/* --- the size of a memory --- */

static void a_mark_harms_no_key_whatever_the_size(void **state)
{
	(void)state;
	struct exercise_memory memory = exercise_memory(&core, 1);
	assert_true(memory.base == 0 && memory.len == 0x200000 && memory.bound == 0x1000);
	wishes.known = true;
	choose(&core);
	for (; memory.bound <= memory.len; memory.bound *= 2) {
		const struct exercise_sector *sector = exercise_mark_sector(&plan, &memory);
		assert_non_null(sector);
		for (uint32_t size = memory.bound; size < memory.len; size *= 2) {
			uint32_t there = exercise_fold(&memory, sector->addr, size);
			assert_true(there != 0x1000 && there != 0x2000);
			assert_true((sector->addr ^ size) < memory.len);
		}
		if (memory.bound >= 0x40000)
			assert_true(sector->addr < memory.bound);
	}
	/* Of sectors that all fall on keys none is taken. */
	memory.bound = 0x1000;
	wishes.range = &(struct exercise_range){ 0x82000, 0x1000 };
	assert_int_equal(choose(&core), 1);
	assert_null(exercise_mark_sector(&plan, &memory));
	memory.bound = 0x100000;
	assert_non_null(exercise_mark_sector(&plan, &memory));
	struct exercise_memory internal = exercise_memory(&photon, 0);
	assert_true(internal.base == 0x08000000 && internal.len == 0x100000 &&
		    internal.bound == 0x4000);
}

/* --- patterns --- */

static uint8_t before[LEN], found[LEN], a[LEN], b[LEN];

static int fill(void **state)
{
	(void)state;
	srand(7);
	for (int i = 0; i < LEN; i++)
		before[i] = (uint8_t)(rand() >> 8);
	exercise_fill(PATTERN_ADDRESS, SEED, AT, a, LEN);
	exercise_fill(PATTERN_COMPLEMENT, SEED, AT, b, LEN);
	memcpy(found, before, LEN);
	return 0;
}

static void no_word_of_a_pattern_is_another(void **state)
{
	(void)state;
	enum { WORDS = 1 << 18 };
	uint8_t *all = malloc(WORDS * 4u);
	uint8_t *seen = calloc(1, 1u << 29); /* a bit for each word */
	assert_true(all && seen);
	exercise_fill(PATTERN_ADDRESS, SEED, 0, all, WORDS * 4u);
	for (size_t i = 0; i < WORDS; i++) {
		uint32_t word;
		memcpy(&word, all + i * 4, 4);
		assert_false(seen[word / 8] & 1u << word % 8);
		seen[word / 8] |= (uint8_t)(1u << word % 8);
	}
	assert_memory_equal(all + AT, a, LEN);
	for (int i = 0; i < LEN; i++)
		assert_int_equal(a[i] ^ b[i], 0xff);
	free(seen);
	free(all);
}

static void the_first_difference_and_how_many(void **state)
{
	(void)state;
	found[17] ^= 4;
	found[4000] ^= 1;
	struct exercise_defect defect = exercise_compare(before, found, AT, LEN);
	assert_true(defect.addr == AT + 17 && defect.count == 2);
	assert_true(defect.expected == before[17] && defect.found == found[17]);
	assert_int_equal(exercise_compare(before, before, AT, LEN).count, 0);
	memset(found, 0xff, LEN);
	assert_int_equal(exercise_compare(NULL, found, AT, LEN).count, 0);
	found[LEN - 1] = 0x7f;
	defect = exercise_compare(NULL, found, AT, LEN);
	assert_true(defect.addr == AT + LEN - 1 && defect.expected == 0xff && defect.found == 0x7f);
}

static enum exercise_state classify(void)
{
	return exercise_classify(before, found, SEED, AT, LEN);
}

/* At every step of a sector's test, cut off at any byte. */
static void every_place_to_be_cut_off_at(void **state)
{
	(void)state;
	uint8_t blank[LEN];
	memset(blank, 0xff, LEN);
	const uint8_t *const steps[] = { before, blank, a, blank, b, blank, before };
	for (size_t i = 0; i + 1 < sizeof steps / sizeof *steps; i++)
		for (size_t cut = 0; cut <= LEN; cut += 31) {
			memcpy(found, steps[i + 1], cut);
			memcpy(found + cut, steps[i] + cut, LEN - cut);
			bool same = memcmp(found, before, LEN) == 0;
			assert_int_equal(classify(), same ? SECTOR_AS_BEFORE : SECTOR_CUT_OFF);
			/* In the middle of a byte, too: some of its bits are programmed. */
			if (same || cut == LEN || i % 2 == 0 || cut < LEN / 2)
				continue;
			found[cut] = steps[i + 1][cut] | 0x14;
			assert_int_equal(classify(), SECTOR_CUT_OFF);
		}
}

/* An erase that was cut off has set some of the bits. */
static void an_erase_that_was_cut_off(void **state)
{
	(void)state;
	const uint8_t *const from[] = { before, a, b };
	for (int k = 0; k < 3; k++) {
		memset(found, 0xff, LEN);
		for (int i = 0; i < LEN / 4; i++)
			found[i] = from[k][i] | (uint8_t)(rand() >> 8);
		assert_int_equal(classify(), SECTOR_CUT_OFF);
	}
}

static void what_somebody_else_wrote(void **state)
{
	(void)state;
	for (int i = 0; i < LEN; i++)
		found[i] = (uint8_t)(rand() >> 8);
	assert_int_equal(classify(), SECTOR_FOREIGN);
	/* A small image in a sector that is erased else. */
	memset(found + 64, 0xff, LEN - 64);
	assert_int_equal(classify(), SECTOR_FOREIGN);
	/* One byte of what stood there: a counter of an application, which nobody takes back. */
	memcpy(found, before, LEN);
	found[100] |= 0x11;
	found[100] ^= found[100] == before[100];
	assert_int_equal(classify(), SECTOR_FOREIGN);
	/* Over zeros everything has more bits. */
	memset(before, 0, LEN);
	memset(found, 0xff, LEN);
	for (int i = 0; i < 64; i++)
		found[i] = (uint8_t)(i * 3 + 1);
	assert_int_equal(classify(), SECTOR_FOREIGN);
	memset(found, 0, LEN);
	assert_int_equal(classify(), SECTOR_AS_BEFORE);
}

/* --- the journal --- */

static char state_dir[64], folder[160];
#define ID "3f0028000347343337373738"

static int make_state(void **state)
{
	(void)state;
	snprintf(state_dir, sizeof state_dir, "/tmp/exercise.XXXXXX");
	if (!mkdtemp(state_dir))
		return -1;
	snprintf(folder, sizeof folder, "%s/exercise/" ID, state_dir);
	return fill(NULL);
}

static int drop_state(void **state)
{
	(void)state;
	char command[96];
	snprintf(command, sizeof command, "rm -rf %s", state_dir);
	return system(command) != 0;
}

static struct exercise_entry entry_of(uint32_t addr)
{
	return (struct exercise_entry){ .device_id = ID,
		.family = "core",
		.attempt_id = "01930000-0000-7000-8000-000000000000",
		.alt = 1,
		.addr = addr,
		.size = LEN,
		.seed = SEED,
		.bytes = before };
}

static void a_journal_is_read_as_it_was_written(void **state)
{
	(void)state;
	const struct exercise_entry first = entry_of(AT), second = entry_of(0x1ff000);
	struct exercise_names names;
	struct exercise_entry read;
	struct stat info;
	char half[256];
	assert_true(exercise_journal_list(state_dir, ID, true, &names, &err));
	assert_int_equal(names.count, 0);
	assert_true(exercise_journal_open(state_dir, ID, &err));
	snprintf(half, sizeof half, "%s/alt1-0x00060000.sector.Ab12xY", folder);
	assert_true(fs_write_atomic(half, "half", 4, 0600, &err));
	assert_true(exercise_journal_write(state_dir, &second, &err));
	assert_true(exercise_journal_write(state_dir, &first, &err));
	assert_true(exercise_journal_list(state_dir, ID, false, &names, &err));
	assert_int_equal(names.count, 2);
	assert_string_equal(names.list[0], "alt1-0x00060000.sector");
	assert_true(exercise_journal_open(state_dir, ID, &err));
	assert_false(fs_exists(half));
	assert_true(exercise_journal_read(state_dir, ID, names.list[0], &read, &err));
	assert_memory_equal(read.bytes, before, LEN);
	exercise_entry_done(&read);
	assert_string_equal(read.device_id, ID);
	assert_string_equal(read.family, "core");
	assert_string_equal(read.attempt_id, first.attempt_id);
	assert_true(read.alt == 1 && read.addr == AT && read.size == LEN && read.seed == SEED);
	char path[256];
	snprintf(path, sizeof path, "%s/%s", folder, names.list[0]);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	assert_int_equal(stat(folder, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0700);
	assert_true(exercise_journal_remove(state_dir, ID, names.list[0], &err));
	assert_true(exercise_journal_remove(state_dir, ID, names.list[0], &err));
	assert_true(exercise_journal_list(state_dir, ID, false, &names, &err));
	assert_int_equal(names.count, 1);
}

static void what_is_aside_stays(void **state)
{
	(void)state;
	const struct exercise_entry entry = entry_of(AT);
	struct exercise_names names;
	struct exercise_entry read;
	char name[EXERCISE_NAME];
	exercise_journal_name(&entry, name);
	assert_true(exercise_journal_open(state_dir, ID, &err));
	for (int i = 0; i < 2; i++) {
		assert_true(exercise_journal_write(state_dir, &entry, &err));
		assert_true(exercise_journal_set_aside(state_dir, ID, name, &err));
	}
	assert_true(exercise_journal_list(state_dir, ID, false, &names, &err));
	assert_int_equal(names.count, 0);
	assert_true(exercise_journal_list(state_dir, ID, true, &names, &err));
	assert_int_equal(names.count, 2);
	assert_string_equal(names.list[0], "alt1-0x00060000.1.aside");
	assert_string_equal(names.list[1], "alt1-0x00060000.aside");
	for (int i = 0; i < 2; i++) {
		assert_true(exercise_journal_read(state_dir, ID, names.list[i], &read, &err));
		exercise_entry_done(&read);
	}
}

static void not_believed(const char *name)
{
	struct exercise_entry read;
	assert_false(exercise_journal_read(state_dir, ID, name, &read, &err));
	assert_int_equal(err.reason, REASON_STORE);
}

static void a_journal_that_is_not_whole_is_not_believed(void **state)
{
	(void)state;
	const struct exercise_entry entry = entry_of(AT);
	char path[256], other[256], name[EXERCISE_NAME];
	uint8_t *file;
	size_t len;
	exercise_journal_name(&entry, name);
	snprintf(path, sizeof path, "%s/%s", folder, name);
	snprintf(other, sizeof other, "%s/alt1-0x00061000.sector", folder);
	assert_true(exercise_journal_open(state_dir, ID, &err));
	assert_true(exercise_journal_write(state_dir, &entry, &err));
	assert_true(fs_read(path, 1 << 20, REASON_STORE, &file, &len, &err));
	/* Every byte of head and sum, and some of the contents. */
	for (size_t i = 0; i < len; i += i < 256 || i > len - 40 ? 1 : 101) {
		file[i] ^= 2;
		struct exercise_entry read;
		assert_false(exercise_entry_parse(file, len, &read, &err));
		assert_int_equal(err.reason, REASON_STORE);
		assert_false(exercise_entry_parse(file, i, &read, &err));
		file[i] ^= 2;
	}
	assert_true(fs_write_atomic(other, file, len, 0600, &err));
	not_believed("alt1-0x00061000.sector"); /* of another sector */
	assert_true(fs_write_atomic(path, file, len - 1, 0600, &err));
	not_believed(name);
	assert_true(fs_write_atomic(path, "", 0, 0600, &err));
	not_believed(name);
	free(file);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test_setup(of_a_core_what_its_images_leave, fresh),
		cmocka_unit_test_setup(of_an_unknown_unit_what_shows_no_module, fresh),
		cmocka_unit_test_setup(never_what_a_unit_starts_or_writes_itself, fresh),
		cmocka_unit_test_setup(what_is_suspect_though_it_is_used, fresh),
		cmocka_unit_test_setup(not_what_waits_for_the_firmware, fresh),
		cmocka_unit_test_setup(only_the_regions_that_are_named, fresh),
		cmocka_unit_test_setup(exactly_a_range, fresh),
		cmocka_unit_test_setup(not_a_memory_that_is_not_shown, fresh),
		cmocka_unit_test_setup(ranges_as_they_are_typed, fresh),
		cmocka_unit_test_setup(a_mark_harms_no_key_whatever_the_size, fresh),
		cmocka_unit_test_setup(no_word_of_a_pattern_is_another, fill),
		cmocka_unit_test_setup(the_first_difference_and_how_many, fill),
		cmocka_unit_test_setup(every_place_to_be_cut_off_at, fill),
		cmocka_unit_test_setup(an_erase_that_was_cut_off, fill),
		cmocka_unit_test_setup(what_somebody_else_wrote, fill),
		cmocka_unit_test_setup_teardown(
			a_journal_is_read_as_it_was_written, make_state, drop_state),
		cmocka_unit_test_setup_teardown(what_is_aside_stays, make_state, drop_state),
		cmocka_unit_test_setup_teardown(
			a_journal_that_is_not_whole_is_not_believed, make_state, drop_state),
	};
	return cmocka_run_group_tests(all, load, NULL);
}
