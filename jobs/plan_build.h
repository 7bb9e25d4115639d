/* SPDX-License-Identifier: Apache-2.0 */
/* A plan in the making; inside this folder only. Each part looks at everything it can and reports
 * what it finds with plan_refuse, rather than stop at the first mistake. */
#pragma once

#include "plan.h"

/* One image of the job, at the job's index. */
struct plan_source {
	const struct family_region *region; /* NULL: unknown or unusable */
	const struct family_region *linked; /* where it is linked to run; the region itself if it says nothing else */
	const struct family_region *area; /* PHASE_STAGED: where the image waits; NULL otherwise */
	const struct family_alt *alt, *area_alt;
	struct image image; /* len 0: could not be loaded */
	uint64_t start, end; /* on the alternate setting, to whole sectors where it has them; 0, 0: nowhere */
};

struct plan_build {
	struct plan *plan;
	const struct plan_options *options;
	struct plan_source sources[JOB_IMAGES_MAX]; /* as many as the job has images */
	void (*errors)(void *context, const char *text);
	void *context;
	struct err *err; /* the first refusal */
	unsigned refusals;
};

/* Each reason to refuse: "JOB:LINE: text"; line 0 leaves the line out. */
void plan_refuse(struct plan_build *build, unsigned line, const char *format, ...) PRINTF_LIKE(3,
	4);
/* "images[1] (system-part2): FILE: text" at the image's line. */
void plan_refuse_image(struct plan_build *build, size_t i, const char *format, ...) PRINTF_LIKE(3,
	4);

/* plan_images.c: finds regions, reads files, judges each image and all of them together. */
void plan_take_images(struct plan_build *build);
/* plan_place.c: where images lie in the flash, and what they share. The second part needs that
 * nothing was refused; it fills regions, extents, sectors and the read-only memory. */
void plan_check_places(struct plan_build *build);
bool plan_place(struct plan_build *build, struct err *err) MUST_CHECK;
/* plan_keys.c: key slots, server key, enrolment. */
void plan_take_keys(struct plan_build *build);
/* plan_hash.c: fills sha256. Needs all the rest. */
bool plan_hash(struct plan *plan, bool virtual_cloud, struct err *err) MUST_CHECK;
