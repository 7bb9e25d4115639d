/* SPDX-License-Identifier: Apache-2.0 */
/* USES: usb base */
/* String descriptors as units send them, and the fault schedule. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "usb_fault.h"

/* A unit with one string in one language, and what it received. */
struct text_dev {
	struct usb_dev dev;
	const uint8_t *languages, *string;
	uint16_t languages_len, string_len;
	uint16_t asked_language;
	enum reason fail_languages;
	unsigned transfers;
	bool closed;
};

static bool text_control(struct usb_dev *dev, struct usb_setup setup, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	struct text_dev *unit = (struct text_dev *)dev;
	bool first = setup.value == 0x300;
	const uint8_t *from = first ? unit->languages : unit->string;
	uint16_t from_len = first ? unit->languages_len : unit->string_len;

	(void)timeout_ms, (void)cancel;
	unit->transfers++;
	if (setup.type == 0x21) {
		*ret_len = len;
		return true;
	}
	if (first && unit->fail_languages)
		return err_set(err, unit->fail_languages, "scripted");
	if (!first)
		unit->asked_language = setup.index;
	*ret_len = from_len < len ? from_len : len;
	memcpy(data, from, *ret_len);
	return true;
}

static void text_close(struct usb_dev *dev)
{
	((struct text_dev *)dev)->closed = true;
}

static bool text_set_interface(struct usb_dev *dev, uint8_t interface, uint8_t alternate,
	uint32_t timeout_ms, const struct cancel *cancel, struct err *err)
{
	(void)interface, (void)alternate, (void)timeout_ms, (void)cancel, (void)err;
	((struct text_dev *)dev)->transfers++;
	return true;
}

static const struct usb_dev_ops text_ops = {
	.control = text_control, .close = text_close, .set_interface = text_set_interface
};

static const uint8_t english[] = { 4, 3, 9, 4 };

static struct text_dev new_unit(const uint8_t *string, uint16_t len)
{
	return (struct text_dev){ .dev.ops = &text_ops,
		.languages = english,
		.languages_len = sizeof(english),
		.string = string,
		.string_len = len };
}

static void trailing_nuls_go_and_blanks_stay(void **state)
{
	static const uint8_t bytes[] = { 14, 3, ' ', 0, 'A', 0, ' ', 0, ' ', 0, 0, 0, 0, 0 };
	struct text_dev unit = new_unit(bytes, sizeof(bytes));
	char text[16];
	struct err err;

	(void)state;
	assert_true(usb_get_string(&unit.dev, 3, text, sizeof(text), NULL, &err));
	assert_string_equal(text, " A  ");
	assert_int_equal(unit.asked_language, 0x409);
	assert_true(usb_get_string(&unit.dev, 0, text, sizeof(text), NULL, &err));
	assert_string_equal(text, "");
}

static void what_is_not_ascii_becomes_a_question_mark(void **state)
{
	static const uint8_t bytes[] = { 12, 3, 0xe4, 0, 'a', 1, 0, 0, 0x1b, 0, 'z', 0 };
	struct text_dev unit = new_unit(bytes, sizeof(bytes));
	char text[16];
	struct err err;

	(void)state;
	assert_true(usb_get_string(&unit.dev, 3, text, sizeof(text), NULL, &err));
	assert_string_equal(text, "????z");
}

static void the_language_is_english_or_the_first_one(void **state)
{
	static const uint8_t bytes[] = { 4, 3, 'x', 0 }, both[] = { 6, 3, 7, 4, 9, 4 },
			     german[] = { 4, 3, 7, 4 }, none[] = { 2, 3 };
	const struct {
		const uint8_t *list;
		uint16_t len;
		enum reason fail;
		uint16_t language;
	} cases[] = { { both, 6, 0, 0x409 }, { german, 4, 0, 0x407 }, { none, 2, 0, 0x409 },
		{ none, 0, 0, 0x409 }, { none, 2, REASON_USB_STALL, 0x409 } };
	char text[16];
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text_dev unit = new_unit(bytes, sizeof(bytes));

		unit.languages = cases[i].list;
		unit.languages_len = cases[i].len;
		unit.fail_languages = cases[i].fail;
		assert_true(usb_get_string(&unit.dev, 3, text, sizeof(text), NULL, &err));
		assert_int_equal(unit.asked_language, cases[i].language);
	}
	struct text_dev unit = new_unit(bytes, sizeof(bytes));

	unit.fail_languages = REASON_USB_TIMEOUT;
	assert_false(usb_get_string(&unit.dev, 3, text, sizeof(text), NULL, &err));
	assert_int_equal(err.reason, REASON_USB_TIMEOUT);
}

static void lengths_are_not_believed(void **state)
{
	static const uint8_t more[] = { 200, 3, 'a', 0, 'b', 0 }, odd[] = { 5, 3, 'a', 0, 'b', 0 },
			     other[] = { 4, 2, 'a', 0 }, tiny[] = { 1 }, zero[] = { 0, 3 };
	struct text_dev unit = new_unit(more, sizeof(more));
	char text[3];
	struct err err;

	(void)state;
	assert_true(usb_get_string(&unit.dev, 3, text, sizeof(text), NULL, &err));
	assert_string_equal(text, "ab");
	assert_false(usb_get_string(&unit.dev, 3, text, 2, NULL, &err));
	assert_int_equal(err.reason, REASON_DESCRIPTORS);
	unit = new_unit(odd, sizeof(odd));
	assert_true(usb_get_string(&unit.dev, 3, text, sizeof(text), NULL, &err));
	assert_string_equal(text, "a");
	unit = new_unit(other, sizeof(other));
	assert_false(usb_get_string(&unit.dev, 3, text, sizeof(text), NULL, &err));
	unit = new_unit(tiny, sizeof(tiny));
	assert_false(usb_get_string(&unit.dev, 3, text, sizeof(text), NULL, &err));
	unit = new_unit(zero, sizeof(zero));
	assert_false(usb_get_string(&unit.dev, 3, text, sizeof(text), NULL, &err));
	assert_int_equal(err.reason, REASON_DESCRIPTORS);
}

/* A bus with the one unit on two ports. */
struct one_bus {
	struct usb_bus bus;
	struct text_dev unit;
	uint64_t arrival;
	bool closed;
};

static bool one_list(struct usb_bus *bus, struct usb_ident *ret, size_t cap, size_t *ret_count,
	uint64_t *ret_change, struct err *err)
{
	(void)err;
	assert_true(cap >= 2);
	ret[0] = (struct usb_ident){ .port = "1-1", .arrival = ((struct one_bus *)bus)->arrival };
	ret[1] = (struct usb_ident){ .port = "1-2", .arrival = 77 };
	*ret_count = 2;
	*ret_change = 1;
	return true;
}

static bool one_open(struct usb_bus *bus, const struct usb_ident *ident,
	const struct cancel *cancel, struct usb_dev **ret, struct err *err)
{
	(void)ident, (void)cancel, (void)err;
	*ret = &((struct one_bus *)bus)->unit.dev;
	return true;
}

static void one_close(struct usb_bus *bus)
{
	((struct one_bus *)bus)->closed = true;
}

static const struct usb_bus_ops one_ops = {
	.list = one_list, .open = one_open, .close = one_close
};

static const uint8_t hello[] = { 6, 3, 'h', 0, 'i', 0 };
static const struct usb_ident first_port = { .port = "1-1", .arrival = 5 };
static const struct usb_setup dnload = { 0x21, 1, 2, 0 };
static const struct usb_setup string = { 0x80, 6, 0x303, 0x409 };

static struct usb_fault *new_fault(struct one_bus *bus, struct usb_dev **ret_dev)
{
	struct usb_fault *fault;
	struct err err;

	*bus = (struct one_bus){
		.bus.ops = &one_ops, .unit = new_unit(hello, sizeof(hello)), .arrival = 5
	};
	assert_true(usb_fault_new(&bus->bus, &fault, &err));
	assert_true(usb_fault_bus(fault)->ops->open(
		usb_fault_bus(fault), &first_port, NULL, ret_dev, &err));
	return fault;
}

static void done(struct usb_fault *fault, struct usb_dev *dev)
{
	dev->ops->close(dev);
	usb_fault_bus(fault)->ops->close(usb_fault_bus(fault));
}

static enum reason transfer(
	struct usb_dev *dev, struct usb_setup setup, uint8_t *data, uint16_t len, uint16_t *moved)
{
	struct err err = { 0 };

	if (dev->ops->control(dev, setup, data, len, 100, NULL, moved, &err))
		return REASON_NONE;
	return err.reason;
}

static void exactly_the_chosen_transfer_fails(void **state)
{
	struct usb_fault_rule rule = { .port = "1-1",
		.kind = USB_FAULT_FAIL,
		.request = USB_FAULT_ANY_REQUEST,
		.at = 2,
		.reason = REASON_USB_IO };
	struct usb_fault_rule elsewhere = { .port = "1-2",
		.kind = USB_FAULT_FAIL,
		.request = USB_FAULT_ANY_REQUEST,
		.count = 99,
		.reason = REASON_USB_STALL };
	struct one_bus bus;
	struct usb_dev *dev;
	struct usb_fault *fault = new_fault(&bus, &dev);
	uint8_t data[4] = { 0 };
	uint16_t moved;
	struct err err;

	(void)state;
	assert_true(usb_fault_add(fault, &rule, &err));
	assert_true(usb_fault_add(fault, &elsewhere, &err));
	assert_int_equal(transfer(dev, dnload, data, 4, &moved), REASON_NONE);
	assert_true(dev->ops->set_interface(dev, 0, 1, 100, NULL, &err));
	assert_int_equal(transfer(dev, dnload, data, 4, &moved), REASON_USB_IO);
	assert_int_equal(bus.unit.transfers, 2); /* it never saw it */
	assert_int_equal(transfer(dev, dnload, data, 4, &moved), REASON_NONE);
	assert_int_equal(usb_fault_transfers(fault, "1-1"), 4);
	assert_int_equal(usb_fault_transfers(fault, "1-2"), 0);
	usb_fault_clear(fault);
	assert_int_equal(usb_fault_transfers(fault, "1-1"), 0);
	done(fault, dev);
	assert_true(bus.closed && bus.unit.closed);
}

static void a_rule_for_a_request_counts_only_that(void **state)
{
	struct usb_fault_rule rule = { .port = "1-1",
		.kind = USB_FAULT_BREAK_OFF,
		.request = 1,
		.at = 1,
		.count = 2,
		.reason = REASON_USB_TIMEOUT };
	struct one_bus bus;
	struct usb_dev *dev;
	struct usb_fault *fault = new_fault(&bus, &dev);
	uint8_t data[8] = { 0 };
	uint16_t moved;
	struct err err;

	(void)state;
	assert_true(usb_fault_add(fault, &rule, &err));
	for (unsigned i = 0; i < 4; i++) {
		bool hit = i == 1 || i == 2;

		assert_int_equal(transfer(dev, string, data, 8, &moved), REASON_NONE);
		assert_int_equal(transfer(dev, dnload, data, 4, &moved),
			hit ? REASON_USB_TIMEOUT : REASON_NONE);
	}
	assert_int_equal(bus.unit.transfers, 8); /* a transfer that broke off was carried out */
	done(fault, dev);
}

static void data_can_be_flipped_cut_and_made_up(void **state)
{
	struct usb_fault_rule flip = { .port = "1-1",
		.kind = USB_FAULT_FLIP,
		.request = USB_FAULT_ANY_REQUEST,
		.offset = 4,
		.mask = 0x20 };
	struct usb_fault_rule cut = { .port = "1-1",
		.kind = USB_FAULT_SHORT,
		.request = USB_FAULT_ANY_REQUEST,
		.at = 1,
		.offset = 3 };
	struct usb_fault_rule swallow = { .port = "1-1",
		.kind = USB_FAULT_SWALLOW,
		.request = USB_FAULT_ANY_REQUEST,
		.at = 2,
		.count = 2 };
	struct one_bus bus;
	struct usb_dev *dev;
	struct usb_fault *fault = new_fault(&bus, &dev);
	uint8_t data[8] = { 0 };
	uint16_t moved;
	struct err err;

	(void)state;
	assert_true(usb_fault_add(fault, &flip, &err) && usb_fault_add(fault, &cut, &err) &&
		    usb_fault_add(fault, &swallow, &err));
	assert_int_equal(transfer(dev, string, data, 8, &moved), REASON_NONE);
	assert_int_equal(moved, 6);
	assert_int_equal(data[4], 'I');
	assert_int_equal(transfer(dev, string, data, 8, &moved), REASON_NONE);
	assert_int_equal(moved, 3);
	assert_int_equal(transfer(dev, string, data, 8, &moved), REASON_NONE);
	assert_int_equal(moved, 8);
	assert_int_equal(data[0], 0);
	assert_int_equal(transfer(dev, dnload, data, 4, &moved), REASON_NONE);
	assert_int_equal(bus.unit.transfers, 2);
	done(fault, dev);
}

static void an_unplugged_unit_is_gone_until_it_arrives_anew(void **state)
{
	struct usb_fault_rule rule = {
		.port = "1-1", .kind = USB_FAULT_UNPLUG, .request = USB_FAULT_ANY_REQUEST
	};
	struct usb_ident idents[2];
	struct one_bus bus;
	struct usb_dev *dev, *again;
	struct usb_fault *fault = new_fault(&bus, &dev);
	struct usb_bus *outer = usb_fault_bus(fault);
	uint8_t data[4] = { 0 };
	uint16_t moved;
	uint64_t change;
	size_t count;
	struct err err;

	(void)state;
	assert_true(usb_fault_add(fault, &rule, &err));
	assert_int_equal(transfer(dev, dnload, data, 4, &moved), REASON_USB_GONE);
	assert_int_equal(transfer(dev, dnload, data, 4, &moved), REASON_USB_GONE);
	assert_int_equal(bus.unit.transfers, 0);
	assert_true(outer->ops->list(outer, idents, 2, &count, &change, &err));
	assert_int_equal(count, 1);
	assert_string_equal(idents[0].port, "1-2");
	assert_false(outer->ops->open(outer, &first_port, NULL, &again, &err));
	assert_int_equal(err.reason, REASON_USB_GONE);
	bus.arrival = 6;
	assert_true(outer->ops->list(outer, idents, 2, &count, &change, &err));
	assert_int_equal(count, 2);
	done(fault, dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trailing_nuls_go_and_blanks_stay),
		cmocka_unit_test(what_is_not_ascii_becomes_a_question_mark),
		cmocka_unit_test(the_language_is_english_or_the_first_one),
		cmocka_unit_test(lengths_are_not_believed),
		cmocka_unit_test(exactly_the_chosen_transfer_fails),
		cmocka_unit_test(a_rule_for_a_request_counts_only_that),
		cmocka_unit_test(data_can_be_flipped_cut_and_made_up),
		cmocka_unit_test(an_unplugged_unit_is_gone_until_it_arrives_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
