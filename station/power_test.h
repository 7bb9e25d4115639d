/* SPDX-License-Identifier: Apache-2.0 */
/* station slots --power-test: does the power of the slots' ports really go off? */
#pragma once

#include <stddef.h>

#include "config.h"

/* Tries the named slots, or all (count 0), one after the other; whatever hangs there is restarted.
 * Refuses while a line runs on the config's state folder. Prints; returns the exit status. */
int power_test(const struct config *config, char *const *names, size_t count);
