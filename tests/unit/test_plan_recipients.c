/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs config keys base */
/* Who a job lets open backups: certificates made by openssl, pinned or not; and no part of the product. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plan_fixture.h"

static char fingerprint[SHA256_HEX];

static int setup(void **state)
{
	char command[1024];
	if (fixture_setup(state) != 0)
		return -1;
	snprintf(command, sizeof command,
		"cd %s && openssl req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=quality -keyout q.key"
		" -out q.pem 2>/dev/null && openssl x509 -in q.pem -outform DER -out q.der && sha256sum"
		" q.der | cut -c1-64",
		fixture_folder);
	FILE *pipe = popen(command, "r");
	bool good = pipe && fgets(fingerprint, sizeof fingerprint, pipe);
	return pipe && pclose(pipe) == 0 && good ? 0 : -1;
}

static struct plan *plan_for(const char *backup, const struct plan_options *options)
{
	char job[2048];
	snprintf(job, sizeof job, JOB("core", IMAGE("user", "core.bin"), "%s"), backup);
	return fixture_plan(job, options);
}

static void assert_refused(const char *backup, const struct plan_options *options, const char *text)
{
	struct plan *plan = plan_for(backup, options);
	if (plan || !strstr(fixture_refusals, text))
		fail_msg("%s instead of %s", fixture_refusals, text);
}

static void certificates_are_read_and_no_part_of_the_product(void **state)
{
	static const char *const files[] = { "q.pem", "q.der" };
	char hash[SHA256_HEX], text[256];
	(void)state;
	struct plan *plan = plan_for("", NULL);
	assert_non_null(plan);
	assert_int_equal(plan->recipients.count, 0);
	memcpy(hash, plan->sha256, sizeof hash);
	plan_free(plan);
	for (size_t i = 0; i < 2; i++) {
		snprintf(text, sizeof text, "backup : { recipients = ( { file = \"%s\"; } ); };",
			files[i]);
		plan = plan_for(text, NULL);
		if (!plan)
			fail_msg("%s", fixture_refusals);
		assert_int_equal(plan->recipients.count, 1);
		assert_string_equal(plan->recipients.list[0].fingerprint, fingerprint);
		assert_string_equal(plan->recipients.list[0].who, "CN = quality");
		assert_string_equal(plan->sha256, hash);
		plan_free(plan);
	}
}

static void a_real_run_wants_the_right_pin(void **state)
{
	const struct plan_options real = { .config = &fixture_config, .want_pins = true };
	char text[512], wanted[256];
	(void)state;
	snprintf(wanted, sizeof wanted, "(%s), then station check --pin writes it", fingerprint);
	assert_refused("backup : { recipients = ( { file = \"q.pem\"; } ); };", &real, wanted);
	snprintf(wanted, sizeof wanted,
		"the fingerprint of this certificate is %s, the job wants %064d", fingerprint, 7);
	snprintf(text, sizeof text,
		"backup : { recipients = ( { file = \"q.pem\"; sha256 = \"%064d\"; } ); };", 7);
	assert_refused(text, NULL, wanted);
	assert_refused(text, &real, wanted);
	/* The images are not pinned here, which is all that is left to say. */
	snprintf(text, sizeof text,
		"backup : { recipients = ( { file = \"q.pem\"; sha256 = \"%s\"; } ); };",
		fingerprint);
	assert_refused(text, &real, "images[0]");
	assert_null(strstr(fixture_refusals, "backup"));
}

static void what_is_no_certificate_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_refused("backup : { recipients = (\n{ file = \"junk.der\"; } ); };", NULL,
		"job.cfg:8: backup: ");
	assert_refused("backup : { recipients = ( { file = \"q.key\"; } ); };", NULL,
		"holds no certificate");
	assert_refused(
		"backup : { recipients = ( { file = \"none.pem\"; } ); };", NULL, "none.pem");
	assert_refused(
		"backup : { recipients = ( { file = \"q.pem\"; }, { file = \"q.der\"; } ); };",
		NULL, "is the same certificate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_are_read_and_no_part_of_the_product),
		cmocka_unit_test(a_real_run_wants_the_right_pin),
		cmocka_unit_test(what_is_no_certificate_is_refused_with_its_line),
	};
	return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
