/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit whose program runs says of itself: its device id, its system version, and whether it
 * is in listening mode, which no descriptor shows (docs/devices.md, "Listening mode"). Asked by
 * vendor requests on endpoint 0, which disturb nothing and take no interface; or by `i` on its
 * serial line, which old firmware has too, but which hands an `i` to an application that runs
 * instead. All that comes is the unit's: bounded here, and an id only where it is exactly one. Of a
 * reply on the line nothing but the id is kept: newer families print secrets beside it. */
#pragma once

#include "line.h"
#include "usb.h"

enum listening_mode { LISTENING_UNKNOWN, LISTENING_NO, LISTENING_YES };

struct listening {
	enum listening_mode mode;
	char device_id[LINE_DEVICE_ID]; /* 24 lower-case hex digits; "" not told */
	char version[24];		/* of the system firmware, printable; "" not told */
};

/* Both set in *ret what the unit told and leave the rest as it is; a firmware that does not know the
 * question is no failure. They block for timeout_ms at most, but for what the kernel takes. False:
 * the link failed, the interface is taken by another program (USB_BUSY), or its descriptors make no
 * sense. dev is open; its owner's thread. */
bool listening_ask_request(struct usb_dev *dev, uint32_t timeout_ms, const struct cancel *cancel,
	struct listening *ret, struct err *err) MUST_CHECK;
/* Takes the serial line's interfaces, from the kernel's driver; close gives them back. mode becomes
 * LISTENING_YES if it answered; silence leaves it as it is. */
bool listening_ask_line(struct usb_dev *dev, uint32_t timeout_ms, const struct cancel *cancel,
	struct listening *ret, struct err *err) MUST_CHECK;

/* --- pure, for the above and for tests --- */

/* The first line "Your device id is ID", "Your core id is ID" or "Device ID: ID" that is complete;
 * "" if there is none. */
void listening_parse_id(const char *text, size_t len, char ret[LINE_DEVICE_ID]);

/* A serial line in a configuration descriptor: an abstract control model and its data interface. */
struct listening_line {
	uint8_t control, data; /* interfaces */
	uint8_t in, out;       /* endpoints */
	uint16_t packet;       /* of in */
};
/* False: there is none that can be used. */
bool listening_find_line(const uint8_t *config, size_t len, struct listening_line *ret);

/* A reply of the request protocol (device-os system/src/usb_control_request_channel.cpp). */
struct listening_reply {
	uint16_t status, id;
	uint32_t size;
	bool has_result;
	int32_t result;
};
/* Fields that it does not have become 0; false if it is too short for those that it says it has. */
bool listening_parse_reply(const uint8_t *bytes, size_t len, struct listening_reply *ret);
/* The message that answers GET_DEVICE_MODE; without a byte it is "not listening". */
enum listening_mode listening_parse_mode(const uint8_t *bytes, size_t len);
