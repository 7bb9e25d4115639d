/* SPDX-License-Identifier: Apache-2.0 */
#include "container.h"

#include <string.h>

#include "bytes.h"
#include "text.h"

/* POSIX.1-2017, pax: ustar Interchange Format. Numbers are octal text. */
enum {
	AT_MODE = 100,
	AT_UID = 108,
	AT_GID = 116,
	AT_SIZE = 124,
	AT_TIME = 136,
	AT_SUM = 148,
	AT_TYPE = 156,
	AT_MAGIC = 257,
	ID_DIGITS = 7,
	SIZE_DIGITS = 11,
	SUM_DIGITS = 6
};
static const char magic[] = "ustar\0"
			    "00";

static bool is_name(const char *name)
{
	size_t len = strlen(name);
	return len > 0 && len < CONTAINER_NAME && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
		       len;
}

static void put_octal(uint8_t *to, unsigned digits, uint64_t value)
{
	for (unsigned i = digits; i-- > 0; value >>= 3)
		to[i] = (uint8_t)('0' + (value & 7));
}

/* Of all bytes of the block, those of the sum itself taken as blanks. */
static uint32_t sum_of(const uint8_t block[CONTAINER_BLOCK])
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < CONTAINER_BLOCK; i++)
		sum += i >= AT_SUM && i < AT_TYPE ? ' ' : block[i];
	return sum;
}

bool container_head(uint8_t block[CONTAINER_BLOCK], const char *name, uint64_t size, int64_t utc_ms,
	struct err *err)
{
	if (!is_name(name) || size >> (3 * SIZE_DIGITS) || utc_ms < 0)
		return err_set(err, REASON_BUG, "%s cannot be put into a backup", name);
	memset(block, 0, CONTAINER_BLOCK);
	memcpy(block, name, strlen(name));
	put_octal(block + AT_MODE, ID_DIGITS, 0600);
	put_octal(block + AT_UID, ID_DIGITS, 0);
	put_octal(block + AT_GID, ID_DIGITS, 0);
	put_octal(block + AT_SIZE, SIZE_DIGITS, size);
	put_octal(block + AT_TIME, SIZE_DIGITS, (uint64_t)utc_ms / 1000);
	block[AT_TYPE] = '0';
	memcpy(block + AT_MAGIC, magic, sizeof magic - 1);
	put_octal(block + AT_SUM, SUM_DIGITS, sum_of(block));
	block[AT_SUM + SUM_DIGITS] = 0;
	block[AT_SUM + SUM_DIGITS + 1] = ' ';
	return true;
}

size_t container_padding(uint64_t size)
{
	return (size_t)((CONTAINER_BLOCK - size % CONTAINER_BLOCK) % CONTAINER_BLOCK);
}

static bool get_octal(const uint8_t *from, unsigned digits, uint64_t *ret)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < digits; i++) {
		if (from[i] < '0' || from[i] > '7')
			return false;
		value = value << 3 | (uint64_t)(from[i] - '0');
	}
	*ret = value;
	return true;
}

static bool parse_head(
	const uint8_t block[CONTAINER_BLOCK], struct container_member *ret, uint64_t *ret_size)
{
	uint64_t sum;
	if (!memchr(block, 0, CONTAINER_NAME) ||
		!bytes_all(block + CONTAINER_NAME, AT_MODE - CONTAINER_NAME, 0))
		return false;
	memcpy(ret->name, block, CONTAINER_NAME);
	return is_name(ret->name) && block[AT_TYPE] == '0' &&
	       memcmp(block + AT_MAGIC, magic, sizeof magic - 1) == 0 &&
	       get_octal(block + AT_SUM, SUM_DIGITS, &sum) && sum == sum_of(block) &&
	       get_octal(block + AT_SIZE, SIZE_DIGITS, ret_size);
}

bool container_next(const uint8_t *bytes, size_t len, size_t *at, struct container_member *ret,
	bool *ret_found, struct err *err)
{
	struct container_member member;
	uint64_t size = 0;
	size_t left = *at <= len ? len - *at : 0;
	if (left < CONTAINER_BLOCK)
		return err_set(
			err, REASON_INPUT, "its archive ends in the middle, at byte %zu", *at);
	const uint8_t *block = bytes + *at;
	if (bytes_all(block, CONTAINER_BLOCK, 0)) {
		if (left != 2 * CONTAINER_BLOCK || !bytes_all(block, left, 0))
			return err_set(err, REASON_INPUT,
				"its archive does not end where it says so, at byte %zu", *at);
		*ret_found = false;
		return true;
	}
	left -= CONTAINER_BLOCK;
	if (!parse_head(block, &member, &size))
		return err_set(err, REASON_INPUT, "its archive makes no sense at byte %zu", *at);
	if (size > left || container_padding(size) > left - size)
		return err_set(err, REASON_INPUT, "%s in its archive is cut", member.name);
	member.bytes = block + CONTAINER_BLOCK;
	member.size = (size_t)size;
	*at += CONTAINER_BLOCK + member.size + container_padding(size);
	*ret = member;
	*ret_found = true;
	return true;
}
