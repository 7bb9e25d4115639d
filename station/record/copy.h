/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of the database, taken while the line runs: one state of it, in one file of its own that
 * nothing beside it belongs to, audited before it gets its name. Writers are not kept waiting. */
#pragma once

#include "audit.h"
#include "fs.h"

struct record_copy {
	char path[FS_PATH_MAX];
	int64_t size;
	/* Of the copy. Findings do not keep it from being made: evidence is copied too. */
	struct audit_summary audit;
};

struct record_copy_options {
	const char *file;
	bool replace; /* an older copy; never anything else */
	const struct signing_key *station_key; /* for the audit; NULL = none */
	/* NULL = findings are only counted. */
	void (*finding)(void *context, const struct audit_finding *finding);
	void *context;
};

/* Writes the copy beside file, checks it, syncs it, and renames it. A record that was opened
 * for writing is copied through a connection of its own, so that other threads go on.
 * REASON_INPUT if file exists (or, with replace, is no copy of a station's database),
 * REASON_STORE if it cannot be written or does not come out whole: then nothing is left behind,
 * and what was there is there. Blocks. */
bool record_copy(struct record *record, const struct record_copy_options *options,
	struct record_copy *ret, struct err *err) MUST_CHECK;
/* The same under the name STATION-ID_YYYYmmdd-HHMMSS.db (UTC) in a folder, which is made if absent;
 * REASON_STORE too if the audit finds something, the copy then stays. */
bool record_copy_into(struct record *record, const char *folder, struct record_copy *ret,
	struct err *err) MUST_CHECK;
