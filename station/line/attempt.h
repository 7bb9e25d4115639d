/* SPDX-License-Identifier: Apache-2.0 */
/* One passage of one unit, owned by its slot's worker. Steps read and fill this; what is secret in
 * it lies in locked memory and goes with attempt_done. */
#pragma once

#include "clock.h"
#include "cloud.h"
#include "dfu.h"
#include "dfuse.h"
#include "flash.h"
#include "keypair.h"
#include "line.h"
#include "plan.h"
#include "record.h"

struct slot;
struct line;
struct mend; /* mend.h */
struct step_table;

struct attempt {
	struct line *line;
	struct slot *slot;
	const struct plan *plan;
	struct record *record;
	char id[UUID_TEXT];
	struct usb_ident ident; /* the present enumeration */
	char scanned_id[LINE_DEVICE_ID];
	char device_id[LINE_DEVICE_ID]; /* "" until identified */
	bool only_scanned; /* nothing of the unit in DFU has borne its id out yet */
	/* What its running firmware said before it was sent into DFU, for that enumeration alone. */
	char told_id[LINE_DEVICE_ID];
	const char *told_by; /* "usb-serial", "listening" */
	uint64_t told_arrival;
	bool resume_key;		/* the attempt before was cut off: a known key on the unit is resumed */
	struct deadline deadline;
	uint64_t started_us;
	struct dfu dfu;
	bool session; /* dfu is open */
	uint64_t left_arrival; /* the enumeration that the unit was sent out of DFU from; 0 = none */
	bool options_kept; /* its option bytes are in the record */
	bool images_erased; /* with the parts or the bootloader, before the firmware ran */
	bool bootloader_stands; /* it was on the unit already: nothing is staged */
	bool bootloader_waits; /* its firmware may be about to take a staged one: not to be disturbed at its boot */
	unsigned vanished; /* times */
	bool power_cycled; /* its port, once in an attempt */
	uint32_t over_currents; /* of its port, when it arrived; 0 where nobody counts */
	const struct plan *writing; /* the stage whose images are written now; the plan itself in the last one */
	unsigned stages_run;	    /* so many stages have had their program run, and the unit is back */
	struct deadline stage_deadline; /* when the unit has to be back in DFU */
	bool program_runs; /* of a stage: not to be cut off, it may be writing a radio's firmware */
	/* keys */
	struct keypair *keypair;    /* made for this unit, or read from it; locked memory */
	struct public_key key;	    /* its public half, once the slot is chosen */
	bool key_written;	    /* this attempt wrote it (not resumed or kept) */
	struct flash_saved beside_server_key, beside_device_key; /* over the tries of a step */
	int64_t outbox_id;
	struct cloud_ticket *ticket;
	bool held; /* everything is done but the cloud has not acknowledged */
	const char *proof; /* that it has: "read-back", "acknowledged"; NULL = none */
	struct mend *mend; /* NULL: its kind is another; owned */
	/* the present step, for events */
	char step[LINE_STEP_MAX];
	const char *words;
	const char *tell; /* what the operator has to do now; NULL: nothing */
	unsigned try_number;
	uint64_t bytes_done, bytes_total;
	uint64_t bytes_before; /* of the step's earlier operations */
	uint64_t reported_us;
};

/* How an attempt ended. */
struct attempt_end {
	enum outcome outcome;
	enum reason reason;
	char device_id[LINE_DEVICE_ID]; /* "" if it did not become known */
	uint64_t arrival; /* the enumeration that was worked on last */
};

/* Takes the unit of a slot through everything. The outcome is durable unless it is ABORTED because
 * the record failed (the line is then ended too). */
struct attempt_end attempt_run(struct slot *slot, const struct usb_ident *ident,
	const char *scanned_id, int64_t arrived_at);

/* For the steps. */
const struct cancel *attempt_cancel(const struct attempt *attempt);
/* Starts counting bytes for the display; the progress object is to be given to flash functions. */
struct dfuse_progress attempt_progress(struct attempt *attempt, uint64_t bytes_total);
/* Opens a DFU session on the present enumeration. */
bool attempt_open_session(struct attempt *attempt, struct err *err) MUST_CHECK;
void attempt_close_session(struct attempt *attempt);
/* tries.c: takes the unit through a table, with the tries that its steps are given. */
bool attempt_run_steps(
	struct attempt *attempt, const struct step_table *table, struct err *err) MUST_CHECK;
/* May anything be changed on the unit by now? */
bool attempt_changes_unit(const struct attempt *attempt);
/* why: NULL if nothing went wrong. */
void attempt_emit(struct attempt *attempt, enum line_event_kind kind, const struct err *why);
void attempt_log(struct attempt *attempt, const char *format, ...) PRINTF_LIKE(2, 3);

/* admit.c: decides before the unit is touched. False with a reason of kind REJECT if it
 * is not to be made now. */
bool admit(struct attempt *attempt, struct err *err) MUST_CHECK;
/* The same for one that came back: what it was made to before is no reason, nor that it needs repair. */
bool admit_returned(struct attempt *attempt, struct err *err) MUST_CHECK;
/* The part of it that no kind that writes goes past: it is neither scrap nor in quarantine. */
bool admit_mark(struct attempt *attempt, struct err *err) MUST_CHECK;

/* identity.c: finds the device id from all sources, all must agree; the first time it goes
 * into the record, later it is compared (UNIT_SWAPPED). In a DFU session, or on the running
 * identity without one. */
bool identity_find(struct attempt *attempt, struct err *err) MUST_CHECK;
/* On the running identity, before it is sent into DFU: what it says of itself, which its bootloader
 * may not. Opens it if its serial is no id and its family can be asked. False only with STOPPED. */
bool identity_ask_running(struct attempt *attempt, struct err *err) MUST_CHECK;
/* The reason if a unit turns out to be another: it was swapped, or the label that was
 * scanned is not its own. */
enum reason identity_other(const struct attempt *attempt);
/* Can ident be the unit that we know? By its serial alone; true if the serial says nothing. */
bool identity_may_be(const struct attempt *attempt, const struct usb_ident *ident);

/* reenter.c */
/* Waits for the unit at its port after a reset or at its arrival, sends it into DFU if its program
 * runs, and waits for the DFU identity. The session is closed before and open afterwards. */
bool reenter_dfu(struct attempt *attempt, struct err *err) MUST_CHECK;
/* The same from what came back at the port by itself; a firmware that may be taking a staged bootloader is
 * let. */
bool reenter_from(struct attempt *attempt, const struct usb_ident *back, struct err *err) MUST_CHECK;
/* The same after a bootloader was staged: a firmware that applies it resets afterwards, up to
 * settle_ms after it came to the bus, and has to be let. */
bool reenter_staged(struct attempt *attempt, uint32_t settle_ms, struct err *err) MUST_CHECK;
/* Waits until the present enumeration has left the bus; no failure if it stays. */
bool reenter_await_gone(struct attempt *attempt, uint32_t timeout_ms, struct err *err) MUST_CHECK;
/* The program of a stage runs, without a session: waits until run_us have passed since now, or if it
 * shows itself on the bus, since it did. NOT_RUN if the unit is in DFU before, NO_RETURN if the
 * program does not show itself until the deadline. */
bool reenter_let_run(struct attempt *attempt, bool shows, uint64_t run_us, struct deadline deadline,
	struct err *err) MUST_CHECK;
/* Afterwards: waits for the DFU identity, to which the unit is sent (touch) or comes by itself or by the
 * operator's hand; the session is open then, with the same unit. NO_RETURN after the deadline. */
bool reenter_from_stage(struct attempt *attempt, bool touch, struct deadline deadline,
	struct err *err) MUST_CHECK;
/* Waits for the running identity with the same id. REASON_NO_SIGN_OF_LIFE. */
bool reenter_await_runs(struct attempt *attempt, struct err *err) MUST_CHECK;
