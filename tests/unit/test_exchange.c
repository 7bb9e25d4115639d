/* SPDX-License-Identifier: Apache-2.0 */
/* USES: cloud keys config base */
/* The judgement on every kind of answer, without a network: json_api sorts, exchange decides. */
#include "exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"
#include "json_api.h"
#include "text.h"

#include <cmocka.h>

/* P-256, made once with "openssl ecparam -genkey"; the fingerprints by "openssl dgst -sha256" of
 * the DER. */
#define PEM_1 \
	"-----BEGIN PUBLIC KEY-----\\n" \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDBH84zL4AxpnFDX8gJ1AxQwYOJjH\\n" \
	"kr2EVZ0EBTUF9Oswmi9869ZL9suT1Vdl0XYTEvZQr1H94eOYG5R2pfp1nQ==\\n" \
	"-----END PUBLIC KEY-----\\n"
#define PEM_2 \
	"-----BEGIN PUBLIC KEY-----\\n" \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0N36l08t74RkAksSK/SvQuy4aBW6\\n" \
	"fsyuto8eCfEeEcskAd+2i1aDEOZ7AtdmR6f1am7cb+a73bqnSaFeq7+EKg==\\n" \
	"-----END PUBLIC KEY-----\\n"
static const char fingerprint_1[] =
	"65f5b9562901130f55be4bf2d0b391ee477145e1b8aecf06df4d2999564212c8";
static const char fingerprint_2[] =
	"7cc10f2f7e8066b353f8c6dcf81d01932ebcd597e6332dee8360fe9b33bd074d";

#define ID "0123456789abcdef01234567"
#define HOLDS(id, pem) "{\"device_id\":\"" id "\",\"public_key\":\"" pem "\"}"

static const char secret_token[] = "tok/en-0123456789-abcdefghij";

struct scene {
	struct config_cloud target;
	struct cloud_journal journal;
	struct cloud_request request;
	struct token *token;
	struct exchange exchange;
	bool knows_2, known_fails;
};

static bool scene_known(
	void *context, const char *device_id, const char *fingerprint, bool *ret, struct err *err)
{
	const struct scene *scene = context;
	assert_string_equal(device_id, ID);
	if (scene->known_fails)
		return err_set(err, REASON_STORE, "the disk is gone");
	*ret = scene->knows_2 && strcmp(fingerprint, fingerprint_2) == 0;
	return true;
}

static void unescape(const char *from, char *to)
{
	for (; *from; from++, to++) {
		*to = *from;
		if (from[0] == '\\' && from[1] == 'n') {
			*to = '\n';
			from++;
		}
	}
	*to = 0;
}

static struct token *make_token(void)
{
	char path[] = "/tmp/test-token-XXXXXX";
	struct token *token = NULL;
	struct err err;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, secret_token, sizeof secret_token - 1), sizeof secret_token - 1);
	close(fd);
	assert_true(token_read(path, &token, &err));
	unlink(path);
	return token;
}

static void begin(struct scene *scene, uint32_t retries)
{
	*scene = (struct scene){
		.target = { .name = "main", .url = "https://h/v1/{device_id}", .retries = retries },
		.journal = { .known = scene_known, .context = scene },
		.request = { .device_id = ID,
			.attempt_id = "01890000-0000-7000-8000-000000000000",
			.algorithm = KEY_P256 },
		.token = make_token(),
	};
	unescape(PEM_1, scene->request.public_key_pem);
	memcpy(scene->request.fingerprint, fingerprint_1, sizeof fingerprint_1);
	exchange_begin(
		&scene->exchange, &json_api, &scene->target, &scene->journal, &scene->request);
}

static void end(struct scene *scene)
{
	token_free(scene->token);
}

static void take_message(struct scene *scene, const char *method, const char *header)
{
	struct api_message message;
	bool found = !header;
	assert_true(exchange_message(&scene->exchange, &message));
	assert_string_equal(message.method, method);
	assert_string_equal(message.url, "https://h/v1/" ID);
	for (size_t i = 0; header && i < message.header_count; i++)
		found |= strcmp(message.headers[i], header) == 0;
	if (!found)
		fail_msg("no header %s", header);
	api_message_done(&message);
}

static void reply(struct scene *scene, int status, const char *body)
{
	/* Without a NUL behind it, as it comes from the network. */
	size_t len = strlen(body);
	char *copy = malloc(len + 1);
	memcpy(copy, body, len);
	const struct api_reply reply = {
		.status = status, .body = copy, .body_len = len, .token = scene->token
	};
	exchange_answered(&scene->exchange, &reply);
	free(copy);
	for (const char *c = scene->exchange.result.text; *c; c++)
		assert_in_range(*c, ' ', '~');
}

static void send_and_reply(struct scene *scene, int status, const char *body)
{
	take_message(scene, "PUT", NULL);
	reply(scene, status, body);
}

static void read_and_reply(struct scene *scene, int status, const char *body)
{
	take_message(scene, "GET", NULL);
	reply(scene, status, body);
}

static void assert_end(struct scene *scene, enum cloud_answer answer, enum reason reason)
{
	const struct cloud_result *result = &scene->exchange.result;
	assert_int_equal(scene->exchange.next, EXCHANGE_DONE);
	if (result->answer != answer || result->reason != reason)
		fail_msg("answer %d reason %s: %s", (int)result->answer,
			reason_info(result->reason)->code, result->text);
	assert_int_equal(result->read_back, answer == CLOUD_ACKNOWLEDGED);
	end(scene);
}

static void only_reading_the_key_back_acknowledges(void **state)
{
	static const int statuses[] = { 200, 201, 202, 204, 299 };
	struct scene scene;
	(void)state;
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		begin(&scene, 0);
		take_message(&scene, "PUT", "If-None-Match: *");
		reply(&scene, statuses[i], "");
		assert_int_equal(scene.exchange.next, EXCHANGE_READ);
		assert_int_not_equal(scene.exchange.result.answer, CLOUD_ACKNOWLEDGED);
		read_and_reply(&scene, 200, HOLDS(ID, PEM_1));
		assert_end(&scene, CLOUD_ACKNOWLEDGED, REASON_NONE);
	}
}

static void statuses_are_sorted(void **state)
{
	static const int refusals[] = { 400, 401, 402, 403, 404, 405, 409, 410, 413, 415, 422, 428,
		451, 499 };
	static const int no_answers[] = { 301, 302, 307, 308, 408, 425, 429, 500, 502, 503, 504,
		599, 700 };
	struct scene scene;
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		begin(&scene, 3);
		send_and_reply(&scene, refusals[i], "{\"error\":\"no\"}");
		assert_string_equal(strrchr(scene.exchange.result.text, ':'), ": no");
		assert_end(&scene, CLOUD_REFUSED, REASON_CLOUD_REFUSED);
	}
	for (size_t i = 0; i < sizeof no_answers / sizeof *no_answers; i++) {
		begin(&scene, 0);
		send_and_reply(&scene, no_answers[i], "");
		assert_end(&scene, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
	}
}

static void an_error_in_a_200_is_a_refusal(void **state)
{
	static const char *const errors[] = { "{\"error\":\"full\"}", "{\"error\":{\"code\":1}}",
		"{\"ok\":true,\"error\":true}", "{\"error\":[\"x\"]}", "{\"error\":17}" };
	static const char *const none[] = { "", "Success!", "{}", "{\"error\":\"\"}",
		"{\"error\":null}", "{\"error\":false}", "[]", "\"error\"", "{\"error\":{}}" };
	struct scene scene;
	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		begin(&scene, 3);
		send_and_reply(&scene, 200, errors[i]);
		assert_end(&scene, CLOUD_REFUSED, REASON_CLOUD_REFUSED);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		begin(&scene, 3);
		send_and_reply(&scene, 200, none[i]);
		assert_int_equal(scene.exchange.next, EXCHANGE_READ);
		end(&scene);
	}
}

static void what_is_read_back_must_be_this_key_of_this_device(void **state)
{
	static const char *const garbled[] = { HOLDS("0123456789abcdef01234568", PEM_1),
		HOLDS(ID, "no key"), HOLDS(ID, ""), HOLDS("0123456789ABCDEF01234567", PEM_1),
		HOLDS("", PEM_1) };
	static const char *const unusable[] = { "", "<html>", "{}", "[]", "null",
		"{\"device_id\":\"" ID "\"}", "{\"device_id\":1,\"public_key\":\"" PEM_1 "\"}",
		"{\"device_id\":\"" ID "\",\"public_key\":\"x\",\"public_key\":\"" PEM_1 "\"}",
		HOLDS(ID, PEM_1) "x" };
	struct scene scene;
	(void)state;
	for (size_t i = 0; i < sizeof garbled / sizeof *garbled; i++) {
		begin(&scene, 3);
		send_and_reply(&scene, 201, "");
		read_and_reply(&scene, 200, garbled[i]);
		assert_end(&scene, CLOUD_REFUSED, REASON_CLOUD_DIFFERS);
	}
	for (size_t i = 0; i < sizeof unusable / sizeof *unusable; i++) {
		begin(&scene, 0);
		send_and_reply(&scene, 201, "");
		read_and_reply(&scene, 200, unusable[i]);
		assert_end(&scene, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
	}
}

static void an_acknowledged_key_that_is_not_there_differs(void **state)
{
	struct scene scene;
	(void)state;
	begin(&scene, 3);
	send_and_reply(&scene, 200, "");
	read_and_reply(&scene, 404, "");
	assert_non_null(strstr(scene.exchange.result.text, "not stored"));
	assert_end(&scene, CLOUD_REFUSED, REASON_CLOUD_DIFFERS);
	begin(&scene, 3);
	scene.knows_2 = true;
	send_and_reply(&scene, 200, "");
	read_and_reply(&scene, 200, HOLDS(ID, PEM_2));
	assert_end(&scene, CLOUD_REFUSED, REASON_CLOUD_DIFFERS);
}

static void a_read_that_is_refused_is_no_acknowledgement(void **state)
{
	struct scene scene;
	(void)state;
	begin(&scene, 3);
	send_and_reply(&scene, 200, "");
	read_and_reply(&scene, 403, "");
	assert_end(&scene, CLOUD_REFUSED, REASON_CLOUD_REFUSED);
}

static void F21_412_with_our_key_is_acknowledged(void **state)
{
	struct scene scene;
	(void)state;
	begin(&scene, 0);
	send_and_reply(&scene, 412, "");
	read_and_reply(&scene, 200, HOLDS(ID, PEM_1));
	assert_end(&scene, CLOUD_ACKNOWLEDGED, REASON_NONE);
}

static void only_the_key_that_was_seen_is_replaced(void **state)
{
	char header[96];
	struct scene scene;
	(void)state;
	begin(&scene, 0);
	scene.knows_2 = true;
	send_and_reply(&scene, 412, "");
	read_and_reply(&scene, 200, HOLDS(ID, PEM_2));
	snprintf(header, sizeof header, "If-Match: \"%s\"", fingerprint_2);
	take_message(&scene, "PUT", header);
	reply(&scene, 200, "");
	read_and_reply(&scene, 200, HOLDS(ID, PEM_1));
	assert_end(&scene, CLOUD_ACKNOWLEDGED, REASON_NONE);
	begin(&scene, 0);
	send_and_reply(&scene, 412, "");
	read_and_reply(&scene, 200, HOLDS(ID, PEM_2));
	assert_end(&scene, CLOUD_REFUSED, REASON_CLOUD_CONFLICT);
}

static void a_record_that_cannot_be_asked_permits_nothing(void **state)
{
	struct scene scene;
	(void)state;
	begin(&scene, 0);
	scene.known_fails = true;
	send_and_reply(&scene, 412, "");
	read_and_reply(&scene, 200, HOLDS(ID, PEM_2));
	assert_end(&scene, CLOUD_UNREACHABLE, REASON_STORE);
}

static void a_key_that_vanished_is_sent_as_a_first_one(void **state)
{
	struct scene scene;
	(void)state;
	begin(&scene, 0);
	scene.knows_2 = true;
	send_and_reply(&scene, 412, "");
	read_and_reply(&scene, 200, HOLDS(ID, PEM_2));
	send_and_reply(&scene, 412, "");
	read_and_reply(&scene, 404, "");
	take_message(&scene, "PUT", "If-None-Match: *");
	end(&scene);
}

static void a_condition_that_fails_for_ever_ends(void **state)
{
	struct scene scene;
	unsigned sends = 0;
	(void)state;
	begin(&scene, 0);
	scene.knows_2 = true;
	while (scene.exchange.next != EXCHANGE_DONE && sends < 100) {
		send_and_reply(&scene, 412, "");
		sends++;
		if (scene.exchange.next == EXCHANGE_READ)
			read_and_reply(&scene, 200, HOLDS(ID, PEM_2));
	}
	assert_int_equal(sends, 5);
	assert_int_equal(scene.exchange.result.tries, 5);
	assert_end(&scene, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
}

/* A look sends nothing: GETs only, whatever the cloud holds. */
static void a_look_only_reads(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *body, *held;
		enum cloud_answer answer;
	} cases[] = {
		{ 200, HOLDS(ID, PEM_2), fingerprint_2, CLOUD_ACKNOWLEDGED },
		{ 404, "", "", CLOUD_ACKNOWLEDGED },
		{ 403, "", "", CLOUD_REFUSED },
		{ 503, "", "", CLOUD_UNREACHABLE },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene scene;
		begin(&scene, 0);
		scene.request.look = true;
		exchange_begin(
			&scene.exchange, &json_api, &scene.target, &scene.journal, &scene.request);
		exchange_prepare(&scene.exchange);
		read_and_reply(&scene, cases[i].status, cases[i].body);
		assert_int_equal(scene.exchange.next, EXCHANGE_DONE);
		assert_int_equal(scene.exchange.result.answer, cases[i].answer);
		assert_string_equal(scene.exchange.result.held, cases[i].held);
		assert_int_equal(scene.exchange.result.tries, 0);
		end(&scene);
	}
}

static void pauses_grow_within_bounds(void **state)
{
	static const uint32_t full_ms[] = { 250, 500, 1000, 2000, 4000, 8000, 8000, 8000 };
	struct scene scene;
	(void)state;
	begin(&scene, 8);
	for (size_t i = 0; i < 8; i++) {
		send_and_reply(&scene, 503, "");
		assert_int_equal(scene.exchange.next, EXCHANGE_SEND);
		assert_in_range(scene.exchange.pause_ms, full_ms[i] / 2, full_ms[i]);
	}
	send_and_reply(&scene, 503, "");
	assert_int_equal(scene.exchange.result.tries, 9);
	assert_int_equal(scene.exchange.result.http_status, 503);
	assert_end(&scene, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
}

static void retry_after_is_honoured_within_a_bound(void **state)
{
	struct scene scene;
	(void)state;
	begin(&scene, 8);
	for (unsigned i = 0; i < 2; i++) {
		const struct api_reply busy = {
			.status = 429, .body = "", .retry_after_ms = i ? 3600000 : 5000
		};
		take_message(&scene, "PUT", NULL);
		exchange_answered(&scene.exchange, &busy);
		assert_int_equal(scene.exchange.pause_ms, i ? 30000 : 5000);
	}
	end(&scene);
}

static void what_is_hopeless_is_not_tried_again(void **state)
{
	const struct api_reply untrusted = {
		.hopeless = true, .body = "", .trouble = "certificate \x01 bad"
	};
	struct scene scene;
	(void)state;
	begin(&scene, 8);
	take_message(&scene, "PUT", NULL);
	exchange_answered(&scene.exchange, &untrusted);
	assert_non_null(strstr(scene.exchange.result.text, "certificate ? bad"));
	assert_end(&scene, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
	begin(&scene, 8);
	send_and_reply(&scene, 302, "");
	assert_end(&scene, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
}

static void the_echoed_token_is_masked(void **state)
{
	static const char *const echoes[] = { "{\"error\":\"bad tok/en-0123456789-abcdefghij\"}",
		"{\"error\":\"bad tok\\/en-\\u00301234567\\u00389-abcdefghij\"}",
		"{\"error\":{\"token\":\"tok/en-0123456789-abcdefghij\"}}",
		"no JSON: Bearer tok/en-0123456789-abcdefghij",
		"{\"error\":\"only the end -0123456789-abcdefghij\"}",
		"{\"error\":\"tok/en-0123456...\"}" };
	struct scene scene;
	(void)state;
	for (size_t i = 0; i < sizeof echoes / sizeof *echoes; i++) {
		begin(&scene, 0);
		send_and_reply(&scene, 401, echoes[i]);
		assert_null(strstr(scene.exchange.result.text, "0123456"));
		assert_null(strstr(scene.exchange.result.text, "abcdefgh"));
		assert_non_null(strstr(scene.exchange.result.text, "********"));
		assert_end(&scene, CLOUD_REFUSED, REASON_CLOUD_REFUSED);
	}
}

/* At every place: the bounds of the text may cut it. */
static void a_token_cut_by_the_end_of_a_text_is_masked(void **state)
{
	char from[2048], to[64];
	struct token *token = make_token();
	(void)state;
	for (size_t at = 0; at < 1200; at++) {
		memset(from, '.', sizeof from);
		memcpy(from + at, secret_token, sizeof secret_token - 1);
		token_quote(token, from, sizeof from, to, sizeof to);
		assert_int_equal(strspn(to, ".*"), sizeof to - 1);
	}
	token_free(token);
}

static void long_and_odd_texts_are_bounded_and_printable(void **state)
{
	static char body[60000];
	struct scene scene;
	(void)state;
	memset(body, 'e', sizeof body - 1);
	memcpy(body, "{\"error\":\"\xc3\xa4\\u0007\\n", 20);
	memcpy(body + sizeof body - 3, "\"}", 2);
	begin(&scene, 0);
	send_and_reply(&scene, 400, body);
	assert_non_null(strstr(scene.exchange.result.text, "????e"));
	assert_end(&scene, CLOUD_REFUSED, REASON_CLOUD_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_reading_the_key_back_acknowledges),
		cmocka_unit_test(statuses_are_sorted),
		cmocka_unit_test(an_error_in_a_200_is_a_refusal),
		cmocka_unit_test(what_is_read_back_must_be_this_key_of_this_device),
		cmocka_unit_test(an_acknowledged_key_that_is_not_there_differs),
		cmocka_unit_test(a_read_that_is_refused_is_no_acknowledgement),
		cmocka_unit_test(F21_412_with_our_key_is_acknowledged),
		cmocka_unit_test(only_the_key_that_was_seen_is_replaced),
		cmocka_unit_test(a_record_that_cannot_be_asked_permits_nothing),
		cmocka_unit_test(a_key_that_vanished_is_sent_as_a_first_one),
		cmocka_unit_test(a_condition_that_fails_for_ever_ends),
		cmocka_unit_test(a_look_only_reads),
		cmocka_unit_test(pauses_grow_within_bounds),
		cmocka_unit_test(retry_after_is_honoured_within_a_bound),
		cmocka_unit_test(what_is_hopeless_is_not_tried_again),
		cmocka_unit_test(the_echoed_token_is_masked),
		cmocka_unit_test(a_token_cut_by_the_end_of_a_text_is_masked),
		cmocka_unit_test(long_and_odd_texts_are_bounded_and_printable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
