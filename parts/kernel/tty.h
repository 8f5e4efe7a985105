/* tty: the container's terminal.
 *
 * Contract: tty_make() opens a pty of the container's own devpts and gives master and slave;
 * tty_console() binds the slave to /dev/console; tty_attach() makes it the controlling terminal and
 * descriptors 0-2; tty_send() hands a master to an engine.  Nothing is opened by a name inside the
 * container without O_NOFOLLOW and a check of what was opened.
 *
 * Floor: kernel (uses base, spec).  Runs in: init (make, console, attach, size), host (send, raw).
 * Spec: config.md#process (terminal, consoleSize), runtime-linux.md.  Kernel: pts(4),
 * ioctl_tty(2).  CVE-2025-52565.
 */
#ifndef KERNEL_TTY_H
#define KERNEL_TTY_H

#include "base/err.h"
#include "spec/view.h"

#include <termios.h>

enum { TTY_NAME_MAX = 32 };

/* Opens dev/pts/ptmx (or dev/ptmx where it is the node 5:2 of a devpts) beneath root_dir, checks
 * that it is a devpts ptmx, unlocks it, opens the peer (TIOCGPTPEER, else by number below the
 * checked directory).  Both descriptors are the caller's, close-on-exec.  `name` is the slave's
 * path as the container sees it, "/dev/pts/0".  Applies process.consoleSize and gives the slave to
 * the process's uid (mode 0620). */
int tty_make(struct err *e, const struct spec_process *process, int root_dir, int *master,
	int *slave, char name[TTY_NAME_MAX]);

/* Binds the slave onto /dev/console beneath root_dir, making the placeholder O_EXCL|O_NOFOLLOW.
 * Before the root is switched. */
int tty_console(struct err *e, int root_dir, int slave);

/* setsid(2) was called before: makes `slave` the controlling terminal and descriptors 0, 1, 2.
 * Takes `slave`: it is closed. */
int tty_attach(struct err *e, int slave);

/* Gives pipes and terminals among 0-2 to the process's user; never files or /dev/null (S19). */
void tty_own_stdio(uint32_t uid, uint32_t gid);

/* Connects to `path` and sends `fd` with `payload` in one sendmsg, then closes the connection
 * (engines.md 5.4, 5.5). */
int tty_send(struct err *e, const char *path, const char *payload, int fd);

/* Foreground: puts the terminal `fd` into raw mode and saves what it was. */
int tty_raw(struct err *e, int fd, struct termios *saved);
void tty_restore(int fd, const struct termios *saved);

/* Foreground: takes ONLCR from the master `fd`, since tty_raw() leaves line ends to the terminal
 * that the user looks at. */
void tty_no_crlf(int fd);

/* Copies the window size of `from` to `to`. */
void tty_copy_size(int from, int to);

#endif
