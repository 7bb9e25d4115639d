/* SPDX-License-Identifier: Apache-2.0 */
/* What the command under umock-run may do to its bus meanwhile: two named pipes in its environment,
 * UMOCK_TELL for requests, one a line, and UMOCK_SAYS for the answers, "ok ..." or "no ...".
 *   unplug PORT          pulls out what is there
 *   plug PORT I [run]    plugs in the unit AI, its button held unless it is to run
 *   freeze PORT N        the unit takes N DFU requests more, then no more; it answers none of those
 *   frozen PORT          waits until a request has been kept from it
 *   thaw PORT            it takes requests again; the program that was stopped there has been killed
 *   state PORT           "ok" and the state of its bootloader; 255 if it has none
 *   number PORT          "ok" and its number on the bus; 0 if it is not there */
#pragma once

#include "front_options.h"
#include "umock_front.h"

struct umock_tell;

/* Starts to listen; the pipes lie in the units' folder. umock and options must outlive it. */
bool umock_tell_start(struct umock *umock, const struct front_options *options,
	struct umock_tell **ret, struct err *err) MUST_CHECK;
void umock_tell_stop(struct umock_tell *tell); /* takes NULL */
