#include "spec/fields.h"

#include "base/str.h"
#include "spec/policy.h"

/* What the words of a row in fields.def mean:
 *
 *     ROW       stored in a member of struct TAG
 *     WORD      the same, a word of a list
 *     U32S      an array of numbers
 *     OBJECT    an object stored in a member of its own; HERE: among the members of the outer one
 *     LIST      an array of objects; MAP: an object of them, whose key is the first member
 *     REFUSED   what this version does not carry out: stored nowhere; WITHIN: with rows of its own
 *
 * and then what is not as usual. */
#define ROW(name, json, need, tag, member, ...) \
	F(name, json, need, .at = AT(TYPE_##json, tag, member), ##__VA_ARGS__)
#define WORD(name, json, need, tag, member, list, ...) \
	ROW(name, json, need, tag, member, .of = WORDS_##list, ##__VA_ARGS__)
#define U32S(name, need, tag, member, ...) \
	F(name, U32S, need, .at = AT_LIST(uint32_t, tag, member), ##__VA_ARGS__)
#define OBJECT(name, need, tag, member, type, rows, ...) \
	F(name, OBJECT, need, .at = AT(type, tag, member), .of = OBJECT_##rows, ##__VA_ARGS__)
#define HERE(name, need, rows, ...) F(name, OBJECT, need, .of = OBJECT_##rows, ##__VA_ARGS__)
#define LIST(name, need, tag, member, type, rows, ...) \
	F(name, LIST, need, .at = AT_LIST(type, tag, member), .of = OBJECT_##rows, ##__VA_ARGS__)
#define MAP(name, need, tag, member, type, rows, ...) \
	F(name, MAP, need, .at = AT_LIST(type, tag, member), .of = OBJECT_##rows, ##__VA_ARGS__)
#define NAMESPACES(name, need, tag, member, rows) \
	ROW(name, NAMESPACES, need, tag, member, .of = OBJECT_##rows)
#define REFUSED(name, json, need, ...) F(name, json, need, .status = FIELD_REFUSED, ##__VA_ARGS__)
#define WITHIN(name, json, need, rows, ...) \
	REFUSED(name, json, need, .of = OBJECT_##rows, ##__VA_ARGS__)

#define SET(tag, member) .set = (uint16_t)(1 + AT(bool, tag, member))
#define RANGE(which) .range = RANGE_##which
#define UNSET .flags = FIELD_UNSET
#define WHOLE .flags = FIELD_WHOLE

/* An object that is no element of a list needs no size. */
#define BEGIN_INNER(o) BEGIN(o, char)

/* The type of the member that a kind is stored in */
#define TYPE_STRING const char *
#define TYPE_DIGEST const char *
#define TYPE_BOOL bool
#define TYPE_U16 uint16_t
#define TYPE_U32 uint32_t
#define TYPE_I32 int32_t
#define TYPE_U64 uint64_t
#define TYPE_I64 int64_t
#define TYPE_WORD int
#define TYPE_FLAGS uint32_t
#define TYPE_LETTER char
#define TYPE_ACCESS uint8_t
#define TYPE_STRINGS struct strings
#define TYPE_WORDS uint64_t
#define TYPE_CAPABILITIES uint64_t
#define TYPE_PAIRS struct pairs
#define TYPE_NAMESPACES struct spec_namespace *

/* 0, or no constant at all when the condition does not hold */
#define MUST(condition) (0 * sizeof(char[(condition) ? 1 : -1]))

/* The offset of a member that must have the type */
#define AT(type, tag, member) \
	((uint16_t)(offsetof(struct tag, member) + \
		MUST(_Generic(((struct tag *)0)->member, type : 1, default : 0))))

/* The same of the pair { TYPE *at; uint32_t n; } */
#define AT_LIST(type, tag, member) \
	((uint16_t)(AT(type *, tag, member.at) + \
		MUST(offsetof(struct tag, member.n) == \
			offsetof(struct tag, member.at) + sizeof(void *)) + \
		MUST(_Generic(((struct tag *)0)->member.n, uint32_t : 1, default : 0))))

/* -- the columns: each reading of fields.def has its own F, BEGIN and END
 * -------------------------- */

enum {
#define BEGIN(o, type) OBJECT_##o,
#define F(...)
#define END
#include "spec/fields.def"
#undef BEGIN
#undef F
#undef END
	OBJECTS,
};

/* Where the rows of an object begin and end */
enum {
#define BEGIN(o, type) ROW_##o, LAST_##o = ROW_##o - 1
#define F(...) +1
#define END ,
#include "spec/fields.def"
#undef BEGIN
#undef F
};

/* Where its names begin and end in the text of all names */
enum {
#define BEGIN(o, type) TEXT_##o, BACK_##o = TEXT_##o - 1
#define F(name, ...) +(int)sizeof(name)
#include "spec/fields.def"
#undef BEGIN
#undef F
#undef END
};

static const char names[] =
#define BEGIN(o, type)
#define F(name, ...) name "\0"
#define END
#include "spec/fields.def"
#undef F
	;

static const uint8_t sizes[] = {
#define BEGIN(o, type)
#define F(name, ...) sizeof(name),
#define END
#include "spec/fields.def"
#undef F
};

static const struct field rows[] = {
#define F(name, json, how, ...) {.kind = KIND_##json, .need = NEED_##how, ##__VA_ARGS__},
#include "spec/fields.def"
#undef BEGIN
#undef F
};

static const struct object objects[OBJECTS] = {
#define BEGIN(o, type) {ROW_##o, TEXT_##o, sizeof(type), LAST_##o - ROW_##o + 1},
#define F(...)
#include "spec/fields.def"
#undef BEGIN
#undef F
#undef END
};

const struct object *
fields_config(void)
{
	return &objects[OBJECT_config];
}

const struct object *
fields_process(void)
{
	return &objects[OBJECT_process];
}

const struct object *
fields_resources(void)
{
	return &objects[OBJECT_resources];
}

const struct object *
fields_policy(void)
{
	return &objects[OBJECT_policy];
}

const struct object *
fields_manifest(void)
{
	return &objects[OBJECT_manifest];
}

const struct object *
fields_inner(const struct field *row)
{
	return &objects[row->of];
}

const struct field *
fields_rows(const struct object *o)
{
	return &rows[o->row];
}

const char *
fields_names(const struct object *o)
{
	return names + o->text;
}

int
fields_find(const struct object *o, const char *name)
{
	return str_index(names + o->text, sizes + o->row, o->n, name);
}

void
fields_initial(const struct object *o, void *to)
{
	if (o == &objects[OBJECT_device])
		*(struct spec_device *)to =
			(struct spec_device){.major = -1, .minor = -1, .file_mode = 0666};
	else if (o == &objects[OBJECT_device_rule]) /* CD-1: -1 is any */
		*(struct spec_device_rule *)to = (struct spec_device_rule){
			.type = 'a', .major = -1, .minor = -1, .access = DEVICE_ALL};
}

/* makedev(3): the kernel has 12 bits for major and 20 for minor numbers; -1 is "any" in a rule */
enum { MAJOR_MAX = 0xfff, MINOR_MAX = 0xfffff };

static const struct fields_limits limits_of_range[RANGES] = {
	[RANGE_NONE] = {INT64_MIN, UINT64_MAX},
	/* (uid_t)-1 means "no change" to the kernel: it is not an id (PR-13, security.md section 9)
	 */
	[RANGE_ID] = {0, UINT32_MAX - 1},
	[RANGE_POSITIVE] = {1, UINT64_MAX},
	[RANGE_LIMIT] = {-1, INT64_MAX},
	[RANGE_PERCENT] = {0, 100},
	[RANGE_FLAG] = {0, 1},
	[RANGE_IO_PRIORITY] = {0, 7},
	[RANGE_NANOSECONDS] = {0, 999999999},
	[RANGE_MAJOR] = {0, MAJOR_MAX},
	[RANGE_MINOR] = {0, MINOR_MAX},
	[RANGE_MAJOR_OR_ANY] = {-1, MAJOR_MAX},
	[RANGE_MINOR_OR_ANY] = {-1, MINOR_MAX},
	[RANGE_PCR] = {0, 23},
	[RANGE_EXACT] = {0, (UINT64_C(1) << 53) - 1},
};

static struct fields_limits
limits_of_kind(enum kind kind)
{
	switch (kind) {
	case KIND_U16:
		return (struct fields_limits){0, UINT16_MAX};
	case KIND_I32:
		return (struct fields_limits){INT32_MIN, INT32_MAX};
	case KIND_U64:
		return (struct fields_limits){0, UINT64_MAX};
	case KIND_I64:
		return (struct fields_limits){INT64_MIN, INT64_MAX};
	default:
		return (struct fields_limits){0, UINT32_MAX};
	}
}

struct fields_limits
fields_limits(const struct field *row)
{
	struct fields_limits limits = limits_of_kind(row->kind);
	const struct fields_limits *own = &limits_of_range[row->range];

	if (own->min > limits.min)
		limits.min = own->min;
	if (own->max < limits.max)
		limits.max = own->max;
	return limits;
}
