/* SPDX-License-Identifier: Apache-2.0 */
/* What a virtual unit does after a reset: the bootloader's decision, and what the firmware writes
 * by itself before it shows up on the bus (docs/devices.md, "What a unit writes by itself").
 *
 * Chosen, since nothing establishes it: a unit is on the bus 0.2 s after its reset in DFU, and 1.4
 * s after it in CDC plus the time of its flash work; a firmware applies a staged bootloader 0.5 s
 * after that. */
#include <string.h>

#include "bytes.h"
#include "secret.h"
#include "vunit_private.h"

enum {
	ENUMERATION_US = 200000,
	FIRMWARE_US = 1200000,
	APPLY_US = 500000,
	FLAG_OTA = 10,
	FLAG_WATCHDOG = 14,
	FLAG_RESET_CAUSE = 20,
	OTA_NONE = 0x5000,
	WATCHDOG_ON = 0xD001,
	OTA_STAGED = 0xA5,
	APPLIES_STAGED_VERSION = 1213, /* Device OS 1.2.1 */
	SOFT_AP_VERSION = 11,
	EC_PUBLIC_VERSION = 300, /* Device OS 0.8.0-rc.1 */
	TRANSPORT_TCP = 0,
	SSID_PREFIX_LEN = 26,
	SETUP_CODE_LEN = 6
};

/* RCC_CSR after power came on (POR, BOR, pin) and after a reset by software (software, pin). */
#define RESET_BY_POWER 0x0E000000U
#define RESET_BY_SOFTWARE 0x14000000U

/* Those families whose firmware comes in modules and writes into a DCT. */
static bool has_dct(const struct vunit *unit)
{
	return unit->traits->dct != DCT_NONE;
}

uint16_t vunit_boot_firmware_version(const struct vunit *unit)
{
	const struct vunit_map *map = unit->traits->map;
	struct vunit_module system;
	return map && vunit_module_read(unit, &map->parts[map->system], &system) ? system.version
										 : 0;
}

/* The bootloader's own end of a session: it writes its system flags. From 0.7.0 on a
 * Photon keeps them in backup registers too, so a DCT that it cannot reach does not stop
 * it. The time that it takes. */
uint64_t vunit_boot_leave(struct vunit *unit)
{
	uint64_t before_us = unit->spent_us;
	if (unit->spec.family == VUNIT_ROM)
		return 0;
	bytes_put_le16(unit->flags + FLAG_OTA, OTA_NONE);
	if (unit->spec.family == VUNIT_CORE) {
		vunit_flash_core_erase(unit, CORE_FLAGS);
		vunit_flash_core_write(unit, CORE_FLAGS, unit->flags, sizeof(unit->flags));
	} else {
		bytes_put_le16(unit->flags + FLAG_WATCHDOG, WATCHDOG_ON);
		if (vunit_dct_reachable_safely(unit))
			vunit_dct_write(unit, DCT_FLAGS, unit->flags, sizeof(unit->flags));
	}
	return unit->spent_us - before_us;
}

static void write_if_new(struct vunit *unit, uint32_t offset, const uint8_t *bytes, size_t len)
{
	uint8_t now[256];
	vunit_dct_read(unit, offset, now, len);
	if (memcmp(now, bytes, len) != 0)
		vunit_dct_write(unit, offset, bytes, len);
}

/* The reset cause goes into the system flags, which changes them from boot to boot. */
static void write_flags(struct vunit *unit)
{
	uint8_t flags[DCT_FLAGS_LEN];
	vunit_dct_read(unit, DCT_FLAGS, flags, sizeof(flags));
	bytes_put_le32(
		flags + FLAG_RESET_CAUSE, unit->power_reset ? RESET_BY_POWER : RESET_BY_SOFTWARE);
	write_if_new(unit, DCT_FLAGS, flags, sizeof(flags));
}

/* A private key is missing when its first byte is FF: the unit makes one, which nobody enrolled. */
static void write_rsa_keys(struct vunit *unit)
{
	uint8_t key[DCT_PRIVATE_KEY_LEN], public_key[VKEY_PUBLIC_LEN];
	size_t len;
	vunit_dct_read(unit, DCT_PRIVATE_KEY, key, sizeof(key));
	if (key[0] == 0xFF && vkey_make(key, &len))
		vunit_dct_write(unit, DCT_PRIVATE_KEY, key, len);
	vkey_public(key, public_key);
	write_if_new(unit, DCT_PUBLIC_KEY, public_key, sizeof(public_key));
	secret_wipe(key, sizeof(key));
}

static void write_ec_keys(struct vunit *unit)
{
	uint8_t key[DCT_EC_PRIVATE_KEY_LEN], public_key[VKEY_EC_PUBLIC_LEN];
	vunit_dct_read(unit, DCT_EC_PRIVATE_KEY, key, sizeof(key));
	if (key[0] == 0xFF && vkey_ec_make(key))
		vunit_dct_write(unit, DCT_EC_PRIVATE_KEY, key, VKEY_EC_PRIVATE_LEN);
	if (vunit_boot_firmware_version(unit) >= EC_PUBLIC_VERSION &&
		vkey_ec_public(key, public_key))
		write_if_new(unit, DCT_EC_PUBLIC_KEY, public_key, sizeof(public_key));
	secret_wipe(key, sizeof(key));
}

/* Those of the protocol that it is set to: TCP has RSA, UDP has P-256. */
static void write_keys(struct vunit *unit)
{
	uint8_t transport;
	vunit_dct_read(unit, DCT_TRANSPORT, &transport, 1);
	if (unit->traits->udp && transport != TRANSPORT_TCP)
		write_ec_keys(unit);
	else
		write_rsa_keys(unit);
}

static void write_identity(struct vunit *unit)
{
	uint8_t present[SSID_PREFIX_LEN] = { 0 };
	vunit_dct_read(unit, DCT_DEVICE_ID, present, 1);
	if (present[0] == 0xFF)
		vunit_dct_write(
			unit, DCT_DEVICE_ID, unit->spec.device_id, sizeof(unit->spec.device_id));
	if (!unit->traits->soft_ap || vunit_boot_firmware_version(unit) < SOFT_AP_VERSION)
		return;
	vunit_dct_read(unit, DCT_SSID_PREFIX, present, 1);
	if (present[0] == 0xFF)
		vunit_dct_write(unit, DCT_SSID_PREFIX, (const uint8_t *)"\x06Photon", 7);
	vunit_dct_read(unit, DCT_SETUP_CODE, present, 1);
	if (present[0] == 0xFF) {
		uint8_t code[SETUP_CODE_LEN];
		vunit_noise(unit->spec.seed ^ 0xC0DE, code, sizeof(code));
		for (size_t i = 0; i < sizeof(code); i++)
			code[i] = (uint8_t)('A' + code[i] % 26);
		vunit_dct_write(unit, DCT_SETUP_CODE, code, sizeof(code));
	}
}

/* A missing user part is taken from the factory region, which holds it linked for the user
 * region. */
static bool restore_user_part(struct vunit *unit)
{
	const struct vunit_map *map = unit->traits->map;
	struct vunit_module factory;
	if (vunit_module_sound(unit, &map->user) || !vunit_module_sound(unit, &map->factory) ||
		!vunit_module_read(unit, &map->factory, &factory))
		return false;
	size_t len = factory.end - factory.start + 4;
	if (len > map->user.end - map->user.start)
		return false;
	vunit_flash_f2_sector_erase(unit, map->user.start - FLASH_BASE);
	vunit_flash_f2_program(unit, map->user.start - FLASH_BASE,
		unit->memory[0] + (map->factory.start - FLASH_BASE), len);
	return true;
}

/* The time until the firmware is on the bus; what it writes is written then. */
static uint64_t run_firmware(struct vunit *unit)
{
	uint64_t before_us = unit->spent_us, us = FIRMWARE_US;
	unit->in_firmware = true;
	if (has_dct(unit)) {
		if (restore_user_part(unit))
			us += FIRMWARE_US;
		write_flags(unit);
		write_keys(unit);
		write_identity(unit);
	}
	return us + unit->spent_us - before_us;
}

enum boot { BOOT_STAY, BOOT_FIRMWARE, BOOT_UNSEEN, BOOT_HANG };

static enum boot decide(const struct vunit *unit)
{
	const uint8_t *flash = unit->memory[0];
	if (unit->spec.family == VUNIT_ROM) {
		/* The reset took it off the bus; without a program it hangs there. */
		bool runs = vunit_rom_program(unit, unit->program);
		return runs && unit->spec.chip.cdc_vendor ? BOOT_FIRMWARE : BOOT_UNSEEN;
	}
	if (unit->spec.family == VUNIT_CORE) {
		uint32_t stack = bytes_le32(flash + (CORE_APPLICATION - FLASH_BASE));
		return (stack & 0x2FFE0000) == 0x20000000 ? BOOT_FIRMWARE : BOOT_STAY;
	}
	if (!vunit_module_there(unit, &unit->traits->map->parts[0]))
		return BOOT_STAY;
	return vunit_parts_sound(unit) ? BOOT_FIRMWARE
				       : BOOT_HANG; /* the header alone decides that it starts */
}

static void take_flags(struct vunit *unit)
{
	if (unit->spec.family == VUNIT_CORE)
		memcpy(unit->flags, unit->memory[0] + (CORE_FLAGS - FLASH_BASE),
			sizeof(unit->flags));
	else if (has_dct(unit))
		vunit_dct_read(unit, DCT_FLAGS, unit->flags, sizeof(unit->flags));
}

void vunit_boot_start(struct vunit *unit, bool button, uint64_t at_us)
{
	enum boot boot = button || unit->dfu_once ? BOOT_STAY : decide(unit);
	unit->dfu_once = false;
	unit->in_firmware = false;
	take_flags(unit);
	vunit_dfu_start(unit);
	if (boot == BOOT_HANG) {
		vunit_hang(unit);
		return;
	}
	if (boot == BOOT_UNSEEN)
		return;
	uint64_t us = ENUMERATION_US;
	bool shows = true;
	if (boot == BOOT_FIRMWARE) {
		vunit_vendor_start(unit);
		us += run_firmware(unit);
		shows = vunit_program_start(unit, at_us + us);
	}
	if (shows)
		vunit_schedule(unit, boot == BOOT_FIRMWARE ? EVENT_ATTACH_CDC : EVENT_ATTACH_DFU,
			at_us + us);
	unit->booting_us = us;
}

static bool is_staged(const struct vunit *unit, struct vunit_module *ret)
{
	uint8_t flag;
	vunit_dct_read(unit, DCT_OTA_FLAG, &flag, 1);
	return flag == OTA_STAGED && vunit_module_sound(unit, &unit->traits->map->ota) &&
	       vunit_module_read(unit, &unit->traits->map->ota, ret);
}

void vunit_boot_attached_cdc(struct vunit *unit, uint64_t at_us)
{
	struct vunit_module staged;
	if (has_dct(unit) && vunit_boot_firmware_version(unit) >= APPLIES_STAGED_VERSION &&
		is_staged(unit, &staged))
		vunit_schedule(unit, EVENT_APPLY, at_us + APPLY_US);
}

bool vunit_boot_apply_staged(struct vunit *unit)
{
	struct vunit_module staged;
	struct err err;
	if (!is_staged(unit, &staged))
		return false;
	size_t len = staged.end - staged.start + 4;
	vunit_flash_f2_sector_erase(unit, 0);
	vunit_flash_f2_program(
		unit, 0, unit->memory[0] + (unit->traits->map->ota.start - FLASH_BASE), len);
	uint8_t erased = 0xFF;
	vunit_dct_write(unit, DCT_OTA_FLAG, &erased, 1);
	unit->spec.bootloader = vunit_traits_like(unit->spec.family, staged.version);
	unit->traits = vunit_traits_of(unit->spec.bootloader);
	/* If unit.json cannot be written, a later run only meets the old bootloader's behaviour. */
	struct vunit_spec own = vfault_own_spec(unit);
	bool kept = vunit_spec_write(unit->folder, &own, &err);
	(void)kept;
	return true;
}
