/* SPDX-License-Identifier: Apache-2.0 */
/* What a running firmware answers: the CDC requests, of which 14400 baud means "into DFU once", and
 * Particle's vendor requests, simple ones since 0.6.0 and a request protocol since 0.8.0
 * (docs/devices.md, "Into DFU without the button"). */
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "vunit_private.h"

enum {
	SET_LINE_CODING = 0x20,
	GET_LINE_CODING = 0x21,
	SET_CONTROL_LINE_STATE = 0x22,
	SEND_BREAK = 0x23,
	LINE_CODING_LEN = 7,
	BAUD_DFU = 14400,
	BAUD_DFU_US = 300000, /* chosen: it cancels its network connection first */
	RESET_US = 100000,    /* chosen */
	DFU_MODE_US = 1000000
};

enum {
	VENDOR_SIMPLE = 0x50,
	SERVICE_INIT = 1,
	SERVICE_CHECK,
	SERVICE_SEND,
	SERVICE_RECV,
	SERVICE_RESET
};

enum {
	TYPE_DEVICE_ID = 20,
	TYPE_SYSTEM_VERSION = 30,
	TYPE_RESET = 40,
	TYPE_DFU_MODE = 50,
	TYPE_START_LISTENING = 70,
	TYPE_STOP_LISTENING = 71,
	TYPE_DEVICE_MODE = 72
};

enum {
	SIMPLE_VERSION = 100,
	PROTOCOL_VERSION = 300,
	CORE_VERSION = 1406
}; /* module versions of 0.6.0 and 0.8.0-rc */

enum {
	REPLY_STATUS = 1,
	REPLY_ID = 2,
	REPLY_SIZE = 4,
	REPLY_RESULT = 8,
	STATUS_OK = 0,
	STATUS_PENDING = 2,
	STATUS_NOT_FOUND = 5,
	SERVICE_LEN_MIN = 64, /* of wLength */
	SERVICE_US = 1000     /* chosen: the firmware's thread takes the request up */
};

enum { RESULT_NOT_SUPPORTED = -120 };

struct version_name {
	uint16_t version;
	const char *name;
};

static const struct version_name version_names[] = {
	{ 3301, "3.3.0" },
	{ 2302, "2.3.1" },
	{ 2301, "2.3.0" },
	{ 2300, "2.3.0-rc.1" },
	{ 1406, "1.4.4" },
	{ 1213, "1.2.1" },
	{ 1000, "1.0.0" },
	{ 207, "0.7.0" },
	{ 102, "0.6.0" },
	{ 21, "0.5.3" },
	{ 11, "0.4.9" },
};

void vunit_vendor_start(struct vunit *unit)
{
	unit->baud = 9600;
	unit->service = (struct vunit_service){ 0 };
	vunit_serial_start(unit);
}

static enum vunit_answer set_line_coding(struct vunit *unit, struct vunit_transfer *transfer)
{
	if (transfer->length != LINE_CODING_LEN)
		return VUNIT_STALL;
	unit->baud = bytes_le32(transfer->data);
	transfer->moved = transfer->length;
	vunit_serial_baud(unit, unit->baud);
	uint32_t touch = unit->spec.family == VUNIT_ROM ? unit->spec.chip.touch_baud : BAUD_DFU;
	if (touch && unit->baud == touch) {
		vunit_schedule(unit, EVENT_RESET_TO_DFU, transfer->start_us + BAUD_DFU_US);
		unit->work.boot_us += BAUD_DFU_US;
	}
	return VUNIT_ACK;
}

static enum vunit_answer get_line_coding(const struct vunit *unit, struct vunit_transfer *transfer)
{
	uint8_t coding[LINE_CODING_LEN] = { 0, 0, 0, 0, 0, 0, 8 };
	bytes_put_le32(coding, unit->baud);
	return vunit_reply(transfer, coding,
		transfer->length < sizeof(coding) ? transfer->length : sizeof(coding));
}

enum vunit_answer vunit_cdc_request(struct vunit *unit, struct vunit_transfer *transfer)
{
	bool in = transfer->type & 0x80;
	if ((transfer->type & 0x1F) != 1 || transfer->index != 0)
		return VUNIT_STALL;
	switch (transfer->request) {
	case SET_LINE_CODING:
		return in ? VUNIT_STALL : set_line_coding(unit, transfer);
	case GET_LINE_CODING:
		return in ? get_line_coding(unit, transfer) : VUNIT_STALL;
	case SET_CONTROL_LINE_STATE:
	case SEND_BREAK:
		return in ? VUNIT_STALL : VUNIT_ACK;
	default:
		return VUNIT_STALL;
	}
}

void vunit_vendor_version(const struct vunit *unit, char *to, size_t cap)
{
	uint16_t version = vunit_boot_firmware_version(unit);
	if (unit->spec.family == VUNIT_CORE) /* its last */
		version = CORE_VERSION;
	for (size_t i = 0; i < sizeof(version_names) / sizeof(version_names[0]); i++) {
		if (version_names[i].version <= version) {
			snprintf(to, cap, "%s", version_names[i].name);
			return;
		}
	}
	snprintf(to, cap, "0.4.0");
}

/* A host that has no room for all of it gets nothing. */
static enum vunit_answer send_text(struct vunit_transfer *transfer, const char *text)
{
	size_t len = strlen(text);
	if (transfer->length < len)
		return VUNIT_STALL;
	return vunit_reply(transfer, (const uint8_t *)text, len);
}

static enum vunit_answer simple_in(const struct vunit *unit, struct vunit_transfer *transfer)
{
	char text[32];
	if (transfer->index == TYPE_DEVICE_ID) {
		const uint8_t *id = unit->spec.device_id;
		for (size_t i = 0; i < 12; i++)
			snprintf(text + 2 * i, 3, "%02X", id[i]);
		return send_text(transfer, text);
	}
	if (transfer->index == TYPE_SYSTEM_VERSION) {
		vunit_vendor_version(unit, text, sizeof(text));
		return send_text(transfer, text);
	}
	return VUNIT_STALL;
}

static enum vunit_answer simple_out(struct vunit *unit, struct vunit_transfer *transfer)
{
	if (transfer->index != TYPE_RESET)
		return VUNIT_STALL;
	transfer->moved = transfer->length;
	vunit_schedule(unit, EVENT_RESET, transfer->start_us + RESET_US);
	return VUNIT_ACK;
}

/* The reply of the protocol: which fields it has, then the fields. */
static enum vunit_answer service_reply(struct vunit_transfer *transfer, uint32_t flags,
	uint16_t status, const struct vunit_service *service)
{
	uint8_t bytes[16];
	size_t len = 6;
	bytes_put_le32(bytes, flags | REPLY_STATUS);
	bytes_put_le16(bytes + 4, status);
	if (flags & REPLY_ID) {
		bytes_put_le16(bytes + len, service->id);
		len += 2;
	}
	if (flags & REPLY_SIZE) {
		bytes_put_le32(bytes + len, service->reply_len);
		len += 4;
	}
	if (flags & REPLY_RESULT) {
		bytes_put_le32(bytes + len, (uint32_t)service->result);
		len += 4;
	}
	return vunit_reply(transfer, bytes, len);
}

/* A message of one number: nothing at all if that is zero. */
static void reply_mode(struct vunit *unit)
{
	static const uint8_t listening[] = { 0x08, 0x01 };
	if (!unit->line.listening)
		return;
	memcpy(unit->service.reply, listening, sizeof(listening));
	unit->service.reply_len = sizeof(listening);
}

/* Requests without data only: what a line needs. */
static enum vunit_answer service_init(struct vunit *unit, struct vunit_transfer *transfer)
{
	unit->service =
		(struct vunit_service){ .id = 1, .done_us = transfer->start_us + SERVICE_US };
	switch (transfer->index) {
	case TYPE_DFU_MODE:
		vunit_schedule(unit, EVENT_RESET_TO_DFU, transfer->start_us + DFU_MODE_US);
		break;
	case TYPE_RESET:
		vunit_schedule(unit, EVENT_RESET, transfer->start_us + DFU_MODE_US);
		break;
	case TYPE_START_LISTENING:
	case TYPE_STOP_LISTENING:
		unit->line.listening = transfer->index == TYPE_START_LISTENING;
		break;
	case TYPE_DEVICE_MODE:
		reply_mode(unit);
		break;
	default:
		unit->service.result = RESULT_NOT_SUPPORTED;
	}
	return service_reply(transfer, REPLY_ID, STATUS_OK, &unit->service);
}

static enum vunit_answer service_check(struct vunit *unit, struct vunit_transfer *transfer)
{
	if (transfer->start_us < unit->service.done_us)
		return service_reply(transfer, 0, STATUS_PENDING, &unit->service);
	return service_reply(transfer,
		REPLY_RESULT | (unit->service.reply_len ? (uint32_t)REPLY_SIZE : 0), STATUS_OK,
		&unit->service);
}

/* The reply's data, by exactly its length; that ends the request. */
static enum vunit_answer service_receive(struct vunit *unit, struct vunit_transfer *transfer)
{
	struct vunit_service *service = &unit->service;
	if (transfer->start_us < service->done_us || !service->reply_len ||
		transfer->length != service->reply_len)
		return VUNIT_STALL;
	service->id = 0;
	return vunit_reply(transfer, service->reply, service->reply_len);
}

static enum vunit_answer service_request(struct vunit *unit, struct vunit_transfer *transfer)
{
	bool known = unit->service.id != 0 && transfer->index == unit->service.id;
	if (transfer->request == SERVICE_RECV)
		return known ? service_receive(unit, transfer) : VUNIT_STALL;
	if (transfer->length < SERVICE_LEN_MIN)
		return VUNIT_STALL;
	if (transfer->request == SERVICE_INIT)
		return service_init(unit, transfer);
	if (!known)
		return service_reply(transfer, 0, STATUS_NOT_FOUND, &unit->service);
	switch (transfer->request) {
	case SERVICE_CHECK:
		return service_check(unit, transfer);
	case SERVICE_RESET:
		unit->service.id = 0;
		return service_reply(transfer, 0, STATUS_OK, &unit->service);
	default: /* nothing to send */
		return VUNIT_STALL;
	}
}

enum vunit_answer vunit_vendor_request(struct vunit *unit, struct vunit_transfer *transfer)
{
	uint16_t version = vunit_boot_firmware_version(unit);
	bool in = transfer->type & 0x80;
	if (version < SIMPLE_VERSION || (transfer->type & 0x1F) != 0)
		return VUNIT_STALL;
	if (transfer->request == VENDOR_SIMPLE)
		return in ? simple_in(unit, transfer) : simple_out(unit, transfer);
	if (version < PROTOCOL_VERSION || !in || transfer->request < SERVICE_INIT ||
		transfer->request > SERVICE_RESET)
		return VUNIT_STALL;
	return service_request(unit, transfer);
}
