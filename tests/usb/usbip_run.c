/* SPDX-License-Identifier: Apache-2.0 */
/* usbip-run [--units N] [--family NAME] [--folder DIR] [--speed X] [--mode dfu|run|listening] [--old]
 * [--faults FILE] -- COMMAND... As umock-run, on a real kernel: the units hang on its virtual host
 * controller (vhci-hcd), which speaks USB/IP (Documentation/usb/usbip_protocol.rst in the kernel's
 * sources) to this program over a socket for each. Needs root. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "clock.h"
#include "front_options.h"
#include "scope.h"

#define ATTACH "/sys/devices/platform/vhci_hcd.0/attach"

enum {
	CMD_SUBMIT = 1,
	CMD_UNLINK,
	RET_SUBMIT,
	RET_UNLINK,
	HEAD = 48,
	DATA_MAX = 65535,
	PENDING_MAX = 64,
	SPEED_FULL = 2,
	POLL_MS = 1,
	LEFT_ALONE_US = 20000,
	ATTACH_TRIES = 200
};

struct pending {
	uint32_t seqnum; /* 0: free */
	uint64_t due_us; /* the unit's time; UINT64_MAX: never */
	int32_t status;
	uint32_t len; /* moved */
	uint8_t endpoint; /* of a bulk transfer to the host for which the unit has nothing yet; 0: none */
	bool in;
	uint8_t *data; /* heap */
};

struct place {
	const struct front_options *options;
	atomic_bool *stopping;
	pthread_t thread;
	unsigned port; /* of the controller, from 0 */
	struct vunit *unit;
	int socket; /* -1: not on the bus */
	uint32_t enumeration, devid;
	uint64_t base_us, clock_us, used_us;
	struct pending pending[PENDING_MAX];
};

static uint64_t now_us(const struct place *place)
{
	if (place->options->speed <= 0)
		return place->clock_us;
	return (uint64_t)((double)(clock_mono_us() - place->base_us) / place->options->speed);
}

static void sync_to(struct place *place, uint64_t at_us)
{
	if (place->options->speed <= 0 && at_us > place->clock_us)
		place->clock_us = at_us;
	vunit_advance(place->unit, now_us(place));
}

/* --- the wire --- */

static bool move_all(int fd, void *bytes, size_t len, bool in)
{
	uint8_t *at = bytes;
	while (len > 0) {
		ssize_t moved =
			in ? recv(fd, at, len, MSG_WAITALL) : send(fd, at, len, MSG_NOSIGNAL);
		if (moved < 0 && errno == EINTR)
			continue;
		if (moved <= 0)
			return false;
		at += moved;
		len -= (size_t)moved;
	}
	return true;
}

static void reply_head(
	uint8_t head[HEAD], uint32_t command, uint32_t seqnum, int32_t status, uint32_t len)
{
	memset(head, 0, HEAD);
	bytes_put_be32(head, command);
	bytes_put_be32(head + 4, seqnum);
	bytes_put_be32(head + 20, (uint32_t)status);
	bytes_put_be32(head + 24, len);
}

static void drop(struct pending *pending)
{
	free(pending->data);
	*pending = (struct pending){ 0 };
}

static bool finish(struct place *place, struct pending *pending)
{
	uint8_t head[HEAD];
	reply_head(head, RET_SUBMIT, pending->seqnum, pending->status, pending->len);
	bool good = move_all(place->socket, head, HEAD, false) &&
		    (!pending->in || !pending->len ||
			    move_all(place->socket, pending->data, pending->len, false));
	drop(pending);
	return good;
}

/* A unit that has nothing for the host is asked again. An interrupt endpoint never has. */
static void run_bulk(struct place *place, uint8_t endpoint, struct pending *pending)
{
	uint16_t moved = 0;
	enum vunit_answer answer = vunit_bulk(place->unit, endpoint, pending->data,
		(uint16_t)pending->len, &moved, now_us(place), &pending->due_us);
	pending->endpoint = answer == VUNIT_NAK ? endpoint : 0;
	if (answer != VUNIT_ACK)
		return;
	pending->len = moved;
	place->used_us = clock_mono_us();
	sync_to(place, pending->due_us);
}

static bool finish_due(struct place *place)
{
	for (size_t i = 0; i < PENDING_MAX; i++) {
		struct pending *pending = &place->pending[i];
		if (pending->seqnum && pending->endpoint)
			run_bulk(place, pending->endpoint, pending);
		if (pending->seqnum && pending->due_us != UINT64_MAX &&
			now_us(place) >= pending->due_us && !finish(place, pending))
			return false;
	}
	return true;
}

static void run_control(struct place *place, const uint8_t setup[8], struct pending *pending)
{
	uint16_t moved = 0;
	place->used_us = clock_mono_us();
	enum vunit_answer answer = vunit_control(
		place->unit, setup, pending->data, &moved, now_us(place), &pending->due_us);
	pending->len = moved;
	if (answer == VUNIT_STALL)
		pending->status = -EPIPE;
	if (answer == VUNIT_OVERFLOW)
		pending->status = -EOVERFLOW;
	if (answer == VUNIT_NONE)
		pending->due_us = UINT64_MAX;
	else
		sync_to(place, pending->due_us);
}

static bool submit(struct place *place, const uint8_t head[HEAD])
{
	uint32_t endpoint = bytes_be32(head + 16), len = bytes_be32(head + 24);
	struct pending *pending = NULL;
	for (size_t i = 0; i < PENDING_MAX && !pending; i++)
		if (!place->pending[i].seqnum)
			pending = &place->pending[i];
	if (!pending || len > DATA_MAX)
		return false;
	*pending = (struct pending){ .seqnum = bytes_be32(head + 4),
		.in = bytes_be32(head + 12) == 1,
		.len = len,
		.data = calloc(1, len + 1) };
	if (!pending->data ||
		(!pending->in && len && !move_all(place->socket, pending->data, len, true)))
		return false;
	if (endpoint == 0)
		run_control(place, head + 40, pending);
	else
		run_bulk(place, (uint8_t)(endpoint | (pending->in ? 0x80U : 0)), pending);
	return finish_due(place);
}

static bool unlink_one(struct place *place, const uint8_t head[HEAD])
{
	uint8_t reply[HEAD];
	uint32_t wanted = bytes_be32(head + 20);
	int32_t status = 0;
	for (size_t i = 0; i < PENDING_MAX; i++)
		if (place->pending[i].seqnum == wanted) {
			drop(&place->pending[i]);
			status = -ECONNRESET;
		}
	reply_head(reply, RET_UNLINK, bytes_be32(head + 4), status, 0);
	return move_all(place->socket, reply, HEAD, false);
}

static bool serve_one(struct place *place)
{
	uint8_t head[HEAD];
	if (!move_all(place->socket, head, HEAD, true))
		return false;
	sync_to(place, 0);
	if (bytes_be32(head) == CMD_SUBMIT)
		return submit(place, head);
	return bytes_be32(head) == CMD_UNLINK && unlink_one(place, head);
}

/* --- coming and going --- */

static bool write_attach(const char *text)
{
	SCOPED_FD int fd = open(ATTACH, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* The controller frees a port a moment after its device has left. */
static void attach(struct place *place)
{
	int pair[2];
	char text[64];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return;
	snprintf(text, sizeof text, "%u %d %u %d", place->port, pair[1],
		(place->port + 1) << 16 | ++place->devid, SPEED_FULL);
	bool good = write_attach(text);
	for (int i = 0; !good && i < ATTACH_TRIES; i++) {
		usleep(5000);
		good = write_attach(text);
	}
	close(pair[1]);
	if (!good) {
		fprintf(stderr, "usbip-run: %s: %s\n", ATTACH, strerror(errno));
		close(pair[0]);
		return;
	}
	place->socket = pair[0];
	place->used_us = clock_mono_us();
}

static void detach(struct place *place)
{
	for (size_t i = 0; i < PENDING_MAX; i++)
		drop(&place->pending[i]);
	if (place->socket >= 0) {
		shutdown(place->socket, SHUT_RDWR);
		close(place->socket);
	}
	place->socket = -1;
}

static void compare_presence(struct place *place)
{
	enum vunit_mode mode = vunit_mode(place->unit);
	bool here = mode == VUNIT_DFU || mode == VUNIT_CDC ||
		    (mode == VUNIT_DEAD && place->socket >= 0);
	if (place->socket >= 0 && (!here || (mode != VUNIT_DEAD && vunit_enumeration(place->unit) !=
									   place->enumeration)))
		detach(place);
	if (here && place->socket < 0) {
		place->enumeration = vunit_enumeration(place->unit);
		attach(place);
	}
}

static void jump(struct place *place)
{
	uint64_t next_us = vunit_next_event_us(place->unit);
	if (place->options->speed <= 0 && next_us != UINT64_MAX &&
		clock_mono_us() >= place->used_us + LEFT_ALONE_US)
		sync_to(place, next_us);
}

static void *serve(void *argument)
{
	struct place *place = argument;
	while (!atomic_load(place->stopping)) {
		sync_to(place, 0);
		jump(place);
		compare_presence(place);
		struct pollfd wait = { .fd = place->socket, .events = POLLIN };
		if (poll(&wait, 1, POLL_MS) > 0 && !serve_one(place))
			detach(place);
		else if (place->socket >= 0 && !finish_due(place))
			detach(place);
	}
	detach(place);
	vunit_close(place->unit);
	return NULL;
}

static bool start(struct place *place, const struct front_options *options, unsigned i,
	atomic_bool *stopping, struct err *err)
{
	*place = (struct place){ .options = options,
		.stopping = stopping,
		.port = i - 1,
		.socket = -1,
		.base_us = clock_mono_us() };
	if (!front_unit(options, i, &place->unit, err))
		return false;
	vunit_power(place->unit, options->button, 0);
	return pthread_create(&place->thread, NULL, serve, place) == 0 ||
	       err_set(err, REASON_STATION, "no thread for unit A%u", i);
}

int main(int argc, char **argv)
{
	static struct place places[FRONT_UNITS_MAX];
	static atomic_bool stopping;
	struct front_options options;
	struct err err = { 0 };
	unsigned count = 0;
	int status = FRONT_USAGE;
	if (!front_options(argc, argv, "usbip-run", &options))
		return FRONT_USAGE;
	while (count < options.units && start(&places[count], &options, count + 1, &stopping, &err))
		count++;
	if (count == options.units)
		status = front_command(options.command);
	else
		fprintf(stderr, "usbip-run: %s\n", err.text);
	atomic_store(&stopping, true);
	for (unsigned i = 0; i < count; i++)
		pthread_join(places[i].thread, NULL);
	front_done(&options);
	return status;
}
