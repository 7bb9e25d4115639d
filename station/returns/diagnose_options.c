/* SPDX-License-Identifier: Apache-2.0 */
/* The chip's option bytes (F20), where DFU shows them. */
#include <inttypes.h>
#include <stdio.h>

#include "bytes.h"
#include "diagnose.h"
#include "options.h"
#include "text.h"

/* "efaa1055...: bor-level 0x3, user 0xef" */
static void add_values(
	const struct option_bytes *options, const uint8_t *bytes, struct findings *findings)
{
	char hex[2 * OPTION_BYTES_MAX + 1], values[ERR_TEXT_MAX / 2] = "";
	size_t used = 0;
	bytes_to_hex(bytes, options->size, hex);
	for (size_t i = 0; i < options->field_count && used < sizeof values; i++)
		used += (size_t)snprintf(values + used, sizeof values - used, "%s%s 0x%" PRIx32,
			i ? ", " : "", options->fields[i].name,
			option_value(&options->fields[i], bytes));
	finding_add(findings, FINDING_CODE_OPTIONS, "option-bytes", "%s: %s", hex, values);
}

static void judge(const struct returned *unit, const uint8_t *bytes, struct findings *findings)
{
	const struct option_bytes *options = &unit->family->options;
	struct err why;
	add_values(options, bytes, findings);
	if (!options_unlocked(options, bytes, &why))
		finding_add(findings, FINDING_CODE_READ_PROTECTED, "option-bytes", "%s", why.text);
	if (unit->plan && !options_as_required(unit->plan, bytes, &why))
		finding_add(findings, FINDING_CODE_OPTIONS_WRONG, "option-bytes", "%s", why.text);
	if (unit->plan && !options_let_write(unit->plan, bytes, &why))
		finding_add(findings, FINDING_CODE_WRITE_PROTECTED, "option-bytes", "%s", why.text);
}

bool diagnose_options(struct returned *unit, struct findings *findings, struct err *err)
{
	const struct option_bytes *options = &unit->family->options;
	const struct options_place place = { .dfu = unit->dfu,
		.family = unit->family,
		.record = unit->record,
		.attempt_id = unit->attempt_id };
	uint8_t bytes[OPTION_BYTES_MAX];
	struct err lost;
	if (!options->known || !dfu_has_alt(unit->dfu, options->alt))
		return true;
	if (options_read(&place, true, bytes, err) ||
		(look_may_retry(unit->dfu, err) && dfu_recover(unit->dfu, &lost) &&
			options_read(&place, true, bytes, err))) {
		judge(unit, bytes, findings);
		return true;
	}
	finding_add(findings,
		err->reason == REASON_READ_PROTECTED ? FINDING_CODE_READ_PROTECTED
						     : FINDING_CODE_UNREADABLE,
		"option-bytes", "%s", err->text);
	return look_may_go_on(unit->dfu, err);
}
