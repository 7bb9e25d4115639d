/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a unit as a certificate: first what it is, then how that came about. */
#include <stdio.h>
#include <string.h>

#include "html.h"
#include "life_private.h"
#include "reason.h"
#include "render.h"

static void put_pair(struct text_buf *to, const char *name, const char *text)
{
	if (text)
		html_addf(to, "<dt>%s</dt><dd>%s</dd>\n", name, text);
}

static void put_code(struct text_buf *to, const char *name, const char *text)
{
	if (text)
		html_addf(to, "<dt>%s</dt><dd><code>%s</code></dd>\n", name, text);
}

static void put_moment(
	struct text_buf *to, const char *name, const json_t *object, const char *column)
{
	char at[40];
	render_moment(life_number(object, column), at);
	if (life_number(object, column) >= 0)
		put_pair(to, name, at);
}

/* "12.345 s"; "open". */
static void duration_of(const json_t *object, char to[32])
{
	int64_t from = life_number(object, "started_at"), end = life_number(object, "ended_at");
	if (from < 0 || end < 0)
		snprintf(to, 32, "open");
	else
		snprintf(to, 32, "%.3f s", (double)(end - from) / 1000.0);
}

static const char *sentence_of(const char *reason)
{
	return reason ? reason_info(reason_from_code(reason))->sentence : "";
}

/* --- what it is --- */

static void put_reason(struct text_buf *to, const json_t *attempt)
{
	const char *reason = life_text(attempt, "reason"), *detail = life_text(attempt, "detail");
	if (reason)
		html_addf(to, "<p><b>%s</b>: %s</p>\n", reason, sentence_of(reason));
	if (detail)
		html_addf(to, "<p>%s</p>\n", detail);
}

static void put_unproven(struct text_buf *to, const json_t *attempt)
{
	size_t i;
	const json_t *text, *texts = json_object_get(attempt, "unproven");
	json_array_foreach(texts, i, text)
		html_addf(to, "<p class=\"unproven\"><b>" RECORD_UNPROVEN "</b>: %s</p>\n",
			json_string_value(text));
}

static void put_verdict(struct text_buf *to, const struct life *life)
{
	const json_t *attempt = life_deciding(life);
	const json_t *mark = json_array_get(life->marks, json_array_size(life->marks) - 1);
	const char *why, *outcome = life_text(attempt, "outcome");
	char resale[LIFE_RESALE_MAX];
	bool pass = life_is_pass(life, &why);
	bool told = !pass && !life->one_attempt && outcome && strcmp(outcome, "PASS") != 0;
	html_addf(to, "<div class=\"verdict %s\" id=\"verdict\">\n<p class=\"v\">",
		!pass                      ? "bad"
		: life_is_for_resale(life) ? "good"
					   : "good but");
	if (pass)
		html_addf(to, "✓ PASS%s", life_is_for_resale(life) ? "" : ", not for resale");
	else if (told)
		html_addf(to, "✕ NOT PASS: %s", outcome);
	else
		html_addf(to, "✕ NOT A CERTIFICATE OF A PASS");
	html_addf(to, "</p>\n<p>%s</p>\n", why);
	if (told)
		put_reason(to, attempt);
	if (mark && strcmp(life_text(mark, "mark"), "released") != 0)
		html_addf(to, "<p>marked <b>%s</b>: %s</p>\n", life_text(mark, "mark"),
			life_text(mark, "note"));
	put_unproven(to, attempt);
	if (life_resale_words(life, resale, sizeof resale))
		html_addf(to, "<p class=\"%s\" id=\"resale\"><b>%s</b></p>\n",
			life_is_for_resale(life) ? "resale" : "resale unproven", resale);
	html_addf(to, "</div>\n");
}

static const json_t *batch_of(const struct life *life, const json_t *attempt)
{
	const char *id = life_text(attempt, "batch_id");
	size_t i;
	const json_t *batch;
	json_array_foreach(life->batches, i,
		batch) if (id && strcmp(life_text(batch, "id"), id) == 0) return batch;
	return NULL;
}

static void put_product(struct text_buf *to, const struct life *life)
{
	const json_t *attempt = life_deciding(life), *batch = batch_of(life, attempt);
	html_section(to, "unit", "Unit");
	html_addf(to, "<dl class=\"pairs\">\n");
	put_code(to, "Device id", life_text(attempt, "device_id"));
	put_pair(to, "Id told by", life_text(attempt, "device_id_source"));
	put_pair(to, "Family", life_text(batch, "family"));
	put_pair(to, "Work order", life_text(batch, "work_order"));
	put_pair(to, "Part number", life_text(batch, "part_number"));
	put_pair(to, "Part revision", life_text(batch, "part_revision"));
	put_pair(to, "Job", life_text(batch, "job_name"));
	put_code(to, "Plan (SHA-256)", life_text(batch, "plan_sha256"));
	put_code(to, "Batch", life_text(batch, "id"));
	put_pair(to, "Made at station", life_text(batch, "station_id"));
	put_pair(to, "Software", life_text(batch, "software_version"));
	put_pair(to, "Bootloader seen", life_text(attempt, "bootloader_version"));
	put_moment(to, "Final", attempt, "final_at");
	put_code(to, "RMA", life_text(attempt, "rma"));
	html_addf(to, "</dl>\n");
	html_section_end(to);
}

/* --- images --- */

static void put_images_of(struct text_buf *to, const json_t *batch, size_t number)
{
	size_t i;
	const json_t *image, *images = json_object_get(batch, "images");
	char id[32], caption[300];
	if (!json_array_size(images))
		return;
	snprintf(id, sizeof id, "t-images-%zu", number);
	snprintf(caption, sizeof caption, "Batch %.40s: job %.200s", life_text(batch, "id"),
		life_text(batch, "job_name") ? life_text(batch, "job_name") : "-");
	html_table(
		to, id, caption, "region|#stage|#address|file|#version|#bytes|SHA-256 of the file");
	json_array_foreach(images, i, image)
	{
		char version[24] = "–", address[24];
		if (life_number(image, "version") >= 0)
			snprintf(
				version, sizeof version, "%" PRId64, life_number(image, "version"));
		snprintf(address, sizeof address, "0x%08" PRIx64,
			(uint64_t)life_number(image, "address"));
		html_addf(to,
			"<tr><th scope=\"row\">%s</th><td class=\"n\">%" PRId64
			"</td><td class=\"n\"><code>%s</code></td><td class=\"f\">%s</td>"
			"<td class=\"n\">%s</td><td class=\"n\">%" PRId64
			"</td><td><code class=\"hash\">%s</code></td></tr>\n",
			life_text(image, "region"), life_number(image, "stage"), address,
			life_text(image, "file_name"), version, life_number(image, "size"),
			life_text(image, "sha256"));
	}
	html_table_end(to);
}

/* Of the batch that decides, or of all the others, each plan once. */
static void put_images(struct text_buf *to, const struct life *life, bool others)
{
	const json_t *deciding = batch_of(life, life_deciding(life)), *batch;
	const char *seen = life_text(deciding, "plan_sha256");
	size_t i;
	json_array_foreach(life->batches, i, batch)
	{
		const char *plan = life_text(batch, "plan_sha256");
		bool same = seen && plan && strcmp(seen, plan) == 0;
		if (others ? !same : batch == deciding)
			put_images_of(to, batch, i);
		if (others)
			seen = plan;
	}
}

/* --- keys --- */

static const char *proof_words(const char *proof)
{
	if (!proof)
		return "not proven";
	if (strcmp(proof, "read-back") == 0)
		return "read-back: the cloud gave back the same public key";
	return strcmp(proof, "acknowledged") == 0 ? "acknowledged: the cloud took exactly this key"
						  : proof;
}

static void put_key(struct text_buf *to, const json_t *key)
{
	html_addf(to, "<dl class=\"pairs key\">\n");
	put_code(to, "Fingerprint", life_text(key, "fingerprint"));
	put_pair(to, "Algorithm", life_text(key, "algorithm"));
	put_pair(to, "State", life_text(key, "state"));
	put_pair(to, "Enrolment", proof_words(life_text(key, "enrol_proof")));
	put_moment(to, "Intended", key, "intended_at");
	put_moment(to, "Proven on the unit", key, "on_device_at");
	put_moment(to, "Enrolled", key, "enrolled_at");
	put_moment(to, "Retired", key, "retired_at");
	html_addf(to, "</dl>\n");
}

static void put_deciding_key(struct text_buf *to, const struct life *life)
{
	const json_t *key = life_key_of(life, life_deciding(life));
	html_section(to, "key", "Key");
	if (key)
		put_key(to, key);
	else
		html_addf(to, "<p>The latest attempt made and found no key.</p>\n");
	html_addf(to, "<p class=\"note\">The fingerprint is the SHA-256 of the public key "
		      "(SubjectPublicKeyInfo). Private keys are not in the record.</p>\n");
	html_section_end(to);
}

static void put_other_keys(struct text_buf *to, const struct life *life)
{
	const json_t *deciding = life_key_of(life, life_deciding(life)), *key;
	size_t i;
	if (json_array_size(life->keys) <= (deciding ? 1 : 0))
		return;
	html_section(to, "other-keys", "Other keys of this unit");
	json_array_foreach(life->keys, i, key) if (key != deciding) put_key(to, key);
	html_section_end(to);
}

/* --- attempts --- */

/* Green is for units: a step that passed is a plain word. */
static void put_step_outcome(struct text_buf *to, const char *outcome)
{
	if (outcome && strcmp(outcome, "PASS") == 0)
		html_addf(to, "PASS");
	else
		html_outcome(to, outcome);
}

static void put_steps(struct text_buf *to, const json_t *steps, size_t number)
{
	size_t i;
	const json_t *step;
	char id[32];
	if (!json_array_size(steps))
		return;
	snprintf(id, sizeof id, "t-steps-%zu", number);
	html_table(to, id, "Steps", "#no.|step|#try|outcome|began|#duration|reason");
	json_array_foreach(steps, i, step)
	{
		char at[40], duration[32];
		const char *reason = life_text(step, "reason"), *detail = life_text(step, "detail");
		render_moment(life_number(step, "started_at"), at);
		duration_of(step, duration);
		html_addf(to,
			"<tr><td class=\"n\">%" PRId64
			"</td><th scope=\"row\">%s</th><td class=\"n\">%" PRId64 "</td><td>",
			life_number(step, "seq"), life_text(step, "name"),
			life_number(step, "try"));
		put_step_outcome(to, life_text(step, "outcome"));
		html_addf(to,
			"</td><td class=\"at\">%s</td><td class=\"n\">%s</td><td class=\"w\">", at,
			duration);
		if (reason || detail)
			html_addf(to, "%s%s%s", reason ? reason : "", reason && detail ? ": " : "",
				detail ? detail : "");
		html_addf(to, "</td></tr>\n");
	}
	html_table_end(to);
}

static void put_seal_of(struct text_buf *to, const json_t *attempt)
{
	if (life_number(attempt, "seal_seq") < 0)
		return;
	html_addf(to, "<dt>Seal</dt><dd>%" PRId64 " <code>%s</code>%s</dd>\n",
		life_number(attempt, "seal_seq"), life_text(attempt, "seal_hash"),
		life_text(attempt, "seal_signature") ? ", signed" : ", not signed");
}

static void put_cleared(struct text_buf *to, const json_t *cleared)
{
	size_t i;
	const json_t *one;
	json_array_foreach(cleared, i, one)
	{
		char at[40];
		const char *name = life_text(one, "operator");
		render_moment(life_number(one, "at"), at);
		html_addf(to, "<dt>Cleared by hand</dt><dd>%s, by %s: %s</dd>\n", at,
			name ? name : "–", life_text(one, "note"));
	}
}

static void put_backups(struct text_buf *to, const json_t *backups)
{
	size_t i;
	const json_t *backup;
	json_array_foreach(backups, i, backup)
	{
		put_code(to, "Backup", life_text(backup, "path"));
		put_code(to, "Its SHA-256", life_text(backup, "file_sha256"));
		put_code(to, "Recipients", life_text(backup, "recipients"));
		put_moment(to, "Backup removed", backup, "removed_at");
	}
}

static void put_findings(struct text_buf *to, const json_t *findings, size_t number)
{
	size_t i;
	const json_t *finding;
	char id[32];
	if (!json_array_size(findings))
		return;
	snprintf(id, sizeof id, "t-findings-%zu", number);
	html_table(to, id, "What was found before", "state|where|finding|evidence");
	json_array_foreach(findings, i, finding) html_addf(to,
		"<tr><td>%s</td><td>%s</td><th scope=\"row\">%s</th><td class=\"w\">%s</td>"
		"</tr>\n",
		life_text(finding, "state"), life_text(finding, "subject"),
		life_text(finding, "code"), life_text(finding, "evidence"));
	html_table_end(to);
}

static void put_attempt(struct text_buf *to, const json_t *attempt, size_t number)
{
	char at[40], duration[32];
	size_t i;
	const json_t *seen;
	const char *reason = life_text(attempt, "reason");
	render_moment(life_number(attempt, "started_at"), at);
	duration_of(attempt, duration);
	html_addf(to, "<article class=\"attempt\">\n<h3>");
	if (life_number(attempt, "passage") >= 0)
		html_addf(to, "#%" PRId64 " ", life_number(attempt, "passage"));
	html_outcome(to, life_text(attempt, "outcome"));
	html_addf(to, " %s · %s · %s</h3>\n<dl class=\"pairs\">\n", life_text(attempt, "kind"), at,
		duration);
	if (reason)
		html_addf(
			to, "<dt>Reason</dt><dd><b>%s</b>: %s</dd>\n", reason, sentence_of(reason));
	put_pair(to, "Cause", life_text(attempt, "cause"));
	put_pair(to, "Detail", life_text(attempt, "detail"));
	put_pair(to, "Job", life_text(attempt, "job_name"));
	put_pair(to, "Work order", life_text(attempt, "work_order"));
	put_pair(to, "Slot", life_text(attempt, "slot"));
	put_pair(to, "USB path", life_text(attempt, "usb_path"));
	put_pair(to, "USB serial", life_text(attempt, "usb_serial"));
	put_pair(to, "Operator", life_text(attempt, "operator"));
	put_code(to, "Key", life_text(attempt, "key_fingerprint"));
	put_moment(to, "Arrived", attempt, "arrived_at");
	put_moment(to, "Final", attempt, "final_at");
	put_code(to, "Attempt", life_text(attempt, "id"));
	put_code(to, "Batch", life_text(attempt, "batch_id"));
	put_seal_of(to, attempt);
	put_code(to, "RMA", life_text(attempt, "rma"));
	put_pair(to, "For resale", life_text(attempt, "resale"));
	put_cleared(to, json_object_get(attempt, "cleared"));
	put_backups(to, json_object_get(attempt, "backups"));
	json_array_foreach(json_object_get(attempt, "observations"), i, seen)
		html_addf(to, "<dt>Seen: %s</dt><dd>%s</dd>\n", life_text(seen, "name"),
			life_text(seen, "value"));
	html_addf(to, "</dl>\n");
	put_findings(to, json_object_get(attempt, "findings"), number);
	put_steps(to, json_object_get(attempt, "steps"), number);
	html_addf(to, "</article>\n");
}

static void put_attempts(struct text_buf *to, const struct life *life)
{
	size_t i;
	const json_t *attempt;
	html_section(to, "attempts", "Attempts, the newest last");
	json_array_foreach(life->attempts, i, attempt) put_attempt(to, attempt, i);
	put_images(to, life, true);
	html_section_end(to);
}

static void put_marks(struct text_buf *to, const struct life *life)
{
	size_t i;
	const json_t *mark;
	if (!json_array_size(life->marks))
		return;
	html_section(to, "marks", "Marks");
	html_table(to, "t-marks", "Marks; the newest, at the end, counts", "mark|at|by|note");
	json_array_foreach(life->marks, i, mark)
	{
		char at[40];
		render_moment(life_number(mark, "at"), at);
		html_addf(to,
			"<tr><th scope=\"row\">%s</th><td class=\"at\">%s</td><td>%s</td>"
			"<td class=\"w\">%s</td></tr>\n",
			life_text(mark, "mark"), at, life_text(mark, "operator"),
			life_text(mark, "note"));
	}
	html_table_end(to);
	html_section_end(to);
}

static void put_check(struct text_buf *to, const struct life *life)
{
	const json_t *attempt = life_deciding(life);
	html_section(to, "check", "How this is checked");
	if (life_number(attempt, "seal_seq") >= 0)
		html_addf(to,
			"<p class=\"sealed\">seal <b id=\"unit-seal-seq\">%" PRId64
			"</b> <code id=\"unit-seal-hash\">%s</code></p>\n",
			life_number(attempt, "seal_seq"), life_text(attempt, "seal_hash"));
	html_addf(to,
		"<p>A seal is a SHA-256 over the seal before and over the attempt, its steps, "
		"identities, observations, findings, key, batch with the images, and the marks of "
		"units that were set since. <code>station audit"
		"</code> recomputes every seal of the record; with <code>--anchor FILE</code> it "
		"compares the chain with seals that somebody else kept, such as this one. What a "
		"seal covers, byte by byte, stands in <code>docs/database.md</code>.</p>\n");
	html_section_end(to);
}

void render_life_html(const struct life *life, struct text_buf *to)
{
	const json_t *root = life->root, *seal = json_object_get(root, "seal");
	const json_t *batch = batch_of(life, life_deciding(life));
	struct record_head head = { .seq = life_number(seal, "seq") };
	const char *why;
	bool fits = text_copy(head.hash, sizeof head.hash, life_text(seal, "hash"));
	to->failed |= !fits;
	html_begin(to,
		life->one_attempt          ? "Attempt"
		: life_is_pass(life, &why) ? "Certificate of a unit"
					   : "Record of a unit",
		life_text(root, "unit"));
	html_origin(to, life_text(batch, "station_id"), life_number(root, "made_at"),
		json_is_true(json_object_get(root, "virtual")), NULL);
	put_verdict(to, life);
	html_addf(to, "<div class=\"two\">\n");
	put_product(to, life);
	put_deciding_key(to, life);
	html_addf(to, "</div>\n");
	if (batch) {
		html_section(to, "images", "Images");
		put_images(to, life, false);
		html_section_end(to);
	}
	put_check(to, life);
	html_addf(to, "<div class=\"history\">\n");
	put_attempts(to, life);
	put_other_keys(to, life);
	put_marks(to, life);
	html_seal(to, &head);
	html_addf(to, "</div>\n");
	html_end(to);
}
