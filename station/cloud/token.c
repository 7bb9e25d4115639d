/* SPDX-License-Identifier: Apache-2.0 */
#include "token.h"

#include <string.h>

#include "fs.h"
#include "secret.h"
#include "text.h"

enum { TOKEN_MAX = 3000, RUN_MIN = 8, QUOTE_LOOK = 1024 };

static const char prefix[] = "Authorization: Bearer ";

struct token {
	size_t len;
	char header[sizeof prefix + TOKEN_MAX]; /* with the token at its end */
};

static const char *token_text(const struct token *token)
{
	return token->header + sizeof prefix - 1;
}

static size_t without_line_ends(const char *text, size_t len)
{
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	return len;
}

static bool is_visible(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return len > 0;
}

bool token_read(const char *path, struct token **ret, struct err *err)
{
	if (!path[0]) {
		*ret = NULL;
		return true;
	}
	SCOPED_SECRET void *bytes = NULL;
	size_t len;
	if (!fs_read_secret(path, TOKEN_MAX, &bytes, &len, err))
		return false;
	len = without_line_ends(bytes, len);
	if (!is_visible(bytes, len))
		return err_set(err, REASON_INPUT,
			"%s holds no token: one line of printable characters without blanks is "
			"wanted",
			path);
	struct token *token = secret_alloc(sizeof *token, err);
	if (!token)
		return false;
	token->len = len;
	memcpy(token->header, prefix, sizeof prefix - 1);
	memcpy(token->header + sizeof prefix - 1, bytes, len);
	*ret = token;
	return true;
}

void token_free(struct token *token)
{
	secret_free(token);
}

char *token_header(struct token *token)
{
	return token->header;
}

static void mask(const struct token *token, char *text, size_t len)
{
	size_t run = token->len < RUN_MIN ? token->len : RUN_MIN;
	char marks[QUOTE_LOOK] = { 0 };
	for (size_t i = 0; i + run <= len; i++)
		if (memmem(token_text(token), token->len, text + i, run))
			memset(marks + i, 1, run);
	for (size_t i = 0; i < len; i++)
		if (marks[i])
			text[i] = '*';
}

void token_quote(const struct token *token, const char *from, size_t len, char *to, size_t cap)
{
	/* More is masked than is kept, so that a token which the end cuts is masked too. */
	char look[QUOTE_LOOK + 1];
	if (len > QUOTE_LOOK)
		len = QUOTE_LOOK;
	memcpy(look, from, len);
	if (token)
		mask(token, look, len);
	size_t keep = len < cap - 1 ? len : cap - 1;
	for (size_t i = 0; i < keep; i++)
		to[i] = look[i] ? look[i] : '?';
	to[keep] = 0;
	text_make_printable(to);
	secret_wipe(look, sizeof look);
}
