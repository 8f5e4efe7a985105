/* dataseccomp: what a config says under `linux.seccomp`, as plain data.
 *
 * Contract: as spec/data.
 *
 * Floor: spec (uses words, spec/data).  Runs in: any process.
 * Spec: config-linux.md#seccomp.
 */
#ifndef SPEC_DATASECCOMP_H
#define SPEC_DATASECCOMP_H

#include "spec/data.h"
#include "words/words.h"

#include <stdbool.h>
#include <stdint.h>

enum { SPEC_SECCOMP_ARGS = 6 }; /* of a system call */

/* op(argument, value); for SECCOMP_MASKED_EQ (argument & value) == value_two */
struct spec_syscall_arg {
	uint32_t index;
	int op; /* enum seccomp_operator */
	uint64_t value, value_two;
};

struct spec_syscall_rule {
	struct strings names;
	int action; /* enum seccomp_action */
	uint32_t errno_ret;
	bool errno_ret_set;
	struct {
		struct spec_syscall_arg *at;
		uint32_t n;
	} args;
};

struct spec_seccomp {
	bool present;
	int default_action; /* enum seccomp_action */
	uint32_t default_errno_ret;
	bool default_errno_ret_set;
	uint64_t architectures;			       /* bits by enum sysnr_arch */
	uint64_t flags;				       /* SECCOMP_FILTER_FLAG_* */
	const char *listener_path, *listener_metadata; /* NULL when absent or empty */
	struct {
		struct spec_syscall_rule *at;
		uint32_t n;
	} syscalls;
};

#endif
