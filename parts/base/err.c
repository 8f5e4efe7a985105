#include "base/err.h"

#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* errno(3), in the words that Linux programs usually have for it. */
static const struct {
	int number;
	const char *text;
} words[] = {
	/* clang-format off */
	{ 0,			"success" },
	{ EPERM,		"operation not permitted" },
	{ ENOENT,		"no such file or directory" },
	{ ESRCH,		"no such process" },
	{ EINTR,		"interrupted system call" },
	{ EIO,			"input/output error" },
	{ ENXIO,		"no such device or address" },
	{ E2BIG,		"argument list too long" },
	{ ENOEXEC,		"exec format error" },
	{ EBADF,		"bad file descriptor" },
	{ ECHILD,		"no child processes" },
	{ EAGAIN,		"resource temporarily unavailable" },
	{ ENOMEM,		"cannot allocate memory" },
	{ EACCES,		"permission denied" },
	{ EFAULT,		"bad address" },
	{ ENOTBLK,		"block device required" },
	{ EBUSY,		"device or resource busy" },
	{ EEXIST,		"file exists" },
	{ EXDEV,		"invalid cross-device link" },
	{ ENODEV,		"no such device" },
	{ ENOTDIR,		"not a directory" },
	{ EISDIR,		"is a directory" },
	{ EINVAL,		"invalid argument" },
	{ ENFILE,		"too many open files in system" },
	{ EMFILE,		"too many open files" },
	{ ENOTTY,		"inappropriate ioctl for device" },
	{ ETXTBSY,		"text file busy" },
	{ EFBIG,		"file too large" },
	{ ENOSPC,		"no space left on device" },
	{ ESPIPE,		"illegal seek" },
	{ EROFS,		"read-only file system" },
	{ EMLINK,		"too many links" },
	{ EPIPE,		"broken pipe" },
	{ EDOM,			"numerical argument out of domain" },
	{ ERANGE,		"numerical result out of range" },
	{ EDEADLK,		"resource deadlock avoided" },
	{ ENAMETOOLONG,		"file name too long" },
	{ ENOLCK,		"no locks available" },
	{ ENOSYS,		"function not implemented" },
	{ ENOTEMPTY,		"directory not empty" },
	{ ELOOP,		"too many levels of symbolic links" },
	{ ENODATA,		"no data available" },
	{ ETIME,		"timer expired" },
	{ EREMOTE,		"object is remote" },
	{ ENOLINK,		"link has been severed" },
	{ EPROTO,		"protocol error" },
	{ EBADMSG,		"bad message" },
	{ EOVERFLOW,		"value too large for defined data type" },
	{ EILSEQ,		"invalid or incomplete multibyte or wide character" },
	{ EUSERS,		"too many users" },
	{ ENOTSOCK,		"socket operation on non-socket" },
	{ EDESTADDRREQ,		"destination address required" },
	{ EMSGSIZE,		"message too long" },
	{ EPROTOTYPE,		"protocol wrong type for socket" },
	{ ENOPROTOOPT,		"protocol not available" },
	{ EPROTONOSUPPORT,	"protocol not supported" },
	{ ESOCKTNOSUPPORT,	"socket type not supported" },
	{ EOPNOTSUPP,		"operation not supported" },
	{ EPFNOSUPPORT,		"protocol family not supported" },
	{ EAFNOSUPPORT,		"address family not supported by protocol" },
	{ EADDRINUSE,		"address already in use" },
	{ EADDRNOTAVAIL,	"cannot assign requested address" },
	{ ENETDOWN,		"network is down" },
	{ ENETUNREACH,		"network is unreachable" },
	{ ECONNABORTED,		"software caused connection abort" },
	{ ECONNRESET,		"connection reset by peer" },
	{ ENOBUFS,		"no buffer space available" },
	{ EISCONN,		"transport endpoint is already connected" },
	{ ENOTCONN,		"transport endpoint is not connected" },
	{ ESHUTDOWN,		"cannot send after transport endpoint shutdown" },
	{ ETIMEDOUT,		"connection timed out" },
	{ ECONNREFUSED,		"connection refused" },
	{ EHOSTDOWN,		"host is down" },
	{ EHOSTUNREACH,		"no route to host" },
	{ EALREADY,		"operation already in progress" },
	{ EINPROGRESS,		"operation now in progress" },
	{ ESTALE,		"stale file handle" },
	{ EUCLEAN,		"structure needs cleaning" },
	{ EREMOTEIO,		"remote i/o error" },
	{ EDQUOT,		"disk quota exceeded" },
	{ ENOMEDIUM,		"no medium found" },
	{ EMEDIUMTYPE,		"wrong medium type" },
	{ ECANCELED,		"operation canceled" },
	{ ENOKEY,		"required key not available" },
	{ EKEYEXPIRED,		"key has expired" },
	{ EKEYREVOKED,		"key has been revoked" },
	{ EKEYREJECTED,		"key was rejected by service" },
	{ EOWNERDEAD,		"owner died" },
	{ ENOTRECOVERABLE,	"state not recoverable" },
	{ ERFKILL,		"operation not possible due to rf-kill" },
	{ EHWPOISON,		"memory page has hardware error" },
	/* clang-format on */
};

/* The formatted text, ": " and the tail, all into e->text. Whatever is too long loses its end. */
static void __attribute__((format(printf, 2, 0)))
fill(struct err *e, const char *fmt, va_list ap, const char *tail)
{
	char text[ERR_TEXT_MAX];
	struct str s = str_in(text, sizeof(text));

	(void)str_vformat(text, sizeof(text), fmt, ap); /* cut: the tail goes */
	s.len = strlen(text);
	if (tail)
		(void)str_add(&s, ": %s", tail);
	memcpy(e->text, text, s.len + 1);
}

int
fail(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, fmt, ap, NULL);
	va_end(ap);
	e->number = 0;
	return -1;
}

int
fail_errno(struct err *e, const char *fmt, ...)
{
	int number = errno;
	va_list ap;

	va_start(ap, fmt);
	fill(e, fmt, ap, errno_text(number));
	va_end(ap);
	e->number = number;
	return -1;
}

int
context(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, fmt, ap, e->text);
	va_end(ap);
	return -1;
}

const char *
errno_text(int number)
{
	static char unknown[32];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].number == number)
			return words[i].text;
	}
	(void)str_format(unknown, sizeof(unknown), "errno %d", number); /* always fits */
	return unknown;
}
