/* SPDX-License-Identifier: Apache-2.0 */
/* A batch on the real bus: what run, reprovision and verify share. */
#pragma once

#include "batch.h"

#define BENCH_HELP \
	"  --slots A1,A3     only these slots of the config\n" \
	"  --any-port        every port where a unit of the family shows up\n" \
	"  --device-id S=ID  the device id of the next unit at slot S; may be given again for other slots\n" \
	"  --state DIR       the state folder (the config's)\n"

/* The whole command; its exit status. */
int bench_batch(int argc, char **argv, enum line_kind kind, const char *help);
