/* SPDX-License-Identifier: Apache-2.0 */
/* What stands on the board, in how many lines and columns. Pure but for the clock. */
#include "board_private.h"

#include <string.h>

#include "clock.h"
#include "cmd.h"

enum { COLUMNS_MIN = 40, COLUMNS_MAX = 240, BAR_WIDTH = 12, TELL_INDENT = 8 };

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

static unsigned within(unsigned value, unsigned low, unsigned high)
{
	return value < low ? low : value > high ? high : value;
}

unsigned board_picture(
	struct text_buf *buf, const struct board *board, unsigned columns, unsigned rows)
{
	columns = within(columns, COLUMNS_MIN, COLUMNS_MAX);
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
