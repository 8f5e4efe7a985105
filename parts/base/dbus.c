#include "base/dbus.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum {
	FIELD_PATH = 1,
	FIELD_INTERFACE,
	FIELD_MEMBER,
	FIELD_ERROR,
	FIELD_REPLY_TO,
	FIELD_SIGNATURE = 8,
	HEADER = 16,		 /* bytes before the fields */
	MESSAGE_MAX = 128 << 20, /* bytes: the protocol's own limit */
	LINE_MAX_BYTES = 128,	 /* of the authentication */
	RETRY_MS = 20,		 /* a full queue of connections */
};

/* -- building ---------------------------------------------------------------------------------- */

static void
add(struct dbus_out *o, const void *bytes, size_t n)
{
	o->cut |= n > o->max - o->len;
	if (o->cut)
		return;
	memcpy(o->at + o->len, bytes, n);
	o->len += n;
}

static void
pad(struct dbus_out *o, size_t align)
{
	static const uint8_t zeros[8];

	add(o, zeros, -o->len & (align - 1));
}

static void
number_at(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

void
dbus_put(struct dbus_out *o, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	number_at(bytes, value, size);
	pad(o, size);
	add(o, bytes, size);
}

void
dbus_put_string(struct dbus_out *o, const char *text)
{
	size_t n = strlen(text);

	dbus_put(o, n, 4);
	add(o, text, n + 1);
}

void
dbus_put_signature(struct dbus_out *o, const char *signature)
{
	size_t n = strlen(signature);

	dbus_put(o, n, 1);
	add(o, signature, n + 1);
}

void
dbus_put_struct(struct dbus_out *o)
{
	pad(o, 8);
}

size_t
dbus_put_array(struct dbus_out *o, size_t align)
{
	size_t array;

	dbus_put(o, 0, 4);
	array = o->len - 4;
	pad(o, align);
	return array;
}

void
dbus_put_array_end(struct dbus_out *o, size_t array, size_t align)
{
	size_t start = (array + 4 + align - 1) & ~(align - 1);

	if (!o->cut)
		number_at(o->at + array, o->len - start, 4);
}

static void
put_field(struct dbus_out *o, uint8_t field, const char *type, const char *text)
{
	dbus_put_struct(o);
	dbus_put(o, field, 1);
	dbus_put_signature(o, type);
	if (*type == 'g')
		dbus_put_signature(o, text);
	else
		dbus_put_string(o, text);
}

void
dbus_begin(struct dbus_out *o, uint32_t serial, const char *object, const char *interface,
	const char *member, const char *signature)
{
	static const uint8_t call[] = {'l', 1, 0, 1, 0, 0, 0, 0};
	size_t fields;

	o->len = 0;
	add(o, call, sizeof call);
	dbus_put(o, serial, 4);
	fields = dbus_put_array(o, 8);
	put_field(o, FIELD_PATH, "o", object);
	put_field(o, FIELD_INTERFACE, "s", interface);
	put_field(o, FIELD_MEMBER, "s", member);
	put_field(o, FIELD_SIGNATURE, "g", signature);
	dbus_put_array_end(o, fields, 8);
	pad(o, 8);
	o->body = o->len;
}

void
dbus_end(struct dbus_out *o)
{
	if (!o->cut)
		number_at(o->at + 4, o->len - o->body, 4);
}

/* -- reading ----------------------------------------------------------------------------------- */

/* The next n bytes, aligned; NULL: they are not there. */
static const uint8_t *
take(struct dbus_in *in, size_t n, size_t align)
{
	size_t from = (in->pos + align - 1) & ~(align - 1);

	in->bad |= from > in->len || n > in->len - from;
	if (in->bad)
		return NULL;
	in->pos = from + n;
	return in->at + from;
}

uint64_t
dbus_get(struct dbus_in *in, size_t size)
{
	const uint8_t *at = take(in, size, size);
	uint64_t value = 0;

	for (size_t i = 0; at && i < size; i++)
		value |= (uint64_t)at[i] << 8 * (in->big ? size - 1 - i : i);
	return value;
}

/* Exactly n bytes and their NUL */
static const char *
get_text(struct dbus_in *in, uint64_t n)
{
	const uint8_t *at = take(in, (size_t)n + 1, 1);

	in->bad |= at && memchr(at, '\0', (size_t)n + 1) != at + n;
	return in->bad ? "" : (const char *)at;
}

const char *
dbus_get_string(struct dbus_in *in)
{
	return get_text(in, dbus_get(in, 4));
}

const char *
dbus_get_signature(struct dbus_in *in)
{
	return get_text(in, dbus_get(in, 1));
}

static bool
read_lengths(struct dbus_in *in, const uint8_t *first, size_t len, uint64_t *body, uint64_t *fields)
{
	*in = (struct dbus_in){.at = first, .pos = 4, .len = len, .big = first[0] == 'B'};
	*body = dbus_get(in, 4);
	(void)dbus_get(in, 4); /* its serial */
	*fields = dbus_get(in, 4);
	return (first[0] == 'l' || in->big) && first[3] == 1 && !in->bad;
}

uint64_t
dbus_length(const uint8_t first[16])
{
	struct dbus_in in;
	uint64_t body, fields, all;

	if (!read_lengths(&in, first, HEADER, &body, &fields))
		return 0;
	all = HEADER + ((fields + 7) & ~UINT64_C(7)) + body;
	return all <= MESSAGE_MAX ? all : 0;
}

/* One field of the header; whatever has another type than we know is malformed. */
static void
read_field(struct dbus_in *in, struct dbus_message *m)
{
	uint64_t field;
	const char *type, *text = "";
	uint32_t number = 0;

	(void)take(in, 0, 8);
	field = dbus_get(in, 1);
	type = dbus_get_signature(in);
	if (str_equal(type, "u"))
		number = (uint32_t)dbus_get(in, 4);
	else if (str_equal(type, "g"))
		text = dbus_get_signature(in);
	else if (str_equal(type, "s") || str_equal(type, "o"))
		text = dbus_get_string(in);
	else
		in->bad = true;
	if (field == FIELD_MEMBER)
		m->member = text;
	else if (field == FIELD_ERROR)
		m->error = text;
	else if (field == FIELD_SIGNATURE)
		m->signature = text;
	else if (field == FIELD_REPLY_TO)
		m->reply_to = number;
}

int
dbus_read(struct dbus_message *m, const uint8_t *at, size_t len)
{
	struct dbus_in in;
	uint64_t body, fields;

	*m = (struct dbus_message){.member = "", .error = "", .signature = ""};
	if (len < HEADER || dbus_length(at) != len || !read_lengths(&in, at, len, &body, &fields))
		return -1;
	m->type = at[1];
	in.len = HEADER + (size_t)fields;
	while (in.pos < in.len && !in.bad)
		read_field(&in, m);
	if (in.bad)
		return -1;
	m->body = (struct dbus_in){.at = at, .pos = len - (size_t)body, .len = len, .big = in.big};
	return 0;
}

/* -- the connection ---------------------------------------------------------------------------- */

/* Until the socket is ready, or the deadline has come. */
static int
wait_for(struct err *e, const struct dbus *d, short events)
{
	struct pollfd p = {.fd = d->fd, .events = events};
	int64_t left = d->deadline - clock_ms();

	if (left > 0 && (poll(&p, 1, (int)left) > 0 || errno == EINTR))
		return 0;
	errno = ETIMEDOUT;
	return fail_errno(e, "no answer");
}

/* All n bytes of one direction. */
static int
move(struct err *e, const struct dbus *d, void *bytes, size_t n, bool out)
{
	char *at = bytes;

	while (n > 0) {
		ssize_t got = out ? send(d->fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT)
				  : recv(d->fd, at, n, MSG_DONTWAIT);

		if (got == 0)
			return fail(e, "the connection was closed");
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return fail_errno(e, "connection");
		if (got < 0)
			TRY(wait_for(e, d, out ? POLLOUT : POLLIN));
		else
			at += got, n -= (size_t)got;
	}
	return 0;
}

/* EXTERNAL without a name: the peer takes the user of the socket, which is right in a user
 * namespace too, where our own id is another than the one that the peer sees.  It asks for the name
 * (older ones do not) and agrees: two lines.  All in one piece: a message that came together with
 * BEGIN would lie in sd-bus's buffer until something else comes, so ours must be sent when BEGIN
 * has been read. */
static int
authenticate(struct err *e, const struct dbus *d)
{
	static char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
	char line[LINE_MAX_BYTES];

	TRY(move(e, d, hello, sizeof hello - 1, true));
	for (int lines = 0; lines < 2; lines++) {
		size_t len = 0;

		do {
			if (len == sizeof line)
				return fail(e, "authentication: an endless line");
			TRY(move(e, d, line + len, 1, false));
		} while (line[len++] != '\n');
	}
	return str_starts(line, "OK") ? 0 : fail(e, "authentication was refused");
}

int
dbus_connect(struct err *e, struct dbus *d, const char *path, int ms)
{
	d->deadline = clock_ms() + ms;
	while ((d->fd = fd_connect_unix(e, path, SOCK_STREAM | SOCK_NONBLOCK)) < 0) {
		if (e->number != EAGAIN || clock_ms() >= d->deadline)
			return -1;
		clock_sleep(RETRY_MS);
	}
	if (authenticate(e, d) == 0)
		return 0;
	fd_close(&d->fd);
	return context(e, "%s", path);
}

int
dbus_receive(struct err *e, struct dbus *d)
{
	static uint8_t in[DBUS_MAX] BUFFER;
	uint64_t left;

	for (;;) {
		TRY(move(e, d, in, HEADER, false));
		left = dbus_length(in);
		if (left > 0 && left <= sizeof in) {
			TRY(move(e, d, in + HEADER, (size_t)left - HEADER, false));
			if (dbus_read(&d->in, in, (size_t)left) == 0)
				return 0;
			left = 0;
		}
		if (left == 0)
			return fail(e, "a malformed message");
		for (left -= HEADER; left > 0;) {
			size_t part = left < sizeof in ? (size_t)left : sizeof in;

			TRY(move(e, d, in, part, false));
			left -= part;
		}
	}
}

int
dbus_call(struct err *e, struct dbus *d)
{
	struct dbus_message *m = &d->in;

	m->error = "";
	if (d->out.cut)
		return fail(e, "a message of more than %d bytes", DBUS_MAX);
	dbus_end(&d->out);
	TRY(move(e, d, d->out.at, d->out.len, true));
	do
		TRY(dbus_receive(e, d));
	while (m->reply_to != d->serial || (m->type != DBUS_RETURN && m->type != DBUS_ERROR));
	if (m->type == DBUS_RETURN)
		return 0;
	if (!*m->error)
		m->error = "?";
	return fail(e, "%s", *m->signature == 's' ? dbus_get_string(&m->body) : m->error);
}
