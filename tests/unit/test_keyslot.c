/* SPDX-License-Identifier: Apache-2.0 */
/* USES: keys base */
/* Key slots: the exact bytes, the address block, and the proof. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "fs.h"
#include "keyslot.h"
#include "secret.h"

static const struct keyslot device_rsa = { KEY_ROLE_DEVICE, KEY_RSA_1024, 612, 0xff, 0, 0 };
static const struct keyslot device_ec = { KEY_ROLE_DEVICE, KEY_P256, 192, 0xff, 0, 0 };
static const struct keyslot server_rsa = { KEY_ROLE_SERVER, KEY_RSA_2048, 512, 0xff, 384, 5683 };
static const struct keyslot server_core = { KEY_ROLE_SERVER, KEY_RSA_2048, 2048, 0xff, 384, 5683 };
static const struct keyslot server_ec = { KEY_ROLE_SERVER, KEY_P256, 320, 0xff, 192, 5684 };

static struct keypair *new_key(enum key_algorithm algorithm)
{
	struct keypair *keypair = NULL;
	struct err err;
	if (!keypair_new(algorithm, &keypair, &err))
		fail_msg("%s", err.text);
	return keypair;
}

static void a_packed_device_slot_is_key_then_padding_and_proves(void **state)
{
	(void)state;
	const struct keyslot *slots[] = { &device_rsa, &device_ec };
	for (unsigned i = 0; i < 2; i++) {
		struct err err;
		struct keypair *keypair = new_key(slots[i]->algorithm), *again = NULL;
		uint8_t *bytes = secret_alloc(slots[i]->size + 1, &err);
		assert_non_null(bytes);
		bytes[slots[i]->size] = 0x77;
		assert_true(keyslot_pack_device(slots[i], keypair, bytes, &err));
		size_t len = 0;
		const uint8_t *der = keypair_private(keypair, &len);
		assert_memory_equal(bytes, der, len);
		assert_true(bytes_all(bytes + len, slots[i]->size - len, 0xff));
		assert_int_equal(bytes[slots[i]->size], 0x77);
		assert_true(keyslot_prove(
			slots[i], bytes, slots[i]->size, keypair_public(keypair), &err));
		assert_true(keyslot_parse_device(slots[i], bytes, slots[i]->size, &again, &err));
		assert_string_equal(
			keypair_public(again)->fingerprint, keypair_public(keypair)->fingerprint);
		keypair_free(again);
		keypair_free(keypair);
		secret_free(bytes);
	}
}

static void a_key_that_does_not_suit_its_slot_is_not_packed(void **state)
{
	(void)state;
	struct keypair *keypair = new_key(KEY_RSA_1024);
	struct keyslot small = device_rsa, server = server_rsa, huge = device_rsa;
	uint8_t bytes[KEYSLOT_MAX + 64] = { 0 };
	struct err err;
	small.size = 600;
	server.algorithm = KEY_RSA_1024;
	huge.size = KEYSLOT_MAX + 1;
	const struct keyslot *wrong[] = { &device_ec, &small, &server, &huge };
	for (unsigned i = 0; i < 4; i++) {
		assert_false(keyslot_pack_device(wrong[i], keypair, bytes, &err));
		assert_int_equal(err.reason, REASON_INPUT);
		assert_true(bytes_all(bytes, sizeof bytes, 0));
	}
	keypair_free(keypair);
}

/* Without its leading 00 the modulus is a negative number of DER. */
static void a_negative_modulus_is_no_key(void **state)
{
	(void)state;
	enum { ZERO = 10 }; /* 30 82 LEN LEN, 02 01 00, 02 81 81, 00 */
	struct err err;
	struct keypair *keypair = new_key(KEY_RSA_1024), *again = NULL;
	uint8_t *bytes = secret_alloc(device_rsa.size, &err);
	assert_non_null(bytes);
	assert_true(keyslot_pack_device(&device_rsa, keypair, bytes, &err));
	assert_memory_equal(bytes + 7, "\x02\x81\x81\0", 4);
	memmove(bytes + ZERO, bytes + ZERO + 1, device_rsa.size - ZERO - 1);
	bytes[9] = 0x80;
	bytes[3]--; /* the low byte of its length, which is not 0: an RSA-1024 key has 607 to 609 bytes */
	assert_false(keyslot_parse_device(&device_rsa, bytes, device_rsa.size, &again, &err));
	assert_non_null(strstr(err.text, "the modulus"));
	keypair_free(keypair);
	secret_free(bytes);
}

static void prove_must_fail(const struct keyslot *slot, const uint8_t *bytes, size_t len,
	const struct public_key *expected, const char *says)
{
	struct err err;
	if (keyslot_prove(slot, bytes, len, expected, &err))
		fail_msg("proven, but should say: %s", says);
	assert_int_equal(err.reason, REASON_KEY_MISMATCH);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void a_slot_with_another_key_is_not_proven(void **state)
{
	(void)state;
	struct err err;
	struct keypair *ours = new_key(KEY_P256), *other = new_key(KEY_P256),
		       *rsa = new_key(KEY_RSA_1024);
	uint8_t bytes[612];
	assert_true(keyslot_pack_device(&device_ec, other, bytes, &err));
	prove_must_fail(&device_ec, bytes, 192, keypair_public(ours), "fingerprint");
	prove_must_fail(&device_ec, bytes, 192, keypair_public(rsa), "fingerprint");
	prove_must_fail(&device_ec, bytes, 191, keypair_public(other), "191 bytes");
	prove_must_fail(&device_rsa, bytes, 612, keypair_public(other), "not an RSA-1024");
	memset(bytes, 0xff, sizeof bytes);
	prove_must_fail(&device_ec, bytes, 192, keypair_public(ours), "empty");
	memset(bytes, 0, sizeof bytes);
	prove_must_fail(&device_ec, bytes, 192, keypair_public(ours), "system parts");
	keypair_free(ours);
	keypair_free(other);
	keypair_free(rsa);
}

static void every_flipped_bit_in_the_key_of_a_slot_breaks_the_proof(void **state)
{
	(void)state;
	struct keypair *keypair = new_key(KEY_RSA_1024);
	struct err err;
	size_t len = 0;
	uint8_t bytes[612];
	assert_true(keyslot_pack_device(&device_rsa, keypair, bytes, &err));
	keypair_private(keypair, &len);
	for (size_t at = 0; at < len; at++) {
		uint8_t flip = (uint8_t)(1u << at % 8);
		bytes[at] ^= flip;
		prove_must_fail(&device_rsa, bytes, sizeof bytes, keypair_public(keypair), "");
		bytes[at] ^= flip;
	}
	/* Behind the key the unit reads nothing. */
	bytes[611] = 0x12;
	assert_true(keyslot_prove(&device_rsa, bytes, sizeof bytes, keypair_public(keypair), &err));
	keypair_free(keypair);
}

static void a_programmed_over_slot_is_not_proven(void **state)
{
	(void)state;
	struct keypair *old = new_key(KEY_RSA_1024), *fresh = new_key(KEY_RSA_1024);
	struct err err;
	uint8_t bytes[612], before[612];
	assert_true(keyslot_pack_device(&device_rsa, old, before, &err));
	assert_true(keyslot_pack_device(&device_rsa, fresh, bytes, &err));
	/* NOR without an erase: bits are only cleared. */
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] &= before[i];
	prove_must_fail(&device_rsa, bytes, sizeof bytes, keypair_public(fresh), "");
	keypair_free(old);
	keypair_free(fresh);
}

/* A P-256 key as a server key file: 91 bytes. */
static size_t make_file(uint8_t *to)
{
	struct keypair *keypair = new_key(KEY_P256);
	size_t len = keypair_public(keypair)->spki_len;
	memcpy(to, keypair_public(keypair)->spki, len);
	keypair_free(keypair);
	return len;
}

static struct server_address address_of(const char *host, uint16_t port)
{
	struct server_address address = { .port = port };
	snprintf(address.host, sizeof address.host, "%s", host);
	return address;
}

static void pack_and_parse(const char *host, uint16_t port, uint8_t bytes[320])
{
	uint8_t file[91];
	struct err err;
	struct public_key key;
	struct server_address address = address_of(host, port), found;
	size_t len = make_file(file);
	if (!keyslot_pack_server(&server_ec, file, len, &address, bytes, &err))
		fail_msg("%s", err.text);
	if (!keyslot_parse_server(&server_ec, bytes, 320, &key, &found, &err))
		fail_msg("%s", err.text);
	assert_string_equal(found.host, host);
	assert_int_equal(found.port, port);
	assert_memory_equal(key.spki, file, len);
	assert_true(bytes_all(bytes + 91, 192 - 91, 0xff));
}

static void a_server_address_is_laid_out_as_the_unit_reads_it(void **state)
{
	(void)state;
	uint8_t bytes[320];
	pack_and_parse("192.0.2.1", 5683, bytes);
	static const uint8_t ipv4[] = { 0, 4, 192, 0, 2, 1, 0xff };
	assert_memory_equal(bytes + 192, ipv4, sizeof ipv4);
	assert_int_equal(bytes[192 + 66], 0x16);
	assert_int_equal(bytes[192 + 67], 0x33);
	assert_true(bytes_all(bytes + 192 + 6, 60, 0xff));
	assert_true(bytes_all(bytes + 192 + 68, 60, 0xff));

	pack_and_parse("device.example.com", 0, bytes);
	assert_memory_equal(bytes + 192, "\001\022device.example.com\377", 21);
	assert_int_equal(bytes[192 + 66], 0xff);
	assert_int_equal(bytes[192 + 67], 0xff);

	pack_and_parse("$id.udp.example_1.com", 1, bytes);
	char longest[65];
	memset(longest, 'a', 64);
	longest[64] = 0;
	pack_and_parse(longest, 65534, bytes);
	assert_int_equal(bytes[193], 64);
	assert_int_equal(bytes[192 + 65], 'a');
}

static void refuse_file(const struct keyslot *slot, const void *file, size_t len,
	const struct server_address *address, const char *says)
{
	uint8_t bytes[KEYSLOT_MAX];
	struct err err;
	memset(bytes, 0x3c, sizeof bytes);
	if (keyslot_pack_server(slot, file, len, address, bytes, &err))
		fail_msg("packed, but should say: %s", says);
	assert_int_equal(err.reason, REASON_INPUT);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	assert_true(bytes_all(bytes, sizeof bytes, 0x3c));
}

static void a_host_that_is_none_is_refused(void **state)
{
	(void)state;
	uint8_t file[91];
	size_t len = make_file(file);
	static const char *const hosts[] = { "a b", "192.0.2.300", "1.2.3", "host:80",
		"h\303\266st", "a/b", "1.2.3.4.5" };
	for (unsigned i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		struct server_address address = address_of(hosts[i], 1);
		refuse_file(&server_ec, file, len, &address, "host");
	}
	struct server_address unterminated = { .port = 1 };
	memset(unterminated.host, 'a', sizeof unterminated.host);
	refuse_file(&server_ec, file, len, &unterminated, "host");
	struct server_address port = address_of("a", 65535);
	refuse_file(&server_ec, file, len, &port, "65535");
	struct keyslot bare = server_ec;
	bare.address_offset = 0;
	port.port = 5;
	refuse_file(&bare, file, len, &port, "no address block");
}

static void a_file_that_does_not_suit_the_slot_is_refused(void **state)
{
	(void)state;
	uint8_t file[400];
	memset(file, 0xff, sizeof file);
	size_t len = make_file(file);
	refuse_file(&server_rsa, file, len, NULL, "p-256");
	refuse_file(&server_ec, file, 321, NULL, "321 bytes");
	refuse_file(&server_ec, file, 90, NULL, "no public key");
	refuse_file(&server_ec, file, 0, NULL, "no public key");
	refuse_file(&device_ec, file, len, NULL, "server key");
	struct keyslot tight = server_ec;
	tight.address_offset = 64;
	refuse_file(&tight, file, len, NULL, "room for 64");
	tight.address_offset = 193;
	refuse_file(&tight, file, len, NULL, "leaves the key slot");
	tight.address_offset = 0xffffffff;
	refuse_file(&tight, file, len, NULL, "leaves the key slot");
	/* Something between key and block: a block at the offset of another family? */
	file[150] = 1;
	refuse_file(&server_ec, file, 320, NULL, "byte 150");
	file[150] = 0;
	file[192] = 7;
	refuse_file(&server_ec, file, 320, NULL, "type 7");
	file[192] = 1;
	refuse_file(&server_ec, file, 320, NULL, "length 255");
	file[193] = 0;
	refuse_file(&server_ec, file, 320, NULL, "length 0");
	file[193] = 65;
	refuse_file(&server_ec, file, 320, NULL, "length 65");
	memcpy(file + 192, "\000\003\300\000\002\001", 6);
	refuse_file(&server_ec, file, 320, NULL, "length 3");
	memcpy(file + 192, "\001\002a!", 4);
	refuse_file(&server_ec, file, 320, NULL, "no host");
	memcpy(file + 192, "\001\002ab", 4);
	memcpy(file + 192 + 66, "\0\0", 2);
	refuse_file(&server_ec, file, 320, NULL, "port 0");
}

static void a_given_address_replaces_the_block_of_the_file(void **state)
{
	(void)state;
	uint8_t file[320], bytes[320];
	struct err err;
	struct public_key key;
	struct server_address found, given = address_of("b.example", 7);
	memset(file, 0xff, sizeof file);
	make_file(file);
	memcpy(file + 192, "\001\003a.b", 5);
	assert_true(keyslot_pack_server(&server_ec, file, sizeof file, NULL, bytes, &err));
	assert_memory_equal(bytes, file, sizeof file);
	struct server_address none = address_of("", 0);
	assert_true(keyslot_pack_server(&server_ec, file, sizeof file, &none, bytes, &err));
	assert_memory_equal(bytes, file, sizeof file);
	assert_true(keyslot_pack_server(&server_ec, file, sizeof file, &given, bytes, &err));
	assert_true(keyslot_parse_server(&server_ec, bytes, sizeof bytes, &key, &found, &err));
	assert_string_equal(found.host, "b.example");
	assert_int_equal(found.port, 7);
	assert_memory_equal(bytes, file, 192);
	/* The block may also end the file early: key, gap, type, length and name. */
	assert_true(keyslot_pack_server(&server_ec, file, 192 + 5, NULL, bytes, &err));
	assert_memory_equal(bytes, file, sizeof file);
}

static void a_pem_file_packs_like_its_der(void **state)
{
	(void)state;
	struct keypair *keypair = new_key(KEY_P256);
	const struct public_key *key = keypair_public(keypair);
	struct server_address address = address_of("192.0.2.7", 0);
	uint8_t from_pem[320], from_der[320];
	struct err err;
	assert_true(keyslot_pack_server(
		&server_ec, (const uint8_t *)key->pem, strlen(key->pem), &address, from_pem, &err));
	assert_true(keyslot_pack_server(
		&server_ec, key->spki, key->spki_len, &address, from_der, &err));
	assert_memory_equal(from_pem, from_der, sizeof from_pem);
	keypair_free(keypair);
}

static void a_server_slot_that_reads_wrong_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[320], file[91];
	struct err err;
	struct public_key key;
	struct server_address address;
	assert_true(keyslot_pack_server(&server_ec, file, make_file(file), NULL, bytes, &err));
	assert_true(keyslot_parse_server(&server_ec, bytes, 320, &key, &address, &err));
	assert_string_equal(address.host, "");
	assert_int_equal(address.port, 0);
	bytes[192] = 9; /* the firmware falls back to its own host */
	assert_true(keyslot_parse_server(&server_ec, bytes, 320, &key, &address, &err));
	assert_string_equal(address.host, "");
	bytes[192] = 0;
	assert_false(keyslot_parse_server(&server_ec, bytes, 320, &key, &address, &err));
	assert_int_equal(err.reason, REASON_SERVER_KEY_WRONG);
	bytes[192] = 0xff;
	bytes[30] ^= 4;
	assert_false(keyslot_parse_server(&server_ec, bytes, 320, &key, &address, &err));
	assert_int_equal(err.reason, REASON_SERVER_KEY_WRONG);
	assert_false(keyslot_parse_server(&server_ec, bytes, 319, &key, &address, &err));
	assert_int_equal(err.reason, REASON_SERVER_KEY_WRONG);
	memset(bytes, 0xff, sizeof bytes);
	assert_false(keyslot_parse_server(&server_ec, bytes, 320, &key, &address, &err));
	assert_int_equal(err.reason, REASON_SERVER_KEY_WRONG);
	assert_non_null(strstr(err.text, "empty"));
}

static void check_real(const char *name, const struct keyslot *slot, const char *host)
{
	char path[FS_PATH_MAX];
	uint8_t *file = NULL, bytes[KEYSLOT_MAX];
	size_t len = 0;
	struct err err;
	struct public_key key;
	struct server_address address;
	assert_true(fs_join(path, SOURCE_DIR "/../shared/images", name, &err));
	if (!fs_exists(path))
		skip();
	assert_true(fs_read(path, KEYSLOT_MAX, REASON_INPUT, &file, &len, &err));
	if (!keyslot_pack_server(slot, file, len, NULL, bytes, &err))
		fail_msg("%s", err.text);
	assert_memory_equal(bytes, file, len);
	assert_true(bytes_all(bytes + len, slot->size - len, 0xff));
	assert_true(keyslot_parse_server(slot, bytes, slot->size, &key, &address, &err));
	assert_string_equal(address.host, host);
	assert_int_equal(address.port, 0);
	assert_int_equal(key.algorithm, slot->algorithm);
	free(file);
}

static void the_vendors_rsa_key_file_packs_to_itself(void **state)
{
	(void)state;
	check_real("cloud-rsa.pub.der", &server_rsa, "device.spark.io");
	check_real("cloud-rsa.pub.der", &server_core, "device.spark.io");
}

static void the_vendors_ec_key_file_packs_to_itself(void **state)
{
	(void)state;
	check_real("cloud-ec.pub.der", &server_ec, "$id.udp.particle.io");
}

int main(void)
{
	struct err err;
	if (!keys_init(&err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packed_device_slot_is_key_then_padding_and_proves),
		cmocka_unit_test(a_negative_modulus_is_no_key),
		cmocka_unit_test(a_key_that_does_not_suit_its_slot_is_not_packed),
		cmocka_unit_test(a_slot_with_another_key_is_not_proven),
		cmocka_unit_test(every_flipped_bit_in_the_key_of_a_slot_breaks_the_proof),
		cmocka_unit_test(a_programmed_over_slot_is_not_proven),
		cmocka_unit_test(a_server_address_is_laid_out_as_the_unit_reads_it),
		cmocka_unit_test(a_host_that_is_none_is_refused),
		cmocka_unit_test(a_file_that_does_not_suit_the_slot_is_refused),
		cmocka_unit_test(a_given_address_replaces_the_block_of_the_file),
		cmocka_unit_test(a_pem_file_packs_like_its_der),
		cmocka_unit_test(a_server_slot_that_reads_wrong_is_refused),
		cmocka_unit_test(the_vendors_rsa_key_file_packs_to_itself),
		cmocka_unit_test(the_vendors_ec_key_file_packs_to_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
