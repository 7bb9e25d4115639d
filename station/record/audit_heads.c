/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of the chain that stand elsewhere: logs/seals.log beside the database, and anchors that
 * somebody else kept. */
#include "audit_private.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "scope.h"

/* Says what is wrong with a head, if anything is. seq 0: only the hash is known. */
static bool compare_head(struct audit *audit, int64_t seq, const char *hash, const char *where,
	bool *ret_same, struct err *err)
{
	static const char by_hash[] = "SELECT seq FROM seal WHERE hash = ?1";
	static const char by_seq[] = "SELECT hash FROM seal WHERE seq = ?1";
	int64_t stands_at;
	char there[RECORD_SEAL_HEX];
	if (!sql_get_int(&audit->record->sql, by_hash, SQL(sql_text(hash)), 0, &stands_at, err) ||
		!sql_get_text(
			&audit->record->sql, by_seq, SQL(sql_int(seq)), there, sizeof there, err))
		return false;
	*ret_same = stands_at && (!seq || stands_at == seq);
	if (*ret_same)
		return true;
	if (stands_at)
		audit_tell(audit, where,
			"is seal %" PRId64 " here, stands as seal %" PRId64 " in the chain", seq,
			stands_at);
	else if (there[0])
		audit_tell(audit, where,
			"seal %" PRId64 " is %.16s... here, %.16s... in the chain: the chain was "
			"made anew",
			seq, hash, there);
	else
		audit_tell(audit, where,
			"seal %" PRId64 " %.16s... is not in the chain, which ends at %" PRId64
			": its tail was cut, or an older copy was restored",
			seq, hash, audit->summary->head.seq);
	return true;
}

/* --- logs/seals.log --- */

/* A seal that has just been committed may not be appended yet. */
enum { APPENDED_WITHIN_MS = 10000 };

struct log_walk {
	int64_t line, last; /* last: the newest seal that the log tells of */
};

static bool check_line(
	struct audit *audit, struct log_walk *walk, const char *line, struct err *err)
{
	char hash[RECORD_SEAL_HEX], where[64];
	int64_t seq = seal_log_line(line, hash);
	bool same;
	snprintf(where, sizeof where, "logs/seals.log, line %" PRId64, walk->line);
	if (!seq) {
		/* Nothing is removed from this file; what was torn is said again in the next
		 * line. */
		audit_note(audit, where, "is torn: a power cut or a full disk");
		return true;
	}
	if (seq > walk->last + 1)
		audit_tell(audit, where,
			"the seals %" PRId64 " to %" PRId64 " are missing before it",
			walk->last + 1, seq - 1);
	if (seq > walk->last)
		walk->last = seq;
	return compare_head(audit, seq, hash, where, &same, err);
}

static bool check_end(struct audit *audit, int64_t last, struct err *err)
{
	static const char text[] =
		"SELECT count(*) FROM seal WHERE seq > ?1 AND NOT (?2 AND at >= ?3)";
	int64_t missing, since = clock_utc_ms() - APPENDED_WITHIN_MS;
	if (!sql_get_int(&audit->record->sql, text,
		    SQL(sql_int(last), sql_int(audit->live), sql_int(since)), 0, &missing, err))
		return false;
	if (missing)
		audit_tell(audit, "logs/seals.log",
			"ends at seal %" PRId64 ", the chain at %" PRId64
			": the log was cut, or the station died (the next command that writes "
			"appends them)",
			last, audit->summary->head.seq);
	return true;
}

bool audit_log(struct audit *audit, struct err *err)
{
	const char *path = audit->options->seals_log;
	struct log_walk walk = { 0 };
	SCOPED_FREE char *line = NULL;
	size_t room = 0;
	off_t at = 0;
	if (!path)
		return true;
	SCOPED_FILE FILE *file = fopen(path, "r");
	if (!file && errno != ENOENT)
		return err_sys(err, REASON_INPUT, errno, "cannot read %s", path);
	audit_count(audit, 0);
	/* What was appended after the database was looked at is not told of in what we see of
	 * it. */
	for (ssize_t len; file && (len = getline(&line, &room, file)) > 0;) {
		at += len;
		if (at > audit->log_len)
			break;
		walk.line++;
		audit_count(audit, 1);
		if (!check_line(audit, &walk, line, err))
			return false;
	}
	return check_end(audit, walk.last, err);
}

/* --- anchors --- */

/* The first run of exactly 64 hex digits; NULL if there is none. */
static const char *find_hash(const char *line)
{
	for (const char *at = line; *at;) {
		size_t len = strspn(at, "0123456789abcdef");
		bool whole = at == line || !isalnum((unsigned char)at[-1]);
		if (whole && len == RECORD_SEAL_HEX - 1 && !isalnum((unsigned char)at[len]))
			return at;
		at += len ? len : 1;
	}
	return NULL;
}

/* The last whole number before the hash, as in "41 HASH" and in {"seq": 41, "hash":
 * "HASH"}; 0 if there is none. */
static int64_t find_seq(const char *line, const char *hash)
{
	int64_t seq = 0;
	for (const char *at = line; at < hash;) {
		size_t len = strspn(at, "0123456789");
		bool starts = at == line || !isalnum((unsigned char)at[-1]);
		if (len && len < 19 && starts && !isalnum((unsigned char)at[len]))
			seq = strtoll(at, NULL, 10);
		at += len ? len : 1;
	}
	return seq;
}

static bool check_anchor(struct audit *audit, const char *line, const char *where, struct err *err)
{
	char hash[RECORD_SEAL_HEX];
	bool same = false;
	const char *at = find_hash(line);
	if (!at)
		return true;
	snprintf(hash, sizeof hash, "%.64s", at);
	int64_t seq = find_seq(line, at);
	audit_count(audit, 1);
	if (!compare_head(audit, seq, hash, where, &same, err))
		return false;
	if (same && !seq &&
		!sql_get_int(&audit->record->sql, "SELECT seq FROM seal WHERE hash = ?1",
			SQL(sql_text(hash)), 0, &seq, err))
		return false;
	if (same && seq > audit->summary->anchor_seq)
		audit->summary->anchor_seq = seq;
	return true;
}

bool audit_anchor(struct audit *audit, struct err *err)
{
	const char *path = audit->options->anchor_file;
	SCOPED_FREE char *line = NULL;
	size_t room = 0;
	if (!path)
		return true;
	SCOPED_FILE FILE *file = fopen(path, "r");
	if (!file)
		return err_sys(err, REASON_INPUT, errno, "cannot read the anchors of %s", path);
	audit_count(audit, 0);
	for (int64_t number = 1; getline(&line, &room, file) > 0; number++) {
		char where[FS_PATH_MAX + 32];
		snprintf(where, sizeof where, "%s, line %" PRId64, path, number);
		if (!check_anchor(audit, line, where, err))
			return false;
	}
	if (audit->summary->checks[AUDIT_ANCHOR].count)
		return true;
	return err_set(err, REASON_INPUT,
		"%s holds no anchor: a line with the number and the hash of a seal, as a batch "
		"prints them",
		path);
}
