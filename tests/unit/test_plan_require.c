/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs config keys base */
/* What a job wants of a unit as it comes: option bytes, who it is, that it shows that it runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plan_fixture.h"

#define USER IMAGE("user", "raw.bin")
#define SERVER_EC SOURCE_DIR "/jobs/cloud-p256.pub.der"
#define KEYS \
	"device_key : { slot = \"device-ec\"; };\n" \
	"server_key : { slot = \"server-ec\"; file = \"" SERVER_EC "\"; };\n"

static void a_requirement_is_of_an_option_that_the_profile_knows(void **state)
{
	(void)state;
	static const struct {
		const char *job, *text;
	} rows[] = {
		{ JOB("stm32-rom", USER, "require = ( { option = \"bor\"; value = 0; } );"),
			"job.cfg:7: require[0]: family stm32-rom knows no option \"bor\" of its units; "
			"it knows: bor-level, user, rdp, nwrp" },
		{ JOB("stm32-rom", USER, "require = ( { option = \"bor-level\"; value = 4; } );"),
			"job.cfg:7: require[0]: option bor-level cannot be 0x4, it has values up to 0x3" },
		{ JOB("stm32-rom", USER,
			  "require = ( { option = \"rdp\"; value = 1; },\n{ option = \"rdp\"; value = 1; } );"),
			"job.cfg:8: require[1]: option rdp is already required in line 7" },
		{ JOB("core", IMAGE("user", "core.bin"), "require = ( { option = \"rdp\"; value = 0; } );"),
			"it knows: none" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct plan *plan = fixture_plan(rows[i].job, NULL);
		if (plan || !strstr(fixture_refusals, rows[i].text))
			fail_msg("%s instead of %s", fixture_refusals, rows[i].text);
	}
	struct plan *plan =
		fixture_plan(JOB("stm32-rom", USER, "require = ( { option = \"bor-level\"; value = 0x2; } );"), NULL);
	if (!plan)
		fail_msg("%s", fixture_refusals);
	assert_int_equal(plan->job.requirement_count, 1);
	assert_int_equal(plan->job.requirements[0].value, 2);
	plan_free(plan);
}

static void a_requirement_is_part_of_the_product(void **state)
{
	(void)state;
	static const char *const rests[] = { "", "require = ( { option = \"bor-level\"; value = 0; } );",
		"require = ( { option = \"bor-level\"; value = 1; } );",
		"require = ( { option = \"user\"; value = 1; } );" };
	char hashes[4][SHA256_HEX], job[1024];
	for (size_t i = 0; i < 4; i++) {
		snprintf(job, sizeof job, JOB("stm32-rom", USER, "%s"), rests[i]);
		struct plan *plan = fixture_plan(job, NULL);
		if (!plan)
			fail_msg("%s", fixture_refusals);
		memcpy(hashes[i], plan->sha256, SHA256_HEX);
		plan_free(plan);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(hashes[i], hashes[k]);
	}
	/* In whichever order they stand; and whether the units have ids makes no other product. */
	static const char *const same[] = {
		"require = ( { option = \"user\"; value = 1; }, { option = \"rdp\"; value = 170; } );",
		"slot_is_enough = true;\n"
		"require = ( { option = \"rdp\"; value = 170; }, { option = \"user\"; value = 1; } );"
	};
	for (size_t i = 0; i < 2; i++) {
		snprintf(job, sizeof job, JOB("stm32-rom", USER, "%s"), same[i]);
		struct plan *plan = fixture_plan(job, NULL);
		if (!plan)
			fail_msg("%s", fixture_refusals);
		memcpy(hashes[i], plan->sha256, SHA256_HEX);
		plan_free(plan);
	}
	assert_string_equal(hashes[0], hashes[1]);
}

static void refuses(const char *job, const char *text)
{
	struct plan *plan = fixture_plan(job, NULL);
	if (plan || !strstr(fixture_refusals, text))
		fail_msg("%s instead of %s", fixture_refusals, text);
}

static void keys_need_a_device_id(void **state)
{
	(void)state;
	refuses(JOB("stm32-custom", USER, "slot_is_enough = true;\n" KEYS),
		"job.cfg:7: slot_is_enough: device_key needs a device id for each unit");
	refuses(JOB("stm32-custom", USER, "slot_is_enough = true;\n" KEYS "enrol : { cloud = \"main\"; };"),
		"job.cfg:7: slot_is_enough: enrol needs a device id for each unit");
	refuses(JOB("core", IMAGE("user", "core.bin"), "slot_is_enough = true;"),
		"slot_is_enough: the units of family core have a device id");
	struct plan *plan = fixture_plan(JOB("stm32-custom", USER, KEYS "enrol : { cloud = \"main\"; };"), NULL);
	if (!plan)
		fail_msg("%s", fixture_refusals);
	plan_free(plan);
}

static void what_is_not_seen_running_is_not_waited_for(void **state)
{
	(void)state;
	refuses(JOB("stm32-rom", USER, "after = \"runs\";"),
		"after: units of family stm32-rom do not show that they run");
	struct plan *plan = fixture_plan(JOB("stm32-custom", USER, "after = \"runs\";"), NULL);
	if (!plan)
		fail_msg("%s", fixture_refusals);
	plan_free(plan);
}

static void option_bytes_and_otp_are_never_written(void **state)
{
	(void)state;
	refuses(JOB("stm32-rom", IMAGE("option-bytes", "raw.bin"), ""), "the station only reads them");
	refuses(JOB("stm32-rom", IMAGE("otp", "raw.bin"), ""), "written once and never again");
	refuses(JOB("stm32-custom", IMAGE("device-feature", "raw.bin"), ""), "cannot be written by DFU");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_requirement_is_of_an_option_that_the_profile_knows),
		cmocka_unit_test(a_requirement_is_part_of_the_product),
		cmocka_unit_test(keys_need_a_device_id),
		cmocka_unit_test(what_is_not_seen_running_is_not_waited_for),
		cmocka_unit_test(option_bytes_and_otp_are_never_written),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
