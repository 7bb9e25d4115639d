/* SPDX-License-Identifier: Apache-2.0 */
/* The DFU class requests (DFU 1.1, chapter 3 and 6), for the files of this folder. After
 * any failure the session's state is DFU_ERROR; the caller must not go on with it but
 * through dfu_recover. */
#pragma once

#include "dfu.h"

enum dfu_request {
	DFU_DETACH,
	DFU_DNLOAD,
	DFU_UPLOAD,
	DFU_GETSTATUS,
	DFU_CLRSTATUS,
	DFU_GETSTATE,
	DFU_ABORT
};

/* Attributes of the functional descriptor. */
enum { DFU_CAN_DNLOAD = 1, DFU_CAN_UPLOAD = 2 };

/* Each moves exactly len bytes or fails. */
bool dfu_send(struct dfu *dfu, enum dfu_request request, uint16_t value, const uint8_t *data,
	uint16_t len, uint32_t timeout_ms, struct err *err) MUST_CHECK;
bool dfu_receive(struct dfu *dfu, enum dfu_request request, uint16_t value, uint8_t *data,
	uint16_t len, uint32_t timeout_ms, struct err *err) MUST_CHECK;
bool dfu_get_status(struct dfu *dfu, uint32_t timeout_ms, struct dfu_status *ret, struct err *err)
	MUST_CHECK;
/* ABORT if the unit is not in dfuIDLE already, and a look whether it is there then. */
bool dfu_to_idle(struct dfu *dfu, struct err *err) MUST_CHECK;
/* Makes alt the selected alternate setting; the unit is in dfuIDLE if it had to be changed. */
bool dfu_select(struct dfu *dfu, uint8_t alt, struct err *err) MUST_CHECK;
/* Marks the session as failed; false. */
bool dfu_fail(struct dfu *dfu, const struct err *err);
