/* check: the rules of the specification that span more than one property.
 *
 * Contract: spec_check() returns 0 when the config is one that we carry out, else -1 and a message
 * that begins with the path of the property to change.  Warnings go to base/log.  It looks at the
 * document alone; what depends on the host is plan/plan's.
 *
 * Floor: spec (uses base, words, spec/view).  Runs in: any process; pure.
 * Spec: config.md, config-linux.md; the decisions of the project's checklist (DEC-n).
 */
#ifndef SPEC_CHECK_H
#define SPEC_CHECK_H

#include "base/err.h"
#include "spec/view.h"

/* Checks a whole config: version, root, process, namespaces against mappings, hostname, sysctl
 * keys, devices and so on.  Errors of the process use the texts that engines know. */
int spec_check(struct err *e, const struct spec *s);

/* Checks the document of `exec --process`; the paths in its messages begin with `prefix`, which is
 * "process." for the one of a config. */
int spec_check_process(struct err *e, const struct spec_process *p, const char *prefix);

/* Checks a container id: [A-Za-z0-9_+.-], not "." or "..", at most SPEC_ID_MAX bytes (ST-3). */
enum { SPEC_ID_MAX = 200 };
int spec_check_id(struct err *e, const char *id);

#endif
