/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of keys, by OpenSSL: drawing them, and whether the numbers belong together. Call
 * these inside stackwipe_run when the numbers are secret. For keys/ only. REASON_KEY_MISMATCH for
 * numbers that do not belong together, REASON_STATION for memory or OpenSSL. Any thread. */
#pragma once

#include "der.h"

/* Draws once; the key may have short numbers (der_write_rsa). Milliseconds. */
bool keymath_draw_rsa(struct rsa_numbers *ret, struct err *err) MUST_CHECK;
bool keymath_draw_p256(struct p256_numbers *ret, struct err *err) MUST_CHECK;

/* n = p q, p and q prime, e d = 1 mod p - 1 and mod q - 1, the CRT numbers right. Milliseconds. */
bool keymath_check_rsa(const struct rsa_numbers *numbers, struct err *err) MUST_CHECK;
/* 0 < d < order, point = d G. */
bool keymath_check_p256(const struct p256_numbers *numbers, struct err *err) MUST_CHECK;

/* Nothing secret: is it a point of P-256, 04 x y? False without memory, too. */
bool keymath_is_p256_point(const uint8_t point[65]);
