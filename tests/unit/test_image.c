/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs config keys base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs.h"
#include "image.h"
#include "module_image.h"

enum { USER_START = 0x080a0000, USER_LEN = 1000 };

static const struct family_images f2_rules = {
	.platform_id = 6,
	.vector_mask = 0x2ff10000,
	.vector_value = 0x20000000,
	.header_with_vectors = 0x184,
};
static const struct family_images core_rules = {
	.vector_mask = 0x2ffe0000,
	.vector_value = 0x20000000,
	.header_with_vectors = 0x10c,
	.header_always = true,
};

static struct module_header user_header(void)
{
	return (struct module_header){
		.start = USER_START,
		.end = USER_START + USER_LEN - 4,
		.version = 6,
		.platform_id = 6,
		.function = MODULE_USER_PART,
		.index = 1,
		.dependency = { { MODULE_SYSTEM_PART, 2, 2302 }, { MODULE_BOOTLOADER, 0, 1003 } },
	};
}

static void make_user(uint8_t bytes[USER_LEN])
{
	struct module_header header = user_header();
	module_image_make(&header, 0, bytes);
}

static void assert_refused(
	const uint8_t *bytes, size_t len, bool require_module, const char *fragment)
{
	struct image image;
	struct err err;
	assert_false(image_parse("x.bin", bytes, len, &f2_rules, require_module, &image, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	if (!strstr(err.text, fragment) || strncmp(err.text, "x.bin: ", 7) != 0)
		fail_msg("\"%s\" does not have \"%s\"", err.text, fragment);
}

static void header_survives_encoding(void **state)
{
	(void)state;
	struct module_header header = user_header(), back;
	uint8_t bytes[MODULE_HEADER_LEN];
	header.flags = 0x12;
	module_header_encode(&header, bytes);
	module_header_decode(bytes, &back);
	assert_int_equal(back.start, header.start);
	assert_int_equal(back.end, header.end);
	assert_int_equal(back.flags, 0x12);
	assert_int_equal(back.version, 6);
	assert_int_equal(back.platform_id, 6);
	assert_int_equal(back.function, MODULE_USER_PART);
	assert_int_equal(back.index, 1);
	assert_int_equal(back.dependency[0].min_version, 2302);
	assert_int_equal(back.dependency[1].function, MODULE_BOOTLOADER);
	assert_int_equal(back.dependency[1].min_version, 1003);
}

static void good_module_loads_with_its_header(void **state)
{
	(void)state;
	uint8_t bytes[USER_LEN];
	struct image image;
	struct err err;
	make_user(bytes);
	assert_true(image_parse("x.bin", bytes, sizeof bytes, &f2_rules, true, &image, &err));
	assert_true(image.has_module);
	assert_int_equal(image.module.start, USER_START);
	assert_int_equal(image.len, sizeof bytes);
	image_done(&image);
	assert_null(image.bytes);
}

static void header_behind_a_vector_table_is_found(void **state)
{
	(void)state;
	uint8_t bytes[USER_LEN];
	struct module_header header = user_header();
	struct image image;
	struct err err;
	module_image_make(&header, 0x184, bytes);
	assert_true(image_parse("x.bin", bytes, sizeof bytes, &f2_rules, true, &image, &err));
	assert_int_equal(image.module.end, header.end);
	image_done(&image);
}

static void padding_behind_the_crc_is_taken_if_erased(void **state)
{
	(void)state;
	uint8_t bytes[USER_LEN + 24];
	struct image image;
	struct err err;
	make_user(bytes);
	memset(bytes + USER_LEN, 0xff, 24);
	assert_true(image_parse("x.bin", bytes, sizeof bytes, &f2_rules, true, &image, &err));
	assert_int_equal(image.len, sizeof bytes);
	image_done(&image);
	bytes[USER_LEN + 20] = 0;
	assert_refused(bytes, sizeof bytes, true, "has no module header");
}

static void every_flipped_bit_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[USER_LEN];
	make_user(bytes);
	for (size_t i = 0; i < USER_LEN; i++) {
		bytes[i] ^= (uint8_t)(1u << i % 8);
		if (i >= 8)
			assert_refused(bytes, sizeof bytes, true, "CRC-32");
		else
			assert_refused(bytes, sizeof bytes, true, "");
		bytes[i] ^= (uint8_t)(1u << i % 8);
	}
}

static void suffix_sha256_is_checked_behind_a_good_crc(void **state)
{
	(void)state;
	uint8_t bytes[USER_LEN];
	make_user(bytes);
	bytes[100] ^= 1;
	bytes_put_be32(bytes + USER_LEN - 4, digest_crc32(bytes, USER_LEN - 4));
	assert_refused(bytes, sizeof bytes, true, "SHA-256");
}

static void module_without_suffix_is_taken_by_its_crc(void **state)
{
	(void)state;
	uint8_t bytes[USER_LEN];
	struct image image;
	struct err err;
	make_user(bytes);
	bytes[USER_LEN - 6] = 0;
	bytes_put_be32(bytes + USER_LEN - 4, digest_crc32(bytes, USER_LEN - 4));
	assert_true(image_parse("x.bin", bytes, sizeof bytes, &f2_rules, true, &image, &err));
	image_done(&image);
}

static void every_truncation_is_refused_or_raw(void **state)
{
	(void)state;
	uint8_t bytes[USER_LEN];
	struct image image;
	struct err err;
	make_user(bytes);
	for (size_t len = 0; len < USER_LEN; len++) {
		assert_refused(bytes, len, true, "");
		bool raw = image_parse("x.bin", bytes, len, &f2_rules, false, &image, &err);
		assert_int_equal(raw, len > 0);
		if (raw) {
			assert_false(image.has_module);
			image_done(&image);
		}
	}
}

static void damaged_module_is_refused_even_where_raw_is_taken(void **state)
{
	(void)state;
	uint8_t bytes[USER_LEN];
	make_user(bytes);
	bytes[500] ^= 4;
	assert_refused(bytes, sizeof bytes, false, "CRC-32");
}

static void addresses_at_the_end_of_the_world_do_not_wrap(void **state)
{
	(void)state;
	uint8_t bytes[USER_LEN];
	struct module_header header = user_header(), found;
	make_user(bytes);
	header.start = 0;
	header.end = UINT32_MAX;
	module_header_encode(&header, bytes);
	struct err err;
	assert_true(module_header_find(&f2_rules, bytes, sizeof bytes, &found));
	assert_false(module_check_sums(&found, bytes, sizeof bytes, &err));
	assert_false(module_check_sums(&found, bytes, 0, &err));
	header.start = header.end;
	module_header_encode(&header, bytes);
	assert_false(module_header_find(&f2_rules, bytes, sizeof bytes, &found));
	assert_false(module_header_find(&f2_rules, bytes, 23, &found));
}

static void other_file_formats_are_named(void **state)
{
	(void)state;
	uint8_t elf[64] = "\177ELF", hex[] = ":020000040800F2\n", dfuse[64] = "DfuSe",
		suffixed[64] = { 0 };
	memcpy(suffixed + 56, "UFD\20", 4);
	assert_refused(elf, sizeof elf, false, "an ELF file");
	assert_refused(hex, sizeof hex, false, "an Intel HEX file");
	assert_refused(dfuse, sizeof dfuse, false, "a DfuSe container");
	assert_refused(suffixed, sizeof suffixed, false, "a DFU suffix");
}

static void sha256_is_that_of_the_file(void **state)
{
	(void)state;
	struct image image;
	struct err err;
	assert_true(image_parse("x.bin", (const uint8_t *)"abc", 3, NULL, false, &image, &err));
	assert_string_equal(
		image.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	image_done(&image);
}

struct real {
	const char *file;
	const struct family_images *rules;
	struct module_header header;
};

static const struct real reals[] = {
	{ "core-tinker.bin", &core_rules,
		{ .start = 0x08005000,
			.end = 0x0801d270,
			.platform_id = 0,
			.function = MODULE_MONO } },
	{ "photon-tinker-0.4.5.bin", &f2_rules,
		{ .start = 0x080a0000,
			.end = 0x080a14c8,
			.platform_id = 6,
			.function = MODULE_USER_PART,
			.index = 1 } },
	{ "p1-tinker-0.4.5.bin", &f2_rules,
		{ .start = 0x080a0000,
			.end = 0x080a14c8,
			.platform_id = 8,
			.function = MODULE_USER_PART,
			.index = 1 } },
	{ "electron-tinker.bin", &f2_rules,
		{ .start = 0x08080000,
			.end = 0x0808168c,
			.platform_id = 10,
			.function = MODULE_USER_PART,
			.index = 1 } },
};

static const char *real_path(const struct real *real, char path[FS_PATH_MAX])
{
	snprintf(path, FS_PATH_MAX, "%s/../shared/images/%s", SOURCE_DIR, real->file);
	if (!fs_exists(path)) {
		print_message("%s is not here\n", path);
		skip();
	}
	return path;
}

static void vendor_images_load_with_their_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
		char path[FS_PATH_MAX];
		struct image image;
		struct err err;
		if (!image_load(real_path(&reals[i], path), reals[i].rules, true, &image, &err))
			fail_msg("%s", err.text);
		assert_int_equal(image.module.start, reals[i].header.start);
		assert_int_equal(image.module.end, reals[i].header.end);
		assert_int_equal(image.module.platform_id, reals[i].header.platform_id);
		assert_int_equal(image.module.function, reals[i].header.function);
		assert_int_equal(image.module.index, reals[i].header.index);
		assert_int_equal(image.len, image.module.end - image.module.start + 4);
		image_done(&image);
	}
}

static void no_cut_or_flipped_vendor_image_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
		char path[FS_PATH_MAX];
		struct image whole, image;
		struct err err;
		assert_true(
			image_load(real_path(&reals[i], path), reals[i].rules, true, &whole, &err));
		for (size_t at = 0; at < whole.len; at += whole.len / 97) {
			assert_false(image_parse(
				path, whole.bytes, at, reals[i].rules, true, &image, &err));
			whole.bytes[at] ^= 0x20;
			assert_false(image_parse(
				path, whole.bytes, whole.len, reals[i].rules, true, &image, &err));
			whole.bytes[at] ^= 0x20;
		}
		image_done(&whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_survives_encoding),
		cmocka_unit_test(good_module_loads_with_its_header),
		cmocka_unit_test(header_behind_a_vector_table_is_found),
		cmocka_unit_test(padding_behind_the_crc_is_taken_if_erased),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(suffix_sha256_is_checked_behind_a_good_crc),
		cmocka_unit_test(module_without_suffix_is_taken_by_its_crc),
		cmocka_unit_test(every_truncation_is_refused_or_raw),
		cmocka_unit_test(damaged_module_is_refused_even_where_raw_is_taken),
		cmocka_unit_test(addresses_at_the_end_of_the_world_do_not_wrap),
		cmocka_unit_test(other_file_formats_are_named),
		cmocka_unit_test(sha256_is_that_of_the_file),
		cmocka_unit_test(vendor_images_load_with_their_fields),
		cmocka_unit_test(no_cut_or_flipped_vendor_image_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
