/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of seals, recomputed. */
#include "audit_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"

/* What the walk along the chain remembers of the seal before. */
struct walk {
	int64_t final_at;
	struct record_head head;
	int64_t marks_to, cleared_to; /* of the newest seal that covers some; -1: none did */
};

enum { SEQ, ATTEMPT_ID, PREV, HASH, FINAL_AT, MARKS_TO, CLEARED_TO };

static void check_place(struct audit *audit, const struct sql_query *seal, const char *where,
	const struct walk *before)
{
	int64_t seq = sql_column_int(seal, SEQ, 0),
		final_at = sql_column_int(seal, FINAL_AT, INT64_MAX);
	const char *prev = sql_column_text(seal, PREV);
	if (seq != before->head.seq + 1)
		audit_tell(audit, where, "the seals %" PRId64 " to %" PRId64 " are missing",
			before->head.seq + 1, seq - 1);
	if (strcmp(prev ? prev : "", before->head.hash) != 0)
		audit_tell(audit, where, "its prev is not the hash of the seal before");
	if (sql_column_int(seal, MARKS_TO, -1) < before->marks_to ||
		sql_column_int(seal, CLEARED_TO, -1) < before->cleared_to)
		audit_tell(audit, where, "does not cover marks that a seal before it does");
	if (final_at < before->final_at)
		audit_note(audit, where,
			"its outcome was final %" PRId64
			" ms before that of the seal before: was the clock set back?",
			before->final_at - final_at);
}

static bool check_hash(struct audit *audit, const struct sql_query *seal, const char *where,
	const struct walk *before, struct err *err)
{
	const char *stored = sql_column_text(seal, HASH), *prev = sql_column_text(seal, PREV);
	const struct seal_marks marks = { before->marks_to > 0 ? before->marks_to : 0,
		sql_column_int(seal, MARKS_TO, -1), before->cleared_to > 0 ? before->cleared_to : 0,
		sql_column_int(seal, CLEARED_TO, -1) };
	bool covers = marks.to >= 0 || marks.cleared_to >= 0;
	struct record_head claimed = { .seq = sql_column_int(seal, SEQ, 0) - 1 };
	char hash[RECORD_SEAL_HEX];
	snprintf(claimed.hash, sizeof claimed.hash, "%s", prev ? prev : "");
	if (!seal_hash(audit->record, sql_column_text(seal, ATTEMPT_ID), &claimed,
		    covers ? &marks : NULL, hash, err))
		return false;
	if (strcmp(hash, stored ? stored : "") != 0)
		audit_tell(audit, where,
			"what it covers was changed, or the seal itself: recomputed %.16s..., "
			"stored %.16s...",
			hash, stored ? stored : "(nothing)");
	audit->summary->first_form += !covers;
	return true;
}

static void step_on(struct walk *walk, const struct sql_query *seal)
{
	walk->head.seq = sql_column_int(seal, SEQ, 0);
	walk->final_at = sql_column_int(seal, FINAL_AT, walk->final_at);
	walk->marks_to = sql_column_int(seal, MARKS_TO, walk->marks_to);
	walk->cleared_to = sql_column_int(seal, CLEARED_TO, walk->cleared_to);
	snprintf(walk->head.hash, sizeof walk->head.hash, "%s", sql_column_text(seal, HASH));
}

/* What was said of units since the newest seal. */
static bool count_unsealed(struct audit *audit, const struct walk *walk, struct err *err)
{
	static const char text[] = "SELECT (SELECT count(*) FROM unit_mark WHERE id > ?1) +"
				   " (SELECT count(*) FROM unit_cleared WHERE id > ?2)";
	return sql_get_int(&audit->record->sql, text,
		SQL(sql_int(walk->marks_to), sql_int(walk->cleared_to)), 0,
		&audit->summary->unsealed_marks, err);
}

bool audit_seals(struct audit *audit, struct err *err)
{
	static const char text[] =
		"SELECT s.seq, s.attempt_id, s.prev, s.hash, a.final_at, s.marks_to, s.cleared_to"
		" FROM seal s LEFT JOIN attempt a ON a.id = s.attempt_id ORDER BY s.seq";
	struct walk before = { .final_at = INT64_MIN, .marks_to = -1, .cleared_to = -1 };
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&audit->record->sql, text, SQL_NOTHING, &query, err))
		return false;
	audit_count(audit, 0);
	for (;;) {
		bool row = false;
		char where[128];
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			return count_unsealed(audit, &before, err);
		audit_count(audit, 1);
		snprintf(where, sizeof where, "seal %" PRId64 ", attempt %s",
			sql_column_int(&query, SEQ, 0), sql_column_text(&query, ATTEMPT_ID));
		check_place(audit, &query, where, &before);
		if (!check_hash(audit, &query, where, &before, err))
			return false;
		step_on(&before, &query);
	}
}

/* --- signatures --- */

static bool verifies(const struct signing_key *key, int64_t seq, const char *hash, const char *hex)
{
	char text[SEAL_TEXT_MAX];
	uint8_t signature[SIGNATURE_LEN];
	size_t len = seal_text(seq, hash, text);
	return bytes_from_hex(hex, signature, sizeof signature) &&
	       signing_key_verifies(key, text, len, signature);
}

/* A station that signs goes on signing: who recomputes a chain without the key can only
 * leave the signatures out. */
static void check_signature(struct audit *audit, const struct sql_query *seal)
{
	int64_t seq = sql_column_int(seal, 0, 0);
	const char *hash = sql_column_text(seal, 1), *signature = sql_column_text(seal, 2);
	const struct signing_key *key = audit->options->station_key;
	char where[64];
	snprintf(where, sizeof where, "seal %" PRId64, seq);
	if (!signature) {
		if (audit->summary->signatures)
			audit_tell(audit, where, "is not signed, though seals before it are");
		return;
	}
	audit->summary->signatures++;
	if (!key)
		return;
	audit_count(audit, 1);
	if (!verifies(key, seq, hash ? hash : "", signature))
		audit_tell(audit, where, "its signature is not by this station key");
}

bool audit_signatures(struct audit *audit, struct err *err)
{
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&audit->record->sql, "SELECT seq, hash, signature FROM seal ORDER BY seq",
		    SQL_NOTHING, &query, err))
		return false;
	for (;;) {
		bool row = false;
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			return true;
		check_signature(audit, &query);
	}
}
