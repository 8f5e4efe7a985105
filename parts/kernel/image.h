/* image: a file that holds the root filesystem, mounted read-only from one open of it.
 *
 * Contract: image_open() opens the file and says what it is, before anything is decided;
 * image_take() mounts that descriptor for nobody to see, a mount without a place that ends with its
 * last descriptor, and image_attach() puts it upon `/` of the container's mount namespace, which it
 * must not share.  There it covers nothing: a name that begins with `/` does not enter what is
 * mounted on the root itself, `/..` does.  The loop device is freed by the kernel with the mount or
 * our descriptors (LO_FLAGS_AUTOCLEAR), so wherever we are killed nothing is left.
 *
 * Floor: kernel (uses base, spec, plan).  Runs in: see each function.
 * Spec: config.md#root (an image is our own extension), the chapter "Signed bundles" of the README.
 * Kernel: ioctl_loop(2), fsopen(2), fsmount(2), move_mount(2), Documentation/filesystems/erofs.rst.
 */
#ifndef KERNEL_IMAGE_H
#define KERNEL_IMAGE_H

#include "base/err.h"
#include "plan/plan.h"
#include "spec/manifest.h"

#include <stdbool.h>

/* Descriptors, -1 where they are not open: the file, the loop device, the dm-verity device upon it,
 * the mount. */
struct image {
	int file, loop, dm, tree;
	const struct manifest_verity *verity; /* what dm-verity shall check; NULL: nothing */
	char device[24];		      /* that is mounted: "/dev/loop7", "/dev/dm-0" */
};

/* What the superblock of a file that is open for reading says: *type as in facts.h.  What is none
 * of them, or is shorter than it says, is refused by `root.path`.  Runs in: host. */
int image_look(struct err *e, int file, const char **type);

/* Opens `path`: with a directory nothing changes; a regular file is *file, open for reading, the
 * caller's to close, and *type what image_look() says.  Anything else is refused.  Runs in: host.
 */
int image_open(struct err *e, const char *path, int *file, const char **type);

/* Mounts i->file, `user` being the user namespace by which its ids are mapped, or -1.  On kernels
 * without fsopen(2), before 5.2, only the loop device is made.  Nothing to do without an image.
 * Runs in: host, whose cgroup lets the loop device be opened. */
int image_take(struct err *e, const struct plan *p, struct image *i, int user);

/* Puts the mount upon `/`; before 5.2 makes it.  Returns the descriptor of its root
 * (O_PATH|O_DIRECTORY), the caller's to close; the image is closed.  Runs in: init, before it is in
 * its cgroups, whose device rules would keep the loop device from mount(2). */
int image_attach(struct err *e, const struct plan *p, struct image *i);

void image_close(struct image *i);

/* How many blocks of 4096 bytes the file system in a file that is open for reading takes; 0 where
 * it cannot lie on a device of such blocks, or is none.  Runs in: host. */
uint64_t image_blocks(int file);

/* Has this kernel dm-verity, and may we make devices of it?  Runs in: host. */
bool image_can_verity(void);

/* Makes a device of i->verity upon the loop device, where there is one: i->dm, i->device.  The
 * kernel removes it with its last user, i->dm or a mount; only who is killed in the first three
 * calls leaves one behind, which nobody uses and the next start removes.  Runs in: host. */
int image_verity(struct err *e, struct image *i);

#endif
