#include "base/sig.h"

#include "tap.h"

#include <poll.h>
#include <signal.h>
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

int
main(void)
{
	what_ends_a_command();
	return done_testing();
}
