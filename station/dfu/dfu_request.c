/* SPDX-License-Identifier: Apache-2.0 */
/* One class request each, with the session's bookkeeping. */
#include "dfu_request.h"

#include "bytes.h"

enum { TYPE_CLASS_OUT = 0x21, TYPE_CLASS_IN = 0xa1, STATUS_LEN = 6 };

static const char *const request_names[] = { "DETACH", "DNLOAD", "UPLOAD", "GET_STATUS",
	"CLRSTATUS", "GETSTATE", "ABORT" };

bool dfu_fail(struct dfu *dfu, const struct err *err)
{
	dfu->state = DFU_ERROR;
	if (err->reason == REASON_USB_GONE)
		dfu->gone = true;
	return false;
}

/* Nothing but close may follow, says usb.h. */
static bool has_left(const char *request, struct err *err)
{
	return err_set(err, REASON_USB_GONE, "%s: the unit has left the bus", request);
}

static bool transfer(struct dfu *dfu, enum dfu_request request, struct usb_setup setup,
	uint8_t *data, uint16_t len, uint32_t timeout_ms, struct err *err)
{
	uint16_t moved = 0;

	if (dfu->gone)
		return has_left(request_names[request], err);
	dfu->counters.transfers++;
	if (!dfu->dev->ops->control(
		    dfu->dev, setup, data, len, timeout_ms, dfu->cancel, &moved, err)) {
		err_at(err, "%s", request_names[request]);
		return dfu_fail(dfu, err);
	}
	if (moved != len) {
		err_set(err, REASON_USB_SHORT, "%s: %u of %u bytes were moved",
			request_names[request], moved, len);
		return dfu_fail(dfu, err);
	}
	return true;
}

bool dfu_send(struct dfu *dfu, enum dfu_request request, uint16_t value, const uint8_t *data,
	uint16_t len, uint32_t timeout_ms, struct err *err)
{
	struct usb_setup setup = { TYPE_CLASS_OUT, (uint8_t)request, value, dfu->interface };
	/* One signature serves both directions; a transfer to the unit does not write to its
	 * data. */
	union {
		const uint8_t *from;
		uint8_t *data;
	} buffer = { .from = data };

	return transfer(dfu, request, setup, buffer.data, len, timeout_ms, err);
}

bool dfu_receive(struct dfu *dfu, enum dfu_request request, uint16_t value, uint8_t *data,
	uint16_t len, uint32_t timeout_ms, struct err *err)
{
	struct usb_setup setup = { TYPE_CLASS_IN, (uint8_t)request, value, dfu->interface };

	return transfer(dfu, request, setup, data, len, timeout_ms, err);
}

bool dfu_get_status(struct dfu *dfu, uint32_t timeout_ms, struct dfu_status *ret, struct err *err)
{
	uint8_t bytes[STATUS_LEN] = { 0 };

	if (!dfu_receive(dfu, DFU_GETSTATUS, 0, bytes, sizeof(bytes), timeout_ms, err))
		return false;
	*ret = (struct dfu_status){
		.status = bytes[0],
		.poll_ms = bytes[1] | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3] << 16,
		.state = bytes[4],
	};
	return true;
}

bool dfu_to_idle(struct dfu *dfu, struct err *err)
{
	uint32_t timeout_ms = dfu->family->transfer_timeout_ms;
	struct dfu_status status;

	if (dfu->state == DFU_IDLE)
		return true;
	if (dfu->state == DFU_ERROR)
		return err_set(
			err, REASON_DFU_STATE, "the session failed before and was not recovered");
	if (!dfu_send(dfu, DFU_ABORT, 0, NULL, 0, timeout_ms, err) ||
		!dfu_get_status(dfu, timeout_ms, &status, err))
		return false;
	if (status.state != DFU_IDLE || status.status != 0) {
		err_set(err, status.status ? REASON_DFU_STATUS : REASON_DFU_STATE,
			"the unit is in %s with %s after ABORT", dfu_state_name(status.state),
			dfu_status_name(status.status));
		return dfu_fail(dfu, err);
	}
	dfu->state = DFU_IDLE;
	return true;
}

bool dfu_select(struct dfu *dfu, uint8_t alt, struct err *err)
{
	if (dfu->alt == alt)
		return true;
	/* SET_INTERFACE leaves the state and a pending download as they are: they would
	 * meet the other memory. */
	if (!dfu_to_idle(dfu, err))
		return false;
	if (dfu->gone)
		return has_left("SET_INTERFACE", err);
	dfu->alt = -1;
	dfu->counters.transfers++;
	if (!dfu->dev->ops->set_interface(dfu->dev, dfu->interface, alt,
		    dfu->family->transfer_timeout_ms, dfu->cancel, err)) {
		err_at(err, "SET_INTERFACE");
		return dfu_fail(dfu, err);
	}
	dfu->alt = alt;
	return true;
}
