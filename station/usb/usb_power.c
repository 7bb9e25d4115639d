/* SPDX-License-Identifier: Apache-2.0 */
#include "usb_power.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"

enum { SWITCH_TIMEOUT_MS = 5000, VANISH_MS = 2000, LOOK_EVERY_MS = 100 };

/* --- which port it is --- */

static bool open_and_read(struct usb_bus *bus, const char *hub, const struct cancel *cancel,
	struct usb_dev **ret, struct usb_hub_about *ret_about, struct err *err)
{
	struct usb_dev *dev = NULL;
	if (!bus->ops->hubs->open(bus, hub, cancel, &dev, err))
		return err_at(err, "hub %s", hub);
	if (!usb_hub_read(dev, cancel, ret_about, err)) {
		dev->ops->close(dev);
		return err_at(err, "hub %s", hub);
	}
	*ret = dev;
	return true;
}

static bool check_half(struct usb_bus *bus, const struct usb_power_half *half,
	const struct cancel *cancel, struct err *err)
{
	struct usb_hub_about about;
	struct usb_dev *dev = NULL;
	if (!open_and_read(bus, half->hub, cancel, &dev, &about, err))
		return false;
	dev->ops->close(dev);
	if (half->port > about.ports)
		return err_set(err, REASON_POWER_NOT_SWITCHED,
			"hub %s has %u ports, and no port %u", half->hub, about.ports, half->port);
	if (about.switching == USB_SWITCHING_NONE)
		return err_set(
			err, REASON_POWER_NOT_SWITCHED, "hub %s switches no power", half->hub);
	if (about.switching == USB_SWITCHING_GANGED)
		return err_set(err, REASON_POWER_NOT_SWITCHED,
			"hub %s switches the power of all its %u ports at once", half->hub,
			about.ports);
	return true;
}

static bool look(
	struct usb_bus *bus, struct usb_power_half *half, struct usb_hub_port *ret, struct err *err)
{
	if (!bus->ops->hubs->port(bus, half->hub, half->port, ret, err))
		return false;
	half->by_system = ret->switches;
	return true;
}

bool usb_power_find(struct usb_bus *bus, const char *port, const struct cancel *cancel,
	struct usb_power *ret, struct err *err)
{
	struct usb_power power = { .bus = bus, .count = 1 };
	struct usb_power_half *own = &power.halves[0], *peer = &power.halves[1];
	struct usb_hub_port seen, other;
	if (!bus->ops->hubs || !usb_hub_of(port, own->hub, &own->port))
		return err_set(err, REASON_POWER_NOT_SWITCHED, "port %s is not a hub's", port);
	snprintf(power.port, sizeof power.port, "%s", port);
	if (!look(bus, own, &seen, err))
		return false;
	if (seen.peer_hub[0]) {
		power.count = 2;
		memcpy(peer->hub, seen.peer_hub, sizeof peer->hub);
		peer->port = seen.peer_port;
		if (!look(bus, peer, &other, err))
			return false;
	}
	for (unsigned i = 0; i < power.count; i++)
		if (!check_half(bus, &power.halves[i], cancel, err))
			return false;
	*ret = power;
	return true;
}

/* --- switching --- */

static bool switch_half(const struct usb_power *power, const struct usb_power_half *half, bool on,
	const struct cancel *cancel, struct err *err)
{
	struct usb_bus *bus = power->bus;
	struct usb_dev *dev = NULL;
	if (half->by_system)
		return bus->ops->hubs->switch_port(
			bus, half->hub, half->port, on, SWITCH_TIMEOUT_MS, cancel, err);
	if (!bus->ops->hubs->open(bus, half->hub, cancel, &dev, err))
		return false;
	bool good = usb_port_set_power(dev, half->port, on, cancel, err);
	dev->ops->close(dev);
	return good || err_at(err, "hub %s", half->hub);
}

/* Each half, whatever became of the others. */
static bool switch_all(
	const struct usb_power *power, bool on, const struct cancel *cancel, struct err *err)
{
	bool good = true;
	for (unsigned i = 0; i < power->count; i++) {
		struct err why;
		if (switch_half(power, &power->halves[i], on, cancel, &why))
			continue;
		if (good)
			*err = why;
		good = false;
	}
	return good;
}

/* arrival 0: nothing hangs there. */
static bool find_unit(const struct usb_power *power, struct usb_ident *ret, struct err *err)
{
	struct usb_ident idents[USB_UNITS_MAX];
	size_t count = 0;
	uint64_t change = 0;
	*ret = (struct usb_ident){ 0 };
	if (!power->bus->ops->list(power->bus, idents, USB_UNITS_MAX, &count, &change, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(idents[i].port, power->port) == 0)
			*ret = idents[i];
	return true;
}

/* A hub need not tell its host that a port lost its power when it was asked to cut it, and Linux then
 * lists the unit until the port has power again. One that has none does not answer. */
static bool answers(const struct usb_power *power, const struct usb_ident *unit,
	const struct cancel *cancel, struct err *err)
{
	struct usb_dev *dev = NULL;
	uint8_t bytes[18];
	uint16_t len = 0;
	if (!power->bus->ops->open(power->bus, unit, cancel, &dev, err))
		return err->reason == REASON_USB_ACCESS || err->reason == REASON_USB_BUSY;
	bool answered = usb_get_descriptor(dev, 1, 0, 0, bytes, sizeof bytes, cancel, &len, err);
	dev->ops->close(dev);
	return answered;
}

static bool await_vanished(const struct usb_power *power, const struct usb_ident *unit,
	const struct cancel *cancel, struct err *err)
{
	struct deadline deadline = deadline_in_ms(VANISH_MS);
	for (;;) {
		struct usb_ident now;
		if (!find_unit(power, &now, err))
			return false;
		if (now.arrival != unit->arrival)
			return true;
		if (deadline_passed(deadline))
			break;
		if (!clock_pause_until(clock_mono_us() + LOOK_EVERY_MS * 1000u, cancel))
			return err_set(
				err, REASON_STOPPED, "stopped while port %s is off", power->port);
	}
	struct err silence;
	return !answers(power, unit, cancel, &silence) ||
	       err_set(err, REASON_POWER_NOT_SWITCHED,
		       "port %s was switched off, and its unit is still there after %d ms",
		       power->port, VANISH_MS);
}

static bool check_off(const struct usb_power *power, const struct cancel *cancel, struct err *err)
{
	for (unsigned i = 0; i < power->count; i++) {
		const struct usb_power_half *half = &power->halves[i];
		struct usb_port_status status;
		struct usb_hub_about about;
		struct usb_dev *dev = NULL;
		if (!open_and_read(power->bus, half->hub, cancel, &dev, &about, err))
			return false;
		bool read = usb_port_read(dev, &about, half->port, cancel, &status, err);
		dev->ops->close(dev);
		if (!read)
			return err_at(err, "hub %s", half->hub);
		if (status.powered)
			return err_set(err, REASON_POWER_NOT_SWITCHED,
				"port %u of hub %s was switched off, and says that it has power",
				half->port, half->hub);
	}
	return true;
}

static bool off_for(const struct usb_power *power, const struct usb_ident *unit, uint32_t off_ms,
	const struct cancel *cancel, struct err *err)
{
	if (!switch_all(power, false, cancel, err) ||
		(unit->arrival && !await_vanished(power, unit, cancel, err)) ||
		!check_off(power, cancel, err))
		return false;
	return clock_pause_until(clock_mono_us() + UINT64_C(1000) * off_ms, cancel) ||
	       err_set(err, REASON_STOPPED, "stopped while port %s is off", power->port);
}

bool usb_power_cycle(const struct usb_power *power, uint32_t off_ms, const struct cancel *cancel,
	struct err *err)
{
	struct usb_ident unit;
	struct err dark;
	if (!find_unit(power, &unit, err))
		return false;
	bool good = off_for(power, &unit, off_ms, cancel, err);
	/* Nobody's stop leaves a port dark. */
	if (switch_all(power, true, NULL, &dark))
		return good;
	if (good)
		*err = dark;
	return false;
}

bool usb_power_over_currents(struct usb_bus *bus, const char *port, uint32_t *ret)
{
	char hub[USB_PORT_MAX];
	struct usb_hub_port seen;
	struct err ignored;
	unsigned number;
	if (!bus->ops->hubs || !usb_hub_of(port, hub, &number) ||
		!bus->ops->hubs->port(bus, hub, number, &seen, &ignored) || !seen.counts)
		return false;
	*ret = seen.over_current_count;
	return true;
}
