/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the audit share. */
#pragma once

#include "audit.h"
#include "record_private.h"

struct audit {
	struct record *record;
	const struct audit_options *options;
	struct audit_summary *summary;
	enum audit_check check; /* the present one */
	bool live;
	int64_t log_len; /* of logs/seals.log before the database was looked at */
};

/* Tells a finding of the present check; where and what are printf texts. */
void audit_tell(struct audit *audit, const char *where, const char *format, ...) PRINTF_LIKE(3, 4);
void audit_note(struct audit *audit, const char *where, const char *format, ...) PRINTF_LIKE(3, 4);
/* Adds to what the present check has looked at. */
void audit_count(struct audit *audit, int64_t count);

/* audit_schema.c */
bool audit_schema(struct audit *audit, struct err *err) MUST_CHECK;
bool audit_integrity(struct audit *audit, struct err *err) MUST_CHECK;
bool audit_references(struct audit *audit, struct err *err) MUST_CHECK;
/* audit_seals.c */
bool audit_seals(struct audit *audit, struct err *err) MUST_CHECK;
bool audit_signatures(struct audit *audit, struct err *err) MUST_CHECK;
/* audit_heads.c */
bool audit_log(struct audit *audit, struct err *err) MUST_CHECK;
bool audit_anchor(struct audit *audit, struct err *err) MUST_CHECK;
/* audit_rules.c: the rules of the present check. */
bool audit_rules(struct audit *audit, struct err *err) MUST_CHECK;
/* audit_keys.c: every key is what its fingerprint says. */
bool audit_keys(struct audit *audit, struct err *err) MUST_CHECK;
/* audit_sums.c: and what is summed up of them. */
bool audit_steps(struct audit *audit, struct err *err) MUST_CHECK;
