/* SPDX-License-Identifier: Apache-2.0 */
/* The station's own log: one text line per event, UTC, appended to logs/station.log. For engineers;
 * the record of what was made is the database. Lines hold no secrets. Any thread. */
#pragma once

#include "err.h"

struct log;

/* Makes the folder's log file if absent. */
bool log_open(const char *path, struct log **ret, struct err *err) MUST_CHECK;
void log_close(struct log *log);
/* Writes one line "time where: text"; control characters become '?'. A NULL log takes nothing.
 * Failing to log stops nothing: the database decides. */
void log_line(struct log *log, const char *where, const char *format, ...) PRINTF_LIKE(3, 4);
