/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the life of one unit from the database: attempts, steps, keys, batches, marks. Rows come one by one
 * through callbacks, in order; their texts are valid during the call only; NULL columns are NULL or
 * -1. A callback returns false to stop. Any thread. */
#pragma once

#include "record.h"

struct show_attempt {
	const char *id, *batch_id, *kind, *slot, *usb_path, *usb_serial, *device_id,
		*device_id_source;
	const char *bootloader_version, *key_fingerprint, *operator_name, *outcome, *reason, *cause,
		*detail;
	const char *job_name, *family, *plan_sha256, *work_order; /* of its batch */
	int64_t passage, arrived_at, started_at, ended_at, final_at;
	int64_t seal_seq; /* -1 = not sealed */
	int64_t seal_at;
	const char *seal_hash, *seal_signature;
};
struct show_step {
	int64_t seq, try_number, started_at, ended_at;
	const char *name, *outcome, *reason, *detail;
};
struct show_key {
	const char *fingerprint, *attempt_id, *algorithm, *state, *enrol_proof;
	int64_t intended_at, on_device_at, enrolled_at, retired_at;
};

struct show_observation {
	const char *name, *value;
};
struct show_finding {
	const char *subject, *state, *code, *evidence;
};
/* A file, with the bytes and runs of bytes of the unit in it. */
struct show_backup {
	const char *path, *file_sha256, *recipients, *removed_why;
	int64_t at, keep_until, removed_at, bytes, pieces;
};
struct show_batch {
	const char *id, *kind, *job_name, *plan_sha256, *family, *cloud, *work_order, *part_number,
		*part_revision, *operator_name, *station_id, *software_version;
	int64_t started_at, ended_at;
};
struct show_image {
	const char *region, *file_name, *sha256;
	int64_t stage, address, size, version, platform_id;
};
struct show_mark {
	const char *mark, *note, *operator_name;
	int64_t at;
};

/* Those that may be NULL are not read then. */
struct show_reader {
	bool (*attempt)(void *context, const struct show_attempt *attempt);
	bool (*step)(void *context, const struct show_step *step); /* after its attempt */
	/* After the steps; each may be NULL. identity: its kind is the name. cleared: what it left to
	 * do by hand was done; its mark is "cleared". */
	bool (*observation)(void *context, const struct show_observation *observation);
	bool (*identity)(void *context, const struct show_observation *identity);
	bool (*finding)(void *context, const struct show_finding *finding);
	bool (*cleared)(void *context, const struct show_mark *cleared);
	bool (*backup)(void *context, const struct show_backup *backup);
	bool (*key)(void *context, const struct show_key *key); /* after all attempts */
	/* After the keys: the batches of these attempts, each with its images behind it; both or
	 * neither NULL. */
	bool (*batch)(void *context, const struct show_batch *batch);
	bool (*image)(void *context, const struct show_image *image);
	/* Of a device, the newest last; may be NULL. */
	bool (*mark)(void *context, const struct show_mark *mark);
	void *context;
};
/* unit: a device id of either case, or an attempt id. *ret_found false: the
 * database does not know it. */
bool show_unit(struct record *record, const char *unit, const struct show_reader *reader,
	bool *ret_found, struct err *err) MUST_CHECK;
