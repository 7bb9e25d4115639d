/* SPDX-License-Identifier: Apache-2.0 */
/* How a batch is shown: a live board on a terminal, plain lines elsewhere, or one JSON object per
 * line; and the table at its end. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "board.h"
#include "config.h"
#include "line.h"

enum progress_mode {
	PROGRESS_BOARD, /* if it goes to a terminal that can; otherwise lines */
	PROGRESS_LINES,
	PROGRESS_JSON
};

struct progress_slot {
	char name[CONFIG_NAME_MAX];
	char device_id[LINE_DEVICE_ID];
	enum outcome outcome; /* of the last attempt; OUTCOME_NONE: none yet */
	enum reason reason;
	const char *proof; /* of a PASS; NULL = none */
	char unproven[LINE_UNPROVEN_MAX];
	char resale[ERR_TEXT_MAX];
	uint32_t elapsed_ms;
};

struct progress {
	FILE *to; /* NULL: closed */
	enum progress_mode mode;
	bool colour;
	struct board *board;
	struct progress_slot slots[CONFIG_SLOTS_MAX];
	size_t slot_count;
};

bool progress_open(struct progress *progress, FILE *to, enum progress_mode mode,
	const struct config *config, uint32_t quantity, struct err *err) MUST_CHECK;
/* A line_options.event; context is the progress. */
void progress_event(void *progress, const struct line_event *event);
/* Prints the outcome per slot, totals, and the head of the seals (NULL:
 * nothing). Takes a closed one. */
void progress_close(struct progress *progress, const struct line_summary *summary);
