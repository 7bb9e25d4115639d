/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to save of a family. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest.h"
#include "text.h"

/* The smallest region around it: some lie inside others. */
static const struct family_region *region_at(
	const struct family *family, uint8_t alt, uint32_t addr, uint32_t size)
{
	const struct family_region *best = NULL;
	for (size_t i = 0; i < family->region_count; i++) {
		const struct family_region *region = &family->regions[i];
		if (region->alt == alt && addr >= region->addr && size <= region->size &&
			addr - region->addr <= region->size - size &&
			(!best || region->size < best->size))
			best = region;
	}
	return best;
}

static bool add(const struct family *family, const struct family_alt *alt, uint32_t addr,
	uint32_t size, struct manifest *manifest, struct err *err)
{
	const struct family_region *region = region_at(family, alt->alt, addr, size);
	if (manifest->piece_count == MANIFEST_PIECES_MAX)
		return err_set(err, REASON_INPUT, "%s has more than %d regions to save",
			family->title, MANIFEST_PIECES_MAX);
	struct piece *piece = &manifest->pieces[manifest->piece_count++];
	*piece = (struct piece){ .alt = alt->alt, .addr = addr, .size = size };
	if (region)
		memcpy(piece->name, region->name, sizeof piece->name);
	else if (alt->memory == MEMORY_RECORD)
		snprintf(piece->name, sizeof piece->name, "alt%u", alt->alt);
	else
		snprintf(piece->name, sizeof piece->name, "rest-%08" PRIx32, addr);
	return text_format(piece->file, sizeof piece->file, "alt%u-%08" PRIx32 "-%s.bin", alt->alt,
		       addr, piece->name) ||
	       err_set(err, REASON_BUG, "the name %s is too long", piece->name);
}

/* The first place behind addr where a region begins or ends; end if there is none. */
static uint64_t next_cut(
	const struct family *family, const struct family_alt *alt, uint64_t addr, uint64_t end)
{
	uint64_t cut = end;
	for (size_t i = 0; i < family->region_count && alt->memory == MEMORY_NOR; i++) {
		const struct family_region *region = &family->regions[i];
		const uint64_t places[] = { region->addr, (uint64_t)region->addr + region->size };
		for (size_t k = 0; region->alt == alt->alt && k < 2; k++)
			if (places[k] > addr && places[k] < cut)
				cut = places[k];
	}
	return cut;
}

static bool add_run(const struct family *family, const struct family_alt *alt, uint64_t addr,
	uint64_t end, struct manifest *manifest, struct err *err)
{
	addr = addr < alt->access_start ? alt->access_start : addr;
	end = end > alt->access_end ? alt->access_end : end;
	while (addr < end) {
		uint64_t cut = next_cut(family, alt, addr, end);
		if (!add(family, alt, (uint32_t)addr, (uint32_t)(cut - addr), manifest, err))
			return false;
		addr = cut;
	}
	return true;
}

/* Segments that touch are one run. */
static bool add_alt(const struct family *family, const struct family_alt *alt,
	struct manifest *manifest, struct err *err)
{
	uint64_t start = 0, end = 0;
	for (size_t i = 0; i < alt->layout.count; i++) {
		const struct layout_segment *segment = &alt->layout.segments[i];
		uint64_t size = (uint64_t)segment->sector_size * segment->count;
		if (!(segment->access & LAYOUT_READ))
			continue;
		if (segment->addr != end || start == end) {
			if (!add_run(family, alt, start, end, manifest, err))
				return false;
			start = segment->addr;
		}
		end = segment->addr + size;
	}
	return add_run(family, alt, start, end, manifest, err);
}

bool manifest_pieces(const struct family *family, struct manifest *manifest, struct err *err)
{
	manifest->piece_count = 0;
	for (size_t i = 0; i < family->alt_count; i++)
		if (!add_alt(family, &family->alts[i], manifest, err))
			return false;
	return true;
}
