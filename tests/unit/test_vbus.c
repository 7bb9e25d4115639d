/* SPDX-License-Identifier: Apache-2.0 */
/* USES: virtual usb base */
/* The emulated bus: arrivals, handles that outlive them, time at several speeds, and threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "clock.h"
#include "vbus.h"
#include "vunit_bench.h"

enum { UNITS = 4 };

struct rig {
	struct vbus *vbus;
	struct usb_bus *bus;
	struct bench benches[UNITS]; /* their folders; the bus has the units */
	struct vunit *units[UNITS];
	char ports[UNITS][16];
	size_t count;
};

static struct rig rig_new(double speed)
{
	struct rig rig = { .count = 0 };
	struct err err;
	assert_true(vbus_new(speed, &rig.vbus, &err));
	rig.bus = vbus_bus(rig.vbus);
	return rig;
}

static size_t rig_plug(
	struct rig *rig, const char *port, enum vunit_bootloader bootloader, bool button)
{
	struct err err;
	size_t i = rig->count++;
	rig->benches[i] = bench_with(&bench_specs[bootloader]);
	rig->units[i] = rig->benches[i].unit;
	rig->benches[i].unit = NULL;
	snprintf(rig->ports[i], sizeof(rig->ports[i]), "%s", port);
	assert_true(vbus_plug(rig->vbus, port, rig->units[i], button, &err));
	return i;
}

static void rig_done(struct rig *rig)
{
	rig->bus->ops->close(rig->bus);
	for (size_t i = 0; i < rig->count; i++)
		bench_done(&rig->benches[i]);
}

static size_t rig_list(struct rig *rig, struct usb_ident *idents, uint64_t *change)
{
	struct err err;
	size_t count;
	assert_true(rig->bus->ops->list(rig->bus, idents, USB_UNITS_MAX, &count, change, &err));
	return count;
}

/* Waits until port shows product_id; false after about ten seconds of the units' time. */
static bool rig_await(struct rig *rig, const char *port, uint16_t product_id, uint64_t not_arrival,
	struct usb_ident *ret)
{
	struct usb_ident *idents = calloc(USB_UNITS_MAX, sizeof(*idents));
	bool found = false;
	assert_non_null(idents);
	for (int i = 0; i < 100 && !found; i++) {
		struct err err;
		uint64_t change;
		size_t count = rig_list(rig, idents, &change);
		for (size_t k = 0; k < count; k++) {
			if (strcmp(idents[k].port, port) != 0 ||
				idents[k].product_id != product_id ||
				idents[k].arrival == not_arrival)
				continue;
			*ret = idents[k];
			found = true;
		}
		if (!found)
			assert_true(rig->bus->ops->wait(rig->bus, change, 100, NULL, &err));
	}
	free(idents);
	return found;
}

static struct usb_dev *rig_open(struct rig *rig, const struct usb_ident *ident)
{
	struct usb_dev *dev;
	struct err err;
	assert_true(rig->bus->ops->open(rig->bus, ident, NULL, &dev, &err));
	assert_true(dev->ops->claim(dev, 0, &err));
	return dev;
}

/* REASON_NONE if it went well. */
static enum reason out(
	struct usb_dev *dev, uint8_t request, uint16_t value, const void *data, uint16_t len)
{
	uint8_t copy[4096];
	uint16_t moved;
	struct err err;
	if (len)
		memcpy(copy, data, len);
	struct usb_setup setup = { 0x21, request, value, 0 };
	return dev->ops->control(dev, setup, copy, len, 5000, NULL, &moved, &err) ? REASON_NONE
										  : err.reason;
}

static enum reason in(struct usb_dev *dev, uint8_t request, uint16_t value, void *data,
	uint16_t len, uint32_t timeout_ms)
{
	uint16_t moved;
	struct err err;
	struct usb_setup setup = { 0xA1, request, value, 0 };
	return dev->ops->control(dev, setup, data, len, timeout_ms, NULL, &moved, &err)
		       ? REASON_NONE
		       : err.reason;
}

static enum reason get_status(struct usb_dev *dev)
{
	uint8_t status[6];
	return in(dev, GETSTATUS, 0, status, 6, 5000);
}

static const uint8_t erase_user[5] = { 0x41, 0x00, 0x00, 0x0A, 0x08 };

static void test_units_are_listed_by_port_with_their_identity(void **unused)
{
	(void)unused;
	struct rig rig = rig_new(0);
	struct usb_ident idents[8];
	uint64_t change;
	rig_plug(&rig, "1-10", VUNIT_CORE_FACTORY, true);
	rig_plug(&rig, "1-2", VUNIT_PHOTON_1_4_4, true);
	assert_int_equal(rig_list(&rig, idents, &change), 2);
	assert_string_equal(idents[0].port, "1-2");
	assert_int_equal(idents[0].vendor_id, 0x2B04);
	assert_int_equal(idents[0].bcd_device, 0x0250);
	assert_string_equal(idents[0].serial, "ab0000000000000000000000");
	assert_string_equal(idents[0].product, "Photon DFU Mode");
	assert_string_equal(idents[1].product, "CORE DFU");
	assert_int_equal(rig_list(&rig, idents, &change), 2);
	assert_int_equal(idents[0].arrival == idents[1].arrival, 0);
	rig_done(&rig);
}

static void test_a_reenumeration_is_another_arrival_and_ends_the_old_handle(void **unused)
{
	(void)unused;
	struct rig rig = rig_new(0);
	struct usb_ident first, second;
	struct err err;
	struct usb_dev *dev, *late;
	rig_plug(&rig, "1-1", VUNIT_PHOTON_1_4_4, true);
	assert_true(rig_await(&rig, "1-1", 0xD006, 0, &first));
	dev = rig_open(&rig, &first);
	assert_int_equal(out(dev, DNLOAD, 2, NULL, 0), REASON_NONE);
	assert_int_equal(get_status(dev), REASON_NONE);
	assert_int_equal(
		get_status(dev), REASON_NONE); /* the countdown runs, and it still answers */
	assert_true(rig_await(&rig, "1-1", 0xC006, 0, &second));
	assert_true(second.arrival != first.arrival);
	assert_int_equal(get_status(dev), REASON_USB_GONE);
	assert_false(rig.bus->ops->open(rig.bus, &first, NULL, &late, &err));
	assert_int_equal(err.reason, REASON_USB_GONE);
	dev->ops->close(dev);
	rig_done(&rig);
}

/* Nobody looked while the unit was away: the handle is as dead. */
static void test_a_reenumeration_that_nobody_saw_is_one_too(void **unused)
{
	(void)unused;
	struct rig rig = rig_new(0);
	struct usb_ident first, second;
	struct err err;
	rig_plug(&rig, "1-1", VUNIT_CORE_FACTORY, true);
	assert_true(rig_await(&rig, "1-1", 0x607F, 0, &first));
	struct usb_dev *dev = rig_open(&rig, &first);
	assert_int_equal(out(dev, CLRSTATUS, 0, NULL, 0), REASON_NONE);
	assert_int_equal(out(dev, DNLOAD, 2, NULL, 0), REASON_NONE);
	assert_int_equal(get_status(dev), REASON_NONE);
	assert_true(dev->ops->pause(dev, 5000, NULL, &err));
	assert_int_equal(get_status(dev), REASON_USB_GONE);
	dev->ops->close(dev);
	assert_true(rig_await(&rig, "1-1", 0x607F, 0, &second));
	assert_true(second.arrival != first.arrival);
	rig_done(&rig);
}

static void test_a_photon_goes_to_its_firmware_and_back(void **unused)
{
	(void)unused;
	struct rig rig = rig_new(0);
	struct usb_ident ident;
	uint8_t coding[7] = { 0x40, 0x38, 0, 0, 0, 0, 8 };
	rig_plug(&rig, "1-1", VUNIT_PHOTON_1_4_4, false);
	assert_true(rig_await(&rig, "1-1", 0xC006, 0, &ident));
	struct usb_dev *dev = rig_open(&rig, &ident);
	assert_int_equal(out(dev, 0x20, 0, coding, 7), REASON_NONE);
	dev->ops->close(dev);
	assert_true(rig_await(&rig, "1-1", 0xD006, 0, &ident));
	rig_done(&rig);
}

static void test_interfaces_are_claimed_and_set(void **unused)
{
	(void)unused;
	struct rig rig = rig_new(0);
	struct usb_ident ident;
	struct err err;
	struct usb_dev *other;
	rig_plug(&rig, "1-1", VUNIT_PHOTON_1_4_4, true);
	assert_true(rig_await(&rig, "1-1", 0xD006, 0, &ident));
	struct usb_dev *dev = rig_open(&rig, &ident);
	assert_true(rig.bus->ops->open(rig.bus, &ident, NULL, &other, &err));
	assert_false(other->ops->claim(other, 0, &err));
	assert_int_equal(err.reason, REASON_USB_BUSY);
	assert_true(dev->ops->set_interface(dev, 0, 1, 1000, NULL, &err));
	assert_false(dev->ops->set_interface(dev, 0, 2, 1000, NULL, &err));
	assert_int_equal(err.reason, REASON_USB_STALL);
	dev->ops->close(dev);
	assert_true(other->ops->claim(other, 0, &err));
	other->ops->close(other);
	rig_done(&rig);
}

static void test_reasons_follow_what_the_unit_does(void **unused)
{
	(void)unused;
	struct rig rig = rig_new(0);
	struct usb_ident ident;
	uint8_t bytes[8];
	rig_plug(&rig, "1-1", VUNIT_PHOTON_1_0_0, true);
	assert_true(rig_await(&rig, "1-1", 0xD006, 0, &ident));
	struct usb_dev *dev = rig_open(&rig, &ident);
	assert_int_equal(in(dev, UPLOAD, 0, bytes, 2, 1000), REASON_USB_OVERFLOW);
	assert_int_equal(out(dev, ABORT, 0, NULL, 0), REASON_NONE);
	assert_int_equal(in(dev, UPLOAD, 1, bytes, 8, 1000), REASON_USB_STALL);
	assert_int_equal(out(dev, CLRSTATUS, 0, NULL, 0), REASON_NONE);
	assert_int_equal(out(dev, CLRSTATUS, 0, NULL, 0), REASON_NONE);
	assert_int_equal(out(dev, DNLOAD, 0, erase_user, 5), REASON_NONE);
	assert_int_equal(in(dev, GETSTATUS, 0, bytes, 6, 100),
		REASON_USB_TIMEOUT); /* the erase takes a second */
	assert_int_equal(get_status(dev), REASON_NONE);
	dev->ops->close(dev);
	rig_done(&rig);
}

/* The unit's own clock tells what was waited for; nothing here looks at the wall's. */
static void test_at_speed_0_a_unit_lives_its_time_without_waiting(void **unused)
{
	(void)unused;
	struct rig rig = rig_new(0);
	struct usb_ident ident;
	struct err err;
	size_t i = rig_plug(&rig, "1-1", VUNIT_PHOTON_1_4_4, true);
	assert_true(rig_await(&rig, "1-1", 0xD006, 0, &ident));
	struct usb_dev *dev = rig_open(&rig, &ident);
	for (int n = 0; n < 500; n++) {
		assert_int_equal(out(dev, DNLOAD, 0, erase_user, 5), REASON_NONE);
		assert_int_equal(get_status(dev), REASON_NONE);
		assert_int_equal(get_status(dev), REASON_NONE);
		assert_true(dev->ops->pause(dev, 10000, NULL, &err));
	}
	assert_true(vunit_work(rig.units[i]).flash_us >= 500 * UINT64_C(1000000));
	dev->ops->close(dev);
	rig_done(&rig);
}

/* 1.2 s of erasing at a hundredth: the transfer ends at its moment, not before. */
static void test_transfers_take_the_units_time_divided_by_the_speed(void **unused)
{
	(void)unused;
	struct rig rig = rig_new(0.02);
	struct usb_ident ident;
	rig_plug(&rig, "1-1", VUNIT_PHOTON_1_4_4, true);
	assert_true(rig_await(&rig, "1-1", 0xD006, 0, &ident));
	struct usb_dev *dev = rig_open(&rig, &ident);
	assert_int_equal(out(dev, DNLOAD, 0, erase_user, 5), REASON_NONE);
	uint64_t from_us = clock_mono_us();
	assert_int_equal(get_status(dev), REASON_NONE);
	assert_true(clock_mono_us() - from_us >= 20000);
	dev->ops->close(dev);
	rig_done(&rig);
}

struct later {
	struct rig *rig;
	struct cancel cancel;
};

static void *unplug_later(void *given)
{
	struct later *later = given;
	clock_pause_until(clock_mono_us() + 30000, NULL);
	vbus_unplug(later->rig->vbus, later->rig->ports[0]);
	return NULL;
}

static void *cancel_later(void *given)
{
	struct later *later = given;
	clock_pause_until(clock_mono_us() + 30000, NULL);
	cancel_set(&later->cancel);
	return NULL;
}

static void test_unplugging_ends_a_transfer_under_way(void **unused)
{
	(void)unused;
	struct rig rig = rig_new(1);
	struct usb_ident ident;
	struct later later = { .rig = &rig };
	pthread_t thread;
	rig_plug(&rig, "1-1", VUNIT_PHOTON_1_4_4, true);
	assert_true(rig_await(&rig, "1-1", 0xD006, 0, &ident));
	struct usb_dev *dev = rig_open(&rig, &ident);
	assert_int_equal(out(dev, DNLOAD, 0, erase_user, 5), REASON_NONE);
	pthread_create(&thread, NULL, unplug_later, &later);
	uint64_t from_us = clock_mono_us();
	assert_int_equal(get_status(dev), REASON_USB_GONE);
	assert_true(clock_mono_us() - from_us < 900000); /* the erase would have taken a second */
	pthread_join(thread, NULL);
	assert_int_equal(get_status(dev), REASON_USB_GONE);
	struct err err;
	assert_true(dev->ops->pause(dev, 1, NULL, &err));
	dev->ops->close(dev);
	rig_done(&rig);
}

static void test_a_cancel_ends_every_wait(void **unused)
{
	(void)unused;
	struct rig rig = rig_new(1);
	struct usb_ident ident, idents[4];
	struct err err;
	uint64_t change;
	uint16_t moved;
	uint8_t status[6];
	rig_plug(&rig, "1-1", VUNIT_PHOTON_1_4_4, true);
	assert_true(rig_await(&rig, "1-1", 0xD006, 0, &ident));
	struct usb_dev *dev = rig_open(&rig, &ident);
	assert_int_equal(out(dev, DNLOAD, 0, erase_user, 5), REASON_NONE);
	for (int i = 0; i < 3; i++) {
		struct later later = { .rig = &rig };
		pthread_t thread;
		bool ok;
		rig_list(&rig, idents, &change);
		pthread_create(&thread, NULL, cancel_later, &later);
		if (i == 0)
			ok = rig.bus->ops->wait(rig.bus, change, 60000, &later.cancel, &err);
		else if (i == 1)
			ok = dev->ops->pause(dev, 60000, &later.cancel, &err);
		else
			ok = dev->ops->control(dev, (struct usb_setup){ 0xA1, GETSTATUS, 0, 0 },
				status, 6, 5000, &later.cancel, &moved, &err);
		assert_false(ok);
		assert_int_equal(err.reason, REASON_STOPPED);
		pthread_join(thread, NULL);
	}
	dev->ops->close(dev);
	rig_done(&rig);
}

static void *plug_later(void *given)
{
	struct later *later = given;
	clock_pause_until(clock_mono_us() + 30000, NULL);
	rig_plug(later->rig, "1-7", VUNIT_CORE_FACTORY, true);
	return NULL;
}

static void test_wait_ends_with_a_change_and_not_without(void **unused)
{
	(void)unused;
	static const double speeds[] = { 0, 0.05 };
	for (size_t i = 0; i < 2; i++) {
		struct rig rig = rig_new(speeds[i]);
		struct later later = { .rig = &rig };
		struct usb_ident idents[4];
		struct err err;
		uint64_t change, again;
		pthread_t thread;
		assert_int_equal(rig_list(&rig, idents, &change), 0);
		assert_true(rig.bus->ops->wait(rig.bus, change, 5, NULL, &err));
		rig_list(&rig, idents, &again);
		assert_int_equal(change, again);
		pthread_create(&thread, NULL, plug_later, &later);
		assert_true(rig.bus->ops->wait(rig.bus, change, 100000, NULL, &err));
		assert_int_equal(rig_list(&rig, idents, &again), 1);
		assert_true(again != change);
		pthread_join(thread, NULL);
		rig_done(&rig);
	}
}

struct worker {
	struct rig *rig;
	const char *port;
	uint8_t fill;
	bool ok;
};

/* Writes, leaves, comes back through the firmware, reads: what a slot's worker does, beside others. */
static void *work(void *given)
{
	struct worker *worker = given;
	struct usb_ident ident;
	struct err err;
	uint8_t block[4096], back[4096], set[5] = { 0x21, 0x00, 0x00, 0x0A, 0x08 },
					 coding[7] = { 0x40, 0x38 };
	if (!rig_await(worker->rig, worker->port, 0xD006, 0, &ident))
		return NULL;
	struct usb_dev *dev;
	if (!worker->rig->bus->ops->open(worker->rig->bus, &ident, NULL, &dev, &err))
		return NULL;
	memset(block, worker->fill, sizeof(block));
	bool ok = out(dev, DNLOAD, 0, erase_user, 5) == REASON_NONE &&
		  get_status(dev) == REASON_NONE && get_status(dev) == REASON_NONE;
	for (uint16_t i = 2; ok && i < 20; i++)
		ok = out(dev, DNLOAD, i, block, sizeof(block)) == REASON_NONE &&
		     get_status(dev) == REASON_NONE && get_status(dev) == REASON_NONE;
	/* Its countdown runs: whoever asks late finds it gone. */
	enum reason left = REASON_NONE;
	ok = ok && out(dev, DNLOAD, 2, NULL, 0) == REASON_NONE &&
	     ((left = get_status(dev)) == REASON_NONE || left == REASON_USB_GONE);
	dev->ops->close(dev);
	if (!ok || !rig_await(worker->rig, worker->port, 0xC006, 0, &ident) ||
		!worker->rig->bus->ops->open(worker->rig->bus, &ident, NULL, &dev, &err))
		return NULL;
	ok = out(dev, 0x20, 0, coding, 7) == REASON_NONE;
	dev->ops->close(dev);
	if (!ok || !rig_await(worker->rig, worker->port, 0xD006, 0, &ident) ||
		!worker->rig->bus->ops->open(worker->rig->bus, &ident, NULL, &dev, &err))
		return NULL;
	ok = out(dev, DNLOAD, 0, set, 5) == REASON_NONE && get_status(dev) == REASON_NONE &&
	     out(dev, ABORT, 0, NULL, 0) == REASON_NONE &&
	     in(dev, UPLOAD, 19, back, 4096, 5000) == REASON_NONE;
	dev->ops->close(dev);
	worker->ok = ok && memcmp(block, back, sizeof(block)) == 0;
	return NULL;
}

static void test_units_are_worked_on_side_by_side(void **unused)
{
	(void)unused;
	static const double speeds[] = { 0, 0.01 };
	for (size_t s = 0; s < 2; s++) {
		struct rig rig = rig_new(speeds[s]);
		struct worker workers[UNITS];
		pthread_t threads[UNITS];
		static const char *const ports[UNITS] = { "1-1", "1-2", "1-3", "1-4" };
		for (size_t i = 0; i < UNITS; i++) {
			rig_plug(&rig, ports[i], VUNIT_PHOTON_1_4_4, true);
			workers[i] = (struct worker){
				.rig = &rig, .port = ports[i], .fill = (uint8_t)(0x11 * i)
			};
		}
		for (size_t i = 0; i < UNITS; i++)
			pthread_create(&threads[i], NULL, work, &workers[i]);
		for (size_t i = 0; i < UNITS; i++)
			pthread_join(threads[i], NULL);
		for (size_t i = 0; i < UNITS; i++)
			assert_true(workers[i].ok);
		rig_done(&rig);
	}
}

static void test_a_port_holds_one_unit_and_takes_the_next_after_it(void **unused)
{
	(void)unused;
	struct rig rig = rig_new(0);
	struct usb_ident first, second, idents[4];
	struct err err;
	uint64_t change;
	struct bench extra = bench_with(&bench_specs[VUNIT_CORE_FACTORY]);
	rig_plug(&rig, "1-1", VUNIT_CORE_1_4_4, true);
	assert_true(rig_await(&rig, "1-1", 0x607F, 0, &first));
	assert_false(vbus_plug(rig.vbus, "1-1", extra.unit, true, &err));
	extra.unit = NULL;
	vbus_unplug(rig.vbus, "1-1");
	assert_int_equal(rig_list(&rig, idents, &change), 0);
	rig_plug(&rig, "1-1", VUNIT_CORE_FACTORY, true);
	assert_true(rig_await(&rig, "1-1", 0x607F, 0, &second));
	assert_true(first.arrival != second.arrival);
	bench_done(&extra);
	rig_done(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units_are_listed_by_port_with_their_identity),
		cmocka_unit_test(test_a_reenumeration_is_another_arrival_and_ends_the_old_handle),
		cmocka_unit_test(test_a_reenumeration_that_nobody_saw_is_one_too),
		cmocka_unit_test(test_a_photon_goes_to_its_firmware_and_back),
		cmocka_unit_test(test_interfaces_are_claimed_and_set),
		cmocka_unit_test(test_reasons_follow_what_the_unit_does),
		cmocka_unit_test(test_at_speed_0_a_unit_lives_its_time_without_waiting),
		cmocka_unit_test(test_transfers_take_the_units_time_divided_by_the_speed),
		cmocka_unit_test(test_unplugging_ends_a_transfer_under_way),
		cmocka_unit_test(test_a_cancel_ends_every_wait),
		cmocka_unit_test(test_wait_ends_with_a_change_and_not_without),
		cmocka_unit_test(test_units_are_worked_on_side_by_side),
		cmocka_unit_test(test_a_port_holds_one_unit_and_takes_the_next_after_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
