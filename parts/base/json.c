#include "base/json.h"

#include "base/arena.h"
#include "base/str.h"

#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define JSMN_HEADER
#define JSMN_PARENT_LINKS
#include <jsmn.h>

/* While jsmn runs its tokens mean what it says. Afterwards `end` of an object or array is the index
 * of the token behind it and everything in it, which makes json_next() a look-up. A string's end is
 * that of its unescaped text. `parent` is the object for a member's name, and the name for its
 * value. */

_Static_assert((JSON_TOKENS_STATIC & (JSON_TOKENS_STATIC - 1)) == 0, "see slots_for()");

static jsmntok_t static_tokens[JSON_TOKENS_STATIC] BUFFER;
static uint32_t static_slots[JSON_TOKENS_STATIC] BUFFER;

/* The mapping of a large document, if there is one. */
static void *mapping;
static size_t mapping_size;

/* Token i, for reading and for json.c's own changes. */
static jsmntok_t *
token(const struct json *j, uint32_t i)
{
	return (jsmntok_t *)j->tokens + i;
}

static bool
is_container(const jsmntok_t *t)
{
	return t->type == JSMN_OBJECT || t->type == JSMN_ARRAY;
}

static bool
is_name(const struct json *j, uint32_t i)
{
	int parent = token(j, i)->parent;

	return parent >= 0 && token(j, (uint32_t)parent)->type == JSMN_OBJECT;
}

/* --- storage -------------------------------------------------------------------------------- */

/* How many slots the table of names has: a power of two, at least two for each name, for of two
 * tokens at most one is a name. */
static uint32_t
slots_for(uint32_t tokens)
{
	uint32_t n = 16;

	while (n < tokens)
		n *= 2;
	return n;
}

/* Room for n tokens and their table of names, which is zeroed. */
static int
take_storage(struct err *e, struct json *j, uint32_t **slots)
{
	size_t tokens_size = j->n * sizeof(jsmntok_t);
	size_t slots_size = slots_for(j->n) * sizeof(uint32_t);

	if (mapping)
		(void)munmap(mapping, mapping_size); /* the document before this one was large */
	mapping = NULL;
	if (j->n <= JSON_TOKENS_STATIC) {
		j->tokens = static_tokens;
		*slots = static_slots;
		memset(static_slots, 0, slots_size);
		return 0;
	}
	mapping_size = tokens_size + slots_size;
	mapping = mmap(
		NULL, mapping_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapping == MAP_FAILED) {
		mapping = NULL;
		return fail_errno(e, "%s: memory for %u values", j->name, j->n);
	}
	j->tokens = mapping;
	*slots = (void *)((char *)mapping + tokens_size);
	return 0;
}

/* --- strings -------------------------------------------------------------------------------- */

static uint32_t
hex(const char *p)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++)
		value = value * 16 + (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
	return value;
}

static char *
put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*to++ = (char)(0xe0 | c >> 12);
		} else {
			*to++ = (char)(0xf0 | c >> 18);
			*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

/* One escape, known to be well-formed, from *from (behind the backslash) to `to`. */
static char *
unescape_one(char *to, const char **from)
{
	static const char letters[] = "bfnrt", values[] = "\b\f\n\r\t";
	const char *p = *from, *letter;
	uint32_t c;

	if (*p != 'u') {
		letter = strchr(letters, *p);
		*to++ = letter ? values[letter - letters] : *p;
		*from = p + 1;
		return to;
	}
	c = hex(p + 1);
	p += 5;
	if (c >= 0xd800 && c <= 0xdbff) {
		c = 0x10000 + ((c - 0xd800) << 10) + (hex(p + 2) - 0xdc00);
		p += 6;
	}
	*from = p;
	return put_utf8(to, c);
}

/* Makes a C string of a token: no escape is shorter than what it stands for, and the closing quote
 * has room for the NUL.  escapes: are there any in the document? */
static void
unescape(char *text, jsmntok_t *t, bool escapes)
{
	const char *from, *end = text + t->end;
	char *to = !escapes ? NULL : memchr(text + t->start, '\\', (size_t)(t->end - t->start));

	if (!to) {
		text[t->end] = '\0';
		return;
	}
	for (from = to; from < end;) {
		if (*from != '\\') {
			*to++ = *from++;
			continue;
		}
		from++;
		to = unescape_one(to, &from);
	}
	*to = '\0';
	t->end = (int)(to - text);
}

/* --- structure ------------------------------------------------------------------------------ */

/* Sets `end` of every container to the index behind its subtree: children before their parents. */
static void
link_subtrees(struct json *j)
{
	for (uint32_t i = 0; i < j->n; i++) {
		if (is_container(token(j, i)))
			token(j, i)->end = (int)i + 1;
	}
	for (uint32_t i = j->n; i-- > 1;) {
		jsmntok_t *parent = token(j, (uint32_t)token(j, i)->parent);
		int behind = (int)json_next(j, i);

		if (!is_container(parent)) /* a name: its object is what ends later */
			parent = token(j, (uint32_t)parent->parent);
		if (parent->end < behind)
			parent->end = behind;
	}
}

enum json_type
json_type(const struct json *j, uint32_t i)
{
	const jsmntok_t *t = token(j, i);

	switch (t->type) {
	case JSMN_OBJECT:
		return JSON_OBJECT;
	case JSMN_ARRAY:
		return JSON_ARRAY;
	case JSMN_STRING:
		return JSON_STRING;
	default:
		break;
	}
	switch (j->text[t->start]) {
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	}
	return JSON_NUMBER;
}

uint32_t
json_first(const struct json *j, uint32_t i)
{
	(void)j; /* the first child follows its parent, in every tree of tokens */
	return i + 1;
}

uint32_t
json_next(const struct json *j, uint32_t i)
{
	if (is_name(j, i))
		i++;
	return is_container(token(j, i)) ? (uint32_t)token(j, i)->end : i + 1;
}

uint32_t
json_count(const struct json *j, uint32_t i)
{
	return is_container(token(j, i)) ? (uint32_t)token(j, i)->size : 0;
}

const char *
json_string(const struct json *j, uint32_t i)
{
	return token(j, i)->type == JSMN_STRING ? j->text + token(j, i)->start : NULL;
}

/* A number's text and length; NULL when the token is no number. */
static const char *
number_text(const struct json *j, uint32_t i, size_t *len)
{
	const jsmntok_t *t = token(j, i);

	if (json_type(j, i) != JSON_NUMBER)
		return NULL;
	*len = (size_t)(t->end - t->start);
	if (*len != 2 || memcmp(j->text + t->start, "-0", 2) != 0)
		return j->text + t->start;
	*len = 1;
	return "0";
}

int
json_i64(const struct json *j, uint32_t i, int64_t *out)
{
	size_t len;
	const char *text = number_text(j, i, &len);

	return text ? str_i64_n(text, len, out) : -1;
}

int
json_u64(const struct json *j, uint32_t i, uint64_t *out)
{
	size_t len;
	const char *text = number_text(j, i, &len);

	return text ? str_u64_n(text, len, out) : -1;
}

int64_t
json_find(const struct json *j, uint32_t object, const char *name)
{
	uint32_t k = object + 1;

	if (json_type(j, object) != JSON_OBJECT)
		return -1;
	for (uint32_t n = json_count(j, object); n > 0; n--, k = json_next(j, k)) {
		if (str_equal(json_string(j, k), name))
			return (int64_t)k + 1;
	}
	return -1;
}

/* --- paths ---------------------------------------------------------------------------------- */

/* Which element of its array token i is. */
static uint32_t
element_of(const struct json *j, uint32_t array, uint32_t i)
{
	uint32_t n = 0;

	for (uint32_t k = array + 1; k < i; k = json_next(j, k))
		n++;
	return n;
}

static bool
is_plain(const char *name)
{
	return *name &&
		str_span(
			name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
		strlen(name);
}

static void
add_name(struct str *s, const char *name)
{
	if (!is_plain(name))
		(void)str_add(s, "[\"%s\"]", name);
	else
		(void)str_add(s, "%s%s", s->len > 0 ? "." : "", name);
}

int
json_path(const struct json *j, uint32_t i, char *buf, size_t size)
{
	uint32_t chain[2 * JSON_DEPTH_MAX + 2];
	struct str s = str_in(buf, size);
	size_t n = 0;

	for (int at = (int)i; at > 0 && n < sizeof(chain) / sizeof(chain[0]);
		at = token(j, i)->parent) {
		i = (uint32_t)at;
		chain[n++] = i;
	}
	while (n > 0) {
		i = chain[--n];
		if (is_name(j, i))
			add_name(&s, json_string(j, i));
		else if (token(j, (uint32_t)token(j, i)->parent)->type == JSMN_ARRAY)
			(void)str_add(&s, "[%u]",
				element_of(j, (uint32_t)token(j, i)->parent, i)); /* s.cut tells */
	}
	return s.cut ? -1 : (int)s.len;
}

/* --- names given twice ---------------------------------------------------------------------- */

static uint64_t
rotate(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 of a name under a key: who writes the document must not be able to choose names that
 * collide, for that would make the table quadratic. */
static uint64_t
hash(const uint64_t key[2], const char *p, size_t len)
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
	uint64_t word, last = (uint64_t)len << 56;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	while (len-- > 0)
		last |= (uint64_t)(unsigned char)p[len] << 8 * len;
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Sixteen random bytes that the kernel gives to every program. */
static void
take_key(uint64_t key[2])
{
	const void *random = (const void *)getauxval(AT_RANDOM);

	key[0] = key[1] = 0;
	if (random)
		memcpy(key, random, 16);
}

static bool
same_name(const struct json *j, uint32_t a, uint32_t b)
{
	const jsmntok_t *s = token(j, a), *t = token(j, b);

	return s->parent == t->parent && s->end - s->start == t->end - t->start &&
		memcmp(j->text + s->start, j->text + t->start, (size_t)(s->end - s->start)) == 0;
}

static int
refuse_twice(struct err *e, const struct json *j, uint32_t i)
{
	char path[1024];

	(void)json_path(j, i, path, sizeof(path)); /* a long one is cut: it is for the reader */
	return fail(e, "%s: %s: given twice", j->name, path);
}

/* One table for the whole document: a name is met again if object and text are the same. A slot is
 * 0 when free, for token 0 is no name. */
static int
refuse_duplicates(struct err *e, const struct json *j, uint32_t *slots)
{
	uint32_t mask = slots_for(j->n) - 1, at;
	uint64_t key[2], object_key[2];

	take_key(key);
	for (uint32_t i = 1; i < j->n; i++) {
		const jsmntok_t *t = token(j, i);

		if (!is_name(j, i))
			continue;
		object_key[0] = key[0] ^ (uint64_t)(unsigned int)t->parent;
		object_key[1] = key[1];
		at = (uint32_t)hash(object_key, j->text + t->start, (size_t)(t->end - t->start)) &
			mask;
		for (; slots[at]; at = (at + 1) & mask) {
			if (same_name(j, slots[at], i))
				return refuse_twice(e, j, i);
		}
		slots[at] = i;
	}
	return 0;
}

/* --- reading -------------------------------------------------------------------------------- */

int
json_read(struct err *e, struct json *j, char *text, size_t len, const char *name)
{
	jsmn_parser parser;
	uint32_t *slots = NULL;
	bool escapes = memchr(text, '\\', len);
	int made;

	*j = (struct json){.text = text, .len = len, .name = name};
	TRY(json_check(e, text, len, name, &j->n));
	TRY(take_storage(e, j, &slots));
	jsmn_init(&parser);
	made = jsmn_parse(&parser, text, len, j->tokens, j->n);
	if (made < 0 || (uint32_t)made != j->n)
		return fail(
			e, "%s: %u values counted, but the tokenizer says %d", name, j->n, made);
	for (uint32_t i = 0; i < j->n; i++) {
		if (token(j, i)->type == JSMN_STRING)
			unescape(text, token(j, i), escapes);
	}
	link_subtrees(j);
	return refuse_duplicates(e, j, slots);
}
