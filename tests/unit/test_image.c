/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs config keys base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "image.h"

static struct image image;
static struct err err;

static void assert_refused(const void *bytes, size_t len, const char *fragment)
{
	assert_false(image_parse("x.bin", bytes, len, &image, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	if (!strstr(err.text, fragment) || strncmp(err.text, "x.bin: ", 7) != 0)
		fail_msg("\"%s\" does not have \"%s\"", err.text, fragment);
}

static void raw_image_is_one_run_without_a_place(void **state)
{
	(void)state;
	assert_true(image_parse("x.bin", (const uint8_t *)"abc", 3, &image, &err));
	assert_false(image.has_addresses);
	assert_int_equal(image.run_count, 1);
	assert_int_equal(image.runs[0].len, 3);
	assert_memory_equal(image.runs[0].bytes, "abc", 3);
	/* SHA-256 of the file */
	assert_string_equal(
		image.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	image_done(&image);
	assert_null(image.bytes);
}

static void other_file_formats_are_named(void **state)
{
	(void)state;
	uint8_t elf[64] = "\177ELF", dfuse[64] = "DfuSe", suffixed[64] = { 0 };
	static const char hex[] = ":020000040800F2\n";
	memcpy(suffixed + 56, "UFD\20", 4);
	assert_refused("", 0, "is empty");
	assert_refused(elf, sizeof elf, "an ELF file");
	assert_refused(hex, sizeof hex, "an Intel HEX file");
	assert_refused(dfuse, sizeof dfuse, "a DfuSe container");
	assert_refused(suffixed, sizeof suffixed, "a DFU suffix");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raw_image_is_one_run_without_a_place),
		cmocka_unit_test(other_file_formats_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
