/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an emulated bus, shared by vbus.c and vbus_dev.c. Locks: a port's, then the bus's.
 * No lock is held while anything sleeps. */
#pragma once

#include <pthread.h>

#include "vbus.h"

/* A place to plug units in. Made at its first plug, and stays until the bus is closed. */
struct vport {
	struct vbus *vbus;
	char name[USB_PORT_MAX];
	pthread_mutex_t lock; /* guards all that follows */
	struct vunit *unit;   /* NULL: empty */
	uint64_t base_us;     /* the wall moment of its power coming on */
	uint64_t clock_us;    /* its time, at speed 0 */
	uint64_t arrival;     /* 0: not on the bus */
	uint32_t enumeration; /* that this arrival stands for */
	unsigned handles;
	const void *claimer[8]; /* the handle that claimed each interface */
	pthread_t user;		/* the thread of the last transfer, and when that was */
	uint64_t used_us;
	bool dark;   /* a hub above gives no power */
	bool button; /* held when that comes back */
};

/* All guarded by the lock of its bus but for what never changes. */
struct vhub {
	struct vbus *vbus;
	char port[USB_PORT_MAX];
	unsigned ports;
	enum vhub_kind kind;
	const struct vhub *peer;
	bool away;
	bool off[VHUB_PORTS_MAX + 1], cut[VHUB_PORTS_MAX + 1];
	uint32_t over_currents[VHUB_PORTS_MAX + 1];
};

struct vbus {
	struct usb_bus bus;
	double speed;
	pthread_mutex_t lock; /* guards all that follows */
	pthread_cond_t changed;
	uint64_t change, arrivals;
	struct vport *ports[USB_UNITS_MAX]; /* entries below count stay as they are */
	size_t count;
	struct vhub hubs[VHUBS_MAX]; /* entries below hub_count stay where they are */
	size_t hub_count;
};

/* With the port's lock held. */
uint64_t vport_now_us(const struct vport *port);
/* The wall moment of a unit's time. */
uint64_t vport_wall_us(const struct vport *port, uint64_t unit_us);
/* Lets its time come up to now, or at speed 0 to at_us, and tells the bus what changed. */
void vport_sync(struct vport *port, uint64_t at_us);
struct vport *vbus_find(struct vbus *vbus, const char *name);

/* Gives the unit of the port its power or takes it, as the hubs above have it. Port's lock held. */
void vport_power(struct vport *port);

/* vbus_hub.c */
extern const struct usb_hub_ops vhub_ops;
/* Bus's lock held. */
bool vhub_is_dark(const struct vbus *vbus, const char *port);

/* vbus_dev.c */
bool vbus_open(struct usb_bus *bus, const struct usb_ident *ident, const struct cancel *cancel,
	struct usb_dev **ret, struct err *err);
