/* SPDX-License-Identifier: Apache-2.0 */
#include "board.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "cmd.h"
#include "scope.h"
#include "text.h"

enum {
	DRAW_EVERY_MS = 150,
	COLUMNS_MIN = 40,
	COLUMNS_MAX = 240,
	BAR_WIDTH = 12,
	TEXT_CAP = 256 << 10,
	TELL_INDENT = 8
};

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

static const char *colour_of(const struct board *board, const struct board_slot *slot)
{
	if (board->colour && slot->busy && slot->tell)
		return "\033[1;33m";
	if (!board->colour || slot->busy)
		return "";
	return cmd_outcome_colour(slot->outcome);
}

static const char *colour_end(const struct board *board)
{
	return board->colour ? "\033[0m" : "";
}

/* A unit that is left alone says nothing; a bar needs a total. */
static void describe_work(const struct board_slot *slot, uint64_t now_us, char *to, size_t cap)
{
	char again[24] = "", words[64 + JOB_TEXT_MAX];
	if (slot->try_number > 1)
		snprintf(again, sizeof again, " (try %u)", slot->try_number);
	if (slot->tell)
		snprintf(words, sizeof words, "! %s:", slot->words);
	else if (slot->stage)
		snprintf(words, sizeof words, "%s (%u/%u%s%s)", slot->words, slot->stage,
			slot->stages, slot->runs ? ", " : "", slot->runs ? slot->runs : "");
	else
		snprintf(words, sizeof words, "%s", slot->words);
	if (!slot->bytes_total) {
		snprintf(to, cap, "%s%s", words, again);
		return;
	}
	uint64_t done = slot->bytes_done < slot->bytes_total ? slot->bytes_done : slot->bytes_total;
	char bar[BAR_WIDTH + 1];
	size_t full = (size_t)(done * BAR_WIDTH / slot->bytes_total);
	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', full);
	bar[BAR_WIDTH] = 0;
	double seconds = (double)(now_us - slot->step_started_us) / 1e6;
	snprintf(to, cap, "%-24s %s %3u%% %5.2f MB/s%s", words, bar,
		(unsigned)(done * 100 / slot->bytes_total),
		seconds > 0.05 ? (double)done / 1e6 / seconds : 0.0, again);
}

static void describe_outcome(const struct board_slot *slot, char *to, size_t cap)
{
	const struct reason_info *info = reason_info(slot->reason);
	if (slot->outcome == OUTCOME_NONE)
		snprintf(to, cap, "-");
	else if (slot->outcome == OUTCOME_PASS)
		snprintf(to, cap, "PASS%s%s%s%s%s%s: take it out",
			slot->not_for_resale ? ", not for resale" : "",
			slot->unproven[0] ? " (" : "", slot->unproven, slot->unproven[0] ? ")" : "",
			slot->proof ? ", key " : "", slot->proof ? slot->proof : "");
	else
		snprintf(to, cap, "%s %s: %s", outcome_name(slot->outcome), info->code, info->next);
}

/* Adds text cut at width columns, ASCII only. */
static void add_cut(struct text_buf *buf, const char *text, size_t width)
{
	size_t len = strlen(text);
	text_buf_add(buf, text, len < width ? len : width);
}

/* What a person is to do is never cut: it goes on below. Lines, besides the slot's own. */
static unsigned lines_to_read(const struct board_slot *slot, unsigned columns)
{
	unsigned width = columns - TELL_INDENT;
	if (!slot->busy || !slot->tell)
		return 0;
	return (unsigned)(strlen(slot->tell) + width - 1) / width;
}

static void add_tell(struct text_buf *buf, const struct board *board, const struct board_slot *slot,
	unsigned columns)
{
	unsigned width = columns - TELL_INDENT, lines = lines_to_read(slot, columns);
	for (unsigned i = 0; i < lines; i++)
		text_buf_addf(buf, "%*s%s%.*s%s\n", TELL_INDENT, "", colour_of(board, slot),
			(int)width, slot->tell + (size_t)i * width, colour_end(board));
}

static void add_slot(struct text_buf *buf, const struct board *board, const struct board_slot *slot,
	unsigned columns, uint64_t now_us)
{
	char head[CONFIG_NAME_MAX + LINE_DEVICE_ID + 16], text[512], line[512];
	uint32_t elapsed_ms =
		slot->busy ? (uint32_t)((now_us - slot->started_us) / 1000) : slot->elapsed_ms;
	if (slot->busy)
		describe_work(slot, now_us, text, sizeof text);
	else
		describe_outcome(slot, text, sizeof text);
	snprintf(head, sizeof head, "%-6s %-24s %6.1f s  ", slot->name,
		slot->device_id[0] ? slot->device_id : "", elapsed_ms / 1000.0);
	if (!slot->busy && slot->outcome == OUTCOME_NONE)
		snprintf(head, sizeof head, "%-6s %-24s %6s    ", slot->name, "", "");
	snprintf(line, sizeof line, "%s", head);
	size_t used = strlen(line) < columns ? strlen(line) : columns;
	add_cut(buf, line, columns);
	text_buf_addf(buf, "%s", colour_of(board, slot));
	add_cut(buf, text, columns - used);
	text_buf_addf(buf, "%s\n", colour_end(board));
	add_tell(buf, board, slot, columns);
}

static void add_totals(
	struct text_buf *buf, const struct board *board, unsigned columns, uint64_t now_us)
{
	struct text_buf line;
	unsigned in_work = 0, good = board->outcomes[OUTCOME_PASS] + board->outcomes[OUTCOME_HELD];
	unsigned judged = good + board->outcomes[OUTCOME_FAIL];
	for (size_t i = 0; i < board->slot_count; i++)
		in_work += board->slots[i].busy;
	text_buf_init(&line, 1024);
	for (int i = OUTCOME_PASS; i < OUTCOME_COUNT; i++)
		if (board->outcomes[i] || i == OUTCOME_PASS || i == OUTCOME_FAIL)
			text_buf_addf(&line, "%u %s  ", board->outcomes[i],
				outcome_name((enum outcome)i));
	text_buf_addf(&line, "%u in work", in_work);
	if (board->quantity)
		text_buf_addf(&line, "  of %u wanted", board->quantity);
	if (judged)
		text_buf_addf(&line, "  good %.1f %%", 100.0 * good / judged);
	text_buf_addf(
		&line, "  %.0f s  Ctrl-C: finish", (double)(now_us - board->started_us) / 1e6);
	add_cut(buf, line.text ? line.text : "", columns);
	text_buf_add(buf, "\n", 1);
	text_buf_done(&line);
}

/* Which slots fit: those that want somebody's hand or failed, then those in work, then the others, each group in
 * the order of the slots. */
static void choose(const struct board *board, unsigned room, unsigned columns, bool *chosen)
{
	for (unsigned rank = 0; rank < 3; rank++)
		for (size_t i = 0; i < board->slot_count && room; i++) {
			const struct board_slot *slot = &board->slots[i];
			bool quiet = slot->outcome == OUTCOME_PASS ||
				     slot->outcome == OUTCOME_SKIPPED ||
				     slot->outcome == OUTCOME_NONE;
			unsigned own = slot->busy ? !slot->tell : quiet ? 2 : 0;
			unsigned lines = 1 + lines_to_read(slot, columns);
			if (own != rank || lines > room)
				continue;
			chosen[i] = true;
			room -= lines;
		}
}

static unsigned add_board(
	struct text_buf *buf, const struct board *board, unsigned columns, unsigned rows)
{
	uint64_t now_us = clock_mono_us();
	unsigned taken = board->note[0] ? 3 : 2;
	unsigned room = rows > taken ? rows - taken : 1, lines = 1;
	bool chosen[CONFIG_SLOTS_MAX] = { false };
	size_t left = 0;
	size_t wanted = board->slot_count;
	for (size_t i = 0; i < board->slot_count; i++)
		wanted += lines_to_read(&board->slots[i], columns);
	if (wanted > room)
		room--; /* for the line that counts the others */
	choose(board, room, columns, chosen);
	for (size_t i = 0; i < board->slot_count; i++) {
		if (!chosen[i]) {
			left++;
			continue;
		}
		add_slot(buf, board, &board->slots[i], columns, now_us);
		lines += 1 + lines_to_read(&board->slots[i], columns);
	}
	if (left) {
		text_buf_addf(buf, "... and %zu more slots\n", left);
		lines++;
	}
	if (board->note[0]) {
		add_cut(buf, board->note, columns);
		text_buf_add(buf, "\n", 1);
		lines++;
	}
	add_totals(buf, board, columns, now_us);
	return lines;
}

static unsigned within(unsigned value, unsigned low, unsigned high)
{
	return value < low ? low : value > high ? high : value;
}

char *board_render(struct board *board, unsigned columns, unsigned rows)
{
	struct text_buf buf;
	text_buf_init(&buf, TEXT_CAP);
	SCOPED_LOCK(&board->mutex);
	add_board(&buf, board, within(columns, COLUMNS_MIN, COLUMNS_MAX), rows);
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
	unsigned lines = add_board(&picture, board, within(size.ws_col, COLUMNS_MIN, COLUMNS_MAX),
		size.ws_row ? size.ws_row : 24);
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
