/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnosing a unit that came back, read only: what stands in its memory against its last PASS, the
 * given job and our other images; its keys against our record and the cloud; its settings. Nothing is
 * written to the unit, and it stays in DFU, since some write their flags on a leave. Findings go into
 * the record as they are made. docs/returns.md. Blocks for the transfers; one thread. */
#pragma once

#include "cancel.h"
#include "cloud.h"
#include "dfu.h"
#include "finding.h"
#include "look.h"
#include "plan.h"
#include "record.h"
#include "returned_units.h"

/* A unit at the bench, open in DFU. */
struct returned {
	struct dfu *dfu;
	const struct family *family;
	const struct plan *plan; /* NULL: no job was given; of any family */
	struct record *record;
	const struct config_cloud *cloud; /* to be asked which key it holds; NULL: is not asked */
	struct cloud *sender; /* of that cloud, if somebody has it open; NULL: one is opened */
	const char *attempt_id, *device_id; /* "" not known */
	const struct cancel *cancel;
	/* filled in by diagnose */
	struct record_unit unit;
	struct record_left left;
	struct look looks[FAMILY_REGIONS_MAX]; /* as the family's regions */
	bool records_invalid;                  /* record memory reads zeros only */
	/* By alternate setting: where its memory ends that is smaller than it says; 0: it is not. */
	uint32_t ends[UINT8_MAX + 1];
	struct public_key key; /* of the private key on it; fingerprint "": none that it can use */
	bool cloud_answered;
	char cloud_holds[KEY_FINGERPRINT]; /* then; "" no key of this unit */
};

/* Begins and ends a step of the attempt for each part. False if the unit is gone, somebody stopped it,
 * or the record failed; what was found until then stands in *ret all the same. */
bool diagnose(struct returned *unit, struct findings *ret, struct err *err) MUST_CHECK;

/* The same part by part, for a procedure that has steps of its own. The parts come in their order; one
 * that reads is of no use for a unit that is not ours. */
struct diagnose_part {
	const char *step;  /* in the record; stable */
	const char *words; /* for people */
	bool (*run)(struct returned *unit, struct findings *findings, struct err *err);
	bool reads;
};
enum { DIAGNOSE_PARTS = 4 };
const struct diagnose_part *diagnose_part(unsigned index);

/* Into the record: the findings from the one at begin on. */
bool diagnose_keep(const struct returned *unit, const struct findings *findings, size_t begin,
	struct err *err) MUST_CHECK;
/* The same for whoever has findings but no diagnosis. */
bool diagnose_keep_for(struct record *record, const char *attempt_id,
	const struct findings *findings, size_t begin, struct err *err) MUST_CHECK;

/* The parts, one in each file; diagnose.c has the first. */
bool diagnose_history(struct returned *unit, struct findings *findings, struct err *err) MUST_CHECK;
bool diagnose_images(struct returned *unit, struct findings *findings, struct err *err) MUST_CHECK;
bool diagnose_keys(struct returned *unit, struct findings *findings, struct err *err) MUST_CHECK;
bool diagnose_settings(
	struct returned *unit, struct findings *findings, struct err *err) MUST_CHECK;
/* Of diagnose_images: memory that is smaller than it says, and the chip's option bytes. */
bool diagnose_repeats(struct returned *unit, struct findings *findings, struct err *err) MUST_CHECK;
bool diagnose_options(struct returned *unit, struct findings *findings, struct err *err) MUST_CHECK;

/* The job that makes the unit good again, in words: "photon-tinker", "a job of the family photon". */
void diagnose_repair_job(const struct returned *unit, char *to, size_t cap);
