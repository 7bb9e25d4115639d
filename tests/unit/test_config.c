/* SPDX-License-Identifier: Apache-2.0 */
/* USES: config base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Relative names in a file are taken from its folder. */
#define FOLDER "/tmp"
static char path[] = FOLDER "/test-config-XXXXXX";
static struct config config;

static int make_file(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static bool load(const char *text, struct err *err)
{
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
	return config_load(path, &config, err);
}

static void the_shipped_example_loads(void **state)
{
	(void)state;
	struct err err = { 0 };
	if (!config_load(SOURCE_DIR "/config/station.cfg", &config, &err))
		fail_msg("%s", err.text);
	assert_string_equal(config.id, "bench-1");
	assert_string_equal(config.state_dir, "/var/lib/station");
	assert_string_equal(config.record_copy_dir, "");
	assert_string_equal(config.signing_key_file, "");
	assert_int_equal(config.parallel, 16);
	assert_int_equal(config.stagger_ms, 0);
	assert_int_equal(config.gone_wait_ms, 10000);
	assert_false(config.power_cycle);
	assert_int_equal(config.power_off_ms, 2000);
	assert_true(config.pinned_images);
	assert_int_equal(config.slot_count, 4);
	assert_string_equal(config.slots[2].name, "A3");
	assert_string_equal(config.slots[2].port, "1-1.3");
	assert_string_equal(config.slots[2].controller, "");
	assert_int_equal(config.cloud_count, 1);
	const struct config_cloud *cloud = config_cloud(&config, "main");
	assert_non_null(cloud);
	assert_int_equal(cloud->api, CLOUD_API_PARTICLE);
	assert_string_equal(cloud->token_file, "/etc/station/token");
	assert_int_equal(cloud->timeout_ms, 10000);
	assert_int_equal(cloud->in_flight, 8);
	assert_null(config_cloud(&config, "other"));
	assert_int_equal(strlen(config.sha256), 64);
}

static void without_a_file_there_are_defaults(void **state)
{
	(void)state;
	struct err err = { 0 };
	assert_true(config_load("", &config, &err));
	assert_string_equal(config.path, "");
	assert_string_equal(
		config.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_string_equal(config.state_dir, "/var/lib/station");
	assert_int_equal(config.parallel, 16);
	assert_true(config.pinned_images);
	assert_int_equal(config.slot_count, 0);
	assert_int_equal(config.cloud_count, 0);
}

static void a_short_file_keeps_the_defaults(void **state)
{
	(void)state;
	struct err err = { 0 };
	assert_true(load("station : { id = \"b\"; };", &err));
	assert_string_equal(config.state_dir, "/var/lib/station");
	assert_string_equal(config.record_copy_dir, "");
	assert_true(load("station : { id = \"b\"; state_dir = \"state\";\n"
			 "slots = ( { name = \"a\"; port = \"1-2\"; controller = \"x\"; },\n"
			 " { name = \"b\"; port = \"1-2\"; controller = \"y\"; } );\n"
			 "clouds = ( { name = \"c\"; api = \"json\"; url = "
			 "\"https://h/{device_id}\"; } ); };",
		&err));
	assert_string_equal(config.state_dir, FOLDER "/state");
	assert_int_equal(config.parallel, 16);
	assert_int_equal(config.slot_count, 2);
	assert_int_equal(config.clouds[0].timeout_ms, 10000);
	assert_int_equal(config.clouds[0].retries, 2);
	assert_string_equal(config.clouds[0].token_file, "");
	assert_string_equal(config.clouds[0].client_cert_file, "");
	assert_int_equal(config.clouds[0].settle_ms, 2000);
	assert_true(
		load("station : { id = \"b\";\n"
		     "clouds = ( { name = \"c\"; api = \"particle\"; url = "
		     "\"https://h/{device_id}\";\n"
		     "client_cert_file = \"c.pem\"; client_key_file = \"c.key\"; settle_ms = 5; "
		     "} ); };",
			&err));
	assert_string_equal(config.clouds[0].client_cert_file, FOLDER "/c.pem");
	assert_string_equal(config.clouds[0].client_key_file, FOLDER "/c.key");
	assert_int_equal(config.clouds[0].settle_ms, 5);
}

#define CLOUD(url) \
	"station : { id = \"b\";\nclouds = (\n{ name = \"c\"; api = \"json\";\nurl = \"" url \
	"\"; } ); };", \
		"4: station.clouds[0].url: "
#define SLOT(text) \
	"station : { id = \"b\";\nslots = (\n{ name = \"a\"; port = \"1-2\"; },\n{ " text " } ); " \
	"};"

static void mistakes_are_refused_with_line_and_path(void **state)
{
	(void)state;
	static const struct {
		const char *text, *at, *says;
	} cases[] = {
		{ "station : {\n};", "1: station.id: ", "missing" },
		{ "station : {\n id = \"a b\"; };", "2: station.id: ", "must be letters" },
		{ "station : { id = \"b\";\nparalel = 5; };",
			"2: station.paralel: ", "unknown key; allowed here: id" },
		{ "station : { id = \"b\";\nparallel = 0; };",
			"2: station.parallel: ", "from 1 to 128" },
		{ "station : { id = \"b\";\ntoken = \"x\"; };",
			"2: station.token: ", "unknown key" },
		{ "station : { id = \"b\";\nstate_dir = \"\"; };",
			"2: station.state_dir: ", "is empty" },
		{ "job : { };", "1: job: ", "allowed here: station" },
		{ SLOT("name = \"a\"; port = \"1-3\";"),
			"4: station.slots[1].name: ", "two slots \"a\"" },
		{ SLOT("name = \"b\"; port = \"1-2\";"),
			"4: station.slots[1].port: ", "already slot \"a\"" },
		{ SLOT("name = \"b\"; port = \"1-2\"; controller = \"x\";"),
			"4: station.slots[1].port: ", "already slot" },
		{ SLOT("name = \"..\"; port = \"1-3\";"),
			"4: station.slots[1].name: ", "must be letters" },
		{ SLOT("name = \"a/b\"; port = \"1-3\";"),
			"4: station.slots[1].name: ", "must be letters" },
		{ SLOT("name = \"\"; port = \"1-3\";"),
			"4: station.slots[1].name: ", "must be letters" },
		{ SLOT("name = \"-x\"; port = \"1-3\";"),
			"4: station.slots[1].name: ", "must be letters" },
		{ SLOT("name = \"b\"; port = \"usb1\";"),
			"4: station.slots[1].port: ", "must be a USB port" },
		{ SLOT("name = \"b\"; port = \"1-\";"),
			"4: station.slots[1].port: ", "must be a USB port" },
		{ SLOT("name = \"b\"; port = \"1-0\";"),
			"4: station.slots[1].port: ", "must be a USB port" },
		{ SLOT("name = \"b\"; port = \"1-1.\";"),
			"4: station.slots[1].port: ", "must be a USB port" },
		{ SLOT("name = \"b\"; port = \"1-1:1.0\";"),
			"4: station.slots[1].port: ", "must be a USB port" },
		{ SLOT("name = \"b\"; port = \"1-1.1.1.1.1.1.1.1\";"),
			"4: station.slots[1].port: ", "USB port" },
		{ SLOT("name = \"b\";"), "4: station.slots[1].port: ", "missing" },
		{ CLOUD("http://h/{device_id}"), "must begin with https://" },
		{ CLOUD("HTTPS://h/{device_id}"), "must begin with https://" },
		{ CLOUD("https:///{device_id}"), "has no host" },
		{ CLOUD("https://:443/{device_id}"), "has no host" },
		{ CLOUD("https://{device_id}/x"), "has no host" },
		{ CLOUD("https://user:pw@h/{device_id}"), "user or password" },
		{ CLOUD("https://h/a b/{device_id}"), "cannot have" },
		{ CLOUD("https://h/{device_id}#x"), "cannot have" },
		{ CLOUD("https://h/keys"), "must hold {device_id}" },
		{ CLOUD("https://h/{device_id}/{id}"), "braces" },
		{ CLOUD("https://h/{device_id}}"), "braces" },
		{ "station : { id = \"b\"; clouds = (\n{ name = \"c\"; api = \"xml\"; url = \"\"; "
		  "} ); };",
			"2: station.clouds[0].api: ", "must be one of: json, particle" },
		{ "station : { id = \"b\"; clouds = (\n"
		  "{ name = \"c\"; api = \"json\"; url = \"https://h/{device_id}\"; },\n"
		  "{ name = \"c\"; api = \"json\"; url = \"https://h/{device_id}\"; } ); };",
			"3: station.clouds[1].name: ", "two clouds \"c\"" },
		{ "station : { id = \"b\"; clouds = (\n"
		  "{ name = \"c\"; api = \"json\"; url = \"https://h/{device_id}\"; verify = "
		  "false; } ); };",
			"2: station.clouds[0].verify: ", "unknown key" },
		{ "station : { id = \"b\"; clouds = (\n"
		  "{ name = \"c\"; api = \"json\"; url = \"https://h/{device_id}\"; in_flight = "
		  "65; } ); };",
			"2: station.clouds[0].in_flight: ", "from 1 to 64" },
		{ "station : { id = \"b\"; clouds = (\n"
		  "{ name = \"c\"; api = \"json\"; url = \"https://h/{device_id}\";\n"
		  "client_cert_file = \"a.pem\"; } ); };",
			"3: station.clouds[0].client_cert_file: ", "client_key_file" },
		{ "station : { id = \"b\"; clouds = (\n"
		  "{ name = \"c\"; api = \"json\"; url = \"https://h/{device_id}\";\n"
		  "client_key_file = \"a.key\"; } ); };",
			"3: station.clouds[0].client_key_file: ", "client_cert_file" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = { 0 };
		if (load(cases[i].text, &err))
			fail_msg("taken: %s", cases[i].text);
		assert_int_equal(err.reason, REASON_INPUT);
		char start[256];
		snprintf(start, sizeof start, "%s:%s", path, cases[i].at);
		if (strncmp(err.text, start, strlen(start)) != 0 ||
			!strstr(err.text, cases[i].says))
			fail_msg("\"%s\" is not %s...%s", err.text, start, cases[i].says);
	}
}

static void the_path_comes_from_the_environment_or_the_tree(void **state)
{
	(void)state;
	char found[FS_PATH_MAX];
	assert_int_equal(setenv("STATION_CONFIG", "/nonexistent/x.cfg", 1), 0);
	config_find(found);
	assert_string_equal(found, "/nonexistent/x.cfg");
	struct err err = { 0 };
	assert_false(config_load(found, &config, &err));
	assert_int_equal(unsetenv("STATION_CONFIG"), 0);
	config_find(found);
	if (access("/etc/station/station.cfg", F_OK) != 0)
		assert_string_equal(found, SOURCE_DIR "/config/station.cfg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_example_loads),
		cmocka_unit_test(without_a_file_there_are_defaults),
		cmocka_unit_test(a_short_file_keeps_the_defaults),
		cmocka_unit_test(mistakes_are_refused_with_line_and_path),
		cmocka_unit_test(the_path_comes_from_the_environment_or_the_tree),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}
