/* seal: make the manifest of a bundle.
 *
 * Contract: seal_bundle() reads and checks the config, digests all that it means and writes
 * seal.json into the bundle, in one step for every reader; with a key also its signature, which
 * `openssl` makes.  The same bundle and request give the same seal.json.
 *
 * Floor: roles (uses base, spec, plan, kernel).  Runs in: host.
 * Spec: the chapter "Signed bundles" of the README.
 */
#ifndef ROLES_SEAL_H
#define ROLES_SEAL_H

#include "base/err.h"
#include "spec/data.h"

#include <stdint.h>

struct seal_request {
	const char *bundle, *config; /* NULL: the current directory; config.json */
	const char *name;	     /* NULL: the last part of the bundle's path */
	uint64_t version, created, not_before;
	const char *key;      /* file of a private key, as openssl reads it; NULL: none */
	struct strings files; /* more to be sealed, relative to the bundle or absolute */
};

/* Changes the working directory to the bundle. */
int seal_bundle(struct err *e, const struct seal_request *q);

#endif
