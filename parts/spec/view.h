/* view: config.json as plain data.
 *
 * Contract: spec_read() turns the text of a config into a struct spec or fails with the property
 * path of the first thing that is wrong; it is driven by one table of fields per object, and those
 * tables also make `features`, the README's coverage table and the tests.  Words become kernel
 * numbers here.  A property that this version does not carry out is refused by its path; an unknown
 * one is ignored.  Every string is a NUL-terminated slice of the text, every array lies in the
 * arena: nothing is copied twice and nothing is freed.
 *
 * Floor: spec (uses base, words).  Runs in: any process; pure.
 * Spec: config.md, config-linux.md, the JSON schemas.
 */
#ifndef SPEC_VIEW_H
#define SPEC_VIEW_H

#include "base/err.h"
#include "spec/data.h"
#include "spec/datalinux.h"

#include <stdbool.h>
#include <stddef.h>

#define SPEC_VERSION "1.3.0" /* what we implement: ociVersion of our state */
#define SPEC_VERSION_MIN "1.0.0"

struct spec {
	const char *oci_version;
	struct spec_root root;
	struct spec_process process;
	const char *hostname, *domainname; /* NULL when absent */
	struct spec_mounts mounts;
	struct spec_hooks hooks;
	struct pairs annotations;
	struct spec_linux linux_;
};

/* How far this version carries a property out.  FIELD_REFUSED: its presence is an error. */
enum field_status { FIELD_DONE, FIELD_REFUSED };

/* Decodes a whole config.  `text` is written to (strings are unescaped in place) and must outlive
 * `s`; `name` is for messages.  Fails with `path.to[2].property: reason`.  Cross-field rules are
 * spec_check()'s. */
int spec_read(struct err *e, struct spec *s, char *text, size_t len, const char *name);

/* Decodes the document of `exec --process`: the object that a config has under "process".  What it
 * leaves out of what EXE-1 names (env, capabilities, limits, labels, noNewPrivileges) is as in
 * `defaults`, unless that is NULL. */
int spec_read_process(struct err *e, struct spec_process *p, const struct spec_process *defaults,
	char *text, size_t len, const char *name);

/* Decodes the document of `update --resources`: the object that a config has under
 * "linux.resources". */
int spec_read_resources(
	struct err *e, struct spec_resources *r, char *text, size_t len, const char *name);

/* What all of these are made of: reads a document by the rows of its object (spec/fields.h) into
 * *to.  strict: a name without a row, and null, are errors.  *j: its tokens, unless it is NULL. */
struct view_text {
	char *text; /* written to; must outlive what is read */
	size_t len;
	const char *name;
	bool strict;
};
struct object;
struct json;
int view_document(
	struct err *e, const struct object *o, void *to, struct json *j, const struct view_text *t);

/* The value of the pair of that name; NULL: there is none. */
const char *spec_pair(const struct pairs *p, const char *name);

/* Calls `each` for every row of every field table, depth first, with the property's whole path
 * ("linux.resources.memory.limit", arrays as "mounts[].type"): what `features`, the coverage table
 * and the tests walk. */
void spec_walk(void (*each)(void *arg, const char *path, enum field_status status), void *arg);

#endif
