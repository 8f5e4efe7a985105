#include "roles/stats.h"

#include "base/arena.h"
#include "base/bits.h"
#include "base/fd.h"
#include "base/jsonw.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { LINE_MAX = 1 << 18, FILE_MAX = 1 << 16 };

/* The document as it is laid out, in rows of four texts: what it is, the member, its file of v1 and
 * its file of v2 ("=": as on v1).  Behind a blank stands the key of a line in the file.
 *
 *     {  an object   (  one that is left out when all in it is 0   }  its end
 *     n  a number; left out when it is 0 or there is no such file
 *     u  a time, of v1 in ticks, of v2 in microseconds   t  of v1 in nanoseconds; left out when 0
 *     l  a list of numbers   c  one like "0-3"
 *     m  an object of a limit, use and failures; the files begin so
 *     z  members that are the names of v1 files which begin so; 0 on v2
 *     s  every line of a file: a name and a number
 *     b  entries of block devices: on v2 Read and Write are keys of their own
 *     p  pressure   h  one object for each size of huge pages */
static const char rows[] =
	"{\0cpu\0\0\0"
	"{\0usage\0\0\0"
	"t\0total\0cpuacct.usage\0cpu.stat usage_usec\0"
	"l\0percpu\0cpuacct.usage_percpu\0\0"
	"l\0percpu_kernel\0cpuacct.usage_percpu_sys\0\0"
	"l\0percpu_user\0cpuacct.usage_percpu_user\0\0"
	"u\0kernel\0cpuacct.stat system\0cpu.stat system_usec\0"
	"u\0user\0cpuacct.stat user\0cpu.stat user_usec\0"
	"}\0\0\0\0"
	"(\0throttling\0\0\0"
	"n\0periods\0cpu.stat nr_periods\0=\0"
	"n\0throttledPeriods\0cpu.stat nr_throttled\0=\0"
	"t\0throttledTime\0cpu.stat throttled_time\0cpu.stat throttled_usec\0"
	"}\0\0\0\0"
	"p\0psi\0\0cpu.pressure\0"
	"}\0\0\0\0"
	"{\0cpuset\0\0\0"
	"c\0cpus\0cpuset.cpus\0\0"
	"c\0mems\0cpuset.mems\0\0"
	"z\0cpu_exclusive mem_hardwall mem_exclusive memory_migrate memory_spread_page "
	"memory_spread_slab memory_pressure sched_load_balance sched_relax_domain_level\0"
	"cpuset.\0=\0"
	"}\0\0\0\0"
	"{\0memory\0\0\0"
	"n\0cache\0memory.stat cache\0memory.stat file\0"
	"m\0usage\0memory.\0=\0"
	"m\0swap\0memory.memsw.\0memory.swap.\0"
	"m\0kernel\0memory.kmem.\0\0"
	"m\0kernelTCP\0memory.kmem.tcp.\0\0"
	"s\0raw\0memory.stat\0=\0"
	"p\0psi\0\0memory.pressure\0"
	"}\0\0\0\0"
	"{\0pids\0\0\0"
	"n\0current\0pids.current\0=\0"
	"n\0limit\0pids.max\0=\0"
	"}\0\0\0\0"
	"{\0blkio\0\0\0"
	"b\0ioServiceBytesRecursive\0blkio.throttle.io_service_bytes_recursive\0io.stat bytes=\0"
	"b\0ioServicedRecursive\0blkio.throttle.io_serviced_recursive\0io.stat ios=\0"
	"b\0ioQueueRecursive\0blkio.bfq.io_queued_recursive\0\0"
	"b\0ioServiceTimeRecursive\0blkio.bfq.io_service_time_recursive\0\0"
	"b\0ioWaitTimeRecursive\0blkio.bfq.io_wait_time_recursive\0\0"
	"b\0ioMergedRecursive\0blkio.bfq.io_merged_recursive\0\0"
	"b\0ioTimeRecursive\0blkio.bfq.time_recursive\0\0"
	"b\0sectorsRecursive\0blkio.bfq.sectors_recursive\0\0"
	"p\0psi\0\0io.pressure\0"
	"}\0\0\0\0"
	"{\0hugetlb\0\0\0"
	"h\0\0hugetlb.\0=\0"
	"}\0\0\0\0";

/* The document while it is written. */
struct doc {
	const struct held *h;
	struct jsonw w;
	bool any; /* something that is not 0 has been written */
	bool v2;  /* of the row: which of its files was taken */
	char file[FILE_MAX];
};

/* -- files ------------------------------------------------------------------------------------- */

/* The directory in which the files of a controller are, v1 before v2; NULL: none. */
static const char *
find_dir(struct doc *d, const char *v1, const char *v2)
{
	const char *found = NULL;
	char controller[16];

	(void)str_format(controller, sizeof controller, "%.*s", (int)str_until(v1, "."), v1);
	for (uint32_t i = 0; i < d->h->cgroups.n; i++) {
		const struct cgroup_dir *dir = &d->h->cgroups.at[i];

		d->v2 = *dir->controllers == '\0';
		if (!d->v2 && *v1 && str_listed(dir->controllers, controller))
			return dir->dir;
		if (d->v2 && *v2)
			found = dir->dir;
	}
	d->v2 = true;
	return found;
}

/* Reads "file key" or "file" of a directory.  Returns its text from the value on, or NULL. */
static char *
read_value(struct doc *d, const char *dir, const char *what)
{
	size_t n = str_until(what, " ");
	const char *key = what[n] ? what + n + 1 : NULL;
	char path[PLAN_PATH_MAX], *line = d->file;
	struct err ignored;

	if (str_format(path, sizeof path, "%s/%.*s", dir, (int)n, what) < 0 ||
		fd_read_file(&ignored, AT_FDCWD, path, d->file, sizeof d->file) < 0)
		return NULL;
	for (; key && *line; line += line[str_until(line, "\n")] != '\0') {
		size_t len = strlen(key);

		if (str_starts(line, key) && line[len] == ' ')
			return line + len + 1;
		line += str_until(line, "\n");
	}
	return key ? NULL : line;
}

/* Takes the word at *at, and moves behind it and the character that ended it. */
static char *
take(char **at, const char *ends)
{
	char *word = *at;

	*at += str_until(word, ends);
	if (**at)
		*(*at)++ = '\0';
	return word;
}

/* -- rows -------------------------------------------------------------------------------------- */

static void
put_number(struct doc *d, char op, const char *member, char *at)
{
	const bool left_out = op == 'n' || op == 't';
	const char *text = take(&at, " \n");
	uint64_t value;

	if (str_equal(text, "max")) {
		if (left_out)
			return;
		text = "18446744073709551615";
	}
	if (str_equal(text, "0") && left_out)
		return;
	d->any |= !str_equal(text, "0");
	if ((op == 'u' || op == 't') && str_u64(text, &value) == 0)
		jsonw_u64(&d->w, member, value * (d->v2 ? 1000 : op == 'u' ? 10000000 : 1));
	else
		jsonw_raw(&d->w, member, text);
}

static void
put_list(struct doc *d, char op, const char *member, char *at)
{
	struct bits b;

	at[str_until(at, "\n")] = '\0';
	if (*at == '\0')
		return;
	jsonw_begin_array(&d->w, member);
	if (op == 'l')
		while (*at)
			jsonw_raw(&d->w, NULL, take(&at, " "));
	else if (bits_read(&b, at) > 0)
		for (uint32_t i = 0; i < BITS_MAX; i++)
			if (b.at[i / BITS_LONG] >> i % BITS_LONG & 1)
				jsonw_u64(&d->w, NULL, i);
	jsonw_end_array(&d->w);
}

/* "0.50" is 0.5, as everybody writes it. */
static const char *
shorten(char *number)
{
	char *end = strchr(number, '.');

	if (!end)
		return number;
	for (end += strlen(end); end[-1] == '0'; end--)
		;
	end[end[-1] == '.' ? -1 : 0] = '\0';
	return number;
}

/* "name number" in each line; pressure has several "name=number" behind the name. */
static void
put_lines(struct doc *d, char op, const char *member, char *at)
{
	jsonw_begin_object(&d->w, member);
	while (*at) {
		char *line = take(&at, "\n"), *name = take(&line, " ");

		if (op == 's') {
			jsonw_raw(&d->w, name, line);
			continue;
		}
		jsonw_begin_object(&d->w, name);
		while (*line) {
			name = take(&line, "=");
			jsonw_raw(&d->w, name, shorten(take(&line, " ")));
		}
		jsonw_end_object(&d->w);
	}
	jsonw_end_object(&d->w);
}

static void
put_block(struct doc *d, const char *major, const char *minor, const char *op, const char *value)
{
	d->any = true;
	jsonw_begin_object(&d->w, NULL);
	jsonw_raw(&d->w, "major", major);
	jsonw_raw(&d->w, "minor", minor);
	if (*op)
		jsonw_string(&d->w, "op", op);
	if (!str_equal(value, "0"))
		jsonw_raw(&d->w, "value", value);
	jsonw_end_object(&d->w);
}

/* "8:0 Read 4096", "Total 4096"; of v2 "8:0 rbytes=4096 wbytes=0 rios=1". */
static void
put_blocks(struct doc *d, const char *member, const char *key, char *at)
{
	const struct jsonw before = d->w;
	bool any = false;

	jsonw_begin_array(&d->w, member);
	while (*at) {
		char *line = take(&at, "\n"), *major, *minor;

		if (!strchr(line, ':'))
			continue;
		major = take(&line, ":");
		minor = take(&line, " ");
		any = true;
		if (!d->v2) {
			char *op = strchr(line, ' ') ? take(&line, " ") : line + strlen(line);

			put_block(d, major, minor, op, line);
		}
		while (d->v2 && *line) {
			char *name = take(&line, " ");

			if (str_starts(name + 1, key) && (*name == 'r' || *name == 'w'))
				put_block(d, major, minor, *name == 'r' ? "Read" : "Write",
					name + 1 + strlen(key));
		}
	}
	jsonw_end_array(&d->w);
	if (!any)
		d->w = before;
}

/* What v2 counts for swap alone with what it counts for memory, as v1 has it, and runc. */
static char *
with_memory(struct doc *d, const char *dir, const char *file, char *swap)
{
	static char sum[24];
	char what[32], *at;
	uint64_t a, b;

	if (str_u64_n(swap, str_until(swap, "\n"), &a) < 0)
		return swap;					/* max */
	(void)str_format(what, sizeof what, "memory.%s", file); /* fits */
	at = read_value(d, dir, what);
	if (!at || str_u64_n(at, str_until(at, "\n"), &b) < 0)
		return at;
	(void)str_format(sum, sizeof sum, "%ju", (uintmax_t)(a + b)); /* fits */
	return sum;
}

/* Use, its peak, the limit and failures; of huge pages there is no limit here. */
static void
put_entry(struct doc *d, const char *dir, const char *member, const char *prefix, bool limit)
{
	static const char names[] = "limit\0usage\0max\0failcnt";
	static const char files[2][72] = {
		"limit_in_bytes\0usage_in_bytes\0max_usage_in_bytes\0failcnt",
		"max\0current\0peak\0events max"};
	const char *name = names, *file = files[d->v2];
	const struct jsonw before = d->w;
	const bool any = d->any;

	d->any = false;
	jsonw_begin_object(&d->w, member);
	for (int i = 0; i < 4; i++, name = str_after(name), file = str_after(file)) {
		char what[96], *at;

		(void)str_format(what, sizeof what, "%s%s", prefix, file); /* fits */
		at = i == 0 && !limit ? NULL : read_value(d, dir, what);
		if (at && i < 2 && str_equal(prefix, "memory.swap."))
			at = with_memory(d, dir, file, at);
		if (at)
			put_number(d, i % 3 == 0 ? '0' : 'n', name, at);
	}
	jsonw_end_object(&d->w);
	if (limit && !d->any)
		d->w = before;
	d->any |= any;
}

/* One object for each size: "hugetlb.2MB.failcnt". */
static void
put_hugepages(struct doc *d, const char *dir)
{
	const char *end = d->v2 ? ".current" : ".failcnt";
	FD_AUTO int fd = openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct fd_entry *entry;
	struct fd_dir walk;

	fd_dir_open(&walk, fd);
	while ((entry = fd_dir_next(&walk))) {
		char prefix[64], *size = prefix + strlen("hugetlb.");
		char member[64];

		if (!str_starts(entry->name, "hugetlb.") || !str_ends(entry->name, end) ||
			str_find(entry->name, ".rsvd.") ||
			str_format(prefix, sizeof prefix, "%s", entry->name) < 0)
			continue;
		size[str_until(size, ".") + 1] = '\0';
		(void)str_format(member, sizeof member, "%.*s", (int)str_until(size, "."), size);
		put_entry(d, dir, member, prefix, false);
	}
}

/* Of v2 they are not there, and 0 as under runc. */
static void
put_zeroes(struct doc *d, const char *dir, const char *members, const char *prefix)
{
	for (const char *at = members; *at; at += at[0] == ' ') {
		char member[32], what[64], zero[] = "0", *value;

		(void)str_format(member, sizeof member, "%.*s", (int)str_until(at, " "), at);
		(void)str_format(what, sizeof what, "%s%s", prefix, member);
		value = d->v2 ? zero : read_value(d, dir, what);
		if (value)
			put_number(d, '0', member, value);
		at += str_until(at, " ");
	}
}

static void
put_file(struct doc *d, char op, const char *member, const char *key, char *at)
{
	if (op == 'l' || op == 'c')
		put_list(d, op, member, at);
	else if (op == 's' || op == 'p')
		put_lines(d, op, member, at);
	else if (op == 'b')
		put_blocks(d, member, key, at);
	else
		put_number(d, op, member, at);
}

static void
put_row(struct doc *d, char op, const char *member, const char *v1, const char *v2)
{
	const char *dir = find_dir(d, v1, v2), *what = d->v2 && *v2 != '=' ? v2 : v1;
	char *at;

	if (!dir)
		return;
	if (op == 'h')
		put_hugepages(d, dir);
	else if (op == 'm')
		put_entry(d, dir, member, what, true);
	else if (op == 'z')
		put_zeroes(d, dir, member, what);
	else if ((at = read_value(d, dir, op == 'b' && d->v2 ? "io.stat" : what)))
		put_file(d, op, member, v2 + str_until(v2, " ") + 1, at);
}

/* Puts the members of an object; returns the row behind its end. */
static const char *
put_object(struct doc *d, const char *row)
{
	const bool optional = *row == '(', before_any = d->any;
	const struct jsonw before = d->w;

	jsonw_begin_object(&d->w, row + 2);
	row = str_after(str_after(str_after(str_after(row))));
	d->any = false;
	while (*row != '}') {
		const char *member = row + 2, *v1 = str_after(member), *v2 = str_after(v1);

		if (*row == '{' || *row == '(') {
			row = put_object(d, row);
			continue;
		}
		put_row(d, *row, member, v1, v2);
		row = str_after(v2);
	}
	jsonw_end_object(&d->w);
	if (optional && !d->any)
		d->w = before;
	d->any |= before_any;
	return str_after(str_after(str_after(str_after(row))));
}

const char *
stats_line(struct err *e, const struct held *h)
{
	static char out[LINE_MAX] BUFFER;
	static struct doc d BUFFER;
	const char *row = rows;

	d.h = h;
	d.w = jsonw_in(out, sizeof out - 1, JSONW_COMPACT);
	jsonw_text(&d.w, "{'type':'stats'");
	jsonw_string(&d.w, "id", h->state.id);
	jsonw_begin_object(&d.w, "data");
	while (*row)
		row = put_object(&d, row);
	jsonw_text(&d.w, "'intel_rdt':{},'network_interfaces':null}}");
	if (d.w.cut) {
		(void)fail(e, "the statistics are longer than %d bytes", LINE_MAX);
		return NULL;
	}
	memcpy(out + d.w.len, "\n", 2);
	return out;
}
