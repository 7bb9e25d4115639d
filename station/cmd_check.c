/* SPDX-License-Identifier: Apache-2.0 */
/* station check: makes the plan of a job and shows it, or all reasons why there can be
 * none. Touches no unit. */
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "cmd_check_private.h"
#include "cmd_json.h"

struct check {
	const char *job_path, *config_path;
	bool pin, json;
};

static int print_json(const struct plan *plan)
{
	if (cmd_json_line(stdout, check_json_plan(plan)))
		return EXIT_DONE;
	fprintf(stderr,
		"station check: the plan cannot be told as JSON: is every name in it UTF-8?\n");
	return EXIT_REFUSED;
}

static void print_refusal(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "station check: %s\n", text);
}

static bool pin(const struct plan *plan, struct err *err)
{
	char sha256[JOB_IMAGES_MAX + JOB_RECIPIENTS_MAX][SHA256_HEX];
	const struct job *job = &plan->job;
	for (unsigned k = 0; k <= plan->before_count; k++) {
		const struct plan *stage = plan_stage(plan, k);
		for (size_t i = 0; i < stage->region_count; i++)
			memcpy(sha256[stage->regions[i].image], stage->regions[i].sha256,
				SHA256_HEX);
	}
	for (size_t i = 0; i < plan->recipients.count; i++)
		memcpy(sha256[job->image_count + i], plan->recipients.list[i].fingerprint,
			SHA256_HEX);
	return job_pin(job, (const char(*)[SHA256_HEX])sha256,
		job->image_count + plan->recipients.count, err);
}

/* The plan is made with the old hashes left aside, and later again with the new ones. */
static int pin_job(const struct check *check, const struct config *config)
{
	struct plan_options options = { .config = config, .ignore_pins = true };
	struct plan *plan;
	struct err err;
	if (!plan_make(check->job_path, &options, print_refusal, NULL, &plan, &err))
		return EXIT_REFUSED;
	bool ok = pin(plan, &err);
	plan_free(plan);
	if (!ok)
		fprintf(stderr, "station check: %s\n", err.text);
	return ok ? EXIT_DONE : EXIT_REFUSED;
}

static int check_job(const struct check *check, const struct config *config)
{
	struct plan_options options = { .config = config };
	struct plan *plan;
	struct err err;
	int status = check->pin ? pin_job(check, config) : EXIT_DONE;
	if (status != EXIT_DONE)
		return status;
	if (!plan_make(check->job_path, &options, print_refusal, NULL, &plan, &err))
		return EXIT_REFUSED;
	if (check->json)
		status = print_json(plan);
	else
		check_print_plan(plan);
	plan_free(plan);
	return status;
}

static const char help[] =
	"usage: station check JOB [options]\n\n"
	"Shows what the job would make of a unit, or everything that is wrong with it. "
	"Touches no unit.\n\n"
	"  --config FILE  the station's config (default: $STATION_CONFIG, "
	"/etc/station/station.cfg,\n"
	"                 the source tree's config/station.cfg)\n"
	"  --pin          write the sha256 of each image into the job, and of each backup recipient that has\n"
	"                 none there yet (make sure first that it is the right certificate)\n"
	"  --json         one JSON object instead of text\n"
	"  --help         this text\n\n"
	"Exit status: 0 the plan is good, 2 it is refused.\n";

static bool parse(int argc, char **argv, struct check *check, int *ret_status)
{
	const struct cmd_option own[] = { { "config", &check->config_path, NULL },
		{ "pin", NULL, &check->pin }, { "json", NULL, &check->json } };
	char **arguments;
	int count;
	if (!cmd_parse(argc, argv, help, own, sizeof own / sizeof *own, &arguments, &count,
		    ret_status))
		return false;
	if (count == 1) {
		check->job_path = arguments[0];
		return true;
	}
	*ret_status = cmd_usage("check", count ? "one job at a time" : "name the job");
	return false;
}

int cmd_check(int argc, char **argv)
{
	struct check check = { 0 };
	struct config config;
	struct err err;
	int status = EXIT_DONE;
	if (!parse(argc, argv, &check, &status))
		return status;
	if (!cmd_config(check.config_path, &config, &err))
		return cmd_fail(argv[0], &err);
	return check_job(&check, &config);
}
