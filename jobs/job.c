/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cfgfile.h"
#include "scope.h"
#include "text.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

/* The family's name becomes a file name. */
static void read_family(const struct cfg *root, struct job *job)
{
	cfg_text(root, "family", NULL, job->family, sizeof job->family);
	job->family_line = cfg_line(root, "family");
	if (cfg_failed(root))
		return;
	if (!job->family[0] || strspn(job->family, "abcdefghijklmnopqrstuvwxyz0123456789-_") !=
				       strlen(job->family))
		cfg_error(root, "family",
			"\"%s\" is no family name; allowed are lower-case letters, "
			"digits, '-' and '_'",
			job->family);
}

static void read_sha256(const struct cfg *group, char *to)
{
	uint8_t bytes[SHA256_LEN];
	cfg_text(group, "sha256", "", to, SHA256_HEX);
	if (!to[0] || cfg_failed(group))
		return;
	if (!bytes_from_hex(to, bytes, sizeof bytes))
		cfg_error(group, "sha256",
			"is not 64 hexadecimal digits; station check --pin writes it");
	else
		bytes_to_hex(bytes, sizeof bytes, to);
}

/* The images of one stage come behind those of the stages before it. */
static void read_images(const struct cfg *stage, unsigned index, struct job *job)
{
	struct cfg list, group;
	size_t count = cfg_list(stage, "images", true, JOB_IMAGES_MAX - job->image_count, &list);
	if (count == 0)
		cfg_error(stage, "images", "names no image; at least one is needed");
	for (size_t i = 0; i < count; i++) {
		struct job_image *image = &job->images[job->image_count];
		if (!cfg_list_group(&list, i, &group))
			return;
		cfg_text(&group, "region", "", image->region, sizeof image->region);
		cfg_path(&group, "file", NULL, image->file, sizeof image->file);
		read_sha256(&group, image->sha256);
		image->line = cfg_line(&group, cfg_has(&group, "region") ? "region" : "file");
		image->stage = index;
		job->image_count++;
	}
}

/* Goes to displays and into the record as it is. */
static void read_words(
	const struct cfg *group, const char *key, const char *fallback, char *to, size_t cap)
{
	cfg_text(group, key, fallback, to, cap);
	if (cfg_failed(group))
		return;
	for (const char *at = to; *at; at++)
		if (*at < ' ' || *at > '~')
			cfg_error(group, key, "has a character that is not printable ASCII");
	if (!to[0])
		cfg_error(group, key, "is empty; say it in a few words");
}

/* What follows the images of a stage that is not the last. */
static void read_stage_end(const struct cfg *group, struct job_stage *stage)
{
	static const char *const returns[] = { "by-itself", "touch", "operator" };
	read_words(group, "runs", NULL, stage->runs, sizeof stage->runs);
	stage->comes_back = (enum job_return)cfg_choice(group, "comes_back", returns, 3, -1);
	stage->run_ms = (uint32_t)cfg_int(group, "run_ms", 1, DAY_MS);
	stage->deadline_ms = (uint32_t)cfg_int(group, "deadline_ms", 1000, DAY_MS);
	if (!cfg_failed(group) && stage->run_ms >= stage->deadline_ms)
		cfg_error(group, "deadline_ms",
			"leaves no time to come back after run_ms; it counts from the leave");
	if (stage->comes_back == RETURN_OPERATOR)
		read_words(group, "tell", "put it into DFU with its buttons", stage->tell,
			sizeof stage->tell);
}

static void read_stages(const struct cfg *root, struct job *job)
{
	struct cfg list, group;
	if (!cfg_has(root, "stages")) {
		job->stage_count = 1;
		job->stages[0].line = cfg_line(root, "images");
		read_images(root, 0, job);
		return;
	}
	if (cfg_has(root, "images"))
		cfg_error(root, "images", "stands beside stages; images belong into one of them");
	size_t count = cfg_list(root, "stages", true, JOB_STAGES_MAX, &list);
	if (count == 0)
		cfg_error(root, "stages", "names no stage; leave it out and name the images");
	for (unsigned i = 0; i < count && cfg_list_group(&list, i, &group); i++) {
		read_images(&group, i, job);
		job->stages[i].line = cfg_line(&group, "images");
		if (i + 1 < count)
			read_stage_end(&group, &job->stages[i]);
	}
	job->stage_count = count;
}

static void read_device_key(const struct cfg *root, struct job_device_key *key)
{
	static const char *const policies[] = { "new", "keep-valid" };
	struct cfg group;
	if (!cfg_group(root, "device_key", false, &group))
		return;
	key->wanted = true;
	key->line = cfg_line(root, "device_key");
	cfg_text(&group, "slot", NULL, key->slot, sizeof key->slot);
	key->policy =
		(enum job_key_policy)cfg_choice(&group, "policy", policies, 2, KEY_POLICY_NEW);
}

static void read_server_key(const struct cfg *root, struct job_server_key *key)
{
	struct cfg group;
	if (!cfg_group(root, "server_key", false, &group))
		return;
	key->wanted = true;
	key->line = cfg_line(root, "server_key");
	cfg_text(&group, "slot", NULL, key->slot, sizeof key->slot);
	cfg_path(&group, "file", NULL, key->file, sizeof key->file);
	cfg_text(&group, "host", "", key->address.host, sizeof key->address.host);
	key->address.port = (uint16_t)cfg_int_or(&group, "port", 0, 65534, 0);
	if (cfg_has(&group, "port") && !key->address.host[0])
		cfg_error(&group, "port",
			"stands without a host; name both, or neither to take what "
			"the key file says");
}

static void read_enrol(const struct cfg *root, struct job_enrol *enrol)
{
	struct cfg group;
	if (!cfg_group(root, "enrol", false, &group))
		return;
	enrol->wanted = true;
	enrol->line = cfg_line(root, "enrol");
	cfg_text(&group, "cloud", NULL, enrol->cloud, sizeof enrol->cloud);
	cfg_text(&group, "product_id", "", enrol->product_id, sizeof enrol->product_id);
}

/* The fallbacks are what a job without limits gets. */
static void read_limits(const struct cfg *root, struct job_limits *limits)
{
	struct cfg group;
	*limits = (struct job_limits){ 2, 2, 600000, 5, 3, 0.0, 20 };
	if (!cfg_group(root, "limits", false, &group))
		return;
	limits->retries = (uint32_t)cfg_int_or(&group, "retries", 0, 20, limits->retries);
	limits->attempts_per_unit = (uint32_t)cfg_int_or(
		&group, "attempts_per_unit", 1, 1000, limits->attempts_per_unit);
	limits->attempt_timeout_ms = (uint32_t)cfg_int_or(
		&group, "attempt_timeout_ms", 1000, DAY_MS, limits->attempt_timeout_ms);
	limits->stop_after_failures = (uint32_t)cfg_int_or(
		&group, "stop_after_failures", 0, 100000, limits->stop_after_failures);
	limits->slot_stop_after =
		(uint32_t)cfg_int_or(&group, "slot_stop_after", 0, 100000, limits->slot_stop_after);
	limits->min_yield = cfg_number_or(&group, "min_yield", 0, 1, limits->min_yield);
	limits->min_yield_units =
		(uint32_t)cfg_int_or(&group, "min_yield_units", 1, 100000, limits->min_yield_units);
}

static void read_requirements(const struct cfg *root, struct job *job)
{
	struct cfg list, group;
	job->requirement_count = cfg_list(root, "require", false, JOB_REQUIREMENTS_MAX, &list);
	for (size_t i = 0; i < job->requirement_count && cfg_list_group(&list, i, &group); i++) {
		struct job_requirement *wanted = &job->requirements[i];
		cfg_text(&group, "option", NULL, wanted->name, sizeof wanted->name);
		wanted->value = (uint32_t)cfg_int(&group, "value", 0, UINT32_MAX);
		wanted->line = cfg_line(&group, "option");
	}
}

static void read_job(const struct cfg *root, struct job *job)
{
	static const char *const writes[] = { "always", "changed" };
	static const char *const afters[] = { "leave", "runs" };
	cfg_text(root, "name", NULL, job->name, sizeof job->name);
	if (!cfg_failed(root) && !job->name[0])
		cfg_error(root, "name", "is empty; the record needs a name for what is made");
	read_family(root, job);
	cfg_text(root, "part_number", "", job->part_number, sizeof job->part_number);
	cfg_text(root, "part_revision", "", job->part_revision, sizeof job->part_revision);
	job->quantity = (uint32_t)cfg_int_or(root, "quantity", 0, 10000000, 0);
	read_stages(root, job);
	read_device_key(root, &job->device_key);
	read_server_key(root, &job->server_key);
	read_enrol(root, &job->enrol);
	job->slot_is_enough = cfg_bool_or(root, "slot_is_enough", false);
	job->slot_line = cfg_line(root, "slot_is_enough");
	read_requirements(root, job);
	job->write = (enum job_write)cfg_choice(root, "write", writes, 2, WRITE_ALWAYS);
	job->after = (enum job_after)cfg_choice(root, "after", afters, 2, AFTER_LEAVE);
	read_limits(root, &job->limits);
	job_returns_read(root, &job->returns);
}

static bool finish(struct cfgfile *file, const char *path, struct job *job, struct err *err)
{
	if (!cfgfile_end(file, err))
		return false;
	if (!text_copy(job->path, sizeof job->path, path))
		return err_set(err, REASON_INPUT, "the path of the job has more than %d characters",
			FS_PATH_MAX - 1);
	job->text = strdup(cfgfile_text(file));
	return job->text || err_set(err, REASON_STATION, "%s: no memory for its text", path);
}

static bool read_file(struct cfgfile *file, const struct cfg *root, const char *path,
	struct job *ret, struct err *err)
{
	SCOPED_FREE struct job *job = calloc(1, sizeof *job);
	if (!job)
		return err_set(err, REASON_STATION, "%s: no memory for the job", path);
	read_job(root, job);
	if (!finish(file, path, job, err))
		return false;
	*ret = *job;
	return true;
}

bool job_load(const char *path, struct job *ret, struct err *err)
{
	struct cfgfile *file;
	struct cfg root;
	if (!cfgfile_open(path, "job", &file, &root, err))
		return false;
	bool ok = read_file(file, &root, path, ret, err);
	cfgfile_close(file);
	return ok;
}

bool job_parse(const char *path, const char *text, size_t len, struct job *ret, struct err *err)
{
	struct cfgfile *file;
	struct cfg root;
	if (!cfgfile_parse(path, text, len, "job", &file, &root, err))
		return false;
	bool ok = read_file(file, &root, path, ret, err);
	cfgfile_close(file);
	return ok;
}

void job_done(struct job *job)
{
	if (!job)
		return;
	free(job->text);
	*job = (struct job){ 0 };
}
