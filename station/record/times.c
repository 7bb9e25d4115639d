/* SPDX-License-Identifier: Apache-2.0 */
#include "times.h"

#include <stdlib.h>
#include <string.h>

enum { FINE_BITS = 6, ENCODED_BUCKET = 6 };
_Static_assert(TIMES_FINE == 1 << FINE_BITS, "the width of a bucket follows from it");

static size_t bucket_of(uint32_t ms)
{
	if (ms < TIMES_FINE)
		return ms;
	unsigned shift = 31u - (unsigned)__builtin_clz(ms) - FINE_BITS;
	return TIMES_FINE * (1u + shift) + ((ms >> shift) - TIMES_FINE);
}

/* [*ret_from, *ret_to) */
static void bounds_of(size_t bucket, uint64_t *ret_from, uint64_t *ret_to)
{
	if (bucket < TIMES_FINE) {
		*ret_from = bucket;
		*ret_to = bucket + 1;
		return;
	}
	size_t shift = bucket / TIMES_FINE - 1;
	*ret_from = (uint64_t)(TIMES_FINE + bucket % TIMES_FINE) << shift;
	*ret_to = *ret_from + ((uint64_t)1 << shift);
}

void times_done(struct times *times)
{
	if (!times)
		return;
	free(times->values);
	free(times->buckets);
	*times = (struct times){ 0 };
}

static bool has_buckets(struct times *times)
{
	if (!times->buckets)
		times->buckets = calloc(TIMES_BUCKETS, sizeof *times->buckets);
	times->failed |= !times->buckets;
	return !times->failed;
}

static void keep_value(struct times *times, uint32_t ms)
{
	if (times->coarse || times->count >= TIMES_EXACT) {
		times->coarse = true;
		return;
	}
	if ((size_t)times->count == times->room) {
		size_t room = times->room ? 2 * times->room : 64;
		uint32_t *values = realloc(times->values, room * sizeof *values);
		if (!values) {
			times->failed = true;
			return;
		}
		times->values = values;
		times->room = room;
	}
	times->values[times->count] = ms;
}

void times_add(struct times *times, int64_t ms)
{
	uint32_t value = ms < 0 ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
	if (!has_buckets(times))
		return;
	keep_value(times, value);
	times->buckets[bucket_of(value)]++;
	times->count++;
	times->max_ms = value > times->max_ms ? value : times->max_ms;
}

static int by_value(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	return (a > b) - (a < b);
}

int64_t times_quantile(struct times *times, double q)
{
	if (times->failed || times->count == 0)
		return -1;
	double exact = q * (double)times->count;
	int64_t rank = (int64_t)exact + ((double)(int64_t)exact < exact);
	rank = rank < 1 ? 1 : rank > times->count ? times->count : rank;
	if (!times->coarse) {
		qsort(times->values, (size_t)times->count, sizeof *times->values, by_value);
		return times->values[rank - 1];
	}
	size_t bucket = 0;
	for (int64_t seen = 0; bucket < TIMES_BUCKETS; bucket++) {
		seen += times->buckets[bucket];
		if (seen >= rank)
			break;
	}
	uint64_t from, to;
	bounds_of(bucket, &from, &to);
	int64_t middle = (int64_t)((from + to - 1) / 2);
	return middle < times->max_ms ? middle : times->max_ms;
}

int64_t times_between(const struct times *times, int64_t from_ms, int64_t to_ms)
{
	int64_t count = 0;
	if (times->failed || !times->buckets)
		return 0;
	if (!times->coarse) {
		for (int64_t i = 0; i < times->count; i++)
			count += times->values[i] >= from_ms && times->values[i] < to_ms;
		return count;
	}
	for (size_t i = 0; i < TIMES_BUCKETS; i++) {
		uint64_t from, to;
		bounds_of(i, &from, &to);
		if ((int64_t)from >= from_ms && (int64_t)from < to_ms)
			count += times->buckets[i];
	}
	return count;
}

void times_encode(const struct times *times, uint8_t *ret, size_t *ret_len)
{
	size_t len = 0;
	for (size_t i = 0; times->buckets && i < TIMES_BUCKETS; i++) {
		uint32_t count = times->buckets[i];
		if (!count)
			continue;
		const uint8_t bytes[ENCODED_BUCKET] = { (uint8_t)(i >> 8), (uint8_t)i,
			(uint8_t)(count >> 24), (uint8_t)(count >> 16), (uint8_t)(count >> 8),
			(uint8_t)count };
		memcpy(ret + len, bytes, sizeof bytes);
		len += sizeof bytes;
	}
	*ret_len = len;
}

static size_t encoded_bucket(const uint8_t *at, uint32_t *ret_count)
{
	*ret_count = (uint32_t)at[2] << 24 | (uint32_t)at[3] << 16 | (uint32_t)at[4] << 8 | at[5];
	return (size_t)(at[0] << 8 | at[1]);
}

static bool is_encoded(const uint8_t *bytes, size_t len)
{
	size_t before = 0;
	if (len % ENCODED_BUCKET != 0)
		return false;
	for (size_t at = 0; at < len; at += ENCODED_BUCKET) {
		uint32_t count;
		size_t bucket = encoded_bucket(bytes + at, &count);
		if (bucket >= TIMES_BUCKETS || !count || (at && bucket <= before))
			return false;
		before = bucket;
	}
	return true;
}

bool times_add_encoded(struct times *times, const uint8_t *bytes, size_t len)
{
	if (!is_encoded(bytes, len))
		return false;
	if (len == 0 || !has_buckets(times))
		return true;
	times->coarse = true;
	for (size_t at = 0; at < len; at += ENCODED_BUCKET) {
		uint32_t count;
		uint64_t from, to;
		size_t bucket = encoded_bucket(bytes + at, &count);
		bounds_of(bucket, &from, &to);
		times->buckets[bucket] += count;
		times->count += count;
		if ((int64_t)to - 1 > times->max_ms)
			times->max_ms = (int64_t)to - 1;
	}
	return true;
}
