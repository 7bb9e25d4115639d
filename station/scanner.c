/* SPDX-License-Identifier: Apache-2.0 */
#include "scanner.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cancel.h"
#include "text.h"

enum { LINE_MAX_LEN = 256, POLL_MS = 100 };

struct scanner {
	int fd;
	const char *command; /* for messages */
	struct line *line;
	struct cancel stop;
	pthread_t thread;
};

static void take_line(struct scanner *scanner, char *text)
{
	struct err err;
	char *rest = NULL;
	const char *slot = strtok_r(text, " \t\r", &rest);
	const char *id = slot ? strtok_r(NULL, " \t\r", &rest) : NULL;
	if (!slot)
		return;
	bool good = id ? line_scan(scanner->line, slot, id, &err)
		       : line_confirm(scanner->line, slot, &err);
	if (!good)
		fprintf(stderr, "station %s: typed or scanned line: %s\n", scanner->command,
			err.text);
}

/* Splits what came into lines; a line that is too long is dropped whole. */
static void take_bytes(
	struct scanner *scanner, char *line, size_t *used, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '\n') {
			if (*used < LINE_MAX_LEN)
				line[(*used)++] = bytes[i];
			continue;
		}
		if (*used < LINE_MAX_LEN) {
			line[*used] = 0;
			take_line(scanner, line);
		}
		*used = 0;
	}
}

static void *scan(void *context)
{
	struct scanner *scanner = context;
	char line[LINE_MAX_LEN + 1];
	size_t used = 0;
	while (!cancel_is_set(&scanner->stop)) {
		struct pollfd ready = { .fd = scanner->fd, .events = POLLIN };
		char bytes[256];
		if (poll(&ready, 1, POLL_MS) <= 0)
			continue;
		ssize_t got = read(scanner->fd, bytes, sizeof bytes);
		if (got <= 0)
			break;
		take_bytes(scanner, line, &used, bytes, (size_t)got);
	}
	line_confirm_nobody(scanner->line);
	return NULL;
}

bool scanner_start(
	int fd, const char *command, struct line *line, struct scanner **ret, struct err *err)
{
	struct scanner *scanner = calloc(1, sizeof *scanner);
	if (!scanner)
		return err_set(err, REASON_STATION, "no memory for the scanner");
	scanner->fd = fd;
	scanner->command = command;
	scanner->line = line;
	if (pthread_create(&scanner->thread, NULL, scan, scanner) != 0) {
		free(scanner);
		return err_set(err, REASON_STATION, "cannot start the scanner's thread");
	}
	*ret = scanner;
	return true;
}

void scanner_stop(struct scanner *scanner)
{
	if (!scanner)
		return;
	cancel_set(&scanner->stop);
	pthread_join(scanner->thread, NULL);
	free(scanner);
}
