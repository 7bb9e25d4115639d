/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual unit's life: open, power, time, and the way of a control transfer through it. */
#include "vunit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "fs.h"
#include "scope.h"
#include "secret.h"
#include "text.h"
#include "vunit_private.h"

static const char *const families[VUNIT_FAMILY_COUNT] = {
	[VUNIT_CORE] = "core",
	[VUNIT_PHOTON] = "photon",
	[VUNIT_P1] = "p1",
	[VUNIT_ROM] = "stm32-rom",
	[VUNIT_ELECTRON] = "electron",
};

const char *vunit_family_name(enum vunit_family family)
{
	return (unsigned)family < VUNIT_FAMILY_COUNT ? families[family] : "";
}

bool vunit_family_from_name(const char *name, enum vunit_family *ret)
{
	for (int i = 0; i < VUNIT_FAMILY_COUNT; i++) {
		if (strcmp(name, families[i]) != 0)
			continue;
		*ret = (enum vunit_family)i;
		return true;
	}
	return false;
}

static bool map_memory(struct vunit *unit, int alternate, struct err *err)
{
	char path[FS_PATH_MAX];
	size_t len = vunit_memory_len(&unit->spec, alternate);
	if (!len)
		return true;
	if (!fs_join(path, unit->folder, vunit_memory_name(alternate), err))
		return false;
	SCOPED_FD int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct stat info;
	if (fd < 0 || fstat(fd, &info) != 0)
		return err_sys(err, REASON_INPUT, errno, "cannot open %s", path);
	if (!S_ISREG(info.st_mode) || info.st_size != (off_t)len)
		return err_set(err, REASON_INPUT,
			"%s is not a file of %zu bytes: make the unit anew", path, len);
	void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return err_sys(err, REASON_STATION, errno, "cannot map %s", path);
	unit->memory[alternate] = memory;
	unit->memory_len[alternate] = len;
	return true;
}

static bool map_memories(struct vunit *unit, struct err *err)
{
	for (int i = 0; i < VUNIT_ALTERNATES_MAX; i++)
		if (!map_memory(unit, i, err))
			return false;
	return true;
}

static void clear_events(struct vunit *unit)
{
	for (int i = 0; i < EVENT_COUNT; i++)
		unit->at_us[i] = UINT64_MAX;
}

bool vunit_open(const char *folder, struct vunit **ret, struct err *err)
{
	struct vunit *unit = calloc(1, sizeof(*unit));
	if (!unit || !(unit->folder = strdup(folder))) {
		free(unit);
		return err_set(err, REASON_STATION, "no memory for the virtual unit in %s", folder);
	}
	clear_events(unit);
	if (!vunit_spec_read(folder, &unit->spec, err) || !map_memories(unit, err)) {
		vunit_close(unit);
		return false;
	}
	unit->traits = vunit_traits_of(unit->spec.bootloader);
	*ret = unit;
	return true;
}

void vunit_close(struct vunit *unit)
{
	if (!unit)
		return;
	for (int i = 0; i < VUNIT_ALTERNATES_MAX; i++) {
		if (unit->memory[i])
			munmap(unit->memory[i], unit->memory_len[i]);
	}
	vfault_done(unit);
	free(unit->folder);
	secret_wipe(unit, sizeof(*unit));
	free(unit);
}

const struct vunit_spec *vunit_spec(const struct vunit *unit)
{
	return &unit->spec;
}

void vunit_power(struct vunit *unit, bool button, uint64_t now_us)
{
	vunit_power_off(unit);
	unit->now_us = now_us;
	unit->work = (struct vunit_work){ 0 };
	unit->power_reset = true;
	vunit_boot_start(unit, button, now_us);
}

void vunit_power_off(struct vunit *unit)
{
	clear_events(unit);
	unit->mode = VUNIT_OFF;
	unit->busy_until_us = 0;
	unit->dfu_once = false;
	unit->program = unit->traits->start_pointer;
	secret_wipe(&unit->dfu, sizeof(unit->dfu));
}

void vunit_schedule(struct vunit *unit, enum vunit_event event, uint64_t at_us)
{
	if (at_us < unit->at_us[event])
		unit->at_us[event] = at_us;
}

void vunit_hang(struct vunit *unit)
{
	clear_events(unit);
	unit->mode = VUNIT_DEAD;
}

/* program: where a ROM finds it; the others know. */
static void reset_with(struct vunit *unit, bool button, uint32_t program, uint64_t at_us)
{
	unit->program = program;
	clear_events(unit);
	unit->mode = VUNIT_OFF;
	unit->busy_until_us = 0;
	unit->power_reset = false;
	vunit_boot_start(unit, button, at_us);
}

static void reset(struct vunit *unit, uint32_t program, uint64_t at_us)
{
	reset_with(unit, false, program, at_us);
}

void vunit_button(struct vunit *unit, uint64_t now_us)
{
	vunit_advance(unit, now_us);
	if (!vfault_no_operator(unit))
		reset_with(unit, true, unit->traits->start_pointer, now_us);
}

/* Not the first one: nobody waited for it. */
static void count_boot(struct vunit *unit)
{
	if (unit->enumeration)
		unit->work.boot_us += unit->booting_us;
}

static void attach(struct vunit *unit, enum vunit_mode mode)
{
	unit->mode = mode;
	unit->enumeration++;
	unit->configuration = 0;
	vfault_attached(unit);
}

static void run_event(struct vunit *unit, enum vunit_event event, uint64_t at_us)
{
	unit->at_us[event] = UINT64_MAX;
	switch (event) {
	case EVENT_ATTACH_DFU:
		count_boot(unit);
		attach(unit, VUNIT_DFU);
		return;
	case EVENT_REATTACH:
		attach(unit, VUNIT_DFU);
		vunit_dfu_bus_reset(unit);
		return;
	case EVENT_ATTACH_CDC:
		count_boot(unit);
		attach(unit, VUNIT_CDC);
		vunit_boot_attached_cdc(unit, at_us);
		return;
	case EVENT_LEAVE: {
		uint64_t us = vunit_boot_leave(unit);
		if (vfault_stays_away(unit)) {
			vunit_power_off(unit);
			return;
		}
		reset(unit, unit->program, at_us + us);
		unit->booting_us += us;
		return;
	}
	case EVENT_RESET_TO_DFU:
		unit->dfu_once = true;
		reset(unit, unit->traits->start_pointer, at_us);
		return;
	case EVENT_PROGRAM:
		if (!vunit_program_done(unit))
			return;
		unit->dfu_once = true;
		reset(unit, unit->traits->start_pointer, at_us);
		return;
	case EVENT_PULL:
		vfault_pull(unit, at_us);
		return;
	case EVENT_APPLY:
		if (vunit_boot_apply_staged(unit))
			reset(unit, unit->traits->start_pointer, at_us);
		return;
	case EVENT_POWER:
		vunit_power(unit, unit->button, at_us);
		return;
	case EVENT_RESET:
		reset(unit, unit->traits->start_pointer, at_us);
		return;
	case EVENT_COUNT:
		return;
	}
}

static enum vunit_event next_event(const struct vunit *unit)
{
	enum vunit_event next = EVENT_ATTACH_DFU;
	for (int i = 1; i < EVENT_COUNT; i++) {
		if (unit->at_us[i] < unit->at_us[next])
			next = (enum vunit_event)i;
	}
	return next;
}

void vunit_advance(struct vunit *unit, uint64_t now_us)
{
	for (;;) {
		enum vunit_event event = next_event(unit);
		uint64_t at_us = unit->at_us[event];
		if (at_us == UINT64_MAX || at_us > now_us)
			break;
		run_event(unit, event, at_us);
	}
	if (now_us > unit->now_us)
		unit->now_us = now_us;
}

uint64_t vunit_next_event_us(const struct vunit *unit)
{
	return unit->at_us[next_event(unit)];
}

enum vunit_mode vunit_mode(const struct vunit *unit)
{
	return unit->mode;
}

uint32_t vunit_enumeration(const struct vunit *unit)
{
	return unit->enumeration;
}

struct vunit_work vunit_work(const struct vunit *unit)
{
	return unit->work;
}

void vunit_bus_reset(struct vunit *unit, uint64_t now_us)
{
	vunit_advance(unit, now_us);
	unit->configuration = 0;
	if (unit->mode == VUNIT_DFU)
		vunit_dfu_bus_reset(unit);
}

enum vunit_answer vunit_reply(struct vunit_transfer *transfer, const uint8_t *bytes, size_t len)
{
	bool fits = len <= transfer->length;
	transfer->moved = fits ? (uint16_t)len : transfer->length;
	if (transfer->moved)
		memcpy(transfer->data, bytes, transfer->moved);
	return fits ? VUNIT_ACK : VUNIT_OVERFLOW;
}

static enum vunit_answer dispatch(struct vunit *unit, struct vunit_transfer *transfer)
{
	switch (transfer->type & 0x60) {
	case 0x00:
		return vunit_usb_standard(unit, transfer);
	case 0x20:
		return unit->mode == VUNIT_DFU ? vunit_dfu_request(unit, transfer)
					       : vunit_cdc_request(unit, transfer);
	case 0x40:
		return unit->mode == VUNIT_CDC ? vunit_vendor_request(unit, transfer) : VUNIT_STALL;
	default:
		return VUNIT_STALL;
	}
}

/* Full speed, 12 Mbit/s: 13 bytes of frame around every data packet, 32 around
 * SETUP and status stage. */
static uint64_t wire_us(uint16_t len)
{
	unsigned packets = (len + 63U) / 64U;
	return (32U + len + 13U * packets) * 2U / 3U;
}

/* The transfer's end, or never if the unit left the bus before. */
static enum vunit_answer finish(struct vunit *unit, const struct vunit_transfer *transfer,
	enum vunit_answer answer, uint64_t *ret_done_us)
{
	uint64_t wire = wire_us(transfer->moved);
	uint64_t done = transfer->start_us + wire + transfer->inside_us;
	unit->work.transfers++;
	unit->work.wire_us += wire;
	unit->work.flash_us += transfer->inside_us + transfer->after_us;
	*ret_done_us = UINT64_MAX;
	if (unit->mode != VUNIT_DFU && unit->mode != VUNIT_CDC)
		return VUNIT_NONE;
	unit->busy_until_us = done + transfer->after_us;
	if (vunit_next_event_us(unit) <= done)
		return VUNIT_NONE;
	*ret_done_us = done;
	return answer;
}

/* A transfer of this length may begin: when it does, and what it is to fill. False: nobody is
 * there. */
static bool begin(struct vunit *unit, uint64_t now_us, uint8_t *data, uint16_t len,
	struct vunit_transfer *ret)
{
	uint64_t start_us = now_us > unit->busy_until_us ? now_us : unit->busy_until_us;
	vunit_advance(unit, start_us);
	if (unit->mode != VUNIT_DFU && unit->mode != VUNIT_CDC)
		return false;
	*ret = (struct vunit_transfer){ .length = len, .data = data, .start_us = start_us };
	return true;
}

enum vunit_answer vunit_control(struct vunit *unit, const uint8_t setup[8], uint8_t *data,
	uint16_t *ret_len, uint64_t now_us, uint64_t *ret_done_us)
{
	struct vunit_transfer transfer;
	*ret_len = 0;
	*ret_done_us = UINT64_MAX;
	if (!begin(unit, now_us, data, bytes_le16(setup + 6), &transfer) ||
		vfault_transfer(unit, transfer.start_us))
		return VUNIT_NONE;
	transfer.type = setup[0];
	transfer.request = setup[1];
	transfer.value = bytes_le16(setup + 2);
	transfer.index = bytes_le16(setup + 4);
	unit->spent_us = 0;
	enum vunit_answer answer = dispatch(unit, &transfer);
	answer = finish(unit, &transfer, answer, ret_done_us);
	if (answer == VUNIT_ACK || answer == VUNIT_OVERFLOW)
		*ret_len = transfer.moved;
	return answer;
}

/* Not a transfer for the fault schedules, which count those of a session. */
enum vunit_answer vunit_bulk(struct vunit *unit, uint8_t endpoint, uint8_t *data, uint16_t len,
	uint16_t *ret_len, uint64_t now_us, uint64_t *ret_done_us)
{
	struct vunit_transfer transfer;
	*ret_len = 0;
	*ret_done_us = UINT64_MAX;
	if (!begin(unit, now_us, data, len, &transfer) || unit->mode != VUNIT_CDC)
		return VUNIT_NONE;
	enum vunit_answer answer = vunit_serial_transfer(unit, endpoint, &transfer);
	if (answer != VUNIT_ACK)
		return answer;
	answer = finish(unit, &transfer, answer, ret_done_us);
	if (answer == VUNIT_ACK)
		*ret_len = transfer.moved;
	return answer;
}
