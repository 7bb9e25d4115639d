/* SPDX-License-Identifier: Apache-2.0 */
/* What a diagnosis keeps and asks: findings of an attempt, and what the database knows of the images
 * and keys that a unit may carry. Errors and threads as in record.h. */
#pragma once

#include "record.h"

enum { RECORD_NAME = 64, RECORD_KNOWN_IMAGES_MAX = 64 };

/* state "good", "note", "fault" or "unknown"; code is the finding's (docs/returns.md), detail its
 * evidence. The attempt is still open. */
bool record_finding(struct record *record, const char *attempt_id, const char *subject,
	const char *state, const char *code, const char *detail, struct err *err) MUST_CHECK;

/* An image that some batch of ours wrote. */
struct record_known_image {
	bool left_with; /* by the last stage of the newest batch that made this very unit (PASS or HELD) */
	uint32_t addr, size;
	int version;                  /* -1: it has no module header */
	char sha256[RECORD_SEAL_HEX]; /* of the file */
	char file_name[RECORD_NAME], job_name[RECORD_NAME];
};
/* Those of a region of a family, what the unit left with first, then the newest first; each file
 * once, at most cap. device_id "" = not known. */
bool record_known_images(struct record *record, const char *family, const char *region,
	const char *device_id, struct record_known_image *ret, size_t cap, size_t *ret_count,
	struct err *err) MUST_CHECK;

/* How the unit left us: the newest attempt that made it (PASS or HELD). Texts are "" and
 * made_at is 0 where there is none. */
struct record_left {
	char attempt_id[UUID_TEXT], outcome[8], job_name[RECORD_NAME], cloud[RECORD_NAME],
		family[RECORD_NAME];
	int64_t made_at; /* UTC ms */
	/* The key of the unit that is enrolled now, by our record. */
	char enrolled[KEY_FINGERPRINT];
};
bool record_left_with(struct record *record, const char *device_id, struct record_left *ret,
	struct err *err) MUST_CHECK;

/* --- keys --- */

/* A key that is proven on the unit of an attempt, and that the cloud holds for it, whatever our record
 * says: it is "enrolled" now, a found one (no attempt made it) if it was not known, and older ones
 * retire. The attempt tells of it in an observation. */
#define RECORD_KEY_ADOPTED "key-adopted"
bool record_key_adopt(struct record *record, const char *attempt_id, const struct public_key *key,
	enum record_proof proof, struct err *err) MUST_CHECK;
/* True in *ret if an attempt of this device that was INTERRUPTED made the key, none has finished
 * with it since, and no cloud has refused it. */
bool record_key_begun(struct record *record, const char *device_id, const char *fingerprint,
	bool *ret, struct err *err) MUST_CHECK;
#define RECORD_KEY_PUT_BACK "key-put-back" /* the observation, its value the fingerprint */
/* The key of the open attempt is not on the unit any more, and what stood there before is again:
 * "abandoned", and its enrolment closed. The key that was "enrolled" before is so again; without one
 * (""), the key on_unit is "on-device" again, if our record knows it. */
bool record_key_put_back(struct record *record, const char *attempt_id, const char *on_unit,
	const char *enrolled, struct err *err) MUST_CHECK;
