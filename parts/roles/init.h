/* init: process 1 of the container, until it becomes the program.
 *
 * Contract: role_init() never returns: it carries out the plan, waits for `start` where that was
 * asked for, and executes the program; whatever fails is reported to whoever waits (host over sync,
 * start over the gate) and ends the process.
 *
 * Floor: roles.  Runs in: the process that host or stage has just cloned.
 */
#ifndef ROLES_INIT_H
#define ROLES_INIT_H

#include "roles/run.h"

_Noreturn void role_init(struct run *r);

#endif
