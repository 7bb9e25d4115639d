/* SPDX-License-Identifier: Apache-2.0 */
/* Files: bounded reads, atomic durable writes, locks. Paths are UTF-8 as given. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

enum { FS_PATH_MAX = 1024 };

/* Reads a whole regular file of at most cap bytes into fresh heap memory with a NUL behind it (not
 * counted in ret_len); the caller frees. reason is for what goes wrong: REASON_INPUT for a job's
 * file, REASON_STATION... */
bool fs_read(const char *path, size_t cap, enum reason reason, uint8_t **ret, size_t *ret_len,
	struct err *err) MUST_CHECK;
/* The same into locked memory (secret.h), for a file that holds a secret: REASON_INPUT unless it is
 * a regular file that only its owner can read. The caller frees with secret_free. */
bool fs_read_secret(const char *path, size_t cap, void **ret, size_t *ret_len, struct err *err)
	MUST_CHECK;
/* Writes a new file beside path, syncs it, renames it over path and syncs the folder: afterwards
 * path holds either the old or the new bytes, whatever fails. REASON_STORE. */
bool fs_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode, struct err *err)
	MUST_CHECK;
/* The same for what is written bit by bit: begin, write to fd, commit; abandon at the end of the scope
 * takes away what was not committed. Zero-initialise. REASON_STORE. */
struct fs_atomic {
	int fd;
	bool begun;
	char path[FS_PATH_MAX], fresh[FS_PATH_MAX];
};
bool fs_atomic_begin(struct fs_atomic *file, const char *path, struct err *err) MUST_CHECK;
bool fs_atomic_commit(struct fs_atomic *file, mode_t mode, struct err *err) MUST_CHECK;
void fs_atomic_abandon(struct fs_atomic *file);
#define SCOPED_ATOMIC __attribute__((cleanup(fs_atomic_abandon))) struct fs_atomic
/* All of it, or false with errno; *ret_written is right also then. */
bool fs_write_all(int fd, const void *bytes, size_t len, size_t *ret_written) MUST_CHECK;
/* mkdir -p. REASON_STORE. */
bool fs_make_folder(const char *path, mode_t mode, struct err *err) MUST_CHECK;
/* What was made, renamed or removed in the folder stays so. REASON_STORE. */
bool fs_sync_folder(const char *path, struct err *err) MUST_CHECK;
bool fs_exists(const char *path);
/* "folder/name", or name itself if it is absolute. REASON_INPUT if too long. */
bool fs_join(char ret[FS_PATH_MAX], const char *folder, const char *name, struct err *err)
	MUST_CHECK;
/* The folder part of a path, "." if it has none. */
void fs_folder_of(char ret[FS_PATH_MAX], const char *path);
/* The last part of a path. */
const char *fs_name_of(const char *path);
/* Takes an exclusive lock on path (made if absent) without waiting; the caller closes *ret_fd
 * to give it back; it ends with the process. REASON_INPUT with the holder's process id if
 * somebody else has it. */
bool fs_lock(const char *path, int *ret_fd, struct err *err) MUST_CHECK;
/* Does a program hold the lock? False too if there is no such file. Never waits, and
 * needs no right to write. */
bool fs_is_locked(const char *path);
