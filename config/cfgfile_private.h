/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by cfgfile.c and cfgread.c, the only files that see libconfig. */
#pragma once

#include <libconfig.h>

#include "cfgfile.h"

enum { CFG_MESSAGE_MAX = 400 };

struct cfgfile {
	char *path, *text;
	config_t config;
	bool failed;
	struct err first; /* the first error; valid if failed */
};

/* "file:line: path: " and the message become the first error, unless there is one. setting is what
 * is wrong, or the group that lacks key; either may be NULL. */
void cfgfile_fail(struct cfgfile *file, const config_setting_t *setting, const char *key,
	const char *format, ...) PRINTF_LIKE(4, 5);
/* From now on key is known in group. With NULL the group is only marked as read: all its
 * keys are unknown so far. */
void cfgfile_ask(struct cfgfile *file, config_setting_t *group, const char *key);
