/* SPDX-License-Identifier: Apache-2.0 */
/* The real bus, with the real libusb, on virtual units behind an emulated kernel interface. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <pthread.h>

#include "bytes.h"
#include "usb_libusb_private.h" /* the buffer that has to be wiped */
#include "usb_rig.h"

enum { DNLOAD = 1, GETSTATUS = 3, ROUNDS = 6 };

static const struct usb_setup get_status = { 0xA1, GETSTATUS, 0, 0 };

static bool ask(struct usb_dev *dev, struct usb_setup setup, void *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, struct err *err)
{
	uint16_t moved = 0;
	return dev->ops->control(dev, setup, data, len, timeout_ms, cancel, &moved, err) &&
	       (moved == len || err_set(err, REASON_USB_SHORT, "%u bytes for %u", moved, len));
}

static bool status(struct usb_dev *dev, struct err *err)
{
	uint8_t bytes[6];
	return ask(dev, get_status, bytes, sizeof bytes, 2000, NULL, err);
}

static void lists_units_without_opening_them(void **state)
{
	struct rig *rig = rig_new(0);
	(void)state;
	rig_plug(rig, 2, VUNIT_PHOTON, true);
	rig_plug(rig, 1, VUNIT_CORE, true);
	rig_await(rig, "1-1", 0, 0);
	rig_await(rig, "1-2", 0, 0);
	struct usb_ident idents[8];
	size_t count;
	uint64_t change;
	struct err err;
	assert_true(rig->bus->ops->list(rig->bus, idents, 8, &count, &change, &err));
	assert_int_equal(count, 2); /* and not the hubs */
	assert_string_equal(idents[0].port, "1-1");
	assert_string_equal(idents[0].controller, "pci0000:00/0000:00:14.0");
	assert_int_equal(idents[0].vendor_id, 0x1D50);
	assert_int_equal(idents[0].product_id, 0x607F);
	assert_int_equal(idents[0].bcd_device, 0x0200);
	assert_string_equal(idents[0].serial, "A00100000000000000000000");
	assert_string_equal(idents[1].port, "1-2");
	assert_int_equal(idents[1].vendor_id, 0x2B04);
	assert_string_equal(idents[1].serial, "a00200000000000000000000");
	assert_true(idents[1].product[0]);
	assert_true(rig->bus->ops->list(rig->bus, idents, 1, &count, &change, &err));
	assert_int_equal(count, 1);
	rig_done(rig);
}

static void moves_data_both_ways_and_reports_a_stall(void **state)
{
	struct rig *rig = rig_new(0);
	uint8_t bytes[USB_CONTROL_MAX];
	char text[USB_TEXT_MAX];
	struct err err;
	(void)state;
	rig_plug(rig, 1, VUNIT_PHOTON, true);
	struct usb_ident ident = rig_await(rig, "1-1", 0, 0);
	struct usb_dev *dev = rig_open(rig, &ident);
	assert_true(dev->ops->claim(dev, 0, &err));
	assert_true(dev->ops->set_interface(dev, 0, 1, 2000, NULL, &err));
	assert_true(usb_get_string(dev, 3, text, sizeof text, NULL, &err));
	assert_string_equal(text, ident.serial);
	assert_true(status(dev, &err));

	/* 4096 bytes, the most that Linux takes, to be written behind the address that a DNLOAD sets */
	uint8_t address[5] = { 0x21, 0x00, 0x00, 0x0A, 0x08 };
	assert_true(dev->ops->set_interface(dev, 0, 0, 2000, NULL, &err));
	assert_true(
		ask(dev, (struct usb_setup){ 0x21, DNLOAD, 0, 0 }, address, 5, 2000, NULL, &err));
	assert_true(status(dev, &err) && status(dev, &err));
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7 + 1);
	assert_true(ask(dev, (struct usb_setup){ 0x21, DNLOAD, 2, 0 }, bytes, sizeof bytes, 5000,
		NULL, &err));
	assert_true(status(dev, &err) && status(dev, &err));

	assert_false(ask(dev, (struct usb_setup){ 0xA1, 77, 0, 0 }, bytes, 4, 2000, NULL, &err));
	assert_int_equal(err.reason, REASON_USB_STALL);
	assert_false(dev->ops->set_interface(dev, 0, 9, 2000, NULL, &err));
	assert_int_equal(err.reason, REASON_USB_STALL);
	uint16_t moved;
	assert_true(dev->ops->control(dev, (struct usb_setup){ 0x80, 6, 0x0100, 0 }, bytes, 200,
		2000, NULL, &moved, &err));
	assert_int_equal(moved, 18); /* a short answer */
	dev->ops->close(dev);
	rig_done(rig);
}

static void nothing_stays_in_the_transfer_buffer(void **state)
{
	struct rig *rig = rig_new(0);
	uint8_t bytes[64];
	struct err err;
	(void)state;
	rig_plug(rig, 1, VUNIT_PHOTON, true);
	struct usb_ident ident = rig_await(rig, "1-1", 0, 0);
	struct usb_dev *dev = rig_open(rig, &ident);
	const struct real_dev *inside = (const struct real_dev *)dev;
	memset(bytes, 0xA5, sizeof bytes);
	assert_true(ask(dev, (struct usb_setup){ 0x21, DNLOAD, 2, 0 }, bytes, sizeof bytes, 2000,
		NULL, &err));
	assert_true(bytes_all(inside->buffer, REAL_BUFFER, 0));
	assert_true(
		ask(dev, (struct usb_setup){ 0x80, 6, 0x0100, 0 }, bytes, 18, 2000, NULL, &err));
	assert_true(bytes_all(inside->buffer, REAL_BUFFER, 0));
	umock_silence(rig->umock, 1, true);
	assert_false(ask(dev, (struct usb_setup){ 0x21, DNLOAD, 2, 0 }, bytes, sizeof bytes, 100,
		NULL, &err));
	assert_true(bytes_all(inside->buffer, REAL_BUFFER, 0));
	dev->ops->close(dev);
	rig_done(rig);
}

static void a_second_program_finds_the_unit_busy(void **state)
{
	struct rig *rig = rig_new(0);
	struct usb_bus *other;
	struct err err;
	(void)state;
	rig_plug(rig, 1, VUNIT_CORE, true);
	struct usb_ident ident = rig_await(rig, "1-1", 0, 0);
	struct usb_dev *dev = rig_open(rig, &ident), *second = rig_open(rig, &ident);
	assert_true(dev->ops->claim(dev, 0, &err));
	assert_false(second->ops->claim(second, 0, &err));
	assert_int_equal(err.reason, REASON_USB_BUSY);
	dev->ops->close(dev);
	assert_true(second->ops->claim(second, 0, &err));
	second->ops->close(second);
	assert_true(
		usb_libusb_open(&other, &err)); /* a second bus object does not disturb the first */
	other->ops->close(other);
	dev = rig_open(rig, &ident);
	assert_true(status(dev, &err));
	dev->ops->close(dev);
	rig_done(rig);
}

static void a_silent_unit_is_a_timeout_and_answers_again_later(void **state)
{
	struct rig *rig = rig_new(0);
	struct err err;
	(void)state;
	rig_plug(rig, 1, VUNIT_CORE, true);
	struct usb_ident ident = rig_await(rig, "1-1", 0, 0);
	struct usb_dev *dev = rig_open(rig, &ident);
	umock_silence(rig->umock, 1, true);
	uint8_t bytes[6];
	uint64_t start_us = clock_mono_us();
	assert_false(ask(dev, get_status, bytes, sizeof bytes, 300, NULL, &err));
	uint64_t took_us = clock_mono_us() - start_us;
	assert_int_equal(err.reason, REASON_USB_TIMEOUT);
	assert_in_range(took_us, 300000, 1500000);
	umock_silence(rig->umock, 1, false);
	assert_true(status(dev, &err));
	dev->ops->close(dev);
	rig_done(rig);
}

struct later {
	struct rig *rig;
	struct cancel cancel;
	uint64_t at_us;
};

static void *cancel_later(void *argument)
{
	struct later *later = argument;
	usleep(200000);
	later->at_us = clock_mono_us();
	cancel_set(&later->cancel);
	return NULL;
}

static void *unplug_later(void *argument)
{
	struct later *later = argument;
	usleep(200000);
	later->at_us = clock_mono_us();
	umock_unplug(later->rig->umock, 1);
	return NULL;
}

static void a_cancelled_transfer_ends_at_once(void **state)
{
	struct rig *rig = rig_new(0);
	struct later later = { .rig = rig };
	pthread_t thread;
	struct err err;
	uint8_t bytes[6];
	(void)state;
	rig_plug(rig, 1, VUNIT_CORE, true);
	struct usb_ident ident = rig_await(rig, "1-1", 0, 0);
	struct usb_dev *dev = rig_open(rig, &ident);
	umock_silence(rig->umock, 1, true);
	pthread_create(&thread, NULL, cancel_later, &later);
	assert_false(ask(dev, get_status, bytes, sizeof bytes, 60000, &later.cancel, &err));
	uint64_t now_us = clock_mono_us();
	pthread_join(thread, NULL);
	assert_int_equal(err.reason, REASON_STOPPED);
	assert_in_range(now_us - later.at_us, 0, 500000);
	assert_false(dev->ops->pause(dev, 60000, &later.cancel, &err));
	assert_int_equal(err.reason, REASON_STOPPED);
	umock_silence(rig->umock, 1, false);
	assert_true(status(dev, &err));
	dev->ops->close(dev);
	rig_done(rig);
}

static void a_unit_pulled_out_in_a_transfer_is_gone(void **state)
{
	struct rig *rig = rig_new(0);
	struct later later = { .rig = rig };
	struct usb_dev *none;
	pthread_t thread;
	struct err err;
	uint8_t bytes[6];
	uint64_t change;
	(void)state;
	rig_plug(rig, 1, VUNIT_CORE, true);
	struct usb_ident ident = rig_await(rig, "1-1", 0, 0), again;
	struct usb_dev *dev = rig_open(rig, &ident);
	umock_silence(rig->umock, 1, true);
	pthread_create(&thread, NULL, unplug_later, &later);
	assert_false(ask(dev, get_status, bytes, sizeof bytes, 60000, NULL, &err));
	uint64_t now_us = clock_mono_us();
	pthread_join(thread, NULL);
	assert_int_equal(err.reason, REASON_USB_GONE);
	assert_in_range(now_us - later.at_us, 0, 2000000);
	assert_false(status(dev, &err));
	assert_int_equal(err.reason, REASON_USB_GONE);
	dev->ops->close(dev);
	assert_false(rig_look(rig, "1-1", &again, &change));
	assert_false(rig->bus->ops->open(rig->bus, &ident, NULL, &none, &err));
	assert_int_equal(err.reason, REASON_USB_GONE);
	rig_plug(rig, 1, VUNIT_CORE, true);
	again = rig_await(rig, "1-1", ident.arrival, 0);
	assert_string_equal(again.serial, ident.serial);
	dev = rig_open(rig, &again);
	assert_true(status(dev, &err));
	dev->ops->close(dev);
	rig_done(rig);
}

/* A Photon with valid parts leaves DFU, runs as a serial line, and is asked back by its baud rate: three arrivals. */
static void each_enumeration_is_another_arrival(void **state)
{
	struct rig *rig = rig_new(0);
	uint8_t coding[7] = { 0, 0, 0, 0, 0, 0, 8 };
	unsigned off, on;
	struct usb_dev *none;
	struct err err;
	(void)state;
	rig_plug(rig, 1, VUNIT_PHOTON, true);
	struct usb_ident dfu = rig_await(rig, "1-1", 0, 0xD006);
	struct usb_dev *dev = rig_open(rig, &dfu);
	assert_true(dev->ops->claim(dev, 0, &err));
	assert_true(ask(dev, (struct usb_setup){ 0x21, DNLOAD, 2, 0 }, NULL, 0, 2000, NULL, &err));
	(void)status(dev, &err);
	dev->ops->close(dev);
	struct usb_ident running = rig_await(rig, "1-1", dfu.arrival, 0xC006);
	assert_false(rig->bus->ops->open(rig->bus, &dfu, NULL, &none, &err));
	assert_int_equal(err.reason, REASON_USB_GONE);

	dev = rig_open(rig, &running);
	assert_true(dev->ops->claim(dev, 0, &err)); /* from cdc_acm */
	umock_driver_moves(rig->umock, 1, &off, &on);
	assert_int_equal(off, 1);
	dev->ops->close(dev);
	umock_driver_moves(rig->umock, 1, &off, &on);
	assert_int_equal(on, 1); /* it has its unit back */

	dev = rig_open(rig, &running);
	assert_true(dev->ops->claim(dev, 0, &err));
	bytes_put_le32(coding, 14400);
	(void)ask(dev, (struct usb_setup){ 0x21, 0x20, 0, 0 }, coding, sizeof coding, 2000, NULL,
		&err);
	dev->ops->close(dev);
	struct usb_ident back = rig_await(rig, "1-1", running.arrival, 0xD006);
	assert_true(back.arrival != dfu.arrival && back.arrival != running.arrival);
	assert_string_equal(back.serial, dfu.serial);
	rig_done(rig);
}

/* A fresh Photon listens: both of its interfaces are taken from cdc_acm, and given back. */
static void a_serial_line_carries_bytes(void **state)
{
	struct rig *rig = rig_new(0);
	uint8_t text[64], question = 'i';
	unsigned off, on;
	uint16_t moved;
	struct err err;
	(void)state;
	rig_plug(rig, 1, VUNIT_PHOTON, false);
	struct usb_ident running = rig_await(rig, "1-1", 0, 0xC006);
	struct usb_dev *dev = rig_open(rig, &running);
	assert_true(dev->ops->claim(dev, 0, &err) && dev->ops->claim(dev, 1, &err));
	uint64_t start_us = clock_mono_us();
	assert_false(dev->ops->bulk(dev, 0x81, text, sizeof text, 100, NULL, &moved, &err));
	assert_int_equal(err.reason, REASON_USB_TIMEOUT);
	assert_in_range(clock_mono_us() - start_us, 100000, 2000000);
	assert_true(dev->ops->bulk(dev, 0x03, &question, 1, 1000, NULL, &moved, &err));
	assert_int_equal(moved, 1);
	assert_true(dev->ops->bulk(dev, 0x81, text, sizeof text, 1000, NULL, &moved, &err));
	assert_int_equal(moved, 44);
	assert_memory_equal(text, "Your device id is a001", 22);
	assert_false(dev->ops->bulk(dev, 0x81, text, UINT16_MAX, 100, NULL, &moved, &err));
	assert_int_equal(err.reason, REASON_BUG);
	dev->ops->close(dev);
	umock_driver_moves(rig->umock, 1, &off, &on);
	assert_int_equal(off, 1);
	assert_int_equal(on, 1);
	rig_done(rig);
}

/* So fast that nobody saw the port empty. */
static void an_unseen_change_is_another_arrival(void **state)
{
	struct rig *rig = rig_new(0);
	struct usb_ident now;
	uint64_t change;
	(void)state;
	rig_plug(rig, 1, VUNIT_CORE, true);
	struct usb_ident before = rig_await(rig, "1-1", 0, 0);
	umock_notify(rig->umock, false);
	for (int i = 0; i < 5; i++, before = now) {
		umock_unplug(rig->umock, 1);
		rig_plug(rig, 1, VUNIT_CORE, true);
		while (!umock_number(rig->umock, 1))
			usleep(1000);
		now = rig_await(rig, "1-1", 0, 0);
		assert_true(now.arrival != before.arrival);
		assert_true(rig_look(rig, "1-1", &before, &change));
		assert_true(now.arrival == before.arrival);
	}
	rig_done(rig);
}

/* How long wait took, for ROUNDS arrivals and as many departures. */
static uint64_t time_changes(bool told)
{
	struct rig *rig = rig_new(0);
	struct usb_ident ident;
	uint64_t change, start_us, total_us = 0;
	struct err err;
	umock_notify(rig->umock, told);
	for (int i = 0; i < ROUNDS; i++) {
		assert_false(rig_look(rig, "1-1", &ident, &change));
		rig_plug(rig, 1, VUNIT_CORE, true);
		while (!umock_number(rig->umock, 1))
			usleep(500);
		start_us = clock_mono_us();
		assert_true(rig->bus->ops->wait(rig->bus, change, 5000, NULL, &err));
		total_us += clock_mono_us() - start_us;
		assert_true(rig_look(rig, "1-1", &ident, &change));
		umock_unplug(rig->umock, 1);
		start_us = clock_mono_us();
		assert_true(rig->bus->ops->wait(rig->bus, change, 5000, NULL, &err));
		total_us += clock_mono_us() - start_us;
	}
	rig_done(rig);
	return total_us;
}

/* Polling alone would take 125 ms each on average. */
static void wait_is_woken_by_notifications(void **state)
{
	(void)state;
	assert_in_range(time_changes(true), 0, 2 * ROUNDS * 75000);
}

static void wait_sees_changes_without_notifications(void **state)
{
	(void)state;
	assert_in_range(time_changes(false), 0, 2 * ROUNDS * 400000);
}

static void wait_ends_at_its_time_and_when_cancelled(void **state)
{
	struct rig *rig = rig_new(0);
	struct later later = { .rig = rig };
	struct usb_ident ident;
	pthread_t thread;
	uint64_t change;
	struct err err;
	(void)state;
	assert_false(rig_look(rig, "1-1", &ident, &change));
	uint64_t start_us = clock_mono_us();
	assert_true(rig->bus->ops->wait(rig->bus, change, 300, NULL, &err));
	assert_in_range(clock_mono_us() - start_us, 300000, 1000000);
	pthread_create(&thread, NULL, cancel_later, &later);
	assert_false(rig->bus->ops->wait(rig->bus, change, 60000, &later.cancel, &err));
	uint64_t now_us = clock_mono_us();
	pthread_join(thread, NULL);
	assert_int_equal(err.reason, REASON_STOPPED);
	assert_in_range(now_us - later.at_us, 0, 500000);
	rig_done(rig);
}

struct held {
	struct rig *rig;
	struct usb_ident ident;
	struct err err;
	bool opened;
	uint64_t took_us;
};

static void *open_held(void *argument)
{
	struct held *held = argument;
	struct usb_dev *dev;
	uint64_t start_us = clock_mono_us();
	held->opened =
		held->rig->bus->ops->open(held->rig->bus, &held->ident, NULL, &dev, &held->err);
	held->took_us = clock_mono_us() - start_us;
	return NULL;
}

static void a_unit_that_the_kernel_holds_stops_nobody_else(void **state)
{
	struct rig *rig = rig_new(0);
	struct held held = { .rig = rig };
	unsigned transfers = 0;
	pthread_t thread;
	struct err err;
	(void)state;
	rig_plug(rig, 1, VUNIT_CORE, true);
	rig_plug(rig, 2, VUNIT_CORE, true);
	held.ident = rig_await(rig, "1-1", 0, 0);
	struct usb_ident other = rig_await(rig, "1-2", 0, 0);
	umock_hold(rig->umock, 1, true);
	pthread_create(&thread, NULL, open_held, &held);
	uint64_t start_us = clock_mono_us(), change;
	while (clock_mono_us() - start_us < 11000000) {
		struct usb_dev *dev = rig_open(rig, &other);
		for (int i = 0; i < 100; i++, transfers++)
			assert_true(status(dev, &err));
		dev->ops->close(dev);
		assert_true(rig_look(rig, "1-1", &(struct usb_ident){ 0 }, &change));
	}
	pthread_join(thread, NULL);
	assert_false(held.opened);
	assert_int_equal(held.err.reason, REASON_USB_TIMEOUT);
	assert_non_null(strstr(held.err.text, "the kernel holds the unit"));
	assert_in_range(held.took_us, 10000000, 21000000);
	assert_true(transfers > 500);
	umock_hold(rig->umock, 1, false); /* the late thread puts everything back */
	usleep(300000);
	struct usb_dev *dev = rig_open(rig, &held.ident);
	assert_true(status(dev, &err));
	dev->ops->close(dev);
	rig_done(rig);
}

struct worker {
	struct rig *rig;
	char port[16];
	unsigned rounds, failed;
};

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct usb_ident ident;
	uint64_t change;
	struct err err;
	struct usb_dev *dev;
	if (!rig_look(worker->rig, worker->port, &ident, &change) ||
		!worker->rig->bus->ops->open(worker->rig->bus, &ident, NULL, &dev, &err)) {
		worker->failed = worker->rounds;
		return NULL;
	}
	for (unsigned i = 0; i < worker->rounds; i++) {
		char serial[USB_TEXT_MAX];
		worker->failed += !usb_get_string(dev, 3, serial, sizeof serial, NULL, &err) ||
				  strcmp(serial, ident.serial) != 0;
	}
	dev->ops->close(dev);
	return NULL;
}

static void many_units_at_once_never_mix_their_answers(void **state)
{
	struct rig *rig = rig_new(0);
	struct worker workers[RIG_UNITS_MAX];
	pthread_t threads[RIG_UNITS_MAX];
	(void)state;
	for (unsigned i = 0; i < RIG_UNITS_MAX; i++) {
		rig_plug(rig, i + 1, i % 2 ? VUNIT_CORE : VUNIT_PHOTON, true);
		workers[i] = (struct worker){ .rig = rig, .rounds = 60 };
		snprintf(workers[i].port, sizeof workers[i].port, "1-%u", i + 1);
	}
	for (unsigned i = 0; i < RIG_UNITS_MAX; i++)
		rig_await(rig, workers[i].port, 0, 0);
	for (unsigned i = 0; i < RIG_UNITS_MAX; i++)
		pthread_create(&threads[i], NULL, work, &workers[i]);
	for (unsigned i = 0; i < RIG_UNITS_MAX; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].failed, 0);
	}
	rig_done(rig);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_units_without_opening_them),
		cmocka_unit_test(moves_data_both_ways_and_reports_a_stall),
		cmocka_unit_test(nothing_stays_in_the_transfer_buffer),
		cmocka_unit_test(a_second_program_finds_the_unit_busy),
		cmocka_unit_test(a_silent_unit_is_a_timeout_and_answers_again_later),
		cmocka_unit_test(a_cancelled_transfer_ends_at_once),
		cmocka_unit_test(a_unit_pulled_out_in_a_transfer_is_gone),
		cmocka_unit_test(each_enumeration_is_another_arrival),
		cmocka_unit_test(a_serial_line_carries_bytes),
		cmocka_unit_test(an_unseen_change_is_another_arrival),
		cmocka_unit_test(wait_is_woken_by_notifications),
		cmocka_unit_test(wait_sees_changes_without_notifications),
		cmocka_unit_test(wait_ends_at_its_time_and_when_cancelled),
		cmocka_unit_test(a_unit_that_the_kernel_holds_stops_nobody_else),
		cmocka_unit_test(many_units_at_once_never_mix_their_answers),
	};
	if (!umock_preload(argv))
		return 77;
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
