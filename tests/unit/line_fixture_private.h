/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the fixture share. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "line_fixture.h"
#include "scope.h"

/* A call that ends with the parameter err: what fails is a fault of the fixture, and fails the test. */
#define MUST(call) \
	do { \
		struct err must_err; \
		struct err *err = &must_err; \
		if (!(call)) \
			fail_msg("%s:%d: %s", __FILE__, __LINE__, err->text); \
	} while (0)

/* The product on an STM32 ROM, which has four memories, no parts, and P-256 keys. */
static inline bool bench_is_custom(const struct line_bench *bench)
{
	return strcmp(bench->family, "stm32-custom") == 0;
}
