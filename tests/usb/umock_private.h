/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the front: umock_front.c (ports and time), umock_ioctl.c (what usbfs answers). */
#pragma once

#include <pthread.h>
#include <umockdev.h>

#include "umock_front.h"

enum { UMOCK_INTERFACES = 4, UMOCK_URBS_MAX = 16 };

struct umock_port;

struct umock_urb {
	UMockdevIoctlClient *client; /* NULL: free */
	UMockdevIoctlData *data;     /* struct usbdevfs_urb; its buffer is resolved */
	bool over;
	bool waits;	 /* bulk to the host: asks the unit again until it has something */
	uint64_t due_us; /* the unit's time; UINT64_MAX: never */
	int status;
	UMockdevIoctlData *buffer; /* of a bulk transfer */
};

/* One enumeration of a unit. Stays until the end: programs may hold its node open. */
struct umock_arrival {
	struct umock_arrival *next;
	struct umock_port *port;
	UMockdevIoctlBase *handler;
	bool here;
	unsigned number;
	char syspath[UMOCK_TEXT_MAX], node[UMOCK_TEXT_MAX];
	struct umock_urb urbs[UMOCK_URBS_MAX];
	UMockdevIoctlClient *claimer[UMOCK_INTERFACES];
	bool driver[UMOCK_INTERFACES]; /* the kernel's own one is bound */
	UMockdevIoctlClient *held[UMOCK_URBS_MAX];
};

struct umock_port {
	struct umock *umock;
	unsigned port;
	struct vunit *unit;
	struct umock_arrival *arrival; /* NULL: not on the bus */
	uint32_t enumeration;
	uint64_t base_us, clock_us, used_us;
	bool hold, silent;
	long requests_left; /* of DFU, until it is frozen; -1: never */
	bool frozen;
	unsigned driver_off, driver_on;
};

struct umock {
	double speed;
	UMockdevTestbed *testbed;
	pthread_t clock;
	pthread_mutex_t lock; /* guards all that follows, and all ports and arrivals */
	bool stopping, quiet;
	unsigned last_number;
	struct umock_port ports[UMOCK_PORTS_MAX];
	struct umock_arrival *arrivals;
};

uint64_t umock_now_us(const struct umock_port *port);
/* Lets the unit's time come up to now, or at speed 0 to at_us. */
void umock_sync(struct umock_port *port, uint64_t at_us);

/* The signal of an arrival's handler. */
gboolean umock_ioctl(
	UMockdevIoctlBase *handler, UMockdevIoctlClient *client, struct umock_arrival *arrival);
/* It has left the bus: what is in flight comes back broken. */
void umock_break_urbs(struct umock_arrival *arrival);
void umock_release_held(struct umock_arrival *arrival);
/* Nobody has it open any more. */
void umock_forget_all(struct umock_arrival *arrival);
