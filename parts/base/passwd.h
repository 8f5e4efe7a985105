/* passwd: the users of /etc/passwd.
 *
 * Contract: the file is that of whatever root the caller has, and may be hostile: a FIFO, a device
 * or a file without end is passed over, and so is a line that is too long.
 *
 * Floor: base.  Runs in: any process.
 * Kernel: none.  Format: passwd(5).
 */
#ifndef BASE_PASSWD_H
#define BASE_PASSWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fields of "name:password:uid:gid:gecos:directory:shell". */
enum passwd_field { PASSWD_NAME = 0, PASSWD_UID = 2, PASSWD_DIRECTORY = 5 };

/* Writes the field of the first line of uid, for which it can be one (a name is not empty, a
 * directory is absolute) and fits, to `out`.  False: there is none; `out` is anything. */
bool passwd_find(uint32_t uid, enum passwd_field field, char *out, size_t size);

#endif
