/* netdev: network devices of the container's network namespace.
 *
 * Contract: brings up what the kernel leaves down in a new namespace; takes devices of the caller's
 * namespace there, with their addresses, and back where create fails.  What the kernel ties to the
 * namespace (routes, rules, neighbours) does not go along, neither way.
 *
 * Floor: kernel (uses base, spec).  Runs in: see each function.
 * Spec: config-linux.md#network-devices.  Kernel: netdevice(7), rtnetlink(7).
 */
#ifndef KERNEL_NETDEV_H
#define KERNEL_NETDEV_H

#include "base/err.h"
#include "spec/data.h"

#include <sys/types.h>

struct netdev_one;

/* One network namespace, as we reach it: the namespace, and an rtnetlink socket born in it. */
struct netdev_side {
	int ns, sock;
};

/* Devices under way, and the way back.  All descriptors are -1 where nothing is open; those that
 * are open keep both namespaces alive. */
struct netdev_moves {
	struct netdev_side home, inside; /* inside.ns: the joined namespace, set before the move */
	struct netdev_one *at;
	uint32_t n; /* that many are inside */
};

/* Brings the loopback device up.  A kernel without IPv4 sockets is no error.  Runs in: init. */
int netdev_loopback_up(struct err *e);

/* Moves each device (name: here; value: there, perhaps with one %d for a number of the kernel's
 * choice) into the network namespace m->inside.ns, or where that is -1 that of `pid`; brings it up
 * and gives it back its permanent global addresses, which the kernel takes away.  Whatever the
 * kernel refuses to move stays where it is; on failure those already moved are back.  A `pid` that
 * has ended is no error: nothing is moved.  Runs in: host. */
int netdev_move(struct err *e, const struct pairs *devices, pid_t pid, struct netdev_moves *m);

/* Brings them back, last first, with name, addresses and state (up or down) as they were, and
 * closes everything; warns where that fails.  After netdev_close() it does nothing.  Runs in: host.
 */
void netdev_return(struct netdev_moves *m);

/* From here on they are the container's (ND-4).  Runs in: host. */
void netdev_close(struct netdev_moves *m);

#endif
