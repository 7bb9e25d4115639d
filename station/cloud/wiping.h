/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl copies the token into buffers of its own: its heap is wiped when it is given back. */
#pragma once

#include "err.h"

/* curl_global_init with such a heap; once for each curl_global_cleanup. REASON_STATION. */
bool wiping_curl_init(struct err *err) MUST_CHECK;
