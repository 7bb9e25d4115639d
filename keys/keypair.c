/* SPDX-License-Identifier: Apache-2.0 */
#include "keypair.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "der.h"
#include "keymath.h"
#include "secret.h"
#include "spki.h"
#include "stackwipe.h"

/* One fresh key in 50 is redrawn: 16 in a row do not happen by chance. */
enum { DRAWS_MAX = 16 };

union key_numbers {
	struct rsa_numbers rsa;
	struct p256_numbers p256;
};

struct keypair {
	struct public_key public;
	size_t len;
	uint8_t der[KEY_PRIVATE_MAX];
};
_Static_assert(
	(int)RSA_DER_MAX <= (int)KEY_PRIVATE_MAX && (int)P256_DER_LEN <= (int)KEY_PRIVATE_MAX,
	"a private key does not fit");

static void *cleansing_malloc(size_t len, const char *file, int line)
{
	(void)file, (void)line;
	return len ? malloc(len) : NULL;
}

static void cleansing_free(void *memory, const char *file, int line)
{
	(void)file, (void)line;
	if (!memory)
		return;
	secret_wipe(memory, malloc_usable_size(memory));
	free(memory);
}

/* Never the C library's: it may move the block and leave the old one as it was. */
static void *cleansing_realloc(void *memory, size_t len, const char *file, int line)
{
	if (!len) {
		cleansing_free(memory, file, line);
		return NULL;
	}
	void *fresh = malloc(len);
	if (!fresh || !memory)
		return fresh;
	size_t had = malloc_usable_size(memory);
	memcpy(fresh, memory, had < len ? had : len);
	cleansing_free(memory, file, line);
	return fresh;
}

bool keys_init(struct err *err)
{
	if (CRYPTO_set_mem_functions(cleansing_malloc, cleansing_realloc, cleansing_free) != 1)
		return err_set(err, REASON_STATION,
			"OpenSSL was in use before keys_init: its heap would not be wiped");
	return true;
}

static const char *const names[KEY_ALGORITHM_COUNT] = {
	[KEY_RSA_1024] = "rsa-1024",
	[KEY_RSA_2048] = "rsa-2048",
	[KEY_P256] = "p-256",
};

const char *key_algorithm_name(enum key_algorithm algorithm)
{
	return (unsigned)algorithm < KEY_ALGORITHM_COUNT ? names[algorithm] : "?";
}

bool key_algorithm_from_name(const char *name, enum key_algorithm *ret)
{
	for (unsigned i = 0; i < KEY_ALGORITHM_COUNT; i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum key_algorithm)i;
			return true;
		}
	}
	return false;
}

/* What a key operation works on; everything it points to is locked memory, or not secret. */
struct operation {
	enum key_algorithm algorithm;
	const uint8_t *from;
	size_t from_len;
	union key_numbers *numbers;
	struct keypair *keypair;
};

static bool draw_rsa(struct operation *operation, struct err *err)
{
	for (unsigned i = 0; i < DRAWS_MAX; i++) {
		if (!keymath_draw_rsa(&operation->numbers->rsa, err))
			return false;
		operation->keypair->len =
			der_write_rsa(&operation->numbers->rsa, operation->keypair->der);
		if (operation->keypair->len)
			return true;
	}
	return err_set(err, REASON_STATION,
		"none of %d RSA-1024 keys in a row had full-width numbers", DRAWS_MAX);
}

static bool parse_rsa(struct operation *operation, struct err *err)
{
	struct rsa_numbers *rsa = &operation->numbers->rsa;
	return der_parse_rsa(
		       operation->from, operation->from_len, rsa, &operation->keypair->len, err) &&
	       keymath_check_rsa(rsa, err) &&
	       spki_build(KEY_RSA_1024, rsa->n, &operation->keypair->public, err);
}

static bool parse_p256(struct operation *operation, struct err *err)
{
	struct p256_numbers *p256 = &operation->numbers->p256;
	return der_parse_p256(
		       operation->from, operation->from_len, p256, &operation->keypair->len, err) &&
	       keymath_check_p256(p256, err) &&
	       spki_build(KEY_P256, p256->point, &operation->keypair->public, err);
}

static bool parse(void *context, struct err *err)
{
	struct operation *operation = context;
	bool good = operation->algorithm == KEY_P256 ? parse_p256(operation, err)
						     : parse_rsa(operation, err);
	if (good && operation->from != operation->keypair->der)
		memcpy(operation->keypair->der, operation->from, operation->keypair->len);
	return good;
}

/* A fresh key goes through the same parser and the same arithmetic as one read back from a unit, so
 * that a fault of this machine does not reach a unit. */
static bool draw(void *context, struct err *err)
{
	struct operation *operation = context;
	struct keypair *keypair = operation->keypair;
	if (operation->algorithm == KEY_RSA_1024) {
		if (!draw_rsa(operation, err))
			return false;
	} else {
		if (!keymath_draw_p256(&operation->numbers->p256, err))
			return false;
		der_write_p256(&operation->numbers->p256, keypair->der);
		keypair->len = P256_DER_LEN;
	}
	operation->from = keypair->der;
	operation->from_len = keypair->len;
	return parse(operation, err);
}

static bool run(bool (*work)(void *context, struct err *err), struct operation *operation,
	struct keypair **ret, struct err *err)
{
	if (operation->algorithm != KEY_RSA_1024 && operation->algorithm != KEY_P256)
		return err_set(err, REASON_INPUT, "a unit's own key is rsa-1024 or p-256, not %s",
			key_algorithm_name(operation->algorithm));
	SCOPED_KEYPAIR struct keypair *keypair = secret_alloc(sizeof *keypair, err);
	if (!keypair)
		return false;
	SCOPED_SECRET union key_numbers *numbers = secret_alloc(sizeof *numbers, err);
	if (!numbers)
		return false;
	operation->keypair = keypair;
	operation->numbers = numbers;
	if (!stackwipe_run(work, operation, err))
		return false;
	*ret = keypair;
	keypair = NULL;
	return true;
}

bool keypair_new(enum key_algorithm algorithm, struct keypair **ret, struct err *err)
{
	struct operation operation = { .algorithm = algorithm };
	return run(draw, &operation, ret, err);
}

bool keypair_from_private(enum key_algorithm algorithm, const uint8_t *der, size_t len,
	struct keypair **ret, struct err *err)
{
	struct operation operation = { .algorithm = algorithm, .from = der, .from_len = len };
	return run(parse, &operation, ret, err);
}

void keypair_free(struct keypair *keypair)
{
	secret_free(keypair);
}

const struct public_key *keypair_public(const struct keypair *keypair)
{
	return &keypair->public;
}

const uint8_t *keypair_private(const struct keypair *keypair, size_t *ret_len)
{
	*ret_len = keypair->len;
	return keypair->der;
}
