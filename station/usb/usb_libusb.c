/* SPDX-License-Identifier: Apache-2.0 */
/* The real bus: what is attached, who waits for changes, and the two threads of it. */
#include "usb_libusb_private.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "scope.h"

enum {
	STRINGS_WAIT_MS = 1000, /* a list waits so long for the strings of a new unit */
	STRINGS_LATE_MS =
		6000, /* and then shows it without them; the kernel's own time-outs are 5 s */
	STACK_BYTES = 256 * 1024,
	EVENT_BYTES = 8192,
	KERNEL_GROUP = 1 /* of NETLINK_KOBJECT_UEVENT: straight from the kernel, no udevd needed */
};

struct real_bus *real_bus_use(struct real_bus *bus)
{
	atomic_fetch_add(&bus->users, 1);
	return bus;
}

void real_bus_leave(struct real_bus *bus)
{
	if (atomic_fetch_sub(&bus->users, 1) != 1)
		return;
	atomic_store(&bus->stopping, true);
	libusb_interrupt_event_handler(bus->context);
	if (bus->events_run)
		pthread_join(bus->events, NULL);
	libusb_exit(bus->context);
	if (bus->uevents >= 0)
		close(bus->uevents);
	if (bus->stop >= 0)
		close(bus->stop);
	pthread_cond_destroy(&bus->changed);
	pthread_mutex_destroy(&bus->lock);
	pthread_mutex_destroy(&bus->scanning);
	free(bus);
}

static void tell_change(struct real_bus *bus)
{
	bus->change++;
	pthread_cond_broadcast(&bus->changed);
}

/* --- the strings of a new unit --- */

struct reading {
	struct real_bus *bus;
	struct usb_sysfs_device device;
	uint64_t arrival;
};

static void *read_strings(void *argument)
{
	struct reading *reading = argument;
	struct real_bus *bus = reading->bus;
	char serial[USB_TEXT_MAX], product[USB_TEXT_MAX];
	usb_sysfs_strings(reading->device.port, serial, product);
	bool same = usb_sysfs_is_same(&reading->device);
	pthread_mutex_lock(&bus->lock);
	for (size_t i = 0; same && i < bus->count; i++) {
		struct real_entry *entry = &bus->entries[i];
		if (entry->ident.arrival != reading->arrival)
			continue;
		memcpy(entry->ident.serial, serial, sizeof serial);
		memcpy(entry->ident.product, product, sizeof product);
		entry->ready = true;
		tell_change(bus);
	}
	pthread_mutex_unlock(&bus->lock);
	free(reading);
	real_bus_leave(bus);
	return NULL;
}

/* On a thread of its own: a unit that hangs in the middle of its enumeration holds the
 * lock that this needs. */
static bool start_reading(struct real_bus *bus, const struct real_entry *entry)
{
	struct reading *reading = calloc(1, sizeof *reading);
	pthread_attr_t attributes;
	pthread_t thread;
	if (!reading)
		return false;
	*reading = (struct reading){ real_bus_use(bus), entry->device, entry->ident.arrival };
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	bool started = pthread_create(&thread, &attributes, read_strings, reading) == 0;
	pthread_attr_destroy(&attributes);
	if (!started) {
		free(reading);
		atomic_fetch_sub(&bus->users, 1);
	}
	return started;
}

/* --- what is attached --- */

static struct real_entry new_entry(struct real_bus *bus, const struct usb_sysfs_device *device)
{
	struct real_entry entry = { .device = *device,
		.settles = deadline_in_ms(STRINGS_WAIT_MS),
		.shown = deadline_in_ms(STRINGS_LATE_MS) };
	memcpy(entry.ident.port, device->port, sizeof entry.ident.port);
	usb_sysfs_controller(device->bus, entry.ident.controller);
	entry.ident.arrival = ++bus->arrivals;
	entry.ident.vendor_id = device->vendor_id;
	entry.ident.product_id = device->product_id;
	entry.ident.bcd_device = device->bcd_device;
	entry.ready = !start_reading(bus, &entry);
	return entry;
}

static const struct real_entry *find(
	const struct real_entry *entries, size_t count, const struct usb_sysfs_device *device)
{
	for (size_t i = 0; i < count; i++)
		if (entries[i].device.bus == device->bus &&
			entries[i].device.number == device->number &&
			entries[i].device.inode == device->inode &&
			strcmp(entries[i].device.port, device->port) == 0)
			return &entries[i];
	return NULL;
}

/* Takes over what a scan found. */
static void update(struct real_bus *bus, const struct usb_sysfs_device *found, size_t count)
{
	struct real_entry *old = malloc(sizeof bus->entries);
	if (!old)
		return; /* the next scan will do */
	SCOPED_LOCK(&bus->lock);
	size_t old_count = bus->count, kept = 0;
	memcpy(old, bus->entries, old_count * sizeof *old);
	for (size_t i = 0; i < count; i++) {
		const struct real_entry *known = find(old, old_count, &found[i]);
		kept += known != NULL;
		bus->entries[i] = known ? *known : new_entry(bus, &found[i]);
	}
	bus->count = count;
	if (kept != count || kept != old_count)
		tell_change(bus);
	free(old);
}

static bool scan(struct real_bus *bus, struct err *err)
{
	struct usb_sysfs_device found[USB_UNITS_MAX];
	size_t count = 0;
	SCOPED_LOCK(&bus->scanning);
	if (!usb_sysfs_scan(found, USB_UNITS_MAX, &count, err))
		return false;
	update(bus, found, count);
	return true;
}

/* Sleeps until the table changes, or it is time to look at cancel flags and
 * deadlines. With the lock held. */
static void sleep_on(struct real_bus *bus, uint64_t until_us)
{
	uint64_t poll_us = clock_mono_us() + CANCEL_POLL_MS * 1000;
	if (until_us > poll_us)
		until_us = poll_us;
	struct timespec until = { .tv_sec = (time_t)(until_us / 1000000),
		.tv_nsec = (long)(until_us % 1000000 * 1000) };
	pthread_cond_timedwait(&bus->changed, &bus->lock, &until);
}

static bool settles(const struct real_bus *bus)
{
	for (size_t i = 0; i < bus->count; i++)
		if (!bus->entries[i].ready && !deadline_passed(bus->entries[i].settles))
			return true;
	return false;
}

static bool real_list(struct usb_bus *base, struct usb_ident *ret, size_t cap, size_t *ret_count,
	uint64_t *ret_change, struct err *err)
{
	struct real_bus *bus = (struct real_bus *)base;
	size_t count = 0;
	if (!scan(bus, err))
		return false;
	SCOPED_LOCK(&bus->lock);
	while (settles(bus))
		sleep_on(bus, UINT64_MAX);
	for (size_t i = 0; i < bus->count && count < cap; i++) {
		const struct real_entry *entry = &bus->entries[i];
		if (entry->ready || deadline_passed(entry->shown))
			ret[count++] = entry->ident;
	}
	*ret_count = count;
	*ret_change = bus->change;
	return true;
}

/* A unit that is shown late counts as a change when its time has come. */
static uint64_t next_shown_us(const struct real_bus *bus)
{
	uint64_t next_us = UINT64_MAX, now_us = clock_mono_us();
	for (size_t i = 0; i < bus->count; i++) {
		const struct real_entry *entry = &bus->entries[i];
		if (!entry->ready && entry->shown.at_us > now_us && entry->shown.at_us < next_us)
			next_us = entry->shown.at_us;
	}
	return next_us;
}

static bool real_wait(struct usb_bus *base, uint64_t change, uint32_t timeout_ms,
	const struct cancel *cancel, struct err *err)
{
	struct real_bus *bus = (struct real_bus *)base;
	struct deadline end = deadline_in_ms(timeout_ms);
	SCOPED_LOCK(&bus->lock);
	uint64_t shown_us = next_shown_us(bus);
	if (end.at_us > shown_us)
		end.at_us = shown_us;
	while (bus->change == change && !deadline_passed(end)) {
		if (cancel_is_set(cancel))
			return err_set(err, REASON_STOPPED, "stopped while waiting for the bus");
		sleep_on(bus, end.at_us);
	}
	return true;
}

/* --- threads --- */

static void *handle_events(void *argument)
{
	struct real_bus *bus = argument;
	while (!atomic_load(&bus->stopping)) {
		struct timeval second = { .tv_sec = 1 };
		int code = libusb_handle_events_timeout_completed(bus->context, &second, NULL);
		if (code != 0 && code != LIBUSB_ERROR_INTERRUPTED)
			clock_pause_until(clock_mono_us() + CANCEL_POLL_MS * 1000, NULL);
	}
	return NULL;
}

/* The contents do not matter: whatever happened, /sys says what is there now. */
static void drain(int uevents)
{
	char event[EVENT_BYTES];
	while (uevents >= 0 && recv(uevents, event, sizeof event, MSG_DONTWAIT) > 0)
		;
}

static void *watch(void *argument)
{
	struct real_bus *bus = argument;
	struct pollfd waits[] = { { .fd = bus->stop, .events = POLLIN },
		{ .fd = bus->uevents, .events = POLLIN } };
	for (;;) {
		struct err ignored; /* list meets it again and says so */
		poll(waits, 2, USB_LIBUSB_POLL_MS);
		if (waits[0].revents)
			return NULL;
		drain(bus->uevents);
		(void)!scan(bus, &ignored);
	}
}

/* --- opening and closing --- */

/* Units and calls that are still under way keep the bus. */
static void real_bus_close(struct usb_bus *base)
{
	struct real_bus *bus = (struct real_bus *)base;
	const uint64_t one = 1;
	if (!bus)
		return;
	(void)!write(bus->stop, &one, sizeof one);
	pthread_join(bus->watcher, NULL);
	real_bus_leave(bus);
}

static const struct usb_bus_ops bus_ops = {
	.list = real_list,
	.wait = real_wait,
	.open = real_open,
	.close = real_bus_close,
	.hubs = &real_hub_ops,
};

/* -1 where it cannot be had; polling finds everything too. */
static int open_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	int fd = socket(
		AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool start_threads(struct real_bus *bus)
{
	if (bus->stop < 0)
		return false;
	bus->events_run = pthread_create(&bus->events, NULL, handle_events, bus) == 0;
	return bus->events_run && pthread_create(&bus->watcher, NULL, watch, bus) == 0;
}

/* Takes the context in every case. */
static struct real_bus *bus_new(libusb_context *context)
{
	struct real_bus *bus = calloc(1, sizeof *bus);
	if (!bus) {
		libusb_exit(context);
		return NULL;
	}
	bus->bus.ops = &bus_ops;
	bus->context = context;
	atomic_init(&bus->users, 1);
	pthread_mutex_init(&bus->scanning, NULL);
	pthread_mutex_init(&bus->lock, NULL);
	real_cond_init(&bus->changed);
	bus->uevents = open_uevents();
	bus->stop = eventfd(0, EFD_CLOEXEC);
	if (start_threads(bus))
		return bus;
	real_bus_leave(bus);
	return NULL;
}

bool usb_libusb_open(struct usb_bus **ret, struct err *err)
{
	libusb_context *context;
	if (!usb_sysfs_present())
		return err_set(
			err, REASON_USB_LOST, "this machine has no USB: /sys/bus/usb is not there");
	/* Its own list would need udevd, and its reader reads strings of every unit. */
	libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
	int code = libusb_init(&context);
	if (code != 0)
		return err_set(err, REASON_USB_LOST, "libusb cannot be started: %s",
			libusb_error_name(code));
	struct real_bus *bus = bus_new(context);
	if (!bus)
		return err_set(err, REASON_STATION, "no memory or threads for the USB bus");
	*ret = &bus->bus;
	return true;
}
