/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs config keys base */
/* Plans of jobs with stages: what each writes, what stands in the end, what is refused, what makes the product. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plan_build.h"
#include "plan_fixture.h"

#define END(words) \
	" runs = \"" words "\"; comes_back = \"touch\"; run_ms = 10; deadline_ms = 20000;"
#define STAGE(images, end) "{ images = ( " images " );" end " }"
/* The first stage stands in line 5. */
#define STAGED(family, stages, rest) \
	"job : {\nname = \"t\";\nfamily = \"" family "\";\nstages = (\n" stages "\n);\n" rest "\n};\n"

static struct plan *good(const char *job)
{
	struct plan *plan = fixture_plan(job, NULL);
	if (!plan)
		fail_msg("%s", fixture_refusals);
	return plan;
}

static void refused(const char *job, const char *fragment)
{
	struct plan *plan = fixture_plan(job, NULL);
	assert_null(plan);
	if (!strstr(fixture_refusals, fragment))
		fail_msg("no \"%s\" in:\n%s", fragment, fixture_refusals);
}

static void a_later_stage_takes_over_what_it_overwrites(void **state)
{
	(void)state;
	/* core.bin: 3000 bytes, 3 pages; small.bin: one page; both at the start of "user". */
	struct plan *plan = good(STAGED("core",
		STAGE(IMAGE("user", "core.bin") ", " IMAGE("spi-user", "raw.bin"), END("a")) ",\n"
		STAGE(IMAGE("spi-user", "raw-2.bin") "," IMAGE("factory", "core.bin"), END("b")) ",\n"
		STAGE(IMAGE("user", "core-small.bin"), ""), ""));
	assert_int_equal(plan->before_count, 2);
	assert_int_equal(plan->stage, 2);
	assert_int_equal(plan->region_count, 1);
	assert_int_equal(plan->extent_count, 1);
	assert_int_equal(plan->extents[0].len, 0x400);
	/* Its own page, two pages of the first stage behind it, the second stage's data. */
	assert_int_equal(plan->stand_count, 4);
	assert_memory_equal(&plan->stands[0], &plan->extents[0], sizeof plan->stands[0]);
	bool rest = false, data = false, factory = false;
	for (size_t i = 1; i < 4; i++) {
		const struct plan_extent *stand = &plan->stands[i];
		if (stand->alt == 0) {
			rest = true;
			assert_int_equal(stand->addr, 0x08005400);
			assert_int_equal(stand->len, 0x800);
			assert_ptr_equal(stand->expected, plan->before[0]->extents[0].expected + 0x400);
		} else if (stand->addr == 0x80000) {
			data = true;
			assert_memory_equal(stand->expected, "not a modulf", 12);
		} else {
			factory = stand->addr == 0x20000;
		}
	}
	assert_true(rest && data && factory);
	/* The first stage alone: what it wrote. The second: with what it left of the first. */
	assert_int_equal(plan->before[0]->stand_count, 2);
	assert_int_equal(plan->before[1]->stand_count, 3);
	assert_int_equal(plan->before[1]->extent_count, 2);
	assert_ptr_equal(plan_stage(plan, 1), plan->before[1]);
	assert_ptr_equal(plan_stage(plan, 2), plan);
	plan_free(plan);
}

static void pieces_are_cut_by_all_that_a_stage_takes(void **state)
{
	(void)state;
	static uint8_t bytes[0x1000];
	struct plan *earlier = calloc(1, sizeof *earlier), *plan = calloc(1, sizeof *plan);
	struct plan_build *build = calloc(1, sizeof *build);
	struct err err;
	assert_true(earlier && plan && build);
	*build = (struct plan_build){ .plan = plan, .product = plan };
	plan->before[plan->before_count++] = earlier;
	plan->stage = 1;
	earlier->stands[0] = (struct plan_extent){ .alt = 1, .addr = 0x1000, .len = 0x1000, .expected = bytes };
	earlier->stands[1] = (struct plan_extent){ .alt = 0, .addr = 0x1000, .len = 0x1000, .expected = bytes };
	earlier->stand_count = 2;
	/* In the middle, over the end, and not in the order of addresses; a sector where something waits. */
	plan->extents[0] = (struct plan_extent){ .alt = 1, .addr = 0x1e00, .len = 0x400 };
	plan->extents[1] = (struct plan_extent){ .alt = 1, .addr = 0x1400, .len = 0x100 };
	plan->extent_count = 2;
	plan->sectors[0] = (struct plan_sector){ .alt = 1, .addr = 0x1800, .size = 0x100, .phase = PHASE_STAGED };
	plan->sectors[1] = (struct plan_sector){ .alt = 1, .addr = 0x0f00, .size = 0x180 };
	plan->sector_count = 2;
	assert_true(plan_stand(build, &err));
	static const struct plan_extent wanted[] = {
		{ .alt = 1, .addr = 0x1080, .len = 0x380 },
		{ .alt = 1, .addr = 0x1500, .len = 0x300 },
		{ .alt = 1, .addr = 0x1900, .len = 0x500 },
		{ .alt = 0, .addr = 0x1000, .len = 0x1000 },
	};
	assert_int_equal(plan->stand_count, 2 + 4);
	for (size_t i = 0; i < 4; i++) {
		const struct plan_extent *found = &plan->stands[2 + i];
		assert_int_equal(found->alt, wanted[i].alt);
		assert_int_equal(found->addr, wanted[i].addr);
		assert_int_equal(found->len, wanted[i].len);
		assert_ptr_equal(found->expected, bytes + (found->addr - 0x1000));
	}
	free(build);
	free(plan);
	free(earlier);
}

static void one_stage_is_a_job_without_stages(void **state)
{
	(void)state;
	struct plan *plain = good(JOB("core", IMAGE("user", "core.bin"), ""));
	struct plan *one = good(STAGED("core", STAGE(IMAGE("user", "core.bin"), ""), ""));
	assert_string_equal(plain->sha256, one->sha256);
	assert_int_equal(one->before_count, 0);
	assert_int_equal(plain->stand_count, plain->extent_count);
	plan_free(plain);
	plan_free(one);
}

static void hash_of(const char *job, char ret[SHA256_HEX])
{
	struct plan *plan = good(job);
	memcpy(ret, plan->sha256, SHA256_HEX);
	plan_free(plan);
}

static void stages_are_part_of_the_product(void **state)
{
	(void)state;
#define LAST STAGE(IMAGE("user", "core.bin"), "")
#define DATA IMAGE("spi-user", "raw.bin")
	static const char *const others[] = {
		JOB("core", IMAGE("user", "core.bin"), ""),
		JOB("core", IMAGE("user", "core.bin") ", " DATA, ""),
		STAGED("core", STAGE(DATA, END("b")) ", " LAST, ""),
		STAGED("core", STAGE(IMAGE("spi-user", "raw-2.bin"), END("a")) ", " LAST, ""),
		STAGED("core", STAGE(DATA, END("a")) ", " STAGE(DATA, END("a")) ", " LAST, ""),
	};
	char first[SHA256_HEX], other[SHA256_HEX];
	hash_of(STAGED("core", STAGE(DATA, END("a")) ", " LAST, ""), first);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		hash_of(others[i], other);
		if (strcmp(first, other) == 0)
			fail_msg("job %zu gives the same plan", i);
	}
	/* When and how the unit comes back does not count. */
	hash_of(STAGED("core",
			STAGE(DATA, " runs = \"a\"; comes_back = \"operator\"; run_ms = 9; deadline_ms = 1000;")
			", " LAST, ""),
		other);
	assert_string_equal(first, other);
}

static void mistakes_in_a_stage_are_refused(void **state)
{
	(void)state;
	/* Also in an earlier one, at its line, and all of them. */
	refused(STAGED("core",
			STAGE(IMAGE("user", "user.bin"), END("a")) ",\n"
			STAGE(IMAGE("device-key-sector", "raw.bin"), ""), ""),
		"job.cfg:5: stages[0].images[0] (user): ");
	assert_non_null(strstr(fixture_refusals, "job.cfg:6: stages[1].images[0] (device-key-sector): "));
	refused(STAGED("core", STAGE(IMAGE("user", "core.bin"), END("a")) ", " LAST,
			"limits : { attempt_timeout_ms = 20000; };"),
		"their deadlines are 20000 ms together");
	refused(STAGED("photon",
			STAGE(IMAGE("bootloader", "boot.bin"), END("a")) ", "
			STAGE(IMAGE("user", "user-2.bin"), ""), ""),
		"move it there");
	/* Two images in one place are two stages, not one. */
	refused(STAGED("core", STAGE(IMAGE("user", "core.bin") ", " IMAGE("user", "core-small.bin"), END("a"))
			", " LAST, ""),
		"already written");
	/* What an earlier stage writes is what a later one finds. */
	refused(STAGED("photon",
			STAGE(IMAGE("system-part2", "part2-old.bin"), END("a")) ", "
			STAGE(IMAGE("user", "user-2.bin"), ""), ""),
		"but an earlier stage writes version 200");
	plan_free(good(STAGED("photon",
		STAGE(IMAGE("system-part2", "part2-old.bin"), END("a")) ", "
		STAGE(IMAGE("system-part1", "part1.bin") ", " IMAGE("system-part2", "part2.bin"), END("b")) ", "
		STAGE(IMAGE("user", "user-2.bin"), ""), "")));
}

static void a_family_without_a_way_back_takes_no_touch(void **state)
{
	(void)state;
	char path[FS_PATH_MAX];
	struct err err;
	uint8_t *text;
	size_t len;
	assert_true(fs_read(SOURCE_DIR "/config/families/core.cfg", 1 << 20, REASON_INPUT, &text, &len, &err));
	char *name = strstr((char *)text, "\tname  = \"core\"");
	char *touch = strstr((char *)text, "\n\t\tline_coding_baud");
	assert_non_null(name);
	assert_non_null(touch);
	memcpy(name, "\tname  = \"mute\"", 15);
	memset(touch + 1, ' ', strcspn(touch + 1, "\n"));
	assert_true(fs_join(path, fixture_folder, "families", &err) && fs_make_folder(path, 0755, &err));
	fixture_write("families/mute.cfg", text, len);
	free(text);
	refused(STAGED("mute", STAGE(IMAGE("user", "core.bin"), END("a")) ", " LAST, ""),
		"job.cfg:5: stages[0]: family mute has no way into DFU");
	plan_free(good(STAGED("mute",
		STAGE(IMAGE("user", "core.bin"),
			" runs = \"a\"; comes_back = \"by-itself\"; run_ms = 9; deadline_ms = 1000;") ", " LAST,
		"")));
}

static int setup(void **state)
{
	static const struct fixture_image small = { "core-small.bin", 0x08005000, 900, 0x10c, 0, 7, MODULE_MONO, 0,
		0, { { 0 } }, 0, 0 };
	if (fixture_setup(state) != 0)
		return -1;
	fixture_make_image(&small);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_later_stage_takes_over_what_it_overwrites),
		cmocka_unit_test(pieces_are_cut_by_all_that_a_stage_takes),
		cmocka_unit_test(one_stage_is_a_job_without_stages),
		cmocka_unit_test(stages_are_part_of_the_product),
		cmocka_unit_test(mistakes_in_a_stage_are_refused),
		cmocka_unit_test(a_family_without_a_way_back_takes_no_touch),
	};
	return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
