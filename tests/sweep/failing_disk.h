/* SPDX-License-Identifier: Apache-2.0 */
/* An SQLite VFS over the usual one whose write-ahead log fails at a chosen commit. It becomes the process's own. */
#pragma once

#include <stdbool.h>

enum disk_failure {
	DISK_FULL,	/* nothing of the commit is written */
	DISK_SYNC_FAILS /* it is written, but nobody can tell whether it stays */
};

void failing_disk_install(void);
/* Counts commits from now on, from 0, and fails the at-th; with forever all that follow too. at_failure (may be NULL)
 * is called instead of the first failure, and need not return. */
void failing_disk_arm(unsigned at, bool forever, enum disk_failure failure, void (*at_failure)(void));
void failing_disk_disarm(void);
unsigned failing_disk_commits(void);
/* Has it failed since it was armed? */
bool failing_disk_failed(void);
