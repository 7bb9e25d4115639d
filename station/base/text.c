/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool text_copy(char *to, size_t cap, const char *from)
{
	size_t len = strlen(from);
	if (len >= cap) {
		to[0] = 0;
		return false;
	}
	memcpy(to, from, len + 1);
	return true;
}

bool text_format(char *to, size_t cap, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int written = vsnprintf(to, cap, format, args);
	va_end(args);
	return written >= 0 && (size_t)written < cap;
}

size_t text_utf8_len(const char *from)
{
	const unsigned char *text = (const unsigned char *)from;
	unsigned char first = text[0];
	size_t len = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if ((first >= 0x80 && first < 0xc2) || first > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (first == 0xe0 && text[1] < 0xa0) || (first == 0xf0 && text[1] < 0x90),
	     surrogate = first == 0xed && text[1] > 0x9f, beyond = first == 0xf4 && text[1] > 0x8f;
	return overlong || surrogate || beyond ? 0 : len;
}

void text_make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void text_buf_init(struct text_buf *buf, size_t cap)
{
	*buf = (struct text_buf){ .cap = cap };
}

void text_buf_done(struct text_buf *buf)
{
	free(buf->text);
	*buf = (struct text_buf){ 0 };
}

static bool text_buf_reserve(struct text_buf *buf, size_t more)
{
	if (buf->failed || more > buf->cap - buf->len) {
		buf->failed = true;
		return false;
	}
	size_t need = buf->len + more + 1;
	if (need <= buf->room)
		return true;
	size_t room = buf->room ? buf->room : 128;
	while (room < need)
		room *= 2;
	char *text = realloc(buf->text, room);
	if (!text) {
		buf->failed = true;
		return false;
	}
	buf->text = text;
	buf->room = room;
	return true;
}

void text_buf_add(struct text_buf *buf, const char *bytes, size_t len)
{
	if (!text_buf_reserve(buf, len))
		return;
	memcpy(buf->text + buf->len, bytes, len);
	buf->len += len;
	buf->text[buf->len] = 0;
}

char *text_buf_room(struct text_buf *buf, size_t len)
{
	return text_buf_reserve(buf, len) ? buf->text + buf->len : NULL;
}

void text_buf_took(struct text_buf *buf, const char *end)
{
	buf->len = (size_t)(end - buf->text);
	buf->text[buf->len] = 0;
}

void text_buf_addf(struct text_buf *buf, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		buf->failed = true;
	else if (text_buf_reserve(buf, (size_t)len)) {
		vsnprintf(buf->text + buf->len, (size_t)len + 1, format, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}
