/* SPDX-License-Identifier: Apache-2.0 */
/* What the renderings of a life read. Private to this folder. */
#pragma once

#include <jansson.h>

#include "life.h"

struct life {
	json_t *root, *attempts, *keys, *batches, *marks; /* the lists are the root's */
	json_t *steps, *observations, *unproven, *images; /* of the last one read */
	bool failed;
	bool one_attempt; /* asked for by its id */
};

static inline const char *life_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* -1: unknown. */
static inline int64_t life_number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	return json_is_integer(value) ? json_integer_value(value) : -1;
}

/* The attempt that decides what the unit is; NULL if there is none. */
const json_t *life_deciding(const struct life *life);
/* The key of this attempt; NULL if it has none. */
const json_t *life_key_of(const struct life *life, const json_t *attempt);
