/* env: the environment of the container's program.
 *
 * Contract: env_make() gives process.env with each name once, the last one at its own place (PR-5,
 * as runc), in linear time.  An empty HOME counts as missing and is left out: the role adds the one
 * of the container's /etc/passwd.
 *
 * Floor: plan (uses base, spec).  Runs in: host; pure.
 * Spec: config.md#process.
 */
#ifndef PLAN_ENV_H
#define PLAN_ENV_H

#include "base/err.h"
#include "spec/view.h"

#include <stdbool.h>

int env_make(struct err *e, struct strings *out, bool *home_missing, const struct strings *env);

#endif
