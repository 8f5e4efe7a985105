#include "kernel/tpm.h"

#include "base/fd.h"
#include "base/role.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum {
	ANSWER_SECONDS = 10, /* a TPM that tests itself first takes two */
	HEAD = 10,	     /* bytes of an answer: tag, size, response code */
	READ_ANSWER = 62,    /* bytes, where the bank has the PCR; 28 where not */
	EXTEND_ANSWER = 19,
};

static uint32_t
big_endian(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Returns the size of an answer that says yes. */
static int
ask(struct err *e, int fd, const uint8_t *command, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint8_t answer[128];
	ssize_t n = write(fd, command, len);

	if (n != (ssize_t)len)
		return fail_errno(e, "write");
	if (poll(&p, 1, ANSWER_SECONDS * 1000) != 1)
		return fail(e, "no answer within %d s", ANSWER_SECONDS);
	n = read(fd, answer, sizeof answer);
	if (n < 0)
		return fail_errno(e, "read");
	if (n < HEAD || answer[0] != 0x80 || big_endian(answer + 2) != (uint32_t)n)
		return fail(e, "%zd bytes that are no answer", n);
	if (big_endian(answer + 6) != 0)
		return fail(e, "response code 0x%x", big_endian(answer + 6));
	return (int)n;
}

/* A bank that is not there is extended without an error, hence the question before. */
int
tpm_extend_at(struct err *e, int fd, uint32_t pcr, const uint8_t digest[DIGEST_SIZE])
{
	uint8_t look[] = {
		0x80, 0x01,	     /* TPM_ST_NO_SESSIONS */
		0, 0, 0, 20,	     /* bytes of all of it */
		0, 0, 0x01, 0x7e,    /* TPM_CC_PCR_Read */
		0, 0, 0, 1,	     /* one selection */
		0, 0x0b, 3, 0, 0, 0, /* TPM_ALG_SHA256, three bytes of bits */
	};
	uint8_t extend[65] = {
		0x80, 0x02,			   /* TPM_ST_SESSIONS */
		0, 0, 0, 65,			   /* bytes of all of it */
		0, 0, 0x01, 0x82,		   /* TPM_CC_PCR_Extend */
		0, 0, 0, (uint8_t)pcr, 0, 0, 0, 9, /* bytes of the authorization: */
		0x40, 0, 0, 0x09,		   /* TPM_RS_PW, */
		0, 0, 0, 0, 0,			   /* no nonce, no attributes, the empty password */
		0, 0, 0, 1, 0, 0x0b,		   /* one digest, TPM_ALG_SHA256; here it is: */
	};
	int n;

	look[17 + pcr / 8] = (uint8_t)(1 << pcr % 8);
	memcpy(extend + sizeof extend - DIGEST_SIZE, digest, DIGEST_SIZE);
	TRY(n = ask(e, fd, look, sizeof look));
	if (n != READ_ANSWER)
		return fail(e, "not in a SHA-256 bank");
	TRY(n = ask(e, fd, extend, sizeof extend));
	return n == EXTEND_ANSWER ? 0 : fail(e, "%d bytes that are no answer", n);
}

/* Linux 5.0 answers behind our back, so that we can wait with a limit; before, write(2) waits. */
int
tpm_extend(struct err *e, uint32_t pcr, const uint8_t digest[DIGEST_SIZE])
{
	const char *name = "/dev/tpmrm0";
	FD_AUTO int fd = openat(AT_FDCWD, name, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	IN(e, ROLE_HOST);
	if (fd < 0 && errno == ENOENT) {
		name = "/dev/tpm0";
		fd = openat(AT_FDCWD, name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	}
	if (fd < 0)
		return fail_errno(e, "open %s", name);
	if (tpm_extend_at(e, fd, pcr, digest) < 0)
		return context(e, "%s: PCR %u", name, pcr);
	return 0;
}
