#include "kernel/image.h"

#include "base/fd.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	SUPER = 1024,	      /* byte at which erofs and ext4 have their superblock */
	READ_MAX = 2 * SUPER, /* bytes that are looked at */
	BLOCK_SHIFT = 12,     /* of dm-verity */
	LOOP_TRIES = 64,      /* somebody else may take the free device before us */
};

/* --- which file system ------------------------------------------------------------------------ */

/* On the disk all three are little-endian. */
static uint64_t
number(const unsigned char *at, int bytes)
{
	uint64_t n = 0;

	while (bytes-- > 0)
		n = n << 8 | at[bytes];
	return n;
}

/* linux: fs/squashfs/squashfs_fs.h, fs/erofs/erofs_fs.h, fs/ext4/ext4.h */
static const struct {
	char type[12];
	uint16_t magic_at;
	char magic[6];
	uint16_t size_at, size_bytes, shift_at; /* shift_at 0: the size is in bytes */
	uint16_t shift;				/* to be added */
} known[] = {
	/* clang-format off */
	{ "squashfs", 0,         "hsqs",             40,         8, 0,          0  },
	{ "erofs",    SUPER,     "\xe2\xe1\xf5\xe0", SUPER + 36, 4, SUPER + 12, 0  },
	{ "ext4",     SUPER + 56, "\x53\xef",        SUPER + 4,  4, SUPER + 24, 10 },
	/* clang-format on */
};

enum { KNOWN = sizeof known / sizeof *known };

/* What the superblock says; type is NULL where there is none. */
struct found {
	const char *type;
	uint64_t size; /* bytes */
	bool small;    /* are its blocks smaller than those of dm-verity? */
};

static int
look(int file, struct found *f)
{
	unsigned char super[READ_MAX] = {0};
	int shift;

	*f = (struct found){0};
	if (pread(file, super, sizeof super, 0) < 0)
		return -1;
	for (int k = 0; k < KNOWN; k++) {
		if (memcmp(super + known[k].magic_at, known[k].magic, strlen(known[k].magic)) != 0)
			continue;
		f->type = known[k].type;
		f->size = number(super + known[k].size_at, known[k].size_bytes);
		if (!known[k].shift_at)
			break;
		shift = (super[known[k].shift_at] + known[k].shift) & 63;
		f->size <<= shift;
		f->small = shift < BLOCK_SHIFT;
		break;
	}
	return 0;
}

static int
no_image(struct err *e)
{
	return fail(e, "root.path: not a directory, and no squashfs, erofs or ext4 image");
}

int
image_look(struct err *e, int file, const char **type)
{
	struct found f;
	struct stat s;

	IN(e, ROLE_HOST);
	if (fstat(file, &s) < 0 || look(file, &f) < 0)
		return fail_errno(e, "root.path");
	if (!f.type)
		return no_image(e);
	/* A kernel that is given less finds out at some read, or not at all. */
	if (f.size > (uint64_t)s.st_size)
		return fail(e, "root.path: the %s image is cut short: %llu of %llu bytes", f.type,
			(unsigned long long)s.st_size, (unsigned long long)f.size);
	*type = f.type;
	return 0;
}

uint64_t
image_blocks(int file)
{
	struct found f;

	return look(file, &f) < 0 || f.small
		? 0
		: f.size / MANIFEST_BLOCK + (f.size % MANIFEST_BLOCK > 0);
}

/* Looked at before it is opened: to open a device or a fifo has effects of its own. */
int
image_open(struct err *e, const char *path, int *file, const char **type)
{
	FD_AUTO int seen = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC), fd = -1;
	char link[32];
	struct stat s;

	IN(e, ROLE_HOST);
	if (seen < 0 || fstat(seen, &s) < 0)
		return fail_errno(e, "invalid rootfs: stat %s", path);
	if (S_ISDIR(s.st_mode))
		return 0;
	if (!S_ISREG(s.st_mode))
		return no_image(e);
	(void)fd_path(link, seen);
	fd = openat(AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(e, "root.path: %s", path);
	TRY(image_look(e, fd, type));
	*file = fd_keep(&fd);
	return 0;
}

/* --- the loop device -------------------------------------------------------------------------- */

/* Linux before 5.8 takes two calls; who is killed between them leaves the device busy. */
static int
configure(const struct image *i)
{
	struct kabi_loop_config c = {
		.fd = (uint32_t)i->file,
		.info.flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
	};
	int saved;

	if (ioctl(i->loop, LOOP_CONFIGURE, &c) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOTTY)
		return -1;
	if (ioctl(i->loop, LOOP_SET_FD, i->file) < 0)
		return -1;
	if (ioctl(i->loop, LOOP_SET_STATUS64, &c.info) == 0)
		return 0;
	saved = errno;
	(void)ioctl(i->loop, LOOP_CLR_FD);
	errno = saved;
	return -1;
}

/* Somebody else was quicker, or is just letting go of it. */
static bool
is_taken(void)
{
	return errno == EBUSY || errno == ENXIO || errno == EAGAIN;
}

static int
take_loop(struct err *e, struct image *i)
{
	static const char path[] = "/dev/loop-control";
	FD_AUTO int control = openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	int n, tries = 0;

	if (control < 0)
		return fail_errno(e, "root.path: an image needs a loop device: %s", path);
	do {
		fd_close(&i->loop);
		n = ioctl(control, LOOP_CTL_GET_FREE);
		if (n < 0)
			return fail_errno(e, "root.path: an image needs a loop device");
		(void)str_format(i->device, sizeof i->device, "/dev/loop%d", n); /* fits */
		i->loop = openat(AT_FDCWD, i->device, O_RDONLY | O_CLOEXEC);
		if (i->loop >= 0 && configure(i) == 0)
			return 0;
	} while (is_taken() && ++tries < LOOP_TRIES);
	return fail_errno(e, "root.path: an image needs a loop device: %s", i->device);
}

/* --- the mount -------------------------------------------------------------------------------- */

static int
configure_mount(int fs, const char *source, bool journal)
{
	if (sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", source, 0) < 0 ||
		sys_fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
		return -1;
	/* What is read-only cannot be recovered. */
	if (journal && sys_fsconfig(fs, FSCONFIG_SET_FLAG, "norecovery", NULL, 0) < 0)
		return -1;
	return sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/* Who maps ids does not trust the image with devices either: no rule would keep their owner from
 * them. */
static int
make_tree(struct err *e, const struct plan *p, const char *source)
{
	const unsigned int attributes = MOUNT_ATTR_RDONLY | (p->image_idmap ? MOUNT_ATTR_NODEV : 0);
	FD_AUTO int fs = sys_fsopen(p->image, FSOPEN_CLOEXEC);
	int tree;

	if (fs < 0 && errno == ENODEV)
		return fail(e, "root.path: this kernel has no %s", p->image);
	if (fs < 0)
		return fail_errno(e, "root.path: fsopen %s", p->image);
	if (configure_mount(fs, source, str_equal(p->image, "ext4")) < 0)
		return fail_errno(e, "root.path: mount %s", p->image);
	tree = sys_fsmount(fs, FSMOUNT_CLOEXEC, attributes);
	return tree < 0 ? fail_errno(e, "root.path: fsmount %s", p->image) : tree;
}

static int
map_ids(struct err *e, const struct plan *p, int tree, int user)
{
	const struct kabi_mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user};

	if (user < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) == 0)
		return 0;
	return fail_errno(e,
		"root.path: mapping the ids of a %s image (ext4 needs Linux 5.12, erofs 5.19, "
		"squashfs 6.2)",
		p->image);
}

int
image_take(struct err *e, const struct plan *p, struct image *i, int user)
{
	char path[32];

	IN(e, ROLE_HOST);
	if (!p->image)
		return 0;
	/* Linux 6.12 reads erofs from a file; else it is a disk like the others. */
	(void)fd_path(path, i->file);
	if (str_equal(p->image, "erofs") && !i->verity)
		i->tree = make_tree(e, p, path);
	if (i->tree < 0) {
		TRY(take_loop(e, i));
		TRY(image_verity(e, i));
		i->tree = make_tree(e, p, i->device);
	}
	if (i->tree < 0 && (e->number != ENOSYS || user >= 0))
		return -1;
	return i->tree < 0 ? 0 : map_ids(e, p, i->tree, user);
}

int
image_attach(struct err *e, const struct plan *p, struct image *i)
{
	FD_AUTO int root = fd_keep(&i->tree);
	const char *data = str_equal(p->image, "ext4") ? "norecovery" : NULL;
	int done;

	IN(e, ROLE_INIT);
	if (root >= 0) {
		done = sys_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	} else {
		done = sys_mount(i->device, "/", p->image, MS_RDONLY, data);
		root = openat(AT_FDCWD, "/..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (done < 0 || root < 0)
		return fail_errno(e, "root.path: mount %s", p->image);
	image_close(i);
	return fd_keep(&root);
}

void
image_close(struct image *i)
{
	fd_close(&i->tree);
	fd_close(&i->dm);
	fd_close(&i->loop);
	fd_close(&i->file);
}
