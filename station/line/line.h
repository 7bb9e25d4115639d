/* SPDX-License-Identifier: Apache-2.0 */
/* A batch: units that appear on slots are taken through the steps of the plan, many at once, each
 * to an outcome that is durable before anybody is told.
 *
 * One worker thread per slot owns the unit of its slot. Events come by value through one callback,
 * one at a time, from any thread; the callback must not call the line, except for line_drain and
 * line_abort. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cancel.h"
#include "config.h"
#include "err.h"
#include "log.h"
#include "plan.h"
#include "record.h"
#include "usb.h"

enum { LINE_DEVICE_ID = 25, LINE_STEP_MAX = 32, LINE_UNPROVEN_MAX = JOB_STAGES_MAX * (JOB_TEXT_MAX + 2) + 24 };

enum line_kind {
	LINE_PROVISION,
	/* Units that came back are looked at, backed up and made good again by the job's policies (docs/returns.md).
	 * They are counted apart: no quantity, no rules. */
	LINE_REPROVISION,
	LINE_VERIFY /* units are read against the plan and nothing is written to them; it counts for nothing else: no
		     * quantity, no rules, no cloud. A unit stays in DFU, because on a leave some write their flags. */
};

enum line_event_kind {
	LINE_ARRIVED,  /* a unit is taken up */
	LINE_STEP,     /* a try of a step begins */
	LINE_RETRY,    /* a try failed and another one follows; text says why */
	LINE_PROGRESS, /* bytes of the present step */
	LINE_OUTCOME,  /* the attempt's outcome is durable (or, if the record failed, could not be made so) */
	LINE_FOUND,    /* what a unit that came back was found to be, and what is to be done with it */
	LINE_HUB,      /* a hub vanished with all slots behind it, or came back; only text is set */
	LINE_SETTLED   /* a unit that was HELD, of this batch or an earlier one, is PASS or FAIL now; it has no slot */
};

struct findings;
struct decision;

struct line_event {
	enum line_event_kind kind;
	char slot[CONFIG_NAME_MAX];
	char device_id[LINE_DEVICE_ID]; /* "" while unknown */
	char step[LINE_STEP_MAX];	/* its name in the record */
	const char *words;		/* the step in words for people; static */
	unsigned try_number;
	uint64_t bytes_done, bytes_total; /* total 0: not counted */
	enum outcome outcome;
	enum reason reason;
	char text[ERR_TEXT_MAX];
	uint32_t elapsed_ms; /* of the attempt */
	bool of_batch;	     /* LINE_SETTLED: the attempt was one of this batch */
	/* The stage in work, of so many; 0 of 0 in a job without stages. Texts live as long as the plan. */
	unsigned stage, stages;
	const char *runs; /* the program of the stage; NULL in the last one */
	const char *tell; /* what the operator has to do at this slot now; NULL: nothing */
	/* LINE_OUTCOME: "ran, not proven: A, B", programs of stages that did what cannot be read back; ""
	 * none. */
	char unproven[LINE_UNPROVEN_MAX];
	/* "not for resale: by hand: ...", of a unit that came back, beside its PASS or HELD; "" it is, or is new. */
	char resale[ERR_TEXT_MAX];
	bool needs_repair; /* LINE_OUTCOME: PASS, and still marked so, until a person releases it */
	/* LINE_FOUND; decision also in the LINE_OUTCOME of a unit that it was made for. For the time of the call; NULL
	 * otherwise. */
	const struct findings *findings;
	const struct decision *decision;
	const char *proof;   /* PASS: "read-back" or "acknowledged" by the cloud; static; NULL: nothing was enrolled */
};

struct line_options {
	enum line_kind kind;
	const struct plan *plan;
	const struct config *config; /* its slots, parallel and stagger_ms */
	struct usb_bus *bus;
	struct record *record;
	struct log *log; /* may be NULL */
	const char *operator_name, *work_order; /* "" = none */
	uint32_t quantity;		/* 0 = until stopped */
	bool rework;			/* units that are PASS under another plan may be made anew */
	/* LINE_REPROVISION */
	unsigned allow;		  /* of enum repair_act, beside those that the job allows */
	const char *rma;	  /* into the record, with each unit; NULL or "" = none */
	const char *state_dir, *software_version; /* of and for backups */
	uint32_t confirm_wait_ms; /* for the person at the slot; 0: five minutes */
	bool any_port; /* every port where a unit of the family shows up is a slot, named by the port */
	/* The part of the units' time that a rehearsal skips, so that the run of a stage's program is not
	 * measured by our clock: 0 none (real units), 1 all. */
	double skipped_time;
	uint32_t end_after_outcomes;	/* a rehearsal: ends when so many slots have an outcome; 0 = never */
	/* What line_drain and line_abort ask for, as flags that somebody else sets; may be NULL. */
	const struct cancel *drain, *abort;
	void (*event)(void *context, const struct line_event *event);
	void *context;
};

struct line_summary {
	char batch_id[UUID_TEXT];
	unsigned outcomes[OUTCOME_COUNT];
	const char *ended_by; /* as in the batch's row; static */
	bool stopped;	      /* the line stopped by itself: not durable, rule, bus lost */
	char why[ERR_TEXT_MAX];
	struct record_head head;
};

struct line;

/* Opens the cloud of the plan, so that what is wrong with its token or authority is found now
 * (REASON_INPUT); touches no unit and writes nothing. options and what they point to stay
 * valid until line_free. */
bool line_new(const struct line_options *options, struct line **ret, struct err *err) MUST_CHECK;
void line_free(struct line *line); /* takes NULL */

/* A device id from outside for the next unit of a slot: a scanned label, the command line.
 * REASON_INPUT for an unknown slot or what is not 24 hex digits. Any thread. */
bool line_scan(struct line *line, const char *slot, const char *device_id, struct err *err)
	MUST_CHECK;

/* The person at the slot has read what is asked there, and wants it. REASON_INPUT for an unknown slot, or one that
 * asks nothing now. Any thread. */
bool line_confirm(struct line *line, const char *slot, struct err *err) MUST_CHECK;
/* There is nobody (any more) who could confirm: what waits for it is not. Any thread. */
void line_confirm_nobody(struct line *line);

/* Runs the batch to its end. Blocks. False only if the batch could not be begun or ended in the
 * record; everything else is in the summary. */
bool line_run(struct line *line, struct line_summary *ret, struct err *err) MUST_CHECK;
/* Take no new units, finish those in work. From a signal handler too. */
void line_drain(struct line *line);
/* Put the units in work away cleanly, now. From a signal handler too. */
void line_abort(struct line *line);
