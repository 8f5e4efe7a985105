/* Devices move and come back: a pair of them in a network namespace of ours, made with ip(8). */
#include "kernel/netdev.h"
#include "base/fd.h"
#include "kernel/scratch.h"

#include <net/if.h>
#include <stdlib.h>

#define MAKE \
	"ip link add here0 type veth peer name here1 && ip link set here0 up && " \
	"ip addr add 10.1.2.3/24 dev here0 label here0:x && " \
	"ip addr add fd00::5/64 nodad dev here0"
#define IS_HOME \
	"ip addr show dev here0 | grep -q 'inet 10.1.2.3/24 scope global here0:x' && " \
	"ip addr show dev here0 | grep -q 'inet6 fd00::5/64 scope global' && " \
	"ip link show dev here0 | grep -q '[<,]UP[,>]'"
#define IS_INSIDE \
	"nsenter --net=/proc/%d/ns/net sh -c \"ip addr show dev %s | " \
	"grep -q 'inet 10.1.2.3/24 scope global %s'\""

static struct netdev_moves moves = {{-1, -1}, {-1, -1}, NULL, 0};
static struct pair pairs[] = {{"here0", "there0"}, {"nosuch", "there1"}};

static bool
run(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	return system(line) == 0;
}

static bool
all_closed(void)
{
	return moves.home.ns < 0 && moves.home.sock < 0 && moves.inside.ns < 0 &&
		moves.inside.sock < 0;
}

/* A process in a network namespace of its own; *end is the pipe that it waits for. */
static pid_t
holder(int *end)
{
	int ready[2], wait[2];
	char byte;
	pid_t pid;

	if (pipe(ready) < 0 || pipe(wait) < 0)
		abort();
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(wait[1]);
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(read(wait[0], &byte, 1) != 0);
	}
	close(ready[1]);
	close(wait[0]);
	if (read(ready[0], &byte, 1) != 1)
		abort();
	close(ready[0]);
	*end = wait[1];
	return pid;
}

int
main(void)
{
	struct pairs list = {pairs, 1};
	int end;
	pid_t pid;

	if (unshare(CLONE_NEWNET) < 0 || !run(MAKE)) {
		printf("1..0 # skip no rights, or no ip(8)\n");
		return 0;
	}
	role_enter(ROLE_INIT);
	ok(netdev_move(&scratch_err, &list, getpid(), &moves) < 0, "not in the init");
	role_enter(ROLE_HOST);
	pid = holder(&end);
	is_int(netdev_move(&scratch_err, &(struct pairs){0}, pid, &moves), 0, "nothing to move");
	ok(all_closed(), "and nothing is opened");

	is_int(netdev_move(&scratch_err, &list, pid, &moves), 0, "it is moved");
	is_int(if_nametoindex("here0"), 0, "it is no longer here");
	ok(run(IS_INSIDE, pid, "there0", "there0"), "but there, under its name and label");
	netdev_return(&moves);
	ok(run(IS_HOME), "back with name, addresses, label and state");
	ok(all_closed(), "everything is closed");

	list.n = 2;
	ok(netdev_move(&scratch_err, &list, pid, &moves) < 0, "the second one does not exist");
	is_str(scratch_err.text, "linux.netDevices.nosuch: find it: no such device", "its message");
	ok(run(IS_HOME) && all_closed(), "the first one is back");

	list.n = 1;
	pairs[0].value = pairs[0].name;
	is_int(netdev_move(&scratch_err, &list, pid, &moves), 0, "it is moved, name and all");
	ok(run(IS_INSIDE, pid, "here0", "here0:x"), "the label goes along");
	netdev_close(&moves);
	netdev_return(&moves);
	is_int(if_nametoindex("here0"), 0, "once closed there is no way back");

	close(end);
	while (run("[ -e /proc/%d/ns/net ]", pid))
		;
	is_int(netdev_move(&scratch_err, &list, pid, &moves), 0, "of a process that has ended");
	ok(moves.n == 0, "nothing is moved");
	waitpid(pid, NULL, 0);
	return done_testing();
}
