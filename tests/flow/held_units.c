/* SPDX-License-Identifier: Apache-2.0 */
/* For the flow tests: the record of a real line in which units are HELD, as a line leaves it whose cloud was away.
 *   held_units STATE COUNT CLOUD [PRODUCT]
 * prints the device ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "keypair.h"
#include "outbox.h"
#include "record.h"

#define SHA "1111111111111111111111111111111111111111111111111111111111111111"

static bool step(struct record *record, const char *attempt, const char *name, enum outcome outcome,
	enum reason reason, struct err *err)
{
	unsigned seq;
	return record_step_begin(record, attempt, name, 1, &seq, err) &&
	       record_step_end(record, attempt, seq, outcome, reason, NULL, err);
}

static bool put_key(struct record *record, const char *attempt, const char *cloud, struct err *err)
{
	SCOPED_KEYPAIR struct keypair *keypair = NULL;
	const struct record_send_result lost = { .error = "no answer",
		.next_at = clock_utc_ms() + 60000 };
	int64_t outbox;
	return keypair_new(KEY_RSA_1024, &keypair, err) &&
	       record_key_intended(record, attempt, keypair_public(keypair), err) &&
	       record_key_on_device(record, attempt, cloud, &outbox, err) &&
	       record_send_begin(record, outbox, err) &&
	       record_send_end(record, outbox, &lost, err);
}

static bool hold(
	struct record *record, const char *batch, unsigned number, char **argv, struct err *err)
{
	char attempt[UUID_TEXT], device_id[RECORD_DEVICE_ID];
	const struct record_arrival arrival = { .batch_id = batch,
		.kind = "provision",
		.arrived_at = clock_utc_ms(),
		.slot = "A1",
		.usb_path = "1-1.1",
		.operator_name = "test" };
	const struct record_result held = { .outcome = OUTCOME_HELD,
		.reason = REASON_CLOUD_UNREACHABLE };
	unsigned passage;
	snprintf(device_id, sizeof device_id, "3f0028000%015x", number);
	printf("%s\n", device_id);
	return record_attempt_begin(record, &arrival, attempt, err) &&
	       record_attempt_set_device(record, attempt, device_id, "usb-serial", &passage, err) &&
	       step(record, attempt, "write-images", OUTCOME_PASS, REASON_NONE, err) &&
	       (!argv[4] || record_observe(record, attempt, RECORD_PRODUCT, argv[4], err)) &&
	       put_key(record, attempt, argv[3], err) &&
	       step(record, attempt, "enrolled", OUTCOME_FAIL, REASON_CLOUD_UNREACHABLE, err) &&
	       record_attempt_finish(record, attempt, &held, err);
}

static bool make(char **argv, struct err *err)
{
	const struct record_options options = {
		.state_dir = argv[1], .station_id = "bench-1", .software_version = "test"
	};
	const struct record_batch batch = { .kind = "provision",
		.job_name = "held",
		.job_text = "",
		.plan_sha256 = SHA,
		.family = "core",
		.family_sha256 = SHA,
		.config_sha256 = SHA,
		.cloud = argv[3] };
	struct record *record;
	char batch_id[UUID_TEXT];
	if (!keys_init(err) || !record_open(&options, &record, NULL, err))
		return false;
	bool good = record_batch_begin(record, &batch, NULL, 0, batch_id, err);
	for (unsigned i = 0; good && i < strtoul(argv[2], NULL, 10); i++)
		good = hold(record, batch_id, i, argv, err);
	good = good && record_batch_end(record, batch_id, "done", err);
	record_close(record);
	return good;
}

int main(int argc, char **argv)
{
	struct err err;
	if (argc < 4 || argc > 5)
		return 2;
	if (make(argv, &err))
		return 0;
	fprintf(stderr, "%s\n", err.text);
	return 1;
}
