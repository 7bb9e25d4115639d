/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line_fixture */
/* Units that stop answering are restarted by the power of their port, where that is allowed and works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "line_fixture.h"

enum { AWAY_MS = 300, OFF_MS = 20, IN_THE_IMAGES = 170 };

#define PORT "1-1.2"

static void open_powered(struct line_bench *bench, enum vhub_kind kind, bool button)
{
	struct err err;
	bench_open(bench, "core", 1);
	bench_take_job(bench, &(struct bench_job){ 0 });
	bench->config.gone_wait_ms = AWAY_MS;
	bench->config.power_off_ms = OFF_MS;
	bench->config.slots[0].power_cycle = true;
	snprintf(bench->config.slots[0].port, sizeof bench->config.slots[0].port, PORT);
	assert_true(vbus_hub(bench->vbus, "1-1", 4, kind, &err));
	bench_unit_new(bench, 1, VUNIT_CORE_1_4_4, false);
	bench_plug(bench, 0, 1, true);
	vbus_hold_button(bench->vbus, PORT, button);
}

/* What fails is well again once the power was off. */
static void heal(struct line_bench *bench, const struct line_event *event)
{
	if (event->kind == LINE_RETRY && strstr(event->text, "switching its power"))
		usb_fault_clear(bench->fault);
}

static void fail_from(struct line_bench *bench, uint64_t at, enum usb_fault_kind kind)
{
	struct usb_fault_rule rule = { .port = PORT,
		.kind = kind,
		.request = USB_FAULT_ANY_REQUEST,
		.at = at,
		.count = kind == USB_FAULT_FAIL ? 1000000 : 1,
		.reason = REASON_USB_TIMEOUT };
	assert_true(usb_fault_add(bench->fault, &rule, &bench->err));
	bench->watch = heal;
}

static void run(struct line_bench *bench, enum outcome outcome, enum reason reason)
{
	assert_true(bench_run(bench, &(struct bench_run){ 0 }));
	bench_expect(bench, 0, outcome, reason);
}

static int64_t observed(const struct line_bench *bench, const char *name)
{
	return bench_sql_int(bench, "SELECT count(*) FROM observation WHERE name = '%s'", name);
}

static void a_unit_that_fell_silent_is_restarted(void **state)
{
	(void)state;
	static const uint64_t moments[] = { 20, 60, IN_THE_IMAGES };
	for (unsigned i = 0; i < 6; i++) {
		struct line_bench bench;
		open_powered(&bench, i % 2 ? VHUB_SYSTEM : VHUB_EACH, i < 3);
		fail_from(&bench, moments[i % 3], USB_FAULT_FAIL);
		run(&bench, OUTCOME_PASS, REASON_NONE);
		assert_int_equal(observed(&bench, "power-cycled"), 1);
		assert_int_equal(bench_sql_int(&bench, "SELECT count(*) FROM attempt"), 1);
		bench_expect_made(&bench, 0);
		bench_close(&bench);
	}
}

static void a_unit_that_stays_away_is_restarted(void **state)
{
	(void)state;
	struct line_bench bench;
	open_powered(&bench, VHUB_EACH, true);
	usb_fault_on_unplug(bench.fault, NULL, NULL); /* it hangs there, and is not on the bus */
	fail_from(&bench, IN_THE_IMAGES, USB_FAULT_UNPLUG);
	run(&bench, OUTCOME_PASS, REASON_NONE);
	assert_int_equal(observed(&bench, "vanished"), 1);
	assert_int_equal(observed(&bench, "power-cycled"), 1);
	bench_expect_made(&bench, 0);
	bench_close(&bench);
}

static void it_is_left_alone_where_that_is_not_allowed(void **state)
{
	(void)state;
	struct line_bench bench;
	open_powered(&bench, VHUB_EACH, true);
	bench.config.slots[0].power_cycle = false;
	fail_from(&bench, IN_THE_IMAGES, USB_FAULT_FAIL);
	run(&bench, OUTCOME_FAIL, REASON_USB_TIMEOUT);
	assert_int_equal(observed(&bench, "power-cycled"), 0);
	assert_null(strstr(bench_outcome(&bench, 0).text, "power"));
	bench_close(&bench);
}

/* Once in an attempt; what is silent afterwards fails by its own name. */
static void one_that_stays_silent_fails_by_its_name(void **state)
{
	(void)state;
	struct line_bench bench;
	open_powered(&bench, VHUB_EACH, true);
	fail_from(&bench, IN_THE_IMAGES, USB_FAULT_FAIL);
	bench.watch = NULL;
	run(&bench, OUTCOME_FAIL, REASON_USB_TIMEOUT);
	assert_int_equal(observed(&bench, "power-cycled"), 1);
	assert_non_null(strstr(bench_outcome(&bench, 0).text,
		"its power was switched off and on, which did not help"));
	bench_close(&bench);
}

/* It is said, and not tried with the next unit. */
static void a_hub_that_does_not_switch_is_used_once(void **state)
{
	(void)state;
	static const enum vhub_kind kinds[] = { VHUB_LIES, VHUB_GANGED, VHUB_KEEPS };
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct line_bench bench;
		char id[LINE_DEVICE_ID];
		open_powered(&bench, kinds[i], true);
		bench_unit_new(&bench, 2, VUNIT_CORE_1_4_4, false);
		fail_from(&bench, IN_THE_IMAGES, USB_FAULT_FAIL);
		bench.watch = NULL;
		bench_start(&bench, &(struct bench_run){ .until_stopped = true });
		assert_true(bench_await(&bench, LINE_OUTCOME, 1, 20000));
		bench_expect(&bench, 0, OUTCOME_FAIL, REASON_USB_TIMEOUT);
		assert_non_null(
			strstr(bench_outcome(&bench, 0).text, "its power was not switched"));
		bench_unplug(&bench, 0);
		bench_unit_id(2, id);
		assert_true(line_scan(bench.line, "A1", id, &bench.err));
		bench_plug(&bench, 0, 2, true);
		assert_true(bench_await(&bench, LINE_OUTCOME, 2, 20000));
		line_drain(bench.line);
		assert_true(bench_join(&bench));
		assert_int_equal(observed(&bench, "power-not-switched"), 1);
		assert_int_equal(observed(&bench, "power-cycled"), 0);
		bench_close(&bench);
	}
}

static void draw_too_much(void *context, const char *port)
{
	struct line_bench *bench = context;
	vbus_over_current(bench->vbus, port, false);
}

static void draw_too_much_for_a_moment(void *context, const char *port)
{
	struct line_bench *bench = context;
	vbus_over_current(bench->vbus, port, true);
}

static void a_short_circuit_is_named(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct line_bench bench;
		bool recovers = i == 1;
		open_powered(&bench, VHUB_EACH, true);
		usb_fault_on_unplug(
			bench.fault, recovers ? draw_too_much_for_a_moment : draw_too_much, &bench);
		fail_from(&bench, IN_THE_IMAGES, USB_FAULT_UNPLUG);
		if (recovers) {
			run(&bench, OUTCOME_PASS, REASON_NONE);
			bench_expect_made(&bench, 0);
		} else {
			run(&bench, OUTCOME_FAIL, REASON_OVER_CURRENT);
			assert_int_equal(
				bench_sql_int(&bench,
					"SELECT count(*) FROM attempt WHERE cause = 'unit'"),
				1);
		}
		assert_int_equal(observed(&bench, "over-current"), 1);
		/* No more of it into a short circuit. */
		assert_int_equal(observed(&bench, "power-cycled"), 0);
		bench_close(&bench);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_that_fell_silent_is_restarted),
		cmocka_unit_test(a_unit_that_stays_away_is_restarted),
		cmocka_unit_test(it_is_left_alone_where_that_is_not_allowed),
		cmocka_unit_test(one_that_stays_silent_fails_by_its_name),
		cmocka_unit_test(a_hub_that_does_not_switch_is_used_once),
		cmocka_unit_test(a_short_circuit_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
