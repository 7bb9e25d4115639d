/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that may block in the kernel: usbfs takes the lock of the device for nearly everything, and
 * a driver that is being unbound, a reset or a dead controller can hold that for ever. */
#include "usb_libusb_private.h"

#include <time.h>

#include "scope.h"

enum { STACK_BYTES = 256 * 1024 };

void real_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

enum real_end real_await(struct real_dev *dev, const bool *flag, struct deadline deadline,
	const struct cancel *cancel)
{
	SCOPED_LOCK(&dev->lock);
	while (*flag) {
		if (cancel_is_set(cancel))
			return REAL_STOPPED;
		if (deadline_passed(deadline))
			return REAL_LATE;
		uint64_t until_us = clock_mono_us() + CANCEL_POLL_MS * 1000;
		if (until_us > deadline.at_us)
			until_us = deadline.at_us;
		struct timespec until = { .tv_sec = (time_t)(until_us / 1000000),
			.tv_nsec = (long)(until_us % 1000000 * 1000) };
		pthread_cond_timedwait(&dev->changed, &dev->lock, &until);
	}
	return REAL_DONE;
}

static void *caller(void *argument)
{
	struct real_dev *dev = argument;
	int result = dev->call(dev);
	pthread_mutex_lock(&dev->lock);
	dev->result = result;
	dev->calling = false;
	pthread_cond_broadcast(&dev->changed);
	pthread_mutex_unlock(&dev->lock);
	real_dev_leave(dev);
	return NULL;
}

static bool start(struct real_dev *dev, int (*call)(struct real_dev *dev))
{
	pthread_attr_t attributes;
	pthread_t thread;
	dev->call = call;
	dev->calling = true;
	atomic_fetch_add(&dev->users, 1);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	bool started = pthread_create(&thread, &attributes, caller, dev) == 0;
	pthread_attr_destroy(&attributes);
	if (!started) {
		dev->calling = false;
		atomic_fetch_sub(&dev->users, 1);
	}
	return started;
}

enum real_end real_call(struct real_dev *dev, int (*call)(struct real_dev *dev),
	uint32_t timeout_ms, const struct cancel *cancel, int *ret)
{
	struct deadline deadline = deadline_in_ms(timeout_ms);
	enum real_end end = real_await(dev, &dev->calling, deadline, cancel);
	if (end != REAL_DONE)
		return end;
	if (!start(dev, call)) {
		*ret = LIBUSB_ERROR_NO_MEM;
		return REAL_DONE;
	}
	end = real_await(dev, &dev->calling, deadline, cancel);
	if (end == REAL_DONE)
		*ret = dev->result;
	return end;
}
