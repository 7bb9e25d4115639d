/* SPDX-License-Identifier: Apache-2.0 */
#include "finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

static const struct finding_info infos[FINDING_CODES] = {
#define X(name, code, state, means, seen, remedy) { code, FINDING_##state, means, seen, remedy },
	FINDINGS(X)
#undef X
};

static const struct {
	const char *name, *words;
} verdicts[VERDICTS] = {
	[VERDICT_HEALTHY] = { "healthy", "nothing is wrong with it" },
	[VERDICT_REPAIRABLE] = { "repairable", "can be made good again here" },
	[VERDICT_FLASH_DEFECTIVE] = { "flash-defective",
		"its flash does not hold what is written" },
	[VERDICT_NEEDS_SWD] = { "needs-swd",
		"only a debug probe, or the chip maker's tool, reaches what is broken" },
	[VERDICT_UNREADABLE] = { "unreadable", "could not be read, so nothing is known" },
	[VERDICT_NOT_OURS] = { "not-ours", "is not what the profile or the job describes" },
};

const struct finding_info *finding_info(enum finding_code code)
{
	return &infos[code];
}

const char *finding_state_name(enum finding_state state)
{
	static const char *const names[] = { "good", "note", "fault", "unknown" };
	return names[state];
}

static struct finding *next_place(struct findings *findings, enum finding_code *code)
{
	if (findings->count < FINDINGS_MAX)
		return &findings->list[findings->count++];
	*code = FINDING_CODE_TOO_MANY;
	return &findings->list[FINDINGS_MAX - 1];
}

struct finding *finding_add(struct findings *findings, enum finding_code code, const char *subject,
	const char *format, ...)
{
	struct finding *finding = next_place(findings, &code);
	*finding = (struct finding){
		.code = code, .state = infos[code].state, .means = infos[code].means
	};
	va_list args;
	va_start(args, format);
	vsnprintf(finding->evidence, sizeof finding->evidence, format, args);
	va_end(args);
	snprintf(finding->subject, sizeof finding->subject, "%s",
		code == FINDING_CODE_TOO_MANY ? "unit" : subject);
	text_make_printable(finding->evidence);
	return finding;
}

const struct finding *finding_of(
	const struct findings *findings, enum finding_code code, const char *subject)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].code == code &&
			(!subject || strcmp(findings->list[i].subject, subject) == 0))
			return &findings->list[i];
	return NULL;
}

void finding_soften(struct finding *finding)
{
	finding->state = FINDING_NOTE;
	finding->means = 0;
}

enum verdict verdict_of(const struct findings *findings)
{
	unsigned means = 0;
	bool fault = false;
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].state == FINDING_FAULT) {
			fault = true;
			means |= findings->list[i].means;
		}
	return means & MEANS_NOT_OURS       ? VERDICT_NOT_OURS
	       : means & MEANS_UNREADABLE   ? VERDICT_UNREADABLE
	       : means & MEANS_FLASH_DEFECT ? VERDICT_FLASH_DEFECTIVE
	       : means & MEANS_SWD          ? VERDICT_NEEDS_SWD
	       : fault                      ? VERDICT_REPAIRABLE
					    : VERDICT_HEALTHY;
}

unsigned repairs_of(const struct findings *findings)
{
	unsigned means = 0;
	for (size_t i = 0; i < findings->count; i++)
		means |= findings->list[i].means;
	return means & REPAIR_ANY;
}

const char *verdict_name(enum verdict verdict)
{
	return verdicts[verdict].name;
}

const char *verdict_words(enum verdict verdict)
{
	return verdicts[verdict].words;
}
