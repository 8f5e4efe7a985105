/* What a superblock says, on files that hold nothing else. */
#include "kernel/image.h"
#include "base/fd.h"
#include "base/role.h"
#include "base/sys.h"
#include "tap.h"

#include <stdint.h>
#include <unistd.h>

#define NO_IMAGE "root.path: not a directory, and no squashfs, erofs or ext4 image"

static struct err e;
static const char *type;
static uint64_t blocks; /* image_blocks() of what was looked at */

/* A superblock of `size` bytes in a file of `have` bytes: n bytes each at two places. */
static int
look(off_t have, const char *magic, off_t magic_at, uint64_t size, int n, off_t size_at,
	uint8_t shift, off_t shift_at)
{
	FD_AUTO int fd = sys_memfd_create("image", 0);
	unsigned char number[8];

	for (int i = 0; i < n; i++)
		number[i] = (unsigned char)(size >> 8 * i);
	type = NULL;
	if (pwrite(fd, magic, strlen(magic), magic_at) < 0 ||
		pwrite(fd, number, (size_t)n, size_at) < 0 ||
		(shift_at && pwrite(fd, &shift, 1, shift_at) < 0) || ftruncate(fd, have) < 0)
		return -2;
	blocks = image_blocks(fd);
	return image_look(&e, fd, &type);
}

static int
squashfs(off_t have, uint64_t size)
{
	return look(have, "hsqs", 0, size, 8, 40, 0, 0);
}

static int
erofs(off_t have, uint64_t blocks, uint8_t shift)
{
	return look(have, "\xe2\xe1\xf5\xe0", 1024, blocks, 4, 1060, shift, 1036);
}

static int
ext4(off_t have, uint64_t blocks, uint8_t shift)
{
	return look(have, "\x53\xef", 1080, blocks, 4, 1028, shift, 1048);
}

static void
kinds(void)
{
	ok(squashfs(5000, 5000) == 0, "squashfs");
	is_str(type, "squashfs", "its name");
	is_int((long long)blocks, 2, "5000 bytes take two blocks");
	ok(squashfs(8192, 8192) == 0 && blocks == 2, "as do 8192");
	ok(erofs(8192, 2, 12) == 0, "erofs");
	is_str(type, "erofs", "its name");
	is_int((long long)blocks, 2, "its blocks");
	ok(ext4(4096, 4, 0) == 0, "ext4 with blocks of 1 KiB");
	is_int((long long)blocks, 0, "which no device of larger ones can have");
	is_str(type, "ext4", "its name");
	ok(ext4(1 << 20, 256, 2) == 0, "ext4 with blocks of 4 KiB");
	is_int((long long)blocks, 256, "its blocks");
}

static void
too_short(void)
{
	ok(squashfs(4999, 5000) < 0, "squashfs");
	is_str(e.text, "root.path: the squashfs image is cut short: 4999 of 5000 bytes", "says so");
	ok(squashfs(5000, UINT64_MAX) < 0, "the largest number");
	ok(erofs(8191, 2, 12) < 0, "erofs");
	is_str(e.text, "root.path: the erofs image is cut short: 8191 of 8192 bytes", "says so");
	ok(erofs(8192, 1, 63) < 0, "a large shift");
	ok(ext4((1 << 20) - 1, 256, 2) < 0, "ext4");
	ok(ext4(8192, UINT32_MAX, 20) < 0, "more than 32 bits");
	is_str(e.text, "root.path: the ext4 image is cut short: 8192 of 4611686017353646080 bytes",
		"says so");
}

static void
none(void)
{
	ok(look(0, "", 0, 0, 0, 0, 0, 0) < 0, "an empty file");
	is_str(e.text, NO_IMAGE, "says so");
	is_int((long long)blocks, 0, "no blocks");
	ok(look(4096, "sqsh", 0, 0, 8, 40, 0, 0) < 0, "another byte order");
	ok(look(1025, "\xe2\xe1\xf5\xe0", 1024, 0, 0, 0, 0, 0) < 0, "a magic that is cut");
	is_str(e.text, NO_IMAGE, "says so");
	ok(image_look(&e, -1, &type) < 0, "no file");
}

static void
open_them(void)
{
	int file = -1;

	type = NULL;
	ok(image_open(&e, "/", &file, &type) == 0 && file < 0 && !type, "a directory");
	ok(image_open(&e, "/dev/null", &file, &type) < 0 && file < 0, "a device");
	is_str(e.text, NO_IMAGE, "says so");
	ok(image_open(&e, "/nonexistent", &file, &type) < 0, "nothing");
	is_str(e.text, "invalid rootfs: stat /nonexistent: no such file or directory", "says so");
}

int
main(void)
{
	role_enter(ROLE_HOST);
	kinds();
	too_short();
	none();
	open_them();
	return done_testing();
}
