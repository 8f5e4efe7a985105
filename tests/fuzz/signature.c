/* signature: bytes as a signature by the keys below.
 *
 * Oracle: nobody can make one, so that only those bytes are accepted that are the real signature,
 * or decode to it.
 */
#include "base/signature.h"

#include <stdlib.h>
#include <string.h>

#include "signature.inc"

static void
check(const char *pem, size_t pem_len, const uint8_t *real, size_t real_len, const uint8_t *data,
	size_t len)
{
	static struct err e;
	uint8_t bytes[SIGNATURE_MAX];
	struct public_key k;
	ssize_t n;

	if (public_key_read(&e, &k, pem, pem_len, "key") < 0)
		abort();
	e.text[0] = '\0';
	if (signature_check(&e, &k, digest, data, len) < 0) {
		if (e.text[0] == '\0' || (len == real_len && memcmp(data, real, len) == 0))
			abort();
		return;
	}
	if (len == real_len && memcmp(data, real, len) == 0)
		return;
	n = base64_decode((const char *)data, len, bytes, sizeof bytes);
	if (n != (ssize_t)real_len || memcmp(bytes, real, real_len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	check(p256_pem, sizeof p256_pem - 1, p256_signature, sizeof p256_signature, data, len);
	check(rsa_pem, sizeof rsa_pem - 1, rsa_signature, sizeof rsa_signature, data, len);
	return 0;
}
