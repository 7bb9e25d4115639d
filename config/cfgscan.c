/* SPDX-License-Identifier: Apache-2.0 */
#include "cfgscan.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SHOWN_MAX = 40 };

enum token { TOKEN_END, TOKEN_NAME, TOKEN_STRING, TOKEN_NUMBER, TOKEN_MARK };

struct scan {
	const char *path;
	const char *at, *end; /* *end is NUL */
	unsigned line;
	/* The token that was read last. */
	enum token token;
	const char *start;
	size_t len;
	unsigned token_line;
	unsigned depth;
	struct err *err;
};

static bool scan_fail(const struct scan *scan, unsigned line, const char *what)
{
	return err_set(scan->err, REASON_INPUT, "%s:%u: %s", scan->path, line, what);
}

static bool token_fail(const struct scan *scan, const char *what)
{
	if (scan->token == TOKEN_END)
		return err_set(scan->err, REASON_INPUT, "%s:%u: the file ends here; %s", scan->path,
			scan->token_line, what);
	return err_set(scan->err, REASON_INPUT, "%s:%u: at %.*s: %s", scan->path, scan->token_line,
		(int)(scan->len < SHOWN_MAX ? scan->len : SHOWN_MAX), scan->start, what);
}

/* Bytes of the UTF-8 character at s (Unicode 15, table 3-7); 0 if it is none. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;
	if (!len || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

/* Names and titles go on into the database, JSON and terminals. */
static bool check_bytes(const struct scan *scan, const char *text, size_t len)
{
	unsigned line = 1;
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)text[i];
		bool line_end = c == '\r' && i + 1 < len && text[i + 1] == '\n';
		if ((c < ' ' && c != '\n' && c != '\t' && !line_end) || c == 0x7f)
			return scan_fail(scan, line, c ? "a control character" : "a NUL character");
		size_t step = utf8_len((const unsigned char *)text + i, len - i);
		if (!step)
			return scan_fail(scan, line, "not UTF-8 text");
		line += c == '\n';
		i += step;
	}
	return true;
}

static bool skip_block_comment(struct scan *scan)
{
	unsigned line = scan->line;
	for (scan->at += 2; scan->at < scan->end; scan->at++) {
		scan->line += *scan->at == '\n';
		if (scan->at[0] == '*' && scan->at[1] == '/') {
			scan->at += 2;
			return true;
		}
	}
	return scan_fail(scan, line, "this comment is not closed");
}

static bool skip_blanks(struct scan *scan)
{
	for (;;) {
		char c = *scan->at;
		if (c == '\n' || c == ' ' || c == '\t' || c == '\r') {
			scan->line += c == '\n';
			scan->at++;
		} else if (c == '#' || (c == '/' && scan->at[1] == '/')) {
			scan->at += strcspn(scan->at, "\n");
		} else if (c == '/' && scan->at[1] == '*') {
			if (!skip_block_comment(scan))
				return false;
		} else {
			return true;
		}
	}
}

static bool read_string(struct scan *scan)
{
	for (scan->at++; *scan->at != '"'; scan->at++) {
		if (scan->at >= scan->end || *scan->at == '\n')
			return scan_fail(scan, scan->line, "this string is not closed on its line");
		if (*scan->at == '\t' || *scan->at == '\r')
			return scan_fail(scan, scan->line, "a control character in a string");
		if (*scan->at != '\\')
			continue;
		scan->at++;
		if (*scan->at != '\\' && *scan->at != '"')
			return scan_fail(scan, scan->line,
				"only \\\\ and \\\" may follow a backslash in a string");
	}
	scan->at++;
	return true;
}

static bool is_float(const char *text)
{
	text += *text == '-';
	size_t whole = strspn(text, "0123456789");
	text += whole;
	if (!whole)
		return false;
	if (*text == '.') {
		size_t part = strspn(++text, "0123456789");
		text += part;
		if (!part)
			return false;
	} else if (*text != 'e' && *text != 'E') {
		return false;
	}
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '-' || *text == '+';
		size_t power = strspn(text, "0123456789");
		text += power;
		if (!power)
			return false;
	}
	return !*text;
}

/* libconfig reads a number without L as int and one with L as long long, and does not say when it
 * does not fit. */
static bool check_number(const struct scan *scan)
{
	char text[SHOWN_MAX + 1];
	if (scan->len > SHOWN_MAX)
		return token_fail(scan, "a number of more than 40 characters");
	memcpy(text, scan->start, scan->len);
	text[scan->len] = 0;
	if (is_float(text))
		return true;
	bool negative = text[0] == '-';
	const char *digits = text + negative;
	bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	if (hex)
		digits += 2;
	size_t count = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
	bool wide = strcmp(digits + count, "L") == 0 || strcmp(digits + count, "LL") == 0;
	if (!count || (!wide && digits[count]) || (hex && negative))
		return token_fail(scan, "not a number; 10, -10, 0x1f00, 0x80000000L and 0.5 are");
	if (!hex && count > 1 && digits[0] == '0')
		return token_fail(scan, "a number with leading zeros; write it without them");
	errno = 0;
	unsigned long long value = strtoull(digits, NULL, hex ? 16 : 10);
	if (errno || value > INT64_MAX)
		return token_fail(scan, "the number does not fit 63 bits");
	if (!wide && value > INT32_MAX)
		return token_fail(scan, "the number does not fit 31 bits; append an L to it");
	return true;
}

static bool read_word(struct scan *scan)
{
	bool number = *scan->at != '*' && !isalpha((unsigned char)*scan->at);
	while (isalnum((unsigned char)*scan->at) || (*scan->at && strchr("-+._", *scan->at)))
		scan->at++;
	scan->len = (size_t)(scan->at - scan->start);
	if (number) {
		scan->token = TOKEN_NUMBER;
		return check_number(scan);
	}
	scan->token = TOKEN_NAME;
	if (memchr(scan->start, '.', scan->len) || memchr(scan->start, '+', scan->len))
		return token_fail(scan, "a name has letters, digits, '-' and '_'");
	return true;
}

static bool next_token(struct scan *scan)
{
	if (!skip_blanks(scan))
		return false;
	scan->start = scan->at;
	scan->token_line = scan->line;
	scan->len = 1;
	char c = *scan->at;
	if (scan->at >= scan->end) {
		scan->token = TOKEN_END;
		return true;
	}
	if (c == '"') {
		scan->token = TOKEN_STRING;
		bool ok = read_string(scan);
		scan->len = (size_t)(scan->at - scan->start);
		return ok;
	}
	if (isalnum((unsigned char)c) || c == '-' || c == '+' || c == '.')
		return read_word(scan);
	scan->token = TOKEN_MARK;
	if (c == '@')
		return token_fail(scan, "@include is not allowed: the record keeps this file only");
	if (!strchr("=:;,{}()[]", c))
		return token_fail(scan, "this character has no meaning here");
	scan->at++;
	return true;
}

static bool at_mark(const struct scan *scan, char mark)
{
	return scan->token == TOKEN_MARK && *scan->start == mark;
}

static bool at_bool(const struct scan *scan)
{
	return scan->token == TOKEN_NAME &&
	       ((scan->len == 4 && strncasecmp(scan->start, "true", 4) == 0) ||
		       (scan->len == 5 && strncasecmp(scan->start, "false", 5) == 0));
}

static bool at_scalar(const struct scan *scan)
{
	return scan->token == TOKEN_STRING || scan->token == TOKEN_NUMBER || at_bool(scan);
}

static bool check_value(struct scan *scan);

static bool check_settings(struct scan *scan)
{
	while (scan->token == TOKEN_NAME && !at_bool(scan)) {
		if (!next_token(scan))
			return false;
		if (!at_mark(scan, '=') && !at_mark(scan, ':'))
			return token_fail(scan, "expected '=' behind the name");
		if (!next_token(scan) || !check_value(scan))
			return false;
		if ((at_mark(scan, ';') || at_mark(scan, ',')) && !next_token(scan))
			return false;
	}
	return true;
}

/* "(1, 2)" or "[1, 2]"; the opening mark was read. */
static bool check_entries(struct scan *scan, char close, bool scalars)
{
	if (at_mark(scan, close))
		return true;
	for (;;) {
		if (scalars && !at_scalar(scan))
			return token_fail(scan,
				"[ ] holds only strings, numbers or true and false; lists are ( )");
		if (!check_value(scan))
			return false;
		if (!at_mark(scan, ','))
			return true;
		if (!next_token(scan))
			return false;
		if (at_mark(scan, close))
			return token_fail(scan, "remove the comma before it");
	}
}

static bool check_nested(struct scan *scan)
{
	char open = *scan->start, close = (char)(open == '{' ? '}' : open == '(' ? ')' : ']');
	unsigned line = scan->token_line;
	if (++scan->depth > CFGSCAN_DEPTH_MAX)
		return token_fail(scan, "groups and lists are nested too deeply");
	if (!next_token(scan))
		return false;
	if (open == '{' ? !check_settings(scan) : !check_entries(scan, close, open == '['))
		return false;
	if (!at_mark(scan, close)) {
		if (!token_fail(scan, open == '{' ? "expected a name, ';' or '}'"
						  : "expected ',' or the end of the list"))
			return err_at(scan->err, "%s:%u: in what opens here", scan->path, line);
	}
	scan->depth--;
	return next_token(scan);
}

/* Leaves the token behind the value. */
static bool check_value(struct scan *scan)
{
	if (at_scalar(scan)) {
		bool string = scan->token == TOKEN_STRING;
		if (!next_token(scan))
			return false;
		if (string && scan->token == TOKEN_STRING)
			return token_fail(
				scan, "two strings in a row; join them, or separate them");
		return true;
	}
	if (at_mark(scan, '{') || at_mark(scan, '(') || at_mark(scan, '['))
		return check_nested(scan);
	return token_fail(scan,
		"expected a value: \"text\" in quotes, a number, true, false, { }, ( ) or [ ]");
}

bool cfgscan_check(const char *path, const char *text, size_t len, struct err *err)
{
	struct scan scan = { .path = path, .at = text, .end = text + len, .line = 1, .err = err };
	if (!check_bytes(&scan, text, len))
		return false;
	if (!next_token(&scan) || !check_settings(&scan))
		return false;
	if (scan.token != TOKEN_END)
		return token_fail(&scan, "expected a name");
	return true;
}
