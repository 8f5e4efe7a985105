/* openssl: a directory in which a test has openssl make keys and signatures.
 *
 * scratch_begin() makes it and enters it, scratch_end() removes it.  shell() runs a line of sh
 * there, slurp() reads a file of it.
 */
#ifndef TESTS_UNIT_OPENSSL_H
#define TESTS_UNIT_OPENSSL_H

#include "tap.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static char scratch[] = "/tmp/ocirt-test.XXXXXX";

/* Did it end well? */
__attribute__((format(printf, 1, 2))) static inline bool
shell(const char *fmt, ...)
{
	char line[1024] = "exec 2>/dev/null; ";
	size_t n = strlen(line);
	va_list args;

	va_start(args, fmt);
	vsnprintf(line + n, sizeof line - n, fmt, args);
	va_end(args);
	fflush(stdout);
	return system(line) == 0;
}

static inline bool
scratch_begin(void)
{
	return mkdtemp(scratch) && chdir(scratch) == 0 && shell("openssl version >version");
}

static inline void
scratch_end(void)
{
	(void)!chdir("/");
	shell("rm -rf %s", scratch);
}

/* Reads at most size - 1 bytes and terminates them; returns how many, 0 when there is no file. */
static inline size_t
slurp(const char *name, void *buf, size_t size)
{
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	((char *)buf)[n < 0 ? 0 : n] = '\0';
	return n < 0 ? 0 : (size_t)n;
}

static inline void
spill(const char *name, const void *buf, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	(void)!write(fd, buf, len);
	close(fd);
}

#endif
