#include "base/fdscope.h"

#include "base/str.h"

#include <errno.h>
#include <unistd.h>

void
fd_close(int *fd)
{
	int kept = errno;

	if (*fd >= 0)
		(void)close(*fd); /* Linux frees the number whatever close(2) says */
	*fd = -1;
	errno = kept;
}

int
fd_keep(int *fd)
{
	int kept = *fd;

	*fd = -1;
	return kept;
}

int
fd_path(char buf[32], int fd)
{
	return str_format(buf, 32, "/proc/self/fd/%d", fd);
}
