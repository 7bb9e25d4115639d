/* SPDX-License-Identifier: Apache-2.0 */
/* USES: cloud vcloud keys config base */
/* LIBS: PkgConfig::openssl */
/* What the sender makes of a cloud that is good, bad or away, and what the journal is told. */
#include "cloud_bench.h"

static void a_first_key_is_stored_and_read_back(void **state)
{
	struct bench bench;
	(void)state;
	bench_start(&bench);
	for (int i = 0; i < 2; i++) {
		struct cloud_request request =
			new_request(i ? ID_1 : ID_2, i ? KEY_RSA_1024 : KEY_P256);
		request.seal_seq = i;
		memset(request.seal_hash, 'a', 64);
		struct cloud_result result = enrol(&bench, &request);
		assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
		assert_int_equal(result.tries, 1);
		assert_int_equal(result.http_status, 200);
		assert_stored(&bench, &request, true);
	}
	assert_int_equal(vcloud_requests(bench.vcloud), 4);
	bench_stop(&bench);
}

static void F21_the_same_key_again_is_acknowledged(void **state)
{
	struct bench bench;
	(void)state;
	bench_start(&bench);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	struct cloud_request later = new_attempt_of(&request);
	struct cloud_result result = enrol(&bench, &request);
	assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	result = enrol(&bench, &request);
	assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	result = enrol(&bench, &later);
	assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	assert_stored(&bench, &request, true);
	bench_stop(&bench);
}

static void F21_another_key_that_nobody_knows_is_a_conflict(void **state)
{
	struct bench bench;
	(void)state;
	bench_start(&bench);
	struct cloud_request theirs = new_request(ID_1, KEY_P256),
			     ours = new_request(ID_1, KEY_P256);
	struct cloud_result result = enrol(&bench, &theirs);
	result = enrol(&bench, &ours);
	assert_result(&result, CLOUD_REFUSED, REASON_CLOUD_CONFLICT);
	assert_non_null(strstr(result.text, theirs.fingerprint));
	assert_stored(&bench, &theirs, true);
	bench_stop(&bench);
}

static void a_key_of_our_record_is_replaced(void **state)
{
	struct bench bench;
	(void)state;
	bench_start(&bench);
	struct cloud_request old = new_request(ID_1, KEY_P256), new = new_request(ID_1, KEY_P256);
	struct cloud_result result = enrol(&bench, &old);
	memcpy(bench.book.known[bench.book.known_count++], old.fingerprint, KEY_FINGERPRINT);
	result = enrol(&bench, &new);
	assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	assert_int_equal(result.tries, 2);
	assert_int_equal(bench.book.begins, 3);
	assert_stored(&bench, &new, true);
	bench_stop(&bench);
}

static void assert_behaviour(enum vcloud_behaviour behaviour, enum cloud_answer answer,
	enum reason reason, unsigned tries)
{
	struct bench bench;
	bench_start_with(&bench, behaviour, 0);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	struct cloud_result result = enrol(&bench, &request);
	assert_result(&result, answer, reason);
	assert_int_equal(result.tries, tries);
	assert_int_equal(bench.book.begins, tries);
	assert_int_equal(bench.book.ends, 1);
	assert_memory_equal(&bench.book.last, &result, sizeof result);
	assert_stored(&bench, &request, false);
	/* What went wrong is of the server's making: later the same key is taken, if the server
	 * is good. */
	vcloud_behave(bench.vcloud, VCLOUD_GOOD, 0);
	request = new_attempt_of(&request);
	result = enrol(&bench, &request);
	if (behaviour == VCLOUD_SWAP)
		assert_result(&result, CLOUD_REFUSED, REASON_CLOUD_CONFLICT);
	else
		assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	bench_stop(&bench);
}

static void a_cloud_that_is_down_is_unreachable(void **state)
{
	(void)state;
	assert_behaviour(VCLOUD_DOWN, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE, 2);
}

static void a_busy_cloud_is_unreachable(void **state)
{
	(void)state;
	assert_behaviour(VCLOUD_BUSY, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE, 2);
}

static void a_refusal_is_final(void **state)
{
	(void)state;
	assert_behaviour(VCLOUD_REFUSE, CLOUD_REFUSED, REASON_CLOUD_REFUSED, 1);
}

static void rubbish_is_no_acknowledgement(void **state)
{
	(void)state;
	assert_behaviour(VCLOUD_RUBBISH, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE, 1);
}

static void a_lost_key_is_found_out(void **state)
{
	(void)state;
	assert_behaviour(VCLOUD_LOSE, CLOUD_REFUSED, REASON_CLOUD_DIFFERS, 1);
}

static void a_swapped_key_is_found_out(void **state)
{
	(void)state;
	assert_behaviour(VCLOUD_SWAP, CLOUD_REFUSED, REASON_CLOUD_DIFFERS, 1);
}

static void a_retry_succeeds(void **state)
{
	struct bench bench;
	(void)state;
	bench_start_with(&bench, VCLOUD_BUSY, 1);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	struct cloud_result result = enrol(&bench, &request);
	assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	assert_int_equal(result.tries, 2);
	bench_stop(&bench);
}

static void the_journal_is_told_before_the_cloud_sees_anything(void **state)
{
	struct bench bench;
	(void)state;
	bench_start(&bench);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	request.outbox_id = 41;
	struct cloud_result result = enrol(&bench, &request);
	assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	assert_int_equal(bench.book.last_outbox_id, 41);
	assert_int_equal(bench.book.requests_at_begin, 0);
	assert_int_equal(bench.book.begins, 1);
	assert_int_equal(bench.book.ends, 1);
	/* Without an outbox row nothing is told. */
	request = new_request(ID_2, KEY_P256);
	request.outbox_id = 0;
	result = enrol(&bench, &request);
	assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	assert_int_equal(bench.book.begins, 1);
	bench_stop(&bench);
}

static void nothing_is_sent_that_is_not_recorded(void **state)
{
	struct bench bench;
	(void)state;
	bench_start(&bench);
	bench.book.begin_fails = true;
	struct cloud_request request = new_request(ID_1, KEY_P256);
	struct cloud_result result = enrol(&bench, &request);
	assert_result(&result, CLOUD_UNREACHABLE, REASON_STORE);
	assert_int_equal(result.tries, 0);
	assert_int_equal(vcloud_requests(bench.vcloud), 0);
	bench_stop(&bench);
}

static void what_is_not_recorded_is_not_acknowledged(void **state)
{
	struct bench bench;
	(void)state;
	bench_start(&bench);
	bench.book.end_fails = true;
	struct cloud_request request = new_request(ID_1, KEY_P256);
	struct cloud_result result = enrol(&bench, &request);
	assert_result(&result, CLOUD_UNREACHABLE, REASON_STORE);
	bench_stop(&bench);
}

static void F02_only_the_key_of_the_fingerprint_is_sent(void **state)
{
	struct bench bench;
	struct cloud_ticket *ticket;
	struct err err;
	(void)state;
	bench_start(&bench);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	const struct cloud_request good = request;
	request.fingerprint[0] = request.fingerprint[0] == 'a' ? 'b' : 'a';
	assert_false(cloud_submit(bench.cloud, &request, &ticket, &err));
	request = good;
	request.algorithm = KEY_RSA_1024;
	assert_false(cloud_submit(bench.cloud, &request, &ticket, &err));
	request = good;
	memcpy(request.device_id, "../../../../etc/passwd12", 25);
	assert_false(cloud_submit(bench.cloud, &request, &ticket, &err));
	memcpy(request.device_id, "0123456789ABCDEF01234567", 25);
	assert_false(cloud_submit(bench.cloud, &request, &ticket, &err));
	bench_stop(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_first_key_is_stored_and_read_back),
		cmocka_unit_test(F21_the_same_key_again_is_acknowledged),
		cmocka_unit_test(F21_another_key_that_nobody_knows_is_a_conflict),
		cmocka_unit_test(a_key_of_our_record_is_replaced),
		cmocka_unit_test(a_cloud_that_is_down_is_unreachable),
		cmocka_unit_test(a_busy_cloud_is_unreachable),
		cmocka_unit_test(a_refusal_is_final),
		cmocka_unit_test(rubbish_is_no_acknowledgement),
		cmocka_unit_test(a_lost_key_is_found_out),
		cmocka_unit_test(a_swapped_key_is_found_out),
		cmocka_unit_test(a_retry_succeeds),
		cmocka_unit_test(the_journal_is_told_before_the_cloud_sees_anything),
		cmocka_unit_test(nothing_is_sent_that_is_not_recorded),
		cmocka_unit_test(what_is_not_recorded_is_not_acknowledged),
		cmocka_unit_test(F02_only_the_key_of_the_fingerprint_is_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
