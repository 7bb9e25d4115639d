/* SPDX-License-Identifier: Apache-2.0 */
#include "cancel.h"

#include <stddef.h>

void cancel_set(struct cancel *cancel)
{
	atomic_store_explicit(&cancel->on, true, memory_order_release);
}

bool cancel_is_set(const struct cancel *cancel)
{
	return cancel != NULL && atomic_load_explicit(&cancel->on, memory_order_acquire);
}
