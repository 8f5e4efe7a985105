#include "base/pem.h"

#include <stdbool.h>
#include <string.h>

/* The value of a letter, -1: it is none. */
static int
letter(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Is there an end of a line?  How many bytes it has. */
static size_t
line_end(const char *text, size_t len)
{
	if (len >= 1 && *text == '\n')
		return 1;
	return len >= 2 && text[0] == '\r' && text[1] == '\n' ? 2 : 0;
}

ssize_t
base64_decode(const char *text, size_t len, uint8_t *out, size_t max)
{
	uint32_t bits = 0;
	size_t i = 0, n = 0, letters = 0, padding = 0, skip;

	for (; i < len; i++) {
		int value = letter(text[i]);

		skip = line_end(text + i, len - i);
		if (skip > 0) {
			i += skip - 1;
			continue;
		}
		if (text[i] == '=')
			padding++;
		if (padding > 0 ? text[i] != '=' : value < 0)
			return -1;
		letters++;
		if (padding > 0)
			continue;
		bits = bits << 6 | (uint32_t)value;
		if (letters % 4 == 1)
			continue;
		if (n == max)
			return -1;
		out[n++] = (uint8_t)(bits >> (8 - letters * 2 % 8) % 8);
	}
	/* what is left of the last letter is the spare bits: 4 after two letters, 2 after three */
	if (letters % 4 != 0 || padding > 2 || (padding > 0 && bits & ((1u << 2 * padding) - 1)))
		return -1;
	return (ssize_t)n;
}

/* Is text this word? Goes on behind it. */
static bool
take(const char **text, size_t *len, const char *word)
{
	size_t n = strlen(word);

	if (*len < n || memcmp(*text, word, n) != 0)
		return false;
	*text += n;
	*len -= n;
	return true;
}

/* "LABEL-----", into label. */
static bool
take_label(const char **text, size_t *len, char label[PEM_LABEL_MAX])
{
	size_t n = 0;

	while (n < *len && n < PEM_LABEL_MAX - 1 &&
		((*text)[n] == ' ' || ((*text)[n] >= '0' && (*text)[n] <= '9') ||
			((*text)[n] >= 'A' && (*text)[n] <= 'Z')))
		n++;
	memcpy(label, *text, n);
	label[n] = '\0';
	*text += n;
	*len -= n;
	return n > 0 && take(text, len, "-----");
}

ssize_t
pem_read(struct err *e, const char **text, size_t *len, char label[PEM_LABEL_MAX],
	uint8_t out[PEM_BYTES_MAX])
{
	const char *body;
	ssize_t n;

	label[0] = '\0';
	if (!take(text, len, "-----BEGIN ") || !take_label(text, len, label)) {
		label[0] = '\0';
		return fail(e, "not in PEM");
	}
	for (body = *text; *len > 0 && **text != '-'; ++*text)
		--*len;
	n = base64_decode(body, (size_t)(*text - body), out, PEM_BYTES_MAX);
	if (n <= 0)
		return fail(e, "%s: not base64", label);
	if (!take(text, len, "-----END ") || !take(text, len, label) || !take(text, len, "-----"))
		return fail(e, "%s: no line that ends it", label);
	if (!take(text, len, "\n"))
		(void)take(text, len, "\r\n"); /* the last line may lack its end */
	return n;
}
