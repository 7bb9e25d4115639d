/* SPDX-License-Identifier: Apache-2.0 */
/* A plan in the making; inside this folder only. Each part looks at everything it can and reports
 * what it finds with plan_refuse, rather than stop at the first mistake. */
#pragma once

#include "plan.h"

/* A run of bytes of one image, on its way to a plan_region. */
struct plan_source {
	size_t image; /* index in the job */
	const struct family_region *region;
	const struct family_region *linked; /* where it is linked to run; the region itself if it says nothing else */
	const struct family_region *area; /* PHASE_STAGED: where the image waits; NULL otherwise */
	const struct family_alt *alt, *area_alt;
	uint32_t addr;
	const uint8_t *bytes; /* into images[image] */
	size_t len;
	bool has_module;
	struct module_header module;
	bool fits; /* inside its region */
	uint64_t start, end; /* on the alternate setting, to whole sectors where it has them; 0, 0: nowhere */
};

struct plan_build {
	struct plan *plan; /* of the stage in the making */
	struct plan *product; /* the plan that all this is for */
	const struct plan_options *options;
	struct image images[JOB_IMAGES_MAX]; /* as many as the job has; no runs: could not be loaded */
	struct plan_source sources[PLAN_REGIONS_MAX]; /* in the order of the job's images, then as these list them */
	size_t source_count;
	void (*errors)(void *context, const char *text);
	void *context;
	struct err *err; /* the first refusal */
	unsigned refusals;
};

/* Each reason to refuse: "JOB:LINE: text"; line 0 leaves the line out. */
void plan_refuse(struct plan_build *build, unsigned line, const char *format, ...) PRINTF_LIKE(3,
	4);
/* "images[1] (system-part2): text" at the image's line. */
void plan_refuse_image(struct plan_build *build, size_t i, const char *format, ...) PRINTF_LIKE(3,
	4);

/* plan_sources.c: reads the files and finds the region of each run: fills images and sources. */
void plan_take_sources(struct plan_build *build);
/* plan_images.c: where a module belongs, by what it is and where it is linked to run; NULL: nowhere in the family. */
const struct family_region *plan_home_of(const struct family *family, const struct module_header *module);
/* Judges each source and all of them together by what stands in them. */
void plan_check_images(struct plan_build *build);
/* plan_place.c: where images lie in the flash, and what they share. The second part needs that
 * nothing was refused; it fills regions, extents, sectors and the read-only memory. */
void plan_check_places(struct plan_build *build);
bool plan_place(struct plan_build *build, struct err *err) MUST_CHECK;
/* plan_stages.c: what else there is to say against a stage; and, when its images have their places, what
 * the memory then holds. */
void plan_check_stage(struct plan_build *build);
bool plan_stand(struct plan_build *build, struct err *err) MUST_CHECK;
/* plan_keys.c: key slots, server key, enrolment. */
void plan_take_keys(struct plan_build *build);
/* plan_require.c: what the job wants of a unit as it comes. */
void plan_check_requirements(struct plan_build *build);
/* plan_recipients.c: who can open backups. */
void plan_take_recipients(struct plan_build *build);
/* plan_hash.c: fills sha256. Needs all the rest. */
bool plan_hash(struct plan *plan, bool virtual_cloud, struct err *err) MUST_CHECK;
