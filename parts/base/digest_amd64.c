/* SHA-256 with the SHA extensions of x86. */
#if defined(__x86_64__)
#include "base/digestblocks.h"

#include <cpuid.h>
#include <immintrin.h>

/* Written as a loop: unrolled it is four times as large, and not faster where the two instructions
 * that each step waits for are the limit.  The state is kept as the instructions want it, ABEF and
 * CDGH. */
__attribute__((target("sha,sse4.1"))) static void
blocks(uint8_t state[DIGEST_SIZE], const uint8_t *data, size_t n)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	const __m128i *k = (const __m128i *)(const void *)digest_constants;
	__m128i *io = (__m128i *)(void *)state;
	__m128i low = _mm_shuffle_epi32(_mm_shuffle_epi8(_mm_loadu_si128(io), swap), 0xb1);
	__m128i high = _mm_shuffle_epi32(_mm_shuffle_epi8(_mm_loadu_si128(io + 1), swap), 0x1b);
	__m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);

	for (; n > 0; n--, data += DIGEST_BLOCK) {
		const __m128i *in = (const __m128i *)(const void *)data;
		__m128i m0 = {0}, m1 = {0}, m2 = {0}, m3 = {0}, was_abef = abef, was_cdgh = cdgh;

		for (int i = 0; i < 16; i++) {
			__m128i m;

			if (i < 4)
				m = _mm_shuffle_epi8(_mm_loadu_si128(in + i), swap);
			else
				m = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(m0, m1),
								 _mm_alignr_epi8(m3, m2, 4)),
					m3);
			m0 = m1;
			m1 = m2;
			m2 = m3;
			m3 = m;
			m = _mm_add_epi32(m, k[i]);
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, m);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(m, 0x0e));
		}
		abef = _mm_add_epi32(abef, was_abef);
		cdgh = _mm_add_epi32(cdgh, was_cdgh);
	}
	low = _mm_shuffle_epi32(abef, 0x1b);
	high = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128(io, _mm_shuffle_epi8(_mm_blend_epi16(low, high, 0xf0), swap));
	_mm_storeu_si128(io + 1, _mm_shuffle_epi8(_mm_alignr_epi8(high, low, 8), swap));
}

/* Leaf 7: SHA.  Leaf 1: SSE4.1, and SSSE3, which the target's "sse4.1" brings along. */
digest_blocks *
digest_native(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3))
		return NULL;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_SHA ? blocks : NULL;
}
#else
typedef int digest_is_not_amd64; /* a source must not be empty */
#endif
