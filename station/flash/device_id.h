/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit says of its own device id, by the rules of its family: its USB serial, and the copy
 * that its firmware keeps in memory. A device id is the STM32 UID as 24 lower-case hex digits.
 * Pure but for device_id_read_copy. Any thread. */
#pragma once

#include "dfu.h"

enum { DEVICE_ID = 25 };

/* The id that a serial is; "" if it says nothing. */
void device_id_from_serial(
	const struct family_identity *rules, const char *serial, char ret[DEVICE_ID]);
/* The 12 digits of an ST serial from a 24-digit id; to has room for 13. */
void device_id_fold(const char *device_id, char *to);
/* Is the serial the fold of an id? */
bool device_id_is_folded(const struct family_identity *rules, const char *serial);
/* False if the serial is a fold of an id, and not of this one. */
bool device_id_fold_agrees(
	const struct family_identity *rules, const char *serial, const char *device_id);
/* Can a unit with this serial be this one? True if the serial says nothing. */
bool device_id_serial_may_be(
	const struct family_identity *rules, const char *device_id, const char *serial);
/* The copy in the unit's memory (Photon: DCT 3618); "" if the family has none or it says nothing. */
bool device_id_read_copy(struct dfu *dfu, char ret[DEVICE_ID], struct err *err) MUST_CHECK;
/* Takes id, which a source of this kind says ("" = nothing), as the unit's if nothing was known
 * before; otherwise it must be the same: REASON_ID_DISAGREES. *source is the kind that known is of. */
bool device_id_agree(char known[DEVICE_ID], const char **source, const char *id, const char *kind,
	struct err *err) MUST_CHECK;
