/* SPDX-License-Identifier: Apache-2.0 */
/* What a command tells a program: one JSON object on each line. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct json_t; /* jansson */

/* A string; null for "". A new reference. */
struct json_t *cmd_json_text(const char *text);
/* The object on a line of its own, flushed; takes the reference. False, and nothing is printed, for
 * NULL: jansson takes UTF-8 only. False also if it could not be written. */
bool cmd_json_line(FILE *to, struct json_t *object);
