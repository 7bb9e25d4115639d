/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

unsigned sweep_setting(const char *name, unsigned usual)
{
	const char *text = getenv(name);
	return text && text[0] ? (unsigned)strtoul(text, NULL, 10) : usual;
}

const struct bench_job *sweep_job(const char *family)
{
	static const struct bench_job usual = { 0 }, bootloader = { .bootloader = true },
				      staged = { .staged = true };
	if (strcmp(family, "core-radio") == 0)
		return &staged;
	return strcmp(family, "p1") == 0 ? &bootloader : &usual;
}

static enum vunit_bootloader bootloader_of(const char *family)
{
	if (strcmp(family, "p1") == 0)
		return VUNIT_P1_1_4_4;
	if (strcmp(family, "stm32-custom") == 0)
		return VUNIT_ROM_F4_FOLDED;
	if (strcmp(family, "electron") == 0)
		return VUNIT_ELECTRON_1_4_4;
	return strcmp(family, "photon") == 0 ? VUNIT_PHOTON_1_4_4 : VUNIT_CORE_FACTORY;
}

/* "returned-core": the family, and that its units come back. */
const char *sweep_returned_family(const char *family, bool *ret_returned)
{
	static const char prefix[] = "returned-";
	*ret_returned = strncmp(family, prefix, sizeof prefix - 1) == 0;
	return *ret_returned ? family + sizeof prefix - 1 : family;
}

void sweep_open(struct sweep *sweep, const char *family, unsigned slots)
{
	bool returned;
	family = sweep_returned_family(family, &returned);
	*sweep = (struct sweep){ .slots = slots, .returned = returned };
	bench_open(&sweep->bench, strcmp(family, "core-radio") == 0 ? "core" : family, slots);
	bench_take_job(&sweep->bench, sweep_job(family));
}

void sweep_close(struct sweep *sweep)
{
	char why[BENCH_TEXT_MAX];
	if (!bench_judge_record(&sweep->bench, why))
		sweep_found(sweep, "the record", "%s", why);
	printf("%u attempts with a fault, %u of them PASS; the others:\n", sweep->runs,
		sweep->passes);
	for (int i = 0; i < REASON_COUNT; i++)
		if (sweep->reasons[i] && i != REASON_NONE)
			printf("\t%s %u\n", reason_info((enum reason)i)->code, sweep->reasons[i]);
	bench_close(&sweep->bench);
	assert_int_equal(sweep->findings, 0);
}

bool sweep_goes_on(const struct sweep *sweep)
{
	return sweep->findings < SWEEP_FINDINGS_MAX;
}

bool sweep_is_full(const struct sweep *sweep)
{
	return sweep->count == sweep->slots;
}

void sweep_found(struct sweep *sweep, const char *where, const char *format, ...)
{
	char text[2 * BENCH_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	printf("%s: %s\n", where, text);
	fflush(stdout);
	sweep->findings++;
}

/* Made, and then its application was damaged at its owner's. It waits beside the bench. */
static void come_back(struct sweep *sweep, const struct sweep_try *try)
{
	const struct plan_region *user =
		&sweep->bench.plan->regions[sweep->bench.plan->region_count - 1];
	struct bench_run alone = { .end_after = 1 };
	bench_plug(&sweep->bench, try->slot, try->unit, true);
	if (!bench_run(&sweep->bench, &alone) ||
		bench_outcome(&sweep->bench, try->slot).outcome != OUTCOME_PASS)
		fail_msg("%s: was not made at first: %s", try->where,
			bench_outcome(&sweep->bench, try->slot).text);
	bench_unplug(&sweep->bench, try->slot);
	uint32_t start =
		family_alt(&sweep->bench.plan->family, user->region->alt)->layout.segments[0].addr;
	bench_damage(&sweep->bench, try->unit, user->region->alt, user->addr - start + 100);
}

struct sweep_try *sweep_add(struct sweep *sweep, const char *format, ...)
{
	struct sweep_try *try = &sweep->tries[sweep->count];
	va_list args;
	assert_false(sweep_is_full(sweep));
	*try = (struct sweep_try){ .slot = sweep->count, .unit = ++sweep->unit };
	va_start(args, format);
	vsnprintf(try->where, sizeof try->where, format, args);
	va_end(args);
	bench_unit_new(&sweep->bench, try->unit, bootloader_of(sweep->bench.family), false);
	if (sweep->returned)
		come_back(sweep, try);
	else
		bench_plug(&sweep->bench, try->slot, try->unit, true);
	sweep->count++;
	return try;
}

struct bench_run sweep_kind(const struct sweep *sweep)
{
	return (struct bench_run){ .kind = sweep->returned ? LINE_REPROVISION : LINE_PROVISION };
}

unsigned sweep_haste(const struct sweep *sweep, uint64_t at, uint64_t count)
{
	return sweep->returned && at < count / 4 * 3 ? 8 : 1;
}

/* Those that wait beside the bench. */
static void plug_all(struct sweep *sweep)
{
	for (unsigned i = 0; i < sweep->count; i++)
		if (!sweep->bench.plugged[sweep->tries[i].slot])
			bench_plug(&sweep->bench, sweep->tries[i].slot, sweep->tries[i].unit, true);
}

void sweep_attempt(struct sweep *sweep)
{
	const struct bench_run run = sweep_kind(sweep);
	plug_all(sweep);
	if (!bench_run(&sweep->bench, &run))
		fail_msg("%s", sweep->bench.err.text);
	usb_fault_clear(sweep->bench.fault);
	for (unsigned i = 0; i < sweep->count; i++) {
		struct sweep_try *try = &sweep->tries[i];
		try->outcome = bench_outcome(&sweep->bench, try->slot);
		bench_unplug(&sweep->bench, try->slot);
		sweep->runs++;
		sweep->passes += try->outcome.outcome == OUTCOME_PASS;
		sweep->reasons[try->outcome.reason]++;
		if (sweep_setting("SWEEP_TALK", 0))
			printf("%s: %s %s after %u ms: %s\n", try->where,
				outcome_name(try->outcome.outcome),
				reason_info(try->outcome.reason)->code, try->outcome.elapsed_ms,
				try->outcome.text);
	}
}

static void judge_outcome(struct sweep *sweep, const struct sweep_try *try)
{
	const struct line_event *outcome = &try->outcome;
	char why[BENCH_TEXT_MAX];
	bool pass = outcome->outcome == OUTCOME_PASS;
	if (outcome->kind != LINE_OUTCOME)
		sweep_found(sweep, try->where, "no outcome");
	else if (pass != (outcome->reason == REASON_NONE) || outcome->reason == REASON_BUG)
		sweep_found(sweep, try->where, "%s %s: %s", outcome_name(outcome->outcome),
			reason_info(outcome->reason)->code, outcome->text);
	else if (outcome->elapsed_ms > SWEEP_SLOW_MS)
		sweep_found(sweep, try->where, "took %u ms", outcome->elapsed_ms);
	else if (try->has_to_pass && !pass)
		sweep_found(sweep, try->where, "%s %s: %s", outcome_name(outcome->outcome),
			reason_info(outcome->reason)->code, outcome->text);
	else if (pass && !bench_judge_made(&sweep->bench, try->unit, why))
		sweep_found(sweep, try->where, "PASS, but %s", why);
}

static void judge_afterwards(struct sweep *sweep, const struct sweep_try *try)
{
	struct line_event outcome = bench_outcome(&sweep->bench, try->slot);
	char why[BENCH_TEXT_MAX];
	if (outcome.outcome != OUTCOME_PASS && outcome.outcome != OUTCOME_SKIPPED)
		sweep_found(sweep, try->where, "afterwards %s %s: %s",
			outcome_name(outcome.outcome), reason_info(outcome.reason)->code,
			outcome.text);
	else if (outcome.outcome == OUTCOME_SKIPPED && try->outcome.outcome != OUTCOME_PASS &&
		 try->outcome.reason != REASON_STORE)
		sweep_found(sweep, try->where, "afterwards SKIPPED, but it was %s",
			outcome_name(try->outcome.outcome));
	else if (!bench_judge_made(&sweep->bench, try->unit, why) ||
		 (!try->loses_neighbours && !bench_judge_beside(&sweep->bench, try->unit, why)))
		sweep_found(sweep, try->where, "afterwards %s, but %s",
			outcome_name(outcome.outcome), why);
}

void sweep_judge(struct sweep *sweep)
{
	for (unsigned i = 0; i < sweep->count; i++)
		judge_outcome(sweep, &sweep->tries[i]);
}

/* A unit that the line believes to be as it was made, since nothing was begun with it. */
static bool has_untried(const struct sweep *sweep)
{
	for (unsigned i = 0; i < sweep->count; i++) {
		char id[LINE_DEVICE_ID];
		bench_unit_id(sweep->tries[i].unit, id);
		if (!bench_sql_int(&sweep->bench,
			    "SELECT count(*) FROM attempt WHERE device_id = '%s' AND kind = "
			    "'reprovision'",
			    id))
			return true;
	}
	return false;
}

void sweep_converge(struct sweep *sweep)
{
	for (unsigned i = 0; i < sweep->count; i++)
		bench_plug(&sweep->bench, sweep->tries[i].slot, sweep->tries[i].unit, true);
	bool again = sweep->returned && (sweep->groups++ % 2 == 0 || has_untried(sweep));
	if (!bench_run(&sweep->bench, &(struct bench_run){ .kind = again ? LINE_REPROVISION : LINE_PROVISION }))
		fail_msg("%s", sweep->bench.err.text);
	for (unsigned i = 0; i < sweep->count; i++) {
		bench_unplug(&sweep->bench, sweep->tries[i].slot);
		judge_afterwards(sweep, &sweep->tries[i]);
		bench_unit_drop(&sweep->bench, sweep->tries[i].unit);
	}
	sweep->count = 0;
}

void sweep_run(struct sweep *sweep)
{
	if (!sweep->count)
		return;
	sweep_attempt(sweep);
	sweep_judge(sweep);
	sweep_converge(sweep);
}

uint64_t sweep_count_transfers(struct sweep *sweep)
{
	const struct bench_run run = sweep_kind(sweep);
	sweep_add(sweep, "no fault");
	usb_fault_clear(sweep->bench.fault);
	plug_all(sweep);
	uint64_t before = usb_fault_transfers(sweep->bench.fault, bench_port(&sweep->bench, 0));
	if (!bench_run(&sweep->bench, &run))
		fail_msg("%s", sweep->bench.err.text);
	struct line_event outcome = bench_outcome(&sweep->bench, 0);
	uint64_t count =
		usb_fault_transfers(sweep->bench.fault, bench_port(&sweep->bench, 0)) - before;
	if (outcome.outcome != OUTCOME_PASS)
		fail_msg("without a fault: %s", outcome.text);
	usb_fault_clear(sweep->bench.fault);
	bench_unplug(&sweep->bench, 0);
	bench_unit_drop(&sweep->bench, sweep->unit);
	sweep->count = 0;
	return count;
}
