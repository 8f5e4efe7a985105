/* The processors for which there is no file. */
#if !defined(__x86_64__) && !defined(__aarch64__)
#include "base/digestblocks.h"

digest_blocks *
digest_native(void)
{
	return NULL;
}
#else
typedef int digest_is_known; /* a source must not be empty */
#endif
