/* SPDX-License-Identifier: Apache-2.0 */
#include "typed.h"

#include <poll.h>
#include <unistd.h>

#include "interrupt.h"

enum { LOOK_MS = 100 };

/* A signal that comes between a look at the flag and a read would leave the read waiting: so nothing waits
 * in read. */
bool typed_line(int fd, char *to, size_t cap)
{
	struct pollfd typed = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	while (len < cap && !cancel_is_set(interrupt_once())) {
		if (poll(&typed, 1, LOOK_MS) <= 0)
			continue;
		ssize_t got = read(fd, &to[len], 1);
		if (got < 0 || (got == 0 && len == 0))
			return false;
		if (got == 0 || to[len] == '\n') {
			to[len] = 0;
			return true;
		}
		len++;
	}
	return false;
}
