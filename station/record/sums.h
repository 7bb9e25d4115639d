/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of steps per batch and hour (table step_sum), and what an attempt's row says of its steps.
 * Private to this folder; the caller is in a transaction. */
#pragma once

#include "record_private.h"
#include "tally.h"

enum { SUMS_HOUR_MS = 3600000 };
#define SUMS_COLUMNS "s.seq, s.name, s.try, s.started_at, s.ended_at, s.outcome, s.reason"
/* The columns above, from that number on. */
struct tally_try sums_try(const struct sql_query *query, int first);

/* The attempt is about to end with this outcome, and its steps have ended. */
bool sums_attempt(struct record *record, const char *attempt_id, enum outcome outcome,
	struct err *err) MUST_CHECK;
/* Adds a tally to what is kept for the hour; the tally's times become coarse. */
bool sums_put(struct record *record, const char *batch_id, int64_t hour, struct tally *tally,
	struct err *err) MUST_CHECK;
/* Fills the table for all attempts that have ended; it is empty. */
bool sums_rebuild(struct record *record, struct err *err) MUST_CHECK;

/* From the steps themselves: attempts of kind provision that began in [since, until) and have
 * ended. */
bool sums_tally(struct record *record, const char *batch_id, int64_t since, int64_t until,
	struct tally *tally, struct err *err) MUST_CHECK;
/* From the sums: hours in [from_hour, to_hour). */
bool sums_load(struct record *record, const char *batch_id, int64_t from_hour, int64_t to_hour,
	struct tally *tally, struct err *err) MUST_CHECK;

void sums_free_tally(struct tally **tally);
#define SCOPED_TALLY __attribute__((cleanup(sums_free_tally)))
