/* SPDX-License-Identifier: Apache-2.0 */
/* What stands on a unit before it is changed, as one file that only its recipients can open: every
 * readable byte of every alternate setting, with a manifest, encrypted as CMS AuthEnvelopedData
 * (docs/returns.md). Plain bytes live in locked memory only, a block at a time; the file that is being
 * written holds encrypted bytes from its first one on.
 *
 * Each block is read twice, one read right behind the other, and taken when both agree: a byte that
 * the link or a tired cell changes is seen. Blocks for the transfers; one thread. */
#pragma once

#include "dfu.h"
#include "dfuse.h"
#include "digest.h"
#include "family.h"
#include "fs.h"
#include "recipient.h"
#include "record.h"

enum { BACKUP_KEEP_DAYS = 365 /* where nobody says otherwise */ };

struct backup_request {
	struct dfu *dfu; /* the unit, open; nothing is written to it */
	const struct family *family;
	struct record *record;
	const char *state_dir; /* the file goes below its backups/ */
	const struct recipients *recipients;
	uint32_t keep_days;
	const char *attempt_id; /* open */
	const char *device_id;  /* "" not known: the file is named by the attempt */
	const char *usb_serial, *station_id, *software_version, *operator_name; /* "" not known */
	const struct dfuse_progress *progress; /* bytes of backup_bytes; may be NULL */
};

struct backup_done {
	char path[FS_PATH_MAX];
	char sha256[SHA256_HEX]; /* of the file */
	size_t pieces;           /* rows in the record */
	uint64_t bytes;          /* of the unit */
};

/* Bytes that will be read, for a display; each of them twice. */
uint64_t backup_bytes(const struct dfu *dfu, const struct family *family);

/* Reads, writes the file, syncs it, gives it its name, reads it again and checks it, and only then
 * puts one row for each piece into the record. False: there is no file of it and no row (a file that
 * could not be recorded is removed). REASON_NO_RECIPIENT without recipients: nothing is read.
 * Others: of the link, STORE, STATION, STOPPED. */
bool backup_take(
	const struct backup_request *request, struct backup_done *ret, struct err *err) MUST_CHECK;
