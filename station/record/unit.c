/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a unit before it is touched, and the marks that people and rules put on it. */
#include "record_private.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"

/* verify counts for nothing, and diagnose makes nothing. */
#define MAKES "kind IN ('provision', 'reprovision')"

static bool read_made(
	struct record *record, const char *device_id, struct record_unit *ret, struct err *err)
{
	static const char text[] =
		"SELECT a.id, a.outcome, b.plan_sha256, EXISTS (SELECT 1 FROM attempt later WHERE"
		" later.device_id = ?1 AND later.passage > a.passage AND later.kind IN "
		"('provision', 'reprovision',"
		" 'restore') AND (later.outcome IN ('FAIL', 'ABORTED', 'INTERRUPTED') OR"
		" (later.kind = 'restore' AND later.outcome = 'PASS')))"
		" FROM attempt a LEFT JOIN batch b ON b.id = a.batch_id"
		" WHERE a.device_id = ?1 AND a." MAKES " AND a.outcome IN ('PASS', 'HELD')"
		" ORDER BY a.passage DESC LIMIT 1";
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text, SQL(sql_text(device_id)), &query, err) ||
		!sql_next(&query, &row, err))
		return false;
	if (!row)
		return true;
	ret->last_made = outcome_from_name(sql_column_text(&query, 1));
	ret->worked_on_since = sql_column_int(&query, 3, 0) != 0;
	return sql_column_copy(&query, 0, ret->made_attempt_id, sizeof ret->made_attempt_id, err) &&
	       sql_column_copy(&query, 2, ret->made_plan_sha256, sizeof ret->made_plan_sha256, err);
}

static bool count_attempts(
	struct record *record, const char *device_id, struct record_unit *ret, struct err *err)
{
	static const char last[] =
		"SELECT outcome FROM attempt WHERE device_id = ?1 AND outcome IS NOT NULL"
		" AND kind NOT IN ('verify', 'diagnose') ORDER BY passage DESC LIMIT 1";
	static const char attempts[] =
		"SELECT count(*) FROM attempt WHERE device_id = ?1 AND outcome IS NOT NULL";
	/* By passage, not by time: a clock that is set back must not bring old failures to life. */
	static const char fails[] =
		"SELECT count(*) FROM attempt WHERE device_id = ?1 AND outcome = 'FAIL' AND cause "
		"= 'unit' AND " MAKES " AND passage > coalesce((SELECT max(passage) FROM unit_mark "
		"WHERE device_id = ?1 AND mark ="
		" 'released'), 0) AND passage > coalesce((SELECT max(passage) FROM attempt WHERE "
		"device_id = ?1 AND"
		" outcome = 'PASS' AND " MAKES "), 0)";
	int64_t total, failed;
	char outcome[16];
	if (!sql_get_int(&record->sql, attempts, SQL(sql_text(device_id)), 0, &total, err) ||
		!sql_get_int(&record->sql, fails, SQL(sql_text(device_id)), 0, &failed, err))
		return false;
	if (!sql_get_text(
		    &record->sql, last, SQL(sql_text(device_id)), outcome, sizeof outcome, err))
		return false;
	ret->last_outcome = outcome_from_name(outcome);
	ret->attempts = (unsigned)total;
	ret->unit_fails = (unsigned)failed;
	return true;
}

static const char newest_mark[] =
	"SELECT mark FROM unit_mark WHERE device_id = ?1 ORDER BY id DESC LIMIT 1";

bool record_unit(
	struct record *record, const char *device_id, struct record_unit *ret, struct err *err)
{
	struct record_unit unit = { 0 };
	SCOPED_TX tx = { 0 };
	if (!tx_begin_read(&tx, record, err) || !count_attempts(record, device_id, &unit, err) ||
		!read_made(record, device_id, &unit, err) ||
		!sql_get_text(&record->sql, newest_mark, SQL(sql_text(device_id)), unit.mark,
			sizeof unit.mark, err))
		return false;
	*ret = unit;
	return true;
}

bool record_vanished(
	struct record *record, const char *attempt_id, struct record_vanished *ret, struct err *err)
{
	static const char of_unit[] =
		"SELECT count(*) FROM attempt me JOIN attempt a ON a.id = me.id OR a.device_id = "
		"me.device_id JOIN observation o ON o.attempt_id = a.id AND o.name = ?2"
		" WHERE me.id = ?1";
	static const char at_slot[] =
		"SELECT count(DISTINCT coalesce(a.device_id, a.id)) FROM attempt me JOIN attempt a"
		" ON a.batch_id = me.batch_id AND a.slot = me.slot JOIN observation o"
		" ON o.attempt_id = a.id AND o.name = ?2 WHERE me.id = ?1";
	int64_t times, units;
	SCOPED_TX tx = { 0 };
	if (!tx_begin_read(&tx, record, err) ||
		!sql_get_int(&record->sql, of_unit,
			SQL(sql_text(attempt_id), sql_text(RECORD_VANISHED)), 0, &times, err) ||
		!sql_get_int(&record->sql, at_slot,
			SQL(sql_text(attempt_id), sql_text(RECORD_VANISHED)), 0, &units, err))
		return false;
	*ret = (struct record_vanished){ .times = (unsigned)times, .units_here = (unsigned)units };
	return true;
}

/* --- marks --- */

static bool insert_mark(struct record *record, const char *device_id, const char *mark,
	const char *note, const char *operator_name, struct err *err)
{
	static const char insert[] =
		"INSERT INTO unit_mark (device_id, mark, note, operator, at, passage)"
		" SELECT ?1, ?2, ?3, ?4, ?5, (SELECT coalesce(max(passage), 0) FROM attempt"
		" WHERE device_id = ?1)";
	if (!is_device_id(device_id))
		return err_set(err, REASON_BUG,
			"'%s' is not a device id of 24 lower-case hex digits",
			device_id ? device_id : "");
	return sql_run(&record->sql, insert,
		SQL(sql_text(device_id), sql_text(mark), sql_text(note), sql_text(operator_name),
			sql_int(clock_utc_ms())),
		err);
}

bool record_unit_mark(struct record *record, const char *device_id, const char *mark,
	const char *note, const char *operator_name, struct err *err)
{
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) &&
	       insert_mark(record, device_id, mark, note, operator_name, err) &&
	       tx_commit(&tx, err);
}

static int strictness(const char *mark)
{
	static const char *const marks[] = { "needs-repair", "quarantine", "scrap" };
	for (int i = 0; i < 3; i++)
		if (strcmp(mark, marks[i]) == 0)
			return i + 1;
	return 0;
}

bool record_unit_set_aside(struct record *record, const char *device_id, const char *mark,
	const char *note, const char *operator_name, struct err *err)
{
	char now[16] = "";
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) &&
	       sql_get_text(
		       &record->sql, newest_mark, SQL(sql_text(device_id)), now, sizeof now, err) &&
	       (strictness(now) >= strictness(mark) ||
		       insert_mark(record, device_id, mark, note, operator_name, err)) &&
	       tx_commit(&tx, err);
}

bool unit_quarantine(struct record *record, const char *device_id, enum reason reason,
	const char *note, const char *operator_name, struct err *err)
{
	char text[ERR_TEXT_MAX + 32];
	snprintf(text, sizeof text, "%s: %s", reason_info(reason)->code, note);
	return insert_mark(record, device_id, "quarantine", text, operator_name, err);
}

bool record_unit_quarantine(struct record *record, const char *device_id, enum reason reason,
	const char *note, const char *operator_name, struct err *err)
{
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) &&
	       unit_quarantine(record, device_id, reason, note, operator_name, err) &&
	       tx_commit(&tx, err);
}

bool unit_set_aside(
	struct record *record, const struct attempt *attempt, enum reason *ret, struct err *err)
{
	/* A mark takes the unit's newest passage, so that of an attempt in work came while it
	 * was. */
	static const char text[] =
		"SELECT substr(note, 1, instr(note || ':', ':') - 1) FROM unit_mark WHERE id ="
		" (SELECT max(id) FROM unit_mark WHERE device_id = ?1) AND mark = 'quarantine' AND"
		" passage = (SELECT passage FROM attempt WHERE id = ?2)";
	char code[64];
	bool row = false;
	SCOPED_QUERY query = { 0 };
	if (!sql_query(&record->sql, text, SQL(sql_text(attempt->device_id), sql_text(attempt->id)),
		    &query, err) ||
		!sql_next(&query, &row, err))
		return false;
	snprintf(code, sizeof code, "%s", row ? sql_column_text(&query, 0) : "");
	enum reason reason = reason_from_code(code);
	bool named = reason == REASON_DUPLICATE_ID || reason == REASON_DUPLICATE_KEY;
	*ret = !row ? REASON_NONE : named ? reason : REASON_QUARANTINED;
	return true;
}

bool record_unproven(
	struct record *record, const char *attempt_id, char *to, size_t cap, struct err *err)
{
	static const char text[] =
		"SELECT coalesce('" RECORD_UNPROVEN ": ' || group_concat(value, ', '), '') FROM"
		" (SELECT value FROM observation WHERE attempt_id = ?1 AND name = '" RECORD_UNPROVEN
		"' ORDER BY seq)";
	SCOPED_TX tx = { 0 };
	return tx_begin_read(&tx, record, err) &&
	       sql_get_text(&record->sql, text, SQL(sql_text(attempt_id)), to, cap, err);
}
