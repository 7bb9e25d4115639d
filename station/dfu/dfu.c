/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, recovering and leaving a DFU session. */
#include "dfu_request.h"

#include <string.h>

#include "bytes.h"
#include "dfuse.h"

enum {
	DESCRIPTOR_CONFIG = 2,
	CONFIG_HEAD_LEN = 9,
	STATE_COUNT = DFU_ERROR + 1,
	/* The longest way to dfuIDLE is the Particle bootloader's unknown state 15:
	 * ABORT, CLRSTATUS to dfuERROR, CLRSTATUS to dfuIDLE. The rest is for answers
	 * that get lost on the way. */
	SETTLE_ROUNDS = 8
};

static const char *const state_names[STATE_COUNT] = { "appIDLE", "appDETACH", "dfuIDLE",
	"dfuDNLOAD-SYNC", "dfuDNBUSY", "dfuDNLOAD-IDLE", "dfuMANIFEST-SYNC", "dfuMANIFEST",
	"dfuMANIFEST-WAIT-RESET", "dfuUPLOAD-IDLE", "dfuERROR" };

static const char *const status_names[] = { "OK", "errTARGET", "errFILE", "errWRITE", "errERASE",
	"errCHECK_ERASED", "errPROG", "errVERIFY", "errADDRESS", "errNOTDONE", "errFIRMWARE",
	"errVENDOR", "errUSBR", "errPOR", "errUNKNOWN", "errSTALLEDPKT" };

const char *dfu_state_name(uint8_t state)
{
	return state < STATE_COUNT ? state_names[state] : "unknown state";
}

const char *dfu_status_name(uint8_t status)
{
	return status < sizeof(status_names) / sizeof(status_names[0]) ? status_names[status]
								       : "unknown status";
}

static bool is_link_trouble(enum reason reason)
{
	return reason == REASON_USB_STALL || reason == REASON_USB_TIMEOUT ||
	       reason == REASON_USB_IO || reason == REASON_USB_OVERFLOW ||
	       reason == REASON_USB_SHORT;
}

/* One look at the unit and, if it is not idle, what brings it nearer. False: no way. */
static bool settle_step(
	struct dfu *dfu, const struct dfu_status *status, enum dfu_request *next, struct err *err)
{
	switch (status->state) {
	case DFU_APP_IDLE:
	case DFU_APP_DETACH:
	case DFU_MANIFEST:
	case DFU_MANIFEST_WAIT_RESET: /* ABORT and CLRSTATUS are ignored; the restart comes by itself */
		return err_set(err, REASON_DFU_STATE,
			"the unit is in %s, from which no request leads to dfuIDLE",
			dfu_state_name(status->state));
	case DFU_DNBUSY:
		*next = DFU_ABORT;
		return dfu->dev->ops->pause(dfu->dev,
			status->poll_ms < dfu->family->transfer_timeout_ms
				? status->poll_ms
				: dfu->family->transfer_timeout_ms,
			dfu->cancel, err);
	case DFU_IDLE: /* with a status: left by a bus reset in dfuERROR; CLRSTATUS would make dfuERROR of it */
	case DFU_DNLOAD_SYNC:
	case DFU_DNLOAD_IDLE:
	case DFU_MANIFEST_SYNC:
	case DFU_UPLOAD_IDLE:
		*next = DFU_ABORT;
		return true;
	default: /* dfuERROR, or the Particle bootloader's 15 that CLRSTATUS turns into dfuERROR */
		*next = DFU_CLRSTATUS;
		return true;
	}
}

/* ABORT first: GET_STATUS would run a download left pending by somebody else, or broken off by us.
 * patient: after a failure a unit may be busy for a while and answer nothing; the first look at a
 * fresh unit has no such excuse. */
static bool settle(struct dfu *dfu, bool patient, struct dfu_status *ret_first, struct err *err)
{
	uint32_t timeout_ms = dfu->family->transfer_timeout_ms;
	enum dfu_request next = DFU_ABORT;
	struct dfu_status status = { 0 };
	bool first = true;

	for (int round = 0; round < SETTLE_ROUNDS; round++) {
		/* DFU 1.1 lets a unit stall ABORT in dfuERROR: then its status says so. */
		bool sent = dfu_send(dfu, next, 0, NULL, 0, timeout_ms, err) ||
			    (next == DFU_ABORT && err->reason == REASON_USB_STALL);

		if (!sent || !dfu_get_status(dfu, timeout_ms, &status, err)) {
			if (!patient || !is_link_trouble(err->reason))
				return false;
			next = DFU_ABORT; /* whatever was broken off */
			continue;
		}
		if (first && ret_first)
			*ret_first = status;
		first = false;
		if (status.state == DFU_IDLE && status.status == 0) {
			dfu->state = DFU_IDLE;
			return true;
		}
		if (!settle_step(dfu, &status, &next, err))
			return false;
	}
	if (first)
		return false; /* never answered: the last error says how */
	return err_set(err, REASON_DFU_STATE,
		"the unit stays in %s (%u) with %s and does not become idle",
		dfu_state_name(status.state), status.state, dfu_status_name(status.status));
}

static bool read_config(struct dfu *dfu, uint8_t *strings, struct err *err)
{
	uint8_t bytes[USB_CONTROL_MAX];
	uint16_t total, moved;

	if (!usb_get_descriptor(dfu->dev, DESCRIPTOR_CONFIG, 0, 0, bytes, CONFIG_HEAD_LEN,
		    dfu->cancel, &moved, err))
		return false;
	total = moved == CONFIG_HEAD_LEN ? bytes_le16(bytes + 2) : 0;
	if (total < CONFIG_HEAD_LEN || total > sizeof(bytes))
		return err_set(err, REASON_DESCRIPTORS,
			"the configuration descriptor has a length of %u bytes", total);
	if (!usb_get_descriptor(
		    dfu->dev, DESCRIPTOR_CONFIG, 0, 0, bytes, total, dfu->cancel, &moved, err))
		return false;
	if (moved != total)
		return err_set(err, REASON_DESCRIPTORS,
			"%u of %u bytes of the configuration descriptor came", moved, total);
	return dfu_parse_config(bytes, total, dfu, strings, err);
}

static uint16_t transfer_size(const struct dfu *dfu)
{
	uint16_t size = dfu->announced_size;

	if (dfu->family->transfer_size_max && size > dfu->family->transfer_size_max)
		size = dfu->family->transfer_size_max;
	return size > USB_CONTROL_MAX ? USB_CONTROL_MAX : size;
}

static bool look_at(struct dfu *dfu, struct err *err)
{
	uint8_t strings[FAMILY_ALTS_MAX];

	if (!read_config(dfu, strings, err))
		return false;
	if ((dfu->attributes & (DFU_CAN_DNLOAD | DFU_CAN_UPLOAD)) !=
		(DFU_CAN_DNLOAD | DFU_CAN_UPLOAD))
		return err_set(err, REASON_DESCRIPTORS,
			"the unit cannot be both written and read back (attributes %02x)",
			dfu->attributes);
	dfu->transfer_size = transfer_size(dfu);
	if (!dfu->dev->ops->claim(dfu->dev, dfu->interface, err))
		return err_at(err, "interface %u", dfu->interface);
	for (size_t i = 0; i < dfu->alt_count; i++)
		if (!usb_get_string(dfu->dev, strings[i], dfu->alts[i].text,
			    sizeof(dfu->alts[i].text), dfu->cancel, err))
			return err_at(err, "alt %u", dfu->alts[i].alt);
	/* With a single setting there is nothing to select, and units may refuse the
	 * request (USB 2.0, 9.4.10). */
	if (dfu->alt_count == 1)
		dfu->alt = dfu->alts[0].alt;
	return true;
}

bool dfu_open(struct dfu *dfu, struct usb_dev *dev, const struct family *family,
	const struct cancel *cancel, struct err *err)
{
	struct dfu_status found = { 0 };

	*dfu = (struct dfu){ .dev = dev,
		.family = family,
		.cancel = cancel,
		.alt = -1,
		.pointer_alt = -1,
		.state = DFU_ERROR };
	if (!look_at(dfu, err) || !settle(dfu, false, &found, err)) {
		dfu_close(dfu);
		return false;
	}
	dfu->found_state = found.state;
	dfu->found_status = found.status;
	return true;
}

void dfu_close(struct dfu *dfu)
{
	if (!dfu || !dfu->dev)
		return;
	dfu->dev->ops->close(dfu->dev);
	dfu->dev = NULL;
	dfu->gone = true;
}

static const struct dfu_alt *find_alt(const struct dfu *dfu, uint8_t alt)
{
	for (size_t i = 0; i < dfu->alt_count; i++)
		if (dfu->alts[i].alt == alt)
			return &dfu->alts[i];
	return NULL;
}

bool dfu_has_alt(const struct dfu *dfu, uint8_t alt)
{
	return find_alt(dfu, alt) != NULL;
}

bool dfu_check_layout(struct dfu *dfu, struct err *err)
{
	for (size_t i = 0; i < dfu->family->alt_count; i++) {
		const struct family_alt *wanted = &dfu->family->alts[i];
		const struct dfu_alt *found = find_alt(dfu, wanted->alt);

		if (!found && wanted->optional)
			continue;
		if (!found)
			return err_set(err, REASON_LAYOUT,
				"alt %u: the unit has none; family %s has \"%s\"", wanted->alt,
				dfu->family->name, wanted->layout_text);
		if (strcmp(found->text, wanted->layout_text) != 0)
			return err_set(err, REASON_LAYOUT,
				"alt %u: the unit has \"%s\", family %s has \"%s\"", wanted->alt,
				found->text, dfu->family->name, wanted->layout_text);
	}
	return true;
}

bool dfu_recover(struct dfu *dfu, struct err *err)
{
	dfu->pointer_alt = -1;
	if (dfu->alt_count > 1) /* nothing is taken for granted after a failure */
		dfu->alt = -1;
	if (!settle(dfu, true, NULL, err)) {
		dfu->state = DFU_ERROR;
		return err_at(err, "recovery");
	}
	return true;
}

/* Where the program starts, for a bootloader that has to be told. */
static bool point_to_program(struct dfu *dfu, struct err *err)
{
	const struct family_leave *leave = &dfu->family->leave;

	return !leave->has_address || dfuse_point(dfu, leave->alt, leave->addr, err);
}

bool dfu_leave(struct dfu *dfu, struct err *err)
{
	uint32_t timeout_ms = dfu->family->transfer_timeout_ms;
	struct dfu_status status;
	bool ok = true;

	if (!point_to_program(dfu, err) ||
		(dfu->state != DFU_DNLOAD_IDLE && !dfu_to_idle(dfu, err)) ||
		!dfu_send(dfu, DFU_DNLOAD, 2, NULL, 0, timeout_ms, err)) {
		ok = err_at(err, "leave");
	} else if (!dfu_get_status(dfu, timeout_ms, &status, err)) {
		/* Old bootloaders reset at once, others on the way: only our own stop is a failure.
		 * Without this GET_STATUS the reset never comes. */
		ok = err->reason != REASON_STOPPED;
		if (ok)
			err_clear(err);
	} else if (status.state == DFU_ERROR) {
		ok = err_set(err, REASON_DFU_STATUS, "leave: the unit refuses with %s in dfuERROR",
			dfu_status_name(status.status));
	}
	dfu->gone = true;
	return ok;
}
