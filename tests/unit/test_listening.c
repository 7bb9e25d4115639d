/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line virtual usb base */
/* What a running unit says of itself, asked both ways, over the emulated bus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "listening.h"
#include "usb_fault.h"
#include "vbus.h"
#include "vunit_bench.h"

#define ID "ab0000000000000000000000"

enum { TIMEOUT_MS = 1500 };

struct rig {
	struct bench bench;
	struct usb_fault *fault;
	struct usb_bus *bus;
	struct usb_ident ident;
};

/* A unit that runs at port 1-1, behind a bus that can fail. */
static struct rig rig_new(enum vunit_bootloader bootloader, bool credentials)
{
	struct vunit_spec spec = bench_specs[bootloader];
	struct rig rig;
	struct vbus *vbus;
	struct err err;
	size_t count = 0;
	uint64_t change;
	spec.credentials = credentials;
	rig.bench = bench_with(&spec);
	assert_true(vbus_new(0, &vbus, &err));
	assert_true(vbus_plug(vbus, "1-1", rig.bench.unit, false, &err));
	rig.bench.unit = NULL;
	assert_true(usb_fault_new(vbus_bus(vbus), &rig.fault, &err));
	rig.bus = usb_fault_bus(rig.fault);
	for (int i = 0; i < 100 && !count; i++) {
		assert_true(rig.bus->ops->list(rig.bus, &rig.ident, 1, &count, &change, &err));
		assert_true(count || rig.bus->ops->wait(rig.bus, change, 1000, NULL, &err));
	}
	assert_int_equal(count, 1);
	return rig;
}

static void rig_done(struct rig *rig)
{
	rig->bus->ops->close(rig->bus);
	bench_done(&rig->bench);
}

typedef bool ask_function(struct usb_dev *dev, uint32_t timeout_ms, const struct cancel *cancel,
	struct listening *ret, struct err *err);

static bool ask(const struct rig *rig, ask_function *how, struct listening *ret, struct err *err)
{
	struct usb_dev *dev;
	*ret = (struct listening){ 0 };
	if (!rig->bus->ops->open(rig->bus, &rig->ident, NULL, &dev, err))
		return false;
	bool good = how(dev, TIMEOUT_MS, NULL, ret, err);
	dev->ops->close(dev);
	return good;
}

static void assert_told(const struct rig *rig, ask_function *how, enum listening_mode mode,
	const char *id, const char *version)
{
	struct listening told;
	struct err err;
	if (!ask(rig, how, &told, &err))
		fail_msg("%s", err.text);
	assert_int_equal(told.mode, mode);
	assert_string_equal(told.device_id, id);
	assert_string_equal(told.version, version);
}

static void new_firmware_tells_all_by_request(void **state)
{
	struct rig rig = rig_new(VUNIT_PHOTON_1_4_4, false);
	(void)state;
	assert_told(&rig, listening_ask_request, LISTENING_YES, ID, "1.4.4");
	assert_told(&rig, listening_ask_request, LISTENING_YES, ID, "1.4.4");
	rig_done(&rig);
	rig = rig_new(VUNIT_PHOTON_1_4_4, true);
	assert_told(&rig, listening_ask_request, LISTENING_NO, ID, "1.4.4");
	rig_done(&rig);
}

static void old_firmware_tells_less_and_that_is_no_failure(void **state)
{
	struct rig rig = rig_new(VUNIT_P1_0_6_0, false);
	(void)state;
	assert_told(&rig, listening_ask_request, LISTENING_UNKNOWN, ID, "0.6.0");
	rig_done(&rig);
	rig = rig_new(VUNIT_PHOTON_0_5_3, false);
	assert_told(&rig, listening_ask_request, LISTENING_UNKNOWN, "", "");
	rig_done(&rig);
}

static void the_line_answers_in_listening_mode_only(void **state)
{
	struct rig rig = rig_new(VUNIT_PHOTON_0_5_3, false);
	(void)state;
	assert_told(&rig, listening_ask_line, LISTENING_YES, ID, "");
	assert_told(&rig, listening_ask_line, LISTENING_YES, ID, "");
	rig_done(&rig);
	rig = rig_new(VUNIT_PHOTON_0_5_3, true);
	assert_told(&rig, listening_ask_line, LISTENING_UNKNOWN, "", "");
	rig_done(&rig);
}

static void a_line_that_another_program_has_is_left_alone(void **state)
{
	struct rig rig = rig_new(VUNIT_PHOTON_0_5_3, false);
	struct usb_dev *other;
	struct listening told;
	struct err err;
	(void)state;
	assert_true(rig.bus->ops->open(rig.bus, &rig.ident, NULL, &other, &err));
	assert_true(other->ops->claim(other, 1, &err));
	assert_false(ask(&rig, listening_ask_line, &told, &err));
	assert_int_equal(err.reason, REASON_USB_BUSY);
	other->ops->close(other);
	assert_told(&rig, listening_ask_line, LISTENING_YES, ID, "");
	rig_done(&rig);
}

static void an_endpoint_wants_its_interface(void **state)
{
	struct rig rig = rig_new(VUNIT_PHOTON_0_5_3, false);
	struct usb_dev *dev;
	struct err err;
	uint8_t question = 'i';
	uint16_t moved;
	(void)state;
	assert_true(rig.bus->ops->open(rig.bus, &rig.ident, NULL, &dev, &err));
	assert_false(dev->ops->bulk(dev, 3, &question, 1, 100, NULL, &moved, &err));
	assert_int_equal(err.reason, REASON_BUG);
	dev->ops->close(dev);
	rig_done(&rig);
}

/* Whatever becomes of whichever transfer: the true id or none, and the unit can be asked again. */
static void sweep(enum vunit_bootloader bootloader, ask_function *how)
{
	static const struct usb_fault_rule kinds[] = { { .kind = USB_FAULT_FAIL,
							       .reason = REASON_USB_STALL },
		{ .kind = USB_FAULT_FAIL, .reason = REASON_USB_TIMEOUT },
		{ .kind = USB_FAULT_FAIL, .reason = REASON_USB_IO },
		{ .kind = USB_FAULT_BREAK_OFF, .reason = REASON_USB_TIMEOUT },
		{ .kind = USB_FAULT_SHORT, .offset = 0 }, { .kind = USB_FAULT_SHORT, .offset = 5 },
		{ .kind = USB_FAULT_SHORT, .offset = 23 }, { .kind = USB_FAULT_SWALLOW } };
	struct rig rig = rig_new(bootloader, false);
	struct listening told, whole;
	struct err err;
	usb_fault_clear(rig.fault);
	assert_true(ask(&rig, how, &whole, &err));
	assert_string_equal(whole.device_id, ID);
	uint64_t transfers = usb_fault_transfers(rig.fault, "1-1");
	assert_in_range(transfers, 5, 40);
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
		for (uint64_t at = 0; at < transfers; at++) {
			struct usb_fault_rule rule = kinds[k];
			rule.request = USB_FAULT_ANY_REQUEST;
			rule.at = at;
			memcpy(rule.port, "1-1", 4);
			usb_fault_clear(rig.fault);
			assert_true(usb_fault_add(rig.fault, &rule, &err));
			(void)!ask(&rig, how, &told, &err);
			if (told.device_id[0])
				assert_string_equal(told.device_id, ID);
			assert_int_not_equal(told.mode, LISTENING_NO);
			usb_fault_clear(rig.fault);
			if (!ask(&rig, how, &told, &err))
				fail_msg("%s", err.text);
			assert_memory_equal(&told, &whole, sizeof told);
		}
	rig_done(&rig);
}

static void no_fault_makes_an_id_up(void **state)
{
	(void)state;
	sweep(VUNIT_PHOTON_1_4_4, listening_ask_request);
	sweep(VUNIT_PHOTON_0_5_3, listening_ask_line);
}

static void a_unit_that_is_pulled_is_gone(void **state)
{
	struct rig rig = rig_new(VUNIT_PHOTON_0_5_3, false);
	struct usb_fault_rule rule = { "1-1", .kind = USB_FAULT_UNPLUG, .request = USB_FAULT_BULK };
	struct listening told;
	struct err err;
	(void)state;
	assert_true(usb_fault_add(rig.fault, &rule, &err));
	assert_false(ask(&rig, listening_ask_line, &told, &err));
	assert_int_equal(err.reason, REASON_USB_GONE);
	rig_done(&rig);
}

static void only_a_whole_line_with_a_whole_id_counts(void **state)
{
	static const struct {
		const char *text, *id;
	} cases[] = {
		{ "Your device id is " ID "\r\n", ID },
		{ "Your device id is AB0000000000000000000000\n", ID },
		{ "Your core id is " ID "\r\n", ID },
		{ "Device ID: " ID "\r\nIMEI: 1\r\nDevice Secret: ABCDEF\r\n", ID },
		{ "hello\r\nYour device id is " ID "\r\n", ID },
		{ "Your device id is " ID, "" },
		{ "Your device id is " ID "\r", "" },
		{ "Your device id is " ID "0\r\n", "" },
		{ "Your device id is ab000000000000000000000\r\n", "" },
		{ "Your device id is xb0000000000000000000000\r\n", "" },
		{ "Your device id is  " ID "\r\n", "" },
		{ "My device id is " ID "\r\n", "" },
		{ "aYour device id is " ID "\r\n", "" },
		{ "Your device id is \r\nDevice ID: " ID "\n", ID },
		{ "", "" },
		{ "\r\n\n\n", "" },
	};
	char id[LINE_DEVICE_ID];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		listening_parse_id(cases[i].text, strlen(cases[i].text), id);
		if (strcmp(id, cases[i].id) != 0)
			fail_msg("\"%s\" gives \"%s\"", cases[i].text, id);
	}
}

static void a_mode_is_one_number(void **state)
{
	(void)state;
	assert_int_equal(listening_parse_mode((const uint8_t *)"", 0), LISTENING_NO);
	assert_int_equal(listening_parse_mode((const uint8_t *)"\x08\x00", 2), LISTENING_NO);
	assert_int_equal(listening_parse_mode((const uint8_t *)"\x08\x01", 2), LISTENING_YES);
	assert_int_equal(listening_parse_mode((const uint8_t *)"\x08\x02", 2), LISTENING_UNKNOWN);
	assert_int_equal(listening_parse_mode((const uint8_t *)"\x10\x01", 2), LISTENING_UNKNOWN);
	assert_int_equal(listening_parse_mode((const uint8_t *)"\x08", 1), LISTENING_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_firmware_tells_all_by_request),
		cmocka_unit_test(old_firmware_tells_less_and_that_is_no_failure),
		cmocka_unit_test(the_line_answers_in_listening_mode_only),
		cmocka_unit_test(a_line_that_another_program_has_is_left_alone),
		cmocka_unit_test(an_endpoint_wants_its_interface),
		cmocka_unit_test(no_fault_makes_an_id_up),
		cmocka_unit_test(a_unit_that_is_pulled_is_gone),
		cmocka_unit_test(only_a_whole_line_with_a_whole_id_counts),
		cmocka_unit_test(a_mode_is_one_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
