/* SPDX-License-Identifier: Apache-2.0 */
/* A usb_dev that follows a script: each transfer, pause and SET_INTERFACE must be the next event, byte for byte, and
 * gets the answer that stands there. For tests of exact sequences. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "assert_reason.h"
#include "bytes.h"
#include "dfu.h"

enum script_kind { SCRIPT_CONTROL, SCRIPT_PAUSE, SCRIPT_ALT };

struct script_event {
	enum script_kind kind;
	uint8_t type, request;
	uint16_t value, len;
	const char *out;     /* hexadecimal; NULL: not compared */
	uint8_t in[64];	     /* answer */
	uint16_t in_len;
	bool in_pattern;     /* answer with (block * 16 + i) instead */
	enum reason fail;    /* instead of the answer */
	uint32_t timeout_ms; /* 0: not compared */
	uint32_t number;     /* of a pause or an alternate setting */
};

#define SCRIPT_OUT(request_, value_, hex) \
	{ .type = 0x21, .request = request_, .value = value_, .len = sizeof(hex) / 2, .out = hex }
#define DNLOAD(block, hex) SCRIPT_OUT(1, block, hex)
#define ADDRESS(hex) SCRIPT_OUT(1, 0, "21" hex)
#define ERASE(hex) SCRIPT_OUT(1, 0, "41" hex)
#define CLRSTATUS SCRIPT_OUT(4, 0, "")
#define ABORT SCRIPT_OUT(6, 0, "")
#define STATUS(status, poll, state) \
	{ .type = 0xa1, .request = 3, .len = 6, .in_len = 6, \
		.in = { status, (poll) & 0xff, (poll) >> 8 & 0xff, (poll) >> 16 & 0xff, state } }
#define BUSY(poll) STATUS(0, poll, DFU_DNBUSY)
#define DONE STATUS(0, 0, DFU_DNLOAD_IDLE)
#define IDLE STATUS(0, 0, DFU_IDLE)
#define UPLOAD(block, len_) \
	{ .type = 0xa1, .request = 2, .value = block, .len = len_, .in_len = len_, .in_pattern = true }
#define PAUSE(ms) { .kind = SCRIPT_PAUSE, .number = ms }
#define ALT(number_) { .kind = SCRIPT_ALT, .number = number_ }
#define STATUS_FAILS(reason_) { .type = 0xa1, .request = 3, .len = 6, .fail = reason_ }
#define DNLOAD_FAILS(block, hex, reason_) \
	{ .type = 0x21, .request = 1, .value = block, .len = sizeof(hex) / 2, .out = hex, .fail = reason_ }
#define OUT_FAILS(request_, reason_) { .type = 0x21, .request = request_, .out = "", .fail = reason_ }

struct script_dev {
	struct usb_dev dev;
	const struct script_event *events;
	size_t count, at;
	size_t repeat; /* so many of the last events come again and again; 0: the script ends */
	uint8_t index; /* of the interface */
	uint64_t paused_ms;
	bool closed;
};

static inline const struct script_event *script_next(struct script_dev *script, enum script_kind kind)
{
	if (script->at == script->count && script->repeat)
		script->at -= script->repeat;
	if (script->at == script->count)
		fail_msg("one more than the script's %zu events", script->count);
	const struct script_event *event = &script->events[script->at];
	if (event->kind != kind)
		fail_msg("event %zu is of another kind", script->at);
	script->at++;
	return event;
}

static inline bool script_control(struct usb_dev *dev, struct usb_setup setup, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	struct script_dev *script = (struct script_dev *)dev;
	const struct script_event *event = script_next(script, SCRIPT_CONTROL);
	char hex[2 * 64 + 1];

	(void)cancel;
	if (setup.type != event->type || setup.request != event->request || setup.value != event->value ||
	    setup.index != script->index || len != event->len)
		fail_msg("event %zu is %02x %u %u len %u, came %02x %u %u index %u len %u", script->at - 1,
			event->type, event->request, event->value, event->len, setup.type, setup.request,
			setup.value, setup.index, len);
	if (event->timeout_ms)
		assert_int_equal(timeout_ms, event->timeout_ms);
	if (event->out) {
		bytes_to_hex(data, len, hex);
		assert_string_equal(hex, event->out);
	}
	if (event->fail)
		return err_set(err, event->fail, "scripted");
	for (uint16_t i = 0; i < event->in_len; i++)
		data[i] = event->in_pattern ? (uint8_t)(event->value * 16 + i) : event->in[i];
	*ret_len = (event->type & 0x80) ? event->in_len : len;
	return true;
}

static inline bool script_claim(struct usb_dev *dev, uint8_t interface, struct err *err)
{
	(void)err;
	assert_int_equal(interface, ((struct script_dev *)dev)->index);
	return true;
}

static inline bool script_set_interface(struct usb_dev *dev, uint8_t interface, uint8_t alternate,
	uint32_t timeout_ms, const struct cancel *cancel, struct err *err)
{
	struct script_dev *script = (struct script_dev *)dev;
	const struct script_event *event = script_next(script, SCRIPT_ALT);

	(void)timeout_ms, (void)cancel;
	assert_int_equal(interface, script->index);
	assert_int_equal(alternate, event->number);
	return !event->fail || err_set(err, event->fail, "scripted");
}

static inline bool script_pause(struct usb_dev *dev, uint32_t ms, const struct cancel *cancel, struct err *err)
{
	struct script_dev *script = (struct script_dev *)dev;
	const struct script_event *event = script_next(script, SCRIPT_PAUSE);

	if (cancel_is_set(cancel))
		return err_set(err, REASON_STOPPED, "stopped");
	if (event->number != ms && !script->repeat)
		fail_msg("event %zu is a pause of %u ms, came %u", script->at - 1, event->number, ms);
	script->paused_ms += ms;
	return true;
}

static inline void script_close(struct usb_dev *dev)
{
	((struct script_dev *)dev)->closed = true;
}

static const struct usb_dev_ops script_ops = {
	.control = script_control,
	.claim = script_claim,
	.set_interface = script_set_interface,
	.pause = script_pause,
	.close = script_close,
};

#define SCRIPT(...) \
	(struct script_dev) \
	{ \
		.dev.ops = &script_ops, .index = 3, .events = (const struct script_event[]){ __VA_ARGS__ }, \
		.count = sizeof((const struct script_event[]){ __VA_ARGS__ }) / sizeof(struct script_event) \
	}

/* A session with the unit of a script, as dfu_open leaves it, in blocks of 16 bytes. */
static inline struct dfu script_session(struct script_dev *script, const struct family *family)
{
	return (struct dfu){ .dev = &script->dev,
		.family = family,
		.interface = script->index,
		.transfer_size = 16,
		.announced_size = 16,
		.alt = 0,
		.pointer_alt = 0,
		.state = DFU_IDLE };
}

/* All of it has come. */
static inline void script_assert_ended(const struct script_dev *script)
{
	if (script->at != script->count)
		fail_msg("only %zu of %zu events came", script->at, script->count);
}
