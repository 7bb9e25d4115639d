/* SPDX-License-Identifier: Apache-2.0 */
#include "reason.h"

#include <stddef.h>
#include <string.h>

static const struct reason_info infos[REASON_COUNT] = {
#define X(name, code_, kind_, outcome_, cause_, sentence_, next_) \
	[REASON_##name] = { .code = code_, \
		.kind = ERR_##kind_, \
		.outcome = OUTCOME_##outcome_, \
		.cause = CAUSE_##cause_, \
		.sentence = sentence_, \
		.next = next_ },
	REASONS(X)
#undef X
};

static const char *const outcome_names[OUTCOME_COUNT] = { "", "PASS", "HELD", "FAIL", "SKIPPED",
	"REFUSED", "ABORTED", "INTERRUPTED" };
static const char *const cause_names[CAUSE_COUNT] = { "", "unit", "handling", "station", "service",
	"job" };

const struct reason_info *reason_info(enum reason reason)
{
	if ((unsigned)reason >= REASON_COUNT)
		return &infos[REASON_BUG];
	return &infos[reason];
}

enum reason reason_from_code(const char *code)
{
	if (!code)
		return REASON_NONE;
	for (unsigned i = 0; i < REASON_COUNT; i++)
		if (strcmp(infos[i].code, code) == 0)
			return (enum reason)i;
	return REASON_BUG;
}

const char *outcome_name(enum outcome outcome)
{
	return (unsigned)outcome < OUTCOME_COUNT ? outcome_names[outcome] : "";
}

enum outcome outcome_from_name(const char *name)
{
	for (unsigned i = 1; name && i < OUTCOME_COUNT; i++)
		if (strcmp(outcome_names[i], name) == 0)
			return (enum outcome)i;
	return OUTCOME_NONE;
}

const char *cause_name(enum cause cause)
{
	return (unsigned)cause < CAUSE_COUNT ? cause_names[cause] : "";
}
