/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual units behind an emulated kernel interface, and the station's real bus on top. Every failure fails the running
 * cmocka test. */
#pragma once

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "umock_front.h"
#include "usb_libusb.h"

enum { RIG_UNITS_MAX = 8, RIG_WAIT_MS = 8000 };

struct rig {
	char folder[64];
	struct umock *umock;
	struct usb_bus *bus;
	bool made[RIG_UNITS_MAX + 1];
};

static inline void rig_path(const struct rig *rig, unsigned port, const char *name, char path[160])
{
	snprintf(path, 160, "%s/%u%s%s", rig->folder, port, name[0] ? "/" : "", name);
}

/* Plugs the unit of a port, which is made if it is not there. */
static inline void rig_plug(struct rig *rig, unsigned port, enum vunit_family family, bool button)
{
	struct vunit_spec spec = { .family = family,
		.bootloader = family == VUNIT_CORE ? VUNIT_CORE_1_4_4 : VUNIT_PHOTON_1_4_4,
		.device_id = { 0xA0, (uint8_t)port },
		.seed = port };
	struct vunit *unit;
	struct err err;
	char path[160];
	rig_path(rig, port, "", path);
	if (!rig->made[port])
		assert_true(vunit_create(path, &spec, &err));
	rig->made[port] = true;
	assert_true(vunit_open(path, &unit, &err));
	assert_true(umock_plug(rig->umock, port, unit, button, &err));
}

static inline struct rig *rig_new(double speed)
{
	struct rig *rig = calloc(1, sizeof *rig);
	struct err err;
	assert_non_null(rig);
	strcpy(rig->folder, "/tmp/usb-test-XXXXXX");
	assert_non_null(mkdtemp(rig->folder));
	assert_true(umock_new(speed, &rig->umock, &err));
	if (!usb_libusb_open(&rig->bus, &err))
		fail_msg("%s", err.text);
	return rig;
}

static inline void rig_done(struct rig *rig)
{
	static const char *const names[] = { "alt0.bin", "alt1.bin", "unit.json", "" };
	char path[160];
	rig->bus->ops->close(rig->bus);
	umock_free(rig->umock);
	for (unsigned port = 1; port <= RIG_UNITS_MAX; port++)
		for (size_t i = 0; i < 4; i++) {
			rig_path(rig, port, names[i], path);
			(void)remove(path);
		}
	rmdir(rig->folder);
	free(rig);
}

/* The unit at a port, or false. */
static inline bool rig_look(struct rig *rig, const char *port, struct usb_ident *ret, uint64_t *ret_change)
{
	struct usb_ident idents[USB_UNITS_MAX];
	size_t count = 0;
	struct err err;
	if (!rig->bus->ops->list(rig->bus, idents, USB_UNITS_MAX, &count, ret_change, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < count; i++)
		if (strcmp(idents[i].port, port) == 0) {
			*ret = idents[i];
			return true;
		}
	return false;
}

/* Waits by the bus's own wait for an arrival other than old with this product; 0: any. */
static inline struct usb_ident rig_await(struct rig *rig, const char *port, uint64_t old, uint16_t product)
{
	struct deadline deadline = deadline_in_ms(RIG_WAIT_MS);
	struct usb_ident ident;
	uint64_t change;
	struct err err;
	for (;;) {
		if (rig_look(rig, port, &ident, &change) && ident.arrival != old &&
			(!product || ident.product_id == product))
			return ident;
		if (deadline_passed(deadline))
			fail_msg("no unit at port %s", port);
		assert_true(rig->bus->ops->wait(rig->bus, change, 1000, NULL, &err));
	}
}

static inline struct usb_dev *rig_open(struct rig *rig, const struct usb_ident *ident)
{
	struct usb_dev *dev = NULL;
	struct err err;
	if (!rig->bus->ops->open(rig->bus, ident, NULL, &dev, &err))
		fail_msg("%s", err.text);
	return dev;
}
