#include "kernel/netdev.h"

#include "base/fd.h"
#include "base/role.h"
#include "base/sys.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Any socket takes the ioctls of a device; IPv4 may be missing from the kernel. */
static int
any_socket(void)
{
	int fd = sys_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 && errno == EAFNOSUPPORT ? sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
					       : fd;
}

int
netdev_loopback_up(struct err *e)
{
	FD_AUTO int fd = -1;
	struct ifreq request;

	IN(e, ROLE_INIT);
	fd = any_socket();
	if (fd < 0 && errno == EAFNOSUPPORT)
		return 0;
	if (fd < 0)
		return fail_errno(e, "socket");
	memset(&request, 0, sizeof(request));
	memcpy(request.ifr_name, "lo", sizeof("lo"));
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return fail_errno(e, "flags of the loopback device");
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return fail_errno(e, "bringing up the loopback device");
	return 0;
}
