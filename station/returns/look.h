/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in a region of a returned unit, judged against what should stand there: the images of
 * a given job, those that the unit left us with, others that we know. Judging is pure; reading
 * blocks for the transfers. One thread at a time. */
#pragma once

#include "dfu.h"
#include "finding.h"
#include "module.h"
#include "plan.h"
#include "returned_units.h"

/* One region. */
struct look {
	const struct family_region *region; /* NULL: not looked at */
	bool has_module;                    /* a header whose addresses make sense */
	bool sound; /* its sums are good, it belongs here, and it is the family's */
	struct module_header module;
};

/* What bytes are judged by. */
struct look_rules {
	const struct family *family;
	const struct plan *plan; /* NULL: none; of the same family */
	/* Of this region; what the unit left with is first. */
	const struct record_known_image *known;
	size_t known_count;
};

/* bytes are the whole region's. Adds what it finds; REASON_STATION if a digest cannot be made. */
bool look_judge(const struct look_rules *rules, const struct family_region *region,
	const uint8_t *bytes, struct look *ret, struct findings *findings,
	struct err *err) MUST_CHECK;
/* Does the job write to the region? */
bool look_is_planned(const struct plan *plan, const struct family_region *region);
/* The modules' needs, each against what stands where it should come from. looks has one entry for
 * each region of the family, in its order. */
void look_dependencies(
	const struct family *family, const struct look *looks, struct findings *findings);

/* Reads with one more try after a failure of the link. *ret_readable false: it cannot be read, which
 * is a finding; false if the unit is gone or somebody stopped it. */
bool look_read(struct dfu *dfu, const char *subject, uint8_t alt, uint32_t addr, uint8_t *ret,
	uint32_t len, struct findings *findings, bool *ret_readable, struct err *err) MUST_CHECK;
/* What a failed read leaves to do: once more after dfu_recover; the next thing, without its bytes. */
bool look_may_retry(const struct dfu *dfu, const struct err *err);
bool look_may_go_on(const struct dfu *dfu, const struct err *err);
