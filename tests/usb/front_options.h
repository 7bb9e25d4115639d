/* SPDX-License-Identifier: Apache-2.0 */
/* What umock-run and usbip-run have in common: the command line, the units' folders, the command. */
#pragma once

#include "vunit.h"

enum { FRONT_USAGE = 2, FRONT_SKIP = 77, FRONT_UNITS_MAX = 48 };

struct front_options {
	unsigned units, controllers;
	const char *family, *folder, *faults, *mode;
	double speed;
	bool power;      /* usbip-run: units lose their power with their ports */
	bool old;        /* the family's oldest bootloader and firmware */
	bool own_folder; /* made for this run */
	char **command;
};

/* Says what is wrong, and makes the folder of the units if none is given. */
bool front_options(int argc, char **argv, const char *program, struct front_options *ret);
/* Opens the unit of folder/AI, which is made if it is not there. */
bool front_unit(const struct front_options *options, unsigned i, struct vunit **ret,
	struct err *err) MUST_CHECK;
/* Whether its button is held when it is plugged in at first; in a mixed lot, that of every second
 * one. */
bool front_button(const struct front_options *options, unsigned i);
/* Runs the command and waits for it; its status as a shell gives it. */
int front_command(char **command);
/* Removes the units if they were made for this run. */
void front_done(const struct front_options *options);
