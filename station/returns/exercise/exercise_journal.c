/* SPDX-License-Identifier: Apache-2.0 */
#include "exercise_journal.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "fs.h"
#include "scope.h"
#include "text.h"

enum { ASIDES_MAX = 100, HEAD_MAX = 512, FILE_MAX = HEAD_MAX + EXERCISE_SECTOR_MAX + SHA256_LEN };
#define PENDING ".sector"
#define ASIDE ".aside"

void exercise_entry_done(struct exercise_entry *entry)
{
	free(entry->bytes);
	entry->bytes = NULL;
}

/* --- the file --- */

/* What stands before the bytes; its length, or 0. Whatever is read has to look exactly like it. */
static size_t write_head(const struct exercise_entry *entry, char to[HEAD_MAX])
{
	int len = snprintf(to, HEAD_MAX,
		"station-exercise 1\ndevice %s\nfamily %s\nattempt %s\nalt %u\naddress 0x%08" PRIx32
		"\nsize %" PRIu32 "\nseed 0x%08" PRIx32 "\n\n",
		entry->device_id, entry->family, entry->attempt_id, entry->alt, entry->addr,
		entry->size, entry->seed);
	return len > 0 && len < HEAD_MAX ? (size_t)len : 0;
}

static bool damaged(struct err *err, const char *what)
{
	return err_set(err, REASON_STORE, "it is no journal of an exercise: %s", what);
}

/* "key word" and the end of the line. */
static bool take_word(const char **at, const char *key, char *to, size_t cap)
{
	size_t len = strlen(key);
	if (strncmp(*at, key, len) != 0 || (*at)[len] != ' ')
		return false;
	const char *word = *at + len + 1;
	size_t word_len = strcspn(word, "\n");
	if (!word[word_len] || !text_format(to, cap, "%.*s", (int)word_len, word))
		return false;
	*at = word + word_len + 1;
	return true;
}

static bool take_number(const char **at, const char *key, unsigned long max, unsigned long *ret)
{
	char word[16];
	if (!take_word(at, key, word, sizeof word))
		return false;
	*ret = strtoul(word, NULL, 0);
	return *ret <= max;
}

/* The words of the head; whether they are written as they should be is seen by writing them again. */
static bool read_head(const char *text, struct exercise_entry *entry)
{
	char version[4];
	unsigned long alt, addr, size, seed;
	if (!take_word(&text, "station-exercise", version, sizeof version) ||
		!take_word(&text, "device", entry->device_id, sizeof entry->device_id) ||
		!take_word(&text, "family", entry->family, sizeof entry->family) ||
		!take_word(&text, "attempt", entry->attempt_id, sizeof entry->attempt_id) ||
		!take_number(&text, "alt", UINT8_MAX, &alt) ||
		!take_number(&text, "address", UINT32_MAX, &addr) ||
		!take_number(&text, "size", EXERCISE_SECTOR_MAX, &size) ||
		!take_number(&text, "seed", UINT32_MAX, &seed))
		return false;
	entry->alt = (uint8_t)alt;
	entry->addr = (uint32_t)addr;
	entry->size = (uint32_t)size;
	entry->seed = (uint32_t)seed;
	return true;
}

bool exercise_entry_parse(
	const uint8_t *bytes, size_t len, struct exercise_entry *ret, struct err *err)
{
	struct exercise_entry entry = { 0 };
	char text[HEAD_MAX] = "", again[HEAD_MAX];
	uint8_t sum[SHA256_LEN];
	memcpy(text, bytes, len < HEAD_MAX - 1 ? len : HEAD_MAX - 1);
	if (!read_head(text, &entry))
		return damaged(err, "its head is damaged");
	size_t head = write_head(&entry, again);
	if (!head || head > len || memcmp(bytes, again, head) != 0)
		return damaged(err, "its head is damaged");
	if (!entry.size || len - head != (size_t)entry.size + SHA256_LEN)
		return damaged(err, "its length is wrong");
	if (!digest_sha256(bytes, len - SHA256_LEN, sum, err))
		return false;
	if (memcmp(sum, bytes + len - SHA256_LEN, SHA256_LEN) != 0)
		return damaged(err, "its sum is wrong");
	entry.bytes = malloc(entry.size);
	if (!entry.bytes)
		return err_set(err, REASON_STATION, "no memory for a sector");
	memcpy(entry.bytes, bytes + head, entry.size);
	*ret = entry;
	return true;
}

/* --- where it stands --- */

static bool folder_of(
	char ret[FS_PATH_MAX], const char *state, const char *device_id, struct err *err)
{
	return text_format(ret, FS_PATH_MAX, "%s/exercise/%s", state, device_id) ||
	       err_set(err, REASON_STORE, "the path of %s is too long", state);
}

static bool path_of(char ret[FS_PATH_MAX], const char *state, const char *device_id,
	const char *name, struct err *err)
{
	return text_format(ret, FS_PATH_MAX, "%s/exercise/%s/%s", state, device_id, name) ||
	       err_set(err, REASON_STORE, "the path of %s is too long", state);
}

void exercise_journal_name(const struct exercise_entry *entry, char ret[EXERCISE_NAME])
{
	snprintf(ret, EXERCISE_NAME, "alt%u-0x%08" PRIx32 PENDING, entry->alt, entry->addr);
}

/* What a station that died while it wrote has left: it was not durable yet, so no sector was erased. */
static void tidy(const char *folder)
{
	char path[FS_PATH_MAX];
	struct err err;
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (strstr(entry->d_name, PENDING ".") &&
			fs_join(path, folder, entry->d_name, &err))
			unlink(path);
	if (dir)
		closedir(dir);
}

/* What is new in a folder is durable with the folder that names it, up to the state folder. */
bool exercise_journal_open(const char *state, const char *device_id, struct err *err)
{
	char folder[FS_PATH_MAX], parent[FS_PATH_MAX];
	if (!folder_of(folder, state, device_id, err))
		return false;
	fs_folder_of(parent, folder);
	if (!fs_make_folder(folder, 0700, err))
		return false;
	tidy(folder);
	return fs_sync_folder(folder, err) && fs_sync_folder(parent, err) &&
	       fs_sync_folder(state, err);
}

bool exercise_journal_write(const char *state, const struct exercise_entry *entry, struct err *err)
{
	char path[FS_PATH_MAX], head[HEAD_MAX], name[EXERCISE_NAME];
	size_t head_len = write_head(entry, head), len = head_len + entry->size;
	SCOPED_FREE uint8_t *file = malloc(len + SHA256_LEN);
	if (!file)
		return err_set(err, REASON_STORE, "no memory for a sector");
	memcpy(file, head, head_len);
	memcpy(file + head_len, entry->bytes, entry->size);
	exercise_journal_name(entry, name);
	return digest_sha256(file, len, file + len, err) &&
	       path_of(path, state, entry->device_id, name, err) &&
	       fs_write_atomic(path, file, len + SHA256_LEN, 0600, err);
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);
	return len > end_len && strcmp(name + len - end_len, end) == 0;
}

bool exercise_journal_remove(
	const char *state, const char *device_id, const char *name, struct err *err)
{
	char path[FS_PATH_MAX];
	if (!path_of(path, state, device_id, name, err))
		return false;
	return unlink(path) == 0 || errno == ENOENT ||
	       err_sys(err, REASON_STORE, errno, "cannot remove %s", path);
}

/* A name of its own: what is aside waits for a person, and none takes the place of another. */
static bool aside_of(char ret[FS_PATH_MAX], const char *path, struct err *err)
{
	int stem = (int)(strlen(path) - strlen(PENDING));
	for (unsigned i = 0; i < ASIDES_MAX; i++) {
		char number[16] = "";
		if (i)
			snprintf(number, sizeof number, ".%u", i);
		if (!text_format(ret, FS_PATH_MAX, "%.*s%s" ASIDE, stem, path, number))
			break;
		if (!fs_exists(ret))
			return true;
	}
	return err_set(err, REASON_STORE, "too much is set aside beside %s: look at it", path);
}

bool exercise_journal_set_aside(
	const char *state, const char *device_id, const char *name, struct err *err)
{
	char folder[FS_PATH_MAX], pending[FS_PATH_MAX], aside[FS_PATH_MAX];
	if (!ends_with(name, PENDING))
		return true;
	if (!folder_of(folder, state, device_id, err) ||
		!path_of(pending, state, device_id, name, err) || !aside_of(aside, pending, err))
		return false;
	if (rename(pending, aside) != 0)
		return err_sys(err, REASON_STORE, errno, "cannot rename %s", pending);
	return fs_sync_folder(folder, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

bool exercise_journal_list(const char *state, const char *device_id, bool asides,
	struct exercise_names *ret, struct err *err)
{
	char folder[FS_PATH_MAX];
	ret->count = 0;
	if (!folder_of(folder, state, device_id, err))
		return false;
	DIR *dir = opendir(folder);
	if (!dir)
		return errno == ENOENT ||
		       err_sys(err, REASON_STORE, errno, "cannot read the folder %s", folder);
	for (struct dirent *entry; ret->count < EXERCISE_PENDING_MAX && (entry = readdir(dir));)
		if ((ends_with(entry->d_name, PENDING) ||
			    (asides && ends_with(entry->d_name, ASIDE))) &&
			text_copy(ret->list[ret->count], sizeof ret->list[0], entry->d_name))
			ret->count++;
	closedir(dir);
	qsort(ret->list, ret->count, sizeof ret->list[0], by_name);
	return true;
}

bool exercise_journal_read(const char *state, const char *device_id, const char *name,
	struct exercise_entry *ret, struct err *err)
{
	char path[FS_PATH_MAX], own[EXERCISE_NAME];
	uint8_t *file = NULL;
	size_t len = 0;
	struct exercise_entry entry = { 0 };
	if (!path_of(path, state, device_id, name, err) ||
		!fs_read(path, FILE_MAX, REASON_STORE, &file, &len, err))
		return false;
	bool good = exercise_entry_parse(file, len, &entry, err) || err_at(err, "%s", path);
	free(file);
	if (!good)
		return false;
	exercise_journal_name(&entry, own);
	if (strcmp(entry.device_id, device_id) != 0 ||
		strncmp(own, name, strlen(own) - strlen(PENDING)) != 0) {
		exercise_entry_done(&entry);
		return err_set(
			err, REASON_STORE, "%s is the journal of another unit or sector", path);
	}
	*ret = entry;
	return true;
}
