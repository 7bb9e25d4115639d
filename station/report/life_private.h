/* SPDX-License-Identifier: Apache-2.0 */
/* What the renderings of a life read. Private to this folder. */
#pragma once

#include <jansson.h>

#include "life.h"

struct life {
	json_t *root, *attempts, *keys, *batches, *marks; /* the lists are the root's */
	json_t *attempt, *steps, *observations, *identities, *findings, *cleared, *backups, *unproven,
		*images; /* the last one that was read, and what is its own */
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
enum { LIFE_RESALE_MAX = 2 * ERR_TEXT_MAX };
/* "not for resale: by hand: ...", "for resale: cleared by ..."; false and "": nothing is said of it. */
bool life_resale_words(const struct life *life, char *to, size_t cap);
/* Is it for resale? True also of a unit of which nothing is said. */
bool life_is_for_resale(const struct life *life);
/* The key of this attempt; NULL if it has none. */
const json_t *life_key_of(const struct life *life, const json_t *attempt);
