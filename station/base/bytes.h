/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in memory: fixed-order integers, hexadecimal, comparison. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint16_t bytes_le16(const uint8_t *from);
uint32_t bytes_le32(const uint8_t *from);
uint32_t bytes_be32(const uint8_t *from);
void bytes_put_le16(uint8_t *to, uint16_t value);
void bytes_put_le32(uint8_t *to, uint32_t value);
void bytes_put_be16(uint8_t *to, uint16_t value);
void bytes_put_be32(uint8_t *to, uint32_t value);

/* True if all len bytes are value; true for len 0. */
bool bytes_all(const uint8_t *bytes, size_t len, uint8_t value);
/* Index of the first difference, or len if there is none. */
size_t bytes_first_difference(const uint8_t *a, const uint8_t *b, size_t len);
size_t bytes_count_differences(const uint8_t *a, const uint8_t *b, size_t len);

/* Lower-case; to has room for 2 * len + 1. */
void bytes_to_hex(const uint8_t *bytes, size_t len, char *to);
/* Exactly 2 * len digits of either case, nothing else; false otherwise (to may
 * then be partly written). */
bool bytes_from_hex(const char *text, uint8_t *to, size_t len);
