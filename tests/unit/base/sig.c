#include "base/sig.h"

#include "tap.h"

#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static bool
blocked(int sig)
{
	sigset_t now;

	return sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, sig) == 1;
}

/* Nothing is sent here that ends the test where nobody holds it back. */
static void
what_ends_a_command(void)
{
	struct pollfd p;

	sig_learn_ignored(UINT64_C(1) << (SIGHUP - 1));
	ok(sig_watched() == -1 && sig_taken() == 0 && sig_ended_by() == 0, "nobody watches");
	sig_unwatch(true);
	sig_watch();
	p = (struct pollfd){.fd = sig_watched(), .events = POLLIN};
	ok(p.fd >= 0, "somebody watches");
	ok(blocked(SIGINT) && blocked(SIGQUIT) && blocked(SIGTERM), "they are held back");
	ok(!blocked(SIGHUP), "but for what the caller ignores: nohup(1)");
	ok(!blocked(SIGCHLD) && !blocked(SIGUSR1), "and no other");
	ok(poll(&p, 1, 0) == 0 && sig_taken() == 0, "none has come");
	ok(raise(SIGTERM) == 0 && poll(&p, 1, 0) == 1, "one has come");
	ok(sig_taken() == SIGTERM && sig_ended_by() == SIGTERM, "it is taken");
	ok(poll(&p, 1, 0) == 0 && sig_taken() == 0, "once");
	ok(sig_ended_by() == SIGTERM, "and remembered");
	ok(raise(SIGINT) == 0 && sig_taken() == SIGINT && sig_ended_by() == SIGINT, "another");
	sig_unwatch(true);
	ok(sig_watched() == -1, "nobody watches any more");
	ok(!blocked(SIGINT) && !blocked(SIGQUIT) && !blocked(SIGTERM), "the mask is as it was");
}

/* The signals of faults end a process of qemu-user whether they are blocked or not; the last two
 * are its own. */
static bool
not_emulated(int sig)
{
	return sig == SIGILL || sig == SIGTRAP || sig == SIGBUS || sig == SIGFPE ||
		sig == SIGSEGV || sig > 62;
}

/* As init.md 2.2 wants it: values whole, real-time ones in order, those of the library too. */
static void
queue_and_wait(void)
{
	union sigval value = {.sival_ptr = (void *)(uintptr_t)0x11223344};
	struct sig_mask before;
	siginfo_t info = {0};
	int lost = 0;

	sig_block(&before);
	is_int(sig_wait(&info, 0), 0, "none has come");
	is_int(sig_wait(&info, 20), 0, "nor in a while");
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value = value;
	is_int(sig_queue(getpid(), 40, &info), 0, "one is sent");
	info = (siginfo_t){0};
	is_int(sig_wait(&info, 1000), 40, "it comes");
	ok(info.si_code == SI_QUEUE && info.si_pid == getpid() &&
			info.si_value.sival_ptr == value.sival_ptr,
		"with all that it was sent with");
	for (int i = 0; i < 50; i++) {
		info.si_code = SI_QUEUE;
		info.si_value.sival_int = i;
		lost += sig_queue(getpid(), 41, &info) != 0;
	}
	for (int i = 0; i < 50; i++)
		lost += sig_wait(&info, 1000) != 41 || info.si_value.sival_int != i;
	is_int(lost, 0, "fifty, in order");
	for (int sig = 1; sig < _NSIG; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		if (getenv("OCIRT_EMULATED") && not_emulated(sig)) {
			ok(true, "signal %d # skip qemu-user keeps it, or does not block it", sig);
			continue;
		}
		(void)kill(getpid(), sig);
		is_int(sig_wait(&info, 1000), sig, "signal %d", sig);
	}
	is_int(sig_queue(getpid(), _NSIG + 1, &info), -1, "there is no such signal");
	sig_restore(&before);
}

int
main(void)
{
	what_ends_a_command();
	queue_and_wait();
	return done_testing();
}
