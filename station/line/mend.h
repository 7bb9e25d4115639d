/* SPDX-License-Identifier: Apache-2.0 */
/* A re-provisioning: what its attempt knows of the unit beside what every attempt does, and the steps
 * that come before those of a provisioning. Nothing is changed on the unit before it is looked at,
 * backed up, decided, confirmed and agreed with the cloud. docs/returns.md. Of the slot's worker. */
#pragma once

#include "attempt.h"
#include "decide.h"
#include "diagnose.h"

struct mend {
	struct returned returned;
	struct findings findings;
	bool looked[DIAGNOSE_PARTS]; /* and what was found is in the record */
	bool key_resumed; /* an attempt of ours that was cut off has written what it carries */
	bool backed_up;   /* by this attempt, checked and recorded */
	bool resale_told; /* the record has what was decided of its resale, and was borne out */
	bool parts_stand; /* the system parts of the job, and only what differs is written: no need to start them */
	bool decided, confirmed, changes; /* changes: from here on the unit is not as it came */
	struct decision decision;
	char to_do[ERR_TEXT_MAX]; /* by it, in words; "" nothing */
	/* The device key's slot before this attempt wrote it; locked memory; NULL: it did not. */
	uint8_t *slot_before;
};

bool mend_new(struct attempt *attempt, struct err *err) MUST_CHECK;
void mend_free(struct mend *mend); /* takes NULL */

/* For the steps of a provisioning, whose plan is shared: what was decided for this unit. */
bool mend_writes_always(const struct attempt *attempt); /* false: only what differs */
bool mend_writes_server_key(const struct attempt *attempt);
/* Do the unit's system parts have to be written? */
bool mend_writes_parts(const struct attempt *attempt);
/* Once, before the device key's slot is written: what stands there is put back if the cloud does not
 * take the new key. Nothing to do in an attempt of another kind. */
bool mend_save_slot(struct attempt *attempt, const uint8_t *bytes, struct err *err) MUST_CHECK;

/* The steps. */
bool step_look_history(struct attempt *attempt, struct err *err);
bool step_look_images(struct attempt *attempt, struct err *err);
bool step_look_keys(struct attempt *attempt, struct err *err);
bool step_look_settings(struct attempt *attempt, struct err *err);
bool step_backup(struct attempt *attempt, struct err *err);
bool step_decide(struct attempt *attempt, struct err *err);
bool step_confirm(struct attempt *attempt, struct err *err);
bool step_wipe(struct attempt *attempt, struct err *err);
/* What was wiped still is; part of the deciding readback. */
bool mend_readback(struct attempt *attempt, struct err *err) MUST_CHECK;
/* Is there something that cannot be undone, and neither the job nor somebody has allowed it yet? */
bool mend_unconfirmed(const struct attempt *attempt);
/* What the person at the slot is asked then. The slot waits for the answer from here on. */
const char *mend_ask(struct attempt *attempt);
/* step_agree.c: the design's rule for a rotation. The cloud can be reached, and it holds nothing, the
 * key that the unit carries, or one that our record knows for it. Otherwise nothing is begun:
 * REASON_CLOUD_AWAY, CLOUD_CONFLICT, KEY_HIDDEN, CLOUD_REFUSED. */
bool step_agree(struct attempt *attempt, struct err *err);
/* Which key the cloud holds now, "" none; where its API shows that. CLOUD_AWAY, CLOUD_REFUSED. */
bool agree_look(
	struct attempt *attempt, char ret_holds[KEY_FINGERPRINT], struct err *err) MUST_CHECK;
/* A key that the unit carries and the cloud holds is the enrolled one, whatever our record says. */
bool agree_adopt(struct attempt *attempt, struct err *err) MUST_CHECK;

/* put_back.c: an attempt that failed (err says why) with a new key on the unit that the cloud does not
 * hold gets the old one back, or the text says what is on the unit. The session is still open if it
 * can be. */
void put_back(struct attempt *attempt, struct err *err);
bool step_put_back(struct attempt *attempt, struct err *err);
