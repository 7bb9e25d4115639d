/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be done with a unit that came back: its findings, the job's policies and what we know of
 * its key, made into acts. What cannot be told is decided as if it were the worse. Pure; any thread.
 * docs/returns.md has the same for people. */
#pragma once

#include "finding.h"
#include "look.h"
#include "plan.h"
#include "returned_units.h"

enum {
	DECIDE_WIPES_MAX = SETTINGS_MAX + 2 * FAMILY_REGIONS_MAX,
	DECIDE_STEPS_MAX = SETTINGS_MAX + SETTINGS_HIDDEN_MAX,
	DECIDE_STEP_MAX = SETTING_TEXT_MAX + FAMILY_NOTE_MAX + 64,
	DECIDE_RESALE_MAX = ERR_TEXT_MAX
};

/* A range that is to be idle. In NOR memory whole sectors without a byte of the plan's or of a key. */
struct decide_wipe {
	char name[SETTING_NAME_MAX]; /* of the setting or region; a region may come in pieces */
	uint8_t alt;
	uint32_t addr, size;
	uint8_t idle; /* what each byte of it becomes; FF in NOR */
	bool owners;  /* an owner's data; otherwise a flag of the unit's next boot */
};

/* What is known beside the findings. */
struct decide_facts {
	const struct plan *plan; /* of the unit's family, or the findings say otherwise */
	/* As the family's regions; NULL: what the modules need is not known. */
	const struct look *looks;
	const struct record_left *left; /* NULL: our record did not make it */
	/* By alternate setting, where the memory is smaller than it says; 0: it is not. NULL: none is. */
	const uint32_t *ends;
	bool records_invalid; /* keys and settings in record memory could not be judged */
	bool backed_up;       /* this attempt has a checked backup of the unit */
	bool key_resumed; /* its key is one that an attempt of ours wrote and did not finish with */
};

struct decision {
	/* NONE: go on. Otherwise the unit is set aside, untouched by this attempt. */
	enum reason reason;
	char why[ERR_TEXT_MAX];
	bool new_device_key; /* otherwise what is there stays, and is proven and enrolled */
	bool new_server_key; /* otherwise it is right already, and is only compared */
	enum job_write write;
	struct decide_wipe wipes[DECIDE_WIPES_MAX];
	size_t wipe_count;
	unsigned acts; /* of enum repair_act: what cannot be undone by the station alone */
	char loses[ERR_TEXT_MAX]; /* what its owner loses, in words; "" nothing */
	/* What only a person can do, in words; until then the unit is not for resale. */
	char steps[DECIDE_STEPS_MAX][DECIDE_STEP_MAX];
	size_t step_count;
	/* May somebody else get the unit? As the observation "resale" of the attempt has it: "yes",
	 * "no: by hand: ..." until the steps are done, "no: kept: ..." for what the job keeps. */
	bool for_resale;
	char resale[DECIDE_RESALE_MAX];
};

void decide(
	const struct decide_facts *facts, const struct findings *findings, struct decision *ret);
/* These of its acts in words for people, one sentence without a full stop; "" for none. */
void decide_acts_text(const struct decision *decision, unsigned acts, char *to, size_t cap);
