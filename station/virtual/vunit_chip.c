/* SPDX-License-Identifier: Apache-2.0 */
/* The chip around a ROM: its memories, as its interface strings tell them. Read here by rules of
 * its own (UM0424, "string descriptor"), so that a mistake in how a host reads them shows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vunit_private.h"

enum { MEMORY_MAX = 16 << 20, RUNS_MAX = 32 };

static const struct vunit_chip f405 = {
	.layouts = { "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg",
		"@Option Bytes  /0x1FFFC000/01*016 e", "@OTP Memory /0x1FFF7800/01*512 e,01*016 e",
		"@Device Feature/0xFFFF0000/01*004 e" },
};

/* An L4's flash; what else an L4 and a C5 show is left out. */
static const struct vunit_chip pages = {
	.layouts = { "@Internal Flash  /0x08000000/0512*0002Kg" },
};

void vunit_chip_complete(struct vunit_spec *spec)
{
	bool has_pages = spec->bootloader == VUNIT_ROM_C5 || spec->bootloader == VUNIT_ROM_L4;
	const struct vunit_chip *usual = has_pages ? &pages : &f405;
	if (spec->family == VUNIT_ROM && !spec->chip.layouts[0][0])
		memcpy(spec->chip.layouts, usual->layouts, sizeof(usual->layouts));
}

/* Equal sectors side by side. */
struct run {
	uint32_t count, size;
	uint8_t access;
};

/* "04*016Kg", and the comma behind it. */
static bool next_run(const char **at, struct run *ret)
{
	char *end;
	unsigned long count = strtoul(*at, &end, 10), scale = 1;
	if (end == *at || *end != '*')
		return false;
	const char *digits = end + 1;
	unsigned long size = strtoul(digits, &end, 10);
	if (end == digits)
		return false;
	if (*end == 'K' || *end == 'M')
		scale = *end == 'K' ? KIB : KIB * KIB;
	if (*end == 'K' || *end == 'M' || *end == 'B' || *end == ' ')
		end++;
	if (*end < 'a' || *end > 'g' || !count || !size || count > MEMORY_MAX ||
		size > MEMORY_MAX / scale)
		return false;
	*ret = (struct run){ .count = (uint32_t)count,
		.size = (uint32_t)(size * scale),
		.access = (uint8_t)(*end - 'a' + 1) };
	end++;
	*at = *end == ',' ? end + 1 : end;
	return *end == ',' || *end == '\0';
}

/* The start of the memory; what follows *ret_runs are its sectors. */
static bool begin(const char *layout, uint32_t *ret_start, const char **ret_runs)
{
	const char *slash = layout[0] == '@' ? strchr(layout, '/') : NULL;
	char *end;
	if (!slash || strncmp(slash, "/0x", 3) != 0)
		return false;
	unsigned long start = strtoul(slash + 3, &end, 16);
	if (*end != '/' || start > UINT32_MAX)
		return false;
	*ret_start = (uint32_t)start;
	*ret_runs = end + 1;
	return true;
}

bool vunit_chip_memory(
	const struct vunit_chip *chip, int alternate, uint32_t *ret_start, size_t *ret_len)
{
	const char *runs;
	uint64_t len = 0;
	struct run run;
	if (!chip->layouts[alternate][0] || !begin(chip->layouts[alternate], ret_start, &runs))
		return false;
	for (int i = 0; *runs; i++) {
		if (i == RUNS_MAX || !next_run(&runs, &run))
			return false;
		len += (uint64_t)run.count * run.size;
	}
	*ret_len = (size_t)len;
	return len > 0 && len <= MEMORY_MAX && len <= UINT32_MAX - *ret_start + UINT64_C(1);
}

bool vunit_chip_sector(
	const struct vunit_chip *chip, int alternate, uint32_t address, struct vunit_sector *ret)
{
	uint32_t start, index = 0;
	const char *runs;
	struct run run;
	if (!chip->layouts[alternate][0] || !begin(chip->layouts[alternate], &start, &runs))
		return false;
	uint64_t at = start;
	while (*runs && next_run(&runs, &run)) {
		uint64_t end = at + (uint64_t)run.count * run.size;
		if (address >= at && address < end) {
			uint32_t nth = (uint32_t)((address - at) / run.size);
			*ret = (struct vunit_sector){ .offset = (uint32_t)(at - start) +
								nth * run.size,
				.len = run.size,
				.index = index + nth,
				.access = run.access };
			return true;
		}
		index += run.count;
		at = end;
	}
	return false;
}

int vunit_chip_alternates(const struct vunit_chip *chip)
{
	int count = 0;
	while (count < VUNIT_ALTERNATES_MAX && chip->layouts[count][0])
		count++;
	return count;
}

bool vunit_chip_check(const struct vunit_spec *spec, struct err *err)
{
	uint32_t start;
	size_t len;
	int count = vunit_chip_alternates(&spec->chip);
	if (spec->family != VUNIT_ROM)
		return true;
	for (int i = 0; i < count; i++) {
		const char *layout = spec->chip.layouts[i];
		if (memchr(layout, '\0', VUNIT_LAYOUT_MAX) == NULL || strpbrk(layout, "\"\\") ||
			!vunit_chip_memory(&spec->chip, i, &start, &len))
			return err_set(err, REASON_INPUT,
				"alt %d of a virtual ROM: \"%.*s\" is no layout of one area of at most %d "
				"bytes",
				i, VUNIT_LAYOUT_MAX - 1, layout, MEMORY_MAX);
	}
	return count > 0 || err_set(err, REASON_INPUT, "a virtual ROM needs a memory");
}
