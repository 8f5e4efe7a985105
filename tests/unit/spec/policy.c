#include "base/arena.h"
#include "spec/policy.h"

#include "tap.h"

static struct err e;
static struct policy p;
static char text[1024];

static int
read_text(const char *from)
{
	p = (struct policy){0};
	e.text[0] = '\0';
	snprintf(text, sizeof text, "%s", from);
	return policy_read(&e, &p, text, strlen(text));
}

static void
refused(const char *from, const char *why)
{
	is_int(read_text(from), -1, "%s", from);
	is_str(e.text, why, "why");
}

int
main(void)
{
	static const char digest[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	char long_text[256];

	is_int(read_text("{\"policy\": \"required\"}"), 0, "the least");
	is_int(p.policy, VERIFY_REQUIRED, "policy");
	ok(!p.keys && !p.accepted && p.revoked.n == 0 && !p.pcr_set, "and nothing else");
	snprintf(long_text, sizeof long_text,
		"{\"policy\": \"warn\", \"keys\": \"/k\", \"accepted\": \"/a\", \"revoked\": "
		"[\"%s\"]}",
		digest);
	is_int(read_text(long_text), 0, "all members: %s", e.text);
	is_int(p.policy, VERIFY_WARN, "policy");
	is_str(p.keys, "/k", "keys");
	is_str(p.accepted, "/a", "accepted");
	is_str(p.revoked.at[0], digest, "revoked");

	is_int(read_text("{\"policy\": \"off\", \"pcr\": 0}"), 0, "the first PCR");
	ok(p.pcr_set && p.pcr == 0, "is set");
	refused("{\"policy\": \"off\", \"pcr\": 24}",
		"/etc/ocirt/verify.json: pcr: 24 is out of range");

	refused("{}", "/etc/ocirt/verify.json: policy: missing");
	refused("{\"policy\": \"On\"}", "/etc/ocirt/verify.json: policy: \"On\" is not a policy");
	refused("{\"policy\": \"off\", \"Keys\": \"/k\"}",
		"/etc/ocirt/verify.json: Keys: not known");
	refused("{\"policy\": \"off\", \"keys\": \"k\"}",
		"/etc/ocirt/verify.json: keys: \"k\" is not absolute");
	refused("{\"policy\": \"off\", \"accepted\": \"\"}",
		"/etc/ocirt/verify.json: accepted: \"\" is not absolute");
	refused("{\"policy\": \"off\", \"revoked\": [\"0123\"]}",
		"/etc/ocirt/verify.json: revoked[0]: not 64 hexadecimal digits in lower case");
	snprintf(long_text, sizeof long_text, "{\"policy\": \"off\", \"revoked\": [\"%.63sX\"]}",
		digest);
	refused(long_text,
		"/etc/ocirt/verify.json: revoked[0]: not 64 hexadecimal digits in lower case");
	return done_testing();
}
