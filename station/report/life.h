/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one unit from the record, and its renderings: text, JSON and a certificate of one
 * page. All is read first, in one state of the database, into the JSON object that the renderings
 * are written from, so that they cannot disagree. Blocks for the disk; one thread at a time. */
#pragma once

#include "record.h"
#include "text.h"

struct life;

/* unit: a device id of either case, or an attempt id. *ret is NULL if the record does not know it;
 * else heap: life_free. REASON_STORE, REASON_STATION without memory. */
bool life_read(
	struct record *record, const char *unit, struct life **ret, struct err *err) MUST_CHECK;
void life_free(struct life *life); /* takes NULL */

/* What the record says about the unit by now. True only if its latest attempt that could change the
 * unit is PASS, the key of that attempt is still enrolled, and no mark sets the unit aside; an
 * attempt alone never says so. *ret_why: a sentence, the life's. */
bool life_is_pass(const struct life *life, const char **ret_why);

void render_life_text(const struct life *life, struct text_buf *to);
bool render_life_json(const struct life *life, struct text_buf *to, struct err *err) MUST_CHECK;
void render_life_html(const struct life *life, struct text_buf *to);
