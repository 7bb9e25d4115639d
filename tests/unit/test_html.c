/* SPDX-License-Identifier: Apache-2.0 */
/* USES: report record base */
/* Pages: what people and devices wrote stays text, and what is drawn has the size of its number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "html.h"
#include "render.h"

enum { CAP = 4 << 20 };

static size_t count_of(const char *text, const char *needle)
{
	size_t count = 0;
	for (const char *at = text; (at = strstr(at, needle)); at += strlen(needle))
		count++;
	return count;
}

#define HTML_IS(expected, ...) \
	do { \
		struct text_buf buf_; \
		text_buf_init(&buf_, CAP); \
		html_addf(&buf_, __VA_ARGS__); \
		assert_false(buf_.failed); \
		assert_string_equal(buf_.text, expected); \
		text_buf_done(&buf_); \
	} while (0)

static void texts_never_become_markup(void **state)
{
	const char *volatile unknown[1] = { NULL };
	(void)state;
	HTML_IS("<b>&lt;script&gt;alert(&quot;&#39;&amp;amp;&quot;)&lt;/script&gt;</b>",
		"<b>%s</b>", "<script>alert(\"'&amp;\")</script>");
	HTML_IS("a?b?c", "%s", "a\nb\tc");
	HTML_IS("=1+1,J\xc3\xb6rg", "%s", "=1+1,J\xc3\xb6rg");
	HTML_IS("x??y?", "%s", "x\xff\xc3y\xf0");
	HTML_IS("a?b?c", "%s",
		"a\xef\xbf\xbf"
		"b\xef\xbf\xbe"
		"c");
	HTML_IS("\xef\xbf\xbd", "%s", "\xef\xbf\xbd");
	HTML_IS("-", "%s", *unknown);
	HTML_IS("%s is no conversion", "%s", "%s is no conversion");
}

static void numbers_are_as_printf_has_them(void **state)
{
	(void)state;
	HTML_IS("-3 7 9223372036854775807 12 0.3 2 100 %", "%d %u %" PRId64 " %zu %.1f %.0f 100 %%",
		-3, 7U, INT64_MAX, (size_t)12, 0.25 + 0.05, 2.0);
}

/* No time that was measured is shown as none. */
static void durations_are_in_units_that_tell_something(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = { { -1, "-" }, { 0, "0 ms" }, { 1, "1 ms" }, { 49, "49 ms" }, { 999, "999 ms" },
		{ 1000, "1.0 s" }, { 12345, "12.3 s" }, { 59949, "59.9 s" },
		{ 59950, "1 min 00 s" }, { 3599499, "59 min 59 s" }, { 3600000, "1 h 00 min" } };
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[32];
		render_duration(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void every_outcome_has_its_own_look(void **state)
{
	(void)state;
	for (unsigned i = 0; i < OUTCOME_COUNT; i++)
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(
				html_outcome_class(i ? outcome_name((enum outcome)i) : NULL),
				html_outcome_class(k ? outcome_name((enum outcome)k) : NULL));
	assert_string_equal(html_outcome_class("PASS"), "o-pass");
	static const char *const others[] = { "", "pass", "PASS ", "PASSED" };
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_string_equal(html_outcome_class(others[i]), "o-other");
}

/* --- charts --- */

struct drawn {
	struct report report;
	struct text_buf buf;
};

static int drawn_setup(void **state)
{
	struct drawn *drawn = calloc(1, sizeof *drawn);
	text_buf_init(&drawn->buf, CAP);
	static char title[] = "test";
	drawn->report.title = title;
	drawn->report.period_unit = "hour";
	drawn->report.uph_gross = drawn->report.uph_net = drawn->report.rolled = -1;
	drawn->report.output_interval_ms = -1;
	*state = drawn;
	return 0;
}

static int drawn_teardown(void **state)
{
	struct drawn *drawn = *state;
	text_buf_done(&drawn->buf);
	free(drawn->report.periods);
	free(drawn->report.slots);
	free(drawn);
	return 0;
}

static void make_periods(struct report *report, size_t count)
{
	const int64_t hour = 3600000;
	report->periods = calloc(count, sizeof *report->periods);
	report->period_count = count;
	for (size_t i = 0; i < count; i++) {
		struct report_period *period = &report->periods[i];
		period->from = (int64_t)i * hour;
		period->to = period->from + hour;
		period->outcomes.count[OUTCOME_PASS] = (int64_t)i;
		period->outcomes.count[OUTCOME_FAIL] = 1;
	}
}

/* The height of the only bar of that class that follows at. */
static double height_of(const char *at, const char *class)
{
	char needle[64];
	snprintf(needle, sizeof needle, "<rect class=\"%s\" x=", class);
	const char *rect = strstr(at, needle);
	assert_non_null(rect);
	const char *height = strstr(rect, "height=\"");
	return strtod(height + strlen("height=\""), NULL);
}

static void bars_are_as_high_as_their_numbers(void **state)
{
	struct drawn *drawn = *state;
	make_periods(&drawn->report, 1);
	drawn->report.periods[0].outcomes.count[OUTCOME_PASS] = 30;
	drawn->report.periods[0].outcomes.count[OUTCOME_FAIL] = 10;
	html_chart_periods(&drawn->buf, &drawn->report);
	/* 40 is the top of a plot of 184 units. */
	assert_float_equal(height_of(drawn->buf.text, "o-pass"), 138, 0.01);
	assert_float_equal(height_of(drawn->buf.text, "o-fail"), 46, 0.01);
	assert_non_null(strstr(drawn->buf.text,
		"attempts per hour, by their beginning, local time; hours without any are left out"));
}

static void many_periods_share_bars_and_none_is_lost(void **state)
{
	static const size_t counts[] = { 1, 59, 60, 61, 119, 120, 121, 3000, 8784 };
	struct drawn *drawn = *state;
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		make_periods(&drawn->report, counts[i]);
		size_t per_bar = html_periods_in_bar(&drawn->report), periods, seen = 0;
		int64_t pass = 0, n = (int64_t)counts[i];
		char name[32];
		size_t bars = (counts[i] + per_bar - 1) / per_bar;
		assert_in_range(bars, 1, HTML_CHART_BARS);
		for (size_t bar = 0; bar < bars; bar++) {
			struct report_outcomes sum =
				html_bar_outcomes(&drawn->report, bar, name, &periods);
			pass += sum.count[OUTCOME_PASS];
			seen += periods;
			assert_int_equal(sum.count[OUTCOME_FAIL], periods);
		}
		assert_int_equal(seen, counts[i]);
		assert_int_equal(pass, n * (n - 1) / 2);
		drawn->buf.len = 0;
		html_chart_periods(&drawn->buf, &drawn->report);
		assert_int_equal(count_of(drawn->buf.text, "<rect class=\"o-fail\" x"), bars);
		assert_int_equal(count_of(drawn->buf.text, "attempts per hour,"), per_bar == 1);
		assert_non_null(strstr(drawn->buf.text, "hours without any are left out"));
		free(drawn->report.periods);
		drawn->report.periods = NULL;
	}
}

static void the_pareto_ends_at_all_of_them(void **state)
{
	enum { REASONS = 14 };
	struct drawn *drawn = *state;
	struct report_reason reasons[REASONS] = { 0 };
	static char code[] = "a<b>", cause[] = "unit";
	int64_t all = 0, sum = 0;
	for (int i = 0; i < REASONS; i++)
		all += reasons[i].attempts = 20 - i;
	for (int i = 0; i < REASONS; i++) {
		sum += reasons[i].attempts;
		reasons[i].code = code;
		reasons[i].cause = cause;
		reasons[i].cumulative = (double)sum / (double)all;
	}
	drawn->report.failures = reasons;
	drawn->report.failure_count = REASONS;
	html_chart_pareto(&drawn->buf, &drawn->report);
	assert_int_equal(count_of(drawn->buf.text, "<rect class=\"bar\""), 10);
	/* 11 + 10 + 9 + 8 + 7 of 189 */
	assert_non_null(strstr(drawn->buf.text, "5 others: 45 attempts"));
	assert_non_null(strstr(drawn->buf.text, "cx=\"462.0\""));
	assert_null(strstr(drawn->buf.text, "<b>"));
}

static void a_map_of_thousands_keeps_what_needs_a_look(void **state)
{
	enum { SLOTS = 3000, BAD = 17, FLAGGED = 2999 };
	struct drawn *drawn = *state;
	static char name[] = "A1", bad[] = "BAD", flagged[] = "FLAG";
	drawn->report.slots = calloc(SLOTS, sizeof *drawn->report.slots);
	drawn->report.slot_count = SLOTS;
	for (size_t i = 0; i < SLOTS; i++) {
		drawn->report.slots[i].name = i == BAD ? bad : i == FLAGGED ? flagged : name;
		drawn->report.slots[i].yield = (struct report_share){ i == BAD ? 1 : 100, 100 };
	}
	drawn->report.slots[FLAGGED].flagged = true;
	html_chart_slots(&drawn->buf, &drawn->report);
	assert_int_equal(count_of(drawn->buf.text, "<rect class=\"tile y") - 5, HTML_CHART_SLOTS);
	assert_non_null(strstr(drawn->buf.text, ">BAD<"));
	assert_non_null(strstr(drawn->buf.text, ">FLAG<"));
	assert_non_null(strstr(drawn->buf.text, "128 of 3000 slots"));
}

static void colours_of_slots_change_where_the_legend_says(void **state)
{
	static const struct {
		int64_t part;
		const char *class;
	} cases[] = { { 0, "y0" }, { 899, "y0" }, { 900, "y1" }, { 949, "y1" }, { 950, "y2" },
		{ 970, "y3" }, { 989, "y3" }, { 990, "y4" }, { 1000, "y4" } };
	struct drawn *drawn = *state;
	struct report_group slot = { 0 };
	static char name[] = "A1";
	slot.name = name;
	drawn->report.slots = calloc(1, sizeof slot);
	drawn->report.slot_count = 1;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char needle[64];
		slot.yield = (struct report_share){ cases[i].part, 1000 };
		drawn->report.slots[0] = slot;
		drawn->buf.len = 0;
		html_chart_slots(&drawn->buf, &drawn->report);
		snprintf(needle, sizeof needle, "</title><rect class=\"tile %s\"", cases[i].class);
		assert_non_null(strstr(drawn->buf.text, needle));
	}
}

static void an_empty_report_draws_nothing(void **state)
{
	struct drawn *drawn = *state;
	render_html(&drawn->report, &drawn->buf);
	assert_false(drawn->buf.failed);
	assert_non_null(strstr(drawn->buf.text, "id=\"empty\""));
	assert_null(strstr(drawn->buf.text, "<figure"));
	assert_null(strstr(drawn->buf.text, "nan"));
}

static void tables_are_cut_and_say_so(void **state)
{
	enum { STOPS = 5000 };
	struct drawn *drawn = *state;
	static char why[] = "why";
	struct report_stop *stops = calloc(STOPS, sizeof *stops);
	for (size_t i = 0; i < STOPS; i++)
		stops[i] = (struct report_stop){ why, why, 1, 2 };
	drawn->report.stops = stops;
	drawn->report.stop_count = STOPS;
	render_html(&drawn->report, &drawn->buf);
	assert_int_equal(count_of(drawn->buf.text, "<td class=\"w\">why</td>"), 200);
	assert_non_null(strstr(drawn->buf.text, "4800 more older stops are left out here"));
	free(stops);
}

int main(void)
{
#define DRAWN(name) cmocka_unit_test_setup_teardown(name, drawn_setup, drawn_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_never_become_markup),
		cmocka_unit_test(numbers_are_as_printf_has_them),
		cmocka_unit_test(durations_are_in_units_that_tell_something),
		cmocka_unit_test(every_outcome_has_its_own_look),
		DRAWN(bars_are_as_high_as_their_numbers),
		DRAWN(many_periods_share_bars_and_none_is_lost),
		DRAWN(the_pareto_ends_at_all_of_them),
		DRAWN(a_map_of_thousands_keeps_what_needs_a_look),
		DRAWN(colours_of_slots_change_where_the_legend_says),
		DRAWN(an_empty_report_draws_nothing),
		DRAWN(tables_are_cut_and_say_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
