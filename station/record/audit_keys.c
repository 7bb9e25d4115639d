/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys: each is the one that its fingerprint names. */
#include "audit_private.h"

#include <stdio.h>
#include <string.h>

static void check_key(struct audit *audit, const struct sql_query *row)
{
	const char *fingerprint = sql_column_text(row, 0), *algorithm = sql_column_text(row, 1);
	const char *pem = sql_column_text(row, 2);
	struct public_key key;
	struct err why;
	char where[96];
	snprintf(where, sizeof where, "device_key %s", fingerprint);
	if (!public_key_from_pem(pem ? pem : "", pem ? strlen(pem) : 0, &key, &why))
		audit_tell(audit, where, "its PEM is not a public key: %s", why.text);
	else if (strcmp(key.fingerprint, fingerprint) != 0)
		audit_tell(audit, where, "its PEM is another key, %s", key.fingerprint);
	else if (strcmp(key_algorithm_name(key.algorithm), algorithm) != 0)
		audit_tell(audit, where, "is a key of %s, not of %s",
			key_algorithm_name(key.algorithm), algorithm);
}

bool audit_keys(struct audit *audit, struct err *err)
{
	static const char text[] = "SELECT fingerprint, algorithm, public_key_pem FROM device_key";
	SCOPED_QUERY query = { 0 };
	if (!audit_rules(audit, err) ||
		!sql_query(&audit->record->sql, text, SQL_NOTHING, &query, err))
		return false;
	for (;;) {
		bool row = false;
		if (!sql_next(&query, &row, err))
			return false;
		if (!row)
			return true;
		check_key(audit, &query);
	}
}
