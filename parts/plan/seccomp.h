/* seccomp: the profile of the config as a classic BPF program.
 *
 * Contract: plan_seccomp() compiles linux.seccomp for the native architecture and those that the
 * profile names and this processor can run.  The verdicts are those of the profile as libseccomp
 * reads it on behalf of runc: an architecture that is not named is killed; of several rules without
 * arguments for one call the first counts, and before any with arguments; those are tried in order;
 * arguments of one rule must all match, but an index that comes twice makes each of them a rule of
 * its own.  Calls that are newer than the newest one named get ENOSYS where the default action
 * refuses, so that newer C libraries fall back (SC-15).
 *
 * The program is a binary search over ranges of numbers with one verdict, and holds at most 4096
 * instructions; it lies in a static buffer, so there is one.
 *
 * Floor: plan (uses base, words, spec).  Runs in: host; pure.
 * Spec: config-linux.md#seccomp.  Kernel: seccomp(2), userspace-api/seccomp_filter.
 */
#ifndef PLAN_SECCOMP_H
#define PLAN_SECCOMP_H

#include "base/err.h"
#include "spec/dataseccomp.h"

#include <stdbool.h>
#include <stdint.h>

struct kabi_sock_filter;

struct plan_filter {
	struct kabi_sock_filter *at;
	uint32_t n;	/* instructions; 0: no filter */
	uint32_t flags; /* SECCOMP_FILTER_FLAG_* of the config */
	bool notify;	/* a listener is made and handed over (SC-9) */
	const char *listener_path, *listener_metadata;
};

/* With `fail_unknown` a system call that no architecture knows is an error, else a debug record
 * (DEC-20). */
int plan_seccomp(
	struct err *e, struct plan_filter *f, const struct spec_seccomp *s, bool fail_unknown);

/* One architecture alone, not only those that the processor can run: for tests.  `s` may name it or
 * not. */
int plan_seccomp_for(
	struct err *e, struct plan_filter *f, const struct spec_seccomp *s, uint64_t architectures);

#endif
