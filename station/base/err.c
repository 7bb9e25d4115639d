/* SPDX-License-Identifier: Apache-2.0 */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool err_set(struct err *err, enum reason reason, const char *format, ...)
{
	va_list args;
	err->reason = reason;
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	return false;
}

bool err_at(struct err *err, const char *format, ...)
{
	char before[ERR_TEXT_MAX];
	memcpy(before, err->text, sizeof before);
	va_list args;
	va_start(args, format);
	int written = vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	size_t used = written < 0 ? 0 : (size_t)written;
	if (used < sizeof err->text)
		snprintf(err->text + used, sizeof err->text - used, ": %s", before);
	return false;
}

bool err_sys(struct err *err, enum reason reason, int errno_value, const char *format, ...)
{
	char what[128];
	/* GNU strerror_r: the text may be elsewhere than in the buffer. */
	const char *text = strerror_r(errno_value, what, sizeof what);
	err->reason = reason;
	va_list args;
	va_start(args, format);
	int written = vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	size_t used = written < 0 ? 0 : (size_t)written;
	if (used < sizeof err->text)
		snprintf(err->text + used, sizeof err->text - used, ": %s", text);
	return false;
}

void err_clear(struct err *err)
{
	err->reason = REASON_NONE;
	err->text[0] = 0;
}
