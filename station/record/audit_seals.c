/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of seals, recomputed. */
#include "audit_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"

/* What the walk along the chain remembers of the seal before. */
struct walk {
	int64_t seq, final_at;
	char hash[RECORD_SEAL_HEX];
};

static void check_place(struct audit *audit, const struct sql_query *seal, const char *where,
	const struct walk *before)
{
	int64_t seq = sql_column_int(seal, 0, 0), final_at = sql_column_int(seal, 4, INT64_MAX);
	const char *prev = sql_column_text(seal, 2);
	if (seq != before->seq + 1)
		audit_tell(audit, where, "the seals %" PRId64 " to %" PRId64 " are missing",
			before->seq + 1, seq - 1);
	if (strcmp(prev ? prev : "", before->hash) != 0)
		audit_tell(audit, where, "its prev is not the hash of the seal before");
	if (final_at < before->final_at)
		audit_note(audit, where,
			"its outcome was final %" PRId64
			" ms before that of the seal before: was the clock set back?",
			before->final_at - final_at);
}

static bool check_hash(
	struct audit *audit, const struct sql_query *seal, const char *where, struct err *err)
{
	const char *stored = sql_column_text(seal, 3);
	char hash[RECORD_SEAL_HEX];
	if (!seal_hash(audit->record, sql_column_text(seal, 1), sql_column_int(seal, 0, 0),
		    sql_column_text(seal, 2), hash, err))
		return false;
	if (strcmp(hash, stored ? stored : "") != 0)
		audit_tell(audit, where,
			"what it covers was changed, or the seal itself: recomputed %.16s..., "
			"stored %.16s...",
			hash, stored ? stored : "(nothing)");
	return true;
}

bool audit_seals(struct audit *audit, struct err *err)
{
	static const char text[] =
		"SELECT s.seq, s.attempt_id, s.prev, s.hash, a.final_at FROM seal s"
		" LEFT JOIN attempt a ON a.id = s.attempt_id ORDER BY s.seq";
	struct walk before = { .final_at = INT64_MIN };
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
			return true;
		audit_count(audit, 1);
		snprintf(where, sizeof where, "seal %" PRId64 ", attempt %s",
			sql_column_int(&query, 0, 0), sql_column_text(&query, 1));
		check_place(audit, &query, where, &before);
		if (!check_hash(audit, &query, where, err))
			return false;
		before.seq = sql_column_int(&query, 0, 0);
		before.final_at = sql_column_int(&query, 4, before.final_at);
		snprintf(before.hash, sizeof before.hash, "%s", sql_column_text(&query, 3));
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
