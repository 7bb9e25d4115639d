/* SPDX-License-Identifier: Apache-2.0 */
/* station check: a plan as text and as JSON, and what both say of it. Names are static. */
#pragma once

#include "plan.h"

struct json_t; /* jansson */

void check_print_plan(const struct plan *plan);
/* A new reference; NULL if something in it is not UTF-8. */
struct json_t *check_json_plan(const struct plan *plan);

/* cmd_check_returns.c: the job's wishes for units that come back. */
void check_print_returns(const struct plan *plan);
struct json_t *check_json_recipients(const struct plan *plan);

/* cmd_check_plan.c: words of the job, as it spells them. */
const char *check_api_name(enum cloud_api api);
const char *check_policy_name(enum job_key_policy policy);
const char *check_phase_name(enum plan_phase phase);
const char *check_return_name(enum job_return comes_back);
/* How many sectors are erased under an image. */
unsigned check_sectors(const struct plan *plan, const struct plan_region *region);
/* Calls each for the names of regions and key slots that keep what they hold. */
void check_untouched(
	const struct plan *plan, void (*each)(void *context, const char *name), void *context);
