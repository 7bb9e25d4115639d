/* SPDX-License-Identifier: Apache-2.0 */
#include "reentry.h"

#include <string.h>

#include "bytes.h"

enum {
	CDC_INTERFACE = 0,
	CDC_SET_LINE_CODING = 0x20, /* USB CDC PSTN 1.2, 6.3.10 */
	CDC_LINE_CODING_LEN = 7,
	REQUEST_INIT = 1, /* device-os system control requests */
	REQUEST_REPLY_MAX = 64
};

bool reentry_look(const struct reentry *place, uint64_t old, struct usb_id one, struct usb_id other,
	struct usb_ident *ret, bool *ret_found, uint64_t *ret_change, struct err *err)
{
	struct usb_bus *bus = place->bus;
	struct usb_ident idents[USB_UNITS_MAX];
	size_t count = 0;
	*ret_found = false;
	if (!bus->ops->list(bus, idents, USB_UNITS_MAX, &count, ret_change, err))
		return false;
	for (size_t i = 0; i < count && !*ret_found; i++) {
		*ret_found = strcmp(idents[i].port, place->port) == 0 && idents[i].arrival != old &&
			     (usb_ident_is(&idents[i], one) || usb_ident_is(&idents[i], other));
		if (*ret_found)
			*ret = idents[i];
	}
	return *ret_found || !place->nothing || place->nothing(place->context, err);
}

/* Every pass lists the bus, so a lost notification costs time,
 * never the unit. */
bool reentry_await(const struct reentry *place, uint64_t old, struct usb_id one,
	struct usb_id other, uint32_t timeout_ms, struct usb_ident *ret, struct err *err)
{
	struct usb_bus *bus = place->bus;
	struct deadline deadline = deadline_in_ms(timeout_ms);
	for (;;) {
		bool found = false;
		uint64_t change = 0;
		if (!reentry_look(place, old, one, other, ret, &found, &change, err))
			return false;
		if (found)
			return true;
		if (deadline_passed(deadline))
			return err_set(err, REASON_NO_RETURN, "nothing at port %s within %u ms",
				place->port, timeout_ms);
		if (!bus->ops->wait(bus, change, deadline_left_ms(deadline), place->cancel, err))
			return false;
	}
}

static bool set_line_coding(struct usb_dev *dev, uint32_t baud, uint32_t timeout_ms,
	const struct cancel *cancel, struct err *err)
{
	uint8_t coding[CDC_LINE_CODING_LEN] = { 0, 0, 0, 0, 0, 0,
		8 }; /* 1 stop bit, no parity, 8 data bits */
	struct usb_setup setup = {
		.type = 0x21, .request = CDC_SET_LINE_CODING, .index = CDC_INTERFACE
	};
	uint16_t moved = 0;
	bytes_put_le32(coding, baud);
	return dev->ops->control(
		dev, setup, coding, sizeof coding, timeout_ms, cancel, &moved, err);
}

/* The request is carried out a second after its INIT was answered. */
static bool vendor_request(struct usb_dev *dev, uint16_t type, uint32_t timeout_ms,
	const struct cancel *cancel, struct err *err)
{
	uint8_t reply[REQUEST_REPLY_MAX];
	struct usb_setup setup = {
		.type = 0xc0, .request = REQUEST_INIT, .value = 0, .index = type
	};
	uint16_t moved = 0;
	return dev->ops->control(dev, setup, reply, sizeof reply, timeout_ms, cancel, &moved, err);
}

/* Asks the running program for DFU. The unit may be gone before it has answered: whether it worked
 * is seen by what arrives next, so a failed request is only logged. */
static bool ask_for_dfu(const struct reentry *place, const struct usb_ident *running,
	bool by_line_coding, struct err *err)
{
	const struct family *family = place->family;
	struct usb_bus *bus = place->bus;
	const struct cancel *cancel = place->cancel;
	struct usb_dev *dev = NULL;
	bool good = bus->ops->open(bus, running, cancel, &dev, err);
	if (good && by_line_coding)
		good = dev->ops->claim(dev, CDC_INTERFACE, err) &&
		       set_line_coding(dev, family->reentry.line_coding_baud,
			       family->transfer_timeout_ms, cancel, err);
	else if (good)
		good = vendor_request(dev, family->reentry.vendor_request_type,
			family->transfer_timeout_ms, cancel, err);
	if (dev)
		dev->ops->close(dev);
	if (good || err_kind(err) == ERR_CANCEL)
		return good;
	if (place->note)
		place->note(place->context, err->text);
	return true;
}

bool reentry_send(const struct reentry *place, const struct usb_ident *running,
	struct deadline deadline, struct usb_ident *ret, struct err *err)
{
	const struct family_reentry *reentry = &place->family->reentry;
	const struct usb_id dfu = place->family->dfu, cdc = place->family->cdc;
	struct usb_ident now = *running;
	bool by_line_coding = reentry->line_coding;
	if (!reentry->line_coding && !reentry->vendor_request)
		return err_set(err, REASON_NO_RETURN,
			"the unit's program runs, and its family has no way back into DFU");
	for (;;) {
		uint32_t left_ms = deadline_left_ms(deadline);
		uint32_t wait_ms =
			left_ms < reentry->ask_again_ms ? left_ms : reentry->ask_again_ms;
		if (!ask_for_dfu(place, &now, by_line_coding, err))
			return false;
		/* It may have restarted its program meanwhile: then that one is asked. */
		struct usb_ident next;
		if (reentry_await(place, now.arrival, dfu, cdc, wait_ms, &next, err)) {
			if (usb_ident_is(&next, dfu)) {
				*ret = next;
				return true;
			}
			if (place->may_ask && !place->may_ask(place->context, &next, err))
				return false;
			now = next;
		} else if (err->reason != REASON_NO_RETURN || deadline_passed(deadline)) {
			return false;
		}
		if (reentry->line_coding && reentry->vendor_request)
			by_line_coding = !by_line_coding;
	}
}
