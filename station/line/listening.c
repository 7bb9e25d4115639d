/* SPDX-License-Identifier: Apache-2.0 */
#include "listening.h"

#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "secret.h"

enum {
	FROM_UNIT = 0xC0, /* vendor request to the host */
	REQUEST_SIMPLE = 0x50,
	REQUEST_INIT = 1,
	REQUEST_CHECK,
	REQUEST_SEND,
	REQUEST_RECV,
	REQUEST_RESET,
	TYPE_DEVICE_ID = 20,
	TYPE_SYSTEM_VERSION = 30,
	TYPE_DEVICE_MODE = 72,
	REPLY_LEN = 64, /* a shorter one is refused */
	STATUS_OK = 0,
	STATUS_PENDING = 2,
	CHECK_EVERY_MS = 10,
	PENDING_MS = 500,
	RESET_MS = 500
};

enum {
	CDC_REQUEST = 0x21,
	SET_LINE_CODING = 0x20,
	SET_CONTROL_LINE_STATE = 0x22,
	LINE_READY = 3, /* DTR, RTS */
	LINE_CODING_LEN = 7,
	BAUD = 9600,
	DESCRIPTOR_CONFIGURATION = 2,
	LINE_TEXT_MAX = 1024,
	PACKETS_MAX = 64,
	QUIET_MS = 50, /* what was under way before the question is over then */
	CONFIG_MAX = 512,
	PACKET_MAX = 512 /* of a bulk endpoint, high speed */
};

/* One question and its deadline. */
struct asking {
	struct usb_dev *dev;
	struct deadline deadline;
	const struct cancel *cancel;
};

static bool request(const struct asking *asking, uint8_t number, uint16_t index, uint8_t *reply,
	uint16_t len, uint16_t *ret_len, struct err *err)
{
	struct usb_dev *dev = asking->dev;
	struct usb_setup setup = { .type = FROM_UNIT, .request = number, .index = index };
	return dev->ops->control(dev, setup, reply, len, deadline_left_ms(asking->deadline),
		asking->cancel, ret_len, err);
}

/* A request that the firmware may not have: it refuses it then. */
static bool try_request(const struct asking *asking, uint8_t number, uint16_t index, uint8_t *reply,
	uint16_t len, uint16_t *ret_len, struct err *err)
{
	*ret_len = 0;
	return request(asking, number, index, reply, len, ret_len, err) ||
	       err->reason == REASON_USB_STALL;
}

static bool service(const struct asking *asking, uint8_t number, uint16_t index,
	struct listening_reply *ret, struct err *err)
{
	uint8_t bytes[REPLY_LEN];
	uint16_t len;
	if (!request(asking, number, index, bytes, sizeof bytes, &len, err))
		return false;
	return listening_parse_reply(bytes, len, ret) ||
	       err_set(err, REASON_DESCRIPTORS, "a reply of %u bytes makes no sense", len);
}

/* Until the firmware has taken it up: its program may keep it busy. */
static bool await_result(
	const struct asking *asking, uint16_t id, struct listening_reply *ret, struct err *err)
{
	for (uint32_t waited_ms = 0; waited_ms < PENDING_MS; waited_ms += CHECK_EVERY_MS) {
		if (!service(asking, REQUEST_CHECK, id, ret, err))
			return false;
		if (ret->status != STATUS_PENDING)
			return true;
		if (!asking->dev->ops->pause(asking->dev, CHECK_EVERY_MS, asking->cancel, err))
			return false;
	}
	return err_set(err, REASON_USB_TIMEOUT, "the firmware did not answer");
}

static bool fetch_mode(
	const struct asking *asking, uint16_t id, struct listening *ret, struct err *err)
{
	uint8_t message[REPLY_LEN];
	uint16_t len = 0;
	struct listening_reply reply;
	if (!await_result(asking, id, &reply, err))
		return false;
	if (reply.status != STATUS_OK || !reply.has_result || reply.result != 0 ||
		reply.size > sizeof message)
		return true;
	if (reply.size &&
		!request(asking, REQUEST_RECV, id, message, (uint16_t)reply.size, &len, err))
		return false;
	if (len == reply.size)
		ret->mode = listening_parse_mode(message, len);
	return true;
}

/* Device-os 0.8.0 and newer. A request that was begun is taken back, so that a unit with little room
 * for them is left as it was. */
static bool ask_mode(const struct asking *asking, struct listening *ret, struct err *err)
{
	struct listening_reply begun, ignored;
	struct err aside;
	if (!service(asking, REQUEST_INIT, TYPE_DEVICE_MODE, &begun, err))
		return err->reason == REASON_USB_STALL;
	if (begun.status != STATUS_OK)
		return true;
	if (fetch_mode(asking, begun.id, ret, err))
		return true;
	const struct asking again = { asking->dev, deadline_in_ms(RESET_MS), asking->cancel };
	bool stays = service(&again, REQUEST_RESET, begun.id, &ignored, &aside);
	return stays && (err->reason == REASON_USB_STALL || err->reason == REASON_USB_TIMEOUT);
}

static void take_version(const uint8_t *bytes, size_t len, struct listening *ret)
{
	if (len >= sizeof ret->version)
		return;
	for (size_t i = 0; i < len; i++)
		if (bytes[i] <= ' ' || bytes[i] > '~')
			return;
	memcpy(ret->version, bytes, len);
	ret->version[len] = 0;
}

static bool take_id(const char *digits, size_t len, char ret[LINE_DEVICE_ID])
{
	char id[LINE_DEVICE_ID];
	uint8_t uid[(LINE_DEVICE_ID - 1) / 2];
	if (len != LINE_DEVICE_ID - 1)
		return false;
	memcpy(id, digits, len);
	id[len] = 0;
	if (!bytes_from_hex(id, uid, sizeof uid))
		return false;
	bytes_to_hex(uid, sizeof uid, ret);
	return true;
}

bool listening_ask_request(struct usb_dev *dev, uint32_t timeout_ms, const struct cancel *cancel,
	struct listening *ret, struct err *err)
{
	const struct asking asking = { dev, deadline_in_ms(timeout_ms), cancel };
	uint8_t bytes[REPLY_LEN];
	uint16_t len;
	if (!try_request(&asking, REQUEST_SIMPLE, TYPE_DEVICE_ID, bytes, sizeof bytes, &len, err))
		return false;
	(void)take_id((const char *)bytes, len, ret->device_id);
	if (!try_request(
		    &asking, REQUEST_SIMPLE, TYPE_SYSTEM_VERSION, bytes, sizeof bytes, &len, err))
		return false;
	take_version(bytes, len, ret);
	return ask_mode(&asking, ret, err);
}

/* --- the serial line --- */

static bool control_out(const struct asking *asking, const struct listening_line *line,
	uint8_t number, uint16_t value, uint8_t *data, uint16_t len, struct err *err)
{
	struct usb_dev *dev = asking->dev;
	struct usb_setup setup = { CDC_REQUEST, number, value, line->control };
	uint16_t moved;
	return dev->ops->control(dev, setup, data, len, deadline_left_ms(asking->deadline),
		asking->cancel, &moved, err);
}

static bool open_line(
	const struct asking *asking, const struct listening_line *line, struct err *err)
{
	struct usb_dev *dev = asking->dev;
	uint8_t coding[LINE_CODING_LEN] = { 0, 0, 0, 0, 0, 0, 8 };
	bytes_put_le32(coding, BAUD);
	return dev->ops->claim(dev, line->control, err) && dev->ops->claim(dev, line->data, err) &&
	       control_out(asking, line, SET_LINE_CODING, 0, coding, sizeof coding, err) &&
	       control_out(asking, line, SET_CONTROL_LINE_STATE, LINE_READY, NULL, 0, err);
}

/* One packet, if one comes in time; *ret_len 0 if none does. */
static bool read_packet(const struct asking *asking, const struct listening_line *line,
	uint32_t timeout_ms, char *to, uint16_t *ret_len, struct err *err)
{
	struct usb_dev *dev = asking->dev;
	*ret_len = 0;
	return dev->ops->bulk(dev, line->in, (uint8_t *)to, line->packet, timeout_ms,
		       asking->cancel, ret_len, err) ||
	       err->reason == REASON_USB_TIMEOUT;
}

/* What its program printed before it was asked is no answer. */
static bool drain(const struct asking *asking, const struct listening_line *line, struct err *err)
{
	char packet[PACKET_MAX];
	uint16_t len = 1;
	for (int i = 0; len && i < PACKETS_MAX; i++)
		if (!read_packet(asking, line, QUIET_MS, packet, &len, err))
			return false;
	secret_wipe(packet, sizeof packet);
	return true;
}

static bool read_id(const struct asking *asking, const struct listening_line *line,
	char ret_id[LINE_DEVICE_ID], struct err *err)
{
	char text[LINE_TEXT_MAX];
	size_t len = 0;
	uint16_t came = 1;
	bool good = true;
	ret_id[0] = 0;
	while (good && came && !ret_id[0] && len + line->packet <= sizeof text) {
		good = read_packet(
			asking, line, deadline_left_ms(asking->deadline), text + len, &came, err);
		len += came;
		listening_parse_id(text, len, ret_id);
	}
	secret_wipe(text, sizeof text);
	return good;
}

static bool find_line(const struct asking *asking, struct listening_line *ret, struct err *err)
{
	uint8_t config[CONFIG_MAX];
	uint16_t len;
	if (!usb_get_descriptor(asking->dev, DESCRIPTOR_CONFIGURATION, 0, 0, config, sizeof config,
		    asking->cancel, &len, err))
		return false;
	return listening_find_line(config, len, ret) ||
	       err_set(err, REASON_DESCRIPTORS, "it shows no serial line");
}

bool listening_ask_line(struct usb_dev *dev, uint32_t timeout_ms, const struct cancel *cancel,
	struct listening *ret, struct err *err)
{
	const struct asking asking = { dev, deadline_in_ms(timeout_ms), cancel };
	struct listening_line line;
	uint8_t question = 'i';
	char id[LINE_DEVICE_ID];
	uint16_t moved;
	if (!find_line(&asking, &line, err) || !open_line(&asking, &line, err) ||
		!drain(&asking, &line, err))
		return false;
	/* Nobody may be there to take it: an application that reads nothing. */
	if (!dev->ops->bulk(dev, line.out, &question, 1, deadline_left_ms(asking.deadline), cancel,
		    &moved, err))
		return err->reason == REASON_USB_TIMEOUT;
	if (!read_id(&asking, &line, id, err))
		return false;
	if (!id[0])
		return true;
	memcpy(ret->device_id, id, sizeof id);
	ret->mode = LISTENING_YES;
	return true;
}

/* --- what came --- */

static size_t line_end(const char *text, size_t len)
{
	size_t end = 0;
	while (end < len && text[end] != '\n')
		end++;
	return end;
}

void listening_parse_id(const char *text, size_t len, char ret[LINE_DEVICE_ID])
{
	static const char *const heads[] = { "Your device id is ", "Your core id is ",
		"Device ID: " };
	ret[0] = 0;
	for (size_t at = 0; at < len;) {
		size_t end = at + line_end(text + at, len - at);
		if (end == len)
			return; /* not complete: more may come */
		size_t stop = end > at && text[end - 1] == '\r' ? end - 1 : end;
		for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
			size_t head = strlen(heads[i]);
			if (stop - at > head && memcmp(text + at, heads[i], head) == 0 &&
				take_id(text + at + head, stop - at - head, ret))
				return;
		}
		at = end + 1;
	}
}

bool listening_parse_reply(const uint8_t *bytes, size_t len, struct listening_reply *ret)
{
	enum { HAS_STATUS = 1, HAS_ID = 2, HAS_SIZE = 4, HAS_RESULT = 8, HEAD = 6 };
	struct listening_reply reply = { 0 };
	size_t at = HEAD;
	if (len < HEAD)
		return false;
	uint32_t flags = bytes_le32(bytes);
	size_t wanted = HEAD + (flags & HAS_ID ? 2U : 0) + (flags & HAS_SIZE ? 4U : 0) +
			(flags & HAS_RESULT ? 4U : 0);
	if (!(flags & HAS_STATUS) || len < wanted)
		return false;
	reply.has_result = flags & HAS_RESULT;
	reply.status = bytes_le16(bytes + 4);
	if (flags & HAS_ID) {
		reply.id = bytes_le16(bytes + at);
		at += 2;
	}
	if (flags & HAS_SIZE) {
		reply.size = bytes_le32(bytes + at);
		at += 4;
	}
	if (flags & HAS_RESULT)
		reply.result = (int32_t)bytes_le32(bytes + at);
	*ret = reply;
	return true;
}

/* Field 1 as a number; an encoder leaves out what is zero. */
enum listening_mode listening_parse_mode(const uint8_t *bytes, size_t len)
{
	enum { FIELD_1_NUMBER = 0x08 };
	if (len == 0)
		return LISTENING_NO;
	if (len != 2 || bytes[0] != FIELD_1_NUMBER || bytes[1] > 1)
		return LISTENING_UNKNOWN;
	return bytes[1] ? LISTENING_YES : LISTENING_NO;
}

/* What the walk through a configuration has seen. */
struct line_walk {
	struct listening_line line;
	bool has_control, has_data, in_data;
};

static void take_interface(struct line_walk *walk, const uint8_t *bytes)
{
	enum { CLASS_CONTROL = 2, SUBCLASS_ACM = 2, CLASS_DATA = 10 };
	walk->in_data = false;
	if (bytes[5] == CLASS_CONTROL && bytes[6] == SUBCLASS_ACM && !walk->has_control) {
		walk->line.control = bytes[2];
		walk->has_control = true;
	} else if (bytes[5] == CLASS_DATA && walk->has_control && !walk->has_data) {
		walk->line.data = bytes[2];
		walk->has_data = walk->in_data = true;
	}
}

static void take_endpoint(struct line_walk *walk, const uint8_t *bytes)
{
	enum { BULK = 2, KIND = 3, TO_HOST = 0x80 };
	if (!walk->in_data || (bytes[3] & KIND) != BULK)
		return;
	if (!(bytes[2] & TO_HOST)) {
		walk->line.out = bytes[2];
		return;
	}
	walk->line.in = bytes[2];
	walk->line.packet = bytes_le16(bytes + 4);
}

bool listening_find_line(const uint8_t *config, size_t len, struct listening_line *ret)
{
	enum { INTERFACE = 4, INTERFACE_LEN = 9, ENDPOINT = 5, ENDPOINT_LEN = 7 };
	struct line_walk walk = { 0 };
	for (size_t at = 0; len - at >= 2 && config[at] >= 2 && config[at] <= len - at;
		at += config[at]) {
		const uint8_t *bytes = config + at;
		if (bytes[1] == INTERFACE && bytes[0] >= INTERFACE_LEN)
			take_interface(&walk, bytes);
		else if (bytes[1] == ENDPOINT && bytes[0] >= ENDPOINT_LEN)
			take_endpoint(&walk, bytes);
	}
	if (!walk.line.in || !walk.line.out || walk.line.control == walk.line.data ||
		walk.line.packet == 0 || walk.line.packet > PACKET_MAX)
		return false;
	*ret = walk.line;
	return true;
}
