/* SPDX-License-Identifier: Apache-2.0 */
/* The live board of a batch on a terminal: a line per slot, totals below, drawn again in place
 * a few times a second by a thread of its own, so that no unit waits for the terminal. A
 * slot's line shows what the unit is at; then its outcome, and what the operator does next.
 * Fits any width from 40 columns on; follows a resize; with more slots than rows the quiet
 * ones are left out and counted. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "config.h"
#include "line.h"

struct board;

/* to is a terminal. Starts the thread. */
bool board_open(FILE *to, const struct config *config, bool colour, uint32_t quantity,
	struct board **ret, struct err *err) MUST_CHECK;
/* Takes an event; only copies. Any thread. */
void board_event(struct board *board, const struct line_event *event);
/* Draws a last time and leaves the board standing above the cursor. Takes NULL. */
void board_close(struct board *board);

/* For tests: draws into a text of rows lines of at most columns characters, as the terminal would
 * show it now. Freed by the caller; NULL without memory. */
char *board_render(struct board *board, unsigned columns, unsigned rows);
