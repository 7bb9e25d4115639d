/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "clock.h"
#include "cmd.h"
#include "cmd_found.h"
#include "cmd_json.h"
#include "resale.h"

/* A board needs a terminal that can go back up a line. */
static bool can_draw(FILE *to)
{
	const char *term = getenv("TERM");
	return isatty(fileno(to)) && term && *term && strcmp(term, "dumb") != 0;
}

bool progress_open(struct progress *progress, FILE *to, enum progress_mode mode,
	const struct config *config, uint32_t quantity, struct err *err)
{
	memset(progress, 0, sizeof *progress);
	progress->mode = mode == PROGRESS_BOARD && !can_draw(to) ? PROGRESS_LINES : mode;
	progress->colour = mode != PROGRESS_JSON && cmd_colour(fileno(to));
	progress->slot_count = config->slot_count;
	for (size_t i = 0; i < config->slot_count; i++)
		memcpy(progress->slots[i].name, config->slots[i].name,
			sizeof progress->slots[i].name);
	if (progress->mode == PROGRESS_BOARD &&
		!board_open(to, config, progress->colour, quantity, &progress->board, err))
		return false;
	progress->to = to;
	return true;
}

static const char *colour_of(const struct progress *progress, enum outcome outcome)
{
	return progress->colour ? cmd_outcome_colour(outcome) : "";
}

static const char *colour_end(const struct progress *progress)
{
	return progress->colour ? "\033[0m" : "";
}

static void add_stage(json_t *object, const struct line_event *event)
{
	if (event->stage) {
		json_object_set_new(object, "stage", json_integer(event->stage));
		json_object_set_new(object, "stages", json_integer(event->stages));
	}
	if (event->runs)
		json_object_set_new(object, "runs", json_string(event->runs));
	if (event->tell)
		json_object_set_new(object, "operator", json_string(event->tell));
	if (event->unproven[0])
		json_object_set_new(object, "unproven", json_string(event->unproven));
	if (event->resale[0])
		json_object_set_new(object, "resale", json_string(event->resale));
	if (event->needs_repair)
		json_object_set_new(object, "mark", json_string("needs-repair"));
}

static void add_found(json_t *object, const struct line_event *event)
{
	if (event->findings) {
		json_object_set_new(
			object, "verdict", json_string(verdict_name(verdict_of(event->findings))));
		json_object_set_new(object, "findings", found_findings_json(event->findings));
	}
	if (event->decision)
		json_object_set_new(object, "decision", found_decision_json(event->decision));
}

static void event_json(FILE *to, const struct line_event *event)
{
	static const char *const names[] = { "arrived", "step", "retry", "progress", "outcome",
		"found", "hub", "settled" };
	json_t *object = json_pack("{s:s, s:I, s:s?, s:s?, s:i}", "event", names[event->kind], "at",
		(json_int_t)clock_utc_ms(), "slot", event->slot[0] ? event->slot : NULL,
		"device_id", event->device_id[0] ? event->device_id : NULL, "elapsed_ms",
		(int)event->elapsed_ms);
	if (!object)
		return;
	if (event->step[0])
		json_object_set_new(object, "step", json_string(event->step));
	if (event->kind == LINE_STEP || event->kind == LINE_RETRY)
		json_object_set_new(object, "try", json_integer(event->try_number));
	add_stage(object, event);
	if (event->kind == LINE_PROGRESS) {
		json_object_set_new(object, "bytes", json_integer((json_int_t)event->bytes_done));
		json_object_set_new(object, "of", json_integer((json_int_t)event->bytes_total));
	}
	if (event->kind == LINE_SETTLED)
		json_object_set_new(object, "of_batch", json_boolean(event->of_batch));
	if (event->kind == LINE_OUTCOME || event->kind == LINE_SETTLED) {
		const struct reason_info *info = reason_info(event->reason);
		json_object_set_new(object, "outcome", json_string(outcome_name(event->outcome)));
		json_object_set_new(
			object, "reason", event->reason ? json_string(info->code) : json_null());
		json_object_set_new(object, "cause",
			info->cause ? json_string(cause_name(info->cause)) : json_null());
		json_object_set_new(
			object, "proof", event->proof ? json_string(event->proof) : json_null());
	}
	add_found(object, event);
	if (event->text[0])
		json_object_set_new(object, "detail", json_string(event->text));
	cmd_json_line(to, object);
}

/* "waiting for DFU (stage 1 of 2, radio 1.14)"; what a person has to do comes first. */
static void step_text(FILE *to, const struct line_event *event)
{
	fprintf(to, "%s%s", event->tell ? "OPERATOR: " : "",
		event->tell ? event->tell : event->words);
	if (event->stage)
		fprintf(to, " (stage %u of %u%s%s)", event->stage, event->stages,
			event->runs ? ", " : "", event->runs ? event->runs : "");
}

static void print_resale(FILE *to, const struct line_event *event)
{
	static const char by_hand[] = RECORD_NOT_FOR_RESALE "by hand";
	if (event->resale[0])
		fprintf(to, "     %s.\n", event->resale);
	if (strncmp(event->resale, by_hand, strlen(by_hand)) == 0)
		fprintf(to, "     Then: station mark %s cleared --note TEXT.\n", event->device_id);
	if (event->needs_repair)
		fprintf(to,
			"     It is still marked needs-repair: once it is clear why it failed, station mark %s "
			"released --note TEXT.\n",
			event->device_id);
}

static void event_text(const struct progress *progress, const struct line_event *event)
{
	const struct reason_info *info = reason_info(event->reason);
	const char *id = event->device_id[0] ? event->device_id : "-";
	FILE *to = progress->to;
	switch (event->kind) {
	case LINE_ARRIVED:
	case LINE_PROGRESS:
		return;
	case LINE_STEP:
		fprintf(to, "%-4s %-24s ", event->slot, id);
		step_text(to, event);
		fprintf(to, "%s\n", event->try_number > 1 ? " (once more)" : "");
		break;
	case LINE_RETRY:
		fprintf(to, "%-4s %-24s %s: %s\n", event->slot, id, event->step, event->text);
		break;
	case LINE_OUTCOME:
		fprintf(to, "%-4s %-24s %s%s%s%s%s after %.1f s%s%s\n", event->slot, id,
			colour_of(progress, event->outcome), outcome_name(event->outcome),
			colour_end(progress), event->reason ? " " : "", info->code,
			event->elapsed_ms / 1000.0, event->proof ? ", key " : "",
			event->proof ? event->proof : "");
		if (event->unproven[0])
			fprintf(to, "     %s.\n", event->unproven);
		if (event->reason)
			fprintf(to, "     %s: %s.\n     Next: %s.\n", info->sentence, event->text,
				info->next);
		print_resale(to, event);
		break;
	case LINE_FOUND:
		fprintf(to, "%-4s %-24s found %s%s%s\n", event->slot, id,
			verdict_name(verdict_of(event->findings)),
			event->text[0] ? "; to do: " : "", event->text);
		found_print_faults(to, event->findings);
		break;
	case LINE_HUB:
		fprintf(to, "%-4s %-24s %s\n", "-", "-", event->text);
		break;
	case LINE_SETTLED:
		fprintf(to, "%-4s %-24s %s%s%s%s%s, was HELD: %s\n", "-", id,
			colour_of(progress, event->outcome), outcome_name(event->outcome),
			colour_end(progress), event->reason ? " " : "", info->code, event->text);
		if (event->unproven[0])
			fprintf(to, "     %s.\n", event->unproven);
		if (event->reason)
			fprintf(to, "     %s.\n     Next: %s.\n", info->sentence, info->next);
		print_resale(to, event);
		break;
	}
	fflush(to);
}

static struct progress_slot *find(struct progress *progress, const char *name)
{
	for (size_t i = 0; i < progress->slot_count; i++)
		if (strcmp(progress->slots[i].name, name) == 0)
			return &progress->slots[i];
	if (progress->slot_count == CONFIG_SLOTS_MAX)
		return NULL;
	struct progress_slot *slot = &progress->slots[progress->slot_count++];
	snprintf(slot->name, sizeof slot->name, "%s", name);
	return slot;
}

static void remember(struct progress *progress, const struct line_event *event)
{
	struct progress_slot *slot = find(progress, event->slot);
	if (!slot)
		return;
	slot->outcome = event->outcome;
	slot->reason = event->reason;
	slot->proof = event->proof;
	slot->elapsed_ms = event->elapsed_ms;
	memcpy(slot->device_id, event->device_id, sizeof slot->device_id);
	memcpy(slot->unproven, event->unproven, sizeof slot->unproven);
	memcpy(slot->resale, event->resale, sizeof slot->resale);
}

/* The table at the end shows what became of the unit; a slot that has had another
 * one since keeps that. */
static void settle(struct progress *progress, const struct line_event *event)
{
	for (size_t i = 0; i < progress->slot_count; i++) {
		struct progress_slot *slot = &progress->slots[i];
		if (slot->outcome != OUTCOME_HELD || strcmp(slot->device_id, event->device_id) != 0)
			continue;
		slot->outcome = event->outcome;
		slot->reason = event->reason;
		slot->proof = event->proof;
		memcpy(slot->resale, event->resale, sizeof slot->resale);
	}
}

void progress_event(void *context, const struct line_event *event)
{
	struct progress *progress = context;
	if (event->kind == LINE_OUTCOME)
		remember(progress, event);
	if (event->kind == LINE_SETTLED)
		settle(progress, event);
	switch (progress->mode) {
	case PROGRESS_BOARD:
		board_event(progress->board, event);
		break;
	case PROGRESS_LINES:
		event_text(progress, event);
		break;
	case PROGRESS_JSON:
		event_json(progress->to, event);
		break;
	}
}

static void end_json(FILE *to, const struct line_summary *summary)
{
	json_t *outcomes = json_object();
	for (int i = OUTCOME_PASS; i < OUTCOME_COUNT; i++)
		json_object_set_new(outcomes, outcome_name((enum outcome)i),
			json_integer(summary->outcomes[i]));
	json_t *object = json_pack("{s:s, s:I, s:s, s:s, s:s, s:o, s:{s:I, s:s}}", "event", "end",
		"at", (json_int_t)clock_utc_ms(), "batch", summary->batch_id, "ended_by",
		summary->ended_by, "why", summary->why, "outcomes", outcomes, "seal", "seq",
		(json_int_t)summary->head.seq, "hash", summary->head.hash);
	if (object)
		cmd_json_line(to, object);
}

/* What stands beside an outcome: its reason, or for a PASS what the cloud gave for it. */
static void describe(const struct progress_slot *slot, char to[32])
{
	if (slot->proof)
		snprintf(to, 32, "key %s", slot->proof);
	else
		snprintf(to, 32, "%s", reason_info(slot->reason)->code);
}

static void print_table(const struct progress *progress)
{
	FILE *to = progress->to;
	fprintf(to, "\n%-6s %-24s  %-11s  %-18s %8s\n", "slot", "device id", "outcome",
		"reason, proof", "seconds");
	for (size_t i = 0; i < progress->slot_count; i++) {
		const struct progress_slot *slot = &progress->slots[i];
		char beside[32];
		describe(slot, beside);
		if (slot->outcome == OUTCOME_NONE)
			fprintf(to, "%-6s %-24s  %-11s\n", slot->name, "-", "none");
		else
			fprintf(to, "%-6s %-24s  %s%-11s%s  %-18s %8.1f\n", slot->name,
				slot->device_id[0] ? slot->device_id : "-",
				colour_of(progress, slot->outcome), outcome_name(slot->outcome),
				colour_end(progress), beside, slot->elapsed_ms / 1000.0);
		if (slot->unproven[0])
			fprintf(to, "%-6s %s\n", "", slot->unproven);
		if (slot->resale[0])
			fprintf(to, "%-6s %s\n", "", slot->resale);
	}
}

static void print_end(const struct progress *progress, const struct line_summary *summary)
{
	FILE *to = progress->to;
	if (progress->mode == PROGRESS_LINES)
		print_table(progress);
	fprintf(to, "\nbatch %s ended by %s%s%s:", summary->batch_id, summary->ended_by,
		summary->why[0] ? ", " : "", summary->why);
	for (int i = OUTCOME_PASS; i < OUTCOME_COUNT; i++)
		if (summary->outcomes[i])
			fprintf(to, " %u %s", summary->outcomes[i], outcome_name((enum outcome)i));
	fprintf(to, "\nseal %lld %s\n", (long long)summary->head.seq, summary->head.hash);
}

void progress_close(struct progress *progress, const struct line_summary *summary)
{
	if (!progress->to)
		return;
	board_close(progress->board);
	progress->board = NULL;
	if (summary && progress->mode == PROGRESS_JSON)
		end_json(progress->to, summary);
	else if (summary)
		print_end(progress, summary);
	progress->to = NULL;
}
