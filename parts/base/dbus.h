/* dbus: messages of D-Bus, and a connection on which one side has just one question at a time.
 *
 * Contract: a message is built in, and a received one read from, a buffer of DBUS_MAX bytes; what
 * does not fit is noted and no memory is taken.  Whatever the peer writes is hostile: each length
 * is checked against what is there.  We write little-endian and read both.  Every wait ends at the
 * connection's deadline, in milliseconds of clock_ms().
 *
 * Floor: base (uses clock, err, fdsock, str, sys).  Runs in: any process.
 * Spec: the D-Bus Specification 0.38, "Type System", "Message Protocol", "Authentication Protocol".
 */
#ifndef BASE_DBUS_H
#define BASE_DBUS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DBUS_MAX = 1 << 15 }; /* bytes of a message; what is received may be longer: passed over */

/* -- building: a value is aligned by its type; nothing is written behind the end ----------------
 */

struct dbus_out {
	uint8_t *at;
	size_t len, max, body; /* bytes used; bytes of the buffer; where the body begins */
	bool cut;	       /* it did not fit */
};

/* The header of a call to an object.  Its signature is that of the body which follows. */
void dbus_begin(struct dbus_out *o, uint32_t serial, const char *object, const char *interface,
	const char *member, const char *signature);

/* What is behind the last value: the message is complete. */
void dbus_end(struct dbus_out *o);

/* A number of 1, 2, 4 or 8 bytes (y, nq, biu, xt); a string (s, o); a signature (g); the start of a
 * struct. */
void dbus_put(struct dbus_out *o, uint64_t value, size_t size);
void dbus_put_string(struct dbus_out *o, const char *text);
void dbus_put_signature(struct dbus_out *o, const char *signature);
void dbus_put_struct(struct dbus_out *o);

/* An array whose elements are aligned to so many bytes: what opens it gives what closes it. */
size_t dbus_put_array(struct dbus_out *o, size_t align);
void dbus_put_array_end(struct dbus_out *o, size_t array, size_t align);

/* -- reading ------------------------------------------------------------------------------------
 */

struct dbus_in {
	const uint8_t *at;
	size_t pos, len; /* pos: counted from the message's begin, as alignment is */
	bool big, bad;	 /* big-endian; something was not there: it was read as 0 or "" */
};

enum { DBUS_RETURN = 2, DBUS_ERROR = 3, DBUS_SIGNAL = 4 };

struct dbus_message {
	uint32_t type, reply_to;
	const char *member, *error, *signature; /* "": none */
	struct dbus_in body;
};

uint64_t dbus_get(struct dbus_in *in, size_t size);
const char *dbus_get_string(struct dbus_in *in);
const char *dbus_get_signature(struct dbus_in *in);

/* How many bytes the message has of which the first 16 are given; 0: they are not of one. */
uint64_t dbus_length(const uint8_t first[16]);

/* Takes a whole message apart; its strings lie in it.  0, or -1: it is malformed. */
int dbus_read(struct dbus_message *m, const uint8_t *at, size_t len);

/* -- the connection -----------------------------------------------------------------------------
 */

struct dbus {
	int fd;		  /* -1: closed */
	int64_t deadline; /* of everything that follows */
	uint32_t serial;  /* of the last call */
	struct dbus_out out;
	struct dbus_message in; /* the last that came, good until the next one */
};

/* Connects to a socket and says who we are, by our credentials alone; d->fd is the caller's. */
int dbus_connect(struct err *e, struct dbus *d, const char *path, int ms);

/* Sends what is in d->out and waits for the answer; signals in between are passed over.  The error
 * is the peer's own text when it is the peer that refuses: then d->in.error is not empty. */
int dbus_call(struct err *e, struct dbus *d);

/* Waits for the next message. */
int dbus_receive(struct err *e, struct dbus *d);

#endif
