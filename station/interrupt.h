/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C and SIGTERM. A signal handler has nobody to hand it anything, so this is the one place
 * with variables of its own. */
#pragma once

#include "cancel.h"

/* From now on, and until the program ends. */
void interrupt_catch(void);
/* Set by the first signal: finish what is begun. */
const struct cancel *interrupt_once(void);
/* Set by the second one: put away what is begun. */
const struct cancel *interrupt_twice(void);
