/* SPDX-License-Identifier: Apache-2.0 */
/* USES: keys base */
/* LIBS: PkgConfig::openssl */
/* Private keys against a scan of all the writable memory of this process. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "key_fixture.h"
#include "memory_scan.h"
#include "secret.h"
#include "stackwipe.h"

static void take_needles(const struct keypair *keypair, struct needles *needles)
{
	size_t len = 0;
	const uint8_t *der = keypair_private(keypair, &len);
	if (keypair_public(keypair)->algorithm == KEY_P256) {
		add_needles(needles, der + 7, 32);
		return;
	}
	struct positional fields = positional_parse(der);
	for (unsigned i = 1; i < 7; i++)
		add_needles(needles, fields.field[i], i == 1 ? 128 : 64);
}

/* A key lives in one place while it lives, and in none afterwards. */
static void make_read_and_forget(enum key_algorithm algorithm)
{
	static struct needles needles;
	needles.count = 0;
	struct err err;
	struct keypair *keypair = key_new(algorithm), *again = NULL;
	take_needles(keypair, &needles);
	size_t once = count_in_process(&needles);
	assert_int_equal(once, needles.count / 2);

	size_t len = 0;
	const uint8_t *der = keypair_private(keypair, &len);
	assert_true(keypair_from_private(algorithm, der, len, &again, &err));
	assert_int_equal(count_in_process(&needles), 2 * once);
	keypair_free(again);
	assert_int_equal(count_in_process(&needles), once);

	uint8_t *spoilt = secret_alloc(len, &err);
	assert_non_null(spoilt);
	memcpy(spoilt, der, len);
	spoilt[algorithm == KEY_P256 ? 120 : 20] ^= 1; /* refused by arithmetic, late */
	assert_false(keypair_from_private(algorithm, spoilt, len, &again, &err));
	secret_free(spoilt);
	keypair_free(keypair);
	assert_int_equal(count_in_process(&needles), 0);
}

static void a_freed_key_is_nowhere_in_memory(void **state)
{
	(void)state;
	if (SANITIZED)
		skip(); /* their shadow is terabytes */
	for (unsigned i = 0; i < 3; i++) {
		make_read_and_forget(KEY_RSA_1024);
		make_read_and_forget(KEY_P256);
	}
}

static void an_openssl_buffer_is_wiped_when_freed(void **state)
{
	(void)state;
	if (SANITIZED)
		skip(); /* they do not let us look at freed memory */
	static struct needles needles;
	uint8_t secret[16];
	needles.count = 0;
	for (unsigned i = 0; i < sizeof secret; i++)
		secret[i] = (uint8_t)(i * 37 + 11);
	uint8_t *buffer = OPENSSL_malloc(4000);
	assert_non_null(buffer);
	memset(buffer, 1, 4000);
	memcpy(buffer + 2000, secret, sizeof secret);
	add_needles(&needles, secret, sizeof secret);
	secret_wipe(secret, sizeof secret);
	size_t before = count_in_process(&needles);
	buffer = OPENSSL_realloc(buffer, 400000);
	assert_non_null(buffer);
	size_t moved = count_in_process(&needles);
	OPENSSL_free(buffer);
	assert_int_equal(before, 2);
	assert_int_equal(moved, 2);
	assert_int_equal(count_in_process(&needles), 0);
}

/* Leaves 16 bytes at several depths, where the scan's own frames do not reach. */
static bool litter_the_stack(void *context, struct err *err)
{
	(void)err;
	uint8_t room[48 * 1024];
	const uint8_t *masked = context;
	for (size_t at = 0; at + 16 <= sizeof room - 16 * 1024; at += 4096)
		for (size_t i = 0; i < 16; i++)
			room[at + i] = masked[i] ^ MASK_BYTE;
	/* The compiler must believe that somebody reads it. */
	__asm__ volatile("" : : "r"(room) : "memory");
	return true;
}

static void what_an_operation_leaves_on_the_stack_is_wiped(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	static struct needles needles;
	struct err err;
	uint8_t masked[16], plain[16];
	needles.count = 0;
	for (unsigned i = 0; i < sizeof plain; i++) {
		plain[i] = (uint8_t)(i * 91 + 7);
		masked[i] = plain[i] ^ MASK_BYTE;
	}
	add_needles(&needles, plain, sizeof plain);
	secret_wipe(plain, sizeof plain);
	assert_true(litter_the_stack(masked, &err));
	assert_int_not_equal(count_in_process(&needles), 0);
	assert_true(stackwipe_run(litter_the_stack, masked, &err));
	assert_int_equal(count_in_process(&needles), 0);
}

int main(void)
{
	struct err err;
	if (!keys_init(&err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_freed_key_is_nowhere_in_memory),
		cmocka_unit_test(what_an_operation_leaves_on_the_stack_is_wiped),
		cmocka_unit_test(an_openssl_buffer_is_wiped_when_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
