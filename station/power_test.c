/* SPDX-License-Identifier: Apache-2.0 */
#include "power_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cmd.h"
#include "fs.h"
#include "interrupt.h"
#include "scope.h"
#include "usb_libusb.h"
#include "usb_power.h"

enum { BACK_MS = 20000, WAIT_MS = 250 };

/* What hangs at the slot; arrival 0: nothing. */
static bool look(struct usb_bus *bus, const struct config_slot *slot, struct usb_ident *ret,
	uint64_t *ret_change, struct err *err)
{
	SCOPED_FREE struct usb_ident *idents = calloc(USB_UNITS_MAX, sizeof *idents);
	size_t count = 0;
	if (!idents)
		return err_set(err, REASON_STATION, "no memory to look at the bus");
	*ret = (struct usb_ident){ 0 };
	if (!bus->ops->list(bus, idents, USB_UNITS_MAX, &count, ret_change, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (config_slot_is_at(slot, idents[i].port, idents[i].controller))
			*ret = idents[i];
	return true;
}

static bool await_back(
	struct usb_bus *bus, const struct config_slot *slot, uint64_t old, struct err *err)
{
	struct deadline deadline = deadline_in_ms(BACK_MS);
	for (;;) {
		struct usb_ident now;
		uint64_t change = 0;
		if (!look(bus, slot, &now, &change, err))
			return false;
		if (now.arrival && now.arrival != old)
			return true;
		if (deadline_passed(deadline))
			return err_set(err, REASON_USB_GONE,
				"its power is on again, and nothing came back within %d s: does the "
				"unit need its button?",
				BACK_MS / 1000);
		if (!bus->ops->wait(bus, change, WAIT_MS, interrupt_once(), err))
			return false;
	}
}

static bool try_slot(struct usb_bus *bus, const struct config *config,
	const struct config_slot *slot, struct usb_power *ret, struct err *err)
{
	struct usb_ident unit;
	uint64_t change = 0;
	if (!look(bus, slot, &unit, &change, err))
		return false;
	if (!unit.arrival)
		return err_set(err, REASON_USB_GONE, "it is empty: plug a unit in");
	return usb_power_find(bus, unit.port, interrupt_once(), ret, err) &&
	       usb_power_cycle(ret, config->power_off_ms, interrupt_once(), err) &&
	       await_back(bus, slot, unit.arrival, err);
}

static bool is_asked_for(const struct config_slot *slot, char *const *names, size_t count)
{
	bool asked = count == 0;
	for (size_t i = 0; i < count; i++)
		asked = asked || strcmp(names[i], slot->name) == 0;
	return asked;
}

static bool check_names(
	const struct config *config, char *const *names, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		bool known = false;
		for (size_t s = 0; s < config->slot_count; s++)
			known = known || strcmp(config->slots[s].name, names[i]) == 0;
		if (!known)
			return err_set(err, REASON_INPUT, "the config has no slot %s", names[i]);
	}
	return true;
}

static bool try_and_tell(
	struct usb_bus *bus, const struct config *config, const struct config_slot *slot)
{
	struct usb_power power;
	struct err err;
	bool good = try_slot(bus, config, slot, &power, &err);
	printf("%-8s  %-16s  ", slot->name, slot->port);
	if (good)
		printf("power goes off and comes back (hub %s, port %u%s%s)\n", power.halves[0].hub,
			power.halves[0].port, power.count > 1 ? " and its other half" : "",
			power.halves[0].by_system ? ", by the kernel" : "");
	else
		printf("%s: %s\n", reason_info(err.reason)->code, err.text);
	fflush(stdout);
	return good;
}

int power_test(const struct config *config, char *const *names, size_t count)
{
	char lock[FS_PATH_MAX];
	struct usb_bus *bus = NULL;
	struct err err;
	bool all = config->slot_count > 0;
	if (!check_names(config, names, count, &err) ||
		!fs_join(lock, config->state_dir, "station.lock", &err))
		return cmd_fail("slots", &err);
	if (fs_is_locked(lock)) {
		err_set(&err, REASON_INPUT, "a line runs on %s: wait until it has ended",
			config->state_dir);
		return cmd_fail("slots", &err);
	}
	if (!usb_libusb_open(&bus, &err))
		return cmd_fail("slots", &err);
	interrupt_catch();
	for (size_t i = 0; i < config->slot_count && !cancel_is_set(interrupt_once()); i++)
		if (is_asked_for(&config->slots[i], names, count))
			all = try_and_tell(bus, config, &config->slots[i]) && all;
	bus->ops->close(bus);
	printf("A hub may cut the data lines and leave the power on, which no bus shows: look at the "
	       "unit's light, it has to go dark for %.1f s.\n",
		config->power_off_ms / 1000.0);
	if (cancel_is_set(interrupt_once()))
		return EXIT_INTERRUPTED;
	return all ? EXIT_DONE : EXIT_NOT_ALL;
}
