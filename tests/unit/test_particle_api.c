/* SPDX-License-Identifier: Apache-2.0 */
/* USES: cloud vcloud keys config base */
/* LIBS: PkgConfig::openssl */
/* The particle API: what is sent, what counts as an acknowledgement, and what follows a send of
 * unknown fate. */
#include "cloud_bench.h"

#include "exchange.h"
#include "particle_api.h"

enum { SETTLE_MS = 400 };

static const struct config_cloud paper_target = { .name = "main",
	.url = "https://h/v1/provisioning/{device_id}",
	.retries = 2,
	.settle_ms = 2000 };

static struct cloud_request paper_request(void)
{
	struct cloud_request request = new_request(ID_1, KEY_RSA_1024);
	request.outbox_id = 0;
	assert_true(text_copy(request.attempt_id, sizeof request.attempt_id,
		"0198c0de-0000-7000-8000-000000000001"));
	return request;
}

static void the_form_is_what_the_vendors_tools_send(void **state)
{
	struct cloud_request request = paper_request();
	struct api_message message;
	struct err err;
	char start[512], end[256];
	(void)state;
	assert_true(text_copy(request.public_key_pem, sizeof request.public_key_pem, "-A\n+/=&%~"));
	assert_true(text_copy(request.product_id, sizeof request.product_id, "12 34"));
	must(particle_api.send(&paper_target, &request, "", &message, &err), &err);
	assert_string_equal(message.method, "POST");
	assert_string_equal(message.url, "https://h/v1/provisioning/" ID_1);
	assert_string_equal(message.headers[0], "Content-Type: application/x-www-form-urlencoded");
	snprintf(start, sizeof start,
		"deviceID=%s&publicKey=-A%%0A%%2B%%2F%%3D%%26%%25~&filename=cli&", ID_1);
	/* 0x0198c0de0000 ms is the time in the attempt's id. */
	snprintf(end, sizeof end, "order=manual_%llu&algorithm=rsa&product_id=12%%2034",
		0x0198c0de0000ull);
	assert_int_equal(strncmp(message.body, start, strlen(start)), 0);
	assert_string_equal(message.body + strlen(start), end);
	api_message_done(&message);
	request.algorithm = KEY_P256;
	request.product_id[0] = 0;
	must(particle_api.send(&paper_target, &request, "", &message, &err), &err);
	assert_non_null(strstr(message.body, "&algorithm=ecc"));
	assert_null(strstr(message.body, "product_id"));
	api_message_done(&message);
}

/* --- judgement, on paper --- */

static void answer_with(struct exchange *exchange, int status, const char *body)
{
	struct api_message message;
	const struct api_reply reply = {
		.status = status, .body = body, .body_len = strlen(body), .unsent = false
	};
	assert_true(exchange_message(exchange, &message));
	api_message_done(&message);
	exchange_answered(exchange, &reply);
}

static enum cloud_answer judged(int status, const char *body)
{
	const struct cloud_request request = paper_request();
	struct config_cloud target = paper_target;
	struct exchange exchange;
	target.retries = 0;
	exchange_begin(&exchange, &particle_api, &target, NULL, &request);
	answer_with(&exchange, status, body);
	assert_int_equal(exchange.next, EXCHANGE_DONE);
	assert_false(exchange.result.read_back);
	assert_int_equal(exchange.result.reason,
		exchange.result.answer == CLOUD_ACKNOWLEDGED ? REASON_NONE
		: exchange.result.answer == CLOUD_REFUSED    ? REASON_CLOUD_REFUSED
							     : REASON_CLOUD_UNREACHABLE);
	for (const char *c = exchange.result.text; *c; c++)
		assert_in_range(*c, ' ', '~');
	return exchange.result.answer;
}

static void only_what_such_a_cloud_says_is_a_success(void **state)
{
	static const char *const good[] = { "\"Success!\"", " \"Success!\"\n", "{}",
		"{\"ok\":true}", "{\"error\":\"\"}", "{\"error\":null,\"errors\":[]}" };
	static const char *const rubbish[] = { "", "<html>It works!</html>", "Success!",
		"\"Denied\"", "null", "true", "[]", "200", "{\"error\":\"\"", "{\"a\":1,\"a\":2}" };
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(judged(200, good[i]), CLOUD_ACKNOWLEDGED);
	for (size_t i = 0; i < sizeof rubbish / sizeof *rubbish; i++)
		assert_int_equal(judged(200, rubbish[i]), CLOUD_UNREACHABLE);
}

static void F02_an_error_in_a_200_is_a_refusal(void **state)
{
	static const char *const bodies[] = { "{\"error\":\"Permission Denied\"}",
		"{\"error\":{\"code\":1}}", "{\"ok\":false}", "{\"ok\":false,\"errors\":[\"no\"]}",
		"{\"errors\":[\"no\"]}", "{\"error\":true}" };
	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		assert_int_equal(judged(200, bodies[i]), CLOUD_REFUSED);
}

static void statuses_are_sorted(void **state)
{
	static const int refusals[] = { 400, 401, 403, 404, 409, 412, 422, 451 };
	static const int no_answers[] = { 301, 302, 408, 425, 429, 500, 502, 503, 504 };
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		assert_int_equal(judged(refusals[i], "\"Success!\""), CLOUD_REFUSED);
	for (size_t i = 0; i < sizeof no_answers / sizeof *no_answers; i++)
		assert_int_equal(judged(no_answers[i], "{\"error\":\"busy\"}"), CLOUD_UNREACHABLE);
}

static void a_send_of_unknown_fate_is_followed_by_another_after_a_pause(void **state)
{
	const struct cloud_request request = paper_request();
	struct api_message message;
	struct exchange exchange;
	(void)state;
	for (int unsent = 0; unsent < 2; unsent++) {
		const struct api_reply lost = {
			.body = "", .trouble = "timed out", .unsent = unsent == 1
		};
		exchange_begin(&exchange, &particle_api, &paper_target, NULL, &request);
		assert_true(exchange_message(&exchange, &message));
		api_message_done(&message);
		exchange_answered(&exchange, &lost);
		assert_int_equal(exchange.next, EXCHANGE_SEND);
		if (unsent)
			assert_in_range(exchange.pause_ms, 1, 250);
		else
			assert_int_equal(exchange.pause_ms, 2000);
		answer_with(&exchange, 200, "\"Success!\"");
		assert_int_equal(exchange.result.answer, CLOUD_ACKNOWLEDGED);
		assert_int_equal(exchange.result.tries, 2);
	}
}

static void the_longer_of_settling_and_retry_after_counts(void **state)
{
	const struct cloud_request request = paper_request();
	struct api_message message;
	struct exchange exchange;
	(void)state;
	for (uint32_t asked_ms = 1000; asked_ms <= 100000; asked_ms *= 10) {
		const struct api_reply busy = {
			.status = 503, .body = "", .retry_after_ms = asked_ms
		};
		exchange_begin(&exchange, &particle_api, &paper_target, NULL, &request);
		assert_true(exchange_message(&exchange, &message));
		api_message_done(&message);
		exchange_answered(&exchange, &busy);
		assert_int_equal(exchange.pause_ms, asked_ms < 2000    ? 2000
						    : asked_ms > 30000 ? 30000
								       : asked_ms);
	}
}

/* --- against the virtual cloud --- */

static void particle_start(
	struct bench *bench, enum vcloud_behaviour behaviour, uint32_t good_after)
{
	bench_start_with(bench, behaviour, good_after);
	bench->target.api = CLOUD_API_PARTICLE;
	bench->target.settle_ms = SETTLE_MS;
	char *path = strstr(bench->target.url, "/v1/keys/");
	assert_non_null(path);
	strcpy(path, "/v1/provisioning/{device_id}");
	cloud_close(bench->cloud);
	bench_open(bench);
}

static void assert_particle(
	const struct cloud_result *result, enum cloud_answer answer, enum reason reason)
{
	if (result->answer != answer || result->reason != reason)
		fail_msg("answer %d reason %s: %s", (int)result->answer,
			reason_info(result->reason)->code, result->text);
	assert_false(result->read_back);
}

static void an_rsa_key_is_enrolled_and_acknowledged_without_readback(void **state)
{
	struct bench bench;
	(void)state;
	particle_start(&bench, VCLOUD_GOOD, 0);
	struct cloud_request request = new_request(ID_1, KEY_RSA_1024);
	struct cloud_result result = enrol(&bench, &request);
	assert_particle(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	assert_int_equal(result.http_status, 200);
	assert_int_equal(vcloud_requests(bench.vcloud), 1);
	assert_stored(&bench, &request, true);
	/* The last key counts: another one needs no condition. */
	struct cloud_request newer = new_request(ID_1, KEY_RSA_1024);
	result = enrol(&bench, &newer);
	assert_particle(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	assert_stored(&bench, &newer, true);
	bench_stop(&bench);
}

static void a_p256_key_is_enrolled_as_ecc(void **state)
{
	struct bench bench;
	(void)state;
	particle_start(&bench, VCLOUD_GOOD, 0);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	struct cloud_result result = enrol(&bench, &request);
	assert_particle(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	assert_stored(&bench, &request, true);
	bench_stop(&bench);
}

static void a_server_that_wants_rsa_refuses_other_keys(void **state)
{
	struct bench bench;
	(void)state;
	particle_start(&bench, VCLOUD_GOOD, 0);
	vcloud_want_rsa(bench.vcloud);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	struct cloud_result result = enrol(&bench, &request);
	assert_particle(&result, CLOUD_REFUSED, REASON_CLOUD_REFUSED);
	assert_non_null(strstr(result.text, "Key error"));
	assert_int_equal(result.http_status, 400);
	bench_stop(&bench);
}

static void a_wrong_or_missing_token_is_refused(void **state)
{
	struct bench bench;
	struct err err;
	(void)state;
	particle_start(&bench, VCLOUD_GOOD, 0);
	struct cloud_request request = new_request(ID_1, KEY_RSA_1024);
	for (int missing = 0; missing < 2; missing++) {
		cloud_close(bench.cloud);
		must(fs_write_atomic(bench.target.token_file, "wrong-token", 11, 0600, &err), &err);
		char kept[FS_PATH_MAX];
		memcpy(kept, bench.target.token_file, sizeof kept);
		if (missing)
			bench.target.token_file[0] = 0;
		bench_open(&bench);
		memcpy(bench.target.token_file, kept, sizeof kept);
		struct cloud_result result = enrol(&bench, &request);
		assert_particle(&result, CLOUD_REFUSED, REASON_CLOUD_REFUSED);
		assert_non_null(strstr(result.text, missing ? "invalid_request" : "invalid_grant"));
	}
	bench_stop(&bench);
}

static void what_a_cloud_can_do_wrong_is_never_acknowledged(void **state)
{
	static const struct {
		enum vcloud_behaviour behaviour;
		enum cloud_answer answer;
		enum reason reason;
	} cases[] = {
		{ VCLOUD_DOWN, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE },
		{ VCLOUD_BUSY, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE },
		{ VCLOUD_RUBBISH, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE },
		{ VCLOUD_CUT, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE },
		{ VCLOUD_REFUSE, CLOUD_REFUSED, REASON_CLOUD_REFUSED },
		{ VCLOUD_ERROR_IN_200, CLOUD_REFUSED, REASON_CLOUD_REFUSED },
	};
	struct bench bench;
	(void)state;
	particle_start(&bench, VCLOUD_GOOD, 0);
	struct cloud_request request = new_request(ID_1, KEY_RSA_1024);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		vcloud_behave(bench.vcloud, cases[i].behaviour, 0);
		struct cloud_result result = enrol(&bench, &request);
		assert_particle(&result, cases[i].answer, cases[i].reason);
		assert_int_equal(result.tries, cases[i].answer == CLOUD_UNREACHABLE ? 2 : 1);
	}
	bench_stop(&bench);
}

static void a_lost_answer_is_settled_by_another_post(void **state)
{
	struct bench bench;
	(void)state;
	particle_start(&bench, VCLOUD_CUT, 1);
	struct cloud_request request = new_request(ID_1, KEY_RSA_1024);
	uint64_t before_us = clock_mono_us();
	struct cloud_result result = enrol(&bench, &request);
	assert_true(clock_mono_us() - before_us >= SETTLE_MS * 1000u);
	assert_particle(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	assert_int_equal(vcloud_requests(bench.vcloud), 2);
	assert_int_equal(result.tries, 2);
	assert_stored(&bench, &request, true);
	bench_stop(&bench);
}

static void a_busy_cloud_says_when_to_come_back(void **state)
{
	struct bench bench;
	struct err err;
	(void)state;
	bench_start(&bench);
	cloud_close(bench.cloud);
	vcloud_stop(bench.vcloud);
	const struct vcloud_options options = { .folder = bench.keys,
		.secret_folder = bench.secrets,
		.behaviour = VCLOUD_BUSY,
		.good_after = 1,
		.retry_after_s = 2,
		.api = VCLOUD_PARTICLE };
	must(vcloud_start(&options, &bench.vcloud, &err), &err);
	bench.book.vcloud = bench.vcloud;
	bench.target.api = CLOUD_API_PARTICLE;
	bench.target.settle_ms = SETTLE_MS;
	assert_true(text_copy(bench.target.url, sizeof bench.target.url, vcloud_url(bench.vcloud)));
	bench_open(&bench);
	struct cloud_request request = new_request(ID_1, KEY_RSA_1024);
	uint64_t before_us = clock_mono_us();
	struct cloud_result result = enrol(&bench, &request);
	assert_true(clock_mono_us() - before_us >= 2000000);
	assert_particle(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	bench_stop(&bench);
}

static void an_earlier_send_without_an_answer_is_given_time(void **state)
{
	struct bench bench;
	(void)state;
	particle_start(&bench, VCLOUD_GOOD, 0);
	struct cloud_request request = new_request(ID_1, KEY_RSA_1024);
	bench.book.unsettled = true;
	uint64_t before_us = clock_mono_us();
	struct cloud_result result = enrol(&bench, &request);
	assert_true(clock_mono_us() - before_us >= SETTLE_MS * 1000u);
	assert_particle(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	assert_int_equal(vcloud_requests(bench.vcloud), 1);
	bench.book.unsettled_fails = true;
	result = enrol(&bench, &request);
	assert_particle(&result, CLOUD_UNREACHABLE, REASON_STORE);
	assert_int_equal(vcloud_requests(bench.vcloud), 1);
	bench_stop(&bench);
}

/* The request of the old key is still at the slow server when the station gives up on it; it
 * arrives while the newer key waits for its turn, and the newer one counts. */
static void a_late_older_key_does_not_replace_a_newer_one(void **state)
{
	struct bench bench;
	(void)state;
	particle_start(&bench, VCLOUD_GOOD, 0);
	struct cloud_request older = new_request(ID_1, KEY_RSA_1024),
			     newer = new_request(ID_1, KEY_RSA_1024);
	vcloud_behave(bench.vcloud, VCLOUD_SLOW, 350);
	struct cloud_result result = enrol_until(&bench, &older, 200);
	assert_particle(&result, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
	assert_stored(&bench, &older, false);
	vcloud_behave(bench.vcloud, VCLOUD_GOOD, 0);
	bench.book.unsettled = true;
	result = enrol(&bench, &newer);
	assert_particle(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	clock_pause_until(clock_mono_us() + 300000, NULL);
	assert_stored(&bench, &newer, true);
	bench_stop(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_form_is_what_the_vendors_tools_send),
		cmocka_unit_test(only_what_such_a_cloud_says_is_a_success),
		cmocka_unit_test(F02_an_error_in_a_200_is_a_refusal),
		cmocka_unit_test(statuses_are_sorted),
		cmocka_unit_test(a_send_of_unknown_fate_is_followed_by_another_after_a_pause),
		cmocka_unit_test(the_longer_of_settling_and_retry_after_counts),
		cmocka_unit_test(an_rsa_key_is_enrolled_and_acknowledged_without_readback),
		cmocka_unit_test(a_p256_key_is_enrolled_as_ecc),
		cmocka_unit_test(a_server_that_wants_rsa_refuses_other_keys),
		cmocka_unit_test(a_wrong_or_missing_token_is_refused),
		cmocka_unit_test(what_a_cloud_can_do_wrong_is_never_acknowledged),
		cmocka_unit_test(a_lost_answer_is_settled_by_another_post),
		cmocka_unit_test(a_busy_cloud_says_when_to_come_back),
		cmocka_unit_test(an_earlier_send_without_an_answer_is_given_time),
		cmocka_unit_test(a_late_older_key_does_not_replace_a_newer_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
