/* SPDX-License-Identifier: Apache-2.0 */
/* usbip-run [options as umock-run] [--controllers N] [--power] -- COMMAND... As umock-run, on a real kernel:
 * the units hang on its virtual host controllers (usbip_front.h), spread over the first N of them; with
 * --power they lose theirs when their ports are switched off, otherwise they do not notice.
 * The command may plug and unplug units meanwhile (front_tell.h). Needs root. */
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "front_options.h"
#include "front_tell.h"
#include "usbip_front.h"

enum { ALL_UNITS_MS = 120000 };

static bool plug(void *bus, unsigned port, struct vunit *unit, bool button, struct err *err)
{
	return usbip_plug(bus, port, unit, button, err);
}

static void unplug(void *bus, unsigned port)
{
	usbip_unplug(bus, port);
}

static void freeze(void *bus, unsigned port, long requests)
{
	usbip_freeze(bus, port, requests);
}

static bool is_frozen(void *bus, unsigned port)
{
	return usbip_is_frozen(bus, port);
}

static bool plug_units(struct usbip *usbip, const struct front_options *options, struct err *err)
{
	struct deadline deadline = deadline_in_ms(ALL_UNITS_MS);
	for (unsigned i = 1; i <= options->units; i++) {
		struct vunit *unit;
		if (!front_unit(options, i, &unit, err) ||
			!usbip_plug(usbip, i, unit, front_button(options, i), err))
			return err_at(err, "unit A%u", i);
	}
	for (unsigned i = 1; i <= options->units; i++)
		while (!usbip_is_listed(usbip, i)) {
			if (deadline_passed(deadline))
				return err_set(err, REASON_STATION, "unit A%u does not appear", i);
			usleep(10000);
		}
	return true;
}

int main(int argc, char **argv)
{
	struct front_options options;
	struct usbip *usbip = NULL;
	struct usbip_power *power = NULL;
	struct front_tell *tell = NULL;
	struct err err;
	int status = FRONT_USAGE;
	if (!front_options(argc, argv, "usbip-run", &options))
		return FRONT_USAGE;
	struct front_bus bus = { .plug = plug,
		.unplug = unplug,
		.freeze = freeze,
		.is_frozen = is_frozen,
		.ports = USBIP_PLACES_MAX };
	if (usbip_new(options.speed, options.controllers, &usbip, &err) &&
		plug_units(usbip, &options, &err) && (bus.bus = usbip) &&
		(!options.power || usbip_follow_power(usbip, &power, &err)) &&
		front_tell_start(&bus, &options, &tell, &err))
		status = front_command(options.command);
	else
		fprintf(stderr, "usbip-run: %s\n", err.text);
	front_tell_stop(tell);
	usbip_power_done(power);
	usbip_free(usbip);
	front_done(&options);
	return status;
}
