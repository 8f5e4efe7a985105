/* checklinux: the rules of spec/check that are about the property `linux`.
 *
 * Contract: checklinux_all() returns 0, or -1 and a message that begins with the path of the
 * property to change.
 *
 * Floor: spec (uses base, words, spec/view).  Runs in: any process; pure.
 * Spec: config-linux.md; the decisions of the project's checklist (DEC-n).
 */
#ifndef SPEC_CHECKLINUX_H
#define SPEC_CHECKLINUX_H

#include "base/err.h"
#include "spec/view.h"

int checklinux_all(struct err *e, const struct spec *s);

#endif
