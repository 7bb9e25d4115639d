/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the DFU interface in a configuration descriptor (USB 2.0, 9.6; DFU 1.1, 4.2). All bytes
 * come from a unit. */
#include "dfu.h"

#include <string.h>

#include "bytes.h"

enum {
	DESCRIPTOR_CONFIG = 2,
	DESCRIPTOR_INTERFACE = 4,
	DESCRIPTOR_DFU = 0x21, /* also HID's number: it counts only behind a DFU interface */
	CONFIG_LEN = 9,
	INTERFACE_LEN = 9,
	DFU_1_0_LEN = 7, /* without bcdDFUVersion */
	DFU_1_1_LEN = 9,
	CLASS_APPLICATION = 0xfe,
	SUBCLASS_DFU = 1,
	PROTOCOL_DFU_MODE = 2,
	TRANSFER_SIZE_MIN = 8 /* the smallest packet size of a control endpoint */
};

/* What the walk has seen so far. */
struct config_walk {
	struct dfu *dfu;
	uint8_t *strings;
	const uint8_t *functional;
	bool in_dfu; /* the last interface descriptor was one of the DFU interface */
};

static bool take_interface(struct config_walk *walk, const uint8_t *bytes, struct err *err)
{
	struct dfu *dfu = walk->dfu;

	walk->in_dfu = bytes[5] == CLASS_APPLICATION && bytes[6] == SUBCLASS_DFU &&
		       bytes[7] == PROTOCOL_DFU_MODE;
	if (!walk->in_dfu)
		return true;
	if (dfu->alt_count && dfu->interface != bytes[2])
		return err_set(err, REASON_DESCRIPTORS,
			"interfaces %u and %u both claim to be for DFU", dfu->interface, bytes[2]);
	for (size_t i = 0; i < dfu->alt_count; i++)
		if (dfu->alts[i].alt == bytes[3])
			return err_set(err, REASON_DESCRIPTORS,
				"alternate setting %u is announced twice", bytes[3]);
	if (dfu->alt_count == FAMILY_ALTS_MAX)
		return err_set(err, REASON_DESCRIPTORS, "more than %d alternate settings",
			FAMILY_ALTS_MAX);
	dfu->interface = bytes[2];
	walk->strings[dfu->alt_count] = bytes[8];
	dfu->alts[dfu->alt_count++].alt = bytes[3];
	return true;
}

static bool take_functional(struct config_walk *walk, const uint8_t *bytes, struct err *err)
{
	struct dfu *dfu = walk->dfu;

	if (!walk->in_dfu)
		return true;
	if (bytes[0] != DFU_1_1_LEN && bytes[0] != DFU_1_0_LEN)
		return err_set(err, REASON_DESCRIPTORS,
			"the DFU functional descriptor has %u bytes instead of %d", bytes[0],
			DFU_1_1_LEN);
	if (walk->functional &&
		(walk->functional[0] != bytes[0] || memcmp(walk->functional, bytes, bytes[0]) != 0))
		return err_set(err, REASON_DESCRIPTORS, "two DFU functional descriptors disagree");
	walk->functional = bytes;
	dfu->attributes = bytes[2];
	dfu->announced_size = bytes_le16(bytes + 5);
	dfu->version = bytes[0] == DFU_1_1_LEN ? bytes_le16(bytes + 7) : 0;
	return true;
}

static bool take_descriptor(struct config_walk *walk, const uint8_t *bytes, struct err *err)
{
	switch (bytes[1]) {
	case DESCRIPTOR_INTERFACE:
		if (bytes[0] < INTERFACE_LEN)
			return err_set(err, REASON_DESCRIPTORS,
				"an interface descriptor of %u bytes", bytes[0]);
		return take_interface(walk, bytes, err);
	case DESCRIPTOR_DFU:
		return take_functional(walk, bytes, err);
	default:
		return true;
	}
}

static bool walk_config(struct config_walk *walk, const uint8_t *bytes, size_t len, struct err *err)
{
	if (len < CONFIG_LEN || bytes[0] < CONFIG_LEN || bytes[1] != DESCRIPTOR_CONFIG)
		return err_set(err, REASON_DESCRIPTORS, "no configuration descriptor");
	if (bytes_le16(bytes + 2) != len)
		return err_set(err, REASON_DESCRIPTORS,
			"the configuration descriptor announces %u bytes and has %zu",
			bytes_le16(bytes + 2), len);
	for (size_t at = 0; at < len; at += bytes[at]) {
		if (len - at < 2 || bytes[at] < 2 || bytes[at] > len - at)
			return err_set(err, REASON_DESCRIPTORS,
				"a descriptor at byte %zu of %zu has a wrong length", at, len);
		if (!take_descriptor(walk, bytes + at, err))
			return false;
	}
	return true;
}

bool dfu_parse_config(
	const uint8_t *bytes, size_t len, struct dfu *ret, uint8_t *ret_strings, struct err *err)
{
	struct dfu found = *ret;
	uint8_t strings[FAMILY_ALTS_MAX] = { 0 };
	struct config_walk walk = { .dfu = &found, .strings = strings };

	found.alt_count = 0;
	found.announced_size = 0;
	if (!walk_config(&walk, bytes, len, err))
		return false;
	if (!found.alt_count)
		return err_set(err, REASON_DESCRIPTORS,
			"no interface for DFU (class FE, subclass 1, protocol 2)");
	if (!walk.functional)
		return err_set(err, REASON_DESCRIPTORS, "no DFU functional descriptor");
	if (found.announced_size < TRANSFER_SIZE_MIN)
		return err_set(err, REASON_DESCRIPTORS, "a DFU transfer size of %u bytes",
			found.announced_size);
	found.transfer_size = found.announced_size;
	*ret = found;
	memcpy(ret_strings, strings, sizeof(strings));
	return true;
}
