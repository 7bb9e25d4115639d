/* SPDX-License-Identifier: Apache-2.0 */
/* Hubs of the real bus: what is there, and their ports, from /sys; class requests by way of libusb. */
#include "usb_libusb_private.h"

#include <string.h>

static bool list_hubs(struct usb_bus *bus, struct usb_hub_ident *ret, size_t cap, size_t *ret_count,
	struct err *err)
{
	(void)bus;
	return usb_sysfs_hubs(ret, cap, ret_count, err);
}

static bool open_hub(struct usb_bus *base, const char *hub, const struct cancel *cancel,
	struct usb_dev **ret, struct err *err)
{
	struct usb_sysfs_device device;
	if (!usb_sysfs_device(hub, &device))
		return err_set(err, REASON_USB_GONE, "there is no hub %s", hub);
	if (real_open_device((struct real_bus *)base, &device, cancel, ret, err))
		return true;
	/* Units and hubs are opened to an operator by a rule each. */
	return err->reason == REASON_USB_ACCESS &&
	       err_set(err, REASON_USB_ACCESS,
		       "may not open /dev/bus/usb/%03u/%03u: install the udev rule "
		       "60-station-hubs.rules and be in the group plugdev, or run as root",
		       device.bus, device.number);
}

static bool look_at_port(struct usb_bus *bus, const char *hub, unsigned port,
	struct usb_hub_port *ret, struct err *err)
{
	(void)bus;
	return usb_sysfs_port(hub, port, ret) ||
	       err_set(err, REASON_USB_GONE, "the hub %s has no port %u", hub, port);
}

static int call_switch(struct real_dev *dev)
{
	int number = usb_sysfs_switch(dev->device.port, dev->interface, dev->alternate);
	return number ? real_from_errno(number) : 0;
}

/* The kernel waits for the hub, and for what hangs on the port to let go. */
static bool switch_port(struct usb_bus *base, const char *hub, unsigned port, bool on,
	uint32_t timeout_ms, const struct cancel *cancel, struct err *err)
{
	struct usb_sysfs_device device;
	if (!usb_sysfs_device(hub, &device))
		return err_set(err, REASON_USB_GONE, "there is no hub %s", hub);
	struct real_dev *dev = real_dev_new((struct real_bus *)base, &device, err);
	if (!dev)
		return false;
	dev->interface = (uint8_t)port;
	dev->alternate = on;
	bool good = real_make_call(
		dev, call_switch, timeout_ms, cancel, "switching the power of a port", err);
	dev->dev.ops->close(&dev->dev);
	return good;
}

const struct usb_hub_ops real_hub_ops = {
	.list = list_hubs, .open = open_hub, .port = look_at_port, .switch_port = switch_port
};
