/* SPDX-License-Identifier: Apache-2.0 */
/* Hubs of the emulated bus: whether they are there, the power of their ports, and the class requests
 * by which a host asks for both (USB 2.0, 11.24). */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "scope.h"
#include "text.h"
#include "vbus_private.h"

enum { CLASS_HUB = 9, FEATURE_POWER = 8, SETUP_KEY = 8 };

struct vhub_dev {
	struct usb_dev dev;
	struct vhub *hub;
};

/* Bus's lock held. NULL: never named. */
static struct vhub *find(struct vbus *vbus, const char *port)
{
	for (size_t i = 0; i < vbus->hub_count; i++)
		if (strcmp(vbus->hubs[i].port, port) == 0)
			return &vbus->hubs[i];
	return NULL;
}

static bool gives_power(const struct vhub *hub, unsigned port)
{
	bool switches =
		hub->kind == VHUB_EACH || hub->kind == VHUB_SYSTEM || hub->kind == VHUB_GANGED;
	return !hub->cut[port] && !(switches && hub->off[port]);
}

bool vhub_is_dark(const struct vbus *vbus, const char *port)
{
	char at[USB_PORT_MAX], above[USB_PORT_MAX];
	unsigned number;
	if (!text_copy(at, sizeof at, port))
		return false;
	while (usb_hub_of(at, above, &number)) {
		const struct vhub *hub = find((struct vbus *)(uintptr_t)vbus, above);
		if (hub && number <= hub->ports &&
			(hub->away || (!gives_power(hub, number) &&
					      !(hub->peer && gives_power(hub->peer, number)))))
			return true;
		memcpy(at, above, sizeof at);
	}
	return false;
}

/* Every unit gets what the hubs give now. No lock held. */
static void repower(struct vbus *vbus)
{
	pthread_mutex_lock(&vbus->lock);
	size_t count = vbus->count;
	vbus->change++;
	pthread_cond_broadcast(&vbus->changed);
	pthread_mutex_unlock(&vbus->lock);
	for (size_t i = 0; i < count; i++) {
		SCOPED_LOCK(&vbus->ports[i]->lock);
		vport_power(vbus->ports[i]);
	}
}

/* --- what happens to hubs --- */

bool vbus_hub(
	struct vbus *vbus, const char *port, unsigned ports, enum vhub_kind kind, struct err *err)
{
	SCOPED_LOCK(&vbus->lock);
	struct vhub *hub = &vbus->hubs[vbus->hub_count];
	if (vbus->hub_count == VHUBS_MAX || !ports || ports > VHUB_PORTS_MAX || find(vbus, port) ||
		!text_copy(hub->port, sizeof hub->port, port))
		return err_set(err, REASON_INPUT,
			"no hub at %s: at most %d, each once, with 1 to %d ports", port, VHUBS_MAX,
			VHUB_PORTS_MAX);
	hub->vbus = vbus;
	hub->ports = ports;
	hub->kind = kind;
	vbus->hub_count++;
	return true;
}

void vbus_hub_peer(struct vbus *vbus, const char *port, const char *peer)
{
	SCOPED_LOCK(&vbus->lock);
	struct vhub *one = find(vbus, port), *other = find(vbus, peer);
	if (one && other) {
		one->peer = other;
		other->peer = one;
	}
}

static void set_away(struct vbus *vbus, const char *port, bool away)
{
	pthread_mutex_lock(&vbus->lock);
	struct vhub *hub = find(vbus, port);
	if (hub) {
		hub->away = away;
		memset(hub->off, 0, sizeof hub->off); /* it starts anew */
	}
	pthread_mutex_unlock(&vbus->lock);
	repower(vbus);
}

void vbus_hub_unplug(struct vbus *vbus, const char *port)
{
	set_away(vbus, port, true);
}

void vbus_hub_plug(struct vbus *vbus, const char *port)
{
	set_away(vbus, port, false);
}

void vbus_hubs_plug(struct vbus *vbus)
{
	pthread_mutex_lock(&vbus->lock);
	for (size_t i = 0; i < vbus->hub_count; i++)
		vbus->hubs[i].away = false;
	pthread_mutex_unlock(&vbus->lock);
	repower(vbus);
}

static void set_cut(struct vbus *vbus, const char *port, bool cut)
{
	char above[USB_PORT_MAX];
	unsigned number;
	if (!usb_hub_of(port, above, &number))
		return;
	pthread_mutex_lock(&vbus->lock);
	struct vhub *hub = find(vbus, above);
	if (hub && number <= hub->ports) {
		hub->cut[number] = cut;
		hub->over_currents[number] += cut;
	}
	pthread_mutex_unlock(&vbus->lock);
	repower(vbus);
}

void vbus_over_current(struct vbus *vbus, const char *port, bool recovers)
{
	set_cut(vbus, port, true);
	if (recovers)
		set_cut(vbus, port, false);
}

void vbus_hold_button(struct vbus *vbus, const char *port, bool held)
{
	struct vport *place = vbus_find(vbus, port);
	if (!place)
		return;
	SCOPED_LOCK(&place->lock);
	place->button = held;
}

/* --- requests --- */

static void set_power(struct vhub *hub, unsigned port, bool on)
{
	pthread_mutex_lock(&hub->vbus->lock);
	for (unsigned i = 1; i <= hub->ports; i++)
		if (i == port || hub->kind == VHUB_GANGED)
			hub->off[i] = !on;
	if (on)
		hub->cut[port] = false;
	pthread_mutex_unlock(&hub->vbus->lock);
	repower(hub->vbus);
}

static void put_device(uint8_t bytes[18])
{
	static const uint8_t device[18] = { 18, 1, 0x00, 0x02, CLASS_HUB, 0, 1, 64, 0x6b, 0x1d,
		0x02, 0x00, 0x00, 0x01, 0, 0, 0, 1 };
	memcpy(bytes, device, sizeof device);
}

static uint16_t put_hub(const struct vhub *hub, uint8_t bytes[9])
{
	static const uint8_t modes[] = { [VHUB_EACH] = 1,
		[VHUB_SYSTEM] = 1,
		[VHUB_GANGED] = 0,
		[VHUB_NONE] = 2,
		[VHUB_LIES] = 1,
		[VHUB_KEEPS] = 1,
		[VHUB_DEAF] = 1 };
	const uint8_t about[9] = { 9, 0x29, (uint8_t)hub->ports, modes[hub->kind], 0, 50, 0, 0,
		0xff };
	memcpy(bytes, about, sizeof about);
	return sizeof about;
}

static void put_status(struct vhub *hub, unsigned port, uint8_t bytes[4])
{
	SCOPED_LOCK(&hub->vbus->lock);
	bool powered = (!hub->off[port] || hub->kind == VHUB_KEEPS) && !hub->cut[port];
	bytes_put_le16(bytes, (uint16_t)(0x100 * powered | 8 * hub->cut[port]));
	bytes_put_le16(bytes + 2, 0);
}

/* False: stalled. */
static bool answer(struct vhub *hub, struct usb_setup setup, uint8_t *bytes, uint16_t *ret_len)
{
	unsigned key = (unsigned)setup.type << SETUP_KEY | setup.request;
	bool is_port = setup.index >= 1 && setup.index <= hub->ports;
	*ret_len = 0;
	if (key == 0x8006 && setup.value == 0x0100) {
		put_device(bytes);
		*ret_len = 18;
	} else if (key == 0xa006 && setup.value == 0x2900) {
		*ret_len = put_hub(hub, bytes);
	} else if (key == 0xa300 && is_port) {
		put_status(hub, setup.index, bytes);
		*ret_len = 4;
	} else if ((key == 0x2303 || key == 0x2301) && is_port && setup.value == FEATURE_POWER) {
		set_power(hub, setup.index, key == 0x2303);
	} else {
		return false;
	}
	return true;
}

static bool is_away(struct vhub *hub)
{
	SCOPED_LOCK(&hub->vbus->lock);
	return hub->away || vhub_is_dark(hub->vbus, hub->port);
}

static bool hub_control(struct usb_dev *dev, struct usb_setup setup, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	struct vhub *hub = ((struct vhub_dev *)dev)->hub;
	uint8_t bytes[32];
	uint16_t got;
	if (cancel_is_set(cancel))
		return err_set(err, REASON_STOPPED, "stopped while talking to hub %s", hub->port);
	if (is_away(hub))
		return err_set(err, REASON_USB_GONE, "hub %s has left", hub->port);
	if (hub->kind == VHUB_DEAF)
		return err_set(err, REASON_USB_TIMEOUT, "hub %s did not answer in %u ms", hub->port,
			timeout_ms);
	if (!answer(hub, setup, bytes, &got))
		return err_set(err, REASON_USB_STALL, "hub %s refused request %02x/%02x", hub->port,
			setup.type, setup.request);
	*ret_len = got < len ? got : len;
	if (*ret_len)
		memcpy(data, bytes, *ret_len);
	return true;
}

static bool hub_claim(struct usb_dev *dev, uint8_t interface, struct err *err)
{
	(void)dev;
	return err_set(err, REASON_USB_BUSY, "interface %u is the system's", interface);
}

static void hub_close(struct usb_dev *dev)
{
	free(dev);
}

static const struct usb_dev_ops hub_dev_ops = {
	.control = hub_control, .claim = hub_claim, .close = hub_close
};

/* --- the contract of usb_hub.h --- */

static void add_hub(struct usb_hub_ident *ret, size_t cap, size_t *count, const char *port)
{
	for (size_t i = 0; i < *count; i++)
		if (strcmp(ret[i].port, port) == 0)
			return;
	if (*count < cap && text_copy(ret[*count].port, sizeof ret[*count].port, port))
		ret[(*count)++].controller[0] = '\0';
}

/* Those above a place. Bus's lock held. */
static void add_above(
	struct vbus *vbus, struct usb_hub_ident *ret, size_t cap, size_t *count, const char *port)
{
	char at[USB_PORT_MAX], above[USB_PORT_MAX];
	unsigned number;
	if (!text_copy(at, sizeof at, port))
		return;
	while (usb_hub_of(at, above, &number)) {
		const struct vhub *hub = find(vbus, above);
		if (!(hub && hub->away) && !vhub_is_dark(vbus, above))
			add_hub(ret, cap, count, above);
		memcpy(at, above, sizeof at);
	}
}

static bool list_hubs(struct usb_bus *bus, struct usb_hub_ident *ret, size_t cap, size_t *ret_count,
	struct err *err)
{
	struct vbus *vbus = (struct vbus *)bus;
	size_t count = 0;
	(void)err;
	SCOPED_LOCK(&vbus->lock);
	for (size_t i = 0; i < vbus->count; i++)
		add_above(vbus, ret, cap, &count, vbus->ports[i]->name);
	for (size_t i = 0; i < vbus->hub_count; i++) {
		if (!vbus->hubs[i].away && !vhub_is_dark(vbus, vbus->hubs[i].port))
			add_hub(ret, cap, &count, vbus->hubs[i].port);
		add_above(vbus, ret, cap, &count, vbus->hubs[i].port);
	}
	*ret_count = count;
	return true;
}

static struct vhub *hub_at(struct usb_bus *bus, const char *port)
{
	struct vbus *vbus = (struct vbus *)bus;
	SCOPED_LOCK(&vbus->lock);
	return find(vbus, port);
}

static bool open_hub(struct usb_bus *bus, const char *port, const struct cancel *cancel,
	struct usb_dev **ret, struct err *err)
{
	struct vhub *hub = hub_at(bus, port);
	if (cancel_is_set(cancel))
		return err_set(err, REASON_STOPPED, "stopped before opening hub %s", port);
	if (!hub || is_away(hub))
		return err_set(err, REASON_USB_GONE, "there is no hub %s to be opened", port);
	struct vhub_dev *dev = calloc(1, sizeof *dev);
	if (!dev)
		return err_set(err, REASON_STATION, "no memory for hub %s", port);
	dev->dev.ops = &hub_dev_ops;
	dev->hub = hub;
	*ret = &dev->dev;
	return true;
}

static bool look_at_port(struct usb_bus *bus, const char *port, unsigned number,
	struct usb_hub_port *ret, struct err *err)
{
	struct vhub *hub = hub_at(bus, port);
	*ret = (struct usb_hub_port){ 0 };
	if (!hub)
		return true;
	if (number > hub->ports)
		return err_set(err, REASON_USB_GONE, "hub %s has no port %u", port, number);
	SCOPED_LOCK(&hub->vbus->lock);
	ret->switches = hub->kind == VHUB_SYSTEM;
	ret->counts = true;
	ret->over_current_count = hub->over_currents[number];
	if (hub->peer) {
		memcpy(ret->peer_hub, hub->peer->port, sizeof ret->peer_hub);
		ret->peer_port = number;
	}
	return true;
}

static bool switch_port(struct usb_bus *bus, const char *port, unsigned number, bool on,
	uint32_t timeout_ms, const struct cancel *cancel, struct err *err)
{
	struct vhub *hub = hub_at(bus, port);
	(void)timeout_ms, (void)cancel;
	if (!hub || hub->kind != VHUB_SYSTEM || number > hub->ports)
		return err_set(err, REASON_USB_IO, "the system does not switch port %u of %s",
			number, port);
	set_power(hub, number, on);
	return true;
}

const struct usb_hub_ops vhub_ops = {
	.list = list_hubs, .open = open_hub, .port = look_at_port, .switch_port = switch_port
};
