/* SPDX-License-Identifier: Apache-2.0 */
/* USES: keys base */
/* LIBS: PkgConfig::openssl */
/* What goes through an envelope, and the key that opens it, against a scan of all writable memory of this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "clock.h"
#include "envelope.h"
#include "keypair.h"
#include "memory_scan.h"
#include "secret.h"

enum { PLAIN = 200000, STEP = 4001 };

static char key_file[] = "/tmp/test_envelope_memory.XXXXXX";

/* Its numbers become needles, if somebody asks; nothing of it stays behind. */
static void make_person(struct recipients *to, bool rsa, struct needles *needles)
{
	EVP_PKEY *key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	BIGNUM *number = NULL;
	uint8_t *der = NULL, *bytes = OPENSSL_zalloc(256);
	struct err err;
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	int len = i2d_X509(certificate, &der);
	assert_true(recipients_add_bytes(to, "who", der, (size_t)len, &err));
	assert_int_equal(
		EVP_PKEY_get_bn_param(
			key, rsa ? OSSL_PKEY_PARAM_RSA_FACTOR1 : OSSL_PKEY_PARAM_PRIV_KEY, &number),
		1);
	assert_int_equal(BN_bn2binpad(number, bytes, rsa ? 128 : 32), rsa ? 128 : 32);
	add_needles(needles, bytes, rsa ? 128 : 32);
	BIO *bio = BIO_new_file(key_file, "w");
	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	BIO_free(bio);
	BN_clear_free(number);
	OPENSSL_free(bytes);
	OPENSSL_free(der);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

/* In locked memory, as the station has it. */
static uint8_t *new_plain(struct needles *needles)
{
	struct err err;
	uint8_t *plain = secret_alloc(PLAIN, &err);
	assert_non_null(plain);
	FILE *random = fopen("/dev/urandom", "r");
	assert_non_null(random);
	setvbuf(random, NULL, _IONBF, 0);
	assert_int_equal(fread(plain, 1, PLAIN, random), PLAIN);
	fclose(random);
	for (size_t at = 0; at + 16 < PLAIN; at += STEP)
		add_needles(needles, plain + at, 16);
	return plain;
}

static void write_it(const struct recipients *to, const uint8_t *plain, uint8_t **ret,
	size_t *ret_len, const struct needles *needles, size_t once)
{
	struct err err;
	struct envelope *envelope = NULL;
	assert_true(envelope_begin(to, &envelope, &err));
	for (size_t at = 0; at < PLAIN; at += 32768)
		assert_true(envelope_add(
			envelope, plain + at, PLAIN - at < 32768 ? PLAIN - at : 32768, &err));
	assert_int_equal(count_in_process(needles), once);
	assert_true(envelope_end(envelope, ret, ret_len, &err));
	envelope_free(envelope);
	assert_int_equal(count_in_process(needles), once);
}

static void through_an_envelope(bool rsa)
{
	static struct needles plain_needles, key_needles;
	struct recipients to = { 0 };
	struct envelope_key *key = NULL;
	struct err err;
	uint8_t *der = NULL, *opened = NULL;
	size_t len = 0, opened_len = 0;
	plain_needles.count = key_needles.count = 0;
	make_person(&to, rsa, &key_needles);
	assert_int_equal(count_in_process(&key_needles), 0);
	uint8_t *plain = new_plain(&plain_needles);
	size_t once = count_in_process(&plain_needles);
	assert_int_equal(once, plain_needles.count / 2);
	write_it(&to, plain, &der, &len, &plain_needles, once);

	assert_true(envelope_key_load(key_file, NULL, NULL, &key, &err));
	assert_true(count_in_process(&key_needles) > 0);
	assert_true(envelope_open(der, len, key, &opened, &opened_len, &err));
	assert_int_equal(count_in_process(&plain_needles), 2 * once);
	secret_free(opened);
	assert_int_equal(count_in_process(&plain_needles), once);
	der[len - 1] ^= 1;
	assert_false(envelope_open(der, len, key, &opened, &opened_len, &err));
	assert_int_equal(count_in_process(&plain_needles), once);
	envelope_key_free(key);
	assert_int_equal(count_in_process(&key_needles), 0);
	secret_free(plain);
	assert_int_equal(count_in_process(&plain_needles), 0);
	free(der);
}

static void nothing_plain_stays_behind(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	int fd = mkstemp(key_file);
	assert_true(fd >= 0);
	close(fd);
	through_an_envelope(true);
	through_an_envelope(false);
	unlink(key_file);
}

int main(void)
{
	struct err err;
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_plain_stays_behind) };
	if (!keys_init(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
