/* SPDX-License-Identifier: Apache-2.0 */
/* USES: cloud vcloud keys config base */
/* LIBS: PkgConfig::openssl */
/* Many requests, deadlines, cancelling and closing. */
#include "cloud_bench.h"

#include <stdatomic.h>

static void a_slow_cloud_ends_at_the_deadline(void **state)
{
	struct bench bench;
	(void)state;
	bench_start(&bench);
	vcloud_behave(bench.vcloud, VCLOUD_SLOW, 20000);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	uint64_t before_us = clock_mono_us();
	struct cloud_result result = enrol_until(&bench, &request, 300);
	uint64_t took_us = clock_mono_us() - before_us;
	assert_result(&result, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
	assert_in_range(took_us, 300000, 2000000);
	assert_int_equal(bench.book.begins, 1);
	assert_int_equal(bench.book.ends, 1);
	bench_stop(&bench);
}

static void a_request_ends_at_its_timeout(void **state)
{
	struct bench bench;
	(void)state;
	bench_start(&bench);
	cloud_close(bench.cloud);
	bench.target.timeout_ms = 300;
	bench.target.retries = 0;
	bench_open(&bench);
	vcloud_behave(bench.vcloud, VCLOUD_SLOW, 20000);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	struct cloud_result result = enrol_until(&bench, &request, 10000);
	assert_result(&result, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
	assert_null(strstr(result.text, "cancelled"));
	bench_stop(&bench);
}

static void a_slow_cloud_within_the_time_is_good(void **state)
{
	struct bench bench;
	(void)state;
	bench_start(&bench);
	vcloud_behave(bench.vcloud, VCLOUD_SLOW, 100);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	struct cloud_result result = enrol(&bench, &request);
	assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	bench_stop(&bench);
}

enum { THREADS = 8, EACH = 8 };

struct crowd {
	struct bench *bench;
	unsigned number;
	atomic_uint *acknowledged;
};

static void *enrol_many(void *user)
{
	const struct crowd *crowd = user;
	struct cloud_ticket *tickets[EACH];
	struct cloud_result result;
	struct err err;
	for (unsigned i = 0; i < EACH; i++) {
		char device_id[CLOUD_DEVICE_ID];
		snprintf(device_id, sizeof device_id, "%024x", crowd->number * EACH + i);
		struct cloud_request request = new_request(device_id, KEY_P256);
		request.outbox_id = 0;
		if (!cloud_submit(crowd->bench->cloud, &request, &tickets[i], &err))
			abort();
	}
	for (unsigned i = 0; i < EACH; i++) {
		if (cloud_wait(tickets[i], deadline_in_ms(LONG_MS), NULL, &result, &err) &&
			result.answer == CLOUD_ACKNOWLEDGED && result.read_back)
			atomic_fetch_add(crowd->acknowledged, 1);
		cloud_forget(tickets[i]);
	}
	return NULL;
}

static void many_threads_enrol_at_once(void **state)
{
	struct bench bench;
	pthread_t threads[THREADS];
	struct crowd crowd[THREADS];
	atomic_uint acknowledged = 0;
	(void)state;
	bench_start(&bench);
	cloud_close(bench.cloud);
	bench.target.in_flight = 64;
	bench_open(&bench);
	vcloud_behave(bench.vcloud, VCLOUD_SLOW, 300);
	uint64_t before_us = clock_mono_us();
	for (unsigned i = 0; i < THREADS; i++) {
		crowd[i] = (struct crowd){ &bench, i, &acknowledged };
		assert_int_equal(pthread_create(&threads[i], NULL, enrol_many, &crowd[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(acknowledged, THREADS * EACH);
	/* One after the other they would take 64 * 0.6 s. */
	assert_in_range(clock_mono_us() - before_us, 600000, 20000000);
	bench_stop(&bench);
}

static void requests_of_one_device_go_one_after_the_other(void **state)
{
	struct bench bench;
	struct cloud_ticket *first, *second;
	struct cloud_result result;
	struct err err;
	(void)state;
	bench_start(&bench);
	vcloud_behave(bench.vcloud, VCLOUD_SLOW, 150);
	struct cloud_request old = new_request(ID_1, KEY_P256), new = new_request(ID_1, KEY_P256);
	new.outbox_id = old.outbox_id + 1;
	memcpy(bench.book.known[bench.book.known_count++], old.fingerprint, KEY_FINGERPRINT);
	memcpy(bench.book.known[bench.book.known_count++], new.fingerprint, KEY_FINGERPRINT);
	must(cloud_submit(bench.cloud, &old, &first, &err), &err);
	must(cloud_submit(bench.cloud, &new, &second, &err), &err);
	must(cloud_wait(second, deadline_in_ms(LONG_MS), NULL, &result, &err), &err);
	assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	assert_stored(&bench, &new, true);
	assert_int_equal(bench.book.mixed, 0);
	must(cloud_wait(first, deadline_in_ms(0), NULL, &result, &err), &err);
	assert_result(&result, CLOUD_ACKNOWLEDGED, REASON_NONE);
	cloud_forget(first);
	cloud_forget(second);
	bench_stop(&bench);
}

static void *set_soon(void *user)
{
	clock_pause_until(clock_mono_us() + 200000, NULL);
	cancel_set(user);
	return NULL;
}

static void the_cancel_flag_ends_a_wait(void **state)
{
	struct bench bench;
	struct cloud_ticket *ticket;
	struct cloud_result result;
	struct cancel cancel = { 0 };
	struct err err;
	pthread_t thread;
	(void)state;
	bench_start(&bench);
	vcloud_behave(bench.vcloud, VCLOUD_SLOW, 20000);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	must(cloud_submit(bench.cloud, &request, &ticket, &err), &err);
	assert_int_equal(pthread_create(&thread, NULL, set_soon, &cancel), 0);
	uint64_t before_us = clock_mono_us();
	assert_false(cloud_wait(ticket, deadline_in_ms(LONG_MS), &cancel, &result, &err));
	assert_in_range(clock_mono_us() - before_us, 150000, 2000000);
	assert_int_equal(err.reason, REASON_STOPPED);
	pthread_join(thread, NULL);
	/* It ended: the journal knows. */
	assert_int_equal(bench.book.ends, bench.book.begins);
	cloud_forget(ticket);
	bench_stop(&bench);
}

static void forgetting_ends_a_request_in_flight(void **state)
{
	struct bench bench;
	struct cloud_ticket *ticket;
	struct err err;
	(void)state;
	bench_start(&bench);
	vcloud_behave(bench.vcloud, VCLOUD_SLOW, 20000);
	struct cloud_request request = new_request(ID_1, KEY_P256);
	must(cloud_submit(bench.cloud, &request, &ticket, &err), &err);
	clock_pause_until(clock_mono_us() + 200000, NULL);
	uint64_t before_us = clock_mono_us();
	cloud_forget(ticket);
	assert_in_range(clock_mono_us() - before_us, 0, 1000000);
	assert_int_equal(bench.book.begins, 1);
	assert_int_equal(bench.book.ends, 1);
	cloud_forget(NULL);
	bench_stop(&bench);
}

static void closing_ends_everything_and_tickets_stay(void **state)
{
	enum { COUNT = 40 };
	struct bench bench;
	struct cloud_ticket *tickets[COUNT];
	struct cloud_result result;
	struct err err;
	(void)state;
	bench_start(&bench);
	vcloud_behave(bench.vcloud, VCLOUD_SLOW, 20000);
	for (unsigned i = 0; i < COUNT; i++) {
		char device_id[CLOUD_DEVICE_ID];
		snprintf(device_id, sizeof device_id, "%024x", i / 2);
		struct cloud_request request = new_request(device_id, KEY_P256);
		must(cloud_submit(bench.cloud, &request, &tickets[i], &err), &err);
	}
	clock_pause_until(clock_mono_us() + 100000, NULL);
	uint64_t before_us = clock_mono_us();
	cloud_close(bench.cloud);
	bench.cloud = NULL;
	assert_in_range(clock_mono_us() - before_us, 0, 2000000);
	assert_int_equal(bench.book.begins, bench.book.ends);
	for (unsigned i = 0; i < COUNT; i++) {
		must(cloud_wait(tickets[i], deadline_in_ms(0), NULL, &result, &err), &err);
		assert_result(&result, CLOUD_UNREACHABLE, REASON_CLOUD_UNREACHABLE);
		cloud_forget(tickets[i]);
	}
	bench_stop(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_cloud_ends_at_the_deadline),
		cmocka_unit_test(a_request_ends_at_its_timeout),
		cmocka_unit_test(a_slow_cloud_within_the_time_is_good),
		cmocka_unit_test(many_threads_enrol_at_once),
		cmocka_unit_test(requests_of_one_device_go_one_after_the_other),
		cmocka_unit_test(the_cancel_flag_ends_a_wait),
		cmocka_unit_test(forgetting_ends_a_request_in_flight),
		cmocka_unit_test(closing_ends_everything_and_tickets_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
