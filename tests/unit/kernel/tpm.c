#include "kernel/tpm.h"

#include "tap.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a TPM gets and says: a packet each. */
struct packet {
	size_t len;
	uint8_t bytes[200];
};

static struct err e;
static uint8_t digest[DIGEST_SIZE];

static const struct packet look = {
	20, {0x80, 1, 0, 0, 0, 20, 0, 0, 1, 0x7e, 0, 0, 0, 1, 0, 0x0b, 3, 0, 0, 0x80}};
static const struct packet has = {62,
	{0x80, 1, 0, 0, 0, 62, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0x0b, 3, 0, 0, 0x80, 0, 0, 0,
		1, 0, 32, 7}};
static const struct packet done = {19, {0x80, 2, 0, 0, 0, 19}};

/* The other end: is asked what it expects, and answers; its exit status is how often it was asked
 * something else. */
static void
be_tpm(int fd, const struct packet *want, const struct packet *answer, int n)
{
	struct packet got;
	int wrong = 0;

	for (int i = 0; i < n; i++) {
		ssize_t len = read(fd, got.bytes, sizeof got.bytes);

		wrong += len != (ssize_t)want[i].len ||
			memcmp(got.bytes, want[i].bytes, want[i].len);
		(void)!write(fd, answer[i].bytes, answer[i].len);
	}
	_exit(wrong);
}

/* Returns what tpm_extend_at() does, with PCR 23. */
static int
talk(const struct packet *answer, int n)
{
	struct packet want[2] = {look,
		{65,
			{0x80, 2, 0, 0, 0, 65, 0, 0, 1, 0x82, 0, 0, 0, 23, 0, 0, 0, 9, 0x40, 0, 0,
				9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x0b}}};
	int pair[2], status, result;
	pid_t pid;

	memcpy(want[1].bytes + 33, digest, sizeof digest);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0 || (pid = fork()) < 0)
		return -2;
	if (pid == 0)
		be_tpm(pair[1], want, answer, n);
	close(pair[1]);
	e.text[0] = '\0';
	result = tpm_extend_at(&e, pair[0], 23, digest);
	close(pair[0]);
	if (waitpid(pid, &status, 0) != pid)
		return -2;
	is_int(status, 0, "the commands are those of the specification");
	return result;
}

static void
refused(struct packet first, struct packet second, int n, const char *why)
{
	const struct packet answer[2] = {first, second};

	is_int(talk(answer, n), -1, "%s", why);
	is_str(e.text, why, "why");
}

int
main(void)
{
	const struct packet good[2] = {has, done};
	struct packet other;

	for (int i = 0; i < DIGEST_SIZE; i++)
		digest[i] = (uint8_t)(200 + i);
	is_int(talk(good, 2), 0, "it is done: %s", e.text);

	refused((struct packet){10, {0x80, 1, 0, 0, 0, 10, 0, 0, 9, 7}}, done, 1,
		"response code 0x907");
	refused(has, (struct packet){10, {0x80, 1, 0, 0, 0, 10, 0xff, 0xff, 0xff, 0xff}}, 2,
		"response code 0xffffffff");
	refused((struct packet){28, {0x80, 1, 0, 0, 0, 28}}, done, 1, "not in a SHA-256 bank");
	for (size_t len = 1; len < 10; len++) {
		char why[64];

		other = done;
		other.len = len;
		snprintf(why, sizeof why, "%zu bytes that are no answer", len);
		refused(has, other, 2, why);
	}
	other = done;
	other.bytes[5] = 18;
	refused(has, other, 2, "19 bytes that are no answer");
	other = done;
	other.bytes[0] = 0;
	refused(has, other, 2, "19 bytes that are no answer");
	other = (struct packet){200, {0x80, 2, 0, 0, 0, 200}};
	refused(has, other, 2, "128 bytes that are no answer");
	refused(has, has, 2, "62 bytes that are no answer");
	return done_testing();
}
