#include "base/der.h"

bool
der_take(struct der *from, uint8_t tag, struct der *in)
{
	const uint8_t *at = from->at;
	size_t more, len;

	if (from->len < 2 || at[0] != tag)
		return false;
	len = at[1];
	more = len > 0x80 ? len - 0x80
			  : 0; /* bytes of the length; 0x80 alone is BER's "until the end" */
	if (len == 0x80 || more > 2 || from->len < 2 + more)
		return false;
	if (more == 1)
		len = at[2];
	if (more == 2)
		len = (size_t)(at[2] << 8 | at[3]);
	if ((more == 1 && len < 0x80) || (more == 2 && len < 0x100) || len > from->len - 2 - more)
		return false;
	in->at = at + 2 + more;
	in->len = len;
	from->len -= 2 + more + len;
	from->at = in->at + len;
	return true;
}

bool
der_take_unsigned(struct der *from, struct der *in)
{
	if (!der_take(from, DER_INTEGER, in) || in->len == 0 || in->at[0] & 0x80)
		return false;
	if (in->at[0] != 0)
		return true;
	if (in->len > 1 && !(in->at[1] & 0x80))
		return false;
	in->at++;
	in->len--;
	return true;
}
