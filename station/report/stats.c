/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include <math.h>

double stats_normal_z(double tail)
{
	/* The tail shrinks as z grows; halving until a double has no more digits. */
	double low = 0, high = 40;
	for (int i = 0; i < 80; i++) {
		double z = (low + high) / 2;
		if (0.5 * erfc(z / sqrt(2)) > tail)
			low = z;
		else
			high = z;
	}
	return low;
}

void stats_wilson(int64_t part, int64_t whole, double z, double *ret_low, double *ret_high)
{
	double n = (double)whole, p = (double)part / n, zz = z * z;
	double middle = p + zz / (2 * n), half = z * sqrt(p * (1 - p) / n + zz / (4 * n * n));
	*ret_low = fmax(0, (middle - half) / (1 + zz / n));
	*ret_high = fmin(1, (middle + half) / (1 + zz / n));
}

int64_t stats_round_width(int64_t span, int64_t bars)
{
	static const int64_t steps[] = { 1, 2, 5 };
	for (int64_t power = 1; power <= INT64_MAX / 100; power *= 10)
		for (int i = 0; i < 3; i++)
			if (span / (power * steps[i]) < bars)
				return power * steps[i];
	return INT64_MAX / 100;
}
