/* SPDX-License-Identifier: Apache-2.0 */
#include "device_id.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "flash.h"

enum { UID_LEN = 12, FOLDED_DIGITS = 12 };

static bool all_hex(const char *text, size_t digits)
{
	if (strlen(text) != digits)
		return false;
	for (size_t i = 0; i < digits; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

static void lower_case(const char *from, char *to, size_t cap)
{
	size_t i = 0;
	for (; from[i] && i + 1 < cap; i++)
		to[i] = (char)tolower((unsigned char)from[i]);
	to[i] = 0;
}

void device_id_fold(const char *device_id, char *to)
{
	uint8_t uid[UID_LEN];
	to[0] = 0;
	if (!bytes_from_hex(device_id, uid, sizeof uid))
		return;
	/* ST's Get_SerialNum: word 0 plus word 2, then the upper half of word 1. */
	uint32_t first = bytes_le32(uid) + bytes_le32(uid + 8);
	snprintf(
		to, FOLDED_DIGITS + 1, "%08" PRIx32 "%04" PRIx32, first, bytes_le32(uid + 4) >> 16);
}

void device_id_from_serial(
	const struct family_identity *rules, const char *serial, char ret[DEVICE_ID])
{
	ret[0] = 0;
	if (rules->serial_is_id && all_hex(serial, DEVICE_ID - 1))
		lower_case(serial, ret, DEVICE_ID);
}

bool device_id_is_folded(const struct family_identity *rules, const char *serial)
{
	return rules->serial12_folds && all_hex(serial, FOLDED_DIGITS);
}

bool device_id_fold_agrees(
	const struct family_identity *rules, const char *serial, const char *device_id)
{
	char seen[FOLDED_DIGITS + 1], folded[FOLDED_DIGITS + 1];
	if (!device_id_is_folded(rules, serial))
		return true;
	lower_case(serial, seen, sizeof seen);
	device_id_fold(device_id, folded);
	return strcmp(seen, folded) == 0;
}

bool device_id_serial_may_be(
	const struct family_identity *rules, const char *device_id, const char *serial)
{
	char id[DEVICE_ID];
	device_id_from_serial(rules, serial, id);
	if (id[0])
		return strcmp(id, device_id) == 0;
	return device_id_fold_agrees(rules, serial, device_id);
}

/* The copy that the firmware keeps (Photon: DCT 3618). Erased on a unit that never ran, zero where
 * the memory behind it cannot be read: then it says nothing. */
bool device_id_read_copy(struct dfu *dfu, char ret[DEVICE_ID], struct err *err)
{
	const struct family_identity *rules = &dfu->family->identity;
	uint8_t uid[UID_LEN];
	ret[0] = 0;
	if (!rules->has_copy)
		return true;
	if (!flash_read(dfu, rules->copy_alt, rules->copy_addr, uid, sizeof uid, NULL, err))
		return err_at(err, "the copy of the device id");
	if (!bytes_all(uid, sizeof uid, 0xff) && !bytes_all(uid, sizeof uid, 0))
		bytes_to_hex(uid, sizeof uid, ret);
	return true;
}

bool device_id_agree(char known[DEVICE_ID], const char **source, const char *id, const char *kind,
	struct err *err)
{
	if (!id[0])
		return true;
	if (!known[0]) {
		snprintf(known, DEVICE_ID, "%s", id);
		*source = kind;
		return true;
	}
	if (strcmp(known, id) != 0)
		return err_set(err, REASON_ID_DISAGREES, "the %s says %s, the %s says %s", *source,
			known, kind, id);
	return true;
}
