/* SPDX-License-Identifier: Apache-2.0 */
/* A command at the returns bench: its record, its bus, and the units that stand there, one after the
 * other. The bus is the real one, or, for the state folder of a rehearsal, that of its virtual units
 * and its virtual cloud. */
#pragma once

#include "cmd.h"
#include "device_id.h"
#include "finding.h"
#include "plan.h"
#include "record.h"
#include "usb.h"

struct visit_options {
	const char *command;                                                 /* "diagnose" */
	const char *config, *state, *slot, *job, *device_id, *operator_name; /* NULL: not given */
	/* What an exercise left is put back also where something else stands since. */
	bool put_back;
};

/* A unit at its place. */
struct visit_unit {
	char slot[CONFIG_NAME_MAX]; /* the port where no slot is named for it */
	struct usb_ident ident;
	const struct family *family;
	bool in_dfu;                /* its program runs otherwise */
	char running_id[DEVICE_ID]; /* that its program showed before it was sent into DFU; "" none */
	char scanned_id[DEVICE_ID]; /* from outside; "" none */
};

struct visit; /* with the lock of the state folder, and everything below it */

/* Opens all of that and finds the units: that of the slot, or all in the order of their ports.
 * *ret_status is for a false return; what is wrong is told. */
bool visit_open(const struct visit_options *options, struct visit **ret, int *ret_status);
void visit_close(struct visit *visit); /* takes NULL */

struct record *visit_record(struct visit *visit);
struct usb_bus *visit_bus(struct visit *visit);
const char *visit_state(const struct visit *visit);   /* the state folder */
const char *visit_station(const struct visit *visit); /* the id of this station */
const struct plan *visit_plan(const struct visit *visit); /* NULL: no job was given */
const struct visit_unit *visit_units(const struct visit *visit, size_t *ret_count);
/* The cloud of the job, or the one of this name; NULL if it is not known. */
const struct config_cloud *visit_cloud(const struct visit *visit, const char *name);

/* Asks a person to type the name of the slot, on standard error and standard input. False: it was not
 * typed, or somebody stopped it. */
bool visit_confirmed(const struct visit_unit *unit) MUST_CHECK;

/* --- one attempt of one unit --- */

struct visit_attempt {
	char id[UUID_TEXT], device_id[DEVICE_ID]; /* "" not known */
	struct dfu dfu;
	unsigned passage;
	bool unreadable; /* it could not be opened, or told nothing of itself: a finding of it */
	struct findings findings; /* what an exercise of an earlier visit left, in the record already */
};

/* Sends a unit whose program runs into DFU: *unit is then what came. REASON_NO_RETURN if its family has no
 * way there but the button, or the unit did not go. */
bool visit_enter_dfu(struct visit *visit, struct visit_unit *unit, struct err *err) MUST_CHECK;

/* Begins an attempt of a kind ("diagnose") and identifies the unit in DFU; the session is open after
 * it. A unit that an exercise was cut off from is put back (step restore-exercise), and that is told.
 * On failure the attempt has its outcome already. A unit that nobody can name is no failure. */
bool visit_begin(struct visit *visit, const struct visit_unit *unit, const char *kind,
	struct visit_attempt *ret, struct err *err) MUST_CHECK;
/* Leaves DFU, so that the unit's firmware runs once, and brings it back: the session is open anew, with the
 * same unit. UNIT_SWAPPED, NO_RETURN. */
bool visit_come_back(struct visit *visit, struct visit_unit *unit, struct visit_attempt *attempt,
	struct err *err) MUST_CHECK;
/* Closes the session without a leave, and commits the outcome. */
bool visit_end(struct visit *visit, struct visit_attempt *attempt, enum outcome outcome,
	enum reason reason, const char *detail, struct err *err) MUST_CHECK;
