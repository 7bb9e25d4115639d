/* SPDX-License-Identifier: Apache-2.0 */
#include "failing_disk.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A file of ours, with the one of the usual VFS behind it. */
struct disk_file {
	sqlite3_file base;
	bool is_log;
	sqlite3_file *real;
};

static struct {
	sqlite3_vfs vfs, *real;
	atomic_bool armed, failed;
	atomic_uint commits, at;
	bool forever;
	enum disk_failure failure;
	void (*at_failure)(void);
} disk;

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct disk_file *)file)->real;
}

/* Is this the moment, and a failure of this kind? */
static bool fails(const sqlite3_file *file, enum disk_failure failure)
{
	if (!((const struct disk_file *)file)->is_log || !atomic_load(&disk.armed) ||
		disk.failure != failure || atomic_load(&disk.commits) < atomic_load(&disk.at) ||
		(!disk.forever && atomic_load(&disk.failed)))
		return false;
	if (!atomic_exchange(&disk.failed, true) && disk.at_failure)
		disk.at_failure();
	return true;
}

static int disk_close(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int disk_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at)
{
	return real_of(file)->pMethods->xRead(real_of(file), to, len, at);
}

static int disk_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 at)
{
	if (fails(file, DISK_FULL))
		return SQLITE_FULL;
	return real_of(file)->pMethods->xWrite(real_of(file), from, len, at);
}

static int disk_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

/* Nothing of ours needs the real disk: it would only take time. */
static int disk_sync(sqlite3_file *file, int flags)
{
	(void)flags;
	if (fails(file, DISK_SYNC_FAILS))
		return SQLITE_IOERR_FSYNC;
	if (((struct disk_file *)file)->is_log)
		atomic_fetch_add(&disk.commits, 1);
	return SQLITE_OK;
}

static int disk_file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), ret);
}

static int disk_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int disk_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int disk_check_lock(sqlite3_file *file, int *ret)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret);
}

static int disk_control(sqlite3_file *file, int what, void *argument)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), what, argument);
}

static int disk_sector_size(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int disk_characteristics(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int disk_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, ret);
}

static int disk_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void disk_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int disk_shm_unmap(sqlite3_file *file, int remove)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = disk_close,
	.xRead = disk_read,
	.xWrite = disk_write,
	.xTruncate = disk_truncate,
	.xSync = disk_sync,
	.xFileSize = disk_file_size,
	.xLock = disk_lock,
	.xUnlock = disk_unlock,
	.xCheckReservedLock = disk_check_lock,
	.xFileControl = disk_control,
	.xSectorSize = disk_sector_size,
	.xDeviceCharacteristics = disk_characteristics,
	.xShmMap = disk_shm_map,
	.xShmLock = disk_shm_lock,
	.xShmBarrier = disk_shm_barrier,
	.xShmUnmap = disk_shm_unmap,
};

static int disk_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct disk_file *opened = (struct disk_file *)file;
	(void)vfs;
	opened->real = (sqlite3_file *)(opened + 1);
	opened->is_log = (flags & SQLITE_OPEN_WAL) != 0;
	opened->real->pMethods = NULL;
	int code = disk.real->xOpen(disk.real, name, opened->real, flags, ret_flags);
	opened->base.pMethods = opened->real->pMethods ? &methods : NULL;
	return code;
}

void failing_disk_install(void)
{
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real;
	disk.vfs.pNext = NULL;
	disk.vfs.zName = "failing-disk";
	disk.vfs.szOsFile = (int)sizeof(struct disk_file) + disk.real->szOsFile;
	disk.vfs.xOpen = disk_open;
	sqlite3_vfs_register(&disk.vfs, 1);
}

void failing_disk_arm(
	unsigned at, bool forever, enum disk_failure failure, void (*at_failure)(void))
{
	failing_disk_disarm();
	disk.forever = forever;
	disk.failure = failure;
	disk.at_failure = at_failure;
	atomic_store(&disk.commits, 0);
	atomic_store(&disk.failed, false);
	atomic_store(&disk.at, at);
	atomic_store(&disk.armed, true);
}

void failing_disk_disarm(void)
{
	atomic_store(&disk.armed, false);
}

unsigned failing_disk_commits(void)
{
	return atomic_load(&disk.commits);
}

bool failing_disk_failed(void)
{
	return atomic_load(&disk.failed);
}
