/* SPDX-License-Identifier: Apache-2.0 */
/* A report as a page: key figures, charts, definitions. Its tables are in render_html_tables.c. */
#include <stdio.h>
#include <string.h>

#include "render.h"
#include "render_html.h"

/* --- key figures --- */

static void put_card(struct text_buf *to, const char *id, const char *name, const char *value,
	const char *beside)
{
	html_addf(to,
		"<div class=\"card\"><dt>%s</dt><dd><div class=\"v\" id=\"f-%s\">%s</div>"
		"<div class=\"s\">%s</div></dd></div>\n",
		name, id, value, beside);
}

static void put_share(struct text_buf *to, const char *id, const char *name,
	struct report_share share, const char *of)
{
	char value[32] = "–", beside[80] = "nothing judged";
	if (share.whole > 0) {
		snprintf(value, sizeof value, "%.1f %%", render_percent(report_ratio(share)));
		snprintf(beside, sizeof beside, "%" PRId64 " of %" PRId64 " %s", share.part,
			share.whole, of);
	}
	put_card(to, id, name, value, beside);
}

static void put_yields(struct text_buf *to, const struct report *report)
{
	char value[32] = "–", beside[80];
	snprintf(value, sizeof value, "%" PRId64, report->units_good);
	snprintf(beside, sizeof beside, "of %" PRId64 " started", report->units_started);
	put_card(to, "units", "Units PASS or HELD", value, beside);
	put_share(to, "first-pass", "First pass yield", report->first_pass, "units");
	put_share(to, "strict", "First pass, no retry", report->first_pass_strict, "units");
	snprintf(value, sizeof value, "–");
	if (report->rolled >= 0)
		snprintf(value, sizeof value, "%.1f %%", render_percent(report->rolled));
	put_card(to, "rolled", "Rolled throughput yield", value,
		report->rolled >= 0 ? "product of the steps" : "nothing judged");
	if (report->final_defined)
		put_share(to, "final", "Final yield", report->final_yield, "units started");
	else
		put_card(to, "final", "Final yield", "–", "only for a whole, ended work order");
}

static void put_output(struct text_buf *to, const struct report *report)
{
	const struct report_times *times = &report->process;
	char value[32], p90[32], p99[32], beside[96] = "nothing judged";
	render_duration(times->count ? times->median_ms : -1, value);
	if (times->count) {
		render_duration(times->p90_ms, p90);
		render_duration(times->p99_ms, p99);
		snprintf(beside, sizeof beside, "median; p90 %s, p99 %s", p90, p99);
	}
	put_card(to, "process", "Process time", value, beside);
	snprintf(value, sizeof value, "–");
	snprintf(beside, sizeof beside, "no run time");
	if (report->uph_gross >= 0) {
		snprintf(value, sizeof value, "%.1f", report->uph_gross);
		snprintf(beside, sizeof beside, "gross; –  net of stops");
	}
	if (report->uph_net >= 0)
		snprintf(beside, sizeof beside, "gross; %.1f net of stops", report->uph_net);
	put_card(to, "uph", "Units per hour", value, beside);
	render_duration(report->output_interval_ms, value);
	put_card(to, "interval", "Output interval", value, "run time per unit PASS or HELD");
	snprintf(value, sizeof value, "%" PRId64, report->retries);
	snprintf(beside, sizeof beside, "saved %" PRId64 " attempts", report->saved_by_retry);
	put_card(to, "retries", "Retries", value, beside);
}

/* id: before those of its numbers. */
static void put_outcomes(struct text_buf *to, const char *id, const char *what, int64_t all,
	const struct report_outcomes *outcomes)
{
	html_addf(to, "<p id=\"%soutcomes\"><b id=\"f-%s%s\">%" PRId64 "</b> %s: ", id, id, what,
		all, what);
	for (unsigned i = 1; i <= OUTCOME_COUNT; i++) {
		unsigned k = i % OUTCOME_COUNT; /* open ones last */
		if (!outcomes->count[k] && k != OUTCOME_PASS)
			continue;
		html_outcome(to, k ? outcome_name((enum outcome)k) : NULL);
		html_addf(to, " <b id=\"f-%s%s\">%" PRId64 "</b> ", id,
			k ? outcome_name((enum outcome)k) : "open", outcomes->count[k]);
	}
	html_addf(to, "</p>\n");
}

static void put_key_figures(struct text_buf *to, const struct report *report)
{
	html_section(to, "figures", "Key figures");
	if (!report->attempts)
		html_addf(to,
			"<p id=\"empty\"><b>No attempt of the production is in this report.</b></p>\n");
	html_addf(to, "<dl class=\"cards\">\n");
	put_yields(to, report);
	put_output(to, report);
	html_addf(to, "</dl>\n");
	put_outcomes(to, "", "attempts", report->attempts, &report->outcomes);
	put_outcomes(to, "unit-", "units", report->units_started, &report->unit_outcomes);
	html_section_end(to);
}

static void put_charts(struct text_buf *to, const struct report *report)
{
	if (!report->attempts)
		return;
	html_section(to, "charts", "At a glance");
	html_addf(to, "<div class=\"charts\">\n");
	html_chart_periods(to, report);
	html_chart_pareto(to, report);
	html_chart_process(to, report);
	html_chart_slots(to, report);
	html_addf(to, "</div>\n");
	html_section_end(to);
}

/* --- definitions: docs/figures.md in short --- */

static const char *const definitions[][2] = {
	{ "Judged",
		"an attempt of kind provision that is PASS or HELD, or FAIL by a cause of the unit. FAIL by "
		"handling, station, service or job, ABORTED, INTERRUPTED and REFUSED are losses: shown beside "
		"and in no yield. SKIPPED (PASS already) is no loss." },
	{ "Units started",
		"distinct units with an attempt; one without a known id stands for itself." },
	{ "Units PASS or HELD", "distinct units whose latest judged outcome is one of these." },
	{ "First pass yield",
		"distinct units whose first judged attempt is PASS or HELD, of distinct units with a judged "
		"attempt; no retry: and no step of that attempt was retried." },
	{ "Step yield", "attempts that pass a step at its first try, of attempts that enter it." },
	{ "Rolled throughput yield", "the product of the step yields." },
	{ "Final yield",
		"distinct units whose latest judged outcome is PASS, of units started; only for a whole work "
		"order whose batches have all ended." },
	{ "Yield of a slot, operator, image",
		"judged attempts that are PASS or HELD, of judged attempts." },
	{ "Interval, flag",
		"Wilson's score interval at 95 %, shared among all of its kind; flagged if the yield of all "
		"the others lies outside of it and both have at least 20 judged attempts." },
	{ "Process time", "start of a judged attempt to the moment when the unit may leave." },
	{ "Slot turnaround",
		"arrival of a unit to the next arrival at the same slot in the same batch." },
	{ "Output interval", "run time of the batches / units PASS or HELD." },
	{ "Units per hour",
		"distinct units that reached PASS / run time; net: without recorded stops." },
	{ "Losses, by cause",
		"attempts that are neither PASS, HELD nor SKIPPED and are not judged, by whose fault it was." },
	{ "Yield by hour",
		"judged attempts that are PASS or HELD, of judged attempts, by the local hour of their start." },
	{ "Keys",
		"of PASS: how the enrolment was proven. Superseded, abandoned: keys that these attempts made, "
		"as they are now. Enrolled and not PASS: distinct units that one of these attempts left "
		"without PASS, the last one that did anything to them, while a key of theirs is enrolled." },
	{ "For resale",
		"re-provisionings that are PASS, by what they found of their former owner, and whether a person "
		"has cleared by hand since what DFU does not reach." },
	{ "Retries", "tries of steps beyond the first; saved: PASS and HELD that had some." },
	{ "Median, p90, p99", "nearest rank; beyond 20000 values within 0.8 %." },
};

static void put_definitions(struct text_buf *to)
{
	html_section(to, "definitions", "What the figures mean");
	html_addf(to, "<dl class=\"pairs\">\n");
	for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++)
		html_addf(to, "<dt>%s</dt><dd>%s</dd>\n", definitions[i][0], definitions[i][1]);
	html_addf(to, "</dl>\n<p class=\"note\">There is no OEE: it needs planned time, which the "
		      "station does not know.</p>\n");
	html_section_end(to);
}

void render_html(const struct report *report, struct text_buf *to)
{
	html_begin(to, "Report", report->title);
	html_origin(to, report->station_id, report->made_at, report->virtual_line,
		report->running ? "a batch is running: the figures move" : NULL);
	put_key_figures(to, report);
	put_charts(to, report);
	render_html_tables(report, to);
	put_definitions(to);
	html_seal(to, &report->head);
	html_end(to);
}
