/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDv7 (RFC 9562, 5.7): ids that may meet those of another station, in order
 * of time. Any thread. */
#pragma once

#include "err.h"

enum { UUID_TEXT = 37 /* with the NUL */ };

bool uuid_v7(char ret[UUID_TEXT], struct err *err) MUST_CHECK;
