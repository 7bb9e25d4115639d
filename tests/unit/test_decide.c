/* SPDX-License-Identifier: Apache-2.0 */
/* USES: returns jobs config keys base */
/* What is decided about a unit that came back: findings and policies in, acts out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "decide.h"
#include "plan_fixture.h"

#define KEYS \
	"device_key : { slot = \"device-rsa\"; };\n" \
	"server_key : { slot = \"server-rsa\"; file = \"" SERVER_KEY \
	"\"; host = \"c.example\"; };\n"
#define ENROL "enrol : { cloud = \"main\"; };\n"
#define PARTS IMAGE("system-part1", "part1.bin") ", " IMAGE("system-part2", "part2.bin")
#define USER IMAGE("user", "user.bin")
#define POLICY(text) "reprovision : { " text " };\n"

/* A case: the job's images and groups, what was found, and what comes of it. */
struct wanted {
	enum reason reason;
	bool new_device_key, new_server_key;
	unsigned acts;
	const char *wipes, *resale; /* names; the begin of the text */
};

static struct decision judge(
	const char *job, const struct findings *findings, struct decide_facts facts)
{
	struct decision decision;
	struct plan *plan = fixture_plan(job, NULL);
	if (!plan)
		fail_msg("%s", fixture_refusals);
	facts.plan = plan;
	decide(&facts, findings, &decision);
	plan_free(plan);
	return decision;
}

static void names_of(const struct decision *decision, char *to, size_t cap)
{
	to[0] = 0;
	for (size_t i = 0; i < decision->wipe_count; i++)
		snprintf(to + strlen(to), cap - strlen(to), "%s%s", i ? " " : "",
			decision->wipes[i].name);
}

static void check(const char *about, const struct decision *is, const struct wanted *should)
{
	char names[512];
	names_of(is, names, sizeof names);
	if (is->reason != should->reason)
		fail_msg("%s: %s: %s", about, reason_info(is->reason)->code, is->why);
	if (is->new_device_key != should->new_device_key ||
		is->new_server_key != should->new_server_key || is->acts != should->acts)
		fail_msg("%s: device key %d, server key %d, acts %u", about, is->new_device_key,
			is->new_server_key, is->acts);
	if (strcmp(names, should->wipes) != 0)
		fail_msg("%s: wipes '%s'", about, names);
	if (strncmp(is->resale, should->resale, strlen(should->resale)) != 0 ||
		is->for_resale != (strcmp(is->resale, "yes") == 0))
		fail_msg("%s: resale '%s'", about, is->resale);
	assert_int_equal(is->reason == REASON_NONE, is->why[0] == 0);
}

struct found {
	enum finding_code code;
	const char *subject;
};

static struct findings findings_of(const struct found *list, size_t count)
{
	struct findings findings = { 0 };
	for (size_t i = 0; i < count && list[i].subject; i++)
		finding_add(&findings, list[i].code, list[i].subject, "seen");
	return findings;
}
#define FOUND_MAX 6

/* --- set aside --- */

static void what_no_job_mends_is_set_aside(void **state)
{
	(void)state;
	static const struct {
		struct found found[FOUND_MAX];
		enum reason reason;
	} cases[] = {
		{ { { FINDING_CODE_OTHER_FAMILY, "unit" } }, REASON_WRONG_FAMILY },
		{ { { FINDING_CODE_OTHER_LAYOUT, "unit" } }, REASON_LAYOUT },
		{ { { FINDING_CODE_UNREADABLE, "user" } }, REASON_UNREADABLE },
		{ { { FINDING_CODE_READ_PROTECTED, "option-bytes" } }, REASON_READ_PROTECTED },
		{ { { FINDING_CODE_OPTIONS_WRONG, "option-bytes" } }, REASON_OPTION_BYTES },
		{ { { FINDING_CODE_WRITE_PROTECTED, "option-bytes" } }, REASON_WRITE_PROTECTED },
		{ { { FINDING_CODE_TOO_MANY, "unit" } }, REASON_UNREADABLE },
		{ { { FINDING_CODE_DEVICE_KEY_TWICE, "device-rsa" } }, REASON_DUPLICATE_KEY },
		{ { { FINDING_CODE_BOOTLOADER_DAMAGED, "bootloader" } }, REASON_NEEDS_SWD },
		{ { { FINDING_CODE_BOOTLOADER_DAMAGED, "bootloader" },
			  { FINDING_CODE_UNREADABLE, "user" } },
			REASON_UNREADABLE },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct findings findings = findings_of(cases[i].found, FOUND_MAX);
		const struct decision is = judge(JOB("photon", PARTS ", " USER, KEYS ENROL),
			&findings, (struct decide_facts){ .backed_up = true });
		check(finding_info(cases[i].found[0].code)->code, &is,
			&(struct wanted){ cases[i].reason, false, false, 0, "", "no: set aside" });
		assert_non_null(strstr(is.why, ": seen"));
	}
}

static void suspect_flash_is_set_aside(void **state)
{
	(void)state;
	struct findings findings = { 0 };
	finding_add(&findings, FINDING_CODE_IMAGE_DAMAGED, "user", "seen")->means =
		MEANS_FLASH_DEFECT;
	const struct decision is = judge(JOB("photon", PARTS ", " USER, KEYS ENROL), &findings,
		(struct decide_facts){ .backed_up = true });
	assert_int_equal(is.reason, REASON_FLASH_DEFECTIVE);
}

/* --- what the job lacks --- */

static void a_fault_that_the_job_leaves_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *job;
		struct found found;
		const char *lacks; /* NULL: nothing */
	} cases[] = {
		{ JOB("photon", USER, ""), { FINDING_CODE_IMAGE_DAMAGED, "user" }, NULL },
		{ JOB("photon", USER, ""), { FINDING_CODE_IMAGE_DAMAGED, "factory" },
			"no image for factory (factory: image-damaged)" },
		{ JOB("photon", USER, ""), { FINDING_CODE_IMAGE_BLANK, "system-part1" },
			"no image for system-part1" },
		{ JOB("photon", PARTS, ""), { FINDING_CODE_IMAGE_OTHER_FAMILY, "user" },
			"no image for user" },
		{ JOB("photon", PARTS, ""), { FINDING_CODE_IMAGE_MISPLACED, "user" },
			"no image for user" },
		{ JOB("photon", USER, ""), { FINDING_CODE_PARTS_INVALID, "device-rsa" },
			"no system parts" },
		{ JOB("photon", PARTS, ""), { FINDING_CODE_PARTS_INVALID, "device-rsa" }, NULL },
		{ JOB("photon", USER, ""), { FINDING_CODE_DEVICE_KEY_MISSING, "device-rsa" },
			"no device_key" },
		{ JOB("photon", USER, ""), { FINDING_CODE_DEVICE_KEY_UNUSABLE, "device-rsa" },
			"no device_key" },
		{ JOB("photon", USER, KEYS), { FINDING_CODE_DEVICE_KEY_MISSING, "device-rsa" },
			NULL },
		{ JOB("photon", USER, KEYS), { FINDING_CODE_DEVICE_KEY_MISMATCH, "device-rsa" },
			"no enrol" },
		{ JOB("photon", USER, ""), { FINDING_CODE_CLOUD_KEY_DIFFERS, "cloud" },
			"no device_key with enrol" },
		{ JOB("photon", USER, KEYS), { FINDING_CODE_CLOUD_KEY_ABSENT, "cloud" },
			"no enrol" },
		{ JOB("photon", USER, KEYS ENROL),
			{ FINDING_CODE_DEVICE_KEY_MISMATCH, "device-rsa" }, NULL },
		{ JOB("photon", USER, ""), { FINDING_CODE_SERVER_KEY_WRONG, "server-rsa" },
			"no server_key" },
		{ JOB("photon", USER, ""), { FINDING_CODE_SERVER_ADDRESS_WRONG, "server-rsa" },
			"no server_key" },
		{ JOB("photon", USER, KEYS ENROL),
			{ FINDING_CODE_SERVER_KEY_MISSING, "server-rsa" }, NULL },
		{ JOB("photon", USER, KEYS ENROL),
			{ FINDING_CODE_SERVER_KEY_UNUSABLE, "server-rsa" }, NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct findings findings = findings_of(&cases[i].found, 1);
		const struct decision is =
			judge(cases[i].job, &findings, (struct decide_facts){ .backed_up = true });
		const char *code = finding_info(cases[i].found.code)->code;
		if (is.reason != (cases[i].lacks ? REASON_JOB_MENDS_NOT : REASON_NONE))
			fail_msg("%s on %s: %s", code, cases[i].found.subject, is.why);
		if (cases[i].lacks && !strstr(is.why, cases[i].lacks))
			fail_msg("%s: '%s', not '%s'", code, is.why, cases[i].lacks);
	}
}

/* A new one gets no further than its table of cures. */
static void every_fault_has_a_cure_or_sets_aside(void **state)
{
	(void)state;
	struct plan *plan = fixture_plan(JOB("photon", PARTS ", " USER, KEYS ENROL), NULL);
	assert_non_null(plan);
	for (int code = 0; code < FINDING_CODES; code++) {
		const struct finding_info *info = finding_info((enum finding_code)code);
		struct decide_facts facts = { .plan = plan, .backed_up = true };
		struct findings findings = { 0 };
		struct decision decision;
		if (info->state != FINDING_FAULT)
			continue;
		finding_add(&findings, (enum finding_code)code, "user", "seen");
		decide(&facts, &findings, &decision);
		if ((decision.reason == REASON_NONE) !=
			((info->means & ~(unsigned)REPAIR_ANY) == 0 &&
				code != FINDING_CODE_DEVICE_KEY_TWICE))
			fail_msg("%s: %s", info->code, decision.why);
	}
	plan_free(plan);
}

/* --- keys --- */

static const struct record_left made_here = { .attempt_id = "a", .enrolled = "abc" };

static void the_device_key_goes_by_what_is_known_of_it(void **state)
{
	(void)state;
#define NEW JOB("photon", USER, KEYS ENROL)
#define KEEP_VALID JOB("photon", USER, KEYS ENROL POLICY("device_key = \"keep-valid\";"))
#define ENROLLED \
	{ \
		FINDING_CODE_DEVICE_KEY_ENROLLED, "device-rsa" \
	}
#define UNPROVEN \
	{ \
		FINDING_CODE_DEVICE_KEY_UNPROVEN, "device-rsa" \
	}
	static const struct {
		const char *about, *job;
		struct found found[FOUND_MAX];
		bool resumed, new_key, replaces;
	} cases[] = {
		{ "new", NEW, { ENROLLED }, false, true, true },
		{ "new, interrupted before", NEW,
			{ { FINDING_CODE_DEVICE_KEY_MISMATCH, "device-rsa" } }, true, false,
			false },
		{ "new, none there", NEW, { { FINDING_CODE_DEVICE_KEY_MISSING, "device-rsa" } },
			false, true, false },
		{ "new, made elsewhere", NEW, { UNPROVEN }, false, true, true },
		{ "new, the cloud denies", NEW,
			{ UNPROVEN, { FINDING_CODE_CLOUD_KEY_ABSENT, "cloud" } }, false, true,
			false },
		{ "keep", KEEP_VALID, { ENROLLED }, false, false, false },
		{ "keep, as the cloud says", KEEP_VALID,
			{ ENROLLED, { FINDING_CODE_CLOUD_KEY_SAME, "cloud" } }, false, false,
			false },
		{ "keep, but the cloud has another", KEEP_VALID,
			{ ENROLLED, { FINDING_CODE_CLOUD_KEY_DIFFERS, "cloud" } }, false, true,
			false },
		{ "keep, but the cloud has none", KEEP_VALID,
			{ ENROLLED, { FINDING_CODE_CLOUD_KEY_ABSENT, "cloud" } }, false, true,
			false },
		{ "keep, unusable", KEEP_VALID,
			{ { FINDING_CODE_DEVICE_KEY_UNUSABLE, "device-rsa" } }, false, true,
			false },
		{ "keep, not the enrolled one", KEEP_VALID,
			{ { FINDING_CODE_DEVICE_KEY_MISMATCH, "device-rsa" } }, false, true,
			false },
		{ "keep, not proven", KEEP_VALID, { UNPROVEN }, false, true, true },
		{ "keep, made elsewhere", KEEP_VALID,
			{ UNPROVEN, { FINDING_CODE_CLOUD_KEY_SAME, "cloud" } }, false, false,
			false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct findings findings = findings_of(cases[i].found, FOUND_MAX);
		const struct decision is = judge(cases[i].job, &findings,
			(struct decide_facts){ .backed_up = true,
				.left = &made_here,
				.key_resumed = cases[i].resumed });
		check(cases[i].about, &is,
			&(struct wanted){ REASON_NONE, cases[i].new_key, true,
				cases[i].replaces ? ACT_REPLACE_DEVICE_KEY : 0, "",
				"no: by hand" });
	}
}

static void a_key_that_cannot_be_judged_may_be_accepted(void **state)
{
	(void)state;
	const struct findings findings =
		findings_of(&(struct found){ FINDING_CODE_PARTS_INVALID, "device-rsa" }, 1);
	struct decide_facts facts = { .backed_up = true, .records_invalid = true };
	const char *job = JOB("photon", PARTS ", " USER, KEYS ENROL);
	struct decision is = judge(job, &findings, facts);
	assert_int_equal(is.reason, REASON_NONE);
	assert_false(is.acts & ACT_REPLACE_DEVICE_KEY);
	facts.left = &made_here;
	is = judge(job, &findings, facts);
	assert_true(is.acts & ACT_REPLACE_DEVICE_KEY);
	assert_true(is.new_device_key && is.new_server_key);
}

static void an_enrolled_unit_gets_no_key_that_nobody_enrols(void **state)
{
	(void)state;
	const struct findings findings =
		findings_of(&(struct found){ FINDING_CODE_DEVICE_KEY_ENROLLED, "device-rsa" }, 1);
	struct decide_facts facts = { .backed_up = true, .left = &made_here };
	struct decision is = judge(JOB("photon", USER, KEYS), &findings, facts);
	assert_int_equal(is.reason, REASON_JOB_MENDS_NOT);
	assert_non_null(strstr(is.why, "no enrol"));
	is = judge(
		JOB("photon", USER, KEYS POLICY("device_key = \"keep-valid\";")), &findings, facts);
	assert_int_equal(is.reason, REASON_NONE);
	assert_false(is.new_device_key);
	is = judge(JOB("photon", USER, ""), &findings, facts);
	assert_int_equal(is.reason, REASON_NONE);
	assert_false(is.new_device_key || is.new_server_key);
}

static void the_server_key_is_kept_if_it_is_right(void **state)
{
	(void)state;
	const struct findings right =
		findings_of(&(struct found){ FINDING_CODE_SERVER_KEY_SAME, "server-rsa" }, 1);
	const struct decide_facts facts = { .backed_up = true };
	assert_false(judge(JOB("photon", USER, KEYS), &right, facts).new_server_key);
	assert_true(judge(JOB("photon", USER, KEYS POLICY("server_key = \"new\";")), &right, facts)
			    .new_server_key);
	assert_true(
		judge(JOB("photon", USER, KEYS), &(struct findings){ 0 }, facts).new_server_key);
}

/* --- images and backup --- */

static void policies_of_images_and_backup(void **state)
{
	(void)state;
	const struct findings none = { 0 };
	struct decide_facts facts = { .backed_up = true };
	assert_int_equal(judge(JOB("photon", USER, ""), &none, facts).write, WRITE_CHANGED);
	assert_int_equal(
		judge(JOB("photon", USER, POLICY("images = \"always\";")), &none, facts).write,
		WRITE_ALWAYS);
	assert_int_equal(judge(JOB("photon", USER, ""), &none, facts).acts, 0);
	facts.backed_up = false;
	const struct decision is = judge(JOB("photon", USER, ""), &none, facts);
	char text[ERR_TEXT_MAX];
	assert_int_equal(is.acts, ACT_NO_BACKUP);
	decide_acts_text(&is, ACTS_ALL, text, sizeof text);
	assert_string_equal(text, "changes the unit without a backup");
	decide_acts_text(&is, ACT_REPLACE_DEVICE_KEY, text, sizeof text);
	assert_string_equal(text, "");
}

/* --- what an owner left --- */

static void what_an_owner_left_goes_or_stays(void **state)
{
	(void)state;
#define WIPE JOB("photon", PARTS, "")
#define KEEP JOB("photon", PARTS, POLICY("customer_data = \"keep\";"))
#define HIDDEN "credentials of networks"
	static const struct {
		const char *about, *job;
		struct found found[FOUND_MAX];
		bool records_invalid;
		unsigned acts;
		const char *wipes, *resale;
	} cases[] = {
		{ "nothing found", WIPE, { { FINDING_CODE_NOT_CLAIMED, "claimed" } }, false, 0, "",
			"no: by hand: " HIDDEN },
		{ "claimed", WIPE,
			{ { FINDING_CODE_CLAIMED, "claimed" },
				{ FINDING_CODE_CUSTOMER_DATA, "claim-code" } },
			false, ACT_WIPE_CUSTOMER_DATA, "claimed claim-code", "no: by hand: " },
		{ "claimed, kept", KEEP,
			{ { FINDING_CODE_CLAIMED, "claimed" },
				{ FINDING_CODE_CUSTOMER_DATA, "claim-code" } },
			false, 0, "", "no: kept: claimed, claim-code, " HIDDEN },
		{ "a flag", WIPE, { { FINDING_CODE_FLAG_SET, "bootloader-waits" } }, false, 0,
			"bootloader-waits", "no: by hand: " },
		{ "a flag, kept all the same not", KEEP,
			{ { FINDING_CODE_FLAG_SET, "bootloader-waits" } }, false, 0,
			"bootloader-waits", "no: kept: " },
		{ "EEPROM", WIPE, { { FINDING_CODE_CUSTOMER_DATA, "eeprom1" } }, false, 0, "",
			"no: by hand: eeprom1: what an application keeps in its EEPROM emulation: let an "
			"application" },
		{ "what its bootloader does not show", WIPE,
			{ { FINDING_CODE_CUSTOMER_HIDDEN, "claim-code" } }, false, 0, "",
			"no: by hand: claim-code: the code with which an account claims the unit: its "
			"bootloader does not show it; write a newer one" },
		{ "what its bootloader does not show, kept", KEEP,
			{ { FINDING_CODE_CUSTOMER_HIDDEN, "claim-code" } }, false, 0, "",
			"no: kept: claim-code, " HIDDEN },
		{ "an application", WIPE, { { FINDING_CODE_IMAGE_UNKNOWN, "user" } }, false,
			ACT_WIPE_CUSTOMER_DATA, "user", "no: by hand: " },
		{ "an application of ours", WIPE, { { FINDING_CODE_IMAGE_SAME, "user" } }, false, 0,
			"", "no: by hand: " },
		{ "an application, kept", KEEP, { { FINDING_CODE_IMAGE_UNKNOWN, "user" } }, false,
			0, "", "no: kept: user" },
		{ "an update's rest", WIPE, { { FINDING_CODE_IMAGE_LEFTOVER, "ota" } }, false,
			ACT_WIPE_CUSTOMER_DATA, "ota", "no: by hand: " },
		{ "system parts are nobody's", WIPE,
			{ { FINDING_CODE_IMAGE_UNKNOWN, "system-part1" } }, false, 0, "",
			"no: by hand: " },
		{ "what could not be read", WIPE, { { FINDING_CODE_PARTS_INVALID, "device-rsa" } },
			true, ACT_WIPE_CUSTOMER_DATA, "claimed claim-code bootloader-waits",
			"no: by hand: " },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct findings findings = findings_of(cases[i].found, FOUND_MAX);
		const struct decision is = judge(cases[i].job, &findings,
			(struct decide_facts){
				.backed_up = true, .records_invalid = cases[i].records_invalid });
		check(cases[i].about, &is,
			&(struct wanted){ REASON_NONE, false, false, cases[i].acts, cases[i].wipes,
				cases[i].resale });
	}
}

static void an_application_that_the_job_overwrites_is_told(void **state)
{
	(void)state;
	const struct findings findings =
		findings_of(&(struct found){ FINDING_CODE_IMAGE_UNKNOWN, "user" }, 1);
	const struct decide_facts facts = { .backed_up = true };
	const struct decision is =
		judge(JOB("photon", USER, POLICY("customer_data = \"keep\";")), &findings, facts);
	char text[ERR_TEXT_MAX];
	assert_int_equal(is.acts, ACT_WIPE_CUSTOMER_DATA);
	assert_int_equal(is.wipe_count, 0);
	decide_acts_text(&is, is.acts, text, sizeof text);
	assert_string_equal(text, "wipes what its owner left: user");
}

/* A Core's pages behind the image are nobody's but the owner's. */
static void data_behind_an_image_goes_too(void **state)
{
	(void)state;
	const struct findings behind =
		findings_of(&(struct found){ FINDING_CODE_CUSTOMER_DATA, "user" }, 1);
	const struct decide_facts facts = { .backed_up = true };
	struct decision is = judge(JOB("core", IMAGE("user", "core.bin"), ""), &behind, facts);
	assert_int_equal(is.acts, ACT_WIPE_CUSTOMER_DATA);
	assert_int_equal(is.wipe_count, 1);
	assert_int_equal(is.wipes[0].addr, 0x08005c00);
	assert_int_equal(is.wipes[0].size, 0x1a400);
	is = judge(JOB("core", IMAGE("user", "core.bin"), POLICY("customer_data = \"keep\";")),
		&behind, facts);
	assert_int_equal(is.acts, ACT_WIPE_CUSTOMER_DATA);
	assert_int_equal(is.wipe_count, 0);
	assert_non_null(strstr(is.resale, "no: kept: user"));
	/* Of a Photon all of it is one sector, which is the image's. */
	is = judge(JOB("photon", USER, ""), &behind, facts);
	assert_int_equal(is.acts, ACT_WIPE_CUSTOMER_DATA);
	assert_int_equal(is.wipe_count, 0);
	assert_string_equal(is.loses, "user");
}

/* ota is two sectors, the second of which is the factory region's. */
static void a_wipe_leaves_what_is_the_jobs_or_anothers(void **state)
{
	(void)state;
	const struct findings rest =
		findings_of(&(struct found){ FINDING_CODE_IMAGE_LEFTOVER, "ota" }, 1);
	const struct decide_facts facts = { .backed_up = true };
	struct decision is = judge(JOB("photon", PARTS, ""), &rest, facts);
	assert_int_equal(is.wipe_count, 1);
	assert_int_equal(is.wipes[0].addr, 0x080c0000);
	assert_int_equal(is.wipes[0].size, 0x20000);
	assert_int_equal(is.wipes[0].idle, 0xff);
	/* A bootloader waits there on its way. */
	is = judge(JOB("photon", PARTS ", " IMAGE("bootloader", "boot.bin"), ""), &rest, facts);
	assert_int_equal(is.wipe_count, 0);
	/* Whole sectors in NOR, and a Core's keys are not among them. */
	const struct findings spi =
		findings_of(&(struct found){ FINDING_CODE_CUSTOMER_DATA, "spi-user" }, 1);
	is = judge(JOB("core", IMAGE("user", "core.bin"), ""), &spi, facts);
	assert_int_equal(is.wipe_count, 1);
	assert_int_equal(is.wipes[0].alt, 1);
	assert_int_equal(is.wipes[0].addr, 0x80000);
	assert_int_equal(is.wipes[0].size, 0x180000);
	/* An early one has less, and behind its end the keys once more. */
	static uint32_t ends[UINT8_MAX + 1];
	ends[1] = 0x100000;
	const struct decide_facts small = { .backed_up = true, .ends = ends };
	is = judge(JOB("core", IMAGE("user", "core.bin"), ""), &spi, small);
	assert_int_equal(is.wipe_count, 1);
	assert_int_equal(is.wipes[0].size, 0x80000);
	ends[1] = 0x80000;
	is = judge(JOB("core", IMAGE("user", "core.bin"), ""), &spi, small);
	assert_int_equal(is.wipe_count, 0);
	assert_int_equal(is.acts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_job_mends_is_set_aside),
		cmocka_unit_test(suspect_flash_is_set_aside),
		cmocka_unit_test(a_fault_that_the_job_leaves_is_named),
		cmocka_unit_test(every_fault_has_a_cure_or_sets_aside),
		cmocka_unit_test(the_device_key_goes_by_what_is_known_of_it),
		cmocka_unit_test(a_key_that_cannot_be_judged_may_be_accepted),
		cmocka_unit_test(an_enrolled_unit_gets_no_key_that_nobody_enrols),
		cmocka_unit_test(the_server_key_is_kept_if_it_is_right),
		cmocka_unit_test(policies_of_images_and_backup),
		cmocka_unit_test(what_an_owner_left_goes_or_stays),
		cmocka_unit_test(an_application_that_the_job_overwrites_is_told),
		cmocka_unit_test(data_behind_an_image_goes_too),
		cmocka_unit_test(a_wipe_leaves_what_is_the_jobs_or_anothers),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
