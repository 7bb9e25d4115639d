/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tally_step *tally_step(struct tally *tally, const char *name, int64_t place)
{
	for (size_t i = 0; i < tally->count; i++) {
		struct tally_step *step = &tally->steps[i];
		if (strcmp(step->name, name) != 0)
			continue;
		step->place = place < step->place ? place : step->place;
		return step;
	}
	if (tally->count == TALLY_STEPS_MAX || strlen(name) >= TALLY_NAME_MAX) {
		tally->left_out++;
		return NULL;
	}
	struct tally_step *step = &tally->steps[tally->count++];
	snprintf(step->name, sizeof step->name, "%s", name);
	step->place = place;
	return step;
}

void tally_try(struct tally *tally, const struct tally_try *row)
{
	/* Its place counts with the attempt. */
	struct tally_step *step = tally_step(tally, row->name, INT64_MAX);
	size_t i = 0, index = step ? (size_t)(step - tally->steps) : 0;
	if (!step)
		return;
	while (i < tally->open_count && tally->open[i].step != index)
		i++;
	if (i == tally->open_count) {
		tally->open_count++;
		tally->open[i].step = index;
		tally->open[i].tries = tally->open[i].ms = 0;
		tally->open[i].passed_first = row->outcome == OUTCOME_PASS;
		tally->open[i].place = row->seq;
	}
	tally->open[i].tries++;
	tally->open[i].ms += row->ended_at > row->started_at ? row->ended_at - row->started_at : 0;
	tally->open[i].last = *row;
	tally->open[i].last.name = NULL;
}

void tally_attempt_end(struct tally *tally)
{
	for (size_t i = 0; i < tally->open_count; i++) {
		struct tally_step *step = &tally->steps[tally->open[i].step];
		const struct tally_try *last = &tally->open[i].last;
		bool passed = last->outcome == OUTCOME_PASS;
		if (!passed && (last->outcome != OUTCOME_FAIL || last->cause != CAUSE_UNIT))
			continue;
		if (tally->open[i].place < step->place)
			step->place = tally->open[i].place;
		step->tries += tally->open[i].tries;
		step->failed += !passed;
		step->passed_first += passed && tally->open[i].passed_first;
		step->passed_later += passed && !tally->open[i].passed_first;
		if (passed)
			times_add(&step->times, tally->open[i].ms);
	}
	tally->open_count = 0;
}

static int by_place(const void *left, const void *right)
{
	const struct tally_step *a = left, *b = right;
	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return strcmp(a->name, b->name);
}

void tally_sort(struct tally *tally)
{
	qsort(tally->steps, tally->count, sizeof *tally->steps, by_place);
}

void tally_done(struct tally *tally)
{
	for (size_t i = 0; i < tally->count; i++)
		times_done(&tally->steps[i].times);
	tally->count = tally->open_count = 0;
}
