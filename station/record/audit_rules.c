/* SPDX-License-Identifier: Apache-2.0 */
/* What has to hold between the rows of the database, as queries that give the rows
 * for which it does not. */
#include "audit_private.h"

#include <stdio.h>
#include <string.h>

#include "resale.h"
#include "returned_units.h"

/* ?1: a station is at work, so that attempts, batches and sends may be open. The first column names
 * the row; the second, if any, goes into the text. */
struct rule {
	enum audit_check check;
	const char *table, *what, *query;
};

#define MAKES "a.kind IN ('provision', 'reprovision')"

static const struct rule rules[] = {
	/* --- sealed --- */
	{ AUDIT_SEALED, "attempt", "is final and not sealed",
		"SELECT id FROM attempt WHERE final_at IS NOT NULL AND NOT EXISTS"
		" (SELECT 1 FROM seal WHERE attempt_id = attempt.id)" },
	{ AUDIT_SEALED, "attempt", "is sealed, but its outcome is not final",
		"SELECT a.id FROM seal s JOIN attempt a ON a.id = s.attempt_id WHERE a.final_at"
		" IS NULL" },
	/* --- attempts --- */
	{ AUDIT_ATTEMPTS, "attempt",
		"is open, but no station is at work: it died; the next command that writes ends it",
		"SELECT id FROM attempt WHERE outcome IS NULL AND NOT ?1" },
	{ AUDIT_ATTEMPTS, "attempt", "is open in a batch that has ended",
		"SELECT a.id FROM attempt a JOIN batch b ON b.id = a.batch_id WHERE a.outcome IS"
		" NULL"
		" AND b.ended_at IS NOT NULL" },
	{ AUDIT_ATTEMPTS, "batch",
		"is open, but no station is at work: it died; the next command that writes ends it",
		"SELECT id FROM batch WHERE ended_at IS NULL AND NOT ?1" },
	{ AUDIT_ATTEMPTS, "attempt", "is of another kind than its batch",
		"SELECT a.id FROM attempt a JOIN batch b ON b.id = a.batch_id WHERE a.kind <>"
		" b.kind" },
	{ AUDIT_ATTEMPTS, "attempt",
		"is PASS, but no enrolment of its key was acknowledged, and its batch enrols",
		"SELECT a.id FROM attempt a JOIN batch b ON b.id = a.batch_id WHERE a.outcome"
		" = 'PASS' AND " MAKES
		" AND b.cloud IS NOT NULL AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.attempt_id"
		" = a.id"
		" AND o.fingerprint = a.key_fingerprint AND o.state = 'acknowledged')" },
	{ AUDIT_ATTEMPTS, "attempt", "is PASS, but its key was never read back from the unit",
		"SELECT a.id FROM attempt a JOIN device_key k ON k.fingerprint = a.key_fingerprint"
		" WHERE a.outcome = 'PASS' AND k.on_device_at IS NULL" },
	{ AUDIT_ATTEMPTS, "attempt",
		"is PASS, but its key has no proof of enrolment, and its batch enrols",
		"SELECT a.id FROM attempt a JOIN device_key k ON k.fingerprint = a.key_fingerprint"
		" JOIN batch b ON b.id = a.batch_id WHERE a.outcome = 'PASS' AND " MAKES
		" AND b.cloud IS NOT NULL AND (k.enrolled_at IS NULL OR k.enrol_proof IS NULL)" },
	{ AUDIT_ATTEMPTS, "attempt", "is PASS with an enrolment that is not acknowledged",
		"SELECT DISTINCT a.id FROM attempt a JOIN outbox o ON o.attempt_id = a.id"
		" WHERE a.outcome = 'PASS' AND o.state NOT IN ('acknowledged', 'closed')" },
	{ AUDIT_ATTEMPTS, "attempt", "is PASS, but none of its steps passed",
		"SELECT id FROM attempt a WHERE outcome = 'PASS' AND NOT EXISTS"
		" (SELECT 1 FROM step WHERE attempt_id = a.id AND outcome = 'PASS')" },
	/* An attempt that was HELD keeps the step that waited in vain. */
	{ AUDIT_ATTEMPTS, "attempt", "is PASS, but at its last try this step did not pass",
		"SELECT a.id, s.name FROM attempt a JOIN step s ON s.attempt_id = a.id WHERE"
		" a.outcome = 'PASS'"
		" AND s.seq = (SELECT max(seq) FROM step WHERE attempt_id = a.id AND name = s.name)"
		" AND (s.outcome IS NULL OR (s.outcome NOT IN ('PASS', 'SKIPPED')"
		" AND s.reason IS NOT 'cloud-unreachable'))" },
	{ AUDIT_ATTEMPTS, "attempt", "is HELD, but no enrolment of its key waits to be sent",
		"SELECT a.id FROM attempt a WHERE a.outcome = 'HELD' AND NOT EXISTS (SELECT 1 FROM"
		" outbox"
		" WHERE attempt_id = a.id AND fingerprint = a.key_fingerprint AND state <>"
		" 'closed')" },
	{ AUDIT_ATTEMPTS, "attempt",
		"is HELD though the cloud has answered, but no station is at work: it died; the"
		" next "
		"command that writes settles it",
		"SELECT a.id FROM attempt a JOIN outbox o ON o.attempt_id = a.id AND o.fingerprint"
		" = a.key_fingerprint"
		" WHERE a.outcome = 'HELD' AND o.state IN ('acknowledged', 'refused') AND NOT ?1" },
	{ AUDIT_ATTEMPTS, "attempt", "is HELD, but its key is not the one on the unit",
		"SELECT a.id FROM attempt a LEFT JOIN device_key k ON k.fingerprint ="
		" a.key_fingerprint"
		" WHERE a.outcome = 'HELD' AND coalesce(k.state, '') NOT IN ('on-device',"
		" 'enrolled')" },
	{ AUDIT_ATTEMPTS, "unit", "has more than one HELD attempt",
		"SELECT device_id FROM attempt WHERE outcome = 'HELD' GROUP BY device_id HAVING"
		" count(*) > 1" },
	{ AUDIT_ATTEMPTS, "attempt", "was made while the unit was set aside",
		"SELECT a.id, m.mark FROM attempt a JOIN unit_mark m ON m.id = (SELECT max(id) FROM"
		" unit_mark"
		" WHERE device_id = a.device_id AND passage < a.passage) WHERE a.outcome IN"
		" ('PASS', 'HELD') AND " MAKES " AND m.mark IN ('scrap', 'quarantine')" },
	/* --- passages --- */
	{ AUDIT_PASSAGES, "unit", "its passages are not 1, 2, 3... without gaps",
		"SELECT device_id, 'highest ' || max(passage) || ' in ' || count(*) || ' attempts'"
		" FROM attempt"
		" WHERE device_id IS NOT NULL GROUP BY device_id HAVING min(passage) <> 1"
		" OR max(passage) <> count(*) OR count(DISTINCT passage) <> count(*)" },
	{ AUDIT_PASSAGES, "attempt", "is not linked to the unit's attempt before it",
		"SELECT a.id FROM attempt a WHERE a.device_id IS NOT NULL AND a.previous_attempt_id"
		" IS NOT"
		" (SELECT id FROM attempt WHERE device_id = a.device_id AND passage = a.passage"
		" - 1)" },
	{ AUDIT_PASSAGES, "unit", "has more than one open attempt",
		"SELECT device_id FROM attempt WHERE outcome IS NULL AND device_id IS NOT NULL"
		" GROUP BY device_id HAVING count(*) > 1" },
	/* --- steps --- */
	{ AUDIT_STEPS, "attempt", "has ended, but this step of it is open",
		"SELECT a.id, s.name FROM step s JOIN attempt a ON a.id = s.attempt_id"
		" WHERE a.ended_at IS NOT NULL AND s.ended_at IS NULL" },
	{ AUDIT_STEPS, "attempt", "its steps are not numbered 1, 2, 3... without gaps",
		"SELECT attempt_id FROM step GROUP BY attempt_id HAVING min(seq) <> 1 OR"
		" max(seq) <> count(*)" },
	{ AUDIT_STEPS, "attempt", "its observations are not numbered 1, 2, 3... without gaps",
		"SELECT attempt_id FROM observation GROUP BY attempt_id HAVING min(seq) <> 1 OR"
		" max(seq) <> count(*)" },
	{ AUDIT_STEPS, "attempt", "counts other retries than its steps say",
		"SELECT id FROM attempt a WHERE ended_at IS NOT NULL AND retries IS NOT"
		" (SELECT count(*) FROM step WHERE attempt_id = a.id AND try > 1)" },
	{ AUDIT_STEPS, "attempt", "names another step that failed than its steps do",
		"SELECT id, coalesce(failed_step, 'none') FROM attempt a WHERE outcome = 'FAIL' AND"
		" failed_step IS NOT (SELECT name FROM step WHERE attempt_id = a.id AND"
		" step.outcome = 'FAIL' ORDER BY seq DESC LIMIT 1)" },
	{ AUDIT_STEPS, "attempt", "names a proof of its enrolment, or none, unlike its key",
		"SELECT a.id, coalesce(a.enrol_proof, 'none') FROM attempt a LEFT JOIN device_key"
		" k ON k.fingerprint = a.key_fingerprint WHERE a.ended_at IS NOT NULL AND"
		" (a.enrol_proof IS NOT NULL) <> (a.outcome = 'PASS' AND k.enrol_proof IS NOT"
		" NULL)" },
	{ AUDIT_STEPS, "attempt",
		"says that a key of the unit was enrolled when it was left, unlike the keys",
		"SELECT id FROM attempt a WHERE left_enrolled IS NOT NULL AND (outcome IS NULL OR"
		" outcome IN ('PASS', 'SKIPPED', 'REFUSED') OR NOT EXISTS (SELECT 1 FROM"
		" device_key WHERE device_id = a.device_id AND enrolled_at IS NOT NULL))" },
	{ AUDIT_STEPS, "attempt", "enrolled a key and is not PASS, but does not say so",
		"SELECT a.id, o.fingerprint FROM attempt a JOIN outbox o ON o.attempt_id = a.id JOIN"
		" device_key k ON k.fingerprint = o.fingerprint WHERE o.state = 'acknowledged' AND"
		" k.state = 'enrolled' AND a.outcome IN ('FAIL', 'ABORTED', 'INTERRUPTED') AND"
		" a.left_enrolled IS NULL" },
	/* --- keys --- */
	{ AUDIT_KEYS, "attempt", "its key belongs to another device id",
		"SELECT a.id, coalesce(k.device_id, 'unknown') FROM attempt a JOIN device_key k"
		" ON k.fingerprint = a.key_fingerprint WHERE k.device_id IS NOT a.device_id" },
	{ AUDIT_KEYS, "device_key", "is of another device id than the attempt that made it",
		"SELECT k.fingerprint FROM device_key k JOIN attempt a ON a.id = k.attempt_id"
		" WHERE k.device_id IS NOT a.device_id" },
	{ AUDIT_KEYS, "device_key", "is the same public key as another row",
		"SELECT min(fingerprint) FROM device_key GROUP BY public_key_pem HAVING count(*)"
		" > 1" },
	{ AUDIT_KEYS, "unit", "has more than one key that counts as present",
		"SELECT device_id FROM device_key WHERE device_id IS NOT NULL AND state IN"
		" ('on-device', 'enrolled')"
		" GROUP BY device_id HAVING count(*) > 1" },
	{ AUDIT_KEYS, "device_key", "is about to be written, but no open attempt writes it",
		"SELECT fingerprint FROM device_key k WHERE state = 'intended' AND NOT EXISTS"
		" (SELECT 1 FROM attempt WHERE key_fingerprint = k.fingerprint AND ended_at IS"
		" NULL)" },
	/* Or the cloud held it already, and an attempt that found it on the unit tells of that. */
	{ AUDIT_KEYS, "device_key", "counts as enrolled, but no enrolment of it was acknowledged",
		"SELECT fingerprint FROM device_key k WHERE enrolled_at IS NOT NULL AND NOT EXISTS"
		" (SELECT 1 FROM outbox WHERE fingerprint = k.fingerprint AND state ="
		" 'acknowledged') AND NOT EXISTS (SELECT 1 FROM observation o JOIN attempt a ON"
		" a.id = o.attempt_id WHERE o.name = '" RECORD_KEY_ADOPTED "' AND o.value ="
		" k.fingerprint AND a.device_id = k.device_id)" },
	/* A found key was enrolled by somebody else, or restored; who found it says so. */
	{ AUDIT_KEYS, "device_key", "was found on its unit, but no attempt tells of it",
		"SELECT fingerprint FROM device_key k WHERE attempt_id IS NULL AND NOT EXISTS"
		" (SELECT 1 FROM observation o JOIN attempt a ON a.id = o.attempt_id WHERE o.name IN"
		" ('" RECORD_KEY_ADOPTED "', '" RECORD_KEY_RESTORED
		"') AND o.value = k.fingerprint AND a.device_id ="
		" k.device_id)" },
	/* --- enrolments --- */
	{ AUDIT_ENROLMENTS, "outbox",
		"is still to be sent, but its attempt is neither open nor HELD",
		"SELECT o.id FROM outbox o JOIN attempt a ON a.id = o.attempt_id WHERE o.state IN"
		" ('due', 'in-flight')"
		" AND a.outcome IS NOT NULL AND a.outcome <> 'HELD'" },
	{ AUDIT_ENROLMENTS, "outbox",
		"is in flight, but no station is at work: it died; the next command that writes"
		" makes it due",
		"SELECT id FROM outbox WHERE state = 'in-flight' AND NOT ?1" },
	{ AUDIT_ENROLMENTS, "outbox", "is to be sent, but not known when",
		"SELECT id FROM outbox WHERE state = 'due' AND next_at IS NULL" },
	{ AUDIT_ENROLMENTS, "outbox", "was never sent, but is",
		"SELECT id, state FROM outbox WHERE state IN ('in-flight', 'acknowledged',"
		" 'refused') AND tries = 0" },
	{ AUDIT_ENROLMENTS, "outbox", "is of another device id than its attempt or its key",
		"SELECT o.id FROM outbox o JOIN attempt a ON a.id = o.attempt_id JOIN device_key k"
		" ON k.fingerprint = o.fingerprint"
		" WHERE a.device_id IS NOT o.device_id OR k.device_id IS NOT o.device_id" },
	{ AUDIT_ENROLMENTS, "outbox", "is acknowledged, but its key is not enrolled",
		"SELECT o.id FROM outbox o JOIN device_key k ON k.fingerprint = o.fingerprint"
		" WHERE o.state = 'acknowledged' AND (k.enrolled_at IS NULL OR k.enrol_proof IS"
		" NULL)" },
	{ AUDIT_ENROLMENTS, "outbox",
		"is still to be sent for a key that is not on the unit any more",
		"SELECT o.id FROM outbox o JOIN device_key k ON k.fingerprint = o.fingerprint"
		" WHERE o.state IN ('due', 'in-flight') AND k.state NOT IN ('on-device',"
		" 'enrolled')" },
	{ AUDIT_ENROLMENTS, "unit", "has more than one live enrolment",
		"SELECT device_id FROM outbox WHERE state IN ('due', 'in-flight')"
		" GROUP BY device_id HAVING count(*) > 1" },
	/* --- marks --- */
	{ AUDIT_MARKS, "unit_mark", "is a mark that is not known",
		"SELECT id, mark FROM unit_mark"
		" WHERE mark NOT IN ('scrap', 'quarantine', 'needs-repair', 'released')" },
	{ AUDIT_MARKS, "unit_cleared", "says that a unit was cleared that was not to be",
		"SELECT c.id, coalesce(o.value, 'nothing is said of its resale') FROM unit_cleared c"
		" JOIN attempt a ON a.id = c.attempt_id LEFT JOIN observation o ON o.attempt_id ="
		" c.attempt_id AND o.name = '" RECORD_RESALE
		"' WHERE a.device_id IS NOT c.device_id"
		" OR coalesce(o.value, '') NOT LIKE '" RECORD_RESALE_BY_HAND "%'" },
	/* Rows are never deleted, and each takes the next number. */
	{ AUDIT_MARKS, "unit_mark", "the rows before it are not numbered 1, 2, 3... without gaps",
		"SELECT max(id) FROM unit_mark HAVING max(id) <> count(*)" },
	{ AUDIT_MARKS, "unit_cleared",
		"the rows before it are not numbered 1, 2, 3... without gaps",
		"SELECT max(id) FROM unit_cleared HAVING max(id) <> count(*)" },
	{ AUDIT_MARKS, "unit_mark", "is of a passage that the unit has not had",
		"SELECT id, passage FROM unit_mark m WHERE passage >"
		" (SELECT coalesce(max(passage), 0) FROM attempt WHERE device_id = m.device_id)" },
};

static const struct {
	enum audit_check check;
	const char *query;
} counts[] = {
	{ AUDIT_SEALED, "SELECT count(*) FROM attempt WHERE final_at IS NOT NULL" },
	{ AUDIT_ATTEMPTS, "SELECT count(*) FROM attempt" },
	{ AUDIT_PASSAGES, "SELECT count(DISTINCT device_id) FROM attempt" },
	{ AUDIT_STEPS, "SELECT count(*) FROM step" },
	{ AUDIT_KEYS, "SELECT count(*) FROM device_key" },
	{ AUDIT_ENROLMENTS, "SELECT count(*) FROM outbox" },
	{ AUDIT_MARKS,
		"SELECT (SELECT count(*) FROM unit_mark) + (SELECT count(*) FROM unit_cleared)" },
};

static bool apply(struct audit *audit, const struct rule *rule, struct err *err)
{
	struct sql_values live = SQL(sql_int(audit->live));
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&audit->record->sql, rule->query,
		    strstr(rule->query, "?1") ? live : SQL_NOTHING, &query, err))
		return false;
	for (;;) {
		bool row = false;
		char where[128];
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			return true;
		const char *id = sql_column_text(&query, 0);
		const char *more = sqlite3_column_count(query.statement) > 1
					   ? sql_column_text(&query, 1)
					   : NULL;
		snprintf(where, sizeof where, "%s %s", rule->table, id ? id : "(unknown)");
		audit_tell(audit, where, "%s%s%s", rule->what, more ? ": " : "", more ? more : "");
	}
}

bool audit_rules(struct audit *audit, struct err *err)
{
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		int64_t count;
		if (counts[i].check != audit->check)
			continue;
		if (!sql_get_int(&audit->record->sql, counts[i].query, SQL_NOTHING, 0, &count, err))
			return false;
		audit_count(audit, count);
	}
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].check == audit->check && !apply(audit, &rules[i], err))
			return false;
	return true;
}
