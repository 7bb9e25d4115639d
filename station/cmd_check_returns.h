/* SPDX-License-Identifier: Apache-2.0 */
/* What station check shows of a job's wishes for units that come back. */
#pragma once

#include "plan.h"

struct json_t;

void check_print_returns(const struct plan *plan);
struct json_t *check_json_recipients(const struct plan *plan);
