/* SPDX-License-Identifier: Apache-2.0 */
/* From rows to counts: what a report gathers while the database is read. Private to this folder. */
#pragma once

#include "report.h"
#include "units.h"

/* Of a slot or an operator. */
struct collect_group {
	struct times process, turnaround;
	int64_t last_arrival; /* in the present batch; -1 none */
};

struct collect {
	struct report *report;
	struct err *err;
	struct units units;
	struct units *reason_units, *loss_units; /* as many as failures and losses */
	struct collect_group *slots, *operators; /* as many as the report's */
	struct times process, turnaround;
	int64_t hour_from, hour_to; /* the clock hour of the attempt before */
	unsigned hour;
	struct report_batch *batch; /* of the attempt before */
	struct collect_link *links; /* which image each batch wrote */
	size_t link_count;
	struct collect_found *found;
	size_t found_count;
};

struct collect_link {
	size_t batch, image;
};
/* A finding of one unit, told once. */
struct collect_found {
	size_t finding;
	struct units units;
};

struct figures_reader collect_reader(struct collect *collect);
void collect_done(struct collect *collect);
