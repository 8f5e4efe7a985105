/* sig: signal dispositions and mask, raw.
 *
 * Contract: works on every signal of the kernel, those that the C library keeps for itself
 * included: what our caller ignores or blocks is not for the program that we execute
 * (engines.md 5.2).
 *
 * Floor: base.  Runs in: any process.
 * Kernel: signal(7), sigaction(2), signalfd(2).
 */
#ifndef BASE_SIG_H
#define BASE_SIG_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	SIG_MASK_MAX = 16,	     /* bytes of the kernel's largest set (mips) */
	SIG_END = _NSIG / 8 * 8 + 1, /* behind the kernel's last signal: 65, on mips 129 */
};

struct sig_mask {
	unsigned char bits[SIG_MASK_MAX];
};

/* Default dispositions for all signals, then an empty mask. */
void sig_default(void);

/* Tells what sig_default() has to do: which of the signals 1 to 64 our caller ignored, the first in
 * the lowest bit, as SigIgn in /proc/self/status has them.  We install no handlers, so the others
 * have their default.  Without it all are set. */
void sig_learn_ignored(uint64_t ignored);

/* The disposition of a signal; the kernel's struct differs from target to target. */
struct sig_action {
	unsigned long words[16];
};

/* Ignores a signal or gives it its default, and puts back what was before. */
void sig_set(int sig, bool ignore, struct sig_action *before);
void sig_set_back(int sig, const struct sig_action *before);

/* Blocks all signals; the mask before goes to *old unless that is NULL. */
void sig_block(struct sig_mask *old);
void sig_restore(const struct sig_mask *old);

/* Waits for any signal, all of which are blocked: rt_sigtimedwait(2).  ms < 0: for ever.  Returns
 * its number, or 0 when none came. */
int sig_wait(siginfo_t *info, int ms);

/* rt_sigqueueinfo(2): sends `info` as it is. Returns 0, or -1 with errno. */
int sig_queue(pid_t pid, int sig, siginfo_t *info);

/* Holds back the signals that tell a command to end (HUP, INT, QUIT, TERM), those that our caller
 * ignores left out, so that whoever waits can look at them: sig_watched() is to be polled, -1 where
 * nobody watches; sig_taken() takes one that has come, 0: none.  sig_unwatch() undoes it, for a
 * child above all: what it blocks would be inherited.  Without `restore` the mask stays.
 */
void sig_watch(void);
void sig_unwatch(bool restore);
int sig_watched(void);
int sig_taken(void);

/* The last one that was taken, 0: none. */
int sig_ended_by(void);

/* A signalfd(2) for every signal, close-on-exec and non-blocking; -1 with errno. */
int sig_open(void);

#endif
