/* SPDX-License-Identifier: Apache-2.0 */
/* Typed reads from a libconfig file. libconfig itself is lax: integers wrap, NULs in strings
 * vanish, @include pulls in text that the record would not show, duplicate keys of nested groups...
 * Those are refused before or while parsing. Every error is REASON_INPUT with "file:line: path:
 * what is wrong, what is allowed".
 *
 * Reading is by key. Each read marks the key as known; cfg_end refuses the keys that nobody asked
 * for. Errors stick: after the first one every read gives its default and changes nothing, and
 * cfg_end (or cfg_failed) tells, so that a reader is straight-line code. Not for several threads at
 * once. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { CFG_FILE_MAX = 1 << 20 };

struct cfgfile;
struct config_setting_t; /* libconfig's */

/* A group or list inside a file; plain storage. Valid as long as its file. */
struct cfg {
	struct cfgfile *file;
	struct config_setting_t *setting;
};

/* Reads at most CFG_FILE_MAX bytes. *ret_root is the group named by top ("job", "station",
 * "family"), which must be the only thing in the file. */
bool cfgfile_open(const char *path, const char *top, struct cfgfile **ret, struct cfg *ret_root,
	struct err *err) MUST_CHECK;
/* The same from memory; path is for messages and for relative paths. */
bool cfgfile_parse(const char *path, const char *text, size_t len, const char *top,
	struct cfgfile **ret, struct cfg *ret_root, struct err *err) MUST_CHECK;
void cfgfile_close(struct cfgfile *file); /* takes NULL */
const char *cfgfile_text(const struct cfgfile *file); /* the whole file as read; for the record */
const char *cfgfile_path(const struct cfgfile *file);

/* Refuses unknown keys in everything that was read, and tells the first error. */
bool cfgfile_end(struct cfgfile *file, struct err *err) MUST_CHECK;
bool cfg_failed(const struct cfg *cfg);
/* Reports a mistake of the value at key (NULL: of the group itself) in the words
 * of the caller; sticks. */
void cfg_error(const struct cfg *cfg, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);
/* The line of key, for errors found later (0 if it is not there). */
unsigned cfg_line(const struct cfg *cfg, const char *key);

bool cfg_has(const struct cfg *cfg, const char *key);
/* Required when fallback is NULL. to has cap bytes; longer is an error. fallback must not be to. */
void cfg_text(const struct cfg *cfg, const char *key, const char *fallback, char *to, size_t cap);
/* One of count names; gives the index. Required when fallback < 0. */
int cfg_choice(const struct cfg *cfg, const char *key, const char *const *names, size_t count,
	int fallback);
/* An integer in [min, max]; decimal or 0x...; required without a fallback. */
int64_t cfg_int(const struct cfg *cfg, const char *key, int64_t min, int64_t max);
int64_t cfg_int_or(const struct cfg *cfg, const char *key, int64_t min, int64_t max,
	int64_t fallback);
double cfg_number_or(const struct cfg *cfg, const char *key, double min, double max,
	double fallback);
bool cfg_bool_or(const struct cfg *cfg, const char *key, bool fallback);
/* A path: relative ones are taken from the file's folder. Required when fallback is NULL; "" is
 * taken only with the fallback "", and stays "". fallback must not be to. */
void cfg_path(const struct cfg *cfg, const char *key, const char *fallback, char *to, size_t cap);
/* A group; false if it is absent (an error if required). */
bool cfg_group(const struct cfg *cfg, const char *key, bool required, struct cfg *ret);
/* A list or array; returns its length, at most max. 0 if absent (an error if required). */
size_t cfg_list(const struct cfg *cfg, const char *key, bool required, size_t max, struct cfg *ret);
/* Entry i of a list of groups. */
bool cfg_list_group(const struct cfg *list, size_t i, struct cfg *ret);
/* Entry i of a list of strings or of integers. */
void cfg_list_text(const struct cfg *list, size_t i, char *to, size_t cap);
int64_t cfg_list_int(const struct cfg *list, size_t i, int64_t min, int64_t max);
