/* The test vectors of the specification.  They were made for the schemas: most of the good ones
 * lack what a start needs or use what this version refuses, so each has its own expected message;
 * and a bad one for FreeBSD is not for us (GEN-3).  Runs at the top of the tree. */
#include "base/arena.h"
#include "spec/check.h"
#include "spec/view.h"
#include "tap.h"

#define DIR_OF_VECTORS "tests/data/oci-schema/test/config/"
#define NO_PROCESS "process property must not be empty: process is required to start"

/* clang-format off */
static const struct { const char *file, *error; } row[] = {
	{ "good/minimal-for-start.json",	NULL },
	{ "good/minimal.json",			NO_PROCESS },		/* OP-6 */
	{ "good/spec-example.json",		"ociVersion: 0.5.0-dev is not supported, only 1.x" },
	{ "good/linux-netdevice.json",		NO_PROCESS },
	{ "good/linux-rdma.json",		NO_PROCESS },
	{ "good/freebsd-example.json",		"hostname: needs a \"uts\" entry in linux.namespaces" },
	{ "good/freebsd-minimal.json",		NO_PROCESS },
	{ "good/zos-example.json",		"ociVersion: 0.5.0-dev is not supported, only 1.x" },
	{ "good/zos-minimal.json",		NO_PROCESS },
	{ "bad/freebsd-vnet-disable.json",	NO_PROCESS },
	{ "bad/linux-hugepage.json",		NO_PROCESS }, /* golden/refuse/ch_1_page_size has one */
	{ "bad/linux-netdevice.json",		"linux.netDevices.eth0.name: not a string" },
	{ "bad/linux-rdma.json",		"linux.resources.rdma.mlx5_1.hcaHandles: not a number" },
	{ "bad/invalid-json.json",		"config.json: line 1 column 2: expected a member's name, found ']'" },
};
/* clang-format on */

static char text[65536], path[256];
static struct err e;
static struct spec s;

int
main(void)
{
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		FILE *f;
		size_t n;
		int result;

		snprintf(path, sizeof(path), "%s%s", DIR_OF_VECTORS, row[i].file);
		f = fopen(path, "rb");
		if (!ok(f, "%s is there", path))
			continue;
		n = fread(text, 1, sizeof(text), f);
		fclose(f);
		arena_release(0);
		result = spec_read(&e, &s, text, n, "config.json");
		if (result == 0)
			result = spec_check(&e, &s);
		is_int(result, row[i].error ? -1 : 0, "%s", row[i].file);
		if (result < 0)
			is_str(e.text, row[i].error, "its message");
	}
	return done_testing();
}
