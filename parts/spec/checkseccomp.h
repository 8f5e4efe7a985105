/* checkseccomp: the rules of `linux.seccomp` that join two values.
 *
 * Contract: checkseccomp_all() fails with the property path of the first violation.
 *
 * Floor: spec (uses spec/data).  Runs in: host; pure.
 * Spec: config-linux.md#seccomp.
 */
#ifndef SPEC_CHECKSECCOMP_H
#define SPEC_CHECKSECCOMP_H

#include "base/err.h"
#include "spec/dataseccomp.h"

int checkseccomp_all(struct err *e, const struct spec_seccomp *s);

/* Is there a rule whose calls are handed to a listener? */
bool checkseccomp_notifies(const struct spec_seccomp *s);

#endif
