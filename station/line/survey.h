/* SPDX-License-Identifier: Apache-2.0 */
/* What hangs on each port, in the words of the line: whose unit it is, how it shows itself,
 * whether a batch could take it, and if not why, and what to do (the same message for "not in
 * DFU", "no permission" and "somebody else has it" helps nobody). Pure: it judges what
 * usb_look saw. Any thread. */
#pragma once

#include "config.h"
#include "family.h"
#include "line.h"
#include "usb_look.h"

enum survey_mode { SURVEY_NOTHING, SURVEY_DFU, SURVEY_RUNNING, SURVEY_OTHER };

enum survey_state {
	SURVEY_READY,      /* a batch takes it; if it runs, after sending it into DFU */
	SURVEY_EMPTY,      /* a slot of the config with nothing on it */
	SURVEY_IN_WORK,    /* a station has it open */
	SURVEY_FOREIGN,    /* of no family that we know */
	SURVEY_NO_ACCESS,  /* this user may not open it */
	SURVEY_HELD,       /* another program has it, or the kernel does */
	SURVEY_UNREADABLE, /* its descriptors or its serial */
	SURVEY_RUNS,       /* and cannot be sent into DFU */
	SURVEY_TWIN,       /* another port shows the same device id */
	SURVEY_NO_SLOT     /* its port is no slot of the config */
};

enum { SURVEY_FAMILIES_TEXT = 96, SURVEY_TEXT_MAX = 320 };

struct survey_entry {
	char slot[CONFIG_NAME_MAX]; /* "" none */
	char port[CONFIG_PORT_MAX];
	char families[SURVEY_FAMILIES_TEXT]; /* of this USB id, comma between; "" none */
	enum survey_mode mode;
	enum survey_state state;
	char device_id[LINE_DEVICE_ID]; /* "" not known: see id_why */
	/* "": nothing to say. */
	char id_why[SURVEY_TEXT_MAX], why[SURVEY_TEXT_MAX], next[SURVEY_TEXT_MAX];
	const struct usb_look *look; /* NULL: empty */
};

struct survey_rules {
	const struct config *config;
	const struct family *families;
	size_t family_count;
	bool rule_installed; /* the udev rule is there already */
};

const char *survey_mode_name(enum survey_mode mode);    /* "DFU", "running", "other", "-" */
const char *survey_state_name(enum survey_state state); /* "ready", "empty", "no-access"... */

/* The slots in the order of the config, then what hangs elsewhere. ret has room for
 * config->slot_count + count entries; looks stay valid as long as they. */
size_t survey(const struct survey_rules *rules, const struct usb_look *looks, size_t count,
	struct survey_entry *ret);
