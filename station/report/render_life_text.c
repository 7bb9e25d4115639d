/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a unit for a terminal. */
#include <inttypes.h>
#include <stdio.h>

#include "life_private.h"
#include "reason.h"
#include "render.h"

enum { WIDTH = 100, INDENT = 21 };

static void format_duration(int64_t from, int64_t to, char text[32])
{
	if (from < 0 || to < 0)
		snprintf(text, 32, "open");
	else
		snprintf(text, 32, "%.3f s", (double)(to - from) / 1000.0);
}

/* Columns are counted in characters: the bytes that continue one in UTF-8 take none. */
static bool starts_column(unsigned char byte)
{
	return (byte & 0xc0) != 0x80;
}

/* Would the word that begins here run over the edge, and fit on a line of its own? */
static bool runs_over(const unsigned char *at, int column)
{
	int word = 0;
	for (; *at && *at != ' '; at++)
		word += starts_column(*at);
	return column + word > WIDTH && word <= WIDTH - INDENT;
}

/* On as many lines as it takes, each at most WIDTH columns and from the second on indented, without control
 * characters. */
static void put_wrapped(struct text_buf *to, const char *text, int indent)
{
	int column = indent;
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		bool starts = starts_column(*at), is_word = column > indent && at[-1] == ' ';
		if (starts && (column == WIDTH || (is_word && runs_over(at, column)))) {
			while (to->len && to->text[to->len - 1] == ' ')
				to->text[--to->len] = 0;
			text_buf_addf(to, "\n%*s", indent, "");
			column = indent;
			if (*at == ' ')
				continue;
		}
		text_buf_addf(to, "%c", *at < ' ' || *at == 0x7f ? '?' : *at);
		column += starts;
	}
	text_buf_addf(to, "\n");
}

/* "    name         text". */
static void put_field(struct text_buf *to, const char *name, const char *text)
{
	if (!text)
		return;
	text_buf_addf(to, "    %-*s", INDENT - 4, name);
	put_wrapped(to, text, INDENT);
}

static void put_pair(struct text_buf *to, const char *name, const char *first, const char *between,
	const char *second)
{
	char text[ERR_TEXT_MAX + 128];
	if (!first && !second)
		return;
	snprintf(text, sizeof text, "%s%s%s", first ? first : "", first && second ? between : "",
		second ? second : "");
	put_field(to, name, text);
}

static void put_steps(struct text_buf *to, const json_t *steps)
{
	size_t i;
	const json_t *step;
	if (json_array_size(steps))
		text_buf_addf(to, "    %-12s %-24s %4s  %-11s %12s  %s\n", "step", "", "try",
			"outcome", "duration", "reason");
	json_array_foreach(steps, i, step)
	{
		char duration[32];
		const char *outcome = life_text(step, "outcome"),
			   *reason = life_text(step, "reason");
		format_duration(
			life_number(step, "started_at"), life_number(step, "ended_at"), duration);
		text_buf_addf(to, "    %4" PRId64 "  %-31.31s %4" PRId64 "  %-11s %12s%s%.20s\n",
			life_number(step, "seq"), life_text(step, "name"), life_number(step, "try"),
			outcome ? outcome : "open", duration, reason ? "  " : "",
			reason ? reason : "");
		put_field(to, "", life_text(step, "detail"));
	}
}

static void put_texts(struct text_buf *to, const char *name, const json_t *texts)
{
	size_t i;
	const json_t *text;
	json_array_foreach(texts, i, text) put_field(to, name, json_string_value(text));
}

static void put_observations(struct text_buf *to, const json_t *observations)
{
	size_t i;
	const json_t *observation;
	json_array_foreach(observations, i, observation) put_pair(
		to, "saw", life_text(observation, "name"), ": ", life_text(observation, "value"));
}

static void put_seal(struct text_buf *to, const json_t *attempt)
{
	char text[128];
	if (life_number(attempt, "seal_seq") < 0)
		return;
	snprintf(text, sizeof text, "%" PRId64 "  %s", life_number(attempt, "seal_seq"),
		life_text(attempt, "seal_hash"));
	put_field(to, "seal", text);
	put_field(to, "  signed",
		life_text(attempt, "seal_signature") ? "by the station's key" : "no");
}

static void put_findings(struct text_buf *to, const json_t *findings)
{
	char what[128];
	size_t i;
	const json_t *finding;
	json_array_foreach(findings, i, finding)
	{
		snprintf(what, sizeof what, "%s, %s", life_text(finding, "state"),
			life_text(finding, "subject"));
		put_pair(to, "found", life_text(finding, "code"), ", ", what);
		put_field(to, "", life_text(finding, "evidence"));
	}
}

static void put_cleared(struct text_buf *to, const json_t *cleared)
{
	char at[40], by[ERR_TEXT_MAX];
	size_t i;
	const json_t *one;
	json_array_foreach(cleared, i, one)
	{
		const char *name = life_text(one, "operator");
		render_moment(life_number(one, "at"), at);
		snprintf(by, sizeof by, "%s%s%s", at, name ? ", by " : "", name ? name : "");
		put_pair(to, "cleared", by, ": ", life_text(one, "note"));
	}
}

static void put_backups(struct text_buf *to, const json_t *backups)
{
	char at[40], text[ERR_TEXT_MAX];
	size_t i;
	const json_t *backup;
	json_array_foreach(backups, i, backup)
	{
		put_field(to, "backup", life_text(backup, "path"));
		put_pair(to, "", "for ", "", life_text(backup, "recipients"));
		if (life_number(backup, "removed_at") >= 0) {
			render_moment(life_number(backup, "removed_at"), at);
			snprintf(text, sizeof text, "removed %s: %s", at,
				life_text(backup, "removed_why"));
			put_field(to, "", text);
		}
	}
}

static void put_attempt(struct text_buf *to, const json_t *attempt)
{
	char started[40], duration[32], passage[24];
	const char *outcome = life_text(attempt, "outcome"), *reason = life_text(attempt, "reason");
	render_moment(life_number(attempt, "started_at"), started);
	format_duration(
		life_number(attempt, "started_at"), life_number(attempt, "ended_at"), duration);
	snprintf(passage, sizeof passage, "%" PRId64, life_number(attempt, "passage"));
	text_buf_addf(to, "\n#%-3s %s  %s  %s  %s\n",
		life_number(attempt, "passage") < 0 ? "?" : passage, outcome ? outcome : "in work",
		life_text(attempt, "kind"), started, duration);
	put_pair(to, "reason", reason, ": ",
		reason ? reason_info(reason_from_code(reason))->sentence : NULL);
	put_texts(to, RECORD_UNPROVEN, json_object_get(attempt, "unproven"));
	put_field(to, "cause", life_text(attempt, "cause"));
	put_field(to, "detail", life_text(attempt, "detail"));
	put_pair(to, "job", life_text(attempt, "job_name"), ", family ",
		life_text(attempt, "family"));
	put_field(to, "plan", life_text(attempt, "plan_sha256"));
	put_field(to, "work order", life_text(attempt, "work_order"));
	put_pair(to, "slot", life_text(attempt, "slot"), ", USB path ",
		life_text(attempt, "usb_path"));
	put_field(to, "USB serial", life_text(attempt, "usb_serial"));
	put_pair(to, "device id", life_text(attempt, "device_id"), ", from ",
		life_text(attempt, "device_id_source"));
	put_field(to, "bootloader", life_text(attempt, "bootloader_version"));
	put_field(to, "key", life_text(attempt, "key_fingerprint"));
	put_field(to, "operator", life_text(attempt, "operator"));
	put_field(to, "attempt", life_text(attempt, "id"));
	put_field(to, "batch", life_text(attempt, "batch_id"));
	put_seal(to, attempt);
	put_field(to, "RMA", life_text(attempt, "rma"));
	put_field(to, "for resale", life_text(attempt, "resale"));
	put_cleared(to, json_object_get(attempt, "cleared"));
	put_findings(to, json_object_get(attempt, "findings"));
	put_backups(to, json_object_get(attempt, "backups"));
	put_observations(to, json_object_get(attempt, "observations"));
	put_steps(to, json_object_get(attempt, "steps"));
}

static void put_moment(struct text_buf *to, const json_t *key, const char *name, const char *column)
{
	char at[40];
	if (life_number(key, column) < 0)
		return;
	render_moment(life_number(key, column), at);
	put_field(to, name, at);
}

static void put_key(struct text_buf *to, const json_t *key)
{
	text_buf_addf(to, "\nkey %s\n", life_text(key, "fingerprint"));
	put_pair(to, "state", life_text(key, "state"), ", proof ", life_text(key, "enrol_proof"));
	put_field(to, "algorithm", life_text(key, "algorithm"));
	put_field(to, "made by", life_text(key, "attempt_id"));
	put_moment(to, key, "intended", "intended_at");
	put_moment(to, key, "on device", "on_device_at");
	put_moment(to, key, "enrolled", "enrolled_at");
	put_moment(to, key, "retired", "retired_at");
}

static void put_batch(struct text_buf *to, const json_t *batch)
{
	size_t i;
	const json_t *image, *images = json_object_get(batch, "images");
	text_buf_addf(to, "\nbatch %s\n", life_text(batch, "id"));
	put_pair(to, "job", life_text(batch, "job_name"), ", family ", life_text(batch, "family"));
	put_field(to, "work order", life_text(batch, "work_order"));
	put_pair(to, "part", life_text(batch, "part_number"), ", revision ",
		life_text(batch, "part_revision"));
	put_field(to, "cloud", life_text(batch, "cloud"));
	put_pair(to, "station", life_text(batch, "station_id"), ", software ",
		life_text(batch, "software_version"));
	json_array_foreach(images, i, image)
	{
		char version[64], more[128];
		snprintf(version, sizeof version, ", version %" PRId64,
			life_number(image, "version"));
		snprintf(more, sizeof more, ", %" PRId64 " bytes at 0x%08" PRIx64 "%s",
			life_number(image, "size"), (uint64_t)life_number(image, "address"),
			life_number(image, "version") < 0 ? "" : version);
		put_pair(to, life_text(image, "region"), life_text(image, "file_name"), "", more);
		put_field(to, "  sha256", life_text(image, "sha256"));
	}
}

static void put_mark(struct text_buf *to, const json_t *mark)
{
	char at[40];
	render_moment(life_number(mark, "at"), at);
	text_buf_addf(to, "\nmark %s  %s\n", life_text(mark, "mark"), at);
	put_pair(to, "by", life_text(mark, "operator"), ": ", life_text(mark, "note"));
}

void render_life_text(const struct life *life, struct text_buf *to)
{
	size_t i, attempts = json_array_size(life->attempts), keys = json_array_size(life->keys);
	const json_t *object;
	const char *why;
	char resale[LIFE_RESALE_MAX];
	bool pass = life_is_pass(life, &why);
	text_buf_addf(to, "%s: %zu attempt%s, %zu key%s%s\n%s: %s\n", life_text(life->root, "unit"),
		attempts, attempts == 1 ? "" : "s", keys, keys == 1 ? "" : "s",
		json_is_true(json_object_get(life->root, "virtual")) ? ", of a rehearsal" : "",
		pass ? "PASS" : "not PASS", why);
	if (life_resale_words(life, resale, sizeof resale))
		put_wrapped(to, resale, 0);
	json_array_foreach(life->attempts, i, object) put_attempt(to, object);
	json_array_foreach(life->keys, i, object) put_key(to, object);
	json_array_foreach(life->batches, i, object) put_batch(to, object);
	json_array_foreach(life->marks, i, object) put_mark(to, object);
	text_buf_addf(to,
		"\nA seal covers its attempt and the seal before; station audit recomputes all of "
		"them, with --anchor\nFILE against seals that somebody else kept. How: "
		"docs/database.md. Process records of this station;\nthey claim no traceability "
		"level.\n");
}
