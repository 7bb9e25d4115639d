/* SPDX-License-Identifier: Apache-2.0 */
/* station list: what hangs where, on standard output: a JSON object for one port, or a table of all of them
 * with what to do about each. */
#pragma once

#include "list_rule.h"
#include "survey.h"

void list_show_json(const struct survey_entry *entry, const struct list_rule *rule);
void list_show_text(const struct survey_entry *entries, size_t count, const struct list_rule *rule);
