/* SPDX-License-Identifier: Apache-2.0 */
/* What was found on a unit that came back, and what is to be done with it: as JSON, and for people. */
#pragma once

#include <stdio.h>

#include "decide.h"
#include "finding.h"

struct json_t; /* jansson */

/* A list of objects; docs/returns.md. New references. */
struct json_t *found_findings_json(const struct findings *findings);
struct json_t *found_decision_json(const struct decision *decision);
/* A line for each fault. */
void found_print_faults(FILE *to, const struct findings *findings);
