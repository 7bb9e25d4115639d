/* SPDX-License-Identifier: Apache-2.0 */
/* Standard requests (USB 2.0, 9.4) and the descriptors of both modes. */
#include <string.h>

#include "bytes.h"
#include "vunit_private.h"

enum {
	GET_STATUS = 0,
	CLEAR_FEATURE = 1,
	SET_FEATURE = 3,
	SET_ADDRESS = 5,
	GET_DESCRIPTOR = 6,
	GET_CONFIGURATION = 8,
	SET_CONFIGURATION = 9,
	GET_INTERFACE = 10,
	SET_INTERFACE = 11
};

enum {
	DESCRIPTOR_DEVICE = 1,
	DESCRIPTOR_CONFIGURATION = 2,
	DESCRIPTOR_STRING = 3,
	DESCRIPTOR_DFU = 0x21,
	CONFIGURATION_MAX = 96,
	VENDOR_INTERFACE_VERSION = 2300
};

static bool is_core(const struct vunit *unit)
{
	return unit->spec.family == VUNIT_CORE;
}

uint8_t vunit_usb_announced(const struct vunit *unit)
{
	bool rom = unit->spec.family == VUNIT_ROM;
	return rom ? (uint8_t)vunit_chip_alternates(&unit->spec.chip) : unit->traits->announced;
}

/* SET_INTERFACE takes less than this. */
static uint8_t alternates(const struct vunit *unit)
{
	return unit->spec.family == VUNIT_ROM ? vunit_usb_announced(unit)
					      : unit->traits->alternates;
}

static uint16_t vendor_id(const struct vunit *unit)
{
	if (unit->spec.family == VUNIT_ROM)
		return unit->mode == VUNIT_DFU ? 0x0483 : unit->spec.chip.cdc_vendor;
	return is_core(unit) ? 0x1D50 : 0x2B04;
}

static uint16_t product_id(const struct vunit *unit)
{
	bool dfu = unit->mode == VUNIT_DFU;
	if (unit->spec.family == VUNIT_ROM)
		return dfu ? 0xDF11 : unit->spec.chip.cdc_product;
	if (is_core(unit))
		return dfu ? 0x607F : 0x607D;
	return (uint16_t)((dfu ? 0xD000 : 0xC000) + unit->traits->platform);
}

bool vunit_device_descriptor(const struct vunit *unit, uint8_t ret[18])
{
	if (unit->mode != VUNIT_DFU && unit->mode != VUNIT_CDC)
		return false;
	memset(ret, 0, 18);
	ret[0] = 18;
	ret[1] = DESCRIPTOR_DEVICE;
	bytes_put_le16(ret + 2, unit->traits->bcd_usb);
	if (unit->mode == VUNIT_CDC && is_core(unit)) {
		ret[4] = 0x02;
	} else if (unit->mode == VUNIT_CDC) { /* several functions, joined by an association */
		ret[4] = 0xEF;
		ret[5] = 0x02;
		ret[6] = 0x01;
	}
	ret[7] = 64;
	bytes_put_le16(ret + 8, vendor_id(unit));
	bytes_put_le16(ret + 10, product_id(unit));
	bytes_put_le16(ret + 12, unit->traits->bcd_device);
	ret[14] = STRING_MANUFACTURER;
	ret[15] = STRING_PRODUCT;
	ret[16] = STRING_SERIAL;
	ret[17] = 1;
	return true;
}

struct builder {
	uint8_t bytes[CONFIGURATION_MAX];
	size_t len;
};

static void add(struct builder *builder, const uint8_t *bytes, size_t len)
{
	memcpy(builder->bytes + builder->len, bytes, len);
	builder->len += len;
}

#define ADD(builder, ...) \
	do { \
		const uint8_t added[] = { __VA_ARGS__ }; \
		add(builder, added, sizeof(added)); \
	} while (0)

static size_t dfu_functional(const struct vunit *unit, uint8_t to[9])
{
	static const uint8_t head[] = { 9, DESCRIPTOR_DFU, 0x0B, 0xFF, 0x00 };
	memcpy(to, head, sizeof(head));
	bytes_put_le16(to + 5, unit->traits->transfer_size);
	bytes_put_le16(to + 7, 0x011A);
	return 9;
}

/* All alternate settings first, then one functional descriptor for them all. */
static void add_dfu(struct builder *builder, const struct vunit *unit)
{
	uint8_t functional[9];
	for (uint8_t i = 0; i < vunit_usb_announced(unit); i++)
		ADD(builder, 9, 4, 0, i, 0, 0xFE, 0x01, 0x02, (uint8_t)(STRING_INTERFACE + i));
	add(builder, functional, dfu_functional(unit, functional));
}

/* Interfaces 0 (control) and 1 (data); newer Photon firmware has a vendor interface 2. Not
 * established beyond that: an ordinary abstract control model. */
static void add_cdc(struct builder *builder, const struct vunit *unit)
{
	if (!is_core(unit))
		ADD(builder, 8, 11, 0, 2, 0x02, 0x02, 0x01, 0);
	ADD(builder, 9, 4, 0, 0, 1, 0x02, 0x02, 0x01, 0);
	ADD(builder, 5, 0x24, 0x00, 0x10, 0x01);
	ADD(builder, 5, 0x24, 0x01, 0x00, 0x01);
	ADD(builder, 4, 0x24, 0x02, 0x02);
	ADD(builder, 5, 0x24, 0x06, 0x00, 0x01);
	ADD(builder, 7, 5, 0x82, 0x03, 8, 0, 0xFF);
	ADD(builder, 9, 4, 1, 0, 2, 0x0A, 0x00, 0x00, 0);
	ADD(builder, 7, 5, 0x03, 0x02, 64, 0, 0);
	ADD(builder, 7, 5, 0x81, 0x02, 64, 0, 0);
	if (vunit_boot_firmware_version(unit) >= VENDOR_INTERFACE_VERSION)
		ADD(builder, 9, 4, 2, 0, 0, 0xFF, 0xFF, 0xFF, 0);
}

static void configuration(const struct vunit *unit, struct builder *builder)
{
	builder->len = 0;
	ADD(builder, 9, DESCRIPTOR_CONFIGURATION, 0, 0, 1, 1, 0, 0xC0, 50);
	if (unit->mode == VUNIT_DFU) {
		add_dfu(builder, unit);
	} else {
		builder->bytes[4] =
			vunit_boot_firmware_version(unit) >= VENDOR_INTERFACE_VERSION ? 3 : 2;
		add_cdc(builder, unit);
	}
	bytes_put_le16(builder->bytes + 2, (uint16_t)builder->len);
}

/* Answers to standard requests are cut to what was asked for. */
static enum vunit_answer answer(struct vunit_transfer *transfer, const uint8_t *bytes, size_t len)
{
	return vunit_reply(transfer, bytes, len < transfer->length ? len : transfer->length);
}

static enum vunit_answer get_descriptor(struct vunit *unit, struct vunit_transfer *transfer)
{
	uint8_t index = (uint8_t)transfer->value;
	uint8_t bytes[256];
	struct builder builder;
	size_t len;
	switch (transfer->value >> 8) {
	case DESCRIPTOR_DEVICE:
		return vunit_device_descriptor(unit, bytes) ? answer(transfer, bytes, 18)
							    : VUNIT_STALL;
	case DESCRIPTOR_CONFIGURATION:
		if (index != 0)
			return VUNIT_STALL;
		configuration(unit, &builder);
		return answer(transfer, builder.bytes, builder.len);
	case DESCRIPTOR_STRING:
		len = vunit_usb_string(unit, index, bytes);
		return len ? answer(transfer, bytes, len) : VUNIT_STALL;
	case DESCRIPTOR_DFU:
		if (unit->mode != VUNIT_DFU || !unit->traits->own_functional)
			return VUNIT_STALL;
		return answer(transfer, bytes, dfu_functional(unit, bytes));
	default:
		return VUNIT_STALL;
	}
}

static enum vunit_answer set_interface(struct vunit *unit, const struct vunit_transfer *transfer)
{
	if (unit->mode != VUNIT_DFU)
		return transfer->value == 0 && transfer->index < 3 ? VUNIT_ACK : VUNIT_STALL;
	if (transfer->index != 0 || transfer->value >= alternates(unit))
		return VUNIT_STALL;
	unit->dfu.alternate = (uint8_t)transfer->value;
	return VUNIT_ACK;
}

static enum vunit_answer get_interface(const struct vunit *unit, struct vunit_transfer *transfer)
{
	uint8_t alternate = unit->mode == VUNIT_DFU ? unit->dfu.alternate : 0;
	return transfer->index < 3 ? answer(transfer, &alternate, 1) : VUNIT_STALL;
}

static enum vunit_answer set_configuration(
	struct vunit *unit, const struct vunit_transfer *transfer)
{
	if (transfer->value > 1)
		return VUNIT_STALL;
	unit->configuration = (uint8_t)transfer->value;
	return VUNIT_ACK;
}

static enum vunit_answer get_status(struct vunit_transfer *transfer)
{
	const uint8_t self_powered[2] = { (transfer->type & 0x1F) == 0, 0 };
	return answer(transfer, self_powered, sizeof(self_powered));
}

static enum vunit_answer to_host(struct vunit *unit, struct vunit_transfer *transfer)
{
	switch (transfer->request) {
	case GET_STATUS:
		return get_status(transfer);
	case GET_DESCRIPTOR:
		return get_descriptor(unit, transfer);
	case GET_CONFIGURATION:
		return answer(transfer, &unit->configuration, 1);
	case GET_INTERFACE:
		return get_interface(unit, transfer);
	default:
		return VUNIT_STALL;
	}
}

enum vunit_answer vunit_usb_standard(struct vunit *unit, struct vunit_transfer *transfer)
{
	if (transfer->type & 0x80)
		return to_host(unit, transfer);
	switch (transfer->request) {
	case SET_CONFIGURATION:
		return set_configuration(unit, transfer);
	case SET_INTERFACE:
		return set_interface(unit, transfer);
	case SET_ADDRESS:
		return VUNIT_ACK;
	case CLEAR_FEATURE: /* ENDPOINT_HALT */
	case SET_FEATURE:
		return (transfer->type & 0x1F) == 2 ? VUNIT_ACK : VUNIT_STALL;
	default:
		return VUNIT_STALL;
	}
}
