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
#include "module.h"
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
	struct module_header module;
	bool has;
	struct err err;
	assert_false(module_examine(
		"x.bin", &f2_rules, require_module, bytes, len, &has, &module, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	if (!strstr(err.text, fragment) || strncmp(err.text, "x.bin: ", 7) != 0)
		fail_msg("\"%s\" does not have \"%s\"", err.text, fragment);
}

/* False: taken as raw. */
static bool is_module(const struct family_images *rules, const uint8_t *bytes, size_t len,
	struct module_header *ret)
{
	struct err err;
	bool has = false;
	if (!module_examine("x.bin", rules, false, bytes, len, &has, ret, &err))
		fail_msg("%s", err.text);
	return has;
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
	struct module_header module;
	make_user(bytes);
	assert_true(is_module(&f2_rules, bytes, sizeof bytes, &module));
	assert_int_equal(module.start, USER_START);
}

static void header_behind_a_vector_table_is_found(void **state)
{
	(void)state;
	uint8_t bytes[USER_LEN];
	struct module_header header = user_header(), module;
	module_image_make(&header, 0x184, bytes);
	assert_true(is_module(&f2_rules, bytes, sizeof bytes, &module));
	assert_int_equal(module.end, header.end);
}

static void padding_behind_the_crc_is_taken_if_erased(void **state)
{
	(void)state;
	uint8_t bytes[USER_LEN + 24];
	struct module_header module;
	make_user(bytes);
	memset(bytes + USER_LEN, 0xff, 24);
	assert_true(is_module(&f2_rules, bytes, sizeof bytes, &module));
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
	struct module_header module;
	make_user(bytes);
	bytes[USER_LEN - 6] = 0;
	bytes_put_be32(bytes + USER_LEN - 4, digest_crc32(bytes, USER_LEN - 4));
	assert_true(is_module(&f2_rules, bytes, sizeof bytes, &module));
}

static void every_truncation_is_refused_or_raw(void **state)
{
	(void)state;
	uint8_t bytes[USER_LEN];
	struct module_header module;
	make_user(bytes);
	for (size_t len = 0; len < USER_LEN; len++) {
		assert_refused(bytes, len, true, "");
		assert_false(is_module(&f2_rules, bytes, len, &module));
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

static void read_real(const struct real *real, uint8_t **ret, size_t *ret_len)
{
	char path[FS_PATH_MAX];
	struct err err;
	if (!fs_read(real_path(real, path), 1 << 20, REASON_INPUT, ret, ret_len, &err))
		fail_msg("%s", err.text);
}

static void vendor_images_load_with_their_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
		uint8_t *bytes;
		size_t len;
		struct module_header module;
		read_real(&reals[i], &bytes, &len);
		assert_true(is_module(reals[i].rules, bytes, len, &module));
		assert_int_equal(module.start, reals[i].header.start);
		assert_int_equal(module.end, reals[i].header.end);
		assert_int_equal(module.platform_id, reals[i].header.platform_id);
		assert_int_equal(module.function, reals[i].header.function);
		assert_int_equal(module.index, reals[i].header.index);
		assert_int_equal(len, module.end - module.start + 4);
		free(bytes);
	}
}

static void no_cut_or_flipped_vendor_image_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
		uint8_t *bytes;
		size_t len;
		bool has;
		struct module_header module;
		struct err err;
		read_real(&reals[i], &bytes, &len);
		for (size_t at = 0; at < len; at += len / 97) {
			assert_false(module_examine(
				"x", reals[i].rules, true, bytes, at, &has, &module, &err));
			bytes[at] ^= 0x20;
			assert_false(module_examine(
				"x", reals[i].rules, true, bytes, len, &has, &module, &err));
			bytes[at] ^= 0x20;
		}
		free(bytes);
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
		cmocka_unit_test(vendor_images_load_with_their_fields),
		cmocka_unit_test(no_cut_or_flipped_vendor_image_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
