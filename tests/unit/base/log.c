#include "base/fd.h"
#include "base/json.h"
#include "base/log.h"
#include "base/role.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/ocirt-test-XXXXXX";
static char content[65536], on_stderr[65536];
static int stderr_file, old_stderr;
static struct err e;

static void
again(const char *dest, enum log_format format, enum log_level max)
{
	is_int(truncate(path, 0) | ftruncate(stderr_file, 0), 0, "empty files");
	is_int(log_open(&e, dest, format, max), 0, "open the log: %s", e.text);
}

static void
look(void)
{
	struct err ignored;
	int fd = open(path, O_RDONLY);

	fd_read_all(&ignored, fd, content, sizeof(content), path);
	close(fd);
	lseek(stderr_file, 0, SEEK_SET);
	fd_read_all(&ignored, stderr_file, on_stderr, sizeof(on_stderr), "stderr");
}

/* Puts TIME in place of each time, which must look like one. */
static void
hide_times(char *text)
{
	char *p = text, *end;

	while ((p = strstr(p, "20"))) {
		end = p + strspn(p, "0123456789-T:.Z");
		if (end - p < 20 || end[-1] != 'Z') {
			p++;
			continue;
		}
		memmove(p + 4, end, strlen(end) + 1);
		memcpy(p, "TIME", 4);
	}
}

static void
text_records(void)
{
	again(path, LOG_TEXT, LOG_DEBUG);
	fail(&e, "a \"quoted\" \\ text\nof\ttwo \x1b[1mlines\x7f");
	log_fatal(&e);
	log_debug("pid %d", 7);
	role_enter(ROLE_INIT);
	log_debug("mount %s", "/proc");
	role_enter(ROLE_HOST);
	look();
	hide_times(content);
	is_str(content,
		"time=\"TIME\" level=error msg=\"a \\\"quoted\\\" \\\\ text\\nof\\ttwo "
		"\\x1b[1mlines\\x7f\"\n"
		"time=\"TIME\" level=debug msg=\"pid 7\"\n"
		"time=\"TIME\" level=debug msg=\"init: mount /proc\"\n",
		"text records");
	is_str(on_stderr, "a \"quoted\" \\ text\nof\ttwo \x1b[1mlines\x7f\n",
		"the error once more, bare");
}

static void
json_records(void)
{
	struct json j;

	again(path, LOG_JSON, LOG_WARNING);
	fail(&e, "container \"\xff\" does\nnot exist");
	log_debug("not wanted");
	ok(!log_wants_debug(), "no debug records");
	log_fatal(&e);
	look();
	ok(json_read(&e, &j, content, strlen(content), "log") == 0, "the record parses: %s",
		e.text);
	is_str(json_string(&j, 2), "error", "its level");
	is_str(json_string(&j, 4), "container \"\xef\xbf\xbd\" does\nnot exist", "its message");
	is_str(json_string(&j, 5), "time", "its time");
	look();
	hide_times(content);
	is_str(content,
		"{\"level\":\"error\",\"msg\":\"container \\\"\xef\xbf\xbd\\\" does\\nnot exist\","
		"\"time\":\"TIME\"}\n",
		"in the order that engines show");
}

static void
warnings(void)
{
	again(path, LOG_JSON, LOG_WARNING);
	log_warning("first %d", 1);
	log_warning("second");
	look();
	is_str(content, "", "warnings wait");
	log_flush(true);
	look();
	hide_times(content);
	is_str(content,
		"{\"level\":\"warning\",\"msg\":\"first 1\",\"time\":\"TIME\"}\n"
		"{\"level\":\"warning\",\"msg\":\"second\",\"time\":\"TIME\"}\n",
		"a command that succeeds writes them");
	is_str(on_stderr, "", "and nothing to stderr");
	again(path, LOG_JSON, LOG_WARNING);
	log_warning("lost");
	log_flush(false);
	log_flush(true);
	look();
	is_str(content, "", "one that fails drops them");
	log_warning("lost");
	fail(&e, "the reason");
	log_fatal(&e);
	look();
	hide_times(content);
	is_str(content, "{\"level\":\"error\",\"msg\":\"the reason\",\"time\":\"TIME\"}\n",
		"so that a failure is one line");
	again(path, LOG_JSON, LOG_ERROR);
	log_warning("not wanted");
	log_flush(true);
	look();
	is_str(content, "", "no warnings at level error");
}

static void
handing_over(void)
{
	char message[64], small[8];
	int lines = 0;

	again(path, LOG_TEXT, LOG_WARNING);
	is_int(log_pending(message, sizeof(message)), 0, "nothing waits");
	log_warning("one\nline");
	log_warning("two\x1e.");
	is_int(log_pending(message, sizeof(message)), 15, "two warnings as one message");
	log_flush(true);
	look();
	is_str(content, "", "they have left");
	log_adopt(message);
	log_adopt("");
	log_flush(true);
	look();
	hide_times(content);
	is_str(content,
		"time=\"TIME\" level=warning msg=\"one\\nline\"\n"
		"time=\"TIME\" level=warning msg=\"two .\"\n",
		"and arrived");
	log_warning("123456");
	log_warning("1234567");
	is_int(log_pending(small, sizeof(small)), 7, "what does not fit is dropped whole");
	again(path, LOG_TEXT, LOG_WARNING);
	for (int i = 0; i < 1000; i++)
		log_warning("%1000d", i);
	log_flush(true);
	look();
	for (char *p = content; (p = strchr(p, '\n')); p++)
		lines++;
	is_int(lines, 5, "four of 1,000 bytes are kept, and a line says what is missing");
	ok(strstr(content, "996 more warnings found no room"), "how many");
}

static void
sinks(void)
{
	static char large[3000];
	char prefixed[64];
	struct stat st;

	ok(log_fd() > 2, "a descriptor to keep");
	ok(fcntl(log_fd(), F_GETFD) & FD_CLOEXEC, "close-on-exec");
	snprintf(prefixed, sizeof(prefixed), "file:%s", path);
	again(prefixed, LOG_TEXT, LOG_WARNING);
	memset(large, '\1', sizeof(large) - 1);
	fail(&e, "%s", large);
	log_fatal(&e);
	look();
	is_int(strlen(content),
		4 * (ERR_TEXT_MAX - 1) + strlen("time=\"\" level=error msg=\"\"\n") +
			strcspn(content + 6, "\""),
		"the longest error is a whole line");
	again(NULL, LOG_TEXT, LOG_WARNING);
	is_int(log_fd(), -1, "stderr needs no descriptor");
	fail(&e, "no log");
	log_fatal(&e);
	look();
	hide_times(on_stderr);
	is_str(on_stderr, "time=\"TIME\" level=error msg=\"no log\"\n", "one record on stderr");
	is_int(log_open(&e, "/nowhere/log", LOG_TEXT, LOG_WARNING), -1, "a sink that is missing");
	is_str(e.text, "log: open /nowhere/log: no such file or directory", "is named");
	is_int(log_open(&e, "journald:web1", LOG_TEXT, LOG_WARNING),
		access("/run/systemd/journal/socket", F_OK), "journald");
	unlink(path);
	is_int(log_open(&e, path, LOG_TEXT, LOG_WARNING), 0, "a new file");
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0644, "has mode 0644");
}

int
main(void)
{
	stderr_file = memfd_create("stderr", MFD_CLOEXEC);
	old_stderr = dup(2);
	fcntl(stderr_file, F_SETFL, O_APPEND);
	dup2(stderr_file, 2);
	umask(0022);
	close(mkstemp(path));
	text_records();
	json_records();
	warnings();
	handing_over();
	sinks();
	dup2(old_stderr, 2);
	unlink(path);
	return done_testing();
}
