/* SPDX-License-Identifier: Apache-2.0 */
/* USES: virtual usb base */
/* LIBS: PkgConfig::openssl */
/* A Photon's DCT and its dependence on the system parts, its boot, what it writes by itself, and how it shows itself
 * on the bus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "digest.h"
#include "vunit_bench.h"

enum {
	PHOTON = 6,
	PART_1 = 0x08020000,
	PART_2 = 0x08060000,
	OTA = 0x080C0000,
	FACTORY = 0x080E0000,
	USER = 0x080A0000
};

static struct vunit_spec spec_without_parts(void)
{
	struct vunit_spec spec = bench_specs[VUNIT_PHOTON_1_4_4];
	spec.no_system_parts = true;
	return spec;
}

/* Flash as the file shows it. */
static void read_flash(const struct bench *bench, uint32_t address, void *to, size_t len)
{
	bench_file(bench, "alt0.bin", address - 0x08000000, to, len);
}

static void write_parts(struct bench *bench, uint16_t version)
{
	uint8_t module[BENCH_MODULE_MAX];
	size_t len = bench_module(module, PART_1, PHOTON, 4, 1, version);
	bench_alternate(bench, 0);
	bench_write_module(bench, PART_1, module, len);
	len = bench_module(module, PART_2, PHOTON, 4, 2, version);
	bench_write_module(bench, PART_2, module, len);
}

static void test_a_fresh_unit_has_valid_parts_and_erased_keys(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	uint8_t view[0x4000], header[24], *part = malloc(0x40000);
	assert_non_null(part);
	read_flash(&bench, PART_1, part, 0x40000);
	memcpy(header, part + 0x184, 24);
	uint32_t len = bytes_le32(header + 4) - bytes_le32(header);
	assert_in_range(len, 180 * 1024, 220 * 1024);
	assert_int_equal(digest_crc32(part, len), bytes_be32(part + len));
	uint8_t sha[32];
	struct err err;
	assert_true(digest_sha256(part, len + 4 - 38, sha, &err));
	assert_memory_equal(part + len + 4 - 38, sha, 32);
	assert_int_equal(bytes_le16(part + len + 4 - 6), 40);
	assert_int_equal(bytes_le16(header + 10), 1406);
	bench_file(&bench, "alt1.bin", 0, view, sizeof(view));
	assert_true(bytes_all(view + 34, 1216 + 384, 0xFF));
	assert_true(bytes_all(view + 3618, 12, 0xFF));
	read_flash(&bench, USER, part, 0x20000);
	assert_true(bytes_all(part, 0x20000, 0xFF));
	free(part);
	bench_done(&bench);
}

static void test_dct_writes_replace_bytes_and_change_the_copy(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	uint8_t back[4], copies[2][4];
	bench_alternate(&bench, 1);
	assert_int_equal(bench_erase(&bench, 2082), VUNIT_ACK);
	assert_int_equal(bench_write(&bench, 2082, "\x0F\x0F\x0F\x0F", 4), VUNIT_ACK);
	assert_in_range(bench.took_us, 310000, 330000);
	assert_int_equal(bench_write(&bench, 2082, "\xF1\xF1\xF1\xF1", 4), VUNIT_ACK);
	assert_int_equal(bench_read(&bench, 2082, back, 4), VUNIT_ACK);
	assert_memory_equal(back, "\xF1\xF1\xF1\xF1", 4);
	bench_file(&bench, "alt1.bin", 2082, back, 4);
	assert_memory_equal(back, "\xF1\xF1\xF1\xF1", 4);
	read_flash(&bench, 0x08004000 + 7548 + 2082, copies[0], 4);
	read_flash(&bench, 0x08008000 + 7548 + 2082, copies[1], 4);
	assert_memory_equal(copies[0], "\xF1\xF1\xF1\xF1", 4);
	assert_memory_equal(copies[1], "\x0F\x0F\x0F\x0F", 4);
	assert_int_equal(bench_write(&bench, 0x4000, "x", 1), VUNIT_STALL);
	assert_int_equal(bench_write(&bench, 8835, "xx", 2), VUNIT_STALL);
	bench_done(&bench);
}

static void test_without_valid_parts_the_dct_reads_zeros_and_takes_nothing(void **unused)
{
	(void)unused;
	struct vunit_spec spec = spec_without_parts();
	struct bench bench = bench_with(&spec);
	uint8_t back[16];
	bench_power(&bench, false);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU); /* nothing to start */
	bench_alternate(&bench, 1);
	assert_int_equal(bench_read(&bench, 34, back, 16), VUNIT_ACK);
	assert_true(bytes_all(back, 16, 0));
	assert_int_equal(bench_erase(&bench, 34), VUNIT_ACK);
	assert_int_equal(bench_write(&bench, 34, back, 16), VUNIT_STALL);
	bench_done(&bench);
	spec.bootloader = VUNIT_PHOTON_0_6_0; /* its own code reaches the DCT */
	bench = bench_with(&spec);
	bench_power(&bench, true);
	bench_alternate(&bench, 1);
	assert_int_equal(bench_write(&bench, 34, "0123", 4), VUNIT_ACK);
	assert_int_equal(bench_read(&bench, 34, back, 4), VUNIT_ACK);
	assert_memory_equal(back, "0123", 4);
	bench_done(&bench);
}

/* Reads one DCT byte; what the unit does about it. */
static enum vunit_answer touch_dct(struct bench *bench)
{
	uint8_t byte;
	bench_alternate(bench, 1);
	return bench_read(bench, 34, &byte, 1);
}

static void test_stale_dct_functions_hang_old_bootloaders(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_0_0);
	assert_int_equal(touch_dct(&bench), VUNIT_ACK);
	write_parts(&bench, 1406);
	assert_int_equal(touch_dct(&bench), VUNIT_NONE);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DEAD);
	bench_power(&bench, true);
	assert_int_equal(touch_dct(&bench), VUNIT_ACK);
	bench_done(&bench);

	bench = bench_new(
		VUNIT_PHOTON_1_0_0); /* not looked up before: looked up in the new parts */
	write_parts(&bench, 1406);
	assert_int_equal(touch_dct(&bench), VUNIT_ACK);
	bench_done(&bench);
}

static void test_newer_bootloaders_look_up_again_after_a_write_not_after_an_erase(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	assert_int_equal(touch_dct(&bench), VUNIT_ACK);
	write_parts(&bench, 1406);
	assert_int_equal(touch_dct(&bench), VUNIT_ACK);
	bench_alternate(&bench, 0);
	assert_int_equal(bench_erase(&bench, PART_2), VUNIT_ACK);
	assert_int_equal(touch_dct(&bench), VUNIT_NONE);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DEAD);
	bench_done(&bench);
}

static void test_leaving_after_rewriting_the_parts_does_not_hang(void **unused)
{
	(void)unused;
	for (int b = VUNIT_PHOTON_0_5_3; b <= VUNIT_PHOTON_1_4_4; b++) {
		struct bench bench = bench_new((enum vunit_bootloader)b);
		touch_dct(&bench);
		write_parts(&bench, 1406);
		bench_leave(&bench);
		assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
		bench_done(&bench);
	}
}

static void test_boot_goes_by_the_header_of_part_1(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	uint8_t module[BENCH_MODULE_MAX];
	size_t len = bench_module(module, PART_1, PHOTON, 4, 1, 1406);
	module[100] ^= 1; /* the header is right, the CRC is not */
	bench_write_module(&bench, PART_1, module, len);
	bench_leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DEAD);
	bench_power(&bench, true);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	bench_erase(&bench, PART_1);
	bench_leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	write_parts(&bench, 1406);
	bench_leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	bench_done(&bench);
}

static void test_a_first_boot_makes_a_key_and_an_identity(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	uint8_t dct[8391], again[8391];
	bench_leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	bench_file(&bench, "alt1.bin", 0, dct, sizeof(dct));
	const uint8_t *key = dct + 34, *public_key = dct + 1250;
	EVP_PKEY *private = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &key, 612);
	EVP_PKEY *derived = d2i_PUBKEY(NULL, &public_key, 162);
	assert_non_null(private);
	assert_non_null(derived);
	assert_int_equal(EVP_PKEY_eq(private, derived), 1);
	EVP_PKEY_free(private);
	EVP_PKEY_free(derived);
	assert_memory_equal(dct + 3618, vunit_spec(bench.unit)->device_id, 12);
	assert_memory_equal(dct + 1826, "\x06Photon", 7);
	assert_int_not_equal(dct[1852], 0xFF);
	assert_int_equal(bytes_le16(dct + 10), 0x5000);
	assert_int_equal(bytes_le16(dct + 14), 0xD001);
	bench_power(&bench, false);
	bench_file(&bench, "alt1.bin", 0, again, sizeof(again));
	assert_memory_equal(
		dct + 32, again + 32, sizeof(dct) - 32); /* only the flags change from then on */
	bench_done(&bench);
}

static void test_a_host_key_is_kept_and_its_public_key_derived(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	uint8_t key[612], back[612], derived[162];
	memset(key, 0x30, sizeof(key));
	memset(key + 11, 0xAB, 128);
	bench_alternate(&bench, 1);
	assert_int_equal(bench_write(&bench, 34, key, sizeof(key)), VUNIT_ACK);
	bench_leave(&bench);
	bench_file(&bench, "alt1.bin", 34, back, sizeof(back));
	assert_memory_equal(key, back, sizeof(key));
	bench_file(&bench, "alt1.bin", 1250, derived, sizeof(derived));
	assert_memory_equal(derived + 29, key + 11, 128);
	bench_done(&bench);
}

static void test_14400_baud_and_request_50_lead_back_into_dfu_once(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	uint8_t coding[7] = { 0x40, 0x38, 0, 0, 0, 0, 8 }, reply[64];
	bench_leave(&bench);
	assert_int_equal(bench_out(&bench, 0x20, 0, coding, 7), VUNIT_ACK);
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	bench_leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	uint64_t asked_us = bench.now_us;
	assert_int_equal(bench_control(&bench, 0xC0, 1, 0, 50, reply, 64), VUNIT_ACK);
	assert_int_equal(bytes_le32(reply) & 2, 2);
	uint16_t id = bytes_le16(reply + 6);
	bench_pass(&bench, 2000);
	assert_int_equal(bench_control(&bench, 0xC0, 2, 0, id, reply, 64), VUNIT_ACK);
	assert_int_equal(bytes_le32(reply), 9);
	assert_int_equal(bytes_le32(reply + 6), 0);
	assert_int_equal(vunit_next_event_us(bench.unit), asked_us + 1000000);
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	bench_done(&bench);
}

static void test_old_firmware_knows_no_request_protocol(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_0_6_0);
	uint8_t reply[64];
	bench_leave(&bench);
	assert_int_equal(bench_control(&bench, 0xC0, 1, 0, 50, reply, 64), VUNIT_STALL);
	assert_int_equal(bench_control(&bench, 0xC0, 0x50, 0, 20, reply, 64), VUNIT_ACK);
	assert_memory_equal(reply, "AB0000000000000000000000", 24);
	assert_int_equal(bench_control(&bench, 0xC0, 0x50, 0, 30, reply, 64), VUNIT_ACK);
	assert_int_equal(bench.len, 5);
	assert_memory_equal(reply, "0.6.0", 5);
	bench_done(&bench);
	bench = bench_new(VUNIT_PHOTON_0_5_3);
	bench_leave(&bench);
	assert_int_equal(bench_control(&bench, 0xC0, 0x50, 0, 20, reply, 64), VUNIT_STALL);
	bench_done(&bench);
}

static void test_a_staged_bootloader_is_applied_by_new_firmware_only(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_0_0);
	uint8_t module[BENCH_MODULE_MAX], flag = 0xA5, sector[24];
	size_t len = bench_module(module, 0x08000000, PHOTON, 2, 0, 1006);
	bench_write_module(&bench, OTA, module, len);
	bench_alternate(&bench, 1);
	assert_int_equal(bench_write(&bench, 1753, &flag, 1), VUNIT_ACK);
	bench_leave(&bench); /* firmware 1.0.0 */
	assert_int_equal(vunit_spec(bench.unit)->bootloader, VUNIT_PHOTON_1_0_0);
	bench_power(&bench, true);
	write_parts(&bench, 2302);
	uint32_t before = vunit_enumeration(bench.unit);
	bench_leave(&bench);
	assert_int_equal(vunit_enumeration(bench.unit), before + 2); /* CDC shows up twice */
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	assert_int_equal(vunit_spec(bench.unit)->bootloader, VUNIT_PHOTON_1_4_4);
	read_flash(&bench, 0x08000000, sector, 24);
	assert_memory_equal(sector, module, 24);
	bench_file(&bench, "alt1.bin", 1753, &flag, 1);
	assert_int_equal(flag, 0xFF);
	bench_done(&bench);
}

static void test_a_missing_user_part_comes_from_the_factory_region(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	uint8_t module[BENCH_MODULE_MAX], back[64];
	size_t len = bench_module(module, USER, PHOTON, 5, 1, 6);
	bench_write_module(&bench, FACTORY, module, len);
	bench_leave(&bench);
	read_flash(&bench, USER, back, sizeof(back));
	assert_memory_equal(back, module, sizeof(back));
	bench_done(&bench);
}

static void check_string(struct bench *bench, uint8_t index, const char *want, size_t units)
{
	uint8_t bytes[256];
	assert_int_equal(
		bench_control(bench, 0x80, 6, (uint16_t)(0x0300 | index), 0x0409, bytes, 255),
		VUNIT_ACK);
	assert_int_equal(bench->len, 2 + 2 * units);
	assert_int_equal(bytes[0], bench->len);
	for (size_t i = 0; i < units; i++)
		assert_int_equal(
			bytes_le16(bytes + 2 + 2 * i), (uint8_t)(i < strlen(want) ? want[i] : 0));
}

static void check_dfu_descriptors(enum vunit_bootloader bootloader, uint16_t transfer_size,
	const char *const layouts[2], const size_t units[2])
{
	struct bench bench = bench_new(bootloader);
	uint8_t bytes[256];
	assert_int_equal(bench_control(&bench, 0x80, 6, 0x0200, 0, bytes, 255), VUNIT_ACK);
	assert_int_equal(bench.len, 9 + 2 * 9 + 9);
	assert_int_equal(bytes_le16(bytes + 2), bench.len);
	for (uint8_t alt = 0; alt < 2; alt++) {
		const uint8_t *interface = bytes + 9 + 9 * alt;
		assert_int_equal(interface[3], alt);
		assert_memory_equal(interface + 5, "\xFE\x01\x02", 3);
		check_string(&bench, interface[8], layouts[alt], units[alt]);
	}
	assert_int_equal(bytes[28], 0x21);
	assert_int_equal(bytes_le16(bytes + 32), transfer_size);
	enum vunit_answer answer = bench_control(&bench, 0x81, 6, 0x2100, 0, bytes, 9);
	assert_int_equal(answer, transfer_size == 4096 ? VUNIT_ACK : VUNIT_STALL);
	bench_done(&bench);
}

static void test_descriptors_are_exactly_the_devices(void **unused)
{
	(void)unused;
	static const char *const photon[2] = {
		"@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg",
		"@DCT Flash   /0x00000000/01*016Kg"
	};
	static const char *const core[2] = { "@Internal Flash  /0x08000000/20*001Ka,108*001Kg",
		"@SPI Flash : SST25x/0x00000000/512*04Kg" };
	check_dfu_descriptors(VUNIT_PHOTON_0_5_3, 4096, photon, (const size_t[2]){ 65, 33 });
	check_dfu_descriptors(VUNIT_CORE_FACTORY, 1024, core, (const size_t[2]){ 48, 48 });
}

static void test_identities_follow_mode_and_version(void **unused)
{
	(void)unused;
	static const struct {
		enum vunit_bootloader bootloader;
		const char *dfu, *cdc;
	} cases[] = { { VUNIT_PHOTON_0_5_3, "00000000010C", "00000000050C" },
		{ VUNIT_PHOTON_0_6_0, "AB0000000000000000000000", "AB0000000000000000000000" },
		{ VUNIT_PHOTON_1_0_0, "ab0000000000000000000000", "ab0000000000000000000000" } };
	for (size_t i = 0; i < 3; i++) {
		struct bench bench = bench_new(cases[i].bootloader);
		uint8_t device[18];
		char serial[32];
		assert_true(vunit_device_descriptor(bench.unit, device));
		assert_memory_equal(device + 8, "\x04\x2B\x06\xD0", 4);
		vunit_serial(bench.unit, serial, sizeof(serial));
		assert_string_equal(serial, cases[i].dfu);
		bench_leave(&bench);
		assert_true(vunit_device_descriptor(bench.unit, device));
		assert_memory_equal(device + 8, "\x04\x2B\x06\xC0", 4);
		vunit_serial(bench.unit, serial, sizeof(serial));
		assert_string_equal(serial, cases[i].cdc);
		bench_done(&bench);
	}
}

static void test_detach_comes_back_as_another_enumeration(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	uint32_t before = vunit_enumeration(bench.unit);
	assert_int_equal(bench_out(&bench, 0, 100, NULL, 0), VUNIT_NONE);
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	assert_int_equal(vunit_enumeration(bench.unit), before + 1);
	assert_int_equal(bench_state(&bench), 2);
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_fresh_unit_has_valid_parts_and_erased_keys),
		cmocka_unit_test(test_dct_writes_replace_bytes_and_change_the_copy),
		cmocka_unit_test(test_without_valid_parts_the_dct_reads_zeros_and_takes_nothing),
		cmocka_unit_test(test_stale_dct_functions_hang_old_bootloaders),
		cmocka_unit_test(
			test_newer_bootloaders_look_up_again_after_a_write_not_after_an_erase),
		cmocka_unit_test(test_leaving_after_rewriting_the_parts_does_not_hang),
		cmocka_unit_test(test_boot_goes_by_the_header_of_part_1),
		cmocka_unit_test(test_a_first_boot_makes_a_key_and_an_identity),
		cmocka_unit_test(test_a_host_key_is_kept_and_its_public_key_derived),
		cmocka_unit_test(test_14400_baud_and_request_50_lead_back_into_dfu_once),
		cmocka_unit_test(test_old_firmware_knows_no_request_protocol),
		cmocka_unit_test(test_a_staged_bootloader_is_applied_by_new_firmware_only),
		cmocka_unit_test(test_a_missing_user_part_comes_from_the_factory_region),
		cmocka_unit_test(test_descriptors_are_exactly_the_devices),
		cmocka_unit_test(test_identities_follow_mode_and_version),
		cmocka_unit_test(test_detach_comes_back_as_another_enumeration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
