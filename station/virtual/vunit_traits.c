/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between families and their bootloaders (docs/devices.md), as data. */
#include "vunit_private.h"

#define CORE_TRAITS \
	.family = VUNIT_CORE, .bcd_usb = 0x0100, .bcd_device = 0x0200, .product = "CORE DFU ", \
	.running_product = "Spark Core with WiFi    ", .announced = 2, .dct = DCT_NONE, \
	.transfer_size = 1024, .start_state = DFU_ERROR, .start_status = 0x0A, \
	.start_pointer = CORE_APPLICATION, .alternates = 4, .max_interface = 255, .poll_ms = 50, \
	.bus_reset_nothing = true, .works_after = true, .cuts_replies = true

/* Photon and P1: hal/src/photon/ota_module_bounds.c. */
static const struct vunit_map wifi_map = {
	.parts = { { .start = 0x08020000,
			   .end = 0x08060000,
			   .runs = 0x08020000,
			   .function = 4,
			   .index = 1,
			   .vectors = true },
		{ .start = 0x08060000,
			.end = 0x080A0000,
			.runs = 0x08060000,
			.function = 4,
			.index = 2,
			.needs_index = 1 } },
	.part_count = 2,
	.system = 1,
	.user = { .start = 0x080A0000,
		.end = 0x080C0000,
		.runs = 0x080A0000,
		.function = 5,
		.index = 1 },
	.factory = { .start = 0x080E0000,
		.end = 0x08100000,
		.runs = 0x080A0000,
		.function = 5,
		.index = 1 },
	.ota = { .start = 0x080C0000, .end = 0x080C4000, .runs = FLASH_BASE, .function = 2 },
};

/* Electron: hal/src/electron/ota_module_bounds.c. The files of its parts are named otherwise: module 1 is
 * system-part2.bin, 2 system-part3.bin and 3 system-part1.bin. */
static const struct vunit_map electron_map = {
	.parts = { { .start = 0x08020000,
			   .end = 0x08040000,
			   .runs = 0x08020000,
			   .function = 4,
			   .index = 1,
			   .vectors = true,
			   .needs_index = 3 },
		{ .start = 0x08040000,
			.end = 0x08060000,
			.runs = 0x08040000,
			.function = 4,
			.index = 2,
			.vectors = true },
		{ .start = 0x08060000,
			.end = 0x08080000,
			.runs = 0x08060000,
			.function = 4,
			.index = 3,
			.needs_index = 2 } },
	.part_count = 3,
	.old_part_count = 2,
	.system = 0,
	.user = { .start = 0x08080000,
		.end = 0x080A0000,
		.runs = 0x08080000,
		.function = 5,
		.index = 1 },
	.factory = { .start = 0x080A0000,
		.end = 0x080C0000,
		.runs = 0x08080000,
		.function = 5,
		.index = 1 },
	.ota = { .start = 0x080C0000, .end = 0x080C4000, .runs = FLASH_BASE, .function = 2 },
};

#define F2_TRAITS \
	.bcd_usb = 0x0200, .manufacturer = "Particle", .transfer_size = 4096, \
	.start_state = DFU_IDLE, .start_pointer = F2_MODULES, .max_interface = 10, \
	.detaches = true, .own_functional = true

#define PHOTON_TRAITS \
	F2_TRAITS, .family = VUNIT_PHOTON, .platform = 6, .product = "Photon DFU Mode", \
		   .running_product = "Photon", .announced = 2, .alternates = 2, .map = &wifi_map, \
		   .soft_ap = true

#define P1_TRAITS \
	F2_TRAITS, .family = VUNIT_P1, .platform = 8, .product = "P1 DFU Mode", \
		   .running_product = "P1", .map = &wifi_map, .soft_ap = true

#define ELECTRON_TRAITS \
	F2_TRAITS, .family = VUNIT_ELECTRON, .platform = 10, .running_product = "Electron", \
		   .announced = 2, .alternates = 2, .map = &electron_map, .dct_is_dcd = true, \
		   .udp = true

/* The F2 bootloaders, whatever board they are on; the DCT's code is the boards'. */
#define F2_0_5_3 \
	.version = 7, .parts_version = 21, .bcd_device = 0x0200, .serial = SERIAL_CONSTANT, \
	.constant_serial = "00000000010C", .dct = DCT_OWN, .poll_ms = 50, \
	.detach_clears_status = true, .outside_is_buffer = true
#define F2_0_6_0 \
	.version = 8, .parts_version = 102, .since = 8, .bcd_device = 0x0250, \
	.serial = SERIAL_UPPER, .dct = DCT_OWN, .poll_ms = 50, .detach_clears_status = true, \
	.outside_is_buffer = true
#define F2_0_6_1 \
	.version = 9, .parts_version = 105, .since = 9, .bcd_device = 0x0250, \
	.serial = SERIAL_UPPER, .dct = DCT_OWN, .poll_ms = 50, .poll_kept = true, \
	.bus_reset_keeps_status = true, .outside_is_buffer = true
#define F2_1_0_0 \
	.version = 201, .parts_version = 1000, .since = 100, .bcd_device = 0x0250, \
	.serial = SERIAL_LOWER, .poll_kept = true, .bus_reset_keeps_status = true
#define F2_1_4_4 \
	.version = 501, .parts_version = 1406, .bcd_device = 0x0250, .serial = SERIAL_LOWER, \
	.poll_kept = true, .bus_reset_keeps_status = true

#define ROM_TRAITS \
	.family = VUNIT_ROM, .bcd_usb = 0x0100, .bcd_device = 0x2200, \
	.manufacturer = "STMicroelectronics", .product = "STM32  BOOTLOADER", \
	.running_product = "Product", .dct = DCT_NONE, .start_state = DFU_IDLE, \
	.start_pointer = FLASH_BASE

static const struct vunit_traits traits[VUNIT_BOOTLOADER_COUNT] = {
	[VUNIT_CORE_FACTORY] = { CORE_TRAITS, .name = "core-factory",
		.manufacturer = "Spark Devices     ", .serial = SERIAL_FOLDED },
	[VUNIT_CORE_1_4_4] = { CORE_TRAITS, .name = "core-1.4.4",
		.manufacturer = "Particle          ", .serial = SERIAL_UPPER },
	[VUNIT_PHOTON_0_5_3] = { PHOTON_TRAITS, F2_0_5_3, .name = "photon-0.5.3" },
	[VUNIT_PHOTON_0_6_0] = { PHOTON_TRAITS, F2_0_6_0, .name = "photon-0.6.0" },
	[VUNIT_PHOTON_1_0_0] = { PHOTON_TRAITS, F2_1_0_0, .name = "photon-1.0.0", .dct = DCT_ONCE },
	[VUNIT_PHOTON_1_4_4] = { PHOTON_TRAITS, F2_1_4_4, .name = "photon-1.4.4", .since = 400,
		.dct = DCT_REFRESH },
	[VUNIT_P1_0_6_0] = { P1_TRAITS, F2_0_6_0, .name = "p1-0.6.0", .announced = 2,
		.alternates = 2 },
	[VUNIT_P1_1_4_4] = { P1_TRAITS, F2_1_4_4, .name = "p1-1.4.4", .since = 100, .announced = 3,
		.alternates = 3, .dct = DCT_REFRESH },
	[VUNIT_ROM_F4] = { ROM_TRAITS, .name = "stm32-f4", .transfer_size = 2048,
		.serial = SERIAL_CONSTANT, .constant_serial = "STM32FxSTM32", .early = EARLY_HELD },
	[VUNIT_ROM_F4_FOLDED] = { ROM_TRAITS, .name = "stm32-f4-folded", .transfer_size = 2048,
		.serial = SERIAL_FOLDED, .early = EARLY_HELD },
	[VUNIT_ROM_L1] = { ROM_TRAITS, .name = "stm32-l1", .transfer_size = 2048,
		.serial = SERIAL_CONSTANT, .constant_serial = "STM32", .early = EARLY_BUSY },
	[VUNIT_ROM_L4] = { ROM_TRAITS, .name = "stm32-l4", .transfer_size = 2048,
		.serial = SERIAL_FOLDED, .early = EARLY_STALLED },
	[VUNIT_ROM_C5] = { ROM_TRAITS, .name = "stm32-c5", .transfer_size = 1024,
		.serial = SERIAL_FOLDED, .early = EARLY_HELD, .clear_only_errors = true,
		.leave_wants_address = true },
	[VUNIT_PHOTON_0_6_1] = { PHOTON_TRAITS, F2_0_6_1, .name = "photon-0.6.1" },
	[VUNIT_P1_0_6_1] = { P1_TRAITS, F2_0_6_1, .name = "p1-0.6.1", .announced = 3,
		.alternates = 3 },
	[VUNIT_ELECTRON_0_5_3] = { ELECTRON_TRAITS, F2_0_5_3, .name = "electron-0.5.3",
		.product = "Photon DFU Mode" },
	[VUNIT_ELECTRON_0_6_0] = { ELECTRON_TRAITS, F2_0_6_0, .name = "electron-0.6.0",
		.product = "Electron DFU Mode" },
	[VUNIT_ELECTRON_0_6_1] = { ELECTRON_TRAITS, F2_0_6_1, .name = "electron-0.6.1",
		.product = "Electron DFU Mode" },
	[VUNIT_ELECTRON_1_4_4] = { ELECTRON_TRAITS, F2_1_4_4, .name = "electron-1.4.4",
		.since = 100, .product = "Electron DFU Mode", .dct = DCT_OWN, .dct_sums = true },
};

const struct vunit_traits *vunit_traits_of(enum vunit_bootloader bootloader)
{
	return (unsigned)bootloader < VUNIT_BOOTLOADER_COUNT ? &traits[bootloader] : NULL;
}

/* One that it does not know behaves like the newest known one that came before it. */
enum vunit_bootloader vunit_traits_like(enum vunit_family family, uint16_t version)
{
	const struct vunit_traits *best = NULL;
	for (size_t i = 0; i < VUNIT_BOOTLOADER_COUNT; i++) {
		const struct vunit_traits *one = &traits[i];
		if (one->family != family || (best && one->since < best->since) ||
			(best && one->since > version))
			continue;
		best = one;
	}
	return (enum vunit_bootloader)(best ? best - traits : 0);
}
