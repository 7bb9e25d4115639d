/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that an F2 makes for itself, and the public key as it derives it. Made with OpenSSL
 * directly and read the way the device's own code does, so that nothing here shares an error with
 * the station's keys. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "vunit_private.h"

enum { MODULUS_OFFSET = 11, MODULUS_LEN = 128, NUMBERS_OFFSET = 11 + 128 + 5, HALF_LEN = 64 };

/* An INTEGER of width bytes, a sign byte before them or not. */
static bool skip_number(const uint8_t *der, size_t len, size_t width, size_t *at)
{
	size_t head = width >= 128 ? 3 : 2;
	if (*at + head >= len || der[*at] != 0x02)
		return false;
	size_t number = der[*at + head - 1];
	*at += head + number;
	return (number == width || number == width + 1) && *at <= len;
}

/* The device's parser goes by position, so its generator draws again when a number came out
 * short. */
static bool full_width(const uint8_t *der, size_t len)
{
	size_t at = NUMBERS_OFFSET;
	bool ok = skip_number(der, len, MODULUS_LEN, &at);
	for (int i = 0; ok && i < 5; i++)
		ok = skip_number(der, len, HALF_LEN, &at);
	return ok && at == len;
}

static bool make_once(uint8_t ret[VKEY_PRIVATE_MAX], size_t *ret_len)
{
	EVP_PKEY *key = EVP_RSA_gen(1024);
	if (!key)
		return false;
	int len = i2d_PrivateKey(key, NULL);
	bool ok = len > 0 && len <= VKEY_PRIVATE_MAX;
	if (ok) {
		uint8_t *end = ret;
		ok = i2d_PrivateKey(key, &end) == len && full_width(ret, (size_t)len);
		*ret_len = (size_t)len;
	}
	EVP_PKEY_free(key);
	return ok;
}

bool vkey_make(uint8_t ret[VKEY_PRIVATE_MAX], size_t *ret_len)
{
	for (int i = 0; i < 50; i++) {
		if (make_once(ret, ret_len))
			return true;
	}
	OPENSSL_cleanse(ret, VKEY_PRIVATE_MAX);
	return false;
}

void vkey_public(const uint8_t *private_key, uint8_t ret[VKEY_PUBLIC_LEN])
{
	static const uint8_t head[] = { 0x30, 0x81, 0x9F, 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48,
		0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x81, 0x8D, 0x00, 0x30, 0x81,
		0x89, 0x02, 0x81, 0x81, 0x00 };
	static const uint8_t exponent[] = { 0x02, 0x03, 0x01, 0x00, 0x01 };
	memcpy(ret, head, sizeof(head));
	memcpy(ret + sizeof(head), private_key + MODULUS_OFFSET, MODULUS_LEN);
	memcpy(ret + sizeof(head) + MODULUS_LEN, exponent, sizeof(exponent));
}

bool vkey_ec_make(uint8_t ret[VKEY_EC_PRIVATE_LEN])
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	int len = key ? i2d_PrivateKey(key, NULL) : 0;
	bool ok = len == VKEY_EC_PRIVATE_LEN && i2d_PrivateKey(key, &ret) == len;
	EVP_PKEY_free(key);
	return ok;
}

bool vkey_ec_public(const uint8_t private_key[VKEY_EC_PRIVATE_LEN], uint8_t ret[VKEY_EC_PUBLIC_LEN])
{
	EVP_PKEY *key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &private_key, VKEY_EC_PRIVATE_LEN);
	int len = key ? i2d_PUBKEY(key, NULL) : 0;
	bool ok = len == VKEY_EC_PUBLIC_LEN && i2d_PUBKEY(key, &ret) == len;
	EVP_PKEY_free(key);
	return ok;
}
