#include "spec/fields.h"

/* The type of the member that a kind is stored in */
#define TYPE_STRING const char *
#define TYPE_BOOL bool
#define TYPE_U32 uint32_t
#define TYPE_I32 int32_t
#define TYPE_U64 uint64_t
#define TYPE_I64 int64_t
#define TYPE_WORD int
#define TYPE_FLAGS uint32_t
#define TYPE_LETTER char
#define TYPE_ACCESS uint8_t
#define TYPE_STRINGS struct strings
#define TYPE_CAPABILITIES uint64_t
#define TYPE_PAIRS struct pairs
#define TYPE_NAMESPACES struct spec_namespace *

/* 0, or no constant at all when the condition does not hold */
#define MUST(condition) (0 * sizeof(char[(condition) ? 1 : -1]))

/* The offset of a member that must have the type */
#define AT(type, tag, member) \
	((uint16_t)(offsetof(struct tag, member) + \
		MUST(_Generic(((struct tag *)0)->member, type : 1, default : 0))))

/* The same of the pair { TYPE *at; uint32_t n; } */
#define AT_LIST(type, tag, member) \
	((uint16_t)(AT(type *, tag, member.at) + \
		MUST(offsetof(struct tag, member.n) == \
			offsetof(struct tag, member.at) + sizeof(void *)) + \
		MUST(_Generic(((struct tag *)0)->member.n, uint32_t : 1, default : 0))))

/* How a row begins; its status is FIELD_DONE if nothing else is said. */
#define HEAD(text, json, how) .name = text, .kind = KIND_##json, .need = NEED_##how

/* A property that is stored in a member of struct TAG; then .flags, .min and so on may follow. */
#define ROW(text, json, how, tag, member) HEAD(text, json, how), .at = AT(TYPE_##json, tag, member)
#define WORD(text, json, how, tag, member, list) ROW(text, json, how, tag, member), .words = &(list)
#define U32S(text, how, tag, member) HEAD(text, U32S, how), .at = AT_LIST(uint32_t, tag, member)

/* An object stored in a member of its own, or (HERE) among the members of the outer one */
#define OBJECT(text, how, tag, member, type, rows) \
	HEAD(text, OBJECT, how), .at = AT(type, tag, member), .object = &(rows)
#define HERE(text, how, rows) HEAD(text, OBJECT, how), .object = &(rows)
#define LIST(text, how, tag, member, type, rows) \
	HEAD(text, LIST, how), .at = AT_LIST(type, tag, member), .object = &(rows)

/* What this version does not carry out: stored nowhere */
#define REFUSED(text, json, how) HEAD(text, json, how), .status = FIELD_REFUSED
#define WITHIN(text, json, how, rows) REFUSED(text, json, how), .object = &(rows)

#define SET(tag, member) .set = (uint16_t)(1 + AT(bool, tag, member))
#define RANGE(low, high) .min = (low), .max = (high)
#define UNSET .flags = FIELD_UNSET
#define WHOLE .flags = FIELD_WHOLE
#define KEPT .status = FIELD_REFUSED, .flags = FIELD_KEPT | FIELD_UNSET

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ROWS(rows, type) \
	{ \
		rows, N(rows), sizeof(type), NULL \
	}
#define ROWS_INITIAL(rows, type, initial) \
	{ \
		rows, N(rows), sizeof(type), &(initial) \
	}
#define ROWS_ONLY(rows) \
	{ \
		rows, N(rows), 0, NULL \
	}

/* (uid_t)-1 means "no change" to the kernel: it is not an id (PR-13, security.md section 9) */
#define ID RANGE(0, UINT32_MAX - 1)

/* makedev(3): the kernel has 12 bits for major and 20 for minor numbers; -1 is "any" in a rule */
enum { MAJOR_MAX = 0xfff, MINOR_MAX = 0xfffff };

/* clang-format off */

/* -- process: config.md#process, #posix-process, #linux-process, #user -------------------------- */

static const struct field console_size[] = {
	{ ROW("height", U32, optional, spec_process, console_size.height), SET(spec_process, console_size.height_set) },
	{ ROW("width",	U32, optional, spec_process, console_size.width),  SET(spec_process, console_size.width_set) },
};
static const struct object console_size_object = ROWS_ONLY(console_size);

static const struct field user[] = {
	{ ROW("uid",		U32, optional, spec_user, uid), ID },			/* DEC-13 */
	{ ROW("gid",		U32, optional, spec_user, gid), ID },
	{ ROW("umask",		U32, optional, spec_user, umask), SET(spec_user, umask_set) },
	{ U32S("additionalGids",     optional, spec_user, additional_gids), ID },
};
static const struct object user_object = ROWS(user, struct spec_user);

/* config.md#linux-process, capabilities */
static const struct field capabilities[] = {
	{ ROW("bounding",	CAPABILITIES, optional, spec_process, capabilities[CAPABILITY_BOUNDING]) },
	{ ROW("effective",	CAPABILITIES, optional, spec_process, capabilities[CAPABILITY_EFFECTIVE]) },
	{ ROW("permitted",	CAPABILITIES, optional, spec_process, capabilities[CAPABILITY_PERMITTED]) },
	{ ROW("inheritable",	CAPABILITIES, optional, spec_process, capabilities[CAPABILITY_INHERITABLE]) },
	{ ROW("ambient",	CAPABILITIES, optional, spec_process, capabilities[CAPABILITY_AMBIENT]) },
};
static const struct object capabilities_object = ROWS_ONLY(capabilities);

static const struct field rlimit[] = {
	{ WORD("type",	WORD,	required, spec_rlimit, resource, words_rlimit) },
	{ ROW("soft",	U64,	required, spec_rlimit, soft) },
	{ ROW("hard",	U64,	required, spec_rlimit, hard) },
};
static const struct object rlimit_object = ROWS(rlimit, struct spec_rlimit);

static const struct field scheduler[] = {
	{ REFUSED("policy",	STRING,	 required) },
	{ REFUSED("nice",	I32,	 optional) },
	{ REFUSED("priority",	I32,	 optional) },
	{ REFUSED("flags",	STRINGS, optional) },
	{ REFUSED("runtime",	U64,	 optional) },
	{ REFUSED("deadline",	U64,	 optional) },
	{ REFUSED("period",	U64,	 optional) },
};
static const struct object scheduler_object = ROWS_ONLY(scheduler);

static const struct field io_priority[] = {
	{ REFUSED("class",	STRING,	required) },
	{ REFUSED("priority",	I32,	optional) },
};
static const struct object io_priority_object = ROWS_ONLY(io_priority);

static const struct field exec_cpu_affinity[] = {
	{ REFUSED("initial",	STRING,	optional), UNSET },
	{ REFUSED("final",	STRING,	optional), UNSET },
};
static const struct object exec_cpu_affinity_object = ROWS_ONLY(exec_cpu_affinity);

static const struct field process[] = {
	{ ROW("terminal",	BOOL,	 optional, spec_process, terminal) },
	{ HERE("consoleSize",		 optional, console_size_object), SET(spec_process, console_size.present) },
	{ OBJECT("user",		 optional, spec_process, user, struct spec_user, user_object) },
	{ ROW("args",		STRINGS, checked,  spec_process, args) },		/* PR-6 */
	{ ROW("env",		STRINGS, optional, spec_process, env) },
	{ ROW("cwd",		STRING,	 checked,  spec_process, cwd) },		/* PR-4 */
	{ HERE("capabilities",		 optional, capabilities_object) },
	{ LIST("rlimits",		 optional, spec_process, rlimits, struct spec_rlimit, rlimit_object) },
	{ ROW("noNewPrivileges", BOOL,	 optional, spec_process, no_new_privileges) },
	{ ROW("oomScoreAdj",	I32,	 optional, spec_process, oom_score_adj), SET(spec_process, oom_score_adj_set) },
	{ ROW("apparmorProfile", STRING, optional, spec_process, apparmor_profile), KEPT },
	{ ROW("selinuxLabel",	STRING,	 optional, spec_process, selinux_label), KEPT },
	{ WITHIN("scheduler",	OBJECT,	 optional, scheduler_object), WHOLE },
	{ WITHIN("ioPriority",	OBJECT,	 optional, io_priority_object), WHOLE },
	{ WITHIN("execCPUAffinity", OBJECT, optional, exec_cpu_affinity_object) },
};
const struct object fields_process = ROWS(process, struct spec_process);

/* -- root, mounts, hooks: config.md#root, #mounts, #posix-platform-hooks ------------------------- */

static const struct field root[] = {
	{ ROW("path",		STRING,	required, spec_root, path) },
	{ ROW("readonly",	BOOL,	optional, spec_root, readonly) },
};
static const struct object root_object = ROWS(root, struct spec_root);

/* config-linux.md#user-namespace-mappings */
static const struct field idmap[] = {
	{ ROW("containerID",	U32,	required, spec_idmap, container_id) },
	{ ROW("hostID",		U32,	required, spec_idmap, host_id) },
	{ ROW("size",		U32,	required, spec_idmap, size), RANGE(1, UINT32_MAX) },
};
static const struct object idmap_object = ROWS(idmap, struct spec_idmap);

static const struct field mount[] = {
	{ ROW("destination",	STRING,	 required, spec_mount, destination) },
	{ ROW("type",		STRING,	 optional, spec_mount, type) },
	{ ROW("source",		STRING,	 optional, spec_mount, source) },
	{ ROW("options",	STRINGS, optional, spec_mount, options) },
	{ WITHIN("uidMappings",	LIST,	 optional, idmap_object) },
	{ WITHIN("gidMappings",	LIST,	 optional, idmap_object) },
};
static const struct object mount_object = ROWS(mount, struct spec_mount);

static const struct field hook[] = {
	{ ROW("path",		STRING,	 required, spec_hook, path) },
	{ ROW("args",		STRINGS, optional, spec_hook, args) },
	{ ROW("env",		STRINGS, optional, spec_hook, env) },
	{ ROW("timeout",	I64,	 optional, spec_hook, timeout), RANGE(1, INT64_MAX) },	/* HK-1 */
};
static const struct object hook_object = ROWS(hook, struct spec_hook);

#define HOOK(name, which) \
	{ LIST(name, optional, spec_hooks, kind[which], struct spec_hook, hook_object) }
static const struct field hooks[] = {
	HOOK("prestart",	HOOK_PRESTART),
	HOOK("createRuntime",	HOOK_CREATE_RUNTIME),
	HOOK("createContainer",	HOOK_CREATE_CONTAINER),
	HOOK("startContainer",	HOOK_START_CONTAINER),
	HOOK("poststart",	HOOK_POSTSTART),
	HOOK("poststop",	HOOK_POSTSTOP),
};
static const struct object hooks_object = ROWS(hooks, struct spec_hooks);

/* -- linux: config-linux.md ---------------------------------------------------------------------- */

static const struct field namespace[] = {
	{ WORD("type",	WORD,	required, fields_namespace, type, words_namespace) },
	{ ROW("path",	STRING,	optional, fields_namespace, path) },
};
static const struct object namespace_object = ROWS(namespace, struct fields_namespace);

/* config-linux.md#devices */
static const struct spec_device device_initial = { .major = -1, .minor = -1, .file_mode = 0666 };
static const struct field device[] = {
	{ WORD("type",		LETTER,	required, spec_device, type, words_device_type) },
	{ ROW("path",		STRING,	required, spec_device, path) },
	{ ROW("major",		I64,	optional, spec_device, major), RANGE(0, MAJOR_MAX) },
	{ ROW("minor",		I64,	optional, spec_device, minor), RANGE(0, MINOR_MAX) },
	{ ROW("fileMode",	U32,	optional, spec_device, file_mode) },
	{ ROW("uid",		U32,	optional, spec_device, uid), ID },
	{ ROW("gid",		U32,	optional, spec_device, gid), ID },
};
static const struct object device_object = ROWS_INITIAL(device, struct spec_device, device_initial);

static const struct field net_device[] = {
	{ REFUSED("name",	STRING,	optional) },
};
static const struct object net_device_object = ROWS_ONLY(net_device);

/* config-linux.md#allowed-device-list; CD-1: -1 is any */
static const struct spec_device_rule device_rule_initial = {
	.type = 'a', .major = -1, .minor = -1, .access = DEVICE_ALL,
};
static const struct field device_rule[] = {
	{ ROW("allow",		BOOL,	required, spec_device_rule, allow) },
	{ WORD("type",		LETTER,	optional, spec_device_rule, type, words_device_rule_type) },
	{ ROW("major",		I64,	optional, spec_device_rule, major), RANGE(-1, MAJOR_MAX) },
	{ ROW("minor",		I64,	optional, spec_device_rule, minor), RANGE(-1, MINOR_MAX) },
	{ ROW("access",		ACCESS,	optional, spec_device_rule, access) },
};
static const struct object device_rule_object =
	ROWS_INITIAL(device_rule, struct spec_device_rule, device_rule_initial);

/* config-linux.md#memory; 0 as DEC-31 has it */
static const struct field memory[] = {
	{ REFUSED("limit",		I64,	optional), UNSET },
	{ REFUSED("reservation",	I64,	optional), UNSET },
	{ REFUSED("swap",		I64,	optional), UNSET },
	{ REFUSED("kernel",		I64,	optional), UNSET },
	{ REFUSED("kernelTCP",		I64,	optional) },
	{ REFUSED("swappiness",		U64,	optional) },
	{ REFUSED("disableOOMKiller",	BOOL,	optional), UNSET },	/* false: Docker, always */
	{ REFUSED("useHierarchy",	BOOL,	optional) },
	{ REFUSED("checkBeforeUpdate",	BOOL,	optional), UNSET },	/* create has nothing to check */
};
static const struct object memory_object = ROWS_ONLY(memory);

/* config-linux.md#cpu; 0 as DEC-31 has it; CC-5: an empty list is the parent's */
static const struct field cpu[] = {
	{ REFUSED("shares",		U64,	optional), UNSET },
	{ REFUSED("quota",		I64,	optional), UNSET },
	{ REFUSED("burst",		U64,	optional) },
	{ REFUSED("period",		U64,	optional), UNSET },
	{ REFUSED("realtimeRuntime",	I64,	optional), UNSET },
	{ REFUSED("realtimePeriod",	U64,	optional), UNSET },
	{ REFUSED("cpus",		STRING,	optional), UNSET },
	{ REFUSED("mems",		STRING,	optional), UNSET },
	{ REFUSED("idle",		I64,	optional) },
};
static const struct object cpu_object = ROWS_ONLY(cpu);

static const struct field pids[] = {
	{ REFUSED("limit",	I64,	optional) },		/* DEC-12: 0 is a limit */
};
static const struct object pids_object = ROWS_ONLY(pids);

/* config-linux.md#block-io */
static const struct field weight_device[] = {
	{ REFUSED("major",	I64,	required) },
	{ REFUSED("minor",	I64,	required) },
	{ REFUSED("weight",	U16,	optional) },
	{ REFUSED("leafWeight",	U16,	optional) },
};
static const struct object weight_device_object = ROWS_ONLY(weight_device);

static const struct field throttle_device[] = {
	{ REFUSED("major",	I64,	required) },
	{ REFUSED("minor",	I64,	required) },
	{ REFUSED("rate",	U64,	required) },
};
static const struct object throttle_device_object = ROWS_ONLY(throttle_device);

static const struct field block_io[] = {
	{ REFUSED("weight",			U16,  optional), UNSET },	/* DEC-31 */
	{ REFUSED("leafWeight",			U16,  optional) },
	{ WITHIN("weightDevice",		LIST, optional, weight_device_object) },
	{ WITHIN("throttleReadBpsDevice",	LIST, optional, throttle_device_object) },
	{ WITHIN("throttleWriteBpsDevice",	LIST, optional, throttle_device_object) },
	{ WITHIN("throttleReadIOPSDevice",	LIST, optional, throttle_device_object) },
	{ WITHIN("throttleWriteIOPSDevice",	LIST, optional, throttle_device_object) },
};
static const struct object block_io_object = ROWS_ONLY(block_io);

/* config-linux.md#huge-page-limits */
static const struct field hugepage_limit[] = {
	{ REFUSED("pageSize",	STRING,	required) },
	{ REFUSED("limit",	U64,	required) },
};
static const struct object hugepage_limit_object = ROWS_ONLY(hugepage_limit);

/* config-linux.md#network */
static const struct field priority[] = {
	{ REFUSED("name",	STRING,	required) },
	{ REFUSED("priority",	U32,	required) },
};
static const struct object priority_object = ROWS_ONLY(priority);

static const struct field network[] = {
	{ REFUSED("classID",	U32,  optional) },
	{ WITHIN("priorities",	LIST, optional, priority_object) },
};
static const struct object network_object = ROWS_ONLY(network);

/* config-linux.md#rdma */
static const struct field rdma[] = {
	{ REFUSED("hcaHandles",	U32,	optional) },
	{ REFUSED("hcaObjects",	U32,	optional) },
};
static const struct object rdma_object = ROWS_ONLY(rdma);

static const struct field resources[] = {
	{ LIST("devices",		   optional, spec_resources, devices, struct spec_device_rule, device_rule_object),
		SET(spec_resources, devices.present) },
	{ WITHIN("memory",	   OBJECT, optional, memory_object) },
	{ WITHIN("cpu",		   OBJECT, optional, cpu_object) },
	{ WITHIN("pids",	   OBJECT, optional, pids_object) },
	{ WITHIN("blockIO",	   OBJECT, optional, block_io_object) },
	{ WITHIN("hugepageLimits", LIST,   optional, hugepage_limit_object) },
	{ WITHIN("network",	   OBJECT, optional, network_object) },
	{ WITHIN("rdma",	   MAP,	   optional, rdma_object) },
	{ REFUSED("unified",	   PAIRS,  optional) },
};
static const struct object resources_object = ROWS(resources, struct spec_resources);

/* config-linux.md#seccomp */
static const struct field syscall_arg[] = {
	{ REFUSED("index",	U32,	required) },
	{ REFUSED("value",	U64,	required) },
	{ REFUSED("valueTwo",	U64,	optional) },
	{ REFUSED("op",		STRING,	required) },
};
static const struct object syscall_arg_object = ROWS_ONLY(syscall_arg);

static const struct field syscall_rule[] = {
	{ REFUSED("names",	STRINGS, required) },
	{ REFUSED("action",	STRING,	 required) },
	{ REFUSED("errnoRet",	U32,	 optional) },
	{ WITHIN("args",	LIST,	 optional, syscall_arg_object) },
};
static const struct object syscall_rule_object = ROWS_ONLY(syscall_rule);

static const struct field seccomp[] = {
	{ REFUSED("defaultAction",	STRING,	 required) },
	{ REFUSED("defaultErrnoRet",	U32,	 optional) },
	{ REFUSED("architectures",	STRINGS, optional) },
	{ REFUSED("flags",		STRINGS, optional) },
	{ REFUSED("listenerPath",	STRING,	 optional) },
	{ REFUSED("listenerMetadata",	STRING,	 optional) },
	{ WITHIN("syscalls",		LIST,	 optional, syscall_rule_object) },
};
static const struct object seccomp_object = ROWS_ONLY(seccomp);

/* config-linux.md#intelrdt */
static const struct field intel_rdt[] = {
	{ REFUSED("closID",		STRING,	 optional) },
	{ REFUSED("schemata",		STRINGS, optional) },
	{ REFUSED("l3CacheSchema",	STRING,	 optional) },
	{ REFUSED("memBwSchema",	STRING,	 optional) },
	{ REFUSED("enableMonitoring",	BOOL,	 optional) },
};
static const struct object intel_rdt_object = ROWS_ONLY(intel_rdt);

/* config-linux.md#memory-policy */
static const struct field memory_policy[] = {
	{ REFUSED("mode",	STRING,	 required) },		/* DEC-17 */
	{ REFUSED("nodes",	STRING,	 optional) },
	{ REFUSED("flags",	STRINGS, optional) },
};
static const struct object memory_policy_object = ROWS_ONLY(memory_policy);

/* config-linux.md#personality */
static const struct field personality[] = {
	{ REFUSED("domain",	STRING,	 required) },
	{ REFUSED("flags",	STRINGS, optional) },
};
static const struct object personality_object = ROWS_ONLY(personality);

/* config-linux.md#namespace-time-offsets; an offset of 0 is none */
static const struct field time_offset[] = {
	{ REFUSED("secs",	I64,	optional), UNSET },
	{ REFUSED("nanosecs",	U32,	optional), UNSET },
};
static const struct object time_offset_object = ROWS_ONLY(time_offset);

static const struct field time_offsets[] = {
	{ WITHIN("boottime",	OBJECT, optional, time_offset_object) },
	{ WITHIN("monotonic",	OBJECT, optional, time_offset_object) },
};
static const struct object time_offsets_object = ROWS_ONLY(time_offsets);

static const struct field linux_rows[] = {
	{ ROW("namespaces", NAMESPACES,	   optional, spec_linux, namespaces), .object = &namespace_object },
	{ LIST("uidMappings",		   optional, spec_linux, uid_mappings, struct spec_idmap, idmap_object),
		SET(spec_linux, uid_mappings.present) },
	{ LIST("gidMappings",		   optional, spec_linux, gid_mappings, struct spec_idmap, idmap_object),
		SET(spec_linux, gid_mappings.present) },
	{ WITHIN("timeOffsets",	  OBJECT,  optional, time_offsets_object) },
	{ LIST("devices",		   optional, spec_linux, devices, struct spec_device, device_object) },
	{ WITHIN("netDevices",	  MAP,	   optional, net_device_object) },
	{ ROW("cgroupsPath",	  STRING,  optional, spec_linux, cgroups_path), UNSET },
	{ OBJECT("resources",		   optional, spec_linux, resources, struct spec_resources, resources_object),
		SET(spec_linux, resources.present) },
	{ WITHIN("intelRdt",	  OBJECT,  optional, intel_rdt_object), WHOLE },	/* RD-2: {} joins a group */
	{ WITHIN("memoryPolicy",  OBJECT,  optional, memory_policy_object), WHOLE },
	{ ROW("sysctl",		  PAIRS,   optional, spec_linux, sysctl) },
	{ WITHIN("seccomp",	  OBJECT,  optional, seccomp_object), WHOLE },
	{ WORD("rootfsPropagation", FLAGS, optional, spec_linux, rootfs_propagation, words_propagation) },
	{ ROW("maskedPaths",	  STRINGS, optional, spec_linux, masked_paths) },
	{ ROW("readonlyPaths",	  STRINGS, optional, spec_linux, readonly_paths) },
	{ ROW("mountLabel",	  STRING,  optional, spec_linux, mount_label), UNSET },
	{ WITHIN("personality",	  OBJECT,  optional, personality_object), WHOLE },
};
static const struct object linux_object = ROWS(linux_rows, struct spec_linux);

/* -- vm: config-vm.md (DEC-4) ---------------------------------------------------------------------- */

static const struct field vm_hypervisor[] = {
	{ REFUSED("path",	STRING,	 required) },
	{ REFUSED("parameters",	STRINGS, optional) },
};
static const struct object vm_hypervisor_object = ROWS_ONLY(vm_hypervisor);

static const struct field vm_kernel[] = {
	{ REFUSED("path",	STRING,	 required) },
	{ REFUSED("parameters",	STRINGS, optional) },
	{ REFUSED("initrd",	STRING,	 optional) },
};
static const struct object vm_kernel_object = ROWS_ONLY(vm_kernel);

static const struct field vm_image[] = {
	{ REFUSED("path",	STRING,	required) },
	{ REFUSED("format",	STRING,	optional) },
};
static const struct object vm_image_object = ROWS_ONLY(vm_image);

static const struct field vm_iomem[] = {
	{ REFUSED("firstGFN",	U64,	optional) },
	{ REFUSED("firstMFN",	U64,	required) },
	{ REFUSED("nrMFNs",	U64,	required) },
};
static const struct object vm_iomem_object = ROWS_ONLY(vm_iomem);

static const struct field vm_hw_config[] = {
	{ REFUSED("deviceTree",	STRING,	 optional) },
	{ REFUSED("vcpus",	U32,	 optional) },
	{ REFUSED("memory",	U64,	 optional) },
	{ REFUSED("dtdevs",	STRINGS, optional) },
	{ WITHIN("iomems",	LIST,	 optional, vm_iomem_object) },
	{ REFUSED("irqs",	U32S,	 optional) },
};
static const struct object vm_hw_config_object = ROWS_ONLY(vm_hw_config);

static const struct field vm[] = {
	{ WITHIN("hypervisor",	OBJECT,	optional, vm_hypervisor_object) },
	{ WITHIN("kernel",	OBJECT,	required, vm_kernel_object) },
	{ WITHIN("image",	OBJECT,	optional, vm_image_object) },
	{ WITHIN("hwConfig",	OBJECT,	optional, vm_hw_config_object) },
};
static const struct object vm_object = ROWS_ONLY(vm);

/* -- the whole: config.md ---------------------------------------------------------------------------- */

static const struct field config[] = {
	{ ROW("ociVersion",	STRING,	checked,  spec, oci_version) },			/* GEN-7 */
	{ OBJECT("root",		checked,  spec, root, struct spec_root, root_object), SET(spec, root.present) },
	{ LIST("mounts",		optional, spec, mounts, struct spec_mount, mount_object) },
	{ OBJECT("process",		checked,  spec, process, struct spec_process, fields_process),
		SET(spec, process.present) },
	{ ROW("hostname",	STRING,	optional, spec, hostname), UNSET },		/* UT-1 */
	{ ROW("domainname",	STRING,	optional, spec, domainname), UNSET },
	{ OBJECT("hooks",		optional, spec, hooks, struct spec_hooks, hooks_object) },
	{ ROW("annotations",	PAIRS,	optional, spec, annotations) },
	{ OBJECT("linux",		optional, spec, linux_, struct spec_linux, linux_object) },
	{ WITHIN("vm",		OBJECT,	optional, vm_object), WHOLE },			/* DEC-4 */
};
const struct object fields_config = ROWS(config, struct spec);

/* clang-format on */
