/* SPDX-License-Identifier: Apache-2.0 */
/* USES: keys base */
/* LIBS: PkgConfig::openssl */
/* A unit's keys against two judges: the openssl command line and a second writing of the units' positional parser. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "key_fixture.h"

static char folder[] = "/tmp/test_keypair.XXXXXX";

static void write_file(const char *name, const void *bytes, size_t len)
{
	char path[FS_PATH_MAX];
	struct err err;
	assert_true(fs_join(path, folder, name, &err));
	assert_true(fs_write_atomic(path, bytes, len, 0600, &err));
}

static BIGNUM *number(const struct positional *parsed, unsigned field)
{
	BIGNUM *bn = BN_bin2bn(parsed->field[field], field < 2 ? 128 : 64, NULL);
	assert_non_null(bn);
	return bn;
}

/* Decrypts as a unit does: by the CRT numbers only. */
static bool unit_can_decrypt(const uint8_t *key)
{
	struct positional parsed = positional_parse(key);
	BIGNUM *bn[7], *e = BN_new(), *c = BN_new(), *m1 = BN_new(), *m2 = BN_new(), *h = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	for (unsigned i = 0; i < 7; i++)
		bn[i] = number(&parsed, i);
	BIGNUM *m = BN_new();
	assert_int_equal(BN_set_word(e, 65537), 1);
	assert_int_equal(BN_rand_range(m, bn[0]), 1);
	bool good = BN_mod_exp(c, m, e, bn[0], ctx) == 1 &&
		    BN_mod_exp(m1, c, bn[4], bn[2], ctx) == 1 &&
		    BN_mod_exp(m2, c, bn[5], bn[3], ctx) == 1 &&
		    BN_mod_sub(h, m1, m2, bn[2], ctx) == 1 &&
		    BN_mod_mul(h, h, bn[6], bn[2], ctx) == 1 && BN_mul(h, h, bn[3], ctx) == 1 &&
		    BN_add(h, h, m2) == 1 && BN_cmp(h, m) == 0;
	for (unsigned i = 0; i < 7; i++)
		BN_free(bn[i]);
	BN_free(e), BN_free(c), BN_free(m1), BN_free(m2), BN_free(h), BN_free(m);
	BN_CTX_free(ctx);
	return good;
}

static void a_unit_can_use_every_fresh_rsa_key(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 80; i++) {
		struct keypair *keypair = key_new(KEY_RSA_1024);
		size_t len = 0;
		const uint8_t *der = keypair_private(keypair, &len);
		const struct public_key *public = keypair_public(keypair);
		assert_in_range(len, 605, 611);
		assert_int_equal(public->spki_len, 162);
		assert_memory_equal(positional_parse(der).field[0], public->spki + 29, 128);
		assert_ptr_equal(positional_parse(der).field[0], der + 11);
		assert_ptr_equal(positional_parse(der).field[6] + 64, der + len);
		assert_true(unit_can_decrypt(der));
		keypair_free(keypair);
	}
}

static void openssl_accepts_our_rsa_key(void **state)
{
	(void)state;
	char line[256];
	for (unsigned i = 0; i < 5; i++) {
		struct keypair *keypair = key_new(KEY_RSA_1024);
		size_t len = 0;
		const uint8_t *der = keypair_private(keypair, &len);
		write_file("key.der", der, len);
		assert_int_equal(
			key_shell(line, sizeof line,
				"openssl rsa -inform DER -in %s/key.der -check -noout 2>&1",
				folder),
			0);
		assert_string_equal(line, "RSA key ok");
		assert_int_equal(
			key_shell(line, sizeof line,
				"openssl rsa -inform DER -in %s/key.der -traditional -outform DER "
				"2>/dev/null | cmp - %s/key.der",
				folder, folder),
			0);
		keypair_free(keypair);
	}
}

static void openssl_accepts_our_p256_key(void **state)
{
	(void)state;
	char line[256];
	for (unsigned i = 0; i < 5; i++) {
		struct keypair *keypair = key_new(KEY_P256);
		size_t len = 0;
		const uint8_t *der = keypair_private(keypair, &len);
		assert_int_equal(len, 121);
		write_file("key.der", der, len);
		assert_int_equal(key_shell(line, sizeof line,
					 "openssl ec -inform DER -in %s/key.der -check -noout 2>&1 "
					 "| grep -c "
					 "'EC Key valid'",
					 folder),
			0);
		assert_int_equal(
			key_shell(line, sizeof line,
				"openssl ec -inform DER -in %s/key.der -outform DER 2>/dev/null | "
				"cmp - %s/key.der",
				folder, folder),
			0);
		keypair_free(keypair);
	}
}

static void openssl_agrees_on_the_public_half(void **state)
{
	(void)state;
	char line[256];
	for (unsigned i = 0; i < 6; i++) {
		struct keypair *keypair = key_new(i % 2 ? KEY_P256 : KEY_RSA_1024);
		const struct public_key *public = keypair_public(keypair);
		size_t len = 0;
		const uint8_t *der = keypair_private(keypair, &len);
		write_file("key.der", der, len);
		write_file("ours.pem", public->pem, strlen(public->pem));
		assert_int_equal(
			key_shell(line, sizeof line,
				"openssl pkey -inform DER -in %s/key.der -pubout -outform DER | "
				"sha256sum | cut -c1-64",
				folder),
			0);
		assert_string_equal(line, public->fingerprint);
		assert_int_equal(
			key_shell(line, sizeof line,
				"openssl pkey -pubin -in %s/ours.pem -pubout | cmp - %s/ours.pem",
				folder, folder),
			0);
		keypair_free(keypair);
	}
}

static void compare_with_openssl_made(enum key_algorithm algorithm, const char *make)
{
	char line[256];
	for (unsigned i = 0; i < 8; i++) {
		uint8_t der[KEY_PRIVATE_MAX];
		assert_int_equal(key_shell(line, sizeof line, "(%s) 2>/dev/null > %s/made.der",
					 make, folder),
			0);
		size_t len = key_read_file(folder, "made.der", der, sizeof der);
		assert_int_equal(
			key_shell(line, sizeof line,
				"openssl pkey -inform DER -in %s/made.der -pubout -outform DER | "
				"sha256sum | cut -c1-64",
				folder),
			0);
		struct keypair *keypair = NULL;
		struct err err;
		/* A short field: of such keys the unit makes something else. */
		if (algorithm == KEY_RSA_1024 && !unit_can_decrypt(der)) {
			assert_false(keypair_from_private(algorithm, der, len, &keypair, &err));
			continue;
		}
		if (!keypair_from_private(algorithm, der, len, &keypair, &err))
			fail_msg("%s", err.text);
		size_t kept = 0;
		assert_string_equal(keypair_public(keypair)->fingerprint, line);
		assert_memory_equal(keypair_private(keypair, &kept), der, len);
		assert_int_equal(kept, len);
		keypair_free(keypair);
	}
}

static void an_rsa_key_made_by_openssl_gives_the_same_fingerprint(void **state)
{
	(void)state;
	compare_with_openssl_made(
		KEY_RSA_1024, "openssl genrsa 1024 | openssl rsa -traditional -outform DER");
}

static void a_p256_key_made_by_openssl_gives_the_same_fingerprint(void **state)
{
	(void)state;
	compare_with_openssl_made(
		KEY_P256, "openssl ecparam -name prime256v1 -genkey -noout -outform DER");
}

static void assert_refused(
	enum key_algorithm algorithm, const uint8_t *der, size_t len, const char *says)
{
	struct keypair *keypair = NULL;
	struct err err;
	err_clear(&err);
	if (keypair_from_private(algorithm, der, len, &keypair, &err))
		fail_msg("accepted, but should say: %s", says);
	assert_int_equal(err.reason, REASON_KEY_MISMATCH);
	assert_null(keypair);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void a_pkcs8_key_is_refused(void **state)
{
	(void)state;
	char line[256];
	uint8_t der[1024];
	/* What the vendor's tool makes with OpenSSL 3. */
	assert_int_equal(key_shell(line, sizeof line,
				 "openssl genrsa 1024 2>/dev/null | openssl rsa -outform DER -out "
				 "%s/made.der "
				 "2>/dev/null",
				 folder),
		0);
	size_t len = key_read_file(folder, "made.der", der, sizeof der);
	assert_refused(KEY_RSA_1024, der, len, "PKCS#8");
	assert_int_equal(key_shell(line, sizeof line,
				 "openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 "
				 "-topk8 -nocrypt "
				 "-outform DER -out %s/made.der",
				 folder),
		0);
	len = key_read_file(folder, "made.der", der, sizeof der);
	assert_refused(KEY_P256, der, len, "SEC1");
}

/* Widths of the INTEGERs as OpenSSL encodes them: true if all are what the units need. */
static bool is_full_width(EVP_PKEY *pkey)
{
	static const char *const names[] = { OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1,
		OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
		OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
	bool full = true;
	for (unsigned i = 0; i < 6; i++) {
		BIGNUM *bn = NULL;
		assert_int_equal(EVP_PKEY_get_bn_param(pkey, names[i], &bn), 1);
		full = full && BN_num_bits(bn) >= (i ? 504 : 1016);
		BN_free(bn);
	}
	return full;
}

static void a_key_with_a_short_field_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1500; i++) {
		EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
		assert_non_null(pkey);
		if (is_full_width(pkey)) {
			EVP_PKEY_free(pkey);
			continue;
		}
		uint8_t *der = NULL;
		int len = i2d_PrivateKey(pkey, &der);
		assert_true(len > 0);
		/* OpenSSL finds nothing wrong with it, but a unit does. */
		assert_false(unit_can_decrypt(der));
		assert_refused(KEY_RSA_1024, der, (size_t)len, "not as the unit reads it");
		OPENSSL_free(der);
		EVP_PKEY_free(pkey);
		return;
	}
	fail_msg("1500 keys without a short field: they are drawn otherwise than expected");
}

/* The vendor's firmware, when it makes a key itself, puts 00 before every number: not DER, but the units read it. */
static void the_padded_form_of_the_firmware_is_taken(void **state)
{
	(void)state;
	static const uint8_t head[] = { 0x30, 0x82, 0x02, 0x5f, 0x02, 0x01, 0x00 };
	static const uint8_t e[] = { 0x02, 0x03, 0x01, 0x00, 0x01 };
	struct keypair *keypair = key_new(KEY_RSA_1024), *again = NULL;
	size_t len = 0;
	struct positional fields = positional_parse(keypair_private(keypair, &len));
	uint8_t padded[611], *to = padded;
	memcpy(to, head, sizeof head);
	to += sizeof head;
	for (unsigned i = 0; i < 7; i++) {
		*to++ = 0x02;
		if (i < 2)
			*to++ = 0x81;
		*to++ = i < 2 ? 0x81 : 0x41;
		*to++ = 0;
		memcpy(to, fields.field[i], i < 2 ? 128 : 64);
		to += i < 2 ? 128 : 64;
		if (i == 0) {
			memcpy(to, e, sizeof e);
			to += sizeof e;
		}
	}
	assert_int_equal(to - padded, 611);
	struct err err;
	if (!keypair_from_private(KEY_RSA_1024, padded, sizeof padded, &again, &err))
		fail_msg("%s", err.text);
	assert_string_equal(
		keypair_public(again)->fingerprint, keypair_public(keypair)->fingerprint);
	keypair_free(again);
	keypair_free(keypair);
}

static void refuse_every_bit_flip(enum key_algorithm algorithm)
{
	struct keypair *keypair = key_new(algorithm);
	size_t len = 0;
	uint8_t der[KEY_PRIVATE_MAX];
	memcpy(der, keypair_private(keypair, &len), sizeof der);
	/* All bits: a sample would leave out the one that matters. */
	for (size_t bit = 0; bit < 8 * len; bit++) {
		der[bit / 8] ^= (uint8_t)(1u << bit % 8);
		struct keypair *other = NULL;
		struct err err;
		if (keypair_from_private(algorithm, der, len, &other, &err))
			fail_msg("%s: a flip of bit %zu was not seen",
				key_algorithm_name(algorithm), bit);
		assert_int_equal(err.reason, REASON_KEY_MISMATCH);
		der[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	keypair_free(keypair);
}

static void every_flipped_bit_of_a_private_key_is_refused(void **state)
{
	(void)state;
	refuse_every_bit_flip(KEY_RSA_1024);
	refuse_every_bit_flip(KEY_P256);
}

static void every_cut_of_a_private_key_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		enum key_algorithm algorithm = i ? KEY_P256 : KEY_RSA_1024;
		struct keypair *keypair = key_new(algorithm);
		size_t len = 0;
		const uint8_t *der = keypair_private(keypair, &len);
		for (size_t cut = 0; cut < len; cut++) {
			uint8_t *exact = malloc(cut ? cut : 1);
			assert_non_null(exact);
			memcpy(exact, der, cut);
			assert_refused(algorithm, exact, cut, "");
			free(exact);
		}
		keypair_free(keypair);
	}
}

static void what_stands_behind_a_key_is_ignored(void **state)
{
	(void)state;
	struct keypair *keypair = key_new(KEY_RSA_1024), *again = NULL;
	size_t len = 0, kept = 0;
	uint8_t slot[612];
	memset(slot, 0xa5, sizeof slot);
	const uint8_t *der = keypair_private(keypair, &len);
	memcpy(slot, der, len);
	struct err err;
	assert_true(keypair_from_private(KEY_RSA_1024, slot, sizeof slot, &again, &err));
	keypair_private(again, &kept);
	assert_int_equal(kept, len);
	keypair_free(again);
	keypair_free(keypair);
}

static void two_keys_mixed_are_refused(void **state)
{
	(void)state;
	struct keypair *a = key_new(KEY_P256), *b = key_new(KEY_P256);
	size_t len = 0;
	uint8_t mixed[121];
	memcpy(mixed, keypair_private(a, &len), 121);
	memcpy(mixed + 56, keypair_private(b, &len) + 56, 65);
	assert_refused(KEY_P256, mixed, sizeof mixed, "does not belong");
	memset(mixed + 7, 0, 32);
	assert_refused(KEY_P256, mixed, sizeof mixed, "private number");
	memset(mixed + 7, 0xff, 32);
	assert_refused(KEY_P256, mixed, sizeof mixed, "private number");
	keypair_free(a);
	keypair_free(b);
}

static void a_unit_has_no_rsa_2048_key(void **state)
{
	(void)state;
	struct keypair *keypair = NULL;
	struct err err;
	assert_false(keypair_new(KEY_RSA_2048, &keypair, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	assert_null(keypair);
	keypair_free(NULL);
}

static void names_lead_back_to_their_algorithm(void **state)
{
	(void)state;
	enum key_algorithm found;
	for (unsigned i = 0; i < KEY_ALGORITHM_COUNT; i++) {
		assert_true(
			key_algorithm_from_name(key_algorithm_name((enum key_algorithm)i), &found));
		assert_int_equal(found, i);
	}
	assert_false(key_algorithm_from_name("ed25519", &found));
	assert_false(key_algorithm_from_name("", &found));
}

static void *make_ten(void *argument)
{
	bool *good = argument;
	*good = true;
	for (unsigned i = 0; i < 10; i++) {
		struct keypair *keypair = NULL;
		struct err err;
		*good = keypair_new(i % 2 ? KEY_P256 : KEY_RSA_1024, &keypair, &err) && *good;
		keypair_free(keypair);
	}
	return NULL;
}

static void threads_make_keys_side_by_side(void **state)
{
	(void)state;
	pthread_t threads[4];
	bool good[4];
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_ten, &good[i]), 0);
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_true(good[i]);
	}
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	static const char *const files[] = { "key.der", "ours.pem", "made.der" };
	for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
		char path[FS_PATH_MAX];
		snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		unlink(path);
	}
	return rmdir(folder);
}

int main(void)
{
	struct err err;
	if (!keys_init(&err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_can_use_every_fresh_rsa_key),
		cmocka_unit_test(openssl_accepts_our_rsa_key),
		cmocka_unit_test(openssl_accepts_our_p256_key),
		cmocka_unit_test(openssl_agrees_on_the_public_half),
		cmocka_unit_test(an_rsa_key_made_by_openssl_gives_the_same_fingerprint),
		cmocka_unit_test(a_p256_key_made_by_openssl_gives_the_same_fingerprint),
		cmocka_unit_test(a_pkcs8_key_is_refused),
		cmocka_unit_test(a_key_with_a_short_field_is_refused),
		cmocka_unit_test(the_padded_form_of_the_firmware_is_taken),
		cmocka_unit_test(every_flipped_bit_of_a_private_key_is_refused),
		cmocka_unit_test(every_cut_of_a_private_key_is_refused),
		cmocka_unit_test(what_stands_behind_a_key_is_ignored),
		cmocka_unit_test(two_keys_mixed_are_refused),
		cmocka_unit_test(a_unit_has_no_rsa_2048_key),
		cmocka_unit_test(names_lead_back_to_their_algorithm),
		cmocka_unit_test(threads_make_keys_side_by_side),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
