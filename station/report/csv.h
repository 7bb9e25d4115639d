/* SPDX-License-Identifier: Apache-2.0 */
/* The attempts of a scope as CSV (RFC 4180: CRLF, a header row, quotes where they are needed), for a
 * spreadsheet or a database: a row for each attempt, or for each try of each step. Written as it is
 * read, in short transactions: memory does not grow with the scope, and a slow consumer does not hold
 * the database. docs/figures.md tells how values are written. */
#pragma once

#include "figures.h"

/* Writes to fd. REASON_INPUT for a batch that is not there, for "last" when there is none, and
 * if fd takes no more; STORE if the database cannot be read. Blocks for both. */
bool csv_write(struct record *record, const struct figures_scope *scope, bool steps, int fd,
	struct err *err) MUST_CHECK;
