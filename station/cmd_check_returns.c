/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_check_private.h"

#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

#include "clock.h"
#include "recipient.h"

static bool is_pinned(const struct plan *plan, size_t i)
{
	return plan->job.returns.backup.recipients[i].sha256[0] != 0;
}

void check_print_returns(const struct plan *plan)
{
	const struct recipients *recipients = &plan->recipients;
	struct err err;
	bool all = true;
	printf("\nbackups of units that come back\n");
	if (!recipients->count) {
		printf("  none: nobody is named who could open one\n");
		return;
	}
	for (size_t i = 0; i < recipients->count; i++) {
		const struct recipient *one = &recipients->list[i];
		char until[32];
		clock_format_utc(one->not_after, until, sizeof until);
		printf("  %-14s %s, %s, %s, until %.10s\n  %-14s sha256 %s%s\n", "opened by",
			one->who, fs_name_of(one->file), one->algorithm, until, "",
			one->fingerprint, is_pinned(plan, i) ? "" : "  not in the job");
		all &= is_pinned(plan, i);
		if (!recipient_valid(one, clock_utc_ms(), &err))
			printf("  %-14s %s; units are made all the same, station backup and "
			       "reprovision refuse this job\n",
				"NOT VALID", err.text);
	}
	if (plan->job.returns.backup.keep_days)
		printf("  %-14s %" PRIu32 " days\n", "kept", plan->job.returns.backup.keep_days);
	else
		printf("  %-14s for ever\n", "kept");
	if (!all)
		printf("  make sure that these are the right certificates; station check --pin then "
		       "writes their sha256\n  into the job, as a real run wants\n");
}

json_t *check_json_recipients(const struct plan *plan)
{
	json_t *list = json_array();
	for (size_t i = 0; i < plan->recipients.count; i++) {
		const struct recipient *one = &plan->recipients.list[i];
		struct err err;
		json_array_append_new(
			list, json_pack("{ss ss ss ss sI sb sb}", "file", one->file, "subject",
				      one->who, "algorithm", one->algorithm, "sha256",
				      one->fingerprint, "not_after", (json_int_t)one->not_after,
				      "pinned", (int)is_pinned(plan, i), "valid",
				      (int)recipient_valid(one, clock_utc_ms(), &err)));
	}
	return list;
}
