/* SPDX-License-Identifier: Apache-2.0 */
/* What the command under a front may do to its bus meanwhile: two named pipes in its environment,
 * BUS_TELL for requests, one a line, and BUS_SAYS for the answers, "ok NUMBER" or "no ...".
 *   unplug PORT          pulls out what is there
 *   plug PORT I [run]    plugs in the unit AI, its button held unless it is to run
 *   freeze PORT N        the unit takes N class requests (DFU, serial line) more, then answers no more
 *   frozen PORT          waits until a request has been kept from it
 *   thaw PORT            it takes requests again; the program that was stopped there has been killed
 *   state PORT           the state of its bootloader; 255 if it has none (umock-run)
 *   number PORT          its number on the bus; 0 if it is not there (umock-run) */
#pragma once

#include "front_options.h"

struct front_bus {
	void *bus;
	bool (*plug)(void *bus, unsigned port, struct vunit *unit, bool button, struct err *err);
	void (*unplug)(void *bus, unsigned port);
	void (*freeze)(void *bus, unsigned port, long requests); /* negative: never */
	bool (*is_frozen)(void *bus, unsigned port);
	/* Its own questions; false if it does not know the verb. May be NULL. */
	bool (*ask)(void *bus, const char *verb, unsigned port, unsigned *ret);
	unsigned ports; /* from 1 to this */
};

struct front_tell;

/* Starts to listen; the pipes lie in the units' folder. What is passed must outlive it. */
bool front_tell_start(const struct front_bus *bus, const struct front_options *options,
	struct front_tell **ret, struct err *err) MUST_CHECK;
void front_tell_stop(struct front_tell *tell); /* takes NULL */
