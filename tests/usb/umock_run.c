/* SPDX-License-Identifier: Apache-2.0 */
/* umock-run [--units N] [--family NAME] [--folder DIR] [--speed X] [--mode dfu|run|listening] [--old]
 * [--faults FILE] -- COMMAND... Runs a command, unchanged, on a machine whose USB bus has N virtual
 * units (ports 1-1, 1-2...), and ends with its status. --mode run: with credentials of a network, so
 * that they do not listen. The units live in DIR/A1, DIR/A2... as those of a rehearsal do, and a later
 * run meets them again. Without --folder they live in a temporary folder. The command
 * may plug and unplug units meanwhile (umock_tell.h). */
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "front_options.h"
#include "umock_front.h"
#include "umock_tell.h"

enum { FIRST_UNIT_MS = 10000 };

static bool plug_units(struct umock *umock, const struct front_options *options, struct err *err)
{
	struct deadline deadline = deadline_in_ms(FIRST_UNIT_MS);
	for (unsigned i = 1; i <= options->units; i++) {
		struct vunit *unit;
		if (!front_unit(options, i, &unit, err) ||
			!umock_plug(umock, i, unit, options->button, err))
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

int main(int argc, char **argv)
{
	struct front_options options;
	struct umock *umock = NULL;
	struct umock_tell *tell = NULL;
	struct err err;
	int status = FRONT_USAGE;
	if (!umock_preload(argv)) {
		fprintf(stderr, "umock-run: cannot start under libumockdev-preload\n");
		return FRONT_SKIP;
	}
	if (!front_options(argc, argv, "umock-run", &options))
		return FRONT_USAGE;
	if (umock_new(options.speed, &umock, &err) && plug_units(umock, &options, &err) &&
		umock_tell_start(umock, &options, &tell, &err))
		status = front_command(options.command);
	else
		fprintf(stderr, "umock-run: %s\n", err.text);
	umock_tell_stop(tell);
	umock_free(umock);
	front_done(&options);
	return status;
}
