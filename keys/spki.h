/* SPDX-License-Identifier: Apache-2.0 */
/* SubjectPublicKeyInfo (RFC 5280 4.1.2.7) of the three algorithms, each of one fixed length, and
 * its PEM (RFC 7468). For keys/ only. Any thread. */
#pragma once

#include "keypair.h"

/* key is the modulus or the point (04 x y) at full width; it is taken as good. REASON_STATION. */
bool spki_build(enum key_algorithm algorithm, const uint8_t *key, struct public_key *ret,
	struct err *err) MUST_CHECK;

/* With lines of 64 and a last newline. False if it does not fit. */
bool pem_write(const uint8_t *der, size_t len, char to[KEY_PEM_MAX]) MUST_CHECK;
/* Exactly one PUBLIC KEY block; text before and after it is ignored. REASON_INPUT. */
bool pem_read(const char *pem, size_t len, uint8_t to[KEY_SPKI_MAX], size_t *ret_len,
	struct err *err) MUST_CHECK;
