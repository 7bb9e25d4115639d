/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of reasons: why something did not go as asked, whose fault it was, what the line
 * does next and what a person does next. Errors carry a reason; the database, the displays and the
 * reports show its code. Codes are stable: they are stored. */
#pragma once

enum outcome {
	OUTCOME_NONE, /* still open */
	OUTCOME_PASS,
	OUTCOME_HELD,
	OUTCOME_FAIL,
	OUTCOME_SKIPPED,
	OUTCOME_REFUSED,
	OUTCOME_ABORTED,
	OUTCOME_INTERRUPTED,
	OUTCOME_COUNT
};

enum cause { CAUSE_NONE, CAUSE_UNIT, CAUSE_HANDLING, CAUSE_STATION, CAUSE_SERVICE, CAUSE_JOB, CAUSE_COUNT };

/* What the line does next. */
enum err_kind {
	ERR_NONE,
	ERR_INPUT,  /* somebody mends the job, the config or the command */
	ERR_LINK,   /* the step may be tried again on this unit */
	ERR_DEVICE, /* the unit is set aside; trying again would not help */
	ERR_CLOUD,  /* the enrolment is queued */
	ERR_REJECT, /* a person decides */
	ERR_STORE,  /* the line stops: what it does could not be recorded */
	ERR_CANCEL, /* put away cleanly, somebody asked to stop */
	ERR_BUG     /* our mistake: stop and report */
};

/* name, code, kind, outcome, cause, what happened, what to do next */
#define REASONS(X) \
	X(NONE, "", NONE, NONE, NONE, "", "") \
	/* input, before any unit is touched */ \
	X(INPUT, "bad-input", INPUT, ABORTED, JOB, \
		"The job, the config or an image is not usable", "mend what the message names") \
	/* the USB link */ \
	X(USB_STALL, "usb-stall", LINK, FAIL, UNIT, \
		"The unit refused a USB request", "try the unit once more, then set it aside") \
	X(USB_TIMEOUT, "usb-timeout", LINK, FAIL, UNIT, \
		"The unit did not answer in time", \
		"check cable and power, try the unit once more") \
	X(USB_GONE, "usb-gone", DEVICE, FAIL, HANDLING, \
		"The unit vanished from the bus", \
		"check cable, contact and power, plug it in again") \
	X(HUB_GONE, "hub-gone", DEVICE, ABORTED, STATION, \
		"The hub that the unit hangs on vanished", \
		"check the hub's cable and power; its slots go on when it is back") \
	X(OVER_CURRENT, "over-current", DEVICE, FAIL, UNIT, \
		"The unit drew more current than its port gives, and its power was cut", \
		"look for a short circuit on the unit and in its fixture") \
	X(POWER_NOT_SWITCHED, "power-not-switched", DEVICE, FAIL, STATION, \
		"The power of the port cannot be switched", \
		"use a hub that switches each port, or set power.cycle = false") \
	X(USB_IO, "usb-io", LINK, FAIL, UNIT, \
		"A USB transfer was damaged", "check the cable, try the unit once more") \
	X(USB_OVERFLOW, "usb-overflow", LINK, FAIL, UNIT, \
		"The unit sent more than was asked for", \
		"try the unit once more, then set it aside") \
	X(USB_SHORT, "usb-short", LINK, FAIL, UNIT, \
		"The unit moved fewer bytes than it should", \
		"try the unit once more, then set it aside") \
	X(USB_ACCESS, "usb-access", DEVICE, FAIL, STATION, \
		"The station may not open the unit", \
		"install the udev rule or run with the right user") \
	X(USB_BUSY, "usb-busy", DEVICE, FAIL, STATION, \
		"Another program holds the unit", "stop the other program") \
	X(USB_LOST, "bus-lost", STORE, ABORTED, STATION, \
		"The USB bus cannot be used any more", \
		"check the controller and start the line again") \
	X(DESCRIPTORS, "descriptors", DEVICE, FAIL, UNIT, \
		"The unit's USB descriptors make no sense", "set the unit aside") \
	/* DFU */ \
	X(DFU_STATUS, "dfu-status", LINK, FAIL, UNIT, \
		"The unit's bootloader reported an error", \
		"try the unit once more, then set it aside") \
	X(DFU_STATE, "dfu-state", LINK, FAIL, UNIT, \
		"The unit's bootloader is in an unexpected state", \
		"power the unit off and on, try once more") \
	X(DFU_STUCK, "dfu-stuck", LINK, FAIL, UNIT, \
		"The unit's bootloader stayed busy past its deadline", \
		"power the unit off and on, try once more") \
	X(LAYOUT, "layout-differs", DEVICE, FAIL, UNIT, \
		"The unit's memory layout is not the family's", \
		"check that the job's family is the unit's") \
	X(WRONG_FAMILY, "wrong-family", DEVICE, FAIL, HANDLING, \
		"The unit is not of the job's family", "take it out of this batch") \
	X(FLASH_BAD, "flash-bad", LINK, FAIL, UNIT, \
		"What was read back differs from what was written", \
		"set the unit aside: its flash is suspect") \
	X(READ_PROTECTED, "read-protected", DEVICE, FAIL, UNIT, \
		"The unit's memory is read-protected", \
		"lift it with ST's tool, which erases all of it, keys too; the station does not") \
	X(WRITE_PROTECTED, "write-protected", DEVICE, FAIL, UNIT, \
		"Memory that the job writes is write-protected", \
		"lift it in the option bytes with ST's tool; the station does not") \
	X(OPTION_BYTES, "option-bytes", DEVICE, FAIL, UNIT, \
		"The unit's option bytes are not what the job requires", \
		"set them with ST's tool, or mend the job") \
	X(DEPENDENCY, "dependency", DEVICE, FAIL, UNIT, \
		"The unit's bootloader or modules are too old for the images", \
		"raise them first with a job that contains them") \
	X(PARTS_INVALID, "parts-invalid", DEVICE, FAIL, UNIT, \
		"The unit's system parts are not valid, so its keys cannot be reached", \
		"use a job that writes the system parts") \
	/* identity */ \
	X(NO_DEVICE_ID, "no-device-id", DEVICE, FAIL, HANDLING, \
		"The unit's device id is not known", \
		"scan the id on its label, or give --device-id SLOT=ID") \
	X(ID_DISAGREES, "id-disagrees", DEVICE, FAIL, HANDLING, \
		"The given device id is not this unit's", \
		"check which unit stands in the slot and scan it again") \
	X(UNIT_SWAPPED, "unit-swapped", DEVICE, FAIL, HANDLING, \
		"Another unit came back at the slot", "put the units back and start both again") \
	X(UNIT_MOVED, "unit-moved", DEVICE, FAIL, HANDLING, \
		"The unit came back at another slot", "leave each unit at its slot until it is done") \
	X(NO_RETURN, "no-return", DEVICE, FAIL, UNIT, \
		"The unit did not come back in DFU", \
		"put it into DFU with the button and try once more") \
	X(NOT_RUN, "not-run", DEVICE, FAIL, HANDLING, \
		"The unit was back in DFU before the program of a stage can have done its work", \
		"start the unit again, and let it alone while its program runs") \
	X(OPERATOR_LATE, "operator-late", DEVICE, FAIL, HANDLING, \
		"The unit was not put into DFU in time", \
		"start the unit again, and put it into DFU when the station asks for it") \
	X(NO_SIGN_OF_LIFE, "no-sign-of-life", DEVICE, FAIL, UNIT, \
		"The unit's program did not start", "set the unit aside") \
	/* keys */ \
	X(KEY_MISMATCH, "key-mismatch", LINK, FAIL, UNIT, \
		"The private key on the unit is not the one made for it", \
		"set the unit aside: its key memory is suspect") \
	X(SERVER_KEY_WRONG, "server-key-wrong", LINK, FAIL, UNIT, \
		"The server key on the unit is not the job's", \
		"set the unit aside: its key memory is suspect") \
	/* cloud */ \
	X(CLOUD_REFUSED, "cloud-refused", DEVICE, FAIL, SERVICE, \
		"The cloud refused the unit's key", \
		"ask the cloud's owner, then run the unit again") \
	X(CLOUD_CONFLICT, "cloud-conflict", DEVICE, FAIL, SERVICE, \
		"The cloud holds another key for this unit", \
		"find out who enrolled it; do not ship it") \
	X(CLOUD_DIFFERS, "cloud-differs", DEVICE, FAIL, SERVICE, \
		"The cloud gives back another key than it was sent", \
		"ask the cloud's owner; do not ship the unit") \
	X(CLOUD_UNREACHABLE, "cloud-unreachable", CLOUD, HELD, SERVICE, \
		"The cloud has not acknowledged the key yet", \
		"keep the unit; station sync sends it again") \
	X(CLOUD_AWAY, "cloud-away", CLOUD, ABORTED, SERVICE, \
		"The cloud could not be asked about the key that the unit carries", \
		"nothing was changed; run the unit again when the cloud can be reached") \
	X(SUPERSEDED, "superseded", DEVICE, FAIL, NONE, \
		"A newer key was made for this unit", "the newer attempt counts") \
	/* decisions before a unit is touched */ \
	X(ALREADY_MADE, "already-made", REJECT, SKIPPED, NONE, \
		"The unit is already PASS under this plan", "nothing to do") \
	X(NOT_CONFIRMED, "not-confirmed", REJECT, ABORTED, NONE, \
		"Nobody confirmed what cannot be undone", \
		"nothing was changed; run the unit again and type its slot's name, or give --yes") \
	X(QUANTITY_REACHED, "quantity-reached", REJECT, SKIPPED, NONE, \
		"The work order is full", "keep the unit for the next work order") \
	X(MADE_OTHERWISE, "made-otherwise", REJECT, REFUSED, NONE, \
		"The unit is PASS under another plan", \
		"use --rework if it is to become this product") \
	X(STILL_HELD, "still-held", REJECT, REFUSED, SERVICE, \
		"The unit's key is still not acknowledged", \
		"keep the unit; station sync sends it again") \
	X(NEEDS_REPAIR, "needs-repair", REJECT, REFUSED, UNIT, \
		"The unit failed too often", "repair it, then station mark it released") \
	X(MARKED_SCRAP, "marked-scrap", REJECT, REFUSED, NONE, \
		"The unit is marked as scrap", "take it out of the line") \
	X(QUARANTINED, "quarantined", REJECT, REFUSED, NONE, \
		"The unit is in quarantine", "keep it apart until it is released") \
	X(EXERCISE_PENDING, "exercise-pending", REJECT, REFUSED, HANDLING, \
		"An exercise of the unit's flash was cut off", \
		"diagnose it: that puts its contents back first, or says what it takes") \
	X(DUPLICATE_ID, "duplicate-id", REJECT, REFUSED, UNIT, \
		"Two units claim one device id", "keep both apart and find out which is which") \
	X(DUPLICATE_KEY, "duplicate-key", REJECT, REFUSED, UNIT, \
		"The unit carries a key of another unit", "keep both apart") \
	X(KEY_HIDDEN, "key-hidden", REJECT, REFUSED, UNIT, \
		"The cloud holds a key that may be the unit's own, which nobody can see behind invalid " \
		"system parts", \
		"nothing was changed; reprovision it by a job with images only, then by this one again") \
	X(NO_RECIPIENT, "no-recipient", INPUT, ABORTED, JOB, \
		"A backup would hold private keys, and nobody is named who can open it", \
		"name recipients in the job, backup : { recipients = ... }, or give --recipient") \
	X(BACKUP_OF_ANOTHER, "backup-of-another", REJECT, REFUSED, HANDLING, \
		"The backup is not of this unit", "take the backup of this unit, or the unit of the backup") \
	X(BACKUP_UNKNOWN, "backup-unknown", REJECT, REFUSED, HANDLING, \
		"Our record does not know this backup, and anybody can encrypt a file to its recipients", \
		"ask whoever sent it for its sha256; if that is this one, --foreign takes it") \
	X(FAULTS_FOUND, "faults-found", DEVICE, FAIL, UNIT, \
		"A diagnosis found faults on the unit", \
		"see its findings; repair it, or set it aside") \
	/* decisions about a unit that came back */ \
	X(NEEDS_SWD, "needs-swd", REJECT, REFUSED, UNIT, \
		"Only a debug probe reaches what is broken on the unit", \
		"write its bootloader by SWD, or scrap it") \
	X(FLASH_DEFECTIVE, "flash-defective", REJECT, REFUSED, UNIT, \
		"The unit's flash does not hold what is written", "scrap the unit") \
	X(UNREADABLE, "unreadable", REJECT, REFUSED, UNIT, \
		"The unit could not be read, so nothing of it is changed", \
		"another cable and port, power off and on, then once more") \
	X(JOB_MENDS_NOT, "job-does-not-mend", REJECT, REFUSED, JOB, \
		"The job does not mend all that is wrong with the unit", \
		"take a job with what the message names") \
	/* the procedure itself */ \
	X(STEP_TIMEOUT, "step-timeout", LINK, FAIL, UNIT, \
		"A step took longer than it may", "try the unit once more, then set it aside") \
	X(ATTEMPT_TIMEOUT, "attempt-timeout", DEVICE, FAIL, UNIT, \
		"The unit took longer than it may", "try the unit once more, then set it aside") \
	X(STORE, "not-durable", STORE, ABORTED, STATION, \
		"The record could not be written", \
		"mend the disk or the database, then run again") \
	X(STOPPED, "stopped", CANCEL, ABORTED, NONE, \
		"Somebody stopped the line", "run the unit again") \
	X(LINE_STOPPED, "line-stopped", CANCEL, ABORTED, STATION, \
		"A rule stopped the line", "see why the line stopped, then run the unit again") \
	X(STATION_DIED, "station-died", DEVICE, INTERRUPTED, STATION, \
		"The station died in the middle", "run the unit again") \
	X(STATION, "station", DEVICE, FAIL, STATION, \
		"The station itself could not do its part", \
		"see the message; the unit may be run again") \
	X(BUG, "bug", BUG, FAIL, STATION, \
		"The station program has a fault", "stop, keep the log and report it")

enum reason {
#define X(name, ...) REASON_##name,
	REASONS(X)
#undef X
	REASON_COUNT
};

struct reason_info {
	const char *code;
	enum err_kind kind;
	enum outcome outcome;
	enum cause cause;
	const char *sentence; /* what happened, for the operator; no full stop */
	const char *next;     /* what to do next; no full stop */
};

/* Never NULL; an unknown value gives the entry of REASON_BUG. Any thread. */
const struct reason_info *reason_info(enum reason reason);
/* REASON_NONE for "" and NULL, REASON_BUG for a code that this version does not know. */
enum reason reason_from_code(const char *code);

const char *outcome_name(enum outcome outcome); /* "PASS"...; "" for OUTCOME_NONE */
enum outcome outcome_from_name(const char *name);
const char *cause_name(enum cause cause); /* "unit"...; "" for CAUSE_NONE */
