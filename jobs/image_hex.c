/* SPDX-License-Identifier: Apache-2.0 */
/* Intel HEX (Hexadecimal Object File Format Specification, revision A, 1988): a record a line,
 * ":" length, offset, type, data, checksum, in hexadecimal digits. */
#include <inttypes.h>
#include <string.h>

#include "bytes.h"
#include "image_private.h"

enum {
	TYPE_DATA = 0,
	TYPE_END = 1,
	TYPE_SEGMENT = 2,
	TYPE_SEGMENT_START = 3,
	TYPE_LINEAR = 4,
	TYPE_LINEAR_START = 5
};

enum { RECORD_MIN = 5, RECORD_MAX = RECORD_MIN + 255, OFFSETS = 0x10000 };

struct reader {
	const char *at, *end;
	unsigned line;
	uint32_t base; /* of the offsets that follow */
	uint8_t *data; /* the next free place */
	bool ended;
};

struct hex_record {
	uint8_t len, type;
	uint16_t offset;
	uint8_t bytes[RECORD_MAX];
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct reader *reader)
{
	for (; reader->at < reader->end && is_blank(*reader->at); reader->at++)
		reader->line += *reader->at == '\n';
}

static bool take_hex(struct reader *reader, uint8_t *to, size_t len)
{
	char digits[2 * RECORD_MAX + 1];
	if (2 * len > (size_t)(reader->end - reader->at))
		return false;
	memcpy(digits, reader->at, 2 * len);
	digits[2 * len] = 0;
	reader->at += 2 * len;
	return bytes_from_hex(digits, to, len);
}

bool image_is_hex(const uint8_t *bytes, size_t len)
{
	struct reader reader = { .at = (const char *)bytes, .end = (const char *)bytes + len };
	uint8_t fields[4];
	skip_blanks(&reader);
	return reader.at < reader.end && *reader.at++ == ':' &&
	       take_hex(&reader, fields, sizeof fields);
}

static bool damaged(const struct reader *reader, const char *what, struct err *err)
{
	return err_set(err, REASON_INPUT,
		"line %u: %s: the file is damaged, fetch or build it again", reader->line, what);
}

static bool take_record(struct reader *reader, struct hex_record *ret, struct err *err)
{
	uint8_t *bytes = ret->bytes, sum = 0;
	if (*reader->at++ != ':' || !take_hex(reader, bytes, 4))
		return damaged(reader, "is no Intel HEX record", err);
	ret->len = bytes[0];
	ret->offset = (uint16_t)(bytes[1] << 8 | bytes[2]);
	ret->type = bytes[3];
	if (!take_hex(reader, bytes + 4, ret->len + 1u) ||
		(reader->at < reader->end && !is_blank(*reader->at)))
		return damaged(reader, "its length is not the one that the record says", err);
	for (unsigned i = 0; i < ret->len + (unsigned)RECORD_MIN; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum == 0 || damaged(reader, "its checksum is wrong", err);
}

bool image_is_hex_record(const uint8_t *line, size_t len)
{
	struct reader reader = { .at = (const char *)line, .end = (const char *)line + len };
	struct hex_record record;
	struct err ignored;
	skip_blanks(&reader);
	if (reader.at == reader.end || !take_record(&reader, &record, &ignored))
		return false;
	skip_blanks(&reader);
	return reader.at == reader.end;
}

static bool take_data(struct reader *reader, const struct hex_record *record,
	struct image_pieces *pieces, struct err *err)
{
	if (record->len == 0)
		return true;
	/* Behind the last offset the two kinds of base go on differently; nobody means that. */
	if (record->offset + record->len > OFFSETS ||
		(uint64_t)reader->base + record->offset + record->len > (uint64_t)UINT32_MAX + 1)
		return damaged(reader, "its bytes go beyond the end of their 64 KiB", err);
	memcpy(reader->data, record->bytes + 4, record->len);
	struct image_run run = {
		.addr = reader->base + record->offset, .bytes = reader->data, .len = record->len
	};
	reader->data += record->len;
	return image_pieces_add(pieces, &run, err);
}

/* Where the program starts is the unit's business: it has a vector table. */
static bool use_record(struct reader *reader, const struct hex_record *record,
	struct image_pieces *pieces, struct err *err)
{
	static const uint8_t lengths[] = { [TYPE_END] = 0,
		[TYPE_SEGMENT] = 2,
		[TYPE_SEGMENT_START] = 4,
		[TYPE_LINEAR] = 2,
		[TYPE_LINEAR_START] = 4 };
	uint32_t value = (uint32_t)(record->bytes[4] << 8 | record->bytes[5]);
	if (record->type == TYPE_DATA)
		return take_data(reader, record, pieces, err);
	if (record->type >= sizeof lengths)
		return damaged(reader, "has a type that Intel HEX does not have", err);
	if (record->len != lengths[record->type])
		return damaged(reader, "has another length than its type", err);
	if (record->type == TYPE_SEGMENT)
		reader->base = value << 4;
	else if (record->type == TYPE_LINEAR)
		reader->base = value << 16;
	else
		reader->ended = record->type == TYPE_END;
	return true;
}

bool image_read_hex(
	const uint8_t *bytes, size_t len, uint8_t *data, struct image_pieces *ret, struct err *err)
{
	struct reader reader = {
		.at = (const char *)bytes, .end = (const char *)bytes + len, .line = 1, .data = data
	};
	struct hex_record record;
	for (skip_blanks(&reader); reader.at < reader.end; skip_blanks(&reader)) {
		if (reader.ended)
			return damaged(&reader, "stands behind the end record", err);
		if (!take_record(&reader, &record, err) || !use_record(&reader, &record, ret, err))
			return false;
	}
	return reader.ended ||
	       err_set(err, REASON_INPUT,
		       "has no end record: the Intel HEX file is cut short, fetch or build it again");
}
