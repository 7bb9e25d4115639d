/* SPDX-License-Identifier: Apache-2.0 */
/* The DFU machines of the bootloaders, as they are and not as DFU 1.1 would have them
 * (docs/devices.md, "Requests by state"). What differs between bootloaders is asked of the
 * traits. */
#include <string.h>

#include "bytes.h"
#include "vunit_private.h"

enum {
	REQUEST_DETACH,
	REQUEST_DNLOAD,
	REQUEST_UPLOAD,
	REQUEST_GETSTATUS,
	REQUEST_CLRSTATUS,
	REQUEST_GETSTATE,
	REQUEST_ABORT
};

enum {
	STATUS_OK = 0,
	STATUS_UNKNOWN = 0x0E,
	COMMAND_SET_ADDRESS = 0x21,
	COMMAND_ERASE = 0x41,
	LEAVE_US = 500000,
	DETACH_OFF_US = 3000,
	ENUMERATION_US = 200000,
	POLL_DCT_ERASE_MS = 500,
	POLL_DCT_WRITE_MS = 1,
	POLL_SPI_ERASE_MS = 20,
	POLL_SPI_WRITE_MS = 30
};

static bool is_core(const struct vunit *unit)
{
	return unit->traits->family == VUNIT_CORE;
}

/* The bootloader starts. */
void vunit_dfu_start(struct vunit *unit)
{
	struct vunit_dfu *dfu = &unit->dfu;
	memset(dfu, 0, sizeof(*dfu));
	dfu->state = unit->traits->start_state;
	dfu->status = unit->traits->start_status;
	dfu->pointer = unit->traits->start_pointer;
	unit->dct_lookup = LOOKUP_NEVER;
	unit->parts_erased = false;
	unit->parts_written = false;
}

/* Pointer, alternate setting, poll value and a running countdown stay in any case. */
void vunit_dfu_bus_reset(struct vunit *unit)
{
	if (unit->traits->bus_reset_nothing)
		return;
	unit->dfu.state = DFU_IDLE;
	unit->dfu.pending = false;
	if (!unit->traits->bus_reset_keeps_status)
		unit->dfu.status = STATUS_OK;
}

static bool is_erase(const struct vunit_dfu *dfu)
{
	return dfu->block == 0 && dfu->length > 0 && dfu->buffer[0] == COMMAND_ERASE;
}

static bool is_flash_work(const struct vunit_dfu *dfu)
{
	return dfu->block > 1 || is_erase(dfu);
}

/* The announced time is looked up before the operation moves the pointer, so it is
 * that of the area before. */
static uint32_t poll_time(const struct vunit *unit)
{
	const struct vunit_dfu *dfu = &unit->dfu;
	bool erase = is_erase(dfu);
	if (is_core(unit)) {
		if ((dfu->pointer & 0xFC000000) != 0)
			return unit->traits->poll_ms;
		return erase ? POLL_SPI_ERASE_MS : POLL_SPI_WRITE_MS;
	}
	if (dfu->alternate == 0 && dfu->pointer >= FLASH_BASE && dfu->pointer < F2_END)
		return unit->traits->poll_ms;
	if (dfu->alternate == 2 && dfu->pointer < SERIAL_FLASH_LEN)
		return unit->traits->poll_ms;
	if (dfu->alternate == 1 && dfu->pointer < DCT_VIEW_LEN)
		return erase ? POLL_DCT_ERASE_MS : POLL_DCT_WRITE_MS;
	return unit->traits->poll_kept ? dfu->poll_ms : 0;
}

static bool erase_at(struct vunit *unit, uint32_t address)
{
	if (is_core(unit)) {
		vunit_flash_core_erase(unit, address);
		return true;
	}
	if (unit->dfu.alternate == 0)
		return vunit_flash_f2_erase(unit, address);
	if (unit->dfu.alternate == 2)
		return vunit_flash_serial_erase(unit, address);
	return address < DCT_VIEW_LEN;
}

static bool write_at(struct vunit *unit, uint32_t address, const uint8_t *bytes, size_t len)
{
	if (is_core(unit)) {
		vunit_flash_core_write(unit, address, bytes, len);
		return true;
	}
	if (unit->dfu.alternate == 0)
		return vunit_flash_f2_write(unit, address, bytes, len);
	if (unit->dfu.alternate == 2)
		return vunit_flash_serial_write(unit, address, bytes, len);
	if (address >= DCT_VIEW_LEN || !vunit_dct_reachable(unit))
		return false;
	unit->work.blocks++;
	return vunit_dct_write(unit, address, bytes, len) ||
	       (!vfault_is_cut(unit) && vunit_dct_write(unit, address, bytes, len));
}

static bool run_command(struct vunit *unit)
{
	struct vunit_dfu *dfu = &unit->dfu;
	if (dfu->length == 1 && dfu->buffer[0] == 0)
		return true;
	if (dfu->length != 5 ||
		(dfu->buffer[0] != COMMAND_SET_ADDRESS && dfu->buffer[0] != COMMAND_ERASE))
		return false;
	dfu->pointer = bytes_le32(dfu->buffer + 1);
	return dfu->buffer[0] == COMMAND_SET_ADDRESS || erase_at(unit, dfu->pointer);
}

static uint32_t block_address(const struct vunit *unit, uint16_t block)
{
	return unit->dfu.pointer + (block - 2U) * unit->traits->transfer_size;
}

/* True as the Core has it: it looks at no result. */
static bool run_pending(struct vunit *unit)
{
	struct vunit_dfu *dfu = &unit->dfu;
	bool ok = true;
	dfu->pending = false;
	if (dfu->block == 0)
		ok = run_command(unit);
	else if (dfu->block > 1)
		ok = vfault_loses(unit, block_address(unit, dfu->block), dfu->length) ||
		     write_at(unit, block_address(unit, dfu->block), dfu->buffer, dfu->length);
	return ok || unit->traits->works_after;
}

static enum vunit_answer download(struct vunit *unit, struct vunit_transfer *transfer)
{
	struct vunit_dfu *dfu = &unit->dfu;
	if (dfu->state != DFU_IDLE && dfu->state != DFU_DNLOAD_IDLE)
		return VUNIT_STALL;
	transfer->moved = transfer->length;
	if (transfer->length == 0) {
		dfu->state = DFU_MANIFEST_SYNC;
		return VUNIT_ACK;
	}
	dfu->state = DFU_DNLOAD_SYNC;
	dfu->pending = true;
	dfu->block = transfer->value;
	dfu->length = transfer->length;
	memcpy(dfu->buffer, transfer->data, transfer->length);
	return VUNIT_ACK;
}

/* Outside the memory: zeros, or what stands in the transfer buffer. */
static void read_outside(const struct vunit *unit, uint8_t *to, size_t len)
{
	if (unit->traits->outside_is_buffer)
		memcpy(to, unit->dfu.buffer, len);
	else
		memset(to, 0, len);
}

static void read_f2(struct vunit *unit, uint32_t address, uint8_t *to, size_t len)
{
	if (unit->dfu.alternate == 0 && address >= FLASH_BASE && address < F2_END) {
		size_t inside = F2_END - address;
		if (inside > len)
			inside = len;
		memcpy(to, unit->memory[0] + (address - FLASH_BASE), inside);
		memset(to + inside, 0xFF, len - inside);
	} else if (unit->dfu.alternate == 1 && address < DCT_VIEW_LEN) {
		if (vunit_dct_reachable(unit))
			vunit_dct_read(unit, address, to, len);
		else
			memset(to, 0, len);
	} else if (unit->dfu.alternate == 2 && address < SERIAL_FLASH_LEN) {
		vunit_flash_serial_read(unit, address, to, len);
	} else {
		read_outside(unit, to, len);
	}
}

static enum vunit_answer reply(
	struct vunit *unit, struct vunit_transfer *transfer, const uint8_t *bytes, size_t len)
{
	if (unit->traits->cuts_replies && transfer->length == 0)
		return VUNIT_STALL;
	if (unit->traits->cuts_replies && len > transfer->length)
		len = transfer->length;
	return vunit_reply(transfer, bytes, len);
}

static enum vunit_answer upload_commands(struct vunit *unit, struct vunit_transfer *transfer)
{
	static const uint8_t commands[] = { 0x00, COMMAND_SET_ADDRESS, COMMAND_ERASE };
	memcpy(unit->dfu.buffer, commands, sizeof(commands));
	unit->dfu.state = transfer->length > sizeof(commands) ? DFU_IDLE : DFU_UPLOAD_IDLE;
	return reply(unit, transfer, commands, sizeof(commands));
}

static enum vunit_answer upload(struct vunit *unit, struct vunit_transfer *transfer)
{
	struct vunit_dfu *dfu = &unit->dfu;
	if (transfer->length == 0) {
		dfu->state = DFU_IDLE;
		dfu->pending = false;
		return VUNIT_ACK;
	}
	if (dfu->state != DFU_IDLE && dfu->state != DFU_UPLOAD_IDLE) {
		dfu->pending = false;
		return VUNIT_STALL;
	}
	if (transfer->value == 0)
		return upload_commands(unit, transfer);
	if (transfer->value == 1) {
		dfu->state = DFU_LOST;
		return VUNIT_STALL;
	}
	if (is_core(unit) &&
		transfer->length == UINT16_MAX) { /* the length overflows in the Core's USB code */
		vunit_hang(unit);
		return VUNIT_NONE;
	}
	uint32_t address = block_address(unit, transfer->value);
	if (is_core(unit))
		vunit_flash_core_read(unit, address, transfer->data, transfer->length);
	else
		read_f2(unit, address, transfer->data, transfer->length);
	transfer->inside_us = unit->spent_us;
	transfer->moved = transfer->length;
	dfu->state = DFU_UPLOAD_IDLE;
	return VUNIT_ACK;
}

static enum vunit_answer send_status(
	struct vunit *unit, struct vunit_transfer *transfer, uint8_t state)
{
	uint32_t poll = unit->dfu.poll_ms;
	uint8_t bytes[6] = { unit->dfu.status, (uint8_t)poll, (uint8_t)(poll >> 8),
		(uint8_t)(poll >> 16), state, 0 };
	return reply(unit, transfer, bytes, sizeof(bytes));
}

/* F2 does the work between the data stage and the status stage of this very transfer, and
 * a STALL there is its only report of a failure. The Core answers at once, works then,
 * and looks at no result. */
static enum vunit_answer status_of_pending(struct vunit *unit, struct vunit_transfer *transfer)
{
	unit->dfu.poll_ms = poll_time(unit);
	uint64_t announced_us = 1000U * (uint64_t)unit->dfu.poll_ms;
	enum vunit_answer answer = send_status(unit, transfer, DFU_DNBUSY);
	if (!unit->traits->poll_kept)
		unit->dfu.poll_ms = 0;
	if (answer == VUNIT_STALL)
		return answer;
	enum vfault_fate fate = is_flash_work(&unit->dfu) ? vfault_operation(unit) : FATE_RUN;
	unit->dfu.pending = fate != FATE_STALL;
	bool ok = unit->dfu.pending && run_pending(unit);
	if (fate == FATE_CUT)
		vfault_cut_end(unit, transfer->start_us + unit->spent_us);
	if (unit->traits->works_after) {
		transfer->after_us = unit->spent_us;
		if (announced_us > unit->spent_us)
			unit->work.announced_us += announced_us - unit->spent_us;
	} else {
		transfer->inside_us = unit->spent_us;
	}
	return ok ? answer : VUNIT_STALL;
}

static enum vunit_answer get_status(struct vunit *unit, struct vunit_transfer *transfer)
{
	struct vunit_dfu *dfu = &unit->dfu;
	enum vunit_answer answer;
	if (dfu->state == DFU_DNLOAD_SYNC && dfu->pending)
		return status_of_pending(unit, transfer);
	if (dfu->state == DFU_DNLOAD_SYNC) {
		answer = send_status(unit, transfer, DFU_DNLOAD_IDLE);
		dfu->state = DFU_DNLOAD_IDLE;
	} else if (dfu->state == DFU_MANIFEST_SYNC) {
		answer = send_status(unit, transfer, DFU_DNLOAD_IDLE);
		dfu->state = DFU_WAIT_RESET;
		vunit_schedule(
			unit, EVENT_LEAVE, transfer->start_us + vfault_leave_us(unit, LEAVE_US));
		unit->work.boot_us += LEAVE_US;
	} else {
		answer = send_status(unit, transfer, dfu->state);
	}
	return answer;
}

static enum vunit_answer clear_status(struct vunit *unit)
{
	bool error = unit->dfu.state == DFU_ERROR;
	unit->dfu.state = error ? DFU_IDLE : DFU_ERROR;
	unit->dfu.status = error ? STATUS_OK : STATUS_UNKNOWN;
	unit->dfu.pending = false;
	return VUNIT_ACK;
}

static bool deaf(const struct vunit_dfu *dfu)
{
	return dfu->state == DFU_WAIT_RESET || dfu->state == DFU_ERROR || dfu->state == DFU_LOST;
}

static enum vunit_answer abort_all(struct vunit *unit)
{
	if (deaf(&unit->dfu))
		return VUNIT_ACK;
	unit->dfu.state = DFU_IDLE;
	unit->dfu.status = STATUS_OK;
	unit->dfu.pending = false;
	return VUNIT_ACK;
}

/* Pulls the line for 3 ms in the middle of the transfer; the host enumerates it
 * again, still in DFU. */
static enum vunit_answer detach(struct vunit *unit, const struct vunit_transfer *transfer)
{
	if (!unit->traits->detaches)
		return VUNIT_STALL;
	if (!deaf(&unit->dfu)) {
		unit->dfu.state = DFU_IDLE;
		unit->dfu.pending = false;
		if (unit->traits->detach_clears_status)
			unit->dfu.status = STATUS_OK;
	}
	unit->mode = VUNIT_OFF;
	vunit_schedule(unit, EVENT_REATTACH, transfer->start_us + DETACH_OFF_US + ENUMERATION_US);
	return VUNIT_NONE;
}

enum vunit_answer vunit_dfu_request(struct vunit *unit, struct vunit_transfer *transfer)
{
	bool in = transfer->type & 0x80;
	if (unit->spec.family == VUNIT_ROM)
		return vunit_rom_request(unit, transfer);
	if ((transfer->type & 0x1F) != 1 || transfer->index > unit->traits->max_interface)
		return VUNIT_STALL;
	switch (transfer->request) {
	case REQUEST_DNLOAD:
		return in ? VUNIT_STALL : download(unit, transfer);
	case REQUEST_UPLOAD:
		return in || transfer->length == 0 ? upload(unit, transfer) : VUNIT_STALL;
	case REQUEST_GETSTATUS:
		return in ? get_status(unit, transfer) : VUNIT_STALL;
	case REQUEST_GETSTATE:
		return in ? reply(unit, transfer, &unit->dfu.state, 1) : VUNIT_STALL;
	case REQUEST_CLRSTATUS:
		return in ? VUNIT_STALL : clear_status(unit);
	case REQUEST_ABORT:
		return in ? VUNIT_STALL : abort_all(unit);
	case REQUEST_DETACH:
		return in ? VUNIT_STALL : detach(unit, transfer);
	default:
		return VUNIT_STALL;
	}
}
