/* SPDX-License-Identifier: Apache-2.0 */
#include "html.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "render.h"
#include "scope.h"

/* --- text and markup --- */

static const char *entity(char byte)
{
	switch (byte) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static void add_text(struct text_buf *to, const char *text)
{
	SCOPED_FREE char *clean = render_clean(text);
	if (!clean) {
		to->failed = true;
		return;
	}
	for (const char *at = clean; *at;) {
		size_t plain = strcspn(at, "&<>\"'");
		text_buf_add(to, at, plain);
		at += plain;
		if (*at) {
			const char *escaped = entity(*at++);
			text_buf_add(to, escaped, strlen(escaped));
		}
	}
}

/* One conversion; at stands behind its '%'. Gives what is behind it. */
static const char *add_one(struct text_buf *to, const char *at, va_list *args)
{
	int precision = 6;
	if (at[0] == '.' && isdigit((unsigned char)at[1])) {
		precision = at[1] - '0';
		at += 2;
	}
	if (*at == '%')
		text_buf_add(to, "%", 1);
	else if (*at == 's')
		add_text(to, va_arg(*args, const char *));
	else if (*at == 'd')
		text_buf_addf(to, "%d", va_arg(*args, int));
	else if (*at == 'u')
		text_buf_addf(to, "%u", va_arg(*args, unsigned));
	else if (*at == 'f')
		text_buf_addf(to, "%.*f", precision, va_arg(*args, double));
	else if (strncmp(at, "zu", 2) == 0)
		text_buf_addf(to, "%zu", va_arg(*args, size_t));
	else if (strncmp(at, "ld", 2) == 0)
		text_buf_addf(to, "%ld", va_arg(*args, long));
	else if (strncmp(at, "lld", 3) == 0)
		text_buf_addf(to, "%lld", va_arg(*args, long long));
	else
		to->failed = true;
	at += strspn(at, "lz");
	return *at ? at + 1 : at;
}

void html_addf(struct text_buf *to, const char *markup, ...)
{
	va_list args;
	va_start(args, markup);
	while (*markup) {
		size_t plain = strcspn(markup, "%");
		text_buf_add(to, markup, plain);
		markup += plain;
		if (*markup)
			markup = add_one(to, markup + 1, &args);
	}
	va_end(args);
}

/* --- the page --- */

/* What must not be told by colour alone has a pattern; defined once, for all drawings. */
static const char patterns[] =
	"<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\n"
	"<pattern id=\"h-held\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
	"<rect class=\"b-held\" width=\"6\" height=\"6\"/><circle class=\"k\" cx=\"3\" cy=\"3\" "
	"r=\"1.2\"/></pattern>\n"
	"<pattern id=\"h-fail\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
	"patternTransform=\"rotate(45)\"><rect class=\"b-fail\" width=\"6\" height=\"6\"/>"
	"<rect class=\"k\" width=\"2\" height=\"6\"/></pattern>\n"
	"<pattern id=\"h-refused\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
	"patternTransform=\"rotate(-45)\"><rect class=\"b-refused\" width=\"6\" height=\"6\"/>"
	"<rect class=\"k\" width=\"2\" height=\"6\"/></pattern>\n"
	"<pattern id=\"h-aborted\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
	"<rect class=\"b-aborted\" width=\"6\" height=\"6\"/><rect class=\"k\" width=\"6\" "
	"height=\"2\"/></pattern>\n"
	"<pattern id=\"h-interrupted\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
	"<rect class=\"b-interrupted\" width=\"6\" height=\"6\"/><rect class=\"k\" width=\"2\" "
	"height=\"6\"/></pattern>\n"
	"</defs></svg>\n";

void html_begin(struct text_buf *to, const char *what, const char *about)
{
	html_addf(to,
		"<!DOCTYPE html>\n"
		"<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
		"<meta charset=\"utf-8\"/>\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
		"<meta name=\"color-scheme\" content=\"light dark\"/>\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'unsafe-inline'\"/>\n"
		"<title>%s: %s</title>\n<style>\n",
		what, about);
	text_buf_add(to, html_style, strlen(html_style));
	html_addf(to, "</style>\n</head>\n<body>\n");
	text_buf_add(to, patterns, sizeof patterns - 1);
	html_addf(to, "<header>\n<p class=\"kind\">%s</p>\n<h1>%s</h1>\n", what, about);
}

/* "CET, UTC+0100": what the times of the page mean. */
static void zone_of(int64_t utc_ms, char to[64])
{
	time_t seconds = (time_t)(utc_ms / 1000);
	struct tm local;
	if (!localtime_r(&seconds, &local) || !strftime(to, 64, "%Z, UTC%z", &local))
		snprintf(to, 64, "local");
}

void html_origin(struct text_buf *to, const char *station_id, int64_t made_at, bool virtual_line,
	const char *state)
{
	char at[40], zone[64];
	render_moment(made_at, at);
	zone_of(made_at, zone);
	html_addf(to, "<p class=\"origin\">");
	if (station_id)
		html_addf(to, "Station <b>%s</b> · ", station_id);
	html_addf(to, "made %s · local times (%s)", at, zone);
	if (state)
		html_addf(to, " · <b>%s</b>", state);
	html_addf(to, "</p>\n");
	if (virtual_line)
		html_addf(to,
			"<p class=\"loud\" id=\"rehearsal\">A REHEARSAL on virtual units: no real "
			"unit was made.</p>\n");
	html_addf(to, "</header>\n<main>\n");
}

void html_seal(struct text_buf *to, const struct record_head *head)
{
	html_section(to, "seal", "Seal");
	if (!head->seq)
		html_addf(to, "<p>Nothing is sealed yet.</p>\n");
	else
		html_addf(to,
			"<p>The newest seal of this record when the page was made:</p>\n"
			"<p class=\"sealed\">seal <b id=\"seal-seq\">%" PRId64
			"</b> <code id=\"seal-hash\">%s</code></p>\n"
			"<p>Whoever keeps this line can check later that nothing up to it was changed or "
			"cut off: save it in a file and run <code>station audit --anchor FILE</code>. "
			"How a seal is computed stands in <code>docs/database.md</code>.</p>\n",
			head->seq, head->hash);
	html_section_end(to);
}

void html_end(struct text_buf *to)
{
	html_addf(to,
		"</main>\n<footer><p>Process records of this station; it claims no traceability "
		"level. Made by station; definitions: <code>docs/figures.md</code>.</p></footer>\n"
		"</body>\n</html>\n");
}

/* --- parts --- */

void html_section(struct text_buf *to, const char *id, const char *title)
{
	html_addf(to, "<section id=\"%s\" aria-labelledby=\"%s-h\">\n<h2 id=\"%s-h\">%s</h2>\n", id,
		id, id, title);
}

void html_section_end(struct text_buf *to)
{
	html_addf(to, "</section>\n");
}

void html_table(struct text_buf *to, const char *id, const char *caption, const char *columns)
{
	html_addf(to,
		"<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"%s-c\">\n"
		"<table id=\"%s\"><caption id=\"%s-c\">%s</caption>\n<thead><tr>",
		id, id, id, caption);
	for (const char *at = columns; *at;) {
		bool number = *at == '#';
		char name[64];
		at += number;
		size_t len = strcspn(at, "|");
		snprintf(name, sizeof name, "%.*s", (int)len, at);
		at += len + (at[len] != 0);
		html_addf(to,
			number ? "<th scope=\"col\" class=\"n\">%s</th>"
			       : "<th scope=\"col\">%s</th>",
			name);
	}
	html_addf(to, "</tr></thead>\n<tbody>\n");
}

void html_table_end(struct text_buf *to)
{
	html_addf(to, "</tbody></table>\n</div>\n");
}

void html_left_out(struct text_buf *to, size_t count, const char *of)
{
	if (count)
		html_addf(to,
			"<p class=\"cut\">%zu more %s are left out here; "
			"<code>--format json</code> holds all.</p>\n",
			count, of);
}

const char *html_outcome_class(const char *name)
{
	static const char *const classes[OUTCOME_COUNT] = { "o-open", "o-pass", "o-held", "o-fail",
		"o-skipped", "o-refused", "o-aborted", "o-interrupted" };
	if (!name)
		return classes[OUTCOME_NONE];
	for (unsigned i = 1; i < OUTCOME_COUNT; i++)
		if (strcmp(name, outcome_name((enum outcome)i)) == 0)
			return classes[i];
	return "o-other";
}

void html_outcome(struct text_buf *to, const char *name)
{
	html_addf(to, "<span class=\"o %s\">%s</span>", html_outcome_class(name),
		name ? name : "in work");
}
