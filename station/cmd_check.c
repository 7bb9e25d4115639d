/* SPDX-License-Identifier: Apache-2.0 */
/* station check: makes the plan of a job and shows it, or all reasons why there can be
 * none. Touches no unit. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "cmd_check_returns.h"
#include "cmd_json.h"
#include "plan.h"
#include "text.h"

enum { WIDTH = 100 };

struct check {
	const char *job_path, *config_path;
	bool pin, json;
};

static const char *api_name(enum cloud_api api)
{
	return api == CLOUD_API_JSON ? "json" : "particle";
}

static const char *policy_name(enum job_key_policy policy)
{
	return policy == KEY_POLICY_NEW ? "new" : "keep-valid";
}

static unsigned sectors_under(const struct plan *plan, const struct plan_region *region)
{
	unsigned count = 0;
	for (size_t i = 0; i < plan->sector_count; i++) {
		const struct plan_sector *sector = &plan->sectors[i];
		if (region == plan->staged)
			count += sector->phase == PHASE_STAGED;
		else
			count += sector->alt == region->region->alt &&
				 sector->addr < (uint64_t)region->addr + region->len &&
				 region->addr < (uint64_t)sector->addr + sector->size;
	}
	return count;
}

static bool is_written(const struct plan *plan, const struct family_region *region)
{
	if (region == plan->staged_area)
		return true;
	for (size_t i = 0; i < plan->stand_count; i++) {
		const struct plan_extent *extent = &plan->stands[i];
		if (extent->alt == region->alt &&
			extent->addr < (uint64_t)region->addr + region->size &&
			region->addr < (uint64_t)extent->addr + extent->len)
			return true;
	}
	return false;
}

static bool is_key_written(const struct plan *plan, const struct family_key_slot *slot)
{
	return slot == plan->device_key.slot || slot == plan->server_key.slot;
}

/* Calls each for the names of regions and key slots that keep what they hold. */
static void for_untouched(
	const struct plan *plan, void (*each)(void *context, const char *name), void *context)
{
	const struct family *family = &plan->family;
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_region *region = &family->regions[i];
		bool holds_key = false;
		for (size_t k = 0; k < family->key_slot_count; k++)
			holds_key |= is_key_written(plan, &family->key_slots[k]) &&
				     family->key_slots[k].alt == region->alt &&
				     family->key_slots[k].addr >= region->addr &&
				     family->key_slots[k].addr - region->addr < region->size;
		if (!is_written(plan, region) && !holds_key)
			each(context, region->name);
	}
	for (size_t i = 0; i < family->key_slot_count; i++)
		if (!is_key_written(plan, &family->key_slots[i]))
			each(context, family->key_slots[i].name);
}

static void print_version(const struct plan_region *region, char to[8])
{
	if (!region->has_module || !text_format(to, 8, "%u", region->module.version))
		snprintf(to, 8, "-");
}

/* Of the runs of one image in one region, is this the first? */
static bool is_first(const struct plan *plan, size_t i, bool of_image)
{
	const struct plan_region *region = &plan->regions[i];
	for (size_t k = 0; k < i; k++)
		if (plan->regions[k].image == region->image &&
			(of_image || plan->regions[k].region == region->region))
			return false;
	return true;
}

static void print_hashes(const struct plan *plan)
{
	bool all = true;
	printf("\nsha256 of the files\n");
	for (size_t i = 0; i < plan->region_count; i++) {
		const struct plan_region *region = &plan->regions[i];
		const char *named = plan->job.images[region->image].region;
		if (!is_first(plan, i, true))
			continue;
		printf("  %-14s %s%s\n", named[0] ? named : region->file_name, region->sha256,
			region->pinned ? "" : "  not in the job");
		all &= region->pinned;
	}
	if (!all)
		printf("  station check --pin writes them into the job, as a real run wants\n");
}

static const char *phase_name(enum plan_phase phase)
{
	static const char *const names[] = {
		[PHASE_PARTS] = "parts", [PHASE_STAGED] = "staged", [PHASE_IMAGES] = "images"
	};
	return names[phase];
}

static void print_staged(const struct plan *plan)
{
	if (!plan->staged)
		return;
	const struct family_staging *how = &plan->staged->region->staged;
	printf("\nstaged\n  %-14s waits at 0x%08" PRIx32 " (%s) with 0x%02x at alt %u, 0x%08" PRIx32
	       ";\n  %-14s the unit's firmware (%s, version %u or newer) puts it in its place\n",
		plan->staged->region->name, plan->staged_area->addr, plan->staged_area->name,
		how->flag_value, how->flag_alt, how->flag_addr, "", how->applied_by,
		how->min_version);
}

static void print_images(const struct plan *plan)
{
	printf("\nimages, in the order of writing\n  %-14s %-27s %7s  %-10s %9s  %-12s %4s %6s\n",
		"region", "file", "version", "address", "bytes", "sha256", "sect", "blocks");
	for (size_t i = 0; i < plan->region_count; i++) {
		const struct plan_region *region = &plan->regions[i];
		char version[8];
		bool first = is_first(plan, i, false);
		print_version(region, version);
		printf("  %-14s %-27.27s %7s  0x%08" PRIx32 " %9" PRIu32 "  %-12.12s %4u %6" PRIu32
		       "\n",
			first ? region->region->name : "", first ? region->file_name : "",
			first ? version : "", region->addr, region->len,
			first ? region->sha256 : "", sectors_under(plan, region),
			plan_blocks(plan, region));
	}
	print_hashes(plan);
	print_staged(plan);
	printf("\nerased, written and read back to the end\n");
	for (size_t i = 0; i < plan->extent_count; i++) {
		const struct plan_extent *extent = &plan->extents[i];
		unsigned sectors = 0;
		for (size_t k = 0; k < plan->sector_count; k++)
			sectors += plan->sectors[k].phase == extent->phase &&
				   plan->sectors[k].alt == extent->alt &&
				   plan->sectors[k].addr >= extent->addr &&
				   plan->sectors[k].addr - extent->addr < extent->len;
		printf("  alt %u          0x%08" PRIx32 " - 0x%08" PRIx64 ", %" PRIu32 " bytes, ",
			extent->alt, extent->addr, (uint64_t)extent->addr + extent->len,
			extent->len);
		if (extent->phase == PHASE_STAGED)
			printf("by the unit's firmware\n");
		else
			printf("%u %s\n", sectors, sectors == 1 ? "sector" : "sectors");
	}
}

static const char *return_name(enum job_return comes_back)
{
	static const char *const names[] = { [RETURN_BY_ITSELF] = "by-itself",
		[RETURN_TOUCH] = "touch",
		[RETURN_OPERATOR] = "operator" };
	return names[comes_back];
}

static void print_stage_end(const struct job_stage *stage)
{
	printf("\nends\n  %-14s %s, for %" PRIu32
	       " ms at least; what it does cannot be read back\n",
		"runs", stage->runs, stage->run_ms);
	printf("  %-14s %s%s%s, within %" PRIu32 " ms of its leave\n", "comes back",
		return_name(stage->comes_back), stage->tell[0] ? ": " : "", stage->tell,
		stage->deadline_ms);
}

static void print_stages(const struct plan *plan)
{
	size_t count = plan->before_count + 1;
	for (unsigned i = 0; i < plan->before_count; i++) {
		printf("\nSTAGE %u of %zu\n", i + 1, count);
		print_images(plan->before[i]);
		print_stage_end(&plan->job.stages[i]);
	}
	if (plan->before_count)
		printf("\nSTAGE %zu of %zu, the product\n", count, count);
	print_images(plan);
	if (plan->stand_count > plan->extent_count)
		printf("\nleft by earlier stages, and read back to the end too\n");
	for (size_t i = plan->extent_count; i < plan->stand_count; i++)
		printf("  alt %u          0x%08" PRIx32 " - 0x%08" PRIx64 ", %" PRIu32 " bytes\n",
			plan->stands[i].alt, plan->stands[i].addr,
			(uint64_t)plan->stands[i].addr + plan->stands[i].len, plan->stands[i].len);
}

static void print_slot(const char *what, const struct family_key_slot *slot)
{
	printf("  %-14s %s: alt %u, 0x%08" PRIx32 ", %" PRIu32 " bytes, %s%s\n", what, slot->name,
		slot->alt, slot->addr, slot->format.size,
		key_algorithm_name(slot->format.algorithm),
		slot->read_modify_write ? ", rest of its sector kept" : "");
}

static void print_keys(const struct plan *plan)
{
	const struct plan_server_key *server = &plan->server_key;
	printf("\nkeys\n");
	if (plan->device_key.wanted) {
		print_slot("device key", plan->device_key.slot);
		printf("  %-14s policy %s\n", "", policy_name(plan->device_key.policy));
	} else {
		printf("  %-14s none\n", "device key");
	}
	if (!server->wanted) {
		printf("  %-14s none\n", "server key");
		return;
	}
	print_slot("server key", server->slot);
	printf("  %-14s file %s\n", "", server->file_name);
	printf("  %-14s sha256      %s\n", "", server->file_sha256);
	printf("  %-14s fingerprint %s\n", "", server->key.fingerprint);
	if (server->address.host[0] && server->address.port)
		printf("  %-14s host %s, port %u\n", "", server->address.host,
			server->address.port);
	else if (server->address.host[0])
		printf("  %-14s host %s, port of the firmware (%u)\n", "", server->address.host,
			server->slot->format.default_port);
	else
		printf("  %-14s no host: the firmware takes its own\n", "");
}

static void print_enrol(const struct plan_enrol *enrol)
{
	printf("\nenrolment\n");
	if (!enrol->wanted) {
		printf("  none\n");
		return;
	}
	printf("  %-14s %s (%s)\n  %-14s %s\n", "cloud", enrol->cloud.name,
		api_name(enrol->cloud.api), "url", enrol->cloud.url);
	if (enrol->product_id[0])
		printf("  %-14s %s\n", "product id", enrol->product_id);
}

static void print_limits(const struct job *job)
{
	const struct job_limits *limits = &job->limits;
	printf("\nlimits\n  %-14s %" PRIu32 "%s\n", "quantity", job->quantity,
		job->quantity ? "" : " (until stopped)");
	printf("  %-14s %" PRIu32 " retries of a step, %" PRIu32 " attempts, %" PRIu32
	       " ms for an attempt\n",
		"a unit", limits->retries, limits->attempts_per_unit, limits->attempt_timeout_ms);
	printf("  %-14s after %" PRIu32 " failures in a row on the line, %" PRIu32
	       " on one slot (0: never)\n",
		"stops", limits->stop_after_failures, limits->slot_stop_after);
	if (limits->min_yield > 0)
		printf("  %-14s below a yield of %.3g in the last %" PRIu32 " units\n", "",
			limits->min_yield, limits->min_yield_units);
	printf("  %-14s %s\n", "writes",
		job->write == WRITE_ALWAYS ? "every sector" : "sectors that hold something else");
	printf("  %-14s %s\n", "ends",
		job->after == AFTER_LEAVE ? "when the unit has left DFU" : "when the unit runs");
}

static void print_name(void *context, const char *name)
{
	size_t *column = context, len = strlen(name);
	if (*column == 0 || *column + len + 2 > WIDTH)
		*column = (size_t)printf("%s  %s", *column ? "\n" : "", name) - (*column != 0);
	else
		*column += (size_t)printf(", %s", name);
}

/* Words in lines of WIDTH, all but the first with a margin; column is where the first word goes. */
static void print_words(const char *text, size_t margin, size_t column)
{
	while (*text) {
		size_t len = strcspn(text, " ");
		if (column > margin && column + 1 + len > WIDTH) {
			printf("\n%*s", (int)margin, "");
			column = margin;
		}
		column += (size_t)printf("%s%.*s", column > margin ? " " : "", (int)len, text);
		text += len + strspn(text + len, " ");
	}
	printf("\n");
}

/* What stands there after a while is nobody's promise, so a reader must know of it. */
static void print_left(const struct plan *plan)
{
	const struct family *family = &plan->family;
	size_t column = 0;
	printf("\nleft as it is\n");
	for_untouched(plan, print_name, &column);
	printf("%s\n", column ? "" : "  nothing that has a name");
	if (family->volatile_count)
		printf("\nbut the unit itself writes\n");
	for (size_t i = 0; i < family->volatile_count; i++) {
		const struct family_volatile *range = &family->volatiles[i];
		int used =
			printf("  alt %u          0x%08" PRIx32 ", %" PRIu32 " bytes:", range->alt,
				range->addr, range->size);
		print_words(range->why, 17, (size_t)used);
	}
}

static void print_text(const struct plan *plan)
{
	const struct job *job = &plan->job;
	printf("job    %s (%s)\nfamily %s (%s)\n", job->name, job->path, plan->family.name,
		plan->family.title);
	if (job->part_number[0])
		printf("part   %s%s%s\n", job->part_number,
			job->part_revision[0] ? " revision " : "", job->part_revision);
	printf("plan   %s\n", plan->sha256);
	print_stages(plan);
	print_keys(plan);
	print_enrol(&plan->enrol);
	print_limits(job);
	check_print_returns(plan);
	print_left(plan);
}

static json_t *json_slot(const struct family_key_slot *slot)
{
	return json_pack("{ss si sI sI ss}", "slot", slot->name, "alt", (int)slot->alt, "address",
		(json_int_t)slot->addr, "size", (json_int_t)slot->format.size, "algorithm",
		key_algorithm_name(slot->format.algorithm));
}

static json_t *json_region(const struct plan *plan, const struct plan_region *region)
{
	json_t *json = json_pack("{ss ss ss si sI sI sI sI si ss sb}", "region",
		region->region->name, "phase", phase_name(region->phase), "file", region->file_name,
		"alt", (int)region->region->alt, "address", (json_int_t)region->addr, "size",
		(json_int_t)region->len, "write_size", (json_int_t)region->write_len, "blocks",
		(json_int_t)plan_blocks(plan, region), "sectors", (int)sectors_under(plan, region),
		"sha256", region->sha256, "pinned", (int)region->pinned);
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
		phase_name(extent->phase), "address", (json_int_t)extent->addr, "size",
		(json_int_t)extent->len);
}

static json_t *json_device_key(const struct plan_device_key *key)
{
	json_t *json = key->wanted ? json_slot(key->slot) : json_null();
	if (key->wanted)
		json_object_set_new(json, "policy", json_string(policy_name(key->policy)));
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
				       api_name(enrol->cloud.api), "url", enrol->cloud.url,
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
		json_array_append_new(
			stages, json_pack("{si so so ss ss ss sI sI}", "stage", (int)i + 1,
					"regions", json_regions(before), "extents",
					json_extents(before->extents, before->extent_count), "runs",
					stage->runs, "comes_back", return_name(stage->comes_back),
					"tell", stage->tell, "run_ms", (json_int_t)stage->run_ms,
					"deadline_ms", (json_int_t)stage->deadline_ms));
	}
	return stages;
}

static json_t *json_plan(const struct plan *plan)
{
	const struct job *job = &plan->job;
	json_t *untouched = json_array();
	for_untouched(plan, add_name, untouched);
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

static int print_json(const struct plan *plan)
{
	if (cmd_json_line(stdout, json_plan(plan)))
		return EXIT_DONE;
	fprintf(stderr,
		"station check: the plan cannot be told as JSON: is every name in it UTF-8?\n");
	return EXIT_REFUSED;
}

static void print_refusal(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "station check: %s\n", text);
}

static bool pin(const struct plan *plan, struct err *err)
{
	char sha256[JOB_IMAGES_MAX + JOB_RECIPIENTS_MAX][SHA256_HEX];
	const struct job *job = &plan->job;
	for (unsigned k = 0; k <= plan->before_count; k++) {
		const struct plan *stage = plan_stage(plan, k);
		for (size_t i = 0; i < stage->region_count; i++)
			memcpy(sha256[stage->regions[i].image], stage->regions[i].sha256,
				SHA256_HEX);
	}
	for (size_t i = 0; i < plan->recipients.count; i++)
		memcpy(sha256[job->image_count + i], plan->recipients.list[i].fingerprint,
			SHA256_HEX);
	return job_pin(job, (const char(*)[SHA256_HEX])sha256,
		job->image_count + plan->recipients.count, err);
}

/* The plan is made with the old hashes left aside, and later again with the new ones. */
static int pin_job(const struct check *check, const struct config *config)
{
	struct plan_options options = { .config = config, .ignore_pins = true };
	struct plan *plan;
	struct err err;
	if (!plan_make(check->job_path, &options, print_refusal, NULL, &plan, &err))
		return EXIT_REFUSED;
	bool ok = pin(plan, &err);
	plan_free(plan);
	if (!ok)
		fprintf(stderr, "station check: %s\n", err.text);
	return ok ? EXIT_DONE : EXIT_REFUSED;
}

static int check_job(const struct check *check, const struct config *config)
{
	struct plan_options options = { .config = config };
	struct plan *plan;
	struct err err;
	int status = check->pin ? pin_job(check, config) : EXIT_DONE;
	if (status != EXIT_DONE)
		return status;
	if (!plan_make(check->job_path, &options, print_refusal, NULL, &plan, &err))
		return EXIT_REFUSED;
	if (check->json)
		status = print_json(plan);
	else
		print_text(plan);
	plan_free(plan);
	return status;
}

static const char help[] =
	"usage: station check JOB [options]\n\n"
	"Shows what the job would make of a unit, or everything that is wrong with it. "
	"Touches no unit.\n\n"
	"  --config FILE  the station's config (default: $STATION_CONFIG, "
	"/etc/station/station.cfg,\n"
	"                 the source tree's config/station.cfg)\n"
	"  --pin          write the sha256 of each image into the job, and of each backup recipient that has\n"
	"                 none there yet (make sure first that it is the right certificate)\n"
	"  --json         one JSON object instead of text\n"
	"  --help         this text\n\n"
	"Exit status: 0 the plan is good, 2 it is refused.\n";

static bool parse(int argc, char **argv, struct check *check, int *ret_status)
{
	const struct cmd_option own[] = { { "config", &check->config_path, NULL },
		{ "pin", NULL, &check->pin }, { "json", NULL, &check->json } };
	char **arguments;
	int count;
	if (!cmd_parse(argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count,
		    ret_status))
		return false;
	if (count == 1) {
		check->job_path = arguments[0];
		return true;
	}
	*ret_status = cmd_usage("check", count ? "one job at a time" : "name the job");
	return false;
}

int cmd_check(int argc, char **argv)
{
	struct check check = { 0 };
	struct config config;
	struct err err;
	int status = EXIT_DONE;
	if (!parse(argc, argv, &check, &status))
		return status;
	if (!cmd_config(check.config_path, &config, &err))
		return cmd_fail(argv[0], &err);
	return check_job(&check, &config);
}
