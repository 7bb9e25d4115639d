/* SPDX-License-Identifier: Apache-2.0 */
#include "render_audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "html.h"
#include "render.h"

void render_audit_add(void *context, const struct audit_finding *finding)
{
	struct render_audit *audit = context;
	struct render_audit_told *told =
		reallocarray(audit->told, audit->told_count + 1, sizeof *told);
	if (told)
		audit->told = told;
	/* What somebody wrote into the database need not be UTF-8. */
	char *where = render_clean(finding->where), *what = render_clean(finding->what);
	if (!told || !where || !what) {
		audit->failed = true;
		free(where);
		free(what);
		return;
	}
	audit->told[audit->told_count++] =
		(struct render_audit_told){ finding->check, finding->note, where, what };
}

void render_audit_done(struct render_audit *audit)
{
	for (size_t i = 0; i < audit->told_count; i++) {
		free(audit->told[i].where);
		free(audit->told[i].what);
	}
	free(audit->told);
}

const struct render_audit_told *render_audit_first(const struct render_audit *audit)
{
	for (size_t i = 0; i < audit->told_count; i++)
		if (!audit->told[i].note)
			return &audit->told[i];
	return NULL;
}

/* --- what it is worth --- */

static void vouch(struct render_audit_worth *worth, bool can, const char *yes, const char *no)
{
	if (can)
		worth->vouches[worth->vouch_count++] = yes;
	else
		worth->cannot[worth->cannot_count++] = no;
}

/* Without an anchor no chain can show that its tail was cut; unsigned, none can show that
 * it was not recomputed. */
void render_audit_weigh(const struct audit_summary *summary, struct render_audit_worth *worth)
{
	bool sealed = summary->head.seq > 0, all_signed = summary->signatures == summary->head.seq;
	bool chain = summary->checks[AUDIT_SEALS].findings == 0;
	bool verified = summary->checks[AUDIT_SIGNATURES].done && all_signed &&
			summary->checks[AUDIT_SIGNATURES].findings == 0;
	snprintf(worth->anchored, sizeof worth->anchored,
		"up to seal %" PRId64 ", the newest anchor, nothing was cut off or made anew",
		summary->anchor_seq);
	snprintf(worth->plain, sizeof worth->plain,
		"findings of the first %" PRId64
		" sealed attempts: seals of that form do not cover "
		"them",
		summary->first_form);
	snprintf(worth->waiting, sizeof worth->waiting,
		"%" PRId64
		" mark%s of units, newer than the newest seal: the next one will cover %s",
		summary->unsealed_marks, summary->unsealed_marks == 1 ? "" : "s",
		summary->unsealed_marks == 1 ? "it" : "them");
	if (!sealed) {
		worth->cannot[worth->cannot_count++] = "nothing is sealed yet";
		return;
	}
	vouch(worth, chain,
		"no sealed attempt, step, finding, mark, key or batch was changed without making the "
		"chain anew",
		"that sealed rows are as they were: see the findings");
	vouch(worth, summary->anchor_seq > 0, worth->anchored,
		"that the end of the chain was not cut off: give --anchor, a head that somebody "
		"else kept");
	if (summary->anchor_seq && summary->anchor_seq < summary->head.seq)
		worth->cannot[worth->cannot_count++] =
			"the end of the chain behind the newest anchor: a newer one can";
	vouch(worth, chain && verified,
		"the chain was made with the station's key: nobody without it made it anew",
		summary->signatures == 0
			? "that the chain was not made anew: its seals are not signed"
		: all_signed && !summary->checks[AUDIT_SIGNATURES].done
			? "that the chain was not made anew: give --public-key to verify its "
			  "signatures"
			: "that the chain was not made anew: not all of its signatures are good");
	if (summary->first_form)
		worth->cannot[worth->cannot_count++] = worth->plain;
	if (summary->unsealed_marks)
		worth->cannot[worth->cannot_count++] = worth->waiting;
	worth->cannot[worth->cannot_count++] =
		"stops, the outbox, backups and states of keys: seals do not cover them";
}

/* --- text --- */

static void put_checks(struct text_buf *to, const struct audit_summary *summary)
{
	for (int i = 0; i < AUDIT_CHECKS; i++) {
		enum audit_check check = (enum audit_check)i;
		unsigned findings = summary->checks[i].findings;
		if (!summary->checks[i].done)
			text_buf_addf(to, "  %-11s -         nothing to compare with\n",
				audit_name(check));
		else if (findings)
			text_buf_addf(to, "  %-11s %u finding%s in %" PRId64 " %s\n",
				audit_name(check), findings, findings == 1 ? "" : "s",
				summary->checks[i].count, audit_counted(check));
		else
			text_buf_addf(to, "  %-11s good      %" PRId64 " %s\n", audit_name(check),
				summary->checks[i].count, audit_counted(check));
	}
}

static void put_told(struct text_buf *to, const struct render_audit *audit)
{
	const struct audit_summary *summary = &audit->summary;
	for (size_t i = 0; i < audit->told_count; i++)
		text_buf_addf(to, "%s %s: %s: %s\n", audit->told[i].note ? "note   " : "FINDING",
			audit_name(audit->told[i].check), audit->told[i].where,
			audit->told[i].what);
	if (audit->told_count < summary->findings + summary->notes)
		text_buf_addf(to, "... and more: %u findings and %u notes in all\n",
			summary->findings, summary->notes);
}

void render_audit_text(const struct render_audit *audit, struct text_buf *to)
{
	const struct audit_summary *summary = &audit->summary;
	const struct render_audit_told *first = render_audit_first(audit);
	struct render_audit_worth worth = { 0 };
	render_audit_weigh(summary, &worth);
	text_buf_addf(to, "%s%s%s\n", audit->path, audit->virtual_line ? ", of a rehearsal" : "",
		summary->live ? ", a station is at work" : "");
	put_checks(to, summary);
	if (audit->told_count)
		text_buf_addf(to, "\n");
	put_told(to, audit);
	if (summary->head.seq)
		text_buf_addf(to, "\nseal %" PRId64 " %s\n", summary->head.seq, summary->head.hash);
	text_buf_addf(to, "\nThis audit vouches for:\n");
	for (size_t i = 0; i < worth.vouch_count; i++)
		text_buf_addf(to, "  + %s\n", worth.vouches[i]);
	text_buf_addf(to, "It cannot vouch for:\n");
	for (size_t i = 0; i < worth.cannot_count; i++)
		text_buf_addf(to, "  - %s\n", worth.cannot[i]);
	text_buf_addf(to, "\n%u finding%s\n", summary->findings, summary->findings == 1 ? "" : "s");
	if (first)
		text_buf_addf(to, "first: %s: %s: %s\n", audit_name(first->check), first->where,
			first->what);
}

/* --- JSON --- */

static json_t *texts(const char *const *from, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(from[i]));
	return list;
}

static json_t *checks_json(const struct audit_summary *summary)
{
	json_t *list = json_array();
	for (int i = 0; i < AUDIT_CHECKS; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:b, s:I, s:s, s:i}", "check",
				audit_name((enum audit_check)i), "done", summary->checks[i].done,
				"count", (json_int_t)summary->checks[i].count, "of",
				audit_counted((enum audit_check)i), "findings",
				(int)summary->checks[i].findings));
	return list;
}

static json_t *told_json(const struct render_audit_told *told)
{
	return told ? json_pack("{s:s, s:b, s:s, s:s}", "check", audit_name(told->check), "note",
			      told->note, "where", told->where, "what", told->what)
		    : json_null();
}

bool render_audit_json(const struct render_audit *audit, struct text_buf *to, struct err *err)
{
	const struct audit_summary *summary = &audit->summary;
	struct render_audit_worth worth = { 0 };
	render_audit_weigh(summary, &worth);
	json_t *list = json_array();
	for (size_t i = 0; i < audit->told_count; i++)
		json_array_append_new(list, told_json(&audit->told[i]));
	json_t *root = json_pack(
		"{s:s, s:s, s:b, s:I, s:b, s:i, s:i, s:o, s:o, s:o, s:{s:I, s:s}, s:I, s:o, s:o}",
		"format", "station audit 1", "database", audit->path, "virtual",
		audit->virtual_line, "made_at", (json_int_t)audit->made_at, "live", summary->live,
		"findings", (int)summary->findings, "notes", (int)summary->notes, "checks",
		checks_json(summary), "first", told_json(render_audit_first(audit)), "told", list,
		"seal", "seq", (json_int_t)summary->head.seq, "hash", summary->head.hash,
		"anchor_seq", (json_int_t)summary->anchor_seq, "vouches",
		texts(worth.vouches, worth.vouch_count), "cannot",
		texts(worth.cannot, worth.cannot_count));
	char *dumped = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (!dumped)
		return err_set(err, REASON_STATION, "no memory for the audit as JSON");
	text_buf_addf(to, "%s\n", dumped);
	free(dumped);
	return true;
}

/* --- a page --- */

static void put_verdict(struct text_buf *to, const struct render_audit *audit)
{
	unsigned findings = audit->summary.findings;
	const struct render_audit_told *first = render_audit_first(audit);
	html_addf(to, "<div class=\"verdict %s\" id=\"verdict\">\n", findings ? "bad" : "sound");
	if (findings)
		html_addf(to, "<p class=\"v\">✕ %u %s</p>\n", findings,
			findings == 1 ? "FINDING" : "FINDINGS");
	else
		html_addf(to, "<p class=\"v\">No finding</p>\n<p>Within what this audit can vouch "
			      "for; see below.</p>\n");
	if (first)
		html_addf(to, "<p>The first: <b>%s</b>: %s: %s</p>\n", audit_name(first->check),
			first->where, first->what);
	html_addf(to, "</div>\n");
}

static void put_list(struct text_buf *to, const char *id, const char *title,
	const char *const *texts, size_t count)
{
	html_section(to, id, title);
	html_addf(to, "<ul>\n");
	for (size_t i = 0; i < count; i++)
		html_addf(to, "<li>%s</li>\n", texts[i]);
	html_addf(to, count ? "</ul>\n" : "<li>nothing</li></ul>\n");
	html_section_end(to);
}

static void put_check_rows(struct text_buf *to, const struct audit_summary *summary)
{
	html_section(to, "checks", "What was checked");
	html_table(to, "t-checks", "Checks", "check|#looked at|of|#findings|result");
	for (unsigned i = 0; i < AUDIT_CHECKS; i++) {
		unsigned findings = summary->checks[i].findings;
		html_addf(to,
			"<tr><th scope=\"row\">%s</th><td class=\"n\">%" PRId64
			"</td><td class=\"w\">%s</td><td class=\"n\">%u</td><td>%s</td></tr>\n",
			audit_name((enum audit_check)i), summary->checks[i].count,
			audit_counted((enum audit_check)i), findings,
			!summary->checks[i].done ? "nothing to compare with"
			: findings               ? "✕ FINDINGS"
						 : "good");
	}
	html_table_end(to);
	html_section_end(to);
}

static void put_findings(struct text_buf *to, const struct render_audit *audit)
{
	const struct audit_summary *summary = &audit->summary;
	if (!audit->told_count)
		return;
	html_section(to, "findings", "Findings and notes");
	html_table(to, "t-findings", "Findings and notes", "|check|where|what");
	for (size_t i = 0; i < audit->told_count; i++)
		html_addf(to,
			"<tr><th scope=\"row\">%s</th><td>%s</td><td class=\"w\">%s</td>"
			"<td class=\"w\">%s</td></tr>\n",
			audit->told[i].note ? "note" : "FINDING", audit_name(audit->told[i].check),
			audit->told[i].where, audit->told[i].what);
	html_table_end(to);
	if (audit->told_count < summary->findings + summary->notes)
		html_addf(to, "<p class=\"cut\">And more: %u findings and %u notes in all.</p>\n",
			summary->findings, summary->notes);
	html_section_end(to);
}

void render_audit_html(const struct render_audit *audit, struct text_buf *to)
{
	struct render_audit_worth worth = { 0 };
	render_audit_weigh(&audit->summary, &worth);
	html_begin(to, "Audit", audit->path);
	html_origin(to, NULL, audit->made_at, audit->virtual_line,
		audit->summary.live ? "a station is at work" : NULL);
	put_verdict(to, audit);
	put_check_rows(to, &audit->summary);
	put_findings(to, audit);
	html_addf(to, "<div class=\"two\">\n");
	put_list(to, "vouches", "This audit vouches for", worth.vouches, worth.vouch_count);
	put_list(to, "cannot", "It cannot vouch for", worth.cannot, worth.cannot_count);
	html_addf(to, "</div>\n");
	html_seal(to, &audit->summary.head);
	html_end(to);
}
