/* SPDX-License-Identifier: Apache-2.0 */
/* A command at the returns bench: its record, its bus, and the units that stand there, one after the
 * other. The bus is the real one, or, for the state folder of a rehearsal, that of its virtual units
 * and its virtual cloud. */
#pragma once

#include "cmd.h"
#include "device_id.h"
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
	bool in_dfu; /* its program runs otherwise */
	/* That its program showed before it was sent into DFU; from outside. "" none. */
	char running_id[DEVICE_ID], scanned_id[DEVICE_ID];
};

struct visit; /* with the lock of the state folder, and everything below it */

/* Opens all of that and finds the units: that of the slot, or all in the order of their ports; options and
 * its texts stay the caller's, until visit_close. *ret_status is for a false return; what is wrong is told. */
bool visit_open(const struct visit_options *options, struct visit **ret, int *ret_status);
void visit_close(struct visit *visit); /* takes NULL */

const struct visit_options *visit_options(const struct visit *visit);
struct record *visit_record(struct visit *visit);
struct usb_bus *visit_bus(struct visit *visit);
const char *visit_state(const struct visit *visit);       /* the state folder */
const char *visit_station(const struct visit *visit);     /* the id of this station */
const struct plan *visit_plan(const struct visit *visit); /* NULL: no job was given */
const struct visit_unit *visit_units(const struct visit *visit, size_t *ret_count);
/* The cloud of the job, or the one of this name; NULL if it is not known. */
const struct config_cloud *visit_cloud(const struct visit *visit, const char *name);

/* Does something with all units, one after the other, until one ends the command: the worst of their exit
 * statuses. Ctrl-C is caught from here on. */
typedef int visit_one(void *context, struct visit_unit unit);
int visit_each(struct visit *visit, visit_one *one, void *context);

/* Asks a person to type the name of the slot, on standard error and standard input. False: it was not
 * typed, or somebody stopped it. */
bool visit_confirmed(const struct visit_unit *unit) MUST_CHECK;
