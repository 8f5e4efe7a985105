#include "commands/command.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "roles/update.h"
#include "spec/view.h"

#include <fcntl.h>

enum { DOCUMENT_MAX = 1 << 18 }; /* bytes of a document of limits */

static struct held held BUFFER;
static struct spec_resources resources;

static struct given {
	const char *document;
	const char *memory, *reservation, *swap, *kernel, *kernel_tcp;
	const char *period, *quota, *burst, *shares, *rt_period, *rt_runtime, *idle;
	const char *cpus, *mems, *pids, *weight, *l3_cache, *mem_bw;
} given;

/* clang-format off */
#define ROWS(ROW, T) \
	ROW(T, "resources",          'r', STRING, "FILE",   "a LinuxResources document; - is stdin", document) \
	ROW(T, "memory",             0,   STRING, "BYTES",  "memory limit", memory) \
	ROW(T, "memory-reservation", 0,   STRING, "BYTES",  "memory reservation", reservation) \
	ROW(T, "memory-swap",        0,   STRING, "BYTES",  "memory and swap together", swap) \
	ROW(T, "cpu-period",         0,   STRING, "US",     "CFS period", period) \
	ROW(T, "cpu-quota",          0,   STRING, "US",     "CFS quota", quota) \
	ROW(T, "cpu-burst",          0,   STRING, "US",     "CFS burst", burst) \
	ROW(T, "cpu-share",          0,   STRING, "N",      "CPU shares", shares) \
	ROW(T, "cpu-rt-period",      0,   STRING, "US",     "realtime period", rt_period) \
	ROW(T, "cpu-rt-runtime",     0,   STRING, "US",     "realtime runtime", rt_runtime) \
	ROW(T, "cpu-idle",           0,   STRING, "0|1",    "idle scheduling", idle) \
	ROW(T, "cpuset-cpus",        0,   STRING, "LIST",   "CPUs to run on", cpus) \
	ROW(T, "cpuset-mems",        0,   STRING, "LIST",   "memory nodes", mems) \
	ROW(T, "pids-limit",         0,   STRING, "N",      "number of processes", pids) \
	ROW(T, "blkio-weight",       0,   STRING, "N",      "weight of block I/O", weight) \
	ROW(T, "l3-cache-schema",    0,   STRING, "SCHEMA", "L3 cache schema", l3_cache) \
	ROW(T, "mem-bw-schema",      0,   STRING, "SCHEMA", "memory bandwidth schema", mem_bw) \
	ROW(T, "kernel-memory",      0,   STRING, "BYTES",  "ignored", kernel) \
	ROW(T, "kernel-memory-tcp",  0,   STRING, "BYTES",  "ignored", kernel_tcp)
/* clang-format on */

/* -- numbers ----------------------------------------------------------------------------------- */

static int
bad(struct err *e, const char *option, const char *text)
{
	return fail(e, "invalid value for %s: \"%s\"", option, text);
}

static int
read_number(struct err *e, const char *option, const char *text, int64_t *out)
{
	if (text && str_i64(text, out) < 0)
		return bad(e, option, text);
	return 0;
}

static int
read_unsigned(struct err *e, const char *option, const char *text, uint64_t *out)
{
	if (text && str_u64(text, out) < 0)
		return bad(e, option, text);
	return 0;
}

/* The exponent of 2 behind a size: "k", "KB", "kib" are 10; -1: none of them. */
static int
unit(const char *text)
{
	static const char letters[] = "bkmgtp";
	int exponent = 0;

	if (*text == '\0')
		return 0;
	for (; letters[exponent / 10] && !((*text | 32) == letters[exponent / 10]); exponent += 10)
		;
	if (!letters[exponent / 10])
		return -1;
	text++;
	if (exponent > 0 && (*text | 32) == 'i')
		text++;
	if (exponent > 0 && (*text | 32) == 'b')
		text++;
	return *text ? -1 : exponent;
}

/* "512", "1.5g", "-1": powers of 1024 (engines.md 1.2). */
static int
read_size(struct err *e, const char *option, const char *text, int64_t *out)
{
	size_t n = text ? str_span(text, "0123456789") : 0;
	uint64_t whole, part = 0, scale = 1;
	const char *at;
	int exponent;

	if (!text || str_equal(text, "-1")) {
		*out = text ? -1 : *out;
		return 0;
	}
	if (str_u64_n(text, n, &whole) < 0)
		return bad(e, option, text);
	at = text + n;
	for (at += *at == '.'; at > text + n && *at >= '0' && *at <= '9'; at++) {
		if (scale >= 10000)
			continue;
		part = part * 10 + (uint64_t)(*at - '0');
		scale *= 10;
	}
	exponent = unit(at);
	if (exponent < 0 || whole > (uint64_t)INT64_MAX >> (exponent + 1))
		return bad(e, option, text);
	*out = (int64_t)((whole << exponent) + ((part << exponent) / scale));
	return 0;
}

/* -- what is asked for ------------------------------------------------------------------------- */

static int
read_options(struct err *e, struct spec_resources *r)
{
	uint64_t block = 0;

	TRY(read_size(e, "memory", given.memory, &r->memory.limit));
	TRY(read_size(e, "memory-reservation", given.reservation, &r->memory.reservation));
	TRY(read_size(e, "memory-swap", given.swap, &r->memory.swap));
	TRY(read_unsigned(e, "cpu-period", given.period, &r->cpu.period));
	TRY(read_number(e, "cpu-quota", given.quota, &r->cpu.quota));
	TRY(read_unsigned(e, "cpu-burst", given.burst, &r->cpu.burst));
	TRY(read_unsigned(e, "cpu-share", given.shares, &r->cpu.shares));
	TRY(read_unsigned(e, "cpu-rt-period", given.rt_period, &r->cpu.realtime_period));
	TRY(read_number(e, "cpu-rt-runtime", given.rt_runtime, &r->cpu.realtime_runtime));
	TRY(read_number(e, "cpu-idle", given.idle, &r->cpu.idle));
	TRY(read_number(e, "pids-limit", given.pids, &r->pids.limit));
	TRY(read_unsigned(e, "blkio-weight", given.weight, &block));
	if (block > UINT16_MAX || r->cpu.idle < 0 || r->cpu.idle > 1)
		return bad(e, block > UINT16_MAX ? "blkio-weight" : "cpu-idle",
			block > UINT16_MAX ? given.weight : given.idle);
	r->block_io.weight = (uint16_t)block;
	r->cpu.idle_set = given.idle;
	r->pids.limit_set = given.pids;
	r->cpu.cpus = given.cpus && *given.cpus ? given.cpus : NULL;
	r->cpu.mems = given.mems && *given.mems ? given.mems : NULL;
	if (given.kernel || given.kernel_tcp)
		log_warning("kernel-memory, kernel-memory-tcp: ignored: they have no effect");
	return 0;
}

static int
read_resources(struct err *e, struct spec_resources *r)
{
	static char text[DOCUMENT_MAX] BUFFER;
	ssize_t n;

	if (!given.document)
		return read_options(e, r);
	if (str_equal(given.document, "-"))
		TRY(n = fd_read_all(e, 0, text, sizeof text, "stdin"));
	else
		TRY(n = fd_read_given(e, given.document, text, sizeof text));
	return spec_read_resources(e, r, text, (size_t)n, given.document);
}

static int
update_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	struct update_schemata schemata = {given.l3_cache, given.mem_bw};
	int result;

	(void)argc;
	if (given.document)
		schemata = (struct update_schemata){NULL, NULL};
	TRY(read_resources(e, &resources));
	TRY(held_open(e, &held, g->root, argv[0], HELD_LOCKED));
	result = update_limits(e, &held, &resources, &schemata);
	held_close(&held);
	return result;
}

const struct command command_update = {
	.name = "update",
	.operands = "<container-id>",
	.help = "change the limits of a container",
	.min = 1,
	.max = 1,
	.options = OPTIONS(ROWS, struct given, &given),
	.main = update_main,
};
