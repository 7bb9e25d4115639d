/* SPDX-License-Identifier: Apache-2.0 */
#include "cfgtext.h"

#include <ctype.h>
#include <string.h>

static bool starts_with(const struct cfgtext *scanner, const char *what)
{
	size_t len = strlen(what);
	return scanner->len - scanner->at >= len &&
	       memcmp(scanner->text + scanner->at, what, len) == 0;
}

static void skip_to(struct cfgtext *scanner, const char *what)
{
	while (scanner->at < scanner->len && !starts_with(scanner, what))
		scanner->at++;
}

static void skip_blanks(struct cfgtext *scanner)
{
	while (scanner->at < scanner->len) {
		if (starts_with(scanner, "/*")) {
			scanner->at += 2;
			skip_to(scanner, "*/");
			scanner->at += scanner->at < scanner->len ? 2 : 0;
		} else if (starts_with(scanner, "//") || starts_with(scanner, "#")) {
			skip_to(scanner, "\n");
		} else if (isspace((unsigned char)scanner->text[scanner->at])) {
			scanner->at++;
		} else {
			return;
		}
	}
}

static bool is_sign(char c)
{
	return c && strchr("{}()[]=:;,", c);
}

static bool ends_word(const struct cfgtext *scanner)
{
	char c = scanner->text[scanner->at];
	return is_sign(c) || c == '"' || c == '#' || isspace((unsigned char)c);
}

static void skip_string(struct cfgtext *scanner)
{
	scanner->at++;
	while (scanner->at < scanner->len && scanner->text[scanner->at] != '"')
		scanner->at += scanner->text[scanner->at] == '\\' && scanner->at + 1 < scanner->len
				       ? 2
				       : 1;
	scanner->at += scanner->at < scanner->len;
}

struct cfgtext_token cfgtext_next(struct cfgtext *scanner)
{
	skip_blanks(scanner);
	struct cfgtext_token token = { .kind = CFGTEXT_END, .at = scanner->at, .end = scanner->at };
	if (scanner->at >= scanner->len)
		return token;
	char c = scanner->text[scanner->at];
	if (c == '"') {
		token.kind = CFGTEXT_STRING;
		skip_string(scanner);
	} else if (is_sign(c)) {
		token.kind = CFGTEXT_SIGN;
		scanner->at++;
	} else {
		token.kind = isalpha((unsigned char)c) || c == '*' ? CFGTEXT_NAME : CFGTEXT_OTHER;
		while (scanner->at < scanner->len && !ends_word(scanner))
			scanner->at++;
	}
	token.end = scanner->at;
	return token;
}

bool cfgtext_is(const struct cfgtext *scanner, struct cfgtext_token token, const char *text)
{
	return token.end - token.at == strlen(text) &&
	       memcmp(scanner->text + token.at, text, strlen(text)) == 0;
}

bool cfgtext_is_one_of(const struct cfgtext *scanner, struct cfgtext_token token, const char *signs)
{
	return token.kind == CFGTEXT_SIGN && strchr(signs, scanner->text[token.at]);
}

void cfgtext_skip_bracket(struct cfgtext *scanner)
{
	for (unsigned depth = 1; depth;) {
		struct cfgtext_token token = cfgtext_next(scanner);
		if (token.kind == CFGTEXT_END)
			return;
		if (cfgtext_is_one_of(scanner, token, "{[("))
			depth++;
		else if (cfgtext_is_one_of(scanner, token, "}])"))
			depth--;
	}
}

bool cfgtext_enter(struct cfgtext *scanner, const char *name, const char *bracket)
{
	for (struct cfgtext_token last = { 0 };;) {
		struct cfgtext_token token = cfgtext_next(scanner);
		if (token.kind == CFGTEXT_END || cfgtext_is_one_of(scanner, token, "}])"))
			return false;
		if (token.kind == CFGTEXT_NAME)
			last = token;
		if (!cfgtext_is_one_of(scanner, token, "{[("))
			continue;
		if (cfgtext_is(scanner, last, name))
			return cfgtext_is(scanner, token, bracket);
		cfgtext_skip_bracket(scanner);
	}
}

bool cfgtext_stands_first(const char *text, size_t at, size_t *ret_line_at)
{
	size_t line_at = at;
	while (line_at > 0 && (text[line_at - 1] == ' ' || text[line_at - 1] == '\t'))
		line_at--;
	*ret_line_at = line_at;
	return line_at > 0 && text[line_at - 1] == '\n';
}
