/* SPDX-License-Identifier: Apache-2.0 */
#include "decide_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "resale.h"

void decide_add(char *to, size_t cap, const char *format, ...)
{
	size_t used = strlen(to);
	va_list args;
	va_start(args, format);
	if (used && used + 2 < cap) {
		memcpy(to + used, ", ", sizeof ", ");
		used += 2;
	}
	vsnprintf(to + used, cap - used, format, args);
	va_end(args);
}

static bool has(const struct findings *findings, enum finding_code code)
{
	return finding_of(findings, code, NULL) != NULL;
}

/* --- units that no job mends --- */

/* In this order. means 0: this code, whatever its state. */
static const struct {
	unsigned means;
	enum finding_code code;
	enum reason reason;
} asides[] = {
	{ 0, FINDING_CODE_OTHER_FAMILY, REASON_WRONG_FAMILY },
	{ 0, FINDING_CODE_OTHER_LAYOUT, REASON_LAYOUT },
	{ MEANS_NOT_OURS, 0, REASON_WRONG_FAMILY },
	{ 0, FINDING_CODE_READ_PROTECTED, REASON_READ_PROTECTED },
	{ MEANS_UNREADABLE, 0, REASON_UNREADABLE },
	{ 0, FINDING_CODE_DEVICE_KEY_TWICE, REASON_DUPLICATE_KEY },
	{ MEANS_FLASH_DEFECT, 0, REASON_FLASH_DEFECTIVE },
	{ 0, FINDING_CODE_OPTIONS_WRONG, REASON_OPTION_BYTES },
	{ 0, FINDING_CODE_WRITE_PROTECTED, REASON_WRITE_PROTECTED },
	{ MEANS_SWD, 0, REASON_NEEDS_SWD },
};

static bool sets_aside(const struct findings *findings, struct decision *ret)
{
	for (size_t a = 0; a < sizeof asides / sizeof *asides; a++)
		for (size_t i = 0; i < findings->count; i++) {
			const struct finding *finding = &findings->list[i];
			bool is = asides[a].means ? finding->state == FINDING_FAULT &&
							    finding->means & asides[a].means
						  : finding->code == asides[a].code;
			if (!is)
				continue;
			ret->reason = asides[a].reason;
			snprintf(ret->why, sizeof ret->why, "%s: %s", finding->subject,
				finding->evidence);
			return true;
		}
	return false;
}

/* --- what a job has to have for a fault --- */

enum cure {
	NOTHING,
	AN_IMAGE,
	SUCH_A_MODULE,
	SYSTEM_PARTS,
	A_DEVICE_KEY,
	AN_ENROLLED_KEY,
	A_SERVER_KEY
};

/* A fault that is not here is mended by nothing. */
static const enum cure cures[FINDING_CODES] = {
	[FINDING_CODE_IMAGE_DAMAGED] = AN_IMAGE,
	[FINDING_CODE_IMAGE_BLANK] = AN_IMAGE,
	[FINDING_CODE_IMAGE_OTHER_FAMILY] = AN_IMAGE,
	[FINDING_CODE_IMAGE_MISPLACED] = AN_IMAGE,
	[FINDING_CODE_DEPENDENCY] = SUCH_A_MODULE,
	[FINDING_CODE_PARTS_INVALID] = SYSTEM_PARTS,
	[FINDING_CODE_DEVICE_KEY_MISSING] = A_DEVICE_KEY,
	[FINDING_CODE_DEVICE_KEY_UNUSABLE] = A_DEVICE_KEY,
	[FINDING_CODE_DEVICE_KEY_MISMATCH] = AN_ENROLLED_KEY,
	[FINDING_CODE_CLOUD_KEY_DIFFERS] = AN_ENROLLED_KEY,
	[FINDING_CODE_CLOUD_KEY_ABSENT] = AN_ENROLLED_KEY,
	[FINDING_CODE_SERVER_KEY_MISSING] = A_SERVER_KEY,
	[FINDING_CODE_SERVER_KEY_WRONG] = A_SERVER_KEY,
	[FINDING_CODE_SERVER_KEY_UNUSABLE] = A_SERVER_KEY,
	[FINDING_CODE_SERVER_ADDRESS_WRONG] = A_SERVER_KEY,
};

/* Will every need of the module be met when the job is done? */
static bool needs_met(const struct decide_facts *facts, const struct family_region *region)
{
	const struct plan *plan = facts->plan;
	const struct look *look = &facts->looks[region - plan->family.regions];
	for (unsigned d = 0; d < 2; d++) {
		const struct module_dependency *need = &look->module.dependency[d];
		const struct family_region *home = module_home(&plan->family, need);
		const struct look *stands =
			home ? &facts->looks[home - plan->family.regions] : NULL;
		const struct plan_region *writes = plan_module(plan, plan->stage, need);
		if (need->function == MODULE_NONE)
			continue;
		if (writes ? !module_provides(&writes->module, need)
			   : !stands || !stands->sound || !module_provides(&stands->module, need))
			return false;
	}
	return true;
}

/* What the job lacks to mend the fault, in words; false: nothing. */
static bool lacks(const struct decide_facts *facts, const struct findings *findings,
	const struct finding *finding, char *to, size_t cap)
{
	const struct plan *plan = facts->plan;
	const struct family_region *region = family_region(&plan->family, finding->subject);
	bool planned = region && look_is_planned(plan, region);
	switch (cures[finding->code]) {
	case NOTHING:
		snprintf(to, cap, "what mends it");
		return true;
	case AN_IMAGE:
		snprintf(to, cap, "image for %s", finding->subject);
		return !planned;
	case SUCH_A_MODULE:
		snprintf(to, cap, "image for what %s needs", finding->subject);
		return !planned && !(region && facts->looks && needs_met(facts, region)) &&
		       !(region && decide_wipes_region(plan, findings, region));
	case SYSTEM_PARTS:
		snprintf(to, cap, "system parts");
		return !plan->has_parts;
	case A_DEVICE_KEY:
		snprintf(to, cap, "device_key");
		return !plan->device_key.wanted;
	case AN_ENROLLED_KEY:
		snprintf(to, cap, plan->device_key.wanted ? "enrol" : "device_key with enrol");
		return !plan->device_key.wanted || !plan->enrol.wanted;
	case A_SERVER_KEY:
		snprintf(to, cap, "server_key");
		return !plan->server_key.wanted;
	}
	return true;
}

/* A unit is never PASS with a fault that was known before. */
static void check_cures(
	const struct decide_facts *facts, const struct findings *findings, struct decision *ret)
{
	char what[64], missing[ERR_TEXT_MAX / 2] = "";
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];
		if (finding->state == FINDING_FAULT &&
			lacks(facts, findings, finding, what, sizeof what))
			decide_add(missing, sizeof missing, "no %s (%s: %s)", what,
				finding->subject, finding_info(finding->code)->code);
	}
	if (!missing[0])
		return;
	ret->reason = REASON_JOB_MENDS_NOT;
	snprintf(ret->why, sizeof ret->why, "job %s has %s", facts->plan->job.name, missing);
}

/* --- keys --- */

/* Does the cloud take the key that is on the unit? */
static bool cloud_denies(const struct findings *findings)
{
	return has(findings, FINDING_CODE_CLOUD_KEY_DIFFERS) ||
	       has(findings, FINDING_CODE_CLOUD_KEY_ABSENT);
}

/* By our record, unless the cloud says otherwise; or, of a unit made elsewhere, by the cloud. */
static bool is_enrolled(const struct findings *findings)
{
	return !cloud_denies(findings) &&
	       (has(findings, FINDING_CODE_DEVICE_KEY_ENROLLED) ||
		       (has(findings, FINDING_CODE_DEVICE_KEY_UNPROVEN) &&
			       has(findings, FINDING_CODE_CLOUD_KEY_SAME)));
}

/* The cloud accepts what is on the unit, or nobody can tell that it does not. */
static bool may_be_accepted(const struct decide_facts *facts, const struct findings *findings)
{
	return has(findings, FINDING_CODE_CLOUD_KEY_SAME) ||
	       (!cloud_denies(findings) &&
		       (has(findings, FINDING_CODE_DEVICE_KEY_ENROLLED) ||
			       has(findings, FINDING_CODE_DEVICE_KEY_UNPROVEN))) ||
	       (facts->records_invalid && facts->left && facts->left->enrolled[0]);
}

/* Some cloud knows the unit by a key. */
static bool is_known_to_a_cloud(const struct decide_facts *facts, const struct findings *findings)
{
	return (facts->left && facts->left->enrolled[0]) ||
	       has(findings, FINDING_CODE_CLOUD_KEY_SAME) ||
	       has(findings, FINDING_CODE_CLOUD_KEY_DIFFERS) ||
	       has(findings, FINDING_CODE_CLOUD_KEY_UNPROVEN);
}

static void decide_keys(
	const struct decide_facts *facts, const struct findings *findings, struct decision *ret)
{
	const struct plan *plan = facts->plan;
	const struct job_reprovision *policy = &plan->job.returns.reprovision;
	bool keeps = policy->device_key == RETURNS_KEEP && is_enrolled(findings);
	ret->new_device_key = plan->device_key.wanted && !facts->key_resumed && !keeps;
	ret->new_server_key =
		plan->server_key.wanted && (policy->server_key == RETURNS_RENEW ||
						   !has(findings, FINDING_CODE_SERVER_KEY_SAME));
	if (ret->new_device_key && may_be_accepted(facts, findings))
		ret->acts |= ACT_REPLACE_DEVICE_KEY;
	if (ret->new_device_key && !plan->enrol.wanted && is_known_to_a_cloud(facts, findings)) {
		ret->reason = REASON_JOB_MENDS_NOT;
		snprintf(ret->why, sizeof ret->why,
			"job %s has no enrol: the unit would get a key that its cloud does not know",
			plan->job.name);
	}
}

void decide(const struct decide_facts *facts, const struct findings *findings, struct decision *ret)
{
	const struct plan *plan = facts->plan;
	*ret = (struct decision){ .write = plan->job.returns.reprovision.images == RETURNS_RENEW
						   ? WRITE_ALWAYS
						   : WRITE_CHANGED };
	snprintf(ret->resale, sizeof ret->resale, RECORD_RESALE_NO "set aside");
	if (sets_aside(findings, ret))
		return;
	decide_keys(facts, findings, ret);
	if (ret->reason == REASON_NONE)
		check_cures(facts, findings, ret);
	if (ret->reason != REASON_NONE)
		return;
	decide_owner(facts, findings, ret);
	if (!facts->backed_up)
		ret->acts |= ACT_NO_BACKUP;
}

void decide_acts_text(const struct decision *decision, unsigned acts, char *to, size_t cap)
{
	static const char *const words[ACT_COUNT] = {
		"replaces a device key that the cloud may accept now",
		"wipes what its owner left: ", "changes the unit without a backup"
	};
	size_t used = 0;
	to[0] = 0;
	for (unsigned i = 0; i < ACT_COUNT && used < cap; i++)
		if (acts & decision->acts & 1u << i)
			used += (size_t)snprintf(to + used, cap - used, "%s%s%s", used ? "; " : "",
				words[i], 1u << i == ACT_WIPE_CUSTOMER_DATA ? decision->loses : "");
}
