/* SPDX-License-Identifier: Apache-2.0 */
/* What the sender asks of the record. */
#include "journal.h"

#include "clock.h"
#include "outbox.h"

enum { SEND_AGAIN_MS = 5000, SEND_AGAIN_MAX_MS = 600000 };

/* The pause doubles with every second send. */
static bool next_at(struct record *record, int64_t outbox_id, int64_t *ret, struct err *err)
{
	unsigned tries;
	int64_t pause_ms = SEND_AGAIN_MS;
	if (!record_outbox_tries(record, outbox_id, &tries, err))
		return false;
	for (; tries >= 2 && pause_ms < SEND_AGAIN_MAX_MS; tries -= 2)
		pause_ms *= 2;
	*ret = clock_utc_ms() + (pause_ms < SEND_AGAIN_MAX_MS ? pause_ms : SEND_AGAIN_MAX_MS);
	return true;
}

static bool journal_send_begin(void *record, int64_t outbox_id, struct err *err)
{
	return record_send_begin(record, outbox_id, err);
}

static bool journal_send_end(
	void *record, int64_t outbox_id, const struct cloud_result *result, struct err *err)
{
	struct record_send_result sent = { .acknowledged = result->answer == CLOUD_ACKNOWLEDGED,
		.refused = result->answer == CLOUD_REFUSED,
		.proof = result->answer != CLOUD_ACKNOWLEDGED ? PROOF_NONE
			 : result->read_back                  ? PROOF_READ_BACK
							      : PROOF_ACKNOWLEDGED,
		.http_status = result->http_status,
		.error = result->answer == CLOUD_ACKNOWLEDGED ? NULL : result->text };
	return next_at(record, outbox_id, &sent.next_at, err) &&
	       record_send_end(record, outbox_id, &sent, err);
}

static bool journal_known(
	void *record, const char *device_id, const char *fingerprint, bool *ret, struct err *err)
{
	return record_key_known(record, device_id, fingerprint, ret, err);
}

static bool journal_unsettled(void *record, const char *device_id, bool *ret, struct err *err)
{
	return record_outbox_unsettled(record, device_id, ret, err);
}

struct cloud_journal journal_of(struct record *record)
{
	return (struct cloud_journal){ .send_begin = journal_send_begin,
		.send_end = journal_send_end,
		.known = journal_known,
		.unsettled = journal_unsettled,
		.context = record };
}
