/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in the bodies of answers, for the tables of enrol_api.h. Pure. */
#pragma once

#include <jansson.h>

#include "enrol_api.h"

static inline void scope_free_json(json_t **json)
{
	json_decref(*json);
}
#define SCOPED_JSON __attribute__((cleanup(scope_free_json)))

/* Any JSON value; NULL if the body is none, or has a member twice. The caller gives it back. */
json_t *api_body_parse(const struct api_reply *reply);
/* Whether an "error" says something: servers also send it empty, null or false with a
 * success. NULL says nothing. */
bool api_body_complains(const json_t *error);
/* Sorts what all answers have in common: none at all, a status that is none or a refusal, and a 2xx
 * whose body complains (complaint, part of the body; NULL = it does not). False: it is a 2xx, and
 * *ret is API_NOTHING as yet. */
bool api_judge(const struct api_reply *reply, const json_t *complaint, struct api_answer *ret);
