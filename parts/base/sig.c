#include "base/sig.h"

#include "base/str.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static const size_t set_bytes = _NSIG / 8; /* of the kernel's set: 8, on mips 16 */

static const struct sig_mask none;

/* Beside those whose other pages are given back (kernel/supervise.c). */
#define TOGETHER __attribute__((section(".text.hot.supervise")))

static TOGETHER struct sig_mask
all(void)
{
	struct sig_mask mask;

	memset(&mask, 0xff, sizeof(mask));
	return mask;
}

/* Signals 1 to 64 that may not have their default. */
static uint64_t not_default = UINT64_MAX;

/* Where the handler stands in the kernel's struct sigaction */
#ifdef __mips__
enum { HANDLER = 1 };
#else
enum { HANDLER = 0 };
#endif

void
sig_set(int sig, bool ignore, struct sig_action *before)
{
	struct sig_action action = {{0}}; /* SIG_DFL, no flags, empty mask */

	action.words[HANDLER] = ignore ? (unsigned long)SIG_IGN : 0;
	if (ignore)
		not_default |= UINT64_C(1) << (sig - 1);
	(void)syscall(SYS_rt_sigaction, sig, &action, before, set_bytes);
}

void
sig_set_back(int sig, const struct sig_action *before)
{
	(void)syscall(SYS_rt_sigaction, sig, before, NULL, set_bytes);
}

void
sig_learn_ignored(uint64_t ignored)
{
	not_default = ignored;
}

/* The C library's calls pass over the signals that it uses itself. */
void
sig_default(void)
{
	for (int sig = 1; sig <= (int)set_bytes * 8; sig++) /* KILL and STOP refuse */
		if (sig > 64 || not_default >> (sig - 1) & 1)
			sig_set(sig, false, NULL);
	sig_restore(&none);
}

void
sig_block(struct sig_mask *old)
{
	struct sig_mask mask = all();

	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, old, set_bytes);
}

void
sig_restore(const struct sig_mask *old)
{
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, old, NULL, set_bytes);
}

TOGETHER int
sig_wait(siginfo_t *info, int ms)
{
	struct sig_mask mask = all();
	long time[2] = {ms / 1000, ms % 1000 * 1000000L}; /* the kernel's old timespec */
	long sig = syscall(SYS_rt_sigtimedwait, &mask, info, ms < 0 ? NULL : time, set_bytes);

	return sig < 0 ? 0 : (int)sig;
}

int
sig_queue(pid_t pid, int sig, siginfo_t *info)
{
	return (int)syscall(SYS_rt_sigqueueinfo, pid, sig, info);
}

static int
open_for(const struct sig_mask *mask)
{
	return (int)syscall(SYS_signalfd4, -1, mask, set_bytes, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
sig_open(void)
{
	struct sig_mask mask = all();

	return open_for(&mask);
}

/* -- those that end a command ------------------------------------------------------------------ */

static struct sig_mask unwatched;
static int watch_fd = -1, ended_by;

/* They stand in the first word of the set, whatever its order of bytes. */
void
sig_watch(void)
{
	static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	struct sig_mask mask = none;
	unsigned long bits = 0;

	for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
		if (!(not_default >> (ending[i] - 1) & 1))
			bits |= 1UL << (ending[i] - 1);
	memcpy(mask.bits, &bits, sizeof bits);
	watch_fd = open_for(&mask);
	if (watch_fd >= 0)
		(void)syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, &unwatched, set_bytes);
}

void
sig_unwatch(bool restore)
{
	if (watch_fd < 0)
		return;
	(void)close(watch_fd);
	watch_fd = -1;
	if (restore)
		sig_restore(&unwatched);
}

int
sig_watched(void)
{
	return watch_fd;
}

int
sig_taken(void)
{
	struct signalfd_siginfo info;

	if (watch_fd < 0 || read(watch_fd, &info, sizeof info) != (ssize_t)sizeof info)
		return 0;
	return ended_by = (int)info.ssi_signo;
}

int
sig_ended_by(void)
{
	return ended_by;
}
