/* SPDX-License-Identifier: Apache-2.0 */
/* DfuSe operations. Each is a DNLOAD that only hands over what to do, a GET_STATUS that starts it,
 * and more of them that tell how it went. */
#include "dfuse.h"

#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "dfu_request.h"
#include "secret.h"

enum {
	COMMAND_SET_ADDRESS = 0x21,
	COMMAND_ERASE = 0x41,
	COMMAND_LEN = 5,
	BLOCK_FIRST = 2, /* 0 is for commands; 1 is taken and ignored */
	BLOCK_LAST = 0xffff,
	STATUS_VENDOR = 0x0b /* AN3156: the memory is read-protected */
};

/* Kinds of operations, as bits: what is learnt about early polling holds for one of them. */
enum operation { OPERATION_ADDRESS = 1, OPERATION_ERASE = 2, OPERATION_WRITE = 4 };

/* What is left of an operation's deadline, in the unit's time: pauses count with their length (an
 * emulated bus may make them shorter), transfers with the time that they took. */
struct budget {
	uint32_t total_ms;
	uint64_t left_us;
};

static void spend(struct budget *budget, uint64_t us)
{
	budget->left_us -= us < budget->left_us ? us : budget->left_us;
}

static bool poll_status(struct dfu *dfu, struct budget *budget, uint32_t timeout_ms,
	struct dfu_status *ret, struct err *err)
{
	uint64_t start_us = clock_mono_us();
	bool ok = dfu_get_status(dfu, timeout_ms, ret, err);

	spend(budget, clock_mono_us() - start_us);
	return ok;
}

static bool pause_for(struct dfu *dfu, struct budget *budget, uint32_t ms, struct err *err)
{
	if (ms > budget->left_us / 1000)
		ms = (uint32_t)(budget->left_us / 1000);
	if (!ms)
		return true;
	spend(budget, (uint64_t)ms * 1000);
	return dfu->dev->ops->pause(dfu->dev, ms, dfu->cancel, err) || dfu_fail(dfu, err);
}

/* The time for a GET_STATUS: the unit may hold it until the work is done (the Core holds
 * every transfer then). */
static uint32_t poll_timeout_ms(const struct dfu *dfu, const struct budget *budget)
{
	uint32_t left_ms = (uint32_t)(budget->left_us / 1000);

	return left_ms > dfu->family->transfer_timeout_ms ? left_ms
							  : dfu->family->transfer_timeout_ms;
}

static bool bad_status(
	struct dfu *dfu, const struct dfu_status *status, const char *expected, struct err *err)
{
	if (status->status)
		err_set(err,
			status->status == STATUS_VENDOR ? REASON_READ_PROTECTED : REASON_DFU_STATUS,
			"the unit reports %s in %s", dfu_status_name(status->status),
			dfu_state_name(status->state));
	else
		err_set(err, REASON_DFU_STATE, "the unit is in %s (%u) instead of %s",
			dfu_state_name(status->state), status->state, expected);
	return dfu_fail(dfu, err);
}

/* Before the announced time is over: at once, then at growing distances. A stall means too
 * early, never success; then the rest of the time is waited for, and this kind of operation is
 * not polled early again. */
static bool poll_early(struct dfu *dfu, enum operation kind, struct budget *budget,
	struct dfu_status *status, struct err *err)
{
	uint32_t announced_ms = status->poll_ms, waited_ms = 0, step_ms = 0;

	do {
		uint32_t rest_ms = announced_ms - waited_ms;

		step_ms = step_ms < rest_ms ? step_ms : rest_ms;
		if (!pause_for(dfu, budget, step_ms, err))
			return false;
		waited_ms += step_ms;
		if (!poll_status(dfu, budget, poll_timeout_ms(dfu, budget), status, err)) {
			if (err->reason != REASON_USB_STALL || waited_ms == announced_ms)
				return false;
			dfu->early_refused |= (unsigned)kind;
			dfu->counters.early_polls_refused++;
			*status = (struct dfu_status){ .state = DFU_DNBUSY,
				.poll_ms = announced_ms - waited_ms };
			return true;
		}
		step_ms = step_ms ? 2 * step_ms : 1;
	} while (status->state == DFU_DNBUSY && waited_ms < announced_ms && budget->left_us);
	return true;
}

/* Waits until the unit is not busy any more; *status is the last one, at first the busy one. */
static bool wait_busy(struct dfu *dfu, enum operation kind, struct budget *budget,
	struct dfu_status *status, struct err *err)
{
	bool early =
		(dfu->family->quirks & QUIRK_EARLY_POLL) && !(dfu->early_refused & (unsigned)kind);

	if (early && status->poll_ms && !poll_early(dfu, kind, budget, status, err))
		return false;
	/* 0 means at once; but a unit that keeps saying so is asked every millisecond, so
	 * that the deadline comes. */
	for (uint32_t at_least_ms = 0; status->state == DFU_DNBUSY; at_least_ms = 1) {
		if (budget->left_us < 1000) {
			err_set(err, REASON_DFU_STUCK, "the unit is still in dfuDNBUSY after %u ms",
				budget->total_ms);
			return dfu_fail(dfu, err);
		}
		uint32_t pause_ms = status->poll_ms > at_least_ms ? status->poll_ms : at_least_ms;

		if (!pause_for(dfu, budget, pause_ms, err) ||
			!poll_status(dfu, budget, poll_timeout_ms(dfu, budget), status, err))
			return false;
	}
	return true;
}

/* One operation from the DNLOAD to dfuDNLOAD-IDLE. */
static bool run(struct dfu *dfu, enum operation kind, uint16_t block, const uint8_t *data,
	uint16_t len, uint32_t deadline_ms, struct err *err)
{
	struct budget budget = { .total_ms = deadline_ms, .left_us = (uint64_t)deadline_ms * 1000 };
	struct dfu_status status;

	if (!dfu_send(dfu, DFU_DNLOAD, block, data, len, dfu->family->transfer_timeout_ms, err))
		return false;
	dfu->state = DFU_DNLOAD_SYNC;
	/* This GET_STATUS starts the work. Particle's F2 bootloaders do it in its status stage:
	 * it lasts as long as the erase, and its stall is the only report of a failure. The
	 * next one would say OK. */
	if (!poll_status(dfu, &budget, deadline_ms, &status, err)) {
		if (err->reason == REASON_USB_STALL)
			err_at(err, "the unit could not do it");
		return false;
	}
	/* Any other state means that there was nothing to do: the unit never got the DNLOAD. Only
	 * from a unit of a profile that says so can it mean that the work is over. */
	bool over = (dfu->family->quirks & QUIRK_NEVER_BUSY) && status.state == DFU_DNLOAD_IDLE;
	if ((status.state != DFU_DNBUSY && !over) || status.status)
		return bad_status(dfu, &status, "dfuDNBUSY", err);
	/* The poll time of other replies is not for us: some bootloaders never clear the last
	 * one. */
	if (!wait_busy(dfu, kind, &budget, &status, err))
		return false;
	if (status.state != DFU_DNLOAD_IDLE || status.status)
		return bad_status(dfu, &status, "dfuDNLOAD-IDLE", err);
	dfu->state = DFU_DNLOAD_IDLE;
	return true;
}

static bool command(struct dfu *dfu, enum operation kind, uint8_t code, uint32_t addr,
	uint32_t deadline_ms, struct err *err)
{
	uint8_t bytes[COMMAND_LEN] = { code };

	/* DNLOAD is taken in dfuIDLE and dfuDNLOAD-IDLE. */
	if (dfu->state != DFU_DNLOAD_IDLE && !dfu_to_idle(dfu, err))
		return false;
	bytes_put_le32(bytes + 1, addr);
	return run(dfu, kind, 0, bytes, sizeof(bytes), deadline_ms, err);
}

static bool set_address(
	struct dfu *dfu, const struct family_alt *alt, uint32_t addr, struct err *err)
{
	if (!command(dfu, OPERATION_ADDRESS, COMMAND_SET_ADDRESS, addr, alt->write_timeout_ms, err))
		return err_at(err, "SET_ADDRESS");
	dfu->pointer_alt = alt->alt;
	return true;
}

static bool begin(struct dfu *dfu, uint8_t alt, uint32_t addr, uint32_t len,
	const struct family_alt **ret, struct err *err)
{
	*ret = family_alt(dfu->family, alt);
	if (!*ret)
		return err_set(err, REASON_BUG, "family %s has no alternate setting %u",
			dfu->family->name, alt);
	if (len && addr + (len - 1) < addr)
		return err_set(err, REASON_BUG, "%u bytes from 0x%08x go round the end of memory",
			len, addr);
	return dfu_select(dfu, alt, err);
}

bool dfuse_point(struct dfu *dfu, uint8_t alt_number, uint32_t addr, struct err *err)
{
	const struct family_alt *alt;

	return (begin(dfu, alt_number, addr, 0, &alt, err) && set_address(dfu, alt, addr, err)) ||
	       err_at(err, "alt %u: 0x%08x", alt_number, addr);
}

static bool erase(struct dfu *dfu, uint8_t alt_number, uint32_t addr, struct err *err)
{
	const struct family_alt *alt;

	if (!begin(dfu, alt_number, addr, 0, &alt, err))
		return false;
	/* Bootloaders look up the time to announce with the pointer from before. Once
	 * into the right memory, so that a Core does not announce its SPI flash's 20 ms
	 * for a page that takes 40. */
	if (dfu->pointer_alt != alt->alt && !set_address(dfu, alt, addr, err))
		return false;
	if (!command(dfu, OPERATION_ERASE, COMMAND_ERASE, addr, alt->erase_timeout_ms, err))
		return false;
	dfu->counters.erases++;
	return true;
}

bool dfuse_erase(struct dfu *dfu, uint8_t alt, uint32_t addr, struct err *err)
{
	return erase(dfu, alt, addr, err) || err_at(err, "alt %u: 0x%08x: erase", alt, addr);
}

/* How many bytes one setting of the address is good for. A unit counts in blocks of what it
 * announced; used with smaller ones, its idea of a block's address fits the first block only. */
static uint32_t run_len(const struct dfu *dfu, uint32_t left)
{
	uint32_t blocks =
		dfu->transfer_size == dfu->announced_size ? BLOCK_LAST - BLOCK_FIRST + 1 : 1;

	return left / dfu->transfer_size >= blocks ? blocks * dfu->transfer_size : left;
}

static uint16_t block_len(const struct dfu *dfu, uint32_t left)
{
	return left < dfu->transfer_size ? (uint16_t)left : dfu->transfer_size;
}

static void report(const struct dfuse_progress *progress, uint64_t bytes)
{
	if (progress && progress->report)
		progress->report(progress->context, bytes);
}

/* Writes block by block from *done on; *done is where it stopped. */
static bool write_blocks(struct dfu *dfu, const struct family_alt *alt, uint32_t addr,
	const uint8_t *bytes, uint32_t len, const struct dfuse_progress *progress, uint32_t *done,
	struct err *err)
{
	while (*done < len) {
		uint32_t end = *done + run_len(dfu, len - *done);

		if (!set_address(dfu, alt, addr + *done, err))
			return false;
		for (uint16_t block = BLOCK_FIRST; *done < end; block++) {
			uint16_t size = block_len(dfu, end - *done);

			if (!run(dfu, OPERATION_WRITE, block, bytes + *done, size,
				    alt->write_timeout_ms, err))
				return err_at(err, "write");
			dfu->counters.blocks_written++;
			*done += size;
			report(progress, *done);
		}
	}
	return true;
}

bool dfuse_write(struct dfu *dfu, uint8_t alt_number, uint32_t addr, const uint8_t *bytes,
	uint32_t len, const struct dfuse_progress *progress, struct err *err)
{
	const struct family_alt *alt;
	uint32_t done = 0;

	if (!len) /* on the wire it would mean: leave */
		return true;
	if (!begin(dfu, alt_number, addr, len, &alt, err) ||
		!write_blocks(dfu, alt, addr, bytes, len, progress, &done, err))
		return err_at(err, "alt %u: 0x%08x", alt_number, addr + done);
	return true;
}

/* Where read blocks go: take gets each in turn and says whether there shall be more. */
struct sink {
	uint8_t *(*room)(struct sink *sink, uint32_t at);
	bool (*take)(struct sink *sink, uint32_t at, uint16_t size);
	uint8_t *bytes;          /* of the caller */
	const uint8_t *expected; /* to compare with */
	const struct dfuse_progress *progress;
	bool same;
};

/* The stall of an UPLOAD says nothing; the status behind it may. */
static bool explain_stall(struct dfu *dfu, struct err *err)
{
	struct dfu_status status;
	struct err ignored;

	if (err->reason != REASON_USB_STALL ||
		!dfu_get_status(dfu, dfu->family->transfer_timeout_ms, &status, &ignored) ||
		status.state != DFU_ERROR || !status.status)
		return false;
	return bad_status(dfu, &status, "dfuUPLOAD-IDLE", err);
}

static bool read_blocks(struct dfu *dfu, const struct family_alt *alt, uint32_t addr, uint32_t len,
	struct sink *sink, uint32_t *done, struct err *err)
{
	uint32_t timeout_ms = dfu->family->transfer_timeout_ms;

	while (*done < len) {
		uint32_t end = *done + run_len(dfu, len - *done);

		/* After the command the unit is in dfuDNLOAD-IDLE, where it refuses UPLOAD. */
		if (!set_address(dfu, alt, addr + *done, err) || !dfu_to_idle(dfu, err))
			return false;
		for (uint16_t block = BLOCK_FIRST; *done < end; block++) {
			uint16_t size = block_len(dfu, end - *done);

			if (!dfu_receive(dfu, DFU_UPLOAD, block, sink->room(sink, *done), size,
				    timeout_ms, err))
				return explain_stall(dfu, err);
			dfu->state = DFU_UPLOAD_IDLE;
			dfu->counters.blocks_read++;
			if (!sink->take(sink, *done, size))
				return true;
			*done += size;
			report(sink->progress, *done);
		}
	}
	return true;
}

static bool read_into(struct dfu *dfu, uint8_t alt_number, uint32_t addr, uint32_t len,
	struct sink *sink, struct err *err)
{
	const struct family_alt *alt;
	uint32_t done = 0;

	if (!len)
		return true;
	if (!begin(dfu, alt_number, addr, len, &alt, err) ||
		!read_blocks(dfu, alt, addr, len, sink, &done, err))
		return err_at(err, "alt %u: 0x%08x", alt_number, addr + done);
	return true;
}

static uint8_t *room_at(struct sink *sink, uint32_t at)
{
	return sink->bytes + at;
}

static bool take_all(struct sink *sink, uint32_t at, uint16_t size)
{
	(void)sink, (void)at, (void)size;
	return true;
}

bool dfuse_read(struct dfu *dfu, uint8_t alt, uint32_t addr, uint8_t *ret, uint32_t len,
	const struct dfuse_progress *progress, struct err *err)
{
	struct sink sink = {
		.room = room_at, .take = take_all, .bytes = ret, .progress = progress
	};

	return read_into(dfu, alt, addr, len, &sink, err);
}

static uint8_t *room_for_one(struct sink *sink, uint32_t at)
{
	(void)at;
	return sink->bytes;
}

static bool take_same(struct sink *sink, uint32_t at, uint16_t size)
{
	sink->same = memcmp(sink->bytes, sink->expected + at, size) == 0;
	return sink->same;
}

bool dfuse_compare(struct dfu *dfu, uint8_t alt, uint32_t addr, const uint8_t *expected,
	uint32_t len, bool *ret_same, struct err *err)
{
	uint8_t block[USB_CONTROL_MAX];
	struct sink sink = { .room = room_for_one,
		.take = take_same,
		.bytes = block,
		.expected = expected,
		.same = true };
	bool ok = read_into(dfu, alt, addr, len, &sink, err);

	secret_wipe(block, sizeof(block));
	if (ok)
		*ret_same = sink.same;
	return ok;
}
