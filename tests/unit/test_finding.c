/* SPDX-License-Identifier: Apache-2.0 */
/* USES: returns */
/* The table of findings, and the verdict that follows from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "finding.h"

static void the_table_tells_what_to_do_about_every_fault(void **state)
{
	(void)state;
	for (int i = 0; i < FINDING_CODES; i++) {
		const struct finding_info *info = finding_info((enum finding_code)i);
		assert_true(info->code[0]);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
				info->code, finding_info((enum finding_code)k)->code);
		if (info->state == FINDING_FAULT) {
			assert_true(info->means != 0);
			assert_true(info->remedy[0]);
		} else
			assert_int_equal(info->means & ~(unsigned)REPAIR_WIPE, 0);
		/* An owner sees what keeps a unit from working, and nothing else; but of flash that is bad
		 * where nothing stands yet only some day. */
		bool works_not = info->state == FINDING_FAULT &&
				 (info->means & (REPAIR_IMAGES | REPAIR_DEVICE_KEY |
							REPAIR_SERVER_KEY | MEANS_SWD));
		bool some_day = info->state == FINDING_FAULT && (info->means & MEANS_FLASH_DEFECT);
		if (works_not != (info->seen[0] != 0) && !some_day)
			fail_msg("%s: seen by its owner: '%s'", info->code, info->seen);
	}
}

static void the_page_for_people_has_every_code(void **state)
{
	(void)state;
	static char page[65536];
	FILE *in = fopen(SOURCE_DIR "/docs/returns.md", "r");
	assert_non_null(in);
	page[fread(page, 1, sizeof page - 1, in)] = 0;
	fclose(in);
	for (int i = 0; i < FINDING_CODES; i++) {
		const struct finding_info *info = finding_info((enum finding_code)i);
		char row[64];
		snprintf(row, sizeof row, "| `%s` | %s |", info->code,
			finding_state_name(info->state));
		const char *at = strstr(page, row);
		if (!at)
			fail_msg("docs/returns.md has no row %s", row);
		const char *end = strchr(at, '\n'), *remedy = strstr(at, info->remedy),
			   *seen = strstr(at, info->seen);
		if (!remedy || remedy > end || !seen || seen > end)
			fail_msg("docs/returns.md tells otherwise of %s", info->code);
	}
	for (int i = 0; i < VERDICTS; i++) {
		char row[64];
		snprintf(row, sizeof row, "| `%s` |", verdict_name((enum verdict)i));
		assert_non_null(strstr(page, row));
	}
}

static void the_worst_fault_decides(void **state)
{
	(void)state;
	static const struct {
		enum finding_code codes[3];
		enum verdict verdict;
		unsigned repairs;
	} cases[] = {
		{ { FINDING_CODE_IMAGE_SAME, FINDING_CODE_UNIT_UNKNOWN,
			  FINDING_CODE_SERVER_KEY_UNPROVEN },
			VERDICT_HEALTHY, 0 },
		{ { FINDING_CODE_IMAGE_SAME, FINDING_CODE_CLAIMED, FINDING_CODE_CUSTOMER_DATA },
			VERDICT_HEALTHY, REPAIR_WIPE },
		{ { FINDING_CODE_IMAGE_SAME, FINDING_CODE_DEVICE_KEY_MISMATCH,
			  FINDING_CODE_CLAIMED },
			VERDICT_REPAIRABLE, REPAIR_DEVICE_KEY | REPAIR_WIPE },
		{ { FINDING_CODE_IMAGE_DAMAGED, FINDING_CODE_SERVER_KEY_MISSING,
			  FINDING_CODE_CLAIMED },
			VERDICT_REPAIRABLE, REPAIR_IMAGES | REPAIR_SERVER_KEY | REPAIR_WIPE },
		{ { FINDING_CODE_IMAGE_DAMAGED, FINDING_CODE_BOOTLOADER_DAMAGED,
			  FINDING_CODE_UNIT_KNOWN },
			VERDICT_NEEDS_SWD, REPAIR_IMAGES },
		{ { FINDING_CODE_UNREADABLE, FINDING_CODE_BOOTLOADER_DAMAGED,
			  FINDING_CODE_IMAGE_SAME },
			VERDICT_UNREADABLE, 0 },
		{ { FINDING_CODE_UNREADABLE, FINDING_CODE_OTHER_LAYOUT, FINDING_CODE_IMAGE_BLANK },
			VERDICT_NOT_OURS, REPAIR_IMAGES },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct findings findings = { 0 };
		for (int k = 0; k < 3; k++)
			finding_add(&findings, cases[i].codes[k], "x", "y");
		assert_string_equal(
			verdict_name(verdict_of(&findings)), verdict_name(cases[i].verdict));
		assert_int_equal(repairs_of(&findings), cases[i].repairs);
	}
}

static void a_softened_fault_decides_nothing(void **state)
{
	(void)state;
	struct findings findings = { 0 };
	finding_soften(finding_add(&findings, FINDING_CODE_IMAGE_DAMAGED, "ota", "torn"));
	assert_int_equal(verdict_of(&findings), VERDICT_HEALTHY);
	assert_int_equal(repairs_of(&findings), 0);
	assert_int_equal(findings.list[0].state, FINDING_NOTE);
}

static void one_too_many_is_a_finding_itself(void **state)
{
	(void)state;
	static struct findings findings;
	for (int i = 0; i <= FINDINGS_MAX; i++) {
		assert_int_equal(verdict_of(&findings), VERDICT_HEALTHY);
		finding_add(&findings, FINDING_CODE_IMAGE_SAME, "user", "number %d", i);
	}
	assert_int_equal(findings.count, FINDINGS_MAX);
	assert_int_equal(findings.list[FINDINGS_MAX - 1].code, FINDING_CODE_TOO_MANY);
	assert_string_equal(findings.list[0].evidence, "number 0");
	assert_int_equal(verdict_of(&findings), VERDICT_UNREADABLE);
}

static void what_a_unit_says_is_made_printable(void **state)
{
	(void)state;
	struct findings findings = { 0 };
	finding_add(&findings, FINDING_CODE_UNREADABLE, "unit", "says \033[2J%s", "\x01");
	assert_string_equal(findings.list[0].evidence, "says ?[2J?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_tells_what_to_do_about_every_fault),
		cmocka_unit_test(the_page_for_people_has_every_code),
		cmocka_unit_test(the_worst_fault_decides),
		cmocka_unit_test(a_softened_fault_decides_nothing),
		cmocka_unit_test(one_too_many_is_a_finding_itself),
		cmocka_unit_test(what_a_unit_says_is_made_printable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
