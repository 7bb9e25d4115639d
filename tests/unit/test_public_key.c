/* SPDX-License-Identifier: Apache-2.0 */
/* USES: keys base */
/* Public keys as a job's file or a server gives them; the openssl command line is the judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "key_fixture.h"

static char folder[] = "/tmp/test_public_key.XXXXXX";

static void a_public_key_comes_back_from_der_and_pem(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct keypair *keypair = key_new(i ? KEY_P256 : KEY_RSA_1024);
		const struct public_key *made = keypair_public(keypair);
		struct public_key read;
		struct err err;
		size_t used = 0;
		uint8_t padded[KEY_SPKI_MAX];
		memset(padded, 0xff, sizeof padded);
		memcpy(padded, made->spki, made->spki_len);
		assert_true(public_key_from_der(padded, sizeof padded, &read, &used, &err));
		assert_int_equal(used, made->spki_len);
		assert_string_equal(read.fingerprint, made->fingerprint);
		assert_true(public_key_from_pem(made->pem, strlen(made->pem), &read, &err));
		assert_string_equal(read.pem, made->pem);
		assert_int_equal(read.algorithm, made->algorithm);
		keypair_free(keypair);
	}
}

static void refuse_pem(const char *pem, const char *says)
{
	struct public_key key;
	struct err err;
	if (public_key_from_pem(pem, strlen(pem), &key, &err))
		fail_msg("taken, but should say: %s", says);
	assert_int_equal(err.reason, REASON_INPUT);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void a_pem_that_is_not_one_public_key_is_refused(void **state)
{
	(void)state;
	struct keypair *keypair = key_new(KEY_P256);
	const char *pem = keypair_public(keypair)->pem;
	char text[2 * KEY_PEM_MAX];
	refuse_pem("", "no PEM block");
	refuse_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"not a PUBLIC KEY");
	refuse_pem("-----BEGIN PUBLIC KEY-----\n", "no end");
	refuse_pem("-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----", "damaged");
	refuse_pem("-----BEGIN PUBLIC KEY-----\nAA=A\n-----END PUBLIC KEY-----\n", "damaged");
	refuse_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no public key");
	snprintf(text, sizeof text, "%s%s", pem, pem);
	refuse_pem(text, "more than one");
	snprintf(text, sizeof text, "%s", pem);
	text[40] = '*';
	refuse_pem(text, "damaged");
	keypair_free(keypair);
}

static void only_the_three_algorithms_are_public_keys(void **state)
{
	(void)state;
	static const struct {
		const char *make;
		const char *says;
	} others[] = {
		{ "openssl genrsa 3072", "no public key" },
		{ "openssl genrsa 2047", "no public key" },
		{ "openssl genrsa -3 2048", "no public key" },
		{ "openssl genpkey -algorithm ed25519", "no public key" },
		{ "openssl ecparam -name secp384r1 -genkey -noout", "no public key" },
	};
	for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
		char line[64], pem[2048];
		assert_int_equal(key_shell(line, sizeof line,
					 "%s 2>/dev/null | openssl pkey -pubout > %s/other.pem",
					 others[i].make, folder),
			0);
		size_t len = key_read_file(folder, "other.pem", (uint8_t *)pem, sizeof pem - 1);
		pem[len] = 0;
		struct public_key key;
		struct err err;
		if (public_key_from_pem(pem, len, &key, &err))
			fail_msg("%s was taken", others[i].make);
		assert_int_equal(err.reason, REASON_INPUT);
	}
}

static void an_rsa_2048_key_is_taken_and_an_even_one_not(void **state)
{
	(void)state;
	char line[128], pem[1024];
	assert_int_equal(key_shell(line, sizeof line,
				 "openssl genrsa 2048 2>/dev/null | openssl pkey -pubout | tee "
				 "%s/rsa.pem | openssl "
				 "pkey -pubin -outform DER | sha256sum | cut -c1-64",
				 folder),
		0);
	size_t len = key_read_file(folder, "rsa.pem", (uint8_t *)pem, sizeof pem - 1);
	pem[len] = 0;
	struct public_key key;
	struct err err;
	assert_true(public_key_from_pem(pem, len, &key, &err));
	assert_int_equal(key.algorithm, KEY_RSA_2048);
	assert_int_equal(key.spki_len, 294);
	assert_string_equal(key.fingerprint, line);
	assert_string_equal(key.pem, pem);
	uint8_t der[294];
	memcpy(der, key.spki, sizeof der);
	der[33 + 255] ^= 1;
	assert_false(public_key_from_der(der, sizeof der, &key, NULL, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	der[33 + 255] ^= 1;
	der[293] = 3;
	assert_false(public_key_from_der(der, sizeof der, &key, NULL, &err));
	assert_non_null(strstr(err.text, "65537"));
}

static void a_point_off_the_curve_is_no_public_key(void **state)
{
	(void)state;
	struct keypair *keypair = key_new(KEY_P256);
	uint8_t der[91];
	struct public_key key;
	struct err err;
	memcpy(der, keypair_public(keypair)->spki, sizeof der);
	der[90] ^= 1;
	assert_false(public_key_from_der(der, sizeof der, &key, NULL, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	keypair_free(keypair);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	static const char *const files[] = { "other.pem", "rsa.pem" };
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
		cmocka_unit_test(a_public_key_comes_back_from_der_and_pem),
		cmocka_unit_test(a_pem_that_is_not_one_public_key_is_refused),
		cmocka_unit_test(only_the_three_algorithms_are_public_keys),
		cmocka_unit_test(an_rsa_2048_key_is_taken_and_an_even_one_not),
		cmocka_unit_test(a_point_off_the_curve_is_no_public_key),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
