/* SPDX-License-Identifier: Apache-2.0 */
#include "usb_look.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "clock.h"
#include "scope.h"
#include "text.h"
#include "usb_sysfs.h"

#define DEVICES "/sys/bus/usb/devices"

enum { PATH_TEXT_MAX = 384, PROCESS_DIGITS = 10, INTERFACES_MAX = 16 };

static void close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

/* --- strings, which may wait for a lock in the kernel --- */

struct reading {
	char port[USB_PORT_MAX], serial[USB_TEXT_MAX], product[USB_TEXT_MAX];
	pthread_t thread;
	bool started;
	atomic_bool left; /* set by whoever is first to need it no more; the other frees it */
};

static void leave_reading(struct reading *reading)
{
	if (atomic_exchange(&reading->left, true))
		free(reading);
}

static void *read_strings(void *argument)
{
	struct reading *reading = argument;
	usb_sysfs_strings(reading->port, reading->serial, reading->product);
	leave_reading(reading);
	return NULL;
}

static struct reading *start_reading(const char *port)
{
	struct reading *reading = calloc(1, sizeof *reading);
	if (!reading)
		return NULL;
	memcpy(reading->port, port, sizeof reading->port);
	atomic_init(&reading->left, false);
	reading->started = pthread_create(&reading->thread, NULL, read_strings, reading) == 0;
	if (reading->started)
		return reading;
	free(reading);
	return NULL;
}

/* Looks again and again whether it is done: a join with a deadline would do as well, but the thread
 * sanitizer does not know that one. */
static bool await_reading(struct reading *reading, uint64_t until_us)
{
	enum { LOOK_EVERY_US = 2000 };
	while (!atomic_load(&reading->left) && clock_mono_us() < until_us)
		clock_pause_until(clock_mono_us() + LOOK_EVERY_US, NULL);
	return atomic_load(&reading->left);
}

static void take_strings(struct reading *reading, uint64_t until_us, struct usb_look *ret)
{
	ret->late = !reading || !await_reading(reading, until_us);
	if (!reading)
		return;
	if (ret->late) {
		pthread_detach(reading->thread);
	} else {
		pthread_join(reading->thread, NULL);
		memcpy(ret->serial, reading->serial, sizeof ret->serial);
		memcpy(ret->product, reading->product, sizeof ret->product);
	}
	leave_reading(reading);
}

static bool look_strings(struct usb_look *looks, size_t count, struct err *err)
{
	SCOPED_FREE struct reading **readings = calloc(count + 1, sizeof(struct reading *));
	uint64_t until_us = clock_mono_us() + USB_LOOK_STRINGS_MS * UINT64_C(1000);
	if (!readings)
		return err_set(err, REASON_STATION, "no memory to look at the bus");
	for (size_t i = 0; i < count; i++)
		readings[i] = start_reading(looks[i].port);
	for (size_t i = 0; i < count; i++)
		take_strings(readings[i], until_us, &looks[i]);
	return true;
}

/* --- what needs no lock --- */

static void look_descriptors(struct usb_look *look)
{
	char path[PATH_TEXT_MAX];
	ssize_t len = -1;
	if (!text_format(path, sizeof path, DEVICES "/%s/descriptors", look->port))
		return;
	SCOPED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		len = read(fd, look->descriptors, sizeof look->descriptors);
	look->descriptors_len = len > 0 ? (size_t)len : 0;
}

static bool driver_of(const char *port, const char *interface, char ret[USB_DRIVER_MAX])
{
	char path[PATH_TEXT_MAX], link[PATH_TEXT_MAX];
	if (!text_format(path, sizeof path, DEVICES "/%s/%s/driver", port, interface))
		return false;
	ssize_t len = readlink(path, link, sizeof link - 1);
	if (len < 0)
		return false;
	link[len] = 0;
	const char *name = strrchr(link, '/');
	return text_copy(ret, USB_DRIVER_MAX, name ? name + 1 : link);
}

/* The text of an attribute without the line's end. */
static bool read_attribute(const char *folder, const char *name, char *to, size_t cap)
{
	char path[PATH_TEXT_MAX];
	if (!text_format(path, sizeof path, DEVICES "/%s/%s", folder, name))
		return false;
	SCOPED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, to, cap - 1);
	to[len > 0 ? len : 0] = 0;
	to[strcspn(to, "\n")] = 0;
	text_make_printable(to);
	return len >= 0;
}

/* The kernel keeps both from when the setting was chosen. Interface 0 of configuration 1. */
static void look_interface(struct usb_look *look)
{
	char folder[PATH_TEXT_MAX], number[8];
	if (read_attribute(look->port, "bConfigurationValue", number, sizeof number))
		look->unconfigured = !number[0] || strcmp(number, "0") == 0;
	if (!text_format(folder, sizeof folder, "%s/%s:1.0", look->port, look->port))
		return;
	read_attribute(folder, "interface", look->interface, sizeof look->interface);
	if (read_attribute(folder, "bAlternateSetting", number, sizeof number))
		look->alternate = (uint8_t)strtoul(number, NULL, 10);
}

static void look_tty(const char *port, const char *interface, char ret[USB_DRIVER_MAX])
{
	char path[PATH_TEXT_MAX];
	if (!text_format(path, sizeof path, DEVICES "/%s/%s/tty", port, interface))
		return;
	SCOPE_CLEANUP(close_folder) DIR *folder = opendir(path);
	for (const struct dirent *entry; folder && (entry = readdir(folder)) != NULL;)
		if (strncmp(entry->d_name, "tty", 3) == 0)
			(void)!text_copy(ret, USB_DRIVER_MAX, entry->d_name);
}

/* That of a program counts before those of the kernel. */
static void look_interfaces(struct usb_look *look)
{
	char path[PATH_TEXT_MAX], driver[USB_DRIVER_MAX];
	size_t port_len = strlen(look->port);
	if (!text_format(path, sizeof path, DEVICES "/%s", look->port))
		return;
	SCOPE_CLEANUP(close_folder) DIR *folder = opendir(path);
	for (const struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
		if (strncmp(entry->d_name, look->port, port_len) != 0 ||
			entry->d_name[port_len] != ':')
			continue;
		look_tty(look->port, entry->d_name, look->tty);
		if (!driver_of(look->port, entry->d_name, driver))
			continue;
		if (!look->driver[0] || strcmp(driver, "usbfs") == 0)
			memcpy(look->driver, driver, sizeof driver);
	}
}

static void node_path(const struct usb_look *look, char *to, size_t cap)
{
	snprintf(to, cap, "/dev/bus/usb/%03u/%03u", look->bus, look->number);
}

static void look_node(struct usb_look *look)
{
	char path[PATH_TEXT_MAX];
	node_path(look, path, sizeof path);
	if (access(path, R_OK | W_OK) == 0)
		look->node = USB_NODE_ALLOWED;
	else
		look->node = errno == EACCES || errno == EPERM || errno == EROFS ? USB_NODE_DENIED
										 : USB_NODE_NONE;
}

/* --- who has it open --- */

/* What a process has open if it holds a unit: its node, or that of its serial line. */
struct node {
	dev_t dev;
	ino_t inode;
	bool known;
};

enum { NODE_UNIT, NODE_TTY, NODES };

static bool is_node(const struct node *node, const struct stat *info)
{
	return node->known && info->st_dev == node->dev && info->st_ino == node->inode;
}

static void name_process(const char *process, char ret[USB_DRIVER_MAX])
{
	char path[PATH_TEXT_MAX];
	ret[0] = 0;
	if (!text_format(path, sizeof path, "/proc/%s/comm", process))
		return;
	SCOPED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, ret, USB_DRIVER_MAX - 1);
	ret[len > 0 ? len : 0] = 0;
	ret[strcspn(ret, "\n")] = 0;
	text_make_printable(ret);
}

static void look_process(const char *process, const struct node (*nodes)[NODES],
	struct usb_look *looks, size_t count)
{
	char path[PATH_TEXT_MAX];
	if (!text_format(path, sizeof path, "/proc/%s/fd", process))
		return;
	SCOPE_CLEANUP(close_folder) DIR *folder = opendir(path);
	for (const struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
		struct stat info;
		if (!isdigit((unsigned char)entry->d_name[0]) ||
			fstatat(dirfd(folder), entry->d_name, &info, 0) != 0)
			continue;
		for (size_t i = 0; i < count; i++) {
			bool unit = is_node(&nodes[i][NODE_UNIT], &info);
			if (looks[i].holder || (!unit && !is_node(&nodes[i][NODE_TTY], &info)))
				continue;
			looks[i].holds_tty = !unit;
			looks[i].holder = (int)strtol(process, NULL, 10);
			name_process(process, looks[i].holder_name);
		}
	}
}

static bool is_other_process(const char *name)
{
	size_t len = strspn(name, "0123456789");
	return len > 0 && len <= PROCESS_DIGITS && !name[len] && strtol(name, NULL, 10) != getpid();
}

static void find_node(const char *path, struct node *ret)
{
	struct stat info;
	if (stat(path, &info) == 0)
		*ret = (struct node){ info.st_dev, info.st_ino, true };
}

/* Other users' processes show this to root only. */
static void look_holders(struct usb_look *looks, size_t count)
{
	SCOPED_FREE struct node(*nodes)[NODES] = calloc(count + 1, sizeof *nodes);
	SCOPE_CLEANUP(close_folder) DIR *folder = opendir("/proc");
	for (size_t i = 0; nodes && i < count; i++) {
		char path[PATH_TEXT_MAX];
		node_path(&looks[i], path, sizeof path);
		find_node(path, &nodes[i][NODE_UNIT]);
		if (looks[i].tty[0] && text_format(path, sizeof path, "/dev/%s", looks[i].tty))
			find_node(path, &nodes[i][NODE_TTY]);
	}
	for (const struct dirent *entry; nodes && folder && (entry = readdir(folder)) != NULL;)
		if (is_other_process(entry->d_name))
			look_process(entry->d_name, nodes, looks, count);
}

bool usb_look(struct usb_look *ret, size_t cap, size_t *ret_count, struct err *err)
{
	SCOPED_FREE struct usb_sysfs_device *devices = calloc(USB_UNITS_MAX, sizeof *devices);
	size_t count = 0;
	if (!devices)
		return err_set(err, REASON_STATION, "no memory to look at the bus");
	if (!usb_sysfs_scan(devices, cap < USB_UNITS_MAX ? cap : USB_UNITS_MAX, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct usb_sysfs_device *device = &devices[i];
		ret[i] = (struct usb_look){ .bus = device->bus,
			.number = device->number,
			.vendor_id = device->vendor_id,
			.product_id = device->product_id,
			.bcd_device = device->bcd_device };
		memcpy(ret[i].port, device->port, sizeof ret[i].port);
		usb_sysfs_controller(device->bus, ret[i].controller);
		look_descriptors(&ret[i]);
		look_interface(&ret[i]);
		look_interfaces(&ret[i]);
		look_node(&ret[i]);
	}
	look_holders(ret, count);
	*ret_count = count;
	return look_strings(ret, count, err);
}
