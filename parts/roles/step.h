/* step: a role is a table of steps, run in order, undone in reverse.
 *
 * Contract: steps_run() runs every row; on the first failure the undo of each row already done is
 * run, last first, and -1 is returned with that first error untouched.  The failing row's own undo
 * is not run: a step takes back what it did itself before it fails.  A row's name is written to the
 * debug log before it runs; it is not part of error texts, because engines match those.
 *
 * Floor: roles.  Runs in: whichever process owns the table.
 */
#ifndef ROLES_STEP_H
#define ROLES_STEP_H

#include "base/err.h"

#include <stddef.h>

struct run;

struct step {
	char name[20];
	int (*run)(struct err *e, struct run *r);
	void (*undo)(struct run *r); /* NULL: nothing to take back; must not fail */
};

/* Runs n rows.  Returns 0, or -1 with the first error. */
int steps_run(struct err *e, struct run *r, const struct step *row, size_t n);

/* Takes n rows back, last first: for what ends well and is undone all the same. */
void steps_undo(struct run *r, const struct step *row, size_t n);

#endif
