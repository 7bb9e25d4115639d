/* SPDX-License-Identifier: Apache-2.0 */
/* The station's own key: Ed25519 (RFC 8032), with which it signs the seals of its record. Loaded
 * once, used by any thread; the caller keeps two threads from using one key at the same time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum { SIGNATURE_LEN = 64 };

struct signing_key;

/* From a PKCS#8 PEM file without a passphrase, readable by its owner only, as "openssl genpkey
 * -algorithm ed25519" writes it. REASON_INPUT. */
bool signing_key_load(const char *path, struct signing_key **ret, struct err *err) MUST_CHECK;
/* Takes NULL. OpenSSL's heap is wiped when it is given back (keys_init). */
void signing_key_free(struct signing_key *key);
/* Deterministic: the same bytes give the same signature. REASON_STATION. */
bool signing_key_sign(const struct signing_key *key, const void *bytes, size_t len,
	uint8_t ret[SIGNATURE_LEN], struct err *err) MUST_CHECK;

/* For verifying only: the public half in PEM, as "openssl pkey -pubout" writes it, or a signing
 * key's file as above. REASON_INPUT. signing_key_free gives it back. */
bool signing_public_load(const char *path, struct signing_key **ret, struct err *err) MUST_CHECK;
/* Is signature that of these bytes by this key? */
bool signing_key_verifies(const struct signing_key *key, const void *bytes, size_t len,
	const uint8_t signature[SIGNATURE_LEN]) MUST_CHECK;
