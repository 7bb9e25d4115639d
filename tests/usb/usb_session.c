/* SPDX-License-Identifier: Apache-2.0 */
#include "usb_session.h"

#include <string.h>

#include "clock.h"

const struct session_work session_core = { "core", { 0 }, 0x08005000, 1024, 12, 0x5000, 0x2000 };
const struct session_work session_photon = { "photon", { 0x2B04, 0xC006 }, 0x080A0000, 0x20000, 1,
	0xA0000, 34 };

bool session_prepare(struct session *session, struct usb_bus *bus, const struct session_work *work,
	const char *profile, unsigned seed, struct err *err)
{
	*session = (struct session){ .bus = bus, .work = work };
	for (uint32_t i = 0; i < SESSION_IMAGE_LEN; i++)
		session->image[i] = (uint8_t)(i * 31 + i / 256 + seed * 57 + 1);
	for (uint32_t i = 0; i < SESSION_KEY_MAX; i++)
		session->key[i] = (uint8_t)(i * 13 + seed * 101 + 5);
	return family_load(profile, &session->family, err);
}

static bool erase(struct session *session, struct dfu *dfu)
{
	const struct session_work *work = session->work;
	for (uint32_t i = 0; i < work->sectors; i++) {
		struct plan_sector sector = { .addr = work->addr + i * work->sector_size,
			.size = work->sector_size };
		if (!flash_erase(dfu, &sector, &session->err))
			return false;
	}
	return true;
}

static bool write_all(struct session *session, struct dfu *dfu)
{
	const struct session_work *work = session->work;
	const struct family_key_slot *slot = family_key_slot(&session->family, "device-rsa");
	struct family_region place = { .name = "user" };
	struct plan_region region = { .region = &place,
		.addr = work->addr,
		.bytes = session->image,
		.len = SESSION_IMAGE_LEN,
		.write_len = SESSION_IMAGE_LEN };
	return flash_write_slot(dfu, slot, session->key, &session->err) && erase(session, dfu) &&
	       flash_write(dfu, region.region->alt, region.addr, region.bytes, region.write_len,
		       NULL, &session->err);
}

static bool read_all(struct session *session, struct dfu *dfu)
{
	const struct family_key_slot *slot = family_key_slot(&session->family, "device-rsa");
	uint8_t found[SESSION_KEY_MAX];
	struct err *err = &session->err;
	return flash_verify(dfu, 0, session->work->addr, session->image, SESSION_IMAGE_LEN, NULL,
		       NULL, err) &&
	       flash_read(dfu, slot->alt, slot->addr, found, slot->format.size, NULL, err) &&
	       (memcmp(found, session->key, slot->format.size) == 0 ||
		       err_set(err, REASON_KEY_MISMATCH, "the key differs"));
}

static void run(struct session *session, bool write)
{
	struct usb_dev *dev;
	struct dfu dfu = { 0 };
	struct err *err = &session->err;
	uint64_t start_us = clock_mono_us();
	session->good = session->bus->ops->open(session->bus, &session->ident, NULL, &dev, err) &&
			dfu_open(&dfu, dev, &session->family, NULL, err) &&
			dfu_check_layout(&dfu, err) && (!write || write_all(session, &dfu)) &&
			read_all(session, &dfu) && (!write || dfu_leave(&dfu, err));
	session->counters = dfu.counters;
	session->took_us = clock_mono_us() - start_us;
	dfu_close(&dfu);
}

void *session_run(void *session)
{
	run(session, true);
	return NULL;
}

void *session_read(void *session)
{
	run(session, false);
	return NULL;
}
