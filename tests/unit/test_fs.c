/* SPDX-License-Identifier: Apache-2.0 */
/* USES: base */
/* Files, locks, the log, and memory for secrets. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "fs.h"
#include "log.h"
#include "secret.h"

static char folder[] = "/tmp/test_fs.XXXXXX";

static const char *in_folder(char path[FS_PATH_MAX], const char *name)
{
	struct err err;
	assert_true(fs_join(path, folder, name, &err));
	return path;
}

static void assert_holds(const char *path, const char *text)
{
	struct err err;
	uint8_t *bytes = NULL;
	size_t len = 0;
	assert_true(fs_read(path, 1000, REASON_INPUT, &bytes, &len, &err));
	assert_int_equal(len, strlen(text));
	assert_string_equal((char *)bytes, text);
	free(bytes);
}

static void a_file_is_replaced_whole(void **state)
{
	(void)state;
	char path[FS_PATH_MAX];
	struct err err;
	struct stat info;
	in_folder(path, "a");
	assert_false(fs_exists(path));
	assert_true(fs_write_atomic(path, "one", 3, 0600, &err));
	assert_holds(path, "one");
	int old = open(path, O_RDONLY);
	assert_true(fs_write_atomic(path, "second", 6, 0640, &err));
	assert_holds(path, "second");
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0640);
	/* Whoever had the old file open still reads all of it. */
	char was[8] = "";
	assert_int_equal(read(old, was, sizeof was), 3);
	assert_string_equal(was, "one");
	close(old);
}

static void a_failed_write_leaves_the_old_file_and_no_litter(void **state)
{
	(void)state;
	char path[FS_PATH_MAX], inside[FS_PATH_MAX];
	struct err err;
	in_folder(path, "wall");
	assert_true(fs_make_folder(path, 0700, &err));
	assert_true(fs_join(inside, path, "x", &err));
	assert_true(fs_write_atomic(inside, "x", 1, 0600, &err));
	/* A folder that is not empty cannot be renamed over. */
	assert_false(fs_write_atomic(path, "new", 3, 0600, &err));
	assert_int_equal(err.reason, REASON_STORE);
	assert_holds(inside, "x");
	char command[FS_PATH_MAX + 64];
	snprintf(command, sizeof command, "test -z \"$(ls -d %s.* 2>/dev/null)\"", path);
	assert_int_equal(system(command), 0);
	assert_false(fs_write_atomic("/nonexistent/x", "new", 3, 0600, &err));
	assert_int_equal(err.reason, REASON_STORE);
}

static void reads_are_bounded_and_of_regular_files_only(void **state)
{
	(void)state;
	char path[FS_PATH_MAX];
	struct err err;
	uint8_t *bytes = NULL;
	size_t len = 0;
	in_folder(path, "five");
	assert_true(fs_write_atomic(path, "12345", 5, 0600, &err));
	assert_false(fs_read(path, 4, REASON_INPUT, &bytes, &len, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	assert_true(fs_read(path, 5, REASON_INPUT, &bytes, &len, &err));
	free(bytes);
	bytes = NULL;
	assert_false(fs_read(folder, 1000, REASON_INPUT, &bytes, &len, &err));
	assert_false(fs_read("/dev/zero", 1000, REASON_STATION, &bytes, &len, &err));
	assert_int_equal(err.reason, REASON_STATION);
	in_folder(path, "fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(fs_read(path, 1000, REASON_INPUT, &bytes, &len, &err));
	assert_false(fs_read("/nonexistent", 1000, REASON_INPUT, &bytes, &len, &err));
	assert_non_null(strstr(err.text, "/nonexistent: No such file"));
	assert_null(bytes);
}

static void a_secret_that_others_can_read_is_refused(void **state)
{
	(void)state;
	char path[FS_PATH_MAX];
	struct err err;
	void *secret = NULL;
	size_t len = 0;
	in_folder(path, "token");
	static const mode_t open_modes[] = { 0640, 0604, 0620, 0602, 0610, 0644, 0666 };
	for (unsigned i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
		assert_true(fs_write_atomic(path, "hush", 4, open_modes[i], &err));
		assert_false(fs_read_secret(path, 100, &secret, &len, &err));
		assert_int_equal(err.reason, REASON_INPUT);
		assert_null(strstr(err.text, "hush"));
	}
	assert_null(secret);
	assert_true(fs_write_atomic(path, "hush", 4, 0600, &err));
	assert_false(fs_read_secret(path, 3, &secret, &len, &err));
	assert_true(fs_read_secret(path, 100, &secret, &len, &err));
	assert_int_equal(len, 4);
	assert_string_equal((const char *)secret, "hush");
	secret_free(secret);
}

static void folders_are_made_with_their_parents(void **state)
{
	(void)state;
	char path[FS_PATH_MAX];
	struct err err;
	assert_true(fs_make_folder(in_folder(path, "p/q/r"), 0700, &err));
	assert_true(fs_make_folder(path, 0700, &err));
	assert_true(fs_exists(path));
	assert_true(fs_write_atomic(in_folder(path, "p/file"), "x", 1, 0600, &err));
	assert_false(fs_make_folder(path, 0700, &err));
	assert_int_equal(err.reason, REASON_STORE);
	assert_false(fs_make_folder(in_folder(path, "p/file/below"), 0700, &err));
}

static void paths_join_and_part(void **state)
{
	(void)state;
	char path[FS_PATH_MAX], longest[FS_PATH_MAX];
	struct err err;
	assert_true(fs_join(path, "a/b", "c", &err));
	assert_string_equal(path, "a/b/c");
	assert_true(fs_join(path, "a/b", "/c", &err));
	assert_string_equal(path, "/c");
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	assert_false(fs_join(path, "a", longest, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	fs_folder_of(path, "a/b/c");
	assert_string_equal(path, "a/b");
	fs_folder_of(path, "/c");
	assert_string_equal(path, "/");
	fs_folder_of(path, "c");
	assert_string_equal(path, ".");
	assert_string_equal(fs_name_of("a/b/c"), "c");
	assert_string_equal(fs_name_of("c"), "c");
}

static void a_lock_has_one_holder_and_ends_with_it(void **state)
{
	(void)state;
	char path[FS_PATH_MAX], pid[32];
	struct err err;
	int fd = -1, second = -1, ready[2];
	in_folder(path, "lock");
	assert_true(fs_lock(path, &fd, &err));
	assert_false(fs_lock(path, &second, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	assert_int_equal(second, -1);
	snprintf(pid, sizeof pid, "process %ld:", (long)getpid());
	assert_non_null(strstr(err.text, pid));
	close(fd);

	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		char byte = (char)fs_lock(path, &fd, &err);
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	char locked = 0;
	assert_int_equal(read(ready[0], &locked, 1), 1);
	assert_int_equal(locked, 1);
	assert_false(fs_lock(path, &second, &err));
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(fs_lock(path, &second, &err));
	close(second);
	close(ready[0]);
	close(ready[1]);
}

static void log_lines_are_one_line_each(void **state)
{
	(void)state;
	char path[FS_PATH_MAX];
	struct err err;
	struct log *log = NULL;
	uint8_t *bytes = NULL;
	size_t len = 0;
	log_line(NULL, "A1", "nothing");
	assert_true(log_open(in_folder(path, "station.log"), &log, &err));
	log_line(log, "A1", "unit said %s", "a\nb\x1b");
	log_line(log, "A2", "two");
	log_close(log);
	assert_true(fs_read(path, 10000, REASON_INPUT, &bytes, &len, &err));
	assert_non_null(strstr((const char *)bytes, " A1: unit said a?b?\n"));
	assert_non_null(strstr((const char *)bytes, " A2: two\n"));
	free(bytes);
}

static void a_secret_is_zero_locked_and_not_inherited(void **state)
{
	(void)state;
	struct err err;
	uint8_t *secret = secret_alloc(5000, &err);
	assert_non_null(secret);
	assert_true(bytes_all(secret, 5000, 0));
	memset(secret, 0x61, 5000);
	pid_t child = fork();
	if (child == 0)
		_exit(bytes_all(secret, 5000, 0) ? 0 : 1);
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(bytes_all(secret, 5000, 0x61));
	secret_free(secret);
	secret_free(NULL);
}

static void wiping_leaves_zeros(void **state)
{
	(void)state;
	uint8_t bytes[40];
	memset(bytes, 0x5a, sizeof bytes);
	secret_wipe(bytes + 4, 32);
	assert_true(bytes_all(bytes, 4, 0x5a));
	assert_true(bytes_all(bytes + 4, 32, 0));
	assert_true(bytes_all(bytes + 36, 4, 0x5a));
}

/* The sanitizers make mlock do nothing. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LOCKS 0
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOCKS 0
#endif
#ifndef LOCKS
#define LOCKS 1
#endif

/* The pages of a secret are locked, left out of dumps and wiped on fork: VmFlags of smaps says lo, dd and wf. */
static void the_kernel_agrees_that_a_secret_is_locked(void **state)
{
	(void)state;
	struct err err;
	uint8_t *secret = secret_alloc(100, &err);
	assert_non_null(secret);
	FILE *maps = fopen("/proc/self/smaps", "r");
	assert_non_null(maps);
	char line[512];
	bool inside = false, locked = false;
	while (fgets(line, sizeof line, maps)) {
		unsigned long long start, end;
		if (sscanf(line, "%llx-%llx ", &start, &end) == 2)
			inside = (uintptr_t)secret >= start && (uintptr_t)secret < end;
		if (inside && strncmp(line, "VmFlags:", 8) == 0)
			locked = (strstr(line, " lo") || !LOCKS) && strstr(line, " dd") &&
				 strstr(line, " wf");
	}
	fclose(maps);
	secret_free(secret);
	assert_true(locked);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)kind, (void)walk;
	return remove(path);
}

static int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_replaced_whole),
		cmocka_unit_test(a_failed_write_leaves_the_old_file_and_no_litter),
		cmocka_unit_test(reads_are_bounded_and_of_regular_files_only),
		cmocka_unit_test(a_secret_that_others_can_read_is_refused),
		cmocka_unit_test(folders_are_made_with_their_parents),
		cmocka_unit_test(paths_join_and_part),
		cmocka_unit_test(a_lock_has_one_holder_and_ends_with_it),
		cmocka_unit_test(log_lines_are_one_line_each),
		cmocka_unit_test(a_secret_is_zero_locked_and_not_inherited),
		cmocka_unit_test(wiping_leaves_zeros),
		cmocka_unit_test(the_kernel_agrees_that_a_secret_is_locked),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
