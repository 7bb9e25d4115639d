/* SPDX-License-Identifier: Apache-2.0 */
/* USES: keys base */
/* LIBS: PkgConfig::openssl */
/* Numbers that agree with each other as far as possible and are still no key; and the widths of the layout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>

#include "bytes.h"
#include "keymath.h"
#include "keypair.h"

static struct rsa_numbers drawn(void)
{
	struct rsa_numbers numbers;
	struct err err;
	assert_true(keymath_draw_rsa(&numbers, &err));
	return numbers;
}

static void assert_no_key(const struct rsa_numbers *numbers)
{
	struct err err;
	assert_false(keymath_check_rsa(numbers, &err));
	assert_int_equal(err.reason, REASON_KEY_MISMATCH);
}

/* Adds 2 to a big-endian number. */
static void add_two(uint8_t *number, size_t width)
{
	unsigned carry = 2;
	for (size_t i = width; i-- > 0 && carry;) {
		carry += number[i];
		number[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

static void a_drawn_key_belongs_together(void **state)
{
	(void)state;
	struct rsa_numbers rsa = drawn();
	struct p256_numbers p256;
	struct err err;
	assert_true(keymath_check_rsa(&rsa, &err));
	assert_true(keymath_draw_p256(&p256, &err));
	assert_true(keymath_check_p256(&p256, &err));
	assert_true(keymath_is_p256_point(p256.point));
}

static void exponents_of_another_public_exponent_are_refused(void **state)
{
	(void)state;
	struct rsa_numbers numbers = drawn();
	/* dp and dq still are d modulo p - 1 and q - 1. */
	add_two(numbers.d, sizeof numbers.d);
	add_two(numbers.dp, sizeof numbers.dp);
	add_two(numbers.dq, sizeof numbers.dq);
	assert_no_key(&numbers);
}

static void each_number_counts(void **state)
{
	(void)state;
	struct rsa_numbers good = drawn(), numbers;
	uint8_t *const fields[] = { numbers.n, numbers.d, numbers.p, numbers.q, numbers.dp,
		numbers.dq, numbers.qinv };
	for (unsigned i = 0; i < 7; i++) {
		numbers = good;
		add_two(fields[i], i < 2 ? 128 : 64);
		assert_no_key(&numbers);
	}
	memset(&numbers, 0, sizeof numbers);
	assert_no_key(&numbers);
	memset(&numbers, 0xff, sizeof numbers);
	assert_no_key(&numbers);
}

/* How the numbers of a "key" are chosen. Every equation holds, but for what is said here. */
enum odd_key {
	COMPOSITE_P,
	COMPOSITE_Q,
	D_WRONG_BY_P, /* d is right modulo q - 1 only */
	D_WRONG_BY_Q
};

static bool draw_factor(BIGNUM *to, bool composite, BN_CTX *ctx)
{
	return composite ? BN_rand(to, 512, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD) == 1 &&
				   BN_check_prime(to, ctx, NULL) == 0
			 : BN_generate_prime_ex(to, 512, 0, NULL, NULL, NULL) == 1;
}

static bool spoil_d(BIGNUM *d, const BIGNUM *by, const BIGNUM *n)
{
	return BN_add(d, d, by) == 1 && BN_cmp(d, n) < 0;
}

static bool draw_odd(enum odd_key odd, struct rsa_numbers *ret)
{
	BN_CTX *ctx = BN_CTX_new();
	BN_CTX_start(ctx);
	BIGNUM *p = BN_CTX_get(ctx), *q = BN_CTX_get(ctx), *n = BN_CTX_get(ctx),
	       *e = BN_CTX_get(ctx);
	BIGNUM *p1 = BN_CTX_get(ctx), *q1 = BN_CTX_get(ctx), *phi = BN_CTX_get(ctx),
	       *d = BN_CTX_get(ctx);
	BIGNUM *dp = BN_CTX_get(ctx), *dq = BN_CTX_get(ctx), *qinv = BN_CTX_get(ctx);
	bool good = draw_factor(p, odd == COMPOSITE_P, ctx) &&
		    draw_factor(q, odd == COMPOSITE_Q, ctx) && BN_set_word(e, 65537) == 1 &&
		    BN_mul(n, p, q, ctx) == 1 && BN_sub(p1, p, BN_value_one()) == 1 &&
		    BN_sub(q1, q, BN_value_one()) == 1 && BN_mul(phi, p1, q1, ctx) == 1 &&
		    BN_mod_inverse(d, e, phi, ctx) && (odd != D_WRONG_BY_P || spoil_d(d, q1, n)) &&
		    (odd != D_WRONG_BY_Q || spoil_d(d, p1, n)) && BN_mod(dp, d, p1, ctx) == 1 &&
		    BN_mod(dq, d, q1, ctx) == 1 && BN_mod_inverse(qinv, q, p, ctx) &&
		    BN_bn2binpad(n, ret->n, 128) == 128 && BN_bn2binpad(d, ret->d, 128) == 128 &&
		    BN_bn2binpad(p, ret->p, 64) == 64 && BN_bn2binpad(q, ret->q, 64) == 64 &&
		    BN_bn2binpad(dp, ret->dp, 64) == 64 && BN_bn2binpad(dq, ret->dq, 64) == 64 &&
		    BN_bn2binpad(qinv, ret->qinv, 64) == 64;
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return good;
}

static void refuse_odd(enum odd_key odd)
{
	struct rsa_numbers numbers;
	unsigned tries = 0;
	while (!draw_odd(odd, &numbers))
		assert_true(++tries < 1000);
	assert_no_key(&numbers);
}

static void primes_that_are_none_are_refused(void **state)
{
	(void)state;
	refuse_odd(COMPOSITE_P);
	refuse_odd(COMPOSITE_Q);
}

static void half_of_an_exponent_is_refused(void **state)
{
	(void)state;
	refuse_odd(D_WRONG_BY_P);
	refuse_odd(D_WRONG_BY_Q);
}

static void a_number_one_bit_too_short_is_not_written(void **state)
{
	(void)state;
	struct rsa_numbers numbers;
	uint8_t der[RSA_DER_MAX];
	uint8_t *const fields[] = { numbers.n, numbers.d, numbers.p, numbers.q, numbers.dp,
		numbers.dq, numbers.qinv };
	memset(&numbers, 0xff, sizeof numbers);
	assert_int_equal(der_write_rsa(&numbers, der), 611);
	for (unsigned i = 0; i < 7; i++) {
		memset(&numbers, 0x55, sizeof numbers);
		assert_int_equal(der_write_rsa(&numbers, der), 604);
		/* 2^1015 or 2^503: DER puts the 00 back. */
		fields[i][0] = 0;
		fields[i][1] = 0x80;
		assert_int_equal(der_write_rsa(&numbers, der), 604);
		fields[i][1] = 0x7f;
		assert_int_equal(der_write_rsa(&numbers, der), 0);
	}
}

static void what_is_written_parses_to_the_same(void **state)
{
	(void)state;
	struct rsa_numbers numbers = drawn(), parsed;
	uint8_t der[RSA_DER_MAX];
	struct err err;
	size_t len = der_write_rsa(&numbers, der), parsed_len = 0;
	while (!len) {
		numbers = drawn();
		len = der_write_rsa(&numbers, der);
	}
	assert_true(der_parse_rsa(der, len, &parsed, &parsed_len, &err));
	assert_int_equal(parsed_len, len);
	assert_memory_equal(&parsed, &numbers, sizeof numbers);
}

/* It has the same x, and is on the curve. */
static void the_opposite_point_is_refused(void **state)
{
	(void)state;
	static const char prime[] =
		"ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
	struct p256_numbers numbers;
	struct err err;
	BIGNUM *p = NULL, *y = NULL;
	assert_true(keymath_draw_p256(&numbers, &err));
	y = BN_bin2bn(numbers.point + 33, 32, NULL);
	assert_true(BN_hex2bn(&p, prime) && BN_sub(y, p, y) == 1);
	assert_int_equal(BN_bn2binpad(y, numbers.point + 33, 32), 32);
	assert_true(keymath_is_p256_point(numbers.point));
	assert_false(keymath_check_p256(&numbers, &err));
	assert_int_equal(err.reason, REASON_KEY_MISMATCH);
	BN_free(p);
	BN_free(y);
}

int main(void)
{
	struct err err;
	if (!keys_init(&err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_drawn_key_belongs_together),
		cmocka_unit_test(exponents_of_another_public_exponent_are_refused),
		cmocka_unit_test(each_number_counts),
		cmocka_unit_test(primes_that_are_none_are_refused),
		cmocka_unit_test(half_of_an_exponent_is_refused),
		cmocka_unit_test(the_opposite_point_is_refused),
		cmocka_unit_test(a_number_one_bit_too_short_is_not_written),
		cmocka_unit_test(what_is_written_parses_to_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
