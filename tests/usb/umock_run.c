/* SPDX-License-Identifier: Apache-2.0 */
/* umock-run [--units N] [--family NAME] [--folder DIR] [--speed X] [--mode dfu|run|mixed|listening] [--old]
 * [--faults FILE] -- COMMAND... Runs a command, unchanged, on a machine whose USB bus has N virtual
 * units (ports 1-1, 1-2...), and ends with its status. --mode run: with credentials of a network, so
 * that they do not listen. The units live in DIR/A1, DIR/A2... as those of a rehearsal do, and a later
 * run meets them again. Without --folder they live in a temporary folder. The command
 * may plug and unplug units meanwhile (front_tell.h). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "front_options.h"
#include "front_tell.h"
#include "umock_front.h"

enum { FIRST_UNIT_MS = 10000 };

static bool plug_units(struct umock *umock, const struct front_options *options, struct err *err)
{
	struct deadline deadline = deadline_in_ms(FIRST_UNIT_MS);
	for (unsigned i = 1; i <= options->units; i++) {
		struct vunit *unit;
		if (!front_unit(options, i, &unit, err) ||
			!umock_plug(umock, i, unit, front_button(options, i), err))
			return err_at(err, "unit A%u", i);
	}
	for (unsigned i = 1; i <= options->units; i++)
		while (!umock_number(umock, i)) {
			if (deadline_passed(deadline))
				return err_set(err, REASON_STATION, "unit A%u does not appear", i);
			usleep(1000);
		}
	return true;
}

static bool plug(void *bus, unsigned port, struct vunit *unit, bool button, struct err *err)
{
	return umock_plug(bus, port, unit, button, err);
}

static void unplug(void *bus, unsigned port)
{
	umock_unplug(bus, port);
}

static void freeze(void *bus, unsigned port, long requests)
{
	umock_freeze(bus, port, requests);
}

static bool is_frozen(void *bus, unsigned port)
{
	return umock_is_frozen(bus, port);
}

static bool ask(void *bus, const char *verb, unsigned port, unsigned *ret)
{
	if (strcmp(verb, "state") == 0)
		*ret = umock_state(bus, port);
	else if (strcmp(verb, "number") == 0)
		*ret = umock_number(bus, port);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	struct front_options options;
	struct umock *umock = NULL;
	struct front_tell *tell = NULL;
	struct front_bus bus = { .plug = plug,
		.unplug = unplug,
		.freeze = freeze,
		.is_frozen = is_frozen,
		.ask = ask,
		.ports = UMOCK_PORTS_MAX };
	struct err err;
	int status = FRONT_USAGE;
	if (!umock_preload(argv)) {
		fprintf(stderr, "umock-run: cannot start under libumockdev-preload\n");
		return FRONT_SKIP;
	}
	if (!front_options(argc, argv, "umock-run", &options))
		return FRONT_USAGE;
	if (umock_new(options.speed, &umock, &err) && plug_units(umock, &options, &err) &&
		(bus.bus = umock) && front_tell_start(&bus, &options, &tell, &err))
		status = front_command(options.command);
	else
		fprintf(stderr, "umock-run: %s\n", err.text);
	front_tell_stop(tell);
	umock_free(umock);
	front_done(&options);
	return status;
}
