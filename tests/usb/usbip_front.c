/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "scope.h"
#include "usbip_private.h"

/* One file for all controllers; their ports are counted through: 15 for full speed, then 15 for super speed. */
#define CONTROLLERS "/sys/devices/platform/vhci_hcd."
#define ATTACH CONTROLLERS "0/attach"

enum {
	PORTS_OF_HUB = 15,
	PORTS_OF_CONTROLLER = 2 * PORTS_OF_HUB,
	SPEED_FULL = 2,
	LEFT_ALONE_US = 20000,
	LOOK_UP_MS = 1000,
	ATTACH_TRIES = 400,
	ATTACH_AGAIN_US = 5000
};

uint64_t usbip_now_us(const struct usbip_place *place)
{
	double speed = place->usbip->speed;
	if (speed <= 0)
		return place->clock_us;
	return (uint64_t)((double)(clock_mono_us() - place->base_us) / speed);
}

void usbip_sync(struct usbip_place *place, uint64_t at_us)
{
	if (place->usbip->speed <= 0 && at_us > place->clock_us)
		place->clock_us = at_us;
	vunit_advance(place->unit, usbip_now_us(place));
}

/* --- coming and going --- */

static bool write_attach(const char *text)
{
	SCOPED_FD int fd = open(ATTACH, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* The controller frees a port a moment after its device has left. */
static void attach(struct usbip_place *place)
{
	int pair[2];
	char text[64];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return;
	snprintf(text, sizeof text, "%u %d %u %d", place->port, pair[1],
		(place->port + 1) << 16 | ++place->devid, SPEED_FULL);
	bool good = write_attach(text);
	for (int i = 0; !good && i < ATTACH_TRIES; i++) {
		usleep(ATTACH_AGAIN_US);
		good = write_attach(text);
	}
	if (!good)
		fprintf(stderr, "usbip: %s: port %u: %s\n", ATTACH, place->port, strerror(errno));
	close(pair[1]);
	if (!good)
		close(pair[0]);
	place->socket = good ? pair[0] : -1;
	place->used_us = clock_mono_us();
}

static void detach(struct usbip_place *place)
{
	usbip_drop_all(place);
	if (place->socket >= 0) {
		shutdown(place->socket, SHUT_RDWR);
		close(place->socket);
	}
	place->socket = -1;
}

/* A unit that hangs stays on the bus, electrically. */
static void compare_presence(struct usbip_place *place)
{
	enum vunit_mode mode = vunit_mode(place->unit);
	bool here = mode == VUNIT_DFU || mode == VUNIT_CDC ||
		    (mode == VUNIT_DEAD && place->socket >= 0);
	bool anew = mode != VUNIT_DEAD && vunit_enumeration(place->unit) != place->enumeration;
	if (place->socket >= 0 && (!here || anew))
		detach(place);
	if (here && place->socket < 0) {
		place->enumeration = vunit_enumeration(place->unit);
		attach(place);
	}
}

static void jump(struct usbip_place *place)
{
	uint64_t next_us = vunit_next_event_us(place->unit);
	if (place->usbip->speed <= 0 && next_us != UINT64_MAX &&
		clock_mono_us() >= place->used_us + LEFT_ALONE_US)
		usbip_sync(place, next_us);
}

/* How long nothing happens unless the kernel asks for something. */
static int sleep_ms(const struct usbip_place *place)
{
	if (!place->unit || place->dark)
		return -1;
	double speed = place->usbip->speed;
	uint64_t event_us = vunit_next_event_us(place->unit), due_us = usbip_next_due_us(place);
	uint64_t at_us = clock_mono_us(), until_us = at_us + LOOK_UP_MS * 1000u;
	if (speed <= 0) {
		if (event_us != UINT64_MAX && place->used_us + LEFT_ALONE_US < until_us)
			until_us = place->used_us + LEFT_ALONE_US;
	} else {
		uint64_t first_us = due_us < event_us ? due_us : event_us;
		double real_us = (double)first_us * speed + (double)place->base_us;
		if (first_us != UINT64_MAX && real_us < (double)until_us)
			until_us = (uint64_t)real_us;
	}
	return until_us <= at_us ? 0 : (int)((until_us - at_us + 999) / 1000);
}

static bool look(struct usbip_place *place, struct pollfd ret_waits[2], int *ret_sleep_ms)
{
	SCOPED_LOCK(&place->lock);
	if (place->unit && !place->dark) {
		usbip_sync(place, 0);
		jump(place);
		if (place->socket >= 0 && !usbip_finish_due(place))
			detach(place);
		compare_presence(place);
	}
	ret_waits[0] = (struct pollfd){ .fd = place->wake, .events = POLLIN };
	ret_waits[1] = (struct pollfd){ .fd = place->socket, .events = POLLIN };
	*ret_sleep_ms = sleep_ms(place);
	return !place->stopping;
}

static void serve(struct usbip_place *place, const struct pollfd waits[2])
{
	eventfd_t count;
	SCOPED_LOCK(&place->lock);
	if (waits[0].revents) {
		(void)!eventfd_read(place->wake, &count);
		return; /* the socket may be another one now */
	}
	if (waits[1].revents && place->socket == waits[1].fd && !usbip_serve(place))
		detach(place);
}

static void *run(void *argument)
{
	struct usbip_place *place = argument;
	struct pollfd waits[2];
	int sleep;
	while (look(place, waits, &sleep)) {
		if (poll(waits, 2, sleep) > 0)
			serve(place, waits);
	}
	return NULL;
}

/* --- for programs --- */

bool usbip_new(double speed, unsigned controllers, struct usbip **ret, struct err *err)
{
	char last[64];
	snprintf(last, sizeof last, CONTROLLERS "%u", controllers - 1);
	if (controllers < 1 || controllers > USBIP_CONTROLLERS_MAX || access(last, F_OK) != 0)
		return err_set(err, REASON_INPUT, "there is no %s: is vhci-hcd loaded?", last);
	struct usbip *usbip = calloc(1, sizeof *usbip);
	if (!usbip)
		return err_set(err, REASON_STATION, "no memory for the virtual controllers");
	usbip->speed = speed;
	usbip->controllers = controllers;
	for (unsigned i = 0; i < USBIP_PLACES_MAX; i++) {
		struct usbip_place *place = &usbip->places[i];
		place->usbip = usbip;
		place->port = i % controllers * PORTS_OF_CONTROLLER + i / controllers;
		place->socket = place->wake = -1;
		place->requests_left = -1;
		pthread_mutex_init(&place->lock, NULL);
	}
	*ret = usbip;
	return true;
}

/* Mutex held. */
static bool start(struct usbip_place *place, struct err *err)
{
	if (place->running)
		return true;
	place->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	place->running = place->wake >= 0 && pthread_create(&place->thread, NULL, run, place) == 0;
	return place->running || err_set(err, REASON_STATION, "no thread for a place of the bus");
}

bool usbip_plug(
	struct usbip *usbip, unsigned port, struct vunit *unit, bool button, struct err *err)
{
	bool fits = port >= 1 && port <= usbip->controllers * PORTS_OF_HUB;
	struct usbip_place *place = &usbip->places[fits ? port - 1 : 0];
	SCOPED_LOCK(&place->lock);
	if (!fits || place->unit) {
		vunit_close(unit);
		return err_set(err, REASON_INPUT, "there is no free port %u", port);
	}
	place->unit = unit;
	place->base_us = clock_mono_us();
	place->clock_us = 0;
	place->requests_left = -1;
	place->frozen = place->dark = false;
	place->button = button;
	vunit_power(unit, button, 0);
	if (!start(place, err))
		return false;
	eventfd_write(place->wake, 1);
	return true;
}

static struct usbip_place *place_of(struct usbip *usbip, unsigned port)
{
	return &usbip->places[port >= 1 && port <= USBIP_PLACES_MAX ? port - 1 : 0];
}

bool usbip_is_listed(struct usbip *usbip, unsigned port)
{
	char pattern[128];
	glob_t found;
	unsigned at = place_of(usbip, port)->port;
	snprintf(pattern, sizeof pattern, CONTROLLERS "%u/usb*/*-%u/bConfigurationValue",
		at / PORTS_OF_CONTROLLER, at % PORTS_OF_CONTROLLER + 1);
	bool listed = glob(pattern, 0, NULL, &found) == 0;
	if (listed)
		globfree(&found);
	return listed;
}

void usbip_unplug(struct usbip *usbip, unsigned port)
{
	struct usbip_place *place = place_of(usbip, port);
	SCOPED_LOCK(&place->lock);
	detach(place);
	vunit_close(place->unit);
	place->unit = NULL;
	if (place->running)
		eventfd_write(place->wake, 1);
}

bool usbip_is_used(struct usbip *usbip, unsigned port)
{
	struct usbip_place *place = place_of(usbip, port);
	SCOPED_LOCK(&place->lock);
	return place->unit != NULL;
}

void usbip_set_power(struct usbip *usbip, unsigned port, bool on)
{
	struct usbip_place *place = place_of(usbip, port);
	SCOPED_LOCK(&place->lock);
	if (!place->unit || place->dark == !on)
		return;
	place->dark = !on;
	if (on) {
		detach(place);
		place->requests_left = -1;
		place->frozen = false;
		vunit_power(place->unit, place->button, usbip_now_us(place));
		eventfd_write(place->wake, 1);
	} else {
		usbip_answer_none(place);
		vunit_power_off(place->unit);
	}
}

void usbip_freeze(struct usbip *usbip, unsigned port, long requests)
{
	struct usbip_place *place = place_of(usbip, port);
	SCOPED_LOCK(&place->lock);
	place->requests_left = requests;
	place->frozen = false;
}

bool usbip_is_frozen(struct usbip *usbip, unsigned port)
{
	struct usbip_place *place = place_of(usbip, port);
	SCOPED_LOCK(&place->lock);
	return place->frozen;
}

static void stop(struct usbip_place *place)
{
	pthread_mutex_lock(&place->lock);
	place->stopping = true;
	pthread_mutex_unlock(&place->lock);
	if (!place->running)
		return;
	eventfd_write(place->wake, 1);
	pthread_join(place->thread, NULL);
	close(place->wake);
}

void usbip_free(struct usbip *usbip)
{
	for (unsigned i = 0; usbip && i < USBIP_PLACES_MAX; i++) {
		struct usbip_place *place = &usbip->places[i];
		stop(place);
		detach(place);
		vunit_close(place->unit);
		pthread_mutex_destroy(&place->lock);
	}
	free(usbip);
}
