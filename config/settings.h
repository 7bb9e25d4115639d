/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit keeps about its state and its owner, as data of its family: whether it is claimed,
 * flags that change what it does at its next boot, and what an owner leaves on it. Read by a
 * diagnosis; a re-provisioning writes idle over what is set. Plain storage, const after family_load. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct cfg;

enum {
	SETTINGS_MAX = 16,
	SETTING_NAME_MAX = 24,
	SETTING_TEXT_MAX = 160,
	SETTING_FLAG_MAX = 4, /* bytes of a flag or of claimed */
	SETTINGS_HIDDEN_MAX = 4
};

enum setting_role {
	SETTING_CLAIMED,  /* value: somebody has claimed the unit */
	SETTING_FLAG,     /* value: set; text says what the unit then does */
	SETTING_CUSTOMER, /* an owner's, unless all of it is FF or 00; text says what it is */
	SETTING_ROLES
};

struct setting {
	char name[SETTING_NAME_MAX];
	enum setting_role role;
	uint8_t alt;
	uint32_t addr, size;
	uint8_t idle;   /* each byte of it when it is not set; FF in NOR */
	uint32_t value; /* little-endian in size bytes; not of SETTING_CUSTOMER */
	char text[SETTING_TEXT_MAX];
};

struct settings {
	struct setting list[SETTINGS_MAX];
	size_t count;
	char hidden[SETTINGS_HIDDEN_MAX]
		   [SETTING_TEXT_MAX]; /* an owner's, where DFU does not reach: words */
	size_t hidden_count;
};

/* For family.c: settings and hidden of the profile root. */
void settings_read(const struct cfg *root, struct settings *ret);
