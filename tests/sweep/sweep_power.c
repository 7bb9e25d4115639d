/* SPDX-License-Identifier: Apache-2.0 */
/* The power of a unit fails before each transfer in turn, and comes back at once: with the button held, so that the
 * unit is in DFU again and has to be made within the same attempt, or without, so that it does what its memory tells
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sweep.h"

enum { COMES_BACK_MS = 1500, DNLOAD = 1 };

static bool buttons[SWEEP_AT_ONCE]; /* by slot: is it held when the power comes back? */
static atomic_uint cuts;            /* that really came */

static void cut_power(void *context, const char *port)
{
	struct line_bench *bench = context;
	unsigned slot = (unsigned)strtoul(port + 2, NULL, 10) - 1;
	unsigned unit = bench->plugged[slot];
	atomic_fetch_add(&cuts, 1);
	bench_unplug(bench, slot);
	bench_plug(bench, slot, unit, buttons[slot]);
}

/* Before the at-th transfer with that request. */
static void add_cut(struct sweep *sweep, int request, uint64_t at, bool button)
{
	struct line_bench *bench = &sweep->bench;
	struct usb_fault_rule rule = { .kind = USB_FAULT_UNPLUG, .request = request, .at = at };
	struct err err;
	struct sweep_try *try = sweep_add(sweep, "%s, %s %llu: power fails%s", bench->family,
		request == DNLOAD ? "download" : "transfer", (unsigned long long)at,
		button ? ", button held" : "");
	try->loses_neighbours = true;
	try->has_to_pass = button;
	buttons[try->slot] = button;
	snprintf(rule.port, sizeof rule.port, "%s", bench_port(bench, try->slot));
	if (!usb_fault_add(bench->fault, &rule, &err))
		fail_msg("%s", err.text);
}

static void sweep_transfers(struct sweep *sweep, uint64_t count, unsigned stride, bool button)
{
	unsigned before = atomic_load(&cuts), runs = sweep->runs;
	for (uint64_t at = button; at < count && sweep_goes_on(sweep);
		at += stride * sweep_haste(sweep, at, count)) {
		add_cut(sweep, USB_FAULT_ANY_REQUEST, at, button);
		if (sweep_is_full(sweep))
			sweep_run(sweep);
	}
	sweep_run(sweep);
	/* Not the last ones, if the unit was asked less often this time whether it is busy. */
	printf("transfers: %u of %u cuts\n", atomic_load(&cuts) - before, sweep->runs - runs);
	assert_true(atomic_load(&cuts) - before >= (sweep->runs - runs) / 10 * 9);
}

/* Most transfers of a unit that came back only read. These are few, and among them is all that changes it. */
static void sweep_downloads(struct sweep *sweep, unsigned stride, bool button)
{
	unsigned before = atomic_load(&cuts), runs = sweep->runs;
	uint64_t at = 0;
	while (atomic_load(&cuts) - before == sweep->runs - runs && sweep_goes_on(sweep)) {
		for (; !sweep_is_full(sweep); at += stride)
			add_cut(sweep, DNLOAD, at, button);
		sweep_run(sweep);
	}
	printf("downloads: up to %llu\n", (unsigned long long)at);
	assert_true(at > 20);
}

static void sweep_family(const char *name)
{
	struct sweep sweep;
	unsigned stride = sweep_setting("SWEEP_STRIDE", 1);
	sweep_open(&sweep, name, SWEEP_AT_ONCE);
	sweep.bench.config.gone_wait_ms = COMES_BACK_MS;
	uint64_t count = sweep_count_transfers(&sweep);
	usb_fault_on_unplug(sweep.bench.fault, cut_power, &sweep.bench);
	for (unsigned button = 0; button < 2; button++) {
		sweep_transfers(&sweep, count, stride, button);
		if (sweep.returned)
			sweep_downloads(&sweep, 1 + stride / 20, button);
	}
	sweep_close(&sweep);
}

static const char *family = "core";

static void a_unit_that_loses_its_power_is_told_truly(void **state)
{
	(void)state;
	sweep_family(family);
}

/* [FAMILY [STRIDE]] */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(
		a_unit_that_loses_its_power_is_told_truly) };
	if (argc > 1)
		family = argv[1];
	if (argc > 2)
		setenv("SWEEP_STRIDE", argv[2], 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
