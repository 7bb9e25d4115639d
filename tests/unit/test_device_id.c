/* SPDX-License-Identifier: Apache-2.0 */
/* USES: flash dfu usb config base */
/* What a USB serial says of a device id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device_id.h"

/* Words 0x066bff54, 0x53538467, 0x67135450: 0x6d7f53a4, 0x5353. By hand, from docs/devices.md. */
#define ID "54ff6b066784535350541367"
#define FOLD "6D7F53A45353"

static const struct family_identity folds = { .serial_is_id = true, .serial12_folds = true };
static const struct family_identity plain = { .serial_is_id = true };

static void an_id_folds_as_the_chip_folds_it(void **state)
{
	(void)state;
	char folded[13];
	device_id_fold(ID, folded);
	assert_string_equal(folded, "6d7f53a45353");
	device_id_fold("54ff6b06", folded);
	assert_string_equal(folded, "");
}

static void each_digit_of_a_folded_serial_counts(void **state)
{
	(void)state;
	assert_true(device_id_fold_agrees(&folds, FOLD, ID));
	assert_true(device_id_serial_may_be(&folds, ID, FOLD));
	for (size_t i = 0; i < strlen(FOLD); i++) {
		char other[] = FOLD;
		other[i] = other[i] == '0' ? '1' : '0';
		if (device_id_fold_agrees(&folds, other, ID) ||
			device_id_serial_may_be(&folds, ID, other))
			fail_msg("digit %zu is not compared", i);
	}
}

static void a_serial_that_is_an_id_is_that_one(void **state)
{
	(void)state;
	char id[DEVICE_ID];
	device_id_from_serial(&plain, "54FF6B066784535350541367", id);
	assert_string_equal(id, ID);
	assert_true(device_id_serial_may_be(&plain, ID, "54FF6B066784535350541367"));
	assert_false(device_id_serial_may_be(&plain, ID, "54FF6B066784535350541366"));
}

static void a_serial_that_says_nothing_is_of_any_unit(void **state)
{
	(void)state;
	static const char *const nothing[] = { "", "STM32FxSTM32", "00000000010C", "6D7F53A4535",
		"54FF6B06678453535054136", "54FF6B06678453535054136G" };
	for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
		char id[DEVICE_ID];
		device_id_from_serial(&plain, nothing[i], id);
		assert_string_equal(id, "");
		assert_false(device_id_is_folded(&plain, nothing[i]));
		assert_true(device_id_serial_may_be(&plain, ID, nothing[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_folds_as_the_chip_folds_it),
		cmocka_unit_test(each_digit_of_a_folded_serial_counts),
		cmocka_unit_test(a_serial_that_is_an_id_is_that_one),
		cmocka_unit_test(a_serial_that_says_nothing_is_of_any_unit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
