/* SPDX-License-Identifier: Apache-2.0 */
#include "render_html.h"

#include <stdio.h>
#include <string.h>

#include "render.h"

static size_t shown(size_t count)
{
	return count < RENDER_HTML_ROWS ? count : RENDER_HTML_ROWS;
}

static void put_number(struct text_buf *to, int64_t number)
{
	html_addf(to, "<td class=\"n\">%" PRId64 "</td>", number);
}

static void put_duration(struct text_buf *to, const struct report_times *times, int64_t ms)
{
	char text[32];
	render_duration(times->count ? ms : -1, text);
	html_addf(to, "<td class=\"n\">%s</td>", text);
}

static void put_share(struct text_buf *to, struct report_share share)
{
	char text[64] = "–";
	if (share.whole > 0)
		render_share(share, text);
	html_addf(to, "<td class=\"n\">%s</td>", text);
}

/* A little histogram; its numbers stand beside it. */
static void put_shape(struct text_buf *to, const struct report_times *times)
{
	enum { WIDTH = 80, HEIGHT = 18 };
	int64_t most = 1;
	for (size_t i = 0; i < times->bar_count; i++)
		most = times->bars[i] > most ? times->bars[i] : most;
	html_addf(to, "<td><svg width=\"%d\" height=\"%d\" aria-hidden=\"true\">", (int)WIDTH,
		(int)HEIGHT);
	for (size_t i = 0; times->count && i < times->bar_count; i++) {
		double height = HEIGHT * (double)times->bars[i] / (double)most;
		double step = (double)WIDTH / (double)times->bar_count;
		step = step < 8 ? step : 8;
		if (times->bars[i])
			html_addf(to,
				"<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
				step * (double)i, HEIGHT - height, step * 0.85, height);
	}
	html_addf(to, "</svg></td>");
}

/* --- failures and losses --- */

static void put_reasons(struct text_buf *to, const char *id, const char *caption,
	const struct report_reason *reasons, size_t count)
{
	if (!count)
		return;
	html_table(to, id, caption,
		"reason|cause|#attempts|#units|#running sum|what happened|what to do");
	for (size_t i = 0; i < shown(count); i++)
		html_addf(to,
			"<tr><th scope=\"row\">%s</th><td>%s</td><td class=\"n\">%" PRId64
			"</td><td class=\"n\">%" PRId64
			"</td><td class=\"n\">%.1f %%</td><td class=\"w\">%s</td>"
			"<td class=\"w\">%s</td></tr>\n",
			reasons[i].code[0] ? reasons[i].code : NULL, reasons[i].cause,
			reasons[i].attempts, reasons[i].units, 100 * reasons[i].cumulative,
			reasons[i].sentence, reasons[i].next);
	html_table_end(to);
	html_left_out(to, count - shown(count), "reasons");
}

static void put_causes(const struct report *report, struct text_buf *to)
{
	if (!report->loss_count)
		return;
	html_table(to, "t-causes", "Other losses, by cause", "cause|#attempts");
	for (enum cause cause = CAUSE_NONE; cause < CAUSE_COUNT; cause++)
		if (report->loss_causes[cause])
			html_addf(to,
				"<tr><th scope=\"row\">%s</th><td class=\"n\">%" PRId64
				"</td></tr>\n",
				cause == CAUSE_NONE ? "nobody's fault" : cause_name(cause),
				report->loss_causes[cause]);
	html_table_end(to);
}

static void put_losses(const struct report *report, struct text_buf *to)
{
	html_section(to, "losses", "What was lost, and why");
	if (!report->failure_count && !report->loss_count)
		html_addf(to, "<p>Nothing.</p>\n");
	put_reasons(to, "t-failures", "Failures of units, by reason", report->failures,
		report->failure_count);
	if (report->failed_step_count) {
		html_table(to, "t-failed-steps", "Failures by step, whatever the cause",
			"step|#attempts");
		for (size_t i = 0; i < shown(report->failed_step_count); i++)
			html_addf(to,
				"<tr><th scope=\"row\">%s</th><td class=\"n\">%" PRId64
				"</td></tr>\n",
				report->failed_steps[i].name, report->failed_steps[i].attempts);
		html_table_end(to);
		html_left_out(
			to, report->failed_step_count - shown(report->failed_step_count), "steps");
	}
	put_reasons(to, "t-losses", "Other losses, not in the yield", report->losses,
		report->loss_count);
	put_causes(report, to);
	html_section_end(to);
}

/* --- steps, slots, operators, images --- */

static void put_steps(const struct report *report, struct text_buf *to)
{
	if (!report->step_count)
		return;
	html_section(to, "steps", "Steps");
	html_table(to, "t-steps", "Steps in the order of the procedure",
		"step|#entered|#passed at once|#after retries|#failed|#tries|#step yield|#median|#p90|#p99"
		"|#longest|times");
	for (size_t i = 0; i < shown(report->step_count); i++) {
		const struct report_step *step = &report->steps[i];
		html_addf(to, "<tr><th scope=\"row\">%s</th>", step->name);
		put_number(to, step->entered);
		put_number(to, step->passed_first);
		put_number(to, step->passed_later);
		put_number(to, step->failed);
		put_number(to, step->tries);
		html_addf(to, "<td class=\"n\">%.1f %%</td>",
			render_percent((double)step->passed_first / (double)step->entered));
		put_duration(to, &step->times, step->times.median_ms);
		put_duration(to, &step->times, step->times.p90_ms);
		put_duration(to, &step->times, step->times.p99_ms);
		put_duration(to, &step->times, step->times.max_ms);
		put_shape(to, &step->times);
		html_addf(to, "</tr>\n");
	}
	html_table_end(to);
	html_left_out(to, report->step_count - shown(report->step_count), "steps");
	html_section_end(to);
}

static void put_groups(struct text_buf *to, const char *id, const char *caption, const char *one,
	const struct report_group *groups, size_t count)
{
	char columns[200];
	snprintf(columns, sizeof columns, "%s%s", one,
		"|#attempts|#yield|#interval|#retries|#process median|#p90|#p99|#turnaround median|#p90"
		"|#p99|process times");
	html_table(to, id, caption, columns);
	for (size_t i = 0; i < shown(count); i++) {
		const struct report_group *group = &groups[i];
		html_addf(to,
			group->flagged ? "<tr class=\"flagged\"><th scope=\"row\">! %s</th>"
				       : "<tr><th scope=\"row\">%s</th>",
			group->name[0] ? group->name : NULL);
		put_number(to, group->attempts);
		put_share(to, group->yield);
		if (group->yield.whole)
			html_addf(to, "<td class=\"n\">%.1f to %.1f %%</td>", 100 * group->low,
				100 * group->high);
		else
			html_addf(to, "<td class=\"n\">–</td>");
		put_number(to, group->retries);
		put_duration(to, &group->process, group->process.median_ms);
		put_duration(to, &group->process, group->process.p90_ms);
		put_duration(to, &group->process, group->process.p99_ms);
		put_duration(to, &group->turnaround, group->turnaround.median_ms);
		put_duration(to, &group->turnaround, group->turnaround.p90_ms);
		put_duration(to, &group->turnaround, group->turnaround.p99_ms);
		put_shape(to, &group->process);
		html_addf(to, "</tr>\n");
	}
	html_table_end(to);
	html_left_out(to, count - shown(count), "rows");
}

static void put_hours(const struct report *report, struct text_buf *to)
{
	html_table(to, "t-hours", "Yield by the hour of the day, local time", "hour|#yield");
	for (unsigned i = 0; i < sizeof report->hours / sizeof *report->hours; i++) {
		char name[16];
		snprintf(name, sizeof name, "%02u:00", i);
		if (!report->hours[i].whole)
			continue;
		html_addf(to, "<tr><th scope=\"row\">%s</th>", name);
		put_share(to, report->hours[i]);
		html_addf(to, "</tr>\n");
	}
	html_table_end(to);
}

static void put_places(const struct report *report, struct text_buf *to)
{
	html_section(to, "places", "Slots, operators, hours");
	put_groups(to, "t-slots", "Slots", "slot", report->slots, report->slot_count);
	put_groups(to, "t-operators", "Operators", "operator", report->operators,
		report->operator_count);
	html_addf(to,
		"<p class=\"note\">Interval: of the yield, Wilson's, 95 %% for all rows of a table "
		"together. A row with ! differs from the others by more than chance: look at "
		"it.</p>\n");
	put_hours(report, to);
	html_section_end(to);
}

static void put_images(const struct report *report, struct text_buf *to)
{
	if (!report->image_count)
		return;
	html_section(to, "images", "Images");
	html_table(to, "t-images", "Images, and the yield of the batches that wrote them",
		"region|#stage|#address|file|#version|#platform|#bytes|SHA-256 of the file|#yield");
	for (size_t i = 0; i < shown(report->image_count); i++) {
		const struct report_image *image = &report->images[i];
		char version[24] = "–", platform[24] = "–", address[24];
		if (image->version >= 0)
			snprintf(version, sizeof version, "%" PRId64, image->version);
		if (image->platform_id >= 0)
			snprintf(platform, sizeof platform, "%" PRId64, image->platform_id);
		snprintf(address, sizeof address, "0x%08" PRIx64, (uint64_t)image->address);
		html_addf(to,
			"<tr><th scope=\"row\">%s</th><td class=\"n\">%" PRId64
			"</td><td class=\"n\"><code>%s</code></td><td class=\"w\">%s</td><td class=\"n\">%s</td>"
			"<td class=\"n\">%s</td><td class=\"n\">%" PRId64
			"</td><td><code class=\"hash\">%s</code></td>",
			image->region, image->stage, address, image->file_name, version, platform,
			image->size, image->sha256);
		put_share(to, image->yield);
		html_addf(to, "</tr>\n");
	}
	html_table_end(to);
	html_left_out(to, report->image_count - shown(report->image_count), "images");
	html_section_end(to);
}

/* --- batches --- */

static void put_batch(struct text_buf *to, const struct report_batch *batch)
{
	char from[40], until[40];
	render_moment(batch->started_at, from);
	render_moment(batch->ended_at, until);
	html_addf(to,
		"<tr><th scope=\"row\"><code>%s</code><br/>%s, station %s, software %s</th>"
		"<td class=\"w\">%s<br/>family %s, cloud %s<br/>plan <code class=\"hash\">%s</code></td>"
		"<td class=\"w\">order %s<br/>part %s, revision %s<br/>operator %s</td>",
		batch->id, batch->kind, batch->station_id, batch->software_version, batch->job_name,
		batch->family, batch->cloud, batch->plan_sha256, batch->work_order,
		batch->part_number, batch->part_revision, batch->operator_name);
	html_addf(to, "<td class=\"at\">%s<br/>%s<br/>%s%s</td>", from, until,
		batch->ended_at < 0 ? "runs" : "ended by ",
		batch->ended_at < 0 ? "" : batch->ended_by);
	if (batch->quantity > 0)
		put_number(to, batch->quantity);
	else
		html_addf(to, "<td class=\"n\">–</td>");
	html_addf(to, "<td>");
	for (unsigned k = 0; k < OUTCOME_COUNT; k++)
		if (batch->outcomes.count[k])
			html_addf(to, "%s %" PRId64 "<br/>",
				k ? outcome_name((enum outcome)k) : "in work",
				batch->outcomes.count[k]);
	html_addf(to, "</td>");
	put_share(to, batch->yield);
	html_addf(to, "</tr>\n");
}

/* The newest ones, if there are too many. */
static void put_batches(const struct report *report, struct text_buf *to)
{
	size_t left_out = report->batch_count - shown(report->batch_count);
	if (!report->batch_count)
		return;
	html_section(to, "batches", "Batches");
	html_table(to, "t-batches", "Batches", "batch|job|order|time|#quantity|outcomes|#yield");
	for (size_t i = left_out; i < report->batch_count; i++)
		put_batch(to, &report->batches[i]);
	html_table_end(to);
	html_left_out(to, left_out, "older batches");
	html_section_end(to);
}

/* --- time, keys, what came back --- */

static void put_pair(struct text_buf *to, const char *id, const char *name, const char *value)
{
	html_addf(to, "<dt>%s</dt><dd id=\"f-%s\">%s</dd>\n", name, id, value);
}

static void put_count(struct text_buf *to, const char *id, const char *name, int64_t count)
{
	html_addf(to, "<dt>%s</dt><dd id=\"f-%s\">%" PRId64 "</dd>\n", name, id, count);
}

static void put_spread(
	struct text_buf *to, const char *id, const char *name, const struct report_times *times)
{
	char median[32], p90[32], p99[32], longest[32], text[200] = "–";
	render_duration(times->median_ms, median);
	render_duration(times->p90_ms, p90);
	render_duration(times->p99_ms, p99);
	render_duration(times->max_ms, longest);
	if (times->count)
		snprintf(text, sizeof text,
			"median %s, p90 %s, p99 %s, longest %s (%" PRId64 " value%s%s)", median,
			p90, p99, longest, times->count, times->count == 1 ? "" : "s",
			times->exact ? "" : ", within 0.8 %");
	put_pair(to, id, name, text);
}

static void put_stops(const struct report *report, struct text_buf *to)
{
	size_t left_out = report->stop_count - shown(report->stop_count);
	if (!report->stop_count)
		return;
	html_table(to, "t-stops", "Stops of the line", "from|to|why|batch");
	for (size_t i = left_out; i < report->stop_count; i++) {
		char from[40], until[40];
		render_moment(report->stops[i].from_at, from);
		render_moment(report->stops[i].to_at, until);
		html_addf(to,
			"<tr><td class=\"at\">%s</td><td class=\"at\">%s</td><td class=\"w\">%s</td>"
			"<td><code>%s</code></td></tr>\n",
			from, until, report->stops[i].why, report->stops[i].batch_id);
	}
	html_table_end(to);
	html_left_out(to, left_out, "older stops");
}

static void put_time(const struct report *report, struct text_buf *to)
{
	char run[32], stopped[32];
	render_duration(report->run_ms, run);
	render_duration(report->stopped_ms, stopped);
	html_section(to, "time", "Time");
	html_addf(to, "<dl class=\"pairs\">\n");
	put_spread(to, "process-spread", "Process time", &report->process);
	put_spread(to, "turnaround-spread", "Slot turnaround", &report->turnaround);
	put_pair(to, "run", "Run time", run);
	put_pair(to, "stopped", "Of that stopped", stopped);
	put_count(to, "reached-pass", "Units that reached PASS", report->first_passes);
	html_addf(to, "</dl>\n");
	put_stops(report, to);
	html_section_end(to);
}

static void put_key_counts(struct text_buf *to, const char *prefix, const struct report_keys *keys)
{
	const struct {
		const char *id, *name;
		int64_t count;
	} rows[] = { { "read-back", "PASS, the cloud gave the key back", keys->read_back },
		{ "acknowledged", "PASS, the cloud acknowledged the key", keys->acknowledged },
		{ "held", "HELD: not acknowledged yet", keys->held },
		{ "refused", "Refused by the cloud", keys->refused },
		{ "superseded", "Superseded by a newer key since", keys->by_now.superseded },
		{ "abandoned", "Abandoned: never proven on the unit", keys->by_now.abandoned },
		{ "enrolled-not-pass", "Units with an enrolled key that are not PASS",
			keys->by_now.enrolled_not_pass } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		html_addf(to, "<dt>%s</dt><dd id=\"f-%s%s\">%" PRId64 "</dd>\n", rows[i].name,
			prefix, rows[i].id, rows[i].count);
}

static void put_keys(const struct report *report, struct text_buf *to)
{
	html_section(to, "keys", "Keys");
	html_addf(to, "<dl class=\"pairs\">\n");
	put_key_counts(to, "", &report->keys);
	html_addf(to, "</dl>\n");
	html_section_end(to);
}

static void put_returned_keys(const struct report *report, struct text_buf *to)
{
	const struct figures_keys *by_now = &report->returned_keys.by_now;
	html_section(to, "returned-keys", "Keys of re-provisioned units");
	html_addf(to, "<dl class=\"pairs\">\n");
	put_count(to, "returned-renewed", "Renewed, PASS or HELD", by_now->renewed);
	put_count(to, "returned-kept", "Kept as it was, PASS or HELD", by_now->kept);
	put_count(to, "returned-put-back", "The cloud did not take the new one: the old put back",
		by_now->put_back);
	put_key_counts(to, "returned-", &report->returned_keys);
	html_addf(to, "</dl>\n");
	html_section_end(to);
}

static void put_kind(struct text_buf *to, const char *id, const char *name,
	const struct report_outcomes *outcomes)
{
	html_addf(to, "<dt>%s</dt><dd id=\"f-%s\">", name, id);
	int64_t all = 0;
	for (unsigned k = 0; k < OUTCOME_COUNT; k++) {
		if (outcomes->count[k])
			html_addf(to, "%s%s %" PRId64, all ? ", " : "",
				k ? outcome_name((enum outcome)k) : "in work", outcomes->count[k]);
		all += outcomes->count[k];
	}
	html_addf(to, all ? "</dd>\n" : "none</dd>\n");
}

static void put_returned(const struct report *report, struct text_buf *to)
{
	html_section(to, "returned", "Beside the production");
	html_addf(to, "<dl class=\"pairs\">\n");
	put_kind(to, "verified", "Verified, attempts", &report->verified);
	put_count(to, "returned-units", "Units that came back", report->returned_units);
	put_kind(to, "returned-outcomes", "Their attempts", &report->returned);
	put_kind(to, "reprovisioned", "Of these re-provisioned", &report->reprovisioned);
	put_count(to, "resale-yes", "For resale, nothing is left on it", report->resale.yes);
	put_count(to, "resale-cleared", "For resale, cleared by hand", report->resale.cleared);
	put_count(to, "resale-by-hand", "Not for resale until cleared by hand",
		report->resale.by_hand);
	put_count(
		to, "resale-kept", "Not for resale, its owner's data is kept", report->resale.kept);
	html_addf(to, "</dl>\n");
	if (report->finding_count) {
		html_table(
			to, "t-findings", "What was found on them", "subject|state|reason|#units");
		for (size_t i = 0; i < shown(report->finding_count); i++)
			html_addf(to,
				"<tr><th scope=\"row\">%s</th><td>%s</td><td>%s</td><td class=\"n\">%" PRId64
				"</td></tr>\n",
				report->findings[i].subject, report->findings[i].state,
				report->findings[i].reason, report->findings[i].units);
		html_table_end(to);
		html_left_out(to, report->finding_count - shown(report->finding_count), "findings");
	}
	html_section_end(to);
}

/* --- what the charts are drawn from --- */

static void put_periods(const struct report *report, struct text_buf *to)
{
	size_t per_bar = html_periods_in_bar(report), bars, periods;
	if (!report->period_count)
		return;
	bars = (report->period_count + per_bar - 1) / per_bar;
	html_table(to, "t-periods", "Outcomes over time",
		"from|#periods|#PASS|#HELD|#FAIL|#SKIPPED|#REFUSED|#ABORTED|#INTERRUPTED|#in work");
	for (size_t i = 0; i < bars; i++) {
		char name[32];
		struct report_outcomes outcomes = html_bar_outcomes(report, i, name, &periods);
		html_addf(
			to, "<tr><th scope=\"row\">%s</th><td class=\"n\">%zu</td>", name, periods);
		for (unsigned k = 1; k <= OUTCOME_COUNT; k++)
			put_number(to, outcomes.count[k % OUTCOME_COUNT]);
		html_addf(to, "</tr>\n");
	}
	html_table_end(to);
}

static void put_histogram(const struct report *report, struct text_buf *to)
{
	const struct report_times *times = &report->process;
	if (!times->count)
		return;
	html_table(to, "t-process", "Process times", "from|to|#attempts");
	for (size_t i = 0; i < times->bar_count; i++) {
		int64_t from = times->bar_from_ms + (int64_t)i * times->bar_ms,
			end = from + times->bar_ms;
		bool open = i + 1 == times->bar_count && times->max_ms >= end;
		html_addf(to, "<tr><td>%.3f s</td>", (double)from / 1000);
		if (open)
			html_addf(to, "<td>all longer ones</td>");
		else
			html_addf(to, "<td>%.3f s</td>", (double)end / 1000);
		html_addf(to, "<td class=\"n\">%" PRId64 "</td></tr>\n", times->bars[i]);
	}
	html_table_end(to);
}

static void put_behind(const struct report *report, struct text_buf *to)
{
	if (!report->attempts)
		return;
	html_section(to, "behind", "Numbers of the charts");
	html_addf(to,
		"<p class=\"note\">Those of the Pareto chart are in <a href=\"#losses\">What was "
		"lost</a>, those of the slots in <a href=\"#places\">Slots</a>.</p>\n");
	put_periods(report, to);
	put_histogram(report, to);
	html_section_end(to);
}

void render_html_tables(const struct report *report, struct text_buf *to)
{
	put_losses(report, to);
	put_steps(report, to);
	if (report->attempts)
		put_places(report, to);
	put_time(report, to);
	put_keys(report, to);
	put_returned(report, to);
	if (report->returned_units)
		put_returned_keys(report, to);
	put_batches(report, to);
	put_images(report, to);
	put_behind(report, to);
}
