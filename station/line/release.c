/* SPDX-License-Identifier: Apache-2.0 */
#include "release.h"

#include <stdio.h>
#include <string.h>

bool release_request(struct record *record, const struct record_outbox_row *row,
	struct cloud_request *ret, struct err *err)
{
	struct record_head head;
	if (!record_head(record, &head, err))
		return false;
	*ret = (struct cloud_request){
		.outbox_id = row->id, .algorithm = row->key.algorithm, .seal_seq = head.seq
	};
	memcpy(ret->device_id, row->device_id, sizeof ret->device_id);
	memcpy(ret->attempt_id, row->attempt_id, sizeof ret->attempt_id);
	memcpy(ret->public_key_pem, row->key.pem, sizeof ret->public_key_pem);
	memcpy(ret->fingerprint, row->key.fingerprint, sizeof ret->fingerprint);
	memcpy(ret->product_id, row->product_id, sizeof ret->product_id);
	memcpy(ret->seal_hash, head.hash, sizeof ret->seal_hash);
	return true;
}

const char *release_proof(const struct cloud_result *result)
{
	if (result->answer != CLOUD_ACKNOWLEDGED)
		return NULL;
	return result->read_back ? "read-back" : "acknowledged";
}

bool release_settle(struct record *record, const struct record_outbox_row *row,
	const struct cloud_result *result, enum outcome *ret, struct err *err)
{
	if (result->answer == CLOUD_UNREACHABLE) {
		if (result->reason == REASON_STORE)
			return err_set(err, REASON_STORE, "%s", result->text);
		*ret = OUTCOME_HELD;
		return true;
	}
	bool good = result->answer == CLOUD_ACKNOWLEDGED;
	if (!record_held_settle(
		    record, row->attempt_id, result->reason, good ? NULL : result->text, err))
		return false;
	*ret = good ? OUTCOME_PASS : OUTCOME_FAIL;
	return true;
}
