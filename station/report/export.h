/* SPDX-License-Identifier: Apache-2.0 */
/* Everything for an MES or a data warehouse: JSON lines in the order of the seals.
 * docs/export.schema.json describes each line.
 *
 * The cursor is the seq of a seal. What is sealed never changes and seals have no gaps, so whoever
 * goes on behind the cursor of the last whole line gets every attempt once. Reads in short
 * transactions of several connections: neither a running line nor a slow consumer holds the
 * other. Blocks for the disk and for the consumer. */
#pragma once

#include "record.h"

struct export_range {
	int64_t since; /* 0: from the first */
	int64_t limit; /* attempts; 0: up to the newest seal at the beginning */
};

struct export_result {
	int64_t cursor;   /* of the last line that was written whole; since, if there was none */
	int64_t attempts; /* written whole */
	bool begun;       /* something was written */
};

/* Writes to fd. *ret is right also when it fails. REASON_INPUT if there is no such cursor, or
 * if fd takes no more (a full disk, a closed pipe); STORE if the database cannot be read. */
bool export_run(const struct record_options *open, const struct export_range *range, int fd,
	struct export_result *ret, struct err *err) MUST_CHECK;
