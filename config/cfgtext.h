/* SPDX-License-Identifier: Apache-2.0 */
/* Finds places in a text that was parsed before (cfgfile.h), so that a value can be changed in it
 * and the rest stays as its author wrote it. libconfig cannot: it forgets comments and layout.
 * Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum cfgtext_kind { CFGTEXT_END, CFGTEXT_NAME, CFGTEXT_STRING, CFGTEXT_SIGN, CFGTEXT_OTHER };

/* Its bytes are [at, end) of the text. */
struct cfgtext_token {
	enum cfgtext_kind kind;
	size_t at, end;
};

struct cfgtext {
	const char *text;
	size_t len, at;
};

/* The next token; blanks and comments are none. */
struct cfgtext_token cfgtext_next(struct cfgtext *scanner);
bool cfgtext_is(const struct cfgtext *scanner, struct cfgtext_token token, const char *text);
/* A bracket or a separator of these. */
bool cfgtext_is_one_of(
	const struct cfgtext *scanner, struct cfgtext_token token, const char *signs);
/* Goes behind the bracket that ends what the scanner is in. */
void cfgtext_skip_bracket(struct cfgtext *scanner);
/* Goes behind the opening bracket of the value of a setting with this name in the group that the
 * scanner is in; false if there is none, and the scanner is then behind the end of that group. */
bool cfgtext_enter(struct cfgtext *scanner, const char *name, const char *bracket);
/* Where the line of at begins, if only blanks stand before it. */
bool cfgtext_stands_first(const char *text, size_t at, size_t *ret_line_at);
