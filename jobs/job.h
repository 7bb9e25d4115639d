/* SPDX-License-Identifier: Apache-2.0 */
/* The job as written: what a unit is to become. Nothing of it is looked up or checked against files
 * yet; that is the plan's (plan.h). jobs/core.cfg is the annotated example. Plain storage, bounded,
 * const after job_load. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "digest.h"
#include "err.h"
#include "family.h"
#include "fs.h"
#include "job_returns.h"

enum {
	JOB_NAME_MAX = 64,
	JOB_IMAGES_MAX = 16,
	JOB_TEXT_MAX = 64,
	JOB_REQUIREMENTS_MAX = 16,
	JOB_STAGES_MAX = 4
};

struct job_image {
	char region[FAMILY_NAME_MAX]; /* "" = the addresses in the file say it */
	char file[FS_PATH_MAX];
	char sha256[SHA256_HEX]; /* "" = not pinned */
	unsigned stage;          /* index of the stage that writes it */
	unsigned line;           /* in the job file, for messages */
};

/* How a unit gets back into DFU when the program of a stage has done its work. */
enum job_return {
	RETURN_BY_ITSELF, /* the program resets into DFU */
	RETURN_TOUCH,     /* the station asks it, by the family's ways */
	RETURN_OPERATOR   /* a person presses the buttons, and is told so */
};

/* All but the last stage end like this: the unit leaves DFU, runs what was written, and comes back
 * in DFU at the same slot. Of the last one, which makes the product, only line is filled. */
struct job_stage {
	char runs[JOB_TEXT_MAX]; /* what runs, for people; what it did cannot be read back */
	enum job_return comes_back;
	char tell[JOB_TEXT_MAX]; /* RETURN_OPERATOR: what to do, for the person */
	/* The work takes at least so long: the unit is left alone, and may not be back before. */
	uint32_t run_ms;
	uint32_t deadline_ms; /* from the leave until the unit is back in DFU */
	unsigned line;
};

enum job_key_policy { KEY_POLICY_NEW, KEY_POLICY_KEEP_VALID };

struct job_device_key {
	bool wanted;
	char slot[FAMILY_NAME_MAX];
	enum job_key_policy policy;
	unsigned line;
};

struct job_server_key {
	bool wanted;
	char slot[FAMILY_NAME_MAX];
	char file[FS_PATH_MAX];
	struct server_address address; /* host "": the block of the file */
	unsigned line;
};

struct job_enrol {
	bool wanted;
	char cloud[CONFIG_NAME_MAX];
	char product_id[JOB_TEXT_MAX];
	unsigned line;
};

/* What an option of the unit's chip has to be (config/option_bytes.h). */
struct job_requirement {
	char name[OPTION_NAME_MAX];
	uint32_t value;
	unsigned line;
};

enum job_write { WRITE_ALWAYS, WRITE_CHANGED };
enum job_after { AFTER_LEAVE, AFTER_RUNS };

struct job_limits {
	uint32_t retries; /* further tries of a step */
	uint32_t attempts_per_unit;
	uint32_t attempt_timeout_ms;
	uint32_t stop_after_failures; /* in a row, whole line; 0 = never */
	uint32_t slot_stop_after;     /* in a row, one slot; 0 = never */
	double min_yield;
	uint32_t min_yield_units;
};

struct job {
	char path[FS_PATH_MAX];
	char *text; /* the file as read, for the record; owned by the job */
	char name[JOB_NAME_MAX];
	char family[FAMILY_NAME_MAX];
	char part_number[JOB_TEXT_MAX], part_revision[JOB_TEXT_MAX];
	uint32_t quantity;                       /* 0 = until stopped */
	struct job_image images[JOB_IMAGES_MAX]; /* of all stages, in their order */
	size_t image_count;
	struct job_stage stages[JOB_STAGES_MAX];
	size_t stage_count; /* 1 for a job without stages */
	struct job_device_key device_key;
	struct job_server_key server_key;
	struct job_enrol enrol;
	bool slot_is_enough; /* units are made without a device id */
	struct job_requirement requirements[JOB_REQUIREMENTS_MAX];
	size_t requirement_count;
	enum job_write write;
	enum job_after after;
	struct job_limits limits;
	struct job_returns returns; /* of units that come back */
	unsigned family_line, slot_line;
};

/* REASON_INPUT with file:line: path. */
bool job_load(const char *path, struct job *ret, struct err *err) MUST_CHECK;
/* The same from memory; path is for messages and for relative paths. */
bool job_parse(const char *path, const char *text, size_t len, struct job *ret,
	struct err *err) MUST_CHECK;
void job_done(struct job *job); /* frees the text; takes NULL and a zero job */
/* Writes sha256 = "..." into the job file for each image and then each recipient of backups (as many
 * as count, in the job's order), everything else of the text unchanged, atomically. */
bool job_pin(const struct job *job, const char (*sha256)[SHA256_HEX], size_t count,
	struct err *err) MUST_CHECK;
