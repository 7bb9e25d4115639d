/* SPDX-License-Identifier: Apache-2.0 */
/* The power of the units' sockets. The kernel's virtual controllers switch each port by itself when they are
 * asked to, and tell nobody: what hangs there goes on answering. So a thread asks their root hubs, and does to
 * the units what the wire would. Their two halves, one for each speed, are a socket together: it has power as
 * long as one of them gives it. */
#include <fcntl.h>
#include <glob.h>
#include <linux/usbdevice_fs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bytes.h"
#include "usbip_private.h"

enum {
	LOOK_US = 20000,
	ASK_MS = 1000,
	HALVES = 2,
	STATUS_LEN = 4,
	POWERED = 0x0100,
	POWERED_SUPER = 0x0200
};

struct usbip_power {
	struct usbip *usbip;
	pthread_t thread;
	atomic_bool stopping;
	int hubs[USBIP_CONTROLLERS_MAX][HALVES]; /* by usbfs; -1: not open */
};

/* The bus of one half of a controller; 0 if there is none. The slower one is numbered first. */
static unsigned bus_of(unsigned controller, unsigned half)
{
	char pattern[96];
	glob_t found;
	unsigned bus = 0;
	snprintf(pattern, sizeof pattern, "/sys/devices/platform/vhci_hcd.%u/usb[0-9]*", controller);
	if (glob(pattern, 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		unsigned number = (unsigned)strtoul(strrchr(found.gl_pathv[i], '/') + 4, NULL, 10);
		bool later = bus && number > bus;
		if (!bus || later == (half == 1))
			bus = number;
	}
	globfree(&found);
	return bus;
}

/* A hub that cannot be asked gives power. */
static bool gives_power(int hub, unsigned port, unsigned bit)
{
	uint8_t status[STATUS_LEN];
	struct usbdevfs_ctrltransfer get_status = { .bRequestType = 0xa3,
		.bRequest = 0,
		.wIndex = (uint16_t)port,
		.wLength = sizeof status,
		.timeout = ASK_MS,
		.data = status };
	return ioctl(hub, USBDEVFS_CONTROL, &get_status) != STATUS_LEN ||
	       (bytes_le16(status) & bit);
}

/* Never with a place's lock: a hub answers nobody while it takes up a unit, which has to be served meanwhile. */
static void *watch(void *argument)
{
	struct usbip_power *power = argument;
	struct usbip *usbip = power->usbip;
	while (!power->stopping) {
		for (unsigned i = 0; i < USBIP_PLACES_MAX; i++) {
			const int *hubs = power->hubs[i % usbip->controllers];
			unsigned port = i / usbip->controllers + 1;
			if (usbip_is_used(usbip, i + 1))
				usbip_set_power(usbip, i + 1,
					gives_power(hubs[0], port, POWERED) ||
						gives_power(hubs[1], port, POWERED_SUPER));
		}
		usleep(LOOK_US);
	}
	return NULL;
}

static void close_hubs(struct usbip_power *power)
{
	for (unsigned i = 0; i < USBIP_CONTROLLERS_MAX; i++)
		for (unsigned half = 0; half < HALVES; half++)
			if (power->hubs[i][half] >= 0)
				close(power->hubs[i][half]);
}

static bool open_hubs(struct usbip_power *power, struct err *err)
{
	char path[64];
	for (unsigned i = 0; i < power->usbip->controllers; i++)
		for (unsigned half = 0; half < HALVES; half++) {
			snprintf(path, sizeof path, "/dev/bus/usb/%03u/001", bus_of(i, half));
			power->hubs[i][half] = open(path, O_RDWR | O_CLOEXEC);
			if (power->hubs[i][half] < 0)
				return err_set(err, REASON_INPUT, "cannot open %s", path);
		}
	return true;
}

bool usbip_follow_power(struct usbip *usbip, struct usbip_power **ret, struct err *err)
{
	struct usbip_power *power = calloc(1, sizeof *power);
	if (!power)
		return err_set(err, REASON_STATION, "no memory");
	power->usbip = usbip;
	memset(power->hubs, -1, sizeof power->hubs);
	bool good = open_hubs(power, err);
	if (good && pthread_create(&power->thread, NULL, watch, power) != 0)
		good = err_set(err, REASON_STATION, "no thread for the power of the bus");
	if (!good) {
		close_hubs(power);
		free(power);
		return false;
	}
	*ret = power;
	return true;
}

void usbip_power_done(struct usbip_power *power)
{
	if (!power)
		return;
	power->stopping = true;
	pthread_join(power->thread, NULL);
	close_hubs(power);
	free(power);
}
