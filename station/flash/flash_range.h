/* SPDX-License-Identifier: Apache-2.0 */
/* The fence around a unit's memory, for the files of this folder. */
#pragma once

#include "dfu.h"

/* REASON_BUG unless [addr, addr + len) lies inside the access range of an alternate
 * setting of the profile. */
bool flash_check_range(const struct dfu *dfu, uint8_t alt, uint32_t addr, uint32_t len,
	const struct family_alt **ret, struct err *err) MUST_CHECK;
