/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: when they are due, and what they change of what the unit does. A unit without faults
 * takes none of this. */
#include "vfault.h"

#include <stdlib.h>
#include <string.h>

#include "vunit_private.h"

enum { SPI_LEN = 2048 * KIB, SPI_SECTOR_LEN = 4 * KIB, WORD = 4 };

struct vfaults {
	struct vfault list[VFAULTS_MAX];
	uint32_t used[VFAULTS_MAX]; /* how often each happened */
	size_t count;
	uint32_t transfers, operations, enumerations, leaves, programs;
	const struct vfault *cut;     /* the flash operation under way loses its power */
	const struct vfault *outside; /* not asked for yet */
	const struct vfault *pull;    /* cuts the patch program under way */
	uint8_t own_id[12];           /* what unit.json says */
};

static const char *const names[VFAULT_KIND_COUNT] = {
	[VFAULT_DEAD_CELL] = "dead-cell",
	[VFAULT_WEAK_CELL] = "weak-cell",
	[VFAULT_KEEPS_SECTOR] = "keeps-sector",
	[VFAULT_LOST_WRITE] = "lost-write",
	[VFAULT_SMALL_FLASH] = "small-flash",
	[VFAULT_SLOW_ERASE] = "slow-erase",
	[VFAULT_STALL] = "stall",
	[VFAULT_BROWN_OUT] = "brown-out",
	[VFAULT_SILENT] = "silent",
	[VFAULT_UNPLUG] = "unplug",
	[VFAULT_STAYS_AWAY] = "stays-away",
	[VFAULT_PROGRAM_HANGS] = "program-hangs",
	[VFAULT_PROGRAM_CUT] = "program-cut",
	[VFAULT_NO_OPERATOR] = "no-operator",
	[VFAULT_NO_BUTTON] = "no-button",
	[VFAULT_ABRUPT_LEAVE] = "abrupt-leave",
	[VFAULT_OTHER_LAYOUT] = "other-layout",
	[VFAULT_SWAPPED] = "swapped",
	[VFAULT_SAME_ID] = "same-id",
	[VFAULT_HUB_GONE] = "hub-gone",
	[VFAULT_OVER_CURRENT] = "over-current",
};

const char *vfault_name(enum vfault_kind kind)
{
	return (unsigned)kind < VFAULT_KIND_COUNT ? names[kind] : "";
}

static bool has_place(enum vfault_kind kind)
{
	return kind == VFAULT_DEAD_CELL || kind == VFAULT_WEAK_CELL ||
	       kind == VFAULT_KEEPS_SECTOR || kind == VFAULT_LOST_WRITE;
}

static bool check_place(const struct vfault *fault, const struct vunit_spec *spec, struct err *err)
{
	enum vunit_family family = spec->family;
	if (fault->alt >= VUNIT_ALTERNATES_MAX || !vunit_memory_len(spec, fault->alt))
		return err_set(err, REASON_INPUT,
			"%s: a virtual unit has no alternate setting %u if it is a %s",
			names[fault->kind], fault->alt, vunit_family_name(family));
	uint32_t base = vunit_memory_base(spec, fault->alt);
	size_t len = vunit_memory_len(spec, fault->alt);
	if (fault->address < base || fault->address - base >= len)
		return err_set(err, REASON_INPUT,
			"%s: alt %u of a virtual %s has no address 0x%08x: 0x%08x to 0x%08x are allowed",
			names[fault->kind], fault->alt, vunit_family_name(family), fault->address,
			base, (uint32_t)(base + len - 1));
	if (vunit_traits_of(spec->bootloader)->dct != DCT_NONE && fault->alt == 1 &&
		fault->kind != VFAULT_LOST_WRITE)
		return err_set(err, REASON_INPUT,
			"%s: alt 1 of a virtual %s is a view of its sectors at 0x08004000 and 0x08008000: "
			"name the place in alt 0",
			names[fault->kind], vunit_family_name(family));
	return true;
}

static bool check(const struct vfault *fault, const struct vunit_spec *spec, struct err *err)
{
	if ((unsigned)fault->kind >= VFAULT_KIND_COUNT)
		return err_set(err, REASON_BUG, "there is no fault %d", (int)fault->kind);
	if (has_place(fault->kind))
		return check_place(fault, spec, err);
	if (fault->kind != VFAULT_SMALL_FLASH)
		return true;
	if (spec->family != VUNIT_CORE)
		return err_set(err, REASON_INPUT,
			"small-flash: a virtual %s has no external flash; only a core has one",
			vunit_family_name(spec->family));
	bool power = fault->size && !(fault->size & (fault->size - 1));
	return (power && fault->size >= SPI_SECTOR_LEN && fault->size < SPI_LEN) ||
	       err_set(err, REASON_INPUT,
		       "small-flash: %u bytes: a power of two from %d to %d is allowed",
		       fault->size, SPI_SECTOR_LEN, SPI_LEN / 2);
}

bool vunit_set_faults(
	struct vunit *unit, const struct vfault *faults, size_t count, struct err *err)
{
	if (count > VFAULTS_MAX)
		return err_set(err, REASON_INPUT, "%zu faults for one unit: at most %d", count,
			VFAULTS_MAX);
	for (size_t i = 0; i < count; i++)
		if (!check(&faults[i], &unit->spec, err))
			return false;
	if (!count) {
		vfault_done(unit);
		return true;
	}
	struct vfaults *all = calloc(1, sizeof(*all));
	if (!all)
		return err_set(err, REASON_STATION, "no memory for the faults of a virtual unit");
	vfault_done(unit);
	memcpy(all->list, faults, count * sizeof(*faults));
	all->count = count;
	memcpy(all->own_id, unit->spec.device_id, sizeof(all->own_id));
	unit->faults = all;
	for (size_t i = 0; i < count; i++)
		if (faults[i].kind == VFAULT_SAME_ID)
			memcpy(unit->spec.device_id, faults[i].device_id,
				sizeof(unit->spec.device_id));
	vfault_cells(unit);
	return true;
}

void vfault_done(struct vunit *unit)
{
	if (!unit->faults)
		return;
	memcpy(unit->spec.device_id, unit->faults->own_id, sizeof(unit->spec.device_id));
	free(unit->faults);
	unit->faults = NULL;
}

static size_t fault_count(const struct vunit *unit)
{
	return unit->faults ? unit->faults->count : 0;
}

static const struct vfault *first(const struct vunit *unit, enum vfault_kind kind)
{
	for (size_t i = 0; i < fault_count(unit); i++)
		if (unit->faults->list[i].kind == kind)
			return &unit->faults->list[i];
	return NULL;
}

/* The first fault of a kind that is due when number things of its sort have happened. */
static const struct vfault *due(const struct vunit *unit, enum vfault_kind kind, uint32_t number)
{
	for (size_t i = 0; i < fault_count(unit); i++) {
		const struct vfault *fault = &unit->faults->list[i];
		if (fault->kind == kind && number >= fault->at &&
			(!fault->times || number - fault->at < fault->times))
			return fault;
	}
	return NULL;
}

/* Gives the bits of all cells of a kind their value. */
static void force(struct vunit *unit, enum vfault_kind kind)
{
	for (size_t i = 0; i < fault_count(unit); i++) {
		const struct vfault *fault = &unit->faults->list[i];
		if (fault->kind != kind)
			continue;
		uint8_t *cell = unit->memory[fault->alt] +
				(fault->address - vunit_memory_base(&unit->spec, fault->alt));
		if (fault->value)
			*cell |= fault->bits;
		else
			*cell &= (uint8_t)~fault->bits;
	}
}

void vfault_cells(struct vunit *unit)
{
	force(unit, VFAULT_DEAD_CELL);
}

static void power_fails(struct vunit *unit, const struct vfault *fault, uint64_t at_us)
{
	vunit_power_off(unit);
	if (!fault->comes_back)
		return;
	unit->button = fault->button;
	vunit_schedule(unit, EVENT_POWER, at_us + UINT64_C(1000) * fault->back_after_ms);
}

bool vfault_transfer(struct vunit *unit, uint64_t at_us)
{
	if (!unit->faults)
		return false;
	force(unit, VFAULT_WEAK_CELL);
	uint32_t number = ++unit->faults->transfers;
	const struct vfault *unplug = due(unit, VFAULT_UNPLUG, number);
	const struct vfault *hub = due(unit, VFAULT_HUB_GONE, number);
	hub = hub ? hub : due(unit, VFAULT_OVER_CURRENT, number);
	unit->faults->outside = hub ? hub : unit->faults->outside;
	if (unplug)
		power_fails(unit, unplug, at_us);
	return unplug || due(unit, VFAULT_SILENT, number);
}

bool vfault_is_outside(enum vfault_kind kind)
{
	return kind == VFAULT_HUB_GONE || kind == VFAULT_OVER_CURRENT;
}

bool vunit_take_outside(struct vunit *unit, struct vfault *ret)
{
	if (!unit->faults || !unit->faults->outside)
		return false;
	*ret = *unit->faults->outside;
	unit->faults->outside = NULL;
	return true;
}

enum vfault_fate vfault_operation(struct vunit *unit)
{
	if (!unit->faults)
		return FATE_RUN;
	uint32_t number = ++unit->faults->operations;
	unit->faults->cut = due(unit, VFAULT_BROWN_OUT, number);
	if (unit->faults->cut)
		return FATE_CUT;
	return due(unit, VFAULT_STALL, number) ? FATE_STALL : FATE_RUN;
}

void vfault_cut_end(struct vunit *unit, uint64_t at_us)
{
	const struct vfault *cut = unit->faults->cut;
	unit->faults->cut = NULL;
	power_fails(unit, cut, at_us);
}

bool vfault_is_cut(const struct vunit *unit)
{
	return unit->faults && unit->faults->cut;
}

size_t vfault_programs(const struct vunit *unit, size_t len)
{
	return vfault_is_cut(unit) ? len / 2 / WORD * WORD : len;
}

size_t vfault_erases(const struct vunit *unit, uint8_t alt, uint32_t offset, size_t len)
{
	for (size_t i = 0; i < fault_count(unit); i++) {
		const struct vfault *fault = &unit->faults->list[i];
		if (fault->kind != VFAULT_KEEPS_SECTOR || fault->alt != alt)
			continue;
		uint32_t at = fault->address - vunit_memory_base(&unit->spec, alt);
		if (at >= offset && at - offset < len)
			return 0;
	}
	return vfault_programs(unit, len);
}

uint64_t vfault_erase_us(const struct vunit *unit, uint64_t us)
{
	const struct vfault *slow = first(unit, VFAULT_SLOW_ERASE);
	return slow ? us * slow->factor : us;
}

uint32_t vfault_spi_len(const struct vunit *unit, uint32_t len)
{
	const struct vfault *small = first(unit, VFAULT_SMALL_FLASH);
	return small ? small->size : len;
}

bool vfault_loses(struct vunit *unit, uint32_t address, size_t len)
{
	/* The Core tells its memories apart by the address alone. */
	bool by_address = unit->spec.family == VUNIT_CORE;
	for (size_t i = 0; i < fault_count(unit); i++) {
		const struct vfault *fault = &unit->faults->list[i];
		if (fault->kind != VFAULT_LOST_WRITE ||
			(!by_address && fault->alt != unit->dfu.alternate) ||
			address >= (uint64_t)fault->address + fault->size ||
			fault->address >= (uint64_t)address + len)
			continue;
		uint32_t number = ++unit->faults->used[i];
		if (number >= fault->at && (!fault->times || number - fault->at < fault->times))
			return true;
	}
	return false;
}

void vfault_attached(struct vunit *unit)
{
	if (!unit->faults)
		return;
	const struct vfault *swapped = due(unit, VFAULT_SWAPPED, ++unit->faults->enumerations);
	if (swapped)
		memcpy(unit->spec.device_id, swapped->device_id, sizeof(unit->spec.device_id));
}

bool vfault_stays_away(struct vunit *unit)
{
	return unit->faults && due(unit, VFAULT_STAYS_AWAY, ++unit->faults->leaves);
}

bool vfault_program(struct vunit *unit, uint64_t half_us)
{
	if (!unit->faults)
		return false;
	uint32_t number = ++unit->faults->programs;
	unit->faults->pull = due(unit, VFAULT_PROGRAM_CUT, number);
	if (unit->faults->pull)
		vunit_schedule(unit, EVENT_PULL, half_us);
	return unit->faults->pull || due(unit, VFAULT_PROGRAM_HANGS, number);
}

void vfault_pull(struct vunit *unit, uint64_t at_us)
{
	if (unit->faults && unit->faults->pull)
		power_fails(unit, unit->faults->pull, at_us);
}

bool vfault_no_operator(const struct vunit *unit)
{
	return first(unit, VFAULT_NO_OPERATOR);
}

bool vunit_runs_when_plugged(const struct vunit *unit)
{
	return first(unit, VFAULT_NO_BUTTON);
}

uint64_t vfault_leave_us(const struct vunit *unit, uint64_t us)
{
	return first(unit, VFAULT_ABRUPT_LEAVE) ? 0 : us;
}

const char *vfault_layout(const struct vunit *unit, uint8_t alternate)
{
	for (size_t i = 0; i < fault_count(unit); i++) {
		const struct vfault *fault = &unit->faults->list[i];
		if (fault->kind == VFAULT_OTHER_LAYOUT && fault->alt == alternate)
			return fault->layout;
	}
	return NULL;
}

struct vunit_spec vfault_own_spec(const struct vunit *unit)
{
	struct vunit_spec spec = unit->spec;
	if (unit->faults)
		memcpy(spec.device_id, unit->faults->own_id, sizeof(spec.device_id));
	return spec;
}
