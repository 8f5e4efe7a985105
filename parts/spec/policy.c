#include "spec/policy.h"

#include "base/str.h"
#include "spec/fields.h"
#include "spec/manifest.h"
#include "spec/view.h"

#include <string.h>

static int
check_directory(struct err *e, const char *name, const char *path)
{
	return path && *path != '/' ? fail(e, "%s: \"%s\" is not absolute", name, path) : 0;
}

static int
read_members(struct err *e, struct policy *p, char *text, size_t len)
{
	const struct view_text t = {text, len, POLICY_FILE, true};

	TRY(view_document(e, fields_policy(), p, NULL, &t));
	TRY(check_directory(e, "keys", p->keys));
	TRY(check_directory(e, "accepted", p->accepted));
	/* One that is mistyped would revoke nothing. */
	for (uint32_t i = 0; i < p->revoked.n; i++)
		if (strlen(p->revoked.at[i]) != MANIFEST_DIGEST ||
			str_span(p->revoked.at[i], "0123456789abcdef") != MANIFEST_DIGEST)
			return fail(e, "revoked[%u]: not %d hexadecimal digits in lower case", i,
				MANIFEST_DIGEST);
	return 0;
}

int
policy_read(struct err *e, struct policy *p, char *text, size_t len)
{
	if (read_members(e, p, text, len) == 0)
		return 0;
	return str_starts(e->text, POLICY_FILE ": ") ? -1 : context(e, POLICY_FILE);
}
