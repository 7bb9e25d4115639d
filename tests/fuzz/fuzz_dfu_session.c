/* SPDX-License-Identifier: Apache-2.0 */
/* USES: flash dfu jobs config keys usb base */
/* A unit that answers what the input says: sometimes as it should, sometimes with any bytes or failures. Everything
 * ends, within bounds, nothing follows after the unit has gone, and ABORT follows what was broken off. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "flash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TRANSFERS_MAX = 200000, PAUSE_MAX_MS = 1 << 20 };

static const uint8_t config_bytes[] = { 9, 2, 36, 0, 1, 1, 0, 0xc0, 50, 9, 4, 0, 0, 0, 0xfe, 1, 2,
	4, 9, 4, 0, 1, 0, 0xfe, 1, 2, 5, 9, 0x21, 0x0b, 0xff, 0, 64, 0, 0x1a, 1 };
static const uint8_t string_bytes[] = { 6, 3, '@', 0, 'A', 0 };

static struct family family = {
	.name = "fuzz",
	.alts = {
		{ .alt = 0, .layout_text = "@A", .erase_timeout_ms = 300, .write_timeout_ms = 200,
			.access_start = 0x1000, .access_end = 0x2000,
			.layout = { .segments = { { 0x1000, 256, 16, 7 } }, .count = 1 } },
		{ .alt = 1, .layout_text = "@A", .memory = MEMORY_RECORD, .erase_timeout_ms = 300,
			.write_timeout_ms = 200, .access_end = 1000 },
	},
	.alt_count = 2,
	.transfer_size_max = 128,
	.transfer_timeout_ms = 100,
};

struct fuzz_dev {
	struct usb_dev dev;
	const uint8_t *data;
	size_t size;
	uint8_t state;
	bool pending, gone, broken_off, closed;
	unsigned transfers;
	uint64_t paused_ms;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t take(struct fuzz_dev *unit)
{
	if (!unit->size)
		return 0;
	unit->size--;
	return *unit->data++;
}

/* The answer of a unit that works. */
static uint16_t good_answer(
	struct fuzz_dev *unit, struct usb_setup setup, uint8_t *data, uint16_t len)
{
	const uint8_t *from = NULL;
	uint16_t from_len = 0;

	if (setup.request == 6 && setup.type == 0x80) {
		from = setup.value == 0x200 ? config_bytes : string_bytes;
		from_len = setup.value == 0x200 ? sizeof(config_bytes) : sizeof(string_bytes);
		if (from_len > len)
			from_len = len;
		memcpy(data, from, from_len);
		return from_len;
	}
	if (setup.request == 1) {
		unit->pending = len != 0;
		unit->state = DFU_DNLOAD_IDLE;
	} else if (setup.request == 3 && len == 6) {
		memset(data, 0, len);
		data[4] = unit->pending ? DFU_DNBUSY : unit->state;
		unit->pending = false;
	} else if (setup.request == 2) {
		memset(data, 0xff, len);
		unit->state = DFU_UPLOAD_IDLE;
	} else {
		unit->state = DFU_IDLE;
	}
	return len;
}

static bool fuzz_control(struct usb_dev *dev, struct usb_setup setup, uint8_t *data, uint16_t len,
	uint32_t timeout_ms, const struct cancel *cancel, uint16_t *ret_len, struct err *err)
{
	static const enum reason reasons[] = { REASON_USB_STALL, REASON_USB_TIMEOUT, REASON_USB_IO,
		REASON_USB_OVERFLOW, REASON_USB_GONE, REASON_STOPPED };
	struct fuzz_dev *unit = (struct fuzz_dev *)dev;
	bool is_class = (setup.type & 0x60) == 0x20;
	uint8_t choice = take(unit);

	(void)cancel;
	require(!unit->gone && !unit->closed && ++unit->transfers < TRANSFERS_MAX);
	require(len <= USB_CONTROL_MAX && timeout_ms > 0 && timeout_ms <= 5000);
	require(!is_class || !unit->broken_off || setup.request == 6);
	if (choice >= 250) {
		enum reason reason = reasons[choice - 250];

		unit->gone = reason == REASON_USB_GONE;
		unit->broken_off =
			is_class && reason != REASON_USB_STALL && reason != REASON_USB_OVERFLOW;
		return err_set(err, reason, "fuzz");
	}
	if (is_class)
		unit->broken_off = false;
	*ret_len = good_answer(unit, setup, data, len);
	if (choice < 160 || !(setup.type & 0x80))
		return true;
	*ret_len = choice < 220 ? *ret_len : take(unit) % (len + 1u) & 0xffff;
	for (uint16_t i = 0; i < *ret_len; i++)
		data[i] = take(unit);
	return true;
}

static bool fuzz_set_interface(struct usb_dev *dev, uint8_t interface, uint8_t alternate,
	uint32_t timeout_ms, const struct cancel *cancel, struct err *err)
{
	struct fuzz_dev *unit = (struct fuzz_dev *)dev;

	(void)interface, (void)alternate, (void)timeout_ms, (void)cancel;
	require(!unit->gone && !unit->closed);
	return take(unit) < 240 || err_set(err, REASON_USB_STALL, "fuzz");
}

static bool fuzz_claim(struct usb_dev *dev, uint8_t interface, struct err *err)
{
	(void)interface;
	return take((struct fuzz_dev *)dev) < 250 || err_set(err, REASON_USB_BUSY, "fuzz");
}

static bool fuzz_pause(
	struct usb_dev *dev, uint32_t ms, const struct cancel *cancel, struct err *err)
{
	struct fuzz_dev *unit = (struct fuzz_dev *)dev;

	(void)cancel, (void)err;
	unit->paused_ms += ms;
	require(unit->paused_ms < PAUSE_MAX_MS);
	return true;
}

static void fuzz_close(struct usb_dev *dev)
{
	struct fuzz_dev *unit = (struct fuzz_dev *)dev;

	require(!unit->closed);
	unit->closed = true;
}

static const struct usb_dev_ops fuzz_ops = {
	.control = fuzz_control,
	.claim = fuzz_claim,
	.set_interface = fuzz_set_interface,
	.pause = fuzz_pause,
	.close = fuzz_close,
};

/* Every failure has a name, and recovery brings the session back or says that it did not. */
static void after(struct dfu *dfu, bool ok, const struct err *err)
{
	struct err ignored = { 0 };

	if (ok)
		return;
	require(err->reason != REASON_NONE && err->reason != REASON_BUG && err->text[0]);
	if (dfu_recover(dfu, &ignored))
		require(dfu->state == DFU_IDLE);
	else
		require(dfu->state == DFU_ERROR && ignored.reason != REASON_NONE);
}

static void use(struct dfu *dfu)
{
	struct family_key_slot record = { .name = "r", .alt = 1, .addr = 34, .format.size = 150 };
	struct family_key_slot nor = {
		.name = "n", .alt = 0, .addr = 0x1010, .format.size = 50, .read_modify_write = true
	};
	struct plan_sector sector = { .alt = 0, .addr = 0x1100, .size = 256 };
	uint8_t bytes[300] = { 1, 2, 3 };
	struct err err = { 0 };
	bool same;

	after(dfu, dfu_check_layout(dfu, &err), &err);
	after(dfu, flash_erase(dfu, &sector, &err), &err);
	after(dfu, dfuse_write(dfu, 0, 0x1100, bytes, 256, NULL, &err), &err);
	after(dfu, flash_verify(dfu, 0, 0x1100, bytes, 256, NULL, NULL, &err), &err);
	after(dfu, dfuse_compare(dfu, 0, 0x1100, bytes, 256, &same, &err), &err);
	after(dfu, flash_write_slot(dfu, &record, bytes, &err), &err);
	after(dfu, flash_read(dfu, 1, 34, bytes, 150, NULL, &err), &err);
	after(dfu, flash_write_slot(dfu, &nor, bytes, &err), &err);
	if (!dfu_leave(dfu, &err))
		require(err.reason != REASON_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_dev unit = {
		.dev.ops = &fuzz_ops, .data = data, .size = size, .state = DFU_ERROR
	};
	struct family profile = family;
	struct dfu dfu;
	struct err err = { 0 };

	profile.quirks = take(&unit) & QUIRK_EARLY_POLL;
	if (dfu_open(&dfu, &unit.dev, &profile, NULL, &err)) {
		require(dfu.transfer_size >= 8 && dfu.transfer_size <= 128);
		use(&dfu);
	} else {
		require(err.reason != REASON_NONE && err.text[0]);
	}
	dfu_close(&dfu);
	require(unit.closed);
	return 0;
}
