/* SPDX-License-Identifier: Apache-2.0 */
#include "keymath.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "scope.h"

enum { RSA_EXPONENT = 65537 };

static void scope_free_pkey(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static void scope_end_ctx(BN_CTX **ctx)
{
	if (*ctx)
		BN_CTX_end(*ctx);
	BN_CTX_free(*ctx); /* clears its numbers */
}

static void scope_free_group(EC_GROUP **group)
{
	EC_GROUP_free(*group);
}

static void scope_free_point(EC_POINT **point)
{
	EC_POINT_clear_free(*point);
}

/* The error queue belongs to the thread: what stays in it would be blamed on the next TLS call. */
static bool openssl_failed(struct err *err, const char *what)
{
	ERR_clear_error();
	return err_set(err, REASON_STATION, "OpenSSL cannot %s", what);
}

static bool export_number(const EVP_PKEY *pkey, const char *name, uint8_t *to, size_t width)
{
	BIGNUM *number = NULL;
	bool good = EVP_PKEY_get_bn_param(pkey, name, &number) == 1 &&
		    BN_bn2binpad(number, to, (int)width) == (int)width;
	BN_clear_free(number);
	return good;
}

bool keymath_draw_rsa(struct rsa_numbers *ret, struct err *err)
{
	SCOPE_CLEANUP(scope_free_pkey)
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	if (!pkey)
		return openssl_failed(err, "draw an RSA-1024 key");
	if (!export_number(pkey, OSSL_PKEY_PARAM_RSA_N, ret->n, sizeof ret->n) ||
		!export_number(pkey, OSSL_PKEY_PARAM_RSA_D, ret->d, sizeof ret->d) ||
		!export_number(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, ret->p, sizeof ret->p) ||
		!export_number(pkey, OSSL_PKEY_PARAM_RSA_FACTOR2, ret->q, sizeof ret->q) ||
		!export_number(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT1, ret->dp, sizeof ret->dp) ||
		!export_number(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT2, ret->dq, sizeof ret->dq) ||
		!export_number(pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, ret->qinv, sizeof ret->qinv))
		return openssl_failed(err, "give the numbers of an RSA-1024 key");
	return true;
}

/* The numbers of one key, in a BN_CTX frame; t is for results. */
struct rsa_work {
	BN_CTX *ctx;
	BIGNUM *n, *d, *p, *q, *dp, *dq, *qinv, *e, *p1, *q1, *t;
	bool broken; /* OpenSSL failed: no answer */
};

static BIGNUM *import_number(BN_CTX *ctx, const uint8_t *from, size_t width)
{
	BIGNUM *number = BN_CTX_get(ctx);
	return number ? BN_bin2bn(from, (int)width, number) : NULL;
}

static bool rsa_work_load(struct rsa_work *work, const struct rsa_numbers *from)
{
	BN_CTX *ctx = work->ctx;
	work->n = import_number(ctx, from->n, sizeof from->n);
	work->d = import_number(ctx, from->d, sizeof from->d);
	work->p = import_number(ctx, from->p, sizeof from->p);
	work->q = import_number(ctx, from->q, sizeof from->q);
	work->dp = import_number(ctx, from->dp, sizeof from->dp);
	work->dq = import_number(ctx, from->dq, sizeof from->dq);
	work->qinv = import_number(ctx, from->qinv, sizeof from->qinv);
	work->e = BN_CTX_get(ctx);
	work->p1 = BN_CTX_get(ctx);
	work->q1 = BN_CTX_get(ctx);
	work->t = BN_CTX_get(ctx);
	return work->n && work->d && work->p && work->q && work->dp && work->dq && work->qinv &&
	       work->e && work->p1 && work->q1 && work->t &&
	       BN_set_word(work->e, RSA_EXPONENT) == 1 &&
	       BN_sub(work->p1, work->p, BN_value_one()) == 1 &&
	       BN_sub(work->q1, work->q, BN_value_one()) == 1;
}

/* done: did OpenSSL compute work->t? */
static bool result_is(struct rsa_work *work, int done, const BIGNUM *wanted)
{
	if (done != 1)
		work->broken = true;
	return done == 1 && BN_cmp(work->t, wanted) == 0;
}

/* True for a b = 1 mod m. */
static bool are_inverse(struct rsa_work *work, const BIGNUM *a, const BIGNUM *b, const BIGNUM *m)
{
	return result_is(work, BN_mod_mul(work->t, a, b, m, work->ctx), BN_value_one());
}

static bool is_prime(struct rsa_work *work, const BIGNUM *number)
{
	int answer = BN_check_prime(number, work->ctx, NULL);
	if (answer < 0)
		work->broken = true;
	return answer == 1;
}

/* The product comes first: with it, no modulus below is zero. */
static bool rsa_belongs_together(struct rsa_work *work)
{
	return result_is(work, BN_mul(work->t, work->p, work->q, work->ctx), work->n) &&
	       BN_cmp(work->p, work->q) != 0 && BN_cmp(work->d, work->n) < 0 &&
	       are_inverse(work, work->e, work->d, work->p1) &&
	       are_inverse(work, work->e, work->d, work->q1) &&
	       result_is(work, BN_nnmod(work->t, work->d, work->p1, work->ctx), work->dp) &&
	       result_is(work, BN_nnmod(work->t, work->d, work->q1, work->ctx), work->dq) &&
	       BN_cmp(work->qinv, work->p) < 0 && are_inverse(work, work->qinv, work->q, work->p) &&
	       is_prime(work, work->p) && is_prime(work, work->q);
}

bool keymath_check_rsa(const struct rsa_numbers *numbers, struct err *err)
{
	SCOPE_CLEANUP(scope_end_ctx) BN_CTX *ctx = BN_CTX_new();
	if (!ctx)
		return openssl_failed(err, "check a key: no memory");
	BN_CTX_start(ctx);
	struct rsa_work work = { .ctx = ctx };
	if (!rsa_work_load(&work, numbers))
		return openssl_failed(err, "check a key: no memory");
	bool good = rsa_belongs_together(&work);
	if (work.broken)
		return openssl_failed(err, "check an RSA-1024 key");
	return good || err_set(err, REASON_KEY_MISMATCH,
			       "the numbers of the RSA-1024 key do not belong together");
}

bool keymath_draw_p256(struct p256_numbers *ret, struct err *err)
{
	SCOPE_CLEANUP(scope_free_pkey)
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	if (!pkey)
		return openssl_failed(err, "draw a P-256 key");
	size_t len = 0;
	if (!export_number(pkey, OSSL_PKEY_PARAM_PRIV_KEY, ret->d, sizeof ret->d) ||
		EVP_PKEY_get_octet_string_param(
			pkey, OSSL_PKEY_PARAM_PUB_KEY, ret->point, sizeof ret->point, &len) != 1 ||
		len != sizeof ret->point)
		return openssl_failed(err, "give the numbers of a P-256 key");
	return true;
}

/* derived = d G, 04 x y. */
static bool derive_point(const EC_GROUP *group, const BIGNUM *d, BN_CTX *ctx, uint8_t derived[65])
{
	SCOPE_CLEANUP(scope_free_point) EC_POINT *point = EC_POINT_new(group);
	return point && EC_POINT_mul(group, point, d, NULL, NULL, ctx) == 1 &&
	       EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, derived, 65, ctx) ==
		       65;
}

bool keymath_check_p256(const struct p256_numbers *numbers, struct err *err)
{
	SCOPE_CLEANUP(scope_end_ctx) BN_CTX *ctx = BN_CTX_new();
	SCOPE_CLEANUP(scope_free_group)
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	if (!ctx)
		return openssl_failed(err, "check a key: no memory");
	BN_CTX_start(ctx);
	BIGNUM *d = import_number(ctx, numbers->d, sizeof numbers->d);
	if (!d || !group)
		return openssl_failed(err, "check a key: no memory");
	if (BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(group)) >= 0)
		return err_set(err, REASON_KEY_MISMATCH, "the private number is not one of P-256");
	uint8_t derived[65];
	if (!derive_point(group, d, ctx, derived))
		return openssl_failed(err, "derive the public half of a P-256 key");
	if (memcmp(derived, numbers->point, sizeof derived) != 0)
		return err_set(err, REASON_KEY_MISMATCH,
			"the public half of the P-256 key does not belong to the private one");
	return true;
}

bool keymath_is_p256_point(const uint8_t point[65])
{
	SCOPE_CLEANUP(scope_free_group)
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	SCOPE_CLEANUP(scope_free_point) EC_POINT *decoded = group ? EC_POINT_new(group) : NULL;
	/* Checks the curve's equation. */
	bool good = decoded && point[0] == POINT_CONVERSION_UNCOMPRESSED &&
		    EC_POINT_oct2point(group, decoded, point, 65, NULL) == 1;
	if (!good)
		ERR_clear_error();
	return good;
}
