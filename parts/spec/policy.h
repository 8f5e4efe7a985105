/* policy: /etc/ocirt/verify.json, which says what is done about bundles that nobody signed.
 *
 * Contract: policy_read() accepts a document with the members of struct policy and nothing besides,
 * or fails with the path of the first property that is wrong.
 *
 * Floor: spec (uses base, words).  Runs in: any process; pure.
 * Spec: the chapter "Signed bundles" of the README.
 */
#ifndef SPEC_POLICY_H
#define SPEC_POLICY_H

#include "base/err.h"
#include "spec/data.h"
#include "words/words.h"

#include <stddef.h>

#define POLICY_DIR "/etc/ocirt"
#define POLICY_FILE POLICY_DIR "/verify.json"

enum { POLICY_TEXT_MAX = 65536 }; /* bytes: 900 keys can be revoked */

struct policy {
	int policy;		/* enum verify_policy */
	const char *keys;	/* directory of *.pem, absolute; NULL: the default */
	const char *accepted;	/* directory of the versions that were accepted; likewise */
	struct strings revoked; /* keys, by public_key_id() */
	uint32_t pcr;		/* of the TPM: extended with what starts */
	bool pcr_set;
};

/* Reads len bytes of text, which is written to and must outlive p. */
int policy_read(struct err *e, struct policy *p, char *text, size_t len);

#endif
