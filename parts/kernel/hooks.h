/* hooks: run a list of hook programs.
 *
 * Contract: hooks_run() runs each hook of one kind in order: own process group, descriptors 0 (the
 * state), 1 and 2 (caught, for the error text) and nothing else, default signals, its own
 * environment or the given one, a deadline on the monotonic clock after which the group is killed.
 * It stops at the first failure, which is a non-zero exit, death by a signal, a timeout or an exec
 * that fails; a hook that never reads its stdin is no failure (HK-1 to HK-5, HK-14, HK-15).
 *
 * Floor: kernel (uses base, words, spec).  Runs in: host, init.
 * Spec: config.md#posix-platform-hooks, runtime.md#lifecycle.
 */
#ifndef KERNEL_HOOKS_H
#define KERNEL_HOOKS_H

#include "base/err.h"
#include "spec/view.h"

struct hooks_call {
	const struct spec_hooks *hooks;
	enum hook kind;
	const char *state;	  /* JSON for the hooks' stdin */
	const char *cwd;	  /* directory to run in, NULL: the caller's */
	const char *const *env;	  /* for hooks without `env`; NULL: the caller's environ */
	bool empty_env_is_absent; /* startContainer: `"env": []` counts as absent (HK-14) */
	const struct pairs
		*annotations; /* run.oci.hooks.stdout and .stderr name files that get what
			       * hooks write; NULL: in the container, where they mean nothing */
	const int *fd;	/* of the programs, in the order of the hooks: executed in place of the
			 * path, and open in it as descriptor 4, which a script's
			 * interpreter reads; NULL: none */
	bool attest;	/* no hooks: errors begin with the program's path, and it dies with us */
	bool warn_only; /* poststop: a failure is a warning, the next one runs (HK-11) */
};

/* `error running createRuntime hook #1: exit status 1, stdout: ..., stderr: ...` */
int hooks_run(struct err *e, const struct hooks_call *c);

#endif
