/* SPDX-License-Identifier: Apache-2.0 */
/* Putting back what an exercise took apart and could not put together again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exercise_private.h"
#include "flash.h"
#include "fs.h"

bool exercise_pending(struct record *record, const char *device_id)
{
	char state[FS_PATH_MAX];
	struct exercise_names names;
	struct err err;
	fs_folder_of(state, record_path(record));
	return device_id[0] &&
	       (!exercise_journal_list(state, device_id, false, &names, &err) || names.count);
}

/* What a unit's restoring came to. */
struct restoring {
	struct exercise_bench bench;
	struct findings *findings;
	const struct family *family; /* that the entry at hand was exercised as */
	struct family *other;        /* heap; if it is not the one of the unit */
	bool put_back;
	unsigned restored, untouched;
	char first[48]; /* "alt 1: 0x00060000" */
	char attempt_id[UUID_TEXT];
};

/* Several products may show the same ids and the same memory, and the unit may be looked at as another
 * of them now: what is protected is said by the one that it was exercised as. */
static bool take_family(struct restoring *it, struct err *err)
{
	const struct family *now = it->bench.unit->family;
	const char *name = it->bench.entry.family;
	struct err why;
	it->family = now;
	if (strcmp(now->name, name) == 0)
		return true;
	if (!it->other)
		it->other = malloc(sizeof *it->other);
	if (!it->other)
		return err_set(err, REASON_STATION, "no memory for a family");
	it->family = it->other;
	bool same = family_find(name, "", "", it->other, &why) &&
		    it->other->dfu.vendor_id == now->dfu.vendor_id &&
		    it->other->dfu.product_id == now->dfu.product_id;
	const struct family_alt *then = same ? family_alt(it->other, it->bench.entry.alt) : NULL;
	const struct family_alt *alt = family_alt(now, it->bench.entry.alt);
	return (then && alt && layout_equal(&then->layout, &alt->layout)) ||
	       err_set(err, REASON_WRONG_FAMILY,
		       "an exercise of it as a %s was cut off, and it is looked at as a %s: give a job of "
		       "the family %s",
		       name, now->name, name);
}

/* The journal is only a file: what it names has to be a sector that an exercise may write to. */
static bool check_place(const struct restoring *it, struct err *err)
{
	struct layout_sector sector;
	const struct exercise_entry *entry = &it->bench.entry;
	const struct family_alt *alt = family_alt(it->family, entry->alt);
	const char *protection =
		exercise_protection(it->family, entry->alt, entry->addr, entry->size);
	if (protection)
		return err_set(err, REASON_STORE, "%s", protection);
	if (!layout_sector_at(&alt->layout, entry->addr, &sector) || sector.addr != entry->addr ||
		sector.size != entry->size)
		return err_set(err, REASON_STORE, "no sector of the family is like that");
	return true;
}

static bool set_aside(struct restoring *it, const char *why, struct err *err)
{
	const struct exercise_entry *entry = &it->bench.entry;
	finding_add(it->findings, FINDING_CODE_RESTORE_ASIDE, "unit",
		"alt %u: an exercise of the sector at 0x%08" PRIx32
		" was cut off (attempt %s), but %s",
		entry->alt, entry->addr, entry->attempt_id, why);
	return exercise_journal_set_aside(it->bench.state, entry->device_id, it->bench.name, err);
}

/* The wrong label on a unit would take the journal of another one, and that one's contents with it. */
static bool is_proven(const struct restoring *it, const uint8_t *found)
{
	const struct exercise_entry *entry = &it->bench.entry;
	return !it->bench.unit->by_label || it->put_back ||
	       exercise_bears_pattern(entry->bytes, found, entry->seed, entry->addr, entry->size);
}

static bool put_back(struct restoring *it, struct err *err)
{
	unsigned before = it->bench.not_restored;
	const struct exercise_entry *entry = &it->bench.entry;
	it->bench.blank = false;
	if (!exercise_put_back(&it->bench, it->findings, err))
		return false;
	if (it->bench.not_restored != before)
		return true;
	if (!it->restored++)
		snprintf(it->first, sizeof it->first, "alt %u: 0x%08" PRIx32, entry->alt,
			entry->addr);
	memcpy(it->attempt_id, entry->attempt_id, sizeof it->attempt_id);
	return true;
}

/* The sector of bench->entry, by what it holds now. */
static bool restore_entry(struct restoring *it, struct err *err)
{
	const struct exercise_unit *unit = it->bench.unit;
	const struct exercise_entry *entry = &it->bench.entry;
	struct err why;
	if (!take_family(it, err))
		return false;
	if (!check_place(it, &why))
		return set_aside(it, why.text, err);
	uint8_t *found = realloc(it->bench.found, entry->size);
	if (!found)
		return err_set(err, REASON_STATION, "no memory for a sector");
	it->bench.found = found;
	if (!flash_read(unit->dfu, entry->alt, entry->addr, found, entry->size, NULL, err))
		return false;
	if (!is_proven(it, found)) {
		finding_add(it->findings, FINDING_CODE_RESTORE_UNPROVEN, "unit",
			"alt %u: an exercise of the sector at 0x%08" PRIx32
			" was cut off (attempt %s), but only its label says that this is the unit, "
			"and the sector does not bear that out",
			entry->alt, entry->addr, entry->attempt_id);
		return true;
	}
	switch (exercise_classify(entry->bytes, found, entry->seed, entry->addr, entry->size)) {
	case SECTOR_AS_BEFORE:
		it->untouched++;
		return exercise_journal_remove(
			it->bench.state, entry->device_id, it->bench.name, err);
	case SECTOR_CUT_OFF:
		return put_back(it, err);
	case SECTOR_FOREIGN:
		break;
	}
	return it->put_back ? put_back(it, err)
			    : set_aside(it,
				      "it holds something else since: that is left alone, and "
				      "its old contents are kept",
				      err);
}

/* One that cannot be read is looked at by a person; the others go on. */
static bool restore_one(struct restoring *it, const char *name, struct err *err)
{
	struct exercise_bench *bench = &it->bench;
	const char *device_id = bench->unit->device_id;
	exercise_entry_done(&bench->entry);
	snprintf(bench->name, sizeof bench->name, "%s", name);
	if (exercise_journal_read(bench->state, device_id, name, &bench->entry, err))
		return restore_entry(it, err);
	finding_add(it->findings, FINDING_CODE_RESTORE_ASIDE, "unit",
		"an exercise was cut off, but its journal is of no use: %s", err->text);
	return exercise_journal_set_aside(bench->state, device_id, name, err);
}

static void tell(struct restoring *it)
{
	if (it->restored)
		finding_add(it->findings, FINDING_CODE_RESTORED, "unit",
			"an exercise was cut off (attempt %s); %u %s back, first %s",
			it->attempt_id, it->restored,
			it->restored == 1 ? "sector is put" : "sectors are put", it->first);
	if (it->untouched)
		finding_add(it->findings, FINDING_CODE_RESTORED, "unit",
			"an exercise was cut off; %u %s what it held before", it->untouched,
			it->untouched == 1 ? "sector holds" : "sectors hold");
}

bool exercise_restore(const struct exercise_unit *unit, bool put_back_all,
	struct findings *findings, struct err *err)
{
	struct restoring it = { .findings = findings, .put_back = put_back_all };
	struct exercise_names names = { .count = 0 };
	bool good =
		dfu_check_layout(unit->dfu, err) && exercise_bench_open(&it.bench, unit, 1, err) &&
		exercise_journal_list(it.bench.state, unit->device_id, put_back_all, &names, err);
	for (size_t i = 0; good && i < names.count; i++)
		good = restore_one(&it, names.list[i], err);
	tell(&it);
	free(it.other);
	exercise_bench_close(&it.bench);
	return good;
}
