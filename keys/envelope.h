/* SPDX-License-Identifier: Apache-2.0 */
/* What must leave the station with private keys in it: encrypted to recipients as CMS
 * AuthEnvelopedData (RFC 5083) with AES-256-GCM (RFC 5084), in DER, so that "openssl cms -decrypt"
 * opens it without us. RSA recipients by OAEP with SHA-256, EC ones by ECDH with a fresh key, the
 * X9.63 KDF with SHA-256 and AES key wrap. The tag covers every byte, so a file that was changed
 * or cut does not open. It does not tell who wrote the file.
 *
 * Plain bytes pass through without being kept: what OpenSSL copies of them is wiped when it is given
 * back (keys_init). REASON_STATION for memory or OpenSSL. One thread each. */
#pragma once

#include "recipient.h"

enum { ENVELOPE_MAX = 64 * 1024 * 1024 };

struct envelope;

bool envelope_begin(
	const struct recipients *recipients, struct envelope **ret, struct err *err) MUST_CHECK;
bool envelope_add(
	struct envelope *envelope, const void *plain, size_t len, struct err *err) MUST_CHECK;
/* The finished DER, heap of the caller (free). The envelope is only to be freed afterwards. */
bool envelope_end(
	struct envelope *envelope, uint8_t **ret, size_t *ret_len, struct err *err) MUST_CHECK;
void envelope_free(struct envelope *envelope); /* takes NULL */

/* Is it whole, of the kind above, and for exactly these? REASON_STORE. */
bool envelope_check(const uint8_t *der, size_t len, const struct recipients *recipients,
	struct err *err) MUST_CHECK;

/* The private key of a recipient. */
struct envelope_key;
/* From PEM (PKCS#8 or older) in a file that only its owner can read. ask is called if it is under a
 * passphrase: it writes it to to (cap bytes), and returns its length or -1; NULL: there is nobody to
 * ask. REASON_INPUT. */
typedef int envelope_ask(void *context, char *to, int cap);
bool envelope_key_load(const char *path, envelope_ask *ask, void *context,
	struct envelope_key **ret, struct err *err) MUST_CHECK;
void envelope_key_free(struct envelope_key *key); /* takes NULL */

/* The plain bytes, in locked memory, which the caller frees with secret_free; none before the tag
 * was right. REASON_INPUT: not such an envelope, not for this key, changed or cut. */
bool envelope_open(const uint8_t *der, size_t len, const struct envelope_key *key,
	uint8_t **ret_secret, size_t *ret_len, struct err *err) MUST_CHECK;

static inline void scope_free_envelope(struct envelope **envelope)
{
	envelope_free(*envelope);
}
#define SCOPED_ENVELOPE __attribute__((cleanup(scope_free_envelope)))
static inline void scope_free_envelope_key(struct envelope_key **key)
{
	envelope_key_free(*key);
}
#define SCOPED_ENVELOPE_KEY __attribute__((cleanup(scope_free_envelope_key)))
