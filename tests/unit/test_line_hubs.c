/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line_fixture */
/* Hubs that vanish with all units behind them, and slots by port path through hubs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "line_fixture.h"

enum { LONG_MS = 20000 };

/* Slots A1, A2 on a hub at 1-1, A3 on the root. */
static void open_hubs(struct line_bench *bench, const struct bench_job *job)
{
	static const char *const ports[] = { "1-1.1", "1-1.2", "1-2" };
	struct err err;
	bench_open(bench, "core", 3);
	bench_take_job(bench, job);
	bench->config.gone_wait_ms = LONG_MS;
	assert_true(vbus_hub(bench->vbus, "1-1", 4, VHUB_EACH, &err));
	for (unsigned i = 0; i < 3; i++) {
		snprintf(bench->config.slots[i].port, sizeof bench->config.slots[i].port, "%s",
			ports[i]);
		bench_unit_new(bench, i + 1, VUNIT_CORE_1_4_4, false);
		bench_plug(bench, i, i + 1, true);
		vbus_hold_button(bench->vbus, ports[i], true);
	}
}

/* Goes when the unit of A1 writes, and is away until somebody plugs it in. */
static void pull_hub(void *context, const char *port)
{
	struct line_bench *bench = context;
	(void)port;
	vbus_hub_unplug(bench->vbus, "1-1");
}

static void pull_at(struct line_bench *bench, uint64_t at)
{
	struct usb_fault_rule rule = { .port = "1-1.1",
		.kind = USB_FAULT_UNPLUG,
		.request = USB_FAULT_ANY_REQUEST,
		.at = at };
	usb_fault_on_unplug(bench->fault, pull_hub, bench);
	assert_true(usb_fault_add(bench->fault, &rule, &bench->err));
}

/* Until so many attempts are like this. */
static void await_attempts(struct line_bench *bench, const char *like, int64_t wanted)
{
	for (int ms = 0; ms < LONG_MS; ms += 20) {
		if (bench_sql_int(bench, "SELECT count(*) FROM attempt WHERE %s", like) == wanted)
			return;
		clock_pause_until(clock_mono_us() + 20000, NULL);
	}
	fail_msg("not %d attempts: %s", (int)wanted, like);
}

/* Neither of the two failed, whatever the limits; they are made when it is back, and A3 never noticed. */
static void a_hub_that_vanishes_is_one_event(void **state)
{
	(void)state;
	struct bench_job job = { .limits = { .stop_after_failures = 1,
					 .slot_stop_after = 1,
					 .attempts_per_unit = 1,
					 .min_yield = 0.9,
					 .min_yield_units = 1 } };
	struct line_bench bench;
	char text[256];
	open_hubs(&bench, &job);
	pull_at(&bench, 100);
	bench_start(&bench, &(struct bench_run){ .until_stopped = true });
	assert_true(bench_await(&bench, LINE_HUB, 1, LONG_MS));
	/* Whoever was behind the hub has looked for it before it is plugged in again. */
	await_attempts(&bench, "outcome IS NULL AND slot IN ('A1', 'A2')", 0);
	vbus_hub_plug(bench.vbus, "1-1");
	assert_true(bench_await(&bench, LINE_HUB, 2, LONG_MS));
	await_attempts(&bench, "outcome = 'PASS'", 3);
	line_drain(bench.line);
	assert_true(bench_join(&bench));
	assert_false(bench.summary.stopped);
	assert_int_equal(bench.summary.outcomes[OUTCOME_PASS], 3);
	assert_int_equal(bench.summary.outcomes[OUTCOME_FAIL], 0);
	assert_int_equal(bench_count(&bench, LINE_HUB), 2);
	assert_int_equal(
		bench_sql_int(&bench,
			"SELECT count(*) FROM attempt WHERE reason = 'hub-gone' AND cause = "
			"'station' AND outcome = 'ABORTED'"),
		(int64_t)bench.summary.outcomes[OUTCOME_ABORTED]);
	assert_true(bench.summary.outcomes[OUTCOME_ABORTED] >= 1);
	assert_int_equal(bench_sql_int(&bench, "SELECT count(*) FROM unit_mark"), 0);
	assert_int_equal(
		bench_sql_int(&bench, "SELECT count(*) FROM observation WHERE name = 'vanished'"),
		0);
	assert_int_equal(bench_sql_int(&bench, "SELECT count(*) FROM line_stop"), 1);
	bench_sql(&bench, text, sizeof text, "SELECT why FROM line_stop WHERE to_at >= from_at");
	assert_string_equal(text, "hub-gone: port 1-1, slots A1, A2");
	for (unsigned i = 0; i < 3; i++)
		bench_expect_made(&bench, i);
	bench_close(&bench);
}

/* A hub below another one: the one nearest to the root is named. A job without retries does not wait. */
static void the_hub_nearest_to_the_root_is_named(void **state)
{
	(void)state;
	struct line_bench bench;
	struct err err;
	char text[256];
	bench_open(&bench, "core", 1);
	bench_take_job(&bench, &(struct bench_job){ .no_retries = true });
	assert_true(vbus_hub(bench.vbus, "1-1", 4, VHUB_EACH, &err));
	assert_true(vbus_hub(bench.vbus, "1-1.1", 4, VHUB_EACH, &err));
	snprintf(bench.config.slots[0].port, sizeof bench.config.slots[0].port, "1-1.1.4");
	bench_unit_new(&bench, 1, VUNIT_CORE_1_4_4, false);
	bench_plug(&bench, 0, 1, true);
	struct usb_fault_rule rule = { .port = "1-1.1.4",
		.kind = USB_FAULT_UNPLUG,
		.request = USB_FAULT_ANY_REQUEST,
		.at = 100 };
	usb_fault_on_unplug(bench.fault, pull_hub, &bench);
	assert_true(usb_fault_add(bench.fault, &rule, &bench.err));
	assert_true(bench_run(&bench, &(struct bench_run){ 0 }));
	bench_expect(&bench, 0, OUTCOME_ABORTED, REASON_HUB_GONE);
	assert_non_null(strstr(bench_outcome(&bench, 0).text, "the hub at port 1-1 vanished"));
	bench_sql(&bench, text, sizeof text, "SELECT why FROM line_stop");
	assert_string_equal(text, "hub-gone: port 1-1, slots A1");
	bench_close(&bench);
}

/* USB allows five hubs in a row, the kernel names up to seven ports. */
static void a_slot_may_lie_behind_many_hubs(void **state)
{
	(void)state;
	static const char *const ports[] = { "1-1.2.3.4.5.6.7", "1-1.2.3.4.5.6.1" };
	struct line_bench bench;
	bench_open(&bench, "core", 2);
	bench_take_job(&bench, &(struct bench_job){ 0 });
	for (unsigned i = 0; i < 2; i++) {
		snprintf(bench.config.slots[i].port, sizeof bench.config.slots[i].port, "%s",
			ports[i]);
		bench_unit_new(&bench, i + 1, VUNIT_CORE_1_4_4, false);
		bench_plug(&bench, i, i + 1, true);
	}
	assert_true(bench_run(&bench, &(struct bench_run){ 0 }));
	assert_int_equal(bench_count(&bench, LINE_HUB), 0);
	for (unsigned i = 0; i < 2; i++) {
		bench_expect(&bench, i, OUTCOME_PASS, REASON_NONE);
		bench_expect_made(&bench, i);
	}
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hub_that_vanishes_is_one_event),
		cmocka_unit_test(the_hub_nearest_to_the_root_is_named),
		cmocka_unit_test(a_slot_may_lie_behind_many_hubs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
