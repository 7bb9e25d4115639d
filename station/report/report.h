/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of a report. All are computed once into a struct report; a rendering only writes what
 * stands there, so that text, CSV, JSON and HTML cannot disagree. docs/figures.md defines each.
 *
 * Read only and in one state of the database: a running line is not blocked. Texts are owned by the
 * report and are what devices and people wrote (quotes, newlines, HTML, formulas, broken UTF-8):
 * each rendering escapes them. NULL and -1 mean unknown. Times are UTC milliseconds, durations
 * milliseconds; renderings for people show local time. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "figures.h"

enum { REPORT_BARS = 20, REPORT_SLOT_MIN = 20, REPORT_ALPHA_PERCENT = 5 };

/* A share of units or attempts. whole 0: there is nothing to judge, which is neither 0 % nor 100 %. */
struct report_share {
	int64_t part, whole;
};

/* A distribution of durations; count 0: the rest means nothing. */
struct report_times {
	int64_t count, median_ms, p90_ms, p99_ms, max_ms;
	bool exact;     /* false: quantiles are within 0.8 % */
	int64_t bar_ms; /* width of a bar, a round number */
	int64_t bar_from_ms;
	int64_t bars[REPORT_BARS]; /* the last one holds all that is longer too */
	size_t bar_count;
};

struct report_outcomes {
	int64_t count[OUTCOME_COUNT]; /* OUTCOME_NONE: still open */
};

struct report_step {
	char *name;
	int64_t entered, passed_first, passed_later, failed, tries;
	struct report_times times;
};

/* Attempts that ended otherwise than PASS and HELD, the most frequent first. */
struct report_reason {
	char *code;
	const char *sentence, *next; /* static; "" for a code that this version does not know */
	char *cause;
	int64_t attempts, units;
	double cumulative; /* share of its list up to and with this one */
};

/* What is compared with its like: a slot, an operator. */
struct report_group {
	char *name;
	int64_t attempts;
	struct report_share yield; /* judged attempts that are PASS or HELD */
	double low, high; /* Wilson interval of the yield, corrected for the number of groups */
	bool flagged;     /* the yield of all others lies outside of it, and there are enough */
	int64_t retries;
	struct report_times process, turnaround;
};

struct report_failed_step {
	char *name;
	int64_t attempts;
};

struct report_period {
	int64_t from, to; /* a local hour, day or month */
	struct report_outcomes outcomes;
};

struct report_stop {
	char *batch_id, *why;
	int64_t from_at, to_at;
};

struct report_batch {
	char *id, *kind, *job_name, *plan_sha256, *family, *cloud, *work_order, *part_number,
		*part_revision, *operator_name, *station_id, *software_version, *ended_by;
	int64_t quantity, started_at, ended_at; /* ended_at -1: it runs */
	struct report_outcomes outcomes;
	struct report_share yield;
};

/* The same image in several batches is one. */
struct report_image {
	char *region, *file_name, *sha256;
	int64_t stage, address, size, version, platform_id;
	struct report_share yield; /* of the batches that wrote it */
};

struct report_finding {
	char *subject, *state, *reason;
	int64_t units;
};

struct report_keys {
	int64_t read_back, acknowledged; /* of PASS: how the enrolment was proven */
	int64_t held, refused;
	struct figures_keys by_now;
};

/* Each array has its count behind it. */
struct report {
	char *title;                /* "batch 0193...: job photon-tinker", for people */
	struct figures_scope scope; /* texts owned */
	int64_t made_at;
	struct record_head head; /* the newest seal at that moment */
	char station_id[64];
	bool virtual_line, running; /* some batch has not ended */

	struct report_batch *batches;
	size_t batch_count;
	struct report_image *images;
	size_t image_count;
	struct report_stop *stops;
	size_t stop_count;

	int64_t attempts, units_started,
		units_good; /* kind provision; distinct units; PASS or HELD by now */
	struct report_outcomes outcomes;
	struct report_outcomes unit_outcomes; /* distinct units by how they stand */
	struct report_share first_pass, first_pass_strict, final_yield;
	bool final_defined; /* a work order whose batches have all ended, and all of it */
	double rolled;      /* rolled throughput yield; < 0: nothing to judge */

	struct report_step *steps; /* in the order of the procedure */
	size_t step_count;
	struct report_reason *failures; /* FAIL by cause unit: the Pareto */
	size_t failure_count;
	struct report_reason
		*losses; /* everything else that is not PASS, HELD or SKIPPED, shown beside */
	size_t loss_count;
	int64_t loss_causes[CAUSE_COUNT]; /* attempts among the losses; CAUSE_NONE: of nobody */
	struct report_failed_step *failed_steps; /* of FAIL, whatever the cause */
	size_t failed_step_count;
	struct report_group *slots, *operators;
	size_t slot_count, operator_count;
	struct report_period *periods;
	size_t period_count;
	struct report_share hours[24]; /* yield by the local hour of the day */
	const char *period_unit;       /* "hour", "day", "month" */

	struct report_times process, turnaround;
	int64_t run_ms, stopped_ms; /* of the batches, inside the scope */
	int64_t first_passes;       /* distinct units that reached PASS */
	double uph_gross, uph_net;  /* < 0: not defined */
	int64_t output_interval_ms; /* -1: not defined */
	int64_t retries,
		saved_by_retry; /* tries beyond the first; judged good attempts that had some */

	struct report_keys keys, returned_keys; /* of provisioning; of units that came back */
	struct report_outcomes returned, verified; /* attempts of the other kinds */
	struct report_outcomes reprovisioned;      /* of the returned */
	struct figures_resale resale;              /* of those that are PASS */
	int64_t returned_units;
	struct report_finding *findings; /* faults first, the most frequent first */
	size_t finding_count;
};

/* *ret is heap; report_free. Reasons: INPUT (no such batch; nothing was ever made for "last"), STORE. */
bool report_make(struct record *record, const struct figures_scope *scope, struct report **ret,
	struct err *err) MUST_CHECK;
void report_free(struct report *report); /* takes NULL */

/* 0..1; < 0 if whole is 0. */
double report_ratio(struct report_share share);
