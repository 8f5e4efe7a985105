/* tpm: one register of a Trusted Platform Module is extended.
 *
 * Contract: tpm_extend() makes PCR n of the SHA-256 bank SHA256(what it was || digest), through the
 * kernel's resource manager (Linux 4.12), else through the device itself.  A TPM that is not there,
 * that says no, that does not answer within 10 seconds, or that has no such PCR is an error.
 *
 * Floor: kernel (uses base).  Runs in: host.
 * Spec: TPM 2.0 Library, part 1 (16.4: a password session), part 3 (TPM2_PCR_Extend, _PCR_Read).
 */
#ifndef KERNEL_TPM_H
#define KERNEL_TPM_H

#include "base/digest.h"
#include "base/err.h"

/* pcr is below 24. */
int tpm_extend(struct err *e, uint32_t pcr, const uint8_t digest[DIGEST_SIZE]);

/* The same with a device that is open, not blocking where it can. */
int tpm_extend_at(struct err *e, int fd, uint32_t pcr, const uint8_t digest[DIGEST_SIZE]);

#endif
