/* SPDX-License-Identifier: Apache-2.0 */
/* USES: dfu config usb base */
/* The exact transfers of DFU sessions, against a scripted unit with blocks of 16 bytes. */
#include "script_dev.h"

#include <stdlib.h>

#include "dfuse.h"
#include "text.h"

static const uint8_t data[40] = { 0x00, 0x01, 0x02, 0x03, [16] = 0x10, 0x11, [32] = 0x20, 0x21 };

#define BLOCK_A "00010203000000000000000000000000"
#define BLOCK_B "10110000000000000000000000000000"
#define BLOCK_C "2021000000000000"

static struct family family = {
	.name = "test",
	.alts = {
		{ .alt = 0, .layout_text = "@Internal Flash   /0x08000000/4*016Kg",
			.erase_timeout_ms = 4000, .write_timeout_ms = 500, .access_start = 0,
			.access_end = UINT32_MAX },
		{ .alt = 1, .layout_text = "@DCT Flash   /0x00000000/01*016Kg", .memory = MEMORY_RECORD,
			.erase_timeout_ms = 1000, .write_timeout_ms = 1000, .access_end = 8391 },
	},
	.alt_count = 2,
	.transfer_size_max = 4096,
	.transfer_timeout_ms = 200,
};

static void a_block_takes_three_transfers_and_a_run_one_address(void **state)
{
	struct script_dev script =
		SCRIPT(ADDRESS("00000208"), BUSY(0), DONE, DNLOAD(2, BLOCK_A), BUSY(0), DONE,
			DNLOAD(3, BLOCK_B), BUSY(0), DONE, DNLOAD(4, BLOCK_C), BUSY(0), DONE);
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	(void)state;
	assert_true(dfuse_write(&dfu, 0, 0x08020000, data, sizeof(data), NULL, &err));
	script_assert_ended(&script);
	assert_int_equal(dfu.state, DFU_DNLOAD_IDLE);
	assert_int_equal(dfu.counters.transfers, 12);
	assert_int_equal(dfu.counters.blocks_written, 3);
}

static void reading_aborts_after_the_command_and_asks_exactly_the_rest(void **state)
{
	struct script_dev script = SCRIPT(ADDRESS("22000000"), BUSY(0), DONE, ABORT, IDLE,
		UPLOAD(2, 16), UPLOAD(3, 16), UPLOAD(4, 8));
	struct dfu dfu = script_session(&script, &family);
	uint8_t got[40];
	struct err err;

	(void)state;
	assert_true(dfuse_read(&dfu, 0, 0x22, got, sizeof(got), NULL, &err));
	script_assert_ended(&script);
	for (unsigned i = 0; i < sizeof(got); i++)
		assert_int_equal(got[i], 0x20 + i);
	assert_int_equal(dfu.state, DFU_UPLOAD_IDLE);
}

static void writing_after_reading_aborts_first(void **state)
{
	struct script_dev script = SCRIPT(ABORT, IDLE, ADDRESS("00000208"), BUSY(0), DONE,
		DNLOAD(2, BLOCK_A), BUSY(0), DONE, ERASE("00000308"), BUSY(0), DONE);
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	(void)state;
	dfu.state = DFU_UPLOAD_IDLE;
	assert_true(dfuse_write(&dfu, 0, 0x08020000, data, 16, NULL, &err));
	assert_true(dfuse_erase(&dfu, 0, 0x08030000, &err));
	script_assert_ended(&script);
}

static void the_first_erase_in_a_memory_points_there_before(void **state)
{
	struct script_dev script =
		SCRIPT(ALT(1), ADDRESS("00200000"), BUSY(50), PAUSE(50), DONE, ERASE("00200000"),
			BUSY(20), PAUSE(20), DONE, ERASE("00300000"), BUSY(20), PAUSE(20), DONE);
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	(void)state;
	assert_true(dfuse_erase(&dfu, 1, 0x2000, &err));
	assert_true(dfuse_erase(&dfu, 1, 0x3000, &err));
	script_assert_ended(&script);
	assert_int_equal(dfu.counters.erases, 2);
}

static void another_alternate_setting_is_selected_once_from_idle(void **state)
{
	struct script_dev script = SCRIPT(ABORT, IDLE, ALT(1), ADDRESS("22000000"), BUSY(0), DONE,
		DNLOAD(2, BLOCK_A), BUSY(1), PAUSE(1), DONE, ADDRESS("00010000"), BUSY(0), DONE,
		DNLOAD(2, BLOCK_B), BUSY(1), PAUSE(1), DONE);
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	(void)state;
	dfu.state = DFU_DNLOAD_IDLE;
	assert_true(dfuse_write(&dfu, 1, 34, data, 16, NULL, &err));
	assert_true(dfuse_write(&dfu, 1, 256, data + 16, 16, NULL, &err));
	script_assert_ended(&script);
}

static void a_stall_is_a_failure_and_nothing_follows(void **state)
{
	struct script_dev script = SCRIPT(ADDRESS("00000208"), BUSY(0), DONE, DNLOAD(2, BLOCK_A),
		STATUS_FAILS(REASON_USB_STALL));
	struct dfu dfu = script_session(&script, &family);
	struct err err;
	uint8_t byte;

	(void)state;
	assert_false(dfuse_write(&dfu, 0, 0x08020000, data, sizeof(data), NULL, &err));
	assert_reason(&err, REASON_USB_STALL);
	assert_string_equal(err.text,
		"alt 0: 0x08020000: write: the unit could not do it: GET_STATUS: scripted");
	assert_int_equal(dfu.state, DFU_ERROR);
	/* The session is not used again before dfu_recover. */
	assert_false(dfuse_read(&dfu, 0, 0x08020000, &byte, 1, NULL, &err));
	assert_reason(&err, REASON_DFU_STATE);
	assert_false(dfuse_erase(&dfu, 0, 0x08020000, &err));
	script_assert_ended(&script);
}

static void a_stall_of_the_last_status_is_a_failure(void **state)
{
	struct script_dev script =
		SCRIPT(ERASE("00000208"), BUSY(50), PAUSE(50), STATUS_FAILS(REASON_USB_STALL));
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	(void)state;
	assert_false(dfuse_erase(&dfu, 0, 0x08020000, &err));
	assert_reason(&err, REASON_USB_STALL);
	script_assert_ended(&script);
}

static void a_broken_off_download_is_followed_by_abort_never_by_status(void **state)
{
	static const enum reason reasons[] = { REASON_USB_TIMEOUT, REASON_USB_IO, REASON_STOPPED };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct script_dev script = SCRIPT(ADDRESS("00000208"), BUSY(0), DONE,
			DNLOAD_FAILS(2, BLOCK_A, reasons[i]), ABORT, IDLE);
		struct dfu dfu = script_session(&script, &family);
		struct err err;

		assert_false(dfuse_write(&dfu, 0, 0x08020000, data, 16, NULL, &err));
		assert_reason(&err, reasons[i]);
		assert_int_equal(script.at, 4);
		assert_true(dfu_recover(&dfu, &err));
		assert_int_equal(dfu.state, DFU_IDLE);
		script_assert_ended(&script);
	}
}

static void a_timed_out_status_is_followed_by_abort(void **state)
{
	struct script_dev script = SCRIPT(ERASE("00000208"), STATUS_FAILS(REASON_USB_TIMEOUT),
		OUT_FAILS(6, REASON_USB_TIMEOUT), ABORT, STATUS_FAILS(REASON_USB_TIMEOUT), ABORT,
		IDLE);
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	(void)state;
	assert_false(dfuse_erase(&dfu, 0, 0x08020000, &err));
	assert_reason(&err, REASON_USB_TIMEOUT);
	assert_true(dfu_recover(&dfu, &err));
	script_assert_ended(&script);
}

static void an_operation_that_never_was_busy_was_never_done(void **state)
{
	struct script_dev script =
		SCRIPT(ADDRESS("00000208"), BUSY(0), DONE, DNLOAD(2, BLOCK_A), DONE);
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	(void)state;
	assert_false(dfuse_write(&dfu, 0, 0x08020000, data, 16, NULL, &err));
	assert_reason(&err, REASON_DFU_STATE);
	assert_non_null(strstr(err.text, "dfuDNLOAD-IDLE (5) instead of dfuDNBUSY"));
	script_assert_ended(&script);
}

static void a_unit_of_a_family_that_is_never_busy_has_done_it_at_once(void **state)
{
	struct script_dev script = SCRIPT(ADDRESS("00000208"), DONE, DNLOAD(2, BLOCK_A), BUSY(0),
		DONE, ADDRESS("10000208"), STATUS(3, 0, DFU_DNLOAD_IDLE));
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	(void)state;
	family.quirks = QUIRK_NEVER_BUSY;
	assert_true(dfuse_write(&dfu, 0, 0x08020000, data, 16, NULL, &err));
	assert_false(dfuse_write(&dfu, 0, 0x08020010, data, 16, NULL, &err));
	assert_reason(&err, REASON_DFU_STATUS);
	script_assert_ended(&script);
	family.quirks = 0;
}

static void a_status_or_another_state_is_a_failure_with_its_name(void **state)
{
	struct script_dev error = SCRIPT(ERASE("00000208"), BUSY(0), STATUS(4, 0, DFU_ERROR));
	struct script_dev vendor = SCRIPT(ERASE("00000208"), STATUS(11, 0, DFU_ERROR));
	struct script_dev strange = SCRIPT(ERASE("00000208"), BUSY(0), STATUS(0, 0, 77));
	struct script_dev other = SCRIPT(ERASE("00000208"), BUSY(0), STATUS(9, 0, DFU_DNLOAD_IDLE));
	struct err err;
	struct dfu dfu = script_session(&error, &family);

	(void)state;
	assert_false(dfuse_erase(&dfu, 0, 0x08020000, &err));
	assert_reason(&err, REASON_DFU_STATUS);
	assert_string_equal(
		err.text, "alt 0: 0x08020000: erase: the unit reports errERASE in dfuERROR");
	dfu = script_session(&vendor, &family);
	assert_false(dfuse_erase(&dfu, 0, 0x08020000, &err));
	assert_non_null(strstr(err.text, "errVENDOR"));
	dfu = script_session(&strange, &family);
	assert_false(dfuse_erase(&dfu, 0, 0x08020000, &err));
	assert_reason(&err, REASON_DFU_STATE);
	assert_non_null(strstr(err.text, "unknown state (77)"));
	dfu = script_session(&other, &family);
	assert_false(dfuse_erase(&dfu, 0, 0x08020000, &err));
	assert_reason(&err, REASON_DFU_STATUS);
}

static void a_short_upload_or_status_is_a_failure(void **state)
{
	struct script_event upload = UPLOAD(3, 16), status = BUSY(0);
	uint8_t got[32];
	struct err err;

	(void)state;
	upload.in_len = 15;
	status.in_len = 5;
	struct script_dev script =
		SCRIPT(ADDRESS("00000208"), BUSY(0), DONE, ABORT, IDLE, UPLOAD(2, 16), upload);
	struct dfu dfu = script_session(&script, &family);

	assert_false(dfuse_read(&dfu, 0, 0x08020000, got, sizeof(got), NULL, &err));
	assert_reason(&err, REASON_USB_SHORT);
	assert_string_equal(err.text, "alt 0: 0x08020010: UPLOAD: 15 of 16 bytes were moved");
	script = SCRIPT(ERASE("00000208"), status);
	dfu = script_session(&script, &family);
	assert_false(dfuse_erase(&dfu, 0, 0x08020000, &err));
	assert_reason(&err, REASON_USB_SHORT);
}

static void nothing_to_write_sends_nothing(void **state)
{
	struct script_dev script = { .dev.ops = &script_ops };
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	(void)state;
	assert_true(dfuse_write(&dfu, 0, 0x08020000, data, 0, NULL, &err));
	assert_true(dfuse_read(&dfu, 0, 0x08020000, NULL, 0, NULL, &err));
	assert_false(dfuse_write(&dfu, 0, 0xfffffff0, data, 17, NULL, &err));
	assert_reason(&err, REASON_BUG);
	assert_false(dfuse_write(&dfu, 7, 0, data, 16, NULL, &err));
	assert_reason(&err, REASON_BUG);
}

static void after_gone_no_transfer_follows(void **state)
{
	struct script_dev script = SCRIPT(ERASE("00000208"), STATUS_FAILS(REASON_USB_GONE));
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	(void)state;
	assert_false(dfuse_erase(&dfu, 0, 0x08020000, &err));
	assert_reason(&err, REASON_USB_GONE);
	assert_false(dfu_recover(&dfu, &err));
	assert_reason(&err, REASON_USB_GONE);
	script_assert_ended(&script);
}

/* A run of more blocks than there are numbers: a unit that keeps the address by itself. */
struct counting_dev {
	struct usb_dev dev;
	uint32_t pointer, end;
	uint16_t last_block, stride;
	unsigned addresses;
	uint8_t busy;
};

static bool counting_control(struct usb_dev *dev, struct usb_setup setup, uint8_t *bytes,
	uint16_t len, uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len,
	struct err *err)
{
	struct counting_dev *unit = (struct counting_dev *)dev;

	(void)timeout_ms, (void)cancel, (void)err;
	*ret_len = len;
	if (setup.request == 3) {
		memset(bytes, 0, 6);
		bytes[4] = unit->busy              ? DFU_DNBUSY
			   : unit->last_block == 1 ? DFU_IDLE
						   : DFU_DNLOAD_IDLE;
		unit->busy = 0;
	} else if (setup.request == 6) {
		unit->last_block = 1;
	} else if (setup.request == 1 && setup.value == 0) {
		assert_int_equal(bytes[0], 0x21);
		unit->pointer = bytes_le32(bytes + 1);
		unit->addresses++;
		unit->last_block = 0;
		unit->busy = 1;
	} else { /* data, in either direction, must be where it belongs */
		assert_true(setup.value >= 2 && len > 0);
		assert_int_equal(unit->pointer + (setup.value - 2u) * unit->stride, unit->end);
		unit->end += len;
		unit->last_block = setup.value;
		unit->busy = setup.request == 1;
	}
	return true;
}

static const struct usb_dev_ops counting_ops = { .control = counting_control };

static void block_numbers_never_wrap(void **state)
{
	struct counting_dev unit = { .dev.ops = &counting_ops, .end = 0x1000, .stride = 16 };
	struct dfu dfu = { .dev = &unit.dev,
		.family = &family,
		.transfer_size = 16,
		.announced_size = 16,
		.alt = 0,
		.pointer_alt = 0,
		.state = DFU_IDLE };
	uint32_t len = 65534 * 16 + 40;
	uint8_t *bytes = calloc(1, len);
	struct err err;

	(void)state;
	assert_true(dfuse_write(&dfu, 0, 0x1000, bytes, len, NULL, &err));
	assert_int_equal(unit.end, 0x1000 + len);
	assert_int_equal(unit.addresses, 2);
	unit.end = 0x1000;
	assert_true(dfuse_read(&dfu, 0, 0x1000, bytes, len, NULL, &err));
	assert_int_equal(unit.end, 0x1000 + len);
	assert_int_equal(unit.addresses, 4);
	free(bytes);
}

static void smaller_blocks_than_announced_get_an_address_each(void **state)
{
	struct counting_dev unit = { .dev.ops = &counting_ops, .end = 0x1000, .stride = 64 };
	struct dfu dfu = { .dev = &unit.dev,
		.family = &family,
		.transfer_size = 16,
		.announced_size = 64,
		.alt = 0,
		.pointer_alt = 0,
		.state = DFU_IDLE };
	uint8_t bytes[40] = { 0 };
	struct err err;

	(void)state;
	assert_true(dfuse_write(&dfu, 0, 0x1000, bytes, sizeof(bytes), NULL, &err));
	assert_int_equal(unit.end, 0x1000 + sizeof(bytes));
	unit.end = 0x1000;
	assert_true(dfuse_read(&dfu, 0, 0x1000, bytes, sizeof(bytes), NULL, &err));
	assert_int_equal(unit.end, 0x1000 + sizeof(bytes));
	assert_int_equal(unit.addresses, 6);
}

static void comparing_stops_at_the_first_difference(void **state)
{
	struct script_dev script = SCRIPT(
		ADDRESS("20000000"), BUSY(0), DONE, ABORT, IDLE, UPLOAD(2, 16), UPLOAD(3, 16));
	struct dfu dfu = script_session(&script, &family);
	uint8_t expected[48];
	bool same = true;
	struct err err;

	(void)state;
	for (unsigned i = 0; i < sizeof(expected); i++)
		expected[i] = (uint8_t)(0x20 + i);
	expected[20] ^= 1;
	assert_true(dfuse_compare(&dfu, 0, 0x20, expected, sizeof(expected), &same, &err));
	assert_false(same);
	script_assert_ended(&script);
	expected[20] ^= 1;
	script.at = 0;
	script.count = 6;
	dfu = script_session(&script, &family);
	assert_true(dfuse_compare(&dfu, 0, 0x20, expected, 16, &same, &err));
	assert_true(same);
}

static void layouts_are_compared_exactly(void **state)
{
	struct dfu dfu = { .family = &family,
		.alt_count = 2,
		.alts = { { 1, "@DCT Flash   /0x00000000/01*016Kg" },
			{ 0, "@Internal Flash   /0x08000000/4*016Kg" } } };
	struct err err;

	(void)state;
	assert_true(dfu_check_layout(&dfu, &err));
	assert_true(text_copy(
		dfu.alts[1].text, LAYOUT_TEXT_MAX, "@Internal Flash  /0x08000000/4*016Kg"));
	assert_false(dfu_check_layout(&dfu, &err));
	assert_reason(&err, REASON_LAYOUT);
	assert_string_equal(err.text,
		"alt 0: the unit has \"@Internal Flash  /0x08000000/4*016Kg\", family test "
		"has \"@Internal Flash   /0x08000000/4*016Kg\"");
	dfu.alt_count = 1;
	assert_false(dfu_check_layout(&dfu, &err));
	assert_reason(&err, REASON_LAYOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_takes_three_transfers_and_a_run_one_address),
		cmocka_unit_test(reading_aborts_after_the_command_and_asks_exactly_the_rest),
		cmocka_unit_test(writing_after_reading_aborts_first),
		cmocka_unit_test(the_first_erase_in_a_memory_points_there_before),
		cmocka_unit_test(another_alternate_setting_is_selected_once_from_idle),
		cmocka_unit_test(a_stall_is_a_failure_and_nothing_follows),
		cmocka_unit_test(a_stall_of_the_last_status_is_a_failure),
		cmocka_unit_test(a_broken_off_download_is_followed_by_abort_never_by_status),
		cmocka_unit_test(a_timed_out_status_is_followed_by_abort),
		cmocka_unit_test(an_operation_that_never_was_busy_was_never_done),
		cmocka_unit_test(a_unit_of_a_family_that_is_never_busy_has_done_it_at_once),
		cmocka_unit_test(a_status_or_another_state_is_a_failure_with_its_name),
		cmocka_unit_test(a_short_upload_or_status_is_a_failure),
		cmocka_unit_test(nothing_to_write_sends_nothing),
		cmocka_unit_test(after_gone_no_transfer_follows),
		cmocka_unit_test(block_numbers_never_wrap),
		cmocka_unit_test(smaller_blocks_than_announced_get_an_address_each),
		cmocka_unit_test(comparing_stops_at_the_first_difference),
		cmocka_unit_test(layouts_are_compared_exactly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
