/* checkresources: the rules of `linux.resources` that join two values or need words of their own.
 *
 * Contract: checkresources_all() fails with the property path of the first violation.
 * The document of `update` is checked by the same rules, under the same names.
 *
 * Floor: spec (uses spec/data).  Runs in: host; pure.
 * Spec: config-linux.md#control-groups.
 */
#ifndef SPEC_CHECKRESOURCES_H
#define SPEC_CHECKRESOURCES_H

#include "base/err.h"
#include "spec/dataresources.h"

int checkresources_all(struct err *e, const struct spec_resources *r);

#endif
