/* Moving network devices into the container's namespace, and back. */
#include "kernel/netdev.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

/* Bytes of an answer.  The kernel fits the parts of a dump to it, the first to 8 KiB; what it says
 * about one device is shorter, as long as nobody asks for its virtual functions. */
enum { ANSWER_MAX = 16384 };

/* A request about one device.  `ns` is left out where it is not needed. */
struct link_message {
	struct kabi_nlmsghdr head;
	struct kabi_ifinfomsg link;
	struct kabi_rtattr name_head;
	char name[IF_NAMESIZE];
	struct kabi_rtattr ns_head;
	int32_t ns;
};

struct address_message {
	struct kabi_nlmsghdr head;
	struct kabi_ifaddrmsg address; /* and its attributes */
};

/* An address as the kernel told it, to be said to it again. */
struct address {
	struct address *next;
	struct address_message said;
};

struct netdev_one {
	const char *name;	    /* at home */
	struct kabi_ifinfomsg link; /* as it was at home, with the index of where it is */
	struct address *addresses;
};

static union {
	struct link_message link;
	struct {
		struct kabi_nlmsghdr head;
		int32_t error; /* negative errno */
	} ack;
	char bytes[ANSWER_MAX];
} answer BUFFER;

/* -- talking to the kernel; failures are in errno ---------------------------------------------- */

static ssize_t
receive(int sock)
{
	ssize_t n = fd_recv(sock, &answer, sizeof answer, NULL);

	if (n < 0 || answer.ack.head.type != NLMSG_ERROR || answer.ack.error == 0)
		return n;
	errno = -answer.ack.error;
	return -1;
}

static ssize_t
ask(int sock, const struct kabi_nlmsghdr *request)
{
	TRY(fd_send(sock, request, request->len, -1));
	return receive(sock);
}

/* Asks about the device of that name, or changes the one of link's index: its flags, its name, and
 * with an `ns` that is not -1 its namespace before the name. */
static int
ask_link(int sock, uint16_t type, const struct kabi_ifinfomsg *link, const char *name, int ns)
{
	struct link_message m = {
		.head = {.len = sizeof m, .type = type, .flags = NLM_F_REQUEST},
		.link = *link,
		.name_head = {sizeof m.name_head + sizeof m.name, IFLA_IFNAME},
		.ns_head = {sizeof m.ns_head + sizeof m.ns, IFLA_NET_NS_FD},
		.ns = ns,
	};

	if (type == RTM_NEWLINK)
		m.head.flags |= NLM_F_ACK;
	if (ns < 0)
		m.head.len = offsetof(struct link_message, ns_head);
	(void)str_format(m.name, sizeof m.name, "%s", name); /* fits: spec_check() */
	return ask(sock, &m.head) < 0 ? -1 : 0;
}

/* Alternative names are none of ours: no device can be named back to one. */
static int
find(int sock, const char *name, struct kabi_ifinfomsg *link)
{
	static const struct kabi_ifinfomsg any;

	TRY(ask_link(sock, RTM_GETLINK, &any, name, -1));
	*link = answer.link.link;
	if (answer.link.name_head.type != IFLA_IFNAME || str_equal(answer.link.name, name))
		return 0;
	errno = ENODEV;
	return -1;
}

/* -- addresses --------------------------------------------------------------------------------- */

/* The label is the name of the device or begins with it: under another name there is none, so that
 * the attribute becomes one that the kernel passes over. */
static void
relabel(struct address_message *m, bool keeps_name)
{
	char *at = (char *)(m + 1), *end = (char *)m + m->head.len;

	while (at < end) {
		struct kabi_rtattr *a = (void *)at;

		if (a->type == IFA_LABEL || a->type == IFA_UNSPEC)
			a->type = keeps_name ? IFA_LABEL : IFA_UNSPEC;
		at += (a->len + 3) & ~3;
	}
}

/* Appends an address to the list that ends in *tail. */
static int
keep(struct err *e, const struct address_message *m, struct address ***tail)
{
	struct address *a = arena_take(e, 1, offsetof(struct address, said) + m->head.len);

	if (!a)
		return -1;
	memcpy(&a->said, m, m->head.len);
	**tail = a;
	*tail = &a->next;
	return 0;
}

/* Takes what is ours from one part of the dump: 1 at its end, else 0.  *torn: something changed
 * meanwhile, and may be missing. */
static int
remember_part(
	struct err *e, const struct netdev_one *d, ssize_t n, struct address ***tail, bool *torn)
{
	const struct address_message *m;

	for (char *at = answer.bytes, *end = at + n; at < end; at += (m->head.len + 3) & ~3U) {
		m = (void *)at;
		*torn |= m->head.flags & NLM_F_DUMP_INTR;
		if (m->head.type == NLMSG_DONE)
			return 1;
		if (m->address.index == d->link.index && m->address.flags & IFA_F_PERMANENT &&
			m->address.scope == RT_SCOPE_UNIVERSE)
			TRY(keep(e, m, tail));
	}
	return 0;
}

static int
remember_all(struct err *e, int sock, struct netdev_one *d, bool *torn)
{
	static const struct address_message q = {
		.head = {sizeof q, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 0, 0},
	};
	struct address **tail = &d->addresses;
	ssize_t n = ask(sock, &q.head);
	int end = 0;

	while (end == 0) {
		if (n < 0)
			return fail_errno(e, "its addresses");
		TRY(end = remember_part(e, d, n, &tail, torn));
		if (end == 0)
			n = receive(sock);
	}
	return 0;
}

/* ND-2: the permanent ones of global scope, in the order of the kernel, so that those that are
 * secondary stay so. */
static int
remember(struct err *e, int sock, struct netdev_one *d)
{
	bool torn;

	do {
		torn = false;
		d->addresses = NULL;
		TRY(remember_all(e, sock, d, &torn));
	} while (torn);
	return 0;
}

/* -- one device -------------------------------------------------------------------------------- */

/* Takes it to the other side, where it is found by its name. */
static int
pass(struct err *e, const struct netdev_side *from, const struct netdev_side *to,
	struct netdev_one *d, const char *name)
{
	struct kabi_ifinfomsg link = {.index = d->link.index};

	if (ask_link(from->sock, RTM_NEWLINK, &link, name, to->ns) < 0)
		return fail_errno(e, "it cannot be moved");
	if (find(to->sock, name, &link) < 0)
		return fail_errno(e, "find it after the move");
	d->link.index = link.index;
	return 0;
}

/* Its name and state first: an address without a label takes the name that there is. */
static int
settle(struct err *e, int sock, const struct netdev_one *d, const char *name, uint32_t up)
{
	const struct kabi_ifinfomsg link = {.index = d->link.index, .flags = up, .change = IFF_UP};

	if (ask_link(sock, RTM_NEWLINK, &link, name, -1) < 0)
		return fail_errno(e, "bringing it up as %s", name);
	for (struct address *a = d->addresses; a; a = a->next) {
		a->said.head.flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
		a->said.address.index = link.index;
		relabel(&a->said, str_equal(name, d->name));
		if (ask(sock, &a->said.head) < 0)
			return fail_errno(e, "adding its addresses");
	}
	return 0;
}

/* On its way it has a name that nobody has, so that the device is what is found by it: the index
 * can be another one there, and the kernel renames after it has moved. */
static int
move_one(struct err *e, const struct pair *p, struct netdev_moves *m)
{
	struct netdev_one *d = &m->at[m->n];
	char name[IF_NAMESIZE];

	d->name = p->name;
	if (find(m->home.sock, d->name, &d->link) < 0)
		return fail_errno(e, "find it");
	TRY(remember(e, m->home.sock, d));
	(void)str_format(name, sizeof name, "o%u.%u", getpid(), m->n); /* 14 digits at most */
	TRY(pass(e, &m->home, &m->inside, d, name));
	m->n++;
	return settle(e, m->inside.sock, d, p->value, IFF_UP);
}

static int
return_one(struct err *e, struct netdev_one *d, struct netdev_moves *m)
{
	TRY(pass(e, &m->inside, &m->home, d, d->name));
	return settle(e, m->home.sock, d, d->name, d->link.flags & IFF_UP);
}

/* -- all of them ------------------------------------------------------------------------------- */

static int
open_socket(struct err *e, struct netdev_side *side)
{
	side->sock = sys_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return side->sock < 0 ? fail_errno(e, "socket") : 0;
}

static int
open_ns(struct err *e, struct netdev_side *side, const char *pid)
{
	char path[32];

	(void)str_format(path, sizeof path, "/proc/%s/ns/net", pid); /* fits */
	side->ns = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	return side->ns < 0 ? fail_errno(e, "open %s", path) : 0;
}

static int
enter(struct err *e, int ns, const char *whose)
{
	if (sys_setns(ns, CLONE_NEWNET) < 0)
		return fail_errno(e, "entering the %s network namespace", whose);
	return 0;
}

/* A socket belongs to the namespace that its maker is in: we go there for that moment.  Whether we
 * could come back shows before: the root of a user namespace has no rights over what is older. */
static int
open_sides(struct err *e, struct netdev_moves *m)
{
	int opened;

	TRY(open_ns(e, &m->home, "self"));
	TRY(open_socket(e, &m->home));
	TRY(enter(e, m->home.ns, "own"));
	TRY(enter(e, m->inside.ns, "container's"));
	opened = open_socket(e, &m->inside);
	TRY(enter(e, m->home.ns, "own"));
	return opened;
}

static int
move_all(struct err *e, const struct pairs *devices, struct netdev_moves *m)
{
	if (open_sides(e, m) < 0)
		return context(e, "linux.netDevices");
	m->at = arena_take(e, devices->n, sizeof *m->at);
	for (uint32_t i = 0; m->at && i < devices->n; i++)
		if (move_one(e, &devices->at[i], m) < 0)
			return context(e, "linux.netDevices.%s", devices->at[i].name);
	return m->at ? 0 : -1;
}

int
netdev_move(struct err *e, const struct pairs *devices, pid_t pid, struct netdev_moves *m)
{
	char number[16];

	IN(e, ROLE_HOST);
	if (devices->n == 0)
		return 0;
	(void)str_format(number, sizeof number, "%d", pid); /* fits */
	if (m->inside.ns < 0 && open_ns(e, &m->inside, number) < 0)
		return e->number == ENOENT ? 0 : -1;
	if (move_all(e, devices, m) == 0)
		return 0;
	netdev_return(m);
	return -1;
}

void
netdev_return(struct netdev_moves *m)
{
	struct err e;

	while (m->n > 0) {
		struct netdev_one *d = &m->at[--m->n];

		if (return_one(&e, d, m) < 0)
			log_warning("linux.netDevices.%s: not brought back: %s", d->name, e.text);
	}
	netdev_close(m);
}

void
netdev_close(struct netdev_moves *m)
{
	fd_close(&m->home.ns);
	fd_close(&m->home.sock);
	fd_close(&m->inside.ns);
	fd_close(&m->inside.sock);
	m->n = 0;
}
