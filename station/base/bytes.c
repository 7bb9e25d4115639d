/* SPDX-License-Identifier: Apache-2.0 */
#include "bytes.h"

#include <string.h>

uint16_t bytes_le16(const uint8_t *from)
{
	return (uint16_t)(from[0] | from[1] << 8);
}

uint32_t bytes_le32(const uint8_t *from)
{
	return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

uint32_t bytes_be32(const uint8_t *from)
{
	return from[3] | (uint32_t)from[2] << 8 | (uint32_t)from[1] << 16 | (uint32_t)from[0] << 24;
}

void bytes_put_le16(uint8_t *to, uint16_t value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
}

void bytes_put_le32(uint8_t *to, uint32_t value)
{
	bytes_put_le16(to, (uint16_t)value);
	bytes_put_le16(to + 2, (uint16_t)(value >> 16));
}

void bytes_put_be16(uint8_t *to, uint16_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

void bytes_put_be32(uint8_t *to, uint32_t value)
{
	bytes_put_be16(to, (uint16_t)(value >> 16));
	bytes_put_be16(to + 2, (uint16_t)value);
}

bool bytes_all(const uint8_t *bytes, size_t len, uint8_t value)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

size_t bytes_first_difference(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t i = 0;
	while (i < len && a[i] == b[i])
		i++;
	return i;
}

size_t bytes_count_differences(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t count = 0;
	for (size_t i = 0; i < len; i++)
		count += a[i] != b[i];
	return count;
}

void bytes_to_hex(const uint8_t *bytes, size_t len, char *to)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		*to++ = digits[bytes[i] >> 4];
		*to++ = digits[bytes[i] & 15];
	}
	*to = 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool bytes_from_hex(const char *text, uint8_t *to, size_t len)
{
	if (strlen(text) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
