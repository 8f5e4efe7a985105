/* Bind mounts whose ids are mapped: the part of them that host does. */
#include "kernel/mounts.h"

#include "base/fd.h"
#include "base/role.h"
#include "base/sys.h"

#include <errno.h>

int
mounts_map(struct err *e, struct mounts_mapped *mapped, const struct plan_mount *m, int user)
{
	const struct kabi_mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user};
	const unsigned int all = m->idmap == PLAN_IDMAP_ALL ? AT_RECURSIVE : 0;
	const unsigned int deep = m->flags & MS_REC ? AT_RECURSIVE : 0;
	FD_AUTO int tree = -1;

	IN(e, ROLE_HOST);
	if (mapped->n == MOUNTS_IDMAP_MAX)
		return fail(e, "more than %d mounts with mapped ids", MOUNTS_IDMAP_MAX);
	tree = sys_open_tree(AT_FDCWD, m->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | deep);
	if (tree < 0)
		return fail_errno(e, "open %s", m->source);
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH | all, &attr) < 0) {
		if (errno == ENOSYS)
			return fail(e, "needs Linux 5.12 (mount_setattr)");
		return fail_errno(e, "mount_setattr %s", m->source);
	}
	mapped->fd[mapped->n++] = fd_keep(&tree);
	return 0;
}

void
mounts_mapped_close(struct mounts_mapped *mapped)
{
	while (mapped->n > 0)
		fd_close(&mapped->fd[--mapped->n]);
}
