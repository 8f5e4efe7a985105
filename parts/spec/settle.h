/* settle: what follows from other members of the config, put in its place.
 *
 * Contract: after it the members of the plain data mean what they say; it cannot fail.
 *
 * Floor: spec (uses spec/datalinux).  Runs in: host; pure.
 * Spec: config-linux.md (devices, network devices); DV-2, DV-3, ND-1.
 */
#ifndef SPEC_SETTLE_H
#define SPEC_SETTLE_H

#include "spec/datalinux.h"

/* A fifo loses its numbers, which mean nothing to it (DV-2).  A fileMode loses the bits that say
 * the type once more: podman copies st_mode of stat(2); what says another type stays, to be refused
 * (DV-3).  A network device without a name keeps its own (ND-1). */
void settle_linux(struct spec_linux *l);

#endif
