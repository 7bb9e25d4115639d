/* SPDX-License-Identifier: Apache-2.0 */
/* The plan: a job made concrete against its family and files, and checked. Every reason to refuse
 * is found here, before any unit is touched; from then on the plan is const, shared by all workers,
 * and its images lie in read-only memory, so that a file that changes under a batch changes
 * nothing.
 *
 * plan_sha256 covers what makes the product: the family's identity, regions, key slots and image
 * rules; the image bytes and addresses; key policies; server key; enrolment target; of stages before
 * the last, their images and what they leave unproven. Same plan, same product. Names, comments,
 * timings, quirks, limits, write and after do not count. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "family.h"
#include "image.h"
#include "job.h"
#include "module.h"
#include "recipient.h"

enum { PLAN_SECTORS_MAX = 1024, PLAN_REGIONS_MAX = 256, PLAN_EXTENTS_MAX = PLAN_REGIONS_MAX,
	PLAN_STANDS_MAX = 2 * PLAN_EXTENTS_MAX };

/* When a region is written. */
enum plan_phase {
	PHASE_PARTS,  /* system parts: first, in a DFU session of their own */
	/* What the unit's firmware puts in its place, from the region where it waits:
	 * in the next session. */
	PHASE_STAGED,
	PHASE_IMAGES  /* everything else */
};

/* One run of bytes of an image at its place. An image file that names addresses gives several, also of one
 * region; a region has runs of one image only. */
struct plan_region {
	const struct family_region *region;
	enum plan_phase phase;
	size_t image; /* index in the job */
	const char *file_name; /* without its folder; points into the job */
	char sha256[SHA256_HEX]; /* of the file */
	bool pinned; /* the job named this sha256 */
	bool has_module; /* then the run is the whole of it and begins at the region's start */
	struct module_header module;
	uint32_t addr;
	const uint8_t *bytes; /* into the extent's; read-only memory */
	uint32_t len;	      /* of the run */
	size_t extent;	      /* index of the extent that holds it */
	/* What is sent for it: whole blocks, counted from the extent's start and ending with it, without those that go
	 * with a run before it, so that no byte is programmed twice. MEMORY_RECORD: exactly the run. */
	uint32_t write_addr, write_len;
	const uint8_t *write_bytes;
};

/* A run of whole sectors that the plan owns on one alternate setting, with the bytes that they will
 * hold: images, and FF between and behind them. Runs that touch are one. On MEMORY_RECORD, which
 * has no sectors to own, exactly the bytes of one region entry. One of PHASE_STAGED is written by the
 * unit's firmware and only read by DFU. */
struct plan_extent {
	uint8_t alt;
	enum plan_phase phase;
	uint32_t addr, len;
	const uint8_t *expected; /* len bytes, read-only memory */
};

/* A sector to erase, once. Sorted by phase, alt, address. Those of PHASE_STAGED lie where the image
 * waits, and what they hold in the end is not the plan's business. */
struct plan_sector {
	uint8_t alt;
	enum plan_phase phase;
	uint32_t addr, size;
};

struct plan_server_key {
	bool wanted;
	const struct family_key_slot *slot;
	uint8_t bytes[KEYSLOT_MAX]; /* slot->format.size of them, as they will stand on the unit */
	struct public_key key;
	struct server_address address; /* what the bytes say; host "" = none */
	char file_name[FS_PATH_MAX];
	char file_sha256[SHA256_HEX];
};

struct plan_device_key {
	bool wanted;
	const struct family_key_slot *slot;
	enum job_key_policy policy;
};

struct plan_enrol {
	bool wanted;
	struct config_cloud cloud; /* a virtual one has the job's name for it */
	char product_id[JOB_TEXT_MAX];
};

struct plan {
	char sha256[SHA256_HEX];
	struct family family; /* a copy: the plan points into it */
	struct job job;
	struct plan_region regions[PLAN_REGIONS_MAX]; /* in the order of writing */
	size_t region_count;
	struct plan_extent extents[PLAN_EXTENTS_MAX];
	size_t extent_count;
	struct plan_sector sectors[PLAN_SECTORS_MAX];
	size_t sector_count;
	struct plan_server_key server_key;
	struct plan_device_key device_key;
	struct plan_enrol enrol;
	struct recipients recipients; /* of backups, pinned where the job says so; not of the product */
	bool has_parts; /* some region is PHASE_PARTS */
	const struct plan_region *staged; /* the one region that is PHASE_STAGED, or NULL */
	const struct family_region *staged_area; /* where its image waits: the first bytes of this region */
	unsigned stage; /* of the job: the one whose images these are. The last one makes the product */
	/* The stages before it, each a plan of its own: the same job and family, its images and nothing
	 * else. Owned. */
	struct plan *before[JOB_STAGES_MAX - 1];
	size_t before_count;
	/* What the memory holds when the stage is done: its extents, and what earlier stages wrote and
	 * none took over since. */
	struct plan_extent stands[PLAN_STANDS_MAX];
	size_t stand_count;
	void *memory;	/* the read-only mapping */
	size_t memory_len;
};

/* Where to look, and what the command line says. */
struct plan_options {
	const struct config *config;
	const char *cloud_url; /* a rehearsal's virtual cloud: any cloud name is this one; NULL otherwise */
	const char *cloud_ca_file;
	const char *cloud_token_file;
	enum cloud_api cloud_api; /* that it is spoken to with */
	bool want_pins;	  /* a real run: every image needs its sha256 in the job */
	bool ignore_pins; /* the hashes in the job are about to be replaced */
};

/* Reads the job, its family, images and server key; checks; *ret is heap, freed by plan_free.
 * All reasons to refuse are found: errors is called for each with its text (NULL: only the
 * first, in err), and err gets the first. Reads files and nothing else; the same files give the
 * same plan. REASON_INPUT. */
bool plan_make(const char *job_path, const struct plan_options *options,
	void (*errors)(void *context, const char *text), void *context, struct plan **ret,
	struct err *err) MUST_CHECK;
void plan_free(struct plan *plan); /* takes NULL */
/* May units be backed up for the job's recipients now (UTC ms)? want_pins: they are real ones. REASON_INPUT. */
bool plan_can_back_up(
	const struct plan *plan, bool want_pins, int64_t now, struct err *err) MUST_CHECK;

/* Transfers' worth of a run: blocks of the family's transfer size. */
uint32_t plan_blocks(const struct plan *plan, const struct plan_region *region);

/* A stage by its index in the job; the plan itself is the last one. */
const struct plan *plan_stage(const struct plan *plan, unsigned stage);
/* The module of this kind (its version does not matter) that stands on the unit after a stage, by the
 * newest of the stages up to it that writes one where it runs; NULL: none does. */
const struct plan_region *plan_module(
	const struct plan *plan, unsigned stage, const struct module_dependency *wanted);
