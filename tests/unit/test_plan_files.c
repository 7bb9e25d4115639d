/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs config keys base */
/* Files that carry addresses: where their bytes go, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dfuse_file.h"
#include "plan_fixture.h"

enum { CORE_USER = 0x08005000, CORE_LEN = 3000 };

#define ALONE(file) "{ file = \"" file "\"; }"

static uint8_t room[1 << 20];

/* One element of a DfuSe file, or one run of a HEX file. */
struct piece {
	uint8_t alt;
	uint32_t addr;
	const char *bytes;
	uint32_t len;
};

static void write_dfuse_for(const char *file, uint16_t vendor_id, uint16_t product_id,
	const struct piece *pieces, size_t count)
{
	struct dfuse_file made = { .bytes = room };
	dfuse_begin(&made);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || pieces[i].alt != pieces[i - 1].alt)
			dfuse_add_target(&made, pieces[i].alt);
		dfuse_add(&made, pieces[i].addr, pieces[i].bytes, pieces[i].len);
	}
	dfuse_end(&made, vendor_id, product_id);
	fixture_write(file, made.bytes, made.len);
}

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define DFUSE(file, ...) \
	write_dfuse_for(file, 0xffff, 0xffff, (const struct piece[]){ __VA_ARGS__ }, \
		COUNT(((const struct piece[]){ __VA_ARGS__ })))

static size_t add_hex(char *to, uint8_t type, uint16_t offset, const uint8_t *bytes, uint8_t len)
{
	unsigned sum = (unsigned)len + (unsigned)(offset >> 8) + (offset & 0xffu) + type;
	size_t at = (size_t)sprintf(to, ":%02X%04X%02X", len, offset, type);
	for (uint8_t i = 0; i < len; i++) {
		sum += bytes[i];
		at += (size_t)sprintf(to + at, "%02X", bytes[i]);
	}
	return at + (size_t)sprintf(to + at, "%02X\n", (0x100 - sum % 0x100) % 0x100);
}

static void write_hex(const char *file, const struct piece *pieces, size_t count)
{
	char *text = (char *)room;
	size_t at = 0;
	for (size_t i = 0; i < count; i++)
		for (uint32_t done = 0; done < pieces[i].len; done++) {
			uint32_t addr = pieces[i].addr + done;
			const uint8_t base[2] = { (uint8_t)(addr >> 24), (uint8_t)(addr >> 16) };
			if (done == 0 || (addr & 0xffff) == 0)
				at += add_hex(text + at, 4, 0, base, 2);
			at += add_hex(text + at, 0, (uint16_t)addr,
				(const uint8_t *)pieces[i].bytes + done, 1);
		}
	at += add_hex(text + at, 1, 0, NULL, 0);
	fixture_write(file, text, at);
}

#define HEX(file, ...) \
	write_hex(file, (const struct piece[]){ __VA_ARGS__ }, \
		COUNT(((const struct piece[]){ __VA_ARGS__ })))

static char core_bin[CORE_LEN];
static char long_piece[0x20000];

static int setup(void **state)
{
	char path[FS_PATH_MAX];
	uint8_t *bytes;
	size_t len;
	struct err err;
	if (fixture_setup(state) != 0 || !fs_join(path, fixture_folder, "core.bin", &err) ||
		!fs_read(path, CORE_LEN, REASON_INPUT, &bytes, &len, &err) || len != CORE_LEN)
		return -1;
	memcpy(core_bin, bytes, len);
	free(bytes);
	memset(long_piece, 'L', sizeof long_piece);
	return 0;
}

/* Heap. */
static uint8_t *read_back(const char *file, size_t *ret_len)
{
	char path[FS_PATH_MAX];
	uint8_t *bytes = NULL;
	struct err err;
	if (!fs_join(path, fixture_folder, file, &err) ||
		!fs_read(path, sizeof room, REASON_INPUT, &bytes, ret_len, &err))
		fail_msg("%s", err.text);
	return bytes;
}

static struct plan *good_plan(const char *job)
{
	struct plan *plan = fixture_plan(job, NULL);
	if (!plan)
		fail_msg("%s", fixture_refusals);
	return plan;
}

static void assert_refused(const char *job, const char *fragment)
{
	struct plan *plan = fixture_plan(job, NULL);
	if (plan)
		fail_msg("was taken, not refused with \"%s\"", fragment);
	if (!strstr(fixture_refusals, fragment))
		fail_msg("no \"%s\" in:\n%s", fragment, fixture_refusals);
}

static const struct plan_region *region_at(const struct plan *plan, uint8_t alt, uint32_t addr)
{
	size_t i = 0;
	while (i < plan->region_count &&
		!(plan->regions[i].region->alt == alt && plan->regions[i].addr == addr))
		i++;
	if (i == plan->region_count)
		fail_msg("nothing at 0x%08x of alt %u", addr, alt);
	return &plan->regions[i];
}

static void elements_find_their_regions(void **state)
{
	(void)state;
	DFUSE("x.dfu", { 1, 0x81f00, "second", 6 }, { 1, 0x80000, "first", 5 },
		{ 0, CORE_USER, core_bin, CORE_LEN });
	struct plan *plan = good_plan(JOB("core", ALONE("x.dfu"), ""));
	assert_int_equal(plan->region_count, 3);
	const struct plan_region *user = region_at(plan, 0, CORE_USER),
				 *first = region_at(plan, 1, 0x80000),
				 *second = region_at(plan, 1, 0x81f00);
	assert_string_equal(user->region->name, "user");
	assert_string_equal(first->region->name, "spi-user");
	assert_ptr_equal(second->region, first->region);
	assert_true(user->has_module);
	assert_int_equal(user->module.version, 1406);
	assert_false(first->has_module);
	assert_string_equal(second->file_name, "x.dfu");
	assert_int_equal(second->image, 0);
	/* Two sectors that touch are one extent; what no run is in is FF. */
	assert_int_equal(plan->extent_count, 2);
	assert_int_equal(plan->extents[1].len, 0x2000);
	assert_memory_equal(plan->extents[1].expected, "first", 5);
	assert_true(bytes_all(plan->extents[1].expected + 5, 0x1f00 - 5, 0xff));
	assert_memory_equal(plan->extents[1].expected + 0x1f00, "second", 6);
	plan_free(plan);
}

static void gaps_keep_their_sectors(void **state)
{
	(void)state;
	HEX("x.hex", { .addr = 0x80ffe, .bytes = "abcd", .len = 4 },
		{ .addr = 0x90000, .bytes = "far", .len = 3 });
	struct plan *plan = good_plan(JOB("core", ALONE("x.hex"), ""));
	assert_int_equal(plan->region_count, 2);
	assert_int_equal(plan->sector_count, 3);
	assert_int_equal(plan->sectors[0].addr, 0x80000);
	assert_int_equal(plan->sectors[1].addr, 0x81000);
	assert_int_equal(plan->sectors[2].addr, 0x90000);
	assert_int_equal(plan->sectors[2].size, 0x1000);
	plan_free(plan);
	plan = good_plan(JOB("core", IMAGE("spi-user", "x.hex"), ""));
	assert_int_equal(plan->region_count, 2);
	plan_free(plan);
}

static void hash_of(const char *job, char to[SHA256_HEX])
{
	struct plan *plan = good_plan(job);
	memcpy(to, plan->sha256, SHA256_HEX);
	plan_free(plan);
}

static void same_bytes_are_the_same_product_in_every_format(void **state)
{
	(void)state;
	char raw[SHA256_HEX], other[SHA256_HEX];
	hash_of(JOB("core", IMAGE("user", "core.bin"), ""), raw);
	HEX("x.hex", { .addr = CORE_USER + 1000, .bytes = core_bin + 1000, .len = CORE_LEN - 1000 },
		{ .addr = CORE_USER, .bytes = core_bin, .len = 1000 });
	DFUSE("x.dfu", { 0, CORE_USER, core_bin, 2000 },
		{ 0, CORE_USER + 2000, core_bin + 2000, CORE_LEN - 2000 });
	memcpy(room, core_bin, CORE_LEN);
	fixture_write("suffixed.bin", room, dfu_suffix_put(room, CORE_LEN, 0x1d50, 0x607f, 0x0110));
	static const char *const jobs[] = { JOB("core", IMAGE("user", "x.hex"), ""),
		JOB("core", ALONE("x.hex"), ""), JOB("core", IMAGE("user", "x.dfu"), ""),
		JOB("core", ALONE("x.dfu"), ""), JOB("core", IMAGE("user", "suffixed.bin"), "") };
	for (size_t i = 0; i < COUNT(jobs); i++) {
		hash_of(jobs[i], other);
		if (strcmp(raw, other) != 0)
			fail_msg("another hash with %s", jobs[i]);
	}
	HEX("x.hex", { .addr = 0x80001, .bytes = "x", .len = 1 });
	hash_of(JOB("core", ALONE("x.hex"), ""), raw);
	HEX("x.hex", { .addr = 0x80002, .bytes = "x", .len = 1 });
	hash_of(JOB("core", ALONE("x.hex"), ""), other);
	assert_string_not_equal(raw, other);
}

/* Made by the first version of the hash: what a job could say then has this hash for ever. */
static void hash_of_a_plain_job_never_changes(void **state)
{
	(void)state;
	static const char family[] =
		"family : { name = \"made\"; title = \"Made\";\n"
		"usb : { dfu : { vendor_id = 0x1209; product_id = 1; }; transfer_size_max = 1024; "
		"transfer_timeout_ms = 100; };\n"
		"identity : { serial_is_id = true; };\n"
		"alts = ( { alt = 0; layout = \"@Flash/0x08000000/16*001Kg\"; memory = \"nor\"; "
		"erase_timeout_ms = 100; write_timeout_ms = 100; } );\n"
		"regions = ( { name = \"app\"; alt = 0; address = 0x08000000; size = 0x2000; },\n"
		"{ name = \"data\"; alt = 0; address = 0x08002000; size = 0x2000; } );\n"
		"reentry : { boot_timeout_ms = 100; dfu_timeout_ms = 100; }; };\n";
	char path[FS_PATH_MAX], hash[SHA256_HEX];
	struct err err;
	assert_true(fs_join(path, fixture_folder, "families", &err) &&
		    fs_make_folder(path, 0755, &err));
	fixture_write("families/made.cfg", family, sizeof family - 1);
	hash_of(JOB("made", IMAGE("data", "raw.bin") ",\n" IMAGE("app", "raw-2.bin"), ""), hash);
	assert_string_equal(
		hash, "dbc09a366c3049a1c0bb73f44de403a7fabf06e7c2ee1b7a7e9825462110ce9e");
}

static void elements_without_a_place_are_refused_by_name(void **state)
{
	(void)state;
	const char *job = JOB("core", ALONE("x.dfu"), "");
	DFUSE("x.dfu", { 1, 0x80000, "x", 1 }, { 2, 0x80000, "y", 1 });
	assert_refused(job, "x.dfu: has bytes for alternate setting 2, which family core does not");
	DFUSE("x.dfu", { 1, 0x80000, "x", 1 }, { 0, 0x08004c10, "yy", 2 });
	assert_refused(job, "0x08004c10-0x08004c12 lies in region system-flags, which cannot");
	DFUSE("x.dfu", { 1, 0x80000, "x", 1 }, { 0, 0x08000000, "y", 1 });
	assert_refused(job, "write the Core's bootloader by SWD");
	DFUSE("x.dfu", { 1, 0x80000, "x", 1 }, { 0, 0x80000, "y", 1 });
	assert_refused(job, "0x00080000-0x00080001 lies in no region of family core");
	DFUSE("x.dfu", { 1, 0x1fff00, "xx", 2 }, { 1, 0x1fffff, "yy", 2 });
	assert_refused(job, "is not all inside one region (it meets spi-user)");
	DFUSE("x.dfu", { 1, 0x7ffff, "xx", 2 });
	assert_refused(job, "is not all inside one region (it meets ota, spi-user)");
	/* A key slot's region is not a place for images. */
	DFUSE("x.dfu", { 1, 0x2000, "x", 1 });
	assert_refused(job, "lies in region device-key-sector, which cannot");
}

static void elements_that_touch_may_be_of_two_regions(void **state)
{
	(void)state;
	DFUSE("x.dfu", { 1, 0x80003, "on", 2 }, { 1, 0x80000, "one", 3 });
	struct plan *plan = good_plan(JOB("core", ALONE("x.dfu"), ""));
	assert_int_equal(plan->region_count, 1);
	assert_int_equal(plan->regions[0].len, 5);
	assert_memory_equal(plan->regions[0].bytes, "oneon", 5);
	plan_free(plan);
	/* All of the Photon in one file; the system parts come first, whatever their addresses. */
	char part1[5000], part2[4096], user[1001];
	const struct {
		const char *file;
		char *to;
		size_t len;
	} files[] = { { "part1.bin", part1, sizeof part1 }, { "part2.bin", part2, sizeof part2 },
		{ "user.bin", user, sizeof user } };
	for (size_t i = 0; i < COUNT(files); i++) {
		size_t len;
		uint8_t *bytes = read_back(files[i].file, &len);
		assert_int_equal(len, files[i].len);
		memcpy(files[i].to, bytes, len);
		free(bytes);
	}
	/* FF behind a module is padding: up to the next region. */
	static char padded[0x40000];
	memset(padded, 0xff, sizeof padded);
	memcpy(padded, part2, sizeof part2);
	DFUSE("x.dfu", { 0, 0x080a0000, user, sizeof user },
		{ 0, 0x08060000, padded, sizeof padded }, { 0, 0x08020000, part1, sizeof part1 });
	plan = good_plan(JOB("photon", ALONE("x.dfu"), ""));
	assert_int_equal(plan->region_count, 3);
	assert_string_equal(plan->regions[0].region->name, "system-part1");
	assert_string_equal(plan->regions[1].region->name, "system-part2");
	assert_int_equal(plan->regions[1].len, sizeof padded);
	assert_string_equal(plan->regions[2].region->name, "user");
	assert_int_equal(plan->regions[2].phase, PHASE_IMAGES);
	plan_free(plan);
	HEX("x.hex", { .addr = 0x7ffff, .bytes = "x", .len = 1 },
		{ .addr = 0x80000, .bytes = "x", .len = 1 });
	assert_refused(JOB("core", ALONE("x.hex"), ""), "it meets ota, spi-user");
}

static void region_of_the_job_binds(void **state)
{
	(void)state;
	DFUSE("x.dfu", { 1, 0x80000, "x", 1 }, { 0, CORE_USER, core_bin, CORE_LEN });
	assert_refused(JOB("core", IMAGE("spi-user", "x.dfu"), ""),
		"x.dfu: 0x08005000-0x08005bb8 of alternate setting 0 is not inside the region "
		"(alternate setting 1, 0x00080000-0x00200000)");
	HEX("x.hex", { .addr = 0x7ffff, .bytes = "ab", .len = 2 });
	assert_refused(JOB("core", IMAGE("spi-user", "x.hex"), ""), "0x0007ffff-0x00080001 is not");
	/* The same address on another setting. */
	DFUSE("x.dfu", { 0, 0x80000, "x", 1 });
	assert_refused(
		JOB("core", IMAGE("spi-user", "x.dfu"), ""), "of alternate setting 0 is not");
	assert_refused(JOB("core", ALONE("raw.bin"), ""), ":5: images[0]: ");
	assert_refused(JOB("core", ALONE("raw.bin"), ""), "name the region");
}

static void module_region_takes_one_whole_module(void **state)
{
	(void)state;
	const char *job = JOB("core", ALONE("x.dfu"), "");
	DFUSE("x.dfu", { 0, CORE_USER + 4, core_bin, CORE_LEN });
	assert_refused(job, "0x08005004 is not where region user begins (0x08005000)");
	DFUSE("x.dfu", { 0, CORE_USER, core_bin, CORE_LEN }, { 0, 0x08010000, "more", 4 });
	assert_refused(job, "0x08010000 is not where region user begins");
	DFUSE("x.dfu", { 0, CORE_USER, core_bin, CORE_LEN - 1 });
	assert_refused(job, "has no module header");
	DFUSE("x.dfu", { 0, CORE_USER, core_bin, 1000 }, { 0, CORE_USER + 1000, core_bin, 2000 });
	assert_refused(job, "CRC-32");
	HEX("x.hex", { .addr = 0x20000, .bytes = core_bin, .len = CORE_LEN });
	struct plan *plan = good_plan(JOB("core", ALONE("x.hex"), ""));
	assert_string_equal(plan->regions[0].region->name, "factory");
	plan_free(plan);
}

static void ambiguous_address_wants_a_region(void **state)
{
	(void)state;
	HEX("x.hex", { .addr = 0x080e0000, .bytes = "x", .len = 1 });
	assert_refused(JOB("photon", ALONE("x.hex"), ""),
		"0x080e0000-0x080e0001 can belong to several regions (ota, factory)");
	DFUSE("x.dfu", { 0, 0x080e0000, "x", 1 });
	assert_refused(JOB("photon", ALONE("x.dfu"), ""), "several regions (ota, factory)");
}

static void suffix_must_be_for_the_family(void **state)
{
	(void)state;
	static const struct piece piece[] = { { 1, 0x80000, "x", 1 } };
	const char *job = JOB("core", ALONE("x.dfu"), "");
	static const struct {
		uint16_t vendor_id, product_id;
		bool good;
	} cases[] = { { 0x1d50, 0x607f, true }, { 0xffff, 0x607f, true }, { 0x1d50, 0xffff, true },
		{ 0xffff, 0xffff, true }, { 0x2b04, 0xffff, false }, { 0x1d50, 0x607d, false },
		{ 0xffff, 0xd006, false }, { 0, 0, false } };
	for (size_t i = 0; i < COUNT(cases); i++) {
		write_dfuse_for("x.dfu", cases[i].vendor_id, cases[i].product_id, piece, 1);
		if (cases[i].good)
			plan_free(good_plan(job));
		else
			assert_refused(job, "family core is 1d50:607f");
	}
	memcpy(room, "data", 4);
	fixture_write("x.bin", room, dfu_suffix_put(room, 4, 0x2b04, 0xd006, 0x0100));
	assert_refused(JOB("core", IMAGE("spi-user", "x.bin"), ""),
		"for USB device 2b04:d006, family core is 1d50:607f");
}

static void region_takes_one_file(void **state)
{
	(void)state;
	HEX("x.hex", { .addr = 0x80000, .bytes = "x", .len = 1 });
	HEX("y.hex", { .addr = 0x90000, .bytes = "y", .len = 1 });
	assert_refused(JOB("core", ALONE("x.hex") ",\n" ALONE("y.hex"), ""),
		":6: images[1]: the region spi-user is already written by images[0] in line 5");
	assert_refused(JOB("core", ALONE("y.hex") ",\n" IMAGE("spi-user", "raw.bin"), ""),
		"the region spi-user is already written by images[0] in line 5");
}

static void staged_bootloader_may_come_from_a_dfuse_file(void **state)
{
	(void)state;
	size_t len;
	uint8_t *boot = read_back("boot.bin", &len);
	DFUSE("x.dfu", { 0, 0x08000000, (const char *)boot, (uint32_t)len });
	free(boot);
	struct plan *plan = good_plan(JOB("photon", ALONE("x.dfu"), ""));
	assert_ptr_equal(plan->staged, &plan->regions[0]);
	assert_int_equal(plan->staged->write_len, 12288);
	plan_free(plan);
}

static void pin_is_of_the_file(void **state)
{
	(void)state;
	char sha256[SHA256_HEX], job[1024];
	size_t len;
	struct err err;
	DFUSE("x.dfu", { 1, 0x80000, "x", 1 }, { 0, CORE_USER, core_bin, CORE_LEN });
	uint8_t *bytes = read_back("x.dfu", &len);
	assert_true(digest_sha256_hex(bytes, len, sha256, &err));
	free(bytes);
	snprintf(
		job, sizeof job, JOB("core", "{ file = \"x.dfu\"; sha256 = \"%s\"; }", ""), sha256);
	struct plan_options options = { .config = &fixture_config, .want_pins = true };
	struct plan *plan = fixture_plan(job, &options);
	if (!plan)
		fail_msg("%s", fixture_refusals);
	assert_string_equal(plan->regions[0].sha256, sha256);
	assert_string_equal(plan->regions[1].sha256, sha256);
	assert_true(plan->regions[1].pinned);
	plan_free(plan);
	DFUSE("x.dfu", { 1, 0x80000, "y", 1 }, { 0, CORE_USER, core_bin, CORE_LEN });
	assert_refused(job, "accept this one with station check --pin");
}

static void too_many_runs_together_are_refused(void **state)
{
	(void)state;
	static const char *const files[] = { "x.hex", "y.hex" };
	static const uint32_t addrs[] = { 0x80000, 0x20000 };
	for (size_t k = 0; k < 2; k++) {
		struct piece pieces[200];
		for (size_t i = 0; i < COUNT(pieces); i++)
			pieces[i] = (struct piece){
				.addr = addrs[k] + 2 * (uint32_t)i, .bytes = "x", .len = 1
			};
		write_hex(files[k], pieces, COUNT(pieces));
	}
	assert_refused(JOB("core", ALONE("x.hex") ",\n" ALONE("y.hex"), ""),
		"more than 256 separate runs of bytes");
}

static void sectors_of_a_big_image_are_bounded(void **state)
{
	(void)state;
	DFUSE("x.dfu", { 1, 0x80000, long_piece, sizeof long_piece });
	struct plan *plan = good_plan(JOB("core", ALONE("x.dfu"), ""));
	assert_int_equal(plan->sector_count, 32);
	assert_int_equal(plan_blocks(plan, &plan->regions[0]), 128);
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_find_their_regions),
		cmocka_unit_test(gaps_keep_their_sectors),
		cmocka_unit_test(same_bytes_are_the_same_product_in_every_format),
		cmocka_unit_test(hash_of_a_plain_job_never_changes),
		cmocka_unit_test(elements_without_a_place_are_refused_by_name),
		cmocka_unit_test(elements_that_touch_may_be_of_two_regions),
		cmocka_unit_test(region_of_the_job_binds),
		cmocka_unit_test(module_region_takes_one_whole_module),
		cmocka_unit_test(ambiguous_address_wants_a_region),
		cmocka_unit_test(suffix_must_be_for_the_family),
		cmocka_unit_test(region_takes_one_file),
		cmocka_unit_test(staged_bootloader_may_come_from_a_dfuse_file),
		cmocka_unit_test(pin_is_of_the_file),
		cmocka_unit_test(too_many_runs_together_are_refused),
		cmocka_unit_test(sectors_of_a_big_image_are_bounded),
	};
	return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
