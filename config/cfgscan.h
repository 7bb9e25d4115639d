/* SPDX-License-Identifier: Apache-2.0 */
/* A strict look at libconfig text before libconfig gets it. libconfig 1.5 lets pass, or changes
 * silently: integers beyond 31 bits without L (they wrap), leading zeros, \x00 and NULs in strings,
 * @include, adjacent strings (they join); unterminated strings and other broken text make it leak.
 * What passes here is UTF-8 and of the grammar
 *
 *   settings = { name ("=" | ":") value [";" | ","] }
 *   value    = string | number | true | false | "{" settings "}" | "(" [value {"," value}] ")"
 *            | "[" [scalar {"," scalar}] "]"
 *
 * with at most CFGSCAN_DEPTH_MAX levels; comments are //, # and slash-star. Strings stand on one
 * line; their only escapes are \\ and \". Private to this folder. */
#pragma once

#include <stddef.h>

#include "err.h"

enum { CFGSCAN_DEPTH_MAX = 10 };

/* text has len bytes and a NUL behind them. REASON_INPUT with "path:line: ". Pure; any thread. */
bool cfgscan_check(const char *path, const char *text, size_t len, struct err *err) MUST_CHECK;
