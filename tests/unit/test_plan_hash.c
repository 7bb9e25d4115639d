/* SPDX-License-Identifier: Apache-2.0 */
/* USES: jobs config keys base */
/* What changes plan_sha256, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plan_fixture.h"

#define KEYS \
	"device_key : { slot = \"device-rsa\"; };\n" \
	"server_key : { slot = \"server-rsa\"; file = \"" SERVER_KEY \
	"\"; host = \"a.example\"; port = 1; };\n" \
	"enrol : { cloud = \"main\"; product_id = \"1\"; };\n"
#define BASE JOB("photon", IMAGE("user", "user.bin"), KEYS)

static void hash_of(const char *job, const struct plan_options *options, char to[SHA256_HEX])
{
	struct plan *plan = fixture_plan(job, options);
	if (!plan)
		fail_msg("%s", fixture_refusals);
	assert_int_equal(strlen(plan->sha256), 64);
	memcpy(to, plan->sha256, SHA256_HEX);
	plan_free(plan);
}

static void assert_same(const char *job, bool same)
{
	char base[SHA256_HEX], other[SHA256_HEX];
	hash_of(BASE, NULL, base);
	hash_of(job, NULL, other);
	if ((strcmp(base, other) == 0) != same)
		fail_msg("the hash %s with\n%s", same ? "changes" : "stays", job);
}

static void what_makes_no_other_product_does_not_count(void **state)
{
	(void)state;
	assert_same(BASE, true);
	assert_same("// a comment\n" BASE, true);
	assert_same("job : { name = \"another\"; family = \"photon\"; part_number = \"P\"; "
		    "part_revision = \"R\";\n"
		    "quantity = 7; images = (" IMAGE("user", "user.bin") ");\n" KEYS "};",
		true);
	assert_same(JOB("photon", IMAGE("user", "user.bin"),
			    KEYS "write = \"changed\"; after = \"runs\"; limits : { retries = 9; "
				 "min_yield = 0.5; };"),
		true);
}

static void what_makes_another_product_counts(void **state)
{
	(void)state;
	static const char *const jobs[] = {
		JOB("photon", IMAGE("user", "user-2.bin"), KEYS),
		JOB("photon", IMAGE("factory", "user.bin"), KEYS),
		JOB("photon", IMAGE("user", "user.bin") ",\n" IMAGE("factory", "user.bin"), KEYS),
		JOB("photon", IMAGE("user", "user.bin"), ""),
		JOB("photon", IMAGE("user", "user.bin"),
			"device_key : { slot = \"device-rsa\"; policy = \"keep-valid\"; };\n"
			"server_key : { slot = \"server-rsa\"; file = \"" SERVER_KEY
			"\"; host = \"a.example\"; port = 1; };\nenrol : { cloud = \"main\"; "
			"product_id = \"1\"; };"),
		JOB("photon", IMAGE("user", "user.bin"),
			"device_key : { slot = \"device-ec\"; };\n"
			"server_key : { slot = \"server-rsa\"; file = \"" SERVER_KEY
			"\"; host = \"a.example\"; port = 1; };\nenrol : { cloud = \"main\"; "
			"product_id = \"1\"; };"),
		JOB("photon", IMAGE("user", "user.bin"),
			"device_key : { slot = \"device-rsa\"; };\n"
			"server_key : { slot = \"server-rsa\"; file = \"" SERVER_KEY
			"\"; host = \"b.example\"; port = 1; };\nenrol : { cloud = \"main\"; "
			"product_id = \"1\"; };"),
		JOB("photon", IMAGE("user", "user.bin"),
			"device_key : { slot = \"device-rsa\"; };\n"
			"server_key : { slot = \"server-rsa\"; file = \"" SERVER_KEY
			"\"; host = \"a.example\"; port = 2; };\nenrol : { cloud = \"main\"; "
			"product_id = \"1\"; };"),
		JOB("photon", IMAGE("user", "user.bin"),
			"device_key : { slot = \"device-rsa\"; };\n"
			"server_key : { slot = \"server-rsa\"; file = \"" SERVER_KEY
			"\"; host = \"a.example\"; port = 1; };\nenrol : { cloud = \"main\"; "
			"product_id = \"2\"; };"),
		JOB("photon", IMAGE("user", "user.bin"),
			"device_key : { slot = \"device-rsa\"; };\n"
			"server_key : { slot = \"server-rsa\"; file = \"" SERVER_KEY
			"\"; host = \"a.example\"; port = 1; };\nenrol : { cloud = \"other\"; "
			"product_id = \"1\"; };"),
	};
	for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
		assert_same(jobs[i], false);
}

static void every_byte_of_an_image_counts(void **state)
{
	(void)state;
	const char *job = JOB("core", IMAGE("spi-user", "bytes.bin"), "");
	uint8_t bytes[64] = { 0 };
	char before[SHA256_HEX], after[SHA256_HEX];
	fixture_write("bytes.bin", bytes, sizeof bytes);
	hash_of(job, NULL, before);
	for (size_t i = 0; i < sizeof bytes; i++) {
		bytes[i] = 1;
		fixture_write("bytes.bin", bytes, sizeof bytes);
		hash_of(job, NULL, after);
		assert_string_not_equal(before, after);
		bytes[i] = 0;
	}
	fixture_write("bytes.bin", bytes, sizeof bytes - 1);
	hash_of(job, NULL, after);
	assert_string_not_equal(before, after);
}

static void order_of_images_does_not_count(void **state)
{
	(void)state;
	char one[SHA256_HEX], other[SHA256_HEX];
	hash_of(JOB("photon", IMAGE("user", "user.bin") ",\n" IMAGE("factory", "user-2.bin"), ""),
		NULL, one);
	hash_of(JOB("photon", IMAGE("factory", "user-2.bin") ",\n" IMAGE("user", "user.bin"), ""),
		NULL, other);
	assert_string_equal(one, other);
	hash_of(JOB("photon", IMAGE("factory", "user.bin") ",\n" IMAGE("user", "user-2.bin"), ""),
		NULL, other);
	assert_string_not_equal(one, other);
}

static void port_of_a_virtual_cloud_does_not_count(void **state)
{
	(void)state;
	struct plan_options options = { .cloud_url = "https://127.0.0.1:1/{device_id}" };
	char one[SHA256_HEX], other[SHA256_HEX], real[SHA256_HEX];
	hash_of(BASE, &options, one);
	options.cloud_url = "https://127.0.0.1:2/{device_id}";
	hash_of(BASE, &options, other);
	hash_of(BASE, NULL, real);
	assert_string_equal(one, other);
	assert_string_not_equal(one, real);
}

static void url_and_api_of_a_cloud_count(void **state)
{
	(void)state;
	struct config config = fixture_config;
	struct plan_options options = { .config = &config };
	char before[SHA256_HEX], after[SHA256_HEX];
	hash_of(BASE, &options, before);
	config.clouds[0].timeout_ms++;
	config.clouds[0].retries++;
	hash_of(BASE, &options, after);
	assert_string_equal(before, after);
	config.clouds[0].api = CLOUD_API_PARTICLE;
	hash_of(BASE, &options, after);
	assert_string_not_equal(before, after);
	config.clouds[0].api = CLOUD_API_JSON;
	strcpy(config.clouds[0].url, "https://other.example.com/{device_id}");
	hash_of(BASE, &options, after);
	assert_string_not_equal(before, after);
}

/* Copies the Photon's profile next to the job with one text replaced, which must be in it. */
static void hash_with_profile(const char *from, const char *to, char ret[SHA256_HEX])
{
	uint8_t *text;
	size_t len;
	struct err err;
	char changed[32768];
	assert_true(fs_read(
		SOURCE_DIR "/config/families/photon.cfg", 16384, REASON_INPUT, &text, &len, &err));
	const char *at = strstr((const char *)text, from);
	assert_non_null(at);
	snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - (const char *)text),
		(const char *)text, to, at + strlen(from));
	free(text);
	fixture_write("families/photon.cfg", changed, strlen(changed));
	hash_of(BASE, NULL, ret);
}

static void profile_counts_where_it_makes_the_product(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to;
		bool counts;
	} changes[] = {
		{ "Particle Photon", "Another title", false },
		{ "boot_timeout_ms = 20000", "boot_timeout_ms = 21000", false },
		{ "erase_timeout_ms = 10000", "erase_timeout_ms = 12000", false },
		{ "quirks = [ \"early-poll\", \"zero-means-invalid\" ]", "quirks = []", false },
		{ "flag of a staged bootloader", "a flag", false },
		{ "or raise the system parts first", "or do it otherwise", false },
		{ "settle_ms = 3000", "settle_ms = 4000", false },
		{ "min_version = 1213", "min_version = 1214", false },
		{ "value = 0xa5", "value = 0xa6", true },
		{ "address = 1753; value", "address = 1754; value", true },
		{ "system_part = true", "system_part = false", true },
		{ "size = 612", "size = 616", true },
		{ "padding = 0xff", "padding = 0x00", true },
		{ "default_port = 5683", "default_port = 5684", true },
		{ "access_end = 8391", "access_end = 8000", true },
		{ "product_id = 0xd006", "product_id = 0xd00f", true },
		{ "header_with_vectors = 0x184", "header_with_vectors = 0x188", true },
		{ "address = 3618", "address = 3620", true },
	};
	char path[FS_PATH_MAX], before[SHA256_HEX], after[SHA256_HEX];
	struct err err;
	assert_true(fs_join(path, fixture_folder, "families", &err) &&
		    fs_make_folder(path, 0755, &err));
	hash_of(BASE, NULL, before);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		hash_with_profile(changes[i].from, changes[i].to, after);
		if ((strcmp(before, after) != 0) != changes[i].counts)
			fail_msg("%s -> %s: wrong", changes[i].from, changes[i].to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_makes_no_other_product_does_not_count),
		cmocka_unit_test(what_makes_another_product_counts),
		cmocka_unit_test(every_byte_of_an_image_counts),
		cmocka_unit_test(order_of_images_does_not_count),
		cmocka_unit_test(port_of_a_virtual_cloud_does_not_count),
		cmocka_unit_test(url_and_api_of_a_cloud_count),
		cmocka_unit_test(profile_counts_where_it_makes_the_product),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
