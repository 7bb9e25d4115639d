/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_found.h"

#include <jansson.h>

#include "cmd_json.h"
#include "job_returns.h"

json_t *found_findings_json(const struct findings *findings)
{
	json_t *list = json_array();
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];
		const struct finding_info *info = finding_info(finding->code);
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "code", info->code, "state",
				finding_state_name(finding->state), "subject", finding->subject,
				"evidence", finding->evidence, "seen", cmd_json_text(info->seen),
				"remedy", cmd_json_text(info->remedy)));
	}
	return list;
}

json_t *found_decision_json(const struct decision *decision)
{
	json_t *wipes = json_array(), *acts = json_array(), *steps = json_array();
	for (size_t i = 0; i < decision->wipe_count; i++)
		json_array_append_new(wipes, json_string(decision->wipes[i].name));
	for (unsigned i = 0; i < ACT_COUNT; i++)
		if (decision->acts & 1u << i)
			json_array_append_new(acts, json_string(repair_act_name(i)));
	for (size_t i = 0; i < decision->step_count; i++)
		json_array_append_new(steps, json_string(decision->steps[i]));
	return json_pack("{s:o, s:o, s:b, s:b, s:s, s:o, s:o, s:o, s:b, s:s}", "reason",
		cmd_json_text(reason_info(decision->reason)->code), "why",
		cmd_json_text(decision->why), "new_device_key", decision->new_device_key,
		"new_server_key", decision->new_server_key, "images",
		decision->write == WRITE_ALWAYS ? "always" : "changed", "wipe", wipes, "acts", acts,
		"operator_steps", steps, "for_resale", decision->for_resale, "resale",
		decision->resale);
}

void found_print_faults(FILE *to, const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];
		if (finding->state == FINDING_FAULT)
			fprintf(to, "     %s %s: %s\n", finding->subject,
				finding_info(finding->code)->code, finding->evidence);
	}
}
