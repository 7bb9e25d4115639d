/* SPDX-License-Identifier: Apache-2.0 */
/* USES: dfu config usb base */
/* Opening and recovering: descriptors, strings, and the safe way to dfuIDLE. */
#include "script_dev.h"

#include <stdlib.h>

/* device-os 1.4.4 Core: one functional descriptor behind the alternate settings. */
static const uint8_t core_config[] = { 9, 2, 36, 0, 1, 1, 0, 0xc0, 50, 9, 4, 0, 0, 0, 0xfe, 1, 2, 4,
	9, 4, 0, 1, 0, 0xfe, 1, 2, 5, 9, 0x21, 0x0b, 0xff, 0, 0, 4, 0x1a, 1 };
enum { FUNCTIONAL_AT = 27 };

static struct family family = {
	.name = "core", .alt_count = 0, .transfer_size_max = 1024, .transfer_timeout_ms = 200
};

static bool parse(const uint8_t *bytes, size_t len, struct dfu *dfu, struct err *err)
{
	uint8_t strings[FAMILY_ALTS_MAX];
	uint8_t *exact = malloc(len ? len : 1); /* so that a read past the end is seen */
	bool ok;

	if (len)
		memcpy(exact, bytes, len);
	ok = dfu_parse_config(exact, len, dfu, strings, err);
	free(exact);
	return ok;
}

static void the_interface_and_all_settings_are_found(void **state)
{
	struct dfu dfu = { 0 };
	uint8_t strings[FAMILY_ALTS_MAX];
	struct err err;

	(void)state;
	assert_true(dfu_parse_config(core_config, sizeof(core_config), &dfu, strings, &err));
	assert_int_equal(dfu.interface, 0);
	assert_int_equal(dfu.alt_count, 2);
	assert_int_equal(dfu.alts[1].alt, 1);
	assert_int_equal(strings[0], 4);
	assert_int_equal(strings[1], 5);
	assert_int_equal(dfu.announced_size, 1024);
	assert_int_equal(dfu.attributes, 0x0b);
	assert_int_equal(dfu.version, 0x011a);
}

static void every_cut_descriptor_is_refused(void **state)
{
	uint8_t bytes[sizeof(core_config)];
	struct dfu dfu = { 0 };
	struct err err;

	(void)state;
	for (size_t len = 0; len < sizeof(core_config); len++) {
		assert_false(parse(core_config, len, &dfu, &err));
		assert_reason(&err, REASON_DESCRIPTORS);
		memcpy(bytes, core_config, sizeof(bytes));
		bytes[2] = (uint8_t)len; /* and when it says so itself */
		assert_false(parse(bytes, len, &dfu, &err));
		assert_reason(&err, REASON_DESCRIPTORS);
	}
}

static void descriptors_without_sense_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {
		{ FUNCTIONAL_AT + 6, 0 },    /* transfer size 0 */
		{ FUNCTIONAL_AT + 1, 0x24 }, /* no functional descriptor */
		{ FUNCTIONAL_AT, 0 },        /* endless */
		{ FUNCTIONAL_AT, 8 },        /* a byte left over */
		{ 9, 8 },
		{ 9, 255 },
		{ 21, 0 }, /* lengths; two settings of one number */
		{ 20, 1 }, /* two interfaces */
		{ 0, 0 },
		{ 1, 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint8_t bytes[sizeof(core_config)];
		struct dfu dfu = { 0 };
		struct err err;

		memcpy(bytes, core_config, sizeof(bytes));
		bytes[changes[i].at] = changes[i].value;
		if (parse(bytes, sizeof(bytes), &dfu, &err))
			fail_msg("change %zu was taken", i);
		assert_reason(&err, REASON_DESCRIPTORS);
		assert_int_equal(dfu.alt_count, 0);
	}
}

static void the_running_identity_has_no_dfu_interface(void **state)
{
	/* A HID interface carries a descriptor 0x21 too; DFU of a running unit has protocol 1. */
	static const uint8_t bytes[] = { 9, 2, 45, 0, 2, 1, 0, 0xc0, 50, 9, 4, 0, 0, 0, 3, 0, 0, 0,
		9, 0x21, 0x11, 1, 0, 1, 0x22, 0x40, 0, 9, 4, 1, 0, 0, 0xfe, 1, 1, 0, 9, 0x21, 0x0b,
		0xff, 0, 0, 4, 0x1a, 1 };
	struct dfu dfu = { 0 };
	struct err err;

	(void)state;
	assert_false(parse(bytes, sizeof(bytes), &dfu, &err));
	assert_non_null(strstr(err.text, "no interface for DFU"));
}

static void dfu_1_0_has_no_version(void **state)
{
	static const uint8_t bytes[] = { 9, 2, 25, 0, 1, 1, 0, 0xc0, 50, 9, 4, 2, 0, 0, 0xfe, 1, 2,
		0, 7, 0x21, 3, 0xff, 0, 0x80, 0 };
	struct dfu dfu = { .version = 7 };
	struct err err;

	(void)state;
	assert_true(parse(bytes, sizeof(bytes), &dfu, &err));
	assert_int_equal(dfu.interface, 2);
	assert_int_equal(dfu.announced_size, 128);
	assert_int_equal(dfu.version, 0);
}

#define DESCRIPTOR(value_, index_, len_, ...) \
	{ \
		.type = 0x80, .request = 6, .value = value_, .len = len_, .in = { __VA_ARGS__ }, \
		.in_len = sizeof((uint8_t[]){ __VA_ARGS__ }) \
	}
#define HEAD DESCRIPTOR(0x200, 0, 9, 9, 2, 36, 0, 1, 1, 0, 0xc0, 50)
#define CONFIG \
	DESCRIPTOR(0x200, 0, 36, 9, 2, 36, 0, 1, 1, 0, 0xc0, 50, 9, 4, 0, 0, 0, 0xfe, 1, 2, 4, 9, \
		4, 0, 1, 0, 0xfe, 1, 2, 5, 9, 0x21, 0x0b, 0xff, 0, 0, 4, 0x1a, 1)
#define LANGUAGES DESCRIPTOR(0x300, 0, 255, 4, 3, 9, 4)
#define STRINGS \
	LANGUAGES, \
		{ .type = 0x80, \
			.request = 6, \
			.value = 0x304, \
			.len = 255, \
			.in = { 6, 3, '@', 0, 'A', 0 }, \
			.in_len = 6 }, \
		LANGUAGES, \
	{ \
		.type = 0x80, .request = 6, .value = 0x305, .len = 255, \
		.in = { 8, 3, '@', 0, 'B', 0, 0, 0 }, .in_len = 8 \
	}
#define OPENING HEAD, CONFIG, STRINGS

/* String requests have the language in wIndex, so this script looks at it by itself. */
static bool open_control(struct usb_dev *dev, struct usb_setup setup, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	if (setup.request == 6 && setup.type == 0x80)
		assert_int_equal(setup.index, setup.value > 0x300 ? 0x409 : 0);
	setup.index = 0;
	return script_control(dev, setup, data, len, timeout_ms, cancel, ret_len, err);
}

static struct usb_dev_ops open_ops;

static bool open_with(struct script_dev *script, struct dfu *dfu, struct err *err)
{
	open_ops = script_ops;
	open_ops.control = open_control;
	script->dev.ops = &open_ops;
	script->index = 0;
	return dfu_open(dfu, &script->dev, &family, NULL, err);
}

static void a_unit_is_opened_by_abort_before_any_status(void **state)
{
	struct script_dev script = SCRIPT(OPENING, ABORT, IDLE);
	struct dfu dfu;
	struct err err;

	(void)state;
	assert_true(open_with(&script, &dfu, &err));
	assert_int_equal(script.at, script.count);
	assert_string_equal(dfu.alts[0].text, "@A");
	assert_string_equal(dfu.alts[1].text, "@B");
	assert_int_equal(dfu.transfer_size, 1024);
	assert_int_equal(dfu.alt, -1);
	assert_int_equal(dfu.state, DFU_IDLE);
	assert_int_equal(dfu.found_state, DFU_IDLE);
	dfu_close(&dfu);
	assert_true(script.closed);
	dfu_close(&dfu);
}

/* F01: a Core comes up so and is not broken. */
static void an_error_state_is_cleared_once(void **state)
{
	struct script_dev script =
		SCRIPT(OPENING, ABORT, STATUS(10, 0, DFU_ERROR), CLRSTATUS, IDLE);
	struct script_dev stalls = SCRIPT(
		OPENING, OUT_FAILS(6, REASON_USB_STALL), STATUS(10, 0, DFU_ERROR), CLRSTATUS, IDLE);
	struct dfu dfu;
	struct err err;

	(void)state;
	assert_true(open_with(&script, &dfu, &err));
	assert_int_equal(script.at, script.count);
	assert_int_equal(dfu.found_state, DFU_ERROR);
	assert_int_equal(dfu.found_status, 10);
	dfu_close(&dfu);
	assert_true(open_with(&stalls, &dfu, &err)); /* DFU 1.1 lets ABORT stall there */
	assert_int_equal(stalls.at, stalls.count);
	dfu_close(&dfu);
}

static void a_status_in_idle_is_cleared_by_abort_not_by_clrstatus(void **state)
{
	struct script_dev script = SCRIPT(OPENING, ABORT, STATUS(14, 0, DFU_IDLE), ABORT, IDLE);
	struct dfu dfu;
	struct err err;

	(void)state;
	assert_true(open_with(&script, &dfu, &err));
	assert_int_equal(script.at, script.count);
	dfu_close(&dfu);
}

static void the_unknown_state_15_is_cleared_twice(void **state)
{
	struct script_dev script = SCRIPT(OPENING, ABORT, STATUS(0, 0, 15), CLRSTATUS,
		STATUS(14, 0, DFU_ERROR), CLRSTATUS, IDLE);
	struct dfu dfu;
	struct err err;

	(void)state;
	assert_true(open_with(&script, &dfu, &err));
	assert_int_equal(script.at, script.count);
	assert_int_equal(dfu.found_state, 15);
	dfu_close(&dfu);
}

static void a_unit_that_never_gets_idle_is_given_up(void **state)
{
	struct script_dev error = SCRIPT(
		OPENING, ABORT, STATUS(10, 0, DFU_ERROR), CLRSTATUS, STATUS(10, 0, DFU_ERROR));
	struct script_dev busy = SCRIPT(OPENING, ABORT, STATUS(0, 9, DFU_DNBUSY), PAUSE(9), ABORT,
		STATUS(0, 9, DFU_DNBUSY));
	struct script_dev restarting =
		SCRIPT(OPENING, ABORT, STATUS(0, 0, DFU_MANIFEST_WAIT_RESET));
	struct script_dev *scripts[] = { &error, &busy, &restarting };

	(void)state;
	error.repeat = 2;
	busy.repeat = 3;
	for (size_t i = 0; i < 3; i++) {
		struct dfu dfu;
		struct err err;

		assert_false(open_with(scripts[i], &dfu, &err));
		assert_reason(&err, REASON_DFU_STATE);
		assert_true(scripts[i]->closed);
	}
}

static void trouble_while_opening_closes_the_unit(void **state)
{
	struct script_event all[] = { OPENING, ABORT, STATUS(10, 0, DFU_ERROR), CLRSTATUS, IDLE };
	size_t count = sizeof(all) / sizeof(all[0]);

	(void)state;
	for (size_t at = 0; at < count; at++) {
		struct script_dev script = { .events = all, .count = at + 1 };
		enum reason before = all[at].fail;
		struct dfu dfu;
		struct err err;

		all[at].fail = REASON_USB_TIMEOUT;
		assert_false(open_with(&script, &dfu, &err));
		assert_reason(&err, REASON_USB_TIMEOUT);
		assert_int_equal(script.at, at + 1); /* nothing was tried after it */
		assert_true(script.closed);
		all[at].fail = before;
	}
}

static void a_config_that_changes_its_length_is_refused(void **state)
{
	struct script_event head = HEAD, config = CONFIG;
	struct dfu dfu;
	struct err err;

	(void)state;
	config.in_len = 35;
	struct script_dev script = SCRIPT(head, config);

	assert_false(open_with(&script, &dfu, &err));
	assert_reason(&err, REASON_DESCRIPTORS);
	head.in[3] = 0x20; /* 8228 bytes */
	script = SCRIPT(head);
	assert_false(open_with(&script, &dfu, &err));
	assert_reason(&err, REASON_DESCRIPTORS);
}

static void recovery_is_patient_but_bounded(void **state)
{
	struct script_dev script = SCRIPT(ABORT, STATUS_FAILS(REASON_USB_STALL));
	struct dfu dfu = {
		.dev = &script.dev, .family = &family, .interface = script.index, .state = DFU_ERROR
	};
	struct err err;

	(void)state;
	script.repeat = 2;
	assert_false(dfu_recover(&dfu, &err));
	assert_reason(&err, REASON_USB_STALL);
	assert_true(dfu.counters.transfers <= 20);
	assert_int_equal(dfu.state, DFU_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_interface_and_all_settings_are_found),
		cmocka_unit_test(every_cut_descriptor_is_refused),
		cmocka_unit_test(descriptors_without_sense_are_refused),
		cmocka_unit_test(the_running_identity_has_no_dfu_interface),
		cmocka_unit_test(dfu_1_0_has_no_version),
		cmocka_unit_test(a_unit_is_opened_by_abort_before_any_status),
		cmocka_unit_test(an_error_state_is_cleared_once),
		cmocka_unit_test(a_status_in_idle_is_cleared_by_abort_not_by_clrstatus),
		cmocka_unit_test(the_unknown_state_15_is_cleared_twice),
		cmocka_unit_test(a_unit_that_never_gets_idle_is_given_up),
		cmocka_unit_test(trouble_while_opening_closes_the_unit),
		cmocka_unit_test(a_config_that_changes_its_length_is_refused),
		cmocka_unit_test(recovery_is_patient_but_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
