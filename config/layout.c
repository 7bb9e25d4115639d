/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include <string.h>

#include "text.h"

/* Where the parser stands. Nothing is looked at past the first NUL. */
struct cursor {
	const char *text, *at;
	struct err *err;
};

/* The text comes from a device: it is shown cut and made printable. */
static bool cursor_fail(const struct cursor *cursor, const char *what)
{
	char shown[LAYOUT_TEXT_MAX];
	size_t len = strnlen(cursor->text, sizeof shown - 1);
	memcpy(shown, cursor->text, len);
	shown[len] = 0;
	text_make_printable(shown);
	return err_set(cursor->err, REASON_LAYOUT, "memory layout \"%s\", column %zu: %s", shown,
		(size_t)(cursor->at - cursor->text) + 1, what);
}

static bool cursor_take(struct cursor *cursor, char wanted)
{
	if (*cursor->at != wanted)
		return false;
	cursor->at++;
	return true;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* At least one digit; the value must fit 32 bits. */
static bool cursor_number(struct cursor *cursor, int base, uint32_t *ret)
{
	const char *start = cursor->at;
	uint64_t value = 0;
	for (; digit_value(*cursor->at) < base; cursor->at++) {
		value = value * (unsigned)base + (unsigned)digit_value(*cursor->at);
		if (value > UINT32_MAX)
			return cursor_fail(cursor, "a number does not fit 32 bits");
	}
	if (cursor->at == start)
		return cursor_fail(cursor,
			base == 16 ? "a hexadecimal digit is missing" : "a digit is missing");
	*ret = (uint32_t)value;
	return true;
}

/* "B" or a blank stand for bytes, and so does nothing. */
static uint32_t cursor_unit(struct cursor *cursor)
{
	if (cursor_take(cursor, 'K'))
		return 1024;
	if (cursor_take(cursor, 'M'))
		return 1024 * 1024;
	if (!cursor_take(cursor, 'B'))
		cursor_take(cursor, ' ');
	return 1;
}

static uint64_t segment_end(const struct layout_segment *segment)
{
	return segment->addr + (uint64_t)segment->sector_size * segment->count;
}

static bool layout_add(struct cursor *cursor, struct layout *layout, uint64_t addr,
	const struct layout_segment *segment)
{
	if (layout->count == LAYOUT_SEGMENTS_MAX)
		return cursor_fail(cursor, "there are more than 32 segments");
	uint64_t end = addr + (uint64_t)segment->sector_size * segment->count;
	if (end > (uint64_t)UINT32_MAX + 1)
		return cursor_fail(cursor, "the segment goes past the 32-bit address space");
	for (size_t i = 0; i < layout->count; i++)
		if (addr < segment_end(&layout->segments[i]) && layout->segments[i].addr < end)
			return cursor_fail(cursor, "the segment overlaps an earlier one");
	layout->segments[layout->count] = *segment;
	layout->segments[layout->count].addr = (uint32_t)addr;
	layout->count++;
	return true;
}

/* "07*128Kg"; moves *addr behind the segment. */
static bool parse_segment(struct cursor *cursor, struct layout *layout, uint64_t *addr)
{
	struct layout_segment segment = { 0 };
	uint32_t size = 0;
	if (!cursor_number(cursor, 10, &segment.count))
		return false;
	if (!cursor_take(cursor, '*'))
		return cursor_fail(cursor, "expected '*' between count and size");
	if (!cursor_number(cursor, 10, &size))
		return false;
	uint64_t sector_size = (uint64_t)size * cursor_unit(cursor);
	if (!segment.count || !sector_size || sector_size > UINT32_MAX)
		return cursor_fail(
			cursor, "a segment of no bytes, or a sector that does not fit 32 bits");
	segment.sector_size = (uint32_t)sector_size;
	if (*cursor->at < 'a' || *cursor->at > 'g')
		return cursor_fail(cursor, "expected an access letter from a to g");
	segment.access = (uint8_t)(*cursor->at & 7);
	cursor->at++;
	if (!layout_add(cursor, layout, *addr, &segment))
		return false;
	*addr += (uint64_t)segment.sector_size * segment.count;
	return true;
}

/* "/0x08000000/04*016Kg,01*064Kg" */
static bool parse_area(struct cursor *cursor, struct layout *layout)
{
	uint32_t start = 0;
	if (strncmp(cursor->at, "/0x", 3) != 0)
		return cursor_fail(cursor, "expected /0x and an address");
	cursor->at += 3;
	if (!cursor_number(cursor, 16, &start))
		return false;
	if (!cursor_take(cursor, '/'))
		return cursor_fail(cursor, "expected '/' behind the address");
	uint64_t addr = start;
	do
		if (!parse_segment(cursor, layout, &addr))
			return false;
	while (cursor_take(cursor, ','));
	return true;
}

static bool parse_name(struct cursor *cursor, struct layout *layout)
{
	if (!cursor_take(cursor, '@'))
		return cursor_fail(cursor, "expected '@'");
	const char *end = strstr(cursor->at, "/0x");
	if (!end)
		return cursor_fail(cursor, "there is no /0x and address");
	size_t len = (size_t)(end - cursor->at);
	while (len && cursor->at[len - 1] == ' ')
		len--;
	if (len >= LAYOUT_NAME_MAX)
		return cursor_fail(cursor, "the name is longer than 63 characters");
	memcpy(layout->name, cursor->at, len);
	layout->name[len] = 0;
	cursor->at = end;
	return true;
}

bool layout_parse(const char *text, struct layout *ret, struct err *err)
{
	struct layout layout = { 0 };
	struct cursor cursor = { text, text, err };
	if (!parse_name(&cursor, &layout))
		return false;
	do
		if (!parse_area(&cursor, &layout))
			return false;
	while (*cursor.at == '/');
	while (cursor_take(&cursor, ' '))
		;
	if (*cursor.at)
		return cursor_fail(&cursor, "there is something behind the last segment");
	*ret = layout;
	return true;
}

static const struct layout_segment *segment_at(const struct layout *layout, uint64_t addr)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct layout_segment *segment = &layout->segments[i];
		if (addr >= segment->addr && addr < segment_end(segment))
			return segment;
	}
	return NULL;
}

bool layout_sector_at(const struct layout *layout, uint32_t addr, struct layout_sector *ret)
{
	const struct layout_segment *segment = segment_at(layout, addr);
	if (!segment)
		return false;
	uint32_t inside = (addr - segment->addr) % segment->sector_size;
	uint32_t index = (addr - segment->addr) / segment->sector_size;
	for (const struct layout_segment *before = layout->segments; before < segment; before++)
		index += before->count;
	*ret = (struct layout_sector){ addr - inside, segment->sector_size, segment->access,
		index };
	return true;
}

bool layout_allows(const struct layout *layout, uint32_t addr, uint64_t len, uint8_t access)
{
	if (len > (uint64_t)UINT32_MAX + 1 - addr)
		return false;
	uint64_t end = addr + len;
	for (uint64_t at = addr; at < end;) {
		const struct layout_segment *segment = segment_at(layout, at);
		if (!segment || (segment->access & access) != access)
			return false;
		at = segment_end(segment);
	}
	return true;
}

/* Into address order, neighbours with like sectors joined: equal memories then have equal
 * segments. */
static void layout_normalise(const struct layout *from, struct layout *to)
{
	to->count = 0;
	for (size_t i = 0; i < from->count; i++) {
		size_t place = to->count++;
		for (; place && to->segments[place - 1].addr > from->segments[i].addr; place--)
			to->segments[place] = to->segments[place - 1];
		to->segments[place] = from->segments[i];
	}
	size_t kept = 0;
	for (size_t i = 1; i < to->count; i++) {
		struct layout_segment *last = &to->segments[kept], *next = &to->segments[i];
		if (segment_end(last) == next->addr && last->sector_size == next->sector_size &&
			last->access == next->access)
			last->count += next->count;
		else
			to->segments[++kept] = *next;
	}
	if (to->count)
		to->count = kept + 1;
}

bool layout_equal(const struct layout *a, const struct layout *b)
{
	struct layout x, y;
	layout_normalise(a, &x);
	layout_normalise(b, &y);
	if (x.count != y.count)
		return false;
	for (size_t i = 0; i < x.count; i++) {
		const struct layout_segment *p = &x.segments[i], *q = &y.segments[i];
		if (p->addr != q->addr || p->sector_size != q->sector_size ||
			p->count != q->count || p->access != q->access)
			return false;
	}
	return true;
}
