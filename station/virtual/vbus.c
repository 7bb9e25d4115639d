/* SPDX-License-Identifier: Apache-2.0 */
/* The emulated bus: ports, arrivals, and the passing of time.
 *
 * At speed 0 time passes only where somebody waits for it: a transfer or a pause moves its unit's
 * clock; list and wait let a unit jump to its next appearance or disappearance, if its handles are
 * closed, or the calling thread is the one that uses it, or it was left alone for a moment (so that
 * a thread that watches the bus does not pull units from under the threads that talk to them). */
#include "vbus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bytes.h"
#include "clock.h"
#include "scope.h"
#include "text.h"
#include "vbus_private.h"

enum { LEFT_ALONE_US = 20000, JUMPS_MAX = 32 };

uint64_t vport_now_us(const struct vport *port)
{
	if (port->vbus->speed <= 0)
		return port->clock_us;
	return (uint64_t)((double)(clock_mono_us() - port->base_us) / port->vbus->speed);
}

uint64_t vport_wall_us(const struct vport *port, uint64_t unit_us)
{
	return port->base_us + (uint64_t)((double)unit_us * port->vbus->speed);
}

static void tell_change(struct vport *port, bool arrived)
{
	struct vbus *vbus = port->vbus;
	SCOPED_LOCK(&vbus->lock);
	vbus->change++;
	port->arrival = arrived ? ++vbus->arrivals : 0;
	pthread_cond_broadcast(&vbus->changed);
}

/* The host's part of an enumeration that its users do not see. */
static void configure(struct vport *port)
{
	static const uint8_t set_configuration[8] = { 0x00, 9, 1, 0, 0, 0, 0, 0 };
	uint16_t len;
	uint64_t done_us;
	(void)vunit_control(
		port->unit, set_configuration, NULL, &len, vport_now_us(port), &done_us);
}

static void compare_presence(struct vport *port)
{
	enum vunit_mode mode = port->unit ? vunit_mode(port->unit) : VUNIT_OFF;
	bool here = mode == VUNIT_DFU || mode == VUNIT_CDC;
	uint32_t enumeration = port->unit ? vunit_enumeration(port->unit) : 0;
	if (!here && port->arrival == 0)
		return;
	if (here && port->arrival != 0 && port->enumeration == enumeration)
		return;
	port->enumeration = enumeration;
	memset(port->claimer, 0, sizeof(port->claimer));
	tell_change(port, here);
	if (here)
		configure(port);
}

void vport_sync(struct vport *port, uint64_t at_us)
{
	if (port->vbus->speed <= 0 && at_us > port->clock_us)
		port->clock_us = at_us;
	if (port->unit)
		vunit_advance(port->unit, vport_now_us(port));
	compare_presence(port);
}

static bool may_jump(const struct vport *port)
{
	return port->handles == 0 || pthread_equal(port->user, pthread_self()) ||
	       clock_mono_us() >= port->used_us + LEFT_ALONE_US;
}

/* Speed 0: up to the next time that the bus sees something of this unit. */
static void jump(struct vport *port)
{
	uint64_t arrival = port->arrival;
	for (int i = 0; i < JUMPS_MAX && port->unit && may_jump(port); i++) {
		uint64_t next_us = vunit_next_event_us(port->unit);
		if (next_us == UINT64_MAX)
			return;
		vport_sync(port, next_us);
		if (port->arrival != arrival && port->arrival != 0)
			return;
	}
}

static size_t port_count(struct vbus *vbus)
{
	SCOPED_LOCK(&vbus->lock);
	return vbus->count;
}

/* Brings all units to the present; the soonest wall moment at which one changes by itself. */
static uint64_t sync_all(struct vbus *vbus)
{
	size_t count = port_count(vbus);
	uint64_t soonest_us = UINT64_MAX;
	for (size_t i = 0; i < count; i++) {
		struct vport *port = vbus->ports[i];
		SCOPED_LOCK(&port->lock);
		vport_sync(port, 0);
		if (vbus->speed <= 0) {
			jump(port);
			continue;
		}
		uint64_t next_us = port->unit ? vunit_next_event_us(port->unit) : UINT64_MAX;
		if (next_us == UINT64_MAX)
			continue;
		uint64_t wall_us = vport_wall_us(port, next_us);
		if (wall_us < soonest_us)
			soonest_us = wall_us;
	}
	return soonest_us;
}

static void cut_blanks(char *text)
{
	size_t len = strlen(text);
	while (len > 0 && text[len - 1] == ' ')
		text[--len] = '\0';
}

/* False if nothing is on the bus at this port. */
static bool fill_ident(struct vport *port, struct usb_ident *ret)
{
	uint8_t device[18];
	SCOPED_LOCK(&port->lock);
	if (port->arrival == 0 || !vunit_device_descriptor(port->unit, device))
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->arrival = port->arrival;
	ret->vendor_id = bytes_le16(device + 8);
	ret->product_id = bytes_le16(device + 10);
	ret->bcd_device = bytes_le16(device + 12);
	memcpy(ret->port, port->name, sizeof(ret->port));
	vunit_serial(port->unit, ret->serial, sizeof(ret->serial));
	vunit_product(port->unit, ret->product, sizeof(ret->product));
	cut_blanks(ret->serial);
	cut_blanks(ret->product);
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct vport *const *left = a, *const *right = b;
	return strverscmp((*left)->name, (*right)->name);
}

static bool vbus_list(struct usb_bus *bus, struct usb_ident *ret, size_t cap, size_t *ret_count,
	uint64_t *ret_change, struct err *err)
{
	(void)err;
	struct vbus *vbus = (struct vbus *)bus;
	struct vport *ports[USB_UNITS_MAX];
	sync_all(vbus);
	pthread_mutex_lock(&vbus->lock);
	size_t count = vbus->count, found = 0;
	uint64_t change = vbus->change;
	memcpy(ports, vbus->ports, count * sizeof(ports[0]));
	pthread_mutex_unlock(&vbus->lock);
	qsort(ports, count, sizeof(ports[0]), by_name);
	for (size_t i = 0; i < count && found < cap; i++)
		found += fill_ident(ports[i], &ret[found]);
	*ret_count = found;
	*ret_change = change;
	return true;
}

/* Sleeps until the bus changes, a wall moment passes, or it is time to look at the cancel flag. */
static bool sleep_for_change(struct vbus *vbus, uint64_t change, uint64_t until_us)
{
	uint64_t poll_us = clock_mono_us() + CANCEL_POLL_MS * 1000;
	if (until_us > poll_us)
		until_us = poll_us;
	struct timespec until = { .tv_sec = (time_t)(until_us / 1000000),
		.tv_nsec = (long)(until_us % 1000000 * 1000) };
	SCOPED_LOCK(&vbus->lock);
	if (vbus->change == change)
		pthread_cond_timedwait(&vbus->changed, &vbus->lock, &until);
	return vbus->change != change;
}

static bool has_changed(struct vbus *vbus, uint64_t change)
{
	SCOPED_LOCK(&vbus->lock);
	return vbus->change != change;
}

/* The time-out is the units' time; at speed 0, when no unit has anything ahead, the wall's. */
static bool vbus_wait(struct usb_bus *bus, uint64_t change, uint32_t timeout_ms,
	const struct cancel *cancel, struct err *err)
{
	struct vbus *vbus = (struct vbus *)bus;
	double scale = vbus->speed > 0 ? vbus->speed : 1;
	uint64_t end_us = clock_mono_us() + (uint64_t)(timeout_ms * 1000.0 * scale);
	for (;;) {
		if (cancel_is_set(cancel))
			return err_set(err, REASON_STOPPED, "stopped while waiting for the bus");
		uint64_t soonest_us = sync_all(vbus);
		if (has_changed(vbus, change) || clock_mono_us() >= end_us)
			return true;
		if (sleep_for_change(vbus, change, soonest_us < end_us ? soonest_us : end_us))
			return true;
	}
}

static void free_port(struct vport *port)
{
	vunit_close(port->unit);
	pthread_mutex_destroy(&port->lock);
	free(port);
}

static void vbus_close(struct usb_bus *bus)
{
	struct vbus *vbus = (struct vbus *)bus;
	if (!vbus)
		return;
	for (size_t i = 0; i < vbus->count; i++)
		free_port(vbus->ports[i]);
	pthread_cond_destroy(&vbus->changed);
	pthread_mutex_destroy(&vbus->lock);
	free(vbus);
}

static const struct usb_bus_ops bus_ops = {
	.list = vbus_list,
	.wait = vbus_wait,
	.open = vbus_open,
	.close = vbus_close,
	.hubs = &vhub_ops,
};

bool vbus_new(double speed, struct vbus **ret, struct err *err)
{
	if (!isfinite(speed) || speed < 0)
		return err_set(
			err, REASON_INPUT, "a bus cannot run at speed %g: give 0 or more", speed);
	struct vbus *vbus = calloc(1, sizeof(*vbus));
	if (!vbus)
		return err_set(err, REASON_STATION, "no memory for an emulated bus");
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&vbus->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&vbus->lock, NULL);
	vbus->bus.ops = &bus_ops;
	vbus->speed = speed;
	*ret = vbus;
	return true;
}

struct usb_bus *vbus_bus(struct vbus *vbus)
{
	return &vbus->bus;
}

struct vport *vbus_find(struct vbus *vbus, const char *name)
{
	SCOPED_LOCK(&vbus->lock);
	for (size_t i = 0; i < vbus->count; i++) {
		if (strcmp(vbus->ports[i]->name, name) == 0)
			return vbus->ports[i];
	}
	return NULL;
}

static bool keep_port(struct vbus *vbus, struct vport *port)
{
	SCOPED_LOCK(&vbus->lock);
	if (vbus->count == USB_UNITS_MAX)
		return false;
	vbus->ports[vbus->count++] = port;
	return true;
}

static struct vport *add_port(struct vbus *vbus, const char *name, struct err *err)
{
	struct vport *port = calloc(1, sizeof(*port));
	if (!port) {
		err_set(err, REASON_STATION, "no memory for port %s", name);
		return NULL;
	}
	port->vbus = vbus;
	pthread_mutex_init(&port->lock, NULL);
	if (!text_copy(port->name, sizeof(port->name), name)) {
		err_set(err, REASON_INPUT, "the port name %.60s is longer than %d bytes", name,
			USB_PORT_MAX - 1);
	} else if (!keep_port(vbus, port)) {
		err_set(err, REASON_INPUT, "an emulated bus has at most %d ports", USB_UNITS_MAX);
	} else {
		return port;
	}
	free_port(port);
	return NULL;
}

static bool is_dark(const struct vport *port)
{
	SCOPED_LOCK(&port->vbus->lock);
	return vhub_is_dark(port->vbus, port->name);
}

static void power_on(struct vport *port, bool button)
{
	port->base_us = clock_mono_us();
	port->clock_us = 0;
	vunit_power(port->unit, button, 0);
}

void vport_power(struct vport *port)
{
	bool dark = is_dark(port);
	if (dark == port->dark || !port->unit) {
		port->dark = dark;
		return;
	}
	port->dark = dark;
	vport_sync(port, 0);
	if (dark)
		vunit_power_off(port->unit);
	else
		power_on(port, port->button);
	compare_presence(port);
}

bool vbus_plug(
	struct vbus *vbus, const char *name, struct vunit *unit, bool button, struct err *err)
{
	struct vport *port = vbus_find(vbus, name);
	if (!port)
		port = add_port(vbus, name, err);
	if (!port) {
		vunit_close(unit);
		return false;
	}
	SCOPED_LOCK(&port->lock);
	if (port->unit) {
		vunit_close(unit);
		return err_set(
			err, REASON_INPUT, "port %s already holds a unit: unplug it first", name);
	}
	port->unit = unit;
	port->button = false;
	port->dark = is_dark(port);
	if (!port->dark)
		power_on(port, button);
	compare_presence(port);
	pthread_mutex_lock(
		&vbus->lock); /* somebody may wait longer than this unit takes to appear */
	pthread_cond_broadcast(&vbus->changed);
	pthread_mutex_unlock(&vbus->lock);
	return true;
}

void vbus_unplug(struct vbus *vbus, const char *name)
{
	struct vport *port = vbus_find(vbus, name);
	if (!port)
		return;
	SCOPED_LOCK(&port->lock);
	if (!port->unit)
		return;
	vport_sync(port, 0);
	vunit_power_off(port->unit);
	compare_presence(port);
	vunit_close(port->unit);
	port->unit = NULL;
}

void vbus_button(struct vbus *vbus, const char *name)
{
	struct vport *port = vbus_find(vbus, name);
	if (!port)
		return;
	SCOPED_LOCK(&port->lock);
	if (!port->unit)
		return;
	/* At speed 0 nobody waited: what the unit has ahead comes before the hand. */
	if (port->vbus->speed <= 0)
		jump(port);
	vport_sync(port, 0);
	vunit_button(port->unit, vport_now_us(port));
	compare_presence(port);
	pthread_mutex_lock(&vbus->lock);
	pthread_cond_broadcast(&vbus->changed);
	pthread_mutex_unlock(&vbus->lock);
}

bool vbus_work(struct vbus *vbus, const char *name, struct vunit_work *ret)
{
	struct vport *port = vbus_find(vbus, name);
	if (!port)
		return false;
	SCOPED_LOCK(&port->lock);
	if (port->unit)
		*ret = vunit_work(port->unit);
	return port->unit != NULL;
}
