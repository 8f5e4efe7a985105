/* netdev: network devices of the container's network namespace.
 *
 * Contract: brings up what the kernel leaves down in a new namespace.
 *
 * Floor: kernel (uses base).  Runs in: init.
 * Kernel: netdevice(7).
 */
#ifndef KERNEL_NETDEV_H
#define KERNEL_NETDEV_H

#include "base/err.h"

/* Brings the loopback device up.  A kernel without IPv4 sockets is no error. */
int netdev_loopback_up(struct err *e);

#endif
