/* SPDX-License-Identifier: Apache-2.0 */
/* What the station does to one unit: opens it, writes an image and a key slot, reads all back, and leaves. */
#pragma once

#include "flash.h"

enum { SESSION_IMAGE_LEN = 12288, SESSION_KEY_MAX = 1024 };

/* Where a family's image goes, and where image and key then stand in alt0.bin and alt1.bin of the unit's folder. */
struct session_work {
	const char *family;
	struct usb_id running; /* 0: it stays in DFU */
	uint32_t addr, sector_size, sectors, file_image, file_key;
};

extern const struct session_work session_core, session_photon;

struct session {
	struct usb_bus *bus;
	const struct session_work *work;
	struct family family;
	struct usb_ident ident;
	uint8_t image[SESSION_IMAGE_LEN], key[SESSION_KEY_MAX];
	struct dfu_counters counters;
	uint64_t took_us;
	struct err err; /* unless good */
	bool good;
};

/* Loads the family's profile and makes contents that differ with seed. */
bool session_prepare(struct session *session, struct usb_bus *bus, const struct session_work *work, const char *profile,
	unsigned seed, struct err *err) MUST_CHECK;
/* The whole session with session->ident; a thread's function. */
void *session_run(void *session);
/* Only the readback, in a session of its own. */
void *session_read(void *session);
