#include "commands/command.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "roles/update.h"
#include "spec/view.h"

#include <fcntl.h>

enum { DOCUMENT_MAX = 1 << 18 }; /* bytes of a document of limits */

static struct held held;
static struct spec_resources resources;

static const char *document;
static const char *memory, *reservation, *swap, *kernel, *kernel_tcp;
static const char *period, *quota, *burst, *shares, *rt_period, *rt_runtime, *idle;
static const char *cpus, *mems, *pids, *weight, *l3_cache, *mem_bw;

/* clang-format off */
static const struct option row[] = {
	{ "resources",		'r', OPTION_STRING, "FILE", "read a LinuxResources document; - is stdin", &document },
	{ "memory",		0, OPTION_STRING, "BYTES", "memory limit", &memory },
	{ "memory-reservation",	0, OPTION_STRING, "BYTES", "memory reservation", &reservation },
	{ "memory-swap",	0, OPTION_STRING, "BYTES", "limit of memory and swap together", &swap },
	{ "cpu-period",		0, OPTION_STRING, "US", "CFS period", &period },
	{ "cpu-quota",		0, OPTION_STRING, "US", "CFS quota", &quota },
	{ "cpu-burst",		0, OPTION_STRING, "US", "CFS burst", &burst },
	{ "cpu-share",		0, OPTION_STRING, "N", "CPU shares", &shares },
	{ "cpu-rt-period",	0, OPTION_STRING, "US", "realtime period", &rt_period },
	{ "cpu-rt-runtime",	0, OPTION_STRING, "US", "realtime runtime", &rt_runtime },
	{ "cpu-idle",		0, OPTION_STRING, "0|1", "idle scheduling", &idle },
	{ "cpuset-cpus",	0, OPTION_STRING, "LIST", "CPUs to run on", &cpus },
	{ "cpuset-mems",	0, OPTION_STRING, "LIST", "memory nodes", &mems },
	{ "pids-limit",		0, OPTION_STRING, "N", "number of processes", &pids },
	{ "blkio-weight",	0, OPTION_STRING, "N", "weight of block I/O", &weight },
	{ "l3-cache-schema",	0, OPTION_STRING, "SCHEMA", "L3 cache schema", &l3_cache },
	{ "mem-bw-schema",	0, OPTION_STRING, "SCHEMA", "memory bandwidth schema", &mem_bw },
	{ "kernel-memory",	0, OPTION_STRING, "BYTES", "ignored", &kernel },
	{ "kernel-memory-tcp",	0, OPTION_STRING, "BYTES", "ignored", &kernel_tcp },
};
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

	TRY(read_size(e, "memory", memory, &r->memory.limit));
	TRY(read_size(e, "memory-reservation", reservation, &r->memory.reservation));
	TRY(read_size(e, "memory-swap", swap, &r->memory.swap));
	TRY(read_unsigned(e, "cpu-period", period, &r->cpu.period));
	TRY(read_number(e, "cpu-quota", quota, &r->cpu.quota));
	TRY(read_unsigned(e, "cpu-burst", burst, &r->cpu.burst));
	TRY(read_unsigned(e, "cpu-share", shares, &r->cpu.shares));
	TRY(read_unsigned(e, "cpu-rt-period", rt_period, &r->cpu.realtime_period));
	TRY(read_number(e, "cpu-rt-runtime", rt_runtime, &r->cpu.realtime_runtime));
	TRY(read_number(e, "cpu-idle", idle, &r->cpu.idle));
	TRY(read_number(e, "pids-limit", pids, &r->pids.limit));
	TRY(read_unsigned(e, "blkio-weight", weight, &block));
	if (block > UINT16_MAX || r->cpu.idle < 0 || r->cpu.idle > 1)
		return bad(e, block > UINT16_MAX ? "blkio-weight" : "cpu-idle",
			block > UINT16_MAX ? weight : idle);
	r->block_io.weight = (uint16_t)block;
	r->cpu.idle_set = idle;
	r->pids.limit_set = pids;
	r->cpu.cpus = cpus && *cpus ? cpus : NULL;
	r->cpu.mems = mems && *mems ? mems : NULL;
	if (kernel || kernel_tcp)
		log_warning("kernel-memory, kernel-memory-tcp: ignored: they have no effect");
	if (l3_cache || mem_bw)
		return fail(e, "linux.intelRdt: not supported by this version of ocirt");
	return 0;
}

static int
read_resources(struct err *e, struct spec_resources *r)
{
	static char text[DOCUMENT_MAX] BUFFER;
	ssize_t n;

	if (!document)
		return read_options(e, r);
	if (str_equal(document, "-"))
		TRY(n = fd_read_all(e, 0, text, sizeof text, "stdin"));
	else
		TRY(n = fd_read_file(e, AT_FDCWD, document, text, sizeof text));
	return spec_read_resources(e, r, text, (size_t)n, document);
}

static int
update_main(struct err *e, const struct globals *g, int argc, char **argv)
{
	int result;

	(void)argc;
	TRY(read_resources(e, &resources));
	TRY(held_open(e, &held, g->root, argv[0], HELD_LOCKED));
	result = update_limits(e, &held, &resources);
	held_close(&held);
	return result;
}

const struct command command_update = {
	.name = "update",
	.operands = "<container-id>",
	.help = "change the limits of a container",
	.min = 1,
	.max = 1,
	.option = row,
	.n_options = sizeof row / sizeof *row,
	.main = update_main,
};
