/* SPDX-License-Identifier: Apache-2.0 */
#include "backup_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backups.h"
#include "clock.h"
#include "envelope.h"
#include "fs.h"
#include "scope.h"
#include "text.h"

#define SUFFIX ".station-backup"
enum { DAY_MS = 24 * 60 * 60 * 1000 };

/* "backups/DEVICEID/20261121T171500Z-ATTEMPT.station-backup". */
static bool name_it(const struct manifest *manifest, char path[RECORD_BACKUP_PATH], struct err *err)
{
	time_t at = (time_t)(manifest->at / 1000);
	struct tm utc;
	char when[20];
	if (!gmtime_r(&at, &utc) || !strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &utc))
		return err_set(err, REASON_STATION, "the clock says a time that has no name");
	return text_format(path, RECORD_BACKUP_PATH, "backups/%s/%s-%s" SUFFIX,
		       manifest->device_id[0] ? manifest->device_id : manifest->attempt_id, when,
		       manifest->attempt_id) ||
	       err_set(err, REASON_BUG, "the name of a backup is too long");
}

/* What a station that died left behind: the beginning of a file, under a name of its own. Only one
 * command at a time writes into a state folder, and one attempt into the folder of a unit. */
static void sweep(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		const char *end = strstr(entry->d_name, SUFFIX);
		if (end && end[sizeof SUFFIX - 1] == '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

static bool write_file(const char *path, const uint8_t *der, size_t len, struct err *err)
{
	char folder[FS_PATH_MAX];
	fs_folder_of(folder, path);
	if (!fs_make_folder(folder, 0700, err))
		return false;
	sweep(folder);
	return fs_write_atomic(path, der, len, 0600, err);
}

static bool check_file(const char *path, const struct backup_request *request, const uint8_t *der,
	size_t len, char ret_sha256[SHA256_HEX], struct err *err)
{
	SCOPED_FREE uint8_t *found = NULL;
	size_t found_len;
	char wanted[SHA256_HEX];
	if (!fs_read(path, BACKUP_FILE_MAX, REASON_STORE, &found, &found_len, err) ||
		!digest_sha256_hex(der, len, wanted, err) ||
		!digest_sha256_hex(found, found_len, ret_sha256, err))
		return false;
	if (strcmp(wanted, ret_sha256) != 0)
		return err_set(err, REASON_STORE, "%s is not what was written to it", path);
	return envelope_check(found, found_len, request->recipients, err) ||
	       err_at(err, "%s", path);
}

static bool record_it(const struct backup_request *request, const struct manifest *manifest,
	const char *path, const char *file_sha256, struct err *err)
{
	char recipients[RECIPIENTS_MAX * SHA256_HEX] = "";
	struct record_backup_piece pieces[MANIFEST_PIECES_MAX];
	for (size_t i = 0, used = 0; i < request->recipients->count; i++)
		used += (size_t)snprintf(recipients + used, sizeof recipients - used, "%s%s",
			i ? " " : "", request->recipients->list[i].fingerprint);
	for (size_t i = 0; i < manifest->piece_count; i++) {
		const struct piece *from = &manifest->pieces[i];
		pieces[i] = (struct record_backup_piece){ from->name, from->alt, from->addr,
			from->size, from->sha256 };
	}
	const struct record_backup backup = { .attempt_id = request->attempt_id,
		.device_id = request->device_id,
		.path = path,
		.file_sha256 = file_sha256,
		.recipients = recipients,
		.operator_name = request->operator_name,
		.at = manifest->at,
		.keep_until = request->keep_days
				      ? manifest->at + (int64_t)request->keep_days * DAY_MS
				      : 0 };
	return record_backup(request->record, &backup, pieces, manifest->piece_count, err);
}

bool backup_keep(const struct backup_request *request, const struct manifest *manifest,
	const uint8_t *der, size_t len, struct backup_done *ret, struct err *err)
{
	struct backup_done done = { .pieces = manifest->piece_count };
	char path[RECORD_BACKUP_PATH];
	if (!name_it(manifest, path, err) || !fs_join(done.path, request->state_dir, path, err) ||
		!write_file(done.path, der, len, err))
		return false;
	if (!check_file(done.path, request, der, len, done.sha256, err) ||
		!record_it(request, manifest, path, done.sha256, err)) {
		unlink(done.path);
		return false;
	}
	*ret = done;
	return true;
}

/* --- when its time is over --- */

static bool remove_one(
	struct record *record, const char *state_dir, const char *path, struct err *err)
{
	char full[FS_PATH_MAX], folder[FS_PATH_MAX];
	const char *why = "kept long enough";
	if (path[0] == '/' || strstr(path, "..") || strncmp(path, "backups/", 8) != 0)
		return err_set(err, REASON_STORE,
			"the record has a backup at %s, outside of backups/", path);
	if (!fs_join(full, state_dir, path, err))
		return false;
	if (unlink(full) != 0) {
		if (errno != ENOENT)
			return err_sys(err, REASON_STORE, errno, "cannot remove %s", full);
		why = "kept long enough, and was not there any more";
	}
	fs_folder_of(folder, full);
	rmdir(folder); /* if it was the last one */
	return record_backup_removed(record, path, why, err);
}

bool backup_remove_old(
	struct record *record, const char *state_dir, unsigned *ret_removed, struct err *err)
{
	unsigned removed = 0;
	int64_t now = clock_utc_ms();
	for (;;) {
		char path[RECORD_BACKUP_PATH];
		bool found = false;
		if (!record_backup_over(record, now, path, &found, err))
			return false;
		if (!found)
			break;
		if (!remove_one(record, state_dir, path, err))
			return false;
		removed++;
	}
	*ret_removed = removed;
	return true;
}
