/* SPDX-License-Identifier: Apache-2.0 */
/* A report for a terminal. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "render.h"
#include "scope.h"

enum { NAME_WIDTH = 26, BAR_WIDTH = 40, NEXT_WIDTH = 41 };

struct page {
	const struct report *report;
	struct text_buf *to;
	bool colour;
};

static void heading(struct page *page, const char *text)
{
	text_buf_addf(page->to, page->colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

/* Characters, not bytes: those that continue one in UTF-8 take no column. */
static size_t columns_of(const char *text)
{
	size_t columns = 0;
	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

/* text in exactly width columns (cut with "…" if it is longer); 0: as it is. */
static void cell(struct page *page, const char *text, size_t width)
{
	SCOPED_FREE char *clean = render_clean(text);
	if (!clean) {
		page->to->failed = true;
		return;
	}
	size_t columns = columns_of(clean);
	if (!width || columns <= width) {
		text_buf_addf(page->to, "%s%*s", clean, width ? (int)(width - columns) : 0, "");
		return;
	}
	const char *end = clean;
	for (size_t column = 0; column + 1 < width; column++)
		do
			end++;
		while (((unsigned char)*end & 0xc0) == 0x80);
	text_buf_add(page->to, clean, (size_t)(end - clean));
	text_buf_addf(page->to, "…");
}

/* Blanks at the end of a row are none that somebody wants. */
static void end_row(struct page *page)
{
	while (page->to->len && page->to->text[page->to->len - 1] == ' ')
		page->to->text[--page->to->len] = 0;
	text_buf_addf(page->to, "\n");
}

/* The rest of a row, and its further rows below that: broken between words. Text of our own. */
static void end_row_with(struct page *page, const char *text, size_t width)
{
	while (strlen(text) > width) {
		size_t len = width;
		while (len && text[len] != ' ')
			len--;
		len = len ? len : width;
		text_buf_addf(page->to, "%.*s\n%*s", (int)len, text,
			(int)(RENDER_TEXT_WIDTH - width), "");
		text += len + (text[len] == ' ');
	}
	text_buf_addf(page->to, "%s", text);
	end_row(page);
}

static void line(struct page *page, const char *name, const char *text)
{
	text_buf_addf(page->to, "  %-*s  ", NAME_WIDTH, name);
	cell(page, text, RENDER_TEXT_WIDTH - NAME_WIDTH - 4);
	end_row(page);
}

static void line_count(struct page *page, const char *name, int64_t count)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRId64, count);
	line(page, name, text);
}

static void line_share(struct page *page, const char *name, struct report_share share)
{
	char text[64];
	render_share(share, text);
	line(page, name, text);
}

static void line_duration(struct page *page, const char *name, int64_t ms)
{
	char text[32];
	render_duration(ms, text);
	line(page, name, text);
}

/* --- sections --- */

/* What the row of a batch has no room for. */
static void put_batch(struct page *page, const struct report_batch *batch)
{
	const struct {
		const char *name, *text;
	} rows[] = { { "work order", batch->work_order }, { "operator", batch->operator_name },
		{ "part", batch->part_number }, { "revision", batch->part_revision },
		{ "family", batch->family }, { "cloud", batch->cloud },
		{ "plan, sha256", batch->plan_sha256 } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].text && rows[i].text[0])
			line(page, rows[i].name, rows[i].text);
	if (batch->quantity > 0)
		line_count(page, "units wanted", batch->quantity);
}

static void put_batches(struct page *page)
{
	enum { BATCHES_SHOWN = 10 };
	const struct report *report = page->report;
	heading(page, "Batches");
	size_t first =
		report->batch_count > BATCHES_SHOWN ? report->batch_count - BATCHES_SHOWN : 0;
	if (first)
		text_buf_addf(
			page->to, "  the newest %d of %zu\n", BATCHES_SHOWN, report->batch_count);
	if (report->batch_count)
		text_buf_addf(page->to, "  %-36s  %-11s  %-16s  %-18s  %s\n", "batch", "kind",
			"began, local time", "job", "ended by");
	else
		line(page, "none", "");
	for (size_t i = first; i < report->batch_count; i++) {
		const struct report_batch *batch = &report->batches[i];
		char at[40];
		render_moment(batch->started_at, at);
		text_buf_addf(page->to, "  %s  ", batch->id);
		cell(page, batch->kind, 11);
		text_buf_addf(page->to, "  %.16s  ", at);
		cell(page, batch->job_name, 18);
		text_buf_addf(page->to, "  ");
		cell(page, batch->ended_at < 0 ? "runs" : batch->ended_by, 8);
		end_row(page);
	}
	if (report->batch_count == 1)
		put_batch(page, &report->batches[0]);
}

static void put_outcomes(struct page *page)
{
	const struct report *report = page->report;
	heading(page, "Outcomes of attempts");
	for (unsigned i = 1; i < OUTCOME_COUNT; i++)
		if (report->outcomes.count[i])
			line_count(page, outcome_name((enum outcome)i), report->outcomes.count[i]);
	if (report->outcomes.count[OUTCOME_NONE])
		line_count(page, "in work", report->outcomes.count[OUTCOME_NONE]);
	if (!report->attempts)
		line(page, "none", "no unit was provisioned");
	heading(page, "Units");
	line_count(page, "started", report->units_started);
	line_count(page, "PASS or HELD", report->units_good);
	for (unsigned i = 1; i < OUTCOME_COUNT; i++)
		if (report->unit_outcomes.count[i])
			line_count(page, outcome_name((enum outcome)i),
				report->unit_outcomes.count[i]);
	if (report->unit_outcomes.count[OUTCOME_NONE])
		line_count(page, "in work", report->unit_outcomes.count[OUTCOME_NONE]);
}

static void put_yields(struct page *page)
{
	const struct report *report = page->report;
	char rolled[32] = "- (nothing judged)";
	if (report->rolled >= 0)
		snprintf(rolled, sizeof rolled, "%.1f %%", render_percent(report->rolled));
	heading(page, "Yield");
	line_share(page, "first pass", report->first_pass);
	line_share(page, "first pass, no retry", report->first_pass_strict);
	line(page, "rolled throughput", rolled);
	if (report->final_defined)
		line_share(page, "final", report->final_yield);
	else
		line(page, "final", "only for a whole work order whose batches have all ended");
}

static void put_reasons(
	struct page *page, const char *title, const struct report_reason *reasons, size_t count)
{
	if (!count)
		return;
	heading(page, title);
	text_buf_addf(page->to, "  %-20s %-9s %8s %7s %7s  %s\n", "reason", "cause", "attempts",
		"units", "cumul.", "what to do");
	for (size_t i = 0; i < count; i++) {
		text_buf_addf(page->to, "  ");
		cell(page, reasons[i].code[0] ? reasons[i].code : NULL, 20);
		text_buf_addf(page->to, " ");
		cell(page, reasons[i].cause, 9);
		text_buf_addf(page->to, " %8" PRId64 " %7" PRId64 " %5.1f %%  ",
			reasons[i].attempts, reasons[i].units, 100 * reasons[i].cumulative);
		end_row_with(page, reasons[i].next, NEXT_WIDTH);
	}
}

static void put_causes(struct page *page)
{
	const struct report *report = page->report;
	if (report->loss_count)
		heading(page, "Other losses, by cause");
	for (enum cause cause = CAUSE_NONE; cause < CAUSE_COUNT; cause++)
		if (report->loss_causes[cause])
			line_count(page, cause == CAUSE_NONE ? "nobody's fault" : cause_name(cause),
				report->loss_causes[cause]);
}

static void put_hours(struct page *page)
{
	const struct report *report = page->report;
	if (!report->attempts)
		return;
	heading(page, "Yield by the hour of the day, local time");
	for (unsigned i = 0; i < sizeof report->hours / sizeof *report->hours; i++) {
		char name[16];
		snprintf(name, sizeof name, "%02u:00", i);
		if (report->hours[i].whole)
			line_share(page, name, report->hours[i]);
	}
}

static void put_failed_steps(struct page *page)
{
	const struct report *report = page->report;
	if (report->failed_step_count)
		heading(page, "Failures by step, whatever the cause");
	for (size_t i = 0; i < report->failed_step_count; i++)
		line_count(page, report->failed_steps[i].name, report->failed_steps[i].attempts);
}

static void put_steps(struct page *page)
{
	const struct report *report = page->report;
	if (!report->step_count)
		return;
	heading(page, "Steps");
	text_buf_addf(page->to, "  %-18s %8s %8s %8s %7s %10s %10s %10s\n", "step", "entered",
		"at once", "retried", "failed", "median", "p90", "p99");
	for (size_t i = 0; i < report->step_count; i++) {
		const struct report_step *step = &report->steps[i];
		char median[32], p90[32], p99[32];
		bool timed = step->times.count > 0;
		render_duration(timed ? step->times.median_ms : -1, median);
		render_duration(timed ? step->times.p90_ms : -1, p90);
		render_duration(timed ? step->times.p99_ms : -1, p99);
		text_buf_addf(page->to, "  ");
		cell(page, step->name, 18);
		text_buf_addf(page->to,
			" %8" PRId64 " %8" PRId64 " %8" PRId64 " %7" PRId64 " %10s %10s %10s\n",
			step->entered, step->passed_first, step->passed_later, step->failed, median,
			p90, p99);
	}
}

static void put_groups(struct page *page, const char *title, const char *one,
	const struct report_group *groups, size_t count)
{
	if (!count)
		return;
	heading(page, title);
	text_buf_addf(page->to, "  %-16s %8s %24s  %-16s %9s %10s\n", one, "attempts", "yield",
		"interval", "process", "turnaround");
	for (size_t i = 0; i < count; i++) {
		const struct report_group *group = &groups[i];
		char yield[64], interval[32] = "-", median[32], turnaround[32];
		render_share(group->yield, yield);
		if (group->yield.whole)
			snprintf(interval, sizeof interval, "%.1f to %.1f %%", 100 * group->low,
				100 * group->high);
		render_duration(group->process.count ? group->process.median_ms : -1, median);
		render_duration(
			group->turnaround.count ? group->turnaround.median_ms : -1, turnaround);
		text_buf_addf(page->to, "  ");
		cell(page, group->name[0] ? group->name : NULL, 16);
		text_buf_addf(page->to, " %8" PRId64 " %24s  %-16s %9s %10s%s\n", group->attempts,
			yield, interval, median, turnaround, group->flagged ? " !" : "");
	}
	text_buf_addf(page->to, "  interval: of the yield, by Wilson, 95 %% for all rows together; "
				"times are medians\n");
	for (size_t i = 0; i < count; i++)
		if (groups[i].flagged) {
			text_buf_addf(page->to,
				"  ! differs from the others by more than chance: look at it\n");
			break;
		}
}

static void put_images(struct page *page)
{
	const struct report *report = page->report;
	if (!report->image_count)
		return;
	heading(page, "Images");
	text_buf_addf(page->to, "  %-14s %5s %7s %-28s %-12s  %s\n", "region", "stage", "version",
		"file", "sha256", "yield");
	for (size_t i = 0; i < report->image_count; i++) {
		const struct report_image *image = &report->images[i];
		char version[24] = "-", yield[64];
		if (image->version >= 0)
			snprintf(version, sizeof version, "%" PRId64, image->version);
		render_share(image->yield, yield);
		text_buf_addf(page->to, "  ");
		cell(page, image->region, 14);
		text_buf_addf(page->to, " %5" PRId64 " %7s ", image->stage, version);
		cell(page, image->file_name, 28);
		text_buf_addf(page->to, " %.12s  %s\n", image->sha256, yield);
	}
}

static void put_periods(struct page *page)
{
	const struct report *report = page->report;
	int64_t most = 1;
	char title[32];
	if (report->period_count < 2)
		return;
	for (size_t i = 0; i < report->period_count; i++) {
		int64_t all = 0;
		for (unsigned k = 0; k < OUTCOME_COUNT; k++)
			all += report->periods[i].outcomes.count[k];
		most = all > most ? all : most;
	}
	snprintf(title, sizeof title, "By %s", report->period_unit);
	heading(page, title);
	for (size_t i = 0; i < report->period_count; i++) {
		const struct report_period *period = &report->periods[i];
		char name[32];
		int64_t all = 0, good = period->outcomes.count[OUTCOME_PASS];
		for (unsigned k = 0; k < OUTCOME_COUNT; k++)
			all += period->outcomes.count[k];
		render_period(report, period, name);
		text_buf_addf(
			page->to, "  %-16s %7" PRId64 " PASS of %7" PRId64 "  ", name, good, all);
		for (int64_t bar = 0; bar < all * BAR_WIDTH / most; bar++)
			text_buf_addf(page->to, bar < good * BAR_WIDTH / most ? "#" : ".");
		text_buf_addf(page->to, "\n");
	}
}

static void put_time(struct page *page)
{
	const struct report *report = page->report;
	const struct {
		const char *name;
		const struct report_times *times;
	} rows[] = { { "process time", &report->process },
		{ "slot turnaround", &report->turnaround } };
	heading(page, "Time and output");
	for (size_t i = 0; i < 2; i++) {
		const struct report_times *times = rows[i].times;
		char median[32], p90[32], p99[32], text[128];
		if (!times->count)
			continue;
		render_duration(times->median_ms, median);
		render_duration(times->p90_ms, p90);
		render_duration(times->p99_ms, p99);
		snprintf(text, sizeof text, "median %s, p90 %s, p99 %s", median, p90, p99);
		line(page, rows[i].name, text);
	}
	line_duration(page, "run time", report->run_ms);
	line_duration(page, "of that stopped", report->stopped_ms);
	line_duration(page, "output interval", report->output_interval_ms);
	char uph[64] = "-";
	if (report->uph_gross >= 0)
		snprintf(uph, sizeof uph, "%.1f gross, %.1f net of stops", report->uph_gross,
			report->uph_net < 0 ? 0 : report->uph_net);
	line(page, "units per hour", uph);
	line_count(page, "retries", report->retries);
	line_count(page, "attempts saved by them", report->saved_by_retry);
	for (size_t i = 0; i < report->stop_count; i++) {
		char at[40];
		render_moment(report->stops[i].from_at, at);
		line(page, at, report->stops[i].why);
	}
}

/* How judged attempts spread over their process times. */
static void put_histogram(struct page *page)
{
	const struct report_times *times = &page->report->process;
	int64_t most = 1;
	if (times->count < 2 || times->bar_count < 2)
		return;
	for (size_t i = 0; i < times->bar_count; i++)
		most = times->bars[i] > most ? times->bars[i] : most;
	heading(page, "Judged attempts by process time");
	for (size_t i = 0; i < times->bar_count; i++) {
		int64_t at = times->bar_from_ms + (int64_t)i * times->bar_ms;
		bool open = i + 1 == times->bar_count && times->max_ms >= at + times->bar_ms;
		char from[32], name[64];
		render_duration(at, from);
		snprintf(name, sizeof name, "from %s%s", from, open ? " and longer" : "");
		text_buf_addf(page->to, "  %-*s  %7" PRId64 "  ", NAME_WIDTH, name, times->bars[i]);
		int64_t bars = (times->bars[i] * BAR_WIDTH + most - 1) / most;
		for (int64_t bar = 0; bar < bars; bar++)
			text_buf_addf(page->to, "#");
		end_row(page);
	}
}

static void put_keys(struct page *page, const char *title, const struct report_keys *keys)
{
	const struct {
		const char *name;
		int64_t count;
	} rows[] = { { "PASS, cloud gave key back", keys->read_back },
		{ "PASS, cloud acknowledged", keys->acknowledged },
		{ "HELD, not acknowledged yet", keys->held },
		{ "refused by the cloud", keys->refused },
		{ "superseded by now", keys->by_now.superseded },
		{ "abandoned, never proven", keys->by_now.abandoned },
		{ "enrolled, unit is not PASS", keys->by_now.enrolled_not_pass },
		{ "renewed", keys->by_now.renewed }, { "kept as they were", keys->by_now.kept },
		{ "old key put back", keys->by_now.put_back } };
	heading(page, title);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].count || i == 0)
			line_count(page, rows[i].name, rows[i].count);
}

/* "PASS 4, FAIL 1"; nothing for none. */
static void put_kind(struct page *page, const char *name, const struct report_outcomes *outcomes)
{
	char text[160] = "";
	size_t used = 0;
	for (unsigned i = 0; i < OUTCOME_COUNT && used < sizeof text; i++)
		if (outcomes->count[i])
			used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %" PRId64,
				used ? ", " : "", i ? outcome_name((enum outcome)i) : "in work",
				outcomes->count[i]);
	if (used)
		line(page, name, text);
}

static void put_resale(struct page *page, const struct figures_resale *resale)
{
	if (resale->yes + resale->cleared)
		line_count(page, "  for resale", resale->yes + resale->cleared);
	if (resale->by_hand)
		line_count(page, "  to clear by hand first", resale->by_hand);
	if (resale->kept)
		line_count(page, "  owner's data kept", resale->kept);
}

static void put_returned(struct page *page)
{
	const struct report *report = page->report;
	int64_t verified = 0;
	for (unsigned i = 0; i < OUTCOME_COUNT; i++)
		verified += report->verified.count[i];
	if (verified || report->returned_units)
		heading(page, "Beside the production");
	if (verified)
		line_count(page, "verified", verified);
	if (report->returned_units)
		line_count(page, "units that came back", report->returned_units);
	put_kind(page, "their attempts", &report->returned);
	put_kind(page, "re-provisioned", &report->reprovisioned);
	put_resale(page, &report->resale);
	if (report->finding_count)
		heading(page, "Found on units that came back");
	for (size_t i = 0; i < report->finding_count; i++) {
		char text[160];
		snprintf(text, sizeof text, "%s, %" PRId64 " unit%s: %s",
			report->findings[i].state ? report->findings[i].state : "-",
			report->findings[i].units, report->findings[i].units == 1 ? "" : "s",
			report->findings[i].reason ? report->findings[i].reason : "-");
		line(page, report->findings[i].subject, text);
	}
}

static bool any_reprovisioned(const struct report *report)
{
	for (unsigned i = 0; i < OUTCOME_COUNT; i++)
		if (report->reprovisioned.count[i])
			return true;
	return false;
}

static void put_end(struct page *page)
{
	const struct report *report = page->report;
	heading(page, "What the figures mean");
	text_buf_addf(page->to,
		"  Judged: PASS, HELD, or FAIL by a cause of the unit. First pass: units whose first judged\n"
		"  attempt is PASS or HELD, of units with one. Rolled throughput: the product of the shares\n"
		"  of each step that passed at once. Process time: start to end of judged attempts. Units\n"
		"  per hour: distinct units that reached PASS. More: docs/figures.md. Process records of this\n"
		"  station; it claims no traceability level.\n");
	if (report->head.seq)
		text_buf_addf(
			page->to, "\nseal %" PRId64 " %s\n", report->head.seq, report->head.hash);
}

void render_text(const struct report *report, bool colour, struct text_buf *to)
{
	struct page page = { report, to, colour };
	char at[40];
	render_moment(report->made_at, at);
	text_buf_addf(to, "Report on ");
	cell(&page, report->title, RENDER_TEXT_WIDTH - 10);
	while (to->len && to->text[to->len - 1] == ' ')
		to->text[--to->len] = 0;
	text_buf_addf(to, "\nstation ");
	cell(&page, report->station_id, 0);
	text_buf_addf(to, ", %s%s%s\n", at, report->virtual_line ? ", A REHEARSAL" : "",
		report->running ? ", a batch is running" : "");
	put_batches(&page);
	put_outcomes(&page);
	put_yields(&page);
	put_reasons(&page, "Failures of units, by reason", report->failures, report->failure_count);
	put_failed_steps(&page);
	put_reasons(&page, "Other losses, not in the yield", report->losses, report->loss_count);
	put_causes(&page);
	put_steps(&page);
	put_groups(&page, "Slots", "slot", report->slots, report->slot_count);
	if (report->operator_count > 1)
		put_groups(
			&page, "Operators", "operator", report->operators, report->operator_count);
	put_images(&page);
	put_periods(&page);
	put_hours(&page);
	put_time(&page);
	put_histogram(&page);
	put_keys(&page, "Keys of the production", &report->keys);
	put_returned(&page);
	if (any_reprovisioned(report))
		put_keys(&page, "Keys of re-provisioned units", &report->returned_keys);
	put_end(&page);
}
