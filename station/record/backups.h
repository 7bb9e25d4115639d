/* SPDX-License-Identifier: Apache-2.0 */
/* Backups of units: what was saved, in which file, for whom, until when. The files themselves are
 * not this folder's. Errors and threads as in record.h. */
#pragma once

#include "record.h"

/* A run of bytes of a unit. */
struct record_backup_piece {
	const char *region;
	uint8_t alt;
	uint32_t addr, size;
	const char *sha256; /* of the bytes */
};

struct record_backup {
	const char *attempt_id, *device_id; /* "" not known */
	const char *path;                   /* from the state folder on */
	const char *file_sha256, *recipients, *operator_name;
	int64_t at;         /* UTC ms */
	int64_t keep_until; /* UTC ms; 0: for ever */
};

/* One row for each piece, all or none. The file is durable already. */
bool record_backup(struct record *record, const struct record_backup *backup,
	const struct record_backup_piece *pieces, size_t count, struct err *err) MUST_CHECK;

enum { RECORD_BACKUP_PATH = 256 };
/* A file that has been kept long enough: keep_until is over at now, and it is not the newest backup
 * of a unit that is in work, or whose newest attempt that changed it did not end as PASS. *ret_found
 * false: there is none. The oldest first. */
bool record_backup_over(struct record *record, int64_t now, char ret_path[RECORD_BACKUP_PATH],
	bool *ret_found, struct err *err) MUST_CHECK;
/* The file is gone: its rows stay. why is for people. */
bool record_backup_removed(
	struct record *record, const char *path, const char *why, struct err *err) MUST_CHECK;

/* What the record knows of a file by its hash; path "" = nothing. */
struct record_backup_file {
	char path[RECORD_BACKUP_PATH], attempt_id[UUID_TEXT], device_id[RECORD_DEVICE_ID];
};
bool record_backup_by_hash(struct record *record, const char *file_sha256,
	struct record_backup_file *ret, struct err *err) MUST_CHECK;
