/* SPDX-License-Identifier: Apache-2.0 */
/* What failed, where, and what the line does next.
 *
 * A function that can fail returns bool, is marked MUST_CHECK and takes a struct err as its last
 * argument (never NULL). The lowest frame says what happened with err_set; a frame above may say
 * where, once, with err_at: "A3: write-images: user at 0x080a1000: the unit refused a USB request".
 * Out-parameters (ret_...) are written only on success. The text never holds a secret. Plain
 * storage of the caller: no heap, no globals, any thread. */
#pragma once

#include <stdbool.h>

#include "reason.h"

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

enum { ERR_TEXT_MAX = 640 };

struct err {
	enum reason reason;
	char text[ERR_TEXT_MAX];
};

/* Both return false, so that a failing function ends with "return err_set(...)". */
bool err_set(struct err *err, enum reason reason, const char *format, ...) PRINTF_LIKE(3, 4);
/* Puts "where: " before the text; keeps the reason. */
bool err_at(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
/* The text of err_set with ": " and strerror(errno_value) behind it. */
bool err_sys(struct err *err, enum reason reason, int errno_value, const char *format, ...)
	PRINTF_LIKE(4, 5);

void err_clear(struct err *err);
static inline enum err_kind err_kind(const struct err *err)
{
	return reason_info(err->reason)->kind;
}
