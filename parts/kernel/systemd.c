#include "kernel/systemd.h"

#include "base/arena.h"
#include "base/dbus.h"
#include "base/fd.h"
#include "base/role.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char object[] = "/org/freedesktop/systemd1",
		  interface[] = "org.freedesktop.systemd1.Manager";
static uint8_t out[DBUS_MAX] BUFFER;

/* The conversation with a manager: there is one at a time. */
static struct dbus talk;

static void
begin(const char *member, const char *signature)
{
	talk.out = (struct dbus_out){.at = out, .max = sizeof out};
	dbus_begin(&talk.out, ++talk.serial, object,
		*member == 'G' ? "org.freedesktop.DBus.Properties" : interface, member, signature);
}

static void
put_string(const char *text)
{
	dbus_put_string(&talk.out, text);
}

/* Is the error of that name?  The rest of it says whose. */
static bool
refused(const char *name)
{
	return str_ends(talk.in.error, name);
}

/* The answer is a job: waits until the manager says that it is over. */
static int
await_job(struct err *e)
{
	struct dbus_in *body = &talk.in.body;
	char job[128];

	if (str_format(job, sizeof job, "%s", dbus_get_string(body)) < 0)
		return fail(e, "a malformed message");
	for (;;) {
		const char *of, *result;

		TRY(dbus_receive(e, &talk));
		if (talk.in.type != DBUS_SIGNAL || !str_equal(talk.in.member, "JobRemoved") ||
			!str_equal(talk.in.signature, "uoss"))
			continue;
		(void)dbus_get(body, 4);
		of = dbus_get_string(body);
		(void)dbus_get_string(body); /* the unit */
		result = dbus_get_string(body);
		if (str_equal(of, job))
			return str_equal(result, "done")
				? 0
				: fail(e, "its job ended as \"%s\"", result);
	}
}

/* SO_PEERCRED of socket(7) gives a process that our pid namespace does not have the number 0.  Then
 * the manager knows our processes by other numbers, too: what it moved would be somebody else. */
static int
same_numbers(struct err *e)
{
	struct ucred peer = {0};
	socklen_t size = sizeof peer;

	if (getsockopt(talk.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return fail_errno(e, "SO_PEERCRED");
	return peer.pid != 0 ? 0 : fail(e, "it does not run in our pid namespace");
}

/* pid: of the process that will be talked of, 0: none. */
static int
open_talk(struct err *e, const char *manager, pid_t pid)
{
	if (dbus_connect(e, &talk, manager, SYSTEMD_MS) < 0)
		return context(e, "systemd");
	if (pid == 0 || same_numbers(e) == 0)
		return 0;
	fd_close(&talk.fd);
	return context(e, "systemd: %s", manager);
}

/* Closes it; puts in front of a failure what was asked for. */
static int
close_talk(struct err *e, int result, const char *what, const char *unit)
{
	fd_close(&talk.fd);
	return result < 0 ? context(e, "systemd: %s %s", what, unit) : 0;
}

/* -- finding ----------------------------------------------------------------------------------- */

bool
systemd_runs(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

/* The user's own directory: he is known by it, or by his session bus, whose socket is in it; %.*s
 * of a path.  The bus itself is not asked: where it is his manager is, whose socket is beside. */
static const char *
user_directory(int *len)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (dir && *dir) {
		*len = (int)strlen(dir);
		return dir;
	}
	dir = getenv("DBUS_SESSION_BUS_ADDRESS");
	if (!dir || !str_starts(dir, "unix:path="))
		return NULL;
	dir += strlen("unix:path=");
	*len = (int)str_until(dir, ",;") - (int)strlen("/bus");
	return *len > 0 && str_starts(dir + *len, "/bus") ? dir : NULL;
}

static int
find_socket(struct err *e, struct facts *f)
{
	int len = 0;
	const char *dir = user_directory(&len);

	f->manager = "/run/systemd/private";
	if (f->euid == 0 && !(f->user_namespace && dir))
		return 0;
	if (!dir || *dir != '/')
		return fail(e, "XDG_RUNTIME_DIR is not set");
	f->manager = arena_string(e, "%.*s/systemd/private", len, dir);
	return f->manager ? 0 : -1;
}

static int
ask_cgroup(struct err *e, struct facts *f)
{
	const char *path = "";

	begin("Get", "ss");
	put_string(interface);
	put_string("ControlGroup");
	TRY(dbus_call(e, &talk));
	if (str_equal(dbus_get_signature(&talk.in.body), "s"))
		path = dbus_get_string(&talk.in.body);
	f->manager_cgroup = arena_string(e, "%s", str_equal(path, "/") ? "" : path);
	return f->manager_cgroup ? 0 : -1;
}

int
systemd_find(struct err *e, struct facts *f)
{
	IN(e, ROLE_HOST);
	if (find_socket(e, f) < 0)
		return context(e, "systemd");
	TRY(open_talk(e, f->manager, 0));
	return close_talk(e, ask_cgroup(e, f), "ask", "ControlGroup");
}

/* -- units ------------------------------------------------------------------------------------- */

/* "a(ss)" are pairs of strings. */
static void
put_strings(struct dbus_out *o, const struct plan_property *p)
{
	size_t align = p->type[1] == '(' ? 8 : 4, array = dbus_put_array(o, align);
	const char *text = p->text;

	for (uint32_t i = 0; i < p->n; i++, text = str_after(text)) {
		if (align == 8 && i % 2 == 0)
			dbus_put_struct(o);
		dbus_put_string(o, text);
	}
	dbus_put_array_end(o, array, align);
}

static void
put_property(struct dbus_out *o, const struct plan_property *p)
{
	size_t array,
		size = strchr("y", *p->type) ? 1
		: strchr("nq", *p->type)     ? 2
		: strchr("xt", *p->type)     ? 8
					     : 4;

	dbus_put_struct(o);
	dbus_put_string(o, p->name);
	dbus_put_signature(o, p->type);
	if (*p->type == 's') {
		dbus_put_string(o, p->text);
	} else if (*p->type != 'a') {
		dbus_put(o, p->number, size);
	} else if (p->type[1] == 'y') {
		array = dbus_put_array(o, 1);
		for (uint32_t i = 0; i < p->n; i++)
			dbus_put(o, (uint8_t)p->text[i], 1);
		dbus_put_array_end(o, array, 1);
	} else {
		put_strings(o, p);
	}
}

static void
put_properties(struct dbus_out *o, const struct plan_unit *u, bool optional, pid_t pid)
{
	size_t array = dbus_put_array(o, 8);

	if (pid > 0) {
		dbus_put_struct(o);
		dbus_put_string(o, "PIDs");
		dbus_put_signature(o, "au");
		dbus_put(o, 4, 4); /* an array of one */
		dbus_put(o, (uint32_t)pid, 4);
	}
	for (const struct plan_property *p = u->properties; p; p = p->next)
		if (optional || !p->optional)
			put_property(o, p);
	dbus_put_array_end(o, array, 8);
}

static int
ask_start(struct err *e, const struct plan_unit *u, bool optional, pid_t pid)
{
	begin("StartTransientUnit", "ssa(sv)a(sa(sv))");
	put_string(u->name);
	put_string("replace");
	put_properties(&talk.out, u, optional, pid);
	dbus_put_array_end(&talk.out, dbus_put_array(&talk.out, 8), 8);
	return dbus_call(e, &talk);
}

static int
ask_unit(struct err *e, const char *member, const char *unit)
{
	bool stop = *member == 'S';

	begin(member, stop ? "ss" : "s");
	put_string(unit);
	if (stop)
		put_string("replace");
	return dbus_call(e, &talk);
}

static int
start(struct err *e, const struct plan_unit *u, pid_t pid)
{
	struct err ignored;
	int result = ask_start(e, u, true, pid);

	if (result < 0 && refused(".UnitExists")) {
		(void)ask_unit(&ignored, "ResetFailedUnit", u->name);
		result = ask_start(e, u, true, pid);
	}
	if (result < 0 && refused(".PropertyReadOnly"))
		result = ask_start(e, u, false, pid);
	return result < 0 ? -1 : await_job(e);
}

int
systemd_start(struct err *e, const struct plan_unit *u, pid_t pid)
{
	IN(e, ROLE_HOST);
	TRY(open_talk(e, u->manager, pid));
	return close_talk(e, start(e, u, pid), "start", u->name);
}

int
systemd_set(struct err *e, const struct plan_unit *u)
{
	int result;

	IN(e, ROLE_HOST);
	TRY(open_talk(e, u->manager, 0));
	begin("SetUnitProperties", "sba(sv)");
	put_string(u->name);
	dbus_put(&talk.out, 1, 4);
	put_properties(&talk.out, u, true, 0);
	result = dbus_call(e, &talk);
	return close_talk(e, refused(".PropertyReadOnly") ? 0 : result, "change", u->name);
}

static int
stop(struct err *e, const char *unit)
{
	struct err ignored;
	int result = ask_unit(e, "StopUnit", unit);

	if (result == 0)
		result = await_job(e);
	else if (refused(".NoSuchUnit"))
		return 0;
	(void)ask_unit(&ignored, "ResetFailedUnit", unit); /* it mostly is gone */
	return result;
}

int
systemd_stop(struct err *e, const char *manager, const char *unit)
{
	IN(e, ROLE_HOST);
	TRY(open_talk(e, manager, 0));
	return close_talk(e, stop(e, unit), "stop", unit);
}

int
systemd_attach(struct err *e, const char *manager, const char *unit, pid_t pid)
{
	IN(e, ROLE_HOST);
	TRY(open_talk(e, manager, pid));
	begin("AttachProcessesToUnit", "ssau");
	put_string(unit);
	put_string("");
	dbus_put(&talk.out, 4, 4); /* an array of one */
	dbus_put(&talk.out, (uint32_t)pid, 4);
	return close_talk(e, dbus_call(e, &talk), "attach to", unit);
}
