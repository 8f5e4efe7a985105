#include "plan/plan.h"

#include "base/str.h"
#include "base/sys.h"
#include "plan/printbpf.h"
#include "words/words.h"

/* One line a row: a word for its kind, then what it is about, then what is not as usual.  The
 * sections stand in the order in which they are carried out.  Control bytes and backslashes of the
 * config's strings are escaped, and blanks too where more follows in the row, so that no string can
 * pass for a row or a member of one. */

static void
add_escaped(struct str *out, const char *s, bool blanks)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '\\')
			(void)str_add(out, "\\\\");
		else if (c < ' ' || c == 0x7f || (c == ' ' && blanks))
			(void)str_add(out, "\\x%02x", c);
		else
			(void)str_add_bytes(out, s, 1);
	}
}

static void
add_text(struct str *out, const char *s)
{
	add_escaped(out, s, true);
}

/* " NAME=VALUE" */
static void
add_member(struct str *out, const char *name, const char *value)
{
	if (!value)
		return;
	(void)str_add(out, " %s=", name);
	add_text(out, value);
}

/* "KIND VALUE\n" */
static void
add_row(struct str *out, const char *kind, const char *value)
{
	(void)str_add(out, "%s ", kind);
	add_escaped(out, value, false);
	(void)str_add(out, "\n");
}

static void
add_flag(struct str *out, bool set, const char *name)
{
	if (set)
		(void)str_add(out, " %s", name);
}

static void
add_pairs(struct str *out, const char *kind, const struct pairs *list)
{
	for (uint32_t i = 0; i < list->n; i++) {
		(void)str_add(out, "%s ", kind);
		add_text(out, list->at[i].name);
		add_row(out, "", list->at[i].value);
	}
}

/* -- names of bits -------------------------------------------------------------------------- */

struct bit {
	uint32_t value;
	char name[12];
};

/* mount(2) */
static const struct bit mount_bits[] = {
	/* clang-format off */
	{ MS_RDONLY,      "rdonly"      },
	{ MS_NOSUID,      "nosuid"      },
	{ MS_NODEV,       "nodev"       },
	{ MS_NOEXEC,      "noexec"      },
	{ MS_SYNCHRONOUS, "synchronous" },
	{ MS_REMOUNT,     "remount"     },
	{ MS_DIRSYNC,     "dirsync"     },
	{ MS_NOSYMFOLLOW, "nosymfollow" },
	{ MS_NOATIME,     "noatime"     },
	{ MS_NODIRATIME,  "nodiratime"  },
	{ MS_BIND,        "bind"        },
	{ MS_REC,         "rec"         },
	{ MS_SILENT,      "silent"      },
	{ MS_UNBINDABLE,  "unbindable"  },
	{ MS_PRIVATE,     "private"     },
	{ MS_SLAVE,       "slave"       },
	{ MS_SHARED,      "shared"      },
	{ MS_RELATIME,    "relatime"    },
	{ MS_I_VERSION,   "iversion"    },
	{ MS_STRICTATIME, "strictatime" },
	{ MS_LAZYTIME,    "lazytime"    },
	/* clang-format on */
};

/* mount_setattr(2); the atime values are told apart by hand */
static const struct bit attr_bits[] = {
	/* clang-format off */
	{ MOUNT_ATTR_RDONLY,      "rdonly"      },
	{ MOUNT_ATTR_NOSUID,      "nosuid"      },
	{ MOUNT_ATTR_NODEV,       "nodev"       },
	{ MOUNT_ATTR_NOEXEC,      "noexec"      },
	{ MOUNT_ATTR_NOATIME,     "noatime"     },
	{ MOUNT_ATTR_STRICTATIME, "strictatime" },
	{ MOUNT_ATTR_NODIRATIME,  "nodiratime"  },
	{ MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow" },
	/* clang-format on */
};

enum { MOUNT_BITS = sizeof(mount_bits) / sizeof(*mount_bits) };
enum { ATTR_BITS = sizeof(attr_bits) / sizeof(*attr_bits) };

/* " NAME=nosuid,nodev", bits without a name in hexadecimal; nothing for 0 */
static void
add_bits(struct str *out, const char *name, const struct bit *bit, size_t n, uint32_t value)
{
	const char *between = "";

	if (value == 0)
		return;
	(void)str_add(out, " %s=", name);
	for (size_t i = 0; i < n; i++)
		if (value & bit[i].value) {
			(void)str_add(out, "%s%s", between, bit[i].name);
			between = ",";
			value &= ~bit[i].value;
		}
	if (value != 0)
		(void)str_add(out, "%s0x%x", between, value);
}

/* The whole field of access times is one word. */
static void
add_attr_clear(struct str *out, uint32_t value)
{
	bool atime = (value & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME;

	add_flag(out, atime, "attr_clear_atime");
	if (atime)
		value &= ~(uint32_t)MOUNT_ATTR__ATIME;
	add_bits(out, "attr_clear", attr_bits, ATTR_BITS, value);
}

/* -- sections ------------------------------------------------------------------------------- */

static void
add_namespaces(struct str *out, const struct plan *p)
{
	for (enum namespace ns = 0; ns < NAMESPACES; ns++) {
		const char *name = words_name(WORDS_NAMESPACE, ns);
		uint64_t flag = words_namespace_flag(ns);

		if (p->ns.join[ns]) {
			(void)str_add(out, "join %s", name);
			add_row(out, "", p->ns.join[ns]);
		}
		if (p->ns.clone_flags & flag)
			(void)str_add(out, "new %s\n", name);
		if (p->ns.late_flags & flag)
			(void)str_add(out, "new %s once in its cgroups\n", name);
	}
	if (p->ns.stage)
		(void)str_add(out, "stage\n");
	if (p->loopback_up)
		(void)str_add(out, "loopback up\n");
	add_pairs(out, "net_device", &p->spec->linux_.net_devices);
}

static void
add_idmaps(struct str *out, const char *kind, const struct spec_idmaps *maps)
{
	for (uint32_t i = 0; i < maps->n; i++)
		(void)str_add(out, "%s %u %u %u\n", kind, maps->at[i].container_id,
			maps->at[i].host_id, maps->at[i].size);
}

static void
add_maps(struct str *out, const struct plan *p)
{
	if (!p->ns.user_new)
		return;
	if (p->ns.time_offsets)
		add_row(out, "time_offsets", p->ns.time_offsets);
	if (p->ns.deny_setgroups)
		(void)str_add(out, "setgroups deny\n");
	add_idmaps(out, p->ns.newgidmap ? "newgidmap" : "gid_map", &p->spec->linux_.gid_mappings);
	add_idmaps(out, p->ns.newuidmap ? "newuidmap" : "uid_map", &p->spec->linux_.uid_mappings);
}

static void
add_unit(struct str *out, const struct plan_unit *u)
{
	if (!u->name)
		return;
	add_row(out, "unit", u->name);
	for (const struct plan_property *p = u->properties; p; p = p->next) {
		const char *text = p->text;

		(void)str_add(out, "\t%s %s", p->name, p->type);
		if (!text)
			(void)str_add(out, " %llu", (unsigned long long)p->number);
		for (uint32_t i = 0; i < p->n; i++)
			if (str_equal(p->type, "ay")) {
				(void)str_add(out, " %02x", (uint8_t)p->text[i]);
			} else {
				(void)str_add(out, " ");
				add_text(out, text);
				text = str_after(text);
			}
		(void)str_add(out, "\n");
	}
}

static void
add_cgroup(struct str *out, const struct plan *p)
{
	static const char how[][16] = {
		[PLAN_LIMIT_MUST] = "",
		[PLAN_LIMIT_IF_EXISTS] = " if_exists",
		[PLAN_LIMIT_OR_NEXT] = " or_next",
		[PLAN_LIMIT_AFTER_NEXT] = " after_next",
	};
	const struct plan_cgroup *c = &p->cgroup;

	if (!c->used) {
		(void)str_add(out, "cgroup none\n");
		return;
	}
	(void)str_add(out, "cgroup ");
	add_text(out, c->path);
	add_flag(out, c->tolerate, "tolerate");
	(void)str_add(out, "\n");
	add_unit(out, &c->unit);
	for (uint32_t i = 0; i < c->n_dirs; i++) {
		const struct plan_cgroup_dir *d = &c->dir[i];

		(void)str_add(out, "cgroup_dir %s ", d->v2 ? "v2" : d->controllers);
		add_row(out, d->mount_point, d->dir);
		if (c->owner >= 0)
			(void)str_add(out, "\towner: %u\n", (uint32_t)c->owner);
		for (uint32_t k = 0; k < d->n_device_rules; k++)
			(void)str_add(out, "\t%s: %s\n", d->device_rules[k].file,
				d->device_rules[k].value);
		for (const struct plan_limit *l = c->limits; l; l = l->next)
			if (l->dir == i)
				(void)str_add(out, "\t%s: %s%s\n", l->file, l->value, how[l->how]);
	}
	if (c->devices)
		(void)str_add(out, "device_program %u\n", c->n_devices);
	printbpf(out, c->devices, c->n_devices);
}

static void
add_rdt(struct str *out, const struct plan_rdt *r)
{
	if (!r->group)
		return;
	(void)str_add(out, "resctrl ");
	add_text(out, r->group);
	add_flag(out, r->own, "own");
	add_flag(out, r->must_exist, "must_exist");
	add_member(out, "monitor", r->monitor);
	(void)str_add(out, "\n");
	if (r->spec->l3_cache_schema)
		add_row(out, "\tschema", r->spec->l3_cache_schema);
	if (r->spec->mem_bw_schema)
		add_row(out, "\tschema", r->spec->mem_bw_schema);
	for (uint32_t i = 0; i < r->spec->schemata.n; i++)
		add_row(out, "\tschema", r->spec->schemata.at[i]);
}

static void
add_mount(struct str *out, const struct plan_mount *m)
{
	static const char kinds[][12] = {
		[PLAN_MOUNT_FILESYSTEM] = "filesystem",
		[PLAN_MOUNT_BIND] = "bind",
		[PLAN_MOUNT_REMOUNT] = "remount",
		[PLAN_MOUNT_SYMLINK] = "symlink",
		[PLAN_MOUNT_CGROUP2] = "cgroup2",
	};

	(void)str_add(out, "mount %u %s ", m->index, kinds[m->kind]);
	add_text(out, m->destination);
	add_member(out, "type", m->type);
	add_member(out, "source", m->source);
	add_bits(out, "flags", mount_bits, MOUNT_BITS, m->flags);
	add_member(out, "data", m->data);
	add_member(out, "label", m->label);
	add_bits(out, "bind_set", mount_bits, MOUNT_BITS, m->bind_set);
	add_bits(out, "bind_clear", mount_bits, MOUNT_BITS, m->bind_clear);
	add_bits(out, "attr_set", attr_bits, ATTR_BITS, m->attr_set);
	add_attr_clear(out, m->attr_clear);
	add_bits(out, "propagation", mount_bits, MOUNT_BITS, m->propagation);
	add_flag(out, m->peer, "peer");
	if (m->idmap)
		(void)str_add(out, " %s", m->idmap == PLAN_IDMAP_ALL ? "ridmap" : "idmap");
	add_flag(out, m->copy_up, "copy_up");
	add_flag(out, m->keep_mode, "keep_mode");
	add_flag(out, m->read_only_after, "read_only_after");
	add_flag(out, m->proc_or_sys, "proc_or_sys");
	add_flag(out, m->if_exists, "if_exists");
	(void)str_add(out, "\n");
	if (m->idmap && m->uid_map) {
		add_idmaps(out, "\tgid_map", m->gid_map);
		add_idmaps(out, "\tuid_map", m->uid_map);
	}
}

static void
add_devices(struct str *out, const struct plan_devices *d)
{
	if (!d->populate)
		(void)str_add(out, "dev as it is\n");
	for (uint32_t i = 0; i < d->n; i++) {
		const struct plan_device *v = &d->at[i];

		(void)str_add(out, "device ");
		add_text(out, v->path);
		(void)str_add(out, " %c", v->type);
		if (v->type != 'p')
			(void)str_add(out, " %u:%u", v->major, v->minor);
		(void)str_add(out, " %04o", v->mode);
		if (v->uid != 0 || v->gid != 0)
			(void)str_add(out, " owner=%u:%u", v->uid, v->gid);
		add_flag(out, v->is_default, "default");
		(void)str_add(out, "\n");
	}
	for (uint32_t i = 0; i < d->n_links; i++)
		(void)str_add(out, "link %s %s\n", d->link[i].path, d->link[i].target);
}

static void
add_strings(struct str *out, const char *kind, const struct strings *list)
{
	for (uint32_t i = 0; i < list->n; i++)
		add_row(out, kind, list->at[i]);
}

/* From the rootfs to the switch of roots */
static void
add_root(struct str *out, const struct plan *p)
{
	static const char modes[][8] = {
		[PLAN_ROOT_PIVOT] = "pivot",
		[PLAN_ROOT_MOVE] = "move",
		[PLAN_ROOT_CHROOT] = "chroot",
	};

	for (uint32_t i = 0; i < p->mounts.n; i++)
		add_mount(out, &p->mounts.at[i]);
	add_devices(out, &p->devices);
	add_pairs(out, "sysctl", &p->sysctl);
	if (p->spec->hostname)
		add_row(out, "hostname", p->spec->hostname);
	if (p->spec->domainname)
		add_row(out, "domainname", p->spec->domainname);
	add_strings(out, "readonly", &p->spec->linux_.readonly_paths);
	add_strings(out, "masked", &p->spec->linux_.masked_paths);
	if (p->image)
		(void)str_add(out, "image %s%s\n", p->image, p->image_idmap ? " idmap" : "");
	if (p->overlay_tmpfs)
		(void)str_add(
			out, "overlay tmpfs%s%s\n", *p->overlay_tmpfs ? " " : "", p->overlay_tmpfs);
	if (p->overlay_dir)
		add_row(out, "overlay", p->overlay_dir);
	(void)str_add(out, "root %s", modes[p->root_mode]);
	add_flag(out, p->spec->root.readonly, "readonly");
	add_bits(out, "propagation", mount_bits, MOUNT_BITS, p->root_propagation);
	(void)str_add(out, "\n");
}

static void
add_hooks(struct str *out, const struct plan *p)
{
	for (enum hook kind = 0; kind < HOOKS; kind++)
		for (uint32_t i = 0; i < p->spec->hooks.kind[kind].n; i++) {
			(void)str_add(out, "hook %s", words_name(WORDS_HOOK, kind));
			add_row(out, "", p->spec->hooks.kind[kind].at[i].path);
		}
}

static void
add_capabilities(struct str *out, const uint64_t sets[CAPABILITY_SETS])
{
	static const char names[CAPABILITY_SETS][12] = {
		[CAPABILITY_BOUNDING] = "bounding",
		[CAPABILITY_EFFECTIVE] = "effective",
		[CAPABILITY_PERMITTED] = "permitted",
		[CAPABILITY_INHERITABLE] = "inheritable",
		[CAPABILITY_AMBIENT] = "ambient",
	};

	for (enum capability_set set = 0; set < CAPABILITY_SETS; set++) {
		(void)str_add(out, "%s", names[set]);
		for (int bit = 0; bit < 64; bit++) {
			const char *name = words_name(WORDS_CAPABILITY, bit);

			if (sets[set] >> bit & 1)
				(void)str_add(out, " %s", name ? name : "?");
		}
		(void)str_add(out, "\n");
	}
}

static void
add_creds(struct str *out, const struct plan_creds *c)
{
	(void)str_add(out, "uid %u\ngid %u\n", c->uid, c->gid);
	if (c->set_groups) {
		(void)str_add(out, "groups");
		for (uint32_t i = 0; i < c->n_groups; i++)
			(void)str_add(out, " %u", c->groups[i]);
		(void)str_add(out, "\n");
	}
	if (c->keep_groups)
		(void)str_add(out, "groups of the caller\n");
	add_capabilities(out, c->capabilities);
	if (c->no_new_privileges)
		(void)str_add(out, "no_new_privileges\n");
	if (c->keep_sys_admin)
		(void)str_add(out, "CAP_SYS_ADMIN until the exec\n");
}

static void
add_init(struct str *out, const struct plan_init *i)
{
	if (!i->used)
		return;
	(void)str_add(out, "init grace=%u", i->grace);
	if (i->stop_timeout > 0)
		(void)str_add(out, " stop_timeout=%u", i->stop_timeout);
	add_flag(out, i->group, "group");
	add_flag(out, i->wait_all, "wait_all");
	(void)str_add(out, "\n");
}

static void
add_process(struct str *out, const struct plan *p)
{
	const struct spec_process *process = &p->spec->process;

	if (p->keyring)
		add_row(out, "keyring", p->keyring);
	for (uint32_t i = 0; i < process->rlimits.n; i++)
		(void)str_add(out, "rlimit %s %llu %llu\n",
			words_name(WORDS_RLIMIT, process->rlimits.at[i].resource),
			(unsigned long long)process->rlimits.at[i].soft,
			(unsigned long long)process->rlimits.at[i].hard);
	if (process->user.umask_set)
		(void)str_add(out, "umask %04o\n", process->user.umask);
	if (process->oom_score_adj_set)
		(void)str_add(out, "oom_score_adj %d\n", process->oom_score_adj);
	if (process->selinux_label)
		add_row(out, "selinux", process->selinux_label);
	if (process->apparmor_profile)
		add_row(out, "apparmor", process->apparmor_profile);
	add_creds(out, &p->creds);
	add_init(out, &p->init);
	printbpf_filter(out, &p->seccomp);
	if (process->terminal)
		(void)str_add(out, "terminal\n");
	if (p->options.preserve_fds > 0)
		(void)str_add(out, "preserve_fds %u\n", p->options.preserve_fds);
	if (process->cwd)
		add_row(out, "cwd", process->cwd);
	add_strings(out, "env", &p->env);
	if (p->home_missing)
		(void)str_add(out, "env HOME of the user\n");
	add_strings(out, "arg", &process->args);
}

int
plan_print(struct err *e, const struct plan *p, char *out, size_t size)
{
	struct str text = str_in(out, size);

	add_row(&text, "container", p->options.id);
	add_row(&text, "rootfs", p->rootfs);
	add_namespaces(&text, p);
	add_maps(&text, p);
	add_cgroup(&text, p);
	add_rdt(&text, &p->rdt);
	add_root(&text, p);
	add_hooks(&text, p);
	add_process(&text, p);
	if (text.cut)
		return fail(e, "plan: its text is longer than %zu bytes", size);
	return (int)text.len;
}
