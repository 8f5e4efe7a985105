#include "base/passwd.h"

#include "base/fd.h"
#include "base/lines.h"
#include "base/str.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_MAX = 1 << 20, /* bytes; a larger file is not read */
	LINES_MAX = 1 << 16,
	LINE_MAX = 2048, /* bytes */
};

static const char *
field_of(const char *line, enum passwd_field n, size_t *len)
{
	for (int i = 0; i < (int)n; i++) {
		line = strchr(line, ':');
		if (!line)
			return NULL;
		line++;
	}
	*len = str_until(line, ":");
	return line;
}

static int
open_file(void)
{
	FD_AUTO int fd =
		openat(AT_FDCWD, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return -1;
	return fd_keep(&fd);
}

bool
passwd_find(uint32_t uid, enum passwd_field field, char *out, size_t size)
{
	FD_AUTO int fd = open_file();
	char buf[LINE_MAX];
	struct lines l = lines_in(fd, buf, sizeof buf);

	for (int i = 0; fd >= 0 && i < LINES_MAX; i++) {
		const char *line = lines_next(&l), *at;
		uint64_t number;
		size_t len = 0;

		if (!line)
			break;
		at = field_of(line, PASSWD_UID, &len);
		if (!at || str_u64_n(at, len, &number) < 0 || number != uid)
			continue;
		at = field_of(line, field, &len);
		if (!at || len == 0 || (field == PASSWD_DIRECTORY && *at != '/'))
			continue;
		if (str_format(out, size, "%.*s", (int)len, at) > 0)
			return true;
	}
	return false;
}
