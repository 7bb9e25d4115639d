/* SPDX-License-Identifier: Apache-2.0 */
/* USES: dfu config usb base */
/* Waiting and leaving: poll times, deadlines, early polls, the last request. Against a scripted unit. */
#include "script_dev.h"

#include "dfuse.h"

static struct family family = {
	.name = "test",
	.alts = { { .alt = 0, .erase_timeout_ms = 4000, .write_timeout_ms = 500 } },
	.alt_count = 1,
	.transfer_timeout_ms = 200,
};

static const uint8_t data[16] = { 0, 1, 2, 3 };

#define BLOCK_A "00010203000000000000000000000000"

static void a_poll_time_counts_only_with_busy(void **state)
{
	struct script_dev script = SCRIPT(ADDRESS("00000208"), BUSY(7), PAUSE(7), BUSY(3), PAUSE(3),
		STATUS(0, 500, DFU_DNLOAD_IDLE), DNLOAD(2, BLOCK_A), BUSY(0),
		STATUS(0, 500, DFU_DNLOAD_IDLE));
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	(void)state;
	assert_true(dfuse_write(&dfu, 0, 0x08020000, data, 16, NULL, &err));
	script_assert_ended(&script);
}

static void the_status_that_starts_the_work_has_the_time_of_the_work(void **state)
{
	struct script_event status = BUSY(0);
	struct script_event command = ERASE("00000208");

	(void)state;
	status.timeout_ms = 4000;
	command.timeout_ms = 200;
	struct script_dev script = SCRIPT(command, status, DONE);
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	assert_true(dfuse_erase(&dfu, 0, 0x08020000, &err));
	script_assert_ended(&script);
}

static void endless_busy_ends_at_the_deadline(void **state)
{
	static const uint32_t polls[] = { 0, 1, 33, 1000, 0xffffff };

	(void)state;
	for (size_t i = 0; i < sizeof(polls) / sizeof(polls[0]); i++) {
		struct script_dev at_once =
			SCRIPT(ERASE("00000208"), BUSY(0), BUSY(0), PAUSE(1), BUSY(0));
		struct script_dev waiting =
			SCRIPT(ERASE("00000208"), BUSY(polls[i]), PAUSE(polls[i]), BUSY(polls[i]));
		struct script_dev script = polls[i] ? waiting : at_once;
		struct dfu dfu = script_session(&script, &family);
		struct err err;

		script.repeat = 2;
		assert_false(dfuse_erase(&dfu, 0, 0x08020000, &err));
		assert_reason(&err, REASON_DFU_STUCK);
		assert_in_range(script.paused_ms, 3900, 4000);
		assert_int_equal(dfu.state, DFU_ERROR);
	}
}

static void early_polls_need_the_quirk_and_start_at_once(void **state)
{
	struct script_dev script = SCRIPT(ERASE("00000208"), BUSY(500), DONE, ERASE("00010208"),
		BUSY(500), BUSY(500), PAUSE(1), BUSY(500), PAUSE(2), DONE);
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	(void)state;
	family.quirks = QUIRK_EARLY_POLL;
	assert_true(dfuse_erase(&dfu, 0, 0x08020000, &err));
	assert_true(dfuse_erase(&dfu, 0, 0x08020100, &err));
	family.quirks = 0;
	script_assert_ended(&script);
	assert_int_equal(dfu.counters.early_polls_refused, 0);
}

static void an_early_stall_waits_the_announced_time_and_is_learnt(void **state)
{
	struct script_dev script = SCRIPT(ERASE("00000208"), BUSY(500), BUSY(500), PAUSE(1),
		STATUS_FAILS(REASON_USB_STALL), PAUSE(499), DONE, ERASE("00010208"), BUSY(500),
		PAUSE(500), DONE);
	struct dfu dfu = script_session(&script, &family);
	struct err err;

	(void)state;
	family.quirks = QUIRK_EARLY_POLL;
	assert_true(dfuse_erase(&dfu, 0, 0x08020000, &err));
	assert_true(dfuse_erase(&dfu, 0, 0x08020100, &err));
	family.quirks = 0;
	script_assert_ended(&script);
	assert_int_equal(dfu.counters.early_polls_refused, 1);
}

static void an_early_stall_is_never_success(void **state)
{
	struct script_dev twice = SCRIPT(ERASE("00000208"), BUSY(500),
		STATUS_FAILS(REASON_USB_STALL), PAUSE(500), STATUS_FAILS(REASON_USB_STALL));
	struct script_dev starting = SCRIPT(ERASE("00000208"), STATUS_FAILS(REASON_USB_STALL));
	struct script_dev late = SCRIPT(
		ERASE("00000208"), BUSY(1), BUSY(1), PAUSE(1), STATUS_FAILS(REASON_USB_STALL));
	struct script_dev *scripts[] = { &twice, &starting, &late };

	(void)state;
	family.quirks = QUIRK_EARLY_POLL;
	for (size_t i = 0; i < 3; i++) {
		struct dfu dfu = script_session(scripts[i], &family);
		struct err err;

		assert_false(dfuse_erase(&dfu, 0, 0x08020000, &err));
		assert_reason(&err, REASON_USB_STALL);
		script_assert_ended(scripts[i]);
	}
	family.quirks = 0;
}

static void a_stop_ends_a_pause(void **state)
{
	struct script_dev script = SCRIPT(ERASE("00000208"), BUSY(50), PAUSE(50));
	struct dfu dfu = script_session(&script, &family);
	struct cancel cancel = { 0 };
	struct err err;

	(void)state;
	dfu.cancel = &cancel;
	cancel_set(&cancel);
	assert_false(dfuse_erase(&dfu, 0, 0x08020000, &err));
	assert_reason(&err, REASON_STOPPED);
	script_assert_ended(&script);
}

static void silence_after_a_leave_is_normal(void **state)
{
	static const enum reason reasons[] = { REASON_USB_GONE, REASON_USB_STALL,
		REASON_USB_TIMEOUT, REASON_USB_IO };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct script_dev script =
			SCRIPT(ABORT, IDLE, DNLOAD(2, ""), STATUS_FAILS(reasons[i]));
		struct dfu dfu = script_session(&script, &family);
		struct err err;

		dfu.state = DFU_UPLOAD_IDLE;
		assert_true(dfu_leave(&dfu, &err));
		assert_false(dfuse_erase(&dfu, 0, 0x08020000, &err)); /* the session is over */
		script_assert_ended(&script);
	}
}

static void a_refused_leave_is_a_failure(void **state)
{
	struct script_dev stalled = SCRIPT(DNLOAD_FAILS(2, "", REASON_USB_STALL));
	struct script_dev refused = SCRIPT(DNLOAD(2, ""), STATUS(10, 0, DFU_ERROR));
	struct script_dev stopped = SCRIPT(DNLOAD(2, ""), STATUS_FAILS(REASON_STOPPED));
	struct script_dev good = SCRIPT(DNLOAD(2, ""), STATUS(0, 0, DFU_MANIFEST));
	struct dfu dfu = script_session(&stalled, &family);
	struct err err;

	(void)state;
	assert_false(dfu_leave(&dfu, &err));
	assert_reason(&err, REASON_USB_STALL);
	dfu = script_session(&refused, &family);
	assert_false(dfu_leave(&dfu, &err));
	assert_reason(&err, REASON_DFU_STATUS);
	dfu = script_session(&stopped, &family);
	assert_false(dfu_leave(&dfu, &err));
	assert_reason(&err, REASON_STOPPED);
	dfu = script_session(&good, &family);
	assert_true(dfu_leave(&dfu, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_poll_time_counts_only_with_busy),
		cmocka_unit_test(the_status_that_starts_the_work_has_the_time_of_the_work),
		cmocka_unit_test(endless_busy_ends_at_the_deadline),
		cmocka_unit_test(early_polls_need_the_quirk_and_start_at_once),
		cmocka_unit_test(an_early_stall_waits_the_announced_time_and_is_learnt),
		cmocka_unit_test(an_early_stall_is_never_success),
		cmocka_unit_test(a_stop_ends_a_pause),
		cmocka_unit_test(silence_after_a_leave_is_normal),
		cmocka_unit_test(a_refused_leave_is_a_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
