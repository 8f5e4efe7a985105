/* state.json and the specification's state document. */
#include "kernel/state.h"

#include "base/arena.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/role.h"
#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { FORMAT = 1 }; /* of our own members */

static const char file_name[] = "state.json";
static char text[STATE_JSON_MAX] BUFFER; /* what is being written */

/* -- writing ----------------------------------------------------------------------------------- */

static void
write_string(struct jsonw *w, const char *key, const char *value)
{
	jsonw_string(w, key, value ? value : "");
}

static void
write_annotations(struct jsonw *w, const struct pairs *p)
{
	jsonw_begin_object(w, "annotations");
	for (uint32_t i = 0; i < p->n; i++)
		write_string(w, p->at[i].name, p->at[i].value);
	jsonw_end_object(w);
}

/* A string made of several, escaped as one. */
static void
write_joined(struct jsonw *w, const char *key, const char *a, const char *b, const char *c)
{
	static char label[STATE_LABEL_MAX] BUFFER;
	int n = str_format(label, sizeof label, "%s%s%s", a, b, c);

	w->cut |= n < 0;
	jsonw_string(w, key, label);
}

/* runc takes the bundle from the last label that says so. */
static void
write_labels(struct jsonw *w, const struct state *s)
{
	jsonw_begin_array(w, "labels");
	for (uint32_t i = 0; i < s->annotations.n; i++) {
		const struct pair *p = &s->annotations.at[i];

		if (!str_equal(p->name, "bundle"))
			write_joined(w, NULL, p->name, "=", p->value ? p->value : "");
	}
	write_joined(w, NULL, "bundle", "=", s->bundle ? s->bundle : "");
	jsonw_end_array(w);
}

static void
write_namespaces(struct jsonw *w, const struct state *s)
{
	jsonw_begin_array(w, "namespaces");
	for (int i = 0; i < NAMESPACES; i++) {
		if (!s->namespace_listed[i])
			continue;
		jsonw_begin_object(w, NULL);
		jsonw_string(w, "type", words_namespace_runc((enum namespace)i));
		if (s->namespace_path[i])
			jsonw_string(w, "path", s->namespace_path[i]);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
}

/* What runc's loader wants: engines.md 3.8 says which member for what. */
static void
write_config(struct jsonw *w, const struct state *s)
{
	jsonw_begin_object(w, "config");
	jsonw_string(w, "version", SPEC_VERSION);
	write_string(w, "rootfs", s->rootfs);
	write_labels(w, s);
	write_namespaces(w, s);
	jsonw_begin_object(w, "cgroups");
	write_string(w, "name", s->id);
	write_string(w, "path", s->cgroup_path);
	jsonw_begin_array(w, "devices");
	jsonw_end_array(w);
	jsonw_end_object(w);
	jsonw_end_object(w);
}

/* One member a controller: "cpu,cpuacct" are two of the same path. */
static void
write_cgroup_paths(struct jsonw *w, const struct state *s)
{
	char name[NAME_MAX + 1];

	jsonw_begin_object(w, "cgroup_paths");
	for (uint32_t i = 0; i < s->n_cgroups; i++) {
		const char *at = s->cgroup[i].controllers;

		for (;;) {
			size_t len = str_until(at, ",");

			w->cut |= str_format(name, sizeof name, "%.*s", (int)len, at) < 0;
			write_string(w, name, s->cgroup[i].dir);
			if (at[len] == '\0')
				break;
			at += len + 1;
		}
	}
	jsonw_end_object(w);
}

static void
write_namespace_paths(struct jsonw *w, const struct state *s)
{
	char path[64];

	jsonw_begin_object(w, "namespace_paths");
	for (int i = 0; i < NAMESPACES && s->pid > 0; i++) {
		enum namespace ns = (enum namespace)i;

		if (!s->namespace_listed[i])
			continue;
		w->cut |= str_format(path, sizeof path, "/proc/%d/ns/%s", s->pid,
				  words_namespace_file(ns)) < 0;
		jsonw_string(w, words_namespace_runc(ns), path);
	}
	jsonw_end_object(w);
}

static void
write_own(struct jsonw *w, const struct state *s)
{
	jsonw_begin_object(w, "ocirt");
	jsonw_i64(w, "format", FORMAT);
	jsonw_bool(w, "own_pid_namespace", s->own_pid_namespace);
	jsonw_bool(w, "shared_mounts", s->shared_mounts);
	jsonw_u64(w, "mount_id", s->mount_id);
	if (s->rdt_group) {
		write_string(w, "rdt_group", s->rdt_group);
		write_string(w, "rdt_monitor", s->rdt_monitor);
		jsonw_bool(w, "rdt_own", s->rdt_own);
	}
	if (s->unit) {
		write_string(w, "manager", s->manager);
		write_string(w, "unit", s->unit);
	}
	jsonw_begin_array(w, "cgroups");
	for (uint32_t i = 0; i < s->n_cgroups; i++) {
		jsonw_begin_object(w, NULL);
		write_string(w, "controllers", s->cgroup[i].controllers);
		write_string(w, "dir", s->cgroup[i].dir);
		write_string(w, "existed", s->cgroup[i].existed);
		jsonw_end_object(w);
	}
	jsonw_end_array(w);
	jsonw_end_object(w);
}

/* For readers without ocirt; what is true is computed when it is asked for. */
static enum state_status
written_status(int dir, const struct state *s)
{
	if (s->pid == 0)
		return STATE_CREATING;
	if (state_gate_named(dir, false) || state_gate_named(dir, true))
		return STATE_CREATED;
	return STATE_RUNNING;
}

int
state_write(struct err *e, int dir, const struct state *s)
{
	struct jsonw w = jsonw_in(text, sizeof text, JSONW_COMPACT);

	IN(e, ROLE_HOST);
	jsonw_begin_object(&w, NULL);
	jsonw_string(&w, "ociVersion", SPEC_VERSION);
	write_string(&w, "id", s->id);
	jsonw_string(&w, "status", state_status_name(written_status(dir, s)));
	jsonw_i64(&w, "pid", s->pid);
	write_string(&w, "bundle", s->bundle);
	if (s->annotations.n > 0)
		write_annotations(&w, &s->annotations);
	write_string(&w, "rootfs", s->rootfs);
	jsonw_string(&w, "owner", "");
	write_string(&w, "created", s->created);
	jsonw_i64(&w, "init_process_pid", s->pid);
	jsonw_u64(&w, "init_process_start", s->start);
	write_config(&w, s);
	write_cgroup_paths(&w, s);
	write_namespace_paths(&w, s);
	write_own(&w, s);
	jsonw_end_object(&w);
	if (w.cut)
		return fail(e, "%s: larger than %d bytes (annotations count twice)", file_name,
			STATE_JSON_MAX - 1);
	return fd_replace(e, dir, file_name, 0600, text, w.len);
}

const char *
state_document(struct err *e, const struct state *s, enum state_status status, pid_t pid,
	const char *owner, int indent)
{
	struct jsonw w = jsonw_in(text, sizeof text, indent);

	jsonw_begin_object(&w, NULL);
	jsonw_string(&w, "ociVersion", SPEC_VERSION);
	write_string(&w, "id", s->id);
	jsonw_i64(&w, "pid", status == STATE_STOPPED ? 0 : pid);
	jsonw_string(&w, "status", state_status_name(status));
	write_string(&w, "bundle", s->bundle);
	write_string(&w, "rootfs", s->rootfs);
	write_string(&w, "created", s->created);
	if (s->annotations.n > 0)
		write_annotations(&w, &s->annotations);
	write_string(&w, "owner", owner);
	jsonw_end_object(&w);
	if (!w.cut)
		return text;
	(void)fail(e, "state of the container: larger than %d bytes", STATE_JSON_MAX - 1);
	return NULL;
}

const char *
state_process_document(struct err *e, const struct state *s, enum state_status status, pid_t pid,
	const char *metadata)
{
	static char all[STATE_LABEL_MAX] BUFFER;
	struct jsonw w = jsonw_in(all, sizeof all, JSONW_COMPACT);
	const char *state = state_document(e, s, status, pid, "", JSONW_COMPACT);

	if (!state)
		return NULL;
	jsonw_text(&w, "{'ociVersion':'" SPEC_VERSION "','fds':['seccompFd']");
	jsonw_i64(&w, "pid", pid);
	if (metadata)
		jsonw_string(&w, "metadata", metadata);
	jsonw_raw(&w, "state", state);
	jsonw_end_object(&w);
	if (!w.cut)
		return all;
	(void)fail(e, "container process state: larger than %d bytes", STATE_LABEL_MAX - 1);
	return NULL;
}

/* -- reading ----------------------------------------------------------------------------------- */

/* Where a reader is: one file, one object of it. */
struct reader {
	struct err *e;
	const struct json *j;
	uint32_t object;
};

static int
missing(struct reader *r, const char *name)
{
	return fail(r->e, "%s: %s: missing or of the wrong type", file_name, name);
}

static int
read_string(struct reader *r, const char *name, const char **out)
{
	int64_t at = json_find(r->j, r->object, name);

	if (at < 0 || json_type(r->j, (uint32_t)at) != JSON_STRING)
		return missing(r, name);
	*out = json_string(r->j, (uint32_t)at);
	return 0;
}

static int
read_u64(struct reader *r, const char *name, uint64_t max, uint64_t *out)
{
	int64_t at = json_find(r->j, r->object, name);

	if (at < 0 || json_u64(r->j, (uint32_t)at, out) < 0 || *out > max)
		return missing(r, name);
	return 0;
}

static int
read_bool(struct reader *r, const char *name, bool *out)
{
	int64_t at = json_find(r->j, r->object, name);
	enum json_type type = at < 0 ? JSON_NULL : json_type(r->j, (uint32_t)at);

	if (type != JSON_TRUE && type != JSON_FALSE)
		return missing(r, name);
	*out = type == JSON_TRUE;
	return 0;
}

/* The reader of a member that is an object or an array. */
static int
read_inside(struct reader *r, const char *name, enum json_type type, struct reader *in)
{
	int64_t at = json_find(r->j, r->object, name);

	if (at < 0 || json_type(r->j, (uint32_t)at) != type)
		return missing(r, name);
	*in = (struct reader){r->e, r->j, (uint32_t)at};
	return 0;
}

static int
read_annotations(struct reader *top, struct pairs *out)
{
	struct reader r;
	uint32_t at;

	if (json_find(top->j, top->object, "annotations") < 0)
		return 0;
	TRY(read_inside(top, "annotations", JSON_OBJECT, &r));
	out->n = json_count(r.j, r.object);
	out->at = arena_take(r.e, out->n, sizeof *out->at);
	if (!out->at)
		return -1;
	at = json_first(r.j, r.object);
	for (uint32_t i = 0; i < out->n; i++, at = json_next(r.j, at)) {
		if (json_type(r.j, at + 1) != JSON_STRING)
			return missing(&r, "annotations");
		out->at[i] = (struct pair){json_string(r.j, at), json_string(r.j, at + 1)};
	}
	return 0;
}

/* Which namespace runc calls "NEWNET"; -1: none. */
static int
find_namespace(const char *type)
{
	for (int i = 0; i < NAMESPACES; i++)
		if (str_equal(words_namespace_runc((enum namespace)i), type))
			return i;
	return -1;
}

static int
read_namespaces(struct reader *config, struct state *s)
{
	struct reader list, one;
	uint32_t at, n;

	TRY(read_inside(config, "namespaces", JSON_ARRAY, &list));
	n = json_count(list.j, list.object);
	at = json_first(list.j, list.object);
	for (; n > 0; n--, at = json_next(list.j, at)) {
		const char *type;
		int ns;

		one = (struct reader){list.e, list.j, at};
		TRY(read_string(&one, "type", &type));
		ns = find_namespace(type);
		if (ns < 0)
			return missing(&one, "type");
		s->namespace_listed[ns] = true;
		if (json_find(one.j, one.object, "path") >= 0)
			TRY(read_string(&one, "path", &s->namespace_path[ns]));
	}
	return 0;
}

static int
read_config(struct reader *top, struct state *s)
{
	struct reader config, cgroups;

	TRY(read_inside(top, "config", JSON_OBJECT, &config));
	TRY(read_namespaces(&config, s));
	TRY(read_inside(&config, "cgroups", JSON_OBJECT, &cgroups));
	return read_string(&cgroups, "path", &s->cgroup_path);
}

static int
read_cgroups(struct reader *own, struct state *s)
{
	struct reader list, one;
	uint32_t at, n;

	TRY(read_inside(own, "cgroups", JSON_ARRAY, &list));
	n = json_count(list.j, list.object);
	if (n > STATE_CGROUPS_MAX)
		return fail(own->e, "%s: more than %d cgroups", file_name, STATE_CGROUPS_MAX);
	at = json_first(list.j, list.object);
	for (s->n_cgroups = 0; s->n_cgroups < n; s->n_cgroups++, at = json_next(list.j, at)) {
		one = (struct reader){list.e, list.j, at};
		TRY(read_string(&one, "controllers", &s->cgroup[s->n_cgroups].controllers));
		TRY(read_string(&one, "dir", &s->cgroup[s->n_cgroups].dir));
		TRY(read_string(&one, "existed", &s->cgroup[s->n_cgroups].existed));
	}
	return 0;
}

static int
read_own(struct reader *top, struct state *s)
{
	struct reader own;
	uint64_t format;

	TRY(read_inside(top, "ocirt", JSON_OBJECT, &own));
	TRY(read_u64(&own, "format", UINT64_MAX, &format));
	if (format != FORMAT)
		return fail(own.e, "%s: format %ju is not one that this version knows", file_name,
			(uintmax_t)format);
	TRY(read_bool(&own, "own_pid_namespace", &s->own_pid_namespace));
	TRY(read_bool(&own, "shared_mounts", &s->shared_mounts));
	TRY(read_u64(&own, "mount_id", UINT64_MAX, &s->mount_id));
	if (json_find(own.j, own.object, "rdt_group") >= 0) {
		TRY(read_string(&own, "rdt_group", &s->rdt_group));
		TRY(read_string(&own, "rdt_monitor", &s->rdt_monitor));
		TRY(read_bool(&own, "rdt_own", &s->rdt_own));
	}
	if (json_find(own.j, own.object, "unit") >= 0) {
		TRY(read_string(&own, "manager", &s->manager));
		TRY(read_string(&own, "unit", &s->unit));
	}
	return read_cgroups(&own, s);
}

/* The format is looked at first: of another version nothing else is to be expected. */
static int
read_members(struct reader *top, struct state *s)
{
	uint64_t pid;

	TRY(read_own(top, s));
	TRY(read_string(top, "id", &s->id));
	TRY(read_string(top, "bundle", &s->bundle));
	TRY(read_string(top, "rootfs", &s->rootfs));
	TRY(read_string(top, "created", &s->created));
	TRY(read_u64(top, "init_process_pid", INT_MAX, &pid));
	s->pid = (pid_t)pid;
	TRY(read_u64(top, "init_process_start", UINT64_MAX, &s->start));
	TRY(read_annotations(top, &s->annotations));
	return read_config(top, s);
}

int
state_read(struct err *e, int dir, struct state *s, char *buf, size_t size)
{
	struct reader top = {.e = e};
	struct json j;
	ssize_t n;

	IN(e, ROLE_HOST);
	memset(s, 0, sizeof *s);
	n = fd_read_file(e, dir, file_name, buf, size);
	if (n < 0 && e->number == ENOENT)
		return fail(e, "container does not exist");
	TRY(n);
	TRY(json_read(e, &j, buf, (size_t)n, file_name));
	top.j = &j;
	return read_members(&top, s);
}

ssize_t
state_read_config(struct err *e, int dir, char *buf, size_t size)
{
	IN(e, ROLE_HOST);
	return fd_read_file(e, dir, "config.json", buf, size);
}
