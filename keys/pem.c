/* SPDX-License-Identifier: Apache-2.0 */
/* Only public keys come by here. */
#include <ctype.h>
#include <string.h>

#include <openssl/evp.h>

#include "spki.h"

static const char begin_any[] = "-----BEGIN ";
static const char begin_line[] = "-----BEGIN PUBLIC KEY-----";
static const char end_line[] = "-----END PUBLIC KEY-----";

enum { PEM_LINE = 64, BASE64_MAX = (KEY_SPKI_MAX + 2) / 3 * 4 };

static char *put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	to[len] = '\n';
	return to + len + 1;
}

bool pem_write(const uint8_t *der, size_t len, char to[KEY_PEM_MAX])
{
	if (len > KEY_SPKI_MAX)
		return false;
	char base64[BASE64_MAX + 1];
	size_t left = (size_t)EVP_EncodeBlock((unsigned char *)base64, der, (int)len);
	size_t lines = (left + PEM_LINE - 1) / PEM_LINE;
	if (sizeof begin_line + left + lines + sizeof end_line + 1 > KEY_PEM_MAX)
		return false;
	to = put(to, begin_line, sizeof begin_line - 1);
	for (const char *from = base64; left;) {
		size_t line = left < PEM_LINE ? left : PEM_LINE;
		to = put(to, from, line);
		from += line;
		left -= line;
	}
	to = put(to, end_line, sizeof end_line - 1);
	*to = 0;
	return true;
}

static const char *find(const char *in, size_t len, const char *what)
{
	return memmem(in, len, what, strlen(what));
}

/* The base64 between the two lines, without white space. */
static bool collect(const char *from, size_t len, char to[BASE64_MAX + 1], size_t *ret_len)
{
	size_t count = 0, equals = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)from[i];
		if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
			continue;
		if (c == '=')
			equals++;
		else if (equals || c > 127 || !(isalnum(c) || c == '+' || c == '/'))
			return false;
		if (count == BASE64_MAX)
			return false;
		to[count++] = (char)c;
	}
	to[count] = 0;
	*ret_len = count;
	return count && count % 4 == 0 && equals <= 2;
}

/* EVP_DecodeBlock counts the bytes of the padding as zeros. */
static bool decode(const char *base64, size_t len, uint8_t to[KEY_SPKI_MAX], size_t *ret_len)
{
	uint8_t bytes[BASE64_MAX / 4 * 3];
	int got = EVP_DecodeBlock(bytes, (const unsigned char *)base64, (int)len);
	size_t equals = (size_t)(base64[len - 1] == '=') + (size_t)(base64[len - 2] == '=');
	if (got < 3 || (size_t)got - equals > KEY_SPKI_MAX)
		return false;
	*ret_len = (size_t)got - equals;
	memcpy(to, bytes, *ret_len);
	return true;
}

bool pem_read(
	const char *pem, size_t len, uint8_t to[KEY_SPKI_MAX], size_t *ret_len, struct err *err)
{
	const char *begin = find(pem, len, begin_any);
	if (!begin)
		return err_set(err, REASON_INPUT, "no PEM block in these %zu bytes", len);
	size_t left = len - (size_t)(begin - pem);
	if (find(begin, left, begin_line) != begin)
		return err_set(err, REASON_INPUT,
			"the PEM block is not a PUBLIC KEY; make one with: openssl pkey -pubout");
	const char *from = begin + sizeof begin_line - 1;
	left -= sizeof begin_line - 1;
	const char *end = find(from, left, end_line);
	if (!end)
		return err_set(err, REASON_INPUT, "the PEM block has no end");
	left -= (size_t)(end - from);
	if (find(end, left, begin_any))
		return err_set(err, REASON_INPUT, "more than one PEM block, one key is wanted");
	char base64[BASE64_MAX + 1];
	size_t count = 0;
	if (!collect(from, (size_t)(end - from), base64, &count) ||
		!decode(base64, count, to, ret_len))
		return err_set(
			err, REASON_INPUT, "the PEM block is damaged or too long for a public key");
	return true;
}
