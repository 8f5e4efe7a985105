#include "plan/cpuweight.h"

/* Numbers are fixed-point; Qn has n bits behind the point.  Everything is rounded down, so that
 * what should come out as a whole number stays just below it, and ceil() finds it. */

enum { SHARES_MIN = 2, SHARES_MAX = 262144, WEIGHT_MAX = 10000, LOG_BITS = 52, TERMS = 24 };

static const uint64_t log2_of_10 = 0x6a4d3c25e68dc57f; /* Q61 */
static const uint64_t ln_of_2 = 0xb17217f7d1cf79ab;    /* Q64 */

/* The upper half of a product: Qa times Qb is Q(a + b - 64). */
static uint64_t
multiply(uint64_t a, uint64_t b)
{
	uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
	uint64_t low = al * bl, one = ah * bl, two = al * bh;
	uint64_t carry = (low >> 32) + (uint32_t)one + (uint32_t)two;

	return ah * bh + (one >> 32) + (two >> 32) + (carry >> 32);
}

/* Q58, for 2 to 2^18: each squaring of what lies between 1 and 2 gives one bit of its logarithm. */
static uint64_t
log_2(uint64_t n)
{
	int whole = 63 - __builtin_clzll(n);
	uint64_t x = n << (63 - whole), bits = 0; /* x: Q63 */

	for (int i = 0; i < LOG_BITS; i++) {
		uint64_t square = multiply(x, x); /* Q62 */

		bits = bits << 1 | square >> 63;
		x = square >> 63 ? square : square << 1;
	}
	return (uint64_t)whole << 58 | bits << (58 - LOG_BITS);
}

/* 2 to the power of a Q64 below 1, as Q62: the series of the exponential function. */
static uint64_t
power_of_2(uint64_t exponent)
{
	uint64_t y = multiply(exponent, ln_of_2), term = y, sum = UINT64_C(1) << 62;

	for (uint64_t k = 2; k < TERMS && term > 0; k++) {
		sum += term >> 2;
		term = multiply(term, y) / k;
	}
	return sum;
}

uint32_t
cpuweight_of_shares(uint64_t shares)
{
	uint64_t l, exponent, power;
	uint32_t whole;

	if (shares <= SHARES_MIN)
		return 1;
	if (shares >= SHARES_MAX)
		return WEIGHT_MAX;
	l = log_2(shares);
	exponent = multiply(l, (l >> 2) + (UINT64_C(125) << 56)); /* l (l + 125): Q50 */
	exponent = exponent / 612 - (UINT64_C(7) << 50) / 34 - 1; /* to base 10 */
	exponent = multiply(exponent << 11, log2_of_10);	  /* to base 2: Q58 */
	whole = (uint32_t)(exponent >> 58);
	power = power_of_2(exponent << 6);
	return (uint32_t)(power >> (62 - whole)) + ((power << (2 + whole)) != 0);
}
