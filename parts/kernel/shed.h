/* shed: what a process of ours that stays in the container gives up.
 *
 * Contract: the words of the command line and the environment are overwritten, so that
 * /proc/PID/cmdline says `ocirt init` and /proc/PID/environ nothing; the static buffers (config
 * text, tokens, arena), which may hold secrets, go back to the kernel and read as zeros.  Nothing
 * that lies in either may be used afterwards.
 *
 * Floor: kernel (uses base).  Runs in: init, join.
 * Spec: security.md 7.5.  Kernel: madvise(2), proc_pid_cmdline(5), proc_pid_environ(5).
 */
#ifndef KERNEL_SHED_H
#define KERNEL_SHED_H

void shed_words(void);
void shed_buffers(void);

/* The stack from there up to the words: for whoever never returns to main(). */
void shed_stack(void *from);

#endif
