/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers of the real bus: submitted, awaited with a deadline and the cancel flag, and
 * broken off if need be. */
#include "usb_libusb_private.h"

#include <stdio.h>
#include <string.h>

#include "scope.h"
#include "secret.h"

enum {
	SETUP_LEN = LIBUSB_CONTROL_SETUP_SIZE,
	TO_HOST = LIBUSB_ENDPOINT_IN,
	CANCEL_TIMEOUT_MS = 5000,
	UNPLUG_SEEN_MS = 300 /* between the first broken transfer and the hub's report */
};

static void LIBUSB_CALL completed(struct libusb_transfer *transfer)
{
	struct real_dev *dev = transfer->user_data;
	SCOPED_LOCK(&dev->lock);
	dev->in_flight = false;
	pthread_cond_broadcast(&dev->changed);
}

/* DISCARDURB waits for the host controller to give the transfer back. */
static int call_cancel(struct real_dev *dev)
{
	libusb_cancel_transfer(dev->transfer);
	return 0;
}

/* What is asked for; the data stands in the unit's buffer from head on. */
struct order {
	bool to_host;
	uint16_t head, len;
	uint32_t timeout_ms;
	char what[64];
};

static bool submit(struct real_dev *dev, struct err *err)
{
	pthread_mutex_lock(&dev->lock);
	dev->in_flight = true;
	pthread_mutex_unlock(&dev->lock);
	int code = libusb_submit_transfer(dev->transfer);
	if (code == 0)
		return true;
	pthread_mutex_lock(&dev->lock);
	dev->in_flight = false;
	pthread_mutex_unlock(&dev->lock);
	return real_fail(dev, code, "submitting a transfer", err);
}

/* Until the transfer is over, or was broken off and came back. False only if it never did: its
 * memory is the kernel's from then on. */
static bool await_end(struct real_dev *dev, uint32_t timeout_ms, const struct cancel *cancel,
	enum real_end *ret_end)
{
	int code;
	*ret_end = real_await(dev, &dev->in_flight, deadline_in_ms(timeout_ms), cancel);
	if (*ret_end == REAL_DONE)
		return true;
	(void)real_call(dev, call_cancel, CANCEL_TIMEOUT_MS, NULL, &code);
	dev->lost = real_await(dev, &dev->in_flight, deadline_in_ms(CANCEL_TIMEOUT_MS), NULL) !=
		    REAL_DONE;
	return !dev->lost;
}

static int code_of(enum libusb_transfer_status status)
{
	switch (status) {
	case LIBUSB_TRANSFER_COMPLETED:
		return 0;
	case LIBUSB_TRANSFER_STALL:
		return LIBUSB_ERROR_PIPE;
	case LIBUSB_TRANSFER_NO_DEVICE:
		return LIBUSB_ERROR_NO_DEVICE;
	case LIBUSB_TRANSFER_OVERFLOW:
		return LIBUSB_ERROR_OVERFLOW;
	case LIBUSB_TRANSFER_TIMED_OUT:
	case LIBUSB_TRANSFER_CANCELLED:
		return LIBUSB_ERROR_TIMEOUT;
	case LIBUSB_TRANSFER_ERROR:
		break;
	}
	return LIBUSB_ERROR_IO;
}

/* A unit that is pulled out breaks a transfer before its hub tells the host. */
static int tell_unplugged(const struct real_dev *dev, int code)
{
	struct deadline deadline = deadline_in_ms(UNPLUG_SEEN_MS);
	while (code == LIBUSB_ERROR_IO && !deadline_passed(deadline)) {
		if (!usb_sysfs_is_same(&dev->device))
			return LIBUSB_ERROR_NO_DEVICE;
		clock_pause_until(clock_mono_us() + CANCEL_POLL_MS * 1000, NULL);
	}
	return code;
}

static bool judge(
	struct real_dev *dev, const struct order *order, enum real_end end, struct err *err)
{
	int code = tell_unplugged(dev, code_of(dev->transfer->status));
	if (code == 0 || code == LIBUSB_ERROR_NO_DEVICE || end == REAL_DONE)
		return code == 0 || real_fail(dev, code, order->what, err);
	if (end == REAL_STOPPED)
		return real_stopped(dev, order->what, err);
	return err_set(err, REASON_USB_TIMEOUT, "%s: %s did not end in %u ms", dev->device.port,
		order->what, order->timeout_ms);
}

/* The transfer is filled in. */
static bool transfer(struct real_dev *dev, const struct order *order, uint8_t *data,
	const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	enum real_end end;
	uint8_t *buffer = dev->buffer + order->head;
	if (!order->to_host && order->len)
		memcpy(buffer, data, order->len);
	if (!submit(dev, err))
		return false;
	if (!await_end(dev, order->timeout_ms, cancel, &end))
		return real_held(dev, "a transfer that was broken off", err);
	if (!judge(dev, order, end, err))
		return false;
	int moved = dev->transfer->actual_length;
	if (moved < 0 || moved > order->len)
		return err_set(err, REASON_USB_OVERFLOW, "%s: %d bytes came for %u",
			dev->device.port, moved, order->len);
	if (order->to_host && moved)
		memcpy(data, buffer, (size_t)moved);
	*ret_len = (uint16_t)moved;
	return true;
}

/* Before the transfer may be filled in: an earlier call may be under way. */
static bool may_start(struct real_dev *dev, const struct order *order, const struct cancel *cancel,
	struct err *err)
{
	const bool *calling = &dev->calling;
	if (order->len > REAL_BUFFER - SETUP_LEN)
		return err_set(
			err, REASON_BUG, "%s; at most %d", order->what, REAL_BUFFER - SETUP_LEN);
	if (!real_may(dev, cancel, "a transfer", err))
		return false;
	enum real_end end = real_await(dev, calling, deadline_in_ms(order->timeout_ms), cancel);
	if (end == REAL_DONE)
		return true;
	return end == REAL_STOPPED ? real_stopped(dev, "a transfer", err)
				   : real_held(dev, "an earlier call", err);
}

static void wipe(const struct real_dev *dev)
{
	if (!dev->lost)
		secret_wipe(dev->buffer, REAL_BUFFER);
}

bool real_control(struct usb_dev *base, struct usb_setup setup, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	struct real_dev *dev = (struct real_dev *)base;
	struct order order = { .to_host = setup.type & TO_HOST,
		.head = SETUP_LEN,
		.len = len,
		.timeout_ms = timeout_ms };
	snprintf(order.what, sizeof order.what, "request %02x/%02x of %u bytes", setup.type,
		setup.request, len);
	if (!may_start(dev, &order, cancel, err))
		return false;
	libusb_fill_control_setup(
		dev->buffer, setup.type, setup.request, setup.value, setup.index, len);
	libusb_fill_control_transfer(dev->transfer, dev->handle, dev->buffer, completed, dev, 0);
	bool good = transfer(dev, &order, data, cancel, ret_len, err);
	wipe(dev);
	return good;
}

bool real_bulk(struct usb_dev *base, uint8_t endpoint, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	struct real_dev *dev = (struct real_dev *)base;
	struct order order = {
		.to_host = endpoint & TO_HOST, .len = len, .timeout_ms = timeout_ms
	};
	snprintf(order.what, sizeof order.what, "%u bytes on endpoint %02x", len, endpoint);
	if (!may_start(dev, &order, cancel, err))
		return false;
	libusb_fill_bulk_transfer(
		dev->transfer, dev->handle, endpoint, dev->buffer, len, completed, dev, 0);
	bool good = transfer(dev, &order, data, cancel, ret_len, err);
	wipe(dev);
	return good;
}
