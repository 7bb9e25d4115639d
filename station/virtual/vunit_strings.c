/* SPDX-License-Identifier: Apache-2.0 */
/* The string descriptors of a virtual unit, exactly as the devices have them: blanks and trailing
 * NULs are part of them (docs/devices.md, "USB identity"). The index numbers are chosen. */
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "vunit_private.h"

enum { TEXT_MAX = 126, LOWER_CASE_VERSION = 200, DEVICE_ID_VERSION = 100 };

struct text {
	char bytes[TEXT_MAX + 1];
	size_t len; /* with the trailing NULs that the descriptor has */
};

static void set_text(struct text *text, const char *from, size_t nuls)
{
	snprintf(text->bytes, sizeof(text->bytes), "%s", from);
	text->len = strlen(text->bytes) + nuls;
}

static void set_id(struct text *text, const uint8_t id[12], bool upper)
{
	bytes_to_hex(id, 12, text->bytes);
	text->len = 24;
	for (size_t i = 0; upper && i < text->len; i++) {
		if (text->bytes[i] >= 'a')
			text->bytes[i] = (char)(text->bytes[i] - 'a' + 'A');
	}
}

/* ST's twelve digits: the first and third word of the UID added, and the upper half of the
 * second. */
static void set_folded(struct text *text, const uint8_t id[12])
{
	snprintf(text->bytes, sizeof(text->bytes), "%08X%04X", bytes_le32(id) + bytes_le32(id + 8),
		bytes_le32(id + 4) >> 16);
	text->len = strlen(text->bytes);
}

static void dfu_serial(const struct vunit *unit, struct text *text)
{
	switch (unit->traits->serial) {
	case SERIAL_FOLDED:
		set_folded(text, unit->spec.device_id);
		break;
	case SERIAL_UPPER:
		set_id(text, unit->spec.device_id, true);
		text->len += unit->spec.family == VUNIT_CORE ? 1 : 0;
		break;
	case SERIAL_LOWER:
		set_id(text, unit->spec.device_id, false);
		break;
	case SERIAL_CONSTANT:
		set_text(text, unit->traits->constant_serial, 0);
		break;
	}
}

static void cdc_serial(const struct vunit *unit, struct text *text)
{
	uint16_t version = vunit_boot_firmware_version(unit);
	if (unit->spec.family == VUNIT_ROM)
		set_id(text, unit->spec.device_id, false);
	else if (unit->spec.family == VUNIT_CORE)
		set_id(text, unit->spec.device_id, true);
	else if (version < DEVICE_ID_VERSION)
		set_text(text, "00000000050C", 0);
	else
		set_id(text, unit->spec.device_id, version < LOWER_CASE_VERSION);
}

static void product(const struct vunit *unit, struct text *text)
{
	if (unit->mode == VUNIT_DFU)
		set_text(text, unit->traits->product, 0);
	else
		set_text(text, unit->traits->running_product, 0);
}

static bool layout(const struct vunit *unit, uint8_t alternate, struct text *text)
{
	if (unit->mode != VUNIT_DFU || alternate >= vunit_usb_announced(unit))
		return false;
	if (vfault_layout(unit, alternate))
		set_text(text, vfault_layout(unit, alternate), 0);
	else if (unit->spec.family == VUNIT_ROM)
		set_text(text, unit->spec.chip.layouts[alternate], 0);
	else if (unit->spec.family == VUNIT_CORE && alternate == 0)
		set_text(text, "@Internal Flash  /0x08000000/20*001Ka,108*001Kg", 1);
	else if (unit->spec.family == VUNIT_CORE)
		set_text(text, "@SPI Flash : SST25x/0x00000000/512*04Kg", 9);
	else if (alternate == 0)
		set_text(text, "@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg",
			0);
	else if (alternate == 1)
		set_text(text, "@DCT Flash   /0x00000000/01*016Kg", 0);
	else
		set_text(text, "@Serial Flash   /0x00000000/256*004Kg", 0);
	return true;
}

static bool find_text(const struct vunit *unit, uint8_t index, struct text *text)
{
	switch (index) {
	case STRING_MANUFACTURER:
		set_text(text, unit->traits->manufacturer, 0);
		return true;
	case STRING_PRODUCT:
		product(unit, text);
		return true;
	case STRING_SERIAL:
		if (unit->mode == VUNIT_DFU)
			dfu_serial(unit, text);
		else
			cdc_serial(unit, text);
		return true;
	default:
		return index >= STRING_INTERFACE &&
		       layout(unit, (uint8_t)(index - STRING_INTERFACE), text);
	}
}

size_t vunit_usb_string(const struct vunit *unit, uint8_t index, uint8_t to[256])
{
	struct text text = { .len = 0 };
	to[1] = 3;
	if (index == 0) { /* the languages: English (United States) */
		to[0] = 4;
		bytes_put_le16(to + 2, 0x0409);
		return 4;
	}
	if (!find_text(unit, index, &text))
		return 0;
	for (size_t i = 0; i < text.len; i++)
		bytes_put_le16(to + 2 + 2 * i, (uint8_t)text.bytes[i]);
	to[0] = (uint8_t)(2 + 2 * text.len);
	return to[0];
}

static void copy_text(const struct text *text, char *to, size_t cap)
{
	snprintf(to, cap, "%s", text->bytes);
}

static bool on_bus(const struct vunit *unit)
{
	return unit->mode == VUNIT_DFU || unit->mode == VUNIT_CDC;
}

void vunit_serial(const struct vunit *unit, char *to, size_t cap)
{
	struct text text = { .len = 0 };
	if (on_bus(unit))
		find_text(unit, STRING_SERIAL, &text);
	copy_text(&text, to, cap);
}

void vunit_product(const struct vunit *unit, char *to, size_t cap)
{
	struct text text = { .len = 0 };
	if (on_bus(unit))
		find_text(unit, STRING_PRODUCT, &text);
	copy_text(&text, to, cap);
}
