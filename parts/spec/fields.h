/* fields: the properties of the documents, one row each.
 *
 * Contract: tables only, made from fields.def.  A row says how a property is spelled, what JSON it
 * must be, whether it must be there, what becomes of it and where in the structs of spec/view it is
 * stored; the macros that make rows let the compiler compare the member's type with the kind.
 * spec/view interprets the rows.  They hold no pointers, which a static PIE would have to relocate.
 *
 * Floor: spec (uses words, spec/view).  Runs in: any process; pure.
 * Spec: config.md, config-linux.md, config-vm.md; the JSON schemas.
 */
#ifndef SPEC_FIELDS_H
#define SPEC_FIELDS_H

#include "spec/manifest.h"
#include "spec/view.h"

#include <stdint.h>

/* What JSON a property must be, and as what it is stored. */
enum kind {
	KIND_STRING,	   /* const char *, a slice of the text */
	KIND_DIGEST,	   /* a string of hexadecimal digits, that of a SHA-256: const char * */
	KIND_BOOL,	   /* bool */
	KIND_U16,	   /* uint16_t */
	KIND_U32,	   /* uint32_t */
	KIND_I32,	   /* int32_t */
	KIND_U64,	   /* uint64_t */
	KIND_I64,	   /* int64_t */
	KIND_WORD,	   /* a string of .words: int */
	KIND_FLAGS,	   /* a string of .words: uint32_t */
	KIND_LETTER,	   /* a string of .words: char */
	KIND_ACCESS,	   /* letters of "rwm": uint8_t of enum device_access */
	KIND_STRINGS,	   /* struct strings */
	KIND_WORDS,	   /* an array of .words: uint64_t, bit (1 << value) each */
	KIND_U32S,	   /* { uint32_t *at; uint32_t n; } */
	KIND_CAPABILITIES, /* an array of names: uint64_t, one bit each */
	KIND_PAIRS,	   /* an object of strings: struct pairs */
	KIND_OBJECT,	   /* .object */
	KIND_LIST,	   /* an array of .object: { struct X *at; uint32_t n; } */
	KIND_MAP,	   /* an object of .object: as KIND_LIST, with its key as first member */
	KIND_NAMESPACES,   /* an array of .object, stored by type: struct spec_namespace [] */
	KINDS,
};

/* Must it be there?  NEED_checked: yes, but spec_check() has the words for it. */
enum need { NEED_optional, NEED_required, NEED_checked };

enum field_flags {
	FIELD_UNSET = 1, /* 0, false and "" stand for "not set" (DEC-30, DEC-31) */
	FIELD_WHOLE = 2, /* refused as a whole, be it empty: {} would have an effect */
};

/* What a number may be besides what its type can hold */
enum field_range {
	RANGE_NONE,
	RANGE_ID,
	RANGE_POSITIVE,
	RANGE_LIMIT, /* -1: unlimited */
	RANGE_PERCENT,
	RANGE_IO_PRIORITY,
	RANGE_NANOSECONDS,
	RANGE_FLAG, /* 0 or 1 */
	RANGE_MAJOR,
	RANGE_MINOR,
	RANGE_MAJOR_OR_ANY,
	RANGE_MINOR_OR_ANY,
	RANGE_PCR,   /* of a TPM's register: TPM 2.0 for PCs has 24 */
	RANGE_EXACT, /* what every reader of JSON can hold: up to 2^53 - 1 (RFC 8259, 6) */
	RANGES,
};

struct field {
	uint8_t kind;				 /* enum kind */
	uint8_t need : 2, status : 1, flags : 4; /* enum need, field_status, field_flags */
	uint8_t of;				 /* its words, or its object: fields_inner() */
	uint8_t range;				 /* enum field_range */
	uint16_t at;				 /* offset of the member */
	uint16_t set; /* 1 + offset of a bool: "the property was there"; 0: none */
};

/* A JSON object: its rows, and as an element of a list its bytes. */
struct object {
	uint16_t row, text; /* see fields_rows(), fields_names() */
	uint16_t size;
	uint16_t n;
};

/* One entry of linux.namespaces before it is stored by its type. */
struct fields_namespace {
	int type; /* enum namespace */
	const char *path;
};

const struct object *fields_config(void);    /* into struct spec */
const struct object *fields_process(void);   /* into struct spec_process */
const struct object *fields_resources(void); /* into struct spec_resources */
const struct object *fields_policy(void);    /* into struct policy */
const struct object *fields_manifest(void);  /* into struct manifest */

/* The object that a row of kind KIND_OBJECT or above has, or is a list or a map of. */
const struct object *fields_inner(const struct field *row);

/* The rows of an object, and their names, one behind another (str_after); which row has a name, -1:
 * none. */
const struct field *fields_rows(const struct object *o);
const char *fields_names(const struct object *o);
int fields_find(const struct object *o, const char *name);

/* What a number of this row may be, and each element of a KIND_U32S. */
struct fields_limits {
	int64_t min;
	uint64_t max;
};
struct fields_limits fields_limits(const struct field *row);

/* Sets what is not zero in an element of a list before anything is read. */
void fields_initial(const struct object *o, void *to);

#endif
