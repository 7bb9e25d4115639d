/* SPDX-License-Identifier: Apache-2.0 */
/* The manufacturing database: every batch, attempt, step, key and enrolment, durable before the
 * line goes on. The tables are described in docs/database.md; only this folder speaks SQL.
 *
 * One connection behind one lock: every call is one transaction and returns after its commit is on
 * the disk (WAL, synchronous=FULL). Intent is recorded before the act, the result after it. Any
 * failure to write is REASON_STORE and the line stops: what could not be recorded is never PASS.
 * Finished rows do not change, except that HELD becomes PASS or FAIL. Any thread; calls block for a
 * disk sync.
 *
 * Text arguments may be NULL where the column may be NULL; "" is stored as NULL where "" means
 * unknown. Device ids are 24 lower-case hex digits. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "keypair.h"
#include "uuid.h"

enum { RECORD_DEVICE_ID = 25, RECORD_SEAL_HEX = 65, RECORD_DETAIL_MAX = ERR_TEXT_MAX };

struct record;

struct record_options {
	const char *state_dir;	 /* holds station.db and logs/; made if absent */
	const char *station_id;
	const char *software_version;
	bool virtual_line;	 /* a rehearsal; a database of the other kind is refused with REASON_INPUT */
	bool existing;		 /* a writer that never makes a database, and takes either kind */
	bool read_only;		 /* show: no lock, no migration, no recovery; either kind; the database must exist */
	const char *signing_key_file; /* Ed25519 in PEM; NULL or "" = seals are not signed */
	const char *database; /* read_only: this file instead of state_dir/station.db, such as a copy; NULL = none */
};

/* A writer takes the lock of the state folder, state_dir/station.lock (REASON_INPUT if another
 * program has it), makes or migrates the schema (a failed migration deletes nothing) and ends what
 * a dead station left open: attempts become INTERRUPTED, sends in flight become due, HELD attempts
 * whose answer was recorded take it, batches end as "died". *ret_recovered (may be NULL) counts the
 * interrupted attempts. REASON_INPUT for a file that is no database or another program's, for a
 * newer schema, for the other kind of line, and for an absent database beside a log of seals.
 *
 * A reader without write access to the folder can read while a writer is at work or after it has
 * closed; only what a dead station left behind in station.db-wal may need somebody with write
 * access (REASON_INPUT says so). */
bool record_open(const struct record_options *options, struct record **ret, unsigned *ret_recovered,
	struct err *err) MUST_CHECK;
void record_close(struct record *record); /* takes NULL */
const char *record_path(const struct record *record); /* of station.db */
bool record_is_virtual(const struct record *record);	/* the record of a rehearsal; also for a reader */

/* --- batch --- */

struct record_batch {
	const char *kind; /* "provision", "reprovision", "verify" */
	const char *job_name, *job_text, *plan_sha256, *family, *family_sha256, *config_sha256;
	const char *cloud, *work_order, *part_number, *part_revision, *operator_name;
	uint32_t quantity; /* 0 = until stopped */
};

struct record_image {
	const char *region; /* or "server_key" */
	uint32_t addr;
	const char *file_name;
	bool has_module;
	uint16_t version, platform_id; /* NULL in the table without a module */
	uint32_t size;
	const char *sha256;
	unsigned stage; /* 0: the first, as in a job without stages */
};

bool record_batch_begin(struct record *record, const struct record_batch *batch,
	const struct record_image *images, size_t count, char ret_id[UUID_TEXT], struct err *err)
	MUST_CHECK;
/* ended_by: "done", "quantity", "operator", "rule", "store", "bus". */
bool record_batch_end(struct record *record, const char *batch_id, const char *ended_by,
	struct err *err) MUST_CHECK;
/* The line of this batch stood still, or took no more units: from the moment when that
 * was decided to its end. */
bool record_line_stop(struct record *record, const char *batch_id, int64_t from_at, int64_t to_at,
	const char *why, struct err *err) MUST_CHECK;
/* Distinct units that are PASS or HELD for the work order, over all its batches with the same plan;
 * of this batch alone when it has no work order. */
bool record_batch_made(struct record *record, const char *batch_id, uint32_t *ret, struct err *err)
	MUST_CHECK;

/* --- attempt --- */

struct record_arrival {
	const char *batch_id; /* NULL outside a batch */
	const char *kind;     /* "provision", "reprovision", "verify", "diagnose", "restore" */
	int64_t arrived_at;   /* UTC ms */
	const char *slot, *usb_path, *usb_serial, *operator_name;
};

bool record_attempt_begin(struct record *record, const struct record_arrival *arrival,
	char ret_id[UUID_TEXT], struct err *err) MUST_CHECK;
/* One source of identity as it was seen: kind "usb-serial", "dct", "listening", "scan",
 * "board-serial", "rma". */
bool record_attempt_identity(struct record *record, const char *attempt_id, const char *kind,
	const char *value, struct err *err) MUST_CHECK;
/* Sets the device id, once; gives the passage (1, 2, 3... of this id) and links the attempt before.
 * source is the identity's kind. REASON_DUPLICATE_ID if another attempt of this id is open: the id
 * is in quarantine then. */
bool record_attempt_set_device(struct record *record, const char *attempt_id, const char *device_id,
	const char *source, unsigned *ret_passage, struct err *err) MUST_CHECK;
bool record_attempt_bootloader(struct record *record, const char *attempt_id, const char *version,
	struct err *err) MUST_CHECK;
/* Something worth keeping. RECORD_UNPROVEN: the program of a stage, which did its work, and nothing that
 * can be read back from the unit proves it. */
#define RECORD_UNPROVEN "ran, not proven"
bool record_observe(struct record *record, const char *attempt_id, const char *name,
	const char *value, struct err *err) MUST_CHECK;
/* "ran, not proven: A, B" of an attempt; "" if all that it did is proven. */
bool record_unproven(struct record *record, const char *attempt_id, char *to, size_t cap,
	struct err *err) MUST_CHECK;

/* The observation that a unit vanished from the bus in the middle of its work; its value is the step. */
#define RECORD_VANISHED "vanished"
struct record_vanished {
	unsigned times;	     /* that the unit of the attempt did so, in all its attempts */
	unsigned units_here; /* distinct units that did so at the attempt's slot in its batch */
};
bool record_vanished(struct record *record, const char *attempt_id, struct record_vanished *ret,
	struct err *err) MUST_CHECK;

/* What the database knows of a unit, for the decision before it is touched. */
struct record_unit {
	unsigned attempts; /* that have ended, of any kind */
	/* Of the newest finished attempt that was to change the unit (not verify, not diagnose);
	 * OUTCOME_NONE if there is none. */
	enum outcome last_outcome;
	enum outcome last_made;		      /* PASS or HELD: the newest such attempt, else OUTCOME_NONE */
	/* A later provision, reprovision or restore ended FAIL, ABORTED or INTERRUPTED, or a backup was
	 * restored: what was made may no longer be on the unit, so that it is not SKIPPED as already made. */
	bool worked_on_since;
	char made_attempt_id[UUID_TEXT];      /* of that attempt */
	char made_plan_sha256[RECORD_SEAL_HEX];
	unsigned unit_fails;	/* FAIL of cause unit since the last release, and since the last PASS */
	char mark[16];		/* "scrap", "quarantine", "needs-repair", "released" or "" */
};
bool record_unit(struct record *record, const char *device_id, struct record_unit *ret,
	struct err *err) MUST_CHECK;
/* Two units that cannot be told apart: quarantine. The note begins with the code of the reason, and
 * a unit that is in work ends with that reason: see record_attempt_finish. */
bool record_unit_quarantine(struct record *record, const char *device_id, enum reason reason,
	const char *note, const char *operator_name, struct err *err) MUST_CHECK;
/* The station itself sets a unit aside: "needs-repair" or "quarantine". A mark that is as strict, and
 * "scrap" is the strictest, stays the newest. */
bool record_unit_set_aside(struct record *record, const char *device_id, const char *mark,
	const char *note, const char *operator_name, struct err *err) MUST_CHECK;
/* A person marks it: "needs-repair", "quarantine", "scrap", "released". */
bool record_unit_mark(struct record *record, const char *device_id, const char *mark,
	const char *note, const char *operator_name, struct err *err) MUST_CHECK;

/* Commits the outcome, with ended_at; closes the attempt's outbox row unless PASS or HELD; marks
 * its key "abandoned" if it was only intended; and, if the outcome is final, seals the attempt and
 * appends the head to logs/seals.log (when only the append fails, the outcome is durable all the
 * same, and the call fails with REASON_STORE). Steps that are still open end as ABORTED. reason
 * REASON_NONE for PASS and for nothing else.
 *
 * REASON_BUG, and nothing is committed, for PASS with a step that is open or failed at its last
 * try, or without any step that passed; with an own enrolment that
 *      is not acknowledged, or without one if the batch has a cloud; with a key that is not on the device; without a
 *      device id unless id_optional;
 * HELD with a step that is open or failed at its last try (other than by cloud-unreachable),
 * without a device id,
 *      without a key on the device whose enrolment is waiting to be sent;
 * FAIL while its enrolment is in flight; INTERRUPTED.
 *
 * REASON_DUPLICATE_ID, REASON_DUPLICATE_KEY or REASON_QUARANTINED, and nothing is committed, for
 * PASS, HELD, SKIPPED and ABORTED if the unit went into quarantine while it was in work: it has to
 * end as REFUSED with that reason. */
struct record_result {
	enum outcome outcome;
	enum reason reason;
	const char *detail; /* may be NULL */
	bool id_optional;   /* the job says that the slot is enough */
};
bool record_attempt_finish(struct record *record, const char *attempt_id,
	const struct record_result *result, struct err *err) MUST_CHECK;

/* --- steps: one row per try, inserted before the act --- */

bool record_step_begin(struct record *record, const char *attempt_id, const char *name,
	unsigned try_number, unsigned *ret_seq, struct err *err) MUST_CHECK;
/* outcome PASS, FAIL, SKIPPED or ABORTED. */
bool record_step_end(struct record *record, const char *attempt_id, unsigned seq,
	enum outcome outcome, enum reason reason, const char *detail, struct err *err) MUST_CHECK;
/* A step of one try: its row, the work, and what came of that: PASS, ABORTED if it was stopped, FAIL
 * with the reason otherwise. err is the work's, unless the result cannot be recorded. */
bool record_step(struct record *record, const char *attempt_id, const char *name,
	bool (*work)(void *context, struct err *err), void *context, struct err *err) MUST_CHECK;

/* --- keys and enrolment --- */

/* A key that is about to be written: state "intended", and the attempt's key_fingerprint.
 * REASON_DUPLICATE_KEY if the database knows this fingerprint for another device: both are in
 * quarantine then. Known for this device: it is resumed and keeps its state until it is on the
 * device; older outbox rows stay until then, so that a HELD attempt whose unit is lost here can
 * still be settled. */
bool record_key_intended(struct record *record, const char *attempt_id,
	const struct public_key *key, struct err *err) MUST_CHECK;
/* The key was read back from the unit and proven: "on-device". In the same transaction: older
 * outbox rows of the device are closed, its older HELD attempts end as FAIL superseded (and are
 * sealed), its older keys become "superseded", and, with a cloud, an outbox row "due" is inserted
 * (*ret_outbox_id; 0 without a cloud). Called again for the same key in the same attempt, it
 * gives the same row, whose enrolment may have gone on meanwhile. A resumed key that is
 * "enrolled" stays so. */
bool record_key_on_device(struct record *record, const char *attempt_id, const char *cloud,
	int64_t *ret_outbox_id, struct err *err) MUST_CHECK;
/* An older state of the device of an attempt was restored: this key (NULL: no usable one) was read back
 * from it. It is "on-device", or "enrolled" if no newer one took its place; others, and enrolments, end
 * as above. One that our record does not know counts as found. It is not the attempt's own, which
 * enrols nothing; an observation tells of it. REASON_DUPLICATE_KEY as above. */
#define RECORD_KEY_RESTORED "key-restored"
bool record_key_restored(struct record *record, const char *attempt_id,
	const struct public_key *key, struct err *err) MUST_CHECK;
/* True in *ret if our record knows this key for this device, in whatever state. */
bool record_key_known(struct record *record, const char *device_id, const char *fingerprint,
	bool *ret, struct err *err) MUST_CHECK;

/* The state of a key of this device: "intended", "on-device", "enrolled", "superseded",
 * "abandoned"; "" if our record does not know it for this device. */
enum { RECORD_KEY_STATE = 16 };
bool record_key_state(struct record *record, const char *device_id, const char *fingerprint,
	char *to, size_t cap, struct err *err) MUST_CHECK;

/* A key that was found on the unit of an attempt: *ret as above. REASON_DUPLICATE_KEY if it is
 * another known device's; both are in quarantine then. */
bool record_key_found(struct record *record, const char *attempt_id, const char *fingerprint,
	bool *ret, struct err *err) MUST_CHECK;

enum record_proof { PROOF_NONE, PROOF_ACKNOWLEDGED, PROOF_READ_BACK };

/* Commits the try count and "in-flight" before a send. REASON_SUPERSEDED if the row was closed
 * meanwhile: there is nothing to send any more. */
bool record_send_begin(struct record *record, int64_t outbox_id, struct err *err) MUST_CHECK;
struct record_send_result {
	bool acknowledged, refused; /* neither: unreachable, due again at next_at */
	enum record_proof proof;
	int http_status; /* 0 = none */
	const char *error; /* NULL = none */
	int64_t next_at; /* UTC ms */
};
/* acknowledged: the key becomes "enrolled" with its proof, unless the row was closed
 * meanwhile (a newer key). */
bool record_send_end(struct record *record, int64_t outbox_id,
	const struct record_send_result *result, struct err *err) MUST_CHECK;

/* The newest HELD attempt of a device, with what has to be sent again. *ret_found
 * false: there is none. */
struct record_held {
	char attempt_id[UUID_TEXT], device_id[RECORD_DEVICE_ID], cloud[64];
	char plan_sha256[RECORD_SEAL_HEX];
	int64_t outbox_id;
	struct public_key key; /* algorithm, pem and fingerprint; the spki is derived from the pem */
};
bool record_held(struct record *record, const char *device_id, struct record_held *ret,
	bool *ret_found, struct err *err) MUST_CHECK;
/* HELD becomes PASS (REASON_NONE; its enrolment must be acknowledged) or FAIL with a reason (no
 * send in flight), sealed; REASON_BUG otherwise. */
bool record_held_settle(struct record *record, const char *attempt_id, enum reason reason,
	const char *detail, struct err *err) MUST_CHECK;

/* --- seals --- */

struct record_head {
	int64_t seq; /* 0: nothing is sealed yet, hash "" */
	char hash[RECORD_SEAL_HEX];
};
bool record_head(struct record *record, struct record_head *ret, struct err *err) MUST_CHECK;
