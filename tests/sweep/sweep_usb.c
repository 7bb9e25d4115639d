/* SPDX-License-Identifier: Apache-2.0 */
/* One transfer goes wrong, each one in turn, in each way that a bus knows. Whatever the line says then has to be true,
 * and the same unit has to become PASS afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sweep.h"

enum { IN_VAIN_MS = 50 };

struct kind {
	const char *name;
	struct usb_fault_rule rule;
	bool loses_neighbours; /* a unit that goes away for good between an erase and a write has lost something */
};

static const struct kind kinds[] = {
	{ "stall", { .kind = USB_FAULT_FAIL, .reason = REASON_USB_STALL }, false },
	{ "time-out", { .kind = USB_FAULT_FAIL, .reason = REASON_USB_TIMEOUT }, false },
	{ "damaged", { .kind = USB_FAULT_FAIL, .reason = REASON_USB_IO }, false },
	{ "time-out after it was done",
		{ .kind = USB_FAULT_BREAK_OFF, .reason = REASON_USB_TIMEOUT }, false },
	{ "swallowed", { .kind = USB_FAULT_SWALLOW }, false },
	{ "first byte", { .kind = USB_FAULT_FLIP, .offset = 0, .mask = 0x01 }, false },
	{ "a byte in the middle", { .kind = USB_FAULT_FLIP, .offset = 300, .mask = 0x80 }, false },
	{ "byte 4", { .kind = USB_FAULT_FLIP, .offset = 4, .mask = 0x07 }, false },
	/* A wrong address may have reached a place beside the plan, and nobody would know. */
	{ "another byte is written", { .kind = USB_FAULT_SPOIL, .offset = 300, .mask = 0x10 },
		true },
	{ "another address is set", { .kind = USB_FAULT_SPOIL, .offset = 2, .mask = 0x08 }, true },
	{ "short", { .kind = USB_FAULT_SHORT, .offset = 3 }, false },
	{ "nothing", { .kind = USB_FAULT_SHORT, .offset = 0 }, false },
	{ "unplugged", { .kind = USB_FAULT_UNPLUG }, true },
	{ "refuses all from here on",
		{ .kind = USB_FAULT_FAIL, .reason = REASON_USB_STALL, .count = 1000000 }, true },
	{ "answers nothing from here on",
		{ .kind = USB_FAULT_FAIL, .reason = REASON_USB_TIMEOUT, .count = 1000000 }, true },
	{ "three in a row", { .kind = USB_FAULT_FAIL, .reason = REASON_USB_TIMEOUT, .count = 3 },
		false },
};

static void add_fault(struct sweep *sweep, const struct kind *kind, uint64_t at)
{
	struct line_bench *bench = &sweep->bench;
	struct usb_fault_rule rule = kind->rule;
	struct err err;
	struct sweep_try *try = sweep_add(
		sweep, "%s, transfer %llu: %s", bench->family, (unsigned long long)at, kind->name);
	try->loses_neighbours = kind->loses_neighbours;
	snprintf(rule.port, sizeof rule.port, "%s", bench_port(bench, try->slot));
	rule.request = USB_FAULT_ANY_REQUEST;
	rule.at = at;
	if (!usb_fault_add(bench->fault, &rule, &err))
		fail_msg("%s", err.text);
}

/* Every kind meets every stride-th transfer, each kind beginning at another one. */
static void sweep_family(const char *name)
{
	struct sweep sweep;
	unsigned stride = sweep_setting("SWEEP_STRIDE", 1);
	size_t first = sweep_setting("SWEEP_KIND", 0), end = sizeof kinds / sizeof *kinds;
	if (getenv("SWEEP_KIND"))
		end = first + 1;
	sweep_open(&sweep, name, SWEEP_AT_ONCE);
	sweep.bench.config.gone_wait_ms = IN_VAIN_MS; /* what is unplugged here stays away */
	uint64_t count = sweep_count_transfers(&sweep);
	printf("%s: %llu transfers, stride %u\n", name, (unsigned long long)count, stride);
	for (size_t i = first; i < end; i++)
		for (uint64_t at = i % stride; at < count && sweep_goes_on(&sweep); at += stride) {
			add_fault(&sweep, &kinds[i], at);
			if (sweep_is_full(&sweep))
				sweep_run(&sweep);
		}
	sweep_run(&sweep);
	sweep_close(&sweep);
}

static const char *family = "core";

static void a_unit_with_one_bad_transfer_is_told_truly(void **state)
{
	(void)state;
	sweep_family(family);
}

/* [FAMILY [STRIDE]] */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(
		a_unit_with_one_bad_transfer_is_told_truly) };
	if (argc > 1)
		family = argv[1];
	if (argc > 2)
		setenv("SWEEP_STRIDE", argv[2], 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
