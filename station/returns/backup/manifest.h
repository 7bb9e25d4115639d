/* SPDX-License-Identifier: Apache-2.0 */
/* What a backup says of itself: of which unit, when, by whom, and every run of bytes in it. JSON, in
 * its archive as manifest.json. docs/returns.md describes it. Parsing takes anything. Pure but for
 * memory; any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "container.h"
#include "digest.h"
#include "family.h"
#include "uuid.h"

enum {
	MANIFEST_VERSION = 1,
	MANIFEST_MAX = 64 * 1024,
	MANIFEST_TEXT = 128,
	MANIFEST_PIECES_MAX = 48,
	MANIFEST_DEVICE_ID = 25
};
#define MANIFEST_NAME "manifest.json"

/* A run of bytes of one alternate setting. */
struct piece {
	char name[FAMILY_NAME_MAX]; /* of its region; "alt1": the whole of it; "alt0-08004000" */
	char file[CONTAINER_NAME];  /* in the archive */
	uint8_t alt;
	uint32_t addr, size;
	/* It read zeros only, because the unit's system parts were not valid: this is not what it
	 * holds. */
	bool hidden;
	char sha256[SHA256_HEX];
};

struct manifest {
	char device_id[MANIFEST_DEVICE_ID]; /* "" not known */
	char family[FAMILY_NAME_MAX];
	char usb_serial[MANIFEST_TEXT]; /* "" none */
	int bootloader_version;         /* -1 not known */
	char attempt_id[UUID_TEXT];
	int64_t at; /* UTC ms */
	char station[MANIFEST_TEXT], software_version[MANIFEST_TEXT];
	struct piece pieces[MANIFEST_PIECES_MAX];
	size_t piece_count;
};

/* The readable runs of a family's memory inside its access ranges, cut where its regions begin and
 * end (record memory is not cut), in the order of alternate settings and addresses. Fills all but
 * hidden and sha256. REASON_INPUT if there are too many. */
bool manifest_pieces(
	const struct family *family, struct manifest *manifest, struct err *err) MUST_CHECK;

/* *ret is heap of the caller (free). */
bool manifest_write(
	const struct manifest *manifest, char **ret, size_t *ret_len, struct err *err) MUST_CHECK;
/* REASON_INPUT: what is wrong. Names are safe to print, file names are those that pieces have, ranges
 * do not wrap around. */
bool manifest_parse(const char *text, size_t len, struct manifest *ret, struct err *err) MUST_CHECK;
