/* SPDX-License-Identifier: Apache-2.0 */
/* What is durable before an exercise erases a sector, so that the unit is put back at its next visit
 * whatever happens: STATE/exercise/DEVICEID/alt1-0x00060000.sector, for its owner only. It holds the
 * old contents in plain: no sector that can hold a private key is ever exercised.
 *
 *   station-exercise 1
 *   device 3f0028000347343337373738
 *   family core
 *   attempt 0195...
 *   alt 1
 *   address 0x00060000
 *   size 4096
 *   seed 0x12345678
 *
 *   (an empty line, size bytes, and the SHA-256, 32 bytes, of all before it)
 *
 * Blocks for the disk. One thread for each unit. */
#pragma once

#include "device_id.h"
#include "family.h"
#include "uuid.h"

enum { EXERCISE_SECTOR_MAX = 1 << 20, EXERCISE_PENDING_MAX = 64 };

struct exercise_entry {
	char device_id[DEVICE_ID], family[FAMILY_NAME_MAX], attempt_id[UUID_TEXT];
	uint8_t alt;
	uint32_t addr, size, seed;
	uint8_t *bytes; /* size of them, the old contents; heap, of whoever made it */
};
void exercise_entry_done(struct exercise_entry *entry); /* takes a zero one */

/* bytes are not trusted; ret->bytes is fresh. REASON_STORE says what is wrong with it. */
bool exercise_entry_parse(
	const uint8_t *bytes, size_t len, struct exercise_entry *ret, struct err *err) MUST_CHECK;

enum { EXERCISE_NAME = 48 };
/* "alt1-0x00060000.sector": what is pending for a sector. */
void exercise_journal_name(const struct exercise_entry *entry, char ret[EXERCISE_NAME]);
/* Makes the unit's folder, durably, and takes away what a station that died has half written; before
 * anything is written to it. REASON_STORE. */
bool exercise_journal_open(const char *state, const char *device_id, struct err *err) MUST_CHECK;
/* Under that name. Durable when it returns. REASON_STORE. */
bool exercise_journal_write(
	const char *state, const struct exercise_entry *entry, struct err *err) MUST_CHECK;
/* The sector is as it was. Durable with the next write or exercise_journal_open: what comes back is of
 * a sector that holds what it says. */
bool exercise_journal_remove(
	const char *state, const char *device_id, const char *name, struct err *err) MUST_CHECK;
/* It cannot be put back, or must not: kept as another name that ends in .aside, and not pending any
 * more. One that is aside already stays as it is. */
bool exercise_journal_set_aside(
	const char *state, const char *device_id, const char *name, struct err *err) MUST_CHECK;

/* The names of what is pending for a unit, at most EXERCISE_PENDING_MAX, sorted; with asides also what
 * was set aside. A folder that cannot be read is REASON_STORE, one that is not there is empty. */
struct exercise_names {
	char list[EXERCISE_PENDING_MAX][EXERCISE_NAME];
	size_t count;
};
bool exercise_journal_list(const char *state, const char *device_id, bool asides,
	struct exercise_names *ret, struct err *err) MUST_CHECK;
/* REASON_STORE if it is damaged, or another unit's or sector's than its name says. */
bool exercise_journal_read(const char *state, const char *device_id, const char *name,
	struct exercise_entry *ret, struct err *err) MUST_CHECK;
