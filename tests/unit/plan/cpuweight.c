/* covers: CC-1.  Every input against the formula in floating point; no value but a whole one comes
 * nearer to a whole number than 1e-6. */
#include "plan/cpuweight.h"

#include "tap.h"

/* Natural logarithm and its inverse by their series: the library of mathematics is not linked. */
static double
ln(double x)
{
	double y, power, sum = 0;
	int halvings = 0;

	for (; x > 2; x /= 2)
		halvings++;
	y = power = (x - 1) / (x + 1);
	for (int k = 1; k < 60; k += 2, power *= y * y)
		sum += power / k;
	return 2 * sum + halvings * 0.69314718055994530942;
}

static double
exponential(double x)
{
	double term = 1, sum = 1;

	for (int k = 1; k < 80; k++)
		sum += term *= x / k;
	return sum;
}

static unsigned
by_formula(unsigned shares)
{
	double l = ln(shares) / ln(2), weight;

	weight = exponential(((l * l + 125 * l) / 612 - 7.0 / 34) * ln(10)) - 1e-8;
	return (unsigned)weight + 1;
}

int
main(void)
{
	static const unsigned known[][2] = {{2, 1}, {3, 2}, {10, 4}, {100, 17}, {512, 59},
		{1024, 100}, {2048, 174}, {262143, 10000}, {262144, 10000}};
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		is_int(cpuweight_of_shares(known[i][0]), known[i][1], "%u", known[i][0]);
	for (unsigned shares = 2; shares < 262144; shares++)
		wrong += cpuweight_of_shares(shares) != by_formula(shares);
	is_int(wrong, 0, "the formula, from 2 to 262143");
	is_int(cpuweight_of_shares(0), 1, "0");
	is_int(cpuweight_of_shares(1), 1, "1");
	is_int(cpuweight_of_shares(UINT64_MAX), 10000, "the most that 64 bits hold");
	return done_testing();
}
