/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the front: usbip_front.c (places and time), usbip_wire.c (what the kernel's controller is answered). */
#pragma once

#include <pthread.h>

#include "usbip_front.h"

enum { USBIP_PENDING_MAX = 64 };

/* A transfer that the unit has not answered yet. */
struct usbip_pending {
	uint32_t seqnum; /* 0: free */
	uint64_t due_us; /* the unit's time; UINT64_MAX: never */
	int32_t status;
	uint32_t len; /* moved */
	uint8_t endpoint; /* of a bulk transfer to the host for which the unit has nothing yet; 0: none */
	bool in;
	uint8_t *data; /* heap */
};

struct usbip_place {
	struct usbip *usbip;
	unsigned port; /* of the kernel's controllers, from 0 */
	pthread_t thread;
	pthread_mutex_t lock; /* guards all that follows */
	bool running, stopping;
	bool button, dark; /* dark: without power */
	int wake;          /* the thread looks up when this can be read */
	struct vunit *unit;
	int socket; /* -1: not on the bus */
	uint32_t enumeration, devid;
	uint64_t base_us, clock_us, used_us;
	long requests_left; /* class requests, until it is frozen; -1: never */
	bool frozen;
	struct usbip_pending pending[USBIP_PENDING_MAX];
};

struct usbip {
	double speed;
	unsigned controllers;
	struct usbip_place places[USBIP_PLACES_MAX];
};

uint64_t usbip_now_us(const struct usbip_place *place);
/* Lets the unit's time come up to now, or at speed 0 to at_us. */
void usbip_sync(struct usbip_place *place, uint64_t at_us);

/* Takes one request from the kernel; false if it has hung up. */
bool usbip_serve(struct usbip_place *place);
/* Answers what has ended meanwhile; false if the kernel has hung up. */
bool usbip_finish_due(struct usbip_place *place);
/* When the next answer is due, in the unit's time; UINT64_MAX if none is. */
uint64_t usbip_next_due_us(const struct usbip_place *place);
/* What is under way will never be answered. */
void usbip_answer_none(struct usbip_place *place);
void usbip_drop_all(struct usbip_place *place);
