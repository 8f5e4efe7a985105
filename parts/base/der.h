/* der: the elements of ASN.1 in DER.
 *
 * Contract: an element is taken from the front of what is left; strict: definite lengths in their
 * shortest form, within what is left, and integers in theirs.  Whoever is done looks whether
 * something is left.
 *
 * Floor: base.  Runs in: any process; pure.
 * Spec: ITU-T X.690, section 10.
 */
#ifndef BASE_DER_H
#define BASE_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_SEQUENCE = 0x30 };

/* Bytes that are somebody else's. */
struct der {
	const uint8_t *at;
	size_t len;
};

/* Takes the next element, whose tag must be this one; *in is what it contains. Lengths up to 65535.
 */
bool der_take(struct der *from, uint8_t tag, struct der *in);

/* Takes an INTEGER that is not negative; *in is its value, big-endian, without zeros in front. */
bool der_take_unsigned(struct der *from, struct der *in);

#endif
