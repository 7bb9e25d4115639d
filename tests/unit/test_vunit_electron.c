/* SPDX-License-Identifier: Apache-2.0 */
/* USES: virtual usb base */
/* LIBS: PkgConfig::openssl */
/* What an Electron has that a Photon has not: three parts, a store of its own for the DCT, P-256 keys. And the
 * bootloaders 0.6.1 to 0.6.4 of all three boards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "digest.h"
#include "vfault.h"
#include "vunit_bench.h"

enum {
	ELECTRON = 10,
	MODULE_1 = 0x08020000,
	MODULE_2 = 0x08040000,
	MODULE_3 = 0x08060000,
	USER = 0x08080000,
	FACTORY = 0x080A0000,
	OTA = 0x080C0000,
	SECTOR = 0x4000,
	COPY_1 = 0x4000, /* in alt 0 */
	COPY_2 = 0x8000
};

static const uint8_t valid[8] = { 0x9A, 0x27, 0x1C, 0x1E, 0x00, 0x5E, 0xA1, 0xED };
static const uint8_t was_valid[8] = { 0x9A, 0x27, 0x1C, 0x1E, 0x00, 0x0C, 0xA0, 0x69 };
static const uint8_t cleared[8] = { 0x9A, 0x27, 0x1C, 0x1E, 0, 0, 0, 0 };

static void write_module(struct bench *bench, uint32_t address, uint32_t start, uint8_t function,
	uint8_t index, uint16_t version)
{
	uint8_t module[BENCH_MODULE_MAX];
	size_t len = bench_module(module, start, ELECTRON, function, index, version);
	bench_alternate(bench, 0);
	bench_write_module(bench, address, module, len);
}

static void write_parts(struct bench *bench, uint16_t version)
{
	write_module(bench, MODULE_1, MODULE_1, 4, 1, version);
	write_module(bench, MODULE_2, MODULE_2, 4, 2, version);
	write_module(bench, MODULE_3, MODULE_3, 4, 3, version);
}

static enum vunit_mode left(struct bench *bench)
{
	bench_leave(bench);
	return vunit_mode(bench->unit);
}

static void it_shows_itself_as_an_electron(void **unused)
{
	(void)unused;
	static const struct {
		enum vunit_bootloader bootloader;
		const char *product, *serial, *running;
		uint16_t release;
	} cases[] = { { VUNIT_ELECTRON_0_5_3, "Photon DFU Mode", "00000000010C", "00000000050C",
			      0x0200 },
		{ VUNIT_ELECTRON_0_6_0, "Electron DFU Mode", "AB0000000000000000000000",
			"AB0000000000000000000000", 0x0250 },
		{ VUNIT_ELECTRON_1_4_4, "Electron DFU Mode", "ab0000000000000000000000",
			"ab0000000000000000000000", 0x0250 } };
	for (size_t i = 0; i < 3; i++) {
		struct bench bench = bench_new(cases[i].bootloader);
		uint8_t device[18];
		char text[32];
		assert_true(vunit_device_descriptor(bench.unit, device));
		assert_memory_equal(device + 8, "\x04\x2B\x0A\xD0", 4);
		assert_int_equal(bytes_le16(device + 12), cases[i].release);
		vunit_product(bench.unit, text, sizeof(text));
		assert_string_equal(text, cases[i].product);
		vunit_serial(bench.unit, text, sizeof(text));
		assert_string_equal(text, cases[i].serial);
		assert_int_equal(left(&bench), VUNIT_CDC);
		assert_true(vunit_device_descriptor(bench.unit, device));
		assert_memory_equal(device + 8, "\x04\x2B\x0A\xC0", 4);
		vunit_product(bench.unit, text, sizeof(text));
		assert_string_equal(text, "Electron");
		vunit_serial(bench.unit, text, sizeof(text));
		assert_string_equal(text, cases[i].running);
		bench_done(&bench);
	}
}

static void check_part(const struct bench *bench, uint32_t address, uint8_t index)
{
	static uint8_t part[0x20000];
	bench_file(bench, "alt0.bin", address - 0x08000000, part, sizeof(part));
	bool vectors = (bytes_le32(part) & 0x2FF10000) == 0x20000000;
	const uint8_t *header = part + (vectors ? 0x184 : 0);
	assert_int_equal(vectors, index != 3);
	assert_int_equal(bytes_le32(header), address);
	assert_int_equal(bytes_le16(header + 12), ELECTRON);
	assert_int_equal(header[14], 4);
	assert_int_equal(header[15], index);
	uint32_t len = bytes_le32(header + 4) - address;
	assert_in_range(len, 90 * 1024, 110 * 1024);
	assert_int_equal(digest_crc32(part, len), bytes_be32(part + len));
}

static void a_fresh_unit_has_three_parts_or_two_before_0_6_0(void **unused)
{
	(void)unused;
	for (int b = VUNIT_ELECTRON_0_5_3; b <= VUNIT_ELECTRON_1_4_4; b++) {
		struct bench bench = bench_new((enum vunit_bootloader)b);
		uint8_t rest[0x20000], dct[8391];
		check_part(&bench, MODULE_1, 1);
		check_part(&bench, MODULE_2, 2);
		if (b == VUNIT_ELECTRON_0_5_3) {
			bench_file(&bench, "alt0.bin", MODULE_3 - 0x08000000, rest, sizeof(rest));
			assert_true(bytes_all(rest, sizeof(rest), 0xFF));
		} else {
			check_part(&bench, MODULE_3, 3);
		}
		bench_file(&bench, "alt0.bin", USER - 0x08000000, rest, sizeof(rest));
		assert_true(bytes_all(rest, sizeof(rest), 0xFF));
		bench_file(&bench, "alt1.bin", 0, dct, sizeof(dct));
		assert_true(bytes_all(dct + 34, sizeof(dct) - 34, 0xFF));
		bench_done(&bench);
	}
}

static void it_runs_with_all_its_parts_and_starts_by_the_first(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_ELECTRON_1_4_4);
	static const uint32_t places[] = { MODULE_2, MODULE_3 };
	assert_int_equal(left(&bench), VUNIT_CDC);
	for (size_t i = 0; i < 2; i++) {
		bench_power(&bench, true);
		write_parts(&bench, 2302);
		/* What belongs elsewhere: a file that was placed by its name. */
		write_module(&bench, places[i], MODULE_1, 4, 1, 2302);
		assert_int_equal(left(&bench), VUNIT_DEAD);
	}
	bench_power(&bench, true);
	write_parts(&bench, 2302);
	assert_int_equal(left(&bench), VUNIT_CDC);
	bench_power(&bench, true);
	bench_erase(&bench, MODULE_1);
	assert_int_equal(left(&bench), VUNIT_DFU);
	/* Firmware from before 0.6.0 has no third part. */
	bench_erase(&bench, MODULE_3);
	write_module(&bench, MODULE_1, MODULE_1, 4, 1, 21);
	assert_int_equal(left(&bench), VUNIT_CDC);
	bench_power(&bench, true);
	write_module(&bench, MODULE_1, MODULE_1, 4, 1, 102);
	assert_int_equal(left(&bench), VUNIT_DEAD);
	bench_done(&bench);
}

static void the_dct_needs_no_parts(void **unused)
{
	(void)unused;
	for (int b = VUNIT_ELECTRON_0_5_3; b <= VUNIT_ELECTRON_1_4_4; b++) {
		struct vunit_spec spec = bench_specs[b];
		uint8_t back[4];
		spec.no_system_parts = true;
		struct bench bench = bench_with(&spec);
		bench_power(&bench, false);
		assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
		bench_alternate(&bench, 1);
		assert_int_equal(bench_write(&bench, 3106, "0123", 4), VUNIT_ACK);
		bench_alternate(&bench, 0);
		bench_erase(&bench, MODULE_2);
		bench_alternate(&bench, 1);
		assert_int_equal(bench_read(&bench, 3106, back, 4), VUNIT_ACK);
		assert_memory_equal(back, "0123", 4);
		bench_done(&bench);
	}
}

/* The data begin 8 bytes into the sector; where they end differs. */
static void the_store_ends_where_its_code_says(void **unused)
{
	(void)unused;
	static const struct {
		enum vunit_bootloader bootloader;
		uint32_t end;
	} cases[] = { { VUNIT_ELECTRON_0_6_0, 16376 }, { VUNIT_ELECTRON_1_4_4, 16344 } };
	for (size_t i = 0; i < 2; i++) {
		struct bench bench = bench_new(cases[i].bootloader);
		uint8_t back[8], behind[8];
		bench_alternate(&bench, 1);
		assert_int_equal(bench_write(&bench, cases[i].end - 2, "xy", 2), VUNIT_ACK);
		bench_file(&bench, "alt0.bin", COPY_2 + 8 + cases[i].end - 2, back, 2);
		assert_memory_equal(back, "xy", 2);
		assert_int_equal(bench_write(&bench, cases[i].end - 1, "xy", 2), VUNIT_STALL);
		assert_int_equal(bench_write(&bench, cases[i].end, "x", 1), VUNIT_STALL);
		/* A read runs on into the EEPROM's sector behind the second copy. */
		assert_int_equal(bench_read(&bench, 16376 - 4, back, 8), VUNIT_ACK);
		bench_file(&bench, "alt0.bin", COPY_2 + SECTOR - 4, behind, 8);
		assert_memory_equal(back, behind, 8);
		bench_done(&bench);
	}
}

static void check_headers(
	const struct bench *bench, const uint8_t first[8], const uint8_t second[8])
{
	uint8_t found[8];
	bench_file(bench, "alt0.bin", COPY_1, found, 8);
	assert_memory_equal(found, first, 8);
	bench_file(bench, "alt0.bin", COPY_2, found, 8);
	assert_memory_equal(found, second, 8);
}

static void check_sum(const struct bench *bench, uint32_t copy)
{
	uint8_t sector[SECTOR];
	bench_file(bench, "alt0.bin", copy, sector, sizeof(sector));
	assert_int_equal(digest_crc32(sector + 8, SECTOR - 12), bytes_le32(sector + SECTOR - 4));
}

static void each_write_takes_the_other_sector(void **unused)
{
	(void)unused;
	for (int sums = 0; sums < 2; sums++) {
		struct bench bench = bench_new(sums ? VUNIT_ELECTRON_1_4_4 : VUNIT_ELECTRON_0_6_0);
		const uint8_t *old = sums ? was_valid : cleared;
		uint8_t back[4];
		bench_alternate(&bench, 1);
		assert_int_equal(bench_write(&bench, 3106, "\x0F\x0F\x0F\x0F", 4), VUNIT_ACK);
		check_headers(&bench, old, valid);
		assert_int_equal(bench_write(&bench, 3106, "\xF1\xF1\xF1\xF1", 4), VUNIT_ACK);
		check_headers(&bench, valid, old);
		if (sums) {
			check_sum(&bench, COPY_1);
			check_sum(&bench, COPY_2);
		}
		bench_file(&bench, "alt0.bin", COPY_1 + 8 + 3106, back, 4);
		assert_memory_equal(back, "\xF1\xF1\xF1\xF1", 4);
		bench_file(&bench, "alt0.bin", COPY_2 + 8 + 3106, back, 4);
		assert_memory_equal(back, "\x0F\x0F\x0F\x0F", 4);
		bench_file(&bench, "alt1.bin", 3106, back, 4);
		assert_memory_equal(back, "\xF1\xF1\xF1\xF1", 4);
		bench_done(&bench);
	}
}

/* Bootloader 0.6.0 knows no sums, the firmware of today does. */
static void old_and_new_code_read_what_the_other_wrote(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_ELECTRON_0_6_0);
	uint8_t byte, back[12];
	write_parts(&bench, 2302);
	for (byte = 1; byte < 6; byte++) {
		bench_alternate(&bench, 1);
		assert_int_equal(bench_write(&bench, 2977, &byte, 1), VUNIT_ACK);
		assert_int_equal(left(&bench), VUNIT_CDC);
		bench_power(&bench, true);
		bench_alternate(&bench, 1);
		assert_int_equal(bench_read(&bench, 2977, back, 1), VUNIT_ACK);
		assert_int_equal(back[0], byte);
		assert_int_equal(bench_read(&bench, 3618, back, 12), VUNIT_ACK);
		assert_memory_equal(back, vunit_spec(bench.unit)->device_id, 12);
	}
	bench_done(&bench);
}

static void damage(struct bench *bench, uint32_t offset, const void *bytes, size_t len)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/alt0.bin", bench->folder);
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static int read_transport(struct bench *bench)
{
	uint8_t byte = 0;
	bench_alternate(bench, 1);
	assert_int_equal(bench_read(bench, 2977, &byte, 1), VUNIT_ACK);
	return byte;
}

static void sums_tell_which_sector_counts(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_ELECTRON_1_4_4);
	bench_alternate(&bench, 1);
	assert_int_equal(bench_write(&bench, 2977, "\x11", 1), VUNIT_ACK);
	assert_int_equal(bench_write(&bench, 2977, "\x22", 1), VUNIT_ACK);
	assert_int_equal(
		bench_write(&bench, 2977, "\x33", 1), VUNIT_ACK); /* in the second sector */
	damage(&bench, COPY_1, valid, 8); /* power went between the two headers */
	assert_int_equal(read_transport(&bench), 0x33);
	damage(&bench, COPY_2 + 8 + 5000, "\x00", 1);
	assert_int_equal(read_transport(&bench), 0x22);
	damage(&bench, COPY_1, was_valid, 8); /* falls back to the one before */
	assert_int_equal(read_transport(&bench), 0x22);
	damage(&bench, COPY_1, cleared, 8); /* written by old code, which makes no sums */
	assert_int_equal(read_transport(&bench), 0x33);
	bench_done(&bench);
}

/* Unlike a Photon's: what did not come out is told, and what stood there before stays. */
static void a_write_is_compared(void **unused)
{
	(void)unused;
	for (int b = VUNIT_ELECTRON_0_6_0; b <= VUNIT_ELECTRON_1_4_4; b++) {
		struct bench bench = bench_new((enum vunit_bootloader)b);
		struct vfault dead = { .kind = VFAULT_DEAD_CELL,
			.alt = 0,
			.address = 0x08000000 + COPY_1 + 8 + 3200,
			.bits = 0x10 };
		struct err err;
		bench_alternate(&bench, 1);
		assert_int_equal(bench_write(&bench, 2977, "\x11", 1), VUNIT_ACK);
		assert_true(vunit_set_faults(bench.unit, &dead, 1, &err));
		assert_int_equal(bench_write(&bench, 2977, "\x22", 1), VUNIT_STALL);
		assert_int_equal(read_transport(&bench), 0x11);
		check_headers(&bench,
			(const uint8_t[8]){ 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF },
			valid);
		bench_done(&bench);
	}
}

static EVP_PKEY *read_private(const struct bench *bench)
{
	uint8_t slot[192];
	bench_file(bench, "alt1.bin", 3106, slot, sizeof(slot));
	const uint8_t *at = slot;
	EVP_PKEY *key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, sizeof(slot));
	assert_non_null(key);
	assert_int_equal(at - slot, 121);
	assert_true(bytes_all(slot + 121, 192 - 121, 0xFF));
	return key;
}

static void a_first_boot_makes_a_key_of_its_protocol(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_ELECTRON_1_4_4);
	uint8_t dct[8391], again[8391];
	assert_int_equal(left(&bench), VUNIT_CDC);
	bench_file(&bench, "alt1.bin", 0, dct, sizeof(dct));
	EVP_PKEY *private = read_private(&bench);
	const uint8_t *at = dct + 2978;
	EVP_PKEY *public = d2i_PUBKEY(NULL, &at, 128);
	assert_non_null(public);
	assert_int_equal(EVP_PKEY_eq(private, public), 1);
	EVP_PKEY_free(private);
	EVP_PKEY_free(public);
	assert_true(bytes_all(dct + 34, 1216 + 384, 0xFF)); /* no RSA key, no SoftAP */
	assert_true(bytes_all(dct + 1826, 26 + 6, 0xFF));
	assert_memory_equal(dct + 3618, vunit_spec(bench.unit)->device_id, 12);
	bench_power(&bench, true);
	bench_alternate(&bench, 1);
	assert_int_equal(bench_write(&bench, 2977, "\0", 1), VUNIT_ACK); /* TCP */
	assert_int_equal(left(&bench), VUNIT_CDC);
	bench_file(&bench, "alt1.bin", 0, again, sizeof(again));
	at = again + 34;
	EVP_PKEY *rsa = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, 612);
	assert_non_null(rsa);
	EVP_PKEY_free(rsa);
	assert_memory_equal(dct + 2978, again + 2978, 128 + 192);
	bench_done(&bench);
	bench = bench_new(VUNIT_ELECTRON_0_6_0); /* derives no public key yet */
	assert_int_equal(left(&bench), VUNIT_CDC);
	EVP_PKEY_free(read_private(&bench));
	bench_file(&bench, "alt1.bin", 2978, dct, 128);
	assert_true(bytes_all(dct, 128, 0xFF));
	bench_done(&bench);
}

static void a_missing_user_part_comes_from_the_factory_region(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_ELECTRON_1_4_4);
	uint8_t user[1028], factory[1028];
	write_module(&bench, FACTORY, USER, 5, 1, 6);
	bench_leave(&bench);
	bench_file(&bench, "alt0.bin", USER - 0x08000000, user, sizeof(user));
	bench_file(&bench, "alt0.bin", FACTORY - 0x08000000, factory, sizeof(factory));
	assert_memory_equal(user, factory, sizeof(user));
	bench_done(&bench);
}

static void a_staged_bootloader_is_taken(void **unused)
{
	(void)unused;
	static const struct {
		uint16_t version;
		enum vunit_bootloader then;
	} cases[] = { { 7, VUNIT_ELECTRON_0_5_3 }, { 8, VUNIT_ELECTRON_0_6_0 },
		{ 11, VUNIT_ELECTRON_0_6_1 }, { 1006, VUNIT_ELECTRON_1_4_4 } };
	for (size_t i = 0; i < 4; i++) {
		struct bench bench = bench_new(VUNIT_ELECTRON_0_6_0);
		uint8_t flag = 0xA5;
		write_parts(&bench, 2302);
		write_module(&bench, OTA, 0x08000000, 2, 0, cases[i].version);
		bench_alternate(&bench, 1);
		assert_int_equal(bench_write(&bench, 1753, &flag, 1), VUNIT_ACK);
		assert_int_equal(left(&bench), VUNIT_CDC);
		assert_int_equal(vunit_spec(bench.unit)->bootloader, cases[i].then);
		bench_file(&bench, "alt1.bin", 1753, &flag, 1);
		assert_int_equal(flag, 0xFF);
		bench_done(&bench);
	}
}

static const enum vunit_bootloader line_0_6_1[] = { VUNIT_PHOTON_0_6_1, VUNIT_P1_0_6_1,
	VUNIT_ELECTRON_0_6_1 };

static void from_0_6_1_on_poll_times_stay(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 3; i++) {
		struct bench bench = bench_new(line_0_6_1[i]);
		uint8_t erase[5] = { 0x41 };
		bench_alternate(&bench, 1);
		bench_out(&bench, DNLOAD, 0, erase, 5); /* the pointer is not in the DCT yet */
		assert_int_equal(bench_status(&bench).poll_ms, 0);
		bench_status(&bench);
		bench_out(&bench, DNLOAD, 0, erase, 5);
		assert_int_equal(bench_status(&bench).poll_ms, 500);
		bench_alternate(&bench, 0);
		assert_int_equal(bench_status(&bench).poll_ms, 500);
		vunit_bus_reset(bench.unit, bench.now_us);
		assert_int_equal(bench_status(&bench).poll_ms, 500);
		bench_command(&bench, 0x21, USER);
		bench_out(&bench, DNLOAD, 0, (uint8_t[5]){ 0x41, 0, 0, 8, 8 }, 5);
		assert_int_equal(bench_status(&bench).poll_ms, 50); /* 0 since 0.7.0 */
		bench_done(&bench);
	}
}

static void from_0_6_1_on_the_status_outlasts_a_bus_reset(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 3; i++) {
		struct bench bench = bench_new(line_0_6_1[i]);
		assert_int_equal(bench_out(&bench, CLRSTATUS, 0, NULL, 0), VUNIT_ACK);
		assert_int_equal(bench_state(&bench), 10);
		vunit_bus_reset(bench.unit, bench.now_us);
		struct bench_status status = bench_status(&bench);
		assert_int_equal(status.state, 2);
		assert_int_equal(status.status, 0x0E);
		assert_int_equal(
			bench_out(&bench, 0, 100, NULL, 0), VUNIT_NONE); /* DETACH keeps it too */
		bench_settle(&bench);
		assert_int_equal(bench_status(&bench).status, 0x0E);
		bench_out(&bench, ABORT, 0, NULL, 0);
		assert_int_equal(bench_status(&bench).status, 0);
		bench_done(&bench);
	}
}

static void before_0_7_0_reads_outside_give_the_buffer(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < 3; i++) {
		struct bench bench = bench_new(line_0_6_1[i]);
		uint8_t back[5];
		assert_int_equal(bench_read(&bench, 0x1FFF7A10, back, 5), VUNIT_ACK);
		assert_memory_equal(back, "\x21\x10\x7A\xFF\x1F", 5); /* the command before */
		char text[32];
		vunit_serial(bench.unit, text, sizeof(text));
		assert_string_equal(text, "AB0000000000000000000000");
		assert_int_equal(bench_alternate(&bench, 2), i == 1 ? VUNIT_ACK : VUNIT_STALL);
		bench_done(&bench);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_shows_itself_as_an_electron),
		cmocka_unit_test(a_fresh_unit_has_three_parts_or_two_before_0_6_0),
		cmocka_unit_test(it_runs_with_all_its_parts_and_starts_by_the_first),
		cmocka_unit_test(the_dct_needs_no_parts),
		cmocka_unit_test(the_store_ends_where_its_code_says),
		cmocka_unit_test(each_write_takes_the_other_sector),
		cmocka_unit_test(old_and_new_code_read_what_the_other_wrote),
		cmocka_unit_test(sums_tell_which_sector_counts),
		cmocka_unit_test(a_write_is_compared),
		cmocka_unit_test(a_first_boot_makes_a_key_of_its_protocol),
		cmocka_unit_test(a_missing_user_part_comes_from_the_factory_region),
		cmocka_unit_test(a_staged_bootloader_is_taken),
		cmocka_unit_test(from_0_6_1_on_poll_times_stay),
		cmocka_unit_test(from_0_6_1_on_the_status_outlasts_a_bus_reset),
		cmocka_unit_test(before_0_7_0_reads_outside_give_the_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
