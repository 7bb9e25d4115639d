/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox from outside: the enrolments of HELD attempts that wait to be sent again. Any
 * thread. */
#pragma once

#include "record.h"

/* The name of the observation in which an attempt keeps the product id that its
 * key is enrolled under. */
#define RECORD_PRODUCT "enrol-product"

struct record_outbox_row {
	int64_t id;
	char attempt_id[UUID_TEXT], batch_id[UUID_TEXT]; /* batch_id "" outside a batch */
	char slot[64], device_id[RECORD_DEVICE_ID], cloud[64], product_id[64];
	unsigned tries;
	int64_t next_at; /* UTC ms */
	struct public_key key; /* algorithm, pem and fingerprint; the spki is derived from the pem */
};

struct record_outbox_filter {
	const char *cloud; /* NULL = any */
	int64_t due_by;	   /* only what is to be sent at this time or before, UTC ms; INT64_MAX = all */
	int64_t after_id;  /* only rows behind this one; 0 = from the start */
};

/* The rows in state "due" whose attempt is HELD, in the order of their ids, at most cap. */
bool record_outbox(struct record *record, const struct record_outbox_filter *filter,
	struct record_outbox_row *rows, size_t cap, size_t *ret_count, struct err *err) MUST_CHECK;
/* A unit that is HELD, as it waits. */
struct record_held_unit {
	int64_t outbox_id;
	char attempt_id[UUID_TEXT], slot[64], device_id[RECORD_DEVICE_ID], cloud[64];
	char state[16]; /* "due", "in-flight", "acknowledged", "refused" */
	unsigned tries;
	int http_status;       /* of the last answer; 0 = none */
	int64_t since, next_at; /* UTC ms; next_at -1: not due */
	char last_error[RECORD_DETAIL_MAX];
};

/* All HELD units behind this outbox row (0: from the start), in the order of their rows, at most
 * cap. For readers too. */
bool record_held_units(struct record *record, int64_t after_id, struct record_held_unit *units,
	size_t cap, size_t *ret_count, struct err *err) MUST_CHECK;
/* How often it was sent, in all. */
bool record_outbox_tries(struct record *record, int64_t outbox_id, unsigned *ret, struct err *err)
	MUST_CHECK;
/* True in *ret if a send for this device, of whatever key, got no answer: it may still arrive. */
bool record_outbox_unsettled(struct record *record, const char *device_id, bool *ret,
	struct err *err) MUST_CHECK;
