/* The part of bind mounts that host does: where init lacks the rights, or a way to the source. */
#include "kernel/mounts.h"

#include "base/fd.h"
#include "base/role.h"
#include "base/sys.h"

#include <errno.h>

/* What is mounted in the container must not appear on the host, unless the plan says so: a copy is
 * a peer of what it was copied from, and no mount namespace of a new owner has made a slave of it.
 */
static int
set_attributes(struct err *e, int tree, const struct plan_mount *m, int user)
{
	const struct kabi_mount_attr slave = {.propagation = MS_SLAVE},
				     attr = {.attr_set = MOUNT_ATTR_IDMAP,
					     .userns_fd = (uint64_t)user};
	const unsigned int all = m->idmap == PLAN_IDMAP_ALL ? AT_RECURSIVE : 0;

	if ((m->peer || sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &slave) == 0) &&
		(!m->idmap || sys_mount_setattr(tree, "", AT_EMPTY_PATH | all, &attr) == 0))
		return 0;
	if (errno == ENOSYS)
		return fail(e, "needs Linux 5.12 (mount_setattr)");
	return fail_errno(e, "mount_setattr %s", m->source);
}

int
mounts_take(struct err *e, struct mounts_taken *taken, const struct plan_mount *m, int user)
{
	const unsigned int deep = m->flags & MS_REC ? AT_RECURSIVE : 0;
	FD_AUTO int tree = -1;

	IN(e, ROLE_HOST);
	if (taken->n == MOUNTS_TAKEN_MAX)
		return fail(e, "more than %d mounts with mapped ids, or shared", MOUNTS_TAKEN_MAX);
	tree = sys_open_tree(AT_FDCWD, m->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | deep);
	if (tree < 0)
		return fail_errno(e, "open %s", m->source);
	TRY(set_attributes(e, tree, m, user));
	taken->fd[taken->n++] = fd_keep(&tree);
	return 0;
}

void
mounts_taken_close(struct mounts_taken *taken)
{
	while (taken->n > 0)
		fd_close(&taken->fd[--taken->n]);
}
