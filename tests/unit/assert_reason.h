/* SPDX-License-Identifier: Apache-2.0 */
/* Fails the test, with what it says, unless an error is of this reason. Behind cmocka.h. */
#pragma once

#include "err.h"

static inline void assert_reason(const struct err *err, enum reason reason)
{
	if (err->reason != reason)
		fail_msg("%s: %s", reason_info(err->reason)->code, err->text);
}
