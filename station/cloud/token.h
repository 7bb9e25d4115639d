/* SPDX-License-Identifier: Apache-2.0 */
/* The bearer token: in locked memory from its file to the Authorization header, and kept out of
 * every text that a server may have echoed it into. Const after token_read; any thread. */
#pragma once

#include <stddef.h>

#include "err.h"

struct token;

/* REASON_INPUT if the file is not there, others can read it, or what it holds is no token (RFC
 * 6750, 2.1: visible ASCII without blanks). Line ends behind the token are ignored. path "":
 * *ret is NULL, no token is sent. */
bool token_read(const char *path, struct token **ret, struct err *err) MUST_CHECK;
void token_free(struct token *token); /* takes NULL */

/* "Authorization: Bearer ...", in locked memory, valid as long as the token. Not const only
 * because libcurl's lists want it so; nobody writes to it. */
char *token_header(struct token *token);

/* Copies what a server said, for the record: at most cap - 1 characters, printable, and every
 * run of 8 or more characters that stands in the token (the whole token, if that is shorter)
 * replaced by '*'. token may be NULL. */
void token_quote(const struct token *token, const char *from, size_t len, char *to, size_t cap);
