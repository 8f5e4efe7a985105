#include "kernel/measure.h"

#include "base/fd.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct err e;
static char place[] = "/tmp/measure.XXXXXX";

static int
file_of(const char *name, const void *data, size_t len)
{
	int dir = open(place, O_RDONLY | O_DIRECTORY);

	ok(fd_replace(&e, dir, name, 0644, data, len) == 0, "%s is made", name);
	close(dir);
	dir = open(place, O_RDONLY | O_DIRECTORY);
	int fd = openat(dir, name, O_RDONLY);
	close(dir);
	return fd;
}

/* FIPS 180-4's own example and fsverity-utils' digest of the same bytes are what they are. */
static void
test_file(void)
{
	int fd = file_of("abc", "abc", 3);
	char digest[DIGEST_TEXT];
	struct measured m;

	is_int(measure_file(&e, fd, "abc", &m, true), 0, "a file");
	is_str(m.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"its SHA-256");
	is_int((long long)m.size, 3, "its size");
	lseek(fd, 2, SEEK_SET);
	m.fs_verity[0] = '\0';
	is_int(measure_file(&e, fd, "abc", &m, false), 0, "again, whatever its offset");
	is_int((long long)m.size, 3, "as a whole");
	is_str(m.fs_verity, "", "without the digest that was not wanted");
	ok(!measure_verity(fd, digest), "it has no fs-verity");
	close(fd);
	fd = open(place, O_RDONLY | O_DIRECTORY);
	is_int(measure_file(&e, fd, "dir", &m, false), -1, "a directory is no file");
	is_str(e.text, "read dir: is a directory", "and is named");
	close(fd);
}

/* A tree of one block above two blocks of zeros; root and salt are veritysetup's. */
static void
test_tree(void)
{
	static uint8_t image[4 * 4096];
	uint8_t *super = image + 2 * 4096, *tree = image + 3 * 4096;
	struct measured_tree t = {.blocks = 2};
	uint8_t digest[DIGEST_SIZE];
	int fd;

	memcpy(super, "verity\0\0\1\0\0\0\1", 13);
	memcpy(super + 32, "sha256", 6);
	super[65] = super[69] = 16;
	super[72] = 2;
	super[80] = DIGEST_SIZE;
	{
		static uint8_t salted[DIGEST_SIZE + 4096];

		digest_of(salted, sizeof salted, digest);
	}
	memcpy(tree, digest, sizeof digest);
	memcpy(tree + sizeof digest, digest, sizeof digest);
	fd = file_of("image", image, sizeof image);
	is_int(measure_dm_verity(&e, fd, "image", &t), 0, "an image with a tree");
	is_str(t.root_hash, "05927d36681daf2129a7ab821c194d61c7943aba7a8a38532b2e075ca1e56736",
		"its root");
	is_str(t.salt, "0000000000000000000000000000000000000000000000000000000000000000",
		"its salt");
	close(fd);
	tree[4095] = 1;
	fd = file_of("image", image, sizeof image);
	is_int(measure_dm_verity(&e, fd, "image", &t), -1, "a bit behind the digests");
	is_str(e.text, "image: its dm-verity tree is not one of its data", "is told");
	t.blocks = 1;
	is_int(measure_dm_verity(&e, fd, "image", &t), 0, "nothing behind the first block");
	is_str(t.root_hash, "", "is no tree");
	t.blocks = 4;
	is_int(measure_dm_verity(&e, fd, "image", &t), 0, "nothing behind the file");
	is_str(t.root_hash, "", "is no tree");
	close(fd);
}

/* What is on the host does not change it: order, times, links, inodes. */
static void
test_directory(void)
{
	char first[DIGEST_TEXT], second[DIGEST_TEXT];
	int dir = open(place, O_RDONLY | O_DIRECTORY);
	const struct timespec old[2] = {{1, 2}, {3, 4}};

	ok(mkdirat(dir, "d", 0755) == 0 && symlinkat("x", dir, "d/l") == 0, "something in it");
	is_int(measure_directory(&e, dir, "place", first), 0, "a directory");
	ok(utimensat(dir, "d", old, 0) == 0, "its times are changed");
	is_int(measure_directory(&e, dir, "place", second), 0, "again, whatever its offset");
	is_str(second, first, "the same");
	ok(unlinkat(dir, "d/l", 0) == 0 && symlinkat("y", dir, "d/l") == 0, "another target");
	is_int(measure_directory(&e, dir, "place", second), 0, "again");
	ok(strcmp(first, second) != 0, "not the same");
	unlinkat(dir, "d/l", 0);
	unlinkat(dir, "d", AT_REMOVEDIR);
	unlinkat(dir, "abc", 0);
	unlinkat(dir, "image", 0);
	close(dir);
}

int
main(void)
{
	if (!ok(mkdtemp(place) != NULL, "a place for files"))
		return done_testing();
	test_file();
	test_tree();
	test_directory();
	rmdir(place);
	return done_testing();
}
