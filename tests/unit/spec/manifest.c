#include "spec/manifest.h"

#include "base/arena.h"
#include "tap.h"

#include <string.h>

#define D "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct err e;
static struct manifest m;
static char text[MANIFEST_TEXT_MAX + 1], out[MANIFEST_TEXT_MAX + 1];

/* The text that `seal` writes, member by member as the README has it. */
static const char whole[] = "{\n"
			    "  \"format\": 1,\n"
			    "  \"name\": \"app\",\n"
			    "  \"version\": 9007199254740991,\n"
			    "  \"created\": 1700000000,\n"
			    "  \"notBefore\": 1700000001,\n"
			    "  \"config\": {\n"
			    "    \"sha256\": \"" D "\"\n"
			    "  },\n"
			    "  \"root\": {\n"
			    "    \"path\": \"rootfs\",\n"
			    "    \"kind\": \"file\",\n"
			    "    \"size\": 20480,\n"
			    "    \"sha256\": \"" D "\",\n"
			    "    \"dmVerity\": {\n"
			    "      \"rootHash\": \"" D "\",\n"
			    "      \"salt\": \"" D "\",\n"
			    "      \"dataBlocks\": 4\n"
			    "    }\n"
			    "  },\n"
			    "  \"files\": [\n"
			    "    {\n"
			    "      \"path\": \"/usr/lib/h\\u0001\\\"k\",\n"
			    "      \"kind\": \"file\",\n"
			    "      \"size\": 0,\n"
			    "      \"sha256\": \"" D "\",\n"
			    "      \"fsVerity\": \"" D "\"\n"
			    "    },\n"
			    "    {\n"
			    "      \"path\": \"data\",\n"
			    "      \"kind\": \"directory\",\n"
			    "      \"sha256\": \"" D "\"\n"
			    "    }\n"
			    "  ]\n"
			    "}\n";

static void
test_both_ways(void)
{
	memcpy(text, whole, sizeof whole);
	is_int(manifest_read(&e, &m, text, sizeof whole - 1), 0, "a whole manifest is read");
	is_int(m.format, 1, "format");
	is_str(m.name, "app", "name");
	ok(m.version == (UINT64_C(1) << 53) - 1, "version");
	ok(m.created == 1700000000 && m.not_before == 1700000001, "times");
	is_str(m.config, D, "config");
	is_str(m.root.path, "rootfs", "root");
	is_int(m.root.kind, SEALED_FILE, "root: kind");
	ok(!m.root.fs_verity, "root: no fsVerity");
	is_str(m.root.dm_verity.root_hash, D, "root: dmVerity: rootHash");
	is_str(m.root.dm_verity.salt, D, "root: dmVerity: salt");
	is_int((long long)m.root.dm_verity.data_blocks, 4, "root: dmVerity: dataBlocks");
	is_int(m.files.at[1].kind, SEALED_DIRECTORY, "files: a directory");
	ok(!m.files.at[1].size_set && !m.files.at[1].fs_verity &&
			!m.files.at[1].dm_verity.root_hash,
		"files: nothing that a file has");
	is_int((int)m.files.n, 2, "files");
	is_str(m.files.at[0].path, "/usr/lib/h\001\"k", "a path with an escape");
	ok(m.files.at[0].size_set && m.files.at[0].size == 0, "a size of 0 is one");
	is_str(m.files.at[0].fs_verity, D, "fsVerity");
	is_int(manifest_find(&m, "data"), 1, "found");
	is_int(manifest_find(&m, "dat"), -1, "not found");
	is_int(manifest_write(&e, out, sizeof out, &m), (int)sizeof whole - 1, "written");
	is_str(out, whole, "as it was read");
	is_int(manifest_write(&e, out, sizeof whole, &m), (int)sizeof whole - 1, "it just fits");
	is_str(out, whole, "as it was read");
	is_int(manifest_write(&e, out, sizeof whole - 1, &m), -1, "it does not");
	is_str(e.text, "the manifest is larger than 1010 bytes", "and says so");
}

/* No prefix is a manifest, and none is read beyond its end. */
static void
test_every_prefix(void)
{
	bool refused = true;

	for (size_t n = 0; n < sizeof whole - 2; n++) {
		char *end = text + sizeof text - 1 - n;

		arena_release(0);
		memcpy(end, whole, n);
		end[n] = '\0';
		e.text[0] = '\0';
		refused = refused && manifest_read(&e, &m, end, n) < 0 &&
			strncmp(e.text, "seal.json: ", 11) == 0;
	}
	ok(refused, "every prefix is refused");
}

static void
test_names(void)
{
	char name[MANIFEST_NAME_MAX + 2];

	memset(name, 'x', sizeof name);
	name[MANIFEST_NAME_MAX] = '\0';
	is_int(manifest_check_name(&e, name), 0, "the longest name");
	name[MANIFEST_NAME_MAX] = 'x';
	name[MANIFEST_NAME_MAX + 1] = '\0';
	is_int(manifest_check_name(&e, name), -1, "one more");
	is_int(manifest_check_name(&e, "a-B_0+.1"), 0, "all kinds of letters");
}

int
main(void)
{
	test_both_ways();
	test_every_prefix();
	test_names();
	return done_testing();
}
