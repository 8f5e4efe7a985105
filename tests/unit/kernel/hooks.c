/* covers: HK-1, HK-2, HK-3, HK-4, HK-5, HK-11, HK-14, HK-15 */
#include "kernel/hooks.h"
#include "base/fd.h"
#include "base/log.h"
#include "tap.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct err e;
static struct spec_hook hook[3];
static struct spec_hooks hooks;
static struct hooks_call call = {
	.hooks = &hooks, .kind = HOOK_CREATE_RUNTIME, .state = "{\"id\":\"x\"}"};
static const char *argv[3][4];
static char dir[] = "/tmp/ocirt-unit-XXXXXX";

/* Hook i is a line of shell. */
static void
shell(int i, const char *line)
{
	argv[i][0] = "sh";
	argv[i][1] = "-c";
	argv[i][2] = line;
	hook[i] = (struct spec_hook){.path = "/bin/sh", .args = {argv[i], 3, true}};
	hooks.kind[call.kind].at = hook;
	hooks.kind[call.kind].n = (uint32_t)i + 1;
}

static int
run(const char *line)
{
	e.text[0] = '\0';
	shell(0, line);
	return hooks_run(&e, &call);
}

static int64_t
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void
inputs(void)
{
	is_int(run("test \"$(cat)\" = '{\"id\":\"x\"}'"), 0, "the state comes on stdin: %s",
		e.text);
	for (int i = 0; i < 20; i++)
		if (run("exit 0") < 0 || run("exec <&-; exit 0") < 0)
			break;
	is_str(e.text, "", "a hook that does not read is welcome");
	is_int(run("for i in 3 4 5 6 7 8 9; do test ! -e /proc/$$/fd/$i || exit 1; done"), 0,
		"nothing but 0, 1 and 2: %s", e.text);
	is_int(run("test $(cut -d ' ' -f 5 /proc/$$/stat) = $$"), 0, "a group of its own: %s",
		e.text);
	signal(SIGTERM, SIG_IGN);
	is_int(run("kill -TERM $$; exit 0"), -1, "default signals");
	is_str(e.text,
		"error running createRuntime hook #0: signal 15, stdout: , stderr: ", "death");
	signal(SIGTERM, SIG_DFL);
	call.cwd = dir;
	is_int(run("test \"$(pwd)\" = \"$(cd $PWD; pwd)\" && test -n \"$PATH\""), 0, "cwd: %s",
		e.text);
	call.cwd = NULL;
}

static void
environment(void)
{
	static const char *own[] = {"A=1", NULL}, *program[] = {"B=2", NULL};
	const char *const test = "test \"$A$B\" = 1 && test -z \"$HOME\"";

	shell(0, test);
	hook[0].env = (struct strings){own, 1, true};
	is_int(hooks_run(&e, &call), 0, "its own environment: %s", e.text);
	shell(0, "test -z \"$HOME\"");
	hook[0].env = (struct strings){NULL, 0, true};
	is_int(hooks_run(&e, &call), 0, "an empty one: %s", e.text);
	call.env = program;
	call.empty_env_is_absent = true;
	shell(0, "test \"$B\" = 2 && test -z \"$HOME\"");
	hook[0].env = (struct strings){NULL, 0, true};
	is_int(hooks_run(&e, &call), 0, "the program's: %s", e.text);
	call.env = NULL;
	call.empty_env_is_absent = false;
}

static void
failures(void)
{
	char marker[64], text[64];
	int64_t begin;

	is_int(run("echo out; echo err >&2; exit 3"), -1, "exit 3");
	is_str(e.text,
		"error running createRuntime hook #0: exit status 3, stdout: out, stderr: err",
		"as runc words it");
	is_int(run("yes | head -c 20000000; exit 1"), -1, "20 MB of output");
	ok(strlen(e.text) < sizeof e.text, "%zu bytes are kept", strlen(e.text));
	hook[0] = (struct spec_hook){.path = "/nonexistent"};
	is_int(hooks_run(&e, &call), -1, "no such hook");
	is_str(e.text,
		"error running createRuntime hook #0: exec /nonexistent: no such file or directory",
		"says so");
	begin = seconds();
	shell(0, "sleep 100 & sleep 100");
	hook[0].timeout = 1;
	is_int(hooks_run(&e, &call), -1, "timeout: %s", e.text);
	ok(seconds() - begin < 3, "after a second");
	begin = seconds();
	is_int(run("sleep 30 & exit 0"), 0, "a grandchild keeps the pipes: %s", e.text);
	ok(seconds() - begin < 3, "and does not hold us up");
	snprintf(marker, sizeof marker, "echo 2 >> %s/m", dir);
	snprintf(text, sizeof text, "echo 1 >> %s/m; false", dir);
	shell(0, "true");
	shell(1, text);
	shell(2, marker);
	is_int(hooks_run(&e, &call), -1, "the second of three fails");
	ok(strncmp(e.text, "error running createRuntime hook #1: ", 37) == 0, "%s", e.text);
	snprintf(marker, sizeof marker, "%s/m", dir);
	fd_read_file(&e, AT_FDCWD, marker, text, sizeof text);
	is_str(text, "1\n", "the third does not run");
}

static void
poststop(void)
{
	char text[4096], marker[64];

	call.kind = HOOK_POSTSTOP;
	call.warn_only = true;
	snprintf(marker, sizeof marker, "touch %s/second", dir);
	shell(0, "exit 1");
	shell(1, marker);
	is_int(hooks_run(&e, &call), 0, "a failure of poststop is a warning");
	ok(log_pending(text, sizeof text) > 0 &&
			strstr(text,
				"error running poststop hook #0: poststop hook failed with exit "
				"code 1"),
		"%s", text);
	snprintf(marker, sizeof marker, "%s/second", dir);
	ok(access(marker, F_OK) == 0, "and the next one runs");
}

int
main(void)
{
	char command[64];

	if (!mkdtemp(dir))
		return 1;
	inputs();
	environment();
	failures();
	poststop();
	snprintf(command, sizeof command, "rm -rf %s", dir);
	if (system(command) != 0)
		return 1;
	return done_testing();
}
