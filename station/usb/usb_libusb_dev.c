/* SPDX-License-Identifier: Apache-2.0 */
/* A unit of the real bus: opening, interfaces, closing. */
#include "usb_libusb_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* after sys/ioctl.h, whose macros it uses */
#include <linux/usbdevice_fs.h>

#include "scope.h"
#include "secret.h"

enum {
	CALL_TIMEOUT_MS = 10000,
	SETTLE_MS = 2000, /* after an arrival: until udev has given the node its permissions */
	SETTLE_STEP_MS = 50,
	INTERFACES_MAX = 32
};

int real_from_errno(int number)
{
	switch (number) {
	case EACCES:
	case EPERM:
		return LIBUSB_ERROR_ACCESS;
	case ENOENT:
	case ENODEV:
	case ENXIO:
	case ESHUTDOWN:
		return LIBUSB_ERROR_NO_DEVICE;
	case EBUSY:
		return LIBUSB_ERROR_BUSY;
	case EPIPE:
		return LIBUSB_ERROR_PIPE;
	case ETIMEDOUT:
		return LIBUSB_ERROR_TIMEOUT;
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return LIBUSB_ERROR_NO_MEM;
	default:
		return LIBUSB_ERROR_IO;
	}
}

static enum reason reason_of(int code)
{
	switch (code) {
	case LIBUSB_ERROR_ACCESS:
		return REASON_USB_ACCESS;
	case LIBUSB_ERROR_NO_DEVICE:
		return REASON_USB_GONE;
	case LIBUSB_ERROR_BUSY:
		return REASON_USB_BUSY;
	case LIBUSB_ERROR_PIPE:
		return REASON_USB_STALL;
	case LIBUSB_ERROR_TIMEOUT:
		return REASON_USB_TIMEOUT;
	case LIBUSB_ERROR_OVERFLOW:
		return REASON_USB_OVERFLOW;
	case LIBUSB_ERROR_NO_MEM:
		return REASON_STATION;
	default:
		return REASON_USB_IO;
	}
}

static const char *words_of(enum reason reason)
{
	switch ((int)reason) {
	case REASON_USB_GONE:
		return "the unit has left the bus";
	case REASON_USB_BUSY:
		return "another program holds the unit";
	case REASON_USB_STALL:
		return "the unit refused it";
	case REASON_USB_TIMEOUT:
		return "no answer in time";
	case REASON_USB_OVERFLOW:
		return "the unit sent more than was asked for";
	case REASON_STATION:
		return "no memory, threads or file handles left";
	default:
		return "damaged on the way";
	}
}

bool real_fail(struct real_dev *dev, int code, const char *what, struct err *err)
{
	enum reason reason = reason_of(code);
	const char *port = dev->device.port;
	if (reason == REASON_USB_GONE)
		dev->gone = true;
	if (reason == REASON_USB_ACCESS)
		return err_set(err, reason,
			"%s: may not open /dev/bus/usb/%03u/%03u: install the udev rule "
			"60-station.rules, or run as root",
			port, dev->device.bus, dev->device.number);
	return err_set(err, reason, "%s: %s: %s (%s)", port, what, words_of(reason),
		libusb_error_name(code));
}

bool real_stopped(const struct real_dev *dev, const char *what, struct err *err)
{
	return err_set(err, REASON_STOPPED, "%s: stopped: %s", dev->device.port, what);
}

bool real_held(const struct real_dev *dev, const char *what, struct err *err)
{
	return err_set(err, REASON_USB_TIMEOUT,
		"%s: %s did not return: the kernel holds the unit; power it off and on",
		dev->device.port, what);
}

bool real_make_call(struct real_dev *dev, int (*function)(struct real_dev *dev),
	uint32_t timeout_ms, const struct cancel *cancel, const char *what, struct err *err)
{
	int code = 0;
	switch (real_call(dev, function, timeout_ms, cancel, &code)) {
	case REAL_STOPPED:
		return real_stopped(dev, what, err);
	case REAL_LATE:
		return real_held(dev, what, err);
	case REAL_DONE:
		break;
	}
	return code == 0 || real_fail(dev, code, what, err);
}

/* Whether an operation may be tried at all. */
bool real_may(
	const struct real_dev *dev, const struct cancel *cancel, const char *what, struct err *err)
{
	if (dev->gone)
		return err_set(
			err, REASON_USB_GONE, "%s: the unit has left the bus", dev->device.port);
	if (dev->lost)
		return real_held(dev, "an earlier transfer", err);
	return !cancel_is_set(cancel) || real_stopped(dev, what, err);
}

/* --- interfaces --- */

static uint8_t class_of(const struct libusb_config_descriptor *config, uint8_t interface)
{
	for (uint8_t i = 0; i < config->bNumInterfaces; i++) {
		const struct libusb_interface *one = &config->interface[i];
		if (one->num_altsetting > 0 && one->altsetting->bInterfaceNumber == interface)
			return one->altsetting->bInterfaceClass;
	}
	return 0;
}

/* A serial line is two interfaces, control and data, and one driver has both. */
static bool is_serial_line(struct real_dev *dev, uint8_t interface)
{
	struct libusb_config_descriptor *config;
	if (libusb_get_active_config_descriptor(libusb_get_device(dev->handle), &config) != 0)
		return false;
	bool is = class_of(config, interface) == LIBUSB_CLASS_COMM &&
		  class_of(config, (uint8_t)(interface + 1)) == LIBUSB_CLASS_DATA;
	libusb_free_config_descriptor(config);
	return is;
}

static int detach(struct real_dev *dev, uint8_t interface)
{
	if (libusb_kernel_driver_active(dev->handle, interface) != 1)
		return 0;
	int code = libusb_detach_kernel_driver(dev->handle, interface);
	if (code == 0)
		dev->detached |= UINT32_C(1) << interface;
	return code == LIBUSB_ERROR_NOT_FOUND ? 0 : code;
}

static int call_claim(struct real_dev *dev)
{
	uint8_t interface = dev->interface;
	bool pair = is_serial_line(dev, interface);
	int code = detach(dev, interface);
	if (code == 0 && pair)
		code = detach(dev, (uint8_t)(interface + 1));
	if (code == 0)
		code = libusb_claim_interface(dev->handle, interface);
	if (code == 0)
		dev->claimed |= UINT32_C(1) << interface;
	return code;
}

static bool real_claim(struct usb_dev *base, uint8_t interface, struct err *err)
{
	struct real_dev *dev = (struct real_dev *)base;
	if (interface >= INTERFACES_MAX - 1)
		return err_set(err, REASON_USB_IO, "%s: there is no interface %u", dev->device.port,
			interface);
	if (!real_may(dev, NULL, "claiming", err))
		return false;
	if (real_await(dev, &dev->calling, deadline_in_ms(CALL_TIMEOUT_MS), NULL) != REAL_DONE)
		return real_held(dev, "an earlier call", err);
	dev->interface = interface;
	return real_make_call(
		dev, call_claim, CALL_TIMEOUT_MS, NULL, "claiming its interface", err);
}

/* Not by libusb, which tells a stall from nothing else. */
static int call_set_interface(struct real_dev *dev)
{
	struct usbdevfs_setinterface set = { .interface = dev->interface,
		.altsetting = dev->alternate };
	return ioctl(dev->fd, USBDEVFS_SETINTERFACE, &set) == 0 ? 0 : real_from_errno(errno);
}

static bool real_set_interface(struct usb_dev *base, uint8_t interface, uint8_t alternate,
	uint32_t timeout_ms, const struct cancel *cancel, struct err *err)
{
	struct real_dev *dev = (struct real_dev *)base;
	if (!real_may(dev, cancel, "SET_INTERFACE", err))
		return false;
	if (real_await(dev, &dev->calling, deadline_in_ms(timeout_ms), cancel) != REAL_DONE)
		return real_held(dev, "an earlier call", err);
	if (interface >= INTERFACES_MAX || !(dev->claimed >> interface & 1))
		return err_set(err, REASON_BUG,
			"SET_INTERFACE on interface %u, which is not claimed", interface);
	dev->interface = interface;
	dev->alternate = alternate;
	return real_make_call(dev, call_set_interface, timeout_ms, cancel, "SET_INTERFACE", err);
}

static bool real_pause(
	struct usb_dev *base, uint32_t ms, const struct cancel *cancel, struct err *err)
{
	struct real_dev *dev = (struct real_dev *)base;
	return clock_pause_until(clock_mono_us() + UINT64_C(1000) * ms, cancel) ||
	       real_stopped(dev, "pausing", err);
}

/* --- opening and closing --- */

static int call_open(struct real_dev *dev)
{
	char path[64];
	snprintf(path, sizeof path, "/dev/bus/usb/%03u/%03u", dev->device.bus, dev->device.number);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return real_from_errno(errno);
	int code = LIBUSB_ERROR_NO_DEVICE;
	if (usb_sysfs_is_same(&dev->device))
		code = libusb_wrap_sys_device(dev->bus->context, fd, &dev->handle);
	if (code == 0)
		dev->fd = fd;
	else
		close(fd);
	return code;
}

/* Re-attaching a driver, and close itself, wait for drivers. */
static int call_close(struct real_dev *dev)
{
	for (int i = 0; i < INTERFACES_MAX; i++)
		if (dev->claimed >> i & 1)
			libusb_release_interface(dev->handle, i);
	for (int i = 0; i < INTERFACES_MAX; i++)
		if (dev->detached >> i & 1)
			libusb_attach_kernel_driver(dev->handle, i);
	libusb_close(dev->handle);
	close(dev->fd);
	dev->fd = -1;
	return 0;
}

void real_dev_leave(struct real_dev *dev)
{
	if (atomic_fetch_sub(&dev->users, 1) != 1)
		return;
	if (dev->fd >= 0)
		call_close(dev);
	libusb_free_transfer(dev->transfer);
	secret_free(dev->buffer);
	pthread_cond_destroy(&dev->changed);
	pthread_mutex_destroy(&dev->lock);
	real_bus_leave(dev->bus);
	free(dev);
}

/* A unit with a lost transfer is never freed: the kernel may still write into its buffer. */
static void real_close(struct usb_dev *base)
{
	struct real_dev *dev = (struct real_dev *)base;
	int code;
	if (!dev || dev->lost)
		return;
	if (real_await(dev, &dev->calling, deadline_in_ms(CALL_TIMEOUT_MS), NULL) == REAL_DONE &&
		dev->fd >= 0)
		(void)real_call(dev, call_close, CALL_TIMEOUT_MS, NULL, &code);
	real_dev_leave(dev);
}

static const struct usb_dev_ops dev_ops = {
	.control = real_control,
	.bulk = real_bulk,
	.claim = real_claim,
	.set_interface = real_set_interface,
	.pause = real_pause,
	.close = real_close,
};

struct real_dev *real_dev_new(
	struct real_bus *bus, const struct usb_sysfs_device *device, struct err *err)
{
	struct real_dev *dev = calloc(1, sizeof *dev);
	if (!dev) {
		err_set(err, REASON_STATION, "no memory for the unit at %s", device->port);
		return NULL;
	}
	dev->dev.ops = &dev_ops;
	dev->bus = real_bus_use(bus);
	dev->device = *device;
	dev->fd = -1;
	atomic_init(&dev->users, 1);
	pthread_mutex_init(&dev->lock, NULL);
	real_cond_init(&dev->changed);
	dev->buffer = secret_alloc(REAL_BUFFER, err);
	dev->transfer = libusb_alloc_transfer(0);
	if (dev->buffer && dev->transfer)
		return dev;
	if (dev->buffer)
		err_set(err, REASON_STATION, "no memory for the unit at %s", device->port);
	real_dev_leave(dev);
	return NULL;
}

static bool find_arrival(
	struct real_bus *bus, const struct usb_ident *ident, struct usb_sysfs_device *ret)
{
	SCOPED_LOCK(&bus->lock);
	for (size_t i = 0; i < bus->count; i++)
		if (bus->entries[i].ident.arrival == ident->arrival) {
			*ret = bus->entries[i].device;
			return true;
		}
	return false;
}

/* udev gives the node its permissions a moment after the kernel has made it. */
static bool open_settled(struct real_dev *dev, const struct cancel *cancel, struct err *err)
{
	struct deadline deadline = deadline_in_ms(SETTLE_MS);
	for (;;) {
		if (real_make_call(dev, call_open, CALL_TIMEOUT_MS, cancel, "opening it", err))
			return true;
		bool settles = err->reason == REASON_USB_ACCESS || err->reason == REASON_USB_GONE;
		if (!settles || deadline_passed(deadline))
			return false;
		if (!usb_sysfs_is_same(&dev->device))
			return real_fail(dev, LIBUSB_ERROR_NO_DEVICE, "opening it", err);
		dev->gone = false;
		if (!clock_pause_until(clock_mono_us() + SETTLE_STEP_MS * 1000, cancel))
			return real_stopped(dev, "opening it", err);
	}
}

bool real_open_device(struct real_bus *bus, const struct usb_sysfs_device *device,
	const struct cancel *cancel, struct usb_dev **ret, struct err *err)
{
	if (cancel_is_set(cancel))
		return err_set(err, REASON_STOPPED, "%s: stopped before opening it", device->port);
	struct real_dev *dev = real_dev_new(bus, device, err);
	if (!dev)
		return false;
	if (!open_settled(dev, cancel, err)) {
		real_close(&dev->dev);
		return false;
	}
	*ret = &dev->dev;
	return true;
}

bool real_open(struct usb_bus *base, const struct usb_ident *ident, const struct cancel *cancel,
	struct usb_dev **ret, struct err *err)
{
	struct real_bus *bus = (struct real_bus *)base;
	struct usb_sysfs_device device;
	if (!find_arrival(bus, ident, &device) || !usb_sysfs_is_same(&device))
		return err_set(err, REASON_USB_GONE, "%s: the unit that was seen there has left",
			ident->port);
	return real_open_device(bus, &device, cancel, ret, err);
}
