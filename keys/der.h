/* SPDX-License-Identifier: Apache-2.0 */
/* The private DER of a unit, field by field, at the fixed widths that its parser takes
 * (keypair.h). Pure; everything secret is in the caller's locked memory and copied nowhere else.
 * For keys/ only. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* Big-endian, at full width: what stands in a PKCS#1 RSAPrivateKey of 1024 bits with e = 65537. */
struct rsa_numbers {
	uint8_t n[128], d[128], p[64], q[64], dp[64], dq[64], qinv[64];
};

/* What stands in a SEC1 ECPrivateKey on P-256; point is 04 x y. */
struct p256_numbers {
	uint8_t d[32], point[65];
};

enum { RSA_DER_MAX = 611, P256_DER_LEN = 121 };

/* The length, or 0 if a number is so small that its INTEGER is shorter than the width (the unit
 * would misread the key). */
size_t der_write_rsa(const struct rsa_numbers *numbers, uint8_t to[RSA_DER_MAX]);
void der_write_p256(const struct p256_numbers *numbers, uint8_t to[P256_DER_LEN]);

/* der starts with the key; *ret_len is its length. Tags, lengths, version, exponent and curve must
 * be exactly these; whether the numbers belong together is for keymath.h. *ret may be partly
 * written on failure. REASON_KEY_MISMATCH. */
bool der_parse_rsa(const uint8_t *der, size_t len, struct rsa_numbers *ret, size_t *ret_len,
	struct err *err) MUST_CHECK;
bool der_parse_p256(const uint8_t *der, size_t len, struct p256_numbers *ret, size_t *ret_len,
	struct err *err) MUST_CHECK;
