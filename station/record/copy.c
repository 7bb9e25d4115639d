/* SPDX-License-Identifier: Apache-2.0 */
/* Copies, by SQLite's online backup. */
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "clock.h"
#include "record_private.h"
#include "scope.h"
#include "text.h"

/* A copy that is under way: a file beside the wanted one, which goes unless it was renamed. */
struct draft {
	char path[FS_PATH_MAX]; /* "" = none */
};

static void draft_done(struct draft *draft)
{
	char journal[FS_PATH_MAX + 16];
	if (!draft->path[0])
		return;
	unlink(draft->path);
	snprintf(journal, sizeof journal, "%s-journal", draft->path);
	unlink(journal);
}
#define SCOPED_DRAFT __attribute__((cleanup(draft_done))) struct draft

/* --- where it goes --- */

enum { SQLITE_HEADER = 100, SQLITE_APPLICATION_ID = 68, STN1 = 0x53544e31 };

static bool is_station_database(const char *path)
{
	uint8_t header[SQLITE_HEADER];
	SCOPED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && pread(fd, header, sizeof header, 0) == sizeof header &&
	       memcmp(header, "SQLite format 3", 16) == 0 &&
	       bytes_be32(header + SQLITE_APPLICATION_ID) == STN1;
}

/* What SQLite left beside a database would be taken for the copy's own. */
static bool check_nothing_beside(const char *file, struct err *err)
{
	static const char *const ends[] = { "-wal", "-shm", "-journal" };
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		char path[FS_PATH_MAX + 16];
		snprintf(path, sizeof path, "%s%s", file, ends[i]);
		if (fs_exists(path))
			return err_set(err, REASON_INPUT,
				"%s is there: %s is in use, or was left by somebody; choose another "
				"name",
				path, fs_name_of(file));
	}
	return true;
}

static bool check_place(
	const struct record *record, const struct record_copy_options *options, struct err *err)
{
	struct stat source, there;
	if (!options->file[0])
		return err_set(err, REASON_INPUT, "the copy has no name");
	bool exists = lstat(options->file, &there) == 0;
	if (exists && !options->replace)
		return err_set(err, REASON_INPUT, "%s exists: choose another name, or --force",
			options->file);
	if (exists && stat(record->path, &source) == 0 && source.st_dev == there.st_dev &&
		source.st_ino == there.st_ino)
		return err_set(err, REASON_INPUT, "%s is the record itself: choose another name",
			options->file);
	if (exists && (!S_ISREG(there.st_mode) || !is_station_database(options->file)))
		return err_set(err, REASON_INPUT,
			"%s is not a copy of a station's database, and is not replaced: choose "
			"another name",
			options->file);
	return check_nothing_beside(options->file, err);
}

static bool make_draft(
	const struct record *record, const char *file, struct draft *ret, struct err *err)
{
	char folder[FS_PATH_MAX], path[FS_PATH_MAX];
	struct stat source;
	fs_folder_of(folder, file);
	if (!text_format(path, sizeof path, "%s/.%s.XXXXXX", folder, fs_name_of(file)))
		return err_set(err, REASON_INPUT, "the path %.64s... is too long", file);
	SCOPED_FD int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, REASON_STORE, errno, "cannot make a file in %s", folder);
	memcpy(ret->path, path, sizeof path);
	/* Who may read the record may read its copy. */
	if (stat(record->path, &source) == 0 && fchmod(fd, source.st_mode & 0666) != 0)
		return err_sys(err, REASON_STORE, errno, "cannot set the rights of %s", path);
	return true;
}

/* --- its contents --- */

/* All pages in one step: in a write-ahead log that holds one state of the database, and
 * nobody waits for it. */
static bool copy_pages(struct sql *from, struct sql *to, struct err *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", from->db, "main");
	if (!backup)
		return sql_error(to, sqlite3_errcode(to->db), err);
	int code = sqlite3_backup_step(backup, -1);
	int finish = sqlite3_backup_finish(backup);
	if (code == SQLITE_DONE && finish == SQLITE_OK)
		return true;
	/* The code does not say on which side it failed; its message stands at the copy. */
	return sql_error(to, finish != SQLITE_OK ? finish : code, err);
}

/* The copy says in its header that it has a write-ahead log; as one file of its
 * own it can do without. */
static bool stand_alone(struct sql *to, struct err *err)
{
	char mode[16];
	if (!sql_get_text(to, "PRAGMA journal_mode = DELETE", SQL_NOTHING, mode, sizeof mode, err))
		return false;
	return strcmp(mode, "delete") == 0 ||
	       err_set(err, REASON_STORE, "%s keeps the journal mode %s", to->path, mode);
}

static bool fill(struct sql *from, const struct draft *draft, struct err *err)
{
	struct sql to;
	if (!sql_open(&to, draft->path, draft->path, SQLITE_OPEN_READWRITE, err))
		return false;
	bool good = copy_pages(from, &to, err) && stand_alone(&to, err);
	sql_close(&to);
	return good;
}

static bool fill_from(struct record *record, const struct draft *draft, struct err *err)
{
	struct sql own;
	if (record->read_only) {
		SCOPED_LOCK(&record->mutex);
		return fill(&record->sql, draft, err);
	}
	if (!sql_open(&own, record->path, record->path, SQLITE_OPEN_READONLY, err))
		return false;
	bool good = fill(&own, draft, err);
	sql_close(&own);
	return good;
}

/* --- whether it is good --- */

static void ignore_finding(void *context, const struct audit_finding *finding)
{
	(void)context, (void)finding;
}

static bool check_copy(const struct record *record, const struct record_copy_options *options,
	const struct draft *draft, int64_t log_len, struct audit_summary *ret, struct err *err)
{
	const struct record_options open = { .database = draft->path, .read_only = true };
	/* Whether the source has open attempts is its own matter; the copy only has to be like
	 * it. */
	const struct audit_options audit = { .live = true,
		.seals_log = log_len ? record->seals_path : NULL,
		.seals_log_len = log_len,
		.station_key = options->station_key,
		.finding = options->finding ? options->finding : ignore_finding,
		.context = options->context };
	struct record *copy;
	if (!record_open(&open, &copy, NULL, err))
		return err_at(err, "the copy");
	bool good = audit_run(copy, &audit, ret, err);
	record_close(copy);
	if (!good)
		return err_at(err, "the copy");
	if (ret->checks[AUDIT_INTEGRITY].findings)
		return err_set(err, REASON_STORE,
			"the copy of %s is damaged: run station audit, check both disks",
			record->path);
	return true;
}

/* --- its name --- */

static bool sync_path(const char *path, int flags, struct err *err)
{
	SCOPED_FD int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	if (fd < 0 || fsync(fd) != 0)
		return err_sys(err, REASON_STORE, errno, "cannot sync %s", path);
	return true;
}

static bool give_name(
	struct draft *draft, const struct record_copy_options *options, struct err *err)
{
	char folder[FS_PATH_MAX];
	unsigned flags = options->replace ? 0 : RENAME_NOREPLACE;
	int code = renameat2(AT_FDCWD, draft->path, AT_FDCWD, options->file, flags);
	/* A file system that cannot refuse: what came there meanwhile is then overwritten. */
	if (code != 0 && errno == EINVAL && !fs_exists(options->file))
		code = rename(draft->path, options->file);
	if (code != 0)
		return err_sys(err, errno == EEXIST ? REASON_INPUT : REASON_STORE, errno,
			"cannot name the copy %s", options->file);
	draft->path[0] = 0;
	fs_folder_of(folder, options->file);
	return sync_path(folder, O_DIRECTORY, err);
}

bool record_copy(struct record *record, const struct record_copy_options *options,
	struct record_copy *ret, struct err *err)
{
	struct record_copy copy = { 0 };
	struct stat log, info;
	SCOPED_DRAFT draft = { "" };
	int64_t log_len =
		record->seals_path[0] && stat(record->seals_path, &log) == 0 ? log.st_size : 0;
	if (!check_place(record, options, err) || !make_draft(record, options->file, &draft, err) ||
		!fill_from(record, &draft, err) || !sync_path(draft.path, 0, err) ||
		!check_copy(record, options, &draft, log_len, &copy.audit, err))
		return false;
	if (stat(draft.path, &info) != 0 || !text_copy(copy.path, sizeof copy.path, options->file))
		return err_set(err, REASON_STORE, "%s is gone", draft.path);
	copy.size = info.st_size;
	if (!give_name(&draft, options, err))
		return false;
	*ret = copy;
	return true;
}

/* Two batches may end in one second. */
static bool free_name(
	const struct record *record, const char *folder, char ret[FS_PATH_MAX], struct err *err)
{
	enum { SAME_SECOND = 100 };
	char at[32], name[160];
	time_t now = (time_t)(clock_utc_ms() / 1000);
	struct tm utc;
	gmtime_r(&now, &utc);
	strftime(at, sizeof at, "%Y%m%d-%H%M%S", &utc);
	for (int i = 1; i < SAME_SECOND; i++) {
		char again[8] = "";
		if (i > 1)
			snprintf(again, sizeof again, "-%d", i);
		snprintf(name, sizeof name, "%s_%s%s.db", record->station_id, at, again);
		if (!fs_join(ret, folder, name, err))
			return false;
		if (!fs_exists(ret))
			return true;
	}
	return err_set(err, REASON_STORE, "%s is full of copies of %s", folder, at);
}

bool record_copy_into(
	struct record *record, const char *folder, struct record_copy *ret, struct err *err)
{
	char path[FS_PATH_MAX];
	if (!fs_make_folder(folder, 0755, err) || !free_name(record, folder, path, err))
		return false;
	const struct record_copy_options options = { .file = path, .station_key = record->signing };
	struct record_copy copy;
	if (!record_copy(record, &options, &copy, err))
		return false;
	*ret = copy;
	if (copy.audit.findings)
		return err_set(err, REASON_STORE,
			"the copy %s is made, but the record has %u findings: run station audit",
			path, copy.audit.findings);
	return true;
}
