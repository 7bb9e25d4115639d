/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bytes.h"
#include "exercise_private.h"
#include "flash.h"
#include "fs.h"

enum { LINK_TRIES = 2, BACK_TRIES = 3 };

bool exercise_bench_open(struct exercise_bench *bench, const struct exercise_unit *unit,
	uint32_t size_max, struct err *err)
{
	*bench = (struct exercise_bench){ .unit = unit };
	fs_folder_of(bench->state, record_path(unit->record));
	if (size_max > EXERCISE_SECTOR_MAX)
		return err_set(
			err, REASON_INPUT, "a sector of %" PRIu32 " bytes is too large", size_max);
	if (getrandom(&bench->seed, sizeof bench->seed, 0) != sizeof bench->seed)
		return err_set(err, REASON_STATION, "the system gives no random bytes");
	bench->pattern = malloc(size_max);
	bench->found = malloc(size_max);
	return (bench->pattern && bench->found) ||
	       err_set(err, REASON_STATION, "no memory for a sector");
}

void exercise_bench_close(struct exercise_bench *bench)
{
	free(bench->pattern);
	free(bench->found);
	exercise_entry_done(&bench->entry);
}

/* May it be tried again on the link that it failed on? */
static bool recover(struct exercise_bench *bench, struct err *err)
{
	struct err lost;
	struct dfu *dfu = bench->unit->dfu;
	if (dfu->gone || err_kind(err) != ERR_LINK)
		return false;
	if (!dfu_recover(dfu, &lost)) {
		*err = lost;
		return false;
	}
	bench->again++;
	return true;
}

static bool read_sector(struct exercise_bench *bench, uint8_t *to, struct err *err)
{
	const struct exercise_entry *entry = &bench->entry;
	for (int i = 0; i < LINK_TRIES; i++) {
		if (flash_read(
			    bench->unit->dfu, entry->alt, entry->addr, to, entry->size, NULL, err))
			return true;
		if (!recover(bench, err))
			return false;
	}
	return false;
}

static bool read_and_compare(struct exercise_bench *bench, const uint8_t *expected,
	struct exercise_defect *ret, struct err *err)
{
	if (!read_sector(bench, bench->found, err))
		return false;
	*ret = exercise_compare(expected, bench->found, bench->entry.addr, bench->entry.size);
	return true;
}

bool exercise_take(struct exercise_bench *bench, const struct exercise_sector *sector,
	struct exercise_defect *ret, struct err *err)
{
	struct exercise_entry *entry = &bench->entry;
	exercise_entry_done(entry);
	*entry = (struct exercise_entry){
		.alt = sector->alt, .addr = sector->addr, .size = sector->size, .seed = bench->seed
	};
	snprintf(entry->device_id, sizeof entry->device_id, "%s", bench->unit->device_id);
	snprintf(entry->family, sizeof entry->family, "%s", bench->unit->family->name);
	snprintf(entry->attempt_id, sizeof entry->attempt_id, "%s", bench->unit->attempt_id);
	entry->bytes = malloc(sector->size);
	exercise_journal_name(entry, bench->name);
	bench->blank = false;
	if (!entry->bytes)
		return err_set(err, REASON_STATION, "no memory for a sector");
	if (!read_sector(bench, entry->bytes, err) ||
		!read_and_compare(bench, entry->bytes, ret, err))
		return false;
	return ret->count || exercise_journal_write(bench->state, entry, err);
}

static bool erase(struct exercise_bench *bench, struct err *err)
{
	const struct exercise_entry *entry = &bench->entry;
	const struct plan_sector sector = {
		.alt = entry->alt, .addr = entry->addr, .size = entry->size
	};
	return flash_erase(bench->unit->dfu, &sector, err);
}

static bool program(struct exercise_bench *bench, const uint8_t *bytes, struct err *err)
{
	const struct exercise_entry *entry = &bench->entry;
	bench->blank = false;
	return flash_write(
		bench->unit->dfu, entry->alt, entry->addr, bytes, entry->size, NULL, err);
}

/* One try. *ret_written: as far as the bytes. */
static bool try_stage(struct exercise_bench *bench, const uint8_t *bytes,
	struct exercise_defect *ret, bool *ret_written, struct err *err)
{
	*ret_written = false;
	if (!bench->blank) {
		if (!erase(bench, err) || !read_and_compare(bench, NULL, ret, err))
			return false;
		bench->blank = !ret->count;
	}
	if (!bench->blank || !bytes)
		return true;
	*ret_written = true;
	return program(bench, bytes, err) && read_and_compare(bench, bytes, ret, err);
}

bool exercise_stage(struct exercise_bench *bench, const uint8_t *bytes, struct exercise_defect *ret,
	struct err *err)
{
	bool written = false;
	*ret = (struct exercise_defect){ 0 };
	for (int i = 0; i < LINK_TRIES; i++) {
		if (try_stage(bench, bytes, ret, &written, err))
			return true;
		bench->blank = false;
		if (!recover(bench, err))
			return false;
	}
	/* The unit refuses it again and again: some compare what they program, and then it is the flash. */
	struct err why = *err;
	if (!read_and_compare(bench, written ? bytes : NULL, ret, err))
		return false;
	ret->refused = true;
	if (!ret->count)
		*err = why;
	return ret->count > 0;
}

/* Whatever it holds now: a sector that cannot be erased still takes what it held, or has it. */
static bool try_back(struct exercise_bench *bench, struct exercise_defect *ret, struct err *err)
{
	const uint8_t *bytes = bench->entry.bytes;
	if (!bench->blank && !erase(bench, err))
		return false;
	if (!bytes_all(bytes, bench->entry.size, 0xff) && !program(bench, bytes, err))
		return false;
	bench->blank = false;
	return read_and_compare(bench, bytes, ret, err);
}

static bool keep_aside(struct exercise_bench *bench, const struct exercise_defect *defect,
	struct findings *findings, struct err *err)
{
	const struct exercise_entry *entry = &bench->entry;
	bench->not_restored++;
	finding_add(findings, FINDING_CODE_NOT_RESTORED, "unit",
		"alt %u: the sector at 0x%08" PRIx32 " does not take its old contents back: "
		"%" PRIu32 " bytes differ, first at 0x%08" PRIx32 ": expected %02x, found %02x",
		entry->alt, entry->addr, defect->count, defect->addr, defect->expected,
		defect->found);
	return exercise_journal_set_aside(bench->state, entry->device_id, bench->name, err) &&
	       record_unit_set_aside(bench->unit->record, entry->device_id, "needs-repair",
		       "an exercise could not put a sector back", NULL, err);
}

bool exercise_put_back(struct exercise_bench *bench, struct findings *findings, struct err *err)
{
	struct dfu *dfu = bench->unit->dfu;
	struct exercise_defect defect = { 0 };
	const struct cancel *cancel = dfu->cancel;
	bool good = false;
	dfu->cancel = NULL;
	for (int i = 0; i < BACK_TRIES; i++) {
		good = try_back(bench, &defect, err);
		if (good && !defect.count)
			break;
		if (!good) {
			bench->blank = false;
			/* A block that is refused, and all is there: it is what some do with a bad cell. */
			if (!recover(bench, err))
				break;
			good = read_and_compare(bench, bench->entry.bytes, &defect, err);
			if (!good || !defect.count)
				break;
		}
	}
	dfu->cancel = cancel;
	if (!good)
		return err_at(err,
			"alt %u: the sector at 0x%08" PRIx32
			" is not put back yet: its contents are "
			"kept for its next visit",
			bench->entry.alt, bench->entry.addr);
	return defect.count ? keep_aside(bench, &defect, findings, err)
			    : exercise_journal_remove(
				      bench->state, bench->entry.device_id, bench->name, err);
}
