/* SPDX-License-Identifier: Apache-2.0 */
#include "umock_private.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "clock.h"
#include "scope.h"
#include "text.h"

#define CONTROLLER "/devices/pci0000:00/0000:00:14.0"
#define PRELOAD "libumockdev-preload.so.0"

enum {
	TICK_US = 2000,
	LEFT_ALONE_US = 20000,
	JUMPS_MAX = 32,
	NUMBER_MAX = 127,
	CONFIGURATION_MAX = 512,
	TEXT_CAP = 16384
};

bool umock_preload(char **argv)
{
	char list[256];
	const char *already = getenv("LD_PRELOAD");
	if (already && strstr(already, PRELOAD))
		return true;
	if (!text_format(list, sizeof list, "%s%s%s", PRELOAD, already ? ":" : "",
		    already ? already : ""))
		return false;
	setenv("LD_PRELOAD", list, 1);
	execv("/proc/self/exe", argv);
	return false;
}

/* --- time --- */

uint64_t umock_now_us(const struct umock_port *port)
{
	if (port->umock->speed <= 0)
		return port->clock_us;
	return (uint64_t)((double)(clock_mono_us() - port->base_us) / port->umock->speed);
}

void umock_sync(struct umock_port *port, uint64_t at_us)
{
	if (port->umock->speed <= 0 && at_us > port->clock_us)
		port->clock_us = at_us;
	if (port->unit)
		vunit_advance(port->unit, umock_now_us(port));
}

/* --- what /sys says --- */

/* The root hub, and one at a port where no unit goes. */
static void add_hub(struct text_buf *text, const char *path, unsigned number)
{
	static const char hub[] = "12010002090001406B1D020002060302010109021900010100E0000904000001"
				  "09000000070581030400FF";
	text_buf_addf(text, "P: " CONTROLLER "/%s\nN: bus/usb/001/%03u=%s\n", path, number, hub);
	text_buf_addf(text,
		"E: SUBSYSTEM=usb\nE: DRIVER=usb\nE: DEVTYPE=usb_device\n"
		"E: BUSNUM=001\nE: DEVNUM=%03u\nE: DEVNAME=/dev/bus/usb/001/%03u\n",
		number, number);
	text_buf_addf(text,
		"A: busnum=1\\n\nA: devnum=%u\\n\nA: speed=480\\n\nA: bConfigurationValue=1\\n\n"
		"A: bDeviceClass=09\\n\nA: bcdDevice=0602\\n\nA: idVendor=1d6b\\n\nA: idProduct=0002\\n\n",
		number);
	text_buf_addf(text, "H: descriptors=%s\n\n", hub);
}

static size_t ask(struct umock_port *port, uint8_t type, uint8_t request, uint16_t value,
	uint8_t *data, uint16_t len)
{
	uint8_t setup[8] = { type, request };
	uint16_t moved = 0;
	uint64_t done_us;
	bytes_put_le16(setup + 2, value);
	bytes_put_le16(setup + 6, len);
	(void)vunit_control(port->unit, setup, data, &moved, umock_now_us(port), &done_us);
	return moved;
}

/* What the kernel does when it enumerates: the descriptors, and configuration 1. */
static void enumerate(struct umock_port *port, char *hex)
{
	uint8_t bytes[18 + CONFIGURATION_MAX];
	vunit_device_descriptor(port->unit, bytes);
	size_t len = 18 + ask(port, 0x80, 6, 0x0200, bytes + 18, CONFIGURATION_MAX);
	bytes_to_hex(bytes, len, hex);
	for (char *c = hex; *c; c++)
		*c = (char)g_ascii_toupper(*c);
	ask(port, 0x00, 9, 1, NULL, 0);
}

/* idVendor comes last: who looks while this is written takes the unit as not there yet. */
static void describe(struct umock_port *port, struct text_buf *text)
{
	const struct umock_arrival *arrival = port->arrival;
	char hex[2 * (18 + CONFIGURATION_MAX) + 1], serial[128] = "", product[128] = "";
	uint8_t device[18];
	enumerate(port, hex);
	vunit_device_descriptor(port->unit, device);
	vunit_serial(port->unit, serial, sizeof serial);
	vunit_product(port->unit, product, sizeof product);
	text_buf_addf(text, "P: %s\nN: %s=%s\n", arrival->syspath + strlen("/sys"),
		arrival->node + strlen("/dev/"), hex);
	text_buf_addf(text,
		"E: SUBSYSTEM=usb\nE: DRIVER=usb\nE: DEVTYPE=usb_device\nE: BUSNUM=001\n"
		"E: DEVNUM=%03u\nE: DEVNAME=%s\nH: descriptors=%s\n",
		arrival->number, arrival->node, hex);
	text_buf_addf(text,
		"A: busnum=1\\n\nA: devnum=%u\\n\nA: speed=12\\n\nA: bConfigurationValue=1\\n\n"
		"A: bDeviceClass=%02x\\n\n",
		arrival->number, device[4]);
	if (serial[0])
		text_buf_addf(text, "A: serial=%s\\n\n", serial);
	if (product[0])
		text_buf_addf(text, "A: product=%s\\n\n", product);
	text_buf_addf(text, "A: bcdDevice=%04x\\n\nA: idProduct=%04x\\n\nA: idVendor=%04x\\n\n\n",
		bytes_le16(device + 12), bytes_le16(device + 10), bytes_le16(device + 8));
}

static void add_to_testbed(struct umock *umock, struct text_buf *text)
{
	GError *problem = NULL;
	if (text->failed || !umockdev_testbed_add_from_string(umock->testbed, text->text, &problem))
		g_error("testbed: %s", problem ? problem->message : "no memory");
	text_buf_done(text);
}

/* --- coming and going --- */

/* Programs listen on sockets in the testbed's folder; without them nobody is told. */
static void unlink_listeners(struct umock *umock)
{
	char *root = umockdev_testbed_get_root_dir(umock->testbed);
	char *pattern = g_strdup_printf("%s/event*", root);
	glob_t found;
	if (umock->quiet && glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
		globfree(&found);
	}
	g_free(pattern);
	g_free(root);
}

static bool is_taken(const struct umock *umock, unsigned number)
{
	for (const struct umock_arrival *arrival = umock->arrivals; arrival;
		arrival = arrival->next)
		if (arrival->here && arrival->number == number)
			return true;
	return false;
}

/* As the kernel does: the next one that nothing on the bus has. */
static unsigned next_number(struct umock *umock)
{
	do
		if (++umock->last_number >= NUMBER_MAX)
			umock->last_number = 2;
	while (is_taken(umock, umock->last_number));
	return umock->last_number;
}

static void arrive(struct umock_port *port)
{
	struct umock *umock = port->umock;
	struct umock_arrival *arrival = g_new0(struct umock_arrival, 1);
	struct text_buf text;
	arrival->port = port;
	arrival->here = true;
	arrival->number = next_number(umock);
	arrival->next = umock->arrivals;
	umock->arrivals = arrival;
	port->arrival = arrival;
	g_snprintf(arrival->syspath, sizeof arrival->syspath, "/sys" CONTROLLER "/usb1/1-%u",
		port->port);
	g_snprintf(arrival->node, sizeof arrival->node, "/dev/bus/usb/001/%03u", arrival->number);
	if (vunit_mode(port->unit) == VUNIT_CDC)
		arrival->driver[0] = arrival->driver[1] = true;
	arrival->handler = umockdev_ioctl_base_new();
	g_signal_connect(arrival->handler, "handle-ioctl", G_CALLBACK(umock_ioctl), arrival);
	umockdev_testbed_attach_ioctl(umock->testbed, arrival->node, arrival->handler, NULL);
	unlink_listeners(umock);
	text_buf_init(&text, TEXT_CAP);
	describe(port, &text);
	add_to_testbed(umock, &text);
}

static void leave(struct umock_port *port)
{
	struct umock *umock = port->umock;
	struct umock_arrival *arrival = port->arrival;
	port->arrival = NULL;
	arrival->here = false;
	unlink_listeners(umock);
	umockdev_testbed_uevent(umock->testbed, arrival->syspath, "remove");
	umockdev_testbed_remove_device(umock->testbed, arrival->syspath);
	umockdev_testbed_detach_ioctl(umock->testbed, arrival->node, NULL);
	/* The notice came before the deed; this one is for those who look at /sys. */
	umockdev_testbed_uevent(umock->testbed, "/sys" CONTROLLER "/usb1", "change");
	umock_break_urbs(arrival);
	umock_release_held(arrival);
}

/* A unit that hangs stays on the bus, electrically. */
static void compare_presence(struct umock_port *port)
{
	enum vunit_mode mode = port->unit ? vunit_mode(port->unit) : VUNIT_OFF;
	bool here = mode == VUNIT_DFU || mode == VUNIT_CDC || (mode == VUNIT_DEAD && port->arrival);
	uint32_t enumeration = port->unit ? vunit_enumeration(port->unit) : 0;
	if (port->arrival && (!here || (mode != VUNIT_DEAD && enumeration != port->enumeration)))
		leave(port);
	if (here && !port->arrival) {
		port->enumeration = enumeration;
		arrive(port);
	}
}

static void jump(struct umock_port *port)
{
	const struct umock_arrival *arrival = port->arrival;
	if (clock_mono_us() < port->used_us + LEFT_ALONE_US)
		return;
	for (int i = 0; i < JUMPS_MAX; i++) {
		uint64_t next_us = vunit_next_event_us(port->unit);
		if (next_us == UINT64_MAX)
			return;
		umock_sync(port, next_us);
		compare_presence(port);
		if (port->arrival && port->arrival != arrival)
			return;
	}
}

static bool tick(struct umock *umock)
{
	SCOPED_LOCK(&umock->lock);
	for (unsigned i = 0; i < UMOCK_PORTS_MAX; i++) {
		struct umock_port *port = &umock->ports[i];
		if (!port->unit)
			continue;
		umock_sync(port, 0);
		compare_presence(port);
		if (umock->speed <= 0)
			jump(port);
	}
	return !umock->stopping;
}

static void *run_clock(void *argument)
{
	while (tick(argument))
		usleep(TICK_US);
	return NULL;
}

/* --- for tests --- */

bool umock_new(double speed, struct umock **ret, struct err *err)
{
	struct umock *umock = calloc(1, sizeof *umock);
	struct text_buf text;
	if (!umock)
		return err_set(err, REASON_STATION, "no memory for an emulated kernel");
	umock->speed = speed;
	umock->last_number = 1;
	pthread_mutex_init(&umock->lock, NULL);
	umock->testbed = umockdev_testbed_new();
	for (unsigned i = 0; i < UMOCK_PORTS_MAX; i++)
		umock->ports[i] = (struct umock_port){ .umock = umock, .port = i + 1 };
	text_buf_init(&text, TEXT_CAP);
	add_hub(&text, "usb1", 1);
	add_hub(&text, "usb1/1-99", NUMBER_MAX);
	add_to_testbed(umock, &text);
	if (pthread_create(&umock->clock, NULL, run_clock, umock) != 0)
		return err_set(err, REASON_STATION, "no thread for an emulated kernel");
	*ret = umock;
	return true;
}

static struct umock_port *port_of(struct umock *umock, unsigned port)
{
	g_assert(port >= 1 && port <= UMOCK_PORTS_MAX);
	return &umock->ports[port - 1];
}

bool umock_plug(
	struct umock *umock, unsigned number, struct vunit *unit, bool button, struct err *err)
{
	struct umock_port *port = port_of(umock, number);
	SCOPED_LOCK(&umock->lock);
	if (port->unit) {
		vunit_close(unit);
		return err_set(err, REASON_INPUT, "port 1-%u already holds a unit", number);
	}
	*port = (struct umock_port){ .umock = umock,
		.port = number,
		.unit = unit,
		.base_us = clock_mono_us(),
		.requests_left = -1 };
	vunit_power(unit, button, 0);
	compare_presence(port);
	return true;
}

void umock_unplug(struct umock *umock, unsigned number)
{
	struct umock_port *port = port_of(umock, number);
	SCOPED_LOCK(&umock->lock);
	if (!port->unit)
		return;
	vunit_power_off(port->unit);
	compare_presence(port);
	vunit_close(port->unit);
	port->unit = NULL;
}

unsigned umock_number(struct umock *umock, unsigned number)
{
	SCOPED_LOCK(&umock->lock);
	const struct umock_port *port = port_of(umock, number);
	return port->arrival ? port->arrival->number : 0;
}

void umock_notify(struct umock *umock, bool on)
{
	SCOPED_LOCK(&umock->lock);
	umock->quiet = !on;
}

void umock_hold(struct umock *umock, unsigned number, bool on)
{
	SCOPED_LOCK(&umock->lock);
	struct umock_port *port = port_of(umock, number);
	port->hold = on;
	if (!on && port->arrival)
		umock_release_held(port->arrival);
}

void umock_silence(struct umock *umock, unsigned number, bool on)
{
	SCOPED_LOCK(&umock->lock);
	port_of(umock, number)->silent = on;
}

void umock_freeze(struct umock *umock, unsigned number, long requests)
{
	SCOPED_LOCK(&umock->lock);
	struct umock_port *port = port_of(umock, number);
	if (requests < 0 && port->frozen && port->arrival)
		umock_forget_all(port->arrival);
	port->requests_left = requests;
	port->frozen = false;
}

bool umock_is_frozen(struct umock *umock, unsigned number)
{
	SCOPED_LOCK(&umock->lock);
	return port_of(umock, number)->frozen;
}

uint8_t umock_state(struct umock *umock, unsigned number)
{
	SCOPED_LOCK(&umock->lock);
	struct umock_port *port = port_of(umock, number);
	uint8_t state = 0xff;
	if (port->arrival && vunit_mode(port->unit) == VUNIT_DFU)
		ask(port, 0xa1, 5, 0, &state, 1);
	return state;
}

void umock_driver_moves(struct umock *umock, unsigned number, unsigned *ret_off, unsigned *ret_on)
{
	SCOPED_LOCK(&umock->lock);
	*ret_off = port_of(umock, number)->driver_off;
	*ret_on = port_of(umock, number)->driver_on;
}

static void stop_clock(struct umock *umock)
{
	pthread_mutex_lock(&umock->lock);
	umock->stopping = true;
	pthread_mutex_unlock(&umock->lock);
	pthread_join(umock->clock, NULL);
}

void umock_free(struct umock *umock)
{
	if (!umock)
		return;
	stop_clock(umock);
	for (unsigned i = 1; i <= UMOCK_PORTS_MAX; i++)
		umock_unplug(umock, i);
	g_object_unref(umock->testbed);
	for (struct umock_arrival *arrival = umock->arrivals, *next; arrival; arrival = next) {
		next = arrival->next;
		umock_forget_all(arrival);
		g_object_unref(arrival->handler);
		g_free(arrival);
	}
	pthread_mutex_destroy(&umock->lock);
	free(umock);
}
