/* SPDX-License-Identifier: Apache-2.0 */
/* An emulated unit: memory with real NOR rules, the DFU state machine as its bootloader really
 * behaves, boot, and the identities that it shows on the bus. Built from what the devices do
 * (docs/devices.md), it knows nothing of the station: it judges it. A front (vbus in the process,
 * an emulated or a kernel bus in tests) carries the transfers.
 *
 * Time is the unit's own, in microseconds since its power came on; the front passes it in and never
 * backwards. Work that the device does inside a transfer makes that transfer end later
 * (*ret_done_us); work that it does after a transfer makes the next one end later. The unit never
 * sleeps and has no thread; one thread at a time.
 *
 * Memory lies in files of the unit's folder, mapped shared, so that it survives the station,
 * whatever kills it:
 *   altN.bin   the whole memory of alternate setting N from its first layout address
 *   unit.json  device id, family, bootloader version, serial (so that a later run meets the same unit)
 *   radio      versions of the radio's firmware that patch programs installed (vunit_program.c)
 * For Photon, P1 and Electron alt1.bin is a view: the current one of the two DCT copies that stand in sectors
 * 1 and 2 of alt0. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum vunit_family {
	VUNIT_CORE,
	VUNIT_PHOTON,
	VUNIT_P1,
	VUNIT_ROM,
	VUNIT_ELECTRON,
	VUNIT_FAMILY_COUNT
};

/* Module version of the bootloader (docs/devices.md): what differs between them. */
enum vunit_bootloader {
	VUNIT_CORE_FACTORY,  /* 12-digit serial */
	VUNIT_CORE_1_4_4,    /* 24-digit serial */
	VUNIT_PHOTON_0_5_3,  /* constant serial, poll times 50, leave resets after 500 ms */
	VUNIT_PHOTON_0_6_0,  /* upper-case serial */
	VUNIT_PHOTON_1_0_0,  /* module version 201: DCT functions resolved once */
	VUNIT_PHOTON_1_4_4,  /* module version 501: resolved again after a write into the system parts */
	VUNIT_P1_0_6_0,	     /* as the Photon's, and without the alternate setting of the serial flash */
	VUNIT_P1_1_4_4,
	VUNIT_ROM_F4,	     /* STM32 system memory: constant serial, holds a GET_STATUS while it works */
	VUNIT_ROM_F4_FOLDED, /* the same with a 12-digit serial */
	VUNIT_ROM_L1,	     /* says dfuDNBUSY again while it works */
	VUNIT_ROM_L4,	     /* stalls a GET_STATUS while it works */
	VUNIT_ROM_C5,	     /* blocks of 1024, no option bytes, wants an address before it leaves */
	VUNIT_PHOTON_0_6_1,   /* 0.6.1 to 0.6.4: poll times stay, and bStatus over a bus reset */
	VUNIT_P1_0_6_1,	      /* with the serial flash */
	VUNIT_ELECTRON_0_5_3, /* constant serial, two parts; its DCT has no sums, as that of the next two */
	VUNIT_ELECTRON_0_6_0,
	VUNIT_ELECTRON_0_6_1,
	VUNIT_ELECTRON_1_4_4,
	VUNIT_BOOTLOADER_COUNT
};

enum { VUNIT_ALTERNATES_MAX = 4, VUNIT_LAYOUT_MAX = 112 };

/* An STM32's ROM is the same in many chips and boards: what hangs on those. */
struct vunit_chip {
	char layouts[VUNIT_ALTERNATES_MAX][VUNIT_LAYOUT_MAX]; /* interface strings; the first "" ends them */
	uint16_t cdc_vendor, cdc_product; /* that the program in its flash shows; 0: it has no USB */
	uint32_t touch_baud;		  /* by which that program goes to the ROM; 0: it does not */
};

struct vunit_spec {
	enum vunit_family family;
	enum vunit_bootloader bootloader;
	uint8_t device_id[12];
	uint64_t seed;	      /* for what is arbitrary: contents that nobody defined */
	bool no_system_parts; /* Photon, P1, Electron: a unit without valid system parts */
	bool credentials;     /* of a network: otherwise its firmware goes into listening mode by itself */
	struct vunit_chip chip; /* VUNIT_ROM; without layouts: a usual chip with this ROM */
};

struct vunit;

const char *vunit_family_name(enum vunit_family family);
/* The family of a profile's name ("core", "photon", "p1", "electron", "stm32-rom"); false if there is no
 * virtual unit for it. */
bool vunit_family_from_name(const char *name, enum vunit_family *ret);

/* Makes the folder and a fresh unit in it: bootloader, valid older system parts, no
 * user part, erased keys. */
bool vunit_create(const char *folder, const struct vunit_spec *spec, struct err *err) MUST_CHECK;
/* Opens the unit of a folder; power is off. REASON_INPUT if the folder holds no sound unit. */
bool vunit_open(const char *folder, struct vunit **ret, struct err *err) MUST_CHECK;
void vunit_close(struct vunit *unit);

const struct vunit_spec *vunit_spec(const struct vunit *unit);

enum vunit_mode {
	VUNIT_OFF,  /* no power, or between two identities: not on the bus */
	VUNIT_DFU,
	VUNIT_CDC,  /* its firmware runs */
	VUNIT_DEAD  /* hangs: on the bus no more, and nothing but power helps */
};

/* Power on, with the button held so that the bootloader stays in DFU, or without.
 * Clears what power clears. */
void vunit_power(struct vunit *unit, bool button, uint64_t now_us);
void vunit_power_off(struct vunit *unit);
/* A person holds the button and resets the unit, whatever it does: it comes up in DFU. */
void vunit_button(struct vunit *unit, uint64_t now_us);
/* Lets time pass: countdowns, resets, boots. */
void vunit_advance(struct vunit *unit, uint64_t now_us);
/* When its presence on the bus changes next by itself; UINT64_MAX if it does not. */
uint64_t vunit_next_event_us(const struct vunit *unit);
enum vunit_mode vunit_mode(const struct vunit *unit);
/* Counts every appearance on the bus; changes exactly when the host sees another enumeration. */
uint32_t vunit_enumeration(const struct vunit *unit);
/* The host resets the bus port; the unit stays where it is and waits for SET_CONFIGURATION. */
void vunit_bus_reset(struct vunit *unit, uint64_t now_us);

enum vunit_answer {
	VUNIT_ACK,
	VUNIT_STALL,
	VUNIT_OVERFLOW, /* sent more than asked for */
	VUNIT_NONE,	/* no answer at all: gone, hung, or still busy */
	VUNIT_NAK	/* of a bulk endpoint: nothing to send, ask again later */
};

/* One control transfer, standard requests included. setup is the packet as on the wire
 * (little-endian, wLength at bytes 6-7); data has wLength bytes. *ret_len: data bytes moved.
 * *ret_done_us: when the transfer ends on the bus, wire time included; UINT64_MAX if never. */
enum vunit_answer vunit_control(struct vunit *unit, const uint8_t setup[8], uint8_t *data,
	uint16_t *ret_len, uint64_t now_us, uint64_t *ret_done_us);

/* One transfer on another endpoint than 0; bit 7 of endpoint = to the host. The serial line of a
 * running unit has bulk endpoints 03 and 81; all others answer nothing. len and *ret_len as in
 * vunit_control. */
enum vunit_answer vunit_bulk(struct vunit *unit, uint8_t endpoint, uint8_t *data, uint16_t len,
	uint16_t *ret_len, uint64_t now_us, uint64_t *ret_done_us);
/* Its firmware runs, and is in listening mode. */
bool vunit_is_listening(const struct vunit *unit);

/* What a host sees in the present mode, for fronts that show a bus: 18 bytes of device descriptor.
 * The rest comes by vunit_control. False when off. */
bool vunit_device_descriptor(const struct vunit *unit, uint8_t ret[18]);
/* The serial string of the present mode, as text without trailing NULs; "" when off. cap >= 32. */
void vunit_serial(const struct vunit *unit, char *to, size_t cap);
void vunit_product(const struct vunit *unit, char *to, size_t cap);

/* For other judges: the sum of device time that erase, program and boot took since power on, and
 * the time on the wire. */
struct vunit_work {
	uint64_t flash_us, wire_us, boot_us; /* boot: from what resets it until it is back on the bus */
	uint64_t announced_us; /* a Core: what it announces to be waited for, beyond the work itself */
	uint32_t erases, blocks, transfers;
};
struct vunit_work vunit_work(const struct vunit *unit);
