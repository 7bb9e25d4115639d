/* SPDX-License-Identifier: Apache-2.0 */
#include "spki.h"

#include <string.h>

#include "digest.h"
#include "keymath.h"

/* AlgorithmIdentifier rsaEncryption with NULL, then BIT STRING { SEQUENCE {
 * INTEGER 00 modulus, ... */
static const uint8_t rsa1024_head[] = { 0x30, 0x81, 0x9f, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48,
	0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x81, 0x8d, 0x00, 0x30, 0x81, 0x89,
	0x02, 0x81, 0x81, 0x00 };
static const uint8_t rsa2048_head[] = { 0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86,
	0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30,
	0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00 };
/* ... INTEGER 65537 } } */
static const uint8_t rsa_tail[] = { 0x02, 0x03, 0x01, 0x00, 0x01 };
/* AlgorithmIdentifier id-ecPublicKey with prime256v1, then BIT STRING */
static const uint8_t p256_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
	0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42,
	0x00 };

struct shape {
	const uint8_t *head;
	size_t head_len, key_len, tail_len;
};

static const struct shape shapes[KEY_ALGORITHM_COUNT] = {
	[KEY_RSA_1024] = { rsa1024_head, sizeof rsa1024_head, 128, sizeof rsa_tail },
	[KEY_RSA_2048] = { rsa2048_head, sizeof rsa2048_head, 256, sizeof rsa_tail },
	[KEY_P256] = { p256_head, sizeof p256_head, 65, 0 },
};

bool spki_build(
	enum key_algorithm algorithm, const uint8_t *key, struct public_key *ret, struct err *err)
{
	const struct shape *shape = &shapes[algorithm];
	struct public_key built = { .algorithm = algorithm };
	memcpy(built.spki, shape->head, shape->head_len);
	memcpy(built.spki + shape->head_len, key, shape->key_len);
	memcpy(built.spki + shape->head_len + shape->key_len, rsa_tail, shape->tail_len);
	built.spki_len = shape->head_len + shape->key_len + shape->tail_len;
	if (!digest_sha256_hex(built.spki, built.spki_len, built.fingerprint, err))
		return false;
	if (!pem_write(built.spki, built.spki_len, built.pem))
		return err_set(err, REASON_BUG, "the PEM of a public key does not fit its buffer");
	*ret = built;
	return true;
}

/* A modulus has its top bit set, or it is a shorter key, and is odd. */
static bool is_key_good(enum key_algorithm algorithm, const uint8_t *key)
{
	if (algorithm == KEY_P256)
		return keymath_is_p256_point(key);
	return key[0] >= 0x80 && (key[shapes[algorithm].key_len - 1] & 1);
}

static bool find_shape(const uint8_t *der, size_t len, enum key_algorithm *ret)
{
	for (unsigned i = 0; i < KEY_ALGORITHM_COUNT; i++) {
		const struct shape *shape = &shapes[i];
		if (len >= shape->head_len + shape->key_len + shape->tail_len &&
			memcmp(der, shape->head, shape->head_len) == 0) {
			*ret = (enum key_algorithm)i;
			return true;
		}
	}
	return false;
}

bool public_key_from_der(
	const uint8_t *der, size_t len, struct public_key *ret, size_t *ret_used, struct err *err)
{
	enum key_algorithm algorithm;
	if (!find_shape(der, len, &algorithm))
		return err_set(err, REASON_INPUT,
			"these %zu bytes are no public key of RSA-1024, RSA-2048 or P-256 in SPKI "
			"DER",
			len);
	const struct shape *shape = &shapes[algorithm];
	const uint8_t *key = der + shape->head_len;
	if (memcmp(key + shape->key_len, rsa_tail, shape->tail_len) != 0)
		return err_set(err, REASON_INPUT, "the public exponent of the %s key is not 65537",
			key_algorithm_name(algorithm));
	if (!is_key_good(algorithm, key))
		return err_set(err, REASON_INPUT,
			"the number in the %s public key is not one of a key",
			key_algorithm_name(algorithm));
	if (!spki_build(algorithm, key, ret, err))
		return false;
	if (ret_used)
		*ret_used = ret->spki_len;
	return true;
}

bool public_key_from_pem(const char *pem, size_t len, struct public_key *ret, struct err *err)
{
	uint8_t der[KEY_SPKI_MAX];
	size_t der_len = 0, used = 0;
	struct public_key key;
	if (!pem_read(pem, len, der, &der_len, err) ||
		!public_key_from_der(der, der_len, &key, &used, err))
		return false;
	if (used != der_len)
		return err_set(err, REASON_INPUT,
			"%zu bytes stand behind the public key in its PEM", der_len - used);
	*ret = key;
	return true;
}
