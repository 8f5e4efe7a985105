/* path: host paths and path rules that several slices of the plan share.
 *
 * Contract: pure string work; results lie in the arena and are shorter than PLAN_PATH_MAX.
 *
 * Floor: plan (uses base).  Runs in: host; pure.
 */
#ifndef PLAN_PATH_H
#define PLAN_PATH_H

#include "base/err.h"

#include <stdbool.h>

/* True when one of the components is "..". */
bool path_goes_up(const char *path);

/* `path` as it is when absolute, else below `base`.  Cleaned by its letters unless it goes up: then
 * symbolic links decide where that is.  `property` names the config's property in errors.  NULL and
 * *e when it does not fit. */
const char *path_below(struct err *e, const char *property, const char *base, const char *path);

/* The path inside the container that a config means: relative ones start at "/", "." and ".." are
 * resolved by their letters and ".." stops at "/" (the kernel resolves links beneath the root). */
const char *path_inside(struct err *e, const char *property, const char *path);

#endif
