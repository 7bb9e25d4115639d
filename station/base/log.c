/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "text.h"

struct log {
	int fd;
};

bool log_open(const char *path, struct log **ret, struct err *err)
{
	struct log *log = malloc(sizeof *log);
	if (!log)
		return err_set(err, REASON_STATION, "no memory for the log");
	log->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (log->fd < 0) {
		free(log);
		return err_sys(err, REASON_STORE, errno, "cannot open the log %s", path);
	}
	*ret = log;
	return true;
}

void log_close(struct log *log)
{
	if (!log)
		return;
	close(log->fd);
	free(log);
}

void log_line(struct log *log, const char *where, const char *format, ...)
{
	if (!log)
		return;
	char text[ERR_TEXT_MAX + 64], line[sizeof text + 128], now[32];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	text_make_printable(text);
	clock_format_utc(clock_utc_ms(), now, sizeof now);
	int len = snprintf(line, sizeof line, "%s %s: %s\n", now, where, text);
	/* One write per line: O_APPEND keeps the lines of several threads whole. */
	if (len > 0 && write(log->fd, line, (size_t)len) < 0)
		return;
}
