/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line usb config base */
/* Slots that are named by plugging: which port becomes which, and how the list gets into a config
 * that somebody wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs.h"
#include "learn.h"
#include "scope.h"

#define CONTROLLER "pci0000:00/0000:00:14.0"

static struct learner learner;
static const struct config_slot *slot;

static void begin(const char *names, const char *prefix)
{
	struct err err;
	if (!learner_begin(&learner, names, prefix, NULL, 0, &err))
		fail_msg("%s", err.text);
	assert_int_equal(learner_look(&learner, NULL, 0, &slot), LEARNED_NOTHING);
}

/* Units hang at these ports, "1-1 1-2". */
static enum learned look(const char *ports)
{
	struct usb_ident units[8];
	size_t count = 0;
	memset(units, 0, sizeof units);
	while (*ports) {
		size_t len = strcspn(ports, " ");
		snprintf(units[count].port, sizeof units[count].port, "%.*s", (int)len, ports);
		snprintf(units[count].controller, sizeof units[count].controller, CONTROLLER);
		count++;
		ports += len + (ports[len] == ' ');
	}
	return learner_look(&learner, units, count, &slot);
}

static void each_new_port_becomes_the_next_slot(void **state)
{
	(void)state;
	begin(NULL, "A");
	assert_int_equal(look("1-4"), LEARNED_SLOT);
	assert_string_equal(slot->name, "A1");
	assert_string_equal(slot->port, "1-4");
	assert_string_equal(slot->controller, CONTROLLER);
	assert_int_equal(look("1-4"), LEARNED_NOTHING);
	assert_int_equal(look("1-2.3 1-4"), LEARNED_SLOT);
	assert_string_equal(slot->name, "A2");
	assert_string_equal(slot->port, "1-2.3");
	assert_int_equal(learner.slot_count, 2);
}

static void one_unit_may_be_moved_along(void **state)
{
	(void)state;
	begin(NULL, "B");
	assert_int_equal(look("1-1"), LEARNED_SLOT);
	assert_int_equal(look(""), LEARNED_NOTHING);
	assert_int_equal(look("1-2"), LEARNED_SLOT);
	assert_int_equal(look(""), LEARNED_NOTHING);
	assert_int_equal(look("1-1"), LEARNED_KNOWN);
	assert_string_equal(slot->name, "B1");
	assert_int_equal(learner.slot_count, 2);
}

static void what_was_there_before_is_not_named(void **state)
{
	struct err err;
	(void)state;
	assert_true(learner_begin(&learner, NULL, "A", NULL, 0, &err));
	assert_int_equal(look("1-1 1-2"), LEARNED_NOTHING);
	assert_int_equal(look("1-1 1-2 1-3"), LEARNED_SLOT);
	assert_string_equal(slot->port, "1-3");
	assert_int_equal(look("1-2 1-3"), LEARNED_NOTHING);
	assert_int_equal(look("1-1 1-2 1-3"), LEARNED_SLOT);
	assert_string_equal(slot->port, "1-1");
}

static void of_several_at_once_none_is_named(void **state)
{
	(void)state;
	begin(NULL, "A");
	assert_int_equal(look("1-1 1-2"), LEARNED_SEVERAL);
	assert_int_equal(learner.slot_count, 0);
	assert_int_equal(look("1-1 1-2"), LEARNED_NOTHING);
	assert_int_equal(look(""), LEARNED_NOTHING);
	assert_int_equal(look("1-2"), LEARNED_SLOT);
	assert_string_equal(slot->name, "A1");
	assert_int_equal(look("1-1 1-2"), LEARNED_SLOT);
	/* A slot's own unit that comes back at the same moment is none of them. */
	assert_int_equal(look("1-1"), LEARNED_NOTHING);
	assert_int_equal(look("1-1 1-2 1-3"), LEARNED_SLOT);
	assert_string_equal(slot->port, "1-3");
}

static void given_names_are_used_in_their_order_and_end(void **state)
{
	char name[CONFIG_NAME_MAX];
	(void)state;
	begin("L1,R1", NULL);
	assert_int_equal(look("1-1"), LEARNED_SLOT);
	assert_string_equal(slot->name, "L1");
	assert_int_equal(look("1-1 1-2"), LEARNED_SLOT);
	assert_string_equal(slot->name, "R1");
	assert_false(learner_next_name(&learner, name));
	assert_int_equal(look("1-1 1-2 1-3"), LEARNED_FULL);
	assert_int_equal(learner.slot_count, 2);
}

static void slots_that_stay_keep_name_and_port(void **state)
{
	const struct config_slot stays[] = { { .name = "A1", .port = "3-1" },
		{ .name = "A3", .port = "3-2" } };
	struct err err;
	(void)state;
	assert_true(learner_begin(&learner, NULL, "A", stays, 2, &err));
	assert_int_equal(look(""), LEARNED_NOTHING);
	assert_int_equal(look("3-1"), LEARNED_KNOWN);
	assert_int_equal(look("1-1"), LEARNED_SLOT);
	assert_string_equal(slot->name, "A2");
	assert_int_equal(look("1-1 1-2"), LEARNED_SLOT);
	assert_string_equal(slot->name, "A4");
	assert_false(learner_begin(&learner, "B1,A3", NULL, stays, 2, &err));
}

static void names_that_cannot_be_slots_are_refused(void **state)
{
	static const char *const bad[] = { "", "A,", "A,,B", "A,A", "a b", "..", "-x", "\303\244",
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz" };
	struct err err;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (learner_begin(&learner, bad[i], NULL, NULL, 0, &err))
			fail_msg("took \"%s\"", bad[i]);
	assert_false(learner_begin(&learner, NULL, "/", NULL, 0, &err));
}

/* --- the text --- */

static const struct config_slot two[] = { { .name = "A1", .port = "1-1", .controller = CONTROLLER },
	{ .name = "A2", .port = "1-2.4" } };

static void assert_edit(const char *before, const char *wanted)
{
	char *after = NULL;
	size_t len = 0;
	struct err err;
	if (!config_with_slots("x.cfg", before, strlen(before), two, 2, &after, &len, &err))
		fail_msg("%s", err.text);
	assert_string_equal(after, wanted);
	assert_int_equal(strlen(after), len);
	free(after);
}

static void the_list_is_replaced_and_nothing_else(void **state)
{
	(void)state;
	assert_edit(
		"// mine\nstation : {\n\tid = \"b\"; # \"slots = (\"\n\tslots = (\n\t\t{ name = \"X\"; port = "
		"\"9-1\"; }, // left\n\t\t/* a ) here */\n\t\t{ port = \"9-2\"; name = \"Y\"; }\n\t);\n"
		"\tparallel = 4; // four\n};\n",
		"// mine\nstation : {\n\tid = \"b\"; # \"slots = (\"\n\tslots = (\n\t\t{ name = \"A1\"; port = "
		"\"1-1\"; controller = \"" CONTROLLER
		"\"; },\n\t\t{ name = \"A2\"; port = \"1-2.4\"; }\n"
		"\t\t// left\n\t\t/* a ) here */\n\t);\n\tparallel = 4; // four\n};\n");
}

static void a_list_is_put_in_where_none_is(void **state)
{
#define LIST \
	"(\n\t\t{ name = \"A1\"; port = \"1-1\"; controller = \"" CONTROLLER \
	"\"; },\n\t\t{ name = \"A2\"; port = " \
	"\"1-2.4\"; }\n\t);\n"
	(void)state;
	assert_edit("station : {\n\tid = \"b\";\n};\n",
		"station : {\n\tid = \"b\";\n\tslots = " LIST "};\n");
	assert_edit("station : {\n\tid = \"b\" // mine\n}\n",
		"station : {\n\tid = \"b\"; // mine\n\tslots = " LIST "}\n");
	assert_edit("station = { id = \"b\" }", "station = { id = \"b\"; \n\tslots = " LIST "}");
}

static void a_list_on_one_line_or_an_empty_one_will_do(void **state)
{
	(void)state;
	assert_edit("station:{id=\"b\";slots=();}",
		"station:{id=\"b\";slots=(\n\t{ name = \"A1\"; port = \"1-1\"; controller = \"" CONTROLLER
		"\"; },\n\t{ name = \"A2\"; port = \"1-2.4\"; }\n);}");
}

static void what_is_said_of_the_power_of_a_slot_stays(void **state)
{
	(void)state;
	assert_edit("station : {\n\tid = \"b\";\n\tslots = ( { name = \"X\"; port = \"1-2.4\"; "
		    "power_cycle = true; } );\n};\n",
		"station : {\n\tid = \"b\";\n\tslots = (\n\t\t{ name = \"A1\"; port = \"1-1\"; "
		"controller = \"" CONTROLLER "\"; },\n\t\t{ name = \"A2\"; port = \"1-2.4\"; "
		"power_cycle = true; }\n\t);\n};\n");
	assert_edit(
		"station : {\n\tid = \"b\";\n\tpower : { cycle = true; };\n\tslots = ( { name = "
		"\"X\"; port = \"1-2.4\"; power_cycle = false; } );\n};\n",
		"station : {\n\tid = \"b\";\n\tpower : { cycle = true; };\n\tslots = (\n\t\t{ name = "
		"\"A1\"; port = \"1-1\"; controller = \"" CONTROLLER
		"\"; },\n\t\t{ name = \"A2\"; port = \"1-2.4\"; power_cycle = false; }\n\t);\n};\n");
}

static void the_shipped_example_can_be_edited(void **state)
{
	SCOPED_FREE uint8_t *text = NULL;
	size_t len = 0, after_len = 0;
	char *after = NULL;
	struct err err;
	(void)state;
	assert_true(fs_read(
		SOURCE_DIR "/config/station.cfg", 1 << 20, REASON_INPUT, &text, &len, &err));
	if (!config_with_slots("x.cfg", (char *)text, len, two, 2, &after, &after_len, &err))
		fail_msg("%s", err.text);
	assert_non_null(strstr(
		after, "\t\t{ name = \"A2\"; port = \"1-2.4\"; }\n\t\t// { name = \"B1\"; "));
	free(after);
}

static void a_text_that_is_no_config_is_refused(void **state)
{
	static const char *const bad[] = { "", "station : {", "job : { id = \"b\"; };",
		"station : { id = \"b\"; slots = 7; };",
		"station : { id = \"b\"; slots = (); slots = (); };" };
	char *after = NULL;
	size_t len;
	struct err err;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (config_with_slots("x.cfg", bad[i], strlen(bad[i]), two, 2, &after, &len, &err))
			fail_msg("took %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_new_port_becomes_the_next_slot),
		cmocka_unit_test(one_unit_may_be_moved_along),
		cmocka_unit_test(what_was_there_before_is_not_named),
		cmocka_unit_test(of_several_at_once_none_is_named),
		cmocka_unit_test(given_names_are_used_in_their_order_and_end),
		cmocka_unit_test(slots_that_stay_keep_name_and_port),
		cmocka_unit_test(names_that_cannot_be_slots_are_refused),
		cmocka_unit_test(the_list_is_replaced_and_nothing_else),
		cmocka_unit_test(a_list_is_put_in_where_none_is),
		cmocka_unit_test(a_list_on_one_line_or_an_empty_one_will_do),
		cmocka_unit_test(what_is_said_of_the_power_of_a_slot_stays),
		cmocka_unit_test(the_shipped_example_can_be_edited),
		cmocka_unit_test(a_text_that_is_no_config_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
