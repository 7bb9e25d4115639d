/* SPDX-License-Identifier: Apache-2.0 */
/* Who may open what leaves the station with private keys in it: X.509 certificates, of which the
 * station has nothing but the public half. Checked before any unit is touched: RSA of 2048 bits or
 * more, or EC on P-256 or P-384, and its key usage, where it names one, fits (keyEncipherment for
 * RSA, keyAgreement for EC); and by who backs up, that they are valid now. Whose they are is not
 * asked: no chain is followed, the job pins them by fingerprint. Plain storage, bounded; const after
 * loading; any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "err.h"
#include "fs.h"

enum { RECIPIENTS_MAX = 8, RECIPIENT_DER_MAX = 4096, RECIPIENT_WHO_MAX = 128 };

struct recipient {
	char file[FS_PATH_MAX];
	char fingerprint[SHA256_HEX];  /* SHA-256 of the certificate in DER, lower-case hex */
	char who[RECIPIENT_WHO_MAX];   /* its subject, for people: "CN = quality" */
	char algorithm[16];            /* "rsa-3072", "p-256" */
	int64_t not_before, not_after; /* UTC ms */
	uint8_t der[RECIPIENT_DER_MAX];
	size_t der_len;
};

struct recipients {
	struct recipient list[RECIPIENTS_MAX];
	size_t count;
};

/* Reads the certificate of a file (PEM or DER, the first one in it) and puts it behind the others.
 * REASON_INPUT: what is wrong with it, a second time the same one, or one too many. */
bool recipients_add(struct recipients *recipients, const char *file, struct err *err) MUST_CHECK;
/* The same from memory; file is for messages. */
bool recipients_add_bytes(struct recipients *recipients, const char *file, const uint8_t *bytes,
	size_t len, struct err *err) MUST_CHECK;
/* May a backup be made for them now (UTC ms)? A job is good for making units also when a certificate
 * in it has expired. REASON_INPUT: the first one that has, or is not valid yet. */
bool recipients_valid(const struct recipients *recipients, int64_t now, struct err *err) MUST_CHECK;
bool recipient_valid(const struct recipient *recipient, int64_t now, struct err *err) MUST_CHECK;
