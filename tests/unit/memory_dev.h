/* SPDX-License-Identifier: Apache-2.0 */
/* A small unit with honest memory: alt 0 is NOR (4 sectors of 256 bytes at 0x1000), alt 1 keeps records (512 bytes
 * at 0). Blocks of 64 bytes. Tests damage its memory or let a transfer fail. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "bytes.h"
#include "dfu.h"

enum { MEMORY_BLOCK = 64, MEMORY_SECTOR = 256, NOR_ADDR = 0x1000, NOR_LEN = 1024, RECORD_LEN = 512 };

struct memory_dev {
	struct usb_dev dev;
	uint8_t nor[NOR_LEN], record[RECORD_LEN];
	uint8_t alt, state;
	uint32_t pointer;
	uint16_t block, pending_len;
	uint8_t pending[MEMORY_BLOCK];
	bool is_pending;
	unsigned transfers, erases, writes;
	unsigned fail_at; /* the transfer of this number is never seen by the unit; 0: none */
	uint32_t stuck_addr; /* a NOR byte whose bit 0 is stuck at 0; 0: none */
	uint32_t flip_addr;  /* read once with a wrong bit; 0: none */
	struct cancel *stop; /* set by an erase, as if somebody stopped the line then; NULL: not */
};

static inline void memory_work(struct memory_dev *unit)
{
	uint32_t addr = unit->pointer + (unit->block - 2u) * MEMORY_BLOCK;

	unit->is_pending = false;
	if (unit->block == 0) {
		unit->pointer = bytes_le32(unit->pending + 1);
		if (unit->pending[0] != 0x41)
			return;
		assert_int_equal(unit->alt, 0);
		assert_in_range(unit->pointer, NOR_ADDR, NOR_ADDR + NOR_LEN - 1);
		memset(unit->nor + (unit->pointer - NOR_ADDR) / MEMORY_SECTOR * MEMORY_SECTOR, 0xff, MEMORY_SECTOR);
		unit->erases++;
		if (unit->stop)
			cancel_set(unit->stop);
		return;
	}
	unit->writes++;
	for (uint32_t i = 0; i < unit->pending_len; i++) {
		if (unit->alt) {
			assert_true(addr + i < RECORD_LEN);
			unit->record[addr + i] = unit->pending[i];
			continue;
		}
		assert_in_range(addr + i, NOR_ADDR, NOR_ADDR + NOR_LEN - 1);
		unit->nor[addr + i - NOR_ADDR] &= unit->pending[i];
		if (unit->stuck_addr && addr + i == unit->stuck_addr)
			unit->nor[addr + i - NOR_ADDR] &= 0xfe;
	}
}

static inline bool memory_upload(struct memory_dev *unit, uint16_t block, uint8_t *data, uint16_t len)
{
	uint32_t addr = unit->pointer + (block - 2u) * MEMORY_BLOCK;

	assert_true(unit->state == DFU_IDLE || unit->state == DFU_UPLOAD_IDLE);
	unit->state = DFU_UPLOAD_IDLE;
	for (uint32_t i = 0; i < len; i++) {
		data[i] = unit->alt ? unit->record[addr + i] : unit->nor[addr + i - NOR_ADDR];
		if (unit->flip_addr && !unit->alt && addr + i == unit->flip_addr) {
			data[i] ^= 1;
			unit->flip_addr = 0;
		}
	}
	return true;
}

static inline bool memory_control(struct usb_dev *dev, struct usb_setup setup, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	struct memory_dev *unit = (struct memory_dev *)dev;

	(void)timeout_ms;
	if (cancel && cancel_is_set(cancel))
		return err_set(err, REASON_STOPPED, "stopped");
	if (++unit->transfers == unit->fail_at)
		return err_set(err, REASON_USB_TIMEOUT, "lost");
	*ret_len = len;
	switch (setup.request) {
	case 1:
		assert_true(unit->state == DFU_IDLE || unit->state == DFU_DNLOAD_IDLE);
		assert_in_range(len, 1, MEMORY_BLOCK);
		memcpy(unit->pending, data, len);
		unit->pending_len = len;
		unit->block = setup.value;
		unit->is_pending = true;
		unit->state = DFU_DNLOAD_SYNC;
		return true;
	case 2:
		return memory_upload(unit, setup.value, data, len);
	case 3:
		memset(data, 0, len);
		data[4] = unit->is_pending ? DFU_DNBUSY : unit->state;
		if (unit->is_pending)
			memory_work(unit);
		else if (unit->state == DFU_DNLOAD_SYNC)
			data[4] = unit->state = DFU_DNLOAD_IDLE;
		return true;
	default:
		unit->is_pending = false;
		unit->state = DFU_IDLE;
		return true;
	}
}

static inline bool memory_set_interface(struct usb_dev *dev, uint8_t interface, uint8_t alternate,
	uint32_t timeout_ms, const struct cancel *cancel, struct err *err)
{
	(void)interface, (void)timeout_ms, (void)cancel, (void)err;
	((struct memory_dev *)dev)->alt = alternate;
	return true;
}

static const struct usb_dev_ops memory_ops = { .control = memory_control, .set_interface = memory_set_interface };
