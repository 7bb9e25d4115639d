/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts with all that belongs to them, for exports that stream millions: the columns of each
 * section under their names in the database (docs/database.md), through prepared statements that
 * are used again. Which columns a section has is asked by rows_columns, so that what writes them
 * knows none by itself.
 *
 * Each call is one short read transaction: a consumer that is slow holds neither the database nor
 * its write-ahead log. Texts are valid during a callback only, and may hold any byte. One thread at
 * a time; several struct rows on several records may read side by side. Blocks for the disk.
 * Reasons: INPUT, STORE. */
#pragma once

#include "figures.h"

enum rows_section {
	ROWS_BATCH,
	ROWS_IMAGE, /* of the batch, as ROWS_STOP */
	ROWS_STOP,
	ROWS_SEALED,   /* a seal and its attempt */
	ROWS_IDENTITY, /* of the attempt, as all below */
	ROWS_OBSERVATION,
	ROWS_STEP,
	ROWS_FINDING,
	ROWS_KEY,  /* that of the attempt's key_fingerprint, whoever made it; at most one */
	ROWS_MARK, /* of whatever unit, newer than what the seal before covers; as ROWS_CLEARED */
	ROWS_CLEARED,
	ROWS_LISTED, /* an attempt of a scope, sealed or not, with its batch */
	ROWS_SECTION_COUNT
};

enum { ROWS_COLUMNS_MAX = 40 };

struct rows_value {
	const char *text; /* len bytes and a NUL; NULL: a number, or NULL in the database */
	size_t len;
	int64_t number;
	bool known; /* false: NULL in the database */
};

/* Return false to end the reading with REASON_STOPPED. */
struct rows_reader {
	bool (*row)(void *context, enum rows_section section, const struct rows_value *values);
	/* All rows of a section below this batch or attempt have been given. May be NULL. */
	bool (*end)(void *context, enum rows_section section);
	void *context;
};

struct rows;
bool rows_open(struct record *record, struct rows **ret, struct err *err) MUST_CHECK;
void rows_close(struct rows *rows); /* before the record; takes NULL */
struct rows_origin {
	struct record_head head; /* the newest seal */
	char station_id[64];     /* of the database */
	int64_t marks_waiting;   /* marks and clearings that come with a later seal */
	bool virtual_line;
};
bool rows_origin(struct rows *rows, struct rows_origin *ret, struct err *err) MUST_CHECK;

size_t rows_columns(const struct rows *rows, enum rows_section section);
const char *rows_column(const struct rows *rows, enum rows_section section, size_t column);

/* ROWS_SEALED of each seal with after < seq <= to, in their order, each followed by its sections
 * from ROWS_IDENTITY to ROWS_CLEARED in the order of the enum. */
bool rows_sealed(struct rows *rows, int64_t after, int64_t to, const struct rows_reader *reader,
	struct err *err) MUST_CHECK;
/* ROWS_BATCH, ROWS_IMAGE, ROWS_STOP. Nothing if there is no such batch. */
bool rows_batch(struct rows *rows, const char *batch_id, const struct rows_reader *reader,
	struct err *err) MUST_CHECK;

/* How far a listing has come. Zero-initialise. */
struct rows_place {
	bool in_batch, last, done; /* last: those without a batch */
	int64_t batch_at, at;
	char batch_id[UUID_TEXT], id[UUID_TEXT];
};
/* Up to max further attempts of the scope: batches in the order of their start, attempts in the
 * order of their start within; last those without a batch (only if the scope is none of batches).
 * with_steps: each followed by ROWS_STEP. place->done: there are no more. REASON_INPUT if
 * the scope names a batch that is not there. */
bool rows_listed(struct rows *rows, const struct figures_scope *scope, bool with_steps,
	unsigned max, struct rows_place *place, const struct rows_reader *reader,
	struct err *err) MUST_CHECK;
