/* SPDX-License-Identifier: Apache-2.0 */
/* A device family, as data: how its units show themselves, what memory they have, where keys go,
 * what images must look like, how they behave. A new family is a new file in config/families. What
 * a profile says about the device stands, with its sources, in docs/devices.md;
 * config/families/core.cfg is the annotated example.
 *
 * Plain storage, bounded, const after family_load. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "err.h"
#include "fs.h"
#include "keyslot.h"
#include "layout.h"
#include "option_bytes.h"
#include "settings.h"

enum {
	FAMILY_NAME_MAX = 24,
	FAMILY_ALTS_MAX = 8,
	FAMILY_REGIONS_MAX = 24,
	FAMILY_KEY_SLOTS_MAX = 8,
	FAMILY_VOLATILES_MAX = 16,
	FAMILY_OVERLAPS_MAX = 6,
	FAMILY_NOTE_MAX = 160
};

struct usb_id {
	uint16_t vendor_id, product_id;
};

/* How memory behind an alternate setting takes writes. */
enum family_memory {
	MEMORY_NOR,	/* erase by sector, then program: writes are padded to whole blocks with FF */
	MEMORY_RECORD	/* bytes are replaced, no erase, nothing padded, only inside the access range (Photon's DCT) */
};

struct family_alt {
	uint8_t alt;
	bool optional; /* some bootloaders do not announce it: a unit without it can be made if nothing goes there */
	enum family_memory memory;
	char layout_text[LAYOUT_TEXT_MAX]; /* what the unit must announce, blanks included */
	struct layout layout;
	uint32_t access_start, access_end; /* no byte outside is ever read or written; the whole layout if not given */
	/* How long one erase or one block may take, from the datasheet's maximum, with reserve. */
	uint32_t erase_timeout_ms, write_timeout_ms;
	/* About how long they take, with the wire, for estimates; 0: not known. */
	uint32_t erase_us_per_kib, write_us_per_kib, read_us_per_kib;
};

/* How a region is written that DFU cannot write: its image waits in another region, and a byte in a
 * record memory tells the unit's own firmware to put it in its place at the next boot
 * (docs/devices.md, "Bootloader"). */
struct family_staging {
	bool possible;
	char area[FAMILY_NAME_MAX]; /* the region where the image waits */
	uint8_t flag_alt, flag_value, flag_idle;
	uint32_t flag_addr;
	char applied_by[FAMILY_NAME_MAX]; /* the region of the module that does it... */
	uint16_t min_version;		  /* ...from this version on */
	uint32_t settle_ms; /* so long after the firmware is on the bus it may still begin with it */
};

struct family_region {
	char name[FAMILY_NAME_MAX];
	uint8_t alt;
	uint32_t addr, size;
	bool writable;			  /* by DFU */
	char remedy[FAMILY_NOTE_MAX]; /* if it is not: how it is written instead */
	char linked_for[FAMILY_NAME_MAX]; /* a storage region: where its image is linked to run; "" = here */
	char overlaps[FAMILY_OVERLAPS_MAX][FAMILY_NAME_MAX]; /* declared overlaps, by name */
	size_t overlap_count;
	bool module;			  /* only images with a module header; otherwise raw ones are taken too */
	uint8_t function;		  /* module_function that an image must have; meaningless unless module */
	int16_t index;			  /* module_index that it must have; -1: any */
	bool system_part; /* written first, in a DFU session of its own: the unit leaves, runs, and comes back
			   * before anything else of it is touched */
	struct family_staging staged; /* only if it is not writable */
};

struct family_key_slot {
	char name[FAMILY_NAME_MAX];
	uint8_t alt;
	uint32_t addr;
	struct keyslot format;
	bool read_modify_write; /* its sector holds other things too: read, erase, write back */
};

/* A range that the unit itself writes; a comparison before and after leaves it out. */
struct family_volatile {
	uint8_t alt;
	uint32_t addr, size;
	char why[FAMILY_NOTE_MAX];
};

/* Where the 24-byte module header of an image stands (device-os dynalib/inc/module_info.h). */
struct family_images {
	uint16_t platform_id;
	uint32_t vector_mask, vector_value; /* the first word tells whether a vector table is in front */
	uint32_t header_with_vectors, header_without;
	bool header_always; /* the header is always at header_with_vectors */
};

/* How the unit's identity is found. */
struct family_identity {
	bool serial_is_id;	   /* 24 hex digits in the USB serial are the device id */
	bool serial12_folds;	   /* 12 digits fold from the id: an id from outside must agree (STM32F1) */
	bool has_copy;		   /* a copy of the id that can be read by DFU */
	uint8_t copy_alt;
	uint32_t copy_addr;
	bool slot_is_enough;	   /* a job may say so, and do without an id */
};

/* Where a leave starts the program: an STM32's ROM jumps to where its pointer points. */
struct family_leave {
	bool has_address; /* otherwise the bootloader knows */
	uint8_t alt;
	uint32_t addr;
};

/* The way back into DFU. */
struct family_reentry {
	bool line_coding;		/* SET_LINE_CODING on the CDC interface */
	uint32_t line_coding_baud;	/* 14400 */
	bool vendor_request;		/* control request protocol, DFU_MODE */
	uint16_t vendor_request_type;	/* 50 */
	uint32_t boot_timeout_ms;	/* from leave until the running identity (or DFU) is there */
	uint32_t dfu_timeout_ms;	/* from the request until the DFU identity is there */
	uint32_t ask_again_ms;		/* a program may be on the bus before it listens: then the next way */
};

/* Named behaviours, each with one home in the code. */
enum family_quirk {
	QUIRK_EARLY_POLL = 1,	  /* polling before bwPollTimeout is known to be safe (dfu) */
	QUIRK_ZERO_MEANS_INVALID = 2, /* a record memory that reads all zero means invalid system parts (line) */
	QUIRK_NEVER_BUSY = 4, /* what a command starts may be over in the first answer already (dfu) */
	QUIRK_COUNT_BITS = 3
};

struct family {
	char name[FAMILY_NAME_MAX];
	char title[64];			/* for people: "Particle Photon" */
	char path[FS_PATH_MAX];
	char sha256[SHA256_HEX];	/* of the file */
	struct usb_id dfu, cdc;		/* cdc 0:0 if the family has none */
	struct family_alt alts[FAMILY_ALTS_MAX];
	size_t alt_count;
	struct family_region regions[FAMILY_REGIONS_MAX];
	size_t region_count;
	struct family_key_slot key_slots[FAMILY_KEY_SLOTS_MAX];
	size_t key_slot_count;
	struct family_volatile volatiles[FAMILY_VOLATILES_MAX];
	size_t volatile_count;
	struct family_images images;
	struct family_identity identity;
	struct family_reentry reentry;
	struct family_leave leave;
	struct option_bytes options;
	struct settings settings;
	unsigned quirks;		/* of enum family_quirk */
	uint16_t transfer_size_max;	/* a unit that announces more is used with this */
	uint32_t transfer_timeout_ms;	/* one control transfer that starts no flash work */
};

/* Reads and checks one profile: ranges inside layouts, overlaps declared both ways or refused,
 * names unique, slots inside access ranges. REASON_INPUT with file:line. */
bool family_load(const char *path, struct family *ret, struct err *err) MUST_CHECK;
/* Finds NAME.cfg in families/ next to the job, next to the config, in the installed share
 * folder, in the source tree that the binary was built from; first hit wins. The folders may
 * be "" (not looked at). */
bool family_find(const char *name, const char *job_folder, const char *config_folder,
	struct family *ret, struct err *err) MUST_CHECK;

enum { FAMILY_LIST_MAX = 64 };
/* Every family that family_find finds without a job, in the order of names, at most
 * FAMILY_LIST_MAX; *ret is heap (the caller frees). A profile that is not usable is left out and
 * told to broken. Reads files only. */
bool family_list(const char *config_folder, void (*broken)(void *context, const char *text),
	void *context, struct family **ret, size_t *ret_count, struct err *err) MUST_CHECK;

/* NULL if there is none. */
const struct family_alt *family_alt(const struct family *family, uint8_t alt);
const struct family_region *family_region(const struct family *family, const char *name);
const struct family_key_slot *family_key_slot(const struct family *family, const char *name);
