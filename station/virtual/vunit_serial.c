/* SPDX-License-Identifier: Apache-2.0 */
/* The serial line of a running firmware: in listening mode it answers single characters
 * (docs/devices.md, "Listening mode"), otherwise what comes is the application's, and this one says
 * nothing. A firmware without credentials of a network listens by itself; 28800 baud makes one
 * listen since 0.7.0, `x` ends it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "vunit_private.h"

enum { BAUD_LISTEN = 28800, BAUD_LISTEN_VERSION = 200, ENDPOINT_OUT = 0x03, ENDPOINT_IN = 0x81 };

/* It is device-os that does. */
static bool can_listen(const struct vunit *unit)
{
	return unit->spec.family != VUNIT_ROM;
}

void vunit_serial_start(struct vunit *unit)
{
	bool needs_none = unit->traits->udp; /* chosen: an Electron has its SIM */
	unit->line = (struct vunit_serial_line){ .listening = can_listen(unit) && !needs_none &&
							      !unit->spec.credentials };
}

bool vunit_is_listening(const struct vunit *unit)
{
	return unit->mode == VUNIT_CDC && unit->line.listening;
}

void vunit_serial_baud(struct vunit *unit, uint32_t baud)
{
	if (baud == BAUD_LISTEN &&
		(unit->spec.family == VUNIT_CORE ||
			vunit_boot_firmware_version(unit) >= BAUD_LISTEN_VERSION))
		unit->line.listening = true;
}

/* What does not fit is lost, as on the unit whose host does not read. */
static void PRINTF_LIKE(2, 3) print(struct vunit *unit, const char *format, ...)
{
	struct vunit_serial_line *line = &unit->line;
	size_t room = sizeof(line->text) - line->len;
	va_list args;
	va_start(args, format);
	int len = vsnprintf(line->text + line->len, room, format, args);
	va_end(args);
	if (len > 0)
		line->len = (uint16_t)(line->len + ((size_t)len < room ? (size_t)len : room - 1));
}

static void print_id(struct vunit *unit)
{
	char id[25];
	bytes_to_hex(unit->spec.device_id, 12, id);
	print(unit, "Your %s id is %s\r\n", unit->spec.family == VUNIT_CORE ? "core" : "device",
		id);
}

static void take(struct vunit *unit, char command)
{
	char version[32];
	const uint8_t *id = unit->spec.device_id;
	switch (command) {
	case 'i':
		print_id(unit);
		return;
	case 'm': /* chosen: of the id */
		print(unit, "Your device MAC address is\r\n%02x:%02x:%02x:%02x:%02x:%02x\r\n",
			id[0] & 0xFEU, id[1], id[2], id[3], id[4], id[5]);
		return;
	case 'v':
		vunit_vendor_version(unit, version, sizeof(version));
		print(unit, "system firmware version: %s\r\n", version);
		return;
	case 's': /* chosen: as far as anybody here reads it */
		print(unit, "{\"p\":%u,\"m\":[]}\r\n", unit->traits->platform);
		return;
	case 'c':
		print(unit, "Device claimed: no\r\n");
		return;
	case 'x':
		unit->line.listening = false;
		return;
	default:
		return;
	}
}

static enum vunit_answer fetch(struct vunit_serial_line *line, struct vunit_transfer *transfer)
{
	uint16_t left = (uint16_t)(line->len - line->at);
	if (!left)
		return VUNIT_NAK;
	transfer->moved = left < transfer->length ? left : transfer->length;
	memcpy(transfer->data, line->text + line->at, transfer->moved);
	line->at = (uint16_t)(line->at + transfer->moved);
	if (line->at == line->len)
		line->at = line->len = 0;
	return VUNIT_ACK;
}

enum vunit_answer vunit_serial_transfer(
	struct vunit *unit, uint8_t endpoint, struct vunit_transfer *transfer)
{
	if (endpoint == ENDPOINT_IN)
		return fetch(&unit->line, transfer);
	if (endpoint != ENDPOINT_OUT)
		return VUNIT_NONE;
	transfer->moved = transfer->length;
	for (size_t i = 0; i < transfer->length; i++)
		if (unit->line.listening)
			take(unit, (char)transfer->data[i]);
	return VUNIT_ACK;
}
