/* kabinet: kabi.h's part about network devices: messages of rtnetlink.
 *
 * Contract: see kabi.h.
 *
 * Floor: base.  Runs in: any process; included through sys.h only.
 */
#ifndef BASE_KABINET_H
#define BASE_KABINET_H

#include <stdint.h>

/* netlink(7): every message begins so, and its length is that of all; the next one stands at a
 * multiple of 4. */
struct kabi_nlmsghdr {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, pid;
};
_Static_assert(sizeof(struct kabi_nlmsghdr) == 16, "nlmsghdr");

/* rtnetlink(7): an attribute's length is that of this head and the value. */
struct kabi_rtattr {
	uint16_t len, type;
};
_Static_assert(sizeof(struct kabi_rtattr) == 4, "rtattr");

struct kabi_ifinfomsg {
	uint8_t family, pad;
	uint16_t type;
	int32_t index;
	uint32_t flags, change;
};
_Static_assert(sizeof(struct kabi_ifinfomsg) == 16, "ifinfomsg");

struct kabi_ifaddrmsg {
	uint8_t family, prefixlen, flags, scope;
	int32_t index; /* unsigned there */
};
_Static_assert(sizeof(struct kabi_ifaddrmsg) == 8, "ifaddrmsg");

/* netlink(7) */
#ifndef NETLINK_ROUTE
#define NETLINK_ROUTE 0
#endif
#ifndef NLM_F_REQUEST
#define NLM_F_REQUEST 1
#endif
#ifndef NLM_F_ACK
#define NLM_F_ACK 4
#endif
#ifndef NLM_F_DUMP_INTR
#define NLM_F_DUMP_INTR 16
#endif
#ifndef NLM_F_DUMP
#define NLM_F_DUMP 0x300
#endif
#ifndef NLM_F_CREATE
#define NLM_F_CREATE 0x400
#endif
#ifndef NLMSG_ERROR
#define NLMSG_ERROR 2
#endif
#ifndef NLMSG_DONE
#define NLMSG_DONE 3
#endif

/* rtnetlink(7); IFLA_NET_NS_FD: Linux 3.0 */
#ifndef RTM_NEWLINK
#define RTM_NEWLINK 16
#endif
#ifndef RTM_GETLINK
#define RTM_GETLINK 18
#endif
#ifndef RTM_GETADDR
#define RTM_GETADDR 22
#endif
#ifndef IFLA_IFNAME
#define IFLA_IFNAME 3
#endif
#ifndef IFLA_NET_NS_FD
#define IFLA_NET_NS_FD 28
#endif
#ifndef IFA_UNSPEC
#define IFA_UNSPEC 0
#endif
#ifndef IFA_LABEL
#define IFA_LABEL 3
#endif
#ifndef IFA_F_PERMANENT
#define IFA_F_PERMANENT 0x80
#endif
#ifndef RT_SCOPE_UNIVERSE
#define RT_SCOPE_UNIVERSE 0
#endif

#endif
