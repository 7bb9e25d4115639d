/* SPDX-License-Identifier: Apache-2.0 */
/* Documentation/ABI/testing/sysfs-bus-usb in the kernel's sources names the files. idVendor, busnum
 * and their like are answered from memory; serial and product take the lock of the device
 * (drivers/usb/core/sysfs.c). */
#include "usb_sysfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scope.h"
#include "text.h"

#define DEVICES "/sys/bus/usb/devices"
#define SYS_DEVICES "/sys/devices/"

enum { PATH_TEXT_MAX = 128, NUMBER_TEXT_MAX = 16, CLASS_HUB = 9 };

/* The first line of an attribute, cut at its end; false if there is none. */
static bool read_text(const char *port, const char *name, char *to, size_t cap)
{
	char path[PATH_TEXT_MAX];
	if (!text_format(path, sizeof path, DEVICES "/%s/%s", port, name))
		return false;
	SCOPED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, to, cap - 1);
	if (len < 0)
		return false;
	to[len] = '\0';
	to[strcspn(to, "\n")] = '\0';
	return true;
}

static bool read_number(
	const char *port, const char *name, int base, unsigned long max, unsigned long *ret)
{
	char text[NUMBER_TEXT_MAX], *end;
	if (!read_text(port, name, text, sizeof text) || !isxdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*ret = strtoul(text, &end, base);
	return *end == '\0' && errno == 0 && *ret <= max;
}

static bool read_word(const char *port, const char *name, uint16_t *ret)
{
	unsigned long number;
	if (!read_number(port, name, 16, UINT16_MAX, &number))
		return false;
	*ret = (uint16_t)number;
	return true;
}

static bool read_inode(const char *port, uint64_t *ret)
{
	char path[PATH_TEXT_MAX];
	struct stat info;
	if (!text_format(path, sizeof path, DEVICES "/%s", port) || stat(path, &info) != 0)
		return false;
	*ret = info.st_ino;
	return true;
}

/* "1-2.3", not "usb1" (a root hub) nor "1-2.3:1.0" (an interface). */
static bool is_port(const char *name)
{
	const char *dash = strchr(name, '-');
	return dash && dash != name && dash[1] && strlen(name) < USB_PORT_MAX &&
	       strspn(name, "0123456789") == (size_t)(dash - name) &&
	       strspn(dash + 1, "0123456789.") == strlen(dash + 1);
}

static bool is_root(const char *name)
{
	size_t len = strlen(name);
	return strncmp(name, "usb", 3) == 0 && len > 3 && len < USB_PORT_MAX &&
	       strspn(name + 3, "0123456789") == len - 3;
}

static bool is_hub(const char *port)
{
	unsigned long class;
	return read_number(port, "bDeviceClass", 16, UINT8_MAX, &class) && class == CLASS_HUB;
}

/* False for what has left or is not complete yet. */
bool usb_sysfs_device(const char *port, struct usb_sysfs_device *ret)
{
	unsigned long bus, number, class;
	uint64_t inode;
	*ret = (struct usb_sysfs_device){ 0 };
	return text_copy(ret->port, sizeof ret->port, port) && read_inode(port, &ret->inode) &&
	       read_number(port, "bDeviceClass", 16, UINT8_MAX, &class) &&
	       read_word(port, "idVendor", &ret->vendor_id) &&
	       read_word(port, "idProduct", &ret->product_id) &&
	       read_word(port, "bcdDevice", &ret->bcd_device) &&
	       read_number(port, "busnum", 10, 999, &bus) && (ret->bus = (unsigned)bus) != 0 &&
	       read_number(port, "devnum", 10, 999, &number) &&
	       (ret->number = (unsigned)number) != 0 && read_inode(port, &inode) &&
	       inode == ret->inode;
}

static int by_port(const void *a, const void *b)
{
	const struct usb_sysfs_device *left = a, *right = b;
	return strverscmp(left->port, right->port);
}

static void close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

bool usb_sysfs_present(void)
{
	struct stat info;
	return stat("/sys/bus/usb", &info) == 0;
}

bool usb_sysfs_scan(struct usb_sysfs_device *ret, size_t cap, size_t *ret_count, struct err *err)
{
	SCOPE_CLEANUP(close_folder) DIR *folder = opendir(DEVICES);
	size_t count = 0;
	if (!folder)
		return err_sys(err, REASON_USB_LOST, errno,
			"cannot read " DEVICES ": is a USB controller there, and its driver?");
	for (const struct dirent *entry; count < cap && (entry = readdir(folder)) != NULL;)
		if (is_port(entry->d_name) && !is_hub(entry->d_name) &&
			usb_sysfs_device(entry->d_name, &ret[count]))
			count++;
	qsort(ret, count, sizeof *ret, by_port);
	*ret_count = count;
	return true;
}

bool usb_sysfs_hubs(struct usb_hub_ident *ret, size_t cap, size_t *ret_count, struct err *err)
{
	SCOPE_CLEANUP(close_folder) DIR *folder = opendir(DEVICES);
	size_t count = 0;
	if (!folder)
		return err_sys(err, REASON_USB_LOST, errno, "cannot read " DEVICES);
	for (const struct dirent *entry; count < cap && (entry = readdir(folder)) != NULL;) {
		const char *name = entry->d_name;
		bool root = is_root(name);
		if (!root && (!is_port(name) || !is_hub(name)))
			continue;
		if (!text_copy(ret[count].port, sizeof ret[count].port, name))
			continue;
		usb_sysfs_controller((unsigned)strtoul(root ? name + 3 : name, NULL, 10),
			ret[count++].controller);
	}
	*ret_count = count;
	return true;
}

/* "1-2:1.0/1-2-port3"; of a root hub "1-0:1.0/usb1-port3". */
static bool port_folder(const char *hub, unsigned port, char *to, size_t cap)
{
	if (is_root(hub))
		return text_format(to, cap, "%s-0:1.0/%s-port%u", hub + 3, hub, port);
	return is_port(hub) && text_format(to, cap, "%s:1.0/%s-port%u", hub, hub, port);
}

/* The link "peer" ends in "usb2-port1" or "2-1-port3". */
static void read_peer(const char *folder, struct usb_hub_port *ret)
{
	char path[PATH_TEXT_MAX], target[PATH_MAX];
	if (!text_format(path, sizeof path, DEVICES "/%s/peer", folder) || !realpath(path, target))
		return;
	char *name = strrchr(target, '/');
	char *port = name ? strstr(name, "-port") : NULL;
	unsigned long number = port ? strtoul(port + 5, NULL, 10) : 0;
	if (number == 0 || number > USB_HUB_PORTS_MAX)
		return;
	*port = '\0';
	if (text_copy(ret->peer_hub, sizeof ret->peer_hub, name + 1))
		ret->peer_port = (unsigned)number;
}

bool usb_sysfs_port(const char *hub, unsigned port, struct usb_hub_port *ret)
{
	char folder[PATH_TEXT_MAX], path[PATH_TEXT_MAX];
	unsigned long over = 0;
	struct stat info;
	*ret = (struct usb_hub_port){ 0 };
	if (!port_folder(hub, port, folder, sizeof folder) ||
		!text_format(path, sizeof path, DEVICES "/%s", folder) || stat(path, &info) != 0)
		return false;
	ret->switches = text_format(path, sizeof path, DEVICES "/%s/disable", folder) &&
			access(path, W_OK) == 0;
	ret->counts = read_number(folder, "over_current_count", 10, UINT32_MAX, &over);
	ret->over_current_count = (uint32_t)over;
	read_peer(folder, ret);
	return true;
}

int usb_sysfs_switch(const char *hub, unsigned port, bool on)
{
	char folder[PATH_TEXT_MAX], path[PATH_TEXT_MAX];
	if (!port_folder(hub, port, folder, sizeof folder) ||
		!text_format(path, sizeof path, DEVICES "/%s/disable", folder))
		return ENAMETOOLONG;
	SCOPED_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, on ? "0" : "1", 1) == 1 ? 0 : errno;
}

bool usb_sysfs_is_same(const struct usb_sysfs_device *device)
{
	unsigned long number;
	uint64_t inode;
	return read_number(device->port, "devnum", 10, 999, &number) && number == device->number &&
	       read_inode(device->port, &inode) && inode == device->inode;
}

static void read_string(const char *port, const char *name, char to[USB_TEXT_MAX])
{
	if (!read_text(port, name, to, USB_TEXT_MAX))
		to[0] = '\0';
	text_make_printable(to);
	for (size_t len = strlen(to); len > 0 && to[len - 1] == ' '; len--)
		to[len - 1] = '\0';
}

void usb_sysfs_strings(const char *port, char serial[USB_TEXT_MAX], char product[USB_TEXT_MAX])
{
	read_string(port, "serial", serial);
	read_string(port, "product", product);
}

void usb_sysfs_controller(unsigned bus, char ret[USB_CONTROLLER_MAX])
{
	char link[PATH_TEXT_MAX], path[PATH_MAX];
	ret[0] = '\0';
	if (!text_format(link, sizeof link, DEVICES "/usb%u", bus) || !realpath(link, path))
		return;
	char *last = strrchr(path, '/');
	if (strncmp(path, SYS_DEVICES, strlen(SYS_DEVICES)) != 0 ||
		last < path + strlen(SYS_DEVICES))
		return;
	*last = '\0';
	if (!text_copy(ret, USB_CONTROLLER_MAX, path + strlen(SYS_DEVICES)))
		ret[0] = '\0';
}
