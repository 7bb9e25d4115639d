/* SPDX-License-Identifier: Apache-2.0 */
/* USES: config base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "layout.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PHOTON "@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg"

/* From heap memory of the exact size, so that AddressSanitizer sees a read past the NUL. */
static bool parse(const char *text, struct layout *ret, struct err *err)
{
	char *copy = strdup(text);
	assert_non_null(copy);
	bool ok = layout_parse(copy, ret, err);
	free(copy);
	return ok;
}

static struct layout parsed(const char *text)
{
	struct layout layout;
	struct err err = { 0 };
	if (!parse(text, &layout, &err))
		fail_msg("%s", err.text);
	return layout;
}

static void real_strings_give_their_sectors(void **state)
{
	(void)state;
	static const struct {
		const char *text, *name;
		size_t segments;
		uint32_t addr, size; /* of the last sector */
		uint8_t access;
	} cases[] = {
		{ PHOTON, "Internal Flash", 4, 0x080e0000, 128 * 1024, 7 },
		{ "@DCT Flash   /0x00000000/01*016Kg", "DCT Flash", 1, 0, 16384, 7 },
		{ "@Serial Flash   /0x00000000/256*004Kg", "Serial Flash", 1, 0xff000, 4096, 7 },
		{ "@Internal Flash  /0x08000000/20*001Ka,108*001Kg", "Internal Flash", 2,
			0x0801fc00, 1024, 7 },
		{ "@SPI Flash : SST25x/0x00000000/512*04Kg", "SPI Flash : SST25x", 1, 0x1ff000,
			4096, 7 },
		{ "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg", "Internal Flash", 3,
			0x080e0000, 128 * 1024, 7 },
		{ "@Option Bytes  /0x1FFFC000/01*016 g", "Option Bytes", 1, 0x1fffc000, 16, 7 },
		{ "@OTP Memory /0x1FFF7800/01*512 g,01*016 g", "OTP Memory", 2, 0x1fff7a00, 16, 7 },
		{ "@OTP Memory /0x1FFF7800/01*512 e,01*016 e", "OTP Memory", 2, 0x1fff7a00, 16, 5 },
		{ "@Device Feature/0xFFFF0000/01*004 e", "Device Feature", 1, 0xffff0000, 4, 5 },
		{ "@External Flash /0x90000000/998*128Kg,21*128Ka", "External Flash", 2, 0x97f40000,
			128 * 1024, 1 },
		{ "@Internal Flash   /0x08000000/16*01Ka,1*47Kg,1*1Kg", "Internal Flash", 3,
			0x0800fc00, 1024, 7 },
		{ "@M/0x0/1*2Mf", "M", 1, 0, 2 * 1024 * 1024, 6 },
		{ "@Top/0xfffff000/1*4Kd", "Top", 1, 0xfffff000, 4096, 4 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct layout layout = parsed(cases[i].text);
		assert_string_equal(layout.name, cases[i].name);
		assert_int_equal(layout.count, cases[i].segments);
		const struct layout_segment *last = &layout.segments[layout.count - 1];
		uint32_t end =
			last->addr + (uint32_t)(last->sector_size * (uint64_t)last->count - 1);
		struct layout_sector sector;
		assert_true(layout_sector_at(&layout, end, &sector));
		assert_int_equal(sector.addr, cases[i].addr);
		assert_int_equal(sector.size, cases[i].size);
		assert_int_equal(sector.access, cases[i].access);
	}
}

static void several_areas_are_kept_apart(void **state)
{
	(void)state;
	struct layout layout = parsed("@Flash2 /0xF000/4*100Ba/0x10000/3*8Kg/0x80000/2*24Kg");
	assert_int_equal(layout.count, 3);
	assert_int_equal(layout.segments[0].addr, 0xf000);
	assert_int_equal(layout.segments[0].sector_size, 100);
	assert_int_equal(layout.segments[0].access, LAYOUT_READ);
	assert_int_equal(layout.segments[2].addr, 0x80000);
	struct layout_sector sector;
	assert_false(layout_sector_at(&layout, 0xf000 + 400, &sector));
	assert_false(layout_allows(&layout, 0xf000, 401, LAYOUT_READ));
	assert_true(layout_allows(&layout, 0xf000, 400, LAYOUT_READ));
}

static void malformed_strings_are_refused_with_the_column(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "column 1: expected '@'" },
		{ "Internal Flash /0x08000000/1*1Kg", "column 1: " },
		{ "@", "column 2: there is no /0x" },
		{ "@Internal Flash /", "there is no /0x" },
		{ "@I/0x", "column 6: a hexadecimal digit" },
		{ "@I/0x/1*1Kg", "column 6: a hexadecimal digit" },
		{ "@I/0x123456789/1*1Kg", "does not fit 32 bits" },
		{ "@I/0x08000000", "column 14: expected '/'" },
		{ "@I/0x08000000/", "column 15: a digit is missing" },
		{ "@I/0x08000000/12", "column 17: expected '*'" },
		{ "@I/0x08000000/12*", "column 18: a digit is missing" },
		{ "@I/0x08000000/12*001", "access letter" },
		{ "@I/0x08000000/12*001K", "access letter" },
		{ "@I/0x08000000/12*001Kh", "access letter" },
		{ "@I/0x08000000/12*001kg", "access letter" },
		{ "@I/0x08000000/1*0Kg", "no bytes" },
		{ "@I/0x08000000/0*1Kg", "no bytes" },
		{ "@I/0x08000000/-1*1Kg", "a digit is missing" },
		{ "@I/0x08000000/9999999*999Mg", "32-bit address space" },
		{ "@I/0x08000000/99999999999999999999*1Kg", "does not fit 32 bits" },
		{ "@I/0x08000000/1*4294967295Mg", "does not fit 32 bits" },
		{ "@I/0xffffffff/1*2 g", "32-bit address space" },
		{ "@I/0x08000000/1*1Kg,", "a digit is missing" },
		{ "@I/0x08000000/1*1Kg;", "behind the last segment" },
		{ "@I/0x08000000/1*1Kgg", "behind the last segment" },
		{ "@I/0x08000000/1*1Kg/0x08000000/1*1Kg", "overlaps an earlier" },
		{ "@I/0x08001000/1*1Kg/0x08000c00/2*1Kg", "overlaps an earlier" },
		/* from the documentation of another host; its second area runs into its first */
		{ "@Flash2 /0xF000/4*100Ba/0xE000/3*8Kg/0x80000/2*24Kg", "overlaps an earlier" },
		{ "@0123456789012345678901234567890123456789012345678901234567890123456789/0x0/"
		  "1*1Kg",
			"the name" },
		{ "@I/0x0/"
		  "1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,"
		  "1*1g,"
		  "1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g,1*1g",
			"more than 32" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct layout layout = { .count = 77 };
		struct err err = { 0 };
		if (parse(cases[i].text, &layout, &err))
			fail_msg("taken: %s", cases[i].text);
		assert_int_equal(err.reason, REASON_LAYOUT);
		assert_int_equal(layout.count, 77);
		if (!strstr(err.text, cases[i].says))
			fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
	}
}

static void every_cut_of_a_real_string_is_read_within_its_end(void **state)
{
	(void)state;
	char text[] = PHOTON;
	for (size_t len = strlen(text); len-- > 0;) {
		struct layout layout;
		struct err err = { 0 };
		text[len] = 0;
		bool ok = parse(text, &layout, &err);
		assert_int_equal(
			ok, len && strchr("abcdefg", text[len - 1]) && strchr(text, '*') ? 1 : 0);
	}
}

static void device_text_is_shown_printable(void **state)
{
	(void)state;
	struct layout layout;
	struct err err = { 0 };
	assert_false(parse("@\x1b[2J\xff/0x0/1*1Kz", &layout, &err));
	assert_null(strchr(err.text, '\x1b'));
	assert_null(strchr(err.text, '\xff'));
}

static void trailing_blanks_mean_nothing(void **state)
{
	(void)state;
	struct layout a = parsed("@I/0x0/2*1Kg  "), b = parsed("@I  /0x0/2*1Kg");
	assert_true(layout_equal(&a, &b));
	assert_string_equal(b.name, "I");
}

static void sectors_begin_and_end_where_the_map_says(void **state)
{
	(void)state;
	struct layout layout = parsed(PHOTON);
	static const struct {
		uint32_t addr, start, size;
		uint8_t access;
	} cases[] = {
		{ 0x08000000, 0x08000000, 0x4000, 1 },
		{ 0x0800bfff, 0x08008000, 0x4000, 1 },
		{ 0x0800c000, 0x0800c000, 0x4000, 7 },
		{ 0x0801ffff, 0x08010000, 0x10000, 7 },
		{ 0x08020000, 0x08020000, 0x20000, 7 },
		{ 0x080fffff, 0x080e0000, 0x20000, 7 },
	};
	struct layout_sector sector;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(layout_sector_at(&layout, cases[i].addr, &sector));
		assert_int_equal(sector.addr, cases[i].start);
		assert_int_equal(sector.size, cases[i].size);
		assert_int_equal(sector.access, cases[i].access);
	}
	assert_false(layout_sector_at(&layout, 0x07ffffff, &sector));
	assert_false(layout_sector_at(&layout, 0x08100000, &sector));
}

static void access_is_asked_of_every_byte(void **state)
{
	(void)state;
	struct layout layout = parsed(PHOTON);
	uint8_t all = LAYOUT_READ | LAYOUT_ERASE | LAYOUT_WRITE;
	assert_true(layout_allows(&layout, 0x08000000, 0x100000, LAYOUT_READ));
	assert_true(layout_allows(&layout, 0x0800c000, 0xf4000, all));
	assert_false(layout_allows(&layout, 0x0800bfff, 2, all));
	assert_false(layout_allows(&layout, 0x080fffff, 2, LAYOUT_READ));
	assert_false(layout_allows(&layout, 0x07ffffff, 2, LAYOUT_READ));
	assert_true(layout_allows(&layout, 0x01000000, 0, all));
	assert_false(layout_allows(&layout, 0x08000000, UINT64_MAX, LAYOUT_READ));
	assert_false(layout_allows(&layout, 0xffffffff, 2, 0));
	struct layout top = parsed("@Top/0xfffff000/1*4Kg");
	assert_true(layout_allows(&top, 0xfffff000, 4096, all));
	assert_false(layout_allows(&top, 0xfffff000, 4097, all));
}

static void equality_is_about_sectors(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{ "@A/0x0/4*1Kg", "@B /0x0/1*1Kg,3*1Kg", true },
		{ "@A/0x0/4*1Kg", "@A/0x0/2*1Kg/0x800/2*1024Bg", true },
		{ "@A/0x0/2*1Kg/0x10000/1*1Kg", "@A/0x10000/1*1Kg/0x0/2*1Kg", true },
		{ "@A/0x0/4*1Kg", "@A/0x0/2*2Kg", false },
		{ "@A/0x0/4*1Kg", "@A/0x0/4*1Ke", false },
		{ "@A/0x0/4*1Kg", "@A/0x0/5*1Kg", false },
		{ "@A/0x0/4*1Kg", "@A/0x400/4*1Kg", false },
		{ "@A/0x0/3*1Kg", "@A/0x0/2*1Kg/0xc00/1*1Kg", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct layout a = parsed(cases[i].a), b = parsed(cases[i].b);
		assert_int_equal(layout_equal(&a, &b), cases[i].equal);
		assert_int_equal(layout_equal(&b, &a), cases[i].equal);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_strings_give_their_sectors),
		cmocka_unit_test(several_areas_are_kept_apart),
		cmocka_unit_test(malformed_strings_are_refused_with_the_column),
		cmocka_unit_test(every_cut_of_a_real_string_is_read_within_its_end),
		cmocka_unit_test(device_text_is_shown_printable),
		cmocka_unit_test(trailing_blanks_mean_nothing),
		cmocka_unit_test(sectors_begin_and_end_where_the_map_says),
		cmocka_unit_test(access_is_asked_of_every_byte),
		cmocka_unit_test(equality_is_about_sectors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
