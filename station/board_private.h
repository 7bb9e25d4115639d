/* SPDX-License-Identifier: Apache-2.0 */
/* The board as its two files see it: what it knows (board.c), and the picture of that
 * (board_picture.c). */
#pragma once

#include <pthread.h>
#include <sys/ioctl.h>

#include "board.h"
#include "text.h"

struct board_slot {
	char name[CONFIG_NAME_MAX], device_id[LINE_DEVICE_ID];
	bool busy;
	const char *words;       /* static */
	unsigned stage, stages;  /* 0: the job has none */
	const char *runs, *tell; /* of the stage; live as long as the plan; NULL = none */
	unsigned try_number;
	uint64_t bytes_done, bytes_total, started_us, step_started_us;
	enum outcome outcome; /* of the last attempt */
	enum reason reason;
	const char *proof; /* of a PASS; NULL = none */
	char unproven[LINE_UNPROVEN_MAX];
	bool not_for_resale;
	uint32_t elapsed_ms;
};

struct board {
	FILE *to;
	bool colour;
	uint32_t quantity;
	uint64_t started_us;
	pthread_t thread;
	pthread_mutex_t mutex; /* of everything below */
	pthread_cond_t changed;
	bool closing;
	unsigned drawn;      /* lines that stand on the terminal now */
	struct winsize size; /* when they were drawn */
	unsigned outcomes[OUTCOME_COUNT];
	char note[256]; /* about a unit that has no slot any more; "" = none */
	struct board_slot *slots;
	size_t slot_count;
};

/* Adds the picture to a buffer, with no more than rows lines of columns characters each. The lines that it
 * has. The caller holds the mutex. */
unsigned board_picture(
	struct text_buf *buf, const struct board *board, unsigned columns, unsigned rows);
