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

#include "dfuse_file.h"
#include "image.h"

static struct image image;
static struct err err;

static void assert_refused(const void *bytes, size_t len, const char *fragment)
{
	/* Of its own, so that a sanitizer sees a look behind the end. */
	uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	if (image_parse("x.bin", copy, len, &image, &err))
		fail_msg("was taken, not refused with \"%s\"", fragment);
	free(copy);
	assert_int_equal(err.reason, REASON_INPUT);
	if (!strstr(err.text, fragment) || strncmp(err.text, "x.bin: ", 7) != 0)
		fail_msg("\"%s\" does not have \"%s\"", err.text, fragment);
}

static void assert_taken(const void *bytes, size_t len, size_t runs)
{
	uint8_t *copy = malloc(len);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	if (!image_parse("x.bin", copy, len, &image, &err))
		fail_msg("%s", err.text);
	free(copy);
	assert_int_equal(image.run_count, runs);
}

static void assert_run(size_t i, uint32_t addr, const char *bytes)
{
	assert_int_equal(image.runs[i].addr, addr);
	assert_int_equal(image.runs[i].len, strlen(bytes));
	assert_memory_equal(image.runs[i].bytes, bytes, strlen(bytes));
}

static void raw_image_is_one_run_without_a_place(void **state)
{
	(void)state;
	assert_taken("abc", 3, 1);
	assert_false(image.has_addresses);
	assert_false(image.has_ids);
	assert_run(0, 0, "abc");
	/* SHA-256 of the file */
	assert_string_equal(
		image.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	image_done(&image);
	assert_null(image.bytes);
}

static void other_file_formats_are_named(void **state)
{
	(void)state;
	uint8_t elf[64] = "\177ELF", uf2[512] = "UF2\n\x57\x51\x5d\x9e";
	static const char srec[] = "S00600004844521B\nS9030000FC\n";
	assert_refused("", 0, "is empty");
	assert_refused(elf, sizeof elf, "an ELF file");
	assert_refused(uf2, sizeof uf2, "a UF2 file");
	assert_refused(srec, sizeof srec - 1, "objcopy -I srec");
	/* What only begins like one is data. */
	assert_taken("S00600004844521C\n", 17, 1);
	image_done(&image);
	assert_taken("S0FF00004844521B\n", 17, 1);
	image_done(&image);
}

/* Otherwise the digits would be written, read back, and be a PASS. */
static void records_behind_other_text_are_no_raw_image(void **state)
{
	(void)state;
	static const char marked[] = "\xef\xbb\xbf:0100000041BE\n:00000001FF\n",
			  noted[] = "; made on Monday\r\n:0100000041BE\r\n:00000001FF\r\n",
			  hurt[] = ":0I00000041BE\n:00000001FF", srec[] = "# made\nS9030000FC\n";
	assert_refused(marked, sizeof marked - 1, "line 1: is no Intel HEX record");
	assert_refused(noted, sizeof noted - 1, "line 1: is no Intel HEX record");
	assert_refused(hurt, sizeof hurt - 1, "line 1: is no Intel HEX record");
	assert_refused(srec, sizeof srec - 1, "objcopy -I srec");
	/* Text without a record, or with a wrong one, and bytes that happen to look like one, are data. */
	static const char text[] = "time: 10\n:00000001FE\n:00000001FF and more\n",
			  bytes[] = "\0:0\n:00000001FF\n";
	assert_taken(text, sizeof text - 1, 1);
	assert_false(image.has_addresses);
	image_done(&image);
	assert_taken(bytes, sizeof bytes - 1, 1);
	assert_false(image.has_addresses);
	image_done(&image);
}

/* --- DFU suffix --- */

static void a_second_suffix_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[64] = "firmware";
	size_t len = dfu_suffix_put(bytes, 8, 0x1d50, 0x607f, 0x0100);
	len = dfu_suffix_put(bytes, len, 0x1d50, 0x607f, 0x0100);
	assert_refused(bytes, len, "dfu-suffix --delete");
	/* Only what is one. */
	bytes[0] ^= 1;
	len = dfu_suffix_put(bytes, 24, 0x1d50, 0x607f, 0x0100);
	assert_taken(bytes, len, 1);
	assert_int_equal(image.runs[0].len, 24);
	image_done(&image);
}

static void suffix_is_checked_and_taken_off(void **state)
{
	(void)state;
	uint8_t bytes[64] = "firmware";
	size_t len = dfu_suffix_put(bytes, 8, 0x1d50, 0x607f, 0x0110);
	assert_taken(bytes, len, 1);
	assert_run(0, 0, "firmware");
	assert_false(image.has_addresses);
	assert_true(image.has_ids);
	assert_int_equal(image.vendor_id, 0x1d50);
	assert_int_equal(image.product_id, 0x607f);
	image_done(&image);
	len = dfu_suffix_put(bytes, 8, 0xffff, 0xffff, 0x0100);
	assert_taken(bytes, len, 1);
	image_done(&image);
}

static void every_flipped_bit_of_a_suffixed_file_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[64] = "firmware";
	size_t len = dfu_suffix_put(bytes, 8, 0x1d50, 0x607f, 0x0110);
	for (size_t i = 0; i < 8 * len; i++) {
		size_t at = i / 8;
		/* Without the signature there is no suffix, only bytes. */
		if (at >= 16 && at < 19)
			continue;
		bytes[at] ^= (uint8_t)(1u << i % 8);
		assert_refused(bytes, len, "DFU suffix");
		bytes[at] ^= (uint8_t)(1u << i % 8);
	}
}

/* A suffix whose CRC is right, with other fields. */
static void assert_suffix_refused(uint8_t *bytes, size_t len, const char *fragment)
{
	dfuse_put(bytes + len - 4, dfuse_crc(bytes, len - 4), 4);
	assert_refused(bytes, len, fragment);
}

static void suffix_that_makes_no_sense_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[64] = "firmware";
	size_t len = dfu_suffix_put(bytes, 8, 0x1d50, 0x607f, 0x0110);
	bytes[len - 5] = 15;
	assert_suffix_refused(bytes, len, "says it has 15 bytes");
	bytes[len - 5] = (uint8_t)(len + 1);
	assert_suffix_refused(bytes, len, "says it has 25 bytes");
	bytes[len - 5] = (uint8_t)len;
	assert_suffix_refused(bytes, len, "nothing but a DFU suffix");
	len = dfu_suffix_put(bytes, 8, 0x1d50, 0x607f, 0x011a);
	assert_refused(bytes, len, "bcdDFU 0x011a, which does not go with what is no DfuSe");
	len = dfu_suffix_put(bytes, 0, 0x1d50, 0x607f, 0x0110);
	assert_refused(bytes, len, "nothing but a DFU suffix");
	memcpy(bytes, ":00000001FF", 11);
	len = dfu_suffix_put(bytes, 11, 0x1d50, 0x607f, 0x0110);
	assert_refused(bytes, len, "is an Intel HEX file with a DFU suffix");
	memcpy(bytes, "\1\0\0\x40\4\0\0\0data", 12);
	len = dfu_suffix_put(bytes, 12, 0x1d50, 0x607f, 0x0110);
	assert_refused(bytes, len, "dfu-prefix --delete");
}

/* --- DfuSe --- */

static uint8_t room[4096];

/* Two targets; the second's elements out of order. */
static struct dfuse_file two_targets(void)
{
	struct dfuse_file file = { .bytes = room };
	dfuse_begin(&file);
	dfuse_add_target(&file, 1);
	dfuse_add(&file, 0x80000, "spi", 3);
	dfuse_add_target(&file, 0);
	dfuse_add(&file, 0x08005010, "late", 4);
	dfuse_add(&file, 0x08005000, "early", 5);
	dfuse_add(&file, 0x08005005, "next", 4);
	return file;
}

static void elements_go_to_their_targets_in_order(void **state)
{
	(void)state;
	struct dfuse_file file = two_targets();
	dfuse_end(&file, 0x1d50, 0x607f);
	assert_taken(file.bytes, file.len, 4);
	assert_true(image.has_addresses);
	assert_true(image.has_ids);
	assert_int_equal(image.vendor_id, 0x1d50);
	assert_run(0, 0x08005000, "early");
	assert_run(1, 0x08005005, "next");
	assert_ptr_equal(image.runs[1].bytes, image.runs[0].bytes + 5);
	assert_run(2, 0x08005010, "late");
	assert_run(3, 0x80000, "spi");
	assert_true(image.runs[0].has_alt);
	assert_int_equal(image.runs[0].alt, 0);
	assert_int_equal(image.runs[3].alt, 1);
	image_done(&image);
}

static void every_cut_and_flip_of_a_dfuse_file_is_refused(void **state)
{
	(void)state;
	struct dfuse_file file = two_targets();
	dfuse_end(&file, 0x1d50, 0x607f);
	for (size_t len = 5; len < file.len; len++)
		assert_refused(file.bytes, len, "");
	for (size_t at = 5; at < file.len - 8; at++) {
		file.bytes[at] ^= 0x10;
		assert_refused(file.bytes, file.len, "the CRC in its DFU suffix");
		file.bytes[at] ^= 0x10;
	}
}

/* A file whose suffix is right, with one integer of len bytes changed. */
static void assert_dfuse_refused(size_t at, uint32_t value, unsigned len, const char *fragment)
{
	struct dfuse_file file = two_targets();
	dfuse_end(&file, 0x1d50, 0x607f);
	dfuse_put(file.bytes + at, value, len);
	file.len = dfu_suffix_put(file.bytes, file.len - DFUSE_SUFFIX, 0x1d50, 0x607f, 0x011a);
	assert_refused(file.bytes, file.len, fragment);
}

static void lengths_and_counts_of_dfuse_are_bounded(void **state)
{
	(void)state;
	enum { FIRST = DFUSE_PREFIX, ELEMENT = FIRST + DFUSE_TARGET, SECOND = ELEMENT + 11 };
	assert_dfuse_refused(5, 2, 1, "no complete DfuSe prefix of version 1");
	assert_dfuse_refused(6, 12, 4, "its DfuSe prefix promises 12 bytes");
	assert_dfuse_refused(10, 0, 1, "no complete DfuSe prefix");
	assert_dfuse_refused(10, 1, 1, "bytes behind its last DfuSe target");
	assert_dfuse_refused(10, 3, 1, "target 3: its header does not fit");
	assert_dfuse_refused(FIRST, 'X', 1, "target 1 does not begin with");
	assert_dfuse_refused(FIRST + 266, 10, 4, "target 1: an element does not fit");
	assert_dfuse_refused(FIRST + 266, 12, 4, "target 1 has 1 bytes behind its last element");
	assert_dfuse_refused(FIRST + 266, UINT32_MAX, 4, "target 1: what it holds does not fit");
	assert_dfuse_refused(FIRST + 270, 0, 4, "target 1 (alternate setting 1) holds nothing");
	assert_dfuse_refused(FIRST + 270, 2, 4, "the header of an element does not fit");
	assert_dfuse_refused(FIRST + 270, UINT32_MAX, 4, "the header of an element does not fit");
	assert_dfuse_refused(ELEMENT + 4, 0x80000000, 4, "target 1: an element does not fit");
	assert_dfuse_refused(ELEMENT, UINT32_MAX - 1, 4, "which no memory can hold");
	/* The second target goes where the first one does. */
	assert_dfuse_refused(
		SECOND + DFUSE_TARGET, 0x08005008, 4, "gives the bytes from 0x08005008 on twice");
}

static void dfuse_oddities_are_refused(void **state)
{
	(void)state;
	struct dfuse_file file = two_targets();
	dfuse_add(&file, 0x08006000, "", 0);
	dfuse_end(&file, 0x1d50, 0x607f);
	assert_refused(file.bytes, file.len, "target 2: an element has 0 bytes");
	file = two_targets();
	dfuse_put(file.bytes + 6, (uint32_t)file.len, 4);
	assert_refused(file.bytes, file.len, "without its DFU suffix");
	file.len = dfu_suffix_put(file.bytes, file.len, 0x1d50, 0x607f, 0x0110);
	assert_refused(file.bytes, file.len, "bcdDFU 0x0110, which does not go with a DfuSe file");
}

static void two_targets_of_one_setting_are_in_order(void **state)
{
	(void)state;
	struct dfuse_file file = two_targets();
	dfuse_add_target(&file, 1);
	dfuse_add(&file, 0x80003, "more", 4);
	dfuse_end(&file, 0x1d50, 0x607f);
	assert_taken(file.bytes, file.len, 5);
	assert_run(3, 0x80000, "spi");
	assert_run(4, 0x80003, "more");
	image_done(&image);
	file = two_targets();
	dfuse_add_target(&file, 1);
	dfuse_add(&file, 0x7ffff, "xx", 2);
	dfuse_end(&file, 0x1d50, 0x607f);
	assert_refused(file.bytes, file.len, "gives the bytes from 0x00080000 on twice");
}

/* --- Intel HEX --- */

/* Makes the checksums, so that the tests say what is wrong and nothing else is. */
static size_t add_record(char *to, size_t len, const char *body)
{
	unsigned sum = 0, value;
	for (const char *at = body; *at; at += 2) {
		assert_int_equal(sscanf(at, "%2x", &value), 1);
		sum += value;
	}
	return len + (size_t)sprintf(to + len, ":%s%02X\n", body, (0x100 - sum % 0x100) % 0x100);
}

static size_t make_hex(char *to, const char *const *bodies)
{
	size_t len = 0;
	for (; *bodies; bodies++)
		len = add_record(to, len, *bodies);
	return len;
}

#define HEX(...) make_hex(text, (const char *const[]){ __VA_ARGS__, NULL })
#define END "00000001"

static char text[65536];

static void hex_data_may_come_in_any_order(void **state)
{
	(void)state;
	size_t len = HEX("020000040800", "0410040064617461", "041000006d6f7265", "02FFFE00656e",
		"020000040801", "03000000642121", "020000021000", "0100020078", "0400000508005185",
		"0400000300003800", END);
	assert_taken(text, len, 3);
	assert_true(image.has_addresses);
	assert_false(image.runs[0].has_alt);
	assert_run(0, 0x10002, "x");
	assert_run(1, 0x08001000, "moredata");
	assert_run(2, 0x0800fffe, "end!!");
	image_done(&image);
}

static void hex_lines_may_end_as_they_like(void **state)
{
	(void)state;
	static const char crs[] = " \n:0100000041BE\r:00000001FF",
			  none[] = ":0100000041BE\r\n:00000001FF";
	assert_taken(crs, sizeof crs - 1, 1);
	assert_run(0, 0, "A");
	image_done(&image);
	assert_taken(none, sizeof none - 1, 1);
	image_done(&image);
	/* Lower-case digits, and a last byte of the address space. */
	assert_taken(text, HEX("02000004ffff", "01ffff0041", END), 1);
	assert_run(0, UINT32_MAX, "A");
	image_done(&image);
}

static void bad_hex_is_refused_with_its_line(void **state)
{
	(void)state;
	size_t len = HEX("0400000064617461", "020000040800", END);
	text[12] ^= 1;
	assert_refused(text, len, "line 1: its checksum is wrong");
	len = HEX("0400000064617461", END);
	text[len - 2] = 'x';
	assert_refused(text, len, "line 2: its length is not");
	assert_refused(text, HEX("0400000064617461"), "has no end record");
	assert_refused(text, HEX("0400000064617461") - 3, "line 1: its length is not");
	assert_refused(
		text, HEX("0400000064617461", END, "0100000041"), "line 3: stands behind the end");
	assert_refused(text, HEX("0400000064617461", END, END), "line 3: stands behind the end");
	assert_refused(text, HEX(END), "holds no bytes to write");
	assert_refused(text, HEX("00000000", END), "holds no bytes to write");
	assert_refused(text, HEX("00000006", END), "line 1: has a type");
	assert_refused(text, HEX("0100000400", END), "line 1: has another length");
	assert_refused(text, HEX("03000002000000", END), "line 1: has another length");
	assert_refused(text, HEX("0100000141"), "line 1: has another length");
	assert_refused(text, HEX("03000005000000"), "line 1: has another length");
	assert_refused(text, HEX("02FFFF004142", END), "line 1: its bytes go beyond");
	assert_refused(text, HEX("0400000064617461", "0100030041", END),
		"gives the bytes from 0x00000003 on twice");
	/* Equal bytes are no excuse: somebody's linker is wrong. */
	assert_refused(text, HEX("0100000041", "0100000041", END), "0x00000000 on twice");
	len = HEX("0400000064617461", END);
	memcpy(text + len, "comment\n", 8);
	assert_refused(text, len + 8, "line 3: stands behind the end");
}

static void every_cut_and_flip_of_hex_is_refused(void **state)
{
	(void)state;
	char whole[256];
	size_t len = HEX("020000040800", "0410000064617461", "041020006d6f7265", END);
	memcpy(whole, text, len);
	/* The last line's newline may go. */
	for (size_t cut = 9; cut < len - 1; cut++)
		assert_refused(whole, cut, "");
	for (size_t at = 9; at < len - 1; at++) {
		if (whole[at] == '\n')
			continue;
		whole[at] ^= 1;
		assert_refused(whole, len, "line ");
		whole[at] ^= 1;
	}
}

static void too_many_runs_are_refused(void **state)
{
	(void)state;
	size_t len = 0;
	char body[16];
	for (unsigned i = 0; i <= IMAGE_RUNS_MAX; i++) {
		snprintf(body, sizeof body, "01%04X0041", 2 * i);
		len = add_record(text, len, body);
		if (i == IMAGE_RUNS_MAX - 1) {
			size_t end = add_record(text, len, END);
			assert_taken(text, end, IMAGE_RUNS_MAX);
			image_done(&image);
		}
	}
	assert_refused(text, add_record(text, len, END), "more than 256 separate runs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raw_image_is_one_run_without_a_place),
		cmocka_unit_test(other_file_formats_are_named),
		cmocka_unit_test(records_behind_other_text_are_no_raw_image),
		cmocka_unit_test(a_second_suffix_is_refused),
		cmocka_unit_test(suffix_is_checked_and_taken_off),
		cmocka_unit_test(every_flipped_bit_of_a_suffixed_file_is_refused),
		cmocka_unit_test(suffix_that_makes_no_sense_is_refused),
		cmocka_unit_test(elements_go_to_their_targets_in_order),
		cmocka_unit_test(every_cut_and_flip_of_a_dfuse_file_is_refused),
		cmocka_unit_test(lengths_and_counts_of_dfuse_are_bounded),
		cmocka_unit_test(dfuse_oddities_are_refused),
		cmocka_unit_test(two_targets_of_one_setting_are_in_order),
		cmocka_unit_test(hex_data_may_come_in_any_order),
		cmocka_unit_test(hex_lines_may_end_as_they_like),
		cmocka_unit_test(bad_hex_is_refused_with_its_line),
		cmocka_unit_test(every_cut_and_flip_of_hex_is_refused),
		cmocka_unit_test(too_many_runs_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
