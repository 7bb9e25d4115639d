/* SPDX-License-Identifier: Apache-2.0 */
/* USES: virtual usb base */
/* The DFU machines, request by request and state by state, the flash memories, and the life of a unit's folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "vunit_bench.h"

/* The states in which a request can meet the machine: 3p is dfuDNLOAD-SYNC with a download pending. */
enum start { IDLE, PENDING, SYNC, DNIDLE, MANIFEST, WAIT, UPLOADED, ERRONEOUS, LOST, START_COUNT };
static const char *const start_names[START_COUNT] = { "2", "3p", "3", "5", "6", "8", "9", "10",
	"15" };

static const uint8_t set_address[5] = { 0x21, 0x00, 0x00, 0x0A, 0x08 };

static void to_start(struct bench *bench, enum start start)
{
	uint8_t bytes[4];
	if (vunit_spec(bench->unit)->family == VUNIT_CORE)
		bench_out(bench, CLRSTATUS, 0, NULL, 0);
	if (start == PENDING || start == SYNC || start == DNIDLE)
		bench_out(bench, DNLOAD, 0, set_address, sizeof(set_address));
	if (start == SYNC || start == DNIDLE)
		bench_status(bench);
	if (start == DNIDLE)
		bench_status(bench);
	if (start == MANIFEST || start == WAIT)
		bench_out(bench, DNLOAD, 0, NULL, 0);
	if (start == WAIT)
		bench_status(bench);
	if (start == UPLOADED)
		bench_in(bench, UPLOAD, 2, bytes, 4);
	if (start == ERRONEOUS)
		bench_out(bench, CLRSTATUS, 0, NULL, 0);
	if (start == LOST)
		bench_in(bench, UPLOAD, 1, bytes, 4);
}

/* Results by starting state: A or S (ACK, STALL) and the state after it, "=" for the same one. */
struct row {
	const char *name;
	uint8_t type, request;
	uint16_t value, len;
	const char *f2[START_COUNT], *core[START_COUNT]; /* core[0] NULL: as f2 */
};

#define ALL(x) \
	{ \
		x, x, x, x, x, x, x, x, x \
	}

static const struct row rows[] = {
	{ "DNLOAD", 0x21, DNLOAD, 0, 5, { "A3p", "S=", "S=", "A3p", "S=", "S=", "S=", "S=", "S=" },
		{ 0 } },
	{ "DNLOAD 0", 0x21, DNLOAD, 9, 0, { "A6", "S=", "S=", "A6", "S=", "S=", "S=", "S=", "S=" },
		{ 0 } },
	{ "UPLOAD commands", 0xA1, UPLOAD, 0, 3,
		{ "A9", "S3", "S=", "S=", "S=", "S=", "A9", "S=", "S=" }, { 0 } },
	{ "UPLOAD more", 0xA1, UPLOAD, 0, 4,
		{ "A2", "S3", "S=", "S=", "S=", "S=", "A2", "S=", "S=" }, { 0 } },
	{ "UPLOAD 1", 0xA1, UPLOAD, 1, 4,
		{ "S15", "S3", "S=", "S=", "S=", "S=", "S15", "S=", "S=" }, { 0 } },
	{ "UPLOAD 2", 0xA1, UPLOAD, 2, 64, { "A9", "S3", "S=", "S=", "S=", "S=", "A9", "S=", "S=" },
		{ 0 } },
	{ "UPLOAD none", 0xA1, UPLOAD, 2, 0, ALL("A2"), { 0 } },
	{ "GETSTATUS", 0xA1, GETSTATUS, 0, 6,
		{ "A2", "A3", "A5", "A5", "A8", "A8", "A9", "A10", "A15" }, { 0 } },
	{ "GETSTATE", 0xA1, GETSTATE, 0, 1, ALL("A="), { 0 } },
	{ "CLRSTATUS", 0x21, CLRSTATUS, 0, 0,
		{ "A10", "A10", "A10", "A10", "A10", "A10", "A10", "A2", "A10" }, { 0 } },
	{ "ABORT", 0x21, ABORT, 0, 0, { "A2", "A2", "A2", "A2", "A2", "A=", "A2", "A=", "A=" },
		{ 0 } },
	{ "unknown", 0x21, 7, 0, 0, ALL("S="), { 0 } },
	{ "SET_INTERFACE 1", 0x01, 11, 1, 0, ALL("A="), { 0 } },
	{ "SET_INTERFACE 3", 0x01, 11, 3, 0, ALL("S="), ALL("A=") },
	{ "SET_INTERFACE 4", 0x01, 11, 4, 0, ALL("S="), { 0 } },
	{ "GET_INTERFACE", 0x81, 10, 0, 1, ALL("A="), { 0 } },
	{ "SET_CONFIGURATION", 0x00, 9, 1, 0, ALL("A="), { 0 } },
};

/* "3p" if a GET_STATUS would run something: asked last, since it does. */
static void name_state(struct bench *bench, char to[8])
{
	int state = bench_state(bench);
	snprintf(to, 8, "%d", state);
	if (state == 3 && bench_status(bench).state == 4)
		snprintf(to, 8, "3p");
}

static void check_row(enum vunit_bootloader bootloader, const struct row *row, enum start start)
{
	struct bench bench = bench_new(bootloader);
	bool core = bench_specs[bootloader].family == VUNIT_CORE;
	const char *want = core && row->core[0] ? row->core[start] : row->f2[start];
	const char *want_state = want[1] == '=' ? start_names[start] : want + 1;
	uint8_t data[64];
	char state[8];
	to_start(&bench, start);
	memset(data, 0, sizeof(data));
	memcpy(data, set_address, sizeof(set_address));
	enum vunit_answer answer =
		bench_control(&bench, row->type, row->request, row->value, 0, data, row->len);
	name_state(&bench, state);
	if (answer != (want[0] == 'A' ? VUNIT_ACK : VUNIT_STALL) || strcmp(state, want_state) != 0)
		fail_msg("bootloader %d: %s in %s gave answer %d and state %s; want %s", bootloader,
			row->name, start_names[start], answer, state, want);
	bench_done(&bench);
}

static void test_each_request_does_in_each_state_what_the_table_says(void **unused)
{
	(void)unused;
	static const enum vunit_bootloader all[] = { VUNIT_CORE_FACTORY, VUNIT_PHOTON_0_6_0,
		VUNIT_PHOTON_1_4_4 };
	for (size_t b = 0; b < sizeof(all) / sizeof(all[0]); b++) {
		for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
			for (int s = 0; s < START_COUNT; s++)
				check_row(all[b], &rows[r], (enum start)s);
		}
	}
}

static void test_get_status_reports_what_the_table_says(void **unused)
{
	(void)unused;
	static const uint8_t states[START_COUNT] = { 2, 4, 5, 5, 5, 8, 9, 10, 15 };
	for (int b = 0; b < VUNIT_BOOTLOADER_COUNT; b++) {
		for (int s = 0; !bench_is_rom((unsigned)b) && s < START_COUNT; s++) {
			struct bench bench = bench_new((enum vunit_bootloader)b);
			to_start(&bench, (enum start)s);
			struct bench_status status = bench_status(&bench);
			assert_int_equal(status.state, states[s]);
			assert_int_equal(status.status, s == ERRONEOUS ? 0x0E : 0);
			bench_done(&bench);
		}
	}
}

static void test_power_up_differs_by_family(void **unused)
{
	(void)unused;
	struct bench core = bench_new(VUNIT_CORE_1_4_4), photon = bench_new(VUNIT_PHOTON_1_0_0);
	struct bench_status status = bench_status(&core);
	assert_int_equal(status.state, 10);
	assert_int_equal(status.status, 0x0A);
	status = bench_status(&photon);
	assert_int_equal(status.state, 2);
	assert_int_equal(status.status, 0);
	assert_int_equal(status.poll_ms, 0);
	bench_done(&core);
	bench_done(&photon);
}

static void test_a_bus_reset_keeps_what_each_bootloader_keeps(void **unused)
{
	(void)unused;
	static const struct {
		enum vunit_bootloader bootloader;
		uint8_t state, status;
	} cases[] = { { VUNIT_CORE_FACTORY, 10, 0x0E }, { VUNIT_PHOTON_0_6_0, 2, 0 },
		{ VUNIT_PHOTON_1_4_4, 2, 0x0E } };
	for (size_t i = 0; i < 3; i++) {
		struct bench bench = bench_new(cases[i].bootloader);
		to_start(&bench, ERRONEOUS);
		vunit_bus_reset(bench.unit, bench.now_us);
		struct bench_status status = bench_status(&bench);
		assert_int_equal(status.state, cases[i].state);
		assert_int_equal(status.status, cases[i].status);
		bench_done(&bench);
	}
}

static void test_replies_longer_than_asked_for_overflow_on_f2_only(void **unused)
{
	(void)unused;
	uint8_t bytes[8];
	struct bench photon = bench_new(VUNIT_PHOTON_1_4_4), core = bench_new(VUNIT_CORE_1_4_4);
	bench_out(&core, CLRSTATUS, 0, NULL, 0);
	assert_int_equal(bench_in(&photon, GETSTATUS, 0, bytes, 4), VUNIT_OVERFLOW);
	assert_int_equal(bench_in(&core, GETSTATUS, 0, bytes, 4), VUNIT_ACK);
	assert_int_equal(core.len, 4);
	assert_int_equal(bench_in(&core, GETSTATUS, 0, bytes, 0), VUNIT_STALL);
	assert_int_equal(bench_in(&photon, UPLOAD, 0, bytes, 2), VUNIT_OVERFLOW);
	assert_int_equal(bench_in(&core, UPLOAD, 0, bytes, 2), VUNIT_ACK);
	assert_int_equal(bench_control(&photon, 0xA1, GETSTATE, 0, 11, bytes, 1), VUNIT_STALL);
	assert_int_equal(bench_control(&core, 0xA1, GETSTATE, 0, 11, bytes, 1), VUNIT_ACK);
	bench_done(&photon);
	bench_done(&core);
}

static void test_poll_times_follow_the_old_pointer(void **unused)
{
	(void)unused;
	static const struct {
		enum vunit_bootloader bootloader;
		uint32_t in_dct, to_dct, later;
	} cases[] = { { VUNIT_PHOTON_0_6_0, 1, 0, 0 }, { VUNIT_PHOTON_1_4_4, 1, 0, 0 } };
	for (size_t i = 0; i < 2; i++) {
		struct bench bench = bench_new(cases[i].bootloader);
		uint8_t to_dct[5] = { 0x21 }, erase[5] = { 0x41 };
		bench_alternate(&bench, 1);
		bench_out(&bench, DNLOAD, 0, to_dct,
			5); /* the pointer still is in alternate setting 0's range */
		assert_int_equal(bench_status(&bench).poll_ms, cases[i].to_dct);
		assert_int_equal(bench_status(&bench).poll_ms, cases[i].later);
		bench_out(&bench, DNLOAD, 0, to_dct, 5);
		assert_int_equal(bench_status(&bench).poll_ms, cases[i].in_dct);
		bench_status(&bench);
		bench_out(&bench, DNLOAD, 0, erase, 5);
		assert_int_equal(bench_status(&bench).poll_ms, 500);
		bench_alternate(&bench, 0);
		bool kept = cases[i].bootloader == VUNIT_PHOTON_1_4_4;
		assert_int_equal(bench_status(&bench).poll_ms, kept ? 500 : 0);
		bench_done(&bench);
	}
	struct bench core = bench_new(VUNIT_CORE_FACTORY);
	uint8_t to_spi[5] = { 0x21, 0, 0x20 }, erase[5] = { 0x41, 0, 0x20 };
	bench_out(&core, CLRSTATUS, 0, NULL, 0);
	bench_out(&core, DNLOAD, 0, to_spi, 5);
	assert_int_equal(bench_status(&core).poll_ms, 50);
	assert_int_equal(bench_status(&core).poll_ms, 0);
	bench_out(&core, DNLOAD, 0, erase, 5);
	assert_int_equal(bench_status(&core).poll_ms, 20);
	bench_done(&core);
}

/* A pointer that the alternate setting does not have: 0 before 0.6.1, the value before since then. */
static void test_poll_times_outside_the_range_differ_by_bootloader(void **unused)
{
	(void)unused;
	for (int kept = 0; kept < 2; kept++) {
		struct bench bench = bench_new(kept ? VUNIT_PHOTON_1_4_4 : VUNIT_PHOTON_0_6_0);
		uint8_t far[5] = { 0x21, 0, 0, 0, 0x20 };
		bench_alternate(&bench, 1);
		bench_command(&bench, 0x21, 0);
		bench_erase(&bench, 0);
		bench_command(&bench, 0x21, 0x4000);
		bench_erase(&bench, 0);
		bench_alternate(&bench, 0);
		bench_out(&bench, DNLOAD, 0, far, 5);
		uint32_t poll_ms = bench_status(&bench).poll_ms;
		assert_int_equal(poll_ms, kept ? 1 : 0);
		bench_done(&bench);
	}
}

static void test_unknown_commands_fail_on_f2_only(void **unused)
{
	(void)unused;
	struct bench photon = bench_new(VUNIT_PHOTON_1_4_4), core = bench_new(VUNIT_CORE_FACTORY);
	bench_out(&core, CLRSTATUS, 0, NULL, 0);
	static const uint8_t mass_erase[1] = { 0x41 }, unprotect[1] = { 0x92 }, nothing[1] = { 0 };
	assert_int_equal(bench_run(&photon, 0, mass_erase, 1), VUNIT_STALL);
	assert_int_equal(bench_run(&photon, 0, unprotect, 1), VUNIT_STALL);
	assert_int_equal(bench_run(&photon, 0, nothing, 1), VUNIT_ACK);
	assert_int_equal(bench_run(&core, 0, mass_erase, 1), VUNIT_ACK);
	assert_int_equal(bench_run(&core, 0, unprotect, 1), VUNIT_ACK);
	assert_int_equal(vunit_work(core.unit).erases, 0);
	bench_done(&photon);
	bench_done(&core);
}

static void test_f2_works_inside_get_status_and_the_core_after_it(void **unused)
{
	(void)unused;
	struct bench photon = bench_new(VUNIT_PHOTON_1_4_4), core = bench_new(VUNIT_CORE_FACTORY);
	uint8_t erase[5] = { 0x41, 0x00, 0x00, 0x0A, 0x08 };
	bench_out(&photon, DNLOAD, 0, erase, 5);
	bench_status(&photon);
	assert_true(photon.took_us > 1000000);
	bench_status(&photon);
	assert_true(photon.took_us < 1000);
	bench_out(&core, CLRSTATUS, 0, NULL, 0);
	erase[3] = 0x01;
	bench_out(&core, DNLOAD, 0, erase, 5);
	bench_status(&core);
	assert_true(core.took_us < 1000);
	bench_status(&core);
	assert_in_range(core.took_us, 20000, 21000);
	assert_int_equal(vunit_work(core.unit).erases, 1);
	bench_done(&photon);
	bench_done(&core);
}

static void test_an_f2_failure_is_a_stall_and_nothing_else(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	uint8_t erase[5] = { 0x41, 0x00, 0x00, 0x01, 0x08 };
	bench_out(&bench, DNLOAD, 0, erase, 5);
	assert_int_equal(bench_status(&bench).answer, VUNIT_STALL);
	assert_int_equal(bench_out(&bench, DNLOAD, 0, erase, 5), VUNIT_STALL);
	struct bench_status status = bench_status(&bench);
	assert_int_equal(status.answer, VUNIT_ACK);
	assert_int_equal(status.status, 0);
	assert_int_equal(status.state, 5);
	assert_int_equal(vunit_work(bench.unit).erases, 0);
	bench_done(&bench);
}

static void test_f2_flash_is_nor_and_compared(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_0_5_3);
	uint8_t ones[16], block[16], back[16];
	memset(ones, 0xF0, sizeof(ones));
	memset(block, 0x3C, sizeof(block));
	assert_int_equal(bench_write(&bench, 0x080A0000, ones, 16), VUNIT_ACK);
	assert_int_equal(bench_write(&bench, 0x080A0000, ones, 16), VUNIT_ACK);
	assert_int_equal(bench_write(&bench, 0x080A0000, block, 16), VUNIT_STALL);
	assert_int_equal(bench_read(&bench, 0x080A0000, back, 16), VUNIT_ACK);
	assert_true(bytes_all(back, 16, 0x30));
	assert_int_equal(bench_erase(&bench, 0x080A8000), VUNIT_ACK);
	assert_int_equal(bench_read(&bench, 0x080A0000, back, 16), VUNIT_ACK);
	assert_true(bytes_all(back, 16, 0xFF));
	assert_int_equal(bench_write(&bench, 0x080A0002, ones, 16), VUNIT_STALL);
	assert_int_equal(bench_write(&bench, 0x080FFFF8, ones, 16), VUNIT_STALL);
	assert_int_equal(bench_write(&bench, 0x0801FFF0, ones, 16), VUNIT_STALL);
	bench_done(&bench);
}

/* Pointer 0x0801F000 and block 3 write at 0x08020000. */
static void test_f2_protection_looks_at_the_blocks_own_start(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	uint8_t zeros[4] = { 0 };
	assert_int_equal(bench_command(&bench, 0x21, 0x0801F000), VUNIT_ACK);
	assert_int_equal(bench_run(&bench, 2, zeros, 4), VUNIT_STALL);
	assert_int_equal(bench_run(&bench, 3, zeros, 4), VUNIT_ACK);
	assert_int_equal(bench_run(&bench, 1, zeros, 4), VUNIT_ACK);
	bench_done(&bench);
}

static void test_f2_reads_outside_differ_by_bootloader(void **unused)
{
	(void)unused;
	uint8_t bytes[8];
	struct bench old = bench_new(VUNIT_PHOTON_0_6_0), newer = bench_new(VUNIT_PHOTON_1_4_4);
	assert_int_equal(bench_read(&old, 0x1FFF7A10, bytes, 8), VUNIT_ACK);
	assert_int_equal(
		bytes[0], 0x21); /* the set-address command that still lies in the buffer */
	assert_int_equal(bench_read(&newer, 0x1FFF7A10, bytes, 8), VUNIT_ACK);
	assert_true(bytes_all(bytes, 8, 0));
	bench_done(&old);
	bench_done(&newer);
}

static void test_core_memory_goes_by_address_and_never_fails(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_CORE_FACTORY);
	uint8_t block[8] = { 1, 2, 3, 4, 5, 6, 7, 8 },
		other[8] = { 0xFF, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };
	uint8_t back[8], boot[8];
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	bench_alternate(&bench, 1);
	assert_int_equal(bench_write(&bench, 0x08006000, block, 8), VUNIT_ACK);
	bench_read(&bench, 0x08006000, back, 8);
	assert_memory_equal(back, block, 8);
	/* A half-word that is not erased takes zero only, and stops the block. */
	assert_int_equal(bench_write(&bench, 0x08006000, other, 8), VUNIT_ACK);
	bench_read(&bench, 0x08006000, back, 8);
	assert_memory_equal(back, block, 8);
	memset(other, 0, 2);
	bench_write(&bench, 0x08006000, other, 8);
	bench_read(&bench, 0x08006000, back, 8);
	assert_memory_equal(back, "\0\0\3\4\5\6\7\10", 8);
	/* SPI memory ANDs, and goes round at its end. */
	bench_write(&bench, 0x00202000, block, 8);
	bench_write(&bench, 0x00002000, "\xF0\xF0\xF0\xF0\xF0\xF0\xF0\xF0", 8);
	bench_read(&bench, 0x00002000, back, 8);
	assert_true(bytes_all(back, 8, 0));
	/* Nothing lies elsewhere: bytes from address 0 are the bootloader's. */
	assert_int_equal(bench_erase(&bench, 0x08000000), VUNIT_ACK);
	bench_read(&bench, 0x08000000, boot, 8);
	assert_false(bytes_all(boot, 8, 0xFF));
	bench_read(&bench, 0x1FFFF7E8, back, 8);
	assert_memory_equal(back, boot, 8);
	bench_done(&bench);
}

static void test_core_spi_upload_rereads_the_block(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_CORE_FACTORY);
	uint8_t block[1024], setup[8] = { 0xA1, UPLOAD, 2, 0, 0, 0, 0, 4 };
	uint16_t len;
	uint64_t done_us;
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	bench_command(&bench, 0x21, 0x2000);
	bench_out(&bench, ABORT, 0, NULL, 0);
	assert_int_equal(
		vunit_control(bench.unit, setup, block, &len, bench.now_us, &done_us), VUNIT_ACK);
	assert_in_range(done_us - bench.now_us, 17 * 1024 * 8 / 18, 17 * 1024 * 8 / 18 + 1000);
	bench_done(&bench);
}

static void test_wire_time_is_that_of_full_speed(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_PHOTON_1_4_4);
	uint8_t block[2048] = { 0 };
	bench_status(&bench);
	assert_in_range(bench.took_us, 33, 36);
	bench_out(&bench, DNLOAD, 2, block, sizeof(block));
	assert_in_range(bench.took_us, 1650, 1690);
	bench_done(&bench);
}

static void test_nothing_cancels_the_countdown_of_a_leave(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_CORE_1_4_4);
	uint32_t before = vunit_enumeration(bench.unit);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	bench_out(&bench, DNLOAD, 0, NULL, 0);
	bench_status(&bench);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	assert_int_equal(bench_state(&bench), 2);
	bench_pass(&bench, 480000);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	bench_pass(&bench, 30000);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF);
	bench_settle(&bench);
	assert_int_equal(vunit_enumeration(bench.unit), before + 1);
	bench_done(&bench);
}

static void test_a_core_boots_its_application_and_comes_back_by_14400_baud(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_CORE_FACTORY);
	uint8_t vectors[8] = { 0x00, 0x50, 0x00, 0x20, 0xD5, 0x51, 0x00, 0x08 };
	uint8_t coding[7] = { 0x80, 0x70, 0, 0, 0, 0, 8 };
	char serial[32];
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	bench_leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU); /* no application */
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	bench_write(&bench, 0x08005000, vectors, 8);
	bench_leave(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	vunit_serial(bench.unit, serial, sizeof(serial));
	assert_string_equal(serial, "53FF6D06665754535114"
				    "67C1");
	bench_out(&bench, 0x20, 0, coding, 7); /* 28800 baud */
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	bytes_put_le32(coding, 14400);
	assert_int_equal(bench_out(&bench, 0x20, 0, coding, 7), VUNIT_ACK);
	bench_settle(&bench);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_DFU);
	bench_power(&bench, false);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_CDC);
	bench_done(&bench);
}

static void test_a_leave_rewrites_the_cores_flag_page(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_CORE_FACTORY);
	uint8_t before[1024], after[1024];
	bench_file(&bench, "alt0.bin", 0x4C00, before, sizeof(before));
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	bench_leave(&bench);
	bench_file(&bench, "alt0.bin", 0x4C00, after, sizeof(after));
	assert_memory_not_equal(before, after, sizeof(before));
	bench_done(&bench);
}

static void test_a_factory_core_folds_its_id_into_the_serial(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_CORE_FACTORY);
	uint8_t string[64];
	char serial[32];
	vunit_serial(bench.unit, serial, sizeof(serial));
	assert_string_equal(serial, "C7D513A45354");
	assert_int_equal(bench_control(&bench, 0x80, 6, 0x0303, 0x0409, string, 64), VUNIT_ACK);
	assert_int_equal(bench.len, 26);
	char json[160] = { 0 };
	bench_file(&bench, "unit.json", 0, json, 140);
	assert_non_null(strstr(json, "\"serial\": \"C7D513A45354\""));
	bench_done(&bench);
	bench = bench_new(VUNIT_CORE_1_4_4);
	assert_int_equal(bench_control(&bench, 0x80, 6, 0x0303, 0x0409, string, 64), VUNIT_ACK);
	assert_int_equal(bench.len, 52);
	assert_int_equal(string[50], 0);
	bench_done(&bench);
}

static void test_a_unit_outlives_its_closing(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_CORE_1_4_4);
	struct err err;
	uint8_t back[4];
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	bench_write(&bench, 0x00001000, "key!", 4);
	vunit_close(bench.unit);
	bench.unit = NULL;
	assert_true(vunit_open(bench.folder, &bench.unit, &err));
	assert_int_equal(vunit_spec(bench.unit)->bootloader, VUNIT_CORE_1_4_4);
	assert_int_equal(vunit_mode(bench.unit), VUNIT_OFF);
	bench_power(&bench, true);
	bench_out(&bench, CLRSTATUS, 0, NULL, 0);
	bench_read(&bench, 0x00001000, back, 4);
	assert_memory_equal(back, "key!", 4);
	bench_done(&bench);
}

static void test_a_folder_that_holds_no_unit_is_refused(void **unused)
{
	(void)unused;
	struct bench bench = bench_new(VUNIT_CORE_1_4_4);
	struct vunit *unit;
	struct err err;
	char path[128];
	snprintf(path, sizeof(path), "%s/alt1.bin", bench.folder);
	assert_int_equal(truncate(path, 100), 0);
	assert_false(vunit_open(bench.folder, &unit, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	assert_false(vunit_open("/nonexistent", &unit, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	struct vunit_spec mixed = { .family = VUNIT_CORE, .bootloader = VUNIT_PHOTON_1_0_0 };
	assert_false(vunit_create(bench.folder, &mixed, &err));
	bench_done(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_request_does_in_each_state_what_the_table_says),
		cmocka_unit_test(test_get_status_reports_what_the_table_says),
		cmocka_unit_test(test_power_up_differs_by_family),
		cmocka_unit_test(test_a_bus_reset_keeps_what_each_bootloader_keeps),
		cmocka_unit_test(test_replies_longer_than_asked_for_overflow_on_f2_only),
		cmocka_unit_test(test_poll_times_follow_the_old_pointer),
		cmocka_unit_test(test_poll_times_outside_the_range_differ_by_bootloader),
		cmocka_unit_test(test_unknown_commands_fail_on_f2_only),
		cmocka_unit_test(test_f2_works_inside_get_status_and_the_core_after_it),
		cmocka_unit_test(test_an_f2_failure_is_a_stall_and_nothing_else),
		cmocka_unit_test(test_f2_flash_is_nor_and_compared),
		cmocka_unit_test(test_f2_protection_looks_at_the_blocks_own_start),
		cmocka_unit_test(test_f2_reads_outside_differ_by_bootloader),
		cmocka_unit_test(test_core_memory_goes_by_address_and_never_fails),
		cmocka_unit_test(test_core_spi_upload_rereads_the_block),
		cmocka_unit_test(test_wire_time_is_that_of_full_speed),
		cmocka_unit_test(test_nothing_cancels_the_countdown_of_a_leave),
		cmocka_unit_test(test_a_core_boots_its_application_and_comes_back_by_14400_baud),
		cmocka_unit_test(test_a_leave_rewrites_the_cores_flag_page),
		cmocka_unit_test(test_a_factory_core_folds_its_id_into_the_serial),
		cmocka_unit_test(test_a_unit_outlives_its_closing),
		cmocka_unit_test(test_a_folder_that_holds_no_unit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
