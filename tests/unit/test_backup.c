/* SPDX-License-Identifier: Apache-2.0 */
/* USES: backup record flash dfu jobs config keys usb base */
/* LIBS: PkgConfig::openssl PkgConfig::sqlite3 */
/* What is saved of each family, and that bytes which the link damages are not saved; which of them a restore writes. */
#include "record_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "backup.h"
#include "backup_open.h"
#include "memory_dev.h"
#include "restore.h"

static const struct family small = {
	.name = "test",
	.title = "Test",
	.alts = {
		{ .alt = 0, .memory = MEMORY_NOR,
			.erase_timeout_ms = 1000, .write_timeout_ms = 1000,
			.access_start = NOR_ADDR, .access_end = NOR_ADDR + NOR_LEN,
			.layout = { .segments = { { NOR_ADDR, MEMORY_SECTOR, 4, 7 } }, .count = 1 } },
		{ .alt = 1, .memory = MEMORY_RECORD,
			.erase_timeout_ms = 1000, .write_timeout_ms = 1000,
			.access_start = 32, .access_end = 500,
			.layout = { .segments = { { 0, RECORD_LEN, 1, 7 } }, .count = 1 } },
		/* This unit does not have it. */
		{ .alt = 2, .optional = true, .memory = MEMORY_NOR,
			.erase_timeout_ms = 1000, .write_timeout_ms = 1000,
			.access_start = 0, .access_end = 256,
			.layout = { .segments = { { 0, MEMORY_SECTOR, 1, 7 } }, .count = 1 } },
	},
	.alt_count = 3,
	.transfer_timeout_ms = 100,
};

/* --- what there is to save --- */

static uint64_t bytes_of(const struct manifest *manifest, uint8_t alt)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < manifest->piece_count; i++)
		bytes += manifest->pieces[i].alt == alt ? manifest->pieces[i].size : 0;
	return bytes;
}

static void every_readable_byte_of_a_family_is_in_one_piece(void **state)
{
	static const struct {
		const char *name;
		uint64_t bytes[4];
	} families[] = {
		{ "core", { 0x20000, 0x200000 } },
		{ "photon", { 0x100000, 8391 } },
		{ "p1", { 0x100000, 8391, 0x100000 } },
		{ "electron", { 0x100000, 8391 } },
		{ "stm32-rom", { 0x100000, 16, 528, 4 } },
		{ "stm32-custom", { 0x100000, 16, 528, 4 } },
	};
	struct family *family = calloc(1, sizeof *family);
	struct manifest *manifest = calloc(1, sizeof *manifest);
	struct err err;
	(void)state;
	for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
		char path[FS_PATH_MAX];
		snprintf(path, sizeof path, "%s/config/families/%s.cfg", SOURCE_DIR,
			families[f].name);
		assert_true(family_load(path, family, &err));
		assert_true(manifest_pieces(family, manifest, &err));
		for (uint8_t alt = 0; alt < 4; alt++)
			assert_int_equal(bytes_of(manifest, alt), families[f].bytes[alt]);
		for (size_t i = 1; i < manifest->piece_count; i++) {
			const struct piece *a = &manifest->pieces[i - 1], *b = &manifest->pieces[i];
			assert_true(a->alt < b->alt || (uint64_t)a->addr + a->size <= b->addr);
			assert_string_not_equal(a->file, b->file);
		}
	}
	free(manifest);
	free(family);
}

/* --- saving --- */

struct desk {
	struct bench *bench;
	struct memory_dev unit;
	struct dfu dfu;
	struct recipients recipients;
	char key_file[FS_PATH_MAX + 16], attempt_id[UUID_TEXT];
	struct backup_request request;
	struct backup_done done;
};

static void make_recipient(struct desk *desk)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	uint8_t *der = NULL;
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_sign(certificate, key, EVP_sha256());
	int len = i2d_X509(certificate, &der);
	assert_true(recipients_add_bytes(
		&desk->recipients, "who.pem", der, (size_t)len, &desk->bench->err));
	snprintf(desk->key_file, sizeof desk->key_file, "%s/key.pem", desk->bench->folder);
	FILE *file = fopen(desk->key_file, "w");
	assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(file);
	chmod(desk->key_file, 0600);
	OPENSSL_free(der);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static struct desk *new_desk(struct bench *bench)
{
	const struct record_arrival arrival = {
		.kind = "diagnose", .arrived_at = clock_utc_ms(), .slot = "R1", .usb_path = "1-1"
	};
	struct desk *desk = calloc(1, sizeof *desk);
	unsigned passage;
	desk->bench = bench;
	desk->unit.dev.ops = &memory_ops;
	desk->unit.state = DFU_IDLE;
	for (unsigned i = 0; i < NOR_LEN; i++)
		desk->unit.nor[i] = (uint8_t)(i * 7 + 3);
	for (unsigned i = 0; i < RECORD_LEN; i++)
		desk->unit.record[i] = (uint8_t)(i * 5 + 1);
	desk->dfu = (struct dfu){ .dev = &desk->unit.dev,
		.family = &small,
		.transfer_size = MEMORY_BLOCK,
		.announced_size = MEMORY_BLOCK,
		.alts = { { .alt = 0 }, { .alt = 1 } },
		.alt_count = 2,
		.alt = 0,
		.pointer_alt = -1,
		.state = DFU_IDLE };
	make_recipient(desk);
	GOOD(bench, record_attempt_begin(bench->record, &arrival, desk->attempt_id, &bench->err));
	GOOD(bench, record_attempt_set_device(bench->record, desk->attempt_id, UNIT_A, "usb-serial",
			    &passage, &bench->err));
	desk->request = (struct backup_request){ .dfu = &desk->dfu,
		.family = &small,
		.record = bench->record,
		.state_dir = bench->folder,
		.recipients = &desk->recipients,
		.attempt_id = desk->attempt_id,
		.device_id = UNIT_A,
		.usb_serial = "",
		.station_id = "bench-1",
		.software_version = "0",
		.operator_name = "" };
	return desk;
}

static void open_it(struct desk *desk, struct backup_opened *opened)
{
	SCOPED_ENVELOPE_KEY struct envelope_key *key = NULL;
	GOOD(desk->bench, envelope_key_load(desk->key_file, NULL, NULL, &key, &desk->bench->err));
	GOOD(desk->bench, backup_open(desk->done.path, key, opened, &desk->bench->err));
}

static void assert_saved(struct desk *desk)
{
	struct backup_opened *opened = calloc(1, sizeof *opened);
	open_it(desk, opened);
	assert_int_equal(opened->manifest.piece_count, 2);
	assert_memory_equal(backup_bytes_at(opened, 0, NOR_ADDR, NOR_LEN), desk->unit.nor, NOR_LEN);
	assert_memory_equal(backup_bytes_at(opened, 1, 32, 468), desk->unit.record + 32, 468);
	assert_null(backup_bytes_at(opened, 1, 31, 2));
	assert_null(backup_bytes_at(opened, 0, NOR_ADDR, NOR_LEN + 1));
	assert_int_equal(backup_bytes(&desk->dfu, &small), NOR_LEN + 468);
	assert_int_equal(desk->done.bytes, NOR_LEN + 468);
	SQL_IS(desk->bench, "2", "SELECT count(*) FROM backup");
	backup_opened_done(opened);
	free(opened);
}

static void what_the_link_damages_is_read_again(void **state)
{
	struct desk *desk = new_desk(*state);
	desk->unit.flip_addr = NOR_ADDR + 700;
	GOOD(desk->bench, backup_take(&desk->request, &desk->done, &desk->bench->err));
	assert_int_equal(desk->unit.flip_addr, 0);
	assert_saved(desk);
	free(desk);
}

static void a_transfer_that_fails_is_tried_again(void **state)
{
	struct desk *desk = new_desk(*state);
	desk->unit.fail_at = 20;
	GOOD(desk->bench, backup_take(&desk->request, &desk->done, &desk->bench->err));
	assert_saved(desk);
	free(desk);
}

static void nobody_is_no_recipient(void **state)
{
	struct desk *desk = new_desk(*state);
	desk->recipients.count = 0;
	BAD(desk->bench, REASON_NO_RECIPIENT,
		backup_take(&desk->request, &desk->done, &desk->bench->err));
	assert_int_equal(desk->unit.transfers, 0);
	free(desk);
}

/* A folder that cannot be made: there is no file, and no row says that there is one. */
static void what_cannot_be_written_is_not_in_the_record(void **state)
{
	struct desk *desk = new_desk(*state);
	char path[FS_PATH_MAX];
	assert_true(fs_join(path, desk->bench->folder, "backups", &desk->bench->err));
	assert_true(fs_write_atomic(path, "", 0, 0600, &desk->bench->err));
	BAD(desk->bench, REASON_STORE, backup_take(&desk->request, &desk->done, &desk->bench->err));
	SQL_IS(desk->bench, "0", "SELECT count(*) FROM backup");
	free(desk);
}

/* A row that cannot be: then the file goes, too. */
static void what_cannot_be_recorded_is_removed(void **state)
{
	struct desk *desk = new_desk(*state);
	char command[FS_PATH_MAX + 64], found[64];
	desk->request.attempt_id = "11111111-1111-7111-8111-111111111111";
	assert_false(backup_take(&desk->request, &desk->done, &desk->bench->err));
	SQL_IS(desk->bench, "0", "SELECT count(*) FROM backup");
	snprintf(command, sizeof command, "ls %s/backups/" UNIT_A " | wc -l", desk->bench->folder);
	FILE *pipe = popen(command, "r");
	assert_non_null(fgets(found, sizeof found, pipe));
	pclose(pipe);
	assert_string_equal(found, "0\n");
	free(desk);
}

int main(void)
{
	struct err err;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_readable_byte_of_a_family_is_in_one_piece),
		cmocka_unit_test_setup_teardown(
			what_the_link_damages_is_read_again, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			a_transfer_that_fails_is_tried_again, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			nobody_is_no_recipient, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_written_is_not_in_the_record, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_recorded_is_removed, bench_setup, bench_teardown),
	};
	if (!keys_init(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
