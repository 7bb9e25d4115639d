/* SPDX-License-Identifier: Apache-2.0 */
/* USES: line cloud vcloud record keys config base */
/* LIBS: PkgConfig::openssl */
/* HELD units with a real record, a real sender and the virtual cloud: what is due, what is released, and that a late
 * answer to an old key changes nothing. */
#include "record_fixture.h"

#include "cloud.h"
#include "journal.h"
#include "outbox.h"
#include "release.h"
#include "text.h"
#include "vcloud.h"

#define UNIT_C "2b0031000547343337373738"

enum { ROWS = 8 };

struct scene {
	struct bench *bench;
	struct vcloud *vcloud;
	struct config_cloud target;
	struct cloud *cloud;
	char batch[UUID_TEXT];
};

static void start(struct scene *scene, void **state, enum vcloud_api api)
{
	char keys[FS_PATH_MAX], secrets[FS_PATH_MAX];
	*scene = (struct scene){ .bench = *state };
	struct bench *bench = scene->bench;
	GOOD(bench, fs_join(keys, bench->folder, "cloud", &bench->err));
	GOOD(bench, fs_join(secrets, bench->folder, "access", &bench->err));
	const struct vcloud_options options = {
		.folder = keys, .secret_folder = secrets, .api = api
	};
	GOOD(bench, vcloud_start(&options, &scene->vcloud, &bench->err));
	struct config_cloud *target = &scene->target;
	*target = (struct config_cloud){ .name = "main",
		.api = api == VCLOUD_PARTICLE ? CLOUD_API_PARTICLE : CLOUD_API_JSON,
		.timeout_ms = 5000,
		.settle_ms = 300,
		.in_flight = 8 };
	assert_true(text_copy(target->url, sizeof target->url, vcloud_url(scene->vcloud)));
	assert_true(text_copy(target->ca_file, FS_PATH_MAX, vcloud_ca_file(scene->vcloud)));
	assert_true(text_copy(target->token_file, FS_PATH_MAX, vcloud_token_file(scene->vcloud)));
	const struct cloud_journal journal = journal_of(bench->record);
	GOOD(bench, cloud_open(target, &journal, &scene->cloud, &bench->err));
	begin_batch(bench, PLAN_1, "main", "WO-1", scene->batch);
}

static void stop(struct scene *scene)
{
	cloud_close(scene->cloud);
	vcloud_stop(scene->vcloud);
}

static size_t due(struct scene *scene, int64_t by, struct record_outbox_row rows[ROWS])
{
	const struct record_outbox_filter filter = { .cloud = "main", .due_by = by };
	size_t count = 0;
	GOOD(scene->bench, record_outbox(scene->bench->record, &filter, rows, ROWS, &count,
				   &scene->bench->err));
	return count;
}

static struct cloud_ticket *submit(struct scene *scene, const struct record_outbox_row *row)
{
	struct cloud_request request;
	struct cloud_ticket *ticket;
	struct err *err = &scene->bench->err;
	GOOD(scene->bench, release_request(scene->bench->record, row, &request, err));
	GOOD(scene->bench, cloud_submit(scene->cloud, &request, &ticket, err));
	return ticket;
}

static struct cloud_result wait_for(struct scene *scene, struct cloud_ticket *ticket)
{
	struct cloud_result result;
	GOOD(scene->bench,
		cloud_wait(ticket, deadline_in_ms(60000), NULL, &result, &scene->bench->err));
	cloud_forget(ticket);
	return result;
}

static enum outcome release(struct scene *scene, const struct record_outbox_row *row)
{
	enum outcome outcome = OUTCOME_NONE;
	struct cloud_result result = wait_for(scene, submit(scene, row));
	GOOD(scene->bench,
		release_settle(scene->bench->record, row, &result, &outcome, &scene->bench->err));
	return outcome;
}

static void the_outbox_shows_what_is_held_and_due(void **state)
{
	struct scene scene;
	struct record_outbox_row rows[ROWS];
	struct public_key key;
	char held[UUID_TEXT], open[UUID_TEXT];
	start(&scene, state, VCLOUD_JSON);
	struct bench *bench = scene.bench;
	assert_int_equal(due(&scene, INT64_MAX, rows), 0);
	int64_t id = make_held(bench, scene.batch, UNIT_A, held, &key);
	/* In work: its worker sends it. */
	begin_attempt(bench, scene.batch, UNIT_B, open);
	answer(bench, put_key(bench, open, "main", &key), false);
	assert_int_equal(due(&scene, INT64_MAX, rows), 1);
	assert_int_equal(rows[0].id, id);
	assert_string_equal(rows[0].device_id, UNIT_A);
	assert_string_equal(rows[0].attempt_id, held);
	assert_string_equal(rows[0].batch_id, scene.batch);
	assert_string_equal(rows[0].slot, "A1");
	assert_string_equal(rows[0].product_id, "");
	assert_int_equal(rows[0].tries, 1);
	/* Not before its time, not for another cloud, not behind itself. */
	assert_int_equal(due(&scene, clock_utc_ms() - 1000, rows), 0);
	struct record_outbox_filter filter = { .cloud = "other", .due_by = INT64_MAX };
	size_t count = 7;
	GOOD(bench, record_outbox(bench->record, &filter, rows, ROWS, &count, &bench->err));
	assert_int_equal(count, 0);
	filter = (struct record_outbox_filter){ .due_by = INT64_MAX, .after_id = id };
	GOOD(bench, record_outbox(bench->record, &filter, rows, ROWS, &count, &bench->err));
	assert_int_equal(count, 0);
	stop(&scene);
}

static void an_answer_makes_pass_or_fail(void **state)
{
	struct scene scene;
	struct record_outbox_row rows[ROWS];
	struct public_key key;
	char attempt[UUID_TEXT];
	start(&scene, state, VCLOUD_JSON);
	make_held(scene.bench, scene.batch, UNIT_A, attempt, &key);
	make_held(scene.bench, scene.batch, UNIT_B, attempt, &key);
	assert_int_equal(due(&scene, INT64_MAX, rows), 2);
	vcloud_behave(scene.vcloud, VCLOUD_DOWN, 0);
	assert_int_equal(release(&scene, &rows[0]), OUTCOME_HELD);
	SQL_IS(scene.bench, "HELD\nHELD", "SELECT outcome FROM attempt ORDER BY device_id");
	vcloud_behave(scene.vcloud, VCLOUD_GOOD, 0);
	assert_int_equal(release(&scene, &rows[0]), OUTCOME_PASS);
	vcloud_behave(scene.vcloud, VCLOUD_ERROR_IN_200, 0);
	assert_int_equal(release(&scene, &rows[1]), OUTCOME_FAIL);
	SQL_IS(scene.bench, "FAIL|cloud-refused|service\nPASS||",
		"SELECT outcome, reason, cause FROM attempt ORDER BY device_id");
	SQL_IS(scene.bench, "enrolled|read-back",
		"SELECT state, enrol_proof FROM device_key WHERE device_id = '" UNIT_A "'");
	SQL_IS(scene.bench, "2", "SELECT count(*) FROM seal");
	assert_int_equal(due(&scene, INT64_MAX, rows), 0);
	stop(&scene);
}

static void F21_a_key_that_we_do_not_know_is_a_conflict(void **state)
{
	struct scene scene;
	struct record_outbox_row rows[ROWS];
	struct public_key key;
	char attempt[UUID_TEXT];
	start(&scene, state, VCLOUD_JSON);
	/* Somebody else enrolled a key for this unit. */
	make_held(scene.bench, scene.batch, UNIT_A, attempt, &key);
	assert_int_equal(due(&scene, INT64_MAX, rows), 1);
	vcloud_behave(scene.vcloud, VCLOUD_SWAP, 0);
	struct record_outbox_row foreign = rows[0];
	foreign.id = 0;
	wait_for(&scene, submit(&scene, &foreign));
	vcloud_behave(scene.vcloud, VCLOUD_GOOD, 0);
	assert_int_equal(release(&scene, &rows[0]), OUTCOME_FAIL);
	SQL_IS(scene.bench, "FAIL|cloud-conflict", "SELECT outcome, reason FROM attempt");
	SQL_IS(scene.bench, "refused|200", "SELECT state, http_status FROM outbox");
	stop(&scene);
}

/* A second attempt puts a newer key on the unit. */
static int64_t make_newer(struct scene *scene, struct public_key *ret)
{
	char attempt[UUID_TEXT];
	begin_attempt(scene->bench, scene->batch, UNIT_A, attempt);
	do_step(scene->bench, attempt, "write-images", 1, OUTCOME_PASS, REASON_NONE);
	return put_key(scene->bench, attempt, "main", ret);
}

static void what_was_superseded_is_not_sent(void **state)
{
	struct scene scene;
	struct record_outbox_row rows[ROWS];
	struct public_key older, newer;
	char attempt[UUID_TEXT];
	start(&scene, state, VCLOUD_JSON);
	make_held(scene.bench, scene.batch, UNIT_A, attempt, &older);
	assert_int_equal(due(&scene, INT64_MAX, rows), 1);
	make_newer(&scene, &newer);
	struct cloud_result result = wait_for(&scene, submit(&scene, &rows[0]));
	assert_int_equal(result.answer, CLOUD_UNREACHABLE);
	assert_int_equal(result.reason, REASON_SUPERSEDED);
	assert_int_equal(vcloud_requests(scene.vcloud), 0);
	SQL_IS(scene.bench, "FAIL|superseded",
		"SELECT outcome, reason FROM attempt WHERE passage = 1");
	stop(&scene);
}

static void a_late_answer_to_an_old_key_changes_nothing(void **state)
{
	struct scene scene;
	struct record_outbox_row rows[ROWS];
	struct public_key older, newer;
	char attempt[UUID_TEXT];
	for (int api = VCLOUD_JSON; api <= VCLOUD_PARTICLE; api++) {
		start(&scene, state, (enum vcloud_api)api);
		make_held(scene.bench, scene.batch, UNIT_A, attempt, &older);
		assert_int_equal(due(&scene, INT64_MAX, rows), 1);
		vcloud_behave(scene.vcloud, VCLOUD_SLOW, 300);
		vcloud_want_rsa(scene.vcloud);
		struct cloud_ticket *ticket = submit(&scene, &rows[0]);
		while (!vcloud_requests(scene.vcloud))
			clock_pause_until(clock_mono_us() + 5000, NULL);
		make_newer(&scene, &newer);
		struct cloud_result result = wait_for(&scene, ticket);
		/* As spark-server, it takes RSA keys only: a late refusal then. */
		assert_int_equal(
			result.answer, api == VCLOUD_JSON ? CLOUD_ACKNOWLEDGED : CLOUD_REFUSED);
		SQL_IS(scene.bench, "0",
			"SELECT count(*) FROM device_key WHERE state = 'enrolled'");
		SQL_IS(scene.bench, "superseded\non-device",
			"SELECT state FROM device_key ORDER BY retired_at IS NULL");
		SQL_IS(scene.bench, "closed\ndue", "SELECT state FROM outbox ORDER BY id");
		stop(&scene);
		bench_teardown(state);
		bench_setup(state);
	}
}

/* As the sender asks. */
static bool is_unsettled(struct bench *bench, const char *device_id)
{
	const struct cloud_journal journal = journal_of(bench->record);
	bool unsettled = false;
	GOOD(bench, journal.unsettled(journal.context, device_id, &unsettled, &bench->err));
	return unsettled;
}

static void an_unanswered_send_is_remembered(void **state)
{
	struct scene scene;
	struct public_key key;
	char attempt[UUID_TEXT], made[UUID_TEXT];
	start(&scene, state, VCLOUD_JSON);
	struct bench *bench = scene.bench;
	assert_false(is_unsettled(bench, UNIT_A));
	make_held(bench, scene.batch, UNIT_A, attempt, &key);
	assert_true(is_unsettled(bench, UNIT_A));
	/* Also when the row is closed: the request itself may still be under way. */
	make_newer(&scene, &key);
	assert_true(is_unsettled(bench, UNIT_A));
	begin_attempt(bench, scene.batch, UNIT_B, made);
	answer(bench, put_key(bench, made, "main", &key), true);
	assert_false(is_unsettled(bench, UNIT_B));
	stop(&scene);
}

static void pauses_between_enrolments_grow(void **state)
{
	struct scene scene;
	struct record_outbox_row rows[ROWS];
	struct public_key key;
	char attempt[UUID_TEXT];
	int64_t before_ms = 0;
	start(&scene, state, VCLOUD_JSON);
	make_held(scene.bench, scene.batch, UNIT_A, attempt, &key);
	vcloud_behave(scene.vcloud, VCLOUD_BUSY, 0);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(due(&scene, INT64_MAX, rows), 1);
		release(&scene, &rows[0]);
		assert_int_equal(due(&scene, INT64_MAX, rows), 1);
		int64_t pause_ms = rows[0].next_at - clock_utc_ms();
		assert_true(pause_ms > before_ms - 1000 && pause_ms <= 600000);
		assert_int_equal(rows[0].tries, i + 2);
		before_ms = pause_ms;
	}
	assert_true(before_ms > 590000);
	stop(&scene);
}

static void the_product_of_the_attempt_is_sent(void **state)
{
	struct scene scene;
	struct record_outbox_row rows[ROWS];
	struct cloud_request request;
	struct public_key key;
	char attempt[UUID_TEXT];
	start(&scene, state, VCLOUD_JSON);
	struct bench *bench = scene.bench;
	begin_attempt(bench, scene.batch, UNIT_C, attempt);
	do_step(bench, attempt, "write-images", 1, OUTCOME_PASS, REASON_NONE);
	GOOD(bench, record_observe(bench->record, attempt, RECORD_PRODUCT, "4711", &bench->err));
	answer(bench, put_key(bench, attempt, "main", &key), false);
	GOOD(bench, finish(bench, attempt, OUTCOME_HELD, REASON_CLOUD_UNREACHABLE));
	assert_int_equal(due(&scene, INT64_MAX, rows), 1);
	GOOD(bench, release_request(bench->record, &rows[0], &request, &bench->err));
	assert_string_equal(request.product_id, "4711");
	assert_string_equal(request.fingerprint, key.fingerprint);
	assert_string_equal(request.public_key_pem, key.pem);
	stop(&scene);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_outbox_shows_what_is_held_and_due),
		TEST(an_answer_makes_pass_or_fail),
		TEST(F21_a_key_that_we_do_not_know_is_a_conflict),
		TEST(what_was_superseded_is_not_sent),
		TEST(a_late_answer_to_an_old_key_changes_nothing),
		TEST(an_unanswered_send_is_remembered),
		TEST(pauses_between_enrolments_grow),
		TEST(the_product_of_the_attempt_is_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
