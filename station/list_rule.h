/* SPDX-License-Identifier: Apache-2.0 */
/* The udev rule that lets people open units: where it is to be had, whether it is installed, and how
 * that is done. */
#pragma once

#include "fs.h"
#include "survey.h"

enum { LIST_RULE_COMMANDS = 2 };

struct list_rule {
	char path[FS_PATH_MAX]; /* of the one that is shipped: installed, or in the source tree */
	char *text;		/* of it; "" if it cannot be read */
	enum survey_rule installed;
	char commands[LIST_RULE_COMMANDS][FS_PATH_MAX + 64]; /* to install it, for root's shell */
};

bool list_rule_find(struct list_rule *ret, struct err *err) MUST_CHECK;
void list_rule_done(struct list_rule *rule); /* also when it was not found */
