#include "base/err.h"
#include "tap.h"

#include <ctype.h>
#include <errno.h>

static int
guarded(struct err *e, int result)
{
	TRY(result);
	return fail(e, "went on");
}

int
main(void)
{
	static char large[3 * ERR_TEXT_MAX];
	struct err e = {.number = 7};
	const char *text;

	is_int(fail(&e, "\"%s\" is not a %s", "pig", "namespace"), -1, "fail returns -1");
	is_str(e.text, "\"pig\" is not a namespace", "its text");
	is_int(e.number, 0, "its number");
	errno = EACCES;
	is_int(fail_errno(&e, "cgroup: mkdir %s", "/sys/fs/cgroup/x"), -1, "fail_errno returns -1");
	is_str(e.text, "cgroup: mkdir /sys/fs/cgroup/x: permission denied", "its text");
	is_int(e.number, EACCES, "its number");
	is_int(context(&e, "create %d", 3), -1, "context returns -1");
	is_str(e.text, "create 3: cgroup: mkdir /sys/fs/cgroup/x: permission denied", "its text");
	is_int(e.number, EACCES, "context keeps the number");

	fail(&e, "[%s]", e.text + 10);
	is_str(e.text, "[cgroup: mkdir /sys/fs/cgroup/x: permission denied]",
		"an argument in e->text");
	context(&e, "%.*s", 7, e.text);
	is_str(e.text, "[cgroup: [cgroup: mkdir /sys/fs/cgroup/x: permission denied]",
		"an argument of context in e->text");

	memset(large, 'x', sizeof(large) - 1);
	fail(&e, "%s", large);
	is_int(strlen(e.text), ERR_TEXT_MAX - 1, "a text that is too long loses its tail");
	fail(&e, "tail");
	context(&e, "%s", large);
	is_int(strlen(e.text), ERR_TEXT_MAX - 1, "so does one with context");
	ok(!strchr(e.text, ':'), "and then the old text is what goes");

	is_int(guarded(&e, -1), -1, "TRY hands a failure on");
	ok(strcmp(e.text, "went on") != 0, "at once");
	is_int(guarded(&e, 0), -1, "TRY goes on after 0");
	is_str(e.text, "went on", "to the next line");

	is_str(errno_text(ENOENT), "no such file or directory", "ENOENT");
	is_str(errno_text(EPERM), "operation not permitted", "EPERM");
	is_str(errno_text(ENOSYS), "function not implemented", "ENOSYS");
	is_str(errno_text(4095), "errno 4095", "a number nobody knows");
	is_str(errno_text(-3), "errno -3", "a negative one");
	for (int i = 1; i < 134; i++) {
		text = errno_text(i);
		if (isupper((unsigned char)*text) || !*text)
			ok(false, "errno %d: %s", i, text);
	}
	return done_testing();
}
