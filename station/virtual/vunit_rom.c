/* SPDX-License-Identifier: Apache-2.0 */
/* The DFU machine of an STM32's system memory (AN3156; docs/devices.md, "STM32 ROM"). A DNLOAD hands
 * over what to do, the GET_STATUS that says dfuDNBUSY starts it, and the next one tells how it went. */
#include <string.h>

#include "bytes.h"
#include "vunit_private.h"

enum {
	REQUEST_DNLOAD = 1,
	REQUEST_UPLOAD,
	REQUEST_GETSTATUS,
	REQUEST_CLRSTATUS,
	REQUEST_GETSTATE,
	REQUEST_ABORT
};

enum {
	DFU_MANIFEST = 7,
	COMMAND_GET = 0x00,
	COMMAND_SET_ADDRESS = 0x21,
	COMMAND_ERASE = 0x41,
	COMMAND_UNPROTECT = 0x92,
	COMMAND_LEN = 5,
	POLL_COMMAND_MS = 100, /* whatever it takes */
	POLL_BLOCK_MS = 104,
	LEAVE_US = 10000
};

/* Answers by a STALL, and is in dfuERROR from then on. */
static enum vunit_answer stall(struct vunit *unit, uint8_t status)
{
	if (unit->dfu.state != DFU_ERROR)
		unit->dfu.status = status;
	unit->dfu.state = DFU_ERROR;
	unit->dfu.pending = false;
	return VUNIT_STALL;
}

static enum vunit_answer download(struct vunit *unit, struct vunit_transfer *transfer)
{
	struct vunit_dfu *dfu = &unit->dfu;
	if (dfu->state != DFU_IDLE && dfu->state != DFU_DNLOAD_IDLE)
		return stall(unit, ROM_STALLEDPKT);
	if (transfer->length > unit->traits->transfer_size ||
		(!transfer->length && unit->traits->leave_wants_address && !dfu->pointed))
		return stall(unit, ROM_STALLEDPKT);
	transfer->moved = transfer->length;
	dfu->state = transfer->length ? DFU_DNLOAD_SYNC : DFU_MANIFEST_SYNC;
	dfu->pending = transfer->length > 0;
	dfu->block = transfer->value;
	dfu->length = transfer->length;
	if (dfu->pending)
		memcpy(dfu->buffer, transfer->data, transfer->length);
	return VUNIT_ACK;
}

static bool is_command(const struct vunit_dfu *dfu, uint8_t command, uint16_t length)
{
	return dfu->block == 0 && dfu->buffer[0] == command && dfu->length == length;
}

static bool is_known(const struct vunit_dfu *dfu)
{
	return dfu->block > 1 || is_command(dfu, COMMAND_SET_ADDRESS, COMMAND_LEN) ||
	       is_command(dfu, COMMAND_ERASE, COMMAND_LEN) || is_command(dfu, COMMAND_ERASE, 1) ||
	       is_command(dfu, COMMAND_UNPROTECT, 1);
}

static uint32_t block_address(const struct vunit *unit, uint16_t block)
{
	return unit->dfu.pointer + (block - 2U) * unit->traits->transfer_size;
}

static uint8_t set_pointer(struct vunit *unit, uint32_t address)
{
	uint8_t status = vunit_rom_point(unit, address);
	if (status == ROM_OK)
		unit->dfu.pointer = address;
	unit->dfu.pointed = status == ROM_OK;
	return status;
}

/* Its status; *ret_resets: there is nobody to ask for it. */
static uint8_t run(struct vunit *unit, bool *ret_resets)
{
	struct vunit_dfu *dfu = &unit->dfu;
	*ret_resets = false;
	if (is_command(dfu, COMMAND_SET_ADDRESS, COMMAND_LEN))
		return set_pointer(unit, bytes_le32(dfu->buffer + 1));
	dfu->pointed = false;
	if (is_command(dfu, COMMAND_ERASE, COMMAND_LEN))
		return vunit_rom_erase(unit, bytes_le32(dfu->buffer + 1));
	if (is_command(dfu, COMMAND_ERASE, 1))
		return vunit_rom_mass_erase(unit);
	if (is_command(dfu, COMMAND_UNPROTECT, 1)) {
		vunit_rom_unprotect(unit);
		*ret_resets = true;
		return ROM_OK;
	}
	uint32_t address = block_address(unit, dfu->block);
	if (vfault_loses(unit, address, dfu->length))
		return ROM_OK;
	return vunit_rom_write(unit, address, dfu->buffer, dfu->length, ret_resets);
}

static enum vunit_answer say(
	struct vunit *unit, struct vunit_transfer *transfer, uint8_t state, uint32_t poll_ms)
{
	uint8_t bytes[6] = { unit->dfu.status, (uint8_t)poll_ms, (uint8_t)(poll_ms >> 8),
		(uint8_t)(poll_ms >> 16), state, 0 };
	return vunit_reply(transfer, bytes,
		transfer->length < sizeof(bytes) ? transfer->length : sizeof(bytes));
}

static uint32_t poll_ms(const struct vunit_dfu *dfu)
{
	return dfu->block > 1 ? POLL_BLOCK_MS : POLL_COMMAND_MS;
}

static enum vunit_answer start(struct vunit *unit, struct vunit_transfer *transfer)
{
	struct vunit_dfu *dfu = &unit->dfu;
	bool flash = !is_command(dfu, COMMAND_SET_ADDRESS, COMMAND_LEN), resets = false;
	dfu->pending = false;
	if (!is_known(dfu)) {
		stall(unit, ROM_STALLEDPKT);
		return say(unit, transfer, dfu->state, 0);
	}
	enum vfault_fate fate = flash ? vfault_operation(unit) : FATE_RUN;
	if (fate == FATE_STALL)
		return stall(unit, ROM_UNKNOWN);
	enum vunit_answer answer = say(unit, transfer, DFU_DNBUSY, poll_ms(dfu));
	dfu->next_status = run(unit, &resets);
	dfu->next_state = dfu->next_status == ROM_OK ? DFU_DNLOAD_IDLE : DFU_ERROR;
	dfu->state = DFU_DNBUSY;
	dfu->done_us = transfer->start_us + unit->spent_us;
	if (fate == FATE_CUT) {
		vfault_cut_end(unit, dfu->done_us);
		return answer;
	}
	if (resets)
		vunit_schedule(unit, EVENT_RESET, dfu->done_us);
	if (unit->traits->early == EARLY_HELD)
		transfer->after_us = unit->spent_us;
	else
		unit->work.flash_us += unit->spent_us;
	return answer;
}

static enum vunit_answer of_busy(struct vunit *unit, struct vunit_transfer *transfer)
{
	struct vunit_dfu *dfu = &unit->dfu;
	bool early = transfer->start_us < dfu->done_us;
	if (early && unit->traits->early == EARLY_STALLED)
		return VUNIT_STALL;
	if (early)
		return say(unit, transfer, DFU_DNBUSY, poll_ms(dfu));
	dfu->state = dfu->next_state;
	dfu->status = dfu->next_status;
	return say(unit, transfer, dfu->state, 0);
}

/* It jumps to where the pointer points; the answer still comes. */
static enum vunit_answer leave(struct vunit *unit, struct vunit_transfer *transfer)
{
	unit->dfu.state = DFU_MANIFEST;
	unit->program = unit->dfu.pointer;
	vunit_schedule(unit, EVENT_LEAVE, transfer->start_us + vfault_leave_us(unit, LEAVE_US));
	unit->work.boot_us += LEAVE_US;
	return say(unit, transfer, DFU_MANIFEST, 0);
}

static enum vunit_answer get_status(struct vunit *unit, struct vunit_transfer *transfer)
{
	switch (unit->dfu.state) {
	case DFU_DNLOAD_SYNC:
		return start(unit, transfer);
	case DFU_DNBUSY:
		return of_busy(unit, transfer);
	case DFU_MANIFEST_SYNC:
		return leave(unit, transfer);
	default:
		return say(unit, transfer, unit->dfu.state, 0);
	}
}

/* Less than was asked for ends the upload (DFU 1.1, A.2.10). */
static enum vunit_answer uploaded(struct vunit *unit, struct vunit_transfer *transfer, size_t len)
{
	transfer->moved = (uint16_t)len;
	unit->dfu.state = len < transfer->length ? DFU_IDLE : DFU_UPLOAD_IDLE;
	return VUNIT_ACK;
}

static enum vunit_answer upload(struct vunit *unit, struct vunit_transfer *transfer)
{
	static const uint8_t commands[] = { COMMAND_GET, COMMAND_SET_ADDRESS, COMMAND_ERASE,
		COMMAND_UNPROTECT };
	struct vunit_dfu *dfu = &unit->dfu;
	size_t len = transfer->length;
	if ((dfu->state != DFU_IDLE && dfu->state != DFU_UPLOAD_IDLE) || transfer->value == 1 ||
		!len || len > unit->traits->transfer_size)
		return stall(unit, ROM_STALLEDPKT);
	if (transfer->value == 0) {
		len = len < sizeof(commands) ? len : sizeof(commands);
		memcpy(transfer->data, commands, len);
		return uploaded(unit, transfer, len);
	}
	uint8_t status =
		vunit_rom_read(unit, block_address(unit, transfer->value), transfer->data, &len);
	return status == ROM_OK ? uploaded(unit, transfer, len) : stall(unit, status);
}

static enum vunit_answer clear_status(struct vunit *unit)
{
	struct vunit_dfu *dfu = &unit->dfu;
	if (dfu->state == DFU_ERROR) {
		dfu->state = DFU_IDLE;
		dfu->status = ROM_OK;
		return VUNIT_ACK;
	}
	if (unit->traits->clear_only_errors)
		return VUNIT_STALL;
	stall(unit, ROM_UNKNOWN);
	return VUNIT_ACK;
}

static enum vunit_answer abort_all(struct vunit *unit)
{
	struct vunit_dfu *dfu = &unit->dfu;
	if (dfu->state == DFU_ERROR || dfu->state == DFU_DNBUSY || dfu->state == DFU_MANIFEST)
		return stall(unit, ROM_STALLEDPKT);
	dfu->state = DFU_IDLE;
	dfu->status = ROM_OK;
	dfu->pending = false;
	return VUNIT_ACK;
}

enum vunit_answer vunit_rom_request(struct vunit *unit, struct vunit_transfer *transfer)
{
	bool in = transfer->type & 0x80;
	if ((transfer->type & 0x1F) != 1 || transfer->index != 0)
		return VUNIT_STALL;
	switch (transfer->request) {
	case REQUEST_DNLOAD:
		return in ? stall(unit, ROM_STALLEDPKT) : download(unit, transfer);
	case REQUEST_UPLOAD:
		return in ? upload(unit, transfer) : stall(unit, ROM_STALLEDPKT);
	case REQUEST_GETSTATUS:
		return in ? get_status(unit, transfer) : VUNIT_STALL;
	case REQUEST_GETSTATE:
		return in && transfer->length ? vunit_reply(transfer, &unit->dfu.state, 1)
					      : VUNIT_STALL;
	case REQUEST_CLRSTATUS:
		return in ? VUNIT_STALL : clear_status(unit);
	case REQUEST_ABORT:
		return in ? VUNIT_STALL : abort_all(unit);
	default:
		return VUNIT_STALL;
	}
}
