/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a virtual unit, shared by the vunit_*.c files and nobody else. One thread at a
 * time. Lengths that come from a host are at most 65535 (wLength); every buffer here takes that. */
#pragma once

#include "vfault.h"
#include "vunit.h"

enum {
	DFU_IDLE = 2,
	DFU_DNLOAD_SYNC = 3,
	DFU_DNBUSY = 4,
	DFU_DNLOAD_IDLE = 5,
	DFU_MANIFEST_SYNC = 6,
	DFU_WAIT_RESET = 8,
	DFU_UPLOAD_IDLE = 9,
	DFU_ERROR = 10,
	DFU_LOST = 15 /* no state of DFU 1.1: where an UPLOAD of block 1 leaves these bootloaders */
};

enum {
	KIB = 1024,
	FLASH_BASE = 0x08000000,
	DCT_VIEW_LEN = 0x4000,
	DCT_COPY_1 = 0x4000, /* offsets in alt 0 */
	DCT_COPY_2 = 0x8000,
	DCT_SECTOR_LEN = 0x4000,
	DCT_APP_OFFSET = 7548, /* the application's DCT in its sector, behind the one of WICED */
	DCD_HEADER_LEN = 8,    /* the same on the Electron, behind its header */
	F2_MODULES = 0x08020000, /* what is below is not written over DFU */
	F2_END = 0x08100000,
	SERIAL_FLASH_LEN = 0x100000, /* alternate setting 2 of the P1 */
	CORE_FLAGS = 0x08004C00,
	CORE_APPLICATION = 0x08005000
};

/* DCT offsets (docs/devices.md). */
enum {
	DCT_FLAGS = 0,
	DCT_FLAGS_LEN = 32,
	DCT_VERSION = 32,
	DCT_PRIVATE_KEY = 34,
	DCT_PRIVATE_KEY_LEN = 1216,
	DCT_PUBLIC_KEY = 1250,
	DCT_OTA_FLAG = 1753,
	DCT_SSID_PREFIX = 1826,
	DCT_SETUP_CODE = 1852,
	DCT_TRANSPORT = 2977,
	DCT_EC_PUBLIC_KEY = 2978,
	DCT_EC_PRIVATE_KEY = 3106,
	DCT_EC_PRIVATE_KEY_LEN = 192,
	DCT_DEVICE_ID = 3618
};

enum vunit_serial_form { SERIAL_FOLDED, SERIAL_UPPER, SERIAL_LOWER, SERIAL_CONSTANT };

/* What a ROM does with a GET_STATUS that comes before its work is done. */
enum vunit_early { EARLY_HELD, EARLY_BUSY, EARLY_STALLED };

/* Whose code reaches the DCT from the bootloader. */
enum vunit_dct_code {
	DCT_NONE,    /* the family has none */
	DCT_OWN,     /* the bootloader's */
	DCT_ONCE,    /* that of the system parts, looked up at the first access */
	DCT_REFRESH  /* the same, and again after a block was written into the parts */
};

/* A place in alt 0 of an F2 and the module that belongs there. */
struct vunit_place {
	uint32_t start, end;
	uint32_t runs; /* where its module is linked to run */
	uint8_t function, index;
	bool vectors;	     /* of a fresh unit's: a vector table in front */
	uint8_t needs_index; /* of a fresh unit's: the part that it depends on; 0: none */
};

/* Where an F2 family keeps its modules. */
struct vunit_map {
	struct vunit_place parts[3]; /* the first one's header starts the firmware */
	uint8_t part_count;
	uint8_t old_part_count; /* of firmware before 0.6.0; 0: the same */
	uint8_t system; /* the part whose version the firmware says is its own */
	struct vunit_place user, factory, ota;
};

/* What differs between bootloaders. The DFU machine reads this and asks for no version. */
struct vunit_traits {
	enum vunit_family family;
	const char *name; /* in unit.json */
	uint16_t version; /* module version of the bootloader, and of the system parts it comes with */
	uint16_t parts_version;
	uint16_t since; /* the first version that behaves like this */
	uint16_t bcd_usb, bcd_device;
	const char *manufacturer, *product, *running_product;
	uint16_t platform; /* in the headers of its modules, and in its USB ids */
	enum vunit_serial_form serial;
	enum vunit_dct_code dct;
	bool dct_is_dcd; /* it lies in a store of the Electron's own kind, else as on the Photon */
	bool dct_sums;	 /* which has a CRC */
	const struct vunit_map *map; /* NULL: its firmware does not come in modules */
	bool soft_ap;		     /* its firmware writes an SSID prefix and a setup code */
	bool udp;		     /* its firmware talks to its cloud over UDP, with a P-256 key */
	uint16_t transfer_size;
	uint8_t start_state, start_status;
	uint32_t start_pointer;
	uint8_t announced;	       /* alternate settings in the configuration */
	uint8_t alternates;	       /* SET_INTERFACE takes less than this */
	uint8_t max_interface;	       /* highest wIndex of a class request */
	uint8_t poll_ms;	       /* of internal flash */
	bool poll_kept;		       /* the last value comes back in every later reply */
	bool bus_reset_nothing;	       /* a bus reset changes nothing in the machine */
	bool bus_reset_keeps_status;
	bool works_after;	       /* the operation runs after the GET_STATUS, else inside it; failures are lost */
	bool cuts_replies;	       /* to wLength */
	bool detaches;
	bool detach_clears_status;
	bool outside_is_buffer;	       /* an UPLOAD from outside the memory gives the transfer buffer, else zeros */
	bool own_functional;	       /* answers GET_DESCRIPTOR(0x21) */
	const char *constant_serial;
	enum vunit_early early;	       /* of a ROM, as the next two */
	bool clear_only_errors;	       /* CLRSTATUS outside dfuERROR stalls and changes nothing, else it makes one */
	bool leave_wants_address;      /* the zero-length DNLOAD is taken after SET_ADDRESS only */
};

enum vunit_event {
	EVENT_ATTACH_DFU,
	EVENT_ATTACH_CDC,
	EVENT_REATTACH,	    /* DETACH pulled the line for 3 ms; the bootloader goes on */
	EVENT_LEAVE,	    /* the countdown of dfuMANIFEST-WAIT-RESET */
	EVENT_RESET,	    /* the firmware resets the unit */
	EVENT_RESET_TO_DFU, /* the same with the DFU-once request set */
	EVENT_PROGRAM,	    /* the work of a patch program is done */
	EVENT_PULL,	    /* a fault takes the power while it is under way */
	EVENT_APPLY,	    /* the firmware applies what is staged in the OTA region */
	EVENT_POWER,	    /* power comes back after a fault took it */
	EVENT_COUNT
};

struct vunit_dfu {
	uint8_t state, status;
	uint32_t poll_ms;
	uint32_t pointer;
	bool pending;
	uint16_t block, length;
	uint8_t alternate;
	bool pointed; /* a ROM: the last command set the pointer */
	uint8_t next_state, next_status; /* a ROM: when the work is done */
	uint64_t done_us;
	uint8_t buffer[65536 + 8]; /* the transfer buffer and the RAM behind it */
};

/* The control request under way. */
struct vunit_service {
	uint16_t id; /* 0: none */
	int32_t result;
	uint64_t done_us; /* when its result is there */
	uint8_t reply[8];
	uint8_t reply_len;
};

/* What the firmware has printed and the host has not fetched yet. */
struct vunit_serial_line {
	bool listening;
	uint16_t len, at;
	char text[512];
};

enum vunit_dct_lookup { LOOKUP_NEVER, LOOKUP_FOUND, LOOKUP_MISSING };

struct vunit {
	struct vunit_spec spec;
	const struct vunit_traits *traits;
	char *folder;
	uint8_t *memory[VUNIT_ALTERNATES_MAX]; /* NULL: the family has no such alternate setting */
	size_t memory_len[VUNIT_ALTERNATES_MAX];

	enum vunit_mode mode;
	uint64_t now_us, busy_until_us;
	uint64_t at_us[EVENT_COUNT]; /* UINT64_MAX: not scheduled */
	uint32_t enumeration;
	bool in_firmware;    /* whose code is at work */
	uint64_t booting_us; /* what the boot in progress takes */
	uint8_t configuration;
	bool dfu_once;	   /* the request in the backup register, which survives a reset but not power */
	bool power_reset;  /* the last reset was power coming on */
	uint32_t program;  /* where a ROM starts the program */
	uint64_t spent_us; /* time that flash work took since it was last collected */
	struct vunit_work work;

	struct vunit_dfu dfu;
	enum vunit_dct_lookup dct_lookup;
	bool parts_erased, parts_written; /* since the lookup */
	uint8_t flags[DCT_FLAGS_LEN];	  /* the bootloader's copy, taken when it starts */

	uint32_t baud;
	struct vunit_service service;
	struct vunit_serial_line line;

	struct vfaults *faults; /* NULL: none */
	bool button;		/* held when power comes back */
};

/* One control transfer under way. */
struct vunit_transfer {
	uint8_t type, request;
	uint16_t value, index, length;
	uint8_t *data;
	uint16_t moved;
	uint64_t start_us;
	uint64_t inside_us, after_us; /* work before the transfer's end, and after it */
};

/* vunit_traits.c */
const struct vunit_traits *vunit_traits_of(enum vunit_bootloader bootloader);
/* The emulated bootloader of a family that behaves like this module version. */
enum vunit_bootloader vunit_traits_like(enum vunit_family family, uint16_t version);

/* vunit.c */
void vunit_schedule(struct vunit *unit, enum vunit_event event, uint64_t at_us);
void vunit_hang(struct vunit *unit);
/* Data stage to the host: cut to wLength, or overflowing it, as the bootloader does. */
enum vunit_answer vunit_reply(struct vunit_transfer *transfer, const uint8_t *bytes, size_t len);

/* vfault.c: where faults come in. */
void vfault_done(struct vunit *unit);
/* Dead cells have their way with the memory as it is now. */
void vfault_cells(struct vunit *unit);
/* A transfer begins. True: the unit does not answer, maybe because it lost its power. */
bool vfault_transfer(struct vunit *unit, uint64_t at_us);
/* What becomes of the erase or write that is due now. */
enum vfault_fate { FATE_RUN, FATE_STALL, FATE_CUT };
enum vfault_fate vfault_operation(struct vunit *unit);
/* After an operation that was cut: the power goes. */
void vfault_cut_end(struct vunit *unit, uint64_t at_us);
bool vfault_is_cut(const struct vunit *unit);
/* How many of len bytes are programmed or erased before the power goes, or
 * although a sector is bad. */
size_t vfault_programs(const struct vunit *unit, size_t len);
size_t vfault_erases(const struct vunit *unit, uint8_t alt, uint32_t offset, size_t len);
uint64_t vfault_erase_us(const struct vunit *unit, uint64_t us);
uint32_t vfault_spi_len(const struct vunit *unit, uint32_t len);
/* The block is acknowledged, and that is all. */
bool vfault_loses(struct vunit *unit, uint32_t address, size_t len);
void vfault_attached(struct vunit *unit);
bool vfault_stays_away(struct vunit *unit);
uint64_t vfault_leave_us(const struct vunit *unit, uint64_t us);
/* A patch program starts, and is half done at half_us. True: its work will not be done. */
bool vfault_program(struct vunit *unit, uint64_t half_us);
void vfault_pull(struct vunit *unit, uint64_t at_us);
/* Nobody presses the button when asked. */
bool vfault_no_operator(const struct vunit *unit);
/* What it announces instead; NULL: its own. */
const char *vfault_layout(const struct vunit *unit, uint8_t alternate);
/* What unit.json is to say: a fault is not kept. */
struct vunit_spec vfault_own_spec(const struct vunit *unit);

/* vunit_make.c: unit.json. */
bool vunit_spec_write(const char *folder, const struct vunit_spec *spec, struct err *err)
	MUST_CHECK;
bool vunit_spec_read(const char *folder, struct vunit_spec *ret, struct err *err) MUST_CHECK;
/* 0: the unit has no such alternate setting. */
size_t vunit_memory_len(const struct vunit_spec *spec, int alternate);
uint32_t vunit_memory_base(const struct vunit_spec *spec, int alternate);
const char *vunit_memory_name(int alternate); /* "alt0.bin"... */
/* A stream of bytes from a seed. */
void vunit_noise(uint64_t seed, uint8_t *to, size_t len);

/* vunit_chip.c */
struct vunit_sector {
	uint32_t offset, len, index;
	uint8_t access; /* 1 read, 2 erase, 4 write */
};
/* What the spec leaves out. */
void vunit_chip_complete(struct vunit_spec *spec);
bool vunit_chip_check(const struct vunit_spec *spec, struct err *err) MUST_CHECK;
int vunit_chip_alternates(const struct vunit_chip *chip);
bool vunit_chip_memory(const struct vunit_chip *chip, int alternate, uint32_t *ret_start,
	size_t *ret_len);
bool vunit_chip_sector(const struct vunit_chip *chip, int alternate, uint32_t address,
	struct vunit_sector *ret);

/* vunit_content.c: what a fresh unit's memories hold; they come erased. */
bool vunit_fill_f2(const struct vunit_spec *spec, uint8_t *flash, uint8_t *dct, struct err *err)
	MUST_CHECK;
bool vunit_fill_core(const struct vunit_spec *spec, uint8_t *flash, struct err *err) MUST_CHECK;
void vunit_fill_rom(uint8_t *const *memory);

/* vunit_flash.c: addresses as the device sees them. False is the failure that the memory layer
 * reports; time goes to unit->spent_us. */
bool vunit_flash_f2_erase(struct vunit *unit, uint32_t address);
bool vunit_flash_f2_write(struct vunit *unit, uint32_t address, const uint8_t *bytes, size_t len);
bool vunit_flash_serial_erase(struct vunit *unit, uint32_t address);
bool vunit_flash_serial_write(struct vunit *unit, uint32_t address, const uint8_t *bytes,
	size_t len);
/* Through the transfer buffer. */
void vunit_flash_serial_read(struct vunit *unit, uint32_t address, uint8_t *to, size_t len);
void vunit_flash_core_erase(struct vunit *unit, uint32_t address);
void vunit_flash_core_write(struct vunit *unit, uint32_t address, const uint8_t *bytes, size_t len);
void vunit_flash_core_read(struct vunit *unit, uint32_t address, uint8_t *to, size_t len);
/* Straight copies and sector work of the firmware, without the bootloader's checks.
 * offset is into alt 0. */
void vunit_flash_f2_sector_erase(struct vunit *unit, uint32_t offset);
void vunit_flash_f2_program(struct vunit *unit, uint32_t offset, const uint8_t *bytes, size_t len);

/* vunit_dct.c */
void vunit_dct_read(const struct vunit *unit, uint32_t offset, uint8_t *to, size_t len);
/* Replaces bytes: the other sector is erased and written whole, then it is the current one. False
 * if they do not fit, or on the Electron if they did not come out as they should. */
bool vunit_dct_write(struct vunit *unit, uint32_t offset, const uint8_t *bytes, size_t len);
/* Whether the bootloader can reach the DCT now; hangs the unit where the device
 * calls code that is gone. */
bool vunit_dct_reachable(struct vunit *unit);
/* The same question without calling anything: for the flags at leave. */
bool vunit_dct_reachable_safely(const struct vunit *unit);

/* vunit_dcd.c */
/* The current sector's offset in alt 0, as the code with or without sums finds it. */
uint32_t vunit_dcd_current(const uint8_t *flash, bool sums);
/* Makes a sector with its data a valid one, newer than the one that it was copied from. */
void vunit_dcd_seal(uint8_t *sector, bool sums);
bool vunit_dcd_write(
	struct vunit *unit, bool sums, uint32_t offset, const uint8_t *bytes, size_t len);

/* vunit_module.c: module headers in alt 0. */
struct vunit_module {
	uint32_t start, end;
	uint16_t version, platform;
	uint8_t function, index;
};
/* The header at a place; false if it does not lie there, is another platform's or its
 * bounds make no sense. */
bool vunit_module_read(
	const struct vunit *unit, const struct vunit_place *place, struct vunit_module *ret);
/* The header is that of the module that belongs there. */
bool vunit_module_there(const struct vunit *unit, const struct vunit_place *place);
/* The same, and the CRC at its end is right. */
bool vunit_module_sound(const struct vunit *unit, const struct vunit_place *place);
bool vunit_parts_sound(const struct vunit *unit);
/* How many parts a firmware of this version has. */
size_t vunit_module_parts(const struct vunit_map *map, uint16_t version);

/* vunit_boot.c */
/* What the unit does after a reset at at_us: stays in the bootloader, starts
 * the firmware, or hangs. */
void vunit_boot_start(struct vunit *unit, bool button, uint64_t at_us);
uint64_t vunit_boot_leave(struct vunit *unit);
void vunit_boot_attached_cdc(struct vunit *unit, uint64_t at_us);
/* False if nothing is staged that can be applied. */
bool vunit_boot_apply_staged(struct vunit *unit);
/* Module version of the firmware that runs; 0 on the Core. */
uint16_t vunit_boot_firmware_version(const struct vunit *unit);

/* vunit_program.c */
/* The application is started: if it is a patch program, its work begins. False if it shows nothing
 * on the bus. */
bool vunit_program_start(struct vunit *unit, uint64_t at_us);
/* Its work takes effect. True if it then resets into DFU. */
bool vunit_program_done(struct vunit *unit);

/* vunit_dfu.c */
void vunit_dfu_start(struct vunit *unit);
void vunit_dfu_bus_reset(struct vunit *unit);
enum vunit_answer vunit_dfu_request(struct vunit *unit, struct vunit_transfer *transfer);

/* vunit_rom.c: the DFU machine of an STM32's system memory */
enum vunit_answer vunit_rom_request(struct vunit *unit, struct vunit_transfer *transfer);
/* vunit_rom_flash.c: addresses in the selected setting. */
enum { ROM_OK = 0, ROM_TARGET = 0x01, ROM_VENDOR = 0x0B, ROM_UNKNOWN = 0x0E, ROM_STALLEDPKT = 0x0F };
uint8_t vunit_rom_point(const struct vunit *unit, uint32_t address);
uint8_t vunit_rom_erase(struct vunit *unit, uint32_t address);
uint8_t vunit_rom_mass_erase(struct vunit *unit);
void vunit_rom_unprotect(struct vunit *unit);
/* *ret_resets: option bytes take effect at a reset, which comes at once. */
uint8_t vunit_rom_write(struct vunit *unit, uint32_t address, const uint8_t *bytes, size_t len,
	bool *ret_resets);
/* *len: in, what is asked for; out, what there is. */
uint8_t vunit_rom_read(const struct vunit *unit, uint32_t address, uint8_t *to, size_t *len);
/* Is there a program at this address: a stack in RAM, and code in the flash? */
bool vunit_rom_program(const struct vunit *unit, uint32_t address);

/* vunit_usb.c */
enum vunit_answer vunit_usb_standard(struct vunit *unit, struct vunit_transfer *transfer);
/* Alternate settings in the configuration. */
uint8_t vunit_usb_announced(const struct vunit *unit);
/* vunit_strings.c: a string descriptor; its length in bytes, 0 if there is none. */
size_t vunit_usb_string(const struct vunit *unit, uint8_t index, uint8_t to[256]);
enum { STRING_MANUFACTURER = 1, STRING_PRODUCT, STRING_SERIAL, STRING_INTERFACE };

/* vunit_vendor.c: class and vendor requests that the running firmware answers. */
enum vunit_answer vunit_cdc_request(struct vunit *unit, struct vunit_transfer *transfer);
enum vunit_answer vunit_vendor_request(struct vunit *unit, struct vunit_transfer *transfer);
void vunit_vendor_start(struct vunit *unit);
/* The system version as text. */
void vunit_vendor_version(const struct vunit *unit, char *to, size_t cap);

/* vunit_serial.c: listening mode, and the line it talks over. */
void vunit_serial_start(struct vunit *unit);
/* The host sets this baud rate. */
void vunit_serial_baud(struct vunit *unit, uint32_t baud);
/* Bytes from the host, or for it; the answer of vunit_bulk. */
enum vunit_answer vunit_serial_transfer(struct vunit *unit, uint8_t endpoint,
	struct vunit_transfer *transfer);

/* vkey.c */
enum { VKEY_PRIVATE_MAX = 640, VKEY_PUBLIC_LEN = 162, VKEY_EC_PRIVATE_LEN = 121, VKEY_EC_PUBLIC_LEN = 91 };
/* The key that a unit makes for itself: RSA-1024, PKCS#1, every number at its full width. */
bool vkey_make(uint8_t ret[VKEY_PRIVATE_MAX], size_t *ret_len);
/* SPKI of the private key as the device reads it: the modulus from its fixed place. */
void vkey_public(const uint8_t *private_key, uint8_t ret[VKEY_PUBLIC_LEN]);
/* The same for a P-256 key as SEC1. False: none can be made; the key cannot be read. */
bool vkey_ec_make(uint8_t ret[VKEY_EC_PRIVATE_LEN]);
bool vkey_ec_public(
	const uint8_t private_key[VKEY_EC_PRIVATE_LEN], uint8_t ret[VKEY_EC_PUBLIC_LEN]);
