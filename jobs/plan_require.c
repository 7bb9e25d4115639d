/* SPDX-License-Identifier: Apache-2.0 */
/* What the job wants of a unit as it comes: its option bytes, and who it is. */
#include <inttypes.h>
#include <string.h>

#include "plan_build.h"
#include "text.h"

enum { LIST_MAX = 300 };

static void list_options(const struct option_bytes *options, char to[LIST_MAX])
{
	size_t used = 0;
	to[0] = 0;
	for (size_t i = 0; i < options->field_count; i++) {
		if (!text_format(to + used, LIST_MAX - used, "%s%s", i ? ", " : "",
			    options->fields[i].name))
			return;
		used = strlen(to);
	}
}

static void check_requirement(struct plan_build *build, size_t i)
{
	const struct job *job = &build->plan->job;
	const struct job_requirement *wanted = &job->requirements[i];
	const struct option_bytes *options = &build->plan->family.options;
	const struct option_field *field = option_field(options, wanted->name);
	char known[LIST_MAX];
	list_options(options, known);
	if (!field)
		plan_refuse(build, wanted->line,
			"require[%zu]: family %s knows no option \"%s\" of its units; it knows: %s",
			i, build->plan->family.name, wanted->name, known[0] ? known : "none");
	else if (wanted->value > option_limit(field))
		plan_refuse(build, wanted->line,
			"require[%zu]: option %s cannot be 0x%" PRIx32
			", it has values up to 0x%" PRIx32,
			i, wanted->name, wanted->value, option_limit(field));
	for (size_t k = 0; k < i; k++)
		if (strcmp(job->requirements[k].name, wanted->name) == 0)
			plan_refuse(build, wanted->line,
				"require[%zu]: option %s is already required in line %u", i,
				wanted->name, job->requirements[k].line);
}

/* A key is recorded and enrolled for a device id. */
static void check_identity(struct plan_build *build)
{
	const struct job *job = &build->plan->job;
	const struct family *family = &build->plan->family;
	const char *part = job->enrol.wanted ? "enrol" : "device_key";
	if (!job->slot_is_enough)
		return;
	if (!family->identity.slot_is_enough)
		plan_refuse(build, job->slot_line,
			"slot_is_enough: the units of family %s have a device id; leave it out",
			family->name);
	if (job->enrol.wanted || job->device_key.wanted)
		plan_refuse(build, job->slot_line,
			"slot_is_enough: %s needs a device id for each unit; leave slot_is_enough out, "
			"and scan the ids or give --device-id SLOT=ID",
			part);
}

/* Nobody would see the program of a family that shows no USB then. */
static void check_after(struct plan_build *build)
{
	const struct family *family = &build->plan->family;
	if (build->plan->job.after == AFTER_RUNS &&
		(!family->cdc.vendor_id || !family->reentry.boot_timeout_ms))
		plan_refuse(build, 0,
			"after: units of family %s do not show that they run (usb.cdc and "
			"reentry.boot_timeout_ms); take after = \"leave\"",
			family->name);
}

void plan_check_requirements(struct plan_build *build)
{
	for (size_t i = 0; i < build->plan->job.requirement_count; i++)
		check_requirement(build, i);
	check_identity(build);
	check_after(build);
}
