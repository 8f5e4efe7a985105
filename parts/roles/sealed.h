/* sealed: the files and directories that a manifest has digests of.
 *
 * Contract: sealed_open() opens what a manifest's path names, and nothing else than a regular file
 * or a directory; a relative path never leaves the bundle and no component of it is a symbolic
 * link. sealed_measure() fills in what a manifest says of it.
 *
 * Floor: roles (uses base, spec, kernel).  Runs in: host.
 * Spec: the chapter "Signed bundles" of the README.
 */
#ifndef ROLES_SEALED_H
#define ROLES_SEALED_H

#include "base/err.h"
#include "spec/manifest.h"

/* Opens it for reading.  Returns the descriptor, and what it is. */
int sealed_open(struct err *e, int bundle_dir, const char *path, enum sealed_kind *kind);

/* Fills all members of o but its path, which must be set; texts lie in the arena.  verity: the
 * fs-verity digest of a file, too. */
int sealed_measure(struct err *e, int fd, struct manifest_object *o, bool verity);

#endif
