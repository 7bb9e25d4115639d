/* SPDX-License-Identifier: Apache-2.0 */
/* USES: virtual usb base */
/* Hubs: their names, what they say, and the power of their ports, switched for real or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cancel.h"
#include "clock.h"
#include "usb_power.h"
#include "vbus.h"
#include "vunit_bench.h"

enum { OFF_MS = 20 };

struct rig {
	struct vbus *vbus;
	struct usb_bus *bus;
	struct bench units[2];
	unsigned count;
};

static struct rig rig_new(void)
{
	struct rig rig = { 0 };
	struct err err;
	assert_true(vbus_new(0, &rig.vbus, &err));
	rig.bus = vbus_bus(rig.vbus);
	return rig;
}

static void rig_hub(struct rig *rig, const char *port, enum vhub_kind kind)
{
	struct err err;
	assert_true(vbus_hub(rig->vbus, port, 4, kind, &err));
}

/* A unit that stays in DFU; it is in DFU again when its power comes back. */
static void rig_plug(struct rig *rig, const char *port)
{
	struct err err;
	struct bench *bench = &rig->units[rig->count++];
	*bench = bench_with(&bench_specs[VUNIT_CORE_1_4_4]);
	assert_true(vbus_plug(rig->vbus, port, bench->unit, true, &err));
	vbus_hold_button(rig->vbus, port, true);
	bench->unit = NULL;
}

static void rig_done(struct rig *rig)
{
	rig->bus->ops->close(rig->bus);
	for (unsigned i = 0; i < rig->count; i++)
		bench_done(&rig->units[i]);
}

static uint64_t arrival_at(struct rig *rig, const char *port)
{
	struct usb_ident idents[USB_UNITS_MAX];
	uint64_t change, arrival = 0;
	size_t count;
	struct err err;
	assert_true(rig->bus->ops->list(rig->bus, idents, USB_UNITS_MAX, &count, &change, &err));
	for (size_t i = 0; i < count; i++)
		if (strcmp(idents[i].port, port) == 0)
			arrival = idents[i].arrival;
	return arrival;
}

static enum reason cycle(struct rig *rig, const char *port, struct err *err)
{
	struct usb_power power;
	*err = (struct err){ 0 };
	if (usb_power_find(rig->bus, port, NULL, &power, err))
		(void)!usb_power_cycle(&power, OFF_MS, NULL, err);
	return err->reason;
}

/* --- names and bytes --- */

static void ports_and_hubs_have_names(void **state)
{
	(void)state;
	static const struct {
		const char *port, *hub;
		unsigned number;
	} good[] = { { "1-2", "usb1", 2 }, { "1-2.3", "1-2", 3 }, { "12-1.15", "12-1", 15 },
		{ "1-1.2.3.4.5.6.7", "1-1.2.3.4.5.6", 7 } };
	static const char *const bad[] = { "", "usb1", "1-", "1-2.", "1-2.x", "1-0", "1-2.128",
		"1" };
	char hub[USB_PORT_MAX], port[USB_PORT_MAX];
	unsigned number;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(usb_hub_of(good[i].port, hub, &number));
		assert_string_equal(hub, good[i].hub);
		assert_int_equal(number, good[i].number);
		assert_true(usb_hub_port_name(hub, number, port));
		assert_string_equal(port, good[i].port);
		assert_true(usb_hub_is_above(hub, good[i].port));
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(usb_hub_of(bad[i], hub, &number));
	assert_true(usb_hub_is_above("1-1.2", "1-1.2.3.4"));
	assert_true(usb_hub_is_above("usb1", "1-1.2"));
	assert_false(usb_hub_is_above("1-1.2", "1-1.2"));
	assert_false(usb_hub_is_above("1-1.2", "1-1.23.1"));
	assert_false(usb_hub_is_above("usb1", "11-1"));
}

static void hub_descriptors_are_understood(void **state)
{
	(void)state;
	/* An SMSC USB2514B, and the USB 3 half of a VIA VL812 with ganged power. */
	static const uint8_t each[] = { 9, 0x29, 4, 0x09, 0x00, 0x32, 0x01, 0x00, 0xff };
	static const uint8_t ganged[] = { 12, 0x2a, 4, 0x08, 0x00, 0xaa, 0, 4, 0xa0, 0, 0, 0 };
	static const uint8_t none[] = { 9, 0x29, 4, 0x0a, 0x00, 0x01, 0x00, 0x00, 0xff };
	static const uint8_t one[] = { 9, 0x29, 1, 0x00, 0x00, 0x0a, 0x00, 0x00, 0xff };
	static const uint8_t wrong[] = { 9, 0x21, 4, 0x09, 0x00, 0x32, 0x01, 0x00, 0xff };
	struct usb_hub_about about;
	struct err err;
	assert_true(usb_hub_parse(each, sizeof each, &about, &err));
	assert_int_equal(about.ports, 4);
	assert_int_equal(about.switching, USB_SWITCHING_EACH);
	assert_int_equal(about.power_good_ms, 100);
	assert_false(about.super_speed);
	assert_true(usb_hub_parse(ganged, sizeof ganged, &about, &err));
	assert_int_equal(about.switching, USB_SWITCHING_GANGED);
	assert_true(about.super_speed);
	assert_true(usb_hub_parse(none, sizeof none, &about, &err));
	assert_int_equal(about.switching, USB_SWITCHING_NONE);
	assert_true(usb_hub_parse(one, sizeof one, &about, &err));
	assert_int_equal(about.switching, USB_SWITCHING_EACH);
	assert_false(usb_hub_parse(wrong, sizeof wrong, &about, &err));
	assert_int_equal(err.reason, REASON_DESCRIPTORS);
	for (size_t len = 0; len < 7; len++)
		assert_false(usb_hub_parse(each, len, &about, &err));
}

static void port_statuses_are_understood(void **state)
{
	(void)state;
	static const uint8_t usual[] = { 0x03, 0x01, 0, 0 }, off[] = { 0, 0, 0, 0 };
	static const uint8_t super[] = { 0x03, 0x02, 0, 0 }, over[] = { 0x08, 0x00, 0x08, 0 };
	struct usb_port_status status = usb_port_parse(usual, false);
	assert_true(status.connected && status.powered && !status.over_current);
	status = usb_port_parse(off, false);
	assert_true(!status.connected && !status.powered);
	status = usb_port_parse(super, true);
	assert_true(status.connected && status.powered);
	assert_false(usb_port_parse(super, false).powered);
	assert_false(usb_port_parse(usual, true).powered);
	assert_true(usb_port_parse(over, false).over_current);
}

/* --- power --- */

static void a_unit_loses_its_power_and_gets_it_back(void **state)
{
	(void)state;
	static const enum vhub_kind kinds[] = { VHUB_EACH, VHUB_SYSTEM };
	for (unsigned i = 0; i < 2; i++) {
		struct rig rig = rig_new();
		struct err err;
		rig_hub(&rig, "1-2", kinds[i]);
		rig_plug(&rig, "1-2.3");
		rig_plug(&rig, "1-2.4");
		uint64_t before = arrival_at(&rig, "1-2.3"), beside = arrival_at(&rig, "1-2.4");
		assert_true(before && beside);
		assert_int_equal(cycle(&rig, "1-2.3", &err), REASON_NONE);
		uint64_t after = arrival_at(&rig, "1-2.3");
		assert_true(after && after != before);
		assert_int_equal(arrival_at(&rig, "1-2.4"), beside);
		rig_done(&rig);
	}
}

/* Refused before anything is switched: the neighbours keep their power. */
static void only_single_ports_are_switched(void **state)
{
	(void)state;
	static const struct {
		enum vhub_kind kind;
		const char *words;
	} kinds[] = { { VHUB_GANGED, "all its 4 ports at once" },
		{ VHUB_NONE, "switches no power" } };
	for (unsigned i = 0; i < 2; i++) {
		struct rig rig = rig_new();
		struct err err;
		rig_hub(&rig, "1-2", kinds[i].kind);
		rig_plug(&rig, "1-2.3");
		uint64_t before = arrival_at(&rig, "1-2.3");
		assert_int_equal(cycle(&rig, "1-2.3", &err), REASON_POWER_NOT_SWITCHED);
		assert_non_null(strstr(err.text, kinds[i].words));
		assert_int_equal(arrival_at(&rig, "1-2.3"), before);
		assert_int_equal(cycle(&rig, "1-2.9", &err), REASON_USB_GONE);
		rig_done(&rig);
	}
}

static void a_hub_that_only_says_so_is_found_out(void **state)
{
	(void)state;
	struct rig rig = rig_new();
	struct err err;
	rig_hub(&rig, "1-2", VHUB_LIES);
	rig_hub(&rig, "1-3", VHUB_KEEPS);
	rig_plug(&rig, "1-2.3");
	assert_int_equal(cycle(&rig, "1-2.3", &err), REASON_POWER_NOT_SWITCHED);
	assert_non_null(strstr(err.text, "is still there"));
	/* Nothing hangs there that could go. */
	assert_int_equal(cycle(&rig, "1-3.1", &err), REASON_POWER_NOT_SWITCHED);
	assert_non_null(strstr(err.text, "says that it has power"));
	rig_done(&rig);
}

static void a_hub_that_does_not_answer_costs_its_time_only(void **state)
{
	(void)state;
	struct rig rig = rig_new();
	struct err err;
	rig_hub(&rig, "1-2", VHUB_DEAF);
	rig_plug(&rig, "1-2.3");
	assert_int_equal(cycle(&rig, "1-2.3", &err), REASON_USB_TIMEOUT);
	rig_done(&rig);
}

/* Each half alone keeps the socket alive. */
static void both_halves_of_a_socket_are_switched(void **state)
{
	(void)state;
	struct rig rig = rig_new();
	struct err err;
	struct usb_power power;
	rig_hub(&rig, "1-2", VHUB_EACH);
	rig_hub(&rig, "2-2", VHUB_EACH);
	vbus_hub_peer(rig.vbus, "1-2", "2-2");
	rig_plug(&rig, "1-2.3");
	uint64_t before = arrival_at(&rig, "1-2.3");
	assert_true(usb_power_find(rig.bus, "1-2.3", NULL, &power, &err));
	assert_int_equal(power.count, 2);
	assert_int_equal(cycle(&rig, "1-2.3", &err), REASON_NONE);
	assert_int_not_equal(arrival_at(&rig, "1-2.3"), before);
	power.count = 1;
	assert_false(usb_power_cycle(&power, OFF_MS, NULL, &err));
	assert_int_equal(err.reason, REASON_POWER_NOT_SWITCHED);
	rig_done(&rig);
}

static void a_port_that_was_left_off_is_on_again(void **state)
{
	(void)state;
	struct rig rig = rig_new();
	struct err err;
	struct cancel cancel = { 0 };
	struct usb_power power;
	rig_hub(&rig, "1-2", VHUB_EACH);
	rig_plug(&rig, "1-2.3");
	assert_true(usb_power_find(rig.bus, "1-2.3", NULL, &power, &err));
	assert_true(arrival_at(&rig, "1-2.3"));
	cancel_set(&cancel);
	assert_false(usb_power_cycle(&power, 60000, &cancel, &err));
	assert_int_equal(err.reason, REASON_STOPPED);
	assert_true(arrival_at(&rig, "1-2.3"));
	rig_done(&rig);
}

/* --- hubs that go, and current --- */

static void a_missing_hub_is_named(void **state)
{
	(void)state;
	struct rig rig = rig_new();
	char hub[USB_PORT_MAX];
	struct err err;
	rig_hub(&rig, "1-2", VHUB_EACH);
	rig_hub(&rig, "1-2.1", VHUB_EACH);
	rig_plug(&rig, "1-2.1.3");
	assert_true(arrival_at(&rig, "1-2.1.3"));
	assert_true(usb_hub_missing(rig.bus, "1-2.1.3", hub, &err));
	assert_string_equal(hub, "");
	vbus_hub_unplug(rig.vbus, "1-2.1");
	assert_false(arrival_at(&rig, "1-2.1.3"));
	assert_true(usb_hub_missing(rig.bus, "1-2.1.3", hub, &err));
	assert_string_equal(hub, "1-2.1");
	vbus_hub_unplug(rig.vbus, "1-2");
	assert_true(usb_hub_missing(rig.bus, "1-2.1.3", hub, &err));
	assert_string_equal(hub, "1-2");
	vbus_hub_plug(rig.vbus, "1-2");
	vbus_hub_plug(rig.vbus, "1-2.1");
	assert_true(usb_hub_missing(rig.bus, "1-2.1.3", hub, &err));
	assert_string_equal(hub, "");
	assert_true(arrival_at(&rig, "1-2.1.3"));
	rig_done(&rig);
}

static void over_currents_are_counted(void **state)
{
	(void)state;
	struct rig rig = rig_new();
	uint32_t count = 7;
	struct err err;
	rig_hub(&rig, "1-2", VHUB_EACH);
	rig_plug(&rig, "1-2.3");
	assert_true(usb_power_over_currents(rig.bus, "1-2.3", &count));
	assert_int_equal(count, 0);
	vbus_over_current(rig.vbus, "1-2.3", false);
	assert_false(arrival_at(&rig, "1-2.3"));
	assert_true(usb_power_over_currents(rig.bus, "1-2.3", &count));
	assert_int_equal(count, 1);
	assert_int_equal(cycle(&rig, "1-2.3", &err), REASON_NONE);
	assert_true(arrival_at(&rig, "1-2.3"));
	/* Nobody counts at a root port that was never named. */
	assert_false(usb_power_over_currents(rig.bus, "1-7", &count));
	rig_done(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_and_hubs_have_names),
		cmocka_unit_test(hub_descriptors_are_understood),
		cmocka_unit_test(port_statuses_are_understood),
		cmocka_unit_test(a_unit_loses_its_power_and_gets_it_back),
		cmocka_unit_test(only_single_ports_are_switched),
		cmocka_unit_test(a_hub_that_only_says_so_is_found_out),
		cmocka_unit_test(a_hub_that_does_not_answer_costs_its_time_only),
		cmocka_unit_test(both_halves_of_a_socket_are_switched),
		cmocka_unit_test(a_port_that_was_left_off_is_on_again),
		cmocka_unit_test(a_missing_hub_is_named),
		cmocka_unit_test(over_currents_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
