/* SPDX-License-Identifier: Apache-2.0 */
/* A handle on one arrival of a unit of the emulated bus. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "scope.h"
#include "vbus_private.h"
#include "vfault.h"

struct vdev {
	struct usb_dev dev;
	struct vport *port;
	uint64_t arrival;
};

static bool gone(const struct vdev *vdev, struct err *err)
{
	return err_set(err, REASON_USB_GONE, "the unit at %s is no longer the one that was opened",
		vdev->port->name);
}

static bool stopped(const struct vdev *vdev, struct err *err)
{
	return err_set(
		err, REASON_STOPPED, "stopped while talking to the unit at %s", vdev->port->name);
}

/* One transfer, in the unit's time. */
struct exchange {
	uint8_t endpoint; /* 0: a control transfer */
	uint8_t setup[8];
	uint8_t data[USB_CONTROL_MAX];
	uint16_t len, moved;
	enum vunit_answer answer;
	bool hung;       /* it stays on the bus, electrically, and answers nothing any more */
	uint64_t end_us; /* when the host knows: the transfer's end, or the time-out */
	bool too_late;
	bool has_outside;
	struct vfault outside; /* what happens to the bus with this transfer */
};

static enum vunit_answer hand_over(
	struct vport *port, struct exchange *exchange, uint64_t now_us, uint64_t *ret_done_us)
{
	if (exchange->endpoint)
		return vunit_bulk(port->unit, exchange->endpoint, exchange->data, exchange->len,
			&exchange->moved, now_us, ret_done_us);
	return vunit_control(
		port->unit, exchange->setup, exchange->data, &exchange->moved, now_us, ret_done_us);
}

/* Hands the transfer to the unit. At speed 0 the unit's clock is at its end at once. */
static bool begin(
	struct vdev *vdev, struct exchange *exchange, uint32_t timeout_ms, struct err *err)
{
	struct vport *port = vdev->port;
	SCOPED_LOCK(&port->lock);
	vport_sync(port, 0);
	port->user = pthread_self();
	port->used_us = clock_mono_us();
	if (port->arrival != vdev->arrival)
		return gone(vdev, err);
	uint64_t now_us = vport_now_us(port), done_us;
	uint64_t limit_us = now_us + UINT64_C(1000) * timeout_ms;
	exchange->answer = hand_over(port, exchange, now_us, &done_us);
	exchange->has_outside = vunit_take_outside(port->unit, &exchange->outside);
	exchange->hung = vunit_mode(port->unit) == VUNIT_DEAD;
	uint64_t leaves_us = vunit_next_event_us(port->unit);
	bool silent = exchange->answer == VUNIT_NONE || exchange->answer == VUNIT_NAK;
	if (silent && !exchange->hung && leaves_us < limit_us)
		done_us = leaves_us;
	exchange->too_late = done_us > limit_us;
	exchange->end_us = exchange->too_late ? limit_us : done_us;
	/* The bus sees at once that a unit lost its power; at speed 0 the unit's
	 * clock is at the end. */
	vport_sync(port, exchange->end_us);
	return true;
}

/* Sleeps to the end of the transfer, an absolute moment, and ends early when
 * the unit is pulled out. */
static bool await_end(struct vdev *vdev, const struct exchange *exchange,
	const struct cancel *cancel, struct err *err)
{
	struct vport *port = vdev->port;
	for (;;) {
		pthread_mutex_lock(&port->lock);
		uint64_t end_us = vport_wall_us(port, exchange->end_us);
		if (port->vbus->speed > 0 && clock_mono_us() >= end_us)
			vport_sync(port, 0);
		bool here = port->arrival == vdev->arrival;
		bool over = port->vbus->speed <= 0 || clock_mono_us() >= end_us;
		pthread_mutex_unlock(&port->lock);
		if (!here && !exchange->hung)
			return gone(vdev, err);
		if (over)
			return true;
		uint64_t slice_us = clock_mono_us() + CANCEL_POLL_MS * 1000;
		if (!clock_pause_until(end_us < slice_us ? end_us : slice_us, cancel))
			return stopped(vdev, err);
	}
}

static bool judge(const struct vdev *vdev, const struct exchange *exchange, uint32_t timeout_ms,
	struct err *err)
{
	const char *port = vdev->port->name;
	unsigned type = exchange->setup[0], request = exchange->setup[1];
	if (exchange->endpoint && (exchange->too_late || exchange->hung))
		return err_set(err, REASON_USB_TIMEOUT,
			"the unit at %s moved nothing on endpoint %02x in %u ms", port,
			exchange->endpoint, timeout_ms);
	if (exchange->too_late || exchange->hung)
		return err_set(err, REASON_USB_TIMEOUT,
			"the unit at %s did not end request %02x/%02x in %u ms", port, type,
			request, timeout_ms);
	switch (exchange->answer) {
	case VUNIT_ACK:
		return true;
	case VUNIT_STALL:
		return err_set(err, REASON_USB_STALL, "the unit at %s refused request %02x/%02x",
			port, type, request);
	case VUNIT_OVERFLOW:
		return err_set(err, REASON_USB_OVERFLOW,
			"the unit at %s sent more than the %u bytes of request %02x/%02x", port,
			exchange->len, type, request);
	case VUNIT_NONE:
	case VUNIT_NAK:
		break;
	}
	return gone(vdev, err);
}

/* No lock held. */
static void happen(const struct vport *port, const struct vfault *fault)
{
	char hub[USB_PORT_MAX];
	unsigned number;
	if (fault->kind == VFAULT_OVER_CURRENT)
		vbus_over_current(port->vbus, port->name, fault->comes_back);
	else if (usb_hub_of(port->name, hub, &number))
		vbus_hub_unplug(port->vbus, hub);
}

static bool run(struct vdev *vdev, struct exchange *exchange, uint32_t timeout_ms,
	const struct cancel *cancel, struct err *err)
{
	if (!begin(vdev, exchange, timeout_ms, err))
		return false;
	if (exchange->has_outside)
		happen(vdev->port, &exchange->outside);
	return await_end(vdev, exchange, cancel, err) && judge(vdev, exchange, timeout_ms, err);
}

static bool vdev_control(struct usb_dev *dev, struct usb_setup setup, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	struct vdev *vdev = (struct vdev *)dev;
	if (len > USB_CONTROL_MAX)
		return err_set(err, REASON_BUG, "a control transfer of %u bytes; at most %d", len,
			USB_CONTROL_MAX);
	if (cancel_is_set(cancel))
		return stopped(vdev, err);
	struct exchange exchange = { .setup = { setup.type, setup.request }, .len = len };
	bytes_put_le16(exchange.setup + 2, setup.value);
	bytes_put_le16(exchange.setup + 4, setup.index);
	bytes_put_le16(exchange.setup + 6, len);
	bool in = setup.type & 0x80;
	if (!in && len)
		memcpy(exchange.data, data, len);
	bool ok = run(vdev, &exchange, timeout_ms, cancel, err);
	if (ok) {
		if (in && exchange.moved)
			memcpy(data, exchange.data, exchange.moved);
		*ret_len = exchange.moved;
	}
	explicit_bzero(&exchange, sizeof(exchange));
	return ok;
}

static bool is_claimed(const struct vdev *vdev, uint8_t interface)
{
	struct vport *port = vdev->port;
	SCOPED_LOCK(&port->lock);
	return interface < sizeof(port->claimer) / sizeof(port->claimer[0]) &&
	       (port->claimer[interface] == vdev || port->arrival != vdev->arrival);
}

/* A unit that has nothing to say has nothing until it is asked again: the time runs out then. */
static bool vdev_bulk(struct usb_dev *dev, uint8_t endpoint, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	static const uint8_t data_interface = 1;
	struct vdev *vdev = (struct vdev *)dev;
	if (len > USB_BULK_MAX || !is_claimed(vdev, data_interface))
		return err_set(err, REASON_BUG,
			"%u bytes on endpoint %02x; at most %d, and its interface claimed", len,
			endpoint, USB_BULK_MAX);
	if (cancel_is_set(cancel))
		return stopped(vdev, err);
	struct exchange exchange = { .endpoint = endpoint, .len = len };
	if (!(endpoint & 0x80) && len)
		memcpy(exchange.data, data, len);
	bool ok = run(vdev, &exchange, timeout_ms, cancel, err);
	if (ok) {
		if (endpoint & 0x80)
			memcpy(data, exchange.data, exchange.moved);
		*ret_len = exchange.moved;
	}
	explicit_bzero(&exchange, sizeof(exchange));
	return ok;
}

static bool vdev_claim(struct usb_dev *dev, uint8_t interface, struct err *err)
{
	struct vdev *vdev = (struct vdev *)dev;
	struct vport *port = vdev->port;
	SCOPED_LOCK(&port->lock);
	vport_sync(port, 0);
	if (port->arrival != vdev->arrival)
		return gone(vdev, err);
	if (interface >= sizeof(port->claimer) / sizeof(port->claimer[0]))
		return err_set(err, REASON_USB_IO, "the unit at %s has no interface %u", port->name,
			interface);
	if (port->claimer[interface] && port->claimer[interface] != dev)
		return err_set(err, REASON_USB_BUSY, "interface %u of the unit at %s is taken",
			interface, port->name);
	port->claimer[interface] = dev;
	return true;
}

static bool vdev_set_interface(struct usb_dev *dev, uint8_t interface, uint8_t alternate,
	uint32_t timeout_ms, const struct cancel *cancel, struct err *err)
{
	static const uint8_t set_interface = 11;
	struct usb_setup setup = {
		.type = 0x01, .request = set_interface, .value = alternate, .index = interface
	};
	uint16_t len;
	if (!is_claimed((struct vdev *)dev, interface))
		return err_set(err, REASON_BUG,
			"SET_INTERFACE on interface %u, which is not claimed", interface);
	return vdev_control(dev, setup, NULL, 0, timeout_ms, cancel, &len, err);
}

static bool vdev_pause(
	struct usb_dev *dev, uint32_t ms, const struct cancel *cancel, struct err *err)
{
	struct vdev *vdev = (struct vdev *)dev;
	struct vport *port = vdev->port;
	pthread_mutex_lock(&port->lock);
	uint64_t until_us = vport_now_us(port) + UINT64_C(1000) * ms;
	uint64_t wall_us = vport_wall_us(port, until_us);
	port->user = pthread_self();
	port->used_us = clock_mono_us();
	vport_sync(port, until_us);
	pthread_mutex_unlock(&port->lock);
	bool fast = port->vbus->speed <= 0;
	if (fast ? cancel_is_set(cancel) : !clock_pause_until(wall_us, cancel))
		return stopped(vdev, err);
	return true;
}

static void vdev_close(struct usb_dev *dev)
{
	struct vdev *vdev = (struct vdev *)dev;
	if (!vdev)
		return;
	struct vport *port = vdev->port;
	pthread_mutex_lock(&port->lock);
	port->handles--;
	for (size_t i = 0; i < sizeof(port->claimer) / sizeof(port->claimer[0]); i++) {
		if (port->claimer[i] == vdev)
			port->claimer[i] = NULL;
	}
	pthread_mutex_unlock(&port->lock);
	free(vdev);
}

static const struct usb_dev_ops dev_ops = {
	.control = vdev_control,
	.bulk = vdev_bulk,
	.claim = vdev_claim,
	.set_interface = vdev_set_interface,
	.pause = vdev_pause,
	.close = vdev_close,
};

bool vbus_open(struct usb_bus *bus, const struct usb_ident *ident, const struct cancel *cancel,
	struct usb_dev **ret, struct err *err)
{
	if (cancel_is_set(cancel))
		return err_set(
			err, REASON_STOPPED, "stopped before opening the unit at %s", ident->port);
	struct vport *port = vbus_find((struct vbus *)bus, ident->port);
	struct vdev *vdev = port ? calloc(1, sizeof(*vdev)) : NULL;
	if (port && !vdev)
		return err_set(err, REASON_STATION, "no memory for the unit at %s", ident->port);
	if (!port)
		return err_set(err, REASON_USB_GONE, "no unit is at %s", ident->port);
	*vdev = (struct vdev){ .dev.ops = &dev_ops, .port = port, .arrival = ident->arrival };
	SCOPED_LOCK(&port->lock);
	vport_sync(port, 0);
	if (port->arrival == 0 || port->arrival != ident->arrival) {
		gone(vdev, err);
		free(vdev);
		return false;
	}
	port->handles++;
	port->user = pthread_self();
	port->used_us = clock_mono_us();
	*ret = &vdev->dev;
	return true;
}
