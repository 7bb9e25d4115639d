/* SPDX-License-Identifier: Apache-2.0 */
/* Scanned labels from a file descriptor: lines "SLOT ID", as a barcode scanner that acts as a
 * keyboard types them. Each gives the next unit of the slot its device id. A line "SLOT" confirms what
 * the slot asks; when the descriptor ends, nobody can any more. What is not usable is told on standard
 * error. */
#pragma once

#include "line.h"

struct scanner;

/* Reads fd in a thread of its own until it ends or scanner_stop. */
bool scanner_start(int fd, const char *command, struct line *line, struct scanner **ret,
	struct err *err) MUST_CHECK;
void scanner_stop(struct scanner *scanner); /* takes NULL */
