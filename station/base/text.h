/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded text: a buffer that says when something did not fit, and a growing one with a cap. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* Copies with the closing NUL; false (and to = "") if it does not fit. cap >= 1. */
bool text_copy(char *to, size_t cap, const char *from) MUST_CHECK;
/* snprintf that says whether all of it fitted; on false the text is cut. */
bool text_format(char *to, size_t cap, const char *format, ...) PRINTF_LIKE(3, 4) MUST_CHECK;
/* Length of the well-formed UTF-8 sequence (RFC 3629) at text, which ends with a NUL; 0: it is none. */
size_t text_utf8_len(const char *text);
/* Replaces everything but printable ASCII by '?', in place: for what a device or a server sent. */
void text_make_printable(char *text);

/* A growing text. Zero-initialise; text_buf_done frees. Past cap (bytes, chosen by the caller),
 * or without memory, it stops growing and remembers that in failed. text is NULL until
 * something was added. */
struct text_buf {
	char *text;
	size_t len, room, cap;
	bool failed;
};

void text_buf_init(struct text_buf *buf, size_t cap);
void text_buf_done(struct text_buf *buf);
void text_buf_add(struct text_buf *buf, const char *bytes, size_t len);
/* Where at least len more bytes may be written, to be counted with text_buf_took; NULL if failed. */
char *text_buf_room(struct text_buf *buf, size_t len);
void text_buf_took(struct text_buf *buf, const char *end);
void text_buf_addf(struct text_buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
