/* fdscope: descriptors that close themselves.
 *
 * Contract: a local marked FD_AUTO is closed on every way out of its scope unless fd_keep() took it
 * out.  Nothing here changes errno or fails.
 *
 * Floor: base (uses str).  Runs in: any process; comes along with fd.h.
 */
#ifndef BASE_FDSCOPE_H
#define BASE_FDSCOPE_H

/* Closes a local when it goes out of scope: `FD_AUTO int fd = -1;` */
#define FD_AUTO __attribute__((cleanup(fd_close)))

/* Closes *fd if it is not negative and sets it to -1. Keeps errno. */
void fd_close(int *fd);

/* Takes the descriptor out of a scoped local: returns *fd and sets it to -1. */
int fd_keep(int *fd);

/* Makes "/proc/self/fd/N". Returns its length. */
int fd_path(char buf[32], int fd);

#endif
