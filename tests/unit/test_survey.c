/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line usb config base */
/* The judgement behind station list: each kind of "not usable" has its own name and remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "survey.h"

#define ID "0123456789abcdef01234567"

/* A Photon in DFU: device descriptor, configuration, an interface with two settings, functional
 * descriptor. */
static const uint8_t photon[] = { 18, 1, 0, 2, 0, 0, 0, 64, 0x04, 0x2b, 0x06, 0xd0, 0x50, 0x02, 1,
	2, 3, 1, 9, 2, 36, 0, 1, 1, 0, 0xc0, 50, 9, 4, 0, 0, 0, 0xfe, 1, 2, 4, 9, 4, 0, 1, 0, 0xfe,
	1, 2, 5, 9, 0x21, 0x0b, 0xff, 0, 0, 0x10, 0x1a, 1 };

struct bench {
	struct config config;
	struct family *families;
	size_t family_count;
	struct usb_look looks[4];
	struct survey_rules rules;
	struct survey_entry entries[8];
};

static void no_broken(void *context, const char *text)
{
	(void)context;
	fail_msg("%s", text);
}

static struct usb_look unit(const char *port, uint16_t vendor, uint16_t product, const char *serial)
{
	struct usb_look look = { .bus = 1,
		.number = 2,
		.vendor_id = vendor,
		.product_id = product,
		.descriptors_len = sizeof photon };
	snprintf(look.port, sizeof look.port, "%s", port);
	snprintf(look.controller, sizeof look.controller, "pci0000:00/0000:00:14.0");
	snprintf(look.serial, sizeof look.serial, "%s", serial);
	memcpy(look.descriptors, photon, sizeof photon);
	return look;
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	struct err err;
	assert_non_null(bench);
	if (!family_list("", no_broken, NULL, &bench->families, &bench->family_count, &err))
		fail_msg("%s", err.text);
	bench->config.slot_count = 1;
	bench->config.slots[0] = (struct config_slot){ .name = "A1", .port = "1-1" };
	bench->rules = (struct survey_rules){ .config = &bench->config,
		.families = bench->families,
		.family_count = bench->family_count };
	bench->looks[0] = unit("1-1", 0x2b04, 0xd006, ID);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	free(bench->families);
	free(bench);
	return 0;
}

static const struct survey_entry *judged(struct bench *bench, size_t looks)
{
	(void)survey(&bench->rules, bench->looks, looks, bench->entries);
	return bench->entries;
}

static void assert_judged(
	struct bench *bench, enum survey_state state, const char *why, const char *next)
{
	const struct survey_entry *entry = judged(bench, 1);
	assert_string_equal(survey_state_name(entry->state), survey_state_name(state));
	if (!strstr(entry->why, why) || !strstr(entry->next, next))
		fail_msg("\"%s\", next \"%s\"", entry->why, entry->next);
}

static void all_shipped_families_are_listed_once(void **state)
{
	struct bench *bench = *state;
	const char *const wanted[] = { "core", "photon", "p1" };
	for (size_t w = 0; w < 3; w++) {
		size_t found = 0;
		for (size_t i = 0; i < bench->family_count; i++)
			found += strcmp(bench->families[i].name, wanted[w]) == 0;
		assert_int_equal(found, 1);
	}
}

static void a_unit_in_dfu_is_ready(void **state)
{
	struct bench *bench = *state;
	assert_judged(bench, SURVEY_READY, "", "");
	assert_string_equal(bench->entries->slot, "A1");
	assert_string_equal(bench->entries->families, "photon");
	assert_string_equal(bench->entries->device_id, ID);
	assert_int_equal(bench->entries->mode, SURVEY_DFU);
}

static void an_upper_case_serial_is_the_same_id(void **state)
{
	struct bench *bench = *state;
	bench->looks[0] = unit("1-1", 0x2b04, 0xd006, "0123456789ABCDEF01234567");
	assert_string_equal(judged(bench, 1)->device_id, ID);
}

static void a_running_unit_is_sent_into_dfu_where_the_family_can(void **state)
{
	struct bench *bench = *state;
	bench->looks[0] = unit("1-1", 0x2b04, 0xc006, ID);
	assert_judged(bench, SURVEY_READY, "a batch sends it into DFU", "");
	assert_int_equal(bench->entries->mode, SURVEY_RUNNING);
	for (size_t i = 0; i < bench->family_count; i++)
		bench->families[i].reentry = (struct family_reentry){ 0 };
	assert_judged(bench, SURVEY_RUNS, "cannot be sent", "its button");
}

static void an_empty_slot_is_listed(void **state)
{
	struct bench *bench = *state;
	assert_int_equal(survey(&bench->rules, bench->looks, 0, bench->entries), 1);
	assert_int_equal(bench->entries->state, SURVEY_EMPTY);
	assert_null(bench->entries->look);
}

static void a_unit_elsewhere_has_no_slot(void **state)
{
	struct bench *bench = *state;
	bench->looks[0] = unit("1-2", 0x2b04, 0xd006, ID);
	assert_int_equal(survey(&bench->rules, bench->looks, 1, bench->entries), 2);
	assert_int_equal(bench->entries[1].state, SURVEY_NO_SLOT);
	bench->config.slot_count = 0;
	assert_judged(bench, SURVEY_READY, "", "");
}

static void a_slot_of_a_controller_keeps_its_place_when_buses_are_renumbered(void **state)
{
	struct bench *bench = *state;
	struct config_slot *slot = bench->config.slots;
	snprintf(slot->controller, sizeof slot->controller, "pci0000:00/0000:00:14.0");
	bench->looks[0] = unit("3-1", 0x2b04, 0xd006, ID);
	assert_judged(bench, SURVEY_READY, "", "");
	assert_string_equal(bench->entries->slot, "A1");
	assert_string_equal(bench->entries->port, "3-1");
	snprintf(slot->controller, sizeof slot->controller, "pci0000:00/0000:00:15.0");
	assert_int_equal(judged(bench, 1)->state, SURVEY_EMPTY);
}

static void the_other_bus_of_a_controller_hides_no_unit(void **state)
{
	struct bench *bench = *state;
	struct config_slot *slot = bench->config.slots;
	snprintf(slot->controller, sizeof slot->controller, "pci0000:00/0000:00:14.0");
	bench->looks[1] = unit("2-1", 0x0781, 0x5581, "");
	assert_int_equal(judged(bench, 2)->state, SURVEY_READY);
	bench->looks[1] = bench->looks[0];
	bench->looks[0] = unit("0-1", 0x0781, 0x5581, "");
	assert_int_equal(judged(bench, 2)->state, SURVEY_READY);
}

static void what_no_family_has_is_foreign(void **state)
{
	struct bench *bench = *state;
	bench->looks[0] = unit("1-1", 0x046d, 0xc31c, "");
	assert_judged(bench, SURVEY_FOREIGN, "046d:c31c", "take it out");
}

static void no_permission_names_the_rule(void **state)
{
	struct bench *bench = *state;
	bench->looks[0].node = USB_NODE_DENIED;
	assert_judged(bench, SURVEY_NO_ACCESS, "/dev/bus/usb/001/002", "install the udev rule");
	bench->rules.rule_installed = true;
	assert_judged(bench, SURVEY_NO_ACCESS, "may not open", "group plugdev");
	bench->looks[0].node = USB_NODE_NONE;
	assert_judged(bench, SURVEY_NO_ACCESS, "there is no /dev/bus/usb/001/002", "container");
}

static void who_holds_it_is_named(void **state)
{
	struct bench *bench = *state;
	struct usb_look *look = bench->looks;
	snprintf(look->driver, sizeof look->driver, "cdc_acm");
	assert_judged(bench, SURVEY_READY, "", "");
	snprintf(look->driver, sizeof look->driver, "usbfs");
	assert_judged(bench, SURVEY_HELD, "only root can see", "sudo");
	look->holder = 77;
	snprintf(look->holder_name, sizeof look->holder_name, "dfu-util");
	assert_judged(bench, SURVEY_HELD, "dfu-util (process 77)", "stop that program");
	snprintf(look->holder_name, sizeof look->holder_name, "station");
	assert_judged(bench, SURVEY_IN_WORK, "process 77", "");
	look->late = true;
	assert_judged(bench, SURVEY_IN_WORK, "process 77", "");
	look->holder = 0;
	look->driver[0] = 0;
	assert_judged(bench, SURVEY_HELD, "the kernel", "power the unit off");
}

static void descriptors_that_make_no_sense_are_told(void **state)
{
	struct bench *bench = *state;
	bench->looks[0].descriptors_len = 40;
	assert_judged(bench, SURVEY_UNREADABLE, "make no sense", "another cable");
	bench->looks[0].descriptors_len = 0;
	assert_judged(bench, SURVEY_UNREADABLE, "cannot be read", "another cable");
	bench->looks[0].descriptors_len = sizeof photon;
	bench->looks[0].serial[0] = 0;
	assert_judged(bench, SURVEY_UNREADABLE, "could not be read when it arrived", "another");
}

static void a_serial_that_is_no_id_says_where_the_id_comes_from(void **state)
{
	struct bench *bench = *state;
	bench->looks[0] = unit("1-1", 0x2b04, 0xd006, "00000000010C");
	assert_judged(bench, SURVEY_READY, "", "");
	assert_string_equal(bench->entries->device_id, "");
	assert_non_null(strstr(bench->entries->id_why, "own copy"));
	bench->looks[0] = unit("1-1", 0x1d50, 0x607f, "8D7028785153");
	assert_judged(bench, SURVEY_READY, "", "");
	assert_non_null(strstr(bench->entries->id_why, "folded"));
}

static void two_units_of_one_id_are_twins(void **state)
{
	struct bench *bench = *state;
	bench->looks[1] = unit("1-2", 0x2b04, 0xd006, ID);
	assert_int_equal(survey(&bench->rules, bench->looks, 2, bench->entries), 2);
	assert_int_equal(bench->entries[0].state, SURVEY_TWIN);
	assert_int_equal(bench->entries[1].state, SURVEY_TWIN);
	assert_non_null(strstr(bench->entries[0].why, "port 1-2"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_shipped_families_are_listed_once),
		TEST(a_unit_in_dfu_is_ready),
		TEST(an_upper_case_serial_is_the_same_id),
		TEST(a_running_unit_is_sent_into_dfu_where_the_family_can),
		TEST(an_empty_slot_is_listed),
		TEST(a_unit_elsewhere_has_no_slot),
		TEST(a_slot_of_a_controller_keeps_its_place_when_buses_are_renumbered),
		TEST(the_other_bus_of_a_controller_hides_no_unit),
		TEST(what_no_family_has_is_foreign),
		TEST(no_permission_names_the_rule),
		TEST(who_holds_it_is_named),
		TEST(descriptors_that_make_no_sense_are_told),
		TEST(a_serial_that_is_no_id_says_where_the_id_comes_from),
		TEST(two_units_of_one_id_are_twins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
