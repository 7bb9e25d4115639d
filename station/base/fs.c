/* SPDX-License-Identifier: Apache-2.0 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scope.h"
#include "secret.h"
#include "text.h"

static bool open_regular(const char *path, size_t cap, enum reason reason, int *ret_fd,
	struct stat *ret_stat, struct err *err)
{
	/* O_NONBLOCK: opening a FIFO or a device must not hang the station. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_sys(err, reason, errno, "cannot open %s", path);
	if (fstat(fd, ret_stat) != 0 || !S_ISREG(ret_stat->st_mode)) {
		close(fd);
		return err_set(err, reason, "%s is not a regular file", path);
	}
	if (ret_stat->st_size < 0 || (uintmax_t)ret_stat->st_size > cap) {
		close(fd);
		return err_set(err, reason, "%s is larger than %zu bytes", path, cap);
	}
	*ret_fd = fd;
	return true;
}

/* Reads at most size bytes; the file may have become shorter meanwhile. */
static bool read_all(int fd, uint8_t *to, size_t size, size_t *ret_len)
{
	size_t len = 0;
	while (len < size) {
		ssize_t got = read(fd, to + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*ret_len = len;
	return true;
}

bool fs_read(const char *path, size_t cap, enum reason reason, uint8_t **ret, size_t *ret_len,
	struct err *err)
{
	SCOPED_FD int fd = -1;
	struct stat info;
	if (!open_regular(path, cap, reason, &fd, &info, err))
		return false;
	uint8_t *bytes = malloc((size_t)info.st_size + 1);
	if (!bytes)
		return err_set(err, REASON_STATION, "no memory for %s", path);
	size_t len = 0;
	if (!read_all(fd, bytes, (size_t)info.st_size, &len)) {
		free(bytes);
		return err_sys(err, reason, errno, "cannot read %s", path);
	}
	bytes[len] = 0;
	*ret = bytes;
	*ret_len = len;
	return true;
}

bool fs_read_secret(const char *path, size_t cap, void **ret, size_t *ret_len, struct err *err)
{
	SCOPED_FD int fd = -1;
	struct stat info;
	if (!open_regular(path, cap, REASON_INPUT, &fd, &info, err))
		return false;
	if (info.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(err, REASON_INPUT,
			"%s holds a secret but others may read it: chmod 600 it", path);
	uint8_t *secret = secret_alloc((size_t)info.st_size + 1, err);
	if (!secret)
		return false;
	size_t len = 0;
	if (!read_all(fd, secret, (size_t)info.st_size, &len)) {
		secret_free(secret);
		return err_sys(err, REASON_INPUT, errno, "cannot read %s", path);
	}
	*ret = secret;
	*ret_len = len;
	return true;
}

bool fs_write_all(int fd, const void *bytes, size_t len, size_t *ret_written)
{
	const char *from = bytes;
	*ret_written = 0;
	while (*ret_written < len) {
		ssize_t put = write(fd, from + *ret_written, len - *ret_written);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		*ret_written += (size_t)put;
	}
	return true;
}

bool fs_atomic_begin(struct fs_atomic *file, const char *path, struct err *err)
{
	if (!text_copy(file->path, sizeof file->path, path) ||
		!text_format(file->fresh, sizeof file->fresh, "%s.XXXXXX", path))
		return err_set(err, REASON_STORE, "the path %s is too long", path);
	file->fd = mkostemp(file->fresh, O_CLOEXEC);
	file->begun = file->fd >= 0;
	return file->begun || err_sys(err, REASON_STORE, errno, "cannot make a file beside %s", path);
}

bool fs_atomic_commit(struct fs_atomic *file, mode_t mode, struct err *err)
{
	if (fchmod(file->fd, mode) != 0 || fsync(file->fd) != 0 ||
		rename(file->fresh, file->path) != 0)
		return err_sys(err, REASON_STORE, errno, "cannot write %s", file->path);
	close(file->fd);
	file->begun = false;
	char folder[FS_PATH_MAX];
	fs_folder_of(folder, file->path);
	return fs_sync_folder(folder, err);
}

void fs_atomic_abandon(struct fs_atomic *file)
{
	if (!file->begun)
		return;
	close(file->fd);
	unlink(file->fresh);
	file->begun = false;
}

bool fs_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode, struct err *err)
{
	SCOPED_ATOMIC file = { 0 };
	size_t written;
	if (!fs_atomic_begin(&file, path, err))
		return false;
	if (!fs_write_all(file.fd, bytes, len, &written))
		return err_sys(err, REASON_STORE, errno, "cannot write %s", path);
	return fs_atomic_commit(&file, mode, err);
}

bool fs_sync_folder(const char *path, struct err *err)
{
	SCOPED_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return (fd >= 0 && fsync(fd) == 0) ||
	       err_sys(err, REASON_STORE, errno, "cannot sync the folder %s", path);
}

bool fs_make_folder(const char *path, mode_t mode, struct err *err)
{
	char part[FS_PATH_MAX];
	if (!text_copy(part, sizeof part, path))
		return err_set(err, REASON_STORE, "the path %s is too long", path);
	for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			return err_sys(err, REASON_STORE, errno, "cannot make the folder %s", part);
		*slash = '/';
	}
	struct stat info;
	if (mkdir(part, mode) != 0 && errno != EEXIST)
		return err_sys(err, REASON_STORE, errno, "cannot make the folder %s", part);
	if (stat(part, &info) != 0 || !S_ISDIR(info.st_mode))
		return err_set(err, REASON_STORE, "%s is not a folder", part);
	return true;
}

bool fs_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

bool fs_join(char ret[FS_PATH_MAX], const char *folder, const char *name, struct err *err)
{
	bool good = name[0] == '/' ? text_copy(ret, FS_PATH_MAX, name)
				   : text_format(ret, FS_PATH_MAX, "%s/%s", folder, name);
	return good || err_set(err, REASON_INPUT, "the path %s/%s is too long", folder, name);
}

void fs_folder_of(char ret[FS_PATH_MAX], const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash || (size_t)(slash - path) >= FS_PATH_MAX)
		snprintf(ret, FS_PATH_MAX, ".");
	else if (slash == path)
		snprintf(ret, FS_PATH_MAX, "/");
	else
		snprintf(ret, FS_PATH_MAX, "%.*s", (int)(slash - path), path);
}

const char *fs_name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* fs_is_locked holds the lock itself for a moment; that must not turn a station away. */
static bool try_lock(int fd)
{
	enum { TRIES = 3, PAUSE_US = 20000 };
	for (int i = 1; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (i == TRIES)
			return false;
		usleep(PAUSE_US);
	}
	return true;
}

bool fs_lock(const char *path, int *ret_fd, struct err *err)
{
	SCOPED_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(err, REASON_INPUT, errno, "cannot open the lock %s", path);
	if (!try_lock(fd)) {
		char holder[16] = "";
		ssize_t got = pread(fd, holder, sizeof holder - 1, 0);
		holder[got > 0 ? got : 0] = 0;
		holder[strcspn(holder, "\n")] = 0;
		return err_set(err, REASON_INPUT, "%s is held by process %s: one program at a time",
			path, holder[0] ? holder : "(unknown)");
	}
	char pid[16];
	int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)len, 0) != len)
		return err_sys(err, REASON_STORE, errno, "cannot write the lock %s", path);
	*ret_fd = fd;
	fd = -1;
	return true;
}

bool fs_is_locked(const char *path)
{
	SCOPED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}
