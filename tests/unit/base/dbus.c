#include "tap.h"

#include "base/clock.h"
#include "base/dbus.h"
#include "base/fd.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static uint8_t buffer[1024];
static struct err e;

/* -- building ---------------------------------------------------------------------------------- */

/* GetUnit("a") as the specification's rules have it, byte for byte */
static const uint8_t get_unit[] = {
	/* clang-format off */
	'l', 1, 0, 1,  6, 0, 0, 0,  7, 0, 0, 0,  0x46, 0, 0, 0,
	1, 1, 'o', 0,  2, 0, 0, 0, '/', 'o', 0, 0, 0, 0, 0, 0,
	2, 1, 's', 0,  3, 0, 0, 0, 'i', '.', 'f', 0, 0, 0, 0, 0,
	3, 1, 's', 0,  7, 0, 0, 0, 'G', 'e', 't', 'U', 'n', 'i', 't', 0,
	8, 1, 'g', 0,  1, 's', 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* clang-format on */
};

static void
test_call(void)
{
	struct dbus_out o = {.at = buffer, .max = sizeof buffer};
	uint8_t want[sizeof get_unit + 6] = {0};
	size_t header = 16 + 16 + 16 + 16 + 8; /* each field begins at a multiple of 8 */

	memcpy(want, get_unit, header - 1);
	want[12] = 16 + 16 + 16 + 7; /* without what is behind the last field */
	memcpy(want + header, "\1\0\0\0a", 6);
	dbus_begin(&o, 7, "/o", "i.f", "GetUnit", "s");
	dbus_put_string(&o, "a");
	dbus_end(&o);
	is_int(o.len, header + 6, "the length of a call");
	ok(memcmp(buffer, want, o.len) == 0, "its bytes");
	ok(!o.cut, "it fits");
	is_int((int64_t)dbus_length(buffer), (int64_t)o.len, "and its header says so");
}

static void
test_values(void)
{
	static const uint8_t want[] = {
		/* clang-format off */
		255, 0, 0x34, 0x12, 8, 7, 6, 5,  8, 7, 6, 5, 4, 3, 2, 1,
		1, 0, 0, 0,  9, 0, 0, 0,  1, 0, 0, 0, 'x', 0, 0, 0, 7,
		/* clang-format on */
	};
	struct dbus_out o = {.at = buffer, .max = sizeof buffer};
	size_t array;

	dbus_put(&o, 255, 1);
	dbus_put(&o, 0x1234, 2);
	dbus_put(&o, 0x05060708, 4);
	dbus_put(&o, 0x0102030405060708, 8);
	dbus_put(&o, 1, 4);
	array = dbus_put_array(&o, 8);
	dbus_put_struct(&o);
	dbus_put_string(&o, "x");
	dbus_put(&o, 7, 4);
	o.len -= 3; /* the number's zeros */
	dbus_put_array_end(&o, array, 8);
	is_int(o.len, sizeof want, "each value is aligned by its size");
	ok(memcmp(buffer, want, sizeof want) == 0,
		"its bytes; the padding of an array is not counted");
}

static void
test_cut(void)
{
	struct dbus_out o = {.at = buffer, .max = 20};

	buffer[20] = 0xaa;
	dbus_begin(&o, 1, "/org/freedesktop/systemd1", "org.freedesktop", "Member", "s");
	dbus_put_array_end(&o, dbus_put_array(&o, 8), 8);
	dbus_end(&o);
	ok(o.cut, "what does not fit is noted");
	is_int(buffer[20], 0xaa, "and nothing is written behind the end");
}

/* -- reading ----------------------------------------------------------------------------------- */

/* An answer to call 7 with the string "ok", or a signal, little- or big-endian */
static const uint8_t answer[] = {
	/* clang-format off */
	'l', 2, 1, 1,  7, 0, 0, 0,  1, 0, 0, 0,  15, 0, 0, 0,
	5, 1, 'u', 0,  7, 0, 0, 0,
	8, 1, 'g', 0,  1, 's', 0, 0,
	2, 0, 0, 0, 'o', 'k', 0,
	/* clang-format on */
};
static const uint8_t big_answer[] = {
	/* clang-format off */
	'B', 2, 1, 1,  0, 0, 0, 7,  0, 0, 0, 1,  0, 0, 0, 15,
	5, 1, 'u', 0,  0, 0, 0, 7,
	8, 1, 'g', 0,  1, 's', 0, 0,
	0, 0, 0, 2, 'o', 'k', 0,
	/* clang-format on */
};

static void
test_read(const uint8_t *bytes, const char *name)
{
	struct dbus_message m;

	is_int((int64_t)dbus_length(bytes), sizeof answer, "%s: its length", name);
	is_int(dbus_read(&m, bytes, sizeof answer), 0, "%s: is read", name);
	is_int(m.type, DBUS_RETURN, "%s: its type", name);
	is_int(m.reply_to, 7, "%s: whose answer", name);
	is_str(m.signature, "s", "%s: its signature", name);
	is_str(m.error, "", "%s: no error", name);
	is_str(dbus_get_string(&m.body), "ok", "%s: its body", name);
	ok(!m.body.bad, "%s: all was there", name);
	is_str(dbus_get_string(&m.body), "", "%s: there is no more", name);
	ok(m.body.bad, "%s: which is noted", name);
}

/* Every shorter piece in memory of its own, where the sanitizers see a byte too many being read. */
static void
test_truncated(void)
{
	bool refused = true;

	for (size_t n = 0; n < sizeof answer; n++) {
		uint8_t *part = malloc(n + 1);
		struct dbus_message m;

		memcpy(part, answer, n);
		refused &= dbus_read(&m, part, n) < 0;
		free(part);
	}
	ok(refused, "no truncated message is read");
}

/* Every byte of it replaced by others: whatever comes out, nothing outside is read. */
static void
test_hostile(void)
{
	static const uint8_t others[] = {0, 1, 3, 4, 7, 8, 0x7f, 0x80, 0xfe, 0xff, 's', 'v', 'g'};
	int read = 0;

	for (size_t i = 0; i < sizeof answer; i++)
		for (size_t k = 0; k < sizeof others; k++) {
			uint8_t *all = malloc(sizeof answer);
			struct dbus_message m;

			memcpy(all, answer, sizeof answer);
			all[i] = others[k];
			if (dbus_read(&m, all, sizeof answer) == 0) {
				read += strlen(m.member) + strlen(m.error) < sizeof answer;
				(void)dbus_get_signature(&m.body);
				(void)dbus_get(&m.body, 8);
				(void)dbus_get_string(&m.body);
			}
			free(all);
		}
	ok(read > 0, "%d of the changed messages are read", read);
}

static void
test_lengths(void)
{
	uint8_t first[16];

	memcpy(first, answer, 16);
	memset(first + 4, 0xff, 4);
	is_int((int64_t)dbus_length(first), 0, "a body of 4 GiB");
	memcpy(first, answer, 16);
	memset(first + 12, 0xff, 4);
	is_int((int64_t)dbus_length(first), 0, "fields of 4 GiB");
	memcpy(first, answer, 16);
	first[3] = 2;
	is_int((int64_t)dbus_length(first), 0, "another version");
	first[0] = 'x';
	is_int((int64_t)dbus_length(first), 0, "no endianness");
}

/* -- the connection ---------------------------------------------------------------------------- */

static int peer[2];
static const char *reply;
static size_t reply_len;

static void *
serve(void *arg)
{
	char in[512];
	int sock = accept(*(int *)arg, NULL, NULL);

	peer[0] = (int)recv(sock, in, sizeof in, 0);
	ok(peer[0] == 29 && memcmp(in, "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n", 29) == 0,
		"what the peer hears first");
	(void)send(sock, reply, reply_len, MSG_NOSIGNAL);
	(void)recv(sock, in, sizeof in, 0);
	close(sock);
	return NULL;
}

/* Connects to a peer that answers with those bytes, and waits for one message. */
static int
converse(struct dbus *d, const void *bytes, size_t n)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), result;
	pthread_t thread;

	snprintf(at.sun_path, sizeof at.sun_path, "/tmp/dbus-test.%d", getpid());
	unlink(at.sun_path);
	if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 1) < 0)
		return -2;
	reply = bytes;
	reply_len = n;
	pthread_create(&thread, NULL, serve, &listener);
	result = dbus_connect(&e, d, at.sun_path, 300);
	if (result == 0) {
		result = dbus_receive(&e, d);
		fd_close(&d->fd);
	}
	pthread_join(thread, NULL);
	close(listener);
	unlink(at.sun_path);
	return result;
}

static void
test_connection(void)
{
	static char long_line[300];
	static uint8_t bytes[40 + 2 * DBUS_MAX];
	static const char agreed[] = "DATA\r\nOK 0123\r\n";
	size_t n = sizeof agreed - 1;
	struct dbus d;

	memset(long_line, 'a', sizeof long_line);
	memcpy(bytes, agreed, n);
	memcpy(bytes + n, answer, sizeof answer);
	is_int(converse(&d, bytes, n + sizeof answer), 0, "a message is received");
	is_str(dbus_get_string(&d.in.body), "ok", "and is what was sent");
	is_int(converse(&d, bytes, n + sizeof answer - 1), -1, "the end of it is missing");
	is_str(e.text, "no answer: connection timed out", "the deadline");
	is_int(converse(&d, "DATA\r\nREJECTED\r\n", 16), -1, "refused");
	ok(strstr(e.text, ": authentication was refused"), "in words");
	is_int(d.fd, -1, "and closed");
	is_int(converse(&d, long_line, sizeof long_line), -1, "an endless line");
	ok(strstr(e.text, ": authentication: an endless line"), "in words");
	memcpy(bytes + n, "HTTP/1.1 200 fine", 17);
	is_int(converse(&d, bytes, n + 17), -1, "another protocol");
	is_str(e.text, "a malformed message", "in words");
	/* one of more than our buffer, and the answer behind it */
	memset(bytes + n, 0, sizeof bytes - n);
	memcpy(bytes + n, answer, 16);
	bytes[n + 5] = (DBUS_MAX + 256) >> 8 & 0xff;
	bytes[n + 6] = (DBUS_MAX + 256) >> 16;
	bytes[n + 4] = 0;
	bytes[n + 12] = 0;
	memcpy(bytes + n + 16 + DBUS_MAX + 256, answer, sizeof answer);
	is_int(converse(&d, bytes, n + 16 + DBUS_MAX + 256 + sizeof answer), 0,
		"a message that is too long is passed over");
	is_str(dbus_get_string(&d.in.body), "ok", "and the next one read");
}

int
main(void)
{
	test_call();
	test_values();
	test_cut();
	test_read(answer, "little-endian");
	test_read(big_answer, "big-endian");
	test_truncated();
	test_hostile();
	test_lengths();
	test_connection();
	return done_testing();
}
