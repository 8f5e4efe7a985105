/* features: what this build can do, as the document of the specification.
 *
 * Contract: features_write() walks the same tables that the decoder uses, so that every listed
 * value is accepted in a config and every other is refused.  Facts of compile time only.
 *
 * Floor: spec (uses base, words, spec/view).  Runs in: any process; pure.
 * Spec: features.md, features-linux.md.
 */
#ifndef SPEC_FEATURES_H
#define SPEC_FEATURES_H

#include "base/err.h"

#include <stddef.h>

/* Writes the document, four blanks of indent and a final newline; returns its length in bytes.
 * `version` and `commit` are those of the build, `runc_version` the level of runc that we stand
 * in for (engines.md 1.1). */
int features_write(struct err *e, char *out, size_t size, const char *version, const char *commit,
	const char *runc_version);

#endif
