/* SPDX-License-Identifier: Apache-2.0 */
/* A flag that ends waits. Whoever waits looks at it at least every CANCEL_POLL_MS; a NULL pointer
 * is never set. Any thread, and from a signal handler. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

enum { CANCEL_POLL_MS = 20 };

struct cancel {
	atomic_bool on;
};

void cancel_set(struct cancel *cancel);
bool cancel_is_set(const struct cancel *cancel);
