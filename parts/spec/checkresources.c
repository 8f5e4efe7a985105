#include "spec/checkresources.h"

#include "base/bits.h"
#include "base/log.h"
#include "base/str.h"

#include <string.h>

/* CM-3: what is limited is memory and swap together. */
static int
check_memory(struct err *e, const struct spec_resources *r)
{
	int64_t limit = r->memory.limit, swap = r->memory.swap;

	if (swap > 0 && limit == 0)
		return fail(e, "linux.resources.memory.swap: needs memory.limit");
	if (swap > 0 && limit > swap)
		return fail(e,
			"linux.resources.memory.swap: %lld is less than memory.limit: it is the "
			"limit "
			"of memory and swap together",
			(long long)swap);
	if (r->memory.kernel != 0 || r->memory.kernel_tcp != 0) /* CM-4 */
		log_warning("linux.resources.memory.kernel and kernelTCP: ignored: they have no "
			    "effect");
	return 0;
}

static bool
is_list(const char *text)
{
	struct bits b;

	return bits_read(&b, text) > 0;
}

static int
check_cpu(struct err *e, const struct spec_resources *r)
{
	if (r->cpu.cpus && !is_list(r->cpu.cpus))
		return fail(
			e, "linux.resources.cpu.cpus: \"%s\" is not a list of CPUs", r->cpu.cpus);
	if (r->cpu.mems && !is_list(r->cpu.mems))
		return fail(e, "linux.resources.cpu.mems: \"%s\" is not a list of memory nodes",
			r->cpu.mems);
	if (r->cpu.quota > 0 && r->cpu.burst > (uint64_t)r->cpu.quota) /* CC-3 */
		return fail(e, "linux.resources.cpu.burst: %llu is more than cpu.quota",
			(unsigned long long)r->cpu.burst);
	return 0;
}

/* CB-3 */
static int
check_block_io(struct err *e, const struct spec_resources *r)
{
	for (uint32_t i = 0; i < r->block_io.weight_device.n; i++) {
		const struct spec_weight_device *d = &r->block_io.weight_device.at[i];

		if (!d->weight_set && !d->leaf_weight_set)
			return fail(e,
				"linux.resources.blockIO.weightDevice[%u]: weight or leafWeight is "
				"needed",
				i);
	}
	return 0;
}

/* CH-1: "2MB", "1GB" */
static bool
is_page_size(const char *text)
{
	size_t n = str_span(text, "0123456789");

	return n > 0 && *text != '0' && text[n] && strchr("KMG", text[n]) &&
		str_equal(text + n + 1, "B");
}

static int
check_hugepages(struct err *e, const struct spec_resources *r)
{
	for (uint32_t i = 0; i < r->hugepage_limits.n; i++) {
		const char *size = r->hugepage_limits.at[i].page_size;

		if (!is_page_size(size))
			return fail(e,
				"linux.resources.hugepageLimits[%u].pageSize: \"%s\" is not a size "
				"such as 2MB",
				i, size);
	}
	return 0;
}

/* CR-1: the name becomes a word of a line. */
static int
check_rdma(struct err *e, const struct spec_resources *r)
{
	for (uint32_t i = 0; i < r->rdma.n; i++) {
		const struct spec_rdma *d = &r->rdma.at[i];

		if (*d->device == '\0' || d->device[str_until(d->device, " \n")] != '\0')
			return fail(e, "linux.resources.rdma[\"%s\"]: not the name of a device",
				d->device);
		if (!d->hca_handles_set && !d->hca_objects_set)
			return fail(e,
				"linux.resources.rdma[\"%s\"]: hcaHandles or hcaObjects is needed",
				d->device);
	}
	return 0;
}

/* CN-2 */
static int
check_network(struct err *e, const struct spec_resources *r)
{
	for (uint32_t i = 0; i < r->network.priorities.n; i++) {
		const char *name = r->network.priorities.at[i].name;

		if (*name == '\0' || name[str_until(name, " \n/")] != '\0')
			return fail(e,
				"linux.resources.network.priorities[%u].name: \"%s\" is not the "
				"name of an "
				"interface",
				i, name);
	}
	return 0;
}

/* CU-1: a file of this cgroup, not of another one. */
static int
check_unified(struct err *e, const struct spec_resources *r)
{
	for (uint32_t i = 0; i < r->unified.n; i++) {
		const char *name = r->unified.at[i].name;

		if (*name == '\0' || *name == '.' || strchr(name, '/') || !strchr(name, '.'))
			return fail(e,
				"linux.resources.unified[\"%s\"]: not the name of a cgroup file",
				name);
		if (str_equal(name, "cgroup.procs") || str_equal(name, "cgroup.threads"))
			return fail(e, "linux.resources.unified[\"%s\"]: moves processes: refused",
				name);
	}
	return 0;
}

int
checkresources_all(struct err *e, const struct spec_resources *r)
{
	TRY(check_memory(e, r));
	TRY(check_cpu(e, r));
	TRY(check_block_io(e, r));
	TRY(check_hugepages(e, r));
	TRY(check_rdma(e, r));
	TRY(check_network(e, r));
	return check_unified(e, r);
}
