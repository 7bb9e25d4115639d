/* SPDX-License-Identifier: Apache-2.0 */
/* The audit: its checks one after the other, in one state of the database. */
#include "audit_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

static const struct {
	const char *name, *counted;
	bool (*run)(struct audit *audit, struct err *err);
} checks[AUDIT_CHECKS] = {
	[AUDIT_SCHEMA] = { "schema", "tables, indexes and triggers", audit_schema },
	[AUDIT_INTEGRITY] = { "integrity", "pages", audit_integrity },
	[AUDIT_REFERENCES] = { "references", "tables with foreign keys", audit_references },
	[AUDIT_SEALS] = { "seals", "seals recomputed", audit_seals },
	[AUDIT_SIGNATURES] = { "signatures", "signatures verified", audit_signatures },
	[AUDIT_SEALED] = { "sealed", "final attempts", audit_rules },
	[AUDIT_LOG] = { "log", "lines of logs/seals.log", audit_log },
	[AUDIT_ANCHOR] = { "anchor", "heads kept elsewhere", audit_anchor },
	[AUDIT_ATTEMPTS] = { "attempts", "attempts", audit_rules },
	[AUDIT_PASSAGES] = { "passages", "units", audit_rules },
	[AUDIT_STEPS] = { "steps", "tries of steps", audit_steps },
	[AUDIT_KEYS] = { "keys", "keys", audit_keys },
	[AUDIT_ENROLMENTS] = { "enrolments", "outbox rows", audit_rules },
	[AUDIT_MARKS] = { "marks", "marks and clearings of units", audit_rules },
};

const char *audit_name(enum audit_check check)
{
	return checks[check].name;
}

const char *audit_counted(enum audit_check check)
{
	return checks[check].counted;
}

__attribute__((format(printf, 4, 0))) static void tell(
	struct audit *audit, bool note, const char *where, const char *format, va_list args)
{
	char what[ERR_TEXT_MAX];
	struct audit_finding finding = {
		.check = audit->check, .note = note, .where = where, .what = what
	};
	unsigned told =
		note ? audit->summary->notes++ : audit->summary->checks[audit->check].findings++;
	audit->summary->findings += !note;
	if (told >= AUDIT_TOLD_MAX)
		return;
	vsnprintf(what, sizeof what, format, args);
	audit->options->finding(audit->options->context, &finding);
}

void audit_tell(struct audit *audit, const char *where, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	tell(audit, false, where, format, args);
	va_end(args);
}

void audit_note(struct audit *audit, const char *where, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	tell(audit, true, where, format, args);
	va_end(args);
}

void audit_count(struct audit *audit, int64_t count)
{
	audit->summary->checks[audit->check].count += count;
	audit->summary->checks[audit->check].done = true;
}

/* A check that SQLite cannot carry out because of what is in the file has found something; one that
 * the disk or another program kept it from says nothing about the record. */
static bool is_finding(struct audit *audit)
{
	switch (sqlite3_errcode(audit->record->sql.db) & 0xff) {
	case SQLITE_ERROR:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_MISMATCH:
		return true;
	default:
		return false;
	}
}

static bool run_check(struct audit *audit, enum audit_check check, struct err *err)
{
	audit->check = check;
	if (checks[check].run(audit, err))
		return true;
	if (!is_finding(audit))
		return err_at(err, "%s", checks[check].name);
	audit->summary->checks[check].done = true;
	audit_tell(audit, "the database", "this check cannot be carried out: %s", err->text);
	return true;
}

/* Lines that the running station appends from now on are of seals that this audit does not see. */
static int64_t len_of_log(const struct audit_options *options)
{
	struct stat info;
	if (options->seals_log_len)
		return options->seals_log_len;
	return options->seals_log && stat(options->seals_log, &info) == 0 ? info.st_size : 0;
}

static bool is_live(const struct audit_options *options)
{
	return options->live || (options->lock_file && fs_is_locked(options->lock_file));
}

/* Takes the state of the database that all checks see. */
static bool take_snapshot(struct record *record, struct record_head *ret, struct err *err)
{
	static const char text[] = "SELECT seq FROM seal ORDER BY seq DESC LIMIT 1";
	static const char hash[] = "SELECT hash FROM seal WHERE seq = ?1";
	return sql_get_int(&record->sql, text, SQL_NOTHING, 0, &ret->seq, err) &&
	       sql_get_text(&record->sql, hash, SQL(sql_int(ret->seq)), ret->hash, sizeof ret->hash,
		       err);
}

bool audit_run(struct record *record, const struct audit_options *options,
	struct audit_summary *ret, struct err *err)
{
	struct audit_summary summary = { 0 };
	struct audit audit = { .record = record,
		.options = options,
		.summary = &summary,
		.live = is_live(options),
		.log_len = len_of_log(options) };
	SCOPED_TX tx = { 0 };
	if (!tx_begin_read(&tx, record, err))
		return false;
	if (!take_snapshot(record, &summary.head, err) && !is_finding(&audit))
		return false;
	/* A station that has begun meanwhile had the lock before it wrote anything. */
	audit.live = summary.live = audit.live || is_live(options);
	for (int check = 0; check < AUDIT_CHECKS; check++)
		if (!run_check(&audit, (enum audit_check)check, err))
			return false;
	*ret = summary;
	return true;
}
