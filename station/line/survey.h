/* SPDX-License-Identifier: Apache-2.0 */
/* What hangs on each port, in the words of the line: whose unit it is, how it shows itself,
 * whether a batch could take it, and if not why, and what to do (the same message for "not in
 * DFU", "no permission" and "somebody else has it" helps nobody). Pure: it judges what
 * usb_look saw, and what a unit told that was asked. Any thread. */
#pragma once

#include "config.h"
#include "family.h"
#include "line.h"
#include "listening.h"
#include "usb_look.h"

enum survey_mode { SURVEY_NOTHING, SURVEY_DFU, SURVEY_RUNNING, SURVEY_LISTENING, SURVEY_OTHER };

enum survey_state {
	SURVEY_READY,      /* a batch takes it; if it runs, after sending it into DFU */
	SURVEY_EMPTY,      /* a slot of the config with nothing on it */
	SURVEY_IN_WORK,    /* a station has it open */
	SURVEY_FOREIGN,    /* of no family that we know */
	SURVEY_NO_ACCESS,  /* this user may not open it */
	SURVEY_HELD,       /* another program has it, or the kernel does */
	SURVEY_UNREADABLE, /* its descriptors or its serial */
	SURVEY_LAYOUT,	   /* its memory layout is not its family's */
	SURVEY_RUNS,       /* and cannot be sent into DFU */
	SURVEY_DISAGREES,  /* its sources of identity */
	SURVEY_TWIN,       /* another port shows the same device id */
	SURVEY_NO_SLOT,    /* its port is no slot of the config */
	SURVEY_STATES
};

enum { SURVEY_FAMILIES_TEXT = 96, SURVEY_TEXT_MAX = 320 };

struct survey_entry {
	char slot[CONFIG_NAME_MAX]; /* "" none */
	char port[CONFIG_PORT_MAX];
	char families[SURVEY_FAMILIES_TEXT]; /* of this USB id, comma between; "" none */
	enum survey_mode mode;
	enum survey_state state;
	char device_id[LINE_DEVICE_ID]; /* "" not known: see id_why */
	const char *id_source; /* "usb-serial", "request", "listening"; "" not known */
	char version[24];      /* of its system firmware; "" not known */
	const char *led;       /* what the operator sees; "" nothing that could be told */
	/* "": nothing to say. */
	char id_why[SURVEY_TEXT_MAX], why[SURVEY_TEXT_MAX], next[SURVEY_TEXT_MAX];
	const struct usb_look *look;	/* NULL: empty */
	const struct family *family;	/* the first of its USB id; NULL: none */
};

/* The udev rule that lets people open units. */
enum survey_rule { SURVEY_RULE_MISSING, SURVEY_RULE_OTHER, SURVEY_RULE_THERE };

struct survey_rules {
	const struct config *config;
	const struct family *families;
	size_t family_count;
	enum survey_rule rule;
	const char *rule_text; /* of the one that is shipped; "" if it is not there */
	bool station_works;	 /* a station has the state folder of this bench */
};

const char *survey_mode_name(enum survey_mode mode);    /* "DFU", "running", "listening", "other", "-" */
const char *survey_state_name(enum survey_state state); /* "ready", "empty", "no-access"... */

/* The slots in the order of the config, then what hangs elsewhere. ret has room for
 * config->slot_count + count entries; looks stay valid as long as they. */
size_t survey(const struct survey_rules *rules, const struct usb_look *looks, size_t count,
	struct survey_entry *ret);

/* --- asking --- */

/* Whether a unit is in listening mode only the unit can tell. May it be opened for that, and does its
 * family answer requests? */
bool survey_may_ask(const struct survey_entry *entry);
bool survey_may_request(const struct survey_entry *entry);

struct survey_told {
	struct listening request, line;
	bool line_asked;
	char problem[SURVEY_TEXT_MAX]; /* it could not be asked; "" it was */
};
void survey_tell(struct survey_entry *entry, const struct survey_told *told);
/* Again, when units have told ids that no serial shows. */
void survey_judge_twins(struct survey_entry *entries, size_t count);
