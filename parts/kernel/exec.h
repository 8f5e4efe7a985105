/* exec: from the container's last own instruction to the program's first.
 *
 * Contract: exec_directory() enters process.cwd and proves that it lies inside the root,
 * exec_find() resolves args[0] as execvp(3) would with the process's own PATH, exec_home() finds
 * the HOME that is missing, exec_program() closes, resets and executes.  All run as the target
 * user.  The texts are those that engines match (engines.md 4.3).
 *
 * Floor: kernel (uses base, spec, plan).  Runs in: init, join.
 * Spec: config.md#process.  Kernel: execve(2), exec(3).  CVE-2024-21626.
 */
#ifndef KERNEL_EXEC_H
#define KERNEL_EXEC_H

#include "base/err.h"
#include "plan/plan.h"

/* chdir(2), then getcwd(2) must answer an absolute path inside the root. */
int exec_directory(struct err *e, const char *cwd);

/* chdir(2) alone, errors passed over: tried before the ids change (PR-4). */
void exec_directory_early(const char *cwd);

/* Writes the path of the program to `out`: `exec: "x": executable file not found in $PATH`,
 * `exec: "/x": stat /x: no such file or directory`, `exec: "/x": permission denied`, `exec: "/x":
 * is a directory`. */
int exec_find(struct err *e, const char *name, const struct strings *env, char *out, size_t size);

/* Writes "HOME=<directory of uid in /etc/passwd, else />" to `out` (PR-5). */
int exec_home(struct err *e, uint32_t uid, char *out, size_t size);

/* Default dispositions for all signals, an empty mask, execve(2).  Returns only on failure:
 * `exec /x: exec format error`.  Close-on-exec of all but 0-2 and the preserved descriptors was
 * done before. */
int exec_program(struct err *e, const char *path, const char *const *argv, const char *const *env);

#endif
