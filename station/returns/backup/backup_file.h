/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a backup: written, checked, recorded, and removed when its time is over. Blocks for the
 * disk; one thread. REASON_STORE, STATION. */
#pragma once

#include "backup.h"
#include "manifest.h"

enum { BACKUP_FILE_MAX = 64 * 1024 * 1024 };

/* Makes der durable below backups/ of the state folder, reads it again and checks it, then puts its
 * rows into the record. False: nothing is left of it. */
bool backup_keep(const struct backup_request *request, const struct manifest *manifest,
	const uint8_t *der, size_t len, struct backup_done *ret, struct err *err) MUST_CHECK;

/* Removes the files that have been kept long enough (record_backup_over); their rows stay. */
bool backup_remove_old(struct record *record, const char *state_dir, unsigned *ret_removed,
	struct err *err) MUST_CHECK;
