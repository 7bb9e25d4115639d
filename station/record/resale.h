/* SPDX-License-Identifier: Apache-2.0 */
/* May somebody else get a unit that came back? What its re-provisioning found, as the observation
 * "resale" of the attempt ("yes", "no: by hand: ...", "no: kept: ..."), and who did by hand since what
 * DFU does not reach. Errors and threads as in record.h. */
#pragma once

#include "record.h"

#define RECORD_RESALE "resale"
#define RECORD_RESALE_YES "yes"
#define RECORD_RESALE_NO "no: "
#define RECORD_RESALE_BY_HAND RECORD_RESALE_NO "by hand" /* so it begins */
#define RECORD_NOT_FOR_RESALE "not for resale: "         /* for people, instead of the no */

struct record_resale {
	char attempt_id[UUID_TEXT]; /* the newest that changed the unit; "" none */
	char text[ERR_TEXT_MAX];    /* its observation; "" it has none */
	bool by_hand;               /* a person has to do it... */
	bool cleared;               /* ...and says to have done it, since that attempt */
};
bool record_resale(struct record *record, const char *device_id, struct record_resale *ret,
	struct err *err) MUST_CHECK;

/* RECORD_NOT_FOR_RESALE "by hand: ...", as people are told it beside the outcome of an attempt; "": it is, or
 * nothing is said of it. */
bool record_not_for_resale(struct record *record, const char *attempt_id, char *to, size_t cap,
	struct err *err) MUST_CHECK;
/* The person did what this attempt left to do by hand. */
bool record_cleared(struct record *record, const char *attempt_id, const char *note,
	const char *operator_name, struct err *err) MUST_CHECK;
