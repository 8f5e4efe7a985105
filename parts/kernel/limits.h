/* limits: what a process inherits besides its credentials: resource limits, umask, keyring, OOM
 * score.
 *
 * Contract: each function applies one property exactly as configured or fails naming it.
 *
 * Floor: kernel (uses base, spec, plan).  Runs in: init, join; limits_oom_score() in host.
 * Spec: config.md#posix-process (rlimits), #linux-process (oomScoreAdj), #user (umask).
 * Kernel: prlimit(2), umask(2), keyrings(7), proc_pid_oom_score_adj(5).
 */
#ifndef KERNEL_LIMITS_H
#define KERNEL_LIMITS_H

#include "base/err.h"
#include "plan/plan.h"

#include <sys/types.h>

/* setrlimit for every entry: `process.rlimits[2]: RLIMIT_NOFILE: operation not permitted`. */
int limits_resources(struct err *e, const struct spec_process *process);

/* umask(2): the config's, or `caller`, with which the runtime was started (DEC-5). */
void limits_umask(const struct spec_process *process, unsigned caller);

/* A new session keyring of that name; ENOSYS, EDQUOT and EPERM are tolerated with a debug record
 * (S15).  NULL: keep the caller's. */
int limits_keyring(struct err *e, const char *name);

/* Writes /proc/PID/oom_score_adj of the init when the config sets it: `process.oomScoreAdj: ...`.
 * From outside, because lowering it needs CAP_SYS_RESOURCE in the initial user namespace.
 * Runs in: host, stage. */
int limits_oom_score(struct err *e, const struct spec_process *process, pid_t pid);

#endif
