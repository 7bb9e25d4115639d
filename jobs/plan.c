/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "plan_build.h"
#include "scope.h"

static void refuse_at(struct plan_build *build, unsigned line, const char *what)
{
	const char *path = build->plan->job.path;
	struct err err;
	if (line)
		err_set(&err, REASON_INPUT, "%s:%u: %s", path, line, what);
	else
		err_set(&err, REASON_INPUT, "%s: %s", path, what);
	if (build->refusals++ == 0)
		*build->err = err;
	if (build->errors)
		build->errors(build->context, err.text);
}

void plan_refuse(struct plan_build *build, unsigned line, const char *format, ...)
{
	char what[ERR_TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	refuse_at(build, line, what);
}

/* "images[1]", as the job has it. */
static void name_image(const struct job *job, size_t i, char to[48])
{
	size_t first = 0;
	while (job->images[first].stage != job->images[i].stage)
		first++;
	if (job->stage_count <= 1)
		snprintf(to, 48, "images[%zu]", i);
	else
		snprintf(to, 48, "stages[%u].images[%zu]", job->images[i].stage, i - first);
}

void plan_refuse_image(struct plan_build *build, size_t i, const char *format, ...)
{
	const struct job_image *image = &build->plan->job.images[i];
	char what[ERR_TEXT_MAX], name[48];
	name_image(&build->plan->job, i, name);
	int used = image->region[0] ? snprintf(what, sizeof what, "%s (%s): ", name, image->region)
				    : snprintf(what, sizeof what, "%s: ", name);
	va_list args;
	va_start(args, format);
	vsnprintf(what + used, sizeof what - (size_t)used, format, args);
	va_end(args);
	refuse_at(build, image->line, what);
}

static bool find_family(struct plan_build *build, struct err *err)
{
	struct plan *plan = build->plan;
	const struct config *config = build->options->config;
	char job_folder[FS_PATH_MAX], config_folder[FS_PATH_MAX] = "";
	fs_folder_of(job_folder, plan->job.path);
	if (config && config->path[0])
		fs_folder_of(config_folder, config->path);
	return family_find(plan->job.family, job_folder, config_folder, &plan->family, err);
}

static void done_images(struct plan_build *build)
{
	for (size_t i = 0; i < build->plan->job.image_count; i++)
		image_done(&build->images[i]);
	build->source_count = 0;
}

/* The images of one stage. */
static bool build_stage(struct plan_build *build, struct plan *plan, struct err *err)
{
	build->plan = plan;
	plan_take_sources(build);
	plan_check_images(build);
	plan_check_places(build);
	plan_check_stage(build);
	bool ok = build->refusals || (plan_place(build, err) && plan_stand(build, err));
	done_images(build);
	return ok;
}

static bool build_before(struct plan_build *build, struct err *err)
{
	struct plan *product = build->product;
	for (unsigned i = 0; i + 1 < product->job.stage_count; i++) {
		struct plan *plan = calloc(1, sizeof *plan);
		if (!plan)
			return err_set(err, REASON_STATION, "%s: no memory for stage %u",
				product->job.path, i + 1);
		product->before[product->before_count++] = plan;
		plan->family = product->family;
		plan->job = product->job;
		plan->job.text = NULL;
		plan->stage = i;
		if (!build_stage(build, plan, err))
			return false;
	}
	return true;
}

/* Without a family nothing else can be judged. */
static bool build_all(struct plan_build *build, struct err *err)
{
	struct plan *product = build->product;
	product->stage = (unsigned)product->job.stage_count - 1;
	if (!find_family(build, err)) {
		plan_refuse(build, product->job.family_line, "family: %s", err->text);
		return true;
	}
	if (!build_before(build, err) || !build_stage(build, product, err))
		return false;
	plan_take_keys(build);
	plan_check_requirements(build);
	plan_take_recipients(build);
	return build->refusals || plan_hash(product, build->options->cloud_url != NULL, err);
}

static bool make(struct plan_build *build, struct err *err)
{
	struct err failure;
	bool ok = build_all(build, &failure);
	if (!ok) {
		*err = failure;
		if (build->errors)
			build->errors(build->context, failure.text);
	}
	return ok && build->refusals == 0;
}

bool plan_make(const char *job_path, const struct plan_options *options,
	void (*errors)(void *context, const char *text), void *context, struct plan **ret,
	struct err *err)
{
	struct plan *plan = calloc(1, sizeof *plan);
	SCOPED_FREE struct plan_build *build = calloc(1, sizeof *build);
	if (!plan || !build) {
		free(plan);
		return err_set(err, REASON_STATION, "%s: no memory for the plan", job_path);
	}
	*build = (struct plan_build){ .plan = plan,
		.product = plan,
		.options = options,
		.errors = errors,
		.context = context,
		.err = err };
	bool loaded = job_load(job_path, &plan->job, err);
	if (!loaded && errors)
		errors(context, err->text);
	if (!loaded || !make(build, err)) {
		plan_free(plan);
		return false;
	}
	*ret = plan;
	return true;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	if (plan->memory)
		munmap(plan->memory, plan->memory_len);
	for (size_t i = 0; i < plan->before_count; i++)
		plan_free(plan->before[i]);
	job_done(&plan->job);
	free(plan);
}

uint32_t plan_blocks(const struct plan *plan, const struct plan_region *region)
{
	uint32_t block = plan->family.transfer_size_max;
	return region->write_len / block + (region->write_len % block != 0);
}
