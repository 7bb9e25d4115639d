/* SPDX-License-Identifier: Apache-2.0 */
/* What the unit is by now, and who may get it. */
#include <stdio.h>
#include <string.h>

#include "life_private.h"
#include "resale.h"

static bool is(const json_t *object, const char *name, const char *value)
{
	const char *text = life_text(object, name);
	return text && strcmp(text, value) == 0;
}

/* Attempts that found all as it was, and changed nothing. */
static bool only_looked(const json_t *attempt)
{
	return is(attempt, "outcome", "SKIPPED") ||
	       (is(attempt, "outcome", "PASS") &&
		       (is(attempt, "kind", "verify") || is(attempt, "kind", "diagnose")));
}

const json_t *life_deciding(const struct life *life)
{
	for (size_t i = json_array_size(life->attempts); i-- > 0;) {
		const json_t *attempt = json_array_get(life->attempts, i);
		if (!only_looked(attempt))
			return attempt;
	}
	return NULL;
}

const json_t *life_key_of(const struct life *life, const json_t *attempt)
{
	const char *fingerprint = life_text(attempt, "key_fingerprint");
	size_t i;
	const json_t *key;
	json_array_foreach(life->keys, i,
		key) if (fingerprint && is(key, "fingerprint", fingerprint)) return key;
	return NULL;
}

/* NULL: PASS. */
static const char *why_not(const struct life *life)
{
	const json_t *attempt = life_deciding(life);
	const json_t *mark = json_array_get(life->marks, json_array_size(life->marks) - 1);
	if (life->one_attempt)
		return "This is one attempt alone; it does not tell what the unit is by now: show the "
		       "device id.";
	if (!attempt)
		return "No attempt of this record made this unit.";
	if (!life_text(attempt, "outcome"))
		return "The unit is in work, or was when the station stopped.";
	if (!is(attempt, "outcome", "PASS"))
		return "The latest attempt is not PASS.";
	if (!is(attempt, "kind", "provision") && !is(attempt, "kind", "reprovision"))
		return "The latest attempt did not provision the unit.";
	if (mark && !is(mark, "mark", "released"))
		return "A mark sets the unit aside.";
	if (life_text(attempt, "key_fingerprint") &&
		!is(life_key_of(life, attempt), "state", "enrolled"))
		return "The key of the latest attempt is not enrolled any more.";
	return NULL;
}

bool life_is_pass(const struct life *life, const char **ret_why)
{
	const char *why = why_not(life);
	*ret_why =
		why ? why
		: json_array_size(json_object_get(life_deciding(life), "unproven"))
			? "All that the job asks for was proven on the unit, except what is named as "
			  "not proven."
			: "All that the job asks for was proven on the unit.";
	return !why;
}

/* Who cleared the unit by hand since the attempt that decides; NULL: nobody did. */
static const json_t *cleared_since(const struct life *life)
{
	const json_t *cleared = json_object_get(life_deciding(life), "cleared");
	return json_array_get(cleared, json_array_size(cleared) - 1);
}

bool life_is_for_resale(const struct life *life)
{
	const char *resale = life_text(life_deciding(life), RECORD_RESALE);
	return !resale || strcmp(resale, RECORD_RESALE_YES) == 0 || cleared_since(life);
}

bool life_resale_words(const struct life *life, char *to, size_t cap)
{
	const char *why, *resale = life_text(life_deciding(life), RECORD_RESALE);
	const json_t *cleared = cleared_since(life);
	const char *operator_name = life_text(cleared, "operator");
	to[0] = 0;
	if (!resale || !life_is_pass(life, &why))
		return false;
	if (cleared)
		snprintf(to, cap, "for resale: cleared by %s: %s",
			operator_name ? operator_name : "a person without a name",
			life_text(cleared, "note"));
	else if (strncmp(resale, RECORD_RESALE_NO, strlen(RECORD_RESALE_NO)) == 0)
		snprintf(to, cap, RECORD_NOT_FOR_RESALE "%s", resale + strlen(RECORD_RESALE_NO));
	else
		snprintf(to, cap, "for resale: nothing of its owner is left on it");
	return true;
}
