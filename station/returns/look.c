/* SPDX-License-Identifier: Apache-2.0 */
#include "look.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "digest.h"
#include "flash.h"

enum { MODULE_CRC_LEN = 4 }; /* behind the end that its header says */

/* One judgement under way. */
struct judging {
	const struct look_rules *rules;
	const struct family_region *region;
	const uint8_t *bytes;
	struct look *look;
	struct findings *findings;
	const struct record_known_image *match; /* the known image that stands there */
	const struct record_known_image *left;  /* that the unit left with */
	bool planned;
	struct { /* from the plan's bytes */
		uint32_t first, count;
		const struct plan_region *run; /* its first */
	} differs;
};

static bool writes_to(const struct plan *plan, const struct family_region *region)
{
	for (size_t i = 0; i < plan->region_count; i++)
		if (strcmp(plan->regions[i].region->name, region->name) == 0)
			return true;
	return false;
}

/* The newest stage of the job that writes there; NULL: none does. */
static const struct plan *stage_of(const struct plan *plan, const struct family_region *region)
{
	for (unsigned stage = plan ? plan->stage + 1 : 0; stage > 0; stage--)
		if (writes_to(plan_stage(plan, stage - 1), region))
			return plan_stage(plan, stage - 1);
	return NULL;
}

bool look_is_planned(const struct plan *plan, const struct family_region *region)
{
	return stage_of(plan, region) != NULL;
}

static void compare_with_plan(struct judging *it)
{
	const struct plan *plan = stage_of(it->rules->plan, it->region);
	for (size_t i = 0; plan && i < plan->region_count; i++) {
		const struct plan_region *run = &plan->regions[i];
		if (strcmp(run->region->name, it->region->name) != 0)
			continue;
		const uint8_t *found = it->bytes + (run->addr - it->region->addr);
		size_t at = bytes_first_difference(run->bytes, found, run->len);
		if (at < run->len && !it->differs.count)
			it->differs.first = run->addr + (uint32_t)at;
		it->differs.count += (uint32_t)bytes_count_differences(run->bytes, found, run->len);
		if (!it->differs.run)
			it->differs.run = run;
		it->planned = true;
	}
}

/* A file that holds nothing but its bytes is known by its hash. One with a suffix or addresses in it
 * is not found like this, and stays unknown. */
static bool find_known(struct judging *it, struct err *err)
{
	const struct look_rules *rules = it->rules;
	for (size_t i = 0; i < rules->known_count && !it->match; i++) {
		const struct record_known_image *known = &rules->known[i];
		uint32_t offset = known->addr - it->region->addr;
		char sha256[SHA256_HEX];
		if (known->left_with)
			it->left = known;
		if (known->addr < it->region->addr || offset > it->region->size ||
			known->size > it->region->size - offset)
			continue;
		if (!digest_sha256_hex(it->bytes + offset, known->size, sha256, err))
			return false;
		if (strcmp(sha256, known->sha256) == 0)
			it->match = known;
	}
	return true;
}

/* Where a module in this region says that it runs. */
static uint32_t runs_at(const struct family *family, const struct family_region *region)
{
	const struct family_region *home =
		region->linked_for[0] ? family_region(family, region->linked_for) : NULL;
	return home ? home->addr : region->addr;
}

/* What an update leaves in these is nobody's loss. */
static bool is_scratch(const struct judging *it)
{
	return !it->planned && !it->left &&
	       (strcmp(it->region->name, "ota") == 0 || strcmp(it->region->name, "backup") == 0);
}

/* Without what stands here nothing runs. */
static bool is_system(const struct family_region *region)
{
	return region->module && !region->linked_for[0] && region->function != MODULE_USER_PART;
}

static struct finding *add(struct judging *it, enum finding_code code, const char *text)
{
	return finding_add(it->findings, code, it->region->name, "%s", text);
}

static void version_text(const struct judging *it, char *to, size_t cap)
{
	to[0] = 0;
	if (it->look->has_module)
		snprintf(to, cap, ", version %u", it->look->module.version);
}

static void add_same(struct judging *it)
{
	char version[32], text[ERR_TEXT_MAX];
	version_text(it, version, sizeof version);
	if (it->planned && !it->differs.count)
		snprintf(text, sizeof text, "%s of the job%s", it->differs.run->file_name, version);
	else
		snprintf(text, sizeof text, "%s, as it left with job %s%s", it->match->file_name,
			it->match->job_name, version);
	struct finding *finding = add(it, FINDING_CODE_IMAGE_SAME, text);
	if (!it->planned || !it->differs.count)
		return;
	/* As it left, but the job that was given wants another. */
	finding->code = FINDING_CODE_IMAGE_OTHER;
	finding->state = FINDING_NOTE;
	finding->means = REPAIR_IMAGES;
}

static void add_other(struct judging *it)
{
	char version[32], text[ERR_TEXT_MAX];
	version_text(it, version, sizeof version);
	snprintf(text, sizeof text, "%s of job %s%s", it->match->file_name, it->match->job_name,
		version);
	struct finding *finding = add(it, FINDING_CODE_IMAGE_OTHER, text);
	finding->means = it->planned ? REPAIR_IMAGES : 0;
}

static void add_damaged(struct judging *it, const char *why)
{
	char text[ERR_TEXT_MAX];
	if (it->planned)
		snprintf(text, sizeof text,
			"%" PRIu32 " bytes differ from %s, first at 0x%08" PRIx32 "; %s",
			it->differs.count, it->differs.run->file_name, it->differs.first, why);
	else
		snprintf(text, sizeof text, "%s", why);
	struct finding *finding = add(it, FINDING_CODE_IMAGE_DAMAGED, text);
	/* DFU does not reach it; the firmware puts one in its place that a job brings. */
	bool brought = it->region->staged.possible && (it->planned || it->left);
	if (it->region->module && it->region->function == MODULE_BOOTLOADER &&
		!it->region->writable && !brought) {
		finding->code = FINDING_CODE_BOOTLOADER_DAMAGED;
		finding->means = MEANS_SWD;
	}
	if (is_scratch(it))
		finding_soften(finding);
}

/* Nothing but FF. */
static void add_blank(struct judging *it)
{
	if (it->planned || it->left)
		add(it, FINDING_CODE_IMAGE_BLANK,
			it->left ? "erased; the unit left with an image here"
				 : "erased; the job has an image here");
	else if (is_system(it->region))
		add(it, FINDING_CODE_IMAGE_BLANK, "erased; nothing can run");
	else if (it->region->module && !it->region->linked_for[0])
		finding_soften(
			add(it, FINDING_CODE_IMAGE_BLANK, "erased; there is no application"));
}

/* Another region's too, which is looked at by itself. */
static bool is_shared(const struct judging *it, uint32_t addr)
{
	for (size_t i = 0; i < it->region->overlap_count; i++) {
		const struct family_region *other =
			family_region(it->rules->family, it->region->overlaps[i]);
		if (addr >= other->addr && addr - other->addr < other->size)
			return true;
	}
	return false;
}

/* No header that makes sense, and not erased. */
static void add_headless(struct judging *it)
{
	char text[128];
	uint32_t first = 0, count = 0;
	for (uint32_t i = 0; i < it->region->size; i++)
		if (it->bytes[i] != 0xff && !is_shared(it, it->region->addr + i) && !count++)
			first = it->region->addr + i;
	snprintf(text, sizeof text, "%" PRIu32 " bytes are not erased, first at 0x%08" PRIx32,
		count, first);
	if (it->planned || (it->region->module && (it->left || is_system(it->region))))
		add_damaged(it, it->region->module ? "there is no module header" : text);
	else if (it->left)
		add(it, FINDING_CODE_IMAGE_UNPROVEN, "it is not the file that the unit left with");
	else if (it->region->module && count)
		add(it, FINDING_CODE_IMAGE_LEFTOVER, text);
}

/* False: it is found to be out of place. */
static bool belongs_here(struct judging *it)
{
	const struct family *family = it->rules->family;
	const struct family_region *region = it->region;
	const struct module_header *module = &it->look->module;
	char text[ERR_TEXT_MAX];
	struct finding *finding = NULL;
	if (module->platform_id != family->images.platform_id) {
		snprintf(text, sizeof text,
			"version %u is for platform %u; the unit is platform %u", module->version,
			module->platform_id, family->images.platform_id);
		finding = add(it, FINDING_CODE_IMAGE_OTHER_FAMILY, text);
	} else if (module->start != runs_at(family, region) ||
		   module->function != region->function ||
		   (region->index >= 0 && module->index != region->index)) {
		snprintf(text, sizeof text,
			"%s %u, made for 0x%08" PRIx32 "; here belongs %s at 0x%08" PRIx32,
			module_function_name(module->function), module->index, module->start,
			module_function_name(region->function), runs_at(family, region));
		finding = add(it, FINDING_CODE_IMAGE_MISPLACED, text);
	}
	if (finding && is_scratch(it))
		finding_soften(finding);
	return !finding;
}

static void judge_module(struct judging *it)
{
	const struct module_header *module = &it->look->module;
	struct err sums;
	char text[ERR_TEXT_MAX];
	if (!belongs_here(it))
		return;
	if (!module_check_sums(module, it->bytes, it->region->size, &sums)) {
		snprintf(text, sizeof text,
			"version %u, but the sums at its end are not those of its bytes",
			module->version);
		add_damaged(it, text);
		return;
	}
	it->look->sound = true;
	snprintf(text, sizeof text, "version %u, whole, and of no batch of ours%s", module->version,
		it->left ? "; the unit left with another" : "");
	struct finding *finding = add(it, FINDING_CODE_IMAGE_UNKNOWN, text);
	finding->means = it->planned ? REPAIR_IMAGES : 0;
}

/* Where what is known of the region ends; its begin if nothing is. */
static uint32_t known_end(const struct judging *it)
{
	const struct plan *plan = stage_of(it->rules->plan, it->region);
	const struct module_header *module = &it->look->module;
	uint32_t end = it->region->addr;
	for (size_t i = 0; plan && i < plan->region_count; i++) {
		const struct plan_region *run = &plan->regions[i];
		if (strcmp(run->region->name, it->region->name) == 0 && run->addr + run->len > end)
			end = run->addr + run->len;
	}
	if (it->look->has_module && module->end + MODULE_CRC_LEN > end)
		end = module->end + MODULE_CRC_LEN;
	return end;
}

/* An application may keep data behind itself, in the flash that its region has left. */
static void look_behind(struct judging *it)
{
	const struct family_region *region = it->region;
	uint32_t first = 0, count = 0, begin = known_end(it);
	/* The end that a torn header says means nothing. */
	bool known = it->planned || it->look->sound;
	bool runs_here = known && region->module && !region->linked_for[0] &&
			 (region->function == MODULE_USER_PART || region->function == MODULE_MONO);
	if (!runs_here || begin == region->addr)
		return;
	for (uint32_t at = begin - region->addr; at < region->size; at++)
		if (it->bytes[at] != 0xff && !count++)
			first = region->addr + at;
	if (count)
		finding_add(it->findings, FINDING_CODE_CUSTOMER_DATA, region->name,
			"%" PRIu32 " bytes behind the image, first at 0x%08" PRIx32, count, first);
}

bool look_judge(const struct look_rules *rules, const struct family_region *region,
	const uint8_t *bytes, struct look *ret, struct findings *findings, struct err *err)
{
	struct judging it = {
		.rules = rules, .region = region, .bytes = bytes, .look = ret, .findings = findings
	};
	*ret = (struct look){ .region = region };
	ret->has_module =
		region->module && !bytes_all(bytes, region->size, 0xff) &&
		module_header_find(&rules->family->images, bytes, region->size, &ret->module);
	compare_with_plan(&it);
	if (!find_known(&it, err))
		return false;
	bool same = (it.planned && !it.differs.count) || (it.match && it.match->left_with);
	ret->sound = ret->has_module && (same || it.match);
	if (same)
		add_same(&it);
	else if (it.match)
		add_other(&it);
	else if (bytes_all(bytes, region->size, 0xff))
		add_blank(&it);
	else if (ret->has_module)
		judge_module(&it);
	else
		add_headless(&it);
	look_behind(&it);
	return true;
}

static const struct look *look_at(
	const struct family *family, const struct look *looks, const struct family_region *region)
{
	return &looks[region - family->regions];
}

static void check_need(const struct family *family, const struct look *looks,
	const struct look *look, const struct module_dependency *wanted, struct findings *findings)
{
	const struct family_region *home = module_home(family, wanted);
	const struct look *found = home ? look_at(family, looks, home) : NULL;
	if (found && found->sound && module_provides(&found->module, wanted))
		return;
	char has[64] = "there is none";
	if (found && found->has_module)
		snprintf(has, sizeof has, "there is version %u%s", found->module.version,
			found->sound ? "" : ", which is not good");
	finding_add(findings, FINDING_CODE_DEPENDENCY, look->region->name,
		"version %u needs %s %u of version %u or newer; %s", look->module.version,
		module_function_name(wanted->function), wanted->index, wanted->min_version, has);
}

void look_dependencies(
	const struct family *family, const struct look *looks, struct findings *findings)
{
	for (size_t i = 0; i < family->region_count; i++) {
		const struct look *look = &looks[i];
		for (unsigned d = 0; d < 2 && look->region && look->sound; d++)
			if (look->module.dependency[d].function != MODULE_NONE &&
				!look->region->linked_for[0])
				check_need(
					family, looks, look, &look->module.dependency[d], findings);
	}
}

bool look_may_retry(const struct dfu *dfu, const struct err *err)
{
	return !dfu->gone && err_kind(err) == ERR_LINK;
}

bool look_may_go_on(const struct dfu *dfu, const struct err *err)
{
	enum err_kind kind = err_kind(err);
	return !dfu->gone && kind != ERR_CANCEL && kind != ERR_BUG && kind != ERR_STORE;
}

bool look_read(struct dfu *dfu, const char *subject, uint8_t alt, uint32_t addr, uint8_t *ret,
	uint32_t len, struct findings *findings, bool *ret_readable, struct err *err)
{
	enum { TRIES = 2 };
	*ret_readable = false;
	for (int i = 0; i < TRIES; i++) {
		struct err lost;
		if (flash_read(dfu, alt, addr, ret, len, NULL, err)) {
			*ret_readable = true;
			return true;
		}
		if (!look_may_retry(dfu, err) || !dfu_recover(dfu, &lost))
			break;
	}
	finding_add(findings, FINDING_CODE_UNREADABLE, subject, "%s", err->text);
	return look_may_go_on(dfu, err);
}
