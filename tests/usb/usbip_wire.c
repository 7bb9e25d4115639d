/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bytes.h"
#include "clock.h"
#include "usbip_private.h"

enum {
	CMD_SUBMIT = 1,
	CMD_UNLINK,
	RET_SUBMIT,
	RET_UNLINK,
	HEAD = 48,
	SETUP_AT = 40,
	DATA_MAX = 65535,
	TYPE_MASK = 0x60,
	TYPE_CLASS = 0x20
};

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

static void drop(struct usbip_pending *pending)
{
	free(pending->data);
	*pending = (struct usbip_pending){ 0 };
}

static bool finish(struct usbip_place *place, struct usbip_pending *pending)
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
static void run_bulk(struct usbip_place *place, uint8_t endpoint, struct usbip_pending *pending)
{
	uint16_t moved = 0;
	pending->due_us = UINT64_MAX;
	if (place->dark)
		return;
	enum vunit_answer answer = vunit_bulk(place->unit, endpoint, pending->data,
		(uint16_t)pending->len, &moved, usbip_now_us(place), &pending->due_us);
	pending->endpoint = answer == VUNIT_NAK ? endpoint : 0;
	if (answer != VUNIT_ACK)
		return;
	pending->len = moved;
	place->used_us = clock_mono_us();
	usbip_sync(place, pending->due_us);
}

bool usbip_finish_due(struct usbip_place *place)
{
	for (size_t i = 0; i < USBIP_PENDING_MAX; i++) {
		struct usbip_pending *pending = &place->pending[i];
		if (pending->seqnum && pending->endpoint)
			run_bulk(place, pending->endpoint, pending);
		if (pending->seqnum && pending->due_us != UINT64_MAX &&
			usbip_now_us(place) >= pending->due_us && !finish(place, pending))
			return false;
	}
	return true;
}

uint64_t usbip_next_due_us(const struct usbip_place *place)
{
	uint64_t next_us = UINT64_MAX;
	for (size_t i = 0; i < USBIP_PENDING_MAX; i++)
		if (place->pending[i].seqnum && place->pending[i].due_us < next_us)
			next_us = place->pending[i].due_us;
	return next_us;
}

void usbip_answer_none(struct usbip_place *place)
{
	for (size_t i = 0; i < USBIP_PENDING_MAX; i++) {
		place->pending[i].due_us = UINT64_MAX;
		place->pending[i].endpoint = 0;
	}
}

void usbip_drop_all(struct usbip_place *place)
{
	for (size_t i = 0; i < USBIP_PENDING_MAX; i++)
		drop(&place->pending[i]);
}

static bool keeps_from_unit(struct usbip_place *place, const uint8_t setup[8])
{
	if ((setup[0] & TYPE_MASK) != TYPE_CLASS || place->requests_left < 0)
		return false;
	if (place->requests_left > 0) {
		place->requests_left--;
		return false;
	}
	place->frozen = true;
	return true;
}

static void run_control(
	struct usbip_place *place, const uint8_t setup[8], struct usbip_pending *pending)
{
	uint16_t moved = 0;
	place->used_us = clock_mono_us();
	pending->due_us = UINT64_MAX;
	if (place->dark || keeps_from_unit(place, setup))
		return;
	enum vunit_answer answer = vunit_control(
		place->unit, setup, pending->data, &moved, usbip_now_us(place), &pending->due_us);
	pending->len = moved;
	if (answer == VUNIT_STALL)
		pending->status = -EPIPE;
	if (answer == VUNIT_OVERFLOW)
		pending->status = -EOVERFLOW;
	if (answer == VUNIT_NONE)
		pending->due_us = UINT64_MAX;
	else
		usbip_sync(place, pending->due_us);
}

static bool submit(struct usbip_place *place, const uint8_t head[HEAD])
{
	uint32_t endpoint = bytes_be32(head + 16), len = bytes_be32(head + 24);
	struct usbip_pending *pending = NULL;
	for (size_t i = 0; i < USBIP_PENDING_MAX && !pending; i++)
		if (!place->pending[i].seqnum)
			pending = &place->pending[i];
	if (!pending || len > DATA_MAX)
		return false;
	*pending = (struct usbip_pending){ .seqnum = bytes_be32(head + 4),
		.in = bytes_be32(head + 12) == 1,
		.len = len,
		.data = calloc(1, len + 1) };
	if (!pending->data ||
		(!pending->in && len && !move_all(place->socket, pending->data, len, true)))
		return false;
	if (endpoint == 0)
		run_control(place, head + SETUP_AT, pending);
	else
		run_bulk(place, (uint8_t)(endpoint | (pending->in ? 0x80U : 0)), pending);
	return usbip_finish_due(place);
}

static bool unlink_one(struct usbip_place *place, const uint8_t head[HEAD])
{
	uint8_t reply[HEAD];
	uint32_t wanted = bytes_be32(head + 20);
	int32_t status = 0;
	for (size_t i = 0; i < USBIP_PENDING_MAX; i++)
		if (place->pending[i].seqnum == wanted) {
			drop(&place->pending[i]);
			status = -ECONNRESET;
		}
	reply_head(reply, RET_UNLINK, bytes_be32(head + 4), status, 0);
	return move_all(place->socket, reply, HEAD, false);
}

bool usbip_serve(struct usbip_place *place)
{
	uint8_t head[HEAD];
	if (!move_all(place->socket, head, HEAD, true))
		return false;
	usbip_sync(place, 0);
	if (bytes_be32(head) == CMD_SUBMIT)
		return submit(place, head);
	return bytes_be32(head) == CMD_UNLINK && unlink_one(place, head);
}
