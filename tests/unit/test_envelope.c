/* SPDX-License-Identifier: Apache-2.0 */
/* USES: keys base */
/* LIBS: PkgConfig::openssl */
/* Envelopes: each recipient opens them, nobody else, and none that was changed anywhere; certificates that are no
 * recipients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "clock.h"
#include "envelope.h"
#include "keypair.h"
#include "recipient.h"
#include "secret.h"

enum { PLAIN = 100000, HOUR = 3600 };

struct person {
	EVP_PKEY *key;
	uint8_t der[RECIPIENT_DER_MAX];
	size_t der_len;
	char file[64]; /* its private key */
};

static struct person rsa, p256, p384, other;

static void certify(
	struct person *person, const char *name, const char *usage, long from_s, long to_s)
{
	X509 *certificate = X509_new();
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
	X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
	X509_gmtime_adj(X509_getm_notAfter(certificate), to_s);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
		(const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	X509_set_pubkey(certificate, person->key);
	if (usage) {
		X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, usage);
		X509_add_ext(certificate, extension, -1);
		X509_EXTENSION_free(extension);
	}
	assert_true(X509_sign(certificate, person->key, EVP_sha256()) > 0);
	unsigned char *at = person->der;
	assert_true(i2d_X509(certificate, NULL) < RECIPIENT_DER_MAX);
	person->der_len = (size_t)i2d_X509(certificate, &at);
	X509_free(certificate);
}

static void write_key(struct person *person, const char *passphrase)
{
	snprintf(person->file, sizeof person->file, "envelope-key.XXXXXX");
	int fd = mkstemp(person->file);
	BIO *bio = BIO_new_fd(fd, BIO_CLOSE);
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, person->key,
				 passphrase ? EVP_aes_256_cbc() : NULL, NULL, 0, NULL,
				 passphrase ? (void *)(uintptr_t)passphrase : NULL),
		1);
	BIO_free(bio);
}

static int setup(void **state)
{
	char folder[] = "/tmp/test_envelope.XXXXXX";
	(void)state;
	struct err err;
	if (!keys_init(&err) || !mkdtemp(folder) || chdir(folder) != 0)
		return -1;

	rsa.key = EVP_RSA_gen(2048);
	other.key = EVP_RSA_gen(2048);
	p256.key = EVP_EC_gen("P-256");
	p384.key = EVP_EC_gen("P-384");
	certify(&rsa, "quality", "keyEncipherment", -HOUR, HOUR);
	certify(&other, "other", NULL, -HOUR, HOUR);
	certify(&p256, "lab", "keyAgreement", -HOUR, HOUR);
	certify(&p384, "vault", NULL, -HOUR, HOUR);
	write_key(&rsa, NULL);
	write_key(&other, NULL);
	write_key(&p256, NULL);
	write_key(&p384, "long enough");
	return 0;
}

static int teardown(void **state)
{
	struct person *const all[] = { &rsa, &p256, &p384, &other };
	char folder[256];
	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		unlink(all[i]->file);
		EVP_PKEY_free(all[i]->key);
	}
	return getcwd(folder, sizeof folder) && rmdir(folder) == 0 ? 0 : -1;
}

static bool add(struct recipients *to, const struct person *person, struct err *err)
{
	return recipients_add_bytes(to, "who.pem", person->der, person->der_len, err);
}

static uint8_t plain[PLAIN];

/* For as many of these as count. */
static void make(struct recipients *to, size_t count, uint8_t **ret, size_t *ret_len)
{
	const struct person *const all[] = { &rsa, &p256, &p384 };
	struct err err;
	SCOPED_ENVELOPE struct envelope *envelope = NULL;
	*to = (struct recipients){ 0 };
	for (size_t i = 0; i < count; i++)
		assert_true(add(to, all[i], &err));
	for (size_t i = 0; i < PLAIN; i++)
		plain[i] = (uint8_t)(i * 7 + i / 251);
	assert_true(envelope_begin(to, &envelope, &err));
	/* In parts of all sizes. */
	for (size_t at = 0, part = 1; at < PLAIN; at += part, part = part * 3 + 1) {
		part = part < PLAIN - at ? part : PLAIN - at;
		assert_true(envelope_add(envelope, plain + at, part, &err));
	}
	assert_true(envelope_end(envelope, ret, ret_len, &err));
}

static int say(void *context, char *to, int cap)
{
	return snprintf(to, (size_t)cap, "%s", (const char *)context);
}

static bool open_with(const struct person *person, const uint8_t *der, size_t len, struct err *err)
{
	SCOPED_ENVELOPE_KEY struct envelope_key *key = NULL;
	uint8_t *found = NULL;
	size_t found_len = 0;
	char passphrase[] = "long enough";
	assert_true(envelope_key_load(person->file, say, passphrase, &key, err));
	if (!envelope_open(der, len, key, &found, &found_len, err))
		return false;
	assert_int_equal(found_len, PLAIN);
	assert_memory_equal(found, plain, PLAIN);
	secret_free(found);
	return true;
}

static void test_each_recipient_opens(void **state)
{
	const struct person *const all[] = { &rsa, &p256, &p384 };
	struct recipients to, fewer = { 0 };
	uint8_t *der;
	size_t len;
	struct err err;
	(void)state;
	make(&to, 3, &der, &len);
	for (size_t i = 0; i < 3; i++)
		assert_true(open_with(all[i], der, len, &err));
	assert_false(open_with(&other, der, len, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	assert_non_null(strstr(err.text, "not for this key"));
	/* And by OpenSSL's own way, from one call. */
	const unsigned char *at = der;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)len);
	BIO *out = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	assert_int_equal(CMS_decrypt(cms, rsa.key, NULL, NULL, out, CMS_BINARY), 1);
	assert_int_equal(BIO_get_mem_data(out, &bytes), PLAIN);
	assert_memory_equal(bytes, plain, PLAIN);
	BIO_free(out);
	CMS_ContentInfo_free(cms);
	/* For whom it is. */
	assert_true(envelope_check(der, len, &to, &err));
	assert_true(add(&fewer, &rsa, &err) && add(&fewer, &p256, &err));
	assert_false(envelope_check(der, len, &fewer, &err));
	assert_true(add(&fewer, &other, &err));
	assert_false(envelope_check(der, len, &fewer, &err));
	assert_int_equal(err.reason, REASON_STORE);
	assert_false(envelope_check(der, len - 1, &to, &err));
	free(der);
}

/* Every byte of the head, and bytes all over the rest; every way of cutting the end. */
static void test_changed_or_cut(void **state)
{
	struct recipients to;
	uint8_t *der;
	size_t len, opened = 0;
	struct err err;
	(void)state;
	make(&to, 1, &der, &len);
	for (size_t at = 0; at < len; at += at < 700 || at + 40 >= len ? 3 : 9973) {
		der[at] ^= 0x20;
		/* Who the entry is for is no part of what it protects. */
		opened += open_with(&rsa, der, len, &err);
		der[at] ^= 0x20;
	}
	assert_in_range(opened, 0, 40);
	for (size_t at = len - PLAIN; at < len; at += 9973) {
		der[at] ^= 1;
		assert_false(open_with(&rsa, der, len, &err));
		der[at] ^= 1;
	}
	der[len - 1] ^= 1;
	assert_false(open_with(&rsa, der, len, &err));
	assert_non_null(strstr(err.text, "changed"));
	der[len - 1] ^= 1;
	for (size_t cut = 1; cut < 100; cut += 7)
		assert_false(open_with(&rsa, der, len - cut, &err));
	assert_false(open_with(&rsa, der, 0, &err));
	assert_true(open_with(&rsa, der, len, &err));
	free(der);
}

/* Not authenticated: what an attacker would make of it. */
static void test_other_kinds(void **state)
{
	const unsigned char *at = rsa.der;
	X509 *certificate = d2i_X509(NULL, &at, (long)rsa.der_len);
	STACK_OF(X509) *to = sk_X509_new_null();
	BIO *in = BIO_new_mem_buf("plain", 5);
	uint8_t *der = NULL;
	struct err err;
	(void)state;
	sk_X509_push(to, certificate);
	CMS_ContentInfo *cms = CMS_encrypt(to, in, EVP_aes_256_cbc(), CMS_BINARY);
	int len = i2d_CMS_ContentInfo(cms, &der);
	assert_true(len > 0);
	assert_false(open_with(&rsa, der, (size_t)len, &err));
	assert_non_null(strstr(err.text, "AuthEnvelopedData"));
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	sk_X509_pop_free(to, X509_free);
}

static void assert_refused(struct person *person, const char *why)
{
	struct recipients to = { 0 };
	struct err err;
	assert_false(add(&to, person, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	if (!strstr(err.text, why))
		fail_msg("\"%s\" does not say \"%s\"", err.text, why);
	assert_int_equal(to.count, 0);
}

/* It can be named, as a job that makes units does not need it; a backup does. */
static void assert_not_valid(struct person *person, const char *why)
{
	struct recipients to = { 0 };
	struct err err;
	assert_true(add(&to, &rsa, &err));
	assert_true(recipients_valid(&to, clock_utc_ms(), &err));
	assert_true(add(&to, person, &err));
	assert_false(recipients_valid(&to, clock_utc_ms(), &err));
	assert_int_equal(err.reason, REASON_INPUT);
	if (!strstr(err.text, why))
		fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void test_recipients_out_of_their_time(void **state)
{
	struct person odd = { .key = rsa.key };
	(void)state;
	certify(&odd, "old", NULL, -HOUR, -60);
	assert_not_valid(&odd, "expired");
	certify(&odd, "early", NULL, HOUR, 2 * HOUR);
	assert_not_valid(&odd, "not valid before");
}

static void test_no_recipients(void **state)
{
	struct person odd = { .key = rsa.key };
	struct recipients to = { 0 };
	struct err err;
	(void)state;
	certify(&odd, "signer", "digitalSignature", -HOUR, HOUR);
	assert_refused(&odd, "keyEncipherment");
	odd.key = p256.key;
	certify(&odd, "signer", "digitalSignature", -HOUR, HOUR);
	assert_refused(&odd, "keyAgreement");
	odd.key = EVP_RSA_gen(1024);
	certify(&odd, "short", NULL, -HOUR, HOUR);
	assert_refused(&odd, "1024 bits");
	EVP_PKEY_free(odd.key);
	odd.key = EVP_EC_gen("secp256k1");
	certify(&odd, "curve", NULL, -HOUR, HOUR);
	assert_refused(&odd, "curve");
	EVP_PKEY_free(odd.key);
	odd.der_len = 10;
	assert_refused(&odd, "no certificate");
	/* Twice, and one too many. */
	assert_true(add(&to, &rsa, &err));
	assert_string_equal(to.list[0].who, "CN = quality");
	assert_string_equal(to.list[0].algorithm, "rsa-2048");
	assert_false(add(&to, &rsa, &err));
	to.count = RECIPIENTS_MAX;
	assert_false(add(&to, &p256, &err));
}

static void test_keys(void **state)
{
	SCOPED_ENVELOPE_KEY struct envelope_key *key = NULL;
	struct err err;
	char wrong[] = "wrong";
	(void)state;
	assert_false(envelope_key_load(p384.file, NULL, NULL, &key, &err));
	assert_non_null(strstr(err.text, "--passin-file"));
	assert_false(envelope_key_load(p384.file, say, wrong, &key, &err));
	assert_non_null(strstr(err.text, "passphrase"));
	assert_int_equal(chmod(rsa.file, 0644), 0);
	assert_false(envelope_key_load(rsa.file, NULL, NULL, &key, &err));
	assert_int_equal(err.reason, REASON_INPUT);
	assert_int_equal(chmod(rsa.file, 0600), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_recipient_opens),
		cmocka_unit_test(test_changed_or_cut),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_no_recipients),
		cmocka_unit_test(test_recipients_out_of_their_time),
		cmocka_unit_test(test_keys),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
