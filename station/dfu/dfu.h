/* SPDX-License-Identifier: Apache-2.0 */
/* A DFU session with one unit: USB DFU 1.1 with ST's DfuSe extension (AN3156, UM0424).
 *
 * What this layer promises: any STALL, short transfer or status but OK in an operation fails that
 * operation; nothing is repeated here (that is the step's decision); every wait ends at our own
 * deadline, whatever the unit announces; success means only that the unit said so, which proves
 * nothing: the readback does. After a failure the session is put back to a known state by
 * dfu_recover, or is given up.
 *
 * States and statuses: DFU 1.1, 6.1.2. What the bootloaders really do stands in docs/devices.md.
 * One thread at a time. All calls block, at most as long as their deadlines; the session's cancel
 * flag ends them with REASON_STOPPED. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cancel.h"
#include "err.h"
#include "family.h"
#include "layout.h"
#include "usb.h"

enum dfu_state {
	DFU_APP_IDLE,
	DFU_APP_DETACH,
	DFU_IDLE,
	DFU_DNLOAD_SYNC,
	DFU_DNBUSY,
	DFU_DNLOAD_IDLE,
	DFU_MANIFEST_SYNC,
	DFU_MANIFEST,
	DFU_MANIFEST_WAIT_RESET,
	DFU_UPLOAD_IDLE,
	DFU_ERROR
};

struct dfu_status {
	uint8_t status;	 /* bStatus; 0 = OK */
	uint8_t state;	 /* bState; may be a value that DFU 1.1 does not know */
	uint32_t poll_ms; /* bwPollTimeout */
};

struct dfu_alt {
	uint8_t alt;
	char text[LAYOUT_TEXT_MAX]; /* the interface string */
};

/* Counters for the record and for benchmarks. */
struct dfu_counters {
	uint32_t transfers, erases, blocks_written, blocks_read;
	uint32_t early_polls_refused;
};

struct dfu {
	struct usb_dev *dev; /* owned */
	const struct family *family;
	const struct cancel *cancel;
	uint8_t interface;
	uint16_t transfer_size; /* announced, clamped to the family's and the bus's maximum */
	uint16_t announced_size; /* wTransferSize: the unit's own stride from block to block */
	uint16_t version;	/* bcdDFUVersion */
	uint8_t attributes;	/* bmAttributes */
	struct dfu_alt alts[FAMILY_ALTS_MAX];
	size_t alt_count;
	int alt;	 /* selected now; -1 = not known */
	int pointer_alt; /* on which the unit's address pointer was last set; -1 = not known */
	uint8_t state;	 /* what we expect the unit to be in; DFU_ERROR after any failure */
	bool gone;	 /* it left the bus: only dfu_close follows */
	unsigned early_refused; /* kinds of operations whose early poll the unit refused: not tried again */
	uint8_t found_state, found_status; /* when it was opened: observations */
	struct dfu_counters counters;
};

const char *dfu_state_name(uint8_t state);   /* "dfuIDLE"...; "state 15" is "unknown state" */
const char *dfu_status_name(uint8_t status); /* "errTARGET"... */

/* Takes dev in every case (it is closed on failure). Reads and checks the configuration descriptor
 * (the functional descriptor is looked for there: some units never answer a request for it alone),
 * claims the DFU interface, reads the alternate settings' strings, and brings the unit to dfuIDLE
 * the safe way: ABORT, GET_STATUS, CLRSTATUS only in dfuERROR. REASON_DESCRIPTORS for descriptors
 * that make no sense. */
bool dfu_open(struct dfu *dfu, struct usb_dev *dev, const struct family *family,
	const struct cancel *cancel, struct err *err) MUST_CHECK;
/* Ends the session without a leave; takes a zero or failed one. */
void dfu_close(struct dfu *dfu);
/* Compares every alternate setting of the profile with what the unit announces, an optional one
 * only if it is there: REASON_LAYOUT naming both strings. */
bool dfu_check_layout(struct dfu *dfu, struct err *err) MUST_CHECK;
/* Does the unit announce this alternate setting? */
bool dfu_has_alt(const struct dfu *dfu, uint8_t alt);
/* After a failure: back to dfuIDLE by ABORT, GET_STATUS, CLRSTATUS, bounded. */
bool dfu_recover(struct dfu *dfu, struct err *err) MUST_CHECK;
/* Zero-length DNLOAD and GET_STATUS, after SET_ADDRESS where the profile says so: the unit resets.
 * Silence, a stall or a vanished unit in the
 * last GET_STATUS is normal; fails only if the request itself was refused. The session is over in
 * every case: only dfu_close follows. */
bool dfu_leave(struct dfu *dfu, struct err *err) MUST_CHECK;

/* Parses a configuration descriptor; exposed for fuzzing. bytes come from a unit. String indexes of
 * the alternate settings go to ret_strings (FAMILY_ALTS_MAX of them). REASON_DESCRIPTORS. */
bool dfu_parse_config(const uint8_t *bytes, size_t len, struct dfu *ret, uint8_t *ret_strings,
	struct err *err) MUST_CHECK;
