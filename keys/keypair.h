/* SPDX-License-Identifier: Apache-2.0 */
/* A unit's own keypair: made, derived from what a unit holds, fingerprinted, wiped.
 *
 * OpenSSL does the arithmetic. The private DER is written and parsed here, in locked memory, field
 * by field: OpenSSL's encoders leave copies of the numbers on heap and stack. The shape is what the
 * units' own parsers take:
 *   RSA-1024  PKCS#1 RSAPrivateKey (RFC 8017 A.1.2), e = 65537, every INTEGER at its full width: n and d 128 bytes,
 *             the five others 64 bytes, each with or without one leading 00. The parser of Core and Photon is
 *             positional (device-os communication/src/handshake.cpp): a shorter field locks the unit out of the
 *             cloud, about 1 fresh key in 100. keypair_new draws again; keypair_from_private refuses them.
 *   P-256     SEC1 ECPrivateKey (RFC 5915) with named curve and public key: 121 bytes.
 * Public keys are SubjectPublicKeyInfo (RFC 5280 4.1.2.7).
 *
 * Errors: REASON_KEY_MISMATCH for key bytes that are not usable, REASON_STATION for memory or
 * OpenSSL. Blocks: keypair_new some milliseconds. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum key_algorithm { KEY_RSA_1024, KEY_RSA_2048, KEY_P256, KEY_ALGORITHM_COUNT };

/* Long enough for an RSA-2048 SPKI (294) and its PEM. */
enum { KEY_SPKI_MAX = 320, KEY_PEM_MAX = 512, KEY_PRIVATE_MAX = 640, KEY_FINGERPRINT = 65 };

/* Nothing secret in it; plain storage. */
struct public_key {
	enum key_algorithm algorithm;
	uint8_t spki[KEY_SPKI_MAX];
	size_t spki_len;
	char pem[KEY_PEM_MAX];		      /* with lines of 64 and a last newline, as openssl writes it */
	char fingerprint[KEY_FINGERPRINT]; /* SHA-256 of spki, lower-case hex */
};

struct keypair; /* in locked memory */

/* Once, first thing in main, before OpenSSL is used and before any thread: its heap is wiped when
 * it is given back. REASON_STATION if OpenSSL was in use already. */
bool keys_init(struct err *err) MUST_CHECK;

const char *key_algorithm_name(enum key_algorithm algorithm); /* "rsa-1024", "rsa-2048", "p-256" */
bool key_algorithm_from_name(const char *name, enum key_algorithm *ret);

/* KEY_RSA_1024 or KEY_P256 (REASON_INPUT otherwise, here and below). The caller frees. */
bool keypair_new(enum key_algorithm algorithm, struct keypair **ret, struct err *err) MUST_CHECK;
/* From the private bytes of a unit, parsed as the unit would: der starts with the key; what stands
 * behind it is ignored. A 00 before a number that DER would not put there is taken, as the vendor's
 * firmware writes it when it makes a key itself. Derives the public half by arithmetic from the
 * private numbers and checks that they belong together (a stored public part is not believed). */
bool keypair_from_private(enum key_algorithm algorithm, const uint8_t *der, size_t len,
	struct keypair **ret, struct err *err) MUST_CHECK;
/* Wipes. Takes NULL. */
void keypair_free(struct keypair *keypair);

/* Valid as long as the keypair. */
const struct public_key *keypair_public(const struct keypair *keypair);
/* The private DER, in locked memory, valid as long as the keypair. */
const uint8_t *keypair_private(const struct keypair *keypair, size_t *ret_len);

/* A public key from SPKI DER (what stands behind the key is ignored; *ret_used, if not NULL, is its
 * length) or PEM text. REASON_INPUT: the bytes come from a job's file or from a server. Only the
 * three algorithms above, RSA with e = 65537. */
bool public_key_from_der(const uint8_t *der, size_t len, struct public_key *ret, size_t *ret_used,
	struct err *err) MUST_CHECK;
bool public_key_from_pem(const char *pem, size_t len, struct public_key *ret, struct err *err)
	MUST_CHECK;

static inline void scope_free_keypair(struct keypair **keypair)
{
	keypair_free(*keypair);
}
#define SCOPED_KEYPAIR __attribute__((cleanup(scope_free_keypair)))
