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

void plan_refuse_image(struct plan_build *build, size_t i, const char *format, ...)
{
	const struct job_image *image = &build->plan->job.images[i];
	char what[ERR_TEXT_MAX];
	int used = image->region[0]
			   ? snprintf(what, sizeof what, "images[%zu] (%s): ", i, image->region)
			   : snprintf(what, sizeof what, "images[%zu]: ", i);
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

/* Without a family nothing else can be judged. */
static bool build_all(struct plan_build *build, struct err *err)
{
	if (!find_family(build, err)) {
		plan_refuse(build, build->plan->job.family_line, "family: %s", err->text);
		return true;
	}
	plan_take_sources(build);
	plan_check_images(build);
	plan_check_places(build);
	plan_take_keys(build);
	plan_check_requirements(build);
	if (build->refusals)
		return true;
	return plan_place(build, err) &&
	       plan_hash(build->plan, build->options->cloud_url != NULL, err);
}

static void done_images(struct plan_build *build)
{
	for (size_t i = 0; i < build->plan->job.image_count; i++)
		image_done(&build->images[i]);
}

static bool make(struct plan_build *build, struct err *err)
{
	struct err failure;
	bool ok = build_all(build, &failure);
	done_images(build);
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
	*build = (struct plan_build){
		.plan = plan, .options = options, .errors = errors, .context = context, .err = err
	};
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
	job_done(&plan->job);
	free(plan);
}

uint32_t plan_blocks(const struct plan *plan, const struct plan_region *region)
{
	uint32_t block = plan->family.transfer_size_max;
	return region->write_len / block + (region->write_len % block != 0);
}
