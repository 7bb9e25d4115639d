/* SPDX-License-Identifier: Apache-2.0 */
#include "resale.h"

#include <string.h>

#include "clock.h"
#include "record_private.h"

bool record_resale(
	struct record *record, const char *device_id, struct record_resale *ret, struct err *err)
{
	/* A restore puts an owner's data back, so it counts too. */
	static const char attempt[] =
		"SELECT id FROM attempt WHERE device_id = ?1 AND kind IN ('provision',"
		" 'reprovision', 'restore') AND outcome NOT IN ('SKIPPED', 'REFUSED')"
		" ORDER BY passage DESC LIMIT 1";
	static const char observed[] =
		"SELECT value FROM observation WHERE attempt_id = ?1 AND name = '" RECORD_RESALE
		"' ORDER BY seq DESC LIMIT 1";
	static const char cleared[] = "SELECT count(*) FROM unit_cleared WHERE attempt_id = ?1";
	struct record_resale resale = { 0 };
	int64_t count = 0;
	SCOPED_TX tx = { 0 };
	if (!tx_begin_read(&tx, record, err) ||
		!sql_get_text(&record->sql, attempt, SQL(sql_text(device_id)), resale.attempt_id,
			sizeof resale.attempt_id, err) ||
		!sql_get_text(&record->sql, observed, SQL(sql_text(resale.attempt_id)), resale.text,
			sizeof resale.text, err) ||
		!sql_get_int(
			&record->sql, cleared, SQL(sql_text(resale.attempt_id)), 0, &count, err))
		return false;
	resale.by_hand =
		strncmp(resale.text, RECORD_RESALE_BY_HAND, strlen(RECORD_RESALE_BY_HAND)) == 0;
	resale.cleared = resale.by_hand && count > 0;
	*ret = resale;
	return true;
}

bool record_not_for_resale(
	struct record *record, const char *attempt_id, char *to, size_t cap, struct err *err)
{
	static const char text[] =
		"SELECT '" RECORD_NOT_FOR_RESALE
		"' || substr(value, 5) FROM observation WHERE attempt_id ="
		" ?1 AND name = '" RECORD_RESALE "' AND value LIKE '" RECORD_RESALE_NO
		"%' AND NOT EXISTS (SELECT 1"
		" FROM unit_cleared WHERE attempt_id = ?1) ORDER BY seq DESC LIMIT 1";
	SCOPED_TX tx = { 0 };
	return tx_begin_read(&tx, record, err) &&
	       sql_get_text(&record->sql, text, SQL(sql_text(attempt_id)), to, cap, err);
}

bool record_cleared(struct record *record, const char *attempt_id, const char *note,
	const char *operator_name, struct err *err)
{
	static const char insert[] =
		"INSERT INTO unit_cleared (attempt_id, device_id, note, operator, at)"
		" SELECT id, device_id, ?2, ?3, ?4 FROM attempt WHERE id = ?1";
	SCOPED_TX tx = { 0 };
	return tx_begin(&tx, record, err) &&
	       sql_run(&record->sql, insert,
		       SQL(sql_text(attempt_id), sql_text(note), sql_text(operator_name),
			       sql_int(clock_utc_ms())),
		       err) &&
	       tx_commit(&tx, err);
}
