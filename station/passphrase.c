/* SPDX-License-Identifier: Apache-2.0 */
#include "passphrase.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "fs.h"
#include "interrupt.h"
#include "scope.h"
#include "secret.h"
#include "typed.h"

enum { FILE_MAX = 4096 };

static int first_line(const char *from, size_t len, char *to, int cap)
{
	size_t end = 0;
	while (end < len && from[end] != '\n' && from[end] != '\r')
		end++;
	if (end > (size_t)cap)
		return -1;
	memcpy(to, from, end);
	return (int)end;
}

static int from_file(struct passphrase *passphrase, char *to, int cap)
{
	SCOPED_SECRET void *bytes = NULL;
	size_t len;
	if (!fs_read_secret(passphrase->file, FILE_MAX, &bytes, &len, &passphrase->err))
		return -1;
	return first_line(bytes, len, to, cap);
}

/* Whoever breaks it off gets back a terminal that shows what is typed. */
static int from_terminal(struct passphrase *passphrase, char *to, int cap)
{
	struct err none;
	struct termios shown, hidden;
	SCOPED_SECRET char *line = secret_alloc(FILE_MAX, &none);
	SCOPED_FD int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (!line || tty < 0 || tcgetattr(tty, &shown) != 0)
		return -1;
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(tty, TCSAFLUSH, &hidden) != 0)
		return -1;
	dprintf(tty, "%s", passphrase->prompt);
	bool typed = typed_line(tty, line, FILE_MAX);
	dprintf(tty, "\n");
	tcsetattr(tty, TCSAFLUSH, &shown);
	if (cancel_is_set(interrupt_once()))
		err_set(&passphrase->err, REASON_STOPPED,
			"stopped while it asked for the passphrase");
	return typed ? first_line(line, strlen(line), to, cap) : -1;
}

int passphrase_ask(void *context, char *to, int cap)
{
	struct passphrase *passphrase = context;
	return passphrase->file ? from_file(passphrase, to, cap)
				: from_terminal(passphrase, to, cap);
}
