/* SPDX-License-Identifier: Apache-2.0 */
#include "json_rows.h"

#include <string.h>

enum { NUMBER_MAX = 20, ESCAPED_MAX = 6 };

bool json_rows_init(struct json_rows *json, const struct rows *rows, struct err *err)
{
	memset(json, 0, sizeof *json);
	for (enum rows_section section = 0; section < ROWS_SECTION_COUNT; section++) {
		json->columns[section] = rows_columns(rows, section);
		for (size_t i = 0; i < json->columns[section]; i++) {
			struct json_rows_key *key = &json->keys[section][i];
			if (!text_format(key->text, sizeof key->text, "%s\"%s\":", i ? "," : "",
				    rows_column(rows, section, i)))
				return err_set(err, REASON_BUG, "the column %s is too long a name",
					rows_column(rows, section, i));
			key->len = strlen(key->text);
		}
	}
	return true;
}

static char *put_number(char *at, int64_t number)
{
	char digits[NUMBER_MAX], *from = digits + sizeof digits;
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
	do {
		*--from = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (number < 0)
		*at++ = '-';
	size_t len = (size_t)(digits + sizeof digits - from);
	return (char *)memcpy(at, from, len) + len;
}

/* What may stand in a string as it is. */
static bool plain(unsigned char byte)
{
	return byte >= ' ' && byte != '"' && byte != '\\' && byte < 0x7f;
}

/* One character that may not, or is more than a byte; *ret_taken of the text. */
static char *put_special(char *at, const char *text, size_t *ret_taken)
{
	static const char hex[] = "0123456789abcdef";
	static const char shorts[' '] = { ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };
	unsigned char byte = (unsigned char)*text;
	size_t len = text_utf8_len(text);
	*ret_taken = len ? len : 1;
	if (byte == '"' || byte == '\\' || (byte < ' ' && shorts[byte])) {
		*at++ = '\\';
		*at++ = byte < ' ' ? shorts[byte] : *text;
		return at;
	}
	if (len == 0)
		return (char *)memcpy(at, "\xef\xbf\xbd", 3) + 3;
	if (len > 1)
		return (char *)memcpy(at, text, len) + len;
	memcpy(at, "\\u00", 4);
	at[4] = hex[byte >> 4];
	at[5] = hex[byte & 15];
	return at + 6;
}

static char *put_text(char *at, const char *text, size_t len)
{
	*at++ = '"';
	for (size_t i = 0; i < len;) {
		size_t taken = 1;
		if (plain((unsigned char)text[i]))
			*at++ = text[i];
		else
			at = put_special(at, text + i, &taken);
		i += taken;
	}
	*at++ = '"';
	return at;
}

void json_rows_text(const char *text, size_t len, struct text_buf *to)
{
	char *at = text_buf_room(to, ESCAPED_MAX * len + 2);
	if (at)
		text_buf_took(to, put_text(at, text, len));
}

void json_rows_add(const struct json_rows *json, enum rows_section section,
	const struct rows_value *values, struct text_buf *to)
{
	size_t most = 0;
	for (size_t i = 0; i < json->columns[section]; i++)
		most += json->keys[section][i].len + NUMBER_MAX + 2 + ESCAPED_MAX * values[i].len;
	char *at = text_buf_room(to, most);
	if (!at)
		return;
	for (size_t i = 0; i < json->columns[section]; i++) {
		const struct json_rows_key *key = &json->keys[section][i];
		at = (char *)memcpy(at, key->text, key->len) + key->len;
		if (!values[i].known)
			at = (char *)memcpy(at, "null", 4) + 4;
		else if (values[i].text)
			at = put_text(at, values[i].text, values[i].len);
		else
			at = put_number(at, values[i].number);
	}
	text_buf_took(to, at);
}
