/* SPDX-License-Identifier: Apache-2.0 */
/* The little statistics that reports need. Pure. */
#pragma once

#include <stdint.h>

/* How many standard deviations from the mean leave a share of tail (0..0.5) beyond them. */
double stats_normal_z(double tail);
/* Wilson's score interval of part of whole (E. B. Wilson 1927), whole > 0. */
void stats_wilson(int64_t part, int64_t whole, double z, double *ret_low, double *ret_high);
/* A round width (1, 2 or 5 times a power of ten) with which at most bars bars reach from 0 to
 * span. At least 1. */
int64_t stats_round_width(int64_t span, int64_t bars);
