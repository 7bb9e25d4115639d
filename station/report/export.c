/* SPDX-License-Identifier: Apache-2.0 */
/* Some workers, each with a connection of its own, turn pieces of the chain into lines; the caller's
 * thread writes them in order and puts each batch before its first attempt. Seals have no gaps, so
 * that piece k is known without asking. */
#include "export.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export_lines.h"
#include "fs.h"
#include "scope.h"

enum { PIECE = 256 /* attempts */, WORKERS_MAX = 4, PIECES = 2 * WORKERS_MAX };

struct piece {
	struct export_lines lines;
	int64_t after, to;
	bool taken, ready;
	bool good;
	struct err err; /* if not good */
};

struct work {
	const struct record_options *open;
	struct json_rows json; /* const once the workers run */
	int64_t since, to;

	pthread_mutex_t mutex; /* of all below; a piece belongs to its worker from taken to ready */
	pthread_cond_t changed;
	struct piece pieces[PIECES];
	int64_t next; /* piece that nobody has taken */
	bool stop;
};

/* What the caller's thread writes. */
struct writer {
	int fd;
	struct rows *rows;
	struct export_lines batch; /* one at a time, and the first and the last line */
	char (*seen)[UUID_TEXT];   /* sorted */
	size_t seen_count, seen_room;
	struct export_result *result;
};

/* --- workers --- */

static struct piece *take_piece(struct work *work)
{
	struct piece *piece = NULL;
	SCOPED_LOCK(&work->mutex);
	while (true) {
		int64_t after = work->since + work->next * PIECE;
		piece = &work->pieces[work->next % PIECES];
		if (work->stop || after >= work->to)
			return NULL;
		if (!piece->taken) {
			piece->taken = true;
			piece->after = after;
			piece->to = after + PIECE < work->to ? after + PIECE : work->to;
			work->next++;
			return piece;
		}
		pthread_cond_wait(&work->changed, &work->mutex);
	}
}

static void hand_over(struct work *work, struct piece *piece, bool good)
{
	SCOPED_LOCK(&work->mutex);
	piece->good = good;
	piece->ready = true;
	pthread_cond_broadcast(&work->changed);
}

static bool fill_piece(struct rows *rows, struct piece *piece)
{
	struct rows_reader reader = export_lines_reader(&piece->lines);
	export_lines_clear(&piece->lines);
	bool good = rows_sealed(rows, piece->after, piece->to, &reader, &piece->err);
	if (piece->lines.text.failed)
		return err_set(&piece->err, REASON_STATION,
			"no memory for the attempts behind seal %" PRId64, piece->after);
	/* With a gap, lines could not be counted to tell the cursor. */
	if (good && piece->lines.attempts != piece->to - piece->after)
		return err_set(&piece->err, REASON_STORE,
			"there are %" PRId64 " of the seals %" PRId64 " to %" PRId64
			": run station audit",
			piece->lines.attempts, piece->after + 1, piece->to);
	return good;
}

static void *run_worker(void *context)
{
	struct work *work = context;
	struct record *record = NULL;
	struct rows *rows = NULL;
	struct err err;
	bool good = record_open(work->open, &record, NULL, &err) && rows_open(record, &rows, &err);
	for (struct piece *piece; (piece = take_piece(work));) {
		if (!good)
			piece->err = err;
		hand_over(work, piece, good && fill_piece(rows, piece));
	}
	rows_close(rows);
	record_close(record);
	return NULL;
}

static void stop_workers(struct work *work, pthread_t *threads, int count)
{
	pthread_mutex_lock(&work->mutex);
	work->stop = true;
	pthread_cond_broadcast(&work->changed);
	pthread_mutex_unlock(&work->mutex);
	while (count)
		pthread_join(threads[--count], NULL);
}

/* --- writing --- */

static bool cannot_write(struct err *err)
{
	return err_sys(err, REASON_INPUT, errno, "cannot write the export");
}

static bool put(struct writer *writer, const char *bytes, size_t len, struct err *err)
{
	size_t written;
	bool good = fs_write_all(writer->fd, bytes, len, &written);
	writer->result->begun |= written > 0;
	return good || cannot_write(err);
}

/* Each line is an attempt, and the next one's cursor is one more. */
static bool put_attempts(struct writer *writer, const char *bytes, size_t len, struct err *err)
{
	size_t written;
	bool good = fs_write_all(writer->fd, bytes, len, &written) || cannot_write(err);
	for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(bytes + written - at)));
		at++) {
		writer->result->cursor++;
		writer->result->attempts++;
	}
	return good;
}

/* Sorted, so that a year with thousands of batches is no search through all of them. *ret_new: it
 * was not seen before. */
static bool see_batch(struct writer *writer, const char *id, bool *ret_new, struct err *err)
{
	size_t from = 0, to = writer->seen_count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = strcmp(writer->seen[middle], id);
		if (order == 0) {
			*ret_new = false;
			return true;
		}
		from = order < 0 ? middle + 1 : from;
		to = order < 0 ? to : middle;
	}
	if (writer->seen_count == writer->seen_room) {
		size_t room = writer->seen_room ? 2 * writer->seen_room : 64;
		char(*seen)[UUID_TEXT] = realloc(writer->seen, room * sizeof *seen);
		if (!seen)
			return err_set(err, REASON_STATION, "no memory for %zu batches", room);
		writer->seen = seen;
		writer->seen_room = room;
	}
	memmove(writer->seen + from + 1, writer->seen + from,
		(writer->seen_count - from) * sizeof *writer->seen);
	memcpy(writer->seen[from], id, UUID_TEXT);
	writer->seen_count++;
	*ret_new = true;
	return true;
}

static bool put_batch(struct writer *writer, const char *id, struct err *err)
{
	bool is_new = false;
	struct rows_reader reader = export_lines_reader(&writer->batch);
	if (!*id)
		return true;
	if (!see_batch(writer, id, &is_new, err))
		return false;
	if (!is_new)
		return true;
	export_lines_clear(&writer->batch);
	return rows_batch(writer->rows, id, &reader, err) &&
	       put(writer, writer->batch.text.text, writer->batch.text.len, err);
}

static bool put_piece(struct writer *writer, const struct piece *piece, struct err *err)
{
	const struct export_lines *lines = &piece->lines;
	size_t at = 0;
	if (!piece->good) {
		*err = piece->err;
		return false;
	}
	for (size_t i = 0; i < lines->mark_count; i++) {
		const struct export_mark *mark = &lines->marks[i];
		if (!put_attempts(writer, lines->text.text + at, mark->at - at, err) ||
			!put_batch(writer, mark->batch_id, err))
			return false;
		at = mark->at;
	}
	return put_attempts(writer, lines->text.text + at, lines->text.len - at, err);
}

static bool write_pieces(struct work *work, struct writer *writer, struct err *err)
{
	for (int64_t k = 0; work->since + k * PIECE < work->to; k++) {
		struct piece *piece = &work->pieces[k % PIECES];
		pthread_mutex_lock(&work->mutex);
		while (!piece->ready)
			pthread_cond_wait(&work->changed, &work->mutex);
		pthread_mutex_unlock(&work->mutex);
		if (!put_piece(writer, piece, err))
			return false;
		pthread_mutex_lock(&work->mutex);
		piece->ready = piece->taken = false;
		pthread_cond_broadcast(&work->changed);
		pthread_mutex_unlock(&work->mutex);
	}
	return true;
}

static bool put_begin(struct writer *writer, const struct rows_origin *origin,
	const struct work *work, struct err *err)
{
	struct text_buf *line = &writer->batch.text;
	export_lines_clear(&writer->batch);
	text_buf_addf(line, "{\"row\":\"begin\",\"format\":\"station export 1\",\"station_id\":");
	json_rows_text(origin->station_id, strlen(origin->station_id), line);
	text_buf_addf(line, ",\"virtual\":%s,\"since\":%" PRId64 ",\"to\":%" PRId64 "}\n",
		origin->virtual_line ? "true" : "false", work->since, work->to);
	return put(writer, line->text, line->len, err);
}

static bool put_end(struct writer *writer, const struct rows_origin *origin, struct err *err)
{
	const struct record_head *head = &origin->head;
	struct text_buf *line = &writer->batch.text;
	const struct export_result *result = writer->result;
	export_lines_clear(&writer->batch);
	text_buf_addf(line,
		"{\"row\":\"end\",\"cursor\":%" PRId64 ",\"attempts\":%" PRId64
		",\"more\":%s,\"marks_waiting\":%" PRId64 ",\"head\":{\"seq\":%" PRId64
		",\"hash\":",
		result->cursor, result->attempts, result->cursor < head->seq ? "true" : "false",
		origin->marks_waiting, head->seq);
	if (head->seq)
		json_rows_text(head->hash, strlen(head->hash), line);
	else
		text_buf_addf(line, "null");
	text_buf_addf(line, "}}\n");
	return put(writer, line->text, line->len, err);
}

static bool run_workers(struct work *work, struct writer *writer, struct err *err)
{
	pthread_t threads[WORKERS_MAX];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int64_t pieces = (work->to - work->since + PIECE - 1) / PIECE;
	int count = 0, code = 0, wanted = cores < WORKERS_MAX ? (int)cores : WORKERS_MAX;
	wanted = pieces < wanted ? (int)pieces : wanted;
	while (count < wanted && code == 0) {
		code = pthread_create(&threads[count], NULL, run_worker, work);
		count += code == 0;
	}
	bool good = count || pieces == 0
			    ? write_pieces(work, writer, err)
			    : err_sys(err, REASON_STATION, code, "cannot start a thread");
	stop_workers(work, threads, count);
	return good;
}

static bool choose_end(struct work *work, const struct export_range *range,
	const struct rows_origin *origin, const char *path, struct err *err)
{
	int64_t newest = origin->head.seq;
	if (range->since > newest)
		return err_set(err, REASON_INPUT,
			"the cursor %" PRId64 " lies behind the newest seal of %s, %" PRId64
			": it came from another database, or this is an older copy",
			range->since, path, newest);
	work->since = range->since;
	work->to = range->limit && range->limit < newest - range->since
			   ? range->since + range->limit
			   : newest;
	return true;
}

static bool export_from(struct work *work, struct writer *writer, struct record *record,
	const struct export_range *range, struct err *err)
{
	struct rows_origin origin;
	if (!rows_open(record, &writer->rows, err) || !rows_origin(writer->rows, &origin, err) ||
		!choose_end(work, range, &origin, record_path(record), err) ||
		!json_rows_init(&work->json, writer->rows, err))
		return false;
	return put_begin(writer, &origin, work, err) && run_workers(work, writer, err) &&
	       put_end(writer, &origin, err);
}

static void work_init(struct work *work, const struct record_options *open)
{
	work->open = open;
	pthread_mutex_init(&work->mutex, NULL);
	pthread_cond_init(&work->changed, NULL);
	for (size_t i = 0; i < PIECES; i++)
		export_lines_init(&work->pieces[i].lines, &work->json);
}

static void work_done(struct work *work)
{
	for (size_t i = 0; i < PIECES; i++)
		export_lines_done(&work->pieces[i].lines);
	pthread_cond_destroy(&work->changed);
	pthread_mutex_destroy(&work->mutex);
	free(work);
}

bool export_run(const struct record_options *open, const struct export_range *range, int fd,
	struct export_result *ret, struct err *err)
{
	struct record *record;
	*ret = (struct export_result){ .cursor = range->since };
	if (!record_open(open, &record, NULL, err))
		return false;
	struct work *work = calloc(1, sizeof *work);
	struct writer writer = { .fd = fd, .result = ret };
	bool good = work || err_set(err, REASON_STATION, "no memory for an export");
	if (work) {
		work_init(work, open);
		export_lines_init(&writer.batch, &work->json);
		good = export_from(work, &writer, record, range, err);
		export_lines_done(&writer.batch);
		work_done(work);
	}
	free(writer.seen);
	rows_close(writer.rows);
	record_close(record);
	return good;
}
