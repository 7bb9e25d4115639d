/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the database for a report: everything of a scope in one state of the database, a running
 * line is not blocked. Rows come one by one through callbacks, in the order of the struct; their
 * texts are valid during the call only, NULL and -1 are NULL columns. Any thread; blocks for the
 * disk. Reasons: INPUT (no such batch), STORE.
 *
 * Attempts are read from one index that holds all their columns that figures need, and steps of a
 * large scope from sums that are kept per batch, hour and step when an attempt ends (step_sum; the
 * audit recomputes them). So a batch costs what it holds, and a year some hundred thousand rows. */
#pragma once

#include "record.h"
#include "tally.h"

/* All that is given must hold; NULL and 0 leave it open. */
struct figures_scope {
	const char *batch_id, *work_order, *job_name, *station_id;
	bool last_batch;      /* the newest batch that provisions */
	int64_t since, until; /* attempts that began in [since, until), UTC ms */
};

struct figures_batch {
	const char *id, *kind, *job_name, *plan_sha256, *family, *cloud, *work_order, *part_number,
		*part_revision, *operator_name, *station_id, *software_version, *ended_by;
	int64_t quantity, started_at, ended_at;
};
struct figures_image {
	const char *region, *file_name, *sha256;
	int64_t stage, address, size, version, platform_id;
};
struct figures_stop {
	const char *batch_id, *why;
	int64_t from_at, to_at;
};
struct figures_attempt {
	const char *id, *batch_id, *kind, *slot, *device_id, *outcome, *reason, *cause,
		*operator_name;
	const char *failed_step; /* of a FAIL */
	const char *enrol_proof; /* of a PASS with an enrolment: "read-back", "acknowledged" */
	int64_t arrived_at, started_at, ended_at, retries;
};
/* As it is by now. */
struct figures_keys {
	int64_t superseded, abandoned; /* keys that attempts of the scope made */
	/* Units that an attempt of the scope left without PASS, the last one that did anything to them, while a
	 * key of theirs is enrolled. */
	int64_t enrolled_not_pass;
	int64_t renewed,
		kept; /* re-provisionings that are PASS or HELD: the key is theirs, or was there */
	int64_t put_back; /* those that gave the unit the key back that it had */
};
/* Re-provisionings that are PASS, by their attempts, and what was said of the unit's resale then. */
struct figures_resale {
	int64_t yes, cleared; /* cleared: by hand, since */
	int64_t by_hand;      /* to be cleared still */
	int64_t kept;
};
struct figures_finding {
	const char *unit; /* its device id, or the attempt if that is not known */
	const char *subject, *state, *reason;
};

struct figures_reader {
	/* Batches of the scope in the order of their start, each with its images behind it; then the stops of all of
	 * them in the order of theirs. */
	bool (*batch)(void *context, const struct figures_batch *batch);
	bool (*image)(void *context, const struct figures_image *image);
	bool (*stop)(void *context, const struct figures_stop *stop);
	/* In the order of their start within a batch, batches as above; last those without a batch
	 * (only if the scope is none of batches). */
	bool (*attempt)(void *context, const struct figures_attempt *attempt);
	bool (*finding)(void *context, const struct figures_finding *finding);
	void *context;
};

struct figures_sums {
	struct record_head head;
	char station_id[64]; /* of the database */
	struct tally tally;  /* of attempts of kind provision; the caller does tally_done */
	struct figures_keys keys, returned_keys; /* by attempts of kind provision; of the others */
	struct figures_resale resale;
};

/* A callback that returns false ends the reading with REASON_STOPPED. */
bool figures_read(struct record *record, const struct figures_scope *scope,
	const struct figures_reader *reader, struct figures_sums *ret, struct err *err) MUST_CHECK;
