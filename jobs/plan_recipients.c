/* SPDX-License-Identifier: Apache-2.0 */
/* Who can open the backups of units that come back: the certificates that the job names. */
#include <string.h>

#include "plan_build.h"

static void check_pin(
	struct plan_build *build, const struct job_recipient *wanted, const struct recipient *is)
{
	if (wanted->sha256[0] && strcmp(wanted->sha256, is->fingerprint) != 0)
		plan_refuse(build, wanted->line,
			"backup: %s: the fingerprint of this certificate is %s, the job wants %s; fetch the "
			"right one, or make sure of it and write that",
			wanted->file, is->fingerprint, wanted->sha256);
	else if (!wanted->sha256[0] && build->options->want_pins)
		plan_refuse(build, wanted->line,
			"backup: %s: the job does not name its sha256, which a real run wants; make sure "
			"that it is the right certificate (%s), then station check --pin writes it",
			wanted->file, is->fingerprint);
}

void plan_take_recipients(struct plan_build *build)
{
	const struct job_backup *backup = &build->plan->job.returns.backup;
	struct recipients *recipients = &build->plan->recipients;
	for (size_t i = 0; i < backup->recipient_count; i++) {
		const struct job_recipient *wanted = &backup->recipients[i];
		struct err err;
		if (recipients_add(recipients, wanted->file, &err))
			check_pin(build, wanted, &recipients->list[recipients->count - 1]);
		else
			plan_refuse(build, wanted->line, "backup: %s", err.text);
	}
}

/* A real unit's keys go to nobody that the job does not pin, and to nobody whose certificate has expired. Who makes
 * units and backs nothing up is not stopped by that. */
bool plan_can_back_up(const struct plan *plan, bool want_pins, int64_t now, struct err *err)
{
	const struct job_backup *backup = &plan->job.returns.backup;
	for (size_t i = 0; want_pins && i < backup->recipient_count; i++)
		if (!backup->recipients[i].sha256[0])
			return err_set(err, REASON_INPUT,
				"%s:%u: the job does not name the sha256 of %s: make sure that it is "
				"the right certificate (%s), then station check --pin writes it",
				plan->job.path, backup->recipients[i].line,
				backup->recipients[i].file, plan->recipients.list[i].fingerprint);
	return recipients_valid(&plan->recipients, now, err);
}
