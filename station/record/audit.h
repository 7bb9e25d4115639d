/* SPDX-License-Identifier: Apache-2.0 */
/* Does the database hold what the record promises? Everything is compared in one state of the
 * database, nothing is changed, and a line may run meanwhile. The record may be opened for reading
 * only.
 *
 * What an audit can show is limited by what others hold: a head of the chain that was kept
 * elsewhere (an anchor), and the public key of the station. */
#pragma once

#include "record.h"
#include "signing.h"

enum audit_check {
	AUDIT_SCHEMA,     /* tables, indexes and triggers as this program makes them */
	AUDIT_INTEGRITY,  /* SQLite's own: pages, indexes, constraints */
	AUDIT_REFERENCES, /* foreign keys */
	AUDIT_SEALS,      /* each recomputed, one chain */
	AUDIT_SIGNATURES, /* of the seals */
	AUDIT_SEALED,     /* every final attempt is sealed, and nothing else */
	AUDIT_LOG,        /* logs/seals.log against the chain */
	AUDIT_ANCHOR,     /* heads that somebody else kept, against the chain */
	AUDIT_ATTEMPTS,   /* outcomes are borne out by steps, keys and enrolments */
	AUDIT_PASSAGES,   /* 1, 2, 3... of each unit, each linked to the one before */
	AUDIT_STEPS,      /* and the sums of them that reports read */
	AUDIT_KEYS,
	AUDIT_ENROLMENTS,
	AUDIT_MARKS,
	AUDIT_CHECKS
};

/* Texts are valid during the call. */
struct audit_finding {
	enum audit_check check;
	bool note;         /* worth knowing, and no fault */
	const char *where; /* "attempt 0192...", "seal 5", a file and its line */
	const char *what;
};

enum { AUDIT_TOLD_MAX = 50 /* findings told of each check; all are counted */ };

struct audit_options {
	/* A station is, or was, at work: attempts, batches and sends may be open. */
	bool live;
	const char *lock_file; /* held = live; NULL = live is known */
	const char *seals_log; /* NULL = there is none to compare */
	/* So much of it is older than the database; 0 = all that is there now. */
	int64_t seals_log_len;
	/* Any text with lines that hold a number and a hash; NULL = none. */
	const char *anchor_file;
	/* Verifies the signatures; NULL = they are only counted. */
	const struct signing_key *station_key;
	void (*finding)(void *context, const struct audit_finding *finding);
	void *context;
};

struct audit_summary {
	struct {
		bool done;     /* false: nothing to compare with */
		int64_t count; /* what was looked at; audit_counted names it */
		unsigned findings;
	} checks[AUDIT_CHECKS];
	unsigned findings, notes;
	bool live; /* a station was at work */
	struct record_head head;
	int64_t anchor_seq;     /* the newest anchor that stands in the chain; 0 = none */
	int64_t signatures;     /* seals that are signed */
	int64_t first_form;     /* seals of form 1, which cover neither findings nor marks */
	int64_t unsealed_marks; /* marks and clearings that no seal covers yet */
};

const char *audit_name(enum audit_check check);    /* "schema" */
const char *audit_counted(enum audit_check check); /* "tables, indexes and triggers" */

/* False only if the database or the anchor file cannot be read; faults are findings.
 * REASON_INPUT, REASON_STORE. */
bool audit_run(struct record *record, const struct audit_options *options,
	struct audit_summary *ret, struct err *err) MUST_CHECK;
