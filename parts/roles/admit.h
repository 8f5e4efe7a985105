/* admit: the gate before create and run, which lets in what somebody signed.
 *
 * Contract: admit() reads the policy and the config.  Where the policy asks for it the config, and
 * all that it means, are compared with the manifest of the bundle before anything else is done with
 * them; what is refused has e->number ERR_UNVERIFIED.  The other functions see to it that what is
 * used is what was compared, and do nothing where nothing was.
 *
 * Options of a caller without privilege can make the policy of /etc/ocirt/verify.json stricter, and
 * not weaker: he can name neither a weaker one nor, where it is not "off", a key of his own.
 *
 * Floor: roles (uses all floors below).  Runs in: see each function.
 * Spec: the chapter "Signed bundles" of the README.
 */
#ifndef ROLES_ADMIT_H
#define ROLES_ADMIT_H

#include "kernel/hooks.h"
#include "roles/run.h"
#include "spec/policy.h"

/* Reads and decodes the config, in the bundle, which is the working directory; fills r->config,
 * r->spec and r->verified, and adds to the annotations what was verified.  Runs in: host. */
int admit(struct err *e, struct run *r, const char *config, const char *bundle);

/* What holds since admit(). */
const struct policy *admit_policy(void);

/* The policy about an error after the bundle was verified: -1 where it is "required", else it was a
 * warning, unless we were told to end.  Runs in: host. */
int admit_settle(struct err *e);

/* Is there a link that leads nowhere?  To what is not mounted yet is not the same as nothing. */
bool admit_leads_nowhere(const char *path);

/* For `verify`: the system's policy, and its keys where none are named. */
int admit_keys(struct err *e, struct verify_keys *keys);

/* After admit_keys() and verify_manifest(): does the policy accept this key, version and time?
 * Runs in: host. */
int admit_manifest(struct err *e, const struct verified *v);

/* After the plan is made: bind mounts will be refused whose source is not what was compared.
 * Runs in: host. */
int admit_plan(struct err *e, struct run *r);

/* Writes down the version of what is about to be started, in one step and for the next power cut,
 * so that no older one follows.  Where the caller has no right to do so nothing is written.
 * Runs in: host. */
int admit_accept(struct err *e, struct run *r);

/* Is r->rootfs_dir the directory that was compared?  Runs in: init. */
int admit_root(struct err *e, struct run *r);

/* Sets call->fd to the descriptors that were compared.  Runs in: host, init. */
int admit_hooks(struct err *e, struct verified *v, const char *bundle, struct hooks_call *call);

/* Before a container is started: is the key still good that its bundle was verified with?  Where
 * `create` would have warned this is a warning.  Runs in: host. */
int admit_start(struct err *e, const struct state *s);

/* admit_hooks() for `start` and `delete`: what they run is compared again, with the manifest that
 * `create` has seen; a warning as above.  Runs in: host. */
int admit_again(struct err *e, const struct state *s, struct hooks_call *call);

#endif
