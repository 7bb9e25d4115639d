/* SPDX-License-Identifier: Apache-2.0 */
/* USES: cloud vcloud keys config base */
/* LIBS: PkgConfig::openssl */
/* Whom the sender talks to, with what token, and what other programs find there. */
#include "cloud_bench.h"

#include <sys/stat.h>

static void a_cloud_of_another_authority_is_not_trusted(void **state)
{
	struct bench bench, other;
	(void)state;
	bench_start(&bench);
	bench_start(&other);
	cloud_close(bench.cloud);
	for (int i = 0; i < 2; i++) {
		/* First with a private authority that is not the server's, then with the
		 * system's. */
		assert_true(text_copy(
			bench.target.ca_file, FS_PATH_MAX, i ? "" : other.target.ca_file));
		bench_open(&bench);
		struct cloud_request request = new_request(ID_1, KEY_P256);
		struct cloud_result result = enrol(&bench, &request);
		assert_result(&result, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
		assert_non_null(strstr(result.text, "certificate"));
		assert_int_equal(result.tries, 1);
		assert_stored(&bench, &request, false);
		if (!i)
			cloud_close(bench.cloud);
	}
	assert_int_equal(vcloud_requests(bench.vcloud), 0);
	bench_stop(&other);
	bench_stop(&bench);
}

static void a_certificate_for_another_name_is_not_trusted(void **state)
{
	struct bench bench;
	(void)state;
	bench_start(&bench);
	cloud_close(bench.cloud);
	/* The same server and a sound certificate, but not for this name. */
	const char *port = strrchr(bench.target.url, ':');
	char url[CONFIG_URL_MAX];
	snprintf(url, sizeof url, "https://0.0.0.0%s", port);
	memcpy(bench.target.url, url, sizeof url);
	bench_open(&bench);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	struct cloud_result result = enrol(&bench, &request);
	assert_result(&result, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
	assert_non_null(strstr(result.text, "certificate"));
	assert_int_equal(vcloud_requests(bench.vcloud), 0);
	bench_stop(&bench);
}

static void assert_refused_at_open(const struct config_cloud *target, const char *word)
{
	struct cloud *cloud;
	struct err err;
	assert_false(cloud_open(target, NULL, &cloud, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	if (!strstr(err.text, word))
		fail_msg("\"%s\" does not say %s", err.text, word);
}

static void what_is_wrong_with_the_target_is_found_at_open(void **state)
{
	static const char *const urls[] = { "http://127.0.0.1/v1/{device_id}",
		"ftp://h/{device_id}", "https://h/v1/keys", "https://{device_id}.example.com/",
		"https://a:b@h/{device_id}", "https://h/{device_id}#x", "file:///{device_id}", "",
		"https:///{device_id}" };
	struct bench bench;
	(void)state;
	bench_start(&bench);
	struct config_cloud target = bench.target;
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		assert_true(text_copy(target.url, sizeof target.url, urls[i]));
		assert_refused_at_open(&target, "url");
	}
	target = bench.target;
	target.api = (enum cloud_api)7;
	assert_refused_at_open(&target, "no API");
	target = bench.target;
	target.in_flight = 65;
	assert_refused_at_open(&target, "in_flight");
	target = bench.target;
	assert_true(text_copy(target.ca_file, FS_PATH_MAX, target.token_file));
	assert_refused_at_open(&target, "certificate");
	bench_stop(&bench);
}

/* Starts the virtual cloud anew, wanting a client certificate; the sender is not open. */
static void bench_with_client(struct bench *bench)
{
	struct err err;
	bench_start(bench);
	cloud_close(bench->cloud);
	vcloud_stop(bench->vcloud);
	const struct vcloud_options options = { .folder = bench->keys,
		.secret_folder = bench->secrets,
		.wants_client_certificate = true };
	must(vcloud_start(&options, &bench->vcloud, &err), &err);
	bench->book.vcloud = bench->vcloud;
	struct config_cloud *target = &bench->target;
	assert_true(text_copy(target->url, sizeof target->url, vcloud_url(bench->vcloud)));
	assert_true(text_copy(
		target->client_cert_file, FS_PATH_MAX, vcloud_client_cert_file(bench->vcloud)));
	assert_true(text_copy(
		target->client_key_file, FS_PATH_MAX, vcloud_client_key_file(bench->vcloud)));
}

static void a_client_certificate_is_shown(void **state)
{
	struct bench bench;
	(void)state;
	bench_with_client(&bench);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	bench_open(&bench);
	struct cloud_result result = enrol(&bench, &request);
	assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	cloud_close(bench.cloud);
	bench.target.client_cert_file[0] = bench.target.client_key_file[0] = 0;
	bench_open(&bench);
	result = enrol(&bench, &request);
	assert_result(&result, CLOUD_REFUSED, REASON_CLOUD_REFUSED);
	assert_non_null(strstr(result.text, "client certificate"));
	bench_stop(&bench);
}

static void what_is_wrong_with_a_client_certificate_is_found(void **state)
{
	struct bench bench, other;
	struct err err;
	(void)state;
	bench_with_client(&bench);
	bench_with_client(&other);
	struct config_cloud target = bench.target;
	assert_int_equal(chmod(target.client_key_file, 0644), 0);
	assert_refused_at_open(&target, "chmod");
	assert_int_equal(chmod(target.client_key_file, 0600), 0);
	target.client_cert_file[0] = 0;
	assert_refused_at_open(&target, "go together");
	target = bench.target;
	target.client_key_file[0] = 0;
	assert_refused_at_open(&target, "go together");
	assert_true(text_copy(target.client_key_file, FS_PATH_MAX, target.token_file));
	assert_refused_at_open(&target, "no private key");
	static const char locked[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
	must(fs_write_atomic(bench.target.client_key_file, locked, strlen(locked), 0600, &err),
		&err);
	assert_refused_at_open(&bench.target, "password");
	/* The key of another certificate. */
	assert_true(
		text_copy(bench.target.client_key_file, FS_PATH_MAX, other.target.client_key_file));
	assert_refused_at_open(&bench.target, "do not fit");
	other.cloud = bench.cloud = NULL;
	bench_stop(&bench);
	bench_stop(&other);
}

static void a_token_that_is_missing_or_open_to_others_is_refused(void **state)
{
	struct bench bench;
	struct err err;
	(void)state;
	bench_start(&bench);
	assert_int_equal(chmod(bench.target.token_file, 0640), 0);
	assert_refused_at_open(&bench.target, "chmod");
	must(fs_write_atomic(bench.target.token_file, "two words\n", 10, 0600, &err), &err);
	assert_refused_at_open(&bench.target, "no token");
	must(fs_write_atomic(bench.target.token_file, "a\r\nX: y", 7, 0600, &err), &err);
	assert_refused_at_open(&bench.target, "no token");
	must(fs_write_atomic(bench.target.token_file, "\n", 1, 0600, &err), &err);
	assert_refused_at_open(&bench.target, "no token");
	assert_int_equal(unlink(bench.target.token_file), 0);
	assert_refused_at_open(&bench.target, "cannot open");
	must(fs_write_atomic(bench.target.token_file, "x", 1, 0600, &err), &err);
	bench_stop(&bench);
}

static void a_wrong_token_is_refused_by_the_cloud(void **state)
{
	struct bench bench;
	struct err err;
	(void)state;
	bench_start(&bench);
	cloud_close(bench.cloud);
	must(fs_write_atomic(bench.target.token_file, "wrong-token-of-another\n", 23, 0600, &err),
		&err);
	bench_open(&bench);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	struct cloud_result result = enrol(&bench, &request);
	assert_result(&result, CLOUD_REFUSED, REASON_CLOUD_REFUSED);
	assert_int_equal(result.http_status, 401);
	bench_stop(&bench);
}

static void the_environment_cannot_put_a_proxy_in_between(void **state)
{
	struct bench bench;
	(void)state;
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	bench_start(&bench);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	struct cloud_result result = enrol(&bench, &request);
	unsetenv("https_proxy");
	unsetenv("ALL_PROXY");
	assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	bench_stop(&bench);
}

static void read_command(const char *command, char *to, size_t cap)
{
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	size_t len = fread(to, 1, cap - 1, pipe);
	to[len] = 0;
	assert_int_equal(pclose(pipe), 0);
}

/* curl and openssl, as other people's programs, find what the station says is there. */
static void other_programs_find_the_same_key(void **state)
{
	struct bench bench;
	char command[4096], out[4096], url[CONFIG_URL_MAX];
	(void)state;
	bench_start(&bench);
	struct cloud_request request = new_request(ID_1, KEY_RSA_1024);
	struct cloud_result result = enrol(&bench, &request);
	assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	assert_true(text_copy(url, sizeof url, bench.target.url));
	memcpy(strstr(url, "{device_id}"), ID_1, sizeof ID_1);
	snprintf(command, sizeof command,
		"printf 'header = \"Authorization: Bearer %%s\"' \"$(cat %s)\" | curl -sS -K - "
		"--cacert %s %s",
		bench.target.token_file, bench.target.ca_file, url);
	read_command(command, out, sizeof out);
	assert_non_null(strstr(out, "-----BEGIN PUBLIC KEY-----\\n"));
	assert_non_null(strstr(out, "\"algorithm\":\"rsa-1024\""));
	snprintf(command, sizeof command,
		"openssl pkey -pubin -in %s/%s.pem -outform DER | openssl dgst -sha256 -r",
		bench.keys, ID_1);
	read_command(command, out, sizeof out);
	assert_memory_equal(out, request.fingerprint, KEY_FINGERPRINT - 1);
	snprintf(command, sizeof command, "curl -sS -o /dev/null -w '%%{http_code}' --cacert %s %s",
		bench.target.ca_file, url);
	read_command(command, out, sizeof out);
	assert_string_equal(out, "401");
	bench_stop(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cloud_of_another_authority_is_not_trusted),
		cmocka_unit_test(a_certificate_for_another_name_is_not_trusted),
		cmocka_unit_test(what_is_wrong_with_the_target_is_found_at_open),
		cmocka_unit_test(a_client_certificate_is_shown),
		cmocka_unit_test(what_is_wrong_with_a_client_certificate_is_found),
		cmocka_unit_test(a_token_that_is_missing_or_open_to_others_is_refused),
		cmocka_unit_test(a_wrong_token_is_refused_by_the_cloud),
		cmocka_unit_test(the_environment_cannot_put_a_proxy_in_between),
		cmocka_unit_test(other_programs_find_the_same_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
