/* SPDX-License-Identifier: Apache-2.0 */
/* USES: base */
/* The floor: bytes, text, digests, errors, time, ids. Files and secrets are in test_fs.c. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "clock.h"
#include "digest.h"
#include "err.h"
#include "text.h"
#include "uuid.h"

static void integers_keep_their_byte_order(void **state)
{
	(void)state;
	static const uint8_t bytes[] = { 0xf1, 0x02, 0x03, 0xf4 };
	uint8_t out[4];
	assert_int_equal(bytes_le16(bytes), 0x02f1);
	assert_true(bytes_le32(bytes) == 0xf40302f1u);
	assert_true(bytes_be32(bytes) == 0xf10203f4u);
	bytes_put_le32(out, 0xf40302f1u);
	assert_memory_equal(out, bytes, 4);
	bytes_put_be32(out, 0xf10203f4u);
	assert_memory_equal(out, bytes, 4);
	bytes_put_le16(out, 0x02f1);
	assert_memory_equal(out, bytes, 2);
	bytes_put_be16(out, 0xf102);
	assert_memory_equal(out, bytes, 2);
}

static void differences_are_found_and_counted(void **state)
{
	(void)state;
	static const uint8_t a[] = { 1, 2, 3, 4 }, b[] = { 1, 2, 7, 8 };
	assert_int_equal(bytes_first_difference(a, b, 4), 2);
	assert_int_equal(bytes_first_difference(a, a, 4), 4);
	assert_int_equal(bytes_first_difference(a, b, 0), 0);
	assert_int_equal(bytes_count_differences(a, b, 4), 2);
	assert_true(bytes_all(a, 0, 9));
	assert_true(bytes_all(a, 1, 1));
	assert_false(bytes_all(a, 2, 1));
}

static void hexadecimal_comes_back_and_nothing_else_is_taken(void **state)
{
	(void)state;
	static const uint8_t bytes[] = { 0x00, 0x9a, 0xff };
	uint8_t back[3];
	char hex[7];
	bytes_to_hex(bytes, 3, hex);
	assert_string_equal(hex, "009aff");
	assert_true(bytes_from_hex("009AfF", back, 3));
	assert_memory_equal(back, bytes, 3);
	static const char *const bad[] = { "", "009af", "009aff0", "009afg", "0x9aff", " 09aff",
		"-09aff" };
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(bytes_from_hex(bad[i], back, 3));
}

static void text_that_does_not_fit_says_so(void **state)
{
	(void)state;
	char to[4];
	assert_true(text_copy(to, sizeof to, "abc"));
	assert_string_equal(to, "abc");
	assert_false(text_copy(to, sizeof to, "abcd"));
	assert_string_equal(to, "");
	assert_true(text_format(to, sizeof to, "%d", 123));
	assert_false(text_format(to, sizeof to, "%d", 1234));
	assert_string_equal(to, "123");
}

static void foreign_text_is_made_printable(void **state)
{
	(void)state;
	char text[] = "a\x1b[31m\n\x7f\xc3\xb6 ~";
	text_make_printable(text);
	assert_string_equal(text, "a?[31m???? ~");
}

static void a_growing_text_stops_at_its_cap_and_remembers(void **state)
{
	(void)state;
	struct text_buf buf;
	text_buf_init(&buf, 1000);
	for (unsigned i = 0; i < 100; i++)
		text_buf_addf(&buf, "%09u,", i);
	assert_false(buf.failed);
	assert_int_equal(buf.len, 1000);
	assert_memory_equal(buf.text + 990, "000000099,", 11);
	text_buf_add(&buf, "x", 1);
	assert_true(buf.failed);
	text_buf_add(&buf, "", 0);
	assert_int_equal(buf.len, 1000);
	text_buf_done(&buf);
	assert_null(buf.text);
}

static void digests_give_the_known_answers(void **state)
{
	(void)state;
	struct err err;
	char hex[SHA256_HEX];
	/* FIPS 180-4 examples; the check value of CRC-32. */
	assert_true(digest_sha256_hex("abc", 3, hex, &err));
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(digest_sha256_hex("", 0, hex, &err));
	assert_string_equal(
		hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_true(digest_crc32("123456789", 9) == 0xcbf43926u);
	assert_true(digest_crc32("", 0) == 0);
}

static void hash_two(const char *a, const char *b, char ret[SHA256_HEX])
{
	struct err err;
	struct digest *digest = digest_begin();
	digest_add_text(digest, a);
	digest_add_text(digest, b);
	assert_true(digest_end(digest, ret, &err));
}

static void a_digest_over_parts_tells_the_parts_apart(void **state)
{
	(void)state;
	char a[SHA256_HEX], b[SHA256_HEX];
	struct err err;
	hash_two("ab", "c", a);
	hash_two("a", "bc", b);
	assert_string_not_equal(a, b);
	hash_two("", NULL, a);
	hash_two(NULL, "", b);
	assert_string_not_equal(a, b);
	hash_two("", "", b);
	assert_string_not_equal(a, b);
	struct digest *digest = digest_begin();
	digest_add(digest, "ab", 2);
	digest_add(digest, "c", 1);
	assert_true(digest_end(digest, a, &err));
	assert_string_equal(a, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_add_u64(NULL, 1);
	assert_false(digest_end(NULL, a, &err));
	assert_int_equal(err.reason, REASON_STATION);
}

static void an_error_chains_where_before_what(void **state)
{
	(void)state;
	struct err err;
	assert_false(err_set(&err, REASON_FLASH_BAD, "byte %d", 7));
	assert_false(err_at(&err, "user at 0x%08x", 0x080a0000u));
	assert_false(err_at(&err, "A3"));
	assert_string_equal(err.text, "A3: user at 0x080a0000: byte 7");
	assert_int_equal(err.reason, REASON_FLASH_BAD);
	assert_int_equal(err_kind(&err), ERR_LINK);
	assert_false(err_sys(&err, REASON_STORE, 28, "cannot write %s", "x"));
	assert_string_equal(err.text, "cannot write x: No space left on device");
	err_clear(&err);
	assert_int_equal(err.reason, REASON_NONE);
	assert_string_equal(err.text, "");
}

static void an_error_too_long_is_cut_and_terminated(void **state)
{
	(void)state;
	struct err err;
	char longest[2 * ERR_TEXT_MAX];
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	err_set(&err, REASON_BUG, "%s", longest);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	err_at(&err, "where");
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_memory_equal(err.text, "where: xx", 9);
	err_at(&err, "%s", longest);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
}

static void reasons_come_back_from_their_codes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < REASON_COUNT; i++)
		assert_int_equal(reason_from_code(reason_info((enum reason)i)->code), i);
	assert_int_equal(reason_from_code(NULL), REASON_NONE);
	assert_int_equal(reason_from_code("no-such-code"), REASON_BUG);
	assert_ptr_equal(reason_info(REASON_COUNT), reason_info(REASON_BUG));
	for (unsigned i = 1; i < OUTCOME_COUNT; i++)
		assert_int_equal(outcome_from_name(outcome_name((enum outcome)i)), i);
}

static void a_deadline_passes_and_not_before(void **state)
{
	(void)state;
	struct deadline soon = deadline_in_ms(30), late = deadline_in_ms(60000);
	assert_false(deadline_passed(soon));
	assert_in_range(deadline_left_ms(soon), 1, 30);
	assert_true(deadline_sooner(late, soon).at_us == soon.at_us);
	assert_true(deadline_sooner(soon, late).at_us == soon.at_us);
	assert_true(clock_pause_until(soon.at_us, NULL));
	assert_true(deadline_passed(soon));
	assert_int_equal(deadline_left_ms(soon), 0);
	assert_true(deadline_left_ms((struct deadline){ UINT64_MAX }) == UINT32_MAX);
}

static void *cancel_later(void *argument)
{
	clock_pause_until(clock_mono_us() + 30000, NULL);
	cancel_set(argument);
	return NULL;
}

static void a_cancel_ends_a_pause(void **state)
{
	(void)state;
	struct cancel cancel = { false };
	pthread_t thread;
	uint64_t before = clock_mono_us();
	assert_false(cancel_is_set(NULL));
	assert_int_equal(pthread_create(&thread, NULL, cancel_later, &cancel), 0);
	assert_false(clock_pause_until(before + 60000000, &cancel));
	assert_true(clock_mono_us() - before < 20000000);
	pthread_join(thread, NULL);
	assert_true(cancel_is_set(&cancel));
}

static void times_are_written_in_utc(void **state)
{
	(void)state;
	char text[32];
	setenv("TZ", "Asia/Tokyo", 1);
	clock_format_utc(1795196585123, text, sizeof text);
	assert_string_equal(text, "2026-11-20 17:43:05.123");
	clock_format_utc(0, text, sizeof text);
	assert_string_equal(text, "1970-01-01 00:00:00.000");
	clock_format_utc(-1, text, sizeof text);
	assert_string_equal(text, "?");
}

static void uuids_have_their_form_and_their_time(void **state)
{
	(void)state;
	struct err err;
	char a[UUID_TEXT], b[UUID_TEXT], hex[13];
	int64_t before = clock_utc_ms();
	assert_true(uuid_v7(a, &err));
	assert_true(uuid_v7(b, &err));
	int64_t after = clock_utc_ms();
	assert_int_equal(strlen(a), 36);
	assert_string_not_equal(a, b);
	assert_int_equal(a[14], '7');
	assert_non_null(strchr("89ab", a[19]));
	for (unsigned i = 0; i < 36; i++)
		assert_int_equal(a[i] == '-', i == 8 || i == 13 || i == 18 || i == 23);
	memcpy(hex, a, 8);
	memcpy(hex + 8, a + 9, 4);
	hex[12] = 0;
	long long at = strtoll(hex, NULL, 16);
	assert_true(at >= before && at <= after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_keep_their_byte_order),
		cmocka_unit_test(differences_are_found_and_counted),
		cmocka_unit_test(hexadecimal_comes_back_and_nothing_else_is_taken),
		cmocka_unit_test(text_that_does_not_fit_says_so),
		cmocka_unit_test(foreign_text_is_made_printable),
		cmocka_unit_test(a_growing_text_stops_at_its_cap_and_remembers),
		cmocka_unit_test(digests_give_the_known_answers),
		cmocka_unit_test(a_digest_over_parts_tells_the_parts_apart),
		cmocka_unit_test(an_error_chains_where_before_what),
		cmocka_unit_test(an_error_too_long_is_cut_and_terminated),
		cmocka_unit_test(reasons_come_back_from_their_codes),
		cmocka_unit_test(a_deadline_passes_and_not_before),
		cmocka_unit_test(a_cancel_ends_a_pause),
		cmocka_unit_test(times_are_written_in_utc),
		cmocka_unit_test(uuids_have_their_form_and_their_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
