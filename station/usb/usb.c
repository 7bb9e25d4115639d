/* SPDX-License-Identifier: Apache-2.0 */
/* Standard requests that the station itself makes: descriptors and strings. Everything
 * else is the back end's. */
#include "usb.h"

#include <stdio.h>

#include "bytes.h"

enum {
	REQUEST_GET_DESCRIPTOR = 6,
	TYPE_TO_HOST = 0x80,
	DESCRIPTOR_STRING = 3,
	STRING_MAX = 255, /* bLength is one byte */
	LANGUAGE_ENGLISH = 0x0409,
	STANDARD_TIMEOUT_MS = 2000
};

bool usb_get_descriptor(struct usb_dev *dev, uint8_t type, uint8_t index, uint16_t language,
	uint8_t *ret, uint16_t len, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	struct usb_setup setup = {
		.type = TYPE_TO_HOST,
		.request = REQUEST_GET_DESCRIPTOR,
		.value = (uint16_t)(type << 8 | index),
		.index = language,
	};
	uint16_t moved = 0;

	if (!dev->ops->control(dev, setup, ret, len, STANDARD_TIMEOUT_MS, cancel, &moved, err))
		return err_at(err, "descriptor %u.%u", type, index);
	if (moved > len)
		return err_set(err, REASON_USB_OVERFLOW, "descriptor %u.%u: %u bytes came for %u",
			type, index, moved, len);
	*ret_len = moved;
	return true;
}

/* Reads a string descriptor; *ret_len counts whole UTF-16 units behind its two-byte head. */
static bool read_string(struct usb_dev *dev, uint8_t index, uint16_t language,
	uint8_t bytes[STRING_MAX], const struct cancel *cancel, size_t *ret_units, struct err *err)
{
	uint16_t len;

	if (!usb_get_descriptor(
		    dev, DESCRIPTOR_STRING, index, language, bytes, STRING_MAX, cancel, &len, err))
		return false;
	if (len < 2 || bytes[1] != DESCRIPTOR_STRING || bytes[0] < 2)
		return err_set(err, REASON_DESCRIPTORS,
			"string %u: what came is no string descriptor", index);
	/* The ROM of the STM32F427 announces more than it sends: the shorter of the two counts. */
	*ret_units = (size_t)((bytes[0] < len ? bytes[0] : len) - 2) / 2;
	return true;
}

/* English if the unit lists it or lists nothing, otherwise its first language. */
static bool find_language(
	struct usb_dev *dev, const struct cancel *cancel, uint16_t *ret, struct err *err)
{
	uint8_t bytes[STRING_MAX];
	size_t count;

	*ret = LANGUAGE_ENGLISH;
	if (!read_string(dev, 0, 0, bytes, cancel, &count, err))
		return err->reason == REASON_USB_STALL || err->reason == REASON_DESCRIPTORS;
	for (size_t i = 0; i < count; i++)
		if (bytes_le16(bytes + 2 + 2 * i) == LANGUAGE_ENGLISH)
			return true;
	if (count)
		*ret = bytes_le16(bytes + 2);
	return true;
}

bool usb_get_string(struct usb_dev *dev, uint8_t index, char *to, size_t cap,
	const struct cancel *cancel, struct err *err)
{
	uint8_t bytes[STRING_MAX];
	uint16_t language = 0;
	size_t count;

	if (!index) { /* "no string" */
		to[0] = '\0';
		return true;
	}
	if (!find_language(dev, cancel, &language, err) ||
		!read_string(dev, index, language, bytes, cancel, &count, err))
		return false;
	/* The Core's layout strings end in as many as nine NULs that belong to the descriptor. */
	while (count && bytes_le16(bytes + 2 * count) == 0)
		count--;
	if (count >= cap)
		return err_set(err, REASON_DESCRIPTORS,
			"string %u has %zu characters, at most %zu are taken", index, count,
			cap - 1);
	for (size_t i = 0; i < count; i++) {
		uint16_t unit = bytes_le16(bytes + 2 + 2 * i);

		to[i] = unit >= ' ' && unit <= '~' ? (char)unit : '?';
	}
	to[count] = '\0';
	return true;
}
