/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the record: one connection, its lock, transactions, and what the files of this folder do
 * for each other. Functions that take a struct record here run inside a transaction (SCOPED_TX)
 * unless they say otherwise. */
#pragma once

#include <pthread.h>

#include "fs.h"
#include "record.h"
#include "signing.h"
#include "sql.h"

struct record {
	pthread_mutex_t mutex; /* of everything below */
	struct sql sql;
	bool read_only, existing, virtual_line;
	int lock_fd;                 /* of the state folder; -1 = none */
	int seals_fd;                /* logs/seals.log, appending; -1 = none */
	int64_t logged_seq;          /* the last seal that stands in logs/seals.log */
	struct signing_key *signing; /* NULL = unsigned */
	char station_id[64], software_version[64];
	char path[FS_PATH_MAX], seals_path[FS_PATH_MAX];
};

/* A transaction: takes the lock, gives it back at the end of the scope, rolls
 * back unless committed. */
struct tx {
	struct record *record;
	bool open;
};
bool tx_begin(struct tx *tx, struct record *record, struct err *err) MUST_CHECK;
/* The same for reading: all queries see one state of the database. */
bool tx_begin_read(struct tx *tx, struct record *record, struct err *err) MUST_CHECK;
/* Durable when it returns true. New seals are then appended to logs/seals.log. */
bool tx_commit(struct tx *tx, struct err *err) MUST_CHECK;
void tx_end(struct tx *tx);
#define SCOPED_TX __attribute__((cleanup(tx_end))) struct tx

/* --- schema.c --- */

/* Refuses what is not ours or newer, before anything is changed. Outside a transaction. */
bool schema_check(struct record *record, bool *ret_empty, struct err *err) MUST_CHECK;
/* Makes the tables or migrates them, forward only, in one transaction; then
 * compares the kind of line. */
bool schema_prepare(struct record *record, struct err *err) MUST_CHECK;
/* Makes the tables of the newest version in an empty database, without rows. */
bool schema_make(struct sql *sql, struct err *err) MUST_CHECK;

/* --- attempt.c --- */

/* What stands in an attempt's row. */
struct attempt {
	char id[UUID_TEXT], kind[16], device_id[RECORD_DEVICE_ID], fingerprint[KEY_FINGERPRINT],
		cloud[64];
	bool ended;
	enum outcome outcome;
};
/* REASON_BUG if there is none. */
bool attempt_load(struct record *record, const char *attempt_id, struct attempt *ret,
	struct err *err) MUST_CHECK;
/* The same, and it has to be open. */
bool attempt_load_open(struct record *record, const char *attempt_id, struct attempt *ret,
	struct err *err) MUST_CHECK;
/* Ends an open attempt, without guards: open steps, live outbox rows, a key that was only intended;
 * the seal if the outcome is final. */
bool attempt_close(struct record *record, const struct attempt *attempt,
	const struct record_result *result, struct err *err) MUST_CHECK;
/* HELD to PASS (REASON_NONE) or FAIL, sealed; without guards. */
bool attempt_settle(struct record *record, const char *attempt_id, enum reason reason,
	const char *detail, struct err *err) MUST_CHECK;

/* --- guard.c --- */

/* Whether what the database holds bears this outcome; REASON_BUG otherwise. */
bool guard_finish(struct record *record, const struct attempt *attempt,
	const struct record_result *result, struct err *err) MUST_CHECK;
bool guard_settle(struct record *record, const struct attempt *attempt, enum reason reason,
	struct err *err) MUST_CHECK;

/* --- unit.c --- */

bool unit_quarantine(struct record *record, const char *device_id, enum reason reason,
	const char *note, const char *operator_name, struct err *err) MUST_CHECK;
/* The reason why a unit went into quarantine while this attempt worked on it;
 * REASON_NONE if it did not. */
bool unit_set_aside(struct record *record, const struct attempt *attempt, enum reason *ret,
	struct err *err) MUST_CHECK;

/* --- recover.c --- */

/* Ends what a dead station left open. Its own transaction. */
bool recover(struct record *record, unsigned *ret_attempts, struct err *err) MUST_CHECK;

/* --- seal.c --- */

/* The newest seal; seq 0 if there is none. */
bool seal_head(struct record *record, struct record_head *ret, struct err *err) MUST_CHECK;
bool seal_attempt(struct record *record, const char *attempt_id, struct err *err) MUST_CHECK;
/* Which rows of unit_mark and unit_cleared a seal covers: those behind the first id, up to the second. */
struct seal_marks {
	int64_t after, to, cleared_after, cleared_to;
};
/* The hash that the seal behind before (hash "": there is none) has to have. marks NULL: of form 1, which
 * covers neither marks nor findings. */
bool seal_hash(struct record *record, const char *attempt_id, const struct record_head *before,
	const struct seal_marks *marks, char ret[RECORD_SEAL_HEX], struct err *err) MUST_CHECK;
enum { SEAL_TEXT_MAX = 128 };
/* What a signature signs; the length. */
size_t seal_text(int64_t seq, const char *hash, char ret[SEAL_TEXT_MAX]);
/* The seal of a line of logs/seals.log; 0 if the line is none. */
int64_t seal_log_line(const char *line, char ret_hash[RECORD_SEAL_HEX]);
/* Opens logs/seals.log and finds out how far it goes. Holding the lock, outside a transaction. */
bool seal_log_open(struct record *record, struct err *err) MUST_CHECK;
/* Appends and syncs the seals that are not in it yet. Holding the lock, after a commit. */
bool seal_log_append(struct record *record, struct err *err) MUST_CHECK;

bool is_device_id(const char *text); /* 24 lower-case hex digits */
