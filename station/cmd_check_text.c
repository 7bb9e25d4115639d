/* SPDX-License-Identifier: Apache-2.0 */
/* A plan for people. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd_check_private.h"
#include "text.h"

enum { WIDTH = 100 };

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
			first ? region->sha256 : "", check_sectors(plan, region),
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

static void print_stage_end(const struct job_stage *stage)
{
	printf("\nends\n  %-14s %s, for %" PRIu32
	       " ms at least; what it does cannot be read back\n",
		"runs", stage->runs, stage->run_ms);
	printf("  %-14s %s%s%s, within %" PRIu32 " ms of its leave\n", "comes back",
		check_return_name(stage->comes_back), stage->tell[0] ? ": " : "", stage->tell,
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
		printf("  %-14s policy %s\n", "", check_policy_name(plan->device_key.policy));
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
		check_api_name(enrol->cloud.api), "url", enrol->cloud.url);
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
	check_untouched(plan, print_name, &column);
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

void check_print_plan(const struct plan *plan)
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
