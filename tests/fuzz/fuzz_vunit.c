/* SPDX-License-Identifier: Apache-2.0 */
/* USES: virtual usb base */
/* Whatever a host sends to a virtual unit, the unit stays within its memory and its time goes forward. Input: the
 * bootloader, the button, then records of ten bytes (SETUP packet, fill of the data, what passes meanwhile). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "vunit.h"

enum { RECORD_LEN = 10, RECORDS_MAX = 200 };

static const enum vunit_family families[VUNIT_BOOTLOADER_COUNT] = {
	[VUNIT_CORE_FACTORY] = VUNIT_CORE,
	[VUNIT_CORE_1_4_4] = VUNIT_CORE,
	[VUNIT_PHOTON_0_5_3] = VUNIT_PHOTON,
	[VUNIT_PHOTON_0_6_0] = VUNIT_PHOTON,
	[VUNIT_PHOTON_1_0_0] = VUNIT_PHOTON,
	[VUNIT_PHOTON_1_4_4] = VUNIT_PHOTON,
	[VUNIT_P1_0_6_0] = VUNIT_P1,
	[VUNIT_P1_1_4_4] = VUNIT_P1,
	[VUNIT_PHOTON_0_6_1] = VUNIT_PHOTON,
	[VUNIT_P1_0_6_1] = VUNIT_P1,
	[VUNIT_ELECTRON_0_5_3] = VUNIT_ELECTRON,
	[VUNIT_ELECTRON_0_6_0] = VUNIT_ELECTRON,
	[VUNIT_ELECTRON_0_6_1] = VUNIT_ELECTRON,
	[VUNIT_ELECTRON_1_4_4] = VUNIT_ELECTRON,
	[VUNIT_ROM_F4] = VUNIT_ROM,
	[VUNIT_ROM_F4_FOLDED] = VUNIT_ROM,
	[VUNIT_ROM_L1] = VUNIT_ROM,
	[VUNIT_ROM_L4] = VUNIT_ROM,
	[VUNIT_ROM_C5] = VUNIT_ROM,
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void pass(struct vunit *unit, uint64_t *now_us, uint8_t how)
{
	if (how == 0xFF)
		vunit_power(unit, how & 1, *now_us);
	else if (how == 0xFE)
		vunit_bus_reset(unit, *now_us);
	else if (how >= 0xF0 && vunit_next_event_us(unit) != UINT64_MAX)
		*now_us = vunit_next_event_us(unit);
	else
		*now_us += how * UINT64_C(100);
	vunit_advance(unit, *now_us);
}

static void exchange(struct vunit *unit, const uint8_t *record, uint8_t *data, uint64_t *now_us)
{
	uint16_t wanted = bytes_le16(record + 6), len;
	uint64_t done_us;
	memset(data, record[8], wanted);
	if (wanted >= 5 && (record[8] == 0x21 || record[8] == 0x41)) /* an address near something */
		bytes_put_le32(data + 1,
			record[9] & 1 ? 0x08000000U + record[9] * 0x2000U : record[9] * 64U);
	enum vunit_answer answer = vunit_control(unit, record, data, &len, *now_us, &done_us);
	must(len <= wanted);
	must((answer == VUNIT_NONE) == (done_us == UINT64_MAX));
	if (answer == VUNIT_NONE)
		return;
	must(done_us >= *now_us);
	*now_us = done_us;
}

static void run(struct vunit *unit, const uint8_t *bytes, size_t len)
{
	static uint8_t data[65536];
	uint64_t now_us = 0;
	char text[32];
	vunit_power(unit, bytes[1] & 1, 0);
	while (vunit_next_event_us(unit) != UINT64_MAX && now_us < 60000000) {
		now_us = vunit_next_event_us(unit);
		vunit_advance(unit, now_us);
	}
	bytes += 2;
	len -= 2;
	for (int i = 0; i < RECORDS_MAX && len >= RECORD_LEN; i++) {
		exchange(unit, bytes, data, &now_us);
		pass(unit, &now_us, bytes[9]);
		vunit_serial(unit, text, sizeof(text));
		bytes += RECORD_LEN;
		len -= RECORD_LEN;
	}
}

static void clean(const char *folder)
{
	static const char *const names[] = { "alt0.bin", "alt1.bin", "alt2.bin", "alt3.bin", "unit.json" };
	char path[128];
	for (size_t i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* A unit with a key does not spend the fuzzer's time on making one: the first byte in its current DCT copy. */
static void give_key(const char *folder)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/alt0.bin", folder);
	FILE *file = fopen(path, "r+b");
	must(file && fseek(file, 0x4000 + 7548 + 34, SEEK_SET) == 0 && fputc(0x30, file) == 0x30);
	fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char folder[] = "/dev/shm/vunit-fuzz-XXXXXX"; /* a unit per input: files in memory */
	struct vunit *unit;
	struct err err;
	if (len < 2)
		return 0;
	enum vunit_bootloader bootloader =
		(enum vunit_bootloader)(bytes[0] % VUNIT_BOOTLOADER_COUNT);
	struct vunit_spec spec = { .family = families[bootloader],
		.bootloader = bootloader,
		.seed = 1,
		.no_system_parts = bytes[1] & 2 };
	must(mkdtemp(folder) != NULL);
	must(vunit_create(folder, &spec, &err));
	give_key(folder);
	must(vunit_open(folder, &unit, &err));
	run(unit, bytes, len);
	vunit_close(unit);
	clean(folder);
	return 0;
}
