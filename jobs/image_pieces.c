/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a file to runs: in order, together where they touch. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "image_private.h"
#include "scope.h"

bool image_pieces_add(struct image_pieces *pieces, const struct image_run *run, struct err *err)
{
	struct image_run *last = pieces->count ? &pieces->run[pieces->count - 1] : NULL;
	if (last && last->alt == run->alt && (uint64_t)last->addr + last->len == run->addr &&
		last->bytes + last->len == run->bytes) {
		last->len += run->len;
		return true;
	}
	if (pieces->count == pieces->room) {
		size_t room = pieces->room ? 2 * pieces->room : 64;
		struct image_run *grown = realloc(pieces->run, room * sizeof *grown);
		if (!grown)
			return err_set(err, REASON_STATION, "no memory for %zu runs", room);
		pieces->run = grown;
		pieces->room = room;
	}
	pieces->run[pieces->count++] = *run;
	return true;
}

void image_pieces_done(struct image_pieces *pieces)
{
	free(pieces->run);
	*pieces = (struct image_pieces){ 0 };
}

static int compare(const void *left, const void *right)
{
	const struct image_run *a = left, *b = right;
	if (a->alt != b->alt)
		return a->alt < b->alt ? -1 : 1;
	return (a->addr > b->addr) - (a->addr < b->addr);
}

/* Is next to be joined to run, or on its own? Overlapping is neither. An element of a DfuSe file stays one: where it
 * ends may be where a region does. Records of a HEX file say nothing by where they end. */
static bool judge(
	const struct image_run *run, const struct image_run *next, bool *ret_joins, struct err *err)
{
	uint64_t end = (uint64_t)run->addr + run->len;
	bool same_alt = run->alt == next->alt;
	if (same_alt && next->addr < end)
		return err_set(err, REASON_INPUT,
			"gives the bytes from 0x%08" PRIx32 " on twice; build it again",
			next->addr);
	*ret_joins = same_alt && next->addr == end && !next->has_alt;
	return true;
}

static bool join_sorted(
	const struct image_run *sorted, size_t count, struct image *image, struct err *err)
{
	uint8_t *to = image->bytes;
	for (size_t i = 0; i < count; i++) {
		struct image_run *last =
			image->run_count ? &image->runs[image->run_count - 1] : NULL;
		bool joins = false;
		if (last && !judge(last, &sorted[i], &joins, err))
			return false;
		memcpy(to, sorted[i].bytes, sorted[i].len);
		if (joins) {
			last->len += sorted[i].len;
		} else if (image->run_count == IMAGE_RUNS_MAX) {
			return err_set(err, REASON_INPUT,
				"holds more than %d separate runs of bytes; fill its gaps",
				IMAGE_RUNS_MAX);
		} else {
			image->runs[image->run_count] = sorted[i];
			image->runs[image->run_count++].bytes = to;
		}
		to += sorted[i].len;
	}
	return true;
}

bool image_pieces_join(const struct image_pieces *pieces, struct image *ret, struct err *err)
{
	size_t total = 0;
	for (size_t i = 0; i < pieces->count; i++)
		total += pieces->run[i].len;
	if (total == 0)
		return err_set(err, REASON_INPUT, "holds no bytes to write; build it again");
	SCOPED_FREE struct image_run *sorted = malloc(pieces->count * sizeof *sorted);
	struct image image = *ret;
	image.bytes = malloc(total);
	image.run_count = 0;
	if (!sorted || !image.bytes) {
		free(image.bytes);
		return err_set(err, REASON_STATION, "no memory for %zu bytes", total);
	}
	memcpy(sorted, pieces->run, pieces->count * sizeof *sorted);
	qsort(sorted, pieces->count, sizeof *sorted, compare);
	if (!join_sorted(sorted, pieces->count, &image, err)) {
		free(image.bytes);
		return false;
	}
	*ret = image;
	return true;
}
