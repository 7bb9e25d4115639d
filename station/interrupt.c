/* SPDX-License-Identifier: Apache-2.0 */
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>

static struct cancel once, twice;

static void on_signal(int number)
{
	(void)number;
	cancel_set(cancel_is_set(&once) ? &twice : &once);
}

void interrupt_catch(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

const struct cancel *interrupt_once(void)
{
	return &once;
}

const struct cancel *interrupt_twice(void)
{
	return &twice;
}
