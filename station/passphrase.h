/* SPDX-License-Identifier: Apache-2.0 */
/* The passphrase of a key: from a file that only its owner can read, or from the terminal, where it is
 * not shown. A caught signal (interrupt.h) breaks the asking off. */
#pragma once

#include "err.h"

struct passphrase {
	const char *file;   /* NULL: the terminal */
	const char *prompt; /* "passphrase of quality.key: " */
	struct err err;     /* what is wrong with the file, or STOPPED; REASON_NONE otherwise */
};

/* An envelope_ask: its first line goes to to, which the caller wipes; -1 if there is none. */
int passphrase_ask(void *passphrase, char *to, int cap);
