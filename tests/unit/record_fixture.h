/* SPDX-License-Identifier: Apache-2.0 */
/* A record in a folder of its own under /tmp, and the sqlite3 command line as
 * the foreign eye on it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "fs.h"
#include "keypair.h"
#include "record.h"

#define UNIT_A "3f0028000347343337373738"
#define UNIT_B "2a0031000547343337373738"
#define PLAN_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define PLAN_2 "2222222222222222222222222222222222222222222222222222222222222222"

struct bench {
	char folder[FS_PATH_MAX];
	struct record *record;
	unsigned recovered;
	struct err err;
};

#define GOOD(bench, call) \
	do { \
		if (!(call)) \
			fail_msg("%s", (bench)->err.text); \
	} while (0)
#define BAD(bench, reason_, call) \
	do { \
		assert_false(call); \
		assert_string_equal(reason_info((bench)->err.reason)->code, reason_info(reason_)->code); \
	} while (0)

static inline struct record_options bench_options(const struct bench *bench)
{
	return (struct record_options){ .state_dir = bench->folder,
		.station_id = "bench-1",
		.software_version = "0.0-test" };
}

static inline void bench_open(struct bench *bench)
{
	struct record_options options = bench_options(bench);
	GOOD(bench, record_open(&options, &bench->record, &bench->recovered, &bench->err));
}

static inline void bench_close(struct bench *bench)
{
	record_close(bench->record);
	bench->record = NULL;
}

static inline int bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	snprintf(bench->folder, sizeof bench->folder, "/tmp/test_record.XXXXXX");
	if (!mkdtemp(bench->folder))
		return -1;
	bench_open(bench);
	*state = bench;
	return 0;
}

static inline int bench_teardown(void **state)
{
	struct bench *bench = *state;
	char command[FS_PATH_MAX + 16];
	bench_close(bench);
	snprintf(command, sizeof command, "rm -rf '%s'", bench->folder);
	int status = system(command);
	free(bench);
	return status;
}

/* Runs the sqlite3 command line on the database; its output without the last
 * newline; the exit status. */
static inline int foreign_sql(const struct bench *bench, const char *text, char *to, size_t cap)
{
	char command[4096];
	snprintf(command, sizeof command, "sqlite3 -cmd '.timeout 5000' '%s/station.db' \"%s\" 2>&1", bench->folder,
		text);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	size_t len = fread(to, 1, cap - 1, pipe);
	to[len] = 0;
	if (len && to[len - 1] == '\n')
		to[len - 1] = 0;
	return WEXITSTATUS(pclose(pipe));
}

#define SQL_IS(bench, expected, text) \
	do { \
		char answer_[4096]; \
		assert_int_equal(foreign_sql(bench, text, answer_, sizeof answer_), 0); \
		assert_string_equal(answer_, expected); \
	} while (0)

static inline void begin_batch(struct bench *bench, const char *plan, const char *cloud, const char *work_order,
	char id[UUID_TEXT])
{
	const struct record_batch batch = { .kind = "provision",
		.job_name = "core-tinker",
		.job_text = "job : { name = \"core-tinker\"; };",
		.plan_sha256 = plan,
		.family = "core",
		.family_sha256 = PLAN_1,
		.config_sha256 = PLAN_2,
		.cloud = cloud,
		.work_order = work_order,
		.operator_name = "Jörg",
		.quantity = 3 };
	const struct record_image images[] = {
		{ "user", 0x08005000, "core-tinker.bin", true, 3, 0, 71852, PLAN_2, 0 },
		{ "server_key", 0x00001000, "cloud-rsa.pub.der", false, 0, 0, 294, PLAN_1, 0 },
	};
	GOOD(bench, record_batch_begin(bench->record, &batch, images, 2, id, &bench->err));
}

static inline void begin_attempt(struct bench *bench, const char *batch_id, const char *device_id,
	char id[UUID_TEXT])
{
	unsigned passage;
	const struct record_arrival arrival = { .batch_id = batch_id,
		.kind = "provision",
		.arrived_at = clock_utc_ms(),
		.slot = "A1",
		.usb_path = "1-1.1",
		.usb_serial = "8D7028785754",
		.operator_name = "Jörg" };
	GOOD(bench, record_attempt_begin(bench->record, &arrival, id, &bench->err));
	if (device_id)
		GOOD(bench, record_attempt_set_device(bench->record, id, device_id, "usb-serial",
				    &passage, &bench->err));
}

static inline void do_step(struct bench *bench, const char *attempt, const char *name, unsigned try_number,
	enum outcome outcome, enum reason reason)
{
	unsigned seq;
	GOOD(bench, record_step_begin(bench->record, attempt, name, try_number, &seq, &bench->err));
	GOOD(bench, record_step_end(bench->record, attempt, seq, outcome, reason, NULL, &bench->err));
}

/* A fresh key, on the device, with an enrolment that is due. */
static inline int64_t put_key(struct bench *bench, const char *attempt, const char *cloud, struct public_key *ret)
{
	SCOPED_KEYPAIR struct keypair *keypair = NULL;
	int64_t outbox;
	GOOD(bench, keypair_new(KEY_P256, &keypair, &bench->err));
	*ret = *keypair_public(keypair);
	GOOD(bench, record_key_intended(bench->record, attempt, ret, &bench->err));
	GOOD(bench, record_key_on_device(bench->record, attempt, cloud, &outbox, &bench->err));
	return outbox;
}

static inline void answer(struct bench *bench, int64_t outbox, bool acknowledged)
{
	const struct record_send_result result = { .acknowledged = acknowledged,
		.proof = acknowledged ? PROOF_ACKNOWLEDGED : PROOF_NONE,
		.http_status = acknowledged ? 201 : 0,
		.error = acknowledged ? NULL : "no answer in 10000 ms",
		.next_at = clock_utc_ms() + 1000 };
	GOOD(bench, record_send_begin(bench->record, outbox, &bench->err));
	GOOD(bench, record_send_end(bench->record, outbox, &result, &bench->err));
}

static inline bool finish(struct bench *bench, const char *attempt, enum outcome outcome, enum reason reason)
{
	const struct record_result result = { .outcome = outcome, .reason = reason };
	return record_attempt_finish(bench->record, attempt, &result, &bench->err);
}

/* An attempt of this unit that is HELD; gives its outbox row. */
static inline int64_t make_held(struct bench *bench, const char *batch, const char *device_id, char attempt[UUID_TEXT],
	struct public_key *ret_key)
{
	begin_attempt(bench, batch, device_id, attempt);
	do_step(bench, attempt, "write-images", 1, OUTCOME_PASS, REASON_NONE);
	int64_t outbox = put_key(bench, attempt, "main", ret_key);
	answer(bench, outbox, false);
	do_step(bench, attempt, "enrol", 1, OUTCOME_FAIL, REASON_CLOUD_UNREACHABLE);
	GOOD(bench, finish(bench, attempt, OUTCOME_HELD, REASON_CLOUD_UNREACHABLE));
	return outbox;
}

/* An attempt without keys that ends like this. */
static inline void make_plain(struct bench *bench, const char *batch, const char *device_id, enum outcome outcome,
	enum reason reason)
{
	char attempt[UUID_TEXT];
	begin_attempt(bench, batch, device_id, attempt);
	do_step(bench, attempt, "write-images", 1, outcome == OUTCOME_PASS ? OUTCOME_PASS : OUTCOME_FAIL, reason);
	GOOD(bench, finish(bench, attempt, outcome, reason));
}
