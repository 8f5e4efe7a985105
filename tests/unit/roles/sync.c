#include "roles/sync.h"

#include "base/fd.h"
#include "tap.h"

#include <errno.h>
#include <unistd.h>

static struct err e;
static struct sync_message m;

enum { ALL = 1 << SYNC_HOOKS | 1 << SYNC_CONSOLE | 1 << SYNC_WARNINGS | 1 << SYNC_READY };

/* Is the last of the kinds, which end with SYNC_END, still in order? */
static bool
in_order(unsigned asked, const unsigned *kinds)
{
	unsigned last = SYNC_END;
	bool good = true;

	for (; *kinds; kinds++)
		good = sync_in_order(asked, &last, *kinds);
	return good;
}

#define IN_ORDER(asked, ...) in_order((asked), (const unsigned[]){__VA_ARGS__, SYNC_END})

static void
order(void)
{
	unsigned last = SYNC_READY;

	ok(IN_ORDER(ALL, SYNC_HOOKS, SYNC_CONSOLE, SYNC_WARNINGS, SYNC_READY), "all that there is");
	ok(IN_ORDER(ALL, SYNC_READY), "nothing else is needed");
	ok(!IN_ORDER(ALL, SYNC_HOOKS, SYNC_HOOKS), "hooks run once");
	ok(!IN_ORDER(ALL, SYNC_CONSOLE, SYNC_HOOKS), "and not late");
	ok(!IN_ORDER(ALL, SYNC_READY, SYNC_CONSOLE), "ready is the last");
	ok(!IN_ORDER(ALL & ~(1U << SYNC_CONSOLE), SYNC_CONSOLE), "a terminal that nobody wants");
	ok(!IN_ORDER(ALL, SYNC_PLACED) && !IN_ORDER(ALL, SYNC_PID), "what others send");
	ok(IN_ORDER(ALL, SYNC_FAIL) && IN_ORDER(ALL, SYNC_READY, SYNC_FAIL), "a failure may come");
	ok(sync_in_order(0, &last, SYNC_END), "and the end");
}

static void
messages(void)
{
	struct err failure = {.number = EACCES, .text = "mkdir /x: permission denied"};
	int pair[2], fd = -1;
	char text[64];

	is_int(sync_pair(&e, pair), 0, "a pair: %s", e.text);
	is_int(sync_send(&e, pair[0], SYNC_PLACED, "4711", -1), 0, "sent: %s", e.text);
	is_int(sync_expect(&e, pair[1], SYNC_PLACED, text, sizeof text), 0, "came: %s", e.text);
	is_str(text, "4711", "with its text");
	sync_fail(pair[0], &failure);
	is_int(sync_expect(&e, pair[1], SYNC_PLACED, NULL, 0), -1, "a failure instead");
	is_str(e.text, failure.text, "has its own text");
	is_int(e.number, EACCES, "and number");
	is_int(sync_send(&e, pair[0], SYNC_CONSOLE, "/dev/pts/0", pair[0]), 0, "a descriptor");
	is_int(sync_receive(&e, pair[1], &m, &fd), 0, "came: %s", e.text);
	ok(m.kind == SYNC_CONSOLE && fd >= 0, "with the message");
	close(fd);
	ok(write(pair[0], "x", 1) == 1 && sync_receive(&e, pair[1], &m, NULL) < 0, "what is cut");
	is_str(e.text, "sync: a message of 1 bytes", "is none");
	m = (struct sync_message){.kind = SYNC_FAIL + 1};
	ok(write(pair[0], &m, sizeof m) > 0 && sync_receive(&e, pair[1], &m, NULL) < 0,
		"nor what nobody knows");
	is_int(sync_send(&e, pair[0], SYNC_READY, NULL, -1), 0, "another kind");
	is_int(sync_expect(&e, pair[1], SYNC_HOOKS, NULL, 0), -1, "is not what was due");
	is_str(e.text, "sync: message 6 where 3 was due", "says so");
	close(pair[0]);
	is_int(sync_receive(&e, pair[1], &m, NULL), 0, "the end");
	is_int(m.kind, SYNC_END, "is told");
	is_int(sync_expect(&e, pair[1], SYNC_HOOKS, NULL, 0), -1, "and no answer");
	is_str(e.text, "the runtime has ended", "says so");
	is_int(sync_send(&e, pair[1], SYNC_READY, NULL, -1), -1, "nobody is left");
	is_int(e.number, EPIPE, "which is an error, not a signal");
	close(pair[1]);
}

int
main(void)
{
	order();
	messages();
	return done_testing();
}
