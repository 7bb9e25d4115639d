/* SPDX-License-Identifier: Apache-2.0 */
/* USES: virtual base */
/* Listening mode of the virtual unit, held to the device facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "vunit_bench.h"

static struct bench running(enum vunit_bootloader bootloader, bool credentials)
{
	struct vunit_spec spec = bench_specs[bootloader];
	spec.credentials = credentials;
	struct bench bench = bench_with(&spec);
	bench_power(&bench, false);
	if (spec.family == VUNIT_CORE) { /* fresh, it has no application */
		static const uint8_t stack[4] = { 0x00, 0x50, 0x00, 0x20 };
		assert_int_equal(bench_out(&bench, CLRSTATUS, 0, NULL, 0), VUNIT_ACK);
		assert_int_equal(bench_erase(&bench, 0x08005000), VUNIT_ACK);
		assert_int_equal(bench_write(&bench, 0x08005000, stack, 4), VUNIT_ACK);
		bench_leave(&bench);
	}
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	return bench;
}

static enum vunit_answer bulk(struct bench *bench, uint8_t endpoint, void *data, uint16_t len)
{
	uint64_t done_us;
	bench->answer =
		vunit_bulk(bench->unit, endpoint, data, len, &bench->len, bench->now_us, &done_us);
	if (done_us != UINT64_MAX)
		bench->now_us = done_us;
	return bench->answer;
}

static void assert_says(struct bench *bench, char command, const char *wanted)
{
	char text[512] = "";
	size_t len = 0;
	assert_int_equal(bulk(bench, 0x03, &command, 1), VUNIT_ACK);
	while (bulk(bench, 0x81, text + len, 64) == VUNIT_ACK) {
		assert_in_range(bench->len, 1, 64);
		len += bench->len;
	}
	assert_int_equal(bench->answer, VUNIT_NAK);
	text[len] = 0;
	assert_string_equal(text, wanted);
}

static void baud(struct bench *bench, uint32_t rate)
{
	uint8_t coding[7] = { 0, 0, 0, 0, 0, 0, 8 };
	bytes_put_le32(coding, rate);
	assert_int_equal(bench_control(bench, 0x21, 0x20, 0, 0, coding, 7), VUNIT_ACK);
}

static void test_without_credentials_it_listens_by_itself(void **unused)
{
	(void)unused;
	struct bench bench = running(VUNIT_PHOTON_1_4_4, false);
	assert_true(vunit_is_listening(bench.unit));
	assert_says(&bench, 'i', "Your device id is ab0000000000000000000000\r\n");
	assert_says(&bench, 'v', "system firmware version: 1.4.4\r\n");
	assert_says(&bench, 'c', "Device claimed: no\r\n");
	assert_says(&bench, '?', "");
	assert_says(&bench, 'x', "");
	assert_false(vunit_is_listening(bench.unit));
	assert_says(&bench, 'i', "");
	bench_done(&bench);
	bench = running(VUNIT_CORE_1_4_4, false);
	assert_says(&bench, 'i', "Your core id is ab0000000000000000000000\r\n");
	bench_done(&bench);
}

static void test_28800_baud_makes_newer_firmware_listen(void **unused)
{
	(void)unused;
	struct bench bench = running(VUNIT_PHOTON_1_0_0, true);
	assert_says(&bench, 'i', "");
	baud(&bench, 9600);
	assert_says(&bench, 'i', "");
	baud(&bench, 28800);
	assert_says(&bench, 'i', "Your device id is ab0000000000000000000000\r\n");
	bench_done(&bench);
	bench = running(VUNIT_PHOTON_0_5_3, true);
	baud(&bench, 28800);
	assert_false(vunit_is_listening(bench.unit));
	bench_done(&bench);
}

static void test_credentials_outlast_the_power(void **unused)
{
	(void)unused;
	struct bench bench = running(VUNIT_PHOTON_1_4_4, true);
	struct err err;
	vunit_close(bench.unit);
	assert_true(vunit_open(bench.folder, &bench.unit, &err));
	assert_true(vunit_spec(bench.unit)->credentials);
	bench_done(&bench);
}

static void test_in_dfu_no_endpoint_answers(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	char command = 'i';
	assert_int_equal(bulk(&bench, 0x03, &command, 1), VUNIT_NONE);
	assert_int_equal(bulk(&bench, 0x81, &command, 1), VUNIT_NONE);
	bench_done(&bench);
	bench = running(VUNIT_PHOTON_1_4_4, false);
	assert_int_equal(bulk(&bench, 0x82, &command, 1), VUNIT_NONE);
	bench_done(&bench);
}

/* The request protocol: taken up a moment later, fetched by exactly its length, then forgotten. */
static void test_the_device_mode_can_be_asked_for(void **unused)
{
	(void)unused;
	struct bench bench = running(VUNIT_PHOTON_1_0_0, false);
	uint8_t reply[64];
	assert_int_equal(bench_control(&bench, 0xC0, 1, 0, 72, reply, 63), VUNIT_STALL);
	assert_int_equal(bench_control(&bench, 0xC0, 1, 0, 72, reply, 64), VUNIT_ACK);
	uint16_t id = bytes_le16(reply + 6);
	assert_int_equal(bench_control(&bench, 0xC0, 2, 0, id, reply, 64), VUNIT_ACK);
	assert_int_equal(bytes_le16(reply + 4), 2); /* pending */
	assert_int_equal(bench_control(&bench, 0xC0, 4, 0, id, reply, 2), VUNIT_STALL);
	bench_pass(&bench, 2000);
	assert_int_equal(bench_control(&bench, 0xC0, 2, 0, id, reply, 64), VUNIT_ACK);
	assert_int_equal(bytes_le32(reply), 1 | 4 | 8);
	assert_int_equal(bytes_le32(reply + 6), 2);
	assert_int_equal(bytes_le32(reply + 10), 0);
	assert_int_equal(bench_control(&bench, 0xC0, 4, 0, id, reply, 64), VUNIT_STALL);
	assert_int_equal(bench_control(&bench, 0xC0, 4, 0, id, reply, 2), VUNIT_ACK);
	assert_memory_equal(reply, "\x08\x01", 2);
	assert_int_equal(bench_control(&bench, 0xC0, 2, 0, id, reply, 64), VUNIT_ACK);
	assert_int_equal(bytes_le16(reply + 4), 5); /* not found */
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_credentials_it_listens_by_itself),
		cmocka_unit_test(test_28800_baud_makes_newer_firmware_listen),
		cmocka_unit_test(test_credentials_outlast_the_power),
		cmocka_unit_test(test_in_dfu_no_endpoint_answers),
		cmocka_unit_test(test_the_device_mode_can_be_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
