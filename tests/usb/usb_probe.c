/* SPDX-License-Identifier: Apache-2.0 */
/* usb-probe FAMILY PROFILE UNITS: on whatever bus this machine has, waits for so many units of the
 * family and does with all of them at once what the station does: writes, reads back, leaves; then,
 * if the family runs, finds each running at its port, takes it from the kernel's driver, asks it
 * back into DFU, and reads everything again. Status 0 if all went well. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "usb_libusb.h"
#include "usb_session.h"

enum { UNITS_MAX = 48, WAIT_MS = 60000 };

struct probe {
	struct usb_bus *bus;
	struct session *sessions[UNITS_MAX];
	unsigned count;
};

static bool say(const struct err *err)
{
	printf("usb-probe: %s\n", err->text);
	return false;
}

/* Waits for a unit with this identity at a port ("" = the next one that no session has). */
static bool await(struct probe *probe, const char *port, uint64_t old, struct usb_id id,
	struct usb_ident *ret, struct err *err)
{
	struct deadline deadline = deadline_in_ms(WAIT_MS);
	while (!deadline_passed(deadline)) {
		struct usb_ident idents[USB_UNITS_MAX];
		size_t count;
		uint64_t change;
		if (!probe->bus->ops->list(probe->bus, idents, USB_UNITS_MAX, &count, &change, err))
			return false;
		for (size_t i = 0; i < count; i++) {
			bool taken = port[0] ? strcmp(port, idents[i].port) != 0 : false;
			for (unsigned k = 0; !port[0] && k < probe->count; k++)
				taken = taken ||
					strcmp(probe->sessions[k]->ident.port, idents[i].port) == 0;
			if (taken || idents[i].arrival == old ||
				idents[i].vendor_id != id.vendor_id ||
				idents[i].product_id != id.product_id)
				continue;
			*ret = idents[i];
			return true;
		}
		if (!probe->bus->ops->wait(probe->bus, change, 1000, NULL, err))
			return false;
	}
	return err_set(err, REASON_NO_RETURN, "port %s: no unit %04x:%04x in %d ms", port,
		id.vendor_id, id.product_id, WAIT_MS);
}

static bool all(struct probe *probe, void *(*work)(void *session), const char *what)
{
	pthread_t threads[UNITS_MAX];
	bool good = true;
	for (unsigned i = 0; i < probe->count; i++)
		if (pthread_create(&threads[i], NULL, work, probe->sessions[i]) != 0)
			abort();
	for (unsigned i = 0; i < probe->count; i++) {
		const struct session *session = probe->sessions[i];
		pthread_join(threads[i], NULL);
		printf("%s %s: %s, %u transfers in %u ms\n", session->ident.port, what,
			session->good ? "good" : session->err.text, session->counters.transfers,
			(unsigned)(session->took_us / 1000));
		good = good && session->good;
	}
	return good;
}

static bool ask_back(struct probe *probe, struct session *session, struct err *err)
{
	uint8_t coding[7] = { 0, 0, 0, 0, 0, 0, 8 };
	struct usb_ident running;
	struct usb_dev *dev;
	uint16_t moved;
	if (!await(probe, session->ident.port, session->ident.arrival, session->work->running,
		    &running, err) ||
		!probe->bus->ops->open(probe->bus, &running, NULL, &dev, err))
		return false;
	bytes_put_le32(coding, 14400);
	bool claimed = dev->ops->claim(dev, 0, err);
	if (claimed)
		(void)dev->ops->control(dev, (struct usb_setup){ 0x21, 0x20, 0, 0 }, coding,
			sizeof coding, 2000, NULL, &moved, err);
	dev->ops->close(dev);
	printf("%s ran with serial %s, %s\n", running.port, running.serial,
		claimed ? "asked back" : err->text);
	return claimed && await(probe, running.port, running.arrival, session->family.dfu,
				  &session->ident, err);
}

static bool probe_all(struct probe *probe, char **argv, struct err *err)
{
	const struct session_work *work =
		strcmp(argv[1], "core") == 0 ? &session_core : &session_photon;
	unsigned units = (unsigned)strtoul(argv[3], NULL, 10);
	for (unsigned i = 0; i < units && i < UNITS_MAX; i++) {
		struct session *session = calloc(1, sizeof *session);
		if (!session || !session_prepare(session, probe->bus, work, argv[2], i, err) ||
			!await(probe, "", 0, session->family.dfu, &session->ident, err))
			return false;
		probe->sessions[probe->count++] = session;
		printf("%s at %s: serial %s, product %s\n", session->ident.port,
			session->ident.controller, session->ident.serial, session->ident.product);
	}
	if (!all(probe, session_run, "written"))
		return err_set(err, REASON_USB_IO, "not all were written");
	for (unsigned i = 0; work->running.product_id && i < probe->count; i++)
		if (!ask_back(probe, probe->sessions[i], err))
			return false;
	return !work->running.product_id || all(probe, session_read, "read again") ||
	       err_set(err, REASON_USB_IO, "not all were read again");
}

int main(int argc, char **argv)
{
	struct probe probe = { 0 };
	struct err err;
	if (argc != 4)
		return 2;
	if (!usb_libusb_open(&probe.bus, &err))
		return say(&err), 1;
	bool good = probe_all(&probe, argv, &err) || say(&err);
	probe.bus->ops->close(probe.bus);
	for (unsigned i = 0; i < probe.count; i++)
		free(probe.sessions[i]);
	return good ? 0 : 1;
}
