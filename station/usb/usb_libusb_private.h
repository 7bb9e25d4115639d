/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the real bus, shared by usb_libusb.c (what is attached), usb_libusb_dev.c (units),
 * usb_libusb_transfer.c and usb_libusb_call.c (calls that may block in the kernel). */
#pragma once

#include <libusb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"
#include "usb_libusb.h"
#include "usb_sysfs.h"

enum { REAL_BUFFER = LIBUSB_CONTROL_SETUP_SIZE + USB_CONTROL_MAX };

struct real_entry {
	struct usb_sysfs_device device;
	struct usb_ident ident;
	bool ready;		/* its strings were read */
	struct deadline settles; /* until when list waits for that */
	struct deadline shown;	/* from when on it is listed without them */
};

/* Lives until its last user is gone: units, and threads that the kernel holds. */
struct real_bus {
	struct usb_bus bus;
	atomic_uint users;
	libusb_context *context;
	int uevents, stop; /* a netlink socket (-1: none), an eventfd */
	pthread_t events, watcher;
	bool events_run;
	atomic_bool stopping; /* of the event thread */
	pthread_mutex_t scanning; /* one scan after the other; taken before lock */
	pthread_mutex_t lock;	  /* guards all that follows */
	pthread_cond_t changed;
	uint64_t change, arrivals;
	struct real_entry entries[USB_UNITS_MAX];
	size_t count;
};

struct real_bus *real_bus_use(struct real_bus *bus);
void real_bus_leave(struct real_bus *bus);

enum real_end { REAL_DONE, REAL_LATE, REAL_STOPPED };

/* One opened unit. Its owner is one thread; a thread of its own makes the calls that may
 * block, one at a time. */
struct real_dev {
	struct usb_dev dev;
	struct real_bus *bus;
	atomic_uint users; /* the owner, and a call under way */
	struct usb_sysfs_device device;
	int fd; /* -1: not open */
	libusb_device_handle *handle;
	struct libusb_transfer *transfer;
	uint8_t *buffer;     /* locked memory: SETUP (control) and data */
	uint32_t claimed, detached; /* a bit for each interface */
	bool gone, lost;     /* lost: a transfer never came back */

	/* arguments of a call; the owner leaves them alone while one is under way */
	uint8_t interface, alternate;

	pthread_mutex_t lock; /* guards all that follows */
	pthread_cond_t changed;
	bool calling, in_flight;
	int (*call)(struct real_dev *dev);
	int result;
};

/* --- usb_libusb_call.c --- */

/* Runs call(dev) on a thread of its own and waits for it. Before it starts, a call that is still
 * under way is waited for, within the same time. REAL_LATE: it goes on, and the unit takes no other
 * call until it returns; what it opened or claimed then is put back when the last user leaves. */
enum real_end real_call(struct real_dev *dev, int (*call)(struct real_dev *dev),
	uint32_t timeout_ms, const struct cancel *cancel, int *ret);
/* Waits until no call (or no transfer) is under way. */
enum real_end real_await(struct real_dev *dev, const bool *flag, struct deadline deadline,
	const struct cancel *cancel);

/* --- usb_libusb_dev.c --- */

bool real_open(struct usb_bus *bus, const struct usb_ident *ident, const struct cancel *cancel,
	struct usb_dev **ret, struct err *err);
bool real_open_device(struct real_bus *bus, const struct usb_sysfs_device *device,
	const struct cancel *cancel, struct usb_dev **ret, struct err *err);
/* Not open yet. NULL, and an error, without memory. */
struct real_dev *real_dev_new(
	struct real_bus *bus, const struct usb_sysfs_device *device, struct err *err);
/* real_call, with its ends as errors; what names it. */
bool real_make_call(struct real_dev *dev, int (*function)(struct real_dev *dev),
	uint32_t timeout_ms, const struct cancel *cancel, const char *what, struct err *err);
int real_from_errno(int number); /* as an error of libusb */
/* The last user of a unit gives everything back. */
void real_dev_leave(struct real_dev *dev);
/* Errors of libusb as ours; a vanished unit is marked. False. */
bool real_fail(struct real_dev *dev, int code, const char *what, struct err *err);
bool real_stopped(const struct real_dev *dev, const char *what, struct err *err);
bool real_held(const struct real_dev *dev, const char *what, struct err *err);
/* Whether an operation may be tried at all. */
bool real_may(const struct real_dev *dev, const struct cancel *cancel, const char *what,
	struct err *err);

/* --- usb_libusb_hub.c --- */

extern const struct usb_hub_ops real_hub_ops;

/* --- usb_libusb_transfer.c --- */

bool real_control(struct usb_dev *base, struct usb_setup setup, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err);
bool real_bulk(struct usb_dev *base, uint8_t endpoint, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err);

/* A condition variable on the monotonic clock. */
void real_cond_init(pthread_cond_t *cond);
