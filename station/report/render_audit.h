/* SPDX-License-Identifier: Apache-2.0 */
/* An audit as a report: what was checked, how many, what was found first, what the audit can vouch
 * for and what it cannot. One thread at a time. */
#pragma once

#include "audit.h"
#include "text.h"

struct render_audit_told {
	enum audit_check check;
	bool note;
	char *where, *what;
};

/* Zero-initialise; render_audit_done frees. */
struct render_audit {
	const char *path; /* of the database; the caller's */
	bool virtual_line;
	int64_t made_at;
	struct audit_summary summary;
	struct render_audit_told *told; /* the first AUDIT_TOLD_MAX of each check, as they came */
	size_t told_count;
	bool failed; /* no memory for them */
};

/* The finding() of struct audit_options; context is the struct render_audit. */
void render_audit_add(void *context, const struct audit_finding *finding);
void render_audit_done(struct render_audit *audit);
/* The first one that is no note; NULL if nothing is wrong. */
const struct render_audit_told *render_audit_first(const struct render_audit *audit);

/* Sentences; static or the struct's. */
struct render_audit_worth {
	const char *vouches[8], *cannot[8];
	size_t vouch_count, cannot_count;
	char anchored[160], plain[160], waiting[160];
};
void render_audit_weigh(const struct audit_summary *summary, struct render_audit_worth *worth);

void render_audit_text(const struct render_audit *audit, struct text_buf *to);
bool render_audit_json(
	const struct render_audit *audit, struct text_buf *to, struct err *err) MUST_CHECK;
void render_audit_html(const struct render_audit *audit, struct text_buf *to);
