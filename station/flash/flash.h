/* SPDX-License-Identifier: Apache-2.0 */
/* A unit's memory by address: erase, write, read, verify, on top of a DFU session. Stays inside the
 * access ranges of the family's profile: anything else is REASON_BUG before a byte moves. Errors
 * name alternate setting and address. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dfuse.h"
#include "plan.h"

/* The first difference between what should be on a unit and what is. */
struct flash_difference {
	uint8_t alt;
	uint32_t addr;	      /* of the first differing byte */
	uint8_t expected, found;
	uint32_t count;	      /* how many bytes differ in the range */
};

bool flash_erase(struct dfu *dfu, const struct plan_sector *sector, struct err *err) MUST_CHECK;
/* Exactly these bytes. In NOR memory the caller has erased the sectors, and pads to whole blocks. Not
 * read back here. */
bool flash_write(struct dfu *dfu, uint8_t alt, uint32_t addr, const uint8_t *bytes, uint32_t len,
	const struct dfuse_progress *progress, struct err *err) MUST_CHECK;
bool flash_read(struct dfu *dfu, uint8_t alt, uint32_t addr, uint8_t *ret, uint32_t len,
	const struct dfuse_progress *progress, struct err *err) MUST_CHECK;

/* Reads [addr, addr + len) and compares all of it. Different: REASON_FLASH_BAD, "alt 0: 0x080a1000:
 * expected 12, found ff; 37 bytes differ", and ret_difference (may be NULL) is filled. */
bool flash_verify(struct dfu *dfu, uint8_t alt, uint32_t addr, const uint8_t *expected,
	uint32_t len, const struct dfuse_progress *progress,
	struct flash_difference *ret_difference, struct err *err) MUST_CHECK;
/* True in *ret_same if the extent holds the expected bytes already; reads block by block and stops
 * at the first difference. */
bool flash_is_same(struct dfu *dfu, const struct plan_extent *extent, bool *ret_same,
	struct err *err) MUST_CHECK;

/* A key slot: exact-length block writes into a record memory; in NOR a read-modify-write of its
 * sectors, read back and compared: everything beside the slot keeps its bytes (else
 * REASON_FLASH_BAD), and the slot holds the new ones (else REASON_KEY_MISMATCH or
 * REASON_SERVER_KEY_WRONG). bytes has slot->format.size bytes and may be secret: copies are in
 * locked memory, and errors show none of them. A record memory is not read back here:
 * flash_read does, later. */
bool flash_write_slot(struct dfu *dfu, const struct family_key_slot *slot, const uint8_t *bytes,
	struct err *err) MUST_CHECK;

/* What stood in a slot's sectors before they were erased, kept over the tries of a step: a try that
 * failed half-way has destroyed it on the unit, so the next one must not read it from there.
 * Zero-initialise; one unit; locked memory. */
struct flash_saved {
	uint8_t *bytes; /* NULL: nothing is saved */
	uint8_t alt;
	uint32_t addr, len;
};
/* flash_write_slot that keeps the neighbours in saved when it fails, and takes them from there
 * when it is tried again with the same sectors, also in a later session with the same unit.
 * Success empties saved. */
bool flash_write_slot_saving(struct dfu *dfu, const struct family_key_slot *slot,
	const uint8_t *bytes, struct flash_saved *saved, struct err *err) MUST_CHECK;
void flash_saved_done(struct flash_saved *saved); /* wipes; takes NULL and a zero one */
