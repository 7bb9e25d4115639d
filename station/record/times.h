/* SPDX-License-Identifier: Apache-2.0 */
/* A distribution of durations in milliseconds, for quantiles and charts. Up to TIMES_EXACT values
 * are kept as they are, so that quantiles are exact (nearest rank); of more only how many fell into
 * each bucket is kept, and a quantile is then the middle of its bucket, at most 0.8 % away from the
 * value. Zero-initialise; times_done frees. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum {
	TIMES_EXACT = 20000,
	/* Values below TIMES_FINE have a bucket each; above, each doubling has TIMES_FINE of them. */
	TIMES_FINE = 64,
	TIMES_BUCKETS = TIMES_FINE * 27,
	TIMES_ENCODED_MAX = TIMES_BUCKETS * 6
};

struct times {
	int64_t count, max_ms;
	uint32_t *values; /* count of them while exact */
	size_t room;
	bool coarse;       /* only buckets */
	uint32_t *buckets; /* TIMES_BUCKETS of them; NULL before the first value */
	bool failed;       /* there was no memory: the rest means nothing */
};

void times_done(struct times *times);
/* Below zero (a clock that was set back) counts as 0, beyond 2^32 - 1 as that. */
void times_add(struct times *times, int64_t ms);
/* The value at share q (0..1] of the count, by nearest rank; -1 without values. */
int64_t times_quantile(struct times *times, double q);
/* How many lie in [from_ms, to_ms); within the width of a bucket when coarse. */
int64_t times_between(const struct times *times, int64_t from_ms, int64_t to_ms);

/* The buckets that are not empty, for keeping: 2 bytes number, 4 bytes count, most significant
 * first, in ascending order. *ret_len is at most TIMES_ENCODED_MAX. */
void times_encode(const struct times *times, uint8_t *ret, size_t *ret_len);
/* Adds what times_encode gave; times is coarse from then on. False for bytes that it cannot have
 * given; times is then unchanged. */
bool times_add_encoded(struct times *times, const uint8_t *bytes, size_t len) MUST_CHECK;
