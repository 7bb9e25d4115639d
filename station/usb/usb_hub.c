/* SPDX-License-Identifier: Apache-2.0 */
#include "usb_hub.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "text.h"

enum {
	REQUEST_GET_STATUS = 0,
	REQUEST_CLEAR_FEATURE = 1,
	REQUEST_SET_FEATURE = 3,
	REQUEST_GET_DESCRIPTOR = 6,
	TYPE_HUB_IN = 0xa0,
	TYPE_PORT_IN = 0xa3,
	TYPE_PORT_OUT = 0x23,
	DESCRIPTOR_DEVICE = 1,
	DESCRIPTOR_HUB = 0x29,
	DESCRIPTOR_HUB_SUPER = 0x2a,
	FEATURE_PORT_POWER = 8,
	PROTOCOL_SUPER = 3, /* bDeviceProtocol */
	DEVICE_LEN = 18,
	HUB_LEN_MIN = 7,
	HUB_LEN_MAX = 71,
	STATUS_LEN = 4,
	BIT_CONNECTION = 0x0001,
	BIT_OVER_CURRENT = 0x0008,
	BIT_POWER = 0x0100,
	BIT_POWER_SUPER = 0x0200,
	HUB_TIMEOUT_MS = 1000
};

/* --- names --- */

bool usb_hub_of(const char *port, char ret_hub[USB_PORT_MAX], unsigned *ret_port)
{
	const char *dash = strchr(port, '-'), *last = strrchr(port, '.');
	const char *number = last ? last + 1 : dash ? dash + 1 : "";
	char *end;
	unsigned long value = strtoul(number, &end, 10);
	if (!dash || !isdigit((unsigned char)number[0]) || *end || value == 0 ||
		value > USB_HUB_PORTS_MAX || strlen(port) >= USB_PORT_MAX)
		return false;
	*ret_port = (unsigned)value;
	if (last)
		return text_format(ret_hub, USB_PORT_MAX, "%.*s", (int)(last - port), port);
	return text_format(ret_hub, USB_PORT_MAX, "usb%.*s", (int)(dash - port), port);
}

bool usb_hub_port_name(const char *hub, unsigned port, char ret[USB_PORT_MAX])
{
	if (strncmp(hub, "usb", 3) == 0)
		return text_format(ret, USB_PORT_MAX, "%s-%u", hub + 3, port);
	return text_format(ret, USB_PORT_MAX, "%s.%u", hub, port);
}

bool usb_hub_is_above(const char *hub, const char *port)
{
	size_t len = strlen(hub);
	if (strncmp(hub, "usb", 3) == 0)
		return strncmp(port, hub + 3, len - 3) == 0 && port[len - 3] == '-';
	return strncmp(port, hub, len) == 0 && port[len] == '.';
}

bool usb_hub_missing(struct usb_bus *bus, const char *port, char ret[USB_PORT_MAX], struct err *err)
{
	struct usb_hub_ident hubs[USB_HUBS_MAX];
	char at[USB_PORT_MAX], hub[USB_PORT_MAX];
	size_t count = 0;
	unsigned number;
	ret[0] = '\0';
	if (!bus->ops->hubs || !text_copy(at, sizeof at, port))
		return true;
	if (!bus->ops->hubs->list(bus, hubs, USB_HUBS_MAX, &count, err))
		return false;
	while (usb_hub_of(at, hub, &number)) {
		bool there = false;
		for (size_t i = 0; i < count && !there; i++)
			there = strcmp(hubs[i].port, hub) == 0;
		if (!there)
			memcpy(ret, hub, sizeof hub);
		memcpy(at, hub, sizeof at);
	}
	return true;
}

/* --- what a hub says --- */

bool usb_hub_parse(const uint8_t *bytes, size_t len, struct usb_hub_about *ret, struct err *err)
{
	static const enum usb_switching switching[] = { USB_SWITCHING_GANGED, USB_SWITCHING_EACH,
		USB_SWITCHING_NONE, USB_SWITCHING_NONE };
	if (len < HUB_LEN_MIN || bytes[0] < HUB_LEN_MIN || bytes[2] == 0 ||
		(bytes[1] != DESCRIPTOR_HUB && bytes[1] != DESCRIPTOR_HUB_SUPER))
		return err_set(err, REASON_DESCRIPTORS, "what came is no hub descriptor");
	struct usb_hub_about about = { .super_speed = bytes[1] == DESCRIPTOR_HUB_SUPER,
		.ports = bytes[2],
		.switching = switching[bytes_le16(bytes + 3) & 3],
		.power_good_ms = 2u * bytes[5] };
	/* One port is a gang of its own. */
	if (about.ports == 1 && about.switching == USB_SWITCHING_GANGED)
		about.switching = USB_SWITCHING_EACH;
	*ret = about;
	return true;
}

struct usb_port_status usb_port_parse(const uint8_t bytes[4], bool super_speed)
{
	unsigned status = bytes_le16(bytes);
	return (struct usb_port_status){ .connected = status & BIT_CONNECTION,
		.powered = status & (super_speed ? BIT_POWER_SUPER : BIT_POWER),
		.over_current = status & BIT_OVER_CURRENT };
}

bool usb_hub_read(struct usb_dev *hub, const struct cancel *cancel, struct usb_hub_about *ret,
	struct err *err)
{
	uint8_t device[DEVICE_LEN], bytes[HUB_LEN_MAX];
	uint16_t len = 0;
	if (!usb_get_descriptor(
		    hub, DESCRIPTOR_DEVICE, 0, 0, device, sizeof device, cancel, &len, err))
		return false;
	bool super = len == sizeof device && device[6] == PROTOCOL_SUPER;
	uint8_t type = super ? DESCRIPTOR_HUB_SUPER : DESCRIPTOR_HUB;
	struct usb_setup setup = { .type = TYPE_HUB_IN,
		.request = REQUEST_GET_DESCRIPTOR,
		.value = (uint16_t)(type << 8) };
	if (!hub->ops->control(hub, setup, bytes, sizeof bytes, HUB_TIMEOUT_MS, cancel, &len, err))
		return err_at(err, "the hub descriptor");
	return usb_hub_parse(bytes, len, ret, err);
}

bool usb_port_read(struct usb_dev *hub, const struct usb_hub_about *about, unsigned port,
	const struct cancel *cancel, struct usb_port_status *ret, struct err *err)
{
	struct usb_setup setup = {
		.type = TYPE_PORT_IN, .request = REQUEST_GET_STATUS, .index = (uint16_t)port
	};
	uint8_t bytes[STATUS_LEN];
	uint16_t len = 0;
	if (!hub->ops->control(hub, setup, bytes, sizeof bytes, HUB_TIMEOUT_MS, cancel, &len, err))
		return err_at(err, "the status of port %u", port);
	if (len != sizeof bytes)
		return err_set(err, REASON_USB_SHORT, "the status of port %u has %u bytes, not 4",
			port, len);
	*ret = usb_port_parse(bytes, about->super_speed);
	return true;
}

bool usb_port_set_power(
	struct usb_dev *hub, unsigned port, bool on, const struct cancel *cancel, struct err *err)
{
	struct usb_setup setup = { .type = TYPE_PORT_OUT,
		.request = on ? REQUEST_SET_FEATURE : REQUEST_CLEAR_FEATURE,
		.value = FEATURE_PORT_POWER,
		.index = (uint16_t)port };
	uint16_t len = 0;
	return hub->ops->control(hub, setup, NULL, 0, HUB_TIMEOUT_MS, cancel, &len, err) ||
	       err_at(err, "power %s for port %u", on ? "on" : "off", port);
}
