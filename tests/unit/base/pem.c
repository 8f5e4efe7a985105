#include "base/pem.h"

#include "tap.h"

static struct err e;

static void
decodes(const char *text, const char *want)
{
	uint8_t out[16] = {0};
	ssize_t n = base64_decode(text, strlen(text), out, sizeof out);

	if (!want) {
		is_int(n, -1, "\"%s\" is no base64", text);
		return;
	}
	is_int(n, (long long)strlen(want), "length of \"%s\"", text);
	ok(memcmp(out, want, strlen(want)) == 0, "its bytes");
}

/* The vectors are those of RFC 4648, section 10. */
static void
base64(void)
{
	uint8_t out[3];

	decodes("", "");
	decodes("Zg==", "f");
	decodes("Zm8=", "fo");
	decodes("Zm9v", "foo");
	decodes("Zm9vYg==", "foob");
	decodes("Zm9vYmE=", "fooba");
	decodes("Zm9vYmFy", "foobar");
	decodes("+/+/", "\xfb\xff\xbf");
	decodes("Zm9v\nYmFy\n", "foobar");
	decodes("Zm9\r\nvYmFy\r\n", "foobar");
	decodes("Zg=\n=\n", "f");
	decodes("\n", "");
	decodes("Z", NULL);
	decodes("Zg", NULL);
	decodes("Zg=", NULL);
	decodes("Zm8", NULL);
	decodes("Zg===", NULL);
	decodes("Z===", NULL);
	decodes("====", NULL);
	decodes("Zm9v====", NULL);
	decodes("Zg==Zg==", NULL);
	decodes("Zh==", NULL);
	decodes("Zm9=", NULL);
	decodes("Zm 9v", NULL);
	decodes("Zm9v\r", NULL);
	decodes("Zm-v", NULL);
	decodes("Zm\xc3v", NULL);
	is_int(base64_decode("Zm9v\0", 5, out, 3), -1, "a NUL is no base64");
	is_int(base64_decode("Zm9v", 4, out, 3), 3, "what fits exactly");
	is_int(base64_decode("Zm9vYg==", 8, out, 3), -1, "a byte too many");
}

static uint8_t bytes[PEM_BYTES_MAX];
static char label[PEM_LABEL_MAX];
static const char *at;
static size_t left;

static ssize_t
read_pem(const char *text)
{
	at = text;
	left = strlen(text);
	e.text[0] = '\0';
	return pem_read(&e, &at, &left, label, bytes);
}

static void
refused(const char *text, const char *why, const char *its_label)
{
	is_int(read_pem(text), -1, "refused");
	is_str(e.text, why, "why");
	is_str(label, its_label, "its label");
}

int
main(void)
{
	base64();
	is_int(read_pem("-----BEGIN A KEY-----\nZm9v\n-----END A KEY-----\n"), 3, "a block");
	is_str(label, "A KEY", "its label");
	ok(memcmp(bytes, "foo", 3) == 0, "its bytes");
	is_int(left, 0, "nothing left");
	is_int(read_pem("-----BEGIN A-----\r\nZm9v\r\n-----END A-----\r\nmore"), 3, "DOS lines");
	is_str(at, "more", "what is left");
	is_int(read_pem("-----BEGIN A-----\nZm9v\n-----END A-----"), 3, "no last line end");
	is_int(left, 0, "nothing left");
	is_int(read_pem("-----BEGIN A-----\nZm9v\n-----END A-----\n\n"), 3, "an empty line");
	is_int(left, 1, "is left");

	refused("", "not in PEM", "");
	refused("\n-----BEGIN A-----\nZm9v\n-----END A-----\n", "not in PEM", "");
	refused("-----BEGIN -----\nZm9v\n-----END -----\n", "not in PEM", "");
	refused("-----BEGIN a-----\nZm9v\n-----END a-----\n", "not in PEM", "");
	refused("-----BEGIN A----\nZm9v\n-----END A-----\n", "not in PEM", "");
	refused("-----BEGIN A23456789012345678901234567890123456789012345678-----\nZm9v\n",
		"not in PEM", "");
	refused("-----BEGIN A-----\n-----END A-----\n", "A: not base64", "A");
	refused("-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n-----END A-----\n",
		"A: no line that ends it", "A");
	refused("-----BEGIN A-----\nZm9\n-----END A-----\n", "A: not base64", "A");
	refused("-----BEGIN A-----\nZm9v\n", "A: no line that ends it", "A");
	refused("-----BEGIN A-----\nZm9v\n-----END B-----\n", "A: no line that ends it", "A");
	refused("-----BEGIN A-----\nZm9v\n-----END A----\n", "A: no line that ends it", "A");
	return done_testing();
}
