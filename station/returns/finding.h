/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of a diagnosis: the one table of what can be found on a unit that comes back, what its
 * owner would have seen, what mends it, and what it means for the verdict. Codes are stable: they are
 * stored. docs/returns.md has the same for people. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

enum finding_state {
	FINDING_GOOD, /* looked at, and as it should be */
	FINDING_NOTE, /* worth knowing; the unit works with it */
	FINDING_FAULT,
	FINDING_UNKNOWN /* could not be told */
};

/* What mends it, or that nothing here does. */
enum finding_means {
	REPAIR_IMAGES = 1,
	REPAIR_DEVICE_KEY = 2,
	REPAIR_SERVER_KEY = 4,
	REPAIR_WIPE = 8, /* an owner's data is on it */
	MEANS_FLASH_DEFECT = 16,
	MEANS_SWD = 32,
	MEANS_NOT_OURS = 64,
	MEANS_UNREADABLE = 128,
	REPAIR_ANY = REPAIR_IMAGES | REPAIR_DEVICE_KEY | REPAIR_SERVER_KEY | REPAIR_WIPE
};

/* name, code, usual state, what it means, what the owner would have seen, remedy */
#define FINDINGS(X) \
	/* the unit */ \
	X(UNIT_KNOWN, "unit-known", GOOD, 0, "", "") \
	X(UNIT_UNKNOWN, "unit-unknown", NOTE, 0, "", \
		"a job says what it is to become") \
	X(UNIT_SET_ASIDE, "unit-set-aside", NOTE, 0, "", \
		"station mark released, once it is clear why it was set aside") \
	X(NO_DEVICE_ID, "no-device-id", UNKNOWN, 0, "", \
		"give --device-id with the id on its label") \
	X(OTHER_FAMILY, "other-family", FAULT, MEANS_NOT_OURS, "", \
		"take a job of the family that the unit is of") \
	X(OTHER_LAYOUT, "layout-differs", FAULT, MEANS_NOT_OURS, "", \
		"find out what board it is; the profile does not describe it") \
	X(UNREADABLE, "unreadable", FAULT, MEANS_UNREADABLE, "", \
		"another cable and port, power off and on, then diagnose again; one that never answers needs SWD") \
	X(TOO_MANY, "too-many-findings", FAULT, MEANS_UNREADABLE, "", \
		"mend what is listed, then diagnose again") \
	/* memory */ \
	X(FLASH_REPEATS, "flash-repeats", NOTE, 0, "", \
		"early units have such a flash; of another one diagnose --exercise tells what it is worth") \
	/* option bytes */ \
	X(OPTIONS, "option-bytes", GOOD, 0, "", "") \
	X(OPTIONS_WRONG, "option-bytes-wrong", FAULT, MEANS_SWD, \
		"nothing, until it matters: with another brown-out level it hangs on a weak supply", \
		"set them with ST's tool; the station does not write them") \
	X(READ_PROTECTED, "read-protected", FAULT, MEANS_UNREADABLE, "", \
		"lift it with ST's tool, which erases all of it, keys too; then it is made anew") \
	X(WRITE_PROTECTED, "write-protected", FAULT, MEANS_SWD, \
		"nothing: it only takes no other image", \
		"lift it in the option bytes with ST's tool; the station does not") \
	/* images */ \
	X(IMAGE_SAME, "image-same", GOOD, 0, "", "") \
	X(IMAGE_OTHER, "image-other-version", NOTE, 0, "", "") \
	X(IMAGE_UNKNOWN, "image-unknown", NOTE, 0, "", "") \
	X(IMAGE_UNPROVEN, "image-unproven", UNKNOWN, 0, "", "give --job to have it compared") \
	X(IMAGE_DAMAGED, "image-damaged", FAULT, REPAIR_IMAGES, \
		"application: breathing magenta, or a red SOS; system: blinking yellow or dark; factory " \
		"image: nothing, until a reset to it ends in blinking yellow", \
		"write the images again; if the same address fails again, its flash is suspect") \
	X(IMAGE_BLANK, "image-blank", FAULT, REPAIR_IMAGES, \
		"without an application breathing magenta; without a system blinking yellow, whatever is done", \
		"write the images") \
	X(IMAGE_OTHER_FAMILY, "image-other-family", FAULT, REPAIR_IMAGES, \
		"breathing magenta, or blinking yellow: it never starts the application", \
		"write the images of its own family") \
	X(IMAGE_MISPLACED, "image-misplaced", FAULT, REPAIR_IMAGES, \
		"breathing magenta, or blinking yellow: nothing runs from there", \
		"write the images; addresses come from the job, not by hand") \
	X(IMAGE_LEFTOVER, "image-leftover", NOTE, 0, "", \
		"what an update left; if there was none, its flash is suspect") \
	X(DEPENDENCY, "dependency", FAULT, REPAIR_IMAGES, "breathing magenta (safe mode)", \
		"write system parts and application that fit each other") \
	X(PARTS_INVALID, "system-parts-invalid", FAULT, REPAIR_IMAGES, \
		"blinking yellow, or magenta without end", \
		"write the system parts; keys and settings can be looked at after that") \
	X(BOOTLOADER_DAMAGED, "bootloader-damaged", FAULT, MEANS_SWD, \
		"no light but a dim blue one at the next power-up", \
		"write it by SWD, or give a job that brings a bootloader, if its family can stage one") \
	/* keys */ \
	X(DEVICE_KEY_ENROLLED, "device-key-enrolled", GOOD, 0, "", "") \
	X(DEVICE_KEY_MISSING, "device-key-missing", FAULT, REPAIR_DEVICE_KEY, \
		"fast cyan, then red or orange bursts: the handshake fails", \
		"give it a new key and enrol that") \
	X(DEVICE_KEY_UNUSABLE, "device-key-unusable", FAULT, REPAIR_DEVICE_KEY, \
		"fast cyan, then an orange burst: it cannot read what the cloud sends", \
		"give it a new key and enrol that") \
	X(DEVICE_KEY_MISMATCH, "device-key-mismatch", FAULT, REPAIR_DEVICE_KEY, \
		"fast cyan, then an orange burst: it never gets past the handshake", \
		"give it a new key and enrol that") \
	X(DEVICE_KEY_TWICE, "device-key-of-another", FAULT, REPAIR_DEVICE_KEY, \
		"fast cyan, then an orange burst; or it takes turns with the other unit", \
		"keep both units apart, find out which is which, then new keys for both") \
	X(DEVICE_KEY_UNPROVEN, "device-key-unproven", UNKNOWN, 0, "", \
		"ask the cloud's owner which key it holds, or give it a new one") \
	X(CLOUD_KEY_SAME, "cloud-key-same", GOOD, 0, "", "") \
	X(CLOUD_KEY_DIFFERS, "cloud-key-differs", FAULT, REPAIR_DEVICE_KEY, \
		"fast cyan, then an orange burst", "give it a new key and enrol that") \
	X(CLOUD_KEY_ABSENT, "cloud-key-absent", FAULT, REPAIR_DEVICE_KEY, \
		"fast cyan, then red bursts: the cloud does not know it", "enrol a key of it") \
	X(CLOUD_KEY_UNPROVEN, "cloud-key-unproven", UNKNOWN, 0, "", "") \
	X(CLOUD_NOT_ASKED, "cloud-not-asked", UNKNOWN, 0, "", "") \
	X(SERVER_KEY_SAME, "server-key-same", GOOD, 0, "", "") \
	X(SERVER_KEY_MISSING, "server-key-missing", FAULT, REPAIR_SERVER_KEY, \
		"cyan, then red bursts; newer firmware helps itself to its maker's own cloud", \
		"write the server key") \
	X(SERVER_KEY_WRONG, "server-key-wrong", FAULT, REPAIR_SERVER_KEY, \
		"cyan, then magenta or red bursts: it does not believe the server", \
		"write the server key") \
	X(SERVER_KEY_UNUSABLE, "server-key-unusable", FAULT, REPAIR_SERVER_KEY, \
		"cyan, then red bursts", "write the server key") \
	X(SERVER_ADDRESS_WRONG, "server-address-wrong", FAULT, REPAIR_SERVER_KEY, \
		"orange, blinking three times: it reaches the internet, not the cloud", \
		"write the server key with its address") \
	X(SERVER_KEY_UNPROVEN, "server-key-unproven", UNKNOWN, 0, "", \
		"give --job to have it compared") \
	/* settings */ \
	X(CLAIMED, "claimed", NOTE, REPAIR_WIPE, "", \
		"have its owner release it in the cloud, then wipe it") \
	X(NOT_CLAIMED, "not-claimed", GOOD, 0, "", "") \
	X(FLAG_SET, "flag-set", NOTE, 0, "", "") \
	X(CUSTOMER_DATA, "customer-data", NOTE, REPAIR_WIPE, "", \
		"wipe it before somebody else gets the unit") \
	X(CUSTOMER_HIDDEN, "customer-data-hidden", UNKNOWN, 0, "", \
		"clear it on the unit: hold its button until the light turns white") \
	/* --exercise, and what it left */ \
	X(FLASH_GOOD, "flash-good", GOOD, 0, "", "") \
	X(FLASH_BAD, "flash-bad", FAULT, MEANS_FLASH_DEFECT, \
		"what is written there is not what is read: updates fail, or data is lost", \
		"set it aside: replace its flash, or scrap it") \
	X(FLASH_SIZE, "flash-size", FAULT, MEANS_FLASH_DEFECT, \
		"updates or an application's data destroy its keys: it never gets online again", \
		"set it aside: its flash is a smaller part than belongs there") \
	X(SIZE_UNPROVEN, "flash-size-unproven", UNKNOWN, 0, "", "") \
	X(NOT_EXERCISED, "not-exercised", UNKNOWN, 0, "", "") \
	X(RESTORED, "exercise-restored", NOTE, 0, "", "") \
	X(RESTORE_ASIDE, "exercise-set-aside", UNKNOWN, 0, "", \
		"if what stands there is of no use, diagnose again with --put-back") \
	X(RESTORE_UNPROVEN, "exercise-unproven", UNKNOWN, 0, "", \
		"make sure that the label is this unit's own, then diagnose again with --put-back") \
	X(NOT_RESTORED, "exercise-not-restored", FAULT, MEANS_FLASH_DEFECT, "", \
		"set it aside; its old contents are kept in the state folder, in exercise/")

enum finding_code {
#define X(name, ...) FINDING_CODE_##name,
	FINDINGS(X)
#undef X
		FINDING_CODES
};

struct finding_info {
	const char *code;
	enum finding_state state;
	unsigned means;            /* of enum finding_means */
	const char *seen, *remedy; /* "" nothing; no full stop */
};

const struct finding_info *finding_info(enum finding_code code);
const char *finding_state_name(enum finding_state state); /* as the record has it */

enum { FINDINGS_MAX = 96, FINDING_SUBJECT_MAX = 32 };

struct finding {
	enum finding_code code;
	enum finding_state state; /* the usual one unless whoever found it knew better */
	unsigned means;
	char subject[FINDING_SUBJECT_MAX]; /* "unit", a region, a key slot, a setting */
	char evidence[ERR_TEXT_MAX];       /* what was read; never a byte of a key */
};

/* One too many becomes the finding TOO_MANY in the last place. Zero-initialise. */
struct findings {
	struct finding list[FINDINGS_MAX];
	size_t count;
};

/* In its usual state; the finding may be changed through the pointer, which is never NULL. */
struct finding *finding_add(struct findings *findings, enum finding_code code, const char *subject,
	const char *format, ...) PRINTF_LIKE(4, 5);
/* The first of this code, of this subject (NULL: any); NULL: there is none. */
const struct finding *finding_of(
	const struct findings *findings, enum finding_code code, const char *subject);
/* As it is, in a region or of a kind where nothing depends on it: a note that wants nothing. */
void finding_soften(struct finding *finding);

enum verdict {
	VERDICT_HEALTHY,
	VERDICT_REPAIRABLE,
	VERDICT_FLASH_DEFECTIVE,
	VERDICT_NEEDS_SWD,
	VERDICT_UNREADABLE,
	VERDICT_NOT_OURS,
	VERDICTS
};

/* By the faults alone; the worst one decides. */
enum verdict verdict_of(const struct findings *findings);
/* What there is to be done, of REPAIR_ANY: by faults, and by notes too. */
unsigned repairs_of(const struct findings *findings);
const char *verdict_name(enum verdict verdict);  /* "healthy", "repairable", "flash-defective"... */
const char *verdict_words(enum verdict verdict); /* for people */
