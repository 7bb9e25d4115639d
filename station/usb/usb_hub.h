/* SPDX-License-Identifier: Apache-2.0 */
/* Hubs: which are there, what they say of their ports, and the power of a port. Facts: USB 2.0, 11.23
 * and 11.24; USB 3.2, 10.15 and 10.16.
 *
 * A hub is named by the port that it hangs on ("1-2"), a root hub by its bus ("usb1"). A hub with USB
 * 3 is two hubs, one for each speed, on two buses; power goes from a socket only when both of its
 * ports are off. */
#pragma once

#include "usb.h"

enum { USB_HUBS_MAX = 128, USB_HUB_PORTS_MAX = 127 };

struct usb_hub_ident {
	char port[USB_PORT_MAX];
	char controller[USB_CONTROLLER_MAX]; /* as in struct usb_ident */
};

/* What the system knows of a hub's port without asking the hub. */
struct usb_hub_port {
	bool switches;               /* switch_port works here */
	bool counts;                 /* over_current_count is known */
	uint32_t over_current_count; /* since the hub came */
	char peer_hub[USB_PORT_MAX]; /* the same socket at the other speed; "" = none */
	unsigned peer_port;
};

/* A part of struct usb_bus_ops; any thread. */
struct usb_hub_ops {
	/* The hubs that are there now, root hubs too; at most cap, in no order. Does not block. */
	bool (*list)(struct usb_bus *bus, struct usb_hub_ident *ret, size_t cap, size_t *ret_count,
		struct err *err);
	/* For control transfers alone. Blocks and fails like the open of a unit. */
	bool (*open)(struct usb_bus *bus, const char *hub, const struct cancel *cancel,
		struct usb_dev **ret, struct err *err);
	/* USB_GONE if there is no such port. Does not block. */
	bool (*port)(struct usb_bus *bus, const char *hub, unsigned port, struct usb_hub_port *ret,
		struct err *err);
	/* Through the system, which then knows about it (Linux 6.0: "disable" in /sys). Blocks at
	 * most timeout_ms. */
	bool (*switch_port)(struct usb_bus *bus, const char *hub, unsigned port, bool on,
		uint32_t timeout_ms, const struct cancel *cancel, struct err *err);
};

/* The hub and the number of its port, of a port name: "1-2.3" is port 3 of "1-2", "1-2" port 2 of
 * "usb1". False for what is no port. */
bool usb_hub_of(const char *port, char ret_hub[USB_PORT_MAX], unsigned *ret_port);
/* "1-2.3" from "1-2" and 3. False if it does not fit. */
bool usb_hub_port_name(const char *hub, unsigned port, char ret[USB_PORT_MAX]);
/* Does what hangs on port hang (through others) on the hub? */
bool usb_hub_is_above(const char *hub, const char *port);
/* The hub nearest to the root, of those that the port hangs on, that is not there now; "" if all
 * are, or the bus knows nothing of hubs. */
bool usb_hub_missing(
	struct usb_bus *bus, const char *port, char ret[USB_PORT_MAX], struct err *err) MUST_CHECK;

/* --- what a hub says of itself --- */

enum usb_switching { USB_SWITCHING_NONE, USB_SWITCHING_GANGED, USB_SWITCHING_EACH };

struct usb_hub_about {
	bool super_speed;
	unsigned ports;
	enum usb_switching switching;
	uint32_t power_good_ms; /* from on to good power */
};

struct usb_port_status {
	bool connected, powered, over_current;
};

/* Any bytes. REASON_DESCRIPTORS for what is no hub descriptor. */
bool usb_hub_parse(
	const uint8_t *bytes, size_t len, struct usb_hub_about *ret, struct err *err) MUST_CHECK;
/* Of the four bytes of a port's status. */
struct usb_port_status usb_port_parse(const uint8_t bytes[4], bool super_speed);

/* Class requests to an opened hub. */
bool usb_hub_read(struct usb_dev *hub, const struct cancel *cancel, struct usb_hub_about *ret,
	struct err *err) MUST_CHECK;
bool usb_port_read(struct usb_dev *hub, const struct usb_hub_about *about, unsigned port,
	const struct cancel *cancel, struct usb_port_status *ret, struct err *err) MUST_CHECK;
bool usb_port_set_power(struct usb_dev *hub, unsigned port, bool on, const struct cancel *cancel,
	struct err *err) MUST_CHECK;
