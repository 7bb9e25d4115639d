/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of line/ share: the line, its slots, and the attempt that a worker
 * takes a unit through. */
#pragma once

#include <pthread.h>

#include "attempt.h"
#include "cloud.h"
#include "journal.h"
#include "line.h"

/* A place and its worker. */
struct slot {
	struct line *line;
	const struct config_slot *config; /* the station's, or own */
	struct config_slot own;		  /* any_port: named by its port */
	pthread_t thread;
	struct cancel cancel; /* ends the worker's waits */
	/* Below: line->mutex. */
	struct usb_ident ident; /* what hangs on the port now, if present */
	bool present;
	uint64_t absent_since_us;
	bool latched;		  /* an outcome stands here: no new attempt before it was empty or shows another unit */
	char latched_serial[USB_TEXT_MAX];
	char latched_id[LINE_DEVICE_ID]; /* of the unit that is in work or has its outcome here; "" = not known */
	char scanned_id[LINE_DEVICE_ID]; /* for the next unit; "" = none */
	char working_on[LINE_DEVICE_ID]; /* nobody else enrols this unit; "" = none */
	unsigned outcomes, fails_in_row;
	bool retired; /* by slot_stop_after */
	bool set_aside; /* cancel is for the unit in work alone: it has a twin, or moved */
	bool asks, confirmed; /* the person at the slot; the text is of the worker, and only read while it asks */
	char tell[ERR_TEXT_MAX];
	bool moved;	/* the unit in work came back at another slot */
	bool power_stuck; /* its power was to be switched, and was not: not tried again; of the worker */
	uint64_t lost_arrival; /* of the unit that vanished with its hub; 0 = none */
};

enum { LINE_HUBS_MAX = 128 };

/* Of the thread that watches the bus. */
struct line_hub {
	char port[USB_PORT_MAX], controller[USB_CONTROLLER_MAX];
	bool seen; /* in the last list */
	bool told; /* that it is gone: slots hang on it */
	int64_t gone_at; /* UTC ms; 0: it is there */
};

enum line_end { END_NOT_YET, END_DONE, END_QUANTITY, END_OPERATOR, END_RULE, END_STORE, END_BUS };

/* background.h */
struct background {
	pthread_t thread;
	bool running;
	struct cancel stop;	 /* nothing new is sent */
	struct cancel interrupt; /* ends what is under way */
	char device_id[LINE_DEVICE_ID]; /* that something is under way for; line->mutex */
};

struct line {
	struct line_options options;
	struct cloud *cloud; /* NULL if the plan enrols nothing */
	char batch_id[UUID_TEXT];
	struct slot *slots;
	size_t slot_count;
	struct cancel drain_request, abort_request; /* set from outside */
	struct cancel scan_wake;		    /* ends the scanner's wait for the bus */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* Below: mutex. */
	bool running; /* the workers are started */
	bool draining;
	enum line_end end;
	int64_t end_at; /* when that was decided; UTC ms */
	char why[ERR_TEXT_MAX];
	unsigned in_work;
	uint32_t made; /* distinct PASS and HELD units that count for the quantity */
	uint64_t next_start_us;
	unsigned outcomes[OUTCOME_COUNT], slots_with_outcome, fails_in_row;
	unsigned judged, judged_good; /* for the yield: PASS, HELD, and FAIL of cause unit */
	struct background background;
	bool nobody_confirms;
	struct line_hub hubs[LINE_HUBS_MAX];
	size_t hub_count;
	/* Events only. */
	pthread_mutex_t event_mutex;
};

/* slot.c: the worker of a slot; argument struct slot. */
void *slot_worker(void *slot);
/* The scanner tells what hangs on the port (NULL: nothing). Mutex held. */
void slot_update(struct slot *slot, const struct usb_ident *ident, uint64_t now_us);
/* Does the unit of this id stand at another slot than mine, in work or with its outcome?
 * AWAY: it did a moment ago, and may be in its own reset, or on the way to mine. ret_name:
 * where. Mutex not held. */
enum slot_stand { STAND_NOWHERE, STAND_AWAY, STAND_HERE };
enum slot_stand slot_find(struct slot *mine, const char *device_id, char ret_name[CONFIG_NAME_MAX]);
/* If the unit of this id is in work at another slot whose port is empty, it has come back at mine: its
 * attempt there is ended, and waited for. Mutex not held. */
void slot_take_over(struct slot *mine, const char *device_id);
/* The unit in work at the slot is this one. Mutex not held. */
void slot_claim(struct slot *slot, const char *device_id);

/* Waits until somebody types the slot's name. NOT_CONFIRMED, STOPPED. Mutex not held. */
bool slot_await_confirmed(struct slot *slot, uint32_t wait_ms, struct err *err) MUST_CHECK;

/* Is it a unit of the batch's family, in DFU or running? */
bool slot_takes(const struct line *line, const struct usb_ident *ident);

/* gate.c: batch rules. */
/* Waits until the line has room for a unit; false if it takes no more. Mutex held
 * (released while waiting). */
bool gate_enter(struct line *line, struct slot *slot);
/* Counts an outcome and judges the rules; the quantity by what the record counts. Mutex held. */
void gate_leave(struct line *line, struct slot *slot, const struct attempt_end *end);
/* Ends the line: nobody is taken up any more, and with abort those in work are put away. First
 * reason wins. Mutex held. */
void gate_end(struct line *line, enum line_end end, bool abort, const char *format, ...)
	PRINTF_LIKE(4, 5);

/* Units in work that went into quarantine, other than that of slot, are put away
 * now. Mutex not held. */
void gate_stop_set_aside(struct line *line, const struct slot *slot);

/* Of its batch and attempts, in the record. */
const char *line_kind_name(enum line_kind kind);
void line_emit(struct line *line, const struct line_event *event);
