/* SHA-256 with the cryptographic extension of ARMv8. */
#if defined(__aarch64__)
#include "base/digestblocks.h"

#include <arm_neon.h>
#include <sys/auxv.h>

enum { HAS_SHA2 = 1 << 6 }; /* HWCAP_SHA2 of the kernel's asm/hwcap.h */

static inline __attribute__((target("+crypto"))) uint32x4_t
load(const uint8_t *at)
{
	return vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(at)));
}

__attribute__((target("+crypto"))) static void
blocks(uint8_t state[DIGEST_SIZE], const uint8_t *data, size_t n)
{
	uint32x4_t abcd = load(state), efgh = load(state + 16);

	for (; n > 0; n--, data += DIGEST_BLOCK) {
		uint32x4_t m0 = abcd, m1 = abcd, m2 = abcd, m3 = abcd; /* until four are loaded */
		uint32x4_t was_abcd = abcd, was_efgh = efgh, m, before;

		for (int i = 0; i < 16; i++) {
			if (i < 4)
				m = load(data + 16 * i);
			else
				m = vsha256su1q_u32(vsha256su0q_u32(m0, m1), m2, m3);
			m0 = m1;
			m1 = m2;
			m2 = m3;
			m3 = m;
			m = vaddq_u32(m, vld1q_u32(digest_constants + 4 * i));
			before = abcd;
			abcd = vsha256hq_u32(abcd, efgh, m);
			efgh = vsha256h2q_u32(efgh, before, m);
		}
		abcd = vaddq_u32(abcd, was_abcd);
		efgh = vaddq_u32(efgh, was_efgh);
	}
	vst1q_u8(state, vrev32q_u8(vreinterpretq_u8_u32(abcd)));
	vst1q_u8(state + 16, vrev32q_u8(vreinterpretq_u8_u32(efgh)));
}

digest_blocks *
digest_native(void)
{
	return getauxval(AT_HWCAP) & HAS_SHA2 ? blocks : NULL;
}
#else
typedef int digest_is_not_arm64; /* a source must not be empty */
#endif
