/* attest: others are told what was verified, before it starts.
 *
 * Contract: attest() calls the programs of /etc/ocirt/attest.d and the one that the config names,
 * one after the other, with the verified digests on their stdin, and then extends the PCR of the
 * policy.  What refuses, or cannot be done, has e->number ERR_UNVERIFIED where the policy is
 * "required", and is a warning else; nothing was made by then.  Without verified digests nothing is
 * done.
 *
 * Floor: roles (uses all floors below).  Runs in: host.
 * Spec: the chapter "Signed bundles" of the README.
 */
#ifndef ROLES_ATTEST_H
#define ROLES_ATTEST_H

#include "roles/run.h"

/* A step of host's. */
int attest(struct err *e, struct run *r);

#endif
