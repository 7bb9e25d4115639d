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
#define OTHER_ID "76543210fedcba9876543210"
#define RULE \
	"ATTR{idVendor}==\"1d50\", ATTR{idProduct}==\"607[df]\", X\n" \
	"ATTR{idVendor}==\"2b04\", ATTR{idProduct}==\"[cd]0??\", X\n"

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
		.family_count = bench->family_count,
		.rule_text = RULE };
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
	assert_judged(bench, SURVEY_NO_ACCESS, "/dev/bus/usb/001/002", "rule is not installed");
	bench->rules.rule = SURVEY_RULE_THERE;
	assert_judged(bench, SURVEY_NO_ACCESS, "may not open", "group plugdev");
	bench->rules.rule = SURVEY_RULE_OTHER;
	assert_judged(bench, SURVEY_NO_ACCESS, "may not open", "another version");
	bench->rules.rule_text = "ATTR{idVendor}==\"2b04\", ATTR{idProduct}==\"c0??\"\n"
				 "ATTR{idVendor}==\"1d50\", ATTR{idProduct}==\"d006\"\n";
	assert_judged(bench, SURVEY_NO_ACCESS, "may not open", "add a line for 2b04:d006");
	/* It cannot be read: what it covers is not known. */
	bench->rules.rule_text = "";
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
	bench->rules.station_works = true;
	assert_judged(bench, SURVEY_IN_WORK, "works on this bench", "");
	bench->rules.station_works = false;
	look->holder = 77;
	snprintf(look->holder_name, sizeof look->holder_name, "dfu-util");
	assert_judged(bench, SURVEY_HELD, "dfu-util (process 77)", "stop that program");
	look->holds_tty = true;
	snprintf(look->tty, sizeof look->tty, "ttyACM3");
	assert_judged(bench, SURVEY_HELD, "its serial line /dev/ttyACM3 open: dfu-util", "stop");
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
	bench->looks[0].descriptors_len = 18;
	assert_judged(bench, SURVEY_UNREADABLE, "could not read its configuration", "cable");
	bench->looks[0].descriptors_len = sizeof photon - 9;
	bench->looks[0].descriptors[20] -= 9;
	assert_judged(bench, SURVEY_UNREADABLE, "no DFU functional descriptor", "another cable");
	bench->looks[0].descriptors[20] += 9;
	bench->looks[0].descriptors_len = sizeof photon;
	bench->looks[0].unconfigured = true;
	assert_judged(bench, SURVEY_UNREADABLE, "did not take its configuration", "cable");
	bench->looks[0].unconfigured = false;
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

static void another_memory_layout_is_told(void **state)
{
	struct bench *bench = *state;
	struct usb_look *look = bench->looks;
	look->alternate = 1;
	snprintf(look->interface, sizeof look->interface, "@DCT Flash   /0x00000000/01*016Kg");
	assert_judged(bench, SURVEY_READY, "", "");
	look->alternate = 0;
	assert_judged(bench, SURVEY_LAYOUT, "not the photon's", "profile");
	look->alternate = 9;
	assert_judged(bench, SURVEY_LAYOUT, "setting 9", "profile");
	*look = unit("1-1", 0x2b04, 0xc006, ID);
	snprintf(look->interface, sizeof look->interface, "USB serial");
	assert_judged(bench, SURVEY_READY, "", "");
}

static const struct survey_entry *told(struct bench *bench, const struct survey_told *answer)
{
	(void)survey(&bench->rules, bench->looks, 1, bench->entries);
	assert_true(survey_may_ask(bench->entries));
	survey_tell(bench->entries, answer);
	return bench->entries;
}

static void who_listens_tells_it(void **state)
{
	struct bench *bench = *state;
	struct survey_told answer = { .request = { LISTENING_YES, ID, "1.4.4" } };
	bench->looks[0] = unit("1-1", 0x2b04, 0xc006, "00000000050C");
	const struct survey_entry *entry = told(bench, &answer);
	assert_int_equal(entry->mode, SURVEY_LISTENING);
	assert_int_equal(entry->state, SURVEY_READY);
	assert_non_null(strstr(entry->why, "in listening mode"));
	assert_string_equal(entry->led, "blinks blue, slowly");
	assert_string_equal(entry->device_id, ID);
	assert_string_equal(entry->id_source, "request");
	assert_string_equal(entry->id_why, "");
	answer = (struct survey_told){ .line_asked = true, .line = { LISTENING_YES, ID, "" } };
	entry = told(bench, &answer);
	assert_int_equal(entry->mode, SURVEY_LISTENING);
	assert_string_equal(entry->id_source, "listening");
}

static void what_is_not_known_is_said(void **state)
{
	struct bench *bench = *state;
	struct survey_told answer = { .request.mode = LISTENING_NO };
	bench->looks[0] = unit("1-1", 0x2b04, 0xc006, ID);
	assert_int_equal(told(bench, &answer)->mode, SURVEY_RUNNING);
	assert_non_null(strstr(bench->entries->why, "it is not in listening mode"));
	answer = (struct survey_told){ .line_asked = false };
	assert_non_null(strstr(told(bench, &answer)->why, "is not known (older firmware): --ask"));
	answer.line_asked = true;
	assert_non_null(strstr(told(bench, &answer)->why, "gave no answer"));
	snprintf(answer.problem, sizeof answer.problem, "it bit");
	assert_non_null(strstr(told(bench, &answer)->why, "it bit"));
	assert_string_equal(bench->entries->device_id, ID);
	assert_string_equal(bench->entries->id_source, "usb-serial");
}

static void sources_that_disagree_are_told(void **state)
{
	struct bench *bench = *state;
	struct survey_told answer = { .request = { LISTENING_NO, OTHER_ID, "" } };
	bench->looks[0] = unit("1-1", 0x2b04, 0xc006, ID);
	assert_int_equal(told(bench, &answer)->state, SURVEY_DISAGREES);
	assert_non_null(
		strstr(bench->entries->why, "usb-serial says " ID ", its request says " OTHER_ID));
	answer = (struct survey_told){ .request.device_id = ID, .line.device_id = OTHER_ID };
	assert_int_equal(told(bench, &answer)->state, SURVEY_DISAGREES);
}

static void twins_are_found_by_what_they_tell(void **state)
{
	struct bench *bench = *state;
	struct survey_told answer = { .request = { LISTENING_NO, ID, "" } };
	bench->looks[0] = unit("1-1", 0x2b04, 0xc006, "00000000050C");
	bench->looks[1] = unit("1-2", 0x2b04, 0xc006, "00000000050C");
	bench->config.slot_count = 0;
	(void)survey(&bench->rules, bench->looks, 2, bench->entries);
	assert_int_equal(bench->entries[0].state, SURVEY_READY);
	survey_tell(&bench->entries[0], &answer);
	survey_tell(&bench->entries[1], &answer);
	survey_judge_twins(bench->entries, 2);
	assert_int_equal(bench->entries[0].state, SURVEY_TWIN);
	assert_int_equal(bench->entries[1].state, SURVEY_TWIN);
}

/* What is in DFU, held, forbidden or foreign is not opened; the Core knows no request. */
static void only_who_runs_free_is_asked(void **state)
{
	struct bench *bench = *state;
	assert_false(survey_may_ask(judged(bench, 1)));
	bench->looks[0] = unit("1-1", 0x2b04, 0xc006, ID);
	assert_true(survey_may_request(judged(bench, 1)));
	bench->looks[0].holder = 77;
	assert_false(survey_may_ask(judged(bench, 1)));
	bench->looks[0].holder = 0;
	bench->looks[0].node = USB_NODE_DENIED;
	assert_false(survey_may_ask(judged(bench, 1)));
	bench->looks[0] = unit("1-1", 0x046d, 0xc31c, "");
	assert_false(survey_may_ask(judged(bench, 1)));
	bench->looks[0] = unit("1-1", 0x1d50, 0x607d, ID);
	assert_true(survey_may_ask(judged(bench, 1)));
	assert_false(survey_may_request(bench->entries));
	assert_false(survey_may_ask(&(struct survey_entry){ .state = SURVEY_EMPTY }));
}

static void the_led_is_that_of_the_mode(void **state)
{
	struct bench *bench = *state;
	assert_string_equal(judged(bench, 1)->led, "blinks yellow");
	bench->looks[0] = unit("1-1", 0x2b04, 0xc006, ID);
	assert_non_null(strstr(judged(bench, 1)->led, "cyan"));
	bench->looks[0] = unit("1-1", 0x046d, 0xc31c, "");
	assert_string_equal(judged(bench, 1)->led, "");
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
		TEST(another_memory_layout_is_told),
		TEST(who_listens_tells_it),
		TEST(what_is_not_known_is_said),
		TEST(sources_that_disagree_are_told),
		TEST(twins_are_found_by_what_they_tell),
		TEST(only_who_runs_free_is_asked),
		TEST(the_led_is_that_of_the_mode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
