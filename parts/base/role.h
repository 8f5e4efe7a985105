/* role: which process am I?
 *
 * Contract: a process has one role from the moment it is cloned; role_enter() is its first act.
 * Functions of kernel/ open with IN(), which says where they belong; in the builds of the tests a
 * call from the wrong process is an ordinary error.  A clone keeps the role of its parent until it
 * enters its own.
 *
 * Floor: base (uses err, sys).  Runs in: any process.
 * Spec: architecture.md section 2.
 */
#ifndef BASE_ROLE_H
#define BASE_ROLE_H

#include "base/err.h"

/* One bit each, so that IN() takes several: IN(e, ROLE_INIT | ROLE_JOIN). */
enum role { ROLE_HOST = 1, ROLE_STAGE = 2, ROLE_INIT = 4, ROLE_JOIN = 8 };

/* Sets the role and, but for host, the comm name ("ocirt:init"). */
void role_enter(enum role role);

/* The role of this process; ROLE_HOST before any role_enter(). */
enum role role_now(void);

/* "host", "stage", "init" or "join": the role of this process. */
const char *role_name(void);

/* 0 when the role is one of the mask; else -1 and "internal order: FUNCTION called in ROLE". */
int role_check(struct err *e, unsigned int mask, const char *function);

/* First line of a kernel/ function that belongs to certain processes.  Checked, all of them would
 * be worth 4 KB of the program. */
#ifdef OCIRT_CHECKED
#define IN(e, roles) TRY(role_check((e), (unsigned int)(roles), __func__))
#else
#define IN(e, roles) ((void)(e), (void)(roles))
#endif

#endif
