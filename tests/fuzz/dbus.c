/* dbus: bytes against the reader of messages in base/dbus.
 *
 * Oracle: a second reader, written from the D-Bus Specification's "Message Format" without a look
 * at the first, gives the same verdict and the same header; and whatever is then asked of the body,
 * of types that its signature does not have as well, lies in the message.
 */
#include "base/dbus.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void
demand(int good)
{
	if (!good)
		abort();
}

/* --- the second reader: an offset that is beyond the end says that something was not there --- */

static const uint8_t *message;
static uint64_t end, at;
static int big;

static uint64_t
number(void)
{
	uint64_t value = 0;

	at = (at + 3) / 4 * 4;
	for (uint64_t i = 0; i < 4 && at + 4 <= end; i++)
		value |= (uint64_t)message[at + i] << (big ? 24 - 8 * i : 8 * i);
	at += 4;
	return value;
}

static uint64_t
byte(void)
{
	at++;
	return at <= end ? message[at - 1] : 0;
}

static const char *
text(uint64_t n)
{
	const char *start = (const char *)message + at;

	if (at <= end && n + 1 <= end - at && start[n] == '\0' && !memchr(start, '\0', (size_t)n)) {
		at += n + 1;
		return start;
	}
	at = UINT32_MAX;
	return "";
}

struct header {
	const char *member, *error, *signature;
	uint64_t reply_to;
};

static void
field(struct header *h)
{
	uint64_t code, value = 0;
	const char *type, *what = "";

	at = (at + 7) / 8 * 8;
	code = byte();
	type = text(byte());
	if (strcmp(type, "s") == 0 || strcmp(type, "o") == 0) {
		value = number();
		what = text(value);
		value = 0;
	} else if (strcmp(type, "g") == 0) {
		what = text(byte());
	} else if (strcmp(type, "u") == 0) {
		value = number();
	} else {
		at = UINT32_MAX;
	}
	switch (code) {
	case 3:
		h->member = what;
		break;
	case 4:
		h->error = what;
		break;
	case 5:
		h->reply_to = value;
		break;
	case 8:
		h->signature = what;
		break;
	}
}

/* Where its body begins; 0: malformed. */
static uint64_t
header(struct header *h, size_t size)
{
	uint64_t body, fields;

	*h = (struct header){"", "", "", 0};
	if (size < 16 || (message[0] != 'l' && message[0] != 'B') || message[3] != 1)
		return 0;
	big = message[0] == 'B';
	end = size, at = 4;
	body = number();
	at = 12;
	fields = number();
	if (16 + (fields + 7) / 8 * 8 + body != size)
		return 0;
	for (end = 16 + fields; at < end;)
		field(h);
	return at == end ? size - body : 0;
}

/* --- the body --- */

static void
inside(const char *string)
{
	const uint8_t *p = (const uint8_t *)string;

	demand(*string == '\0' || (p >= message && p + strlen(string) < message + end));
}

static void
ask(struct dbus_in in, const char *types)
{
	for (; *types; types++) {
		size_t before = in.pos;

		if (strchr("so", *types))
			inside(dbus_get_string(&in));
		else if (*types == 'g')
			inside(dbus_get_signature(&in));
		else
			(void)dbus_get(&in,
				strchr("xtd", *types)	       ? 8
					: strchr("nq", *types) ? 2
					: *types == 'y'	       ? 1
							       : 4);
		demand(in.pos >= before && in.pos <= in.len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dbus_message m;
	struct header h;
	uint64_t body;
	uint64_t length;

	message = data;
	if (size >= 16 && (length = dbus_length(data)) != 0)
		demand(length >= 16 && length <= 128 << 20);
	body = header(&h, size);
	demand((dbus_read(&m, data, size) == 0) == (body != 0));
	if (!body)
		return 0;
	end = size;
	demand(m.type == data[1] && m.reply_to == h.reply_to);
	demand(strcmp(m.member, h.member) == 0 && strcmp(m.error, h.error) == 0);
	demand(strcmp(m.signature, h.signature) == 0);
	demand(m.body.pos == body && m.body.len == size && m.body.big == big);
	ask(m.body, m.signature);
	ask(m.body, "uoss");
	ask(m.body, "gsygx");
	return 0;
}
