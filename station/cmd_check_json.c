/* SPDX-License-Identifier: Apache-2.0 */
/* A plan for programs. */
#include <jansson.h>

#include "cmd_check_private.h"

static json_t *json_slot(const struct family_key_slot *slot)
{
	return json_pack("{ss si sI sI ss}", "slot", slot->name, "alt", (int)slot->alt, "address",
		(json_int_t)slot->addr, "size", (json_int_t)slot->format.size, "algorithm",
		key_algorithm_name(slot->format.algorithm));
}

static json_t *json_region(const struct plan *plan, const struct plan_region *region)
{
	json_t *json = json_pack("{ss ss ss si sI sI sI sI si ss sb}", "region",
		region->region->name, "phase", check_phase_name(region->phase), "file",
		region->file_name, "alt", (int)region->region->alt, "address",
		(json_int_t)region->addr, "size", (json_int_t)region->len, "write_size",
		(json_int_t)region->write_len, "blocks", (json_int_t)plan_blocks(plan, region),
		"sectors", (int)check_sectors(plan, region), "sha256", region->sha256, "pinned",
		(int)region->pinned);
	if (json && region->has_module) {
		json_object_set_new(json, "version", json_integer(region->module.version));
		json_object_set_new(json, "platform_id", json_integer(region->module.platform_id));
	}
	if (json && region == plan->staged)
		json_object_set_new(json, "staged_at", json_integer(plan->staged_area->addr));
	return json;
}

static json_t *json_extent(const struct plan_extent *extent)
{
	return json_pack("{si ss sI sI}", "alt", (int)extent->alt, "phase",
		check_phase_name(extent->phase), "address", (json_int_t)extent->addr, "size",
		(json_int_t)extent->len);
}

static json_t *json_device_key(const struct plan_device_key *key)
{
	json_t *json = key->wanted ? json_slot(key->slot) : json_null();
	if (key->wanted)
		json_object_set_new(json, "policy", json_string(check_policy_name(key->policy)));
	return json;
}

static json_t *json_server_key(const struct plan_server_key *key)
{
	json_t *json = key->wanted ? json_slot(key->slot) : json_null();
	if (!key->wanted)
		return json;
	json_object_set_new(json, "file", json_string(key->file_name));
	json_object_set_new(json, "file_sha256", json_string(key->file_sha256));
	json_object_set_new(json, "fingerprint", json_string(key->key.fingerprint));
	json_object_set_new(json, "host", json_string(key->address.host));
	json_object_set_new(json, "port", json_integer(key->address.port));
	return json;
}

static json_t *json_enrol(const struct plan_enrol *enrol)
{
	return enrol->wanted ? json_pack("{ss ss ss ss}", "cloud", enrol->cloud.name, "api",
				       check_api_name(enrol->cloud.api), "url", enrol->cloud.url,
				       "product_id", enrol->product_id)
			     : json_null();
}

static json_t *json_limits(const struct job_limits *limits)
{
	return json_pack("{sI sI sI sI sI sf sI}", "retries", (json_int_t)limits->retries,
		"attempts_per_unit", (json_int_t)limits->attempts_per_unit, "attempt_timeout_ms",
		(json_int_t)limits->attempt_timeout_ms, "stop_after_failures",
		(json_int_t)limits->stop_after_failures, "slot_stop_after",
		(json_int_t)limits->slot_stop_after, "min_yield", limits->min_yield,
		"min_yield_units", (json_int_t)limits->min_yield_units);
}

static void add_name(void *context, const char *name)
{
	json_array_append_new(context, json_string(name));
}

static json_t *json_regions(const struct plan *plan)
{
	json_t *regions = json_array();
	for (size_t i = 0; i < plan->region_count; i++)
		json_array_append_new(regions, json_region(plan, &plan->regions[i]));
	return regions;
}

static json_t *json_extents(const struct plan_extent *extents, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_extent(&extents[i]));
	return array;
}

static json_t *json_stages(const struct plan *plan)
{
	json_t *stages = json_array();
	for (size_t i = 0; i < plan->before_count; i++) {
		const struct plan *before = plan->before[i];
		const struct job_stage *stage = &plan->job.stages[i];
		json_array_append_new(stages,
			json_pack("{si so so ss ss ss sI sI}", "stage", (int)i + 1, "regions",
				json_regions(before), "extents",
				json_extents(before->extents, before->extent_count), "runs",
				stage->runs, "comes_back", check_return_name(stage->comes_back),
				"tell", stage->tell, "run_ms", (json_int_t)stage->run_ms,
				"deadline_ms", (json_int_t)stage->deadline_ms));
	}
	return stages;
}

json_t *check_json_plan(const struct plan *plan)
{
	const struct job *job = &plan->job;
	json_t *untouched = json_array();
	check_untouched(plan, add_name, untouched);
	return json_pack("{ss ss ss ss ss sI ss so so so so so so so ss ss so so so}", "job",
		job->name, "job_file", job->path, "family", plan->family.name, "part_number",
		job->part_number, "part_revision", job->part_revision, "quantity",
		(json_int_t)job->quantity, "plan_sha256", plan->sha256, "regions",
		json_regions(plan), "extents", json_extents(plan->extents, plan->extent_count),
		"earlier_stages", json_stages(plan), "stands",
		json_extents(plan->stands, plan->stand_count), "device_key",
		json_device_key(&plan->device_key), "server_key",
		json_server_key(&plan->server_key), "enrol", json_enrol(&plan->enrol), "write",
		job->write == WRITE_ALWAYS ? "always" : "changed", "after",
		job->after == AFTER_LEAVE ? "leave" : "runs", "limits", json_limits(&job->limits),
		"backup_recipients", check_json_recipients(plan), "untouched", untouched);
}
