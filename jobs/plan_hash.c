/* SPDX-License-Identifier: Apache-2.0 */
/* plan_sha256: what makes the product, in an order that neither the job's nor the profile's
 * order of listing changes. A field added here changes every hash: units made before are
 * then "made otherwise". */
#include <string.h>

#include "plan_build.h"

static void add_layout(struct digest *digest, const struct layout *layout)
{
	digest_add_u64(digest, layout->count);
	for (size_t i = 0; i < layout->count; i++) {
		digest_add_u64(digest, layout->segments[i].addr);
		digest_add_u64(digest, layout->segments[i].sector_size);
		digest_add_u64(digest, layout->segments[i].count);
		digest_add_u64(digest, layout->segments[i].access);
	}
}

static void put_alt(struct digest *digest, const void *entry)
{
	const struct family_alt *alt = entry;
	digest_add_text(digest, "alt");
	digest_add_u64(digest, alt->alt);
	digest_add_u64(digest, alt->memory);
	add_layout(digest, &alt->layout);
	digest_add_u64(digest, alt->access_start);
	digest_add_u64(digest, alt->access_end);
}

/* Which firmware does it, and when, is no part of the product. */
static void put_staging(struct digest *digest, const struct family_staging *staged)
{
	digest_add_text(digest, "staged");
	digest_add_text(digest, staged->area);
	digest_add_u64(digest, staged->flag_alt);
	digest_add_u64(digest, staged->flag_addr);
	digest_add_u64(digest, staged->flag_value);
	digest_add_u64(digest, staged->flag_idle);
}

static void put_region(struct digest *digest, const void *entry)
{
	const struct family_region *region = entry;
	digest_add_text(digest, "region");
	digest_add_text(digest, region->name);
	digest_add_u64(digest, region->alt);
	digest_add_u64(digest, region->addr);
	digest_add_u64(digest, region->size);
	digest_add_u64(digest, region->writable);
	digest_add_text(digest, region->linked_for);
	digest_add_u64(digest, region->module);
	digest_add_u64(digest, region->function);
	digest_add_u64(digest, (uint64_t)(int64_t)region->index);
	digest_add_u64(digest, region->system_part);
	if (region->staged.possible)
		put_staging(digest, &region->staged);
}

static void put_key_slot(struct digest *digest, const void *entry)
{
	const struct family_key_slot *slot = entry;
	digest_add_text(digest, "key slot");
	digest_add_text(digest, slot->name);
	digest_add_u64(digest, slot->alt);
	digest_add_u64(digest, slot->addr);
	digest_add_u64(digest, slot->format.role);
	digest_add_text(digest, key_algorithm_name(slot->format.algorithm));
	digest_add_u64(digest, slot->format.size);
	digest_add_u64(digest, slot->format.padding);
	digest_add_u64(digest, slot->format.address_offset);
	digest_add_u64(digest, slot->format.default_port);
	digest_add_u64(digest, slot->read_modify_write);
}

static void add_image_rules(struct digest *digest, const struct family_images *images)
{
	digest_add_text(digest, "image rules");
	digest_add_u64(digest, images->platform_id);
	digest_add_u64(digest, images->vector_mask);
	digest_add_u64(digest, images->vector_value);
	digest_add_u64(digest, images->header_with_vectors);
	digest_add_u64(digest, images->header_without);
	digest_add_u64(digest, images->header_always);
}

static void add_identity(struct digest *digest, const struct family *family)
{
	digest_add_text(digest, "family");
	digest_add_text(digest, family->name);
	digest_add_u64(digest, family->dfu.vendor_id);
	digest_add_u64(digest, family->dfu.product_id);
	digest_add_u64(digest, family->cdc.vendor_id);
	digest_add_u64(digest, family->cdc.product_id);
	digest_add_u64(digest, family->identity.serial_is_id);
	digest_add_u64(digest, family->identity.serial12_folds);
	digest_add_u64(digest, family->identity.has_copy);
	digest_add_u64(digest, family->identity.copy_alt);
	digest_add_u64(digest, family->identity.copy_addr);
	digest_add_u64(digest, family->identity.slot_is_enough);
}

/* Calls add for count entries of size bytes each, in order. */
static void add_sorted(struct digest *digest, const void *entries, size_t count, size_t size,
	int (*compare)(const void *, const void *), void (*add)(struct digest *, const void *))
{
	const void *order[PLAN_REGIONS_MAX];
	_Static_assert((int)PLAN_REGIONS_MAX >= (int)FAMILY_ALTS_MAX &&
			       (int)PLAN_REGIONS_MAX >= (int)FAMILY_KEY_SLOTS_MAX &&
			       (int)PLAN_REGIONS_MAX >= (int)FAMILY_REGIONS_MAX,
		"room for each kind of entry");
	for (size_t i = 0; i < count; i++) {
		const void *entry = (const char *)entries + i * size;
		size_t at = i;
		for (; at > 0 && compare(entry, order[at - 1]) < 0; at--)
			order[at] = order[at - 1];
		order[at] = entry;
	}
	digest_add_u64(digest, count);
	for (size_t i = 0; i < count; i++)
		add(digest, order[i]);
}

static int by_alt(const void *left, const void *right)
{
	const struct family_alt *a = left, *b = right;
	return (int)a->alt - (int)b->alt;
}

static int by_region(const void *left, const void *right)
{
	const struct family_region *a = left, *b = right;
	return strcmp(a->name, b->name);
}

static int by_key_slot(const void *left, const void *right)
{
	const struct family_key_slot *a = left, *b = right;
	return strcmp(a->name, b->name);
}

static int by_image(const void *left, const void *right)
{
	const struct plan_region *a = left, *b = right;
	int names = strcmp(a->region->name, b->region->name);
	return names ? names : (a->addr > b->addr) - (a->addr < b->addr);
}

static void put_image(struct digest *digest, const void *entry)
{
	const struct plan_region *region = entry;
	digest_add_text(digest, "image");
	digest_add_text(digest, region->region->name);
	digest_add_u64(digest, region->addr);
	digest_add_blob(digest, region->bytes, region->len);
}

static void add_family(struct digest *digest, const struct family *family)
{
	add_identity(digest, family);
	add_sorted(digest, family->alts, family->alt_count, sizeof *family->alts, by_alt, put_alt);
	add_sorted(digest, family->regions, family->region_count, sizeof *family->regions,
		by_region, put_region);
	add_sorted(digest, family->key_slots, family->key_slot_count, sizeof *family->key_slots,
		by_key_slot, put_key_slot);
	add_image_rules(digest, &family->images);
}

static int by_requirement(const void *left, const void *right)
{
	const struct job_requirement *a = left, *b = right;
	return strcmp(a->name, b->name);
}

static void put_requirement(struct digest *digest, const void *entry)
{
	const struct job_requirement *wanted = entry;
	digest_add_text(digest, wanted->name);
	digest_add_u64(digest, wanted->value);
}

/* Without any it adds nothing: the hashes of other plans stay as they were. */
static void add_requirements(struct digest *digest, const struct plan *plan)
{
	const struct job *job = &plan->job;
	const struct option_bytes *options = &plan->family.options;
	if (!job->requirement_count)
		return;
	digest_add_text(digest, "requirements");
	digest_add_u64(digest, options->alt);
	digest_add_u64(digest, options->addr);
	digest_add_u64(digest, options->field_count);
	for (size_t i = 0; i < options->field_count; i++) {
		digest_add_text(digest, options->fields[i].name);
		digest_add_u64(digest, options->fields[i].offset);
		digest_add_u64(digest, options->fields[i].size);
		digest_add_u64(digest, options->fields[i].mask);
	}
	add_sorted(digest, job->requirements, job->requirement_count, sizeof *job->requirements,
		by_requirement, put_requirement);
}

static void add_keys(struct digest *digest, const struct plan *plan)
{
	digest_add_text(digest, "device key");
	digest_add_u64(digest, plan->device_key.wanted);
	if (plan->device_key.wanted) {
		digest_add_text(digest, plan->device_key.slot->name);
		digest_add_u64(digest, plan->device_key.policy);
	}
	digest_add_text(digest, "server key");
	digest_add_u64(digest, plan->server_key.wanted);
	if (plan->server_key.wanted) {
		digest_add_text(digest, plan->server_key.slot->name);
		digest_add_blob(digest, plan->server_key.bytes, plan->server_key.slot->format.size);
	}
}

/* A virtual cloud listens on another port each time, and is the same cloud. */
static void add_enrol(struct digest *digest, const struct plan_enrol *enrol, bool virtual_cloud)
{
	digest_add_text(digest, "enrol");
	digest_add_u64(digest, enrol->wanted);
	if (!enrol->wanted)
		return;
	digest_add_text(digest, enrol->cloud.name);
	digest_add_u64(digest, enrol->cloud.api);
	digest_add_text(digest, virtual_cloud ? NULL : enrol->cloud.url);
	digest_add_text(digest, enrol->product_id);
}

static void add_images(struct digest *digest, const struct plan *plan)
{
	add_sorted(digest, plan->regions, plan->region_count, sizeof *plan->regions, by_image,
		put_image);
}

/* How a unit comes back from a stage, and when, is no part of the product. */
static void add_stages(struct digest *digest, const struct plan *plan)
{
	for (size_t i = 0; i < plan->before_count; i++) {
		digest_add_text(digest, "stage");
		add_images(digest, plan->before[i]);
		digest_add_text(digest, plan->job.stages[i].runs);
	}
}

bool plan_hash(struct plan *plan, bool virtual_cloud, struct err *err)
{
	struct digest *digest = digest_begin();
	digest_add_text(digest, "station plan 1");
	add_family(digest, &plan->family);
	add_stages(digest, plan);
	add_images(digest, plan);
	add_keys(digest, plan);
	add_enrol(digest, &plan->enrol, virtual_cloud);
	add_requirements(digest, plan);
	return digest_end(digest, plan->sha256, err);
}
