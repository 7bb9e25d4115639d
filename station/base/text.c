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
