/* SPDX-License-Identifier: Apache-2.0 */
/* Writes hashes into the text of a job, leaving the rest of it as its author wrote it. libconfig
 * cannot: it forgets comments and layout. The text has been parsed before, so this scanner only has
 * to find places in it. */
#include "job.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cfgfile.h"
#include "cfgtext.h"
#include "scope.h"
#include "text.h"

enum { PINS_MAX = JOB_IMAGES_MAX + JOB_RECIPIENTS_MAX };

/* Where the hash of one file stands or has to be inserted. */
struct pin_place {
	const char *sha256; /* that goes there */
	size_t at, end;     /* the old value, or twice the same place */
	bool insert;
	size_t line_at,
		indent; /* insert on a line of its own, indented like the text at line_at; 0: in the same line */
	bool needs_terminator;
};

static void place_insertion(const struct cfgtext *scanner, struct cfgtext_token name,
	struct cfgtext_token last, struct pin_place *ret)
{
	ret->at = ret->end = last.end;
	ret->insert = true;
	ret->needs_terminator = !cfgtext_is_one_of(scanner, last, ";,");
	if (name.end && cfgtext_stands_first(scanner->text, name.at, &ret->line_at))
		ret->indent = name.at - ret->line_at;
	else
		ret->line_at = 0;
}

/* Reads one file's group to its end. Its values are scalars, as the job was parsed before. */
static bool find_in_group(struct cfgtext *scanner, struct pin_place *ret)
{
	struct cfgtext_token name = { 0 }, last = { 0 };
	bool found = false, after_sign = false;
	for (;;) {
		struct cfgtext_token token = cfgtext_next(scanner);
		if (token.kind == CFGTEXT_END || cfgtext_is_one_of(scanner, token, "{[("))
			return false;
		if (cfgtext_is_one_of(scanner, token, "}"))
			break;
		if (token.kind == CFGTEXT_NAME && !after_sign)
			name = token;
		after_sign = cfgtext_is_one_of(scanner, token, "=:");
		if (token.kind == CFGTEXT_STRING && cfgtext_is(scanner, name, "sha256")) {
			if (!found)
				ret->at = token.at;
			ret->end = token.end;
			found = true;
		}
		last = token;
	}
	if (found) {
		ret->insert = false;
		return true;
	}
	place_insertion(scanner, name, last, ret);
	return last.end != 0;
}

/* The next group of a list; the scanner is then in it. */
static bool enter_group(struct cfgtext *scanner)
{
	struct cfgtext_token token = cfgtext_next(scanner);
	if (cfgtext_is_one_of(scanner, token, ","))
		token = cfgtext_next(scanner);
	return cfgtext_is_one_of(scanner, token, "{");
}

static bool find_in_list(
	struct cfgtext *scanner, const char *name, size_t count, struct pin_place *places)
{
	if (!cfgtext_enter(scanner, name, "("))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!enter_group(scanner) || !find_in_group(scanner, &places[i]))
			return false;
	return true;
}

/* The images of the group that the scanner is in, from *at on. */
static bool find_in_images(struct cfgtext *scanner, const struct job *job, unsigned stage,
	struct pin_place *places, size_t *at)
{
	size_t first = *at;
	while (*at < job->image_count && job->images[*at].stage == stage)
		++*at;
	return find_in_list(scanner, "images", *at - first, places + first);
}

static bool find_images(const struct job *job, struct cfgtext scanner, struct pin_place *places)
{
	size_t at = 0;
	struct cfgtext inside = scanner;
	if (!cfgtext_enter(&inside, "stages", "("))
		return find_in_images(&scanner, job, 0, places, &at);
	for (unsigned stage = 0; stage < job->stage_count; stage++) {
		if (!enter_group(&inside) || !find_in_images(&inside, job, stage, places, &at))
			return false;
		cfgtext_skip_bracket(&inside); /* of the images */
		cfgtext_skip_bracket(&inside); /* of the stage */
	}
	return true;
}

/* scanner: in the job. */
static bool find_recipients(const struct job *job, struct cfgtext scanner, struct pin_place *places)
{
	size_t count = job->returns.backup.recipient_count;
	return !count || (cfgtext_enter(&scanner, "backup", "{") &&
				 find_in_list(&scanner, "recipients", count, places));
}

static int by_place(const void *a, const void *b)
{
	const struct pin_place *left = a, *right = b;
	return left->at < right->at ? -1 : left->at > right->at;
}

static bool find_places(const struct job *job, struct pin_place *places, size_t count)
{
	struct cfgtext scanner = { .text = job->text, .len = strlen(job->text) };
	if (!cfgtext_enter(&scanner, "job", "{") || !find_images(job, scanner, places) ||
		!find_recipients(job, scanner, places + job->image_count))
		return false;
	qsort(places, count, sizeof *places, by_place);
	return true;
}

static void add_pin(struct text_buf *buf, const char *text, const struct pin_place *place)
{
	if (!place->insert) {
		text_buf_addf(buf, "\"%s\"", place->sha256);
		return;
	}
	if (place->needs_terminator)
		text_buf_add(buf, ";", 1);
	text_buf_add(buf, place->line_at ? "\n" : " ", 1);
	text_buf_add(buf, text + place->line_at, place->indent);
	text_buf_addf(buf, "sha256 = \"%s\";", place->sha256);
}

static bool pinned_text(const struct job *job, const char (*sha256)[SHA256_HEX], size_t count,
	struct text_buf *buf, struct err *err)
{
	struct pin_place places[PINS_MAX] = { 0 };
	for (size_t i = 0; i < count; i++)
		places[i].sha256 = sha256[i];
	if (!find_places(job, places, count))
		return err_set(err, REASON_INPUT,
			"%s: cannot find the %zu groups of images and recipients in the text; write "
			"sha256 into it by hand",
			job->path, count);
	size_t at = 0;
	for (size_t i = 0; i < count; i++) {
		text_buf_add(buf, job->text + at, places[i].at - at);
		add_pin(buf, job->text, &places[i]);
		at = places[i].end;
	}
	text_buf_add(buf, job->text + at, strlen(job->text) - at);
	return !buf->failed || err_set(err, REASON_INPUT, "%s: would become too long", job->path);
}

static bool same_recipients(const struct job_backup *now, const struct job_backup *then,
	const char (*sha256)[SHA256_HEX])
{
	bool same = now->recipient_count == then->recipient_count;
	for (size_t i = 0; same && i < now->recipient_count; i++)
		same = strcmp(now->recipients[i].sha256, sha256[i]) == 0 &&
		       strcmp(now->recipients[i].file, then->recipients[i].file) == 0;
	return same;
}

/* The proof that the edit did what it should: the new text reads as the same
 * job with these hashes. */
static bool check_pinned(const struct job *job, const char (*sha256)[SHA256_HEX],
	const struct text_buf *buf, struct err *err)
{
	SCOPED_FREE struct job *now = calloc(1, sizeof *now);
	if (!now)
		return err_set(err, REASON_STATION, "%s: no memory for the job", job->path);
	if (!job_parse(job->path, buf->text, buf->len, now, err))
		return err_at(err, "with its hashes");
	bool ok = now->image_count == job->image_count &&
		  same_recipients(
			  &now->returns.backup, &job->returns.backup, sha256 + job->image_count);
	for (size_t i = 0; ok && i < now->image_count; i++)
		ok = strcmp(now->images[i].sha256, sha256[i]) == 0 &&
		     strcmp(now->images[i].region, job->images[i].region) == 0 &&
		     strcmp(now->images[i].file, job->images[i].file) == 0;
	job_done(now);
	return ok ||
	       err_set(err, REASON_INPUT,
		       "%s: the hashes do not fit into its text; write them by hand", job->path);
}

static bool unchanged_since(const struct job *job, mode_t *ret_mode, struct err *err)
{
	SCOPED_FREE uint8_t *bytes = NULL;
	size_t len;
	struct stat info;
	if (!fs_read(job->path, CFG_FILE_MAX, REASON_INPUT, &bytes, &len, err))
		return false;
	if (len != strlen(job->text) || memcmp(bytes, job->text, len) != 0 ||
		stat(job->path, &info) != 0)
		return err_set(err, REASON_INPUT,
			"%s: was changed while it was checked; nothing was written, check it again",
			job->path);
	*ret_mode = info.st_mode & 0777;
	return true;
}

bool job_pin(const struct job *job, const char (*sha256)[SHA256_HEX], size_t count, struct err *err)
{
	struct text_buf buf;
	mode_t mode = 0644;
	size_t wanted = job->image_count + job->returns.backup.recipient_count;
	if (count != wanted)
		return err_set(
			err, REASON_BUG, "%s: %zu hashes for %zu files", job->path, count, wanted);
	text_buf_init(&buf, CFG_FILE_MAX);
	bool ok = pinned_text(job, sha256, count, &buf, err) &&
		  check_pinned(job, sha256, &buf, err) && unchanged_since(job, &mode, err) &&
		  fs_write_atomic(job->path, buf.text, buf.len, mode, err);
	text_buf_done(&buf);
	return ok;
}
