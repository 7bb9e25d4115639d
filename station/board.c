/* SPDX-License-Identifier: Apache-2.0 */
#include "board_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "scope.h"

enum { DRAW_EVERY_MS = 150, TEXT_CAP = 256 << 10 };

char *board_render(struct board *board, unsigned columns, unsigned rows)
{
	struct text_buf buf;
	text_buf_init(&buf, TEXT_CAP);
	SCOPED_LOCK(&board->mutex);
	board_picture(&buf, board, columns, rows);
	return buf.text;
}

/* In place: up to the first line of the last picture, which is then overwritten line by line. */
static void draw(struct board *board)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	struct text_buf picture;
	ioctl(fileno(board->to), TIOCGWINSZ, &size);
	text_buf_init(&picture, TEXT_CAP);
	pthread_mutex_lock(&board->mutex);
	unsigned lines =
		board_picture(&picture, board, size.ws_col, size.ws_row ? size.ws_row : 24);
	unsigned before = board->drawn;
	bool resized = before && memcmp(&size, &board->size, sizeof size) != 0;
	board->drawn = lines;
	board->size = size;
	pthread_mutex_unlock(&board->mutex);

	/* After a resize the terminal has folded the lines anew, and nobody knows where they are. */
	if (resized)
		fputs("\033[H\033[2J", board->to);
	else if (before)
		fprintf(board->to, "\033[%uA\r", before);
	for (char *line = picture.text, *end; line && *line; line = end + 1) {
		end = strchr(line, '\n');
		fprintf(board->to, "%.*s\033[K\n", (int)(end - line), line);
	}
	fputs("\033[J", board->to);
	fflush(board->to);
	text_buf_done(&picture);
}

static void *draw_thread(void *context)
{
	struct board *board = context;
	bool closing = false;
	while (!closing) {
		draw(board);
		struct deadline next = deadline_in_ms(DRAW_EVERY_MS);
		struct timespec at = { .tv_sec = (time_t)(next.at_us / 1000000u),
			.tv_nsec = (long)(next.at_us % 1000000u) * 1000 };
		pthread_mutex_lock(&board->mutex);
		while (!board->closing && !deadline_passed(next))
			pthread_cond_timedwait(&board->changed, &board->mutex, &at);
		closing = board->closing;
		pthread_mutex_unlock(&board->mutex);
	}
	draw(board);
	return NULL;
}

static void board_free(struct board *board)
{
	pthread_cond_destroy(&board->changed);
	pthread_mutex_destroy(&board->mutex);
	free(board->slots);
	free(board);
}

bool board_open(FILE *to, const struct config *config, bool colour, uint32_t quantity,
	struct board **ret, struct err *err)
{
	struct board *board = calloc(1, sizeof *board);
	pthread_condattr_t attributes;
	if (!board)
		return err_set(err, REASON_STATION, "no memory for the display");
	*board = (struct board){
		.to = to, .colour = colour, .quantity = quantity, .started_us = clock_mono_us()
	};
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&board->mutex, NULL);
	pthread_cond_init(&board->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	board->slot_count = config->slot_count;
	board->slots = calloc(CONFIG_SLOTS_MAX, sizeof *board->slots);
	for (size_t i = 0; board->slots && i < config->slot_count; i++)
		memcpy(board->slots[i].name, config->slots[i].name, sizeof board->slots[i].name);
	if (!board->slots || pthread_create(&board->thread, NULL, draw_thread, board) != 0) {
		board_free(board);
		return err_set(err, REASON_STATION, "cannot start the display");
	}
	*ret = board;
	return true;
}

static void take(struct board *board, struct board_slot *slot, const struct line_event *event)
{
	memcpy(slot->device_id, event->device_id, sizeof slot->device_id);
	slot->bytes_done = event->bytes_done;
	slot->bytes_total = event->bytes_total;
	switch (event->kind) {
	case LINE_ARRIVED:
		slot->busy = true;
		slot->started_us = slot->step_started_us = clock_mono_us();
		slot->words = "arrived";
		slot->stage = slot->stages = 0;
		slot->runs = slot->tell = NULL;
		slot->try_number = 1;
		break;
	case LINE_STEP:
		slot->step_started_us = clock_mono_us();
		slot->words = event->words;
		slot->try_number = event->try_number;
		slot->stage = event->stage;
		slot->stages = event->stages;
		slot->runs = event->runs;
		slot->tell = event->tell;
		break;
	case LINE_RETRY:
	case LINE_PROGRESS:
		break;
	case LINE_OUTCOME:
		slot->busy = false;
		slot->outcome = event->outcome;
		slot->reason = event->reason;
		slot->proof = event->proof;
		slot->elapsed_ms = event->elapsed_ms;
		memcpy(slot->unproven, event->unproven, sizeof slot->unproven);
		slot->not_for_resale = event->resale[0] != 0;
		board->outcomes[event->outcome]++;
		break;
	case LINE_FOUND:
	case LINE_HUB:
	case LINE_SETTLED:
		break;
	}
}

/* The unit may still lie where it was HELD; if not, the note alone says what became of it. */
static void settle(struct board *board, const struct line_event *event)
{
	const struct reason_info *info = reason_info(event->reason);
	snprintf(board->note, sizeof board->note, "%s, HELD before, is %s now%s%s%s%s",
		event->device_id, outcome_name(event->outcome), event->reason ? ": " : "",
		info->sentence, event->reason ? "; " : "", info->next);
	if (event->of_batch) {
		board->outcomes[OUTCOME_HELD]--;
		board->outcomes[event->outcome]++;
	}
	for (size_t i = 0; i < board->slot_count; i++) {
		struct board_slot *slot = &board->slots[i];
		if (slot->busy || slot->outcome != OUTCOME_HELD ||
			strcmp(slot->device_id, event->device_id) != 0)
			continue;
		slot->outcome = event->outcome;
		slot->reason = event->reason;
		slot->proof = event->proof;
	}
}

/* A slot that was not known before comes behind the others; NULL if there are too many. */
static struct board_slot *find(struct board *board, const char *name)
{
	for (size_t i = 0; i < board->slot_count; i++)
		if (strcmp(board->slots[i].name, name) == 0)
			return &board->slots[i];
	if (board->slot_count == CONFIG_SLOTS_MAX)
		return NULL;
	struct board_slot *slot = &board->slots[board->slot_count++];
	snprintf(slot->name, sizeof slot->name, "%s", name);
	return slot;
}

void board_event(struct board *board, const struct line_event *event)
{
	SCOPED_LOCK(&board->mutex);
	if (event->kind == LINE_SETTLED) {
		settle(board, event);
		return;
	}
	if (event->kind == LINE_HUB)
		snprintf(board->note, sizeof board->note, "%.255s", event->text);
	struct board_slot *slot = find(board, event->slot);
	if (slot)
		take(board, slot, event);
}

void board_close(struct board *board)
{
	if (!board)
		return;
	pthread_mutex_lock(&board->mutex);
	board->closing = true;
	pthread_cond_signal(&board->changed);
	pthread_mutex_unlock(&board->mutex);
	pthread_join(board->thread, NULL);
	board_free(board);
}
