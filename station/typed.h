/* SPDX-License-Identifier: Apache-2.0 */
/* A line that a person types. There is no time limit; a caught signal (interrupt.h) breaks the asking
 * off, also one that came before it. */
#pragma once

#include <stddef.h>

#include "err.h"

/* Reads to the end of the line, or of the file, and no further; to has its text, ended by NUL, and
 * the caller wipes it where that matters. False: a signal, nothing at all, or more than fits. Blocks. */
bool typed_line(int fd, char *to, size_t cap) MUST_CHECK;
