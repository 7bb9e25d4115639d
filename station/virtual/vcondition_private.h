/* SPDX-License-Identifier: Apache-2.0 */
/* What the conditions of vcondition.c do to a unit. */
#pragma once

#include "vcondition.h"
#include "vunit_private.h"

/* A unit that comes back, open; nobody else has it. */
struct vreturn {
	struct vunit *unit;
	const char *folder, *cloud;
	uint32_t argument;
};

/* Each is false with REASON_INPUT if the unit's memory is not such that it could be in that. */
typedef bool vcondition_act(const struct vreturn *it, struct err *err);

/* vcondition_memory.c */
vcondition_act vcondition_damaged;      /* 16 bytes at the argument */
vcondition_act vcondition_factory;      /* the same in the factory image */
vcondition_act vcondition_bootloader;   /* the same in the bootloader */
vcondition_act vcondition_part;         /* the same in the second system part */
vcondition_act vcondition_blocks_lost;  /* two blocks of the application */
vcondition_act vcondition_cut_short;    /* the end of the application */
vcondition_act vcondition_other_family; /* the application is another platform's */
vcondition_act vcondition_spi_replaced; /* a Core's external flash, all of it */
vcondition_act vcondition_blank;        /* all but the bootloader */
vcondition_act vcondition_options;      /* the brown-out level of an STM32 */
vcondition_act vcondition_claimed;

/* vcondition_keys.c */
vcondition_act vcondition_other_key;
vcondition_act vcondition_no_server;
vcondition_act vcondition_wrong_server;
vcondition_act vcondition_cloud_other; /* the cloud holds a key that nobody knows */
vcondition_act vcondition_cloud_none;

/* vcondition_faults.c */
vcondition_act vcondition_dead_update; /* cells of the update region */
vcondition_act vcondition_dead_cells;  /* cells at the argument */
vcondition_act vcondition_small_flash; /* argument: its size; 0: the usual one */
vcondition_act vcondition_abrupt_leave;
vcondition_act vcondition_runs;   /* plugged in without its button held */
vcondition_act vcondition_silent; /* on the bus, and answers nothing */

/* vcondition_memory.c: len bytes at an address as the device sees it; NULL: it has no such memory.
 * *ret_alt (may be NULL): the alternate setting that they are in. */
uint8_t *vcondition_at(struct vunit *unit, uint32_t addr, size_t len, uint8_t *ret_alt);
/* A place of the record memory of an F2, or of a Core's external flash. */
bool vcondition_put(struct vunit *unit, uint32_t f2, uint32_t core, const uint8_t *bytes,
	size_t len, struct err *err) MUST_CHECK;
