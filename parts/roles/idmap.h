/* idmap: which ids the container's user namespace and its mounts map.
 *
 * Contract: both do their part of create in host, where the rights are: over the ids of the
 * caller's user namespace, and over the filesystems that are mounted.
 *
 * Floor: roles.  Runs in: host.
 * Spec: config-linux.md#user-namespace-mappings, config.md#mounts.
 */
#ifndef ROLES_IDMAP_H
#define ROLES_IDMAP_H

#include "roles/run.h"

/* Writes the maps of the init's new user namespace, by newuidmap(1) and newgidmap(1) where the plan
 * says so: what these complain of is the error.  Without a new one there is nothing to do. */
int idmap_init(struct err *e, struct run *r);

/* Prepares the mounts that host has to: they are in r->taken. */
int idmap_mounts(struct err *e, struct run *r);

#endif
