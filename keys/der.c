/* SPDX-License-Identifier: Apache-2.0 */
#include "der.h"

#include <stdbool.h>
#include <string.h>

#include "bytes.h"

enum {
	TAG_INTEGER = 0x02,
	TAG_SEQUENCE = 0x30,
	LONG_FORM_1 = 0x81, /* one length byte follows */
	LONG_FORM_2 = 0x82,
	RSA_HEAD = 4 /* the outer tag and length: an RSA-1024 key always needs two length bytes */
};

static const uint8_t rsa_version[] = { TAG_INTEGER, 1, 0 };
static const uint8_t rsa_exponent[] = { TAG_INTEGER, 3, 1, 0, 1 };

/* An INTEGER of DER is shorter than width if the first nine bits are zero. */
static bool is_short(const uint8_t *number)
{
	return number[0] == 0 && number[1] < 0x80;
}

static uint8_t *put_bytes(uint8_t *to, const uint8_t *bytes, size_t len)
{
	memcpy(to, bytes, len);
	return to + len;
}

static uint8_t *put_integer(uint8_t *to, const uint8_t *number, size_t width)
{
	bool padded = number[0] >= 0x80;
	*to++ = TAG_INTEGER;
	if (width >= 0x80)
		*to++ = LONG_FORM_1;
	*to++ = (uint8_t)(width + padded);
	if (padded)
		*to++ = 0;
	return put_bytes(to, number, width);
}

size_t der_write_rsa(const struct rsa_numbers *numbers, uint8_t to[RSA_DER_MAX])
{
	if (is_short(numbers->n) || is_short(numbers->d) || is_short(numbers->p) ||
		is_short(numbers->q) || is_short(numbers->dp) || is_short(numbers->dq) ||
		is_short(numbers->qinv))
		return 0;
	uint8_t *at = put_bytes(to + RSA_HEAD, rsa_version, sizeof rsa_version);
	at = put_integer(at, numbers->n, sizeof numbers->n);
	at = put_bytes(at, rsa_exponent, sizeof rsa_exponent);
	at = put_integer(at, numbers->d, sizeof numbers->d);
	at = put_integer(at, numbers->p, sizeof numbers->p);
	at = put_integer(at, numbers->q, sizeof numbers->q);
	at = put_integer(at, numbers->dp, sizeof numbers->dp);
	at = put_integer(at, numbers->dq, sizeof numbers->dq);
	at = put_integer(at, numbers->qinv, sizeof numbers->qinv);
	to[0] = TAG_SEQUENCE;
	to[1] = LONG_FORM_2;
	bytes_put_be16(to + 2, (uint16_t)(at - to - RSA_HEAD));
	return (size_t)(at - to);
}

/* Once something does not fit, what names it and everything after it fails too. */
struct reader {
	const uint8_t *der;
	size_t len, at;
	const char *wrong;
};

static void take_exactly(struct reader *reader, const uint8_t *bytes, size_t len, const char *what)
{
	if (reader->wrong)
		return;
	if (len > reader->len - reader->at || memcmp(reader->der + reader->at, bytes, len) != 0)
		reader->wrong = what;
	else
		reader->at += len;
}

/* An INTEGER of width bytes, with or without one leading 00. The generator in the vendor's firmware
 * puts the 00 always, DER only before a set bit; the units read both. Without it a set bit would be
 * a negative number. */
static void take_integer(struct reader *reader, uint8_t *to, size_t width, const char *what)
{
	if (reader->wrong)
		return;
	size_t head = width >= 0x80 ? 3 : 2;
	const uint8_t *from = reader->der + reader->at;
	size_t left = reader->len - reader->at;
	reader->wrong = what;
	if (left < head + width || from[0] != TAG_INTEGER || (head == 3 && from[1] != LONG_FORM_1))
		return;
	if (from[head - 1] == width + 1) {
		if (left < head + 1 + width || from[head] != 0)
			return;
		head++;
	} else if (from[head - 1] != width || from[head] >= 0x80) {
		return;
	}
	memcpy(to, from + head, width);
	reader->at += head + width;
	reader->wrong = NULL;
}

static void take_rsa(struct reader *reader, struct rsa_numbers *ret)
{
	take_exactly(reader, rsa_version, sizeof rsa_version, "the version");
	take_integer(reader, ret->n, sizeof ret->n, "the modulus");
	if (!reader->wrong && ret->n[0] < 0x80)
		reader->wrong = "the modulus";
	take_exactly(reader, rsa_exponent, sizeof rsa_exponent, "the public exponent");
	take_integer(reader, ret->d, sizeof ret->d, "the private exponent");
	take_integer(reader, ret->p, sizeof ret->p, "the first prime");
	take_integer(reader, ret->q, sizeof ret->q, "the second prime");
	take_integer(reader, ret->dp, sizeof ret->dp, "the first CRT exponent");
	take_integer(reader, ret->dq, sizeof ret->dq, "the second CRT exponent");
	take_integer(reader, ret->qinv, sizeof ret->qinv, "the CRT coefficient");
}

static bool is_pkcs8(const uint8_t *der, size_t len)
{
	return len > 7 && memcmp(der + RSA_HEAD, rsa_version, sizeof rsa_version) == 0 &&
	       der[7] == TAG_SEQUENCE;
}

bool der_parse_rsa(
	const uint8_t *der, size_t len, struct rsa_numbers *ret, size_t *ret_len, struct err *err)
{
	if (len < RSA_HEAD || der[0] != TAG_SEQUENCE || der[1] != LONG_FORM_2)
		return err_set(
			err, REASON_KEY_MISMATCH, "not an RSA-1024 private key in PKCS#1 DER");
	if (is_pkcs8(der, len))
		return err_set(err, REASON_KEY_MISMATCH,
			"the key is PKCS#8, the unit reads PKCS#1 only (openssl: -traditional)");
	struct reader reader = { .der = der, .len = len, .at = RSA_HEAD };
	take_rsa(&reader, ret);
	if (!reader.wrong && (size_t)(der[2] << 8 | der[3]) != reader.at - RSA_HEAD)
		reader.wrong = "the outer length";
	if (reader.wrong)
		return err_set(err, REASON_KEY_MISMATCH,
			"%s of the RSA-1024 key is not as the unit reads it", reader.wrong);
	*ret_len = reader.at;
	return true;
}

/* SEC1 C.4 with everything but the two numbers fixed: version 1, OCTET STRING of 32; [0] the OID of
 * prime256v1; [1] BIT STRING of 65, no unused bits. */
static const uint8_t p256_head[] = { TAG_SEQUENCE, 0x77, TAG_INTEGER, 1, 1, 0x04, 32 };
static const uint8_t p256_curve[] = { 0xa0, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
	0x07, 0xa1, 68, 0x03, 66, 0 };
_Static_assert(
	sizeof p256_head + 32 + sizeof p256_curve + 65 == P256_DER_LEN, "the layout has gaps");

void der_write_p256(const struct p256_numbers *numbers, uint8_t to[P256_DER_LEN])
{
	to = put_bytes(to, p256_head, sizeof p256_head);
	to = put_bytes(to, numbers->d, sizeof numbers->d);
	to = put_bytes(to, p256_curve, sizeof p256_curve);
	put_bytes(to, numbers->point, sizeof numbers->point);
}

bool der_parse_p256(
	const uint8_t *der, size_t len, struct p256_numbers *ret, size_t *ret_len, struct err *err)
{
	const size_t at_d = sizeof p256_head, at_curve = at_d + sizeof ret->d;
	if (len < P256_DER_LEN || memcmp(der, p256_head, sizeof p256_head) != 0 ||
		memcmp(der + at_curve, p256_curve, sizeof p256_curve) != 0)
		return err_set(err, REASON_KEY_MISMATCH,
			"not a P-256 private key in SEC1 DER of 121 bytes");
	memcpy(ret->d, der + at_d, sizeof ret->d);
	memcpy(ret->point, der + at_curve + sizeof p256_curve, sizeof ret->point);
	*ret_len = P256_DER_LEN;
	return true;
}
