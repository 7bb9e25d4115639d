/* SPDX-License-Identifier: Apache-2.0 */
/* A Particle firmware module: its 24-byte header, CRC-32 and SHA-256 suffix (docs/devices.md), in a file or in
 * memory that was read from a unit. Bytes come from outside: every field is bounded before use. Any
 * thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "err.h"
#include "family.h"

enum { MODULE_HEADER_LEN = 24 };

enum module_function {
	MODULE_NONE,
	MODULE_RESOURCE,
	MODULE_BOOTLOADER,
	MODULE_MONO,
	MODULE_SYSTEM_PART,
	MODULE_USER_PART,
	MODULE_SETTINGS,
	MODULE_NCP,
	MODULE_RADIO,
	MODULE_ASSET
};

/* What a receiver over the air would do before storing; a unit written by DFU does none of it. */
enum {
	MODULE_FLAG_DROP_HEADER = 1,
	MODULE_FLAG_COMPRESSED = 2,
	MODULE_FLAG_COMBINED = 4,
	MODULE_FLAG_ENCRYPTED = 8
};

struct module_dependency {
	uint8_t function, index; /* function 0: none */
	uint16_t min_version;
};

/* device-os dynalib/inc/module_info.h: 24 bytes, little-endian. end is exclusive; the
 * CRC-32 stands at end. */
struct module_header {
	uint32_t start, end;
	uint8_t flags; /* MODULE_FLAG_... */
	uint16_t version, platform_id;
	uint8_t function, index;
	struct module_dependency dependency[2];
};

/* Decodes the 24 bytes; nothing is checked. */
void module_header_decode(const uint8_t bytes[MODULE_HEADER_LEN], struct module_header *ret);
void module_header_encode(const struct module_header *header, uint8_t ret[MODULE_HEADER_LEN]);
/* Where the header of a module that starts at bytes has to stand; may lie behind len. */
size_t module_header_offset(const struct family_images *rules, const uint8_t *bytes, size_t len);
/* Finds and decodes the header of a module that starts at bytes; false if it does not fit into len
 * or its addresses make no sense (end <= start, or the header not between them). Also for memory
 * that was read from a unit. */
bool module_header_find(const struct family_images *rules, const uint8_t *bytes, size_t len,
	struct module_header *ret);
/* CRC-32 at end (big-endian) against [start, end); and, with a suffix of 36 or 40 bytes that says
 * so, its SHA-256. bytes are the module's, from start on, len of them. REASON_INPUT. */
bool module_check_sums(const struct module_header *header, const uint8_t *bytes, size_t len,
	struct err *err) MUST_CHECK;
/* Is it the module that is wanted, and new enough? */
bool module_provides(const struct module_header *module, const struct module_dependency *wanted);
/* Where a module of this kind runs on the family; NULL if it has no place. */
const struct family_region *module_home(const struct family *family,
	const struct module_dependency *wanted);
const char *module_function_name(uint8_t function); /* "system part"...; "unknown function" */

/* Judges the bytes that a region is to hold. *ret_has: they are a module, with a plausible header (start
 * and end agree with the length, behind which only FF may stand) and good sums. required: refuses
 * anything else; a module whose sums are wrong is refused in any case. path is for messages.
 * REASON_INPUT. */
bool module_examine(const char *path, const struct family_images *rules, bool required,
	const uint8_t *bytes, size_t len, bool *ret_has, struct module_header *ret,
	struct err *err) MUST_CHECK;
