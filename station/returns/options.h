/* SPDX-License-Identifier: Apache-2.0 */
/* A unit's option bytes, where its chip lets DFU read them: kept with the attempt as observations, and
 * judged by the plan. They are never written. Blocks for the transfers; one thread. */
#pragma once

#include "dfu.h"
#include "plan.h"
#include "record.h"

struct options_place {
	struct dfu *dfu;
	const struct family *family; /* its option bytes are known */
	struct record *record;
	const char *attempt_id;
};

/* Reads them into ret, OPTION_BYTES_MAX bytes; keep: and keeps them. REASON_READ_PROTECTED if the unit
 * does not show them, which is kept too. */
bool options_read(
	const struct options_place *place, bool keep, uint8_t *ret, struct err *err) MUST_CHECK;

/* What they say. REASON_READ_PROTECTED above level 0; REASON_OPTION_BYTES where the job requires another
 * value; REASON_WRITE_PROTECTED where it writes, with its stages before. Pure. */
bool options_unlocked(
	const struct option_bytes *options, const uint8_t *bytes, struct err *err) MUST_CHECK;
bool options_as_required(const struct plan *plan, const uint8_t *bytes, struct err *err) MUST_CHECK;
bool options_let_write(const struct plan *plan, const uint8_t *bytes, struct err *err) MUST_CHECK;
