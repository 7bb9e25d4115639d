/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line config base */
/* WITH: ../../station/board.c ../../station/board_picture.c ../../station/cmd.c */
/* The live board: what an operator sees, at any size of the terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../station/board.h"

static struct config config;

static struct board *open_board(unsigned slots, bool colour)
{
	struct board *board;
	struct err err;
	config = (struct config){ .slot_count = slots };
	for (unsigned i = 0; i < slots; i++)
		snprintf(config.slots[i].name, sizeof config.slots[i].name, "A%u", i + 1);
	FILE *nowhere = fopen("/dev/null", "w");
	assert_non_null(nowhere);
	assert_true(board_open(nowhere, &config, colour, 0, &board, &err));
	return board;
}

static void tell(struct board *board, const char *slot, enum line_event_kind kind,
	const char *words, enum outcome outcome, enum reason reason)
{
	struct line_event event = { .kind = kind,
		.words = words,
		.try_number = 1,
		.bytes_done = 50000,
		.bytes_total = 100000,
		.outcome = outcome,
		.reason = reason };
	snprintf(event.slot, sizeof event.slot, "%s", slot);
	snprintf(event.device_id, sizeof event.device_id, "0102030405060708090a0b0c");
	board_event(board, &event);
}

/* The line that begins with the slot's name. */
static const char *line_of(const char *picture, const char *slot, char *to, size_t cap)
{
	size_t len = strlen(slot);
	for (const char *line = picture; line && *line;) {
		const char *end = strchr(line, '\n');
		if (strncmp(line, slot, len) == 0 && line[len] == ' ') {
			snprintf(to, cap, "%.*s", (int)(end - line), line);
			return to;
		}
		line = end ? end + 1 : NULL;
	}
	fail_msg("no line for %s in:\n%s", slot, picture);
	return "";
}

static unsigned widest(const char *picture, unsigned *ret_lines)
{
	unsigned width = 0, most = 0, lines = 0;
	for (; *picture; picture++) {
		width = *picture == '\n' ? 0 : width + 1;
		lines += *picture == '\n';
		most = width > most ? width : most;
	}
	*ret_lines = lines;
	return most;
}

static void thirty_two_slots_fit_a_hundred_columns(void **state)
{
	(void)state;
	struct board *board = open_board(32, false);
	char slot[8];
	for (unsigned i = 1; i <= 32; i++) {
		snprintf(slot, sizeof slot, "A%u", i);
		tell(board, slot, LINE_ARRIVED, "", OUTCOME_NONE, REASON_NONE);
		tell(board, slot, LINE_STEP, "writing the system parts", OUTCOME_NONE, REASON_NONE);
	}
	for (unsigned rows = 10; rows <= 60; rows += 10) {
		char *picture = board_render(board, 100, rows);
		unsigned lines;
		assert_non_null(picture);
		assert_true(widest(picture, &lines) <= 100);
		assert_true(lines < rows);
		assert_int_equal(lines, rows > 34 ? 33 : rows - 1);
		free(picture);
	}
	board_close(board);
}

static void nothing_but_pass_looks_like_pass(void **state)
{
	(void)state;
	static const struct {
		enum outcome outcome;
		enum reason reason;
	} others[] = { { OUTCOME_HELD, REASON_CLOUD_UNREACHABLE },
		{ OUTCOME_FAIL, REASON_FLASH_BAD }, { OUTCOME_SKIPPED, REASON_ALREADY_MADE },
		{ OUTCOME_REFUSED, REASON_MADE_OTHERWISE }, { OUTCOME_ABORTED, REASON_STOPPED },
		{ OUTCOME_INTERRUPTED, REASON_STATION_DIED } };
	struct board *board = open_board(2, true);
	char line[512];
	tell(board, "A1", LINE_OUTCOME, "", OUTCOME_PASS, REASON_NONE);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		tell(board, "A2", LINE_OUTCOME, "", others[i].outcome, others[i].reason);
		char *picture = board_render(board, 160, 20);
		assert_non_null(strstr(line_of(picture, "A1", line, sizeof line), "\033[32mPASS"));
		line_of(picture, "A2", line, sizeof line);
		assert_null(strstr(line, "PASS"));
		assert_null(strstr(line, "\033[32m"));
		assert_non_null(strstr(line, outcome_name(others[i].outcome)));
		assert_non_null(strstr(line, reason_info(others[i].reason)->next));
		free(picture);
	}
	board_close(board);
}

static void without_colour_there_is_no_escape(void **state)
{
	(void)state;
	struct board *board = open_board(1, false);
	tell(board, "A1", LINE_OUTCOME, "", OUTCOME_FAIL, REASON_FLASH_BAD);
	char *picture = board_render(board, 80, 20);
	assert_null(strchr(picture, '\033'));
	free(picture);
	board_close(board);
}

static void failures_stay_in_sight_when_rows_are_few(void **state)
{
	(void)state;
	struct board *board = open_board(32, false);
	char slot[8], line[512];
	for (unsigned i = 1; i <= 32; i++) {
		snprintf(slot, sizeof slot, "A%u", i);
		bool failed = i == 9 || i == 31;
		tell(board, slot, LINE_OUTCOME, "", failed ? OUTCOME_FAIL : OUTCOME_PASS,
			failed ? REASON_USB_GONE : REASON_NONE);
	}
	char *picture = board_render(board, 100, 8);
	assert_non_null(strstr(line_of(picture, "A9", line, sizeof line), "FAIL usb-gone"));
	assert_non_null(strstr(line_of(picture, "A31", line, sizeof line), "FAIL usb-gone"));
	assert_non_null(strstr(picture, "more slots"));
	assert_non_null(strstr(picture, "30 PASS"));
	assert_non_null(strstr(picture, "2 FAIL"));
	free(picture);
	board_close(board);
}

static void a_port_that_becomes_a_slot_gets_a_line(void **state)
{
	(void)state;
	struct board *board = open_board(0, false);
	char line[512];
	tell(board, "1-4.2", LINE_ARRIVED, "", OUTCOME_NONE, REASON_NONE);
	tell(board, "1-4.2", LINE_PROGRESS, "", OUTCOME_NONE, REASON_NONE);
	char *picture = board_render(board, 100, 20);
	assert_non_null(strstr(line_of(picture, "1-4.2", line, sizeof line), "50%"));
	free(picture);
	board_close(board);
}

/* However narrow the terminal is: somebody is going to say yes to all of it. */
static void what_a_person_is_asked_is_never_cut(void **state)
{
	(void)state;
	static const char question[] =
		"type A2 to go on: replaces a device key that the cloud may accept now, wipes what its "
		"owner left: claimed, claim-code, eeprom1, changes the unit without a backup";
	struct line_event asks = { .kind = LINE_STEP,
		.slot = "A2",
		.words = "waiting for somebody to confirm",
		.tell = question,
		.try_number = 1 };
	struct board *board = open_board(8, false);
	tell(board, "A2", LINE_ARRIVED, "", OUTCOME_NONE, REASON_NONE);
	board_event(board, &asks);
	for (unsigned columns = 40; columns <= 200; columns += 20) {
		char *picture = board_render(board, columns, 20), read[512] = "";
		unsigned lines = 0;
		for (char *rest = NULL, *line = strtok_r(picture, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest), lines++) {
			assert_in_range(strlen(line), 0, columns);
			if (strncmp(line, "        ", 8) == 0)
				snprintf(read + strlen(read), sizeof read - strlen(read), "%s",
					line + 8);
		}
		assert_string_equal(read, question);
		assert_in_range(lines, 9, 19);
		free(picture);
	}
	board_close(board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thirty_two_slots_fit_a_hundred_columns),
		cmocka_unit_test(nothing_but_pass_looks_like_pass),
		cmocka_unit_test(without_colour_there_is_no_escape),
		cmocka_unit_test(failures_stay_in_sight_when_rows_are_few),
		cmocka_unit_test(a_port_that_becomes_a_slot_gets_a_line),
		cmocka_unit_test(what_a_person_is_asked_is_never_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
